"""GraphDef: what is written, and that what was written is read back the same."""
import os

import numpy as np
import pytest
from google.protobuf import text_format

import minitf as tf
from minitf.core.protos import parse_proto
from minitf.core.registry import register_op
from minitf.graph.wire import node_to_wire
from minitf.ops.apply import apply_op

DATA = os.path.join(os.path.dirname(__file__), "data")
register_op("TestGraphDef", ["x: T"], ["y: T"],
            ["T: type", "word: string = 'w'", "n: int = 3", "rate: float = 0.5", "flag: bool = True", "shape: shape = None", "value: tensor",
             "ints: list(int) = [1]", "floats: list(float) = [0.5]", "types: list(type) = []", "shapes: list(shape) = []"])(lambda c: [c.inputs[0]])


def model():
    x, labels = tf.placeholder(tf.float32, [None, 4], name="x"), tf.placeholder(tf.int32, [None], name="labels")
    w, b = tf.Variable(tf.reshape(tf.range(12.0) / 12.0, [4, 3]), name="w"), tf.Variable(tf.zeros([3]), name="b")
    with tf.name_scope("layer"), tf.device("/cpu:0"):
        logits = tf.tanh(tf.matmul(x, w) + b)
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits), name="loss")
    train = tf.train.GradientDescentOptimizer(0.1).minimize(loss, name="train")
    with tf.control_dependencies([train]):
        tf.identity(tf.nn.softmax(logits), name="after")
    tf.global_variables_initializer()
    tf.constant([b"ab", b"\xff\x00"], name="words")


def train(sess, prefix=""):
    feeds = {prefix + "x:0": np.arange(8.0).reshape(2, 4), prefix + "labels:0": [1, 2]}
    sess.run(prefix + "init")
    losses = [sess.run([prefix + "loss:0", prefix + "train"], feeds)[0] for _ in range(3)]
    return losses + [sess.run(prefix + "w:0"), sess.run(prefix + "words:0")]


def test_a_node_is_written_as_tensorflow_writes_it():
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    with tf.control_dependencies([tf.no_op(name="first")]), tf.device("/cpu:1"), tf.colocate_with(x):
        y = tf.matmul(x, [[1.0], [2.0]], transpose_b=False, name="y")
    node = y.op.node_def
    assert (node.name, node.op, list(node.input), node.device) == ("y", "MatMul", ["x", "y/b"], "")
    assert node.attr["T"].type == tf.float32.as_datatype_enum and node.attr["transpose_a"].WhichOneof("value") == "b"
    assert node.attr["_class"].list.s == [b"loc:@x"]
    weights = tf.get_default_graph().get_operation_by_name("y/b").node_def
    assert list(weights.input) == ["^first"]
    np.testing.assert_array_equal(tf.make_ndarray(weights.attr["value"].tensor), [[1], [2]])
    assert [d.size for d in x.op.node_def.attr["shape"].shape.dim] == [-1, 2]


def test_versions_shapes_and_part_of_a_graph(graph):
    tf.placeholder(tf.float32, name="x")
    before = graph.version
    y = tf.unstack(tf.placeholder(tf.float32, [2, None], name="y"))[1]
    tf.identity(y, name="z")
    whole, part = graph.as_graph_def(add_shapes=True), graph.as_graph_def(from_version=before)
    assert isinstance(whole, tf.GraphDef) and whole.versions == graph.graph_def_versions and whole.versions.producer > 21
    assert [n.name for n in whole.node] == [op.name for op in graph.get_operations()] == ["x"] + [n.name for n in part.node]
    shapes = {n.name: n.attr["_output_shapes"].list.shape for n in whole.node}
    assert shapes["x"][0].unknown_rank and [d.size for d in shapes["z"][0].dim] == [-1]
    assert "_output_shapes" not in part.node[0].attr
    assert graph.get_operation_by_name("z").node_def.input == ["unstack:1"]
    with pytest.raises(AttributeError, match="GraphDef"):
        tf.GraphDeff


def test_every_kind_of_attribute_round_trips(graph):
    x = tf.placeholder(tf.int32, [], name="x")
    op = apply_op("TestGraphDef", x, name="a", word="α\n", n=-2 ** 63, rate=0.1, flag=False, shape=tf.TensorShape([None, 0]),
                  value=np.array([[1.5, -0.0]]), ints=[1, 2], floats=[0.1, float('-inf')], types=[tf.bool, tf.string], shapes=[[None], None]).op
    empty = apply_op("TestGraphDef", x, name="b", rate=float("-inf"), value=np.zeros([0, 3], np.int8), ints=[]).op
    nan = apply_op("TestGraphDef", x, name="c", rate=float("nan"), value=np.array([True, False]), _note="n", _number=3).op
    with tf.Graph().as_default():
        copies = tf.import_graph_def(graph.as_graph_def(), name="", return_elements=["a", "b", "c"])
    for op, copy in zip((op, empty, nan), copies):
        assert node_to_wire(op) == node_to_wire(copy)
    big = apply_op("TestGraphDef", x, rate=1e300, value=np.zeros(1)).op.node_def.attr["rate"].f
    assert big == np.finfo(np.float32).max


