"""Programs in the style of their time run whole, as scripts, with `import minitf.v0 as tf` for their import line."""
import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]


def output_of(name, tmp_path, *arguments):
    command = [sys.executable, str(pathlib.Path(__file__).parent / "programs" / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    return done.stdout


def numbers(text):
    return [float(n) for n in re.findall(r"[-+]?\d*\.?\d+(?:[eE][-+]?\d+)?", text)]


def test_softmax_regression(tmp_path):
    assert numbers(output_of("softmax_regression.py", tmp_path))[0] > .95


def test_a_network_in_functions(tmp_path):
    correct, _, step = numbers(output_of("fully_connected.py", tmp_path, "--max_steps=80", "--train_dir", "logs"))
    assert correct > 80 and step == 80
    assert {p.name.split(".")[0] for p in (tmp_path / "logs").iterdir()} >= {"checkpoint", "checkpoint-79", "events"}


def test_the_mandelbrot_set(tmp_path):
    agrees, inside = numbers(output_of("mandelbrot.py", tmp_path))
    assert agrees > .999 and .1 < inside < .3


def test_word_vectors(tmp_path):
    pairs, loss, difference = numbers(output_of("skip_gram.py", tmp_path))
    assert pairs > .9 and loss < 1.2 and difference < 1e-5


def test_an_unrolled_lstm(tmp_path):
    text = output_of("unrolled_lstm.py", tmp_path).splitlines()
    cost, difference, batch, width = numbers(text[0])
    assert cost < .6 and difference == 0 and (batch, width) == (20, 96)
    assert eval(text[1]) == [f"model/{name}" for name in (
        *(f"RNN/MultiRNNCell/Cell{i}/BasicLSTMCell/Linear/{w}" for i in (0, 1) for w in ("Bias", "Matrix")), "embedding", "softmax_b", "softmax_w")]


@pytest.mark.parametrize("program", sorted((pathlib.Path(__file__).parent / "programs").glob("*.py")), ids=lambda p: p.stem)
def test_only_the_import_line_tells_that_it_is_minitf(program):
    lines = [line for line in program.read_text().splitlines() if "minitf" in line]
    assert lines == ["import minitf.v0 as tf"]
