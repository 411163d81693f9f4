"""Every rule against central differences, first and second derivatives, by inner products in float64.

Each line of a table is an op with the shapes (or points) at which it is checked; most are checked again with no shape known while
the graph is built.
"""
import numpy as np
import pytest

import minitf as tf
from minitf.autodiff import check_gradient, compute_gradient, compute_gradient_error
from minitf.core.registry import gradient_of, op_types
from minitf.ops.apply import apply_op

POSITIVE = (0.3, 2.0)
SHAPES = [(3, 4), (), (1,), (0,), (2, 0, 3)]


def op(op_type, **attrs):
    return lambda *inputs: apply_op(op_type, *inputs, **attrs)


UNARY = {
    "Identity": (-1, 1), "Neg": (-1, 1), "Square": (-1, 1), "Sqrt": POSITIVE, "Rsqrt": POSITIVE, "Exp": (-1, 1), "Log": POSITIVE,
    "Log1p": (-0.5, 2), "Tanh": (-2, 2), "Sigmoid": (-2, 2), "Abs": (-1, 1), "Sign": (-1, 1), "Reciprocal": POSITIVE, "Relu": (-1, 1),
    "Softplus": (-3, 3), "L2Loss": (-1, 1),
}


@pytest.mark.parametrize("op_type", UNARY)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_unary(op_type, shape):
    check_gradient(op(op_type), shape, domain=UNARY[op_type])
    check_gradient(op(op_type), shape, domain=UNARY[op_type], known_shapes=False)


@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("shape", [(3, 4), (5,), (2, 3, 4), (1, 1), (0, 3)], ids=str)
def test_softmax(op_type, shape):
    check_gradient(op(op_type), shape, domain=(-2, 2))
    check_gradient(op(op_type), shape, domain=(-2, 2), known_shapes=False)


@pytest.mark.parametrize("op_type", ["TanhGrad", "SigmoidGrad", "SqrtGrad", "ReluGrad", "SoftplusGrad"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_derivatives_that_are_ops(op_type, shape):
    check_gradient(op(op_type), shape, shape, domain=POSITIVE)
    check_gradient(op(op_type), shape, shape, domain=POSITIVE, known_shapes=False)


@pytest.mark.parametrize("op_type", ["Tanh", "Sigmoid", "Sqrt", "Exp", "Softplus"])
def test_third_derivatives(op_type):
    check_gradient(op(op_type), (4,), order=3, domain=POSITIVE)


BINARY = {"Add": (-1, 1), "Sub": (-1, 1), "Mul": (-1, 1), "RealDiv": POSITIVE, "Pow": POSITIVE, "Maximum": (-1, 1), "Minimum": (-1, 1),
          "SquaredDifference": (-1, 1)}
BROADCASTS = [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 4), ()), ((), ()), ((3, 1), (1, 4)), ((2, 1, 3), (5, 1)), ((1,), (3, 4)), ((1, 1), (4,)),
              ((0, 3), (3,)), ((0, 3), (1, 1)), ((2, 0), ()), ((3, 1), (3, 0))]


@pytest.mark.parametrize("op_type", BINARY)
@pytest.mark.parametrize("shapes", BROADCASTS, ids=str)
def test_binary(op_type, shapes):
    check_gradient(op(op_type), *shapes, domain=BINARY[op_type])
    check_gradient(op(op_type), *reversed(shapes), domain=BINARY[op_type])
    check_gradient(op(op_type), *shapes, domain=BINARY[op_type], known_shapes=False)


