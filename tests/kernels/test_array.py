"""Array kernels against NumPy, for every dtype, rank 0 to 6, sizes 0, 1 and more."""
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from minitf.core.dtypes import as_dtype, float32
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import find_kernel
from minitf.kernels.cpu import array, array_gather, array_make
from minitf.kernels.cpu.array_numpy import broadcast_gradient_args, unique, where
from minitf.kernels.cpu.kernel import run_kernel

DTYPES = [np.float32, np.float64, np.int32, np.int64, np.bool_]
dtypes = st.sampled_from(DTYPES)
shapes = st.lists(st.integers(0, 5), max_size=6).map(tuple)
SUM = find_kernel("UnsortedSegmentSum", {"T": float32}).kernel
index_dtypes = st.sampled_from([np.int32, np.int64])


def numbers(shape, dtype, seed=0):
    return np.random.default_rng(seed).integers(0, 2 if dtype == np.bool_ else 100, shape).astype(dtype)


def one(kernel, inputs, shape, dtype, **attrs):
    return run_kernel(kernel, attrs, inputs, [shape], [dtype])[0]


def same(actual, expected):
    np.testing.assert_array_equal(actual, expected)
    assert actual.dtype == expected.dtype and actual.shape == expected.shape


@given(shapes, dtypes, st.randoms(use_true_random=False), index_dtypes)
@settings(max_examples=300, deadline=None)
def test_transpose(shape, dtype, random, index_dtype):
    x = numbers(shape, dtype)
    perm = list(range(x.ndim))
    random.shuffle(perm)
    expected = np.transpose(x, perm)
    same(one(array.Transpose, [x, np.array(perm, index_dtype)], expected.shape, dtype), expected)


@pytest.mark.parametrize("dtype", DTYPES + [np.complex128])
@pytest.mark.parametrize("shape", [(1, 50), (16, 16), (15, 17), (33, 100), (64, 1), (3, 40, 50), (2, 3, 37, 35)])
def test_transpose_of_the_last_two_axes_in_tiles(shape, dtype):
    x = np.ascontiguousarray(numbers(shape, np.float64).astype(dtype))
    words = x.view(np.float64).reshape(shape + (2,)) if dtype == np.complex128 else x
    perm = list(range(len(shape)))
    perm[-1], perm[-2] = perm[-2], perm[-1]
    expected = np.transpose(words, perm + [len(shape)] * (words is not x))
    same(one(array.Transpose, [words, np.array(perm + [len(shape)] * (words is not x), np.int32)], expected.shape, expected.dtype), expected)


def test_transpose_of_runs_that_are_words_together():
    x = numbers((5, 3, 7, 2), np.float32)
    for perm in [(2, 1, 0, 3), (1, 2, 0, 3), (2, 0, 1, 3), (0, 2, 1, 3)]:
        same(one(array.Transpose, [x, np.array(perm, np.int32)], x.transpose(perm).shape, np.float32), x.transpose(perm))


@pytest.mark.parametrize("perm, message", [([0, 0], "0 is duplicated"), ([0, 2], "2 is out of range"), ([0], "transpose expects a vector of size 2")])
def test_transpose_refuses(perm, message):
    with pytest.raises(InvalidArgumentError, match=message):
        one(array.Transpose, [np.ones((2, 3)), np.array(perm, np.int32)], (2, 3), np.float64)


@given(shapes.filter(len), dtypes, st.data(), index_dtypes)
@settings(max_examples=200, deadline=None)
def test_slice(shape, dtype, data, index_dtype):
    x = numbers(shape, dtype)
    begin = [data.draw(st.integers(0, n)) for n in shape]
    size = [data.draw(st.integers(0, n - b)) for n, b in zip(shape, begin)]
    expected = x[tuple(slice(b, b + s) for b, s in zip(begin, size))]
    same(one(array.Slice, [x, np.array(begin, index_dtype), np.array(size, index_dtype)], expected.shape, dtype), expected)


@pytest.mark.parametrize("begin, message", [([0, 4], r"Expected begin\[1\] in \[0, 3\], but got 4"),
                                            ([-1, 0], r"Expected begin\[0\] in \[0, 2\], but got -1"),
                                            ([0, 2], r"Expected size\[1\] in \[0, 1\], but got 2")])