@pytest.mark.parametrize("value", [
    3.5, np.float64(1e300), [1, 2], np.zeros([2, 0], np.int64), np.array([-128, 127], np.int8), np.array([255], np.uint8), True, [True, False],
    np.array(-2 ** 63), [float("nan"), -0.0], "text", [b"\xff", b""], np.arange(24, dtype=np.int16).reshape(2, 3, 4).transpose(2, 0, 1)])
def test_tensors_round_trip(value):
    array = np.asarray(tf.constant(value).op.get_attr("value"))
    back = tf.make_ndarray(tf.TensorProto.FromString(tf.make_tensor_proto(value).SerializeToString()))
    assert back.dtype == array.dtype and back.shape == array.shape
    np.testing.assert_array_equal(back, array)
    assert array.dtype == object or back.tobytes() == array.tobytes()


@pytest.mark.parametrize("as_text", [False, True])
def test_a_graph_read_back_is_the_same_and_trains_the_same(graph, as_text):
    model()
    message = graph.as_graph_def(add_shapes=True)
    data = text_format.MessageToString(message) if as_text else message.SerializeToString()
    with tf.Graph().as_default() as other:
        tf.import_graph_def(parse_proto("GraphDef", data, as_text), name="")
    assert other.as_graph_def(add_shapes=True) == message
    assert [t.shape.tuple for op in other.get_operations() for t in op.outputs] == [t.shape.tuple for op in graph.get_operations() for t in op.outputs]
    with tf.Session(graph=graph) as a, tf.Session(graph=other) as b:
        for expected, got in zip(train(a), train(b)):
            np.testing.assert_array_equal(got, expected)


def test_inside_a_scope(graph):
    model()
    message = graph.as_graph_def()
    with tf.Graph().as_default() as other, tf.name_scope("s"):
        tf.import_graph_def(message, name="m")
        assert other.get_operation_by_name("s/m/w/Assign").colocation == ["s/m/w"]
        with tf.Session() as sess:
            assert train(sess, "s/m/")[0] == pytest.approx(train(tf.Session(graph=graph))[0])


def test_a_graph_that_tensorflow_wrote():
    with open(os.path.join(DATA, "tensorflow.pbtxt")) as file:
        x, p, loss, after = tf.import_graph_def(parse_proto("GraphDef", file.read(), as_text=True), name="", return_elements=["x:0", "p:0", "loss:0", "after"])
    assert x.shape.as_list() == [None, 4] and p.shape.as_list() == [None, 3] and loss.shape.as_list() == []
    assert after.device == "/device:CPU:0" and after.control_inputs == [loss.op]
    with tf.Session() as sess:
        sess.run("init")
        found = sess.run([p, loss], {x: np.arange(8.0).reshape(2, 4), "labels:0": [1, 2]})
    np.testing.assert_allclose(found[0], [[0.18632375, 0.30719587, 0.5064804], [0.02156288, 0.13486932, 0.8435677]], rtol=1e-5)
    np.testing.assert_allclose(found[1], 0.67519236, rtol=1e-5)


def test_what_is_too_large_or_has_no_protobuf_form(graph):
    a = tf.constant(1.0, name="a")
    a.op.attrs["_odd"] = object()
    with pytest.raises(tf.errors.UnimplementedError, match=r"Attribute '_odd' \(object\) of 'a' \(Const\) has no protobuf form"):
        graph.as_graph_def()

    class Huge:
        nbytes = 1 << 31
    a.op.attrs["_odd"] = Huge()
    with pytest.raises(ValueError, match="GraphDef cannot be larger than 2GB."):
        graph.as_graph_def()


def test_files(tmp_path, graph):
    model()
    text = tf.train.write_graph(graph, str(tmp_path / "new"), "g.pbtxt")
    binary = tf.train.write_graph(graph.as_graph_def(), str(tmp_path), "g.pb", as_text=False)
    with open(text) as t, open(binary, "rb") as b:
        assert parse_proto("GraphDef", t.read(), True) == parse_proto("GraphDef", b.read()) == graph.as_graph_def()
    assert sorted(os.listdir(tmp_path)) == ["g.pb", "new"] and os.listdir(tmp_path / "new") == ["g.pbtxt"]


def test_without_tensorboard(monkeypatch):
    import sys
    a = tf.constant(1.0)
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.node_def_pb2", None)
    monkeypatch.setitem(sys.modules, "tensorboard.compat.proto.graph_pb2", None)
    for use in (lambda: a.op.node_def, lambda: a.graph.as_graph_def(), lambda: tf.GraphDef):
        with pytest.raises(ImportError, match="make extra-board, or pip install tensorboard"):
            use()
    x = tf.placeholder(tf.float32, name="x")
    with tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError, match="You must feed a value"):
        sess.run(x)                             # an error needs no NodeDef
