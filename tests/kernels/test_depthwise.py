"""Depthwise convolution and both gradients against plain loops: every way a filter can lie, multipliers, and the edges of vectors and tiles."""
import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from conv_oracle import depthwise, depthwise_gradients, out_shape
from minitf.kernels.cpu.depthwise import DepthwiseConv2dNative, DepthwiseConv2dNativeBackpropFilter, DepthwiseConv2dNativeBackpropInput
from minitf.kernels.cpu.kernel import run_kernel

CHANNELS = st.sampled_from([1, 2, 3, 5, 8, 15, 16, 17, 31, 32, 33, 48, 64, 65])


def attributes(strides, dilations, padding):
    return {"strides": (1, *strides, 1), "dilations": (1, *dilations, 1), "padding": padding}


def compute(x, w, g, strides, dilations, padding, repeat=1):
    attrs = attributes(strides, dilations, padding)
    return [run_kernel(DepthwiseConv2dNative, attrs, [x, w], [g.shape], [x.dtype], repeat)[0],
            run_kernel(DepthwiseConv2dNativeBackpropInput, attrs, [np.array(x.shape, "int32"), w, g], [x.shape], [x.dtype], repeat)[0],
            run_kernel(DepthwiseConv2dNativeBackpropFilter, attrs, [x, np.array(w.shape, "int32"), g], [w.shape], [x.dtype], repeat)[0]]


def data(x_shape, w_shape, strides, dilations, padding, dtype, seed=0):
    rng = np.random.default_rng(seed)
    shapes = x_shape, w_shape, out_shape(x_shape, w_shape[:2], strides, dilations, padding, w_shape[2] * w_shape[3])
    return [rng.standard_normal(s).astype(dtype) for s in shapes]


def check(x_shape, taps, multiplier=1, strides=(1, 1), dilations=(1, 1), padding="SAME", dtype="float32"):
    x, w, g = data(x_shape, (*taps, x_shape[3], multiplier), strides, dilations, padding, dtype)
    how = strides, dilations, padding
    wanted = [depthwise(x, w, *how), *depthwise_gradients(x, w, g, *how)]
    # the sums of the terms' magnitudes bound the error
    sizes = [depthwise(abs(x), abs(w), *how), *depthwise_gradients(abs(x), abs(w), abs(g), *how)]
    terms = [np.prod(taps), np.prod(taps) * multiplier, np.prod(g.shape[:3])]
    for name, result, want, size, n in zip(("output", "to the input", "to the filter"), compute(x, w, g, *how), wanted, sizes, terms):
        assert result.shape == want.shape and result.dtype == dtype
        bound = size * np.finfo(dtype).eps * (4 + n / 4)
        assert np.all(np.abs(result - want) <= bound), (name, x_shape, taps, multiplier, how, dtype)


@settings(max_examples=200, deadline=None)
@given(st.tuples(st.integers(0, 3), st.integers(1, 18), st.integers(1, 23), CHANNELS), st.integers(1, 6), st.integers(1, 6), st.integers(1, 5),
       st.tuples(st.integers(1, 3), st.integers(1, 3)), st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 2), (3, 2)]), st.sampled_from(["SAME", "VALID"]),
       st.sampled_from(["float32", "float64"]))