@pytest.mark.parametrize("shapes", [((None, 4), (4,)), ((None, 4), (3, None)), ((None, 1), (None, 4)), ((3, None), (None,)), ((None,), ())], ids=str)
def test_broadcasting_of_partly_known_shapes(shapes):
    """Every size that the shapes leave open, 1 and others: the gradients must have the shapes of the inputs."""
    x, y = (tf.placeholder(tf.float64, shape) for shape in shapes)
    gx, gy = tf.gradients(x * y, [x, y])
    sizes = [[1, 3, 4] if d is None else [d] for shape in shapes for d in shape]
    for choice in np.stack(np.meshgrid(*sizes), -1).reshape(-1, len(sizes)).tolist():
        a, b = np.random.random_sample(choice[:len(shapes[0])]), np.random.random_sample(choice[len(shapes[0]):])
        a, b = np.asarray(a), np.asarray(b)
        try:
            ones = np.ones(np.broadcast(a, b).shape)
        except ValueError:
            continue
        for grad, own, other in ((gx, a, b), (gy, b, a)):
            spread = np.asarray(ones * other)
            axes = tuple(i for i in range(ones.ndim) if i < ones.ndim - own.ndim or own.shape[i - ones.ndim] == 1)
            np.testing.assert_allclose(grad.eval({x: a, y: b}), spread.sum(axes).reshape(own.shape), rtol=1e-12)


def test_floor_mod():
    check_gradient(op("FloorMod"), points=[[5.3, -7.1, 2.2], [2.0, 3.0, -1.5]])


def test_maximum_gives_ties_to_the_first():
    x, y = tf.constant([1.0, 2.0, 3.0]), tf.constant([1.0, 3.0, 2.0])
    for function, to_x in ((tf.maximum, [1, 0, 1]), (tf.minimum, [1, 1, 0])):
        gx, gy = tf.gradients(function(x, y), [x, y])
        np.testing.assert_array_equal(gx.eval(), to_x)
        np.testing.assert_array_equal(gy.eval(), 1 - np.array(to_x))


@pytest.mark.parametrize("constant", [True, False])
def test_pow_at_zero(constant):
    base = tf.placeholder(tf.float64, [4])
    exponents = np.array([0.0, 1.0, 2.0, 3.0])
    power = tf.constant(exponents) if constant else tf.placeholder(tf.float64, [4])
    feed = {base: np.zeros(4)} if constant else {base: np.zeros(4), power: exponents}
    g_base, g_power = tf.gradients(base ** power, [base, power])
    np.testing.assert_array_equal(g_base.eval(feed), [0, 1, 0, 0])
    np.testing.assert_array_equal(g_power.eval(feed), [0, 0, 0, 0])
    second, = tf.gradients(g_base, base)
    np.testing.assert_array_equal(second.eval(feed), [0, 0, 2, 0])


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.0, -1.0, 0.5])
def test_pow_with_a_constant_exponent(exponent):
    check_gradient(lambda x: x ** exponent, (5,), domain=POSITIVE)
    if exponent == int(exponent):
        check_gradient(lambda x: x ** exponent, points=[[-2.0, -0.5, 1.5]])


@pytest.mark.parametrize("ta", [False, True])
@pytest.mark.parametrize("tb", [False, True])
@pytest.mark.parametrize("sizes", [(2, 3, 4), (1, 1, 1), (0, 3, 4), (2, 0, 4)], ids=str)
def test_matmul(ta, tb, sizes):
    m, k, n = sizes
    a, b = ((k, m) if ta else (m, k)), ((n, k) if tb else (k, n))
    check_gradient(op("MatMul", transpose_a=ta, transpose_b=tb), a, b)
    check_gradient(op("MatMul", transpose_a=ta, transpose_b=tb), a, b, known_shapes=False)


def test_add_n():
    check_gradient(lambda x, y: tf.add_n([x, y, x]) * x, (2, 3), (2, 3))


REDUCTIONS = [((3, 4), None), ((3, 4), [0]), ((3, 4), [1]), ((3, 4), [-1, 0]), ((2, 3, 4), [1]), ((2, 3, 4), [0, 2]), ((2, 3, 4), [1, 2]),
              ((5,), 0), ((), None), ((3, 4), []), ((1, 4), [0]), ((3, 1), [1]), ((3, 0), [0])]
OF_NOTHING = [((0, 3), [0]), ((0, 3), None), ((2, 0), [1])]       # where a mean is NaN and an extreme infinite


@pytest.mark.parametrize("name, shape, axis", [(name, *case) for name in ("sum", "mean", "max", "min", "prod")
                                               for case in REDUCTIONS + OF_NOTHING * (name in ("sum", "prod"))], ids=str)
@pytest.mark.parametrize("keep_dims", [False, True])
def test_reductions(name, shape, axis, keep_dims):
    function = getattr(tf, f"reduce_{name}")
    for known in (True, False):
        check_gradient(lambda x: function(x, axis, keep_dims), shape, known_shapes=known)


