"""Segment reductions, running sums and products, and counting, against NumPy loops; what they refuse."""
import numpy as np
import pytest

import minitf as tf

NUMBER = ("float32", "float64", "int32", "int64", "int8", "int16", "uint8")


def run(tensor, feed=None):
    with tf.Session() as sess:
        value = sess.run(tensor, feed)
        assert tensor.get_shape().is_compatible_with(np.shape(value))
        assert np.asarray(value).dtype == tensor.dtype.as_numpy_dtype
        return value


def by_loop(reduce, rows, ids, num, empty):
    out = np.full((num,) + rows.shape[1:], empty, rows.dtype)
    for i in range(num):
        if (ids == i).any():
            out[i] = reduce(rows[ids == i])
    return out


def mean(rows):
    total = rows.astype("f8").sum(0) / len(rows)
    return total if rows.dtype.kind == "f" else np.trunc(total)


REDUCE = {"sum": lambda r: r.sum(0), "mean": mean, "prod": lambda r: r.prod(0), "min": lambda r: r.min(0), "max": lambda r: r.max(0)}


@pytest.mark.parametrize("index", ["int32", "int64"])
@pytest.mark.parametrize("dtype", NUMBER)
@pytest.mark.parametrize("name", REDUCE)
def test_sorted_segments(name, dtype, index):
    ids = np.array([0, 0, 2, 2, 2, 5], index)
    for shape in ((6,), (6, 3), (6, 1, 2), (6, 0)):
        x = np.random.default_rng(0).integers(1, 4, shape).astype(dtype)
        expected = by_loop(REDUCE[name], x, ids, 6, name == "prod")
        function = getattr(tf, f"segment_{name}")
        known = function(x, ids)
        assert known.get_shape() == expected.shape
        np.testing.assert_allclose(run(known), expected, rtol=1e-6)
        fed = tf.placeholder(index)
        np.testing.assert_allclose(run(function(x, fed), {fed: ids}), expected, rtol=1e-6)
    assert run(function(np.zeros((0, 2), dtype), np.zeros(0, index))).shape == (0, 2)


@pytest.mark.parametrize("dtype", NUMBER)
@pytest.mark.parametrize("name", ["sum", "prod", "min", "max"])
def test_unsorted_segments(name, dtype):
    ids = np.array([3, 0, -1, 3, 0])
    limits = np.finfo(dtype) if dtype.startswith("float") else np.iinfo(dtype)
    empty = {"sum": 0, "prod": 1, "min": limits.max, "max": limits.min}[name]
    x = np.random.default_rng(0).integers(1, 4, (5, 3)).astype(dtype)
    function, expected = getattr(tf, f"unsorted_segment_{name}"), by_loop(REDUCE[name], x, ids, 5, empty)
    known = function(x, ids, 5)
    assert known.get_shape() == [5, 3]
    np.testing.assert_array_equal(run(known), expected)
    fed, num = tf.placeholder("int64"), tf.placeholder("int32")
    np.testing.assert_array_equal(run(function(x, fed, num), {fed: ids, num: 5}), expected)
    np.testing.assert_array_equal(run(function(x, np.stack([ids[:3]] * 5), 5)),
                                  by_loop(REDUCE[name], x.ravel(), np.stack([ids[:3]] * 5).ravel(), 5, empty))
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"segment_ids\[0\] = 3 is out of range \[0, 3\)"):
        run(function(x, fed, num), {fed: ids, num: 3})


