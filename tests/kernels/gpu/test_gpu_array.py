"""GPU kernels that move data, each against its CPU twin: the same bytes, the same complaints."""
import numpy as np
import pytest

import minitf as tf
from minitf.core.dtypes import as_dtype
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import find_kernel
from minitf.kernels.cpu.kernel import run_kernel
from minitf.kernels.gpu import devices, join
from minitf.kernels.gpu.call import Call, Operand
from minitf.kernels.gpu.device import EmulatedDevice
from minitf.kernels.gpu.words import Divisor

from harness import run_call

DTYPES = ["float32", "float64", "int32", "int64", "bool", "uint8", "complex64"]
INTS = ["int32", "int64"]


def some(shape, dtype="float32", seed=0):
    """An array in which neighbours differ."""
    numbers = np.random.default_rng(seed).integers(0, 120, shape)
    return (numbers % 2 if dtype == "bool" else numbers).astype(dtype)


def twin(op_type, attrs, inputs, shapes, dtypes):
    return run_kernel(find_kernel(op_type, attrs).kernel, attrs, inputs, shapes, dtypes)


def agrees(op_type, inputs, *shapes, dtype=None, **attrs):
    """The kernels of an op, whose outputs have these shapes, give the same bytes."""
    inputs = [np.asarray(x) for x in inputs]
    dtypes = [dtype or inputs[0].dtype] * len(shapes)
    attrs = {"T": as_dtype(dtypes[0]), **attrs}
    results = run_call(op_type, attrs, inputs, shapes, dtypes)
    for result, expected in zip(results, twin(op_type, attrs, inputs, shapes, dtypes)):
        np.testing.assert_array_equal(result, expected)


def complains(op_type, inputs, shape, dtype=None, **attrs):
    """The kernels of an op complain in the same words, which are returned."""
    inputs = [np.asarray(x) for x in inputs]
    dtypes = [dtype or inputs[0].dtype]
    attrs = {"T": as_dtype(dtypes[0]), **attrs}
    with pytest.raises(InvalidArgumentError) as expected:
        twin(op_type, attrs, inputs, [shape], dtypes)
    with pytest.raises(InvalidArgumentError) as told:
        run_call(op_type, attrs, inputs, [shape], dtypes)
    assert told.value.message == expected.value.message
    return told.value.message


def test_division_by_multiplication():
    rng = np.random.default_rng(0)
    for n in [1, 2, 3, 5, 7, 31, 32, 33, 255, 641, 2**16 - 1, 2**16 + 1, 2**30, 2**31 - 1, *rng.integers(1, 2**31, 200).tolist()]:
        d = Divisor(n)
        for x in [0, 1, n - 1, n, n + 1, 2 * n - 1, 2**31 - 1, *rng.integers(0, 2**31, 20).tolist()]:
            if x < 2**31:
                assert x * d.multiplier >> d.shift == x // n, (x, n)


TRANSPOSES = [((), ()), ((5,), (0,)), ((4, 6), (1, 0)), ((70, 45), (1, 0)), ((3, 33, 40), (0, 2, 1)), ((33, 3, 40), (2, 1, 0)), ((2, 3, 4, 8), (0, 2, 1, 3)),
              ((3, 5, 7), (2, 0, 1)), ((16, 9, 12), (1, 0, 2)), ((0, 4), (1, 0)), ((2, 17, 19, 3), (0, 3, 1, 2)), ((2, 3, 1, 2, 3, 2), (5, 3, 1, 0, 4, 2)),
              ((32, 64, 4), (1, 0, 2)), ((1, 50, 1, 60), (3, 2, 1, 0))]


@pytest.mark.parametrize("dtype", DTYPES)
def test_transpose(dtype):
    for shape, perm in TRANSPOSES:
        agrees("Transpose", [some(shape, dtype), np.array(perm, "int32")], tuple(shape[k] for k in perm))


def turned(dtype, shape, perm):
    return "Transpose", {"T": as_dtype(dtype)}, [some(shape, dtype), np.array(perm, "int32")], [tuple(shape[k] for k in perm)], [dtype]


CASES = [turned("float32", (70, 45), (1, 0)), turned("bool", (33, 40), (1, 0)), turned("float64", (2, 35, 8), (0, 2, 1)), turned("float32", (40, 33, 4), (1, 0, 2))]


