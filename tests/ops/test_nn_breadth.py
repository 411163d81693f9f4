"""Activations, top_k, moments, normalisation, losses: values against NumPy in float64, static shapes against the run's."""
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import minitf as tf

from .forms import check

RNG = np.random.default_rng(0)
SHAPES = [(3, 4), (), (1,), (0,), (2, 0, 3), (1000,)]


def run(fetches, feed=None):
    with tf.Session() as sess:
        return sess.run(fetches, feed)


def normal(shape, dtype=np.float64, scale=1.0):
    return np.asarray(RNG.normal(size=shape) * scale, dtype)


SCALE, ALPHA = 1.0507009873554805, 1.6732632423543772
ACTIVATIONS = {
    "relu6": lambda x: np.minimum(np.maximum(x, 0), 6), "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "selu": lambda x: SCALE * np.where(x > 0, x, ALPHA * np.expm1(np.minimum(x, 0))), "softsign": lambda x: x / (1 + np.abs(x)),
    "leaky_relu": lambda x: np.where(x > 0, x, x.dtype.type(0.2) * x),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations(name, shape, dtype):
    for scale in (1e-6, 0.1, 1, 10, 100):
        x = normal(shape, dtype, scale)
        expected = ACTIVATIONS[name](x.astype(np.float64) if name != "leaky_relu" else x).astype(dtype)
        check(getattr(tf.nn, name), expected, x, close=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", ["elu", "selu", "softsign", "relu6"])
def test_activations_within_four_units_in_the_last_place(name):
    x = np.concatenate([-np.logspace(-30, 2, 20001), np.logspace(-30, 2, 2001), [0.0]]).astype(np.float32)
    got, exact = run(getattr(tf.nn, name)(tf.constant(x))), ACTIVATIONS[name](x.astype(np.float64))
    with np.errstate(under="ignore"):
        assert (np.abs(got - exact) / np.spacing(np.abs(exact).astype(np.float32))).max() <= 4


def test_activations_of_what_is_not_finite():
    x = tf.constant(np.float32([np.nan, np.inf, -np.inf]))
    for name, expected in (("relu6", [np.nan, 6, 0]), ("elu", [np.nan, np.inf, -1]), ("selu", [np.nan, np.inf, np.float32(-SCALE * ALPHA)])):
        np.testing.assert_allclose(run(getattr(tf.nn, name)(x)), np.float32(expected), rtol=1e-6)


def test_integer_relu6_and_crelu():
    for dtype in (np.int32, np.int64):
        check(tf.nn.relu6, np.array([0, 0, 3, 6], dtype), np.array([-2, 0, 3, 9], dtype))
    x = normal((2, 3, 4))
    for axis in (-1, 0, 1):
        check(lambda t: tf.nn.crelu(t, axis=axis), np.maximum(np.concatenate([x, -x], axis), 0), x)


@settings(max_examples=120, deadline=None)
@given(st.lists(st.integers(0, 4), max_size=2), st.integers(0, 40), st.data(), st.sampled_from([np.float32, np.float64, np.int32, np.int64, np.uint8]))
def test_top_k(outer, n, data, dtype):
    k = data.draw(st.integers(0, n))
    x = np.random.default_rng(n).integers(0, 12, (*outer, n)).astype(dtype)
    order = np.argsort(-x.astype(np.float64), -1, kind="stable")[..., :k]
    with tf.Graph().as_default(), tf.Session() as sess:
        t = tf.placeholder(dtype, [None] * x.ndim)
        known, fed = tf.nn.top_k(tf.constant(x), k), tf.nn.top_k(t, k)
        assert known.values.get_shape().as_list() == known.indices.get_shape().as_list() == [*outer, k]
        for values, indices in sess.run([known, fed], {t: x}):
            np.testing.assert_array_equal(indices, order)
            np.testing.assert_array_equal(values, np.take_along_axis(x, order, -1))
            assert indices.dtype == np.int32 and values.dtype == dtype


def test_top_k_puts_nan_last_and_refuses():
    values, places = run(tf.nn.top_k([np.nan, 1.0, np.nan, 3.0], 3))
    np.testing.assert_array_equal(places, [3, 1, 0])
    with pytest.raises(ValueError, match="last dimension >= k = 3 but is 2"):
        tf.nn.top_k([1, 2], 3)
    x = tf.placeholder("float32")
    with pytest.raises(tf.errors.InvalidArgumentError, match="k"):
        run(tf.nn.top_k(x, 3), {x: [1, 2]})


@pytest.mark.parametrize("axes", [[0], [0, 1], [0, 1, 2], [-1]], ids=str)
@pytest.mark.parametrize("keep", [False, True])
def test_moments(axes, keep):
    x, shift = normal((4, 5, 3)), np.float64(0.3)
    mean, variance = x.mean(tuple(axes), keepdims=keep), x.var(tuple(axes), keepdims=keep)
    check(lambda t: tf.nn.moments(t, axes, keep_dims=keep), [mean, variance], x, close=1e-12)
    for s in (None, shift):
        count = np.float64(np.prod([x.shape[a] for a in axes]))
        y = x if s is None else x - s
        check(lambda t: tf.nn.sufficient_statistics(t, axes, s, keep)[:3],
              [count, y.sum(tuple(axes), keepdims=keep), (y ** 2).sum(tuple(axes), keepdims=keep)], x, close=1e-12)
        check(lambda t: tf.nn.normalize_moments(*tf.nn.sufficient_statistics(t, axes, s, keep)), [mean, variance], x, close=1e-11)
    for weights in (RNG.random((4, 5, 3)), RNG.random((5, 1)), np.float64(2)):
        w = np.broadcast_to(weights, x.shape)
        mean = np.average(x, tuple(axes), w, keepdims=keep)
        variance = np.average((x - np.average(x, tuple(axes), w, keepdims=True)) ** 2, tuple(axes), w, keepdims=keep)
        check(lambda t, u: tf.nn.weighted_moments(t, axes, u, keep_dims=keep), [mean, variance], x, weights, close=1e-12)


@pytest.mark.parametrize("offset", [True, False])
@pytest.mark.parametrize("scale", [True, False])
def test_batch_normalization(offset, scale):
    x, mean, variance = normal((2, 3, 3, 4)), normal(4), RNG.random(4)
    beta, gamma = normal(4) if offset else None, normal(4) if scale else None
    expected = (x - mean) / np.sqrt(variance + 0.01) * (1 if gamma is None else gamma) + (0 if beta is None else beta)
    check(lambda t, m, v: tf.nn.batch_normalization(t, m, v, beta, gamma, 0.01), expected, x, mean, variance, close=1e-12)
    if offset and scale:
        check(lambda t, m, v: tf.nn.batch_norm_with_global_normalization(t, m, v, beta, gamma, 0.01, True), expected, x, mean, variance, close=1e-12)


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


@pytest.mark.parametrize("dim", [0, 1, 2, -1, -2])
def test_softmax_along_any_dimension_of_unknown_rank(dim):
    x = normal((3, 4, 2))
    labels = softmax(normal(x.shape), dim)
    loss = -(labels * np.log(softmax(x, dim))).sum(dim)
    check(lambda t: tf.nn.softmax(t, dim), softmax(x, dim), x, close=1e-12)
    check(lambda t: tf.nn.log_softmax(t, axis=dim), np.log(softmax(x, dim)), x, close=1e-12)
    for function in (tf.nn.softmax_cross_entropy_with_logits, tf.nn.softmax_cross_entropy_with_logits_v2):
        check(lambda t, y: function(labels=y, logits=t, dim=dim), loss, x, labels, close=1e-12)


def test_cross_entropies_of_unknown_rank():
    for shape in ((5, 3), (2, 4, 3), (3,)):
        x, ids = normal(shape), RNG.integers(0, 3, shape[:-1])
        expected = -np.log(np.take_along_axis(softmax(x, -1), ids[..., None], -1))[..., 0]
        check(lambda t, i: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=i, logits=t), expected, x, ids, close=1e-12)


def test_gradients_of_labels():
    labels, logits = tf.constant([[0.3, 0.7]]), tf.constant([[1.0, 2.0]])
    with tf.Graph().as_default(), tf.Session() as sess:
        labels, logits = tf.constant([[0.3, 0.7]]), tf.constant([[1.0, 2.0]])
        assert tf.gradients(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits), labels) == [None]
        second = tf.gradients(tf.nn.softmax_cross_entropy_with_logits_v2(labels=labels, logits=logits), labels)[0]
        np.testing.assert_allclose(sess.run(second), -np.log(softmax(np.array([[1.0, 2.0]]), 1)), rtol=1e-6)