def test_a_reduction_whose_axes_are_known_at_run_time_only():
    axes = tf.placeholder(tf.int32, [None])
    for name in ("sum", "mean", "max", "prod"):
        for keep_dims, known in ((False, True), (True, False)):
            check_gradient(lambda x: getattr(tf, f"reduce_{name}")(x, axes, keep_dims), (2, 3, 4), domain=POSITIVE, known_shapes=known,
                           extra_feed_dict={axes: [2, -3]})


def test_mean_of_a_batch_of_unknown_size():
    x = tf.placeholder(tf.float64, [None, 4])
    for axis, count in ((None, 12), (0, 3), (1, 4)):
        grad, = tf.gradients(tf.reduce_mean(x, axis), x)
        np.testing.assert_allclose(grad.eval({x: np.zeros((3, 4))}), np.full((3, 4), 1 / count))


def test_ties_of_an_extreme_share():
    x = tf.constant([[1.0, 3.0, 3.0, 0.0], [5.0, 5.0, 5.0, 5.0]])
    np.testing.assert_array_equal(tf.gradients(tf.reduce_max(x, 1), x)[0].eval(), [[0, 0.5, 0.5, 0], [0.25] * 4])
    np.testing.assert_array_equal(tf.gradients(tf.reduce_min(x, 0), x)[0].eval(), [[1, 1, 1, 1], [0, 0, 0, 0]])


@pytest.mark.parametrize("known", [True, False])
def test_prod_with_zeros(known):
    x = tf.placeholder(tf.float64, [4, 3] if known else None)
    value = np.array([[2.0, 3.0, 4.0], [0.0, 3.0, 4.0], [0.0, 3.0, 0.0], [0.0, 0.0, 0.0]])
    grad, = tf.gradients(tf.reduce_prod(x, 1), x)
    np.testing.assert_allclose(grad.eval({x: value}), [[12, 8, 6], [12, 0, 0], [0, 0, 0], [0, 0, 0]])
    if known:
        second, = tf.gradients(tf.reduce_sum(grad), x)
        np.testing.assert_allclose(second.eval({x: value}), [[7, 6, 5], [7, 4, 3], [3, 0, 3], [0, 0, 0]])


ARRAY = [
    ("reshape", lambda x: tf.reshape(x, [4, -1]), (2, 3, 2)),
    ("reshape to a scalar", lambda x: tf.reshape(x, []), (1, 1)),
    ("reshape empty", lambda x: tf.reshape(x, [0, 5]), (3, 0)),
    ("expand_dims", lambda x: tf.expand_dims(x, 1), (2, 3)),
    ("squeeze", lambda x: tf.squeeze(x, [0, 2]), (1, 3, 1)),
    ("squeeze all", tf.squeeze, (1, 3, 1)),
    ("transpose", lambda x: tf.transpose(x, [2, 0, 1]), (2, 3, 4)),
    ("transpose reversed", tf.transpose, (2, 3)),
    ("broadcast_to", lambda x: tf.broadcast_to(x, [5, 2, 3]), (2, 1)),
    ("broadcast_to same", lambda x: tf.broadcast_to(x, [2, 3]), (2, 3)),
    ("broadcast a scalar", lambda x: tf.broadcast_to(x, [2, 3]), ()),
    ("fill", lambda x: tf.fill([2, 3], x), ()),
    ("stack", lambda x: tf.stack([x, x * x], 1), (2, 3)),
    ("unstack", lambda x: tf.unstack(x, 3, -1)[1], (2, 3)),
    ("unstack and use two", lambda x: tf.unstack(x, 3)[0] * tf.unstack(x, 3)[2], (3, 2)),
    ("concat", lambda x: tf.concat([x, x * x, x[:, :1]], 1), (2, 3)),
    ("concat of nothing", lambda x: tf.concat([x[:0], x], 0), (2, 3)),
    ("slice", lambda x: tf.slice(x, [1, 0, 2], [1, -1, 2]), (2, 3, 5)),
    ("slice all", lambda x: tf.slice(x, [0, 0], [-1, -1]), (2, 3)),
    ("slice nothing", lambda x: tf.slice(x, [1, 3], [1, 0]), (2, 3)),
    ("index", lambda x: x[1, 1:], (2, 3)),
    ("index from the end", lambda x: x[-1], (4, 2)),
    ("pad", lambda x: tf.pad(x, [[1, 0], [2, 3]]), (2, 3)),
    ("tile", lambda x: tf.tile(x, [2, 1, 3]), (2, 3, 1)),
    ("tile a vector", lambda x: tf.tile(x, [3]), (2,)),
    ("tile once", lambda x: tf.tile(x, [1, 1]), (2, 3)),
    ("tile to nothing", lambda x: tf.tile(x, [0, 2]), (2, 3)),
    ("gather", lambda x: tf.gather(x, [2, 0, 2]), (3, 2)),
    ("gather a matrix of indices", lambda x: tf.gather(x, [[0, 1], [1, 1]]), (3, 2)),
    ("unsorted_segment_sum", lambda x: tf.unsorted_segment_sum(x, [1, 0, 1, -1], 3), (4, 2)),
    ("unsorted_segment_sum over two axes", lambda x: tf.unsorted_segment_sum(x, [[1, 0], [1, -1]], 2), (2, 2, 3)),
    ("select", lambda x: tf.where([[True, False], [False, True]], x, x * x), (2, 2)),
    ("select rows", lambda x: tf.where([True, False], x, x * x), (2, 3)),
    ("placeholder_with_default", lambda x: tf.placeholder_with_default(x, [2, 3]), (2, 3)),
]


