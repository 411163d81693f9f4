"""The loops of element-wise ops and reductions are vectorised, and the sums of product tiles stay in registers.

A small change can make a compiler stop without a word, so each kernel is timed beside a copy of as many elements, in turns, and the
smallest times are compared.  The limits lie half way, on a logarithmic scale, between what was measured (AVX-512, gcc 12) and what the
same source takes with -fno-tree-vectorize: 3 to 15 times as long.
"""
import time

import numpy as np
import pytest

from minitf.core.dtypes import as_dtype, float32
from minitf.core.registry import find_kernel
from minitf.kernels.cpu.array import Copy
from minitf.kernels.cpu.elementwise import IN_PLACE
from minitf.kernels.cpu.kernel import run_kernel
from minitf.kernels.cpu.matmul import MatMul

N = 4096                                    # elements: in the L1 cache, so that memory hides nothing


def seconds(repeat, kernel, attrs, inputs, shape, dtype, in_place=None):
    start = time.process_time()
    run_kernel(kernel, attrs, inputs, [shape], [dtype], repeat=repeat, in_place=in_place)
    return time.process_time() - start


def times_a_copy(times, *case):
    """How many times as long as a copy of N floats, the smallest of several tries of both."""
    x = np.ones(N, "f4")
    copying = Copy, {}, [x], x.shape, "float32"
    copy = own = np.inf
    for _ in range(7):
        copy = min(copy, (seconds(3001, *copying) - seconds(1, *copying)) / 3000)
        own = min(own, (seconds(times + 1, *case) - seconds(1, *case)) / times)
    return own / copy


def assert_below(limit, times, *case):
    for _ in range(4):
        ratio = times_a_copy(times, *case)
        if ratio < limit:
            return
    pytest.fail(f"takes {ratio:.1f} times as long as a copy, {limit} are allowed")


def numbers(dtype):
    return (np.random.default_rng(0).random(N) * 9 + 1).astype(dtype)


def kernel_of(op, dtype):
    return find_kernel(op, {"T": as_dtype(dtype)}).kernel


UNARY = {"Exp": 25, "Log": 35, "Log1p": 45, "Tanh": 35, "Sigmoid": 33, "Softplus": 95, "Sqrt": 17, "Rsqrt": 30, "Floor": 6, "Relu": 6, "Abs": 6,
         "Sign": 15, "Neg": 6, "Square": 6}
BINARY = {"Add": 10, "Mul": 9, "RealDiv": 21, "Maximum": 12, "Less": 10, "Equal": 12, "ReluGrad": 10, "TanhGrad": 23, "SigmoidGrad": 25,
          "SoftplusGrad": 45}


@pytest.mark.parametrize("op", UNARY)
def test_functions_of_one_argument(op):
    assert_below(UNARY[op], 2000, kernel_of(op, "float32"), {}, [numbers("f4")], (N,), "float32")


DOUBLES = {"Exp": 35, "Log": 60, "Log1p": 80, "Tanh": 90, "Sigmoid": 48, "Softplus": 160}


@pytest.mark.parametrize("op", DOUBLES)
def test_functions_of_doubles(op):
    assert_below(DOUBLES[op], 500, kernel_of(op, "float64"), {}, [numbers("f8")], (N,), "float64")


@pytest.mark.parametrize("exponent, limit", [(2, 40), (0.5, 60)])
def test_common_powers(exponent, limit):
    assert_below(limit, 1000, kernel_of("Pow", "float32"), {}, [numbers("f4"), np.float32(exponent)], (N,), "float32")


@pytest.mark.parametrize("op", BINARY)
def test_functions_of_two_arguments(op):
    inputs, dtype = [numbers("f4"), numbers("f4")], "bool" if op in ("Less", "Equal") else "float32"
    assert_below(BINARY[op], 2000, kernel_of(op, "float32"), {}, inputs, (N,), dtype)


@pytest.mark.parametrize("op, limit", [("Add", 12), ("Mul", 11), ("Maximum", 8), ("FloorDiv", 70)])
def test_integers(op, limit):
    assert_below(limit, 1000, kernel_of(op, "int32"), {}, [numbers("i4"), numbers("i4")], (N,), "int32")


@pytest.mark.parametrize("op, n", [("Tanh", 1), ("Sigmoid", 1), ("Add", 2), ("Mul", 2), ("ReluGrad", 2)])
def test_in_place(op, n):
    """The check for overlapping arrays that guards the vectorised loop lets an output through that is an input; or plans do not do that."""
    if not IN_PLACE:
        assert not find_kernel(op, {"T": float32}).in_place and not find_kernel("_Fused", {}).in_place
        return
    inputs = [numbers("f4") / 10 for _ in range(n)]
    assert_below({**UNARY, **BINARY}[op], 2000, kernel_of(op, "float32"), {}, inputs, (N,), "float32", 0)


@pytest.mark.parametrize("op, limit", [("Sum", 4), ("Max", 10), ("Min", 10), ("Prod", 6)])
@pytest.mark.parametrize("shape, axis", [((N,), 0), ((64, 64), 0), ((1024, 4), 0), ((4, 1024), 1)])
def test_reductions(op, limit, shape, axis):
    x = numbers("f4").reshape(shape)
    assert_below(limit, 2000, kernel_of(op, "float32"), {}, [x, np.array([axis], "i4")], x.sum(axis).shape, "float32")


@pytest.mark.parametrize("dtype, limit", [("float32", 1500), ("float64", 3000)])
@pytest.mark.parametrize("a, b, transpose_a, transpose_b", [
    ((16, 784), (784, 200), False, False), ((16, 784), (16, 200), True, False), ((16, 784), (200, 784), False, True)])
def test_products(a, b, transpose_a, transpose_b, dtype, limit):
    shape = (a[1] if transpose_a else a[0], b[0] if transpose_b else b[1])
    attrs = {"transpose_a": transpose_a, "transpose_b": transpose_b}
    assert_below(limit, 20, MatMul, attrs, [np.ones(a, dtype), np.ones(b, dtype)], shape, dtype)
