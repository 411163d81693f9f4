"""Ops on a tensor's shape: asking for it, changing it, and making tensors of a given shape."""
import math

import numpy as np

from ..core.dtypes import as_dtype, float32, int32
from ..core.registry import register_op, register_value
from ..core.shapes import TensorShape, as_shape, broadcast_shapes
from ..graph import Tensor, convert_to_tensor, name_scope
from . import sequence_ops
from .apply import apply_op
from .constant_op import constant
from .shape_fns import INDEX, SCALAR, SMALL, UNKNOWN, argument, axis_in, show, sizes, unchanged, value_from_constants, with_rank

register_op("Identity", ["input: T"], ["output: T"], ["T: type"], is_alias=True)(unchanged)
register_op("StopGradient", ["input: T"], ["output: T"], ["T: type"], is_alias=True)(unchanged)
register_op("ZerosLike", ["x: T"], ["y: T"], ["T: type"])(unchanged)
register_op("OnesLike", ["x: T"], ["y: T"], ["T: type"])(unchanged)
register_op("Size", ["input: T"], ["output: out_type"], ["T: type", f"out_type: {INDEX} = int32"])(lambda c: [SCALAR])
register_op("Rank", ["input: T"], ["output: int32"], ["T: type"])(lambda c: [SCALAR])

value_from_constants("Identity", lambda c, x: x)
value_from_constants("ZerosLike", lambda c, x: np.zeros_like(x))
value_from_constants("OnesLike", lambda c, x: np.ones_like(x))


@register_op("Shape", ["input: T"], ["output: out_type"], ["T: type", f"out_type: {INDEX} = int32"])
def shape_shape(c):
    return [TensorShape([c.inputs[0].ndims])]


@register_value("Shape")
def shape_value(c):
    shape = c.inputs[0]
    return [np.array(shape.as_list(), c.attrs["out_type"].as_numpy_dtype)] if shape.is_fully_defined() else None


@register_value("Size")
def size_value(c):
    shape = c.inputs[0]
    return [np.array(shape.num_elements(), c.attrs["out_type"].as_numpy_dtype)] if shape.is_fully_defined() else None


@register_value("Rank")
def rank_value(c):
    rank = c.inputs[0].ndims
    return None if rank is None else [np.array(rank, np.int32)]


@register_op("Reshape", ["tensor: T", "shape: Tshape"], ["output: T"], ["T: type", f"Tshape: {INDEX} = int32"], is_alias=True)
def reshape_shape(c):
    with_rank(c, 1, 1)
    target = sizes(c, 1, inferred=True)
    if target.ndims is None or not c.inputs[0].is_fully_defined():
        return [target]
    dims, count = target.as_list(), c.inputs[0].num_elements()
    missing = [i for i, d in enumerate(dims) if d is None]
    known = math.prod(d for d in dims if d is not None)
    if missing and c.constant(1) is None:               # it need not be -1: what is fed may not fit, and is checked in the run
        return [target]
    if missing and known == 0:
        raise ValueError(f"A size of -1 can not be worked out where another is 0, in shape {show(target)} for {argument(c, 0)}")
    if len(missing) == 1 and known > 0 and count % known == 0:
        dims[missing[0]] = count // known
    elif (not missing and known != count) or (len(missing) == 1 and known > 0):
        raise ValueError(f"Cannot reshape a tensor with {count} elements to shape {show(target)} "
                         f"({known} elements{' times a whole number' if missing else ''}) for {argument(c, 0)}")
    return [TensorShape(dims)]


def _reshaped(c, x, shape):
    return x.reshape(shape)


value_from_constants("Reshape", _reshaped)


@register_op("ExpandDims", ["input: T", "dim: int32"], ["output: T"], ["T: type"], is_alias=True)
def expand_dims_shape(c):
    shape = c.inputs[0]
    if shape.ndims is None:
        return [UNKNOWN]
    with_rank(c, 1, 0)
    dim = c.constant(1)
    if dim is None:
        return [TensorShape([None] * (shape.ndims + 1))]
    dims, rank = shape.as_list(), shape.ndims
    at = axis_in(int(dim), rank + 1, c, "dim")
    return [TensorShape(dims[:at] + [1] + dims[at:])]


value_from_constants("ExpandDims", lambda c, x, dim: np.expand_dims(x, int(dim)))


@register_op("Squeeze", ["input: T"], ["output: T"], ["T: type", "squeeze_dims: list(int) = []"], is_alias=True)
def squeeze_shape(c):
    shape, which = c.inputs[0], c.attrs["squeeze_dims"]
    if shape.ndims is None:
        return [UNKNOWN]
    dims = shape.as_list()
    if not which:
        return [UNKNOWN if None in dims else TensorShape([d for d in dims if d != 1])]
    dropped = {axis_in(axis, len(dims), c, "squeeze_dims") for axis in which}
    for axis in dropped:
        if dims[axis] not in (1, None):
            raise ValueError(f"Can not squeeze dim[{axis}], expected a dimension of 1, got {dims[axis]} for {argument(c, 0)}")
    return [TensorShape([d for axis, d in enumerate(dims) if axis not in dropped])]


