"""Convolutions and their gradients on the emulated GPU against plain loops in float64, and against the CPU's kernels."""
import itertools
from functools import partial

import numpy as np
import pytest

import conv_oracle
from minitf.kernels.cpu.conv import Conv2D, Conv2DBackpropInput
from minitf.kernels.cpu.conv_filter import Conv2DBackpropFilter
from minitf.kernels.cpu.kernel import run_kernel
from minitf.core.registry import find_kernel
from minitf.kernels.gpu.call import Call, Operand
from minitf.kernels.gpu.windows import Divider, backward

from harness import run_call

# image, taps, filters (or multiplier), strides, dilations
SHAPES = [((2, 7, 9, 3), (3, 3), 5, (1, 1), (1, 1)),
          ((2, 7, 9, 3), (3, 2), 40, (2, 2), (1, 1)),
          ((1, 5, 5, 1), (5, 5), 33, (1, 1), (1, 1)),           # VALID: the filter covers the image
          ((3, 8, 6, 4), (2, 3), 7, (3, 2), (1, 1)),
          ((2, 9, 10, 5), (3, 3), 6, (1, 1), (2, 3)),
          ((1, 12, 11, 2), (3, 3), 6, (4, 3), (2, 3)),
          ((2, 6, 6, 17), (1, 1), 9, (1, 1), (1, 1)),           # a plain product
          ((2, 6, 5, 3), (1, 1), 9, (2, 3), (1, 1)),            # pixels that no tap meets
          ((1, 9, 9, 2), (2, 2), 3, (3, 3), (1, 1)),
          ((1, 1, 1, 1), (1, 1), 1, (1, 1), (1, 1)),
          ((1, 12, 12, 70), (3, 3), 70, (1, 1), (1, 1)),        # sums that are split
          ((4, 20, 20, 2), (5, 5), 40, (1, 1), (1, 1)),
          ((1, 3, 3, 2), (5, 5), 4, (1, 1), (1, 1)),            # SAME: taps that never meet the image
          ((0, 5, 5, 2), (3, 3), 4, (1, 1), (1, 1)),
          ((2, 5, 5, 0), (3, 3), 4, (1, 1), (1, 1)),
          ((2, 5, 5, 3), (3, 3), 0, (1, 1), (1, 1))]
ALL = [(shape, padding) for shape, padding in itertools.product(SHAPES, ["SAME", "VALID"])
       if padding == "SAME" or all((t - 1) * d + 1 <= n for t, d, n in zip(shape[1], shape[4], shape[0][1:3]))]
CLOSE = {"float32": partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-4), "float64": partial(np.testing.assert_allclose, rtol=1e-10, atol=1e-10)}


def tensors(shape, padding, dtype, depthwise=False):
    """(attrs, images, filters, gradient of the result)"""
    image, taps, filters, strides, dilations = shape
    rng = np.random.default_rng(0)
    x = rng.standard_normal(image).astype(dtype)
    w = rng.standard_normal((*taps, image[3], filters)).astype(dtype)
    result = conv_oracle.out_shape(image, taps, strides, dilations, padding, image[3] * filters if depthwise else filters)
    g = rng.standard_normal(result).astype(dtype)
    return {"T": dtype, "strides": (1, *strides, 1), "dilations": (1, *dilations, 1), "padding": padding}, x, w, g


def cases(shape, padding, dtype, depthwise=False):
    """The arguments of run_call for the convolution, its gradient to the image, and that to the filter."""
    attrs, x, w, g = tensors(shape, padding, dtype, depthwise)
    name = "DepthwiseConv2dNative" if depthwise else "Conv2D"
    return [(name, attrs, [x, w], [g.shape], [dtype]),
            (name + "BackpropInput", attrs, [np.array(x.shape, "int32"), w, g], [x.shape], [dtype]),
            (name + "BackpropFilter", attrs, [x, np.array(w.shape, "int32"), g], [w.shape], [dtype])]


def expected(shape, padding, dtype, depthwise=False):
    _, x, w, g = tensors(shape, padding, dtype, depthwise)
    where = shape[3], shape[4], padding
    forward, gradients = (conv_oracle.depthwise, conv_oracle.depthwise_gradients) if depthwise else (conv_oracle.conv2d, conv_oracle.conv2d_gradients)
    return [forward(x, w, *where), *gradients(x, w, g, *where)]


