"""Local response normalisation and its gradient against NumPy in float64."""
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from minitf.kernels.cpu.kernel import run_kernel
from minitf.kernels.cpu.lrn import LRN, LRNGrad


def window_sums(x, radius):
    c = x.shape[-1]
    return x @ (abs(np.arange(c)[:, None] - np.arange(c)) <= radius).astype("float64")


def lrn(x, radius, bias, alpha, beta):
    x = x.astype("float64")
    return x / (bias + alpha * window_sums(x * x, radius)) ** beta


def lrn_gradient(g, x, radius, bias, alpha, beta):
    g, x = g.astype("float64"), x.astype("float64")
    n = bias + alpha * window_sums(x * x, radius)
    return g / n ** beta - 2 * alpha * beta * x * window_sums(g * x / n ** (beta + 1), radius)


def compute(x, g, radius, bias, alpha, beta, repeat=1):
    attrs = {"depth_radius": radius, "bias": bias, "alpha": alpha, "beta": beta}
    y, = run_kernel(LRN, attrs, [x], [x.shape], [x.dtype], repeat)
    return y, run_kernel(LRNGrad, attrs, [g, x, y], [x.shape], [x.dtype], repeat)[0]


def check(shape, radius, bias=1.0, alpha=1.0, beta=0.5, dtype="float32"):
    rng = np.random.default_rng(0)
    x, g = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    y, dx = compute(x, g, radius, bias, alpha, beta)
    assert y.dtype == dx.dtype == dtype
    tolerance = 40 * np.finfo(dtype).eps
    np.testing.assert_allclose(y, lrn(x, radius, bias, alpha, beta), tolerance, tolerance)
    # the sum of the gradient's terms' magnitudes bounds its error
    bound = lrn_gradient(abs(g), abs(x), radius, bias, alpha, beta) + 2 * (abs(g) / (bias + alpha * window_sums(x.astype("float64") ** 2, radius)) ** beta)
    bound += 2 * 2 * alpha * beta * abs(x) * window_sums(abs(g.astype("float64") * y), radius) / min(1, bias)
    assert np.all(abs(dx - lrn_gradient(g, x, radius, bias, alpha, beta)) <= tolerance * (abs(bound) + 1))


@settings(max_examples=100, deadline=None)
@given(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(1, 3), st.sampled_from([0, 1, 2, 3, 5, 8, 16, 17, 33, 96])), st.integers(0, 40),
       st.sampled_from([1.0, 2.0, 0.5]), st.sampled_from([1.0, 1e-4, 0.25]), st.sampled_from([0.5, 0.75, 1.0, 0.0, 1.3]),
       st.sampled_from(["float32", "float64"]))
def test_random(shape, radius, bias, alpha, beta, dtype):
    """Among them radius 0, windows wider than the channels, and no channels at all."""
    check(shape, radius, bias, alpha, beta, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("radius", [0, 1, 4, 5, 95, 96, 1000])
def test_radii(radius, dtype):
    check((2, 3, 4, 96), radius, 2.0, 1e-2, 0.75, dtype)


def test_by_hand():
    y, _ = compute(np.array([[[[1, 2, 0]]]], "float32"), np.ones((1, 1, 1, 3), "float32"), 1, 1.0, 1.0, 0.5)
    np.testing.assert_allclose(y.ravel(), [1 / 6 ** 0.5, 2 / 6 ** 0.5, 0], rtol=1e-6)


def test_a_small_number_far_from_a_large_one_keeps_its_digits():
    x = np.full((1, 1, 1, 32), 1e-3, "float32")
    x[..., 0] = 1e4
    y, _ = compute(x, x, 2, 0.0, 1.0, 0.5)
    np.testing.assert_allclose(y[0, 0, 0, 5:-2], 5 ** -0.5, rtol=1e-5)


def test_nan_stays_in_the_windows_it_is_in():
    x = np.ones((1, 2, 1, 40), "float32")
    x[0, 1, 0, 20] = np.nan
    y, dx = compute(x, np.ones_like(x), 3, 1.0, 1.0, 0.75)
    assert np.isnan(y).sum() == 7 and np.isnan(y[0, 1, 0, 17:24]).all() and np.isnan(dx).sum() == 13


def test_bits_do_not_depend_on_threads_or_repetition(threads):
    rng = np.random.default_rng(0)
    x, g = (rng.standard_normal((4, 14, 14, 50)).astype("float32") for _ in range(2))
    results = [[a.tobytes() for a in compute(x, g, 4, 1.0, 0.1, 0.75, repeat)] for repeat, _ in zip((1, 1, 2, 1), map(threads, (1, 2, 3, 7)))]
    assert results == results[:1] * 4
