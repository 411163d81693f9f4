"""Variables and their collections, get_variable and its rules."""
import numpy as np
import pytest

import minitf as tf


def test_a_variable_is_three_nodes(names):
    v = tf.Variable(3.0, name="v")
    assert names() == ["v/initial_value", "v", "v/Assign", "v/read"]
    assert (v.name, v.op.type, v.op.name, v.value().op.name) == ("v:0", "VariableV2", "v", "v/read")
    assert v.dtype is tf.float32.as_ref and v.value().dtype is tf.float32
    assert v.initializer.type == "Assign" and v.initializer.colocation == ["v"] and v.get_shape() == v.shape == []
    assert tf.Variable(1).name == "Variable:0" and tf.Variable(1).name == "Variable_1:0"
    assert tf.Variable(1, name="v").name == "v_1:0"


def test_dtypes_and_shapes():
    assert tf.Variable(1, dtype=tf.float64).dtype.base_dtype is tf.float64
    assert tf.Variable(np.ones(2)).dtype.base_dtype is tf.float64 and tf.Variable([1, 2]).dtype.base_dtype is tf.int32
    unknown = tf.placeholder("float32", [None, 2])
    with pytest.raises(ValueError, match="initial_value must have a shape specified"):
        tf.Variable(unknown)
    assert tf.Variable(unknown, validate_shape=False).get_shape().as_list() == [None, 2]
    with pytest.raises(ValueError, match="initial_value must be specified"):
        tf.Variable()


def test_collections():
    a, b = tf.Variable(1.0), tf.Variable(2.0, trainable=False)
    c = tf.Variable(3.0, trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES])
    assert tf.global_variables() == [a, b] and tf.trainable_variables() == [a] and tf.local_variables() == [c]
    assert set(tf.global_variables_initializer().control_inputs) == {a.initializer, b.initializer}
    assert tf.local_variables_initializer().control_inputs == [c.initializer]
    assert tf.variables_initializer([]).type == "NoOp"
    with pytest.raises(ValueError, match="list, tuple, or set"):
        tf.Variable(1.0, collections="variables")


def test_arithmetic_reads_the_snapshot():
    v = tf.Variable([1.0, 2.0], name="v")
    for t in (v + 1, 1 + v, v * v, -v, v / 2, np.ones(2, np.float32) * v, tf.exp(v), v < 1):
        assert all(i.op.name != "v" for i in t.op.inputs) and any(i is v.value() for i in t.op.inputs)
    assert v[0].get_shape() == []
    with pytest.raises(TypeError, match="not iterable"):
        list(v)
    assert {v: 1}[v] == 1
    with pytest.raises(TypeError, match="int32"):
        v + tf.constant(1)


def test_assign():
    v = tf.Variable([1.0, 2.0], name="v")
    for t in (v.assign([3.0, 4.0]), v.assign_add([1.0, 1.0]), v.assign_sub([1, 1]), tf.assign(v, [0.0, 0.0]), tf.scatter_add(v, [0], [1.0]),
              tf.scatter_update(v, [0, 1], [1.0, 2.0]), tf.scatter_sub(v, 1, 2.0)):
        assert t.dtype is tf.float32.as_ref and t.op.inputs[0] is v.op.outputs[0] and t.get_shape() == [2]
    with pytest.raises(ValueError, match="Dimensions must be equal, but are 2 and 3"):
        v.assign([1.0, 2.0, 3.0])
    assert tf.assign(v, [1.0, 2.0, 3.0], validate_shape=False).get_shape() == [3]
    with pytest.raises(ValueError, match="indices.shape"):
        tf.scatter_add(v, [0, 1], [1.0])
    with pytest.raises(TypeError, match="requires a variable"):
        tf.assign(tf.constant(1.0), 2.0)


def test_variables_are_made_outside_control_blocks():
    gate = tf.constant(1.0)
    with tf.control_dependencies([gate]):
        v = tf.Variable(1.0)
        read = v.read_value()
    assert not v.op.control_inputs and not v.initializer.control_inputs and not v.value().op.control_inputs
    assert read.op.control_inputs == [gate.op]


