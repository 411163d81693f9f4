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
    total = np.zeros(max(0, int(size)), weights.dtype)
    kept = arr < size
    np.add.at(total, arr[kept], weights[kept] if weights.size else 1)
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