value_from_constants("Squeeze", lambda c, x: np.squeeze(x, tuple(c.attrs["squeeze_dims"]) or None))


@register_op("Transpose", ["x: T", "perm: Tperm"], ["y: T"], ["T: type", f"Tperm: {INDEX} = int32"], constants=["perm"])
def transpose_shape(c):
    rank = c.inputs[0].ndims
    if rank is None:
        rank = with_rank(c, 1, 1)[0]
    elif with_rank(c, 1, 1)[0] not in (rank, None):
        raise ValueError(f"perm must hold {rank} numbers, but has shape {show(c.inputs[1])} for {argument(c, 0)}")
    perm = c.constant(1)
    if perm is None:
        return [UNKNOWN if rank is None else TensorShape([None] * rank)]
    if sorted(perm.tolist()) != list(range(len(perm))):
        raise ValueError(f"perm must be a permutation of 0..{len(perm) - 1}, got {perm.tolist()}")
    dims = with_rank(c, 0, len(perm))
    return [TensorShape([dims[i] for i in perm])]


@register_op("Fill", ["dims: index_type", "value: T"], ["output: T"], ["T: type", f"index_type: {INDEX} = int32"])
def fill_shape(c):
    with_rank(c, 0, 1)
    with_rank(c, 1, 0)
    return [sizes(c, 0)]


value_from_constants("Fill", lambda c, dims, value: np.full(dims, value) if np.prod(dims) <= SMALL else None)


@register_op("BroadcastTo", ["input: T", "shape: Tidx"], ["output: T"], ["T: type", f"Tidx: {INDEX} = int32"])
def broadcast_to_shape(c):
    with_rank(c, 1, 1)
    target, given = sizes(c, 1), c.inputs[0]
    if target.ndims is None or given.ndims is None:
        return [target]
    if given.ndims > target.ndims:
        raise ValueError(f"Cannot broadcast to shape {show(target)}, of lower rank, for {argument(c, 0)}")
    for have, want in zip(reversed(given.as_list()), reversed(target.as_list())):
        if have not in (None, 1, want) and want is not None:
            raise ValueError(f"Cannot broadcast to shape {show(target)}: dimensions must be equal or 1, but are {have} and {want} for {argument(c, 0)}")
    return [target]


@register_op("BroadcastGradientArgs", ["s0: T", "s1: T"], ["r0: T", "r1: T"], [f"T: {INDEX} = int32"])
def broadcast_gradient_args_shape(c):
    """r0 and r1: the axes along which the shapes s0 and s1 are stretched when they are broadcast to each other."""
    with_rank(c, 0, 1)
    with_rank(c, 1, 1)
    axes = broadcast_gradient_args_value(c)
    return [[None], [None]] if axes is None else [[len(axes[0])], [len(axes[1])]]


@register_value("BroadcastGradientArgs")
def broadcast_gradient_args_value(c):
    s0, s1 = c.constant(0), c.constant(1)
    if s0 is None or s1 is None:
        return None
    s0, s1 = s0.tolist(), s1.tolist()
    rank = len(broadcast_shapes(TensorShape(s0), TensorShape(s1)).as_list())
    a, b = [1] * (rank - len(s0)) + s0, [1] * (rank - len(s1)) + s1
    dtype = c.attrs["T"].as_numpy_dtype
    # Where both are 1 nothing is stretched, unless one of them has no such axis: it must go then.
    return [np.array([i for i in range(rank) if own[i] == 1 and (other[i] != 1 or i < rank - n)], dtype)
            for own, other, n in ((a, b, len(s0)), (b, a, len(s1)))]


def int_vector(value):
    """A shape or the like, ready to be an input: the empty list does not tell that it means integers."""
    return np.zeros(0, np.int32) if isinstance(value, (list, tuple)) and not value else value


def identity(input, name=None):
    """A tensor with the same shape and contents."""
    return apply_op("Identity", input, name=name)


def stop_gradient(input, name=None):
    """The same tensor, through which tf.gradients does not look."""
    return apply_op("StopGradient", input, name=name)


def shape(input, name=None, out_type=int32):
    """The shape of a tensor, as a vector; a constant where it is known statically."""
    input = convert_to_tensor(input)
    static = input.get_shape()
    if static.is_fully_defined():
        return constant(static.as_list(), out_type, shape=[static.ndims], name=name or "Shape")
    return apply_op("Shape", input, out_type=out_type, name=name)


def size(input, name=None, out_type=int32):
    """The number of elements of a tensor."""
    input = convert_to_tensor(input)
    static = input.get_shape()
    if static.is_fully_defined():
        return constant(static.num_elements(), out_type, name=name or "Size")
    return apply_op("Size", input, out_type=out_type, name=name)


def rank(input, name=None):
    """The number of dimensions of a tensor (not the rank of a matrix)."""
    input = convert_to_tensor(input)
    static = input.get_shape()
    if static.ndims is not None:
        return constant(static.ndims, int32, name=name or "Rank")
    return apply_op("Rank", input, name=name)