def test_log_poisson_loss():
    x, z = normal((4, 3)), np.abs(normal((4, 3), scale=5))
    z[0] = [0, 1, 2]
    check(lambda t, y: tf.nn.log_poisson_loss(y, t), np.exp(x) - x * z, x, z, close=1e-12)
    safe = np.where(z > 1, z, 1)
    stirling = np.where(z > 1, safe * np.log(safe) - safe + 0.5 * np.log(2 * np.pi * safe), 0)
    check(lambda t, y: tf.nn.log_poisson_loss(y, t, True), np.exp(x) - x * z + stirling, x, z, close=1e-12)


def test_weighted_cross_entropy_has_two_spellings():
    x, z = normal((4, 3)), RNG.random((4, 3))
    s = 1 / (1 + np.exp(-x))
    expected = -3 * z * np.log(s) - (1 - z) * np.log(1 - s)
    for build in (lambda t: tf.nn.weighted_cross_entropy_with_logits(z, t, 3.0), lambda t: tf.nn.weighted_cross_entropy_with_logits(targets=z, logits=t, pos_weight=3.0),
                  lambda t: tf.nn.weighted_cross_entropy_with_logits(labels=z, logits=t, pos_weight=3.0)):
        check(build, expected, x, close=1e-12)


def test_dropout_arguments():
    x = tf.ones([50, 40, 2])
    for y in (tf.nn.dropout(x, rate=0.75, seed=1), tf.nn.dropout(x, tf.constant(0.25), seed=1), tf.nn.dropout(x, 0.25, seed=1)):
        y = run(y)
        assert set(np.unique(y)) == {0, 4} and abs(y.mean() - 1) < 0.1
    y = run(tf.nn.dropout(x, 0.5, noise_shape=[None, 1, 2], seed=1))
    assert (y == y[:, :1]).all() and (y[..., 0] != y[..., 1]).any()
    assert tf.nn.dropout(x, tf.constant(1.0)) is x
    for wrong in ({}, {"keep_prob": 0.5, "rate": 0.5}, {"rate": 1.0}, {"keep_prob": 1.5}):
        with pytest.raises(ValueError):
            tf.nn.dropout(x, **wrong)


