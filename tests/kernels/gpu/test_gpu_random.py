"""Random GPU kernels: the CPU's numbers from the same blocks of a stream, whose place is afterwards the same."""
import numpy as np
import pytest

from minitf.core.dtypes import as_dtype
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import find_kernel
from minitf.core.resources import RandomState
from minitf.kernels.cpu import random                          # noqa: F401: it registers the kernels
from minitf.kernels.cpu.kernel import run_kernel

from harness import run_call

FLOATS = ["float32", "float64"]
KEY, PLACE = 98765432109876543, 2**32 - 40                     # the low word of the counter overflows


def stream():
    state = RandomState("random", KEY)
    state.place = KEY, PLACE
    return state


def draw(op, shape, dtype, state, *bounds, gpu, check=False):
    inputs = [np.atleast_1d(np.array(shape, np.int32)), *[np.array(b, dtype) for b in bounds]]
    attrs = {"dtype": as_dtype(dtype), "Tout": as_dtype(dtype), "_state": state}
    if gpu:
        return run_call(op, attrs, inputs, [shape], [dtype], check=check)[0]
    return run_kernel(find_kernel(op, attrs).kernel, attrs, inputs, [shape], [dtype])[0]


def same(op, dtype, shape, *bounds, ulps=0, check=False):
    """Two runs of both kernels."""
    cpu, gpu = stream(), stream()
    for _ in range(2):
        expected, got = draw(op, shape, dtype, cpu, *bounds, gpu=False), draw(op, shape, dtype, gpu, *bounds, gpu=True, check=check)
        if ulps:
            np.testing.assert_array_max_ulp(got, expected, ulps)
        np.testing.assert_allclose(got, expected, rtol=0 if not ulps else 1e-5)
    assert cpu.place == gpu.place


SHAPES = [(0,), (), (1,), (5,), (64,), (31, 33), (20_000,)]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", SHAPES)
def test_uniform_numbers_are_the_same_bits(dtype, shape):
    same("RandomUniform", dtype, shape)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("op", ["RandomStandardNormal", "TruncatedNormal"])
def test_normal_numbers_differ_in_the_last_bits_at_most(op, dtype, shape):
    same(op, dtype, shape, ulps=4)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("low, high", [(0, 1), (-3, 7), (-2 ** 31, 2 ** 31 - 1), (-2 ** 63, 2 ** 62)])
def test_integers(dtype, low, high):
    if dtype == "int32" and high > 2 ** 32:
        return
    for shape in (0,), (1,), (2,), (7, 9), (20_000,):
        same("RandomUniformInt", dtype, shape, low, high)


def test_a_range_of_nothing():
    for dtype, message in ("int32", "Need minval < maxval, got 3 >= 3"), ("int64", "Need minval < maxval, got minval 3"):
        with pytest.raises(InvalidArgumentError, match=message):
            draw("RandomUniformInt", (4,), dtype, stream(), 3, 3, gpu=True)


def test_an_unaligned_output():
    """A batch's slice may begin anywhere."""
    from minitf.kernels.gpu.call import Call, Operand
    from harness import run_launch
    memory = {("output", 0): np.zeros(1001, np.float32), ("key", 0): np.uint64(KEY), ("block", 0): np.uint64(PLACE)}
    call = Call("random.cu", "random", {}, [], [Operand("output", 0, (1000,), "float32", offset=4)])
    find_kernel("RandomUniform", {"dtype": as_dtype("float32")}, "GPU").kernel.describe(call)
    for launch in call.launches:
        run_launch(launch, memory)
    np.testing.assert_array_equal(memory["output", 0][1:], draw("RandomUniform", (1000,), "float32", stream(), gpu=False))


@pytest.mark.parametrize("dtype", FLOATS)
def test_under_the_checker(dtype):
    for op in "RandomUniform", "RandomStandardNormal", "TruncatedNormal":
        same(op, dtype, (777,), ulps=4, check=True)
    same("RandomUniformInt", "int32" if dtype == "float32" else "int64", (333,), 0, 2**30 * 3 // 2, check=True)