def reshape(tensor, shape, name=None):
    """The same elements in row-major order under another shape; one dimension may be -1, to be worked out."""
    return apply_op("Reshape", tensor, int_vector(shape), name=name)


def expand_dims(input, axis=None, name=None, dim=None):
    """Insert a dimension of 1 before axis `axis` (counted from behind if negative; -1 appends one).  `dim`: old name of `axis`."""
    return apply_op("ExpandDims", input, either("axis", axis, "dim", dim), name=name)


def squeeze(input, axis=None, name=None, squeeze_dims=None):
    """Drop dimensions of 1: those listed in `axis` (an int or a list), or all.  `squeeze_dims`: old name of `axis`."""
    axis = either("axis", axis, "squeeze_dims", squeeze_dims, None)
    if axis is None:
        axis = ()
    return apply_op("Squeeze", input, squeeze_dims=[axis] if np.ndim(axis) == 0 else axis, name=name)


def either(name, value, old_name, old_value, default=ValueError):
    """The value of an argument that has an old name too; ValueError if both are given, or neither where one is needed."""
    if old_value is None:
        if value is None and default is ValueError:
            raise ValueError(f"Argument '{name}' is required")
        return value
    if value is not None:
        raise ValueError(f"Cannot specify both '{name}' and '{old_name}'")
    return old_value


def transpose(a, perm=None, name="transpose", conjugate=False):
    """Dimension i of the result is dimension perm[i] of `a`; perm=None reverses the dimensions.  conjugate: real numbers are their own."""
    if perm is None:
        a = convert_to_tensor(a, name="a")
        n = a.get_shape().ndims
        if n is None:
            with name_scope(name, "transpose", [a]) as name:
                n = apply_op("Rank", a)
                return apply_op("Transpose", a, apply_op("Sub", apply_op("Sub", n, 1), sequence_ops.range(n)), name=name)
        perm = np.arange(n - 1, -1, -1, dtype=np.int32)
    return apply_op("Transpose", a, int_vector(perm), name=name or "transpose")


def fill(dims, value, name=None):
    """A tensor of shape `dims` holding the scalar `value` everywhere."""
    return apply_op("Fill", int_vector(dims), value, name=name)


def zeros(shape, dtype=float32, name=None):
    """A tensor of zeros; shape: a list, TensorShape or int tensor."""
    return _full(shape, dtype, name, "zeros", 0)


def ones(shape, dtype=float32, name=None):
    """A tensor of ones; shape: a list, TensorShape or int tensor."""
    return _full(shape, dtype, name, "ones", 1)


def _full(shape, dtype, name, default_name, value):
    dtype = as_dtype(dtype).base_dtype
    value = dtype.as_numpy_dtype(value)
    if not isinstance(shape, Tensor):
        try:
            static = as_shape(shape)
        except (TypeError, ValueError):
            static = UNKNOWN          # a list with tensors in it
        if static.is_fully_defined():
            # A constant is cheap while it is small; beyond that the graph should not carry the elements around.
            if static.num_elements() < 1000:
                return constant(np.full(static.as_list(), value, dtype.as_numpy_dtype), dtype, name=name or default_name)
            shape = np.array(static.as_list(), np.int32 if max(static.as_list()) < 2 ** 31 else np.int64)
    with name_scope(name, default_name) as name:
        return apply_op("Fill", convert_to_tensor(shape, int32 if isinstance(shape, (list, tuple)) else None, name="shape"),
                        constant(value, dtype), name=name)


def zeros_like(tensor, dtype=None, name=None, optimize=True):
    """Zeros of the shape of `tensor`, and of its dtype unless another is given."""
    return _full_like(tensor, dtype, name, optimize, "zeros_like", "ZerosLike", 0)


def ones_like(tensor, dtype=None, name=None, optimize=True):
    """Ones of the shape of `tensor`, and of its dtype unless another is given."""
    return _full_like(tensor, dtype, name, optimize, "ones_like", "OnesLike", 1)


def _full_like(tensor, dtype, name, optimize, default_name, op_type, value):
    tensor = convert_to_tensor(tensor, name="tensor")
    dtype = tensor.dtype.base_dtype if dtype is None else as_dtype(dtype)
    static = tensor.get_shape()
    if optimize and static.is_fully_defined() and static.num_elements() < 1000:
        return _full(static, dtype, name, default_name, value)
    if dtype == tensor.dtype.base_dtype:
        return apply_op(op_type, tensor, name=name or default_name)
    with name_scope(name, default_name) as name:
        return _full(shape(tensor), dtype, name, default_name, value)


def broadcast_to(input, shape, name=None):
    """`input` repeated to fill `shape`, by the broadcasting rules of arithmetic."""
    return apply_op("BroadcastTo", input, int_vector(shape), name=name)


def broadcast_static_shape(shape_x, shape_y):
    """The shape to which two static shapes broadcast."""
    return broadcast_shapes(as_shape(shape_x), as_shape(shape_y))