@pytest.mark.parametrize("function, shape", [case[1:] for case in ARRAY], ids=[case[0] for case in ARRAY])
def test_array(function, shape):
    """The cube makes the second derivative of these linear ops say something."""
    check_gradient(lambda x: function(x) ** 3.0, shape, domain=POSITIVE)
    needs_rank = any(name in ("index", "index from the end", "concat", "transpose reversed") and f is function for name, f, _ in ARRAY)
    if not needs_rank:
        check_gradient(lambda x: function(x) ** 3.0, shape, domain=POSITIVE, known_shapes=False)


RUN_TIME = [
    ("transpose", lambda x, perm: tf.transpose(x, perm), [[1, 0]], (2, 3)),
    ("slice", lambda x, begin, size: tf.slice(x, begin, size), [[1, 0], [1, 2]], (2, 3)),
    ("pad", lambda x, paddings: tf.pad(x, paddings), [[[1, 2], [0, 1]]], (2, 3)),
    ("tile", lambda x, multiples: tf.tile(x, multiples), [[2, 3]], (2, 3)),
    ("broadcast_to", lambda x, shape: tf.broadcast_to(x, shape), [[4, 2, 3]], (2, 1)),
    ("concat", lambda x, axis: tf.concat([x, x * x], axis), [1], (2, 3)),
    ("gather", lambda x, indices: tf.gather(x, indices), [[1, 1]], (2, 3)),
    ("reshape", lambda x, shape: tf.reshape(x, shape), [[3, 2]], (2, 3)),
    ("fill", lambda x, shape: tf.fill(shape, x), [[3, 2]], ()),
    ("unsorted_segment_sum", lambda x, ids, n: tf.unsorted_segment_sum(x, ids, n), [[2, 0], 3], (2, 3)),
]


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("function, arguments, shape", [case[1:] for case in RUN_TIME], ids=[case[0] for case in RUN_TIME])
def test_arguments_that_are_fed(function, arguments, shape, known):
    fed = [tf.placeholder(tf.int32) for _ in arguments]
    check_gradient(lambda x: function(x, *fed) ** 2.0, shape, known_shapes=known, extra_feed_dict=dict(zip(fed, arguments)))


def test_bias_add():
    for known in (True, False):
        check_gradient(op("BiasAdd"), (2, 3), (3,), known_shapes=known)
        check_gradient(lambda x, b: op("BiasAdd")(x, b) ** 2.0, (2, 4, 3), (3,), known_shapes=known)
        check_gradient(lambda x, b: tf.nn.bias_add(x, b, "NCHW") ** 2.0, (2, 3, 4, 2), (3,), known_shapes=known)
    check_gradient(lambda x: op("BiasAddGrad")(x) ** 2.0, (2, 3))


