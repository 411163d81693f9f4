"""`python -m minitf.run`: a driver that builds nothing."""
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import minitf as tf
from minitf import run


@pytest.fixture
def exported(tmp_path):
    """The talk's example, in small: f = relu(W x + b), with an initialiser and a training step."""
    with tf.Graph().as_default() as graph:
        b = tf.placeholder(tf.float32, [None, 2], name="b")
        x = tf.placeholder(tf.float32, [2], name="x")
        w = tf.Variable([2., 3.], name="scope/w")
        with tf.device("/cpu:*"):
            tf.maximum(b + w * x, 0., name="f")
        tf.assign_add(w, [1., 1.], name="bump")
        tf.gather([1, 2, 3], tf.placeholder(tf.int32, [], name="i"), name="pick")
        tf.group(w.initializer, name="init")
        path = tmp_path / "graph.json"
        path.write_text(graph.to_json())
    return str(path)


def succeed(capsys, *arguments):
    assert run.main(list(arguments)) == 0
    return capsys.readouterr().out


def fail(capsys, status, *arguments):
    assert run.main(list(arguments)) == status
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.startswith("minitf.run: ")
    return captured.err


def test_the_command_of_the_readme(exported, tmp_path):
    np.save(tmp_path / "x.npy", np.array([1, -1], np.float32))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    done = subprocess.run([sys.executable, "-m", "minitf.run", exported, "--feed", "b=[[1,2],[3,4]]", "--feed", f"x=@{tmp_path / 'x.npy'}",
                           "--target", "init", "--fetch", "f:0"], capture_output=True, text=True, env=environment)
    assert done.stderr == "" and done.returncode == 0
    assert done.stdout == "f:0: float32[2,2]\n[[3. 0.]\n [5. 1.]]\n"


def test_feeds_fetches_and_files(exported, tmp_path, capsys):
    feeds = ["--feed", "b:0=[[1, 2]]", "--feed", "x=[0, 0]", "--target", "init"]
    assert succeed(capsys, exported, *feeds, "--fetch", "f:0", "--devices", "2") == "f:0: float32[1,2]\n[[1. 2.]]\n"
    assert succeed(capsys, exported, "--feed", "scope/w/read:0=[0.5, 1]", "--feed", "b=[[0, 0]]", "--feed", "x=[1, 1]", "--fetch", "f:0") == \
        "f:0: float32[1,2]\n[[0.5 1. ]]\n"
    folder = tmp_path / "out" / "deep"
    out = succeed(capsys, exported, *feeds, "--fetch", "f:0", "--fetch", "scope/w:0", "--save-npy", str(folder))
    assert sorted(os.listdir(folder)) == ["f_0.npy", "scope.w_0.npy"] and "scope/w:0: float32[2] -> " in out
    np.testing.assert_array_equal(np.load(folder / "scope.w_0.npy", allow_pickle=False), [2, 3])


