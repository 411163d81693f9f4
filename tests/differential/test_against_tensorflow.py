"""500 random programs on the real TensorFlow (tf.compat.v1) and on minitf: the same values, gradients, static shapes and classes of errors.

TensorFlow runs in a process of its own, under this Python if it is installed there, else under that of .venv-bench (`make bench-peers`).
"""
import collections
import importlib.util
import json
import os
import pathlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

import minitf as tf

from . import programs

ROOT = pathlib.Path(__file__).parents[2]
COUNT = 500


def tensorflow_python():
    """A Python that has TensorFlow, or None."""
    if importlib.util.find_spec("tensorflow") is not None:
        return sys.executable
    candidates = [os.environ.get("MINITF_TENSORFLOW_PYTHON", ""), str(ROOT / ".venv-bench" / "bin" / "python")]
    return next((c for c in candidates if c and os.access(c, os.X_OK)), None)


PYTHON = tensorflow_python()


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """(programs, what TensorFlow did, what minitf did)."""
    folder, drawn = tmp_path_factory.mktemp("programs"), programs.make(COUNT)
    (folder / "programs.json").write_text(json.dumps(drawn))
    subprocess.run([PYTHON, programs.__file__, "tensorflow", str(folder / "programs.json"), str(folder / "results.pkl")],
                   check=True, timeout=900, capture_output=True, env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0", "CUDA_VISIBLE_DEVICES": ""})
    return drawn, pickle.loads((folder / "results.pkl").read_bytes()), [programs.run(tf, p) for p in drawn]


def is_error(value):
    return isinstance(value, tuple)


def at_least_as_precise(ours, theirs):
    if theirs is None:
        return True
    return ours is not None and len(ours) == len(theirs) and all(t is None or o == t for o, t in zip(ours, theirs))


def same_value(ours, theirs, tolerance=None):
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        return False
    if ours.dtype.kind != "f":
        return np.array_equal(ours, theirs)
    tolerance = tolerance or (2e-4 if ours.dtype == np.float32 else 1e-8)
    return np.allclose(ours, theirs, rtol=tolerance, atol=tolerance, equal_nan=True)


def differences(program, theirs, ours):
    """What is not as in TensorFlow: (kind, step number or None, description)."""
    found, suspects = [], set()                          # suspects: steps that fail, or whose inputs differ already
    tolerance = 2e-4 if any("float32" in t for t in ours[0]) else None
    for k, (step, a, b) in enumerate(zip(program, theirs[0], ours[0])):
        used = {x["t"] for x in _leaves(step["args"]) if isinstance(x, dict)}
        if "not made" in (a[0], b[0]) or used & suspects:
            suspects.add(k)
            continue
        if a[0] != b[0]:
            late = theirs[1][k] if b[0] == "error" else ours[1][k]
            if not is_error(late):                       # one sees it while the graph is built, the other in the run
                found.append(("error", k, f"tensorflow {a}, minitf {b}"))
            suspects.add(k)
        elif a[0] == "error":
            if a[1] != b[1]:
                found.append(("error class", k, f"tensorflow {a[1:]}, minitf {b[1:]}"))
        else:
            if a[1] != b[1] or not at_least_as_precise(b[2], a[2]):
                found.append(("static shape", k, f"tensorflow {a[1:]}, minitf {b[1:]}"))
            v, w = theirs[1][k], ours[1][k]
            if is_error(v) or is_error(w):
                if not (is_error(v) and is_error(w) and v[1] == w[1]):
                    found.append(("run-time error", k, f"tensorflow {v}, minitf {w}"))
                suspects.add(k)
            elif not same_value(w, v, tolerance):
                found.append(("value", k, f"tensorflow {v!r}, minitf {w!r}"))
                suspects.add(k)
    if suspects:
        return found                                     # the loss is not made of the same tensors, or can not be computed
    if theirs[0][len(program):] or ours[0][len(program):]:
        if [t[1] for t in theirs[0][len(program):]] != [t[1] for t in ours[0][len(program):]]:
            found.append(("gradient error", None, f"tensorflow {theirs[0][len(program):]}, minitf {ours[0][len(program):]}"))
    else:
        for k, (v, w) in enumerate(zip(theirs[2], ours[2])):
            if (v is None) != (w is None) or v is not None and (is_error(v) != is_error(w) or not is_error(v) and not same_value(w, v, tolerance)):
                found.append(("gradient", k, f"tensorflow {v!r}, minitf {w!r}"))
    return found


def _leaves(args):
    for a in args:
        if isinstance(a, list):
            yield from _leaves(a)
        else:
            yield a


@pytest.mark.skipif(PYTHON is None, reason="TensorFlow is not installed: make bench-peers")
@pytest.mark.timeout(1200)
def test_they_do_the_same(both):
    counts, shown = collections.Counter(), []
    for number, (program, theirs, ours) in enumerate(zip(*both)):
        for kind, k, description in differences(program, theirs, ours):
            counts[kind] += 1
            step = f"{program[k]['op']}{program[k]['args']} {program[k]['kwargs']}" if k is not None and kind != "gradient" else f"input {k}"
            shown.append(f"program {number}, step {k}, {kind}: {step}: {description}")
    assert not counts, f"{dict(counts)}\n" + "\n".join(shown[:40])


@pytest.mark.skipif(PYTHON is None, reason="TensorFlow is not installed: make bench-peers")
@pytest.mark.timeout(1200)
def test_the_programs_are_worth_running(both):
    made = [told for _, results, _ in zip(*both) for told in results[0]]
    fraction = sum(t[0] == "shape" for t in made) / len(made)
    assert fraction > .8
    assert sum(t[0] == "error" for t in made) > 100
    assert sum(len(results[2]) for results in both[1]) > 500
