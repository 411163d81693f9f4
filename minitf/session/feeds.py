"""From what a caller feeds to an array that a plan can read where it lies."""
from collections.abc import Mapping

import numpy as np

from ..core.dtypes import string
from ..core.strings import as_strings
from ..graph import Tensor


def fed_tensors(feed_dict, graph):
    """{tensor: value} of what a caller feeds; a tensor of several parts (IndexedSlices) takes a tuple, and each part becomes a feed.

    TypeError for what is no tensor of the graph, ValueError for one that may not be fed or is fed twice.
    """
    if feed_dict is not None and not isinstance(feed_dict, Mapping):
        raise TypeError(f"feed_dict must be a dictionary of tensors and values, got {type(feed_dict).__name__}")
    feeds = {}
    for fed, value in (feed_dict or {}).items():
        for key, part in _parts(fed, value) if hasattr(fed, "_fetch_parts") else ((fed, value),):
            try:
                tensor = graph.as_graph_element(key, allow_operation=False)
            except (ValueError, KeyError, TypeError) as error:
                raise TypeError(f"Cannot interpret feed_dict key as Tensor: {error.args[0] if error.args else error}") from None
            if not graph.is_feedable(tensor):
                raise ValueError(f"Tensor {tensor} may not be fed.")
            if tensor in feeds:
                raise ValueError(f"{tensor.name} is fed twice")
            feeds[tensor] = part
    return feeds


def _parts(fed, value):
    """[(tensor, value)] of a tensor of several parts; None for a part that is not there."""
    tensors, _ = fed._fetch_parts()
    tensors = [t for t in tensors if t is not None]
    values = [v for v in value if v is not None] if isinstance(value, tuple) else None
    if values is None or len(values) != len(tensors):
        raise ValueError(f"{fed} has the parts {', '.join(t.name for t in tensors)} and is fed with a tuple of as many values, got {str(value)[:60]}")
    return zip(tensors, values)


def array_of(tensor, value):
    """A fed value as an array that a plan can read where it lies; TypeError or ValueError if it can not be one."""
    if isinstance(value, Tensor):
        raise TypeError("The value of a feed cannot be a tf.Tensor object. Acceptable feed values include Python scalars, strings, lists, "
                        f"numpy ndarrays. (Fed for {tensor.name!r}.)")
    wanted = np.dtype(tensor.dtype.base_dtype.as_numpy_dtype)
    if tensor.dtype.base_dtype is string:
        try:
            array = as_strings(value)
        except TypeError as error:
            raise TypeError(f"Type of feed value {str(value)[:60]} is not compatible with Tensor type string of {tensor.name!r}: {error}") from None
        if not tensor.shape.is_compatible_with(array.shape):
            raise ValueError(f"Cannot feed value of shape {array.shape!r} for Tensor {tensor.name!r}, which has shape '{tensor.shape}'")
        return array
    try:
        array = np.asarray(value)
    except ValueError:
        raise ValueError(f"The value fed for {tensor.name!r} is not an array: its rows have different lengths") from None
    if array.dtype != wanted:
        is_number = array.dtype.kind in "biufc"
        if not is_number or array.dtype.kind == "f" and wanted.kind not in "fc" or array.dtype.kind == "c" and wanted.kind != "c" or wanted.kind == "b":
            if array.size or not is_number:
                raise TypeError(f"Type of feed value {str(value)[:60]} ({array.dtype}) is not compatible with Tensor type {tensor.dtype.name} of {tensor.name!r}."
                                + (" Nothing that could lose a part of a value is cast silently; value.astype does it." if is_number else ""))
        cast = array.astype(wanted)
        if wanted.kind in "iu" and array.size and not np.array_equal(cast, array):
            raise TypeError(f"Type of feed value {str(value)[:60]} is not compatible with Tensor type {tensor.dtype.name} of {tensor.name!r}: it does not fit. "
                            "Try explicitly setting the type of the feed tensor to a larger type (e.g. int64).")
        array = cast
    if not tensor.shape.is_compatible_with(array.shape):
        raise ValueError(f"Cannot feed value of shape {array.shape!r} for Tensor {tensor.name!r}, which has shape '{tensor.shape}'")
    return np.require(array, wanted, ["C", "A"]).reshape(array.shape)
