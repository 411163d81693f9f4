"""tf.graph_util: parts of graphs, frozen graphs, graphs without what only training uses."""
import numpy as np
import pytest

import minitf as tf
from minitf import graph_util


def names(message):
    return [n.name for n in message.node]


def test_extract_sub_graph(graph):
    a, b = tf.constant(1.0, name="a"), tf.constant(2.0, name="b")
    with tf.control_dependencies([b]):
        c = tf.no_op(name="c")
    with tf.control_dependencies([c]):
        tf.unstack(tf.stack([a, a], name="s"), name="d")
    tf.negative(b, name="other")
    message = graph.as_graph_def()
    assert set(names(message)) - set(names(graph_util.extract_sub_graph(message, ["d"]))) == {"other"}
    assert names(graph_util.extract_sub_graph(message, ["c"])) == ["b", "c"]
    assert graph_util.extract_sub_graph(message, ["c"]).versions == message.versions
    for bad, kind in ((["nope"], AssertionError), ("c", TypeError)):
        with pytest.raises(kind):
            graph_util.extract_sub_graph(message, bad)
    with pytest.raises(TypeError, match="GraphDef"):
        graph_util.extract_sub_graph(graph, ["c"])


def test_a_frozen_graph_computes_the_same_without_variables(graph):
    x = tf.placeholder(tf.float32, [None, 2], name="x")
    w, n = tf.Variable(np.eye(2, dtype=np.float32), name="w"), tf.Variable(3, name="n")
    y = tf.identity(tf.matmul(x, w) * tf.cast(n, tf.float32), name="y")
    train = tf.train.GradientDescentOptimizer(0.5).minimize(tf.reduce_sum(y), name="train", var_list=[w])
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        feeds = {"x:0": [[1.0, 2.0]]}
        sess.run(train, feeds)
        expected = sess.run(y, feeds)
        frozen = graph_util.convert_variables_to_constants(sess, graph.as_graph_def(), ["y"])
        part = graph_util.convert_variables_to_constants(sess, graph.as_graph_def(), ["y"], variable_names_blacklist=["n"])
        white = graph_util.convert_variables_to_constants(sess, graph.as_graph_def(), ["y"], variable_names_whitelist=["n"])
    assert {n.op for n in frozen.node} == {"Placeholder", "Const", "Identity", "MatMul", "Mul", "Cast"}
    assert [n.op for n in part.node if n.name in "wn"] == ["Const", "VariableV2"] and [n.op for n in white.node if n.name in "wn"] == ["VariableV2", "Const"]
    with tf.Graph().as_default():
        tf.import_graph_def(graph_util.remove_training_nodes(frozen, ["y"]), name="")
        assert not [op for op in tf.get_default_graph().get_operations() if op.type == "Identity" and op.name != "y"]
        with tf.Session() as sess:
            np.testing.assert_array_equal(sess.run("y:0", feeds), expected)


def test_remove_training_nodes_keeps_what_orders_or_is_named(graph):
    a = tf.constant(1.0, name="a")
    b = tf.identity(tf.stop_gradient(tf.identity(a, name="i"), name="s"), name="j")
    with tf.control_dependencies([b]):
        k = tf.identity(a, name="k")
    with tf.colocate_with(tf.identity(a, name="home")):
        tf.negative(tf.identity(b, name="keep"), name="out")
    tf.add(k, tf.identity(b), name="sum")
    result = graph_util.remove_training_nodes(graph.as_graph_def(), ["keep"])
    assert names(result) == ["a", "j", "k", "home", "keep", "out", "sum"]
    inputs = {n.name: list(n.input) for n in result.node}
    assert inputs["j"] == ["a"] and inputs["keep"] == ["j"] and inputs["sum"] == ["k", "j"] and inputs["k"] == ["a", "^j"]


def test_must_run_on_cpu():
    v = tf.Variable(1.0)
    assert graph_util.must_run_on_cpu(tf.constant(1).op) and graph_util.must_run_on_cpu(tf.constant("a").op.node_def)
    assert not graph_util.must_run_on_cpu(tf.constant(1.0).op) and not graph_util.must_run_on_cpu(v.op)
    assert graph_util.must_run_on_cpu(v.op, pin_variables_on_cpu=True) and graph_util.must_run_on_cpu(v.initializer, True)
    assert graph_util.must_run_on_cpu(tf.cast(tf.constant(1), tf.float32).op) and not graph_util.must_run_on_cpu(tf.cast(v, tf.int32).op)


def test_shape_by_name(graph):
    tf.placeholder(tf.float32, [2, None], name="x")
    assert graph_util.tensor_shape_from_node_def_name(graph, "x").as_list() == graph_util.tensor_shape_from_node_def_name(graph, "x:0").as_list() == [2, None]
