"""Undoing what broadcasting and reduction did to a shape.

Everything that is known before the graph runs is worked out here, so that the usual graph needs no ops on shapes; the rest is
left to BroadcastGradientArgs and Shape.
"""
import numpy as np

from ..core.swap import swappable
from ..graph import constant_value
from ..ops import array_ops, math_ops, reduction_ops, sequence_ops
from ..ops.apply import apply_op


def shape_of(tensor):
    """The shape as a vector of int32 where it is known, else as a tensor."""
    dims = tensor._shape.tuple
    return array_ops.shape(tensor) if dims is None or None in dims else np.array(dims, np.int32)


def unbroadcast(op, gx, gy):
    """The gradients of a binary op's inputs, from those of its broadcast inputs (both of the output's shape; None stays None)."""
    x, y = op.inputs
    own, other = x._shape.tuple, y._shape.tuple
    if x is y or own == other and own is not None and None not in own:
        return gx, gy
    axes_x, axes_y = stretched_axes(own, other), stretched_axes(other, own)
    if axes_x is None and gx is not None or axes_y is None and gy is not None:
        run_time = apply_op("BroadcastGradientArgs", array_ops.shape(x), array_ops.shape(y))
        axes_x = run_time[0] if axes_x is None else axes_x
        axes_y = run_time[1] if axes_y is None else axes_y
    return sum_to(gx, x, axes_x), sum_to(gy, y, axes_y)


@swappable
def stretched_axes(own, other):
    """The axes of the broadcast shape along which a tensor of shape `own` was repeated; None if only the run can tell.

    own, other: tuples of int or None, or None.  An axis where both are 1 may be listed, since summing over it changes nothing.
    """
    if own is None or other is None:
        return [] if other == () else None
    rank = max(len(own), len(other))
    missing = rank - len(own)
    own, other = (1,) * missing + own, (1,) * (rank - len(other)) + other
    axes = []
    for i, (a, b) in enumerate(zip(own, other)):
        if i < missing or a == 1 and b != 1:
            axes.append(i)
        elif a is None and b != 1:
            return None
    return axes


def sum_to(grad, x, axes):
    """grad summed over the axes along which x was repeated, in the shape of x.  axes: a list, or a vector that the run will know."""
    if grad is None:
        return None
    if not isinstance(axes, list):
        return array_ops.reshape(reduction_ops.reduce_sum(grad, axes), shape_of(x))
    if not axes:
        return grad
    rank, rank_x = grad._shape.ndims, x._shape.ndims
    if rank is not None and rank == rank_x:
        return reduction_ops.reduce_sum(grad, axes, True)
    if rank is not None and axes == list(range(rank - rank_x)):
        return reduction_ops.reduce_sum(grad, axes)
    return array_ops.reshape(reduction_ops.reduce_sum(grad, axes), shape_of(x))


def reduced_axes(op):
    """The axes of a reduction as a sorted list, or None if they or the rank are not known before the run."""
    axes, rank = constant_value(op.inputs[1]), op.inputs[0]._shape.ndims
    if axes is None or rank is None:
        return None
    return sorted({axis % rank for axis in axes.ravel().tolist()})


def restore_axes(op, tensor):
    """A tensor of the shape of a reduction's output, reshaped so that it broadcasts against the reduction's input."""
    if op.attrs["keep_dims"]:
        return tensor
    axes = reduced_axes(op)
    if axes is None:
        return array_ops.reshape(tensor, _kept_shape(op.inputs[0], op.inputs[1]))
    if axes == list(range(len(axes))):              # missing leading axes are what broadcasting supplies
        return tensor
    dims = op.inputs[0]._shape.tuple
    kept = [1 if i in axes else d for i, d in enumerate(dims)]
    if len(axes) > 1 and None not in kept:
        return array_ops.reshape(tensor, kept)
    for axis in axes:
        tensor = array_ops.expand_dims(tensor, axis)
    return tensor


def _kept_shape(x, axes):
    """The run-time shape of x with 1 in place of the reduced dimensions."""
    shape, rank = array_ops.shape(x), array_ops.rank(x)
    axes = math_ops.floormod(array_ops.reshape(axes, [-1]), rank)
    reduced = reduction_ops.reduce_sum(sequence_ops.one_hot(axes, rank, on_value=1, off_value=0), 0)
    reduced = math_ops.minimum(reduced, 1)          # an axis may be listed twice
    return shape * (1 - reduced) + reduced


def reduced_count(op):
    """How many elements go into each element of a reduction: an int, or a scalar int32 tensor."""
    axes, dims = reduced_axes(op), op.inputs[0]._shape.tuple
    if axes is not None:
        sizes = [dims[axis] for axis in axes]
        if None not in sizes:
            count = 1
            for size in sizes:
                count *= size
            return count
    count = array_ops.size(op.inputs[0])
    if op.outputs[0]._shape.num_elements() == 1:
        return count
    return math_ops.floordiv(count, math_ops.maximum(array_ops.size(op.outputs[0]), 1))


def leading_scalar(grad):
    """The scalar of which a gradient is a broadcast, where the graph shows that it is one; else grad.

    Where the other factor of a product has the full shape already, multiplying by the scalar saves writing the broadcast.
    """
    if grad.op.type in ("BroadcastTo", "Fill"):
        source = grad.op.inputs[0 if grad.op.type == "BroadcastTo" else 1]
        if source._shape.tuple == ():
            return source
    return grad
