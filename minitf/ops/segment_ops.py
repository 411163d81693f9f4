"""Sums, means, products and extremes of rows that belong together: segments, given by a number for each row."""
import numpy as np

from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import convert_to_tensor, name_scope
from . import array_ops, gather_ops, math_ops, slice_ops
from .apply import apply_op
from .shape_fns import INDEX, REAL, UNKNOWN, argument, at_least, merge_dims, with_rank


def segment_shape(c):
    """Rows 0 up to the last number, which the sorted ids end with."""
    dims, ids = at_least(c, 0, 1), with_rank(c, 1, 1)
    if dims is None:
        return [UNKNOWN]
    merge_dims(c, dims[0], ids[0], 0, 1)
    known = c.constant(1)
    rows = None
    if known is not None:
        if (np.diff(known) < 0).any():
            raise ValueError(f"segment ids are not increasing: {known.tolist()}")
        if known.size and known[0] < 0:
            raise ValueError(f"segment ids must be >= 0: {known.tolist()}")
        rows = int(known[-1]) + 1 if known.size else 0
    return [TensorShape([rows] + dims[1:])]


def unsorted_segment_shape(c):
    data, ids = c.inputs[:2]
    with_rank(c, 2, 0)
    num = c.constant(2)
    if num is not None and num < 0:
        raise ValueError(f"num_segments must not be negative, got {num}")
    if data.ndims is None or ids.ndims is None:
        return [UNKNOWN]
    if ids.ndims > data.ndims:
        raise ValueError(f"data must have at least the dimensions of segment_ids for {argument(c, 0)}, {argument(c, 1)}")
    for m, n in zip(data.tuple, ids.tuple):
        merge_dims(c, m, n, 0, 1)
    return [TensorShape((None if num is None else int(num),) + data.tuple[ids.ndims:])]


for _name in ("Sum", "Mean", "Prod", "Min", "Max"):
    register_op(f"Segment{_name}", ["data: T", "segment_ids: Tindices"], ["output: T"], [f"T: {REAL}", f"Tindices: {INDEX}"],
                is_dynamic=True)(segment_shape)
for _name in ("Sum", "Prod", "Min", "Max"):
    register_op(f"UnsortedSegment{_name}", ["data: T", "segment_ids: Tindices", "num_segments: int32"], ["output: T"],
                [f"T: {REAL}", f"Tindices: {INDEX}"])(unsorted_segment_shape)


def segment_sum(data, segment_ids, name=None):
    """Row i of the result is the sum of the rows of `data` whose segment id is i; zeros where there is none.

    segment_ids  a vector, one id >= 0 for each row, ascending; an InvalidArgumentError in the run otherwise

    >>> tf.segment_sum([[1, 2], [3, 4], [5, 6]], [0, 0, 2])        # [[4, 6], [0, 0], [5, 6]]
    """
    return apply_op("SegmentSum", data, segment_ids, name=name)


def segment_mean(data, segment_ids, name=None):
    """The means of segments, as segment_sum; of integers truncated.  Of no rows: 0."""
    return apply_op("SegmentMean", data, segment_ids, name=name)


def segment_prod(data, segment_ids, name=None):
    """The products of segments, as segment_sum.  Of no rows: 1."""
    return apply_op("SegmentProd", data, segment_ids, name=name)


def segment_min(data, segment_ids, name=None):
    """The least elements of segments, as segment_sum.  Of no rows: 0."""
    return apply_op("SegmentMin", data, segment_ids, name=name)


def segment_max(data, segment_ids, name=None):
    """The greatest elements of segments, as segment_sum.  Of no rows: 0."""
    return apply_op("SegmentMax", data, segment_ids, name=name)


def unsorted_segment_sum(data, segment_ids, num_segments, name=None):
    """Row i of the result is the sum of the slices of `data` whose segment id is i; zeros where there is none.

    segment_ids has the shape of the first dimensions of `data`.  A negative id drops its slice, as in TensorFlow since 1.9.
    """
    return apply_op("UnsortedSegmentSum", data, segment_ids, num_segments, name=name)


def unsorted_segment_prod(data, segment_ids, num_segments, name=None):
    """Products, as unsorted_segment_sum.  Of nothing: 1."""
    return apply_op("UnsortedSegmentProd", data, segment_ids, num_segments, name=name)