def test_slice_out_of_bounds(begin, message):
    with pytest.raises(InvalidArgumentError, match=message):
        one(array.Slice, [np.ones((2, 3)), np.array(begin, np.int32), np.array([1, 2], np.int32)], (1, 2), np.float64)


@given(shapes, dtypes, st.data())
@settings(max_examples=200, deadline=None)
def test_tile(shape, dtype, data):
    x = numbers(shape, dtype)
    multiples = [data.draw(st.integers(0, 3)) for _ in shape]
    expected = np.tile(x, multiples)
    same(one(array.Tile, [x, np.array(multiples, np.int32)], expected.shape, dtype), expected)


@given(shapes, dtypes, st.data())
@settings(max_examples=200, deadline=None)
def test_pad(shape, dtype, data):
    x = numbers(shape, dtype)
    paddings = np.array([[data.draw(st.integers(0, 2)) for _ in range(2)] for _ in shape], np.int32).reshape(-1, 2)
    expected = np.pad(x, paddings) if shape else x
    same(one(array.Pad, [x, paddings], expected.shape, dtype), expected)


def test_negative_counts_are_refused():
    with pytest.raises(InvalidArgumentError, match="Paddings must be non-negative: -1 0"):
        one(array.Pad, [np.ones(3), np.array([[-1, 0]], np.int32)], (2,), np.float64)
    with pytest.raises(InvalidArgumentError, match=r"Expected multiples\[0\] >= 0, but got -1"):
        one(array.Tile, [np.ones(3), np.array([-1], np.int32)], (0,), np.float64)


@given(shapes, dtypes, st.data())
@settings(max_examples=200, deadline=None)
def test_broadcast_to(shape, dtype, data):
    source = [n if data.draw(st.booleans()) else 1 for n in shape]
    source = source[data.draw(st.integers(0, len(shape))):]
    x = numbers(source, dtype)
    same(one(array.BroadcastTo, [x, np.array(shape, np.int32)], shape, dtype), np.broadcast_to(x, shape))


@given(shapes.filter(len), dtypes, st.data())
@settings(max_examples=200, deadline=None)
def test_concat(shape, dtype, data):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    values = []
    for i in range(data.draw(st.integers(1, 5))):
        part = list(shape)
        part[axis] = data.draw(st.integers(0, 4))
        values.append(numbers(part, dtype, i))
    expected = np.concatenate(values, axis)
    same(one(array.ConcatV2, values + [np.int32(axis)], expected.shape, dtype), expected)


def test_concat_axis_out_of_range():
    with pytest.raises(InvalidArgumentError, match=r"axis = 1 not in \[-1, 1\)"):
        one(array.ConcatV2, [np.ones(2), np.ones(2), np.int32(1)], (4,), np.float64)


@given(shapes.filter(lambda s: len(s) < 6), dtypes, st.integers(1, 4), st.data())
@settings(max_examples=200, deadline=None)
def test_pack_and_unpack(shape, dtype, count, data):
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    values = [numbers(shape, dtype, i) for i in range(count)]
    packed = np.stack(values, axis)
    same(one(array.Pack, values, packed.shape, dtype, axis=axis), packed)
    for value, part in zip(values, run_kernel(array.Unpack, {"axis": axis}, [packed], [shape] * count, [dtype] * count)):
        same(part, value)


@given(shapes, dtypes)
@settings(deadline=None)
def test_copy_shape_size_rank(shape, dtype):
    x = numbers(shape, dtype)
    same(one(array.Copy, [x], shape, dtype), x)
    for out_type in (np.int32, np.int64):
        same(one(array.Shape, [x], (len(shape),), out_type), np.array(shape, out_type))
        same(one(array.Size, [x], (), out_type), out_type(x.size))
        same(one(array.Rank, [x], (), out_type), out_type(x.ndim))


def test_no_op():
    assert run_kernel(array.NoOp, {}, [], [], []) == []


