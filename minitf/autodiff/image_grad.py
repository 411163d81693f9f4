"""Gradients of resizing, which is linear; what reads and writes files and text has none."""
from ..core.registry import not_differentiable, register_gradient
from ..graph import convert_to_tensor
from ..ops import array_ops
from ..ops.apply import apply_op

for _op_type in ("DecodeImage", "EncodePng", "EncodeJpeg", "StringToNumber", "AsString", "StringToHashBucket", "StringJoin", "ReduceJoin", "Substr",
                 "StringSplit", "DecodeRaw", "DecodeCSV"):
    not_differentiable(_op_type)


def _size_of(image):
    static = image._shape
    return convert_to_tensor(static.as_list()[1:3]) if static.ndims == 4 and static[1:3].is_fully_defined() else array_ops.shape(image)[1:3]


@register_gradient("ResizeBilinear")
@register_gradient("ResizeNearestNeighbor")
def _resize(op, grad):
    image = op.inputs[0]
    if not image.dtype.base_dtype.is_floating:
        return None, None
    return apply_op(op.type + "Grad", grad, _size_of(image), align_corners=op.attrs["align_corners"]), None


@register_gradient("ResizeBilinearGrad")
def _resize_bilinear_grad(op, grad):
    again = apply_op("ResizeBilinear", grad, _size_of(op.inputs[0]), dtype=grad.dtype.base_dtype, align_corners=op.attrs["align_corners"])
    return again, None


@register_gradient("ResizeNearestNeighborGrad")
def _resize_nearest_grad(op, grad):
    return apply_op("ResizeNearestNeighbor", grad, _size_of(op.inputs[0]), align_corners=op.attrs["align_corners"]), None
