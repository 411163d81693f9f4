"""Gradients of segment reductions.  `Segments` says how an op's rows go to segments and back; the rules are then those of reductions."""
from ..core.registry import register_gradient
from ..ops import array_ops, logical_ops, math_ops, segment_ops
from ..ops.apply import apply_op


class Segments:
    """The segments of a sorted op."""

    def __init__(self, op):
        self.ids = op.inputs[1]

    def spread(self, x):
        """For each row of the data the row of x that belongs to its segment."""
        return apply_op("Gather", x, self.ids)

    def sum(self, x):
        return segment_ops.segment_sum(x, self.ids)

    def prod(self, x):
        return segment_ops.segment_prod(x, self.ids)


class UnsortedSegments:
    """The segments of an unsorted op; slices with negative ids are in none, and get zeros back."""

    def __init__(self, op):
        self.data, self.ids, self.num = op.inputs

    def spread(self, x):
        kept = math_ops.cast(logical_ops.greater_equal(self.ids, 0), x.dtype.base_dtype)
        return apply_op("Gather", x, math_ops.maximum(self.ids, 0)) * segment_ops.as_column(kept, self.data)

    def sum(self, x):
        return segment_ops.unsorted_segment_sum(x, self.ids, self.num)

    def prod(self, x):
        return segment_ops.unsorted_segment_prod(x, self.ids, self.num)


@register_gradient("SegmentSum")
def _segment_sum(op, grad):
    return Segments(op).spread(grad), None


@register_gradient("UnsortedSegmentSum")
def _unsorted_segment_sum(op, grad):
    return UnsortedSegments(op).spread(grad), None, None


@register_gradient("SegmentMean")
def _segment_mean(op, grad):
    count = Segments(op).sum(array_ops.ones_like(op.inputs[1], grad.dtype.base_dtype))
    return Segments(op).spread(math_ops.realdiv(grad, segment_ops.as_column(math_ops.maximum(count, 1), grad))), None


@register_gradient("SegmentMin")
@register_gradient("SegmentMax")
def _segment_extreme(op, grad):
    return _to_extremes(op, grad, Segments(op)), None


@register_gradient("UnsortedSegmentMin")
@register_gradient("UnsortedSegmentMax")
def _unsorted_segment_extreme(op, grad):
    return _to_extremes(op, grad, UnsortedSegments(op)), None, None


def _to_extremes(op, grad, segments):
    """grad goes to the elements that are the extreme; several share it equally."""
    chosen = math_ops.cast(logical_ops.equal(op.inputs[0], segments.spread(op.outputs[0])), grad.dtype.base_dtype)
    ties = math_ops.maximum(segments.sum(chosen), 1)
    return chosen * segments.spread(math_ops.realdiv(grad, ties))


@register_gradient("SegmentProd")
def _segment_prod(op, grad):
    return _by_others(op, grad, Segments(op)), None


@register_gradient("UnsortedSegmentProd")
def _unsorted_segment_prod(op, grad):
    return _by_others(op, grad, UnsortedSegments(op)), None, None


def _by_others(op, grad, segments):
    """grad times the product of the segment's other elements: of the nonzero ones, divided by the element itself.

    Its own derivative is right where no element is zero.
    """
    x = op.inputs[0]
    is_zero = logical_ops.equal(x, 0.0)
    zeros = math_ops.cast(is_zero, x.dtype.base_dtype)
    nonzero = logical_ops.where(is_zero, array_ops.ones_like(x), x)
    count = segments.spread(segments.sum(zeros))
    others = math_ops.realdiv(segments.spread(segments.prod(nonzero)), nonzero)
    counts = math_ops.cast(logical_ops.equal(count, zeros), x.dtype.base_dtype)     # no zero, or this one alone
    return segments.spread(grad) * others * counts
