"""Padding: a border of a constant, or of the mirror image of what is inside."""
import numpy as np

from ..core.registry import register_op
from ..core.shapes import TensorShape
from .apply import apply_op
from .shape_fns import INDEX, UNKNOWN, argument, with_rank

_INPUTS = ["input: T", "paddings: Tpaddings"]
_ATTRS = ["T: type", f"Tpaddings: {INDEX} = int32"]
_MODE = 'mode: {"REFLECT", "SYMMETRIC"}'


@register_op("Pad", _INPUTS, ["output: T"], _ATTRS, constants=["paddings"])
def pad_shape(c):
    n, two = with_rank(c, 1, 2)
    if two not in (2, None):
        raise ValueError(f"Dimension must be 2 but is {two} for {argument(c, 1)}")
    rank = c.inputs[0].ndims if n is None else n
    if rank is None:
        return [UNKNOWN]
    dims = with_rank(c, 0, rank)
    paddings = c.constant(1)
    if paddings is None:
        return [TensorShape([None] * rank)]
    if (paddings < 0).any():
        raise ValueError(f"Paddings must be non-negative, got {paddings.tolist()}")
    return [TensorShape([None if d is None else d + int(before) + int(after) for d, (before, after) in zip(dims, paddings)])]


@register_op("PadV2", [*_INPUTS, "constant_values: T"], ["output: T"], _ATTRS, constants=["paddings"])
def pad_v2_shape(c):
    with_rank(c, 2, 0)
    return pad_shape(c)


@register_op("MirrorPad", _INPUTS, ["output: T"], [*_ATTRS, _MODE], constants=["paddings"])
def mirror_pad_shape(c):
    """A mirror image is no larger than what is mirrored."""
    paddings, shape = c.constant(1), c.inputs[0]
    if paddings is not None and shape.ndims == len(paddings):
        offset = c.attrs["mode"] == "REFLECT"
        for dim, (before, after) in zip(shape.tuple, paddings.tolist()):
            if dim is not None and max(before, after) > dim - offset:
                raise ValueError(f"paddings must be {'less than' if offset else 'no greater than'} the dimension size: {before}, {after} "
                                 f"{'not less than' if offset else 'greater than'} {dim} for {argument(c, 0)}")
    return pad_shape(c)


@register_op("MirrorPadGrad", _INPUTS, ["output: T"], [*_ATTRS, _MODE], constants=["paddings"])
def mirror_pad_grad_shape(c):
    n, _ = with_rank(c, 1, 2)
    rank = c.inputs[0].ndims if n is None else n
    if rank is None:
        return [UNKNOWN]
    dims, paddings = with_rank(c, 0, rank), c.constant(1)
    if paddings is None:
        return [TensorShape([None] * rank)]
    return [TensorShape([None if d is None else d - int(before) - int(after) for d, (before, after) in zip(dims, paddings)])]


def pad(tensor, paddings, mode="CONSTANT", name=None, constant_values=0):
    """A border around a tensor: paddings[i] = (before, after), the numbers of elements added along each dimension i.

    mode  "CONSTANT": of the scalar constant_values.  "REFLECT": of the mirror image, the edge not repeated, so at most size - 1 wide.
          "SYMMETRIC": of the mirror image, the edge repeated, so at most size wide.

    >>> tf.pad([1, 2, 3], [[2, 1]], "REFLECT"), tf.pad([1, 2, 3], [[2, 1]], "SYMMETRIC")     # [3, 2, 1, 2, 3, 2], [2, 1, 1, 2, 3, 3]
    """
    mode = mode.upper()
    if mode in ("REFLECT", "SYMMETRIC"):
        return apply_op("MirrorPad", tensor, paddings, mode=mode, name=name)
    if mode != "CONSTANT":
        raise ValueError(f"Unknown padding mode: {mode}")
    if isinstance(constant_values, (int, float, np.generic)) and not constant_values:
        return apply_op("Pad", tensor, paddings, name=name)
    return apply_op("PadV2", tensor, paddings, constant_values, name=name)