@pytest.mark.parametrize("k", range(len(CASES)))
def test_tiles_are_filled_before_they_are_emptied(k):
    _, _, (x, perm), _, _ = CASES[k]
    for order in range(4):
        np.testing.assert_array_equal(run_call(*CASES[k], check=True, order=order)[0], x.transpose(perm))


def test_transpose_of_any_axes():
    rng = np.random.default_rng(1)
    for _ in range(40):
        rank = rng.integers(2, 6)
        shape, perm = rng.integers(1, 12, rank), rng.permutation(rank)
        agrees("Transpose", [some(shape, seed=2), perm.astype("int64")], tuple(shape[perm].tolist()))


@pytest.mark.parametrize("perm, text", [([0], "vector of size 2"), ([0, 2], "2 is out of range"), ([1, 1], "1 is duplicated")])
def test_transpose_complains(perm, text):
    assert text in complains("Transpose", [some((2, 3)), np.array(perm, "int32")], (3, 2))


@pytest.mark.parametrize("dtype", DTYPES)
def test_broadcast_and_tile(dtype):
    for shape, to in [((), (3, 4)), ((1,), (1000,)), ((5, 1), (5, 8)), ((8,), (3, 8)), ((4, 1, 6), (2, 4, 5, 6)), ((3, 1), (0, 3, 2)), ((7, 5), (7, 5))]:
        agrees("BroadcastTo", [some(shape, dtype), np.array(to, "int32")], to)
    for shape, times in [((), ()), ((3,), (4,)), ((4, 8), (2, 3)), ((4, 8), (2, 1)), ((3, 5), (0, 2)), ((2, 3, 4), (3, 1, 2)), ((1, 7), (5, 1))]:
        agrees("Tile", [some(shape, dtype), np.array(times, "int64")], tuple(n * t for n, t in zip(shape, times)))


def test_tile_complains():
    assert "Expected multiples[1] >= 0" in complains("Tile", [some((2, 3)), np.array([1, -1], "int32")], (2, 0))


@pytest.mark.parametrize("dtype", DTYPES)
def test_reverse(dtype):
    for shape, axes in [((7,), [0]), ((4, 8), [0]), ((4, 8), [-1]), ((3, 4, 5), [0, 2]), ((3, 4, 5), []), ((0, 4), [0]), ((2, 3, 4, 4), [1])]:
        agrees("ReverseV2", [some(shape, dtype), np.array(axes, "int32")], shape)
    assert "more than once" in complains("ReverseV2", [some((2, 3)), np.array([0, -2], "int32")], (2, 3))
    assert "not in" in complains("ReverseV2", [some((2, 3)), np.array([2], "int32")], (2, 3))


@pytest.mark.parametrize("dtype", DTYPES)
def test_pad(dtype):
    for shape, paddings in [((5,), [[2, 3]]), ((4, 8), [[1, 1], [4, 8]]), ((4, 8), [[1, 1], [0, 0]]), ((2, 5, 4, 4), [[0, 0], [1, 2], [2, 1], [0, 0]]), ((), []),
                            ((0, 3), [[1, 0], [0, 2]]), ((3, 4), [[0, 0], [0, 0]]), ((6, 7), [[0, 0], [1, 0]]), ((0, 3), [[0, 0], [0, 0]])]:
        out = tuple(n + sum(p) for n, p in zip(shape, paddings))
        paddings = np.array(paddings, "int32").reshape(-1, 2)
        agrees("Pad", [some(shape, dtype), paddings], out)
        agrees("PadV2", [some(shape, dtype), paddings, some((), dtype, seed=5)], out)
    assert "non-negative" in complains("Pad", [some((5,)), np.array([[-1, 3]], "int32")], (7,))


BOXES = [((10,), [3], (4,)), ((10,), [0], (10,)), ((8, 16), [2, 0], (4, 16)), ((8, 16), [2, 4], (4, 8)), ((8, 16), [2, 3], (4, 9)), ((3, 4, 8), [1, 0, 0], (2, 4, 8)),
         ((3, 4, 8), [0, 1, 4], (3, 2, 4)), ((5, 6), [5, 0], (0, 6)), ((), [], ()), ((3, 5, 7), [1, 2, 3], (1, 1, 4))]


@pytest.mark.parametrize("dtype", DTYPES)
def test_slice(dtype):
    for shape, begin, out in BOXES:
        agrees("Slice", [some(shape, dtype), np.array(begin, "int32"), np.array(out, "int32")], out)


