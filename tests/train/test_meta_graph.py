"""Meta graphs: a process without the program goes on with the model; what is no meta graph is refused before anything is added."""
import json
import subprocess
import sys

import numpy as np
import pytest

import minitf as tf

X, Y = np.arange(12, dtype=np.float32).reshape(6, 2) / 10, np.arange(6, dtype=np.float32)[:, None]


def build():
    """A model with slots, scopes, a saved step and what to run in collections."""
    tf.set_random_seed(1)
    x, y = tf.placeholder(tf.float32, [None, 2], name="x"), tf.placeholder(tf.float32, [None, 1], name="y")
    with tf.variable_scope("layer"):
        w, b = tf.get_variable("w", [2, 1]), tf.get_variable("b", [1], initializer=tf.zeros_initializer())
    step = tf.Variable(0, trainable=False, name="global_step")
    loss = tf.reduce_mean(tf.square(tf.matmul(x, w) + b - y), name="loss")
    train = tf.train.AdamOptimizer(0.05).minimize(loss, global_step=step)
    tf.add_to_collection("losses", loss)
    tf.add_to_collection("global_step", step)
    tf.add_to_collection("init_op", tf.global_variables_initializer())
    return loss, train


ELSEWHERE = """
import json, sys
import numpy as np
import minitf as tf
folder = sys.argv[1]
x, y = np.load(folder + "/x.npy"), np.load(folder + "/y.npy")
path = tf.train.latest_checkpoint(folder)
saver = tf.train.import_meta_graph(path + ".meta")
assert [v.name for v in tf.trainable_variables()] == ["layer/w:0", "layer/b:0"] and all(isinstance(v, tf.Variable) for v in tf.trainable_variables())
(train,), (loss,), (step,) = (tf.get_collection(name) for name in ("train_op", "losses", "global_step"))
with tf.Session() as sess:
    saver.restore(sess, path)
    for _ in range(5):
        sess.run(train, {"x:0": x, "y:0": y})
    value = float(sess.run(loss, {"x:0": x, "y:0": y}))
    saved = saver.save(sess, folder + "/model", step)
print(json.dumps([value, saved, saver.last_checkpoints]))
"""


def test_a_new_process_goes_on_without_the_program(session, tmp_path):
    loss, train = build()
    saver, feed, folder = tf.train.Saver(max_to_keep=2), {"x:0": X, "y:0": Y}, str(tmp_path)
    np.save(folder + "/x.npy", X)
    np.save(folder + "/y.npy", Y)
    session.run("init")
    for _ in range(3):
        session.run(train, feed)
    assert saver.save(session, folder + "/model", "global_step:0") == folder + "/model-3"
    for _ in range(5):
        session.run(train, feed)
    run = subprocess.run([sys.executable, "-c", ELSEWHERE, folder], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout) == [float(session.run(loss, feed)), folder + "/model-8", [folder + "/model-8"]]
    expected = session.run(tf.global_variables())
    saver.restore(session, folder + "/model-8")
    assert all(np.array_equal(a, b) for a, b in zip(session.run(tf.global_variables()), expected))


def test_export_and_import(session, tmp_path):
    build()
    saver = tf.train.Saver(max_to_keep=7, keep_checkpoint_every_n_hours=2.5)
    exported = tf.train.export_meta_graph(str(tmp_path / "g.meta"), saver_def=saver.as_saver_def(), as_text=True)
    assert (tmp_path / "g.meta").read_text() == exported.to_json(2)
    for source in (exported, str(tmp_path / "g.meta"), tmp_path / "g.meta"):
        with tf.Graph().as_default() as graph:
            again = tf.train.import_meta_graph(source)
            assert again.saver_def.as_dict() == saver.saver_def.as_dict()
            assert {**tf.train.export_meta_graph().graph_def, "seed": 1} == exported.graph_def
            assert [op.name for op in graph.get_operations()] == [op.name for op in tf.get_default_graph().get_operations()]


def test_without_a_saver(session):
    x = tf.placeholder(tf.float32, name="x")
    exported = tf.train.export_meta_graph()
    with tf.Graph().as_default():
        assert tf.train.import_meta_graph(exported) is None
    tf.Variable(1., name="v")
    exported = tf.train.export_meta_graph(collection_list=["variables"])
    with tf.Graph().as_default():
        assert tf.train.import_meta_graph(exported).saver_def.restore_op_name == "save/restore_all"
        assert tf.trainable_variables() == [] and len(tf.global_variables()) == 1


