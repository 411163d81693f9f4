"""Ops that cut tensors apart and put them together: slice, stack, unstack, concat, split, tile."""
import numbers

import numpy as np

from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..core.swap import swappable
from ..graph import Tensor, constant_value, control_dependencies, convert_to_tensor, name_scope
from .apply import apply_op
from .array_ops import int_vector
from .shape_fns import INDEX, UNKNOWN, argument, axis_in, merge_dims, show, value_from_constants, with_rank


@register_op("Slice", ["input: T", "begin: Index", "size: Index"], ["output: T"], ["T: type", f"Index: {INDEX}"])
def slice_shape(c):
    shape = c.inputs[0]
    rank = shape.ndims
    for i in (1, 2):
        n = with_rank(c, i, 1)[0]
        if None not in (n, rank) and n != rank:
            raise ValueError(f"Expected {argument(c, i)} to hold {rank} numbers, one per dimension of {argument(c, 0)}")
        rank = n if rank is None else rank
    if rank is None:
        return [UNKNOWN]
    sizes = c.constant(2)
    if sizes is None:
        return [c.constant_as_shape(2)] if c.inputs[2].ndims == 1 and shape.ndims is not None else [TensorShape([None] * rank)]
    dims, out = shape.as_list() if shape.ndims is not None else [None] * rank, sizes.tolist()
    begins = c.constant_as_shape(1).tuple
    if begins is None or None in begins:
        first = c.constant(1)
        if first is not None and first.min() < 0:
            raise ValueError(f"A slice can not begin at {first.tolist()}: no place is negative here (t[-1:] counts from the end)")
    for axis, (dim, size) in enumerate(zip(dims, out)):
        begin = begins[axis] if begins is not None else None
        if size == -1:
            out[axis] = size = None if dim is None or begin is None else dim - begin
            fits = size is None or size >= 0
        else:
            fits = 0 <= size and (dim is None or (begin or 0) + size <= dim)
        if not fits:
            raise ValueError(f"A slice of {sizes[axis]} from {begin or 0} does not fit dimension {axis} of {argument(c, 0)}")
    return [TensorShape(out)]


def _sliced(c, x, begin, size):
    if (begin < 0).any() or (begin + np.maximum(size, 0) > x.shape).any():
        return None                       # fails in the run, with the op's own line
    return x[tuple(slice_of(b, None if s == -1 else b + s) for b, s in zip(begin, size))]


slice_of = slice                          # `slice` is the public function below
value_from_constants("Slice", _sliced)


@register_op("Pack", ["values: N * T"], ["output: T"], ["N: int >= 1", "T: type", "axis: int = 0"])
def pack_shape(c):
    dims = None
    for i, shape in enumerate(c.inputs):
        if shape.ndims is None:
            continue
        if dims is None:
            dims, first = shape.as_list(), i
        elif len(dims) != shape.ndims:
            raise ValueError(f"Shapes must be equal rank, but are {len(dims)} and {shape.ndims} for {argument(c, first)}, {argument(c, i)}")
        else:
            dims = [merge_dims(c, m, n, first, i) for m, n in zip(dims, shape.as_list())]
    if dims is None:
        return [UNKNOWN]
    at = axis_in(c.attrs["axis"], len(dims) + 1, c)
    return [TensorShape(dims[:at] + [len(c.inputs)] + dims[at:])]


value_from_constants("Pack", lambda c, *values: np.stack(values, c.attrs["axis"]))


@register_op("Unpack", ["value: T"], ["output: num * T"], ["num: int >= 0", "T: type", "axis: int = 0"])
def unpack_shape(c):
    shape, num = c.inputs[0], c.attrs["num"]
    if shape.ndims is None:
        return [UNKNOWN] * num
    dims = shape.as_list()
    at = axis_in(c.attrs["axis"], len(dims), c)
    if dims[at] not in (None, num):
        raise ValueError(f"Dimension must be {num} but is {dims[at]} for axis {at} of {argument(c, 0)}")
    return [TensorShape(dims[:at] + dims[at + 1:])] * num


