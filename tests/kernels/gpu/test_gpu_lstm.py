"""The LSTM cell's GPU kernels against their CPU twins: a step, and the pass backward."""
import numpy as np
import pytest

from minitf.core.dtypes import as_dtype
from minitf.core.registry import find_kernel
from minitf.kernels.cpu import lstm                            # noqa: F401: it registers the kernels
from minitf.kernels.cpu.kernel import run_kernel

from harness import run_call

TOLERANCE = {"float32": dict(rtol=3e-5, atol=3e-6), "float64": dict(rtol=1e-12, atol=1e-13)}
SIZES = [(1, 1, 1), (33, 7, 33), (5, 40, 31), (64, 64, 64), (3, 0, 4), (0, 3, 4), (20, 5, 130)]         # rows, columns of x, units


def given(rows, depth, n, dtype, clip, peephole, seed=0):
    """(attrs, inputs) of a step."""
    random = np.random.default_rng(seed)
    shapes = [(rows, depth), (rows, n), (rows, n), (depth + n, 4 * n), (n,), (n,), (n,), (4 * n,)]
    inputs = [(random.standard_normal(s) * (0.3 if k == 3 else 1)).astype(dtype) for k, s in enumerate(shapes)]
    return {"T": as_dtype(dtype), "forget_bias": 0.7, "cell_clip": clip, "use_peephole": peephole}, inputs


def agrees(op, attrs, inputs, shapes, check=False):
    """The CPU kernel's outputs, after the GPU kernel's have been compared with them."""
    dtype = inputs[0].dtype.name
    expected = run_kernel(find_kernel(op, attrs).kernel, attrs, inputs, shapes, [dtype] * len(shapes))
    got = run_call(op, attrs, inputs, shapes, [dtype] * len(shapes), check=check)
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, **TOLERANCE[dtype])
    return expected


def both_ways(rows, depth, n, dtype, clip, peephole, check=False):
    attrs, inputs = given(rows, depth, n, dtype, clip, peephole)
    cell = agrees("LSTMBlockCell", attrs, inputs, [(rows, n)] * 7, check)
    random = np.random.default_rng(1)
    grads = [random.standard_normal((rows, n)).astype(dtype) for _ in range(2)]
    agrees("LSTMBlockCellGrad", attrs, [*inputs, *cell[:6], *grads], [(rows, n), (rows, 4 * n), (n,), (n,), (n,)], check)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("sizes", SIZES)
def test_a_step_and_its_gradient(dtype, sizes):
    for clip in -1.0, 0.5:
        for peephole in False, True:
            both_ways(*sizes, dtype, clip, peephole)


def test_saturated_gates_and_nan():
    attrs, inputs = given(4, 3, 5, "float32", -1.0, False)
    inputs[7] = np.float32(np.repeat([200, -200, np.inf, np.nan], 5))
    inputs[1][0] = np.nan
    agrees("LSTMBlockCell", attrs, inputs, [(4, 5)] * 7)


def case(rows, depth, n, dtype, backward):
    """The arguments of run_call."""
    attrs, inputs = given(rows, depth, n, dtype, 0.5, True)
    if not backward:
        return "LSTMBlockCell", attrs, inputs, [(rows, n)] * 7, [dtype] * 7
    inputs += [np.random.default_rng(k).random((rows, n)).astype(dtype) for k in range(8)]
    return "LSTMBlockCellGrad", attrs, inputs, [(rows, n), (rows, 4 * n), (n,), (n,), (n,)], [dtype] * 5


CASES = [case(34, 9, 35, dtype, backward) for dtype in TOLERANCE for backward in (False, True)]


@pytest.mark.parametrize("k", range(len(CASES)))
def test_under_the_checker(k):
    agrees(*CASES[k][:4], check=True)


@pytest.mark.parametrize("k", range(len(CASES)))
def test_the_order_of_threads_does_not_matter(k):
    first = run_call(*CASES[k])
    for order, threads in (1, 1), (2, 2):
        for a, b in zip(first, run_call(*CASES[k], order=order, threads=threads)):
            np.testing.assert_array_equal(a, b)