def test_beside_what_the_graph_has_and_under_a_scope(session, tmp_path):
    v = tf.Variable(3., name="v")
    tf.identity(v * 2., name="twice")
    tf.add_to_collection("answer", tf.get_default_graph().get_tensor_by_name("twice:0"))
    saver = tf.train.Saver()
    session.run(v.initializer)
    path = saver.save(session, str(tmp_path / "m"))
    with tf.Graph().as_default() as graph, tf.Session() as sess:
        mine = tf.Variable(1., name="mine")
        with tf.name_scope("open"), tf.control_dependencies([mine.initializer]), tf.device("/cpu:0"):
            saver = tf.train.import_meta_graph(path + ".meta", import_scope="a")
            again = tf.train.import_meta_graph(path + ".meta", import_scope="b")
        tf.train.import_meta_graph(path + ".meta")
        names = [op.name for op in graph.get_operations()]
        assert "open/a/twice" in names and "open/b/save/restore_all" in names and "twice" in names
        assert all(not op.device and not op.control_inputs for op in graph.get_operations() if op.name.endswith(("/v", "/v/read", "/twice")))
        saver.restore(sess, path)
        again.restore(sess, path)
        assert sess.run(tf.get_collection("answer")[:2]) == [6, 6]
        assert [v.name for v in tf.global_variables()] == ["mine:0", "open/a/v:0", "open/b/v:0", "v:0"]
        n = graph.version
        with pytest.raises(ValueError, match="a node of that name already exists in the graph"):
            tf.train.import_meta_graph(path + ".meta")
        assert graph.version == n and len(tf.global_variables()) == 4
        assert tf.add(1., 2., name="twice").name == "twice_1:0"
        graph.finalize()
        with pytest.raises(RuntimeError, match="finalized"):
            tf.train.import_meta_graph(path + ".meta", import_scope="c")


def test_clear_devices(session, tmp_path):
    with tf.device("/job:ps/task:3/gpu:1"):
        tf.Variable(1., name="v")
    saver = tf.train.Saver()
    exported = saver.export_meta_graph()
    assert {op.device for op in tf.get_default_graph().get_operations() if op.name.startswith("v")} == {"/job:ps/task:3/device:GPU:1"}
    for source, clear in ((exported, True), (saver.export_meta_graph(clear_devices=True), False)):
        with tf.Graph().as_default() as graph, tf.Session() as sess:
            tf.train.import_meta_graph(source, clear_devices=clear)
            assert {op.device for op in graph.get_operations()} == {""}
            sess.run(tf.global_variables_initializer())
            assert sess.run("v:0") == 1
    assert any("device" in node for node in exported.graph_def["nodes"]), "importing has changed what was given"


def test_what_has_no_wire_form_does_not_keep_variables_from_being_saved(session, tmp_path, caplog):
    v = tf.Variable(1., name="v")
    tf.identity(v, name="noted").op.attrs["_note"] = object()
    saver = tf.train.Saver()
    session.run(v.initializer)
    path = saver.save(session, str(tmp_path / "m"))
    assert tf.train.load_variable(path, "v") == 1 and "m.meta was not written: Attribute '_note'" in caplog.text
    with pytest.raises(TypeError):
        saver.export_meta_graph()


@pytest.mark.parametrize("change, kind, message", [
    (lambda w: w.update(format="other"), tf.errors.InvalidArgumentError, "Not a meta graph|should be an object"),
    (lambda w: w.update(version=2), tf.errors.InvalidArgumentError, "version 2 of the format; this program reads version 1"),
    (lambda w: w.pop("saver"), tf.errors.InvalidArgumentError, "should be an object with"),
    (lambda w: w["saver"].update(max_to_keep=-1), tf.errors.InvalidArgumentError, "max_to_keep can not be -1"),
    (lambda w: w["saver"].update(max_to_keep=True), tf.errors.InvalidArgumentError, "max_to_keep can not be True"),
    (lambda w: w["saver"].update(restore_op_name="nothing"), tf.errors.InvalidArgumentError, "its saver does not fit its graph: .*'nothing'"),
    (lambda w: w["saver"].update(restore_op_name=""), tf.errors.InvalidArgumentError, "saver does not fit"),
    (lambda w: w["graph"]["nodes"][0].update(op="Nothing"), tf.errors.InvalidArgumentError, "Op type 'Nothing' is not registered"),
    (lambda w: w.update(graph=[]), tf.errors.InvalidArgumentError, "the graph should be an object")])
def test_what_is_no_meta_graph_is_refused(session, tmp_path, change, kind, message):
    v = tf.Variable(1., name="v")
    wire = json.loads(tf.train.Saver().export_meta_graph().to_json())
    change(wire)
    (tmp_path / "g.meta").write_text(json.dumps(wire))
    with tf.Graph().as_default() as graph:
        with pytest.raises(kind, match=message) as caught:
            tf.train.import_meta_graph(str(tmp_path / "g.meta"))
        assert "g.meta: " in str(caught.value) and graph.version == 0


def test_files_that_are_not_there_or_cut_short(session, tmp_path):
    with pytest.raises(tf.errors.NotFoundError, match="none; No such file"):
        tf.train.import_meta_graph(str(tmp_path / "none"))
    tf.Variable(1., name="v")
    text = tf.train.Saver().export_meta_graph(str(tmp_path / "g.meta")).to_json()
    for n in range(0, len(text), 97):
        (tmp_path / "g.meta").write_text(text[:n])
        with pytest.raises(tf.errors.DataLossError, match="g.meta: Not a graph"):
            tf.train.import_meta_graph(str(tmp_path / "g.meta"))
    for argument in ("meta_info_def", "graph_def", "export_scope"):
        with pytest.raises(ValueError, match=f"{argument} is not supported"):
            tf.train.export_meta_graph(**{argument: "x"})
