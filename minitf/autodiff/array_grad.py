"""Gradients of the ops that move, join and cut data: each is the adjoint of a linear map."""
import numpy as np

from ..core.registry import not_differentiable, register_gradient
from ..core.swap import swappable
from ..graph import constant_value
from ..ops import array_ops, logical_ops, math_ops, pad_ops, reduction_ops, sequence_ops, slice_ops
from ..ops.apply import apply_op
from ..ops.indexed_slices import IndexedSlices
from .broadcasting import shape_of, stretched_axes, sum_to

for _op_type in ("StopGradient", "Const", "Placeholder", "Shape", "Size", "Rank", "ZerosLike", "OnesLike", "BroadcastGradientArgs",
                 "InvertPermutation", "Where", "Range", "OneHot", "Unique"):
    not_differentiable(_op_type)


@register_gradient("Identity")
@register_gradient("PlaceholderWithDefault")
def _identity(op, grad):
    return grad


@register_gradient("Reshape")
@register_gradient("ExpandDims")
def _reshape(op, grad):
    return array_ops.reshape(grad, shape_of(op.inputs[0])), None


@register_gradient("Squeeze")
def _squeeze(op, grad):
    return array_ops.reshape(grad, shape_of(op.inputs[0]))


@register_gradient("Transpose")
def _transpose(op, grad):
    perm = constant_value(op.inputs[1])
    inverse = sequence_ops.invert_permutation(op.inputs[1]) if perm is None else np.argsort(perm).astype(perm.dtype)
    return array_ops.transpose(grad, inverse), None


@register_gradient("Fill")
def _fill(op, grad):
    return None, reduction_ops.reduce_sum(grad)


@register_gradient("BroadcastTo")
def _broadcast_to(op, grad):
    x = op.inputs[0]
    axes = stretched_axes(x._shape.tuple, op.outputs[0]._shape.tuple)
    if axes is None:
        axes = apply_op("BroadcastGradientArgs", array_ops.shape(x), array_ops.shape(op.outputs[0]))[0]
    return sum_to(grad, x, axes), None


@register_gradient("Pack")
def _pack(op, grad):
    return slice_ops.unstack(grad, op.get_attr("N"), op.get_attr("axis"))


@register_gradient("Unpack")
def _unpack(op, *grads):
    return slice_ops.stack(grads, op.get_attr("axis"))


@register_gradient("ConcatV2")
def _concat(op, grad):
    """Each part gets its own piece of grad: [begin, begin + size) along the axis, everything along the others."""
    parts, rank = op.inputs[:-1], grad._shape.ndims
    axis = constant_value(op.inputs[-1])
    if axis is None or rank is None:
        return [_run_time_piece(op, i, grad) for i in range(len(parts))] + [None]
    axis = int(axis) % rank
    sizes = [p._shape.tuple[axis] if p._shape.ndims is not None else None for p in parts]
    begin, extent, pieces = [0] * rank, [-1] * rank, []
    for part, size in zip(parts, sizes):
        if size is None:
            size = array_ops.shape(part)[axis]
        extent[axis] = size
        pieces.append(slice_ops.slice(grad, list(begin), list(extent)))
        begin[axis] = begin[axis] + size
    return pieces + [None]


def _run_time_piece(op, i, grad):
    """The piece of part i where neither the axis nor the rank is known."""
    shape = array_ops.shape(op.inputs[i])
    rank = array_ops.rank(op.inputs[i])
    along = sequence_ops.one_hot(math_ops.floormod(op.inputs[-1], rank), rank, on_value=1, off_value=0)
    begin = array_ops.zeros_like(shape)
    for before in op.inputs[:i]:
        begin += array_ops.shape(before)
    return slice_ops.slice(grad, begin * along, shape)


@register_gradient("Slice")
def _slice(op, grad):
    """grad, with zeros around it where the rest of the input was."""
    x, begin, size = op.inputs
    known = _known_paddings(x._shape.tuple, constant_value(begin), constant_value(size))
    if known is None:
        after = array_ops.shape(x) - math_ops.cast(begin, "int32") - array_ops.shape(grad)
        known = slice_ops.stack([math_ops.cast(begin, "int32"), after], 1)
    elif not known.any():
        return grad, None, None
    return pad_ops.pad(grad, known), None, None