@register_op("ConcatV2", ["values: N * T", "axis: int32"], ["output: T"], ["N: int >= 1", "T: type"], constants=["axis"])
@swappable
def concat_shape(c):
    n = len(c.inputs) - 1
    with_rank(c, n, 0)
    ranks = {shape.ndims for shape in c.inputs[:n]} - {None}
    if not ranks:
        return [UNKNOWN]
    if len(ranks) > 1:
        i, j = (next(i for i in range(n) if c.inputs[i].ndims == rank) for rank in sorted(ranks)[:2])
        raise ValueError(f"Shapes must be equal rank, but are {c.inputs[i].ndims} and {c.inputs[j].ndims} for {argument(c, i)}, {argument(c, j)}")
    rank = ranks.pop()
    axis = c.constant(n)
    if axis is None:
        return [TensorShape([None] * rank)]
    if rank == 0:
        raise ValueError("Can't concatenate scalars (use tf.stack instead)")
    at = axis_in(int(axis), rank, c)
    total, dims, first = 0, None, 0
    for i in range(n):
        given = c.inputs[i].as_list() if c.inputs[i].ndims is not None else [None] * rank
        total = None if total is None or given[at] is None else total + given[at]
        if dims is None:
            dims = given
        else:
            dims = [m if k == at else merge_dims(c, m, d, first, i) for k, (m, d) in enumerate(zip(dims, given))]
    dims[at] = total
    return [TensorShape(dims)]


value_from_constants("ConcatV2", lambda c, *values: np.concatenate(values[:-1], int(values[-1])))


@register_op("Tile", ["input: T", "multiples: Tmultiples"], ["output: T"], ["T: type", f"Tmultiples: {INDEX} = int32"], constants=["multiples"])
def tile_shape(c):
    n = with_rank(c, 1, 1)[0]
    rank = c.inputs[0].ndims if n is None else n
    if rank is None:
        return [UNKNOWN]
    dims = with_rank(c, 0, rank)
    multiples = c.constant_as_shape(1)
    times = [None] * rank if multiples.ndims is None else multiples.as_list()
    known = c.constant(1) if None in times else None
    if known is not None and known.min() < 0:
        raise ValueError(f"multiples must not be negative, got {known.tolist()}")
    return [TensorShape([0 if 0 in (d, t) else None if None in (d, t) else d * t for d, t in zip(dims, times)])]


def slice(input_, begin, size, name=None):
    """The block of size[i] elements (-1: the rest) from begin[i] along each dimension i."""
    return apply_op("Slice", input_, int_vector(begin), int_vector(size), name=name)


def stack(values, axis=0, name="stack"):
    """Tensors of one shape, joined along a new axis."""
    return apply_op("Pack", values, axis=axis, name=name or "stack")


def parallel_stack(values, name="parallel_stack"):
    """As stack along axis 0: there is no slower way here that it would avoid."""
    return stack(values, 0, name or "parallel_stack")


def unstack(value, num=None, axis=0, name="unstack"):
    """The list of the tensors of which `value` consists along `axis`; num: how many, where that is not known statically."""
    if num is None:
        value = convert_to_tensor(value)
        shape = value.get_shape()
        if shape.ndims is not None:
            if not -shape.ndims <= axis < shape.ndims:
                raise ValueError(f"axis = {axis} not in [{-shape.ndims}, {shape.ndims})")
            num = shape.as_list()[axis]
        if num is None:
            raise ValueError(f"Cannot infer num from shape {show(shape)}")
    result = apply_op("Unpack", value, num=num, axis=axis, name=name or "unstack")
    return result if isinstance(result, list) else [result]


def concat(values, axis, name="concat"):
    """Tensors joined along an axis that they have; the other dimensions must be equal.

    TypeError if axis is neither an integer nor a tensor, as when the order of 2015, concat(axis, values), is meant.
    """
    if not isinstance(axis, (numbers.Integral, np.ndarray, Tensor)):
        raise TypeError(f"axis must be an integer, got {axis!r}; the tensors come first: concat([a, b], axis)")
    if not isinstance(values, (list, tuple)):
        values = [values]
    if len(values) == 1:
        return apply_op("Identity", values[0], name=name or "concat")
    return apply_op("ConcatV2", values, axis, name=name or "concat")


