"""gradients() and its registry as TensorFlow 1.x has them: what is refused, with which words."""
import numpy as np
import pytest

import minitf as tf
from minitf.core.registry import _gradients
from minitf.ops.apply import apply_op


@pytest.fixture
def registry():
    """Gradients that a test registers are forgotten after it."""
    before = dict(_gradients)
    yield
    _gradients.clear()
    _gradients.update(before)


def test_numbers_and_kinds_of_arguments():
    x = tf.constant(3.0, name="x")
    y = x * x
    assert tf.gradients([], x) == [None] and tf.gradients(y, []) == []
    assert len(tf.gradients((y,), (x, x))) == 2 and tf.gradients(y, 3.0) == [None]
    for ys, xs, name in ((None, x, "ys"), (y, None, "xs")):
        with pytest.raises(TypeError, match=f"{name} must be a tensor or a list of tensors, got None"):
            tf.gradients(ys, xs)
    with pytest.raises(TypeError):
        tf.gradients(object(), x)
    with pytest.raises(ValueError, match="Passed 2 grad_ys for 1 ys"):
        tf.gradients(y, x, grad_ys=[1.0, 2.0])
    for bad in (tf.constant(1), tf.constant(1.0, tf.float64)):
        with pytest.raises(TypeError, match=f"Gradient type {bad.dtype.name} generated for real tensor .* with type float32 must be the same"):
            tf.gradients(y, x, grad_ys=bad)
    with pytest.raises(ValueError, match="Invalid aggregation_method specified 7"):
        tf.gradients(y, x, aggregation_method=7)
    with pytest.raises(ValueError, match="Unknown value for unconnected_gradients: 'bogus'"):
        tf.gradients(y, x, unconnected_gradients="bogus")
    assert tf.gradients(tf.constant(1), x) == tf.gradients(y, tf.constant(1)) == [None]


def test_one_graph():
    x = tf.constant(1.0)
    y = x * x
    graph = tf.get_default_graph()
    with tf.Graph().as_default():
        z = tf.constant(1.0)
        assert tf.gradients(y, x)[0].graph is graph
        for ys, xs, stops in ((y, z, None), ([y, z], x, None), (y, x, [z])):
            with pytest.raises(ValueError, match="must be from the same graph as"):
                tf.gradients(ys, xs, stop_gradients=stops)


def test_a_finalized_graph():
    x = tf.constant(1.0)
    y = x * x
    tf.get_default_graph().finalize()
    with pytest.raises(RuntimeError, match="Graph is finalized and cannot be modified."):
        tf.gradients(y, x)


RULES = [
    (lambda op, g: (g, g), ValueError, r"Num gradients 2 generated for op 't' \(Tanh\) of float32\[2\] do not match num inputs 1"),
    (lambda op, g: (), ValueError, "Num gradients 0 generated for op 't' .* do not match num inputs 1"),
    (lambda op, g: tf.cast(g, tf.float64), ValueError, "Gradient type float64 generated for op 't' .* does not match input type float32"),
    (lambda op, g: tf.ones([7]), ValueError, r"Incompatible shapes between op input and calculated input gradient. Forward operation: t. Input index: 0. "
                                             r"Original input shape: \[2\]. Calculated input gradient shape: \[7\]"),
]


@pytest.mark.parametrize("rule, kind, text", RULES)
def test_what_a_rule_may_not_give(registry, rule, kind, text):
    tf.RegisterGradient("TestBadRule")(rule)
    x = tf.constant([1.0, 2.0])
    with tf.get_default_graph().gradient_override_map({"Tanh": "TestBadRule"}):
        y = tf.tanh(x, name="t")
    with pytest.raises(kind, match=text):
        tf.gradients(y, x)


def test_no_gradient(registry):
    x = tf.constant([1.0, 2.0])
    with tf.get_default_graph().gradient_override_map({"Tanh": "TestNobody"}):
        y = tf.tanh(x, name="t")
    with pytest.raises(LookupError, match=r"No gradient defined for operation 't' \(op type: Tanh\), made at .*test_letter.py"):
        tf.gradients(y, x)
    tf.RegisterGradient("TestNobody")(lambda op, g: None)
    assert tf.gradients(y, x) == [None]


