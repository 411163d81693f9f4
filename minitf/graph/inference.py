"""What is known of a tensor before the graph runs: dtype, shape, and now and then its value.

Shape functions ask for values: the shape of `reshape(x, [n, -1])` is decided by one.  Where a value is known only in part, as the
shape of a tensor with an unknown batch size is, the known part is kept.
"""
import numpy as np

from ..core.dtypes import as_dtype
from ..core.registry import op_def
from ..core.shapes import TensorShape, as_shape


class ShapeContext:
    """What a shape function sees of a node that is being added to a graph."""
    __slots__ = ("op_type", "name", "attrs", "tensors")

    def __init__(self, op_type, name, attrs, tensors):
        self.op_type, self.name, self.attrs, self.tensors = op_type, name, attrs, tensors

    @property
    def inputs(self):
        return [t._shape for t in self.tensors]

    @property
    def dtypes(self):
        return [t.dtype.base_dtype for t in self.tensors]

    def constant(self, i):
        """The value of input i if it is known before the graph runs, else None."""
        return constant_value(self.tensors[i])

    def resource(self, i):
        """(type, attributes) of the op that makes what input i, a reference, stands for."""
        tensor = self.tensors[i]
        while True:
            op = tensor.op
            if op.type == "RefArgument":
                source = op.graph.source_of(tensor)
            else:
                source = next((t for t in op.inputs if t.dtype.is_ref_dtype), None)
            if source is None:
                return op.type, op.attrs
            tensor = source

    def constant_as_shape(self, i):
        """The TensorShape that the integer vector input i denotes, as far as it is known."""
        return constant_value_as_shape(self.tensors[i])


def output_dtypes(definition, attrs):
    """The dtypes of a node's outputs: a list, ref dtypes where an output refers to a variable."""
    dtypes = []
    for arg in definition.outputs:
        if arg.is_type_list:
            dtypes.extend(as_dtype(d) for d in attrs[arg.type_attr])
            continue
        dtype = arg.dtype if arg.dtype is not None else attrs[arg.type_attr]
        dtype = dtype.as_ref if arg.is_ref else dtype
        dtypes.extend([dtype] * (attrs[arg.number_attr] if arg.number_attr else 1))
    return dtypes


def infer_shapes(context, count):
    """The TensorShapes of a node's outputs, from its op's shape function; unknown where there is none."""
    shapes = op_def(context.op_type).shape_fn(context)
    shapes = [s if type(s) is TensorShape else as_shape(s) for s in shapes or ()]
    return shapes + [TensorShape(None)] * (count - len(shapes))


def constant_value(tensor):
    """The value of a tensor as an ndarray (not to be written to), or None where it is not known."""
    while tensor.op.type == "Identity" and not tensor.op.inputs[0].dtype.is_ref_dtype or tensor.op.type == "Argument":
        source = tensor.op.graph.source_of(tensor) if tensor.op.type == "Argument" else tensor.op.inputs[0]
        if source is None:
            return None
        tensor = source
    op = tensor.op
    if op.type == "Const":
        return op.attrs["value"]
    value_fn = op_def(op.type).value_fn
    if value_fn is None:
        return None
    values = value_fn(ShapeContext(op.type, op.name, op.attrs, op.inputs))
    return None if values is None else values[tensor.value_index]


def constant_value_as_shape(tensor):
    """The TensorShape that an integer vector denotes, with None for every element that is not known; -1 is not known either."""
    value = constant_value(tensor)
    if value is not None:
        return TensorShape([None if d < 0 else int(d) for d in np.ravel(value)])
    op = tensor.op
    if op.type == "Argument":
        source = op.graph.source_of(tensor)
        if source is not None:
            return constant_value_as_shape(source)
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
