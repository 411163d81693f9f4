"""Slicing, reversing, scattering, sorting into parts, padding: values of every dtype against NumPy, static shapes against the run's."""
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import minitf as tf

from .forms import check

DTYPES = [np.float32, np.float64, np.int32, np.int64, np.bool_, np.uint8]
NUMBERS = DTYPES[:4]
RNG = np.random.default_rng(0)


def some(shape, dtype=np.float32):
    return RNG.integers(0, 2 if dtype == np.bool_ else 100, shape).astype(dtype)


KEYS = [np.s_[::-1], np.s_[..., ::2], np.s_[3:0:-2, None, ..., 1], np.s_[-100:100:3], np.s_[::-1, ::-1, ::-1], np.s_[10:2:-1], np.s_[2:2:-1],
        np.s_[:, 4:1:-3, np.newaxis, -1], np.s_[1:, ..., ::-2], np.s_[None, 2, ::-1]]


@pytest.mark.parametrize("key", KEYS, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_getitem_with_steps(key, dtype):
    x = some((4, 5, 3), dtype)
    check(lambda t: t[key], x[key], x)


PARTS = st.one_of(st.none(), st.integers(-6, 6))
KEY = st.one_of(st.builds(slice, PARTS, PARTS, st.one_of(st.none(), st.integers(-3, 3).filter(bool))), st.just(Ellipsis), st.none(), st.integers(-1, 0))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(1, 4), max_size=3), st.lists(KEY, max_size=4).map(tuple), st.sets(st.integers(0, 2)))
def test_any_key(shape, key, hidden):
    if key.count(Ellipsis) > 1 or sum(k is not None and k is not Ellipsis for k in key) > len(shape):
        return
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    with tf.Graph().as_default(), tf.Session() as sess:
        known, partly = tf.constant(x)[key], tf.placeholder(tf.int64, [None if i in hidden else d for i, d in enumerate(shape)])
        assert known.get_shape().as_list() == list(x[key].shape)
        assert partly[key].get_shape().is_compatible_with(x[key].shape)
        for result in sess.run([known, partly[key]], {partly: x}):
            np.testing.assert_array_equal(result, x[key])


@settings(max_examples=60, deadline=None)
@given(st.integers(-9, 9), st.integers(-9, 9), st.integers(-3, 3).filter(bool), st.sampled_from(["int32", "int64"]))
def test_bounds_in_tensors_are_clamped_as_in_python(begin, end, step, dtype):
    x = np.arange(20.0).reshape(5, 4)
    with tf.Graph().as_default(), tf.Session() as sess:
        t, b, e, s = tf.placeholder("float64", [None, 4]), *(tf.placeholder(dtype, []) for _ in range(3))
        results = [t[b:], t[:e], t[b:e], t[b:e:s], t[::s], t[:, b:e], t[b:e, 1:3]]
        for result, expected in zip(sess.run(results, {t: x, b: begin, e: end, s: step}),
                                    [x[begin:], x[:end], x[begin:end], x[begin:end:step], x[::step], x[:, begin:end], x[begin:end, 1:3]]):
            np.testing.assert_array_equal(result, expected)


def test_an_index_in_a_tensor():
    x = np.arange(20.0).reshape(5, 4)
    with tf.Graph().as_default(), tf.Session() as sess:
        t, i = tf.placeholder("float64", [None, 4]), tf.placeholder("int32", [])
        assert t[i].get_shape().as_list() == [4] and t[:, i].get_shape().as_list() == [None] and t[i, 1:3].get_shape().as_list() == [2]
        for k in (-5, -1, 0, 4):
            np.testing.assert_array_equal(sess.run(t[i], {t: x, i: k}), x[k])
        for k in (5, -6):
            with pytest.raises(tf.errors.InvalidArgumentError, match=f"slice index {k} of dimension 0 out of bounds"):
                sess.run(t[i], {t: x, i: k})