# the three products, in the tiles that small and larger depths get, and the filter's gradient of a depthwise one
CASES = [*cases(((2, 7, 9, 3), (3, 2), 5, (2, 2), (1, 1)), "SAME", "float32"), *cases(((1, 6, 6, 36), (2, 2), 34, (1, 1), (1, 1)), "VALID", "float64"),
         *cases(((1, 8, 8, 4), (2, 3), 70, (1, 2), (2, 1)), "SAME", "float32"), *cases(((2, 5, 6, 35), (3, 3), 2, (1, 1), (1, 1)), "SAME", "float32", True)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("depthwise", [False, True])
def test_against_plain_loops(depthwise, dtype):
    for shape, padding in ALL:
        for case, wanted in zip(cases(shape, padding, dtype, depthwise), expected(shape, padding, dtype, depthwise)):
            CLOSE[dtype](run_call(*case)[0], wanted, err_msg=f"{case[0]} {shape} {padding}")


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_against_the_cpu(padding):
    for case, kernel in zip(cases(((3, 17, 14, 6), (5, 3), 37, (2, 1), (1, 2)), padding, "float32"), [Conv2D, Conv2DBackpropInput, Conv2DBackpropFilter]):
        CLOSE["float32"](run_call(*case)[0], run_kernel(kernel, *case[1:])[0])


def test_big_tiles(monkeypatch):
    """128 x 128 numbers a block, which only many such tiles get."""
    monkeypatch.setattr("minitf.kernels.gpu.matmul.ENOUGH_BLOCKS", 2)
    shape = ((2, 14, 13, 70), (2, 3), 130, (1, 2), (2, 1))
    for case, wanted in zip(cases(shape, "SAME", "float32"), expected(shape, "SAME", "float32")):
        call = Call("conv.cu", case[0], case[1], [Operand("input", i, a.shape, a.dtype) for i, a in enumerate(case[2])],
                    [Operand("output", 0, case[3][0], "float32")])
        find_kernel(case[0], case[1], "GPU").kernel.describe(call)
        assert "_big_" in call.launches[0].function
        CLOSE["float32"](run_call(*case)[0], wanted)


@pytest.mark.parametrize("k", range(len(CASES)))
def test_no_races_and_no_access_beyond(k):
    CLOSE[CASES[k][4][0]](run_call(*CASES[k], check=True)[0], run_call(*CASES[k])[0])


def test_same_bits_in_any_order_of_threads():
    for case in cases(((1, 12, 12, 70), (3, 3), 40, (1, 1), (1, 1)), "SAME", "float32") + cases(SHAPES[0], "SAME", "float32", True):
        wanted = run_call(*case)[0]
        assert all(np.array_equal(run_call(*case, order=order)[0], wanted) for order in (1, 2))


@pytest.mark.parametrize("depthwise", [False, True])
def test_a_pixel_is_seen_by_the_windows_around_it_alone(depthwise):
    (op, attrs, (x, w), shapes, dtypes), *_ = cases(((2, 8, 8, 3), (3, 3), 4, (1, 1), (1, 1)), "SAME", "float32", depthwise)
    x[1, 4, 4, 1] = np.nan
    out, = run_call(op, attrs, [x, w], shapes, dtypes)
    assert not np.isnan(out[0]).any()
    seen = np.isnan(out[1]).any(-1)
    assert seen[3:6, 3:6].all() and seen.sum() == 9


def test_division_by_multiplication():
    rng = np.random.default_rng(0)
    for d in [1, 2, 3, 5, 7, 10, 641, 1 << 20, (1 << 20) + 1, 2**31 - 1, *rng.integers(1, 2**31, 200).tolist()]:
        divider = Divider(d)
        assert 0 < divider.factor < 2**32 and 31 <= divider.shift < 63
        numbers = [n for q in (0, 1, 2, (2**31 - 1) // d) for n in (q * d - 1, q * d, q * d + 1, q * d + d - 1) if 0 <= n < 2**31]
        for n in [*numbers, 2**31 - 1, *rng.integers(0, 2**31, 20).tolist()]:
            assert n * divider.factor >> divider.shift == n // d, (n, d)


def test_backward_axes_find_every_meeting():
    """Position, tap -> pixel of the convolution, turned round."""
    for size, taps, stride, dilation, before in itertools.product((1, 4, 9), (1, 2, 3, 5), (1, 2, 3, 4), (1, 2, 3), (0, 1, 2)):
        places = 12
        met = {(p * stride + k * dilation - before, p, k) for p in range(places) for k in range(taps) if 0 <= p * stride + k * dilation - before < size}
        found = set()
        for rest in range(min(stride, size)):
            axis = backward(size, rest, taps, stride, dilation, before)
            found |= {(axis.first + axis.step * j, axis.stride * j + axis.offset + axis.dilation * k, axis.weight + axis.weight_step * k)
                      for j in range(axis.size) for k in range(axis.taps)}
        assert met == {(pixel, p, k) for pixel, p, k in found if 0 <= p < places}