@pytest.mark.parametrize("index", INTS)
def test_slice_complains(index):
    x = some((4, 6))
    assert complains("Slice", [x, np.array([0, 7], index), np.array([4, 2], index)], (4, 2)) == "Expected begin[1] in [0, 6], but got 7"
    assert complains("Slice", [x, np.array([-1, 0], index), np.array([4, 2], index)], (4, 2)) == "Expected begin[0] in [0, 4], but got -1"
    assert complains("Slice", [x, np.array([2, 0], index), np.array([4, 2], index)], (4, 2)) == "Expected size[0] in [0, 2], but got 4"


def strided(shape, index):
    """begin, end, strides and masks of x[index], and the shape of it."""
    begin, end, steps, masks = [], [], [], dict(begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0)
    for place, part in enumerate(index):
        bit = 1 << place
        if part is Ellipsis or part is None:
            masks["ellipsis_mask" if part is Ellipsis else "new_axis_mask"] |= bit
            part = slice(0, 0, 1)
        if not isinstance(part, slice):
            masks["shrink_axis_mask"] |= bit
            part = slice(part, part + 1, 1)
        masks["begin_mask"] |= bit * (part.start is None)
        masks["end_mask"] |= bit * (part.stop is None)
        for values, value, default in ((begin, part.start, 0), (end, part.stop, 0), (steps, part.step, 1)):
            values.append(default if value is None else value)
    return begin, end, steps, masks, np.zeros(shape, "int8")[index].shape


s_ = np.s_
STRIDED = [((10,), s_[2:7,]), ((10,), s_[::3,]), ((10,), s_[::-1,]), ((10,), s_[8:2:-2,]), ((10,), s_[-3:,]), ((10,), s_[4,]), ((10,), s_[-1,]), ((10,), s_[20:30,]),
           ((6, 8), s_[1:5, 4:]), ((6, 8), s_[:, 3]), ((6, 8), s_[2]), ((6, 8), s_[1::2, ::-1]), ((6, 8), s_[None, ..., 2]), ((6, 8), s_[::-1, ::-1]),
           ((4, 5, 6), s_[..., 1:4, :]), ((4, 5, 6), s_[1, :, None, ::2]), ((4, 5, 6), s_[:, 4:1:-1]), ((4, 5, 8), s_[2:, 1:3]), ((4, 5, 6), s_[:]), ((3, 0), s_[1:])]
STRIDED = [(shape, index if isinstance(index, tuple) else (index,)) for shape, index in STRIDED]


@pytest.mark.parametrize("dtype", DTYPES)
def test_strided_slice_and_its_adjoint(dtype):
    for shape, index in STRIDED:
        begin, end, steps, masks, out = strided(shape, index)
        where = [np.array(v, "int32") for v in (begin, end, steps)]
        agrees("StridedSlice", [some(shape, dtype), *where], out, **masks)
        agrees("StridedSliceGrad", [np.array(shape, "int32"), *where, some(out, dtype)], shape, dtype=dtype, **masks)


@pytest.mark.parametrize("known", [False, True])
def test_strided_slices_by_chance(known):
    rng = np.random.default_rng(3)

    def part(n):
        if rng.random() < 0.2:
            return int(rng.integers(-n, n))
        start, stop = (None if rng.random() < 0.3 else int(rng.integers(-n - 2, n + 3)) for _ in "ab")
        return slice(start, stop, int(rng.choice([-3, -2, -1, 1, 1, 1, 2, 4])))
    for _ in range(60):
        shape = tuple(rng.integers(1, 13, rng.integers(1, 5)).tolist())
        begin, end, steps, masks, out = strided(shape, tuple(map(part, shape)))
        where = [np.array(v, "int64") for v in (begin, end, steps)]
        for op_type, inputs, to in [("StridedSlice", [some(shape), *where], out), ("StridedSliceGrad", [np.array(shape, "int64"), *where, some(out)], shape)]:
            attrs = {"T": as_dtype("float32"), **masks}
            result = run_call(op_type, attrs, inputs, [to], ["float32"], known=[1, 2] if known else [])
            np.testing.assert_array_equal(result[0], twin(op_type, attrs, inputs, [to], ["float32"])[0])