@given(shapes, dtypes)
@settings(deadline=None)
def test_fill(shape, dtype):
    value = numbers((), dtype, 3)
    same(one(array_make.Fill, [np.array(shape, np.int32), value], shape, dtype), np.full(shape, value, dtype))


@given(shapes.filter(lambda s: len(s) < 5), dtypes, index_dtypes, st.integers(0, 4), st.data())
@settings(max_examples=200, deadline=None)
def test_one_hot(shape, dtype, index_dtype, depth, data):
    axis = data.draw(st.integers(-1, len(shape)))
    indices = np.random.default_rng(1).integers(-1, depth + 1, shape).astype(index_dtype)
    on, off = dtype(1), dtype(0)
    expected = np.where(indices[..., None] == np.arange(depth), on, off)
    expected = np.moveaxis(expected, -1, axis)
    same(one(array_make.OneHot, [indices, np.int32(depth), on, off], expected.shape, dtype, axis=axis), expected)


def test_one_hot_of_uint8_along_an_axis_from_the_end():
    indices = np.array([[1, 0, 250]], np.uint8)
    expected = np.array([[[0, 1, 0], [1, 0, 0]]], np.float32)
    same(one(array_make.OneHot, [indices, np.int32(2), np.float32(1), np.float32(0)], (1, 2, 3), np.float32, axis=-2), expected)
    with pytest.raises(InvalidArgumentError, match=r"axis = 3 not in \[-3, 3\)"):
        one(array_make.OneHot, [indices, np.int32(2), np.float32(1), np.float32(0)], (1, 2, 3), np.float32, axis=3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64])
def test_range(dtype):
    for start, limit, delta in [(0, 10, 1), (3, -8, -2), (5, 5, 1)]:
        expected = np.arange(start, limit, delta, dtype)
        same(one(array_make.Range, [dtype(start), dtype(limit), dtype(delta)], expected.shape, dtype), expected)


def test_range_of_float32_is_rounded_once():
    got = one(array_make.Range, [np.float32(0.5), np.float32(1e3), np.float32(0.1)], (9995,), np.float32)
    same(got, (0.5 + np.arange(9995) * np.float64(np.float32(0.1))).astype(np.float32))


@given(st.integers(0, 50), index_dtypes)
@settings(deadline=None)
def test_invert_permutation(n, dtype):
    x = np.random.default_rng(n).permutation(n).astype(dtype)
    same(one(array_make.InvertPermutation, [x], (n,), dtype), np.argsort(x).astype(dtype))


@pytest.mark.parametrize("x, message", [([0, 0], "0 is duplicated in the input"), ([0, 2], "2 is not between 0 and 2"), ([-1, 0], "-1 is not between")])
def test_invert_permutation_refuses(x, message):
    with pytest.raises(InvalidArgumentError, match=message):
        one(array_make.InvertPermutation, [np.array(x, np.int32)], (2,), np.int32)


@given(st.integers(1, 5), shapes.filter(lambda s: len(s) < 4), shapes.filter(lambda s: len(s) < 4), dtypes, index_dtypes)
@settings(max_examples=200, deadline=None)
def test_gather(rows, row, places, dtype, index_dtype):
    params = numbers((rows, *row), dtype)
    indices = np.random.default_rng(2).integers(0, rows, places).astype(index_dtype)
    same(one(array_gather.Gather, [params, indices], places + row, dtype), params[indices])


@pytest.mark.parametrize("indices, message", [([1, 5, 0], r"indices\[1\] = 5 is not in \[0, 5\)"), ([[0, 1], [-1, 2]], r"indices\[1,0\] = -1 is not in"),
                                              (9, r"indices = 9 is not in")])
def test_gather_names_the_index_out_of_range(indices, message):
    indices = np.array(indices, np.int32)
    with pytest.raises(InvalidArgumentError, match=message):
        one(array_gather.Gather, [np.ones((5, 2)), indices], indices.shape + (2,), np.float64)


