"""Counting with NumPy."""
import numpy as np

from ...core.errors import InvalidArgumentError
from .kernel import register_python_kernel


@register_python_kernel("Bincount")
def bincount(attrs, arr, size, weights):
    if arr.size and arr.min() < 0:
        raise InvalidArgumentError(None, None, "Input arr must be non-negative!")
    if weights.size and weights.shape != arr.shape:
        raise InvalidArgumentError(None, None, f"weights must have the shape of arr, {list(arr.shape)}, or be empty; got {list(weights.shape)}")
    return _sums(arr.ravel(), size, weights.ravel())


def _sums(places, size, weights):
    """For each place below `size` the sum of its weights; without weights how often it stands there."""
    total = np.zeros(max(0, int(size)), weights.dtype)
    kept = places < size
    np.add.at(total, places[kept], weights[kept] if weights.size else 1)
    return total


@register_python_kernel("HistogramFixedWidth")
def histogram_fixed_width(attrs, values, value_range, nbins):
    low, high = value_range.tolist()
    if nbins <= 0:
        raise InvalidArgumentError(None, None, f"nbins should be a positive number, but got '{nbins}'")
    if not low < high:
        raise InvalidArgumentError(None, None, f"value_range should satisfy value_range[0] < value_range[1], but got '[{low}, {high}]'")
    step = (high - low) / int(nbins)
    places = np.clip(np.floor((values.ravel() - low) / step), 0, nbins - 1)
    return np.bincount(places.astype(np.int64), minlength=int(nbins))


@register_python_kernel("_ConfusionMatrix")
def confusion_matrix(attrs, labels, predictions, num_classes, weights):
    n = int(num_classes)
    if labels.shape != predictions.shape or weights.size and weights.shape != labels.shape:
        raise InvalidArgumentError(None, None, f"labels, predictions and weights must have one shape, got {list(labels.shape)}, "
                                   f"{list(predictions.shape)} and {list(weights.shape)}")
    for name, classes in (("labels", labels), ("predictions", predictions)):
        if classes.size and classes.min() < 0:
            raise InvalidArgumentError(None, None, f"`{name}` contains negative values: {classes.min()}")
        if classes.size and classes.max() >= n:
            raise InvalidArgumentError(None, None, f"`{name}` out of bound: {classes.max()}, of {n} classes")
    return _sums(labels * n + predictions, n * n, weights).reshape(n, n)