def test_strided_slice_complains():
    one = np.array([1], "int32")
    assert complains("StridedSlice", [some((4,)), 4 * one, 5 * one, one], (), shrink_axis_mask=1) == "slice index 4 of dimension 0 out of bounds."
    assert "takes 2 of the 4 elements" in complains("StridedSlice", [some((4,)), 2 * one, 9 * one, one], (3,))
    assert "non-zero" in complains("StridedSlice", [some((4,)), one, one, 0 * one], (3,))
    two = np.ones(2, "int32")
    assert "only 1 dims" in complains("StridedSlice", [some((4,)), two, two, two], (3,))


@pytest.mark.parametrize("dtype", DTYPES)
def test_concat(dtype):
    for shapes, axis in [([(3,), (4,)], 0), ([(4, 8), (4, 16)], 1), ([(4, 3), (4, 2), (4, 6), (4, 1), (4, 5)], -1), ([(2, 3), (0, 3), (5, 3)], 0), ([(3, 4)], 1),
                         ([(1, 2, 3)] * 40, 1), ([(2, k % 3) for k in range(70)], 1), ([(2, 8, 4), (2, 4, 4)], 1), ([(0, 3), (0, 2)], 1)]:
        parts = [some(shape, dtype, seed=k) for k, shape in enumerate(shapes)]
        agrees("ConcatV2", [*parts, np.array(axis, "int32")], np.concatenate(parts, axis).shape)


@pytest.mark.parametrize("dtype", DTYPES)
def test_pack_and_unpack(dtype):
    for shape, n, axis in [((), 3, 0), ((4,), 5, 0), ((4, 8), 2, 1), ((3, 5), 50, -1), ((2, 3, 4), 4, 2), ((0, 3), 2, 0), ((20, 16), 33, 0)]:
        parts = [some(shape, dtype, seed=k) for k in range(n)]
        whole = np.stack(parts, axis)
        agrees("Pack", parts, whole.shape, axis=axis)
        agrees("Unpack", [whole], *[shape] * n, axis=axis)


def test_many_arrays_are_joined_by_few_launches():
    call = Call("join.cu", "join", {"axis": 0}, [Operand("input", k, (20, 128), "float32") for k in range(50)], [Operand("output", 0, (50, 20, 128), "float32")])
    join.pack(call)
    assert [launch.function for launch in call.launches] == ["exchange_32_w16"] * 2


