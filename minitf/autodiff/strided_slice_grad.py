"""Gradients of the strided slice: what was not taken gets zeros."""
from ..core.registry import register_gradient
from ..graph import convert_to_tensor
from ..ops import math_ops
from ..ops.apply import apply_op
from .broadcasting import shape_of


def _masks(op):
    return {name: op.attrs[name] for name in ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")}


@register_gradient("StridedSlice")
def _strided_slice(op, grad):
    x, begin, end, strides = op.inputs
    shape = convert_to_tensor(shape_of(x))
    if shape.dtype is not begin.dtype:
        shape = math_ops.cast(shape, begin.dtype)
    return apply_op("StridedSliceGrad", shape, begin, end, strides, grad, **_masks(op)), None, None, None


@register_gradient("StridedSliceGrad")
def _strided_slice_grad(op, grad):
    _, begin, end, strides, _ = op.inputs
    return None, None, None, None, apply_op("StridedSlice", grad, begin, end, strides, **_masks(op))
