"""Reductions over any axes against NumPy in float64: shapes with sizes 0 and 1, NaN, accuracy, ArgMax."""
import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from minitf.core.dtypes import as_dtype
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import find_kernel
from minitf.kernels.cpu import reduce
from minitf.kernels.cpu.kernel import run_kernel

NUMBER = ["float32", "float64", "int32", "int64"]
REFERENCE = {"Sum": np.sum, "Mean": np.mean, "Prod": np.prod, "Max": np.max, "Min": np.min}
SHAPES = [(), (1,), (7,), (130,), (5000,), (3, 4), (1, 5), (70, 3), (3, 70), (300, 5), (5, 300), (1000, 1), (1, 1000), (600, 40), (2, 1100, 3),
          (3, 5, 1100), (40, 50, 3), (6, 1, 7, 2), (3, 4, 5, 6), (17, 2, 3, 2, 5), (0, 3), (3, 0), (2, 0, 3)]


def kernel_of(op, dtype):
    return find_kernel(op, {"T": as_dtype(dtype)}).kernel


def reduced_shape(shape, axes):
    return tuple(n for d, n in enumerate(shape) if d not in axes)


def run(op, x, axes, index_dtype="int32"):
    shape = reduced_shape(x.shape, {a % x.ndim for a in axes} if x.ndim else ())
    return run_kernel(kernel_of(op, x.dtype), {}, [x, np.array(axes, index_dtype)], [shape], [x.dtype])[0]


