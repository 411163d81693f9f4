"""The talk's model on the real digits, as `make demo` runs it.  `make test` has fetched the digits before."""
import importlib.util
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from minitf.datasets import data_folder

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "mnist_model.py"


@pytest.fixture(autouse=True)
def digits_are_here():
    if not list((data_folder() / "mnist").glob("train-images-idx3-ubyte*")):
        pytest.fail(f"no MNIST in {data_folder() / 'mnist'}: run `make data`, or python -m minitf.datasets", pytrace=False)


def start(*arguments, **options):
    return subprocess.Popen([sys.executable, str(EXAMPLE), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, env=dict(os.environ, PYTHONPATH=str(ROOT)), **options)


def accuracy_in(output):
    found = re.search(r"test accuracy (\d+\.\d+)%", output)
    assert found, output
    return float(found.group(1)) / 100


def is_picture(path):
    return path.exists() and path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" and path.stat().st_size > 10_000


def test_the_demo_reaches_its_accuracy_and_draws(tmp_path):
    process = start("--output", tmp_path / "pictures")
    output, _ = process.communicate(timeout=250)
    assert process.returncode == 0, output
    assert accuracy_in(output) >= 0.975
    assert "step" in output and "100%" in output                     # the bar
    for name in ("loss.png", "digits.png"):
        assert name in output and is_picture(tmp_path / "pictures" / name)


def test_a_seed_decides_the_result(tmp_path):
    spec = importlib.util.spec_from_file_location("mnist_model", EXAMPLE)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)

    def losses(seed):
        digits = example.mnist(one_hot=True, seed=seed)
        with example.tf.Graph().as_default(), example.tf.Session() as sess:
            example.tf.set_random_seed(seed)
            model = example.MnistModel(20)
            sess.run(example.tf.global_variables_initializer())
            return example.train(sess, model, digits, epochs=1, batch_size=1000, learning_rate=0.002)
    first = losses(1)
    assert len(first) == 55 and first[-1] < first[0]
    assert first == losses(1)
    assert first != losses(2)


def test_ctrl_c_keeps_what_was_learned(tmp_path):
    process = start("--epochs", 1000, "--output", tmp_path)
    seen, deadline = "", time.monotonic() + 100
    while "step/s" not in seen and time.monotonic() < deadline:      # the bar moves: training has begun
        seen += process.stdout.read(1)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, seen + output
    assert "Stopped" in output and "Traceback" not in output
    assert accuracy_in(output) > 0.5
    assert is_picture(tmp_path / "loss.png") and is_picture(tmp_path / "digits.png")
