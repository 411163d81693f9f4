"""Max and average pooling and their gradients against plain loops."""
import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

from conv_oracle import out_shape, pool, pool_choice, pool_gradient
from minitf.kernels.cpu.kernel import run_kernel
from minitf.kernels.cpu.pool import AvgPool, AvgPoolGrad, MaxPool, MaxPoolGrad, MaxPoolGradGrad


def attributes(ksize, strides, padding):
    return {"ksize": (1, *ksize, 1), "strides": (1, *strides, 1), "padding": padding}


def check(shape, ksize, strides, padding, dtype="float32"):
    rng = np.random.default_rng(0)
    attrs, pooled = attributes(ksize, strides, padding), out_shape(shape, ksize, strides, (1, 1), padding, shape[3])
    x = rng.integers(-3, 4, shape).astype(dtype)                     # few values: many ties
    g, h = rng.integers(-9, 10, pooled).astype(dtype), rng.integers(-9, 10, shape).astype(dtype)
    y, = run_kernel(MaxPool, attrs, [x], [pooled], [dtype])
    assert np.array_equal(y, pool(x, ksize, strides, padding, "max"))
    assert np.array_equal(run_kernel(MaxPoolGrad, attrs, [x, y, g], [shape], [dtype])[0], pool_gradient(x, g, ksize, strides, padding, "max"))
    assert np.array_equal(run_kernel(MaxPoolGradGrad, attrs, [x, y, h], [pooled], [dtype])[0], pool_choice(x, h, ksize, strides, padding))
    if dtype.startswith("float"):
        tolerance = 8 * np.finfo(dtype).eps
        x, g = rng.standard_normal(shape).astype(dtype), rng.standard_normal(pooled).astype(dtype)
        y, = run_kernel(AvgPool, attrs, [x], [pooled], [dtype])
        np.testing.assert_allclose(y, pool(x, ksize, strides, padding, "mean"), tolerance, tolerance)
        np.testing.assert_allclose(run_kernel(AvgPoolGrad, attrs, [np.array(shape, "int32"), g], [shape], [dtype])[0],
                                   pool_gradient(x, g, ksize, strides, padding, "mean"), tolerance, 4 * tolerance)


@settings(max_examples=100, deadline=None)
@given(st.tuples(st.integers(0, 3), st.integers(1, 11), st.integers(1, 11), st.sampled_from([0, 1, 2, 3, 8, 16, 17, 33])),
       st.tuples(st.integers(1, 4), st.integers(1, 4)), st.tuples(st.integers(1, 4), st.integers(1, 4)), st.sampled_from(["SAME", "VALID"]),
       st.sampled_from(["float32", "float64", "int32", "int64"]))
def test_random(shape, ksize, strides, padding, dtype):
    assume(padding == "SAME" or ksize[0] <= shape[1] and ksize[1] <= shape[2])
    check(shape, ksize, strides, padding, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("shape, ksize, strides, padding", [((2, 8, 8, 32), (2, 2), (2, 2), "SAME"), ((2, 7, 8, 32), (2, 2), (2, 2), "SAME"),
                                                            ((2, 13, 13, 20), (3, 3), (2, 2), "VALID"), ((1, 5, 6, 3), (5, 6), (1, 1), "VALID"),
                                                            ((1, 2, 2, 3), (5, 5), (1, 1), "SAME"), ((2, 0, 3, 2), (2, 2), (1, 1), "SAME"),
                                                            ((2, 3, 0, 2), (2, 2), (2, 2), "SAME"), ((1, 9, 9, 4), (1, 1), (3, 2), "SAME")], ids=str)
def test_shapes(shape, ksize, strides, padding, dtype):
    check(shape, ksize, strides, padding, dtype)


@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_over_the_depth(dtype):
    x = np.random.default_rng(0).integers(-3, 4, (2, 3, 2, 12)).astype(dtype)
    attrs = {"ksize": (1, 1, 1, 3), "strides": (1, 1, 1, 3), "padding": "VALID"}
    y, = run_kernel(MaxPool, attrs, [x], [(2, 3, 2, 4)], [dtype])
    groups = x.reshape(2, 3, 2, 4, 3)
    assert np.array_equal(y, groups.max(-1))
    first = groups.argmax(-1)[..., None] == np.arange(3)
    g = np.arange(y.size).reshape(y.shape).astype(dtype)
    assert np.array_equal(run_kernel(MaxPoolGrad, attrs, [x, y, g], [x.shape], [dtype])[0], np.where(first, g[..., None], 0).reshape(x.shape))


@pytest.mark.parametrize("ksize, strides", [((2, 2), (2, 2)), ((3, 3), (1, 1))], ids=str)
def test_nan_and_infinity(ksize, strides):
    """NaN wins a window, wherever it stands, and takes its gradient; -inf is a number like others."""
    x = np.random.default_rng(0).standard_normal((1, 4, 4, 20)).astype("float32")
    attrs = attributes(ksize, strides, "SAME")
    pooled = out_shape(x.shape, ksize, strides, (1, 1), "SAME", 20)
    for place in np.ndindex(2, 2):
        bad = x.copy()
        bad[0, place[0], place[1], 3:] = np.nan
        y, = run_kernel(MaxPool, attrs, [bad], [pooled], ["float32"])
        want = pool(bad, ksize, strides, "SAME", "max")
        assert np.array_equal(y, want, equal_nan=True) and np.isnan(y).any()
        g = np.ones(pooled, "float32")
        dx, = run_kernel(MaxPoolGrad, attrs, [bad, y, g], [x.shape], ["float32"])
        assert np.array_equal(dx, pool_gradient(bad, g, ksize, strides, "SAME", "max"))
    low = np.full_like(x, -np.inf)
    y, = run_kernel(MaxPool, attrs, [low], [pooled], ["float32"])
    assert np.all(y == -np.inf)
    dx, = run_kernel(MaxPoolGrad, attrs, [low, y, np.ones(pooled, "float32")], [x.shape], ["float32"])
    assert dx.sum() == y.size


@pytest.mark.parametrize("ksize, strides", [((2, 2), (2, 2)), ((3, 3), (2, 2)), ((3, 3), (1, 1))], ids=str)
def test_bits_do_not_depend_on_the_number_of_threads(ksize, strides, threads):
    shape, attrs = (9, 28, 28, 32), attributes(ksize, strides, "SAME")
    rng = np.random.default_rng(0)
    pooled = out_shape(shape, ksize, strides, (1, 1), "SAME", 32)
    x, g = rng.standard_normal(shape).astype("float32"), rng.standard_normal(pooled).astype("float32")
    results = []
    for _ in map(threads, (1, 2, 3, 7)):
        y, = run_kernel(MaxPool, attrs, [x], [pooled], ["float32"])
        results.append([a.tobytes() for a in (y, *run_kernel(MaxPoolGrad, attrs, [x, y, g], [shape], ["float32"]),
                                              *run_kernel(MaxPoolGradGrad, attrs, [x, y, x], [pooled], ["float32"]),
                                              *run_kernel(AvgPool, attrs, [x], [pooled], ["float32"]),
                                              *run_kernel(AvgPoolGrad, attrs, [np.array(shape, "int32"), g], [shape], ["float32"]))])
    assert results == results[:1] * 4
