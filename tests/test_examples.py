"""Each example runs as a program of its own, from another folder, with a few steps, and its result is right.  (mnist_model: test_demo.py.)"""
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minitf as tf
import minitf.datasets.mnist  # noqa: F401: the module; minitf.datasets.mnist is the function
from minitf.datasets import data_folder
from session.graphs import devices, plans
from session.plan_oracle import makespan

mnist_module = sys.modules["minitf.datasets.mnist"]
ROOT = Path(__file__).resolve().parent.parent
DIGITS = pytest.mark.usefixtures("digits_are_here")


@pytest.fixture
def digits_are_here():
    if not list((data_folder() / "mnist").glob("train-images-idx3-ubyte*")):
        pytest.fail(f"no MNIST in {data_folder() / 'mnist'}: run `make data`, or python -m minitf.datasets", pytrace=False)


PLAYS = pytest.mark.usefixtures("plays_are_here")


@pytest.fixture
def plays_are_here():
    if not (data_folder() / "shakespeare" / "train.txt").exists():
        pytest.fail(f"no plays in {data_folder() / 'shakespeare'}: run `make data`, or python -m minitf.datasets", pytrace=False)


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
@pytest.mark.parametrize("options", [[], ["--chunk", 64, "--threads", 3], ["--feed"]], ids=["one digit at a time", "chunks", "feed"])
def test_input_pipeline(run, options):
    """Every digit comes as often as there are epochs, whatever the way, and the queues teach what the feed teaches."""
    output = run("input_pipeline.py", "--digits", 2000, "--epochs", 3, *options)
    assert "6,000 digits in" in output and "6000/6000" in output and numbers(r"test accuracy (\S+)%", output)[0] >= 80


@DIGITS
def test_convolutional_network(run):
    output = run("mnist_deep.py", "--steps", 60, "--learning-rate", 0.002, "--test-digits", 1000)
    assert numbers(r"test accuracy (\S+)%", output)[0] >= 85 and "60/60" in output


# Test accuracy after 80 steps, over seeds 1 to 5: 85.9 to 89.0 %, and 78.9 to 92.3 %.
@DIGITS
@pytest.mark.parametrize("name, least", [("lenet.py", 80), ("cifar_convnet.py", 70)])
def test_classifiers_of_images(run, tmp_path, name, least):
    """Trained in one go, or interrupted between the epochs: the same numbers to the last bit, and every file that was promised."""
    size = ["--images", 2560, "--epochs", 2, "--data", small_digits(tmp_path)]
    whole = run(name, "--folder", "whole", *size)
    assert numbers(r"test accuracy (\S+)%", whole)[0] >= least and "40/40" in whole
    first = run(name, "--folder", "parts", *size, "--stop", 1)
    second = run(name, "--folder", "parts", *size)
    assert "epoch 1:" in first and "epoch 2:" not in first and "going on from" in second and "epoch 1:" not in second
    assert whole.splitlines()[-1] == second.splitlines()[-1]
    one, other = (tf.train.load_checkpoint(tf.train.latest_checkpoint(str(tmp_path / folder))) for folder in ("whole", "parts"))
    assert all(np.array_equal(one.get_tensor(key), other.get_tensor(key)) for key in one.get_variable_to_shape_map())
    assert {"curves.png", "misread.png", "history.json"} <= {path.name for path in (tmp_path / "parts").iterdir()}
    assert list((tmp_path / "parts").glob("events.out.tfevents.*"))


@DIGITS
def test_towers(run, tmp_path):
    """Two towers learn, and go on from what they have learnt."""
    size = ["--images", 1280, "--epochs", 2, "--data", small_digits(tmp_path), "--batch-size", 32, "--folder", "towers"]
    first = run("multi_tower.py", *size, "--stop", 1)
    second = run("multi_tower.py", *size)
    assert "20/20" in first and "epoch 1: loss" in first and "epoch 1:" not in second
    assert "going on from" in second and numbers(r"test accuracy (\S+)%", second)[0] >= 40
    assert {"curves.png", "misread.png", "history.json"} <= {path.name for path in (tmp_path / "towers").iterdir()}
    assert list((tmp_path / "towers").glob("events.out.tfevents.*"))