def test_callable_initial_value_is_made_in_a_scope_and_colocated(names):
    with tf.device("/cpu:1"):
        v = tf.Variable(lambda: tf.random_normal([2, 3], stddev=0.1), name="v")
    inside = [n for n in names() if n.startswith("v/Initializer/")]
    graph = tf.get_default_graph()
    assert inside and all(graph.get_operation_by_name(n).colocation == ["v"] for n in inside)
    assert all(graph.get_operation_by_name(n).device == v.device != "" for n in inside)


def test_initial_values_that_read_variables_wait_for_their_initializers():
    v = tf.Variable(2.0, name="v")
    w = tf.Variable(v * 3.0 + 1.0, name="w")
    ancestors, queue = set(), [w.initializer.inputs[1].op]
    while queue:
        op = queue.pop()
        if op not in ancestors:
            ancestors.add(op)
            queue += [t.op for t in op.inputs] + list(op.control_inputs)
    assert v.value().op not in ancestors
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        sess.run(tf.assign(v, 5.0))
        sess.run(w.initializer)
        assert sess.run([v, w]) == [5, 16]
        sess.run(tf.global_variables_initializer())
        assert sess.run([v, w]) == [2, 7]
    assert v.value().op.control_inputs == []


def test_initialized_value():
    """The value there is, else the initial one; where the initializer runs in the same step, what that sets: and it is not run for this."""
    v = tf.Variable(tf.random_normal([]))
    w = tf.Variable(v.initialized_value() * 2.0)
    with tf.Session() as sess:
        sess.run(w.initializer)
        assert not sess.run(tf.is_variable_initialized(v)) and sess.run(w) != 0
        for _ in range(3):
            sess.run(tf.global_variables_initializer())
            assert sess.run(w) == 2 * sess.run(v)
        sess.run(tf.assign(v, 7.0))
        sess.run(w.initializer)
        assert sess.run([v, w]) == [7, 14]


def test_get_variable_names_follow_variable_scopes_only():
    with tf.name_scope("n"), tf.variable_scope("a"), tf.name_scope("m"):
        v = tf.get_variable("v", [2])
        x = tf.constant(1.0, name="x")
    assert v.name == "a/v:0" and x.op.name == "n/a/m/x"
    with tf.variable_scope("a/b"):
        assert tf.get_variable("c/d", []).name == "a/b/c/d:0"


def test_reuse_rules():
    with tf.variable_scope("a") as scope:
        v = tf.get_variable("v", [2, 3])
        with pytest.raises(ValueError, match=r"Variable a/v already exists, disallowed\. Did you mean to set reuse=True in VarScope\? Originally defined at:[\s\S]*test_variables.py"):
            tf.get_variable("v", [2, 3])
        scope.reuse_variables()
        assert tf.get_variable("v") is v
    with tf.variable_scope("a", reuse=True):
        assert tf.get_variable("v", [2, 3]) is v
        assert tf.get_variable("v", [None, 3]) is v
        with pytest.raises(ValueError, match=r"Trying to share variable a/v, but specified shape \(3, 2\) and found shape \(2, 3\)\."):
            tf.get_variable("v", [3, 2])
        with pytest.raises(ValueError, match="specified dtype int32 and found dtype float32"):
            tf.get_variable("v", [2, 3], tf.int32)
        with pytest.raises(ValueError, match=r"Variable a/w does not exist, or was not created with tf\.get_variable\(\)\. Did you mean to set reuse=None in VarScope\?.* a/v"):
            tf.get_variable("w", [2, 3])
        with tf.variable_scope("inner", reuse=False) as inner:
            assert inner.reuse                               # inherited, and not to be switched off
    with tf.variable_scope(scope, reuse=True):
        assert tf.get_variable("v") is v
    tf.Variable(1.0, name="b")
    with pytest.raises(ValueError, match="was not created with"), tf.variable_scope(tf.get_variable_scope(), reuse=True):
        tf.get_variable("b")
    assert not tf.get_variable_scope().reuse


def test_auto_reuse():
    for _ in range(2):
        with tf.variable_scope("a", reuse=tf.AUTO_REUSE):
            v = tf.get_variable("v", [2])
    assert tf.global_variables() == [v]


