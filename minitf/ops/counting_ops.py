"""Counting: nonzero elements, whole numbers, values by range, and pairs of classes."""
from ..core.dtypes import as_dtype, float64, int32, int64
from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import convert_to_tensor, name_scope
from . import array_ops, check_ops, clip_ops, control_ops, logical_ops, math_ops, reduction_ops, segment_ops
from .apply import apply_op
from .constant_op import constant
from .shape_fns import NUMBER, with_rank


def _vector_of_size(c, i):
    with_rank(c, i, 0)
    size = c.constant(i)
    if size is not None and size < 0:
        raise ValueError(f"The number of bins must not be negative, got {size}")
    return [TensorShape([None if size is None else int(size)])]


@register_op("Bincount", ["arr: int32", "size: int32", "weights: T"], ["bins: T"], [f"T: {NUMBER}"])
def bincount_shape(c):
    return _vector_of_size(c, 1)


@register_op("HistogramFixedWidth", ["values: T", "value_range: T", "nbins: int32"], ["out: dtype"], [f"T: {NUMBER}", "dtype: {int32, int64} = int32"])
def histogram_shape(c):
    if with_rank(c, 1, 1)[0] not in (2, None):
        raise ValueError(f"value_range must have 2 elements, got shape {c.inputs[1]}")
    return _vector_of_size(c, 2)


def count_nonzero(input_tensor, axis=None, keepdims=None, dtype=int64, name=None, reduction_indices=None, keep_dims=None):
    """How many elements are not 0 (or are True), over `axis` as in reduce_sum.

    >>> tf.count_nonzero([[0, 1, 0], [1, 1, 0]], 1)            # [1, 2]
    """
    keep = array_ops.either("keepdims", keepdims, "keep_dims", keep_dims, False)
    axis = array_ops.either("axis", axis, "reduction_indices", reduction_indices, None)
    with name_scope(name, "count_nonzero", [input_tensor]) as name:
        x = convert_to_tensor(input_tensor, name="input_tensor")
        is_there = x if x.dtype.is_bool else logical_ops.not_equal(x, array_ops.zeros([], x.dtype.base_dtype))
        total = reduction_ops.reduce_sum(math_ops.cast(is_there, int64), axis, keep)
        return array_ops.identity(math_ops.cast(total, dtype), name=name)


def bincount(arr, weights=None, minlength=None, maxlength=None, dtype=int32, name=None):
    """How often each number 0, 1, ... stands in `arr`, up to the greatest; or the sums of its places' weights.

    arr        int32, of any shape; InvalidArgumentError in the run if a number is negative
    weights    of the shape of arr; the result has its dtype, else `dtype`
    minlength  at least so many bins
    maxlength  at most so many; greater numbers are not counted

    >>> tf.bincount([1, 1, 3])             # [0, 2, 0, 1]
    """
    with name_scope(name, "bincount", [arr, weights]) as name:
        arr = convert_to_tensor(arr, dtype=int32, name="arr")
        filled = math_ops.cast(logical_ops.greater(array_ops.size(arr), 0), int32)
        size = filled * (reduction_ops.reduce_max(arr) + 1)
        if minlength is not None:
            size = math_ops.maximum(size, convert_to_tensor(minlength, dtype=int32, name="minlength"))
        if maxlength is not None:
            size = math_ops.minimum(size, convert_to_tensor(maxlength, dtype=int32, name="maxlength"))
        weights = constant([], as_dtype(dtype)) if weights is None else weights
        return apply_op("Bincount", arr, size, weights, name=name)


def histogram_fixed_width(values, value_range, nbins=100, dtype=int32, name=None):
    """How many values lie in each of `nbins` bins of equal width between value_range[0] and value_range[1].

    What lies below counts for the first bin, what lies above for the last.  InvalidArgumentError in the run for an empty range.

    >>> tf.histogram_fixed_width([-1.0, 0.0, 1.5, 2.0, 5.0, 15.0], [0.0, 5.0], nbins=5)        # [2, 1, 1, 0, 2]
    """
    return apply_op("HistogramFixedWidth", values, value_range, nbins, dtype=dtype, name=name or "histogram_fixed_width")


def histogram_fixed_width_bins(values, value_range, nbins=100, dtype=int32, name=None):
    """For each value the number of its bin, as histogram_fixed_width has them."""
    with name_scope(name, "histogram_fixed_width_bins", [values, value_range, nbins]) as name:
        values = convert_to_tensor(values, name="values")
        own = values.dtype.base_dtype
        value_range = convert_to_tensor(value_range, dtype=own, name="value_range")
        wide = own if own.is_floating else float64
        low, high = math_ops.cast(value_range[0], wide), math_ops.cast(value_range[1], wide)
        nbins = math_ops.cast(convert_to_tensor(nbins, dtype=int32, name="nbins"), wide)
        place = math_ops.floor(nbins * math_ops.realdiv(math_ops.cast(values, wide) - low, high - low))
        place = clip_ops.clip_by_value(place, 0.0, nbins - 1.0)
        return array_ops.identity(math_ops.cast(place, dtype), name=name)


def confusion_matrix(labels, predictions, num_classes=None, dtype=int32, name=None, weights=None):
    """Element [i, j] is how many predictions j were made for labels i, or the sum of their weights.

    labels, predictions  vectors of classes, 0 <= class < num_classes; InvalidArgumentError in the run otherwise
    num_classes          by default one more than the greatest class

    >>> tf.confusion_matrix([1, 2, 4], [2, 2, 4])              # 5 x 5, ones at [1, 2], [2, 2] and [4, 4]
    """
    with name_scope(name, "confusion_matrix", [predictions, labels, num_classes, weights]) as name:
        labels, predictions = (math_ops.cast(convert_to_tensor(v, name=n), int64) for v, n in ((labels, "labels"), (predictions, "predictions")))
        if labels.get_shape().ndims not in (1, None) or predictions.get_shape().ndims not in (1, None):
            raise ValueError(f"labels and predictions must be vectors, got shapes {labels.get_shape()} and {predictions.get_shape()}")
        labels.get_shape().assert_is_compatible_with(predictions.get_shape())
        checks = [check_ops.assert_non_negative(v, message=f"`{n}` contains negative values") for v, n in ((labels, "labels"), (predictions, "predictions"))]
        if num_classes is None:
            num_classes = math_ops.maximum(reduction_ops.reduce_max(labels), reduction_ops.reduce_max(predictions)) + 1
        else:
            num_classes = math_ops.cast(num_classes, int64)
            checks += [check_ops.assert_less(v, num_classes, message=f"`{n}` out of bound") for v, n in ((labels, "labels"), (predictions, "predictions"))]
        weights = array_ops.ones_like(predictions, dtype) if weights is None else math_ops.cast(weights, dtype)
        places = control_ops.with_dependencies(checks, labels * num_classes + predictions)
        total = segment_ops.unsorted_segment_sum(weights, places, math_ops.cast(num_classes * num_classes, int32))
        return array_ops.reshape(total, apply_op("Pack", [num_classes, num_classes]), name=name)
