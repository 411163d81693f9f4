"""FusedBatchNorm and its gradient, LRN and its gradient, on the emulated GPU against their CPU twins."""
import numpy as np
import pytest

from minitf.core.dtypes import as_dtype

from harness import run_call
from test_gpu_rows import agrees, twin

SHAPES = [(1, 1, 1, 1), (2, 3, 4, 5), (8, 7, 5, 3), (4, 9, 9, 33), (16, 28, 28, 1), (8, 14, 14, 64), (30, 1, 1, 300), (2, 1, 1, 70),
          (40, 9, 9, 20)]
FLOATS = ["float32", "float64"]


def data(shape, dtype, centre=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x, g = rng.standard_normal(shape) + centre, rng.standard_normal(shape)
    scale, offset, mean, variance = rng.random((4, shape[3])) + .5
    return [a.astype(dtype) for a in (x, g, scale, offset, mean + centre, variance)]


def check_both(shape, dtype, training, centre=0.0):
    x, g, scale, offset, mean, variance = data(shape, dtype, centre)
    attrs = {"T": as_dtype(dtype), "epsilon": 1e-3, "is_training": training}
    if training:
        mean = variance = np.zeros(0, dtype)
    vectors = [shape[3:]] * 2
    inputs, shapes = [x, scale, offset, mean, variance], [shape, *vectors, *vectors]
    tolerance = 4e-6 if dtype == "float32" else 4e-14 * max(1, centre)
    bounds = {"rtol": tolerance, "atol": tolerance * (1 if training else max(1, centre))}
    agrees("FusedBatchNorm", inputs, shapes, [dtype] * 5, attrs, bounds)
    used = twin("FusedBatchNorm", attrs, inputs, shapes, [dtype] * 5)[3:]
    wanted = twin("FusedBatchNormGrad", attrs, [g, x, scale, *used], [shape, *vectors], [dtype] * 3)
    actual = run_call("FusedBatchNormGrad", attrs, [g, x, scale, *used], [shape, *vectors], [dtype] * 3)
    for a, w, terms in zip(actual, wanted, (1, x.size, x.size), strict=True):
        np.testing.assert_allclose(a, w, rtol=5 * tolerance, atol=5 * tolerance * (1 + terms ** .5))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", FLOATS)
def test_batch_norm(dtype, training):
    for shape in SHAPES:
        check_both(shape, dtype, training)


@pytest.mark.parametrize("dtype", FLOATS)
def test_a_large_mean_costs_no_digits(dtype):
    check_both((8, 14, 14, 33), dtype, True, centre=1000.0)
    x = data((40, 9, 9, 5), "float32", centre=1000.0)[0]
    nothing, one = np.zeros(0, "f4"), np.ones(5, "f4")
    attrs = {"T": as_dtype("float32"), "epsilon": 0.0, "is_training": True}
    _, _, variance, _, _ = run_call("FusedBatchNorm", attrs, [x, one, one, nothing, nothing], [x.shape] + [(5,)] * 4, ["float32"] * 5)
    np.testing.assert_allclose(variance, x.astype("f8").var((0, 1, 2), ddof=1), rtol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_a_batch_of_nothing(training):
    for shape in ((0, 2, 2, 3), (2, 2, 2, 0)):
        check_both(shape, "float32", training)


def test_nan_stays_in_its_channel():
    x, _, scale, offset, _, _ = data((3, 5, 5, 40), "float32")
    x[1, 2, 2, 7] = np.nan
    nothing = np.zeros(0, "f4")
    attrs = {"T": as_dtype("float32"), "epsilon": 1e-3, "is_training": True}
    y, mean, *_ = run_call("FusedBatchNorm", attrs, [x, scale, offset, nothing, nothing], [x.shape] + [(40,)] * 4, ["float32"] * 5)
    assert np.isnan(y).all((0, 1, 2)).nonzero()[0].tolist() == [7] and np.isnan(mean).nonzero()[0].tolist() == [7]


def cases(shape, training):
    x, g, scale, offset, mean, variance = data(shape, "float32")
    given = [np.zeros(0, "float32")] * 2 if training else [mean, variance]
    attrs, c = {"T": as_dtype("float32"), "epsilon": 1e-3, "is_training": training}, shape[3:]
    return [("FusedBatchNorm", attrs, [x, scale, offset, *given], [shape, c, c, c, c], ["float32"] * 5),
            ("FusedBatchNormGrad", attrs, [g, x, scale, mean, variance], [shape, c, c], ["float32"] * 3)]


CASES = [*cases((4, 9, 9, 33), True), *cases((4, 3, 3, 5), True), *cases((100, 4, 4, 3), True), *cases((4, 3, 3, 5), False)]


@pytest.mark.parametrize("k", range(len(CASES)))
def test_the_checker_has_nothing_to_say(k):
    for checked, plain in zip(run_call(*CASES[k], check=True), run_call(*CASES[k]), strict=True):
        np.testing.assert_allclose(checked, plain, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("radius", [0, 1, 5, 40])
def test_lrn(radius, dtype):
    tolerance = {"rtol": 4e-6, "atol": 4e-6} if dtype == "float32" else {"rtol": 1e-13, "atol": 1e-13}
    attrs = {"T": as_dtype(dtype), "depth_radius": radius, "bias": 1.5, "alpha": .3, "beta": .75}
    for shape in ((1, 1, 1, 1), (2, 3, 3, 7), (3, 5, 5, 64), (2, 0, 1, 4), (2, 2, 2, 0)):
        x, g, *_ = data(shape, dtype)
        agrees("LRN", [x], [shape], [dtype], attrs, tolerance)
        y, = twin("LRN", attrs, [x], [shape], [dtype])
        agrees("LRNGrad", [g, x, y], [shape], [dtype], attrs, tolerance, check=x.size < 200)
