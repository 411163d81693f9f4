"""Kernels for random numbers that are seldom drawn, written with NumPy.

Each run takes one block of the op's stream (random.pyx): its number and the stream's key make a generator of NumPy's, so that what is
drawn depends on the seeds and on how often the op has run.
"""
import numpy as np

from ...core.errors import InvalidArgumentError
from .kernel import register_python_kernel
from .random import take_block


def _generator(attrs):
    key, number = take_block(attrs["_state"])
    return np.random.Generator(np.random.Philox(key=key, counter=number << 64))


@register_python_kernel("RandomShuffle", strings=True)
def random_shuffle(attrs, value):
    """The slices of the first dimension in random order."""
    return value[_generator(attrs).permutation(len(value))] if value.ndim else value


@register_python_kernel("Multinomial")
def multinomial(attrs, logits, num_samples):
    """[batch, num_samples]: classes drawn with probabilities softmax(logits), by inverting their running sums."""
    if num_samples < 0:
        raise InvalidArgumentError(None, None, f"num_samples should be nonnegative, got {num_samples}")
    rows, classes = logits.shape
    if rows and classes == 0 and num_samples:
        raise InvalidArgumentError(None, None, "num_classes should be positive, got 0")
    draws = _generator(attrs).random((rows, int(num_samples)))
    weights = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True, initial=-np.inf))
    sums = weights.cumsum(1)
    places = [np.searchsorted(row, d * row[-1], side="right") for row, d in zip(sums, draws)]
    # A draw that rounding lifts to the sum itself is the last class that has a weight.
    return np.array([np.minimum(p, np.flatnonzero(w).max(initial=0)) for p, w in zip(places, weights)], np.int64).reshape(draws.shape)


@register_python_kernel("RandomGamma")
def random_gamma(attrs, shape, alpha):
    if (alpha < 0).any():
        raise InvalidArgumentError(None, None, f"alpha must not be negative, got {alpha.min()}")
    return _generator(attrs).standard_gamma(alpha, (*shape.tolist(), *alpha.shape))


@register_python_kernel("RandomPoisson")
def random_poisson(attrs, shape, rate):
    if not (rate >= 0).all():
        raise InvalidArgumentError(None, None, "rate must not be negative or NaN")
    return _generator(attrs).poisson(rate, (*shape.tolist(), *rate.shape))


@register_python_kernel("OrthonormalColumns")
def orthonormal_columns(attrs, x):
    """The Q of a QR factorisation, with the signs for which R's diagonal is positive: of a random normal matrix it is uniform."""
    q, r = np.linalg.qr(x)
    return q * np.where(np.diag(r) < 0, -1, 1)