@pytest.mark.parametrize("key, error, message", [
    ((Ellipsis, Ellipsis), ValueError, "Multiple ellipses"), ((0, 0, 0), ValueError, "Too many indices"), (7, ValueError, "out of bounds"),
    ((0, -5), ValueError, "slice index -5 of dimension 1"), (slice(None, None, 0), ValueError, "step cannot be zero"), ("a", TypeError, "valid indices"),
    (1.0, TypeError, "valid indices"), (slice(0, 1.5), TypeError, "valid indices"), (True, TypeError, "valid indices")], ids=str)
def test_keys_that_are_refused(key, error, message):
    with tf.Graph().as_default(), pytest.raises(error, match=message):
        tf.zeros([3, 4])[key]


def test_strided_slice_masks():
    x = some((3, 4, 5))
    cut = tf.strided_slice
    check(lambda t: cut(t, [1, 0], [3, -1], [1, 2]), x[1:3, 0:-1:2], x)
    check(lambda t: cut(t, [1, 2], [0, 0], begin_mask=1, end_mask=3), x[:, 2:], x)
    check(lambda t: cut(t, [0, 0, 1], [0, 0, 0], [1, 1, 1], ellipsis_mask=2, new_axis_mask=1, shrink_axis_mask=4), x[None, ..., 1], x)
    check(lambda t: cut(t, np.array([-1], np.int64), np.array([-3], np.int64), np.array([-1], np.int64)), x[-1:-3:-1], x)
    with tf.Graph().as_default():
        with pytest.raises(ValueError, match="input has only 3 dims"):
            cut(tf.constant(x), [0] * 4, [1] * 4)
        with pytest.raises(ValueError, match="non-zero"):
            cut(tf.constant(x), [0], [1], [0])
        with pytest.raises(ValueError, match="equal size"):
            cut(tf.constant(x), [0], [1, 1])


@pytest.mark.parametrize("axes", [[0], [-1], [0, 2], [], [1, -3]], ids=str)
@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 0, 2), (2, 1, 1)], ids=str)
def test_reverse(axes, shape):
    for dtype in DTYPES:
        x = some(shape, dtype)
        check(lambda t: tf.reverse(t, axes), np.flip(x, tuple(axes)) if axes else x, x)
    x = some(shape)
    check(lambda t, a: tf.reverse(t, a), np.flip(x, tuple(axes)) if axes else x, x, np.array(axes, np.int64))


def test_reverse_refuses():
    for axes, message in (([3], "must be in the range"), ([0, -3], "more than once")):
        with tf.Graph().as_default(), pytest.raises(ValueError, match=message):
            tf.reverse(tf.zeros([2, 3, 4]), axes)
        with tf.Graph().as_default(), tf.Session() as sess, pytest.raises(tf.errors.InvalidArgumentError):
            fed = tf.placeholder("int32", [None])
            sess.run(tf.reverse(tf.zeros([2, 3, 4]), fed), {fed: axes})