@pytest.mark.parametrize("towers", [2, 3])
def test_towers_do_what_one_does_with_all_of_the_batch(towers, monkeypatch):
    """With the colours of a test, which no random number decides: the same variables after some steps, up to rounding."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    example = importlib.import_module("multi_tower")
    random, found = np.random.RandomState(0), []
    digits, labels = random.rand(12, 784).astype(np.float32), random.randint(0, 10, 12)
    for count in (1, towers):
        options = type("Options", (), dict(towers=count, learning_rate=0.02))
        with tf.Graph().as_default():
            tf.set_random_seed(3)
            model = example.Towers(example.network, options, 100)
            assert {v.device for v in tf.trainable_variables()} == {"/device:CPU:0"}
            with tf.Session(config=tf.ConfigProto(device_count={"CPU": count + 1})) as sess:
                sess.run(tf.global_variables_initializer())
                losses = [sess.run([model.loss, model.train], {model.images: digits, model.labels: labels})[0] for _ in range(3)]
                found.append((losses, sess.run(tf.trainable_variables()), sess.run(model.read, {model.images: digits})))
                used = {d.device for d in traced(sess, [model.loss, model.train], {model.images: digits, model.labels: labels}).dev_stats}
                assert len(used) == count + 1
    (losses, variables, read), others = found[0], found[1]
    np.testing.assert_allclose(losses, others[0], rtol=2e-6)
    for one, many in zip(variables, others[1]):
        np.testing.assert_allclose(one, many, rtol=1e-4, atol=2e-6)
    assert losses[2] < losses[0] and read.shape == (12,) and np.array_equal(read, others[2])


def traced(sess, fetches, feed):
    """The StepStats of a step."""
    metadata = tf.RunMetadata()
    sess.run(fetches, feed, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=metadata)
    return metadata.step_stats


def small_digits(folder):
    """A folder with MNIST's four files, of fewer digits: 5,000 for validation, 5,000 to train on, 1,000 to test."""
    files = mnist_module.read_files(data_folder() / "mnist")
    for (name, content), count in zip(files.items(), (10_000, 10_000, 1000, 1000)):
        (folder / name).write_bytes(mnist_module.format_idx(mnist_module.parse_idx(content)[:count]))
    return folder


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


def reports_of(folder):
    """history.json, and the same from the event files: {step: {tag: value}}."""
    events = {}
    for path in sorted(folder.glob("events.out.tfevents.*")):
        for event in tf.train.summary_iterator(str(path)):
            for value in event.summary.value:
                events.setdefault(event.step, {})[value.tag.partition("/")[2]] = value.simple_value
    return json.loads((folder / "history.json").read_text()), events


@PLAYS
def test_character_model(run, tmp_path):
    """Five seeds gave 3.00 to 3.06 bits for the validation plays.  An interrupted run gives the numbers of the other, bit for bit."""
    options = ("--steps", 300, "--report", 100, "--characters", 150000, "--hidden", 64, "--embedding", 32, "--batch-size", 32, "--unroll", 32,
               "--learning-rate", 0.02)
    output = run("char_rnn.py", *options, "--folder", "whole")
    test, valid, n_gram = numbers(r"test (\S+), validation (\S+) \(6-gram, Witten-Bell (\S+)\)", output)
    assert valid < 3.2 and abs(test - valid) < 0.2 and abs(n_gram - 3.02) < 0.01 and "300/300" in output and "bits a character" in output
    run("char_rnn.py", *options, "--folder", "parts", "--stop", 150)
    assert [step for step, _, _ in reports_of(tmp_path / "parts")[0]] == [100]
    assert run("char_rnn.py", *options, "--folder", "parts").splitlines()[-1] == output.splitlines()[-1]
    for folder in ("whole", "parts"):
        history, events = reports_of(tmp_path / folder)
        assert history == reports_of(tmp_path / "whole")[0] and [step for step, _, _ in history] == [100, 200, 300]
        assert {step: {"train": pytest.approx(train), "valid": pytest.approx(valid)} for step, train, valid in history} == events
        assert (tmp_path / folder / "bits.png").read_bytes().startswith(b"\x89PNG")
    sizes = ("--hidden", 64, "--embedding", 32, "--sample", 60, "--prime", "Macbeth:", "--folder")
    text = run("char_rnn.py", *sizes, "whole")
    assert text.startswith("Macbeth:") and len(text) == 8 + 60 + 1 and text == run("char_rnn.py", *sizes, "parts")
    assert text != run("char_rnn.py", *sizes, "whole", "--temperature", 2.0)


