"""The algorithm: which paths are followed, how terms are summed, what is refused."""
import time

import numpy as np
import pytest

import minitf as tf
from minitf.core.registry import register_op
from minitf.ops.apply import apply_op


def op_types(since=0):
    return [op.type for op in tf.get_default_graph().get_operations()[since:]]


def test_quadratic_form():
    """d(x'Wx)/dx is (W + W')x, and 2Wx only where W is symmetric."""
    random = np.random.RandomState(0)
    w, x = random.randn(5, 5), random.randn(5, 1)
    W, X = tf.constant(w), tf.constant(x)
    grad, = tf.gradients(tf.matmul(X, tf.matmul(W, X), transpose_a=True), X)
    np.testing.assert_allclose(grad.eval(), (w + w.T) @ x, rtol=1e-12)
    assert not np.allclose(grad.eval(), 2 * w @ x)
    symmetric = w + w.T
    np.testing.assert_allclose(grad.eval({W: symmetric}), 2 * symmetric @ x, rtol=1e-12)


def test_diamond_and_a_tensor_used_twice():
    x = tf.constant(3.0)
    a, b = x * 2.0, x * 5.0
    assert tf.gradients(a * b, x)[0].eval() == 60.0
    assert tf.gradients(x * x * x, x)[0].eval() == 27.0
    y = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(tf.gradients(tf.matmul(y, y), y)[0].eval(), [[7, 11], [9, 13]])


def test_a_long_chain_is_differentiated_quickly():
    x = tf.constant(1.0)
    y = x
    for _ in range(5000):
        y = -y
    start = time.process_time()
    grad, = tf.gradients(y, x)
    seconds = time.process_time() - start
    assert grad.eval() == 1.0
    assert seconds < 3, f"{seconds:.2f} s"


def test_stacked_diamonds_are_differentiated_quickly():
    """200 levels have 2 ** 200 paths."""
    x = tf.constant(1.0, tf.float64)
    y = x
    for _ in range(200):
        y = y + y
    start = time.process_time()
    grad, = tf.gradients(y, x)
    seconds = time.process_time() - start
    assert grad.eval() == 2.0 ** 200
    assert seconds < 3, f"{seconds:.2f} s"


def test_each_op_is_visited_once():
    x = tf.constant(1.0)
    y = x
    for _ in range(20):
        y = tf.tanh(y) + tf.tanh(y)
    before = tf.get_default_graph().version
    tf.gradients(y, x)
    assert op_types(before).count("TanhGrad") == 40


def test_several_ys_and_xs():
    a, b = tf.constant(2.0), tf.constant(5.0)
    c = a * b
    ga, gb, gc = tf.gradients([c * c, a, c], [a, b, c])
    assert (ga.eval(), gb.eval(), gc.eval()) == (2 * 10 * 5 + 1 + 5, 2 * 10 * 2 + 2, 2 * 10 + 1)


def test_x_between_x_and_y():
    """The derivative with respect to a includes what goes through b, although b is an x itself."""
    a = tf.constant(2.0)
    b = a * a
    ga, gb = tf.gradients(b * 3.0, [a, b])
    assert (ga.eval(), gb.eval()) == (12.0, 3.0)


def test_y_is_x():
    x = tf.constant([1.0, 2.0])
    np.testing.assert_array_equal(tf.gradients(x, x)[0].eval(), [1, 1])
    np.testing.assert_array_equal(tf.gradients([x, x], x)[0].eval(), [2, 2])


def test_unconnected_is_none():
    x, z = tf.constant([1.0, 2.0]), tf.constant([3.0])
    assert tf.gradients(x * 2.0, [x, z])[1] is None
    assert tf.gradients(z, x, unconnected_gradients="zero")[0].eval().tolist() == [0, 0]
    with pytest.raises(ValueError, match="unconnected_gradients"):
        tf.gradients(z, x, unconnected_gradients="nothing")


def test_integers_and_stop_gradient_cut():
    x, n = tf.constant([1.5, 2.5]), tf.constant([1, 2])
    assert tf.gradients(tf.cast(tf.cast(x, tf.int32), tf.float32), x) == [None]
    assert tf.gradients(tf.cast(n, tf.float32) * x, n) == [None]
    assert tf.gradients(tf.cast(x, tf.int32), x) == [None]
    assert tf.gradients(tf.stop_gradient(x) * 2.0, x) == [None]
    np.testing.assert_array_equal(tf.gradients(tf.stop_gradient(x) * x, x)[0].eval(), [1.5, 2.5])


def test_stop_gradients_argument():
    x = tf.constant(3.0)
    y = x * x
    z = x + y
    gx, gy = tf.gradients(z * y, [x, y], stop_gradients=[x, y])
    assert (gx.eval(), gy.eval()) == (9.0, 12.0 + 9.0)


