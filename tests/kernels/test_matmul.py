"""Matrix products of every way (tiles, turned tiles, dot tiles, BLAS, loop) against NumPy, and the fused update."""
import itertools

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from minitf.core.errors import FailedPreconditionError
from minitf.core.resources import VariableState
from minitf.kernels.cpu.kernel import run_kernel
from minitf.kernels.cpu.matmul import MatMul
from minitf.kernels.cpu.matmul_forms import MatMulUpdate
from minitf.kernels.cpu.state import Assign
from minitf.kernels.cpu.train_ops import ApplyGradientDescent

FLIPS = list(itertools.product([False, True], repeat=2))


def sides(m, n, k, transpose_a, transpose_b, dtype, seed=0):
    rng = np.random.default_rng(seed)
    a, b = rng.standard_normal((m, k)), rng.standard_normal((k, n))
    if dtype.startswith("int"):
        a, b = np.trunc(9 * a), np.trunc(9 * b)
    a, b = a.astype(dtype), b.astype(dtype)
    return np.ascontiguousarray(a.T if transpose_a else a), np.ascontiguousarray(b.T if transpose_b else b)


def multiply(a, b, transpose_a, transpose_b):
    shape = (a.shape[1 if transpose_a else 0], b.shape[0 if transpose_b else 1])
    attrs = {"transpose_a": transpose_a, "transpose_b": transpose_b}
    return run_kernel(MatMul, attrs, [a, b], [shape], [a.dtype])[0]


def check(m, n, k, transpose_a, transpose_b, dtype):
    a, b = sides(m, n, k, transpose_a, transpose_b, dtype)
    left, right = a.T if transpose_a else a, b.T if transpose_b else b
    product = multiply(a, b, transpose_a, transpose_b)
    if dtype.startswith("int"):
        assert np.array_equal(product, left @ right)
    else:
        bound = np.abs(left).astype("float64") @ np.abs(right) * np.finfo(dtype).eps * (2 + k / 2)
        assert np.all(np.abs(product - left.astype("float64") @ right) <= bound), (m, n, k)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("transpose_a, transpose_b", FLIPS)
def test_against_numpy(transpose_a, transpose_b, dtype):
    for m, n, k in itertools.product((0, 1, 3, 5, 14, 15, 64, 65), (0, 1, 5, 8, 15, 16, 33, 100), (0, 1, 16, 17, 65, 130)):
        check(m, n, k, transpose_a, transpose_b, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("transpose_a, transpose_b", FLIPS)
@pytest.mark.parametrize("m, n, k", [(40, 600, 700), (16, 200, 784), (784, 200, 16), (257, 70, 300), (300, 33, 129), (50, 256, 512), (256, 40, 3),
                                     (45, 1024, 520), (1, 1000, 300), (300, 1, 300), (2, 5, 4000)])
def test_large(m, n, k, transpose_a, transpose_b, dtype):
    check(m, n, k, transpose_a, transpose_b, dtype)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 40), st.integers(0, 70), st.integers(0, 150), st.sampled_from(FLIPS), st.sampled_from(["float32", "float64"]))
def test_random_shapes(m, n, k, flips, dtype):
    check(m, n, k, *flips, dtype)


@pytest.mark.parametrize("transpose_a, transpose_b", FLIPS)
def test_an_element_does_not_see_its_neighbours(transpose_a, transpose_b):
    """NaN and infinity in a row of a and in a column of b stay in that row and that column, in tails and paddings too."""
    for m, n, k in itertools.product((1, 5, 17), (1, 7, 16, 21, 70), (3, 40, 500)):
        a, b = sides(m, n, k, transpose_a, transpose_b, "float32")
        (a.T if transpose_a else a)[m - 1, :] = np.nan
        (b.T if transpose_b else b)[:, n - 1] = np.inf
        product = multiply(a, b, transpose_a, transpose_b)
        assert np.isfinite(product[:m - 1, :n - 1]).all() and np.isnan(product[m - 1]).all()
        assert not np.isfinite(product[:, n - 1]).any()


def test_reads_where_the_data_lie():
    """Sides that are not aligned to a vector, and a product of the same bits."""
    a, b = sides(20, 50, 70, False, False, "float32")
    expected = multiply(a, b, False, False)
    for shift in (1, 3, 7):
        c, d = np.empty(a.size + shift, "f4"), np.empty(b.size + shift, "f4")
        c[shift:], d[shift:] = a.ravel(), b.ravel()
        assert np.array_equal(multiply(c[shift:].reshape(a.shape), d[shift:].reshape(b.shape), False, False), expected)


def variable(value):
    state = VariableState("w", value.dtype)
    run_kernel(Assign, {}, [state, value], [], [])
    return state


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("transpose_a, transpose_b", FLIPS)
@pytest.mark.parametrize("m, n, k", [(784, 200, 16), (200, 10, 16), (5, 7, 3), (300, 300, 300), (30, 40, 500), (33, 600, 600), (4, 4, 0), (1, 1, 1)])
def test_update_has_the_bits_of_product_and_descent(m, n, k, transpose_a, transpose_b, dtype):
    a, b = sides(m, n, k, transpose_a, transpose_b, dtype)
    start = np.random.default_rng(1).standard_normal((m, n)).astype(dtype)
    alpha = np.array(.37, dtype)
    attrs = {"transpose_a": transpose_a, "transpose_b": transpose_b}
    plain, fused = variable(start), variable(start)
    run_kernel(ApplyGradientDescent, {}, [plain, alpha, multiply(a, b, transpose_a, transpose_b)], [], [])
    address = fused.address
    run_kernel(MatMulUpdate, attrs, [fused, alpha, a, b], [], [])
    assert fused.numpy().tobytes() == plain.numpy().tobytes()
    assert fused.address == address                    # in place


def test_update_of_an_uninitialized_variable():
    a = np.ones((2, 2), "f4")
    with pytest.raises(FailedPreconditionError):
        run_kernel(MatMulUpdate, {}, [VariableState("w", "float32"), np.float32(1), a, a], [], [])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("m, n, k", [(16, 33, 200), (48, 14, 129), (64, 100, 300), (30, 50, 140), (100, 29, 513), (56, 1, 400), (128, 5, 4000), (256, 70, 2500)])
def test_a_left_side_that_is_turned(m, n, k, dtype):
    """a b' as b a', in tiles that are turned on their way out; and a' b of long sums, which is BLAS's."""
    check(m, n, k, False, True, dtype)
    check(m, n, k, True, False, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("m, n, k", [(8, 1030, 400), (1, 2048, 300), (14, 1024, 257), (28, 1500, 190), (3, 5000, 65)])
def test_long_rows_in_blocks_of_terms(m, n, k, dtype):
    check(m, n, k, False, False, dtype)
    if dtype == "float32":
        check(m, 2 * n, k, False, False, dtype)
