"""Reductions on the emulated GPU over any axes, against NumPy in float64: sizes 0 and 1, NaN, accuracy, order; ArgMax and ArgMin."""
import itertools

import numpy as np
import pytest

from minitf.core.dtypes import as_dtype
from minitf.core.errors import InvalidArgumentError
from minitf.kernels.gpu.call import Call, Operand
from minitf.kernels.gpu.reduce import cut, passes_of

from harness import run_call, run_launch

NUMBER = ["float32", "float64", "int32", "int64"]
REFERENCE = {"Sum": np.sum, "Mean": np.mean, "Prod": np.prod, "Max": np.max, "Min": np.min}
SHAPES = [(), (1,), (7,), (130,), (5000,), (3, 4), (1, 5), (70, 3), (3, 70), (300, 5), (5, 300), (1000, 1), (1, 1000), (600, 40),
          (2, 1100, 3), (3, 5, 1100), (40, 50, 3), (6, 1, 7, 2), (3, 4, 5, 6), (17, 2, 3, 2, 5),
          (0, 3), (3, 0), (2, 0, 3), (3, 9000), (2, 4200, 3)]

def reduced_shape(shape, axes, keep=False):
    kept = [(1 if d in axes else n) for d, n in enumerate(shape) if keep or d not in axes]
    return tuple(kept)


def run(op, x, axes, keep=False, **options):
    attrs = {"keep_dims": keep} if x.dtype == bool else {"T": as_dtype(x.dtype), "keep_dims": keep}
    shape = reduced_shape(x.shape, {a % x.ndim for a in axes} if x.ndim else (), keep)
    return run_call(op, attrs, [x, np.array(axes, "int32")], [shape], [x.dtype], **options)[0]


def values(shape, dtype, op, seed=0):
    x = np.random.default_rng(seed).standard_normal(shape) * 3
    if op == "Prod":
        x = np.where(x > 0, 1, -1) * (1 if dtype.startswith("int") else 1 + x / 3000)
    return np.asarray(x).astype(dtype)


def wanted(op, x, axes, keep=False):
    dtype, floats = x.dtype, x.dtype.kind == "f"
    if op in ("Max", "Min") and x.size == 0:
        shape = reduced_shape(x.shape, axes, keep)
        low, high = (-np.inf, np.inf) if floats else (np.iinfo(dtype).min, np.iinfo(dtype).max)
        return np.full(shape, low if op == "Max" else high, dtype)
    with np.errstate(all="ignore"):
        result = REFERENCE[op](x.astype("float64" if floats else "int64"), axis=axes, keepdims=keep)
    if op == "Mean" and not floats:
        result = np.trunc(np.nan_to_num(result))
    return np.asarray(result).astype(dtype)


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
@pytest.mark.parametrize("dtype", NUMBER)
@pytest.mark.parametrize("op", REFERENCE)
def test_all_axes_of_all_shapes(op, dtype):
    for shape in SHAPES:
        x = values(shape, dtype, op)
        for axes in itertools.chain.from_iterable(itertools.combinations(range(len(shape)), n) for n in range(len(shape) + 1)):
            actual, expected = run(op, x, axes), wanted(op, x, axes)
            if dtype.startswith("int") or op in ("Max", "Min"):
                np.testing.assert_array_equal(actual, expected, err_msg=f"{shape} {axes}")
            else:
                count = max(1, int(np.prod([shape[d] for d in axes])))
                eps = np.finfo(dtype).eps
                terms = 3 * count ** .5 if op != "Prod" else 1
                np.testing.assert_allclose(actual, expected, rtol=8 * eps if op != "Prod" else (2 + count) * eps, atol=20 * terms * eps)