def unsorted_segment_min(data, segment_ids, num_segments, name=None):
    """The least elements, as unsorted_segment_sum.  Of nothing: the highest finite value there is."""
    return apply_op("UnsortedSegmentMin", data, segment_ids, num_segments, name=name)


def unsorted_segment_max(data, segment_ids, num_segments, name=None):
    """The greatest elements, as unsorted_segment_sum.  Of nothing: the lowest finite value there is."""
    return apply_op("UnsortedSegmentMax", data, segment_ids, num_segments, name=name)


def unsorted_segment_mean(data, segment_ids, num_segments, name=None):
    """Means, as unsorted_segment_sum.  Of nothing: 0."""
    with name_scope(name, "UnsortedSegmentMean", [data, segment_ids, num_segments]) as name:
        total, count = _unsorted_parts(data, segment_ids, num_segments)
        return math_ops.realdiv(total, count, name=name)


def unsorted_segment_sqrt_n(data, segment_ids, num_segments, name=None):
    """Sums divided by the square roots of the numbers of slices, as unsorted_segment_sum.  Of nothing: 0."""
    with name_scope(name, "UnsortedSegmentSqrtN", [data, segment_ids, num_segments]) as name:
        total, count = _unsorted_parts(data, segment_ids, num_segments)
        return math_ops.realdiv(total, math_ops.sqrt(count), name=name)


def sparse_segment_sum(data, indices, segment_ids, name=None, num_segments=None):
    """segment_sum of the rows of `data` that `indices` lists.

    num_segments  how many rows the result has; by default one more than the last id

    >>> tf.sparse_segment_sum([[1, 2], [3, 4], [5, 6]], [0, 2], [0, 0])        # [[6, 8]]
    """
    with name_scope(name, "SparseSegmentSum", [data, indices, segment_ids, num_segments]) as name:
        return _segment_sum(gather_ops.gather(data, indices), segment_ids, num_segments, name)


def sparse_segment_mean(data, indices, segment_ids, name=None, num_segments=None):
    """segment_mean of the rows of `data` that `indices` lists, as sparse_segment_sum."""
    with name_scope(name, "SparseSegmentMean", [data, indices, segment_ids, num_segments]) as name:
        total, count = _sparse_parts(data, indices, segment_ids, num_segments)
        return math_ops.realdiv(total, count, name=name)


def sparse_segment_sqrt_n(data, indices, segment_ids, name=None, num_segments=None):
    """sparse_segment_sum divided by the square roots of the numbers of rows."""
    with name_scope(name, "SparseSegmentSqrtN", [data, indices, segment_ids, num_segments]) as name:
        total, count = _sparse_parts(data, indices, segment_ids, num_segments)
        return math_ops.realdiv(total, math_ops.sqrt(count), name=name)


def _segment_sum(rows, segment_ids, num_segments, name=None):
    if num_segments is None:
        return segment_sum(rows, segment_ids, name)
    return unsorted_segment_sum(rows, segment_ids, num_segments, name)


def _unsorted_parts(data, segment_ids, num_segments):
    """(sums, numbers of slices) of segments, such that one can be divided by the other."""
    data, segment_ids = convert_to_tensor(data, name="data"), convert_to_tensor(segment_ids, name="segment_ids")
    total = unsorted_segment_sum(data, segment_ids, num_segments)
    count = unsorted_segment_sum(array_ops.ones_like(segment_ids, data.dtype.base_dtype), segment_ids, num_segments)
    return total, as_column(math_ops.maximum(count, 1), total)


def _sparse_parts(data, indices, segment_ids, num_segments):
    rows, segment_ids = gather_ops.gather(data, indices), convert_to_tensor(segment_ids, name="segment_ids")
    total = _segment_sum(rows, segment_ids, num_segments)
    count = _segment_sum(array_ops.ones_like(segment_ids, rows.dtype.base_dtype), segment_ids, num_segments)
    return total, as_column(math_ops.maximum(count, 1), total)


def as_column(x, like):
    """x, of the shape of the first dimensions of `like`, with dimensions of size 1 added, so that it broadcasts against it."""
    rank, own = like.get_shape().ndims, x.get_shape().ndims
    if rank is not None and own is not None:
        for _ in range(rank - own):
            x = array_ops.expand_dims(x, -1)
        return x
    ones = array_ops.fill(array_ops.reshape(array_ops.rank(like) - array_ops.rank(x), [1]), 1)
    return array_ops.reshape(x, slice_ops.concat([array_ops.shape(x), ones], 0))
