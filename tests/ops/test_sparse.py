"""Sparse tensors: fed, fetched, made dense, joined, cut, added; against dense NumPy arrays."""
import numpy as np
import pytest

import minitf as tf
from minitf.autodiff import check_gradient

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def session(graph):
    with tf.Session() as sess:
        yield sess


def sparse_of(dense):
    places = np.argwhere(dense)
    return tf.SparseTensorValue(places.astype(np.int64), dense[tuple(places.T)], np.array(dense.shape, np.int64))


def some(shape, dtype=np.float64):
    return (RNG.integers(1, 9, shape) * (RNG.random(shape) < 0.4)).astype(dtype)


def both_ways(function, *arrays):
    """The dense values of function(sparse tensors...): for constants, and for placeholders of unknown shape."""
    with tf.Session() as sess:
        results = []
        known = [tf.SparseTensor(*sparse_of(a)) for a in arrays]
        fed = [tf.sparse_placeholder(a.dtype, [None] * a.ndim) for a in arrays]
        for inputs, feed in ((known, {}), (fed, dict(zip(fed, map(sparse_of, arrays))))):
            result = function(*inputs)
            result = tf.sparse_tensor_to_dense(result) if isinstance(result, tf.SparseTensor) else result
            results.append(sess.run(result, feed))
        np.testing.assert_array_equal(*results)
        return results[0]


def test_feed_and_fetch(session):
    x = some((3, 4))
    value, p = sparse_of(x), tf.sparse_placeholder(tf.float64)
    for feed in (value, tuple(value)):
        for _ in range(3):
            got = session.run(p, {p: feed})
            assert isinstance(got, tf.SparseTensorValue)
            for part, expected in zip(got, value):
                np.testing.assert_array_equal(part, expected)
            np.testing.assert_array_equal(session.run(tf.sparse_tensor_to_dense(p), {p: feed}), x)
    dense = tf.sparse_tensor_to_dense(p)
    assert all((session.run(dense, {p: value}) == x).all() for _ in range(3))
    assert session.run({"a": [p.values, p]}, {p: value})["a"][1].dense_shape.tolist() == [3, 4]
    np.testing.assert_array_equal(p.eval({p: value}).values, value.values)
    assert tf.sparse_placeholder(tf.float32, [2, 3]).get_shape() == [2, 3] and tf.sparse_placeholder(tf.float32, [2, None]).get_shape().ndims == 2
    with pytest.raises(ValueError, match="fed with a tuple"):
        session.run(dense, {p: x})


def test_a_sparse_tensor_checks_its_parts():
    for parts in (([[0, 0]], [1.0, 2.0], [3, 4]), ([[0, 0]], [1.0], [3]), ([0], [1.0], [3])):
        with pytest.raises(ValueError):
            tf.SparseTensor(*parts)
    assert tf.SparseTensor([[0, 1]], [1.0], [3, 4]).get_shape() == [3, 4]
    assert tf.SparseTensor.from_value(sparse_of(some((2, 2)))).dtype is tf.float64
    with pytest.raises(TypeError):
        tf.SparseTensor.from_value([1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64, np.bool_, np.uint8])
@pytest.mark.parametrize("shape", [(3, 4), (5,), (2, 3, 2), (0, 3), (2, 0)], ids=str)
def test_to_dense(dtype, shape):
    x = some(shape, dtype)
    np.testing.assert_array_equal(both_ways(lambda s: s, x), x)
    default = dtype(1)
    expected = np.where(x != 0, x, default)
    np.testing.assert_array_equal(both_ways(lambda s: tf.sparse_tensor_to_dense(s, default), x), expected)


def test_sparse_to_dense_forms(session):
    for indices, values, expected in ((3, 5.0, [0, 0, 0, 5]), ([1, 3], 2.0, [0, 2, 0, 2]), ([1, 3], [2.0, 4.0], [0, 2, 0, 4]), ([[0], [2]], [2.0, 4.0], [2, 0, 4, 0])):
        op = tf.sparse_to_dense(indices, [4], values)
        assert session.run(op).tolist() == expected and op.get_shape() == [4]
    assert session.run(tf.sparse_to_dense([1], [3], ["a"], "-")).tolist() == [b"-", b"a", b"-"]
    assert session.run(tf.sparse_to_dense([2, 0, 2], [3], [1, 2, 3], validate_indices=False)).tolist() == [2, 0, 3]
    for indices, message in (([3, 1], r"indices\[1\] = \[1\] is out of order"), ([1, 1], "is repeated"), ([1, 4], r"\[4\] is out of bounds: need 0 <= index < \[4\]"),
                             ([-1, 2], "out of bounds")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            session.run(tf.sparse_to_dense(indices, [4], [1.0, 2.0]))


@pytest.mark.parametrize("ta", [False, True])
@pytest.mark.parametrize("tb", [False, True])
@pytest.mark.parametrize("sizes", [(3, 4, 5), (1, 1, 1), (2, 0, 3), (0, 2, 2), (2, 3, 0)], ids=str)
def test_matmul(ta, tb, sizes):
    m, k, n = sizes
    for dtype in (np.float32, np.float64, np.int32, np.int64):
        a, b = some((k, m) if ta else (m, k), dtype), some((n, k) if tb else (k, n), dtype)
        np.testing.assert_array_equal(both_ways(lambda s: tf.sparse_tensor_dense_matmul(s, b, ta, tb), a), (a.T if ta else a) @ (b.T if tb else b))


def test_matmul_refuses(session):
    with pytest.raises(ValueError, match="Dimensions must be equal, but are 4 and 3"):
        tf.sparse_tensor_dense_matmul(tf.SparseTensor([[0, 0]], [1.0], [3, 4]), tf.ones([3, 2]))
    s = tf.SparseTensor([[0, 5]], [1.0], [3, 4])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"a_indices\[0\] = \[0,5\] is out of bounds"):
        session.run(tf.sparse_tensor_dense_matmul(s, tf.ones([4, 2])))


