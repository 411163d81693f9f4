"""Values of what is composed of several ops, against NumPy."""
import numpy as np
import pytest

import minitf as tf

RNG = np.random.default_rng(0)
A = RNG.normal(size=(4, 5, 3)).astype(np.float32)


def run(fetches, feed=None):
    with tf.Session() as sess:
        return sess.run(fetches, feed)


def both_ways(build, array):
    """The value of build(x) for a constant x, and for one of which nothing is known before the run but the rank."""
    known = run(build(tf.constant(array)))
    x = tf.placeholder(array.dtype, [None] * array.ndim)
    fed = run(build(x), {x: array})
    np.testing.assert_array_equal(known, fed)
    return fed


@pytest.mark.parametrize("key", [0, -1, (slice(None), 2), slice(1, 3), slice(-2, None), slice(None, -1), slice(1, 100), slice(3, 1), Ellipsis,
                                 (Ellipsis, 1), (0, Ellipsis, -1), (None, 1), (Ellipsis, None), (1, None, slice(2, 4)), (0, 1, 2), None, (slice(-100, 2), -3)],
                         ids=str)
def test_getitem(key):
    np.testing.assert_array_equal(both_ways(lambda x: x[key], A), A[key])


def test_getitem_by_tensors():
    i, x = tf.placeholder("int32", []), tf.placeholder("float32")
    y = tf.constant(A)
    results = run([y[i], y[:, i], y[i:], y[:i, 1], y[i, i - 1], x[i], x[0, i:]], {i: 2, x: A})
    for result, expected in zip(results, [A[2], A[:, 2], A[2:], A[:2, 1], A[2, 1], A[2], A[0, 2:]]):
        np.testing.assert_array_equal(result, expected)


def test_split_unstack_concat():
    for result, expected in zip(run(tf.split(tf.constant(A), 5, 1)), np.split(A, 5, 1)):
        np.testing.assert_array_equal(result, expected)
    for result, expected in zip(run(tf.split(tf.constant(A), [1, -1, 2], axis=-2)), np.split(A, [1, 3], 1)):
        np.testing.assert_array_equal(result, expected)
    for number in (tf.constant(2), np.int32(2), np.array(2), tf.constant([1, 3]), np.array([1, 3])):
        sizes = [1, 3] if np.shape(number.eval(session=tf.Session()) if isinstance(number, tf.Tensor) else number) else [2, 2]
        assert [t.get_shape()[0].value for t in tf.split(tf.constant(A), number)] == sizes
    x = tf.placeholder("float32", [None, None, 3])
    halves = tf.split(x, 2)
    assert halves[0].get_shape().as_list() == [None, None, 3]
    np.testing.assert_array_equal(run(halves, {x: A}), np.split(A, 2))
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError), match="reshape"):
        run(tf.split(x, 2, 1), {x: A})
    np.testing.assert_array_equal(both_ways(lambda x: tf.stack(tf.unstack(x, 4), axis=2), A), np.stack(A, 2))
    np.testing.assert_array_equal(both_ways(lambda x: tf.concat(tf.split(x, [1, 3], 0), 0), A), A)


def test_transpose_of_unknown_rank():
    x = tf.placeholder("float32")
    np.testing.assert_array_equal(run(tf.transpose(x), {x: A}), A.T)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather(axis):
    ids = np.array([[2, 0], [1, 1]])
    np.testing.assert_array_equal(both_ways(lambda x: tf.gather(x, ids, axis=axis), A), np.take(A, ids, axis))


def test_boolean_mask_and_where():
    mask = A[:, :, 0] > 0
    np.testing.assert_array_equal(both_ways(lambda x: tf.boolean_mask(x, mask), A), A[mask])
    np.testing.assert_array_equal(both_ways(lambda x: tf.boolean_mask(x, mask[:, 0]), A), A[mask[:, 0]])
    np.testing.assert_array_equal(both_ways(lambda x: tf.boolean_mask(x, mask[0], axis=1), A), A[:, mask[0]])
    np.testing.assert_array_equal(both_ways(lambda x: tf.where(x > 0), A), np.argwhere(A > 0))
    np.testing.assert_array_equal(both_ways(lambda x: tf.where(x > 0, x, -x), A), np.abs(A))