@pytest.mark.parametrize("shape", [(4, 3), (1, 1), (0, 3)], ids=str)
def test_softmax_cross_entropy(shape):
    """The op's backprop, and so the rule, is exact for labels that sum to 1 in each row."""
    raw = np.random.RandomState(1).rand(*shape)
    labels = raw / raw.sum(1, keepdims=True) if raw.size else raw
    for known in (True, False):
        check_gradient(lambda x: op("SoftmaxCrossEntropyWithLogits")(x, labels)[0] ** 2.0, shape, known_shapes=known, domain=(-2, 2))
        check_gradient(lambda x: op("SoftmaxCrossEntropyWithLogits")(x, labels)[1], shape, known_shapes=known, order=1)
    check_gradient(lambda y: op("SoftmaxCrossEntropyWithLogits")(np.ones(shape) * np.arange(shape[1]), y)[0] ** 2.0, shape)
    check_gradient(lambda y: op("SoftmaxCrossEntropyWithLogits")(np.ones(shape) * np.arange(shape[1]), y)[1], shape)


def test_sparse_softmax_cross_entropy():
    for known in (True, False):
        check_gradient(lambda x: op("SparseSoftmaxCrossEntropyWithLogits")(x, [2, 0, 1])[0] ** 2.0, (3, 4), known_shapes=known, domain=(-2, 2))


def test_logits_of_a_layer_to_second_order():
    """Through all of it: product, bias, relu, cross entropy, mean."""
    labels = np.eye(3)[[0, 2, 1, 1]]

    def loss(x, w, b, u):
        hidden = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, w), b))
        logits = tf.matmul(hidden, u)
        logits.set_shape([None, None])                  # the product of tensors of any rank may have any
        return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=tf.constant(labels), logits=logits))

    check_gradient(loss, (4, 5), (5, 6), (6,), (6, 3))
    check_gradient(loss, (4, 5), (5, 6), (6,), (6, 3), known_shapes=False)


def test_casts():
    x = tf.constant([1.5, 2.5], tf.float64)
    grad, = tf.gradients(tf.cast(tf.cast(x, tf.float32) * 2.0, tf.float64), x)
    assert grad.dtype == tf.float64 and grad.eval().tolist() == [2, 2]


def test_stays_finite_where_a_careless_rule_would_not():
    x = tf.constant([1000.0, -1000.0])
    second, = tf.gradients(tf.gradients(tf.nn.softplus(x), x)[0], x)
    np.testing.assert_array_equal(second.eval(), [0, 0])


def test_every_op_has_a_rule_or_says_that_it_has_none():
    missing = []
    for name in op_types():
        if name.startswith(("_", "Test")):
            continue
        try:
            gradient_of(name)
        except LookupError:
            missing.append(name)
    assert missing == []


def test_the_check_notices_a_wrong_rule():
    def wrong(x):
        return tf.tanh(x) + tf.stop_gradient(0.001 * x)

    with pytest.raises(AssertionError, match="derivative 1: the rules give"):
        check_gradient(wrong, (3, 4))

    def wrong_twice(x):
        y = x * x
        return y * y + tf.stop_gradient(x * x) - y

    with pytest.raises(AssertionError):
        check_gradient(wrong_twice, (3,))


def test_compute_gradient():
    x = tf.constant(np.array([[1.0, 2.0], [3.0, 4.0]]))
    y = tf.matmul(x, x)
    theoretical, numerical = compute_gradient(x, [2, 2], y, [2, 2], x_init_value=np.array([[1.0, 2.0], [3.0, 4.0]]), delta=1e-5)
    np.testing.assert_allclose(theoretical, numerical, atol=1e-8)
    np.testing.assert_array_equal(theoretical[0], [2, 2, 3, 0])
    assert compute_gradient_error(x, [2, 2], y, [2, 2]) < 1e-9
    assert compute_gradient_error([x, x], [[2, 2], [2, 2]], tf.stop_gradient(x) * x, [2, 2], x_init_value=[np.ones((2, 2))] * 2) > 0.5