def test_l2_normalize():
    x = normal((3, 4))
    for axis in (0, 1, None, [0, 1]):
        check(lambda t: tf.nn.l2_normalize(t, axis=axis), x / np.sqrt((x ** 2).sum(tuple(axis) if isinstance(axis, list) else axis, keepdims=True)), x, close=1e-12)


Y, P = RNG.integers(0, 2, (4, 3)).astype(np.float64), RNG.random((4, 3))
L = normal((4, 3), scale=3)
SIGMOID = 1 / (1 + np.exp(-L))
ERROR = np.abs(P - Y)
LOSSES = {
    "absolute_difference": (lambda w, **k: tf.losses.absolute_difference(Y, P, w, **k), ERROR),
    "mean_squared_error": (lambda w, **k: tf.losses.mean_squared_error(Y, P, w, **k), ERROR ** 2),
    "log_loss": (lambda w, **k: tf.losses.log_loss(Y, P, w, **k), -Y * np.log(P + 1e-7) - (1 - Y) * np.log(1 - P + 1e-7)),
    "hinge_loss": (lambda w, **k: tf.losses.hinge_loss(Y, L, w, **k), np.maximum(0, 1 - (2 * Y - 1) * L)),
    "huber_loss": (lambda w, **k: tf.losses.huber_loss(Y, P, w, delta=0.4, **k), np.where(ERROR < 0.4, ERROR ** 2 / 2, 0.08 + 0.4 * (ERROR - 0.4))),
    "sigmoid_cross_entropy": (lambda w, **k: tf.losses.sigmoid_cross_entropy(Y, L, w, **k), -Y * np.log(SIGMOID) - (1 - Y) * np.log(1 - SIGMOID)),
    "smooth sigmoid_cross_entropy": (lambda w, **k: tf.losses.sigmoid_cross_entropy(Y, L, w, 0.2, **k),
                                     -(Y * 0.8 + 0.1) * np.log(SIGMOID) - (0.9 - Y * 0.8) * np.log(1 - SIGMOID)),
}
WEIGHTS = [1.0, 0.0, 2.5, np.array([[1.0], [0.0], [2.0], [0.5]]), np.array([[1.0, 0.0, 3.0]]), RNG.integers(0, 3, (4, 3)).astype(np.float64)]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("weights", WEIGHTS, ids=range(len(WEIGHTS)))
def test_losses(name, weights):
    build, elements = LOSSES[name]
    weighted, w = elements * weights, np.broadcast_to(weights, elements.shape)
    reduction = tf.losses.Reduction
    for how, expected in ((reduction.SUM_BY_NONZERO_WEIGHTS, weighted.sum() / max((w != 0).sum(), 1)), (reduction.NONE, weighted), (reduction.SUM, weighted.sum()),
                          (reduction.MEAN, weighted.sum() / w.sum() if w.sum() else 0), (reduction.SUM_OVER_BATCH_SIZE, weighted.mean())):
        with tf.Graph().as_default():
            loss = build(weights, reduction=how)
            np.testing.assert_allclose(run(loss), expected, rtol=1e-12, atol=1e-14)
            assert tf.losses.get_losses() == [loss]