def test_targets_run_in_order_and_fetches_repeat(exported, capsys):
    assert run.main([exported, "--target", "init", "--target", "bump", "--target", "bump", "--fetch", "scope/w:0", "--fetch", "bump", "--repeat", "3"]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith("3 steps, median ")
    assert captured.out.startswith("scope/w:0: float32[2]\n[")
    assert succeed(capsys, exported, "--target", "init", "--target", "bump", "--fetch", "scope/w:0") == "scope/w:0: float32[2]\n[3. 4.]\n"
    assert succeed(capsys, exported, "--target", "init") == ""


def test_a_graph_is_described(exported, capsys):
    text = succeed(capsys, exported)
    assert "placeholders (--feed)\n  b:0  float32[?,2]\n  x:0  float32[2]\n  i:0  int32[]" in text
    assert "variables\n  scope/w:0  float32[2]" in text and "  f:0  float32[?,2]" in text and "  init  NoOp" in text


def test_op_types_are_listed(capsys):
    text = succeed(capsys, "--ops")
    assert "MatMul(a: T, b: T) -> (product: T)  T: type in {float32, float64" in text
    assert "Pack(values: N * T) -> (output: T)" in text and "ref: Ref(" in text


@pytest.mark.parametrize("arguments, message", [
    (["--fetch", "g:0"], "--fetch g:0: The name 'g:0' refers to a Tensor which does not exist"),
    (["--target", "inti"], "The nearest names are init"),
    (["--target", "f:0"], "--target f:0: that is a tensor; the operation is 'f'"),
    (["--feed", "nope=1", "--fetch", "f:0"], "--feed nope: The name 'nope' refers to an Operation not in the graph"),
    (["--feed", "b", "--fetch", "f:0"], "--feed b: it should be NAME=VALUE"),
    (["--feed", "init=1", "--fetch", "f:0"], "the operation 'init' (NoOp) has 0 outputs"),
    (["--feed", "b=[[1,2", "--fetch", "f:0"], "is not JSON"),
    (["--feed", "b=" + "[" * 100000, "--fetch", "f:0"], "is not JSON"),
    (["--feed", "b=hello", "--fetch", "f:0"], "is not JSON"),
    (["--feed", 'b=[["a"]]', "--fetch", "f:0"], "'a' is not a number"),
    (["--feed", "b=null", "--fetch", "f:0"], "None is not a number"),
    (["--feed", "x=[1,2]", "--feed", "x:0=[1,2]", "--fetch", "f:0"], "x:0 is fed twice"),
    (["--feed", "b=[[1,2],[3]]", "--feed", "x=[1,2]", "--fetch", "f:0"], "rows have different lengths"),
    (["--feed", "b=[1,2,3]", "--feed", "x=[1,2]", "--fetch", "f:0"], "Cannot feed value of shape (3,) for Tensor 'b:0'"),
    (["--feed", "i=1.5", "--fetch", "pick:0"], "not compatible with Tensor type int32"),
    (["--feed", "b=@nowhere.npy", "--fetch", "f:0"], "nowhere.npy"),
    (["--save-npy", "/dev/null/x", "--fetch", "f:0"], "--save-npy /dev/null/x"),
])
def test_what_is_not_usable_is_said(exported, capsys, arguments, message):
    assert message in fail(capsys, 2, exported, *arguments)


def test_a_failing_step_has_status_1(exported, capsys):
    error = fail(capsys, 1, exported, "--feed", "i=7", "--fetch", "pick:0")
    assert "InvalidArgumentError" in error and "op: 'pick' (Gather)" in error
    assert "You must feed a value for placeholder tensor 'i'" in fail(capsys, 1, exported, "--fetch", "pick:0")
    assert "FailedPreconditionError" in fail(capsys, 1, exported, "--fetch", "scope/w:0")


def test_graphs_that_are_none(tmp_path, capsys):
    bad = tmp_path / "bad.json"
    for content, message in ((b"", "not JSON"), (b"{}", "this is not a graph"), (b"\xff" * 100, "Not a graph"), (b"[" * 200000, "nested too deeply")):
        bad.write_bytes(content)
        assert message in fail(capsys, 2, str(bad), "--fetch", "f:0")
    assert "No such file" in fail(capsys, 2, str(tmp_path / "nowhere.json"))
    assert "Is a directory" in fail(capsys, 2, str(tmp_path))
    assert "Which graph?" in fail(capsys, 2)


def test_a_pickle_is_not_opened(exported, tmp_path, capsys):
    trap = tmp_path / "trap.npy"
    np.save(trap, np.array([print], object), allow_pickle=True)
    assert "allow_pickle=False" in fail(capsys, 2, exported, "--feed", f"b=@{trap}", "--fetch", "f:0")
    np.savez(tmp_path / "two.npz", a=np.zeros(1), b=np.zeros(1))
    assert "several arrays" in fail(capsys, 2, exported, "--feed", f"b=@{tmp_path / 'two.npz'}", "--fetch", "f:0")


def test_standard_input_and_bad_options(exported, monkeypatch, capsys):
    import io
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(open(exported, "rb").read())))
    assert "operations" in succeed(capsys, "-")
    for bad in (["--repeat", "0"], ["--devices", "x"], ["--nope"]):
        with pytest.raises(SystemExit) as status:
            run.main([exported, *bad])
        assert status.value.code == 2


def test_nan_and_infinity_may_be_fed(exported, capsys):
    assert "[[nan inf]]" in succeed(capsys, exported, "--feed", "b=[[NaN, Infinity]]", "--feed", "x=[0,0]", "--target", "init", "--fetch", "f:0")


def test_the_description_is_json_that_anything_can_write(tmp_path, capsys):
    """A graph written by hand, as a front end in another language would."""
    tensor = {"dtype": "float32", "shape": [2], "data": "AACAPwAAAEA="}
    graph = {"format": "minitf-graph", "version": 1, "nodes": [
        {"name": "y", "op": "Mul", "inputs": ["x", "c:0"], "attrs": {"T": "float32"}},
        {"name": "c", "op": "Const", "attrs": {"dtype": "float32", "value": tensor}},
        {"name": "x", "op": "Placeholder", "attrs": {"dtype": "float32", "shape": [None, 2]}}]}
    path = tmp_path / "hand.json"
    path.write_text(json.dumps(graph))
    assert succeed(capsys, str(path), "--feed", "x=[[10, 10]]", "--fetch", "y:0") == "y:0: float32[1,2]\n[[10. 20.]]\n"


def test_an_operation_with_one_output_is_fetched_as_that(exported, capsys):
    arguments = ["--feed", "b=[[1,2]]", "--feed", "x=[1,-1]", "--target", "init", "--fetch"]
    named = succeed(capsys, exported, *arguments, "f")
    assert named == succeed(capsys, exported, *arguments, "f:0") and named.startswith("f:0: ")