def test_kept_axes_and_negative_and_repeated_ones():
    x = values((3, 70, 4), "float32", "Sum")
    np.testing.assert_allclose(run("Sum", x, [1], keep=True), x.sum(1, keepdims=True), rtol=1e-5)
    np.testing.assert_allclose(run("Sum", x, [-1, -3], keep=True), x.sum((0, 2), keepdims=True), rtol=1e-5)
    again, = run_call("Sum", {"T": as_dtype("float32"), "keep_dims": False}, [x, np.array([1, -2], "int32")], [(3, 4)], ["float32"])
    np.testing.assert_allclose(again, x.sum(1), rtol=1e-5)
    with pytest.raises(InvalidArgumentError, match=r"Invalid reduction dimension \(3 for input with 3 dimension"):
        run_call("Sum", {"T": as_dtype("float32"), "keep_dims": False}, [x, np.array([3], "int32")], [(3, 4)], ["float32"])


@pytest.mark.parametrize("op, reference", [("All", np.all), ("Any", np.any)])
def test_truth(op, reference):
    for shape in SHAPES:
        for share in (.02, .98):
            x = np.asarray(np.random.default_rng(0).random(shape) < share)
            for axes in itertools.chain.from_iterable(itertools.combinations(range(len(shape)), n) for n in range(len(shape) + 1)):
                np.testing.assert_array_equal(run(op, x, axes), reference(x, axis=axes))


@pytest.mark.parametrize("op", ["Sum", "Mean", "Max", "Min", "Prod"])
def test_nan_and_infinity(op):
    for n, at in ((5, 2), (70, 69), (200, 3), (5000, 4999), (20000, 7000)):
        for axis in (0, 1):
            x = np.ones((n, 3) if axis == 0 else (3, n), "float32")
            (x if axis == 0 else x.T)[at, 1] = np.nan
            (x if axis == 0 else x.T)[at, 2] = np.inf
            np.testing.assert_array_equal(run(op, x, [axis]), REFERENCE[op](x, axis=axis))


@pytest.mark.parametrize("shape, axes", [((3_000_000,), [0]), ((300_000, 3), [0]), ((1500, 1500), [0]), ((3, 1_000_000), [1]),
                                         ((1_000_000, 2), [0, 1])])
def test_sums_of_many_floats_are_accurate_and_their_bits_fixed(shape, axes):
    x = np.random.default_rng(0).random(shape, "f4")
    exact = x.sum(tuple(axes), dtype="float64")
    forwards, backwards = run("Sum", x, axes), run("Sum", x, axes, order=1)
    assert np.max(np.abs(forwards - exact) / exact) < 3e-7
    assert forwards.tobytes() == backwards.tobytes()


def test_one_thread_that_sums_many_floats_is_accurate():
    """Most shapes leave few to a thread; where there are very many results, one thread has a whole column."""
    x, y = np.full(100_000, 1 / 3, "f4"), np.zeros(1, "f4")
    given, made = Operand("input", 0, x.shape, "float32"), Operand("output", 0, y.shape, "float32")
    call = Call("reduce_sum.cu", "sum", {}, [given], [made])
    call.launch("sum_few_f32", 1, 32, given, made, 1, x.size, 1, 1)
    run_launch(call.launches[0], {("input", 0): x, ("output", 0): y})
    np.testing.assert_allclose(y, x.sum(dtype="f8"), rtol=2e-7)


def test_gradient_of_a_bias():
    for shape in ((5, 3), (128, 500), (1, 7), (20000, 3), (2, 3, 4, 5), (0, 4), (64, 9, 9, 40)):
        for dtype in ("float32", "int32"):
            g = values(shape, dtype, "Sum")
            y, = run_call("BiasAddGrad", {"T": as_dtype(dtype)}, [g], [shape[-1:]], [dtype])
            np.testing.assert_allclose(y, g.sum(tuple(range(len(shape) - 1)), "float64"), rtol=1e-6,
                                       atol=1e-5 * (g.size / shape[-1]) ** .5 if g.size else 0)