def test_random(x_shape, rows, columns, multiplier, strides, dilations, padding, dtype):
    if padding == "VALID":
        assume((rows - 1) * dilations[0] < x_shape[1] and (columns - 1) * dilations[1] < x_shape[2])
    check(x_shape, (rows, columns), multiplier, strides, dilations, padding, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("x_shape, taps, multiplier, strides, padding", [
    ((2, 28, 28, 64), (3, 3), 1, (1, 1), "SAME"),
    ((1, 40, 40, 64), (3, 3), 2, (1, 1), "SAME"),                # several bands of rows
    ((1, 41, 40, 64), (5, 5), 4, (2, 2), "VALID"),
    ((2, 30, 30, 3), (3, 3), 8, (2, 2), "SAME"),                 # a first layer
    ((2, 9, 9, 16), (1, 1), 1, (2, 2), "SAME"),                  # pixels that no tap meets
    ((2, 9, 9, 4), (2, 2), 3, (5, 4), "SAME"),
    ((2, 2, 2, 3), (5, 5), 2, (1, 1), "SAME"),                   # a filter larger than the image
    ((2, 1, 1, 16), (3, 3), 1, (2, 2), "SAME"),
    ((1, 1, 50, 20), (1, 7), 1, (1, 3), "SAME"),                 # more taps in a row than are summed together
    ((40, 3, 3, 16), (3, 3), 1, (1, 1), "VALID"),                # more images than parts of the sum
], ids=str)
def test_shapes(x_shape, taps, multiplier, strides, padding, dtype):
    check(x_shape, taps, multiplier, strides, padding=padding, dtype=dtype)


@pytest.mark.parametrize("x_shape, multiplier", [((0, 5, 5, 3), 1), ((2, 0, 5, 3), 1), ((2, 5, 0, 3), 2), ((2, 5, 5, 0), 2), ((2, 5, 5, 3), 0)], ids=str)
def test_empty(x_shape, multiplier):
    """Sums of nothing are 0, whatever the memory held before."""
    check(x_shape, (3, 3), multiplier)
    check(x_shape, (3, 3), multiplier, (2, 3))


def test_nan_stays_where_its_taps_reach():
    x, w, g = data((1, 12, 40, 20), (3, 3, 20, 2), (1, 1), (1, 1), "SAME", "float32")
    x[0, 5, 20, 2] = np.nan
    y, dx, dw = compute(x, w, g, (1, 1), (1, 1), "SAME")
    assert np.isnan(y[0, 4:7, 19:22, 4:6]).all() and np.isnan(y).sum() == 9 * 2
    assert np.isfinite(dx).all() and np.isnan(dw[:, :, 2]).all() and np.isnan(dw).sum() == 9 * 2


def test_a_result_does_not_depend_on_its_neighbours():
    """The same bits alone and among others: images, channels and columns fall into other tiles then."""
    x, w, g = data((3, 9, 31, 50), (3, 3, 50, 1), (1, 1), (1, 1), "SAME", "float32")
    y, dx, _ = compute(x, w, g, (1, 1), (1, 1), "SAME")
    for c in (slice(16, 48), slice(20, 50), slice(0, 17)):
        few = compute(*(np.ascontiguousarray(a) for a in (x[..., c], w[:, :, c], g[..., c])), (1, 1), (1, 1), "SAME")
        assert np.array_equal(few[0], y[..., c]) and np.array_equal(few[1], dx[..., c])
    one = compute(x[1:2], w, g[1:2], (1, 1), (1, 1), "SAME")
    assert np.array_equal(one[0], y[1:2]) and np.array_equal(one[1], dx[1:2])


@pytest.mark.parametrize("multiplier", [1, 3])
def test_repeated_runs_have_the_same_bits(multiplier):
    arrays = data((2, 13, 17, 21), (3, 2, 21, multiplier), (2, 1), (1, 1), "SAME", "float32")
    once, thrice = (compute(*arrays, (2, 1), (1, 1), "SAME", repeat) for repeat in (1, 3))
    assert [a.tobytes() for a in once] == [a.tobytes() for a in thrice]


@pytest.mark.parametrize("multiplier, strides", [(1, (1, 1)), (2, (2, 1))], ids=str)
def test_bits_do_not_depend_on_the_number_of_threads(multiplier, strides, threads):
    arrays = data((5, 28, 28, 48), (3, 3, 48, multiplier), strides, (1, 1), "SAME", "float32")
    results = [[r.tobytes() for r in compute(*arrays, strides, (1, 1), "SAME")] for _ in map(threads, (1, 2, 3, 7))]
    assert results == results[:1] * 4