def test_the_registry(registry):
    for decorate in (tf.RegisterGradient("Tanh"), lambda f: tf.NotDifferentiable("Tanh"), lambda f: tf.NoGradient("Tanh")):
        with pytest.raises(KeyError, match="The gradient of op type 'Tanh' is registered already"):
            decorate(lambda op, g: g)
    for register in (tf.RegisterGradient, tf.NotDifferentiable, tf.NoGradient):
        with pytest.raises(TypeError, match="op_type must be a string, got 3"):
            register(3)
    tf.NoGradient("TestNobody")
    x = tf.constant(1.0)
    with tf.get_default_graph().gradient_override_map({"Exp": "TestNobody"}):
        y = tf.exp(x) * x
    assert tf.gradients(y, x)[0].eval() == pytest.approx(np.exp(1.0), rel=1e-6)


def test_override_by_a_rule_of_ones_own(registry):
    @tf.RegisterGradient("TestTwice")
    def twice(op, grad):
        return grad * 2.0
    x = tf.constant([1.0, -1.0])
    with tf.get_default_graph().gradient_override_map({"Relu": "TestTwice"}):
        y = tf.nn.relu(x)
    assert tf.gradients(y, x)[0].eval().tolist() == [2, 2] and tf.gradients(tf.nn.relu(x), x)[0].eval().tolist() == [1, 0]


def test_variables_and_their_reads():
    v = tf.Variable([1.0, 2.0])
    v.initializer.run()
    loss = tf.reduce_sum(v * v)
    for x in (v, v.value()):
        assert tf.gradients(loss, x)[0].eval().tolist() == [2, 4]
    assert tf.gradients(v, v)[0].eval().tolist() == [1, 1] and tf.gradients(tf.reduce_sum(v.read_value()), v)[0].eval().tolist() == [1, 1]
    assert isinstance(tf.gradients(tf.gather(v, [0]), v)[0], tf.IndexedSlices)


def test_hessians():
    x, m = tf.constant([1.0, 2.0]), tf.constant([[1.0, 2.0], [3.0, 4.0]])
    assert tf.hessians(tf.reduce_sum(x * x * x), x)[0].eval().tolist() == [[6, 0], [0, 12]]
    np.testing.assert_array_equal(tf.hessians(tf.reduce_sum(m * m), m)[0].eval(), 2 * np.eye(4).reshape(2, 2, 2, 2))
    both = tf.hessians([tf.reduce_sum(x * x), tf.reduce_sum(m)], [x, m])
    assert both[0].eval().tolist() == [[2, 0], [0, 2]] and not both[1].eval().any()
    scalar = tf.constant(2.0)
    assert tf.hessians(scalar * scalar, scalar)[0].eval() == 2.0
    with pytest.raises(ValueError, match="hessians needs a static shape"):
        p = tf.placeholder(tf.float32, [None])
        tf.hessians(tf.reduce_sum(p * p), p)


@pytest.mark.parametrize("method", ["ADD_N", "DEFAULT", "EXPERIMENTAL_TREE", "EXPERIMENTAL_ACCUMULATE_N"])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_every_way_of_summing_gives_the_sum(method, n):
    x = tf.constant(2.0)
    y = apply_op("AddN", [x * float(i + 1) for i in range(n)])
    assert tf.gradients(y, x, aggregation_method=getattr(tf.AggregationMethod, method))[0].eval() == n * (n + 1) / 2


def test_stop_gradients_and_unconnected():
    a = tf.constant(0.0)
    b = 2 * a
    total = a + b
    assert [g.eval() for g in tf.gradients(total, [a, b])] == [3, 1]
    assert [g.eval() for g in tf.gradients(total, [a, b], stop_gradients=[a, b])] == [1, 1]
    assert [g.eval() for g in tf.gradients(total, [a, b], stop_gradients=a)] == [3, 1]
    assert tf.gradients(tf.stop_gradient(a), a) == [None]
    zero, = tf.gradients(total, tf.constant([1.0, 2.0]), unconnected_gradients=tf.UnconnectedGradients.ZERO)
    assert zero.eval().tolist() == [0, 0]
