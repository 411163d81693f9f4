"""Pooling on the emulated GPU against the CPU's kernels, bit by bit where no mean is taken, and ties, NaN and windows over the depth."""
import itertools

import numpy as np
import pytest

import conv_oracle
from minitf.kernels.cpu.kernel import run_kernel
from minitf.kernels.cpu.pool import AvgPool, AvgPoolGrad, MaxPool, MaxPoolGrad, MaxPoolGradGrad

from minitf.core.registry import find_kernel
from minitf.kernels.gpu.call import Call, Operand

from harness import run_call, run_launch

# image, window, strides
SHAPES = [((2, 8, 6, 3), (2, 2), (2, 2)), ((2, 7, 9, 5), (2, 2), (2, 2)), ((1, 9, 9, 4), (3, 3), (2, 2)), ((3, 5, 6, 1), (3, 2), (1, 1)),
          ((1, 7, 7, 2), (2, 2), (3, 3)), ((2, 6, 5, 3), (1, 1), (2, 1)), ((1, 1, 1, 1), (1, 1), (1, 1)), ((2, 4, 4, 7), (4, 4), (4, 4)),
          ((1, 3, 3, 2), (5, 5), (2, 2)), ((0, 4, 4, 2), (2, 2), (2, 2)), ((2, 4, 4, 0), (2, 2), (2, 2)), ((1, 20, 30, 16), (3, 3), (2, 2))]
ALL = [(shape, padding) for shape, padding in itertools.product(SHAPES, ["SAME", "VALID"])
       if padding == "SAME" or all(k <= n for k, n in zip(shape[1], shape[0][1:3]))]


def attrs_of(shape, padding, dtype):
    return {"T": dtype, "ksize": (1, *shape[1], 1), "strides": (1, *shape[2], 1), "padding": padding}


def pooled_shape(shape, padding):
    return conv_oracle.out_shape(shape[0], shape[1], shape[2], (1, 1), padding, shape[0][3])


def numbers(shape, dtype, seed=0):
    """Few different ones, so that many windows have several greatest."""
    return np.random.default_rng(seed).integers(-3, 4, shape).astype(dtype)


def on_both(op, kernel, attrs, inputs, shape, dtype):
    ours, = run_call(op, attrs, inputs, [shape], [dtype])
    theirs, = run_kernel(kernel, attrs, inputs, [shape], [dtype])
    return ours, theirs


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_maxima_and_their_gradients(dtype):
    for shape, padding in ALL:
        attrs, pooled = attrs_of(shape, padding, dtype), pooled_shape(shape, padding)
        x, g = numbers(shape[0], dtype), numbers(pooled, dtype, 1)
        top, wanted = on_both("MaxPool", MaxPool, attrs, [x], pooled, dtype)
        assert np.array_equal(top, wanted) and np.array_equal(top, conv_oracle.pool(x, *shape[1:], padding, "max")), (shape, padding)
        d, wanted = on_both("MaxPoolGrad", MaxPoolGrad, attrs, [x, top, g], shape[0], dtype)
        assert np.array_equal(d, wanted) and np.array_equal(d, conv_oracle.pool_gradient(x, g, *shape[1:], padding, "max")), (shape, padding)
        second = numbers(shape[0], dtype, 2)
        dd, wanted = on_both("MaxPoolGradGrad", MaxPoolGradGrad, attrs, [x, top, second], pooled, dtype)
        assert np.array_equal(dd, wanted) and np.array_equal(dd, conv_oracle.pool_choice(x, second, *shape[1:], padding)), (shape, padding)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_means_and_their_gradients(dtype):
    close = {"rtol": 1e-5, "atol": 1e-6} if dtype == "float32" else {"rtol": 1e-12, "atol": 1e-13}
    for shape, padding in ALL:
        attrs, pooled = attrs_of(shape, padding, dtype), pooled_shape(shape, padding)
        rng = np.random.default_rng(0)
        x, g = rng.standard_normal(shape[0]).astype(dtype), rng.standard_normal(pooled).astype(dtype)
        mean, wanted = on_both("AvgPool", AvgPool, attrs, [x], pooled, dtype)
        np.testing.assert_allclose(mean, wanted, **close)
        np.testing.assert_allclose(mean, conv_oracle.pool(x, *shape[1:], padding, "mean"), **close)
        d, wanted = on_both("AvgPoolGrad", AvgPoolGrad, attrs, [np.array(shape[0], "int32"), g], shape[0], dtype)
        np.testing.assert_allclose(d, wanted, **close)


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_nan_wins_and_gets_the_gradient(padding):
    shape = ((2, 7, 7, 3), (3, 3), (2, 2))
    attrs, pooled = attrs_of(shape, padding, "float32"), pooled_shape(shape, padding)
    x, g = numbers(shape[0], "float32"), numbers(pooled, "float32", 1)
    x[np.random.default_rng(3).random(x.shape) < .1] = np.nan
    x[0, 0, 0, 0] = -np.inf
    top, wanted = on_both("MaxPool", MaxPool, attrs, [x], pooled, "float32")
    assert np.array_equal(top, wanted, equal_nan=True) and np.isnan(top).any()
    d, wanted = on_both("MaxPoolGrad", MaxPoolGrad, attrs, [x, top, g], x.shape, "float32")
    assert np.array_equal(d, wanted)
    dd, wanted = on_both("MaxPoolGradGrad", MaxPoolGradGrad, attrs, [x, top, x], pooled, "float32")
    assert np.array_equal(dd, wanted, equal_nan=True)


