"""Random kernels: the published vectors of Philox, the stream's bookkeeping, and the distributions."""
import numpy as np
import pytest
from scipy import stats

from minitf.core.errors import InvalidArgumentError
from minitf.core.resources import RandomState
from minitf.kernels.cpu import random
from minitf.kernels.cpu.kernel import run_kernel

FLOATS = [np.float32, np.float64]
INTS = [np.int32, np.int64]
KERNELS = [random.RandomUniform, random.RandomStandardNormal, random.TruncatedNormal]


def stream(key=1):
    return RandomState("random", key)


def draw(kernel, shape, dtype, state=None, *bounds):
    shape = np.atleast_1d(np.array(shape, np.int32))
    inputs = [shape, *[dtype(b) for b in bounds]]
    return run_kernel(kernel, {"_state": state or stream(), "dtype": dtype}, inputs, [tuple(shape)], [dtype])[0]


@pytest.mark.parametrize("counter, key, words", [
    ([0, 0, 0, 0], [0, 0], "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    ([0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344], [0xA4093822, 0x299F31D0], "d16cfe09 94fdcceb 5001e420 24126ea1")])
def test_published_vectors(counter, key, words):
    """kat_vectors of Random123, the authors' library."""
    def join(parts):
        return sum(part << 32 * i for i, part in enumerate(parts))
    assert " ".join(f"{w:08x}" for w in random.philox_block(join(key), join(counter))) == words


def test_uniform_is_the_upper_bits_of_the_words():
    words = [w for b in range(3) for w in random.philox_block(7, b)]
    np.testing.assert_array_equal(draw(random.RandomUniform, 11, np.float32, stream(7)), np.array(words[:11], np.uint32) // 256 / np.float32(2 ** 24))
    wide = np.array([words[2 * i] | words[2 * i + 1] << 32 for i in range(5)], np.uint64)
    np.testing.assert_array_equal(draw(random.RandomUniform, 5, np.float64, stream(7)), (wide >> np.uint64(11)) / 2.0 ** 53)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_an_element_depends_on_its_place_alone(kernel, dtype):
    whole = draw(kernel, 1000, dtype)
    for n in (0, 1, 2, 31, 63, 64, 65, 500):
        np.testing.assert_array_equal(draw(kernel, n, dtype), whole[:n])
    np.testing.assert_array_equal(draw(kernel, (10, 100), dtype).ravel(), whole)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_a_stream_goes_on(kernel, dtype):
    whole = draw(kernel, 1000, dtype)
    state = stream()
    parts = [draw(kernel, n, dtype, state) for n in (4, 96, 0, 60, 840)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert state.position == 1000 * np.dtype(dtype).itemsize // 16


def test_a_started_block_is_used_up():
    state = stream()
    draw(random.RandomUniform, 5, np.float32, state)
    assert state.position == 2
    np.testing.assert_array_equal(draw(random.RandomUniform, 4, np.float32, state), draw(random.RandomUniform, 12, np.float32)[8:])


@pytest.mark.parametrize("dtype", FLOATS)
def test_uniform(dtype):
    x = draw(random.RandomUniform, 200_000, dtype)
    assert x.min() >= 0 and x.max() < 1
    assert stats.kstest(x, "uniform").pvalue > 1e-4
    assert abs(x.mean() - 0.5) < 5 * np.sqrt(1 / 12 / x.size)


@pytest.mark.parametrize("dtype", FLOATS)
def test_normal(dtype):
    x = draw(random.RandomStandardNormal, 200_000, dtype)
    assert stats.kstest(x, "norm").pvalue > 1e-4
    for power, moment, variance in [(1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)]:
        assert abs((x.astype(np.float64) ** power).mean() - moment) < 5 * np.sqrt(variance / x.size)
    assert abs(x).max() > 4


@pytest.mark.parametrize("dtype", FLOATS)
def test_truncated_normal(dtype):
    x = draw(random.TruncatedNormal, 200_000, dtype)
    assert abs(x).max() < 2
    assert stats.kstest(x, stats.truncnorm(-2, 2).cdf).pvalue > 1e-4
    same = draw(random.RandomStandardNormal, 200_000, dtype)
    np.testing.assert_array_equal(x[abs(same) < 2], same[abs(same) < 2])


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_no_correlation(kernel, dtype):
    x = draw(kernel, 1 << 17, dtype).astype(np.float64)
    x -= x.mean()
    for lag in (1, 2, 3, 4, 16, 32, 64, 128):
        assert abs(np.dot(x[lag:], x[:-lag]) / np.dot(x, x)) < 5 / np.sqrt(x.size), lag
    squares = x * x - (x * x).mean()
    for lag in (1, 2, 4):
        assert abs(np.dot(squares[lag:], squares[:-lag]) / np.dot(squares, squares)) < 5 / np.sqrt(x.size), lag
    other = draw(kernel, 1 << 17, dtype, stream(2)).astype(np.float64)
    assert abs(np.corrcoef(x, other)[0, 1]) < 5 / np.sqrt(x.size)


def test_float32_normals_are_as_good_as_the_formula():
    words = np.array([random.philox_block(1, b) for b in range(2000)], np.float64).reshape(-1, 2)
    radius = np.sqrt(-2 * np.log((words[:, 0] + 0.5) / 2 ** 32))
    x = draw(random.RandomStandardNormal, words.size, np.float32).astype(np.float64).reshape(-1, 2)
    np.testing.assert_allclose(np.hypot(x[:, 0], x[:, 1]), radius, rtol=1e-6, atol=4e-4)         # near 1, floats are 2^-24 apart
    far = radius > 0.1
    np.testing.assert_allclose(np.hypot(x[far, 0], x[far, 1]), radius[far], rtol=1e-5)
    angle = np.arctan2(x[:, 1], x[:, 0]) / (2 * np.pi)
    signed = words[:, 1] * 4 % 2 ** 32
    turn = np.floor(words[:, 1] / 2 ** 30) / 4 + (signed - 2 ** 32 * (signed >= 2 ** 31)) / 2 ** 34
    difference = (angle - turn + 0.5) % 1 - 0.5
    np.testing.assert_allclose(difference, 0, atol=1e-6)


@pytest.mark.parametrize("dtype", INTS)
@pytest.mark.parametrize("low, high", [(0, 1), (0, 2), (-3, 7), (5, 1000), (-2 ** 31, 2 ** 31 - 1)])
def test_uniform_int(dtype, low, high):
    x = draw(random.RandomUniformInt, 100_000, dtype, None, low, high).astype(np.int64)
    assert x.min() >= low and x.max() < high
    if high - low <= 1000:
        counts = np.bincount(x - low, minlength=high - low)
        assert stats.chisquare(counts).pvalue > 1e-4 if high - low > 1 else (x == low).all()
    else:
        assert stats.kstest((x - low) / (high - low), "uniform").pvalue > 1e-4


def test_uniform_int_over_three_quarters_of_int64_is_not_biased():
    """Without drawing again, a third of these numbers would be twice as likely as the others."""
    low, span = -2 ** 63, 3 * 2 ** 62
    x = draw(random.RandomUniformInt, 60_000, np.int64, None, low, low + span)
    counts = np.bincount(((x.astype(object) - low) * 12 // span).astype(np.int64), minlength=12)
    assert stats.chisquare(counts).pvalue > 1e-4
    thirds = np.bincount(((x.astype(object) - low) % 3).astype(np.int64), minlength=3)
    assert stats.chisquare(thirds).pvalue > 1e-4
    for n in (1, 31, 32, 33):
        np.testing.assert_array_equal(draw(random.RandomUniformInt, n, np.int64, None, low, low + span), x[:n])


def test_uniform_int_of_nothing():
    with pytest.raises(InvalidArgumentError, match="Need minval < maxval, got 3 >= 3"):
        draw(random.RandomUniformInt, 4, np.int32, None, 3, 3)


@pytest.mark.parametrize("kernel", KERNELS)
def test_runs_of_a_kernel_do_not_repeat(kernel):
    state = stream()
    a, b = (draw(kernel, 64, np.float32, state) for _ in range(2))
    assert not np.intersect1d(a, b).size
