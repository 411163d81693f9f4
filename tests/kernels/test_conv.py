"""Convolution and both gradients against plain loops: every way a filter can lie, and the edges of the tiles."""
import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from conv_oracle import conv2d, conv2d_gradients, out_shape
from minitf.kernels.cpu.conv import Conv2D, Conv2DBackpropInput
from minitf.kernels.cpu.conv_filter import Conv2DBackpropFilter
from minitf.kernels.cpu.kernel import run_kernel

CHANNELS = st.sampled_from([1, 2, 3, 5, 8, 15, 16, 17, 31, 32, 33, 48, 50, 64, 65])


def attributes(strides, dilations, padding):
    return {"strides": (1, *strides, 1), "dilations": (1, *dilations, 1), "padding": padding}


def compute(x, w, g, strides, dilations, padding):
    attrs = attributes(strides, dilations, padding)
    return [run_kernel(Conv2D, attrs, [x, w], [g.shape], [x.dtype])[0],
            run_kernel(Conv2DBackpropInput, attrs, [np.array(x.shape, "int32"), w, g], [x.shape], [x.dtype])[0],
            run_kernel(Conv2DBackpropFilter, attrs, [x, np.array(w.shape, "int32"), g], [w.shape], [x.dtype])[0]]


def data(x_shape, w_shape, strides, dilations, padding, dtype, seed=0):
    rng = np.random.default_rng(seed)
    shapes = x_shape, w_shape, out_shape(x_shape, w_shape[:2], strides, dilations, padding, w_shape[3])
    return [rng.standard_normal(s).astype(dtype) for s in shapes]


def check(x_shape, w_shape, strides=(1, 1), dilations=(1, 1), padding="SAME", dtype="float32"):
    x, w, g = data(x_shape, w_shape, strides, dilations, padding, dtype)
    how = strides, dilations, padding
    wanted = [conv2d(x, w, *how), *conv2d_gradients(x, w, g, *how)]
    # the sums of the terms' magnitudes bound the error
    sizes = [conv2d(abs(x), abs(w), *how), *conv2d_gradients(abs(x), abs(w), abs(g), *how)]
    terms = [np.prod(w.shape[:3]), np.prod(w.shape[:2]) * w.shape[3], np.prod(g.shape[:3])]
    for name, result, want, size, n in zip(("output", "to the input", "to the filter"), compute(x, w, g, *how), wanted, sizes, terms):
        assert result.shape == want.shape and result.dtype == dtype
        bound = size * np.finfo(dtype).eps * (4 + n / 4)
        assert np.all(np.abs(result - want) <= bound), (name, x_shape, w_shape, how, dtype)


@settings(max_examples=150, deadline=None)
@given(st.tuples(st.integers(0, 3), st.integers(1, 18), st.integers(1, 33), CHANNELS), st.integers(1, 6), st.integers(1, 6), CHANNELS,
       st.tuples(st.integers(1, 3), st.integers(1, 3)), st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 2), (3, 2)]), st.sampled_from(["SAME", "VALID"]),
       st.sampled_from(["float32", "float64"]))
