"""x[begin:end:step, ...] as one op: any step, bounds that only the run knows, clamped to the axes as Python's are."""
import numpy as np

from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..core.strided import NEW, RANGE, bounds, layout
from ..graph import convert_to_tensor
from .apply import apply_op
from .array_ops import int_vector
from .shape_fns import INDEX, UNKNOWN, argument, sizes, value_from_constants, with_rank

_MASKS = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask")
_ATTRS = ["T: type", f"Index: {INDEX} = int32", *[f"{mask}: int = 0" for mask in _MASKS]]


@register_op("StridedSlice", ["input: T", "begin: Index", "end: Index", "strides: Index"], ["output: T"], _ATTRS, constants=["strides"])
def strided_slice_shape(c):
    places = _places(c)
    shape = c.inputs[0]
    if shape.ndims is None or places is None:
        return [UNKNOWN]
    try:
        kinds = layout(shape.ndims, places, *(c.attrs[mask] for mask in _MASKS[2:]))
    except ValueError as error:
        raise ValueError(f"{error} for {argument(c, 0)}") from None
    dims, axis = [], -1
    for kind, place in kinds:
        if kind == NEW:
            dims.append(1)
            continue
        axis += 1
        if kind == RANGE:
            dims.append(shape.tuple[axis] if place is None else _count(c, shape.tuple[axis], place))
    return [TensorShape(dims)]


def _places(c):
    """The length of begin, end and strides, which must be one."""
    known = None
    for i in (1, 2, 3):
        n = with_rank(c, i, 1)[0]
        if None not in (n, known) and n != known:
            raise ValueError(f"Expected begin, end, and strides to be 1D equal size tensors, got {argument(c, 1)}, {argument(c, i)}")
        known = n if known is None else known
    return known


def _count(c, dim, place):
    """How many elements are taken of an axis; None if that is not known.  Bounds that the masks make irrelevant are not asked for."""
    step = _element(c, 3, place)
    if step == 0:
        raise ValueError("strides[%d] must be non-zero" % place)
    has_begin, has_end = (not c.attrs[mask] >> place & 1 for mask in _MASKS[:2])
    begin, end = _element(c, 1, place) if has_begin else None, _element(c, 2, place) if has_end else None
    if None in (dim, step) or has_begin and begin is None or has_end and end is None:
        return None
    return bounds(begin, end, step, dim)[1]


def _element(c, i, place):
    """One element of an integer vector: of a packed one, some may be known."""
    value = c.constant(i)
    if value is not None:
        return int(value[place])
    known = c.constant_as_shape(i).tuple
    return None if known is None else known[place]


def _numpy_slice(c, x, begin, end, strides):
    if (strides == 0).any():
        return None
    key = []
    for place, (first, last, step) in enumerate(zip(begin.tolist(), end.tolist(), strides.tolist())):
        masked = [c.attrs[mask] >> place & 1 for mask in _MASKS]
        key.append(Ellipsis if masked[2] else None if masked[3] else first if masked[4] else
                   slice(None if masked[0] else first, None if masked[1] else last, step))
    try:
        return x[tuple(key)]
    except IndexError:                    # fails in the run, with the op's own line
        return None


value_from_constants("StridedSlice", _numpy_slice)


@register_op("StridedSliceGrad", ["shape: Index", "begin: Index", "end: Index", "strides: Index", "dy: T"], ["output: T"], _ATTRS, constants=["strides"])
def strided_slice_grad_shape(c):
    with_rank(c, 0, 1)
    _places(c)
    return [sizes(c, 0)]


def strided_slice(input_, begin, end, strides=None, begin_mask=0, end_mask=0, ellipsis_mask=0, new_axis_mask=0, shrink_axis_mask=0, var=None,
                  name=None):
    """The elements begin[i], begin[i] + strides[i], ... below end[i] (above it, for a negative stride) along each axis i.

    Negative bounds count from behind; those outside an axis are taken for its ends.  strides: all 1 if None.  The bits of the masks say
    which places are special (see minitf.core.strided); `x[...]` fills them in.  `var`: for assigning to a slice, which is not implemented.

    >>> tf.strided_slice([1, 2, 3, 4, 5], [-1], [0], [-2])          # [5, 3]
    """
    if var is not None:
        raise ValueError("strided_slice: assigning to a slice of a variable is not implemented; tf.scatter_nd_update does such work")
    begin = convert_to_tensor(int_vector(begin), name="begin")
    if strides is None:
        n = begin.get_shape().num_elements()
        strides = np.ones(n, begin.dtype.as_numpy_dtype) if n is not None else apply_op("OnesLike", begin)
    return apply_op("StridedSlice", input_, begin, int_vector(end), int_vector(strides), name=name, begin_mask=begin_mask, end_mask=end_mask,
                    ellipsis_mask=ellipsis_mask, new_axis_mask=new_axis_mask, shrink_axis_mask=shrink_axis_mask)