def test_sequences():
    assert run(tf.range(3, 18, 3)).tolist() == [3, 6, 9, 12, 15] and run(tf.range(3, 0, -1)).tolist() == [3, 2, 1]
    np.testing.assert_allclose(run(tf.linspace(10.0, 12.0, 3)), [10, 11, 12])
    assert run(tf.linspace(-0.1, 0.3, 7))[[0, -1]].tolist() == [np.float32(-0.1), np.float32(0.3)]
    np.testing.assert_array_equal(run(tf.one_hot([0, 2, -1, 5], 3)), [[1, 0, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]])
    np.testing.assert_array_equal(run(tf.one_hot([0, 1], 3, 5, -1, axis=0)), [[5, -1], [-1, 5], [-1, -1]])
    y, idx = run(tf.unique([1, 1, 2, 4, 4, 4, 7, 8, 8]))
    assert y.tolist() == [1, 2, 4, 7, 8] and idx.tolist() == [0, 0, 1, 2, 2, 2, 3, 4, 4]
    assert run(tf.invert_permutation([3, 4, 0, 2, 1])).tolist() == [2, 4, 3, 0, 1]


def test_division():
    i = np.array([7, -7, 7, -7], np.int32), np.array([2, 2, -2, -2], np.int32)
    x, y = tf.constant(i[0]), tf.constant(i[1])
    results = run([x // y, x % y, x / y, tf.div(x, y)])
    for result, expected in zip(results, [i[0] // i[1], i[0] % i[1], i[0] / i[1], i[0] // i[1]]):
        np.testing.assert_array_equal(result, expected)


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


@pytest.mark.parametrize("dim", [0, 1, -1])
def test_softmax_and_its_loss(dim):
    x = A.astype(np.float64)
    labels = softmax(RNG.normal(size=x.shape), dim)
    np.testing.assert_allclose(both_ways(lambda t: tf.nn.softmax(t, dim), x), softmax(x, dim))
    np.testing.assert_allclose(both_ways(lambda t: tf.nn.log_softmax(t, dim), x), np.log(softmax(x, dim)))
    np.testing.assert_allclose(both_ways(lambda t: tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=t, dim=dim), x),
                               -(labels * np.log(softmax(x, dim))).sum(dim))


def test_other_losses():
    x = A.astype(np.float64)
    ids = RNG.integers(0, 3, size=(4, 5))
    np.testing.assert_allclose(both_ways(lambda t: tf.nn.sparse_softmax_cross_entropy_with_logits(labels=ids, logits=t), x),
                               -np.log(np.take_along_axis(softmax(x), ids[..., None], -1))[..., 0])
    z = RNG.uniform(size=x.shape)
    s = 1 / (1 + np.exp(-x))
    np.testing.assert_allclose(both_ways(lambda t: tf.nn.sigmoid_cross_entropy_with_logits(labels=z, logits=t), x), -z * np.log(s) - (1 - z) * np.log(1 - s))
    np.testing.assert_allclose(both_ways(lambda t: tf.nn.weighted_cross_entropy_with_logits(z, t, 3.0), x), -3 * z * np.log(s) - (1 - z) * np.log(1 - s))
    np.testing.assert_allclose(run(tf.nn.sigmoid_cross_entropy_with_logits(labels=[0.0, 1.0], logits=[-1000.0, 1000.0])), [0, 0])


def test_moments_and_norms():
    x = A.astype(np.float64)
    mean, variance = run(tf.nn.moments(tf.constant(x), [0, 1]))
    np.testing.assert_allclose(mean, x.mean((0, 1)))
    np.testing.assert_allclose(variance, x.var((0, 1)))
    np.testing.assert_allclose(both_ways(lambda t: tf.nn.l2_normalize(t, 1), x), x / np.linalg.norm(x, axis=1, keepdims=True))
    np.testing.assert_allclose(both_ways(lambda t: tf.reduce_logsumexp(t, 1), x), np.log(np.exp(x).sum(1)))
    assert run(tf.nn.zero_fraction([0, 1, 0, 0])) == 0.75
    np.testing.assert_allclose(both_ways(lambda t: tf.argmin(t, 1), x), x.argmin(1))


def test_dropout():
    x = tf.ones([100, 100])
    y = run(tf.nn.dropout(x, 0.8, seed=1))
    assert set(np.unique(y)) == {0, np.float32(1.25)} and abs(y.mean() - 1) < 0.02
    y = run(tf.nn.dropout(x, 0.5, noise_shape=[100, 1], seed=1))
    assert (y == y[:, :1]).all() and 0 < y.mean() < 2


def test_clip():
    x = A.astype(np.float64)
    np.testing.assert_allclose(both_ways(lambda t: tf.clip_by_value(t, -0.5, 0.5), x), x.clip(-0.5, 0.5))
    norm = np.linalg.norm(x)
    np.testing.assert_allclose(both_ways(lambda t: tf.clip_by_norm(t, 1.0), x), x / norm)
    np.testing.assert_allclose(both_ways(lambda t: tf.clip_by_norm(t, 100.0), x), x)
    assert run(tf.clip_by_norm(tf.zeros([3]), 1.0)).tolist() == [0, 0, 0]
    (a, b), total = run(tf.clip_by_global_norm([tf.constant(x), tf.constant(2 * x)], 3.0))
    np.testing.assert_allclose(total, norm * 5 ** 0.5)
    np.testing.assert_allclose([a, b], [x * 3 / total, 2 * x * 3 / total])


@pytest.mark.parametrize("strategy, shards", [("mod", [[0, 5, 10], [1, 6, 11], [2, 7, 12], [3, 8], [4, 9]]),
                                              ("div", [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10], [11, 12]])])
def test_embedding_lookup_over_shards(strategy, shards):
    table = RNG.normal(size=(13, 2)).astype(np.float32)
    ids = RNG.integers(0, 13, size=(3, 7))
    params = [tf.constant(table[rows]) for rows in shards]
    np.testing.assert_array_equal(run(tf.nn.embedding_lookup(params, ids, strategy)), table[ids])
    fed = tf.placeholder("int64")
    np.testing.assert_array_equal(run(tf.nn.embedding_lookup(params, fed, strategy), {fed: ids}), table[ids])


def test_embedding_lookup_max_norm():
    table = RNG.normal(size=(5, 3))
    result = run(tf.nn.embedding_lookup(tf.constant(table), [[0, 1], [4, 2]], max_norm=1.0))
    norms = np.linalg.norm(table, axis=1, keepdims=True)
    np.testing.assert_allclose(result, (table * np.minimum(1, 1 / norms))[[[0, 1], [4, 2]]])


def test_indexed_slices_add_up():
    slices = tf.IndexedSlices(tf.constant([[1.0], [2.0], [3.0]]), tf.constant([1, 3, 1]), tf.constant([4, 1]))
    assert run(tf.convert_to_tensor(slices)).tolist() == [[0], [4], [0], [2]]


def test_variables():
    v = tf.Variable(2.0, name="v")
    w = tf.Variable(v * 3.0 + 1.0, name="w")
    u = tf.Variable(lambda: w + 1.0, name="u")
    grow = v.assign_add(1.0)
    with tf.Session() as sess:
        assert not sess.run(tf.is_variable_initialized(v))
        with pytest.raises(tf.errors.FailedPreconditionError, match="Attempting to use uninitialized value v"):
            sess.run(v)
        sess.run(tf.global_variables_initializer())
        assert sess.run([v, w, u]) == [2, 7, 8]
        assert sess.run(grow) == 3 and v.eval() == 3 and w.eval() == 7
        v.load(10.0)
        assert v.eval() == 10
        with tf.control_dependencies([v.assign(5.0)]):
            later = v.read_value()
        assert sess.run(later) == 5 and sess.run(v.assign_sub(2.0)) == 3


def test_scatter():
    v = tf.Variable(np.zeros((4, 2), np.float32))
    with tf.Session() as sess:
        sess.run(v.initializer)
        sess.run(tf.scatter_add(v, [0, 2, 0], np.ones((3, 2), np.float32)))
        assert v.eval()[:, 0].tolist() == [2, 0, 1, 0]
        sess.run(tf.scatter_update(v, 3, [7.0, 7.0]))
        sess.run(tf.scatter_sub(v, [3], [[1.0, 2.0]]))
        assert v.eval().tolist() == [[2, 2], [0, 0], [1, 1], [6, 5]]


def test_random_values():
    x = run(tf.random_uniform([10000], -2, 3, seed=1))
    assert x.min() >= -2 and x.max() < 3 and abs(x.mean() - 0.5) < 0.1
    x = run(tf.random_normal([10000], 1.0, 2.0, seed=1))
    assert abs(x.mean() - 1) < 0.1 and abs(x.std() - 2) < 0.1
    x = run(tf.truncated_normal([10000], 0.0, 3.0, seed=1))
    assert np.abs(x).max() <= 6
    x = run(tf.random_uniform([10000], 3, 6, tf.int32, seed=1))
    assert set(x.tolist()) == {3, 4, 5}


def test_control_flow():
    v = tf.Variable(0.0)
    with tf.Session() as sess:
        sess.run(v.initializer)
        add = [v.assign_add(1.0) for _ in range(3)]
        assert sess.run(tf.group(*add)) is None and v.eval() == 3
        a, b = tf.tuple([tf.constant(1.0), tf.constant(2.0)], control_inputs=[v.assign(9.0)])
        assert sess.run(a) == 1 and v.eval() == 9


@pytest.mark.parametrize("build, shape", [
    (lambda s: tf.reshape(tf.ones([0, 3]), s), [0, -1]), (lambda s: tf.reshape(tf.ones([4]), s), [-1, -1]), (lambda s: tf.reshape(tf.ones([4]), s), [2, -2]),
    (lambda s: tf.fill(s, 1.0), [-1]), (lambda s: tf.random_normal(s), [2, -1]), (lambda s: tf.broadcast_to(tf.ones([1]), s), [-1]),
    (lambda s: tf.random_uniform(s, maxval=3, dtype=tf.int32), [-2]), (lambda s: tf.tile(tf.ones([2]), s), [-1]),
    (lambda s: tf.slice(tf.constant([1, 2, 3]), s, [-1]), [-1]), (lambda s: tf.slice(tf.ones([3]), s, [1]), [-2]),
    (lambda s: tf.expand_dims(tf.ones([3]), s), [0]),
    (lambda s: tf.range(0.0, tf.cast(s[0], tf.float32) / 0.0), [1])])
def test_shapes_that_can_not_be(build, shape):
    """Refused when the graph is built where the shape is known then, and otherwise by the run."""
    with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
        run(build(tf.constant(shape)))
    for known in ([len(shape)], [None], None):
        s = tf.placeholder("int32", known)
        with pytest.raises((ValueError, tf.errors.InvalidArgumentError)):
            run(build(s), {s: shape})


def test_a_fed_shape_that_does_not_fit_is_refused():
    n = tf.placeholder(tf.int32, [1])
    y = tf.reshape(tf.constant([1., 2., 3., 4.]), n)
    with tf.Session() as sess:
        assert list(sess.run(y, {n: [-1]})) == list(sess.run(y, {n: [4]})) == [1, 2, 3, 4]
        with pytest.raises(tf.errors.InvalidArgumentError, match="4 elements to shape .3."):
            sess.run(y, {n: [3]})


def test_folding_has_a_budget_for_a_whole_program():
    """A chain of products of a constant of 1 MB: some are folded, and the rest is left to the run; small values always fold."""
    x = y = tf.constant(np.eye(500, dtype=np.float32))
    for _ in range(20):
        y = tf.matmul(y, x)
    n = tf.constant(1)
    for _ in range(20):
        n = n + 1
    with tf.Session() as sess:
        products = [i for i in sess.explain([y, n]).instructions() if i.node.type == "MatMul"]
        assert 0 < len(products) < 20 and len(sess.explain(n).instructions()) == 0
        assert np.array_equal(sess.run(y), np.eye(500))


def test_split_of_unknown_rank():
    x = tf.placeholder(tf.float32)
    first, second = tf.split(x, 2, -1)
    value = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    with tf.Session() as sess:
        for got, wanted in zip(sess.run([first, second], {x: value}), np.split(value, 2, -1)):
            np.testing.assert_array_equal(got, wanted)
        with pytest.raises(tf.errors.InvalidArgumentError, match="must be evenly divisible by 2 but is"):
            sess.run(first, {x: np.zeros((2, 3))})


def test_an_attribute_that_an_op_does_not_have_is_refused_and_a_private_one_kept():
    """Also where as many others are left to their defaults."""
    from minitf.ops.apply import apply_op
    with pytest.raises(TypeError, match="MatMul has no attribute 'transpose'; it has"):
        apply_op("MatMul", tf.ones([2, 2]), tf.ones([2, 2]), transpose=True)
    op = apply_op("MatMul", tf.ones([2, 2]), tf.ones([2, 2]), _note=3).op
    assert op.attrs["_note"] == 3 and op.attrs["transpose_a"] is False
