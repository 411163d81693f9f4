"""Grids, masks and other arrays made by broadcasting; shapes broadcast at run time; the bytes of one type read as another."""
import numpy as np

from ..core.dtypes import as_dtype, bool as bool_dtype, int32
from ..core.registry import register_op, register_value
from ..core.shapes import TensorShape, broadcast_shapes
from ..graph import convert_to_tensor, name_scope
from . import array_ops, math_ops, reduction_ops, sequence_ops
from .apply import apply_op
from .shape_fns import INDEX, UNKNOWN, argument, with_rank


@register_op("BroadcastArgs", ["s0: T", "s1: T"], ["r0: T"], [f"T: {INDEX} = int32"])
def broadcast_args_shape(c):
    ranks = with_rank(c, 0, 1) + with_rank(c, 1, 1)
    return [[None if None in ranks else max(ranks)]]


@register_value("BroadcastArgs")
def broadcast_args_value(c):
    s0, s1 = c.constant(0), c.constant(1)
    if s0 is None or s1 is None:
        return None
    return [np.array(broadcast_shapes(s0.tolist(), s1.tolist()).as_list(), c.attrs["T"].as_numpy_dtype)]


_BITS = "{float32, float64, int32, uint8, int16, int8, int64}"


@register_op("Bitcast", ["input: T"], ["output: type"], [f"T: {_BITS}", f"type: {_BITS}"])
def bitcast_shape(c):
    old, new, shape = c.attrs["T"].size, c.attrs["type"].size, c.inputs[0]
    if shape.ndims is None:
        return [UNKNOWN]
    if new < old:
        return [shape.concatenate([old // new])]
    if new > old:
        if shape.ndims == 0 or shape.tuple[-1] not in (None, new // old):
            raise ValueError(f"The last dimension must be {new // old} for a bitcast from {c.attrs['T'].name} to {c.attrs['type'].name} of {argument(c, 0)}")
        return [TensorShape(shape.tuple[:-1])]
    return [shape]


def broadcast_dynamic_shape(shape_x, shape_y):
    """The shape to which two shapes, given as int vectors, broadcast; InvalidArgumentError in the run if they do not."""
    return apply_op("BroadcastArgs", array_ops.int_vector(shape_x), array_ops.int_vector(shape_y))


def bitcast(input, type, name=None):
    """The same bytes read as elements of another type: an axis is appended where they are smaller, the last one consumed where they are larger."""
    return apply_op("Bitcast", input, type=as_dtype(type), name=name)


def shape_n(input, out_type=int32, name=None):
    """The shapes of a list of tensors, as vectors."""
    with name_scope(name, "ShapeN", input):
        return [array_ops.shape(t, out_type=out_type) for t in input]


def identity_n(input, name=None):
    """A list of tensors with the same shapes and contents."""
    with name_scope(name, "IdentityN", input):
        return [array_ops.identity(t) for t in input]


def meshgrid(*args, **kwargs):
    """The coordinates of a grid's points: for n vectors a list of n tensors of rank n.

    indexing  "xy": the first two axes are swapped, as for pictures, so that result[0] has shape [len(y), len(x)]; "ij": they are not

    >>> tf.meshgrid([1, 2, 3], [4, 5])          # [[1, 2, 3], [1, 2, 3]], [[4, 4, 4], [5, 5, 5]]
    """
    indexing, name = kwargs.pop("indexing", "xy"), kwargs.pop("name", "meshgrid")
    if kwargs:
        raise TypeError(f"'{next(iter(kwargs))}' is an invalid keyword argument for this function")
    if indexing not in ("xy", "ij"):
        raise ValueError("indexing parameter must be either 'xy' or 'ij'")
    with name_scope(name, "meshgrid", args):
        n = len(args)
        vectors = [array_ops.reshape(convert_to_tensor(a), [-1]) for a in args]
        axes = list(range_of(n))
        if indexing == "xy" and n > 1:
            axes[:2] = [1, 0]
        sizes = [None] * n
        for vector, axis in zip(vectors, axes):
            sizes[axis] = array_ops.size(vector)
        shape = apply_op("Pack", sizes) if sizes else None
        return [array_ops.broadcast_to(array_ops.reshape(v, [-1 if k == axis else 1 for k in range_of(n)]), shape) for v, axis in zip(vectors, axes)]


range_of = range                          # tf.range is sequence_ops.range


def sequence_mask(lengths, maxlen=None, dtype=bool_dtype, name=None):
    """mask[i..., j] = j < lengths[i...], of shape lengths.shape + [maxlen]; maxlen is the greatest length unless given.

    >>> tf.sequence_mask([1, 3], 4)             # [[True, False, False, False], [True, True, True, False]]
    """
    with name_scope(name, "SequenceMask", [lengths, maxlen]) as name:
        lengths = convert_to_tensor(lengths, name="lengths")
        kind = lengths.dtype.base_dtype
        if maxlen is None:
            maxlen = apply_op("Maximum", reduction_ops.reduce_max(lengths), kind.as_numpy_dtype(0))
        else:
            maxlen = convert_to_tensor(maxlen, name="maxlen")
            maxlen.get_shape().assert_has_rank(0)
            maxlen = math_ops.cast(maxlen, kind)
        places = sequence_ops.range(kind.as_numpy_dtype(0), maxlen, kind.as_numpy_dtype(1))
        dtype = as_dtype(dtype)
        mask = apply_op("Less", places, array_ops.expand_dims(lengths, -1), name=name if dtype is bool_dtype else None)
        return mask if dtype is bool_dtype else math_ops.cast(mask, dtype, name=name)
