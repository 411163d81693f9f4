"""Programs on the fake driver: what the tests of the PyCUDA path share."""
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
FOLDER = Path(os.environ.get("MINITF_FAKE_GPU") or Path(sys.prefix) / "fake_gpu")
sys.path.insert(0, str(HERE / "fake_driver"))
import build                                                  # noqa: E402

needs_pycuda = pytest.mark.skipif(not build.is_built(FOLDER), reason=f"PyCUDA is not in {FOLDER}: make fake-gpu builds it")
not_swapped = pytest.mark.skipif(bool(os.environ.get("MINITF_SWAP")), reason="runs once: no function of the course is on this path")


def environment(**more):
    """Of a process that has two fake GPUs with 256 MiB each."""
    build.driver(FOLDER)
    return {**os.environ, "LD_LIBRARY_PATH": f"{FOLDER / 'lib'}:{os.environ.get('LD_LIBRARY_PATH', '')}", "PATH": f"{FOLDER / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": f"{FOLDER / 'site'}:{ROOT}", "FAKE_GPUS": "2", "FAKE_GPU_MEMORY": str(1 << 28), "FAKE_GPU_ORDER": "lazy",
            "MINITF_GPU": "real", "OMP_NUM_THREADS": "1", **more}


def python(*arguments, timeout=550, **more):
    """(exit status, output) of a Python on the fake driver."""
    done = subprocess.run([sys.executable, *map(str, arguments)], env=environment(**more), cwd=ROOT, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout)
    return done.returncode, done.stdout


def passes(file, order, **more):
    """The tests of a file of fake_driver/, in a process of their own, whose failures are shown."""
    status, output = python("-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", HERE / "fake_driver" / file, FAKE_GPU_ORDER=order, **more)
    assert status == 0, output[-6000:]
    assert " passed" in output