def values(shape, dtype, op, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(shape) * 3
    if op == "Prod":
        x = np.where(x > 0, 1, -1) * (1 if dtype.startswith("int") else 1 + x / 3000)
    return np.asarray(x).astype(dtype)


def check(op, x, axes):
    dtype, kept = x.dtype.name, tuple(a % x.ndim for a in axes)
    count = int(np.prod([x.shape[a] for a in kept]))
    actual = run(op, x, axes)
    if op in ("Max", "Min") and count == 0:
        extreme = np.inf if dtype.startswith("float") else np.iinfo(dtype).max
        low = -np.inf if dtype.startswith("float") else np.iinfo(dtype).min
        expected = np.full(reduced_shape(x.shape, kept), low if op == "Max" else extreme)
    else:
        with np.errstate(all="ignore"):
            expected = REFERENCE[op](x.astype("float64" if dtype.startswith("float") else "int64"), axis=kept)
            if op == "Mean" and dtype.startswith("int"):
                expected = np.trunc(np.nan_to_num(expected))
    assert actual.dtype == dtype
    if dtype.startswith("int") or op in ("Max", "Min"):
        np.testing.assert_array_equal(actual, np.asarray(expected).astype(dtype))
    else:
        eps = np.finfo(dtype).eps
        terms = 3 * max(count, 1) ** .5 if op != "Prod" else 1
        np.testing.assert_allclose(actual, expected, rtol=8 * eps if op != "Prod" else (2 + count) * eps, atol=20 * terms * eps)


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
@pytest.mark.parametrize("dtype", NUMBER)
@pytest.mark.parametrize("op", REFERENCE)
def test_all_axes_of_all_shapes(op, dtype):
    for shape in SHAPES:
        x = values(shape, dtype, op)
        for n in range(len(shape) + 1):
            for axes in itertools.combinations(range(len(shape)), n):
                check(op, x, axes)


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_random_axes(data):
    shape = tuple(data.draw(st.lists(st.integers(0, 6), max_size=6)))
    axes = data.draw(st.lists(st.integers(-len(shape), len(shape) - 1), unique_by=lambda a: a % len(shape)) if shape else st.just([]))
    op, dtype = data.draw(st.sampled_from(list(REFERENCE))), data.draw(st.sampled_from(NUMBER))
    check(op, values(shape, dtype, op), axes)


def test_int64_indices_and_repeated_axes():
    x = np.arange(12, dtype="f4").reshape(3, 4)
    assert run("Sum", x, [1, -1], "int64").tolist() == x.sum(1).tolist()
    scalar = run_kernel(kernel_of("Sum", "float32"), {}, [x, np.array(0, "int32")], [(4,)], ["float32"])[0]
    assert scalar.tolist() == x.sum(0).tolist()
    with pytest.raises(InvalidArgumentError, match="Invalid reduction dimension"):
        run_kernel(kernel_of("Sum", "float32"), {}, [x, np.array([2], "int32")], [(3,)], ["float32"])


@pytest.mark.parametrize("op, reference", [("All", np.all), ("Any", np.any)])
def test_truth(op, reference):
    rng = np.random.default_rng(0)
    for shape in SHAPES:
        for share in (.1, .9):
            x = np.asarray(rng.random(shape) < share)
            for n in range(len(shape) + 1):
                for axes in itertools.combinations(range(len(shape)), n):
                    y = run_kernel(find_kernel(op, {}).kernel, {}, [x, np.array(axes, "int32")], [reduced_shape(shape, axes)], ["bool"])[0]
                    np.testing.assert_array_equal(y, reference(x, axis=axes))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("op", ["Sum", "Mean", "Max", "Min", "Prod"])
def test_nan_and_infinity(op, dtype):
    for n, at in ((5, 2), (70, 69), (200, 3), (200, 150), (5000, 4999)):
        for axis in (0, 1):
            x = np.ones((n, 3) if axis == 0 else (3, n), dtype)
            (x if axis == 0 else x.T)[at, 1] = np.nan
            (x if axis == 0 else x.T)[at, 2] = np.inf
            np.testing.assert_array_equal(run(op, x, [axis]), REFERENCE[op](x, axis=axis))


@pytest.mark.parametrize("shape, axes", [((3_000_000,), [0]), ((300_000, 3), [0]), ((1500, 1500), [0]), ((3, 1_000_000), [1]), ((1_000_000, 2), [0, 1])])
def test_sums_of_many_floats_are_accurate(shape, axes):
    x = np.random.default_rng(0).random(shape, "f4")
    exact = x.sum(tuple(axes), dtype="float64")
    assert np.max(np.abs(run("Sum", x, axes) - exact) / exact) < 3e-7
    assert np.max(np.abs(run("Mean", x, axes) * (x.size / np.size(exact)) - exact) / exact) < 4e-7


def test_sums_have_the_same_bits_wherever_they_lie():
    x = np.random.default_rng(0).standard_normal(9000).astype("f4")
    for shift in range(1, 18):
        moved = np.empty(x.size + shift, "f4")
        moved[shift:] = x
        assert run("Sum", moved[shift:], [0]) == run("Sum", x, [0])
        for axis in (0, 1):
            assert np.array_equal(run("Sum", moved[shift:].reshape(90, 100), [axis]), run("Sum", x.reshape(90, 100), [axis]))


@pytest.mark.parametrize("dtype", NUMBER)
def test_bias_add_grad(dtype):
    for shape in ((5, 3), (2, 3, 4, 5), (128, 10), (1, 7), (0, 3), (7,)):
        x = values(shape, dtype, "Sum")
        y = run_kernel(kernel_of("BiasAddGrad", dtype), {}, [x], [shape[-1:]], [dtype])[0]
        np.testing.assert_allclose(y, x.sum(tuple(range(x.ndim - 1))), atol=1e-4)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_l2_loss(dtype):
    for shape in ((), (5,), (3, 70), (100_000,), (0,)):
        x = values(shape, dtype, "Sum")
        y = run_kernel(kernel_of("L2Loss", dtype), {}, [x], [()], [dtype])[0]
        np.testing.assert_allclose(y, (x.astype("float64") ** 2).sum() / 2, rtol=1e-6 if dtype == "float32" else 1e-14)


@pytest.mark.parametrize("dtype", NUMBER)
def test_arg_max(dtype):
    rng = np.random.default_rng(0)
    for shape in ((1,), (7,), (1000,), (3, 5), (5, 100), (100, 5), (2, 3, 4), (64, 1000), (3, 0), (4, 1, 70)):
        x = np.asarray(rng.integers(0, 9, shape)).astype(dtype)
        for axis in range(-x.ndim, x.ndim):
            if x.shape[axis] == 0:
                continue
            y = run_kernel(kernel_of("ArgMax", dtype), {}, [x, np.array(axis, "int32")], [reduced_shape(shape, [axis % x.ndim])], ["int64"])[0]
            np.testing.assert_array_equal(y, x.argmax(axis))
    with pytest.raises(InvalidArgumentError, match="empty"):
        run_kernel(kernel_of("ArgMax", dtype), {}, [np.zeros((3, 0), dtype), np.array(1, "int32")], [(3,)], ["int64"])


def test_arg_max_takes_the_first_nan():
    x = np.array([[1, np.nan, 3], [np.nan, 9, np.nan], [-np.inf, -np.inf, -np.inf]], "f4")
    for axis in (0, 1):
        y = run_kernel(reduce.ArgMax, {}, [x, np.array(axis, "int32")], [(3,)], ["int64"])[0]
        np.testing.assert_array_equal(y, x.argmax(axis))