def split(value, num_or_size_splits, axis=0, num=None, name="split"):
    """A list of pieces of `value` along `axis`: an int gives that many equal ones, a list their sizes (one may be -1)."""
    with name_scope(name, "split", [value]):
        value = convert_to_tensor(value, name="value")
        shape = value.get_shape()
        if shape.ndims is None:
            if not isinstance(num_or_size_splits, int):
                raise ValueError("split into pieces of given sizes needs a value of known rank")
            return _split_of_unknown_rank(value, num_or_size_splits, axis)
        if not -shape.ndims <= axis < shape.ndims:
            raise ValueError(f"axis = {axis} not in [{-shape.ndims}, {shape.ndims})")
        axis %= shape.ndims
        dim = shape.as_list()[axis]
        if isinstance(num_or_size_splits, Tensor):
            num_or_size_splits = constant_value(num_or_size_splits)
            if num_or_size_splits is None:
                raise ValueError("split needs num_or_size_splits that are known when the graph is built")
        if isinstance(num_or_size_splits, (np.ndarray, np.generic)):
            num_or_size_splits = num_or_size_splits.tolist()
        if isinstance(num_or_size_splits, (list, tuple)):
            sizes = [int(s) for s in num_or_size_splits]
            if -1 in sizes and dim is not None:
                sizes[sizes.index(-1)] = dim - sum(s for s in sizes if s != -1)
            if dim is not None and (sum(sizes) != dim or min(sizes) < 0):
                raise ValueError(f"Determined sizes {sizes} must sum to dimension {axis}, which is {dim}")
            if -1 in sizes[:-1]:
                raise ValueError("A size of -1 needs a dimension that is known statically, or the last place")
        elif dim is None:
            return _split_at_run_time(value, num_or_size_splits, axis)
        elif dim % num_or_size_splits:
            raise ValueError(f"Dimension size must be evenly divisible by {num_or_size_splits} but is {dim} for axis {axis} of {show(shape)}")
        else:
            sizes = [dim // num_or_size_splits] * num_or_size_splits
        pieces, begin, extent = [], [0] * shape.ndims, [-1] * shape.ndims
        for i, size in enumerate(sizes):
            extent[axis] = size
            pieces.append(apply_op("Slice", value, np.array(begin, np.int32), np.array(extent, np.int32)))
            begin[axis] += size
        return pieces


def _split_of_unknown_rank(value, num, axis):
    """Equal pieces along an axis of a tensor of which nothing is known: begin and size are vectors made in the run."""
    run_time, rank = apply_op("Shape", value), apply_op("Rank", value)
    axis = axis if axis >= 0 else apply_op("Add", rank, axis)
    dim = apply_op("Gather", run_time, axis)
    extent = apply_op("FloorDiv", dim, num)
    fits = apply_op("Assert", apply_op("Equal", apply_op("Mul", extent, num), dim), [f"Dimension size must be evenly divisible by {num} but is", dim])
    here = apply_op("OneHot", axis, rank, 1, 0, axis=-1)
    size = apply_op("Add", apply_op("Mul", here, extent), apply_op("Mul", apply_op("Sub", 1, here), run_time))
    with control_dependencies([fits]):
        return [apply_op("Slice", value, apply_op("Mul", here, apply_op("Mul", extent, i)), size) for i in range(num)]


def _split_at_run_time(value, num, axis):
    """Equal pieces of an axis of unknown size: [..., d, ...] is seen as [..., num, d / num, ...], which fails if num does not divide d."""
    run_time, dims = apply_op("Shape", value), value.get_shape().as_list()
    for i, dim in enumerate(dims):
        if dim is None and i != axis:
            dims[i] = apply_op("Squeeze", apply_op("Slice", run_time, [i], [1]), squeeze_dims=(0,))
    seen = apply_op("Reshape", value, dims[:axis] + [num, -1] + dims[axis + 1:])
    return unstack(seen, num, axis, "pieces")


def tile(input, multiples, name=None):
    """`input` repeated multiples[i] times along each dimension i."""
    return apply_op("Tile", input, int_vector(multiples), name=name)