def test_means_of_unsorted_and_sparse_segments():
    x, ids = np.random.default_rng(0).random((5, 3)), np.array([2, 0, -1, 2, 2])
    total, count = by_loop(REDUCE["sum"], x, ids, 4, 0), np.array([[1], [1], [3], [1]])
    np.testing.assert_allclose(run(tf.unsorted_segment_mean(x, ids, 4)), total / count)
    np.testing.assert_allclose(run(tf.unsorted_segment_sqrt_n(x, ids, 4)), total / np.sqrt(count))
    rows, ids = np.array([4, 0, 0, 1]), np.array([0, 0, 3, 3])
    total, count = by_loop(REDUCE["sum"], x[rows], ids, 4, 0), np.array([[2], [1], [1], [2]])
    for num, pad in ((None, 0), (6, 2)):
        padded = np.concatenate([total, np.zeros((pad, 3))])
        divisor = np.concatenate([count, np.ones((pad, 1))])
        np.testing.assert_allclose(run(tf.sparse_segment_sum(x, rows, ids, num_segments=num)), padded)
        np.testing.assert_allclose(run(tf.sparse_segment_mean(x, rows, ids, num_segments=num)), padded / divisor)
        np.testing.assert_allclose(run(tf.sparse_segment_sqrt_n(x, rows, ids, num_segments=num)), padded / np.sqrt(divisor))


def test_nan_in_a_segment_shows():
    x = np.array([1.0, np.nan, 2.0, 3.0])
    np.testing.assert_array_equal(run(tf.segment_max(x, [0, 0, 0, 1])), [np.nan, 3])
    np.testing.assert_array_equal(run(tf.unsorted_segment_min(x, [0, 0, 0, 1], 2)), [np.nan, 3])


def test_segment_ids_are_checked():
    ids, x = tf.placeholder("int32"), tf.ones([3, 2])
    y = tf.segment_sum(x, ids)
    with pytest.raises(tf.errors.InvalidArgumentError, match="segment ids are not increasing"):
        run(y, {ids: [0, 2, 1]})
    with pytest.raises(tf.errors.InvalidArgumentError, match="segment ids must be >= 0"):
        run(y, {ids: [-1, 0, 1]})
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError), match="same size as dimension 0|must be equal"):
        run(y, {ids: [0, 1]})
    with pytest.raises(ValueError, match="not increasing"):
        tf.segment_sum(x, [0, 2, 1])
    with pytest.raises(ValueError, match=">= 0"):
        tf.segment_sum(x, [-1, 0, 1])
    with pytest.raises(ValueError, match="must be equal"):
        tf.segment_sum(x, [0, 1])
    with pytest.raises(ValueError, match="rank 1"):
        tf.segment_sum(x, [[0], [1], [2]])


def running(function, x, axis, exclusive, reverse):
    x = np.flip(x, axis) if reverse else x
    out = np.asarray(function(x, axis=axis, dtype=x.dtype))
    if exclusive:
        first = np.take(np.full_like(x, function is np.cumprod), [0], axis) if x.shape[axis] else x
        out = np.concatenate([first, np.delete(out, -1, axis)], axis) if x.shape[axis] else out
    return np.flip(out, axis) if reverse else out


@pytest.mark.parametrize("dtype", NUMBER)
@pytest.mark.parametrize("exclusive", [False, True])
@pytest.mark.parametrize("reverse", [False, True])
def test_running_sums_and_products(dtype, exclusive, reverse):
    for shape, axis in (((5,), 0), ((3, 4), 1), ((3, 4), -2), ((2, 3, 4), 1), ((3, 1), 1), ((0, 3), 0), ((3, 0), 0), ((3, 0), 1)):
        x = np.random.default_rng(0).integers(1, 5, shape).astype(dtype)
        fed, at = tf.placeholder(dtype), tf.placeholder("int64")
        for function, reference in ((tf.cumsum, np.cumsum), (tf.cumprod, np.cumprod)):
            expected = running(reference, x, axis, exclusive, reverse)
            known = function(x, axis, exclusive, reverse)
            assert known.get_shape() == shape
            np.testing.assert_array_equal(run(known), expected)
            np.testing.assert_array_equal(run(function(fed, at, exclusive, reverse), {fed: x, at: axis}), expected)


def test_axis_of_a_running_sum_is_checked():
    with pytest.raises(ValueError, match=r"axis 2 must be in the range \[-2, 2\)"):
        tf.cumsum(tf.ones([2, 3]), 2)
    with pytest.raises(ValueError, match="at least rank 1"):
        tf.cumsum(1.0)
    axis = tf.placeholder("int32")
    with pytest.raises((tf.errors.InvalidArgumentError, ValueError), match="axis"):
        run(tf.cumsum(tf.ones([2, 3]), axis), {axis: -3})