@given(shapes, st.data(), st.sampled_from(DTYPES[:4]), index_dtypes, st.integers(1, 4))
@settings(max_examples=200, deadline=None)
def test_unsorted_segment_sum(shape, data, dtype, index_dtype, segments):
    rank = data.draw(st.integers(0, len(shape)))
    x = numbers(shape, dtype)
    ids = np.random.default_rng(3).integers(-1, segments, shape[:rank]).astype(index_dtype)
    expected = np.zeros((segments,) + shape[rank:], dtype)
    for place in np.ndindex(*shape[:rank]):
        if ids[place] >= 0:
            expected[ids[place]] += x[place]
    same(one(SUM, [x, ids, np.int32(segments)], expected.shape, dtype), expected)


def test_unsorted_segment_sum_names_the_id_out_of_range():
    with pytest.raises(InvalidArgumentError, match=r"segment_ids\[2\] = 3 is out of range \[0, 3\)"):
        one(SUM, [np.ones(3), np.array([0, -1, 3], np.int32), np.int32(3)], (3,), np.float64)


@pytest.mark.parametrize("dtype", DTYPES)
def test_data_at_any_address(dtype):
    """A feed may lie at any multiple of its element, and between lines of the cache."""
    memory = np.zeros(8 * 2000 + 64, np.uint8)
    itemsize = np.dtype(dtype).itemsize
    for offset in (itemsize, 3 * itemsize, 7 * itemsize):
        x = memory[offset:offset + 900 * itemsize].view(dtype).reshape(30, 30)
        x[:] = numbers((30, 30), dtype)
        same(one(array.Transpose, [x, np.array([1, 0], np.int32)], (30, 30), dtype), x.T)
        same(one(array.Slice, [x, np.array([1, 1], np.int32), np.array([28, 3], np.int32)], (28, 3), dtype), x[1:29, 1:4])


@given(shapes, st.integers(0, 3))
@settings(deadline=None)
def test_where(shape, seed):
    condition = numbers(shape, np.bool_, seed)
    (places,) = run_kernel(kernel_of("Where"), {}, [condition], [None], [np.int64])
    same(places, np.argwhere(condition))


def kernel_of(op_type):
    from minitf.core.registry import find_kernel
    return find_kernel(op_type, {}).kernel


def test_unique():
    y, place = run_kernel(kernel_of("Unique"), {}, [np.array([4, 1, 1, 7, 4, -2])], [None, (6,)], [np.int64, np.int32])
    same(y, np.array([4, 1, 7, -2]))
    same(place, np.array([0, 1, 1, 2, 0, 3], np.int32))
    assert unique({}, np.array([], np.float32))[0].size == 0


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("n, values", [(0, 1), (1, 1), (5, 1), (1000, 3), (1000, 10 ** 6), (3000, 2 ** 31 - 1)])
def test_unique_of_integers(dtype, n, values):
    """The compiled kernel against NumPy's, also where values collide in its table: multiples of a large power of two."""
    for factor in (1, -1, 2 ** 20):
        x = (np.random.default_rng(n).integers(0, values, n) * factor).astype(dtype)
        for index in (np.int32, np.int64):
            kernel = find_kernel("Unique", {"T": as_dtype(dtype), "out_idx": as_dtype(index)}).kernel
            assert kernel.__module__.endswith("cpu.unique")
            y, place = run_kernel(kernel, {}, [x], [None, (n,)], [dtype, index])
            wanted, where = unique({}, x)
            same(y, wanted.astype(dtype))
            same(place, where.astype(index))


@pytest.mark.parametrize("s0, s1, r0, r1", [
    ([2, 3], [2, 3], [], []), ([2, 3], [3], [], [0]), ([2, 1], [1, 3], [1], [0]), ([], [4, 5], [0, 1], []),
    ([1], [1], [], []), ([1, 1], [], [], [0, 1]), ([0, 3], [1, 3], [], [0])])
def test_broadcast_gradient_args(s0, s1, r0, r1):
    a, b = broadcast_gradient_args({}, np.array(s0, np.int32), np.array(s1, np.int32))
    assert (a.tolist(), b.tolist()) == (r0, r1)


def test_broadcast_gradient_args_refuses():
    with pytest.raises(InvalidArgumentError, match=r"Incompatible shapes: \[2\] vs. \[3\]"):
        broadcast_gradient_args({}, np.array([2]), np.array([3]))
    assert where({}, np.array(True)).shape == (1, 0)
