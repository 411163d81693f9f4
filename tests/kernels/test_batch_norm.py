"""Batch normalisation and its gradient against NumPy in float64."""
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from minitf.kernels.cpu.batch_norm import FusedBatchNorm, FusedBatchNormGrad
from minitf.kernels.cpu.kernel import run_kernel

EPSILON = 1e-3
AXES = (0, 1, 2)


def forward(x, scale, offset, mean=None, variance=None, repeat=1):
    attrs = {"epsilon": EPSILON, "is_training": mean is None}
    given = [np.zeros(0, x.dtype) if a is None else a for a in (mean, variance)]
    return run_kernel(FusedBatchNorm, attrs, [x, scale, offset, *given], [x.shape] + [scale.shape] * 4, [x.dtype] * 5, repeat)


def backward(g, x, scale, mean, variance, training, repeat=1):
    return run_kernel(FusedBatchNormGrad, {"epsilon": EPSILON, "is_training": training}, [g, x, scale, mean, variance],
                      [x.shape, scale.shape, scale.shape], [x.dtype] * 3, repeat)


def wanted_gradient(g, x, scale, mean, variance, training):
    g, x, scale, mean, variance = (a.astype("float64") for a in (g, x, scale, mean, variance))
    inverse = 1 / np.sqrt(variance + EPSILON)
    u = (x - mean) * inverse
    to_x = scale * inverse * (g - g.mean(AXES) - u * (g * u).mean(AXES) if training else g)
    return to_x, (g * u).sum(AXES), g.sum(AXES)


def data(shape, dtype, centre=0.0, seed=0):
    rng = np.random.default_rng(seed)
    return [(centre + rng.standard_normal(shape)).astype(dtype), rng.standard_normal(shape).astype(dtype),
            *(rng.uniform(0.5, 2, shape[3]).astype(dtype) for _ in range(4))]


def check(shape, dtype, centre=0.0):
    x, g, scale, offset, mean, variance = data(shape, dtype, centre)
    rows = x.size // max(1, shape[3])
    tolerance = {"float32": 2e-6, "float64": 1e-14}[dtype] * 8
    y, batch_mean, batch_variance, saved_mean, saved_variance = forward(x, scale, offset)
    exact = x.astype("float64")
    m, v = exact.mean(AXES), exact.var(AXES)
    np.testing.assert_allclose(batch_mean, m, tolerance, tolerance * 1e-1)
    np.testing.assert_allclose(saved_variance, v, tolerance, tolerance * 1e-2)
    np.testing.assert_allclose(batch_variance, v * rows / max(1, rows - 1), tolerance, tolerance * 1e-2)
    assert np.array_equal(batch_mean, saved_mean)
    want = (exact - m) / np.sqrt(v + EPSILON) * scale.astype("float64") + offset.astype("float64")
    np.testing.assert_allclose(y, want, 4 * tolerance, 4 * tolerance)
    inferred = forward(x, scale, offset, mean, variance)
    want = (exact - mean) / np.sqrt(variance.astype("float64") + EPSILON) * scale.astype("float64") + offset.astype("float64")
    np.testing.assert_allclose(inferred[0], want, tolerance, tolerance * max(1, centre))
    for small, a in zip(inferred[1:], (mean, variance, mean, variance)):
        assert np.array_equal(small, a)
    for training, a, b in ((True, saved_mean, saved_variance), (False, mean, variance)):
        wants = wanted_gradient(g, x, scale, a, b, training)
        bounds = wanted_gradient(abs(g), abs(x) + abs(a), scale, 0 * a, b, False)
        for result, want, bound in zip(backward(g, x, scale, a, b, training), wants, bounds):
            np.testing.assert_array_less(abs(result - want), tolerance * (1 + bound) * max(1, centre))


@settings(max_examples=100, deadline=None)
@given(st.tuples(st.integers(1, 3), st.integers(1, 17), st.integers(1, 17), st.sampled_from([1, 2, 3, 5, 8, 16, 17, 33, 48, 96, 130])),
       st.sampled_from(["float32", "float64"]))
def test_random(shape, dtype):
    check(shape, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(16, 28, 28, 64), (40, 28, 28, 1), (40, 28, 28, 3), (128, 1, 1, 200), (2, 2, 2, 5000), (3, 4, 5, 0)], ids=str)
def test_shapes(shape, dtype):
    """Several blocks and parts; few channels, many, none."""
    check(shape, dtype)


def test_a_large_mean_costs_no_digits():
    x, _, scale, offset, _, _ = data((8, 32, 32, 24), "float32", 1000.0)
    y, mean, variance, _, biased = forward(x, scale, offset)
    exact = x.astype("float64")
    m, v = exact.mean(AXES), exact.var(AXES)
    np.testing.assert_allclose(mean, m, 1e-7)
    np.testing.assert_allclose(biased, v, 1e-6)
    np.testing.assert_allclose(y, (exact - m) / np.sqrt(v + EPSILON) * scale + offset, 2e-6, 2e-6)
    x[0, 0, 0] = 1e6                                     # nor does a first pixel far from all others
    np.testing.assert_allclose(forward(x, scale, offset)[4], x.astype("float64").var(AXES), 1e-6)


def test_a_batch_of_nothing():
    """The mean of nothing is NaN."""
    _, _, scale, offset, mean, variance = data((0, 4, 4, 3), "float32")
    x = np.zeros((0, 4, 4, 3), "float32")
    y, *small = forward(x, scale, offset)
    assert y.shape == x.shape and all(np.isnan(a).all() for a in small)
    to_x, to_scale, to_offset = backward(x, x, scale, mean, variance, True)
    assert to_x.shape == x.shape and not to_scale.any() and not to_offset.any()


def test_nan_stays_in_its_channel():
    x, g, scale, offset, _, _ = data((2, 9, 9, 5), "float32")
    x[1, 3, 3, 2] = np.nan
    y, mean, _, _, variance = forward(x, scale, offset)
    assert np.isnan(y[..., 2]).all() and np.isnan(y).sum() == 2 * 81 and np.isnan(mean).sum() == 1
    assert np.isnan(backward(g, x, scale, mean, variance, True)[0]).sum() == 2 * 81


@pytest.mark.parametrize("channels", [3, 64])
def test_bits_do_not_depend_on_threads_or_repetition(channels, threads):
    x, g, scale, offset, mean, variance = data((9, 40, 40, channels), "float32")
    results = []
    for repeat, _ in zip((1, 1, 2, 1), map(threads, (1, 2, 3, 7))):
        results.append([a.tobytes() for a in (*forward(x, scale, offset, repeat=repeat), *backward(g, x, scale, mean, variance, True, repeat))])
    assert results == results[:1] * 4
