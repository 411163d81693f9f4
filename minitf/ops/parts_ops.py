"""Sorting slices into parts and putting them together again, and comparing vectors as sets."""
from ..core.dtypes import as_dtype, int32
from ..core.registry import register_op
from ..core.shapes import TensorShape
from .apply import apply_op
from .shape_fns import INDEX, UNKNOWN, argument, merge_dims, show, with_rank


@register_op("DynamicPartition", ["data: T", "partitions: int32"], ["outputs: num_partitions * T"], ["num_partitions: int >= 1", "T: type"], is_dynamic=True)
def dynamic_partition_shape(c):
    data, parts = c.inputs
    if data.ndims is None or parts.ndims is None:
        return [UNKNOWN] * c.attrs["num_partitions"]
    if parts.ndims > data.ndims:
        raise ValueError(f"data must have at least the dimensions of partitions for {argument(c, 0)}, {argument(c, 1)}")
    for m, n in zip(data.tuple, parts.tuple):
        merge_dims(c, m, n, 0, 1)
    return [TensorShape((None,) + data.tuple[parts.ndims:])] * c.attrs["num_partitions"]


@register_op("DynamicStitch", ["indices: N * int32", "data: N * T"], ["merged: T"], ["N: int >= 1", "T: type"])
def dynamic_stitch_shape(c):
    n, tail, rows = len(c.inputs) // 2, None, 0
    for i in range(n):
        indices, data = c.inputs[i], c.inputs[n + i]
        value = c.constant(i)
        rows = None if rows is None or value is None else max(rows, int(value.max()) + 1 if value.size else 0)
        if indices.ndims is None or data.ndims is None:
            continue
        if indices.ndims > data.ndims or not TensorShape(data.tuple[:indices.ndims]).is_compatible_with(indices):
            raise ValueError(f"data[{i}].shape must start with indices[{i}].shape: {show(data)} and {show(indices)}")
        own = TensorShape(data.tuple[indices.ndims:])
        if tail is not None and not tail.is_compatible_with(own):
            raise ValueError(f"Need data[0].shape[{c.inputs[0].ndims}:] = data[{i}].shape[{indices.ndims}:], got {show(tail)} and {show(own)}")
        tail = own if tail is None else tail.merge_with(own)
    return [UNKNOWN if tail is None else TensorShape((rows,) + tail.tuple)]


@register_op("ListDiff", ["x: T", "y: T"], ["out: T", "idx: out_idx"], ["T: type", f"out_idx: {INDEX} = int32"], is_dynamic=True)
def list_diff_shape(c):
    with_rank(c, 0, 1)
    with_rank(c, 1, 1)
    return [[None], [None]]


@register_op("UniqueWithCounts", ["x: T"], ["y: T", "idx: out_idx", "count: out_idx"], ["T: type", f"out_idx: {INDEX} = int32"], is_dynamic=True)
def unique_with_counts_shape(c):
    return [TensorShape([None]), TensorShape(with_rank(c, 0, 1)), TensorShape([None])]


def dynamic_partition(data, partitions, num_partitions, name=None):
    """A list of num_partitions tensors: number k holds the slices data[i...] with partitions[i...] == k, in order.

    partitions: int32, with the shape of data's first dimensions; a number outside [0, num_partitions) is an InvalidArgumentError in the run.

    >>> tf.dynamic_partition([10, 20, 30], [1, 0, 1], 2)         # [[20], [10, 30]]
    """
    result = apply_op("DynamicPartition", data, partitions, num_partitions=num_partitions, name=name)
    return result if isinstance(result, list) else [result]


def dynamic_stitch(indices, data, name=None):
    """merged[indices[m][i...]] = data[m][i...]: the lists' slices put at the places that the lists of indices say.

    merged has one row more than the greatest index.  Of slices put at one place the last is kept; a place that none is put at is 0.

    >>> tf.dynamic_stitch([[1], [0, 2]], [[20], [10, 30]])       # [10, 20, 30]
    """
    return apply_op("DynamicStitch", list(indices), list(data), name=name)


def setdiff1d(x, y, index_dtype=int32, name=None):
    """(out, idx): the elements of the vector x that are not in the vector y, in order, and their places in x."""
    return tuple(apply_op("ListDiff", x, y, out_idx=as_dtype(index_dtype), name=name))


listdiff = setdiff1d


def unique_with_counts(x, out_idx=int32, name=None):
    """(y, idx, count): the distinct elements of a vector in order of first appearance, the place of each element in y, and how often each occurs."""
    return tuple(apply_op("UniqueWithCounts", x, out_idx=as_dtype(out_idx), name=name))