@pytest.mark.parametrize("batch, seq", [(0, 1), (1, 0), (2, 0), (-1, 1), (0, -1)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_reverse_sequence(batch, seq, dtype):
    x = some((4, 4, 4), dtype)
    lengths = np.array([0, 1, 4, 3])
    expected = x.copy()
    for i, n in enumerate(lengths):
        part = np.moveaxis(expected, (batch, seq), (0, 1))[i]
        part[:n] = part[:n][::-1].copy()
    check(lambda t, n: tf.reverse_sequence(t, n, seq, batch), expected, x, lengths)
    check(lambda t: tf.reverse_sequence(t, lengths.astype(np.int32), seq_dim=seq, batch_dim=batch), expected, x)


def test_reverse_sequence_refuses():
    with tf.Graph().as_default(), tf.Session() as sess:
        with pytest.raises(tf.errors.InvalidArgumentError, match="seq_lens.1. must be between 0 and"):
            sess.run(tf.reverse_sequence(tf.zeros([2, 3]), [1, 4], 1))
        with pytest.raises(ValueError, match="batch_dim == seq_dim"):
            tf.reverse_sequence(tf.zeros([2, 3]), [1, 2], 0)


@pytest.mark.parametrize("shape, indices", [((3, 4), [[0, 0], [2, 3]]), ((3, 4), [[2], [0], [2]]), ((3, 4), [1, 2]), ((3, 4, 2), [[[1, 1], [0, 0]]]),
                                            ((3, 4), np.zeros((2, 0))), ((3, 1), np.zeros((0, 2))), ((3, 0), [[1], [2]])], ids=str)
def test_gather_nd_and_scatter_nd(shape, indices):
    for index_dtype in (np.int32, np.int64):
        places = np.array(indices, index_dtype)
        for dtype in DTYPES:
            x = some(shape, dtype)
            taken = x[tuple(np.moveaxis(places.astype(int), -1, 0))] if places.shape[-1] else np.broadcast_to(x, places.shape[:-1] + x.shape)
            check(tf.gather_nd, taken, x, places)
            if dtype in NUMBERS:
                sums = np.zeros(shape, dtype)
                if places.shape[-1]:
                    np.add.at(sums, tuple(np.moveaxis(places.astype(int), -1, 0)), taken)
                else:
                    sums = taken.sum(0).astype(dtype)
                check(lambda i, u: tf.scatter_nd(i, u, np.array(shape, index_dtype)), sums, places, taken)


def test_gather_nd_refuses():
    with tf.Graph().as_default(), tf.Session() as sess:
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[1\] = \[0, 5\] does not index into param shape \[2,3\]"):
            sess.run(tf.gather_nd(tf.zeros([2, 3]), [[0, 1], [0, 5]]))
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[0,1\] = \[-1\] does not index into shape \[4\]"):
            sess.run(tf.scatter_nd([[[0], [-1]]], [[1.0, 2.0]], [4]))
        with pytest.raises(ValueError, match="at most the rank"):
            tf.gather_nd(tf.zeros([2, 3]), [[0, 1, 2]])
        with pytest.raises(ValueError, match="Must have updates.shape"):
            tf.scatter_nd([[0]], [1.0, 2.0], [4])


@pytest.mark.parametrize("shape, parts", [((5, 2), [0, 2, 0, 1, 2]), ((2, 2), [[0, 1], [1, 0]]), ((0, 3), np.zeros(0)), ((3,), [1, 1, 1]), ((), 2)], ids=str)
def test_dynamic_partition_and_stitch(shape, parts):
    parts = np.array(parts, np.int32)
    for dtype in DTYPES:
        x = some(shape, dtype)
        check(lambda t, p: tf.dynamic_partition(t, p, 3), [x[parts == k] for k in range(3)], x, parts, static=False)
        places = np.arange(parts.size, dtype=np.int32).reshape(parts.shape)
        check(lambda t, p, where: tf.dynamic_stitch(tf.dynamic_partition(where, p, 3), tf.dynamic_partition(t, p, 3)),
              x.reshape((parts.size,) + x.shape[parts.ndim:]), x, parts, places, static=False)


def test_dynamic_stitch():
    x, y = some((2, 3)), some((2, 2, 3))
    expected = np.zeros((7, 3), np.float32)
    expected[[6, 1]] = x
    expected[[0, 1, 3, 4]] = y.reshape(4, 3)
    check(lambda a, b: tf.dynamic_stitch([[6, 1], [[0, 1], [3, 4]]], [a, b]), expected, x, y)
    with tf.Graph().as_default(), tf.Session() as sess:
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"partitions\[1\] = 2 is not in \[0, 2\)"):
            sess.run(tf.dynamic_partition([1.0, 2.0], [0, 2], 2))
        with pytest.raises(ValueError, match="must start with"):
            tf.dynamic_stitch([[0, 1]], [[1.0, 2.0, 3.0]])


def test_sets():
    x, y = np.array([1, 2, 3, 4, 5, 6, 2]), np.array([1, 3, 5])
    check(tf.setdiff1d, [np.array([2, 4, 6, 2]), np.array([1, 3, 5, 6], np.int32)], x, y, static=False)
    check(lambda a, b: tf.setdiff1d(a, b, tf.int64), [np.array([], np.float32), np.array([], np.int64)], np.float32([]), np.float32([1]), static=False)
    x = np.array([1, 1, 2, 4, 4, 4, 7, 8, 8], np.int32)
    check(tf.unique_with_counts, [np.int32([1, 2, 4, 7, 8]), np.int32([0, 0, 1, 2, 2, 2, 3, 4, 4]), np.int32([2, 1, 3, 1, 2])], x, static=False)


@pytest.mark.parametrize("mode", ["REFLECT", "SYMMETRIC", "CONSTANT"])
@pytest.mark.parametrize("shape, paddings", [((3, 4), [[2, 1], [0, 3]]), ((4,), [[3, 3]]), ((2, 1, 3), [[1, 1], [0, 0], [2, 0]]), ((), np.zeros((0, 2), np.int32))],
                         ids=str)
def test_pad(mode, shape, paddings):
    for dtype in DTYPES:
        x, paddings = some(shape, dtype), np.array(paddings, np.int32)
        expected = np.pad(x, paddings, mode.lower()) if shape else x
        check(lambda t: tf.pad(t, paddings, mode), expected, x)
        check(lambda t, p: tf.pad(t, p, mode), expected, x, paddings, static=False)
        if mode == "CONSTANT" and shape:
            value = dtype(1)
            check(lambda t: tf.pad(t, paddings, constant_values=value), np.pad(x, paddings, constant_values=value), x)


def test_pad_refuses():
    with tf.Graph().as_default(), tf.Session() as sess:
        for mode, width in (("REFLECT", 3), ("SYMMETRIC", 4)):
            with pytest.raises(ValueError, match="dimension size"):
                tf.pad([1, 2, 3], [[0, width]], mode)
            p = tf.placeholder("int32", [1, 2])
            with pytest.raises(tf.errors.InvalidArgumentError, match="dimension size"):
                sess.run(tf.pad([1, 2, 3], p, mode), {p: [[0, width]]})
        with pytest.raises(ValueError, match="Unknown padding mode"):
            tf.pad([1], [[0, 1]], "WRAP")
        np.testing.assert_array_equal(sess.run(tf.pad([1.0], [[1, 0]], constant_values=np.nan)), [np.nan, 1])


def depth(x, b):
    n, h, w, c = x.shape
    return x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5).reshape(n, h // b, w // b, b * b * c)


@pytest.mark.parametrize("dtype", DTYPES)
def test_blocks(dtype):
    x = some((2, 4, 6, 3), dtype)
    check(lambda t: tf.space_to_depth(t, 2), depth(x, 2), x, ranks=False)
    check(lambda t: tf.depth_to_space(t, 2), x, depth(x, 2), ranks=False)
    y = some((1, 3, 4, 2), dtype)
    padded = np.pad(y, [(0, 0), (1, 0), (2, 2), (0, 0)])
    expected = np.concatenate([padded[:, i::2, j::2] for i in range(2) for j in range(2)])
    check(lambda t: tf.space_to_batch(t, [[1, 0], [2, 2]], 2), expected, y, ranks=False)
    check(lambda t: tf.batch_to_space(t, [[1, 0], [2, 2]], 2), y, expected, ranks=False)
    check(lambda t: tf.batch_to_space_nd(t, [2, 2], np.zeros((2, 2), int)), padded, expected, ranks=False)
    z = some((2, 6, 3), dtype)
    check(lambda t: tf.space_to_batch_nd(t, [3], [[0, 0]]), np.concatenate([z[:, i::3] for i in range(3)]), z, ranks=False)


def test_blocks_refuse():
    with tf.Graph().as_default():
        x = tf.zeros([1, 3, 4, 2])
        for build in (lambda: tf.space_to_depth(x, 2), lambda: tf.depth_to_space(x, 2), lambda: tf.space_to_batch(x, [[0, 0], [0, 0]], 2),
                      lambda: tf.batch_to_space(x, [[0, 0], [0, 0]], 2)):
            with pytest.raises(ValueError, match="evenly divisible"):
                build()
        with pytest.raises(ValueError, match="Block size"):
            tf.space_to_depth(x, 1)


def test_grids_and_masks():
    x, y, z = np.float32([1, 2, 3]), np.float32([4, 5]), np.float32([6])
    for indexing in ("xy", "ij"):
        check(lambda *t: tf.meshgrid(*t, indexing=indexing), np.meshgrid(x, y, z, indexing=indexing), x, y, z)
        check(lambda *t: tf.meshgrid(*t, indexing=indexing), np.meshgrid(x, indexing=indexing), x)
    for lengths in ([1, 3, 0], [[2], [0]]):
        for dtype in (np.int32, np.int64):
            n = np.array(lengths, dtype)
            check(lambda t: tf.sequence_mask(t, 4), np.arange(4) < n[..., None], n)
            check(lambda t: tf.sequence_mask(t, dtype=tf.float32), (np.arange(n.max()) < n[..., None]).astype(np.float32), n, static=False)
    check(lambda a, b: tf.broadcast_dynamic_shape(a, b), np.int32([5, 2, 3]), np.int32([2, 1]), np.int32([5, 1, 3]))
    with tf.Graph().as_default(), tf.Session() as sess:
        a = tf.placeholder("int32", [1])
        with pytest.raises(tf.errors.InvalidArgumentError, match="Incompatible shapes"):
            sess.run(tf.broadcast_dynamic_shape(a, [3]) * 1, {a: [2]})
        with pytest.raises(ValueError, match="indexing"):
            tf.meshgrid([1], indexing="yx")
        assert [s.tolist() for s in sess.run(tf.shape_n([tf.zeros([2, 3]), tf.zeros([])]))] == [[2, 3], []]
        assert sess.run(tf.identity_n([1, 2.5])) == [1, 2.5]


def test_bitcast():
    x = np.float32([[1.5, -2.0], [0.0, np.inf]])
    check(lambda t: tf.bitcast(t, tf.int32), x.view(np.int32), x)
    check(lambda t: tf.bitcast(t, tf.uint8), x[..., None].view(np.uint8), x)
    check(lambda t: tf.bitcast(t, tf.float64), x.view(np.float64)[..., 0], x)


def test_graph_functions_of_shape():
    """What tf.gather along an axis, tf.boolean_mask and tf.where(x) give together."""
    x, ids = some((3, 4, 5)), np.int64([3, 0, 0])
    for axis in (0, 1, 2, -1):
        check(lambda t, i: tf.gather(t, i, axis=axis), np.take(x, ids % x.shape[axis], axis), x, ids % x.shape[axis], ranks=False)
    mask = x[0] > 50
    check(lambda t, m: tf.boolean_mask(t, m, axis=1), x[:, mask], x, mask, ranks=False, static=False)
    check(tf.where, np.argwhere(mask), mask, static=False)


def test_strings():
    """The ops that move data move text too."""
    x = np.array([[b"a", b"bc", b""], [b"d", b"e", b"f"]], object)
    with tf.Graph().as_default(), tf.Session() as sess:
        t, i = tf.constant(x), tf.placeholder("int32", [])
        for result, expected in ((t[::-1, 1:], x[::-1, 1:]), (t[i], x[-1]), (t[..., None, i], x[..., None, -1]), (tf.reverse(t, [1]), x[:, ::-1]),
                                 (tf.gather_nd(t, [[0, 1], [1, 2]]), x[[0, 1], [1, 2]]), (tf.gather_nd(t, [[1]]), x[[1]]),
                                 (tf.dynamic_stitch([[1], [0]], [t[:1], t[1:]]), x[::-1]), (tf.pad(t, [[0, 1], [0, 0]], "REFLECT"), x[[0, 1, 0]])):
            np.testing.assert_array_equal(sess.run(result, {i: -1}), expected)
        for bad in (t[i], tf.gather_nd(t, [[0, i]])):
            with pytest.raises(tf.errors.InvalidArgumentError, match="ind"):
                sess.run(bad, {i: 3})


def test_concat_refuses_the_order_of_2015():
    pieces = [tf.zeros([2]), tf.ones([2])]
    with pytest.raises(TypeError, match=r"axis must be an integer.*the tensors come first"):
        tf.concat(0, pieces)
    with pytest.raises(TypeError, match="axis must be an integer"):
        tf.concat(pieces, 0.5)
    with tf.Session() as sess:
        for axis in (0, np.int64(0), np.array(0), tf.constant(0)):
            assert sess.run(tf.concat(pieces, axis)).tolist() == [0, 0, 1, 1]