def _known_paddings(dims, begin, size):
    """[rank, 2] of int32 as the paddings that undo a Slice, or None if they depend on the run."""
    if begin is None or size is None or dims is None:
        return None
    paddings = []
    for dim, first, count in zip(dims, begin.tolist(), size.tolist()):
        if dim is None and count != -1:
            return None
        paddings.append((first, 0 if count == -1 else dim - first - count))
    return np.array(paddings, np.int32).reshape(len(dims), 2)


@register_gradient("Pad")
def _pad(op, grad):
    x, paddings = op.inputs
    return slice_ops.slice(grad, *_inside(x, paddings)), None


@register_gradient("PadV2")
def _pad_v2(op, grad):
    """The border's elements are all one number."""
    x, paddings, _ = op.inputs
    inner = slice_ops.slice(grad, *_inside(x, paddings))
    return inner, None, reduction_ops.reduce_sum(grad) - reduction_ops.reduce_sum(inner)


@register_gradient("MirrorPad")
def _mirror_pad(op, grad):
    return apply_op("MirrorPadGrad", grad, op.inputs[1], mode=op.attrs["mode"]), None


@register_gradient("MirrorPadGrad")
def _mirror_pad_grad(op, grad):
    return apply_op("MirrorPad", grad, op.inputs[1], mode=op.attrs["mode"]), None


def _inside(x, paddings):
    """(begin, size) of x in what Pad made of it."""
    known = constant_value(paddings)
    if known is not None:
        before = np.ascontiguousarray(known[:, 0])
    else:
        before = array_ops.reshape(slice_ops.slice(paddings, [0, 0], [-1, 1]), [-1])
    return before, _sizes_like(x, before)


def _sizes_like(x, begin):
    """The shape of x in the integer type of `begin`, as Slice asks of its arguments."""
    sizes = shape_of(x)
    return sizes.astype(begin.dtype) if isinstance(sizes, np.ndarray) and isinstance(begin, np.ndarray) else math_ops.cast(sizes, begin.dtype)


@register_gradient("Tile")
def _tile(op, grad):
    """The copies added up: grad as [m0, d0, m1, d1, ...], summed over the multiples."""
    x, multiples = op.inputs
    known, dims = constant_value(multiples), x._shape.tuple
    if known is not None and (known == 1).all():
        return grad, None
    if known is not None and dims is not None and None not in dims:
        split, axes = [], []
        for multiple, dim in zip(known.tolist(), dims):
            if multiple != 1:
                axes.append(len(split))
                split.append(multiple)
            split.append(dim)
        return reduction_ops.reduce_sum(array_ops.reshape(grad, split), axes), None
    pairs = slice_ops.stack([math_ops.cast(multiples, "int32"), array_ops.shape(x)], 1)
    rank = array_ops.rank(x)
    axes = 2 * sequence_ops.range(rank)
    return reduction_ops.reduce_sum(array_ops.reshape(grad, array_ops.reshape(pairs, [-1])), axes), None


@register_gradient("Gather")
@swappable
def _gather(op, grad):
    """Only the rows that were looked up: IndexedSlices, where a row looked up twice stands twice."""
    params, indices = op.inputs
    if indices._shape.ndims == 1:
        return IndexedSlices(grad, indices, array_ops.shape(params)), None
    row = params._shape.tuple
    if row is not None and None not in row[1:] and 0 not in row[1:]:
        shape = (-1,) + row[1:]
    else:
        shape = slice_ops.concat([array_ops.reshape(array_ops.size(indices), [1]), slice_ops.slice(array_ops.shape(params), [1], [-1])], 0)
    values, flat = array_ops.reshape(grad, shape), array_ops.reshape(indices, [-1])
    return IndexedSlices(values, flat, array_ops.shape(params)), None


@register_gradient("Select")
def _select(op, grad):
    condition, zeros = op.inputs[0], array_ops.zeros_like(grad)
    return None, logical_ops.where(condition, grad, zeros), logical_ops.where(condition, zeros, grad)