def test_reorder_and_retain(session):
    s = tf.SparseTensor([[2, 1], [0, 3], [0, 1]], [1.0, 2.0, 3.0], [3, 4])
    ordered = session.run(tf.sparse_reorder(s))
    assert ordered.indices.tolist() == [[0, 1], [0, 3], [2, 1]] and ordered.values.tolist() == [3, 2, 1]
    kept = session.run(tf.sparse_retain(s, [True, False, True]))
    assert kept.indices.tolist() == [[2, 1], [0, 1]] and kept.values.tolist() == [1, 3] and kept.dense_shape.tolist() == [3, 4]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concat_and_split(axis):
    x, y = some((3, 4)), some((3, 4))
    np.testing.assert_array_equal(both_ways(lambda a, b: tf.sparse_concat(axis, [a, b, a]), x, y), np.concatenate([x, y, x], axis))
    for n in (1, 2, 3):
        for i, piece in enumerate(np.array_split(x, n, axis)):
            np.testing.assert_array_equal(both_ways(lambda a: tf.sparse_split(sp_input=a, num_split=n, axis=axis)[i], x), piece)
    wide = some((5, 6))
    expanded = both_ways(lambda a, b: tf.sparse_concat(0, [a, b], expand_nonconcat_dim=True), x, wide)
    np.testing.assert_array_equal(expanded, np.concatenate([np.pad(x, [(0, 0), (0, 2)]), wide]))
    with pytest.raises(ValueError, match="must match"):
        tf.sparse_concat(0, [tf.SparseTensor(*sparse_of(x)), tf.SparseTensor(*sparse_of(wide))])


def test_slice_transpose_reshape():
    x = some((4, 5, 3))
    for start, size in (([1, 0, 1], [2, 5, 2]), ([3, 3, 0], [9, 9, 1]), ([4, 0, 0], [1, 5, 3]), ([0, 0, 0], [4, 5, 3])):
        expected = x[tuple(slice(b, b + n) for b, n in zip(start, size))]
        np.testing.assert_array_equal(both_ways(lambda s: tf.sparse_slice(s, start, size), x), expected)
    np.testing.assert_array_equal(both_ways(lambda s: tf.sparse_transpose(s, [2, 0, 1]), x), x.transpose(2, 0, 1))
    np.testing.assert_array_equal(both_ways(tf.sparse_transpose, x), x.T)
    for shape in ([20, 3], [5, -1], [60], [-1, 2, 3]):
        np.testing.assert_array_equal(both_ways(lambda s: tf.sparse_reshape(s, shape), x), x.reshape(shape))


@pytest.mark.parametrize("axis", [None, 0, 1, [0, 2], [-1], [0, 1, 2]], ids=str)
def test_reduce_sum(axis):
    x = some((3, 4, 2))
    for keep in (False, True):
        expected = x.sum(tuple(axis) if isinstance(axis, list) else axis, keepdims=keep)
        np.testing.assert_array_equal(both_ways(lambda s: tf.sparse_reduce_sum(s, axis, keep), x), expected)


def test_add_and_products(session):
    x, y = some((3, 4)), some((3, 4))
    np.testing.assert_array_equal(both_ways(tf.sparse_add, x, y), x + y)
    np.testing.assert_array_equal(both_ways(lambda a, b: tf.sparse_add(a, b, thresh=5.0), x, y), np.where(x + y >= 5, x + y, 0))
    np.testing.assert_array_equal(both_ways(lambda a: tf.sparse_add(a, tf.constant(y)), x), x + y)
    np.testing.assert_array_equal(both_ways(lambda a: tf.sparse_add(tf.constant(y), a), x), x + y)
    row = RNG.random(4) + 1
    np.testing.assert_allclose(both_ways(lambda a: a * row, x), x * row)
    np.testing.assert_allclose(both_ways(lambda a: a / row, x), x / row)
    with pytest.raises(TypeError, match="At least one input"):
        tf.sparse_add(1, 2)