def test_grad_ys():
    x = tf.constant([1.0, 2.0])
    start = tf.constant([10.0, 100.0])
    np.testing.assert_array_equal(tf.gradients(x * x, x, grad_ys=start)[0].eval(), [20, 400])
    np.testing.assert_array_equal(tf.gradients([x * x, x], x, grad_ys=[start, None])[0].eval(), [21, 401])
    np.testing.assert_array_equal(tf.gradients(x * x, x, grad_ys=[[1.0, 0.0]])[0].eval(), [2, 0])
    with pytest.raises(ValueError, match="Passed 2 grad_ys for 1 ys"):
        tf.gradients(x, x, grad_ys=[start, start])
    with pytest.raises(ValueError, match=r"grad_ys\[0\] has shape \[3\], but ys\[0\]"):
        tf.gradients(x, x, grad_ys=tf.zeros([3]))
    with pytest.raises(TypeError, match="float64"):
        tf.gradients(x, x, grad_ys=tf.zeros([2], tf.float64))


def test_second_and_third_order():
    x = tf.constant(2.0, tf.float64)
    g = x ** 5.0
    for expected in (5 * 2 ** 4, 20 * 2 ** 3, 60 * 2 ** 2, 120 * 2, 120):
        g, = tf.gradients(g, x)
        assert g.eval() == expected


def test_hessian():
    x = tf.constant([1.0, 2.0, 3.0])
    y = x[0] * x[1] * x[2] + x[0] * x[0]
    hessian, = tf.hessians(y, x)
    np.testing.assert_array_equal(hessian.eval(), [[2, 3, 2], [3, 0, 1], [2, 1, 0]])
    assert tf.hessians(y, tf.constant([1.0])) == [None]
    with pytest.raises(ValueError, match="static shape"):
        tf.hessians(y, tf.placeholder(tf.float32, [None]))


def test_unused_outputs_count_as_zeros():
    x = tf.constant([1.0, 2.0, 3.0])
    first, _, third = tf.unstack(x)
    np.testing.assert_array_equal(tf.gradients(first * third, x)[0].eval(), [3, 0, 1])


def test_with_respect_to_variables(session):
    v = tf.Variable([1.0, 2.0], name="v")
    session.run(v.initializer)
    np.testing.assert_array_equal(tf.gradients(v * v, v)[0].eval(), [2, 4])
    np.testing.assert_array_equal(tf.gradients(v * v.read_value(), v)[0].eval(), [2, 4])
    np.testing.assert_array_equal(tf.gradients(v * v.read_value(), v.value())[0].eval(), [1, 2])


def test_gradients_work_from_another_default_graph():
    x = tf.constant(2.0)
    y = x * x
    with tf.Graph().as_default():
        grad, = tf.gradients(y, x)
    assert grad.graph is x.graph and grad.eval() == 4.0


def test_names_and_original_ops():
    x = tf.constant(2.0)
    y = tf.tanh(x, name="layer/act")
    grad, = tf.gradients(y, x)
    assert grad.op.name == "gradients/layer/act_grad/TanhGrad"
    assert grad.op.original_op is y.op
    assert tf.gradients(y, x)[0].op.name == "gradients_1/layer/act_grad/TanhGrad"
    assert tf.gradients(y, x, name="back")[0].op.name == "back/layer/act_grad/TanhGrad"


def test_colocation_and_gating():
    with tf.device("/device:CPU:1"):
        x = tf.constant([[2.0]])
        y = tf.matmul(x, x, name="product")
    grad, = tf.gradients(y, x, colocate_gradients_with_ops=True)
    graph = tf.get_default_graph()
    inner = [op for op in graph.get_operations() if op.name.startswith("gradients/product_grad/MatMul")]
    assert len(inner) == 2 and all(op.device == y.op.device and op.colocation == ["product"] for op in inner)
    before = graph.version
    gated, = tf.gradients(y, x, gate_gradients=True)
    assert "NoOp" in op_types(before)
    with tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as sess:
        assert sess.run(gated) == 4.0


def test_aggregation_methods():
    x = tf.constant(3.0)
    ys = [x * float(k) for k in range(1, 6)]
    for method, op_type, count in ((None, "AddN", 1), (tf.AggregationMethod.ADD_N, "AddN", 1), (tf.AggregationMethod.EXPERIMENTAL_TREE, "Add", 4),
                                   (tf.AggregationMethod.EXPERIMENTAL_ACCUMULATE_N, "AddN", 1)):
        before = tf.get_default_graph().version
        grad, = tf.gradients(ys, x, aggregation_method=method)
        assert op_types(before).count(op_type) == count
        assert grad.eval() == 15.0
    with pytest.raises(ValueError, match="Invalid aggregation_method specified 7"):
        tf.gradients(ys, x, aggregation_method=7)


def test_terms_of_one_device_are_summed_there():
    x = tf.constant(3.0)
    ys = []
    for i in (0, 1):
        with tf.device(f"/device:CPU:{i}"):
            ys += [x * 2.0, x * 3.0]
    grad, = tf.gradients(ys, x, colocate_gradients_with_ops=True)
    parts = [t.op for t in grad.op.inputs]
    assert [op.type for op in parts] == ["AddN", "AddN"]
    assert {op.device for op in parts} == {y.op.device for y in ys}