def test_scopes_reentered():
    with tf.variable_scope("a") as a:
        with tf.variable_scope("b") as b:
            pass
    with tf.variable_scope("c"), tf.variable_scope(b):
        assert tf.get_variable("v", []).name == "a/b/v:0"
        assert tf.constant(1.0, name="x").op.name == "c/b/x"
    with tf.variable_scope("a"):
        assert tf.constant(1.0, name="x").op.name == "a_1/x"
    assert a.name == "a" and a.original_name_scope == "a/"


def test_default_name_is_made_unique():
    for expected in ("layer", "layer_1", "layer_2"):
        with tf.variable_scope(None, "layer"):
            assert tf.get_variable("w", []).name == expected + "/w:0"
    for expected in ("top/layer", "top_1/layer"):
        with tf.variable_scope(None, "top"), tf.variable_scope(None, "layer"):
            assert tf.get_variable("w", []).name == expected + "/w:0"
    with pytest.raises(ValueError, match="reuse=True"), tf.variable_scope(None, "layer", reuse=True):
        pass
    with pytest.raises(TypeError, match="name_or_scope is required"), tf.variable_scope(None):
        pass


def test_initializers_and_dtypes():
    with tf.variable_scope("a", initializer=tf.constant_initializer(0.3), dtype=tf.float64):
        v = tf.get_variable("v", [2])
        assert v.dtype.base_dtype is tf.float64 and v.initial_value.op.attrs["value"].tolist() == [0.3, 0.3]
        assert tf.get_variable("w", [2], initializer=tf.zeros_initializer()).initial_value.op.attrs["value"].tolist() == [0, 0]
        assert tf.get_variable("z", [2], initializer=tf.ones_initializer).dtype.base_dtype is tf.float64
    assert tf.get_variable("i", [2], tf.int32).initial_value.op.type == "Const"
    assert "random_uniform" in tf.get_variable("f", [4, 5]).initial_value.op.name
    assert tf.get_variable("value", initializer=3).dtype.base_dtype is tf.int32
    assert tf.get_variable("tensor", initializer=tf.ones([2, 3])).get_shape() == [2, 3]
    with pytest.raises(ValueError, match="do not specify shape"):
        tf.get_variable("bad", [1], initializer=3.0)
    with pytest.raises(ValueError, match=r"Shape of a new variable \(bad\) must be fully defined"):
        tf.get_variable("bad", [None])
    for initializer in (tf.random_uniform_initializer(-1, 1), tf.random_normal_initializer(), tf.truncated_normal_initializer(stddev=0.1),
                        tf.glorot_uniform_initializer(), tf.glorot_normal_initializer(), tf.variance_scaling_initializer(),
                        tf.uniform_unit_scaling_initializer()):
        assert initializer([3, 4]).get_shape() == [3, 4]
        copy = type(initializer).from_config(initializer.get_config())
        assert copy.get_config() == initializer.get_config()


def test_regularizer_and_custom_getter():
    with tf.variable_scope("a", regularizer=tf.nn.l2_loss):
        tf.get_variable("v", [2])
    loss, = tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)
    assert loss.op.name == "a/v/Regularizer/L2Loss"

    def halved(getter, name, *args, **kwargs):
        return getter(name, *args, **kwargs) * 0.5

    with tf.variable_scope("b", custom_getter=halved):
        assert tf.get_variable("v", [2]).op.type == "Mul"


def test_each_graph_has_its_own_variables():
    v = tf.get_variable("v", [2])
    with tf.Graph().as_default():
        assert tf.get_variable("v", [2]) is not v


def test_initialized_value_waits_for_the_initializer_only_where_that_runs():
    from minitf.session.prune import prune
    v = tf.Variable(2.0)
    w = tf.Variable(v.initialized_value() * 2.0)

    def waits(*fetches):
        return [c.name for n in prune(fetches, []).nodes if n.type in ("If", "StatelessIf", "IsVariableInitialized") for c in n.controls]
    assert waits(w.initializer) == []
    assert waits(w.initializer, v.initializer) == [v.initializer.name] * 2