@pytest.mark.parametrize("deep", [2, 3, 6])
def test_over_the_depth(deep):
    attrs = {"T": "float32", "ksize": (1, 1, 1, deep), "strides": (1, 1, 1, deep), "padding": "VALID"}
    x = numbers((2, 3, 4, 6), "float32")
    pooled = (2, 3, 4, 6 // deep)
    top, wanted = on_both("MaxPool", MaxPool, attrs, [x], pooled, "float32")
    assert np.array_equal(top, wanted) and np.array_equal(top, x.reshape(2, 3, 4, -1, deep).max(-1))
    d, wanted = on_both("MaxPoolGrad", MaxPoolGrad, attrs, [x, top, numbers(pooled, "float32", 1)], x.shape, "float32")
    assert np.array_equal(d, wanted)
    dd, wanted = on_both("MaxPoolGradGrad", MaxPoolGradGrad, attrs, [x, top, numbers(x.shape, "float32", 2)], pooled, "float32")
    assert np.array_equal(dd, wanted)


def test_no_access_beyond():
    for shape, padding in ALL:
        attrs, pooled = attrs_of(shape, padding, "float32"), pooled_shape(shape, padding)
        x, g = numbers(shape[0], "float32"), numbers(pooled, "float32", 1)
        top, = run_call("MaxPool", attrs, [x], [pooled], ["float32"], check=True)
        for op, inputs, made in [("MaxPoolGrad", [x, top, g], x.shape), ("MaxPoolGradGrad", [x, top, x], pooled), ("AvgPool", [x], pooled),
                                 ("AvgPoolGrad", [np.array(x.shape, "int32"), g], x.shape)]:
            run_call(op, attrs, inputs, [made], ["float32"], check=True)


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_reads_where_the_data_lie(shift):
    """Packs of channels that begin at no multiple of 16 bytes, in tensors that lie in others."""
    shape, padding = ((2, 7, 9, 8), (3, 2), (2, 2)), "SAME"
    attrs, pooled = attrs_of(shape, padding, "float32"), pooled_shape(shape, padding)
    x, g = numbers(shape[0], "float32"), numbers(pooled, "float32", 1)
    top = conv_oracle.pool(x, *shape[1:], padding, "max")
    for op, inputs, made in [("MaxPool", [x], top), ("MaxPoolGrad", [x, top, g], conv_oracle.pool_gradient(x, g, *shape[1:], padding, "max"))]:
        memory = {("output", 0): np.zeros(made.size + shift, "float32")}
        for k, a in enumerate(inputs):
            memory["input", k] = np.concatenate([np.zeros(shift, "float32"), a.ravel()])
        call = Call("pool.cu", op, attrs, [Operand("input", k, a.shape, a.dtype, offset=4 * shift) for k, a in enumerate(inputs)],
                    [Operand("output", 0, made.shape, made.dtype, offset=4 * shift)])
        find_kernel(op, attrs, "GPU").kernel.describe(call)
        launch, = call.launches
        assert "_packs_" in launch.function
        run_launch(launch, memory)
        assert np.array_equal(memory["output", 0][shift:], made.ravel())
