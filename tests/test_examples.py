"""Each example runs as a program of its own, from another folder, with a few steps, and its result is right.  (mnist_model: test_demo.py.)"""
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import minitf as tf
from minitf.datasets import data_folder

ROOT = Path(__file__).resolve().parent.parent
DIGITS = pytest.mark.usefixtures("digits_are_here")


@pytest.fixture
def digits_are_here():
    if not list((data_folder() / "mnist").glob("train-images-idx3-ubyte*")):
        pytest.fail(f"no MNIST in {data_folder() / 'mnist'}: run `make data`, or python -m minitf.datasets", pytrace=False)


@pytest.fixture
def run(tmp_path):
    def run(name, *arguments):
        """What the example prints."""
        process = subprocess.run([sys.executable, ROOT / "examples" / name, *map(str, arguments)], cwd=tmp_path, text=True, timeout=100,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(os.environ, PYTHONPATH=str(ROOT)))
        assert process.returncode == 0, process.stdout
        return process.stdout
    return run


def numbers(pattern, output):
    found = re.search(pattern, output)
    assert found, output
    return [float(group) for group in found.groups()]


@DIGITS
def test_softmax_regression(run):
    output = run("mnist_softmax.py", "--steps", 600)
    assert numbers(r"test accuracy (\S+)%", output)[0] >= 90 and "600/600" in output


@DIGITS
def test_convolutional_network(run):
    output = run("mnist_deep.py", "--steps", 60, "--learning-rate", 0.002, "--test-digits", 1000)
    assert numbers(r"test accuracy (\S+)%", output)[0] >= 85 and "60/60" in output


@DIGITS
def test_summaries_and_checkpoints(run, tmp_path):
    """A second run goes on where the first one stopped, and adds to what TensorBoard shows."""
    output = run("fully_connected_feed.py", "--steps", 400, "--log-dir", "logs")
    assert numbers(r"test accuracy (\S+)%", output)[0] >= 85 and "going on" not in output and "step   400" in output
    again = run("fully_connected_feed.py", "--steps", 600, "--log-dir", "logs")
    assert "going on from" in again and "step   400" not in again and "step   600" in again
    steps = {event.step for path in sorted((tmp_path / "logs").glob("events.out.tfevents.*")) for event in tf.train.summary_iterator(str(path))
             if event.HasField("summary")}
    assert steps == {100, 200, 300, 400, 500, 600}
    nothing_left = run("fully_connected_feed.py", "--steps", 600, "--log-dir", "logs")
    assert numbers(r"test accuracy (\S+)%", nothing_left) == numbers(r"test accuracy (\S+)%", again)


def test_linear_regression(run):
    output = run("linear_regression.py")
    slope, intercept = numbers(r"step  200: y = (\S+) x \+ (\S+),", output)
    best_slope, best_intercept = numbers(r"least squares: y = (\S+) x \+ (\S+)", output)
    assert abs(slope - best_slope) < 2e-3 and abs(intercept - best_intercept) < 1e-3
    assert abs(best_slope - 0.1) < 0.02 and abs(best_intercept - 0.3) < 0.02


def test_logistic_regression(run):
    found, best = numbers(r"test accuracy (\S+)%, with the best border (\S+)%", run("logistic_regression.py", "--steps", 200))
    assert best > 90 and abs(best - found) < 0.5


def test_power_method(run):
    output = run("power_method.py")
    found, = numbers(r"step  30: (\S+),", output)
    exact, = numbers(r"eigvalsh: (\S+);", output)
    assert abs(found - exact) < 1e-6 * exact
    ratio, expected = numbers(r"step  10: \S+, error \S+, (\S+) of the one before", output)[0], numbers(r"\^2 = (\S+)", output)[0]
    assert abs(ratio - expected) < 0.1 * expected


def test_xtwx(run):
    output = run("xtwx.py")
    for name, symmetric in (("any W", False), ("a symmetric W", True)):
        from_sum, from_double = numbers(rf"{name}: the gradient differs from \(W \+ W'\)x by (\S+), from 2 W x by (\S+)", output)
        assert from_sum < 1e-12 and (from_double < 1e-12) == symmetric
    assert "MatMul" in output


def test_draw_graph(run, tmp_path):
    """It draws README's picture, to the byte."""
    assert "drawn in graph.svg" in run("draw_graph.py")
    assert (tmp_path / "graph.svg").read_bytes() == (ROOT / "chapters" / "pictures" / "readme.svg").read_bytes()
    run("draw_graph.py", "--all", "--direction", "up", "--output", "all.svg")
    assert (tmp_path / "all.svg").read_text().count("<rect") > (tmp_path / "graph.svg").read_text().count("<rect")


def test_adding_problem(run):
    """Over 30 steps, of five seeds each: the GRU was done after 163 to 186 updates, and after 500 the plain cell's error was 0.12 to 0.17."""
    output = run("adding_problem.py", "--steps", 30, "--cells", "rnn,gru", "--updates", 500)
    assert numbers(r"gru: +(\d+)", output)[0] < 400
    assert numbers(r"rnn:  no \((\S+)\)", output)[0] > 0.05


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_help(path, capsys):
    """What it is, how to call it, and its options' defaults; every example is met here without being named."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    with pytest.raises(SystemExit):
        example.main(["--help"])
    output = capsys.readouterr().out
    assert f"python examples/{path.name}" in output and "default" in output