def test_half_the_sum_of_squares():
    for shape in ((), (1,), (3,), (5, 300), (0, 4), (70001,), (300, 300)):
        for dtype, tolerance in (("float32", 3e-7), ("float64", 1e-14)):
            t = values(shape, dtype, "Sum")
            y, = run_call("L2Loss", {"T": as_dtype(dtype)}, [t], [()], [dtype])
            np.testing.assert_allclose(y, np.sum(t.astype("f8") ** 2) / 2, rtol=tolerance)


@pytest.mark.parametrize("dtype", NUMBER)
@pytest.mark.parametrize("op, reference", [("ArgMax", np.argmax), ("ArgMin", np.argmin)])
def test_places_of_extremes(op, reference, dtype):
    rng = np.random.default_rng(0)
    for shape in [(1,), (7,), (5000,), (60000,), (3, 4), (4, 1000), (4, 1025), (2, 20000), (300, 5), (5000, 3), (3, 50, 7), (2, 500, 40),
                  (0, 4), (6, 1, 3)]:
        for axis in range(-1, len(shape)):
            if shape[axis] == 0:
                continue
            for ties in (True, False):
                x = rng.integers(-5, 6, shape).astype(dtype) if ties else (rng.standard_normal(shape) * 1000).astype(dtype)
                if ties and x.size and dtype.startswith("float"):
                    x.reshape(-1)[rng.integers(0, x.size, 1 + x.size // 500)] = np.nan
                expected = reference(x, axis=axis)
                y, = run_call(op, {"T": as_dtype(dtype)}, [x, np.array(axis, "int32")], [expected.shape], ["int64"])
                np.testing.assert_array_equal(y, expected, err_msg=f"{shape} {axis}")


def test_places_along_what_is_no_axis_or_empty():
    with pytest.raises(InvalidArgumentError, match=r"Expected dimension in the range \[-2, 2\), but got 2"):
        run_call("ArgMax", {"T": as_dtype("float32")}, [np.ones((2, 3), "f4"), np.array(2, "int32")], [(2,)], ["int64"])
    with pytest.raises(InvalidArgumentError, match=r"Reduction axis 1 is empty in shape \[2, ?0\]"):
        run_call("ArgMin", {"T": as_dtype("float32")}, [np.ones((2, 0), "f4"), np.array(1, "int32")], [(2,)], ["int64"])


def test_passes_and_cuts():
    assert passes_of((8, 3, 5, 7), {0, 2, 3}) == [(24, 35, 1), (1, 8, 3)]
    assert passes_of((4, 5), {0, 1}) == [(1, 20, 1)]
    assert passes_of((4, 1, 5), {1}) == []
    for n in (1, 4095, 4096, 100000, 2**31 - 1):
        for blocks in (1, 7, 5000):
            parts, length = cut(n, blocks, 256)
            assert (parts - 1) * length < n <= parts * length


def case(op, shape, axes):
    x = values(shape, "float32", op)
    if op.startswith("Arg"):
        return op, {"T": as_dtype("float32")}, [x, np.array(axes, "int32")], [reduced_shape(shape, [axes])], ["int64"]
    return op, {"T": as_dtype("float32"), "keep_dims": False}, [x, np.array(axes, "int32")], [reduced_shape(shape, axes)], ["float32"]


# each way that has barriers, once in one pass and once cut into parts
CASES = [case("Sum", (3, 5000), [1]), case("Sum", (1, 9000), [1]), case("Sum", (40, 40), [0]), case("Sum", (1500, 5), [0]),
         case("Sum", (2, 4200, 3), [1]), case("ArgMax", (2, 2000), 1), case("ArgMax", (9000,), 0), case("ArgMax", (300, 3), 0)]


@pytest.mark.parametrize("k", range(len(CASES)))
def test_the_checker_has_nothing_to_say(k):
    np.testing.assert_array_equal(run_call(*CASES[k], check=True)[0], run_call(*CASES[k])[0])