def test_random(x_shape, rows, columns, filters, strides, dilations, padding, dtype):
    if padding == "VALID":
        assume((rows - 1) * dilations[0] < x_shape[1] and (columns - 1) * dilations[1] < x_shape[2])
    check(x_shape, (rows, columns, x_shape[3], filters), strides, dilations, padding, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("x_shape, w_shape, strides, padding", [
    ((2, 28, 28, 1), (5, 5, 1, 32), (1, 1), "SAME"),             # first layers
    ((2, 32, 32, 3), (3, 3, 3, 32), (1, 1), "SAME"),
    ((1, 39, 43, 3), (11, 11, 3, 64), (4, 4), "VALID"),
    ((2, 28, 28, 64), (3, 3, 64, 64), (1, 1), "SAME"),           # full panels, read where they lie
    ((3, 14, 14, 40), (1, 1, 40, 24), (1, 1), "SAME"),           # plain products: rows as they are, pixels of all images in rows, one row
    ((8, 7, 7, 32), (1, 1, 32, 48), (1, 1), "VALID"),
    ((5, 4, 3, 6), (4, 3, 6, 10), (1, 1), "VALID"),
    ((4, 9, 9, 16), (1, 1, 16, 8), (2, 2), "SAME"),              # pixels that no tap meets
    ((2, 9, 9, 4), (2, 2, 4, 4), (5, 4), "SAME"),
    ((2, 2, 2, 3), (5, 5, 3, 4), (1, 1), "SAME"),                # a filter larger than the image
    ((2, 1, 1, 3), (3, 3, 3, 4), (2, 2), "SAME"),
    ((1, 31, 40, 64), (3, 3, 64, 16), (1, 1), "SAME"),           # several bands of rows
    ((1, 6, 1, 5), (3, 1, 5, 7), (1, 1), "VALID"),
    ((1, 1, 300, 5), (1, 4, 5, 7), (1, 3), "SAME"),
], ids=str)
def test_shapes(x_shape, w_shape, strides, padding, dtype):
    check(x_shape, w_shape, strides, padding=padding, dtype=dtype)


@pytest.mark.parametrize("x_shape, w_shape", [((0, 5, 5, 3), (3, 3, 3, 4)), ((2, 0, 5, 3), (3, 3, 3, 4)), ((2, 5, 0, 3), (3, 3, 3, 4)),
                                              ((2, 5, 5, 0), (3, 3, 0, 4)), ((2, 5, 5, 3), (3, 3, 3, 0))], ids=str)
def test_empty(x_shape, w_shape):
    """Sums of nothing are 0, whatever the memory held before."""
    check(x_shape, w_shape)
    check(x_shape, w_shape, (2, 3))


def test_nan_and_infinity_stay_where_their_taps_reach():
    x, w, g = data((1, 12, 40, 5), (3, 3, 5, 20), (1, 1), (1, 1), "SAME", "float32")
    x[0, 5, 20, 2] = np.nan
    y, dx, dw = compute(x, w, g, (1, 1), (1, 1), "SAME")
    assert np.isnan(y[0, 4:7, 19:22]).all() and np.isnan(y).sum() == 9 * 20
    assert np.isfinite(dx).all() and np.isnan(dw[:, :, 2]).all() and np.isnan(dw).sum() == 9 * 20
    g[0, 3, 3, 7] = np.inf
    _, dx, dw = compute(data((1, 12, 40, 5), (3, 3, 5, 20), (1, 1), (1, 1), "SAME", "float32")[0], w, g, (1, 1), (1, 1), "SAME")
    assert np.isinf(dx[0, 2:5, 2:5]).all() and np.isinf(dx).sum() == 9 * 5
    assert np.isinf(dw[..., 7]).all() and np.isinf(dw).sum() == 9 * 5


def test_a_result_does_not_depend_on_its_neighbours():
    """The same bits alone and among others: images, filters and columns fall into other tiles then."""
    x, w, g = data((3, 9, 31, 7), (3, 3, 7, 50), (1, 1), (1, 1), "SAME", "float32")
    y, dx, _ = compute(x, w, g, (1, 1), (1, 1), "SAME")
    for f in (slice(0, 1), slice(16, 48), slice(40, 50)):
        assert np.array_equal(compute(x, np.ascontiguousarray(w[..., f]), np.ascontiguousarray(g[..., f]), (1, 1), (1, 1), "SAME")[0], y[..., f])
    one = compute(x[1:2], w, g[1:2], (1, 1), (1, 1), "SAME")
    assert np.array_equal(one[0], y[1:2]) and np.array_equal(one[1], dx[1:2])
    narrow = compute(np.ascontiguousarray(x[:, :, :12]), w, np.ascontiguousarray(g[:, :, :12]), (1, 1), (1, 1), "SAME")[0]
    assert np.array_equal(narrow[:, :, :11], y[:, :, :11])


def test_repeated_runs_have_the_same_bits():
    x, w, g = data((2, 13, 17, 6), (3, 2, 6, 21), (2, 1), (1, 1), "SAME", "float32")
    attrs = attributes((2, 1), (1, 1), "SAME")
    for kernel, inputs, shape in ((Conv2D, [x, w], g.shape), (Conv2DBackpropInput, [np.array(x.shape, "int32"), w, g], x.shape),
                                  (Conv2DBackpropFilter, [x, np.array(w.shape, "int32"), g], w.shape)):
        once, thrice = (run_kernel(kernel, attrs, inputs, [shape], ["float32"], repeat=r)[0] for r in (1, 3))
        assert np.array_equal(once, thrice)


@pytest.mark.parametrize("x_shape, w_shape, strides", [((5, 28, 28, 16), (3, 3, 16, 32), (1, 1)), ((3, 27, 29, 20), (5, 5, 20, 36), (2, 2)),
                                                       ((40, 28, 28, 1), (5, 5, 1, 32), (1, 1)), ((30, 7, 7, 96), (1, 1, 96, 64), (1, 1))], ids=str)
def test_bits_do_not_depend_on_the_number_of_threads(x_shape, w_shape, strides, threads):
    arrays = data(x_shape, w_shape, strides, (1, 1), "SAME", "float32")
    results = [[r.tobytes() for r in compute(*arrays, strides, (1, 1), "SAME")] for _ in map(threads, (1, 2, 3, 7))]
    assert results == results[:1] * 4