def test_losses_of_rows():
    onehot = np.eye(3)[[0, 2, 1, 1]]
    rows = -np.log(softmax(L, 1)[range(4), [0, 2, 1, 1]])
    weights = np.array([1.0, 0.0, 2.0, 3.0])
    np.testing.assert_allclose(run(tf.losses.softmax_cross_entropy(onehot, L, weights)), (rows * weights).sum() / 3)
    smooth = onehot * 0.7 + 0.1
    np.testing.assert_allclose(run(tf.losses.softmax_cross_entropy(onehot, L, label_smoothing=0.3)), -(smooth * np.log(softmax(L, 1))).sum(1).mean())
    for labels, w in (([0, 2, 1, 1], weights), ([[0], [2], [1], [1]], weights[:, None])):
        np.testing.assert_allclose(run(tf.losses.sparse_softmax_cross_entropy(labels, tf.constant(L), w)), (rows * weights).sum() / 3)
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (L, P)]
    np.testing.assert_allclose(run(tf.losses.cosine_distance(unit[0], unit[1], axis=1)), (1 - (unit[0] * unit[1]).sum(1)).mean())


def test_mean_pairwise_squared_error():
    d = P - L
    expected = 0.0
    for row in d:
        expected += np.mean([(row[i] - row[j]) ** 2 for i in range(3) for j in range(3) if i != j])
    np.testing.assert_allclose(run(tf.losses.mean_pairwise_squared_error(L, P)), expected)
    np.testing.assert_allclose(run(tf.losses.mean_pairwise_squared_error(L, P, [0.0, 0.0, 0.0, 0.0])), 0)


def test_total_loss():
    with pytest.raises(ValueError, match="no losses"):
        tf.losses.get_total_loss()
    assert run(tf.losses.get_regularization_loss()) == 0
    with tf.name_scope("part"):
        tf.losses.mean_squared_error([1.0], [3.0])
    tf.losses.add_loss(tf.constant(2.0))
    tf.losses.absolute_difference([1.0], [3.0], loss_collection=None)
    tf.get_variable("v", [2], initializer=tf.ones_initializer(), regularizer=tf.nn.l2_loss)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        assert sess.run(tf.losses.get_total_loss()) == 7 and sess.run(tf.losses.get_total_loss(False)) == 6
        assert len(tf.losses.get_losses("part")) == 1 and sess.run(tf.losses.get_regularization_loss()) == 1


def test_losses_refuse():
    for build, error in ((lambda: tf.losses.mean_squared_error(None, [1.0]), "labels must not be None"), (lambda: tf.losses.hinge_loss([1.0], None), "logits"),
                         (lambda: tf.losses.mean_squared_error([1.0], [[1.0]]), "incompatible"), (lambda: tf.losses.log_loss(Y, P, [1.0, 2.0]), "rank"),
                         (lambda: tf.losses.log_loss(Y, P, np.ones((2, 3))), "broadcast"),
                         (lambda: tf.losses.compute_weighted_loss([1.0], reduction="max"), "Invalid Reduction Key")):
        with pytest.raises(ValueError, match=error):
            build()


@pytest.mark.parametrize("dim", [2, 5, -3])
def test_softmax_refuses_a_dimension_that_the_value_has_not(dim):
    logits = tf.placeholder(tf.float64)
    for op in (tf.nn.softmax, tf.nn.log_softmax):
        with pytest.raises(ValueError, match="must be in the range"):
            op(tf.zeros([3, 2]), dim)
        with pytest.raises(tf.errors.InvalidArgumentError, match="is not in .0, 2."):
            run(op(logits, dim), {logits: np.zeros((3, 2))})