def test_equal_static_shapes_need_no_shape_ops():
    x, y = tf.placeholder(tf.float32, [4, 5]), tf.placeholder(tf.float32, [4, 5])
    z = x * y + tf.tanh(x)
    before = tf.get_default_graph().version
    tf.gradients(z, [x, y])
    assert sorted(set(op_types(before))) == ["AddN", "Const", "Mul", "TanhGrad"]


def test_a_bias_is_reduced_by_constant_axes_even_if_the_batch_size_is_unknown():
    x, b = tf.placeholder(tf.float32, [None, 5]), tf.placeholder(tf.float32, [5])
    y = x + b
    dy = tf.placeholder(tf.float32, [None, 5])
    before = tf.get_default_graph().version
    gx, gb = tf.gradients(y, [x, b], grad_ys=dy)
    assert gx is dy and op_types(before) == ["Const", "Sum"]
    np.testing.assert_array_equal(gb.eval({dy: np.ones((3, 5), np.float32)}), [3] * 5)


def test_the_gradient_of_split_is_one_concat():
    x = tf.placeholder(tf.float32, [2, 8])
    parts = tf.split(x, 4, axis=1)
    dys = [tf.placeholder(tf.float32, [2, 2]) for _ in parts]
    before = tf.get_default_graph().version
    grad, = tf.gradients(parts, x, grad_ys=dys)
    assert grad.op.type == "ConcatV2" and "AddN" not in op_types(before)
    values = [np.full((2, 2), float(i)) for i in range(4)]
    np.testing.assert_array_equal(grad.eval(dict(zip(dys, values))), np.concatenate(values, 1))
    some, = tf.gradients([parts[0], parts[2]], x, grad_ys=[dys[0], dys[2]])
    values[1] = values[3] = np.zeros((2, 2))
    np.testing.assert_array_equal(some.eval(dict(zip(dys, values))), np.concatenate(values, 1))


def test_the_gradient_of_a_mean_cross_entropy_is_a_scaled_backprop():
    logits, labels = tf.placeholder(tf.float32, [8, 3]), tf.placeholder(tf.float32, [8, 3])
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits))
    grad, = tf.gradients(loss, logits)
    assert grad.op.type == "Mul" and sorted(t.get_shape().ndims for t in grad.op.inputs) == [0, 2]


def test_registering_a_gradient_and_overriding_it():
    @tf.RegisterGradient("TestTripled")
    def tripled(op, grad):
        return grad * 3.0

    graph, x = tf.get_default_graph(), tf.constant(5.0)
    with graph.gradient_override_map({"Identity": "TestTripled"}):
        y = tf.identity(x)
    assert tf.gradients(y, x)[0].eval() == 3.0
    assert tf.gradients(tf.identity(x), x)[0].eval() == 1.0
    with pytest.raises(KeyError):
        tf.RegisterGradient("TestTripled")(tripled)


def of_type(op_type, rule=None):
    """(x, y): a float32[2, 3] tensor and an op of it, of a new type with that gradient rule, or without one."""
    try:
        register_op(op_type, ["x: float32"], ["y: float32"])(lambda c: [c.inputs[0]])
        if rule is not None:
            tf.RegisterGradient(op_type)(rule)
    except ValueError:          # made by an earlier run of the test in this process
        pass
    x = tf.zeros([2, 3])
    return x, apply_op(op_type, x, name="op")


def test_a_rule_must_give_what_fits():
    x, y = of_type("TestTwo", lambda op, grad: (grad, grad))
    with pytest.raises(ValueError, match="Num gradients 2 generated for op 'op' .* do not match num inputs 1"):
        tf.gradients(y, x)
    x, y = of_type("TestDouble", lambda op, grad: tf.cast(grad, tf.float64))
    with pytest.raises(ValueError, match="Gradient type float64 generated for op .* does not match input type float32"):
        tf.gradients(y, x)
    x, y = of_type("TestShape", lambda op, grad: tf.zeros([3]))
    with pytest.raises(ValueError, match=r"Incompatible shapes between op input and calculated input gradient.*\[2,3\].*\[3\]"):
        tf.gradients(y, x)


def test_no_gradient_defined():
    x, y = of_type("TestOpaque")
    with pytest.raises(LookupError, match=r"No gradient defined for operation 'op' \(op type: TestOpaque\)"):
        tf.gradients(y, x)
    assert tf.gradients(tf.stop_gradient(y) + x, x)[0] is not None


def test_a_failing_gradient_op_names_the_forward_op(session):
    data, ids = tf.ones([2]), tf.placeholder(tf.int32, [2])
    y = tf.unsorted_segment_sum(data, ids, 3, name="sums")
    grad, = tf.gradients(y, data)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"a gradient of: 'sums' \(UnsortedSegmentSum\), defined at: .*test_gradients.py"):
        session.run(grad, {ids: [0, 3]})
