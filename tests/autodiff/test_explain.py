"""explain_gradient names what cuts the path, with the line of the program."""
import pytest

import minitf as tf
from minitf.autodiff import explain_gradient


def test_an_open_path():
    x = tf.Variable([1.0], name="x")
    y = tf.reduce_sum(tf.tanh(x, name="act"), name="total")
    text = explain_gradient(y, x)
    assert "depends on 'x:0' through differentiable ops" in text
    assert text.index("'total' (Sum)") < text.index("'act' (Tanh)") < text.index("'x/read' (Identity)")


def test_not_connected():
    x, z = tf.constant(1.0, name="x"), tf.placeholder(tf.float32, name="z")
    text = explain_gradient(z * 2.0, x)
    assert "is None: no ops lead from 'x:0' to 'mul:0'. It depends on z. Nothing uses 'x:0', made at" in text and "test_explain.py" in text
    unused = tf.exp(x, name="elsewhere")
    assert "'x:0' feeds 'elsewhere' (Exp)" in explain_gradient(z * 2.0, x) and unused is not None


def test_integers():
    x = tf.constant([1.5], name="x")
    y = tf.cast(tf.cast(x, tf.int32, name="whole"), tf.float32, name="back")
    text = explain_gradient(y, x)
    assert "Every path is cut" in text and "'back' (Cast)" in text and "'whole:0' is int32[1]" in text
    assert "whole = " not in text and "y = tf.cast(tf.cast(x, tf.int32" in text
    assert "'n:0' is int32[]" in explain_gradient(y, tf.constant(1, name="n"))
    assert "'best:0' is int64[], and only floating-point tensors have gradients; it comes from 'best' (ArgMax)" in explain_gradient(tf.argmax(x, 0, name="best"), x)


def test_ops_without_derivative():
    x = tf.constant([1.5], name="x")
    text = explain_gradient(tf.floor(x, name="down") + tf.stop_gradient(x, name="stop"), x)
    assert "'down' (Floor), made at" in text and "Floor has no derivative" in text
    assert "'stop' (StopGradient), made at" in text and "it is there to stop gradients" in text


def test_some_paths_cut():
    x = tf.constant([1.5], name="x")
    text = explain_gradient(tf.exp(x) * tf.stop_gradient(x, name="stop"), x)
    assert "depends on 'x:0' through differentiable ops" in text and "Other paths are cut:\n  'stop' (StopGradient)" in text


def test_no_registered_gradient():
    from minitf.core.registry import register_op
    from minitf.ops.apply import apply_op
    try:
        register_op("TestUnregistered", ["x: float32"], ["y: float32"])(lambda c: [c.inputs[0]])
    except ValueError:
        pass
    x = tf.constant([1.0], name="x")
    assert "no gradient is registered for TestUnregistered" in explain_gradient(apply_op("TestUnregistered", x), x)


def test_a_rule_that_gives_none():
    from minitf.core.registry import register_op
    from minitf.ops.apply import apply_op
    try:
        register_op("TestHalfway", ["x: float32", "y: float32"], ["z: float32"])(lambda c: [c.inputs[0]])
        tf.RegisterGradient("TestHalfway")(lambda op, grad: (grad, None))
    except ValueError:
        pass
    x, y = tf.constant([1.0], name="x"), tf.constant([1.0], name="y")
    z = apply_op("TestHalfway", x, y, name="z")
    assert "the gradient function of TestHalfway gives None for input 1, 'y:0'" in explain_gradient(z, y)
    assert "depends on 'x:0'" in explain_gradient(z, x)
    assert tf.gradients(z, y) == [None]


def test_through_the_state_of_a_variable():
    x, v = tf.constant([1.0], name="x"), tf.Variable([0.0], name="v")
    v.assign(x * 2.0)
    assert "'x:0' is written to the variable 'v' by 'Assign' (Assign)" in explain_gradient(v * 3.0, x)


@pytest.mark.parametrize("cut", [True, False])
def test_it_agrees_with_gradients(cut):
    x = tf.constant([1.0, 2.0])
    y = tf.gather(x, [0]) * tf.reduce_max(x)
    y = tf.ceil(y) if cut else y
    assert (tf.gradients(y, x)[0] is None) == ("is None" in explain_gradient(y, x)) == cut


def test_the_graph_is_left_as_it_is():
    x = tf.constant([1.0, 2.0])
    y = tf.reduce_max(tf.where(x > 0.0, x, x * x))
    graph = tf.get_default_graph()
    graph.finalize()
    before = graph.version
    explain_gradient(y, x)
    assert graph.version == before