@pytest.mark.parametrize("combiner", ["sum", "mean", "sqrtn"])
@pytest.mark.parametrize("weighted", [False, True])
def test_embedding_lookup_sparse(combiner, weighted, session):
    table = RNG.normal(size=(6, 3))
    indices, ids, weights = [[0, 0], [0, 2], [2, 1], [3, 0], [3, 1]], [1, 3, 0, 3, 3], np.array([2.0, 0.5, 1.0, 3.0, 1.0])
    sp_ids = tf.SparseTensor(indices, np.int64(ids), [4, 3])
    sp_weights = tf.SparseTensor(indices, weights, [4, 3]) if weighted else None
    w = weights if weighted else np.ones(5)
    expected = np.zeros((4, 3))
    for row in (0, 2, 3):
        mine = [i for i, at in enumerate(indices) if at[0] == row]
        expected[row] = sum(w[i] * table[ids[i]] for i in mine) / {"sum": 1, "mean": w[mine].sum(), "sqrtn": (w[mine] ** 2).sum() ** 0.5}[combiner]
    for params in (tf.constant(table), [tf.constant(table[::2]), tf.constant(table[1::2])]):
        result = session.run(tf.nn.embedding_lookup_sparse(params, sp_ids, sp_weights, combiner=combiner))
        np.testing.assert_allclose(np.nan_to_num(result), expected, atol=1e-12)
    check_gradient(lambda t: tf.nn.embedding_lookup_sparse(t, tf.SparseTensor(indices[:2], np.int64(ids[:2]), [1, 3]),
                                                           None if not weighted else tf.SparseTensor(indices[:2], weights[:2], [1, 3]), combiner=combiner) ** 2.0,
                   (6, 3))
    with pytest.raises(ValueError, match="combiner"):
        tf.nn.embedding_lookup_sparse(tf.constant(table), sp_ids, None, combiner="max")


PLACES = [[0, 1], [1, 0], [1, 2]]


@pytest.mark.parametrize("known", [True, False])
def test_gradients(known):
    b = tf.constant(RNG.random((3, 2)))

    def sparse(v):
        v.set_shape([3])
        return tf.SparseTensor(PLACES, v, [2, 3])

    check_gradient(lambda v: tf.sparse_tensor_to_dense(sparse(v)) ** 3.0, (3,), known_shapes=known)
    check_gradient(lambda v, d: tf.sparse_to_dense(PLACES, [2, 3], v, d) ** 3.0, (3,), (), known_shapes=known)
    check_gradient(lambda d: tf.sparse_to_dense([1, 2], [4], d, 0.0) ** 3.0, (), known_shapes=known)
    for ta in (False, True):
        for tb in (False, True):
            shape = (2, 3)[ta is False], 4
            check_gradient(lambda v, m: tf.sparse_tensor_dense_matmul(sparse(v), m, ta, tb) ** 2.0, (3,), shape[::-1] if tb else shape, known_shapes=known)
    shuffled = [[1, 2], [0, 1], [1, 0]]
    check_gradient(lambda v: tf.sparse_reorder(tf.SparseTensor(shuffled, v, [2, 3])).values ** 3.0 * tf.constant([1.0, 2.0, 3.0], tf.float64), (3,), known_shapes=known)
    check_gradient(lambda v: tf.sparse_tensor_to_dense(tf.sparse_add(sparse(v), sparse(v * v))) ** 2.0, (3,), known_shapes=known)
    check_gradient(lambda v: tf.sparse_reduce_sum(sparse(v), 0) ** 3.0, (3,), known_shapes=known)
    check_gradient(lambda v: tf.sparse_tensor_to_dense(tf.sparse_slice(sparse(v), [0, 0], [2, 2])) ** 3.0, (3,), known_shapes=known)


def test_large_indexed_slices_warn():
    rows = tf.IndexedSlices(tf.ones([2, 10]), tf.constant([0, 1]), tf.constant([10 ** 7, 10]))
    with pytest.warns(UserWarning, match="Converting sparse IndexedSlices to a dense Tensor with 100000000 elements. This may consume a large amount of memory."):
        tf.convert_to_tensor(rows)


@pytest.mark.parametrize("indices, values, shape, text", [
    ([[0, 0], [1, 1]], [1., 2., 3.], [2, 2], "are 2 and 3 for a_indices"),
    ([[0, 0], [1, 1]], [1.], [2, 2], "are 2 and 1 for a_indices"),
    ([[0], [1]], [1., 2.], [2, 2], "2 coordinates, got 1 for a_indices"),
    ([[0, 0], [1, 1]], [1., 2.], [2], "2 coordinates, got 1 for a_shape")])
def test_a_product_does_not_read_beyond_the_parts_of_its_matrix(session, indices, values, shape, text):
    fed = [tf.placeholder(dtype) for dtype in (tf.int64, tf.float32, tf.int64)]
    product = tf.sparse_tensor_dense_matmul(tf.SparseTensor(*fed), tf.ones([2, 2]))
    with pytest.raises(tf.errors.InvalidArgumentError, match=text):
        session.run(product, dict(zip(fed, (indices, values, shape))))