@PLAYS
def test_deep_lstm(run, tmp_path):
    """A layer on each of three devices, all on one, or three devices that share a thread: the same numbers.  The step that is drawn ran on all devices."""
    options = ("--layers", 3, "--hidden", 32, "--unroll", 8, "--batch-size", 8, "--steps", 60, "--report", 20, "--characters", 20000)
    whole = run("deep_lstm.py", *options, "--folder", "whole")
    bits, = numbers(r"(\S+) bits a character over", whole)
    assert bits < 5 and "60/60" in whole
    assert numbers(r"(\S+) bits a character over", run("deep_lstm.py", *options, "--folder", "one", "--devices", 1)) == [bits]
    run("deep_lstm.py", *options, "--folder", "parts", "--threads", 1, "--stop", 30)
    assert "going on from" in run("deep_lstm.py", *options, "--folder", "parts", "--threads", 1)
    one, other = (tf.train.load_checkpoint(tf.train.latest_checkpoint(str(tmp_path / folder))) for folder in ("whole", "parts"))
    assert all(np.array_equal(one.get_tensor(key), other.get_tensor(key)) for key in one.get_variable_to_shape_map())
    for folder, count in (("whole", 3), ("one", 1)):
        events = json.loads((tmp_path / folder / "timeline.json").read_text())["traceEvents"]
        named = {e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "process_name"}
        assert all(any(f"CPU:{i}" in name for name in named) == (i < count) for i in range(3)), named
        assert "<svg" in (tmp_path / folder / "timeline.svg").read_text()[:200]
    steps = {event.step for path in (tmp_path / "whole").glob("events.out.tfevents.*") for event in tf.train.summary_iterator(str(path)) if event.summary.value}
    assert steps == {20, 40, 60}


@pytest.mark.parametrize("trains", [False, True])
def test_the_layers_of_the_deep_lstm_work_as_a_wavefront(trains, monkeypatch):
    """If every op took the same time, four layers on four devices would need less than a third of it for 16 characters, and the gradients."""
    monkeypatch.syspath_prepend(ROOT / "examples")
    example = importlib.import_module("deep_lstm")
    with tf.Graph().as_default():
        model = example.DeepLSTM(example.parse(["--unroll", "16", "--hidden", "16", "--batch-size", "4"]), 60)
        ids = np.zeros((4, 16), np.int32)
        with tf.Session(config=devices(4)) as sess:
            on_four = plans(sess, [model.bits, model.train] if trains else model.bits, {model.ids: ids, model.targets: ids})
        ops = sum(i.kind == "Compute" for plan in on_four for i in plan.instructions)
        assert len(on_four) == 4 and ops > 3 * makespan(on_four, transfer=0)


