"""TensorBoard as a notebook asks it: what it answers, how it ends, and what a person is told when it does not start."""
import socket
import sys

import pytest

import minitf as tf
from minitf.course import tensorboard
from minitf.course.tensorboard import TensorBoard


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """A folder with five points of one scalar, and a histogram."""
    folder = tmp_path_factory.mktemp("logs")
    with tf.Graph().as_default() as graph, tf.Session() as sess, tf.summary.FileWriter(str(folder), graph) as writer:
        x = tf.placeholder(tf.float32, [])
        both = tf.summary.merge([tf.summary.scalar("validation/loss", x), tf.summary.histogram("weights", x)])
        for step in range(0, 50, 10):
            writer.add_summary(sess.run(both, {x: step / 4}), step)
    return folder


def runs(code):
    """In place of TensorBoard's command, a Python program."""
    return lambda logs: [sys.executable, "-c", code]


def test_it_tells_tags_and_points_and_stops(logs):
    with TensorBoard(logs) as board:
        assert board.tags("scalars") == ["validation/loss"] and board.tags("histograms") == ["weights"]
        assert board.points("validation/loss") == [(step, step / 4) for step in range(0, 50, 10)]
        with pytest.raises(ValueError, match="not of 'texts'"):
            board.tags("texts")
        with pytest.raises(ValueError, match="no run 'train' with scalars; those that have some: \\."):
            board.tags("scalars", "train")
        with pytest.raises(ValueError, match="no scalar 'loss'; there are validation/loss"):
            board.points("loss")
        process, port = board._process, int(board._address.rstrip("/").rpartition(":")[2])
    assert process.poll() is not None and process.stderr.closed and not board._reader.is_alive()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), 5)
    with pytest.raises(RuntimeError, match="not running"):
        board.tags("scalars")
    board.close()


def test_it_stops_when_the_block_raises(logs):
    with pytest.raises(KeyError), TensorBoard(logs) as board:
        process = board._process
        raise KeyError("stop")
    assert process.poll() is not None


def test_an_empty_folder_has_no_runs(tmp_path):
    with TensorBoard(tmp_path) as board, pytest.raises(ValueError, match="those that have some: none"):
        board.tags("scalars")


def test_without_the_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder .*missing"), TensorBoard(tmp_path / "missing"):
        pass


def test_without_the_package(logs, monkeypatch):
    monkeypatch.setattr(tensorboard.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="make extra-board"), TensorBoard(logs):
        pass


def test_one_that_ends_tells_its_last_words(logs, monkeypatch):
    monkeypatch.setattr(tensorboard, "_command", runs("import sys; print('\\n' * 50, 'no port is free', file=sys.stderr); sys.exit(3)"))
    board = TensorBoard(logs)
    with pytest.raises(RuntimeError, match="(?s)^TensorBoard ended; it said:.*no port is free$"), board:
        pass
    assert board._process is None and not board._reader.is_alive()


@pytest.mark.parametrize("code, seconds, said", [
    ("import time; time.sleep(60)", 0.5, "nothing"),
    ("import sys, time; print('loading', file=sys.stderr, flush=True); time.sleep(60)", 5, "loading")])
def test_one_that_never_starts_is_stopped(logs, monkeypatch, code, seconds, said):
    monkeypatch.setattr(tensorboard, "_command", runs(code))
    board = TensorBoard(logs, seconds)
    with pytest.raises(RuntimeError, match=f"had not started after {seconds} s; it said:\n{said}$"), board:
        pass
    assert board._process is None and not board._reader.is_alive()


def test_one_that_does_not_answer(logs, monkeypatch):
    code = "import socket, sys, time; s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); " \
           "print(f'at http://127.0.0.1:{s.getsockname()[1]}/', file=sys.stderr, flush=True); time.sleep(60)"
    monkeypatch.setattr(tensorboard, "_command", runs(code))
    with TensorBoard(logs, seconds=1) as board, pytest.raises(RuntimeError, match="did not answer scalars/tags: timed out"):
        board.tags("scalars")
