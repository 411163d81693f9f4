"""What is known of a tensor's value before the graph runs.

Shape functions ask for it: the shape of `reshape(x, [n, -1])` is decided by a value.  Where a value is known only in part, as the
shape of a tensor with an unknown batch size is, the known part is kept.
"""
import numpy as np

from ..core.registry import op_def
from ..core.shapes import TensorShape


def constant_value(tensor):
    """The value of a tensor as an ndarray (not to be written to), or None where it is not known."""
    op = tensor.op
    if op.type == "Const":
        return op.attrs["value"]
    if op.type == "Identity" and not op.inputs[0].dtype.is_ref_dtype:
        return constant_value(op.inputs[0])
    value_fn = op_def(op.type).value_fn
    if value_fn is None:
        return None
    from .operation import ShapeContext
    values = value_fn(ShapeContext(op.type, op.name, op.attrs, op.inputs))
    return None if values is None else values[tensor.value_index]


def constant_value_as_shape(tensor):
    """The TensorShape that an integer vector denotes, with None for every element that is not known; -1 is not known either."""
    value = constant_value(tensor)
    if value is not None:
        return TensorShape([None if d < 0 else int(d) for d in np.ravel(value)])
    op = tensor.op
    if op.type == "Shape":
        return op.inputs[0].shape
    if op.type == "Pack":
        return TensorShape([_scalar(t) for t in op.inputs])
    if op.type == "ConcatV2":
        whole = TensorShape([])
        for part in op.inputs[:-1]:
            whole = whole.concatenate(constant_value_as_shape(part))
        return whole
    if op.type == "Slice":
        begin, size = constant_value(op.inputs[1]), constant_value(op.inputs[2])
        whole = constant_value_as_shape(op.inputs[0])
        if begin is not None and size is not None and whole.ndims is not None:
            first, count = int(begin[0]), int(size[0])
            return whole[first:] if count < 0 else whole[first:first + count]
    length = tensor.shape.tuple
    return TensorShape(None) if not length or length[0] is None else TensorShape([None] * length[0])


def _scalar(tensor):
    """An element of a shape: an int, or None."""
    value = constant_value(tensor)
    if value is not None:
        return None if value < 0 else int(value)
    op = tensor.op
    if op.type in ("Reshape", "Squeeze"):             # shape[i] is Reshape(Slice(Shape(x)))
        part = constant_value_as_shape(op.inputs[0])
        if part.ndims == 1:
            return part.tuple[0]
    return None