@PLAYS
def test_word_model(run, tmp_path):
    """Five seeds gave a perplexity of 27.7 to 28.3 for the test plays, where the 5-gram model has 32.7; interruptions as above."""
    options = ("--epochs", 3, "--words", 40000, "--hidden", 48, "--vocabulary", 300, "--decay-after", 2, "--batch-size", 10, "--unroll", 10, "--init", 0.3,
               "--layers", 1)
    output = run("ptb_word_lm.py", *options, "--folder", "whole")
    test, n_gram = numbers(r"test perplexity (\S+) \(5-gram (\S+)\)", output)
    assert test < 0.93 * n_gram and abs(n_gram - 32.7) < 0.1 and "epoch 3: perplexity" in output
    run("ptb_word_lm.py", *options, "--folder", "parts", "--stop", 1)
    assert run("ptb_word_lm.py", *options, "--folder", "parts").splitlines()[-1] == output.splitlines()[-1]
    for folder in ("whole", "parts"):
        history, events = reports_of(tmp_path / folder)
        assert history == reports_of(tmp_path / "whole")[0] and [epoch for epoch, _, _ in history] == [1, 2, 3]
        assert {epoch: {"train": pytest.approx(train), "valid": pytest.approx(valid)} for epoch, train, valid in history} == events
        assert (tmp_path / folder / "perplexity.png").read_bytes().startswith(b"\x89PNG")
    sizes = ("--hidden", 48, "--vocabulary", 300, "--layers", 1, "--sample", 30, "--folder", "parts")
    text = run("ptb_word_lm.py", *sizes)
    assert "<unk>" not in text and len(text.split()) + text.count("\n") - 1 in (29, 30, 31) and text == run("ptb_word_lm.py", *sizes)


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


def test_adding_problem_from_the_identity(run):
    """Over 30 steps, of five seeds: solved after 336 to 680 updates."""
    assert numbers(r"irnn: +(\d+)", run("adding_problem.py", "--steps", 30, "--cells", "irnn", "--updates", 1200))[0] < 1200


def letters(tmp_path):
    """A text in which words of one of two kinds stand beside one another, and a third kind beside both."""
    random = np.random.default_rng(0)
    kinds = [["cat", "dog", "king", "cow"], ["red", "blue", "water", "green"]]
    lines = [" ".join([random.choice(kinds[i % 2]), "the", random.choice(kinds[i % 2]), random.choice(kinds[i % 2])]) for i in range(2000)]
    (tmp_path / "text.txt").write_text("\n".join(lines))
    return kinds


def test_word_vectors(run, tmp_path):
    """Words come to lie beside those of their kind; a run that is stopped and goes on ends with the same bits, of everything that is saved."""
    kinds = letters(tmp_path)
    options = ["--text", "text.txt", "--dim", 8, "--sampled", 4, "--epochs", 3, "--piece", 2000, "--batch-size", 64, "--threshold", 0.05]
    output = run("word2vec.py", *options, "--log-dir", "whole")
    found = {word: re.search(rf"^ *{word}: (.*)", output, re.M)[1].split(", ")[:3] for word in ("king", "red", "water")}
    assert all(word in kinds[0] for word in found["king"]) and all(word in kinds[1] for word in found["red"] + found["water"]), output
    assert "12/12" in output and (tmp_path / "whole" / "words.png").stat().st_size > 10_000
    assert "stopped after 100 batches" in run("word2vec.py", *options, "--log-dir", "parts", "--stop", 100)
    again = run("word2vec.py", *options, "--log-dir", "parts")
    assert "going on from" in again and re.search("^ *king: .*", again, re.M)[0] in output
    readers = [tf.train.load_checkpoint(tf.train.latest_checkpoint(str(tmp_path / folder))) for folder in ("whole", "parts")]
    assert {"place", "global_step", "random_streams", "vectors", "weights/Adagrad"} < set(readers[0].get_variable_to_shape_map())
    for name in readers[0].get_variable_to_shape_map():
        np.testing.assert_array_equal(readers[0].get_tensor(name), readers[1].get_tensor(name), err_msg=name)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.name)
def test_help(path, capsys, monkeypatch):
    """What it is, how to call it, and its options' defaults; every example is met here without being named."""
    monkeypatch.syspath_prepend(path.parent)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    with pytest.raises(SystemExit):
        example.main(["--help"])
    output = capsys.readouterr().out
    assert f"python examples/{path.name}" in output and "default" in output