@pytest.mark.parametrize("index", INTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_gather(dtype, index):
    attrs = dict(Tparams=as_dtype(dtype), Tindices=as_dtype(index))
    rng = np.random.default_rng(0)
    for shape, places in [((7,), (5,)), ((7, 16), (3, 4)), ((7, 3), ()), ((5, 2, 6), (300,)), ((4, 0), (3,)), ((4, 8), (0,))]:
        agrees("Gather", [some(shape, dtype), rng.integers(0, shape[0], places).astype(index)], (*places, *shape[1:]), **attrs)
    for shape, places in [((7,), (5, 1)), ((7, 5, 8), (3, 4, 2)), ((7, 5, 3), (6, 1)), ((7, 5), (2,)), ((4, 3), (5, 0)), ((2, 3, 4), (9, 3))]:
        where = np.stack([rng.integers(0, n, places[:-1]) for n in shape[:places[-1]]] or [np.zeros((*places[:-1], 0))][0:0], -1) if places[-1] else np.zeros(places)
        agrees("GatherNd", [some(shape, dtype), where.astype(index)], (*places[:-1], *shape[places[-1]:]), **attrs)


@pytest.mark.parametrize("index", INTS)
def test_gather_complains(index):
    attrs = dict(Tparams=as_dtype("float32"), Tindices=as_dtype(index))
    far = 2**40 + 1 if index == "int64" else 9
    assert complains("Gather", [some((5, 4)), np.array([[1, 2], [far, 0]], index)], (2, 2, 4), **attrs) == f"indices[1,0] = {far} is not in [0, 5)"
    assert complains("Gather", [some((5, 4)), np.array(-1, index)], (4,), **attrs) == "indices = -1 is not in [0, 5)"
    with pytest.raises(InvalidArgumentError, match=r"indices\[1,1\] = 7 does not index into param shape \[5,4\]"):
        run_call("GatherNd", attrs, [some((5, 4)), np.array([[1, 2], [0, 7]], index)], [(2,)], ["float32"])
    attrs = dict(T=as_dtype("float32"), Tindices=as_dtype(index))
    with pytest.raises(InvalidArgumentError, match=r"indices\[0,0\] = -2 does not index into shape \[5,4\]"):
        run_call("ScatterNd", attrs, [np.array([[-2]], index), some((1, 4)), np.array([5, 4], index)], [(5, 4)], ["float32"])


@pytest.mark.parametrize("index", INTS)
@pytest.mark.parametrize("dtype", DTYPES[:4])
def test_scatter(dtype, index):
    rng = np.random.default_rng(0)
    for places, shape in [((6, 1), (4, 5)), ((9, 2), (3, 4)), ((2, 3, 1), (6,)), ((0, 1), (3, 2)), ((50, 1), (2, 8))]:
        where = np.stack([rng.integers(0, n, places[:-1]) for n in shape[:places[-1]]], -1).astype(index)
        updates = some((*places[:-1], *shape[places[-1]:]), dtype)              # whole numbers: every order gives the same sum
        agrees("ScatterNd", [where, updates, np.array(shape, index)], shape, dtype=dtype, Tindices=as_dtype(index))


@pytest.mark.parametrize("index", INTS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_reverse_sequence(dtype, index):
    rng = np.random.default_rng(0)
    for shape, seq, batch in [((3, 7), 1, 0), ((7, 3), 0, 1), ((2, 3, 4, 8), 1, 2), ((5, 4, 8), 0, 1), ((4, 5, 3), -1, 0), ((4, 0), 1, 0), ((0, 4), 1, 0)]:
        lengths = rng.integers(0, shape[seq] + 1, shape[batch]).astype(index)
        agrees("ReverseSequence", [some(shape, dtype), lengths], shape, seq_dim=seq, batch_dim=batch, Tlen=as_dtype(index))
    complains("ReverseSequence", [some((2, 3)), np.array([3, 4], index)], (2, 3), seq_dim=1, batch_dim=0, Tlen=as_dtype(index))


@pytest.mark.parametrize("index", ["uint8", *INTS])
@pytest.mark.parametrize("dtype", DTYPES)
def test_one_hot(dtype, index):
    indices = np.array([[0, 3, 1], [4, 250, 2]]).astype(index)                  # two of them out of range
    for axis, shape in [(-1, (2, 3, 4)), (0, (4, 2, 3)), (1, (2, 4, 3))]:
        agrees("OneHot", [indices, np.array(4, "int32"), some((), dtype, 1), some((), dtype, 2)], shape, dtype=dtype, axis=axis, TI=as_dtype(index))
    if index != "uint8":
        agrees("OneHot", [-indices, np.array(4, "int32"), some((), dtype, 1), some((), dtype, 2)], (2, 3, 4), dtype=dtype, TI=as_dtype(index))
    agrees("OneHot", [indices[0, 0], np.array(0, "int32"), some((), dtype, 1), some((), dtype, 2)], (0,), dtype=dtype, TI=as_dtype(index))


@pytest.mark.parametrize("dtype", DTYPES[:4])
def test_range(dtype):
    for start, limit, delta in [(0, 1000, 1), (5, -7, -3), (0, 1, 0.1), (3, 3, 1)]:
        start, limit, delta = (np.array(v, dtype) for v in (start, limit, delta))
        if delta:
            n = max(0, int(np.ceil((limit - start) / delta)))
            wanted, = twin("Range", {"Tidx": as_dtype(dtype)}, [start, limit, delta], [(n,)], [dtype])
            result, = run_call("Range", {"Tidx": as_dtype(dtype)}, [start, limit, delta], [(n,)], [dtype])
            np.testing.assert_allclose(result, wanted, rtol=1e-15)


@pytest.mark.parametrize("index", INTS)
def test_shapes(index):
    for shape in [(), (3,), (4, 0, 2), (2, 3, 4, 5, 6, 1, 1, 2)]:
        agrees("Shape", [some(shape)], (len(shape),), dtype=index)
        agrees("Size", [some(shape)], (), dtype=index)
    agrees("Rank", [some((2, 3))], (), dtype="int32")


@pytest.mark.parametrize("mode", ["REFLECT", "SYMMETRIC"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_mirror_pad(dtype, mode):
    for shape, paddings in [((5,), [[2, 3]]), ((4, 8), [[1, 2], [3, 0]]), ((4, 8), [[1, 1], [0, 0]]), ((2, 5, 4, 4), [[0, 0], [1, 2], [2, 1], [0, 0]]),
                            ((3, 4), [[0, 0], [0, 0]]), ((3, 4, 5), [[2, 2], [3, 3], [4, 4]])]:
        out = tuple(n + sum(p) for n, p in zip(shape, paddings))
        paddings = np.array(paddings, "int32")
        agrees("MirrorPad", [some(shape, dtype), paddings], out, mode=mode)
        if dtype in DTYPES[:4]:
            x = some(out, dtype) / 7 if dtype.startswith("float") else some(out, dtype)
            agrees("MirrorPadGrad", [x.astype(dtype), paddings], shape, mode=mode)
    complains("MirrorPad", [some((3,), dtype), np.array([[0, 4]], "int32")], (7,), mode=mode)
    complains("MirrorPad", [some((3,), dtype), np.array([[0, -1]], "int32")], (2,), mode=mode)


@pytest.mark.parametrize("dtype", DTYPES)
def test_diagonals(dtype):
    for shape in [(3,), (2, 3), (0,), (1,), (40,)]:
        agrees("Diag", [some(shape, dtype)], shape * 2)
        agrees("DiagPart", [some(shape * 2, dtype)], shape)
        agrees("MatrixDiag", [some((3, *shape), dtype)], (3, *shape, shape[-1]))
    for rows, cols in [(3, 5), (5, 3), (4, 4), (0, 3)]:
        n = min(rows, cols)
        agrees("MatrixDiagPart", [some((2, rows, cols), dtype)], (2, n))
        agrees("MatrixSetDiag", [some((2, rows, cols), dtype), some((2, n), dtype, 1)], (2, rows, cols))
        for lower, upper in [(0, 0), (-1, 0), (1, 2), (0, -1), (-1, -1)]:
            agrees("MatrixBandPart", [some((2, rows, cols), dtype), np.array(lower, "int64"), np.array(upper, "int64")], (2, rows, cols), Tindex=as_dtype("int64"))


def test_bitcast():
    x = some((3, 4))
    result, = run_call("Bitcast", {"T": as_dtype("float32"), "type": as_dtype("int32")}, [x], [(3, 4)], ["int32"])
    np.testing.assert_array_equal(result, x.view("int32"))


def session_results(device):
    """What a graph of such ops gives, and its gradients: of constant places, and of places that are fed."""
    random = np.random.default_rng(0)
    with tf.Graph().as_default(), tf.Session() as sess:
        x, at, ids = tf.placeholder(tf.float32, [6, 8, 4]), tf.placeholder(tf.int32, []), tf.placeholder(tf.int32, [5])
        with tf.device(device):
            first, second = tf.split(x, 2, axis=1)
            joined = tf.concat([second, first[:, ::-1]], 2)
            turned = tf.pad(tf.transpose(joined, [2, 0, 1]), [[0, 0], [1, 1], [2, 0]])
            part = tf.slice(x, [at, 0, 1], [2, 8, 3]) + x[at, :, :3]
            rows = tf.stack(tf.unstack(tf.gather(tf.reshape(x, [48, 4]), ids)), axis=1)
            loss = tf.reduce_sum(tf.square(turned)) + tf.reduce_sum(tf.square(part)) + tf.reduce_sum(tf.tile(rows, [2, 1]) * 3.0)
            fetches = [turned, part, rows, *tf.gradients(loss, [x])]
        feeds = {x: random.standard_normal((6, 8, 4)), at: 3, ids: [0, 7, 7, 47, 2]}
        results = sess.run(fetches, feeds)
        with pytest.raises(InvalidArgumentError, match=r"indices\[3\] = 48 is not in \[0, 48\)"):
            sess.run(rows, {**feeds, ids: [0, 1, 2, 48, 3]})
        with pytest.raises(InvalidArgumentError, match=r"Expected size\[0\] in \[0, 1\], but got 2"):
            sess.run(part, {**feeds, at: 5})
        return results


def test_in_a_session(monkeypatch):
    monkeypatch.setattr(devices, "_found", [EmulatedDevice("GPU:0", 64 << 20)])
    for on_gpu, on_cpu in zip(session_results("/gpu:0"), session_results("/cpu:0")):
        np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-6)