def test_count_nonzero():
    x = np.array([[0, 1, 0], [1, 1, 0]])
    for dtype in ("float32", "int32", "int8", "bool"):
        assert run(tf.count_nonzero(x.astype(dtype))) == 3
        assert run(tf.count_nonzero(x.astype(dtype), 1)).tolist() == [1, 2]
    assert run(tf.count_nonzero(x, [0], keepdims=True)).tolist() == run(tf.count_nonzero(x, reduction_indices=[0], keep_dims=True)).tolist() == [[1, 2, 0]]
    assert tf.count_nonzero(x).dtype is tf.int64 and tf.count_nonzero(x, dtype=tf.int32).dtype is tf.int32
    assert run(tf.count_nonzero(np.zeros((0, 2)), 0)).tolist() == [0, 0]


def test_bincount():
    assert run(tf.bincount([1, 1, 3])).tolist() == [0, 2, 0, 1]
    assert run(tf.bincount([[1, 1], [3, 0]], minlength=6)).tolist() == [1, 2, 0, 1, 0, 0]
    assert run(tf.bincount([1, 1, 3], maxlength=2)).tolist() == [0, 2]
    assert run(tf.bincount([1, 1, 3], weights=[1.5, 2.0, 3.0])).tolist() == [0, 3.5, 0, 3]
    assert run(tf.bincount(tf.zeros([0], tf.int32))).tolist() == [] and tf.bincount([0], dtype=tf.float64).dtype is tf.float64
    assert run(tf.bincount(tf.zeros([0], tf.int32), minlength=2)).tolist() == [0, 0]
    with pytest.raises(tf.errors.InvalidArgumentError, match="non-negative"):
        run(tf.bincount([1, -1]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="weights must have the shape"):
        run(tf.bincount([1, 1], weights=[1.0]))


def test_histograms():
    values = [-1.0, 0.0, 1.5, 2.0, 5.0, 15.0]
    assert run(tf.histogram_fixed_width(values, [0.0, 5.0], nbins=5)).tolist() == [2, 1, 1, 0, 2]
    assert run(tf.histogram_fixed_width_bins(values, [0.0, 5.0], nbins=5)).tolist() == [0, 0, 1, 2, 4, 4]
    x = np.random.default_rng(0).normal(size=1000)
    assert run(tf.histogram_fixed_width(x, [-9.0, 9.0], 50, tf.int64)).tolist() == np.histogram(x, 50, (-9, 9))[0].tolist()
    assert run(tf.histogram_fixed_width([1, 2, 3], [0, 10], 2)).tolist() == [3, 0]
    assert run(tf.histogram_fixed_width_bins([[1, 7]], [0, 10], 2)).tolist() == [[0, 1]]
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"value_range should satisfy"):
        run(tf.histogram_fixed_width(values, [5.0, 5.0]))
    with pytest.raises(ValueError, match="2 elements"):
        tf.histogram_fixed_width(values, [5.0])


def test_confusion_matrix():
    expected = np.zeros((5, 5), "i4")
    expected[[1, 2, 4], [2, 2, 4]] = 1
    np.testing.assert_array_equal(run(tf.confusion_matrix([1, 2, 4], [2, 2, 4])), expected)
    weighted = tf.confusion_matrix([0, 1, 1], [1, 1, 1], 3, tf.float32, weights=[0.5, 1.0, 2.0])
    assert weighted.get_shape() == [3, 3] and run(weighted).tolist() == [[0, .5, 0], [0, 3, 0], [0, 0, 0]]
    labels = tf.placeholder("int32")
    for given, message in (([-1, 0], "negative values"), ([0, 3], "out of bound")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            run(tf.confusion_matrix(labels, [0, 1], 3), {labels: given})
    with pytest.raises(ValueError, match="vectors"):
        tf.confusion_matrix([[1]], [[1]])
