"""Reductions: sums, means, extremes and the like over some of a tensor's axes."""
import numpy as np

from ..core.dtypes import as_dtype, int32, int64
from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..core.swap import swappable
from ..graph import convert_to_tensor
from . import sequence_ops
from .apply import apply_op
from .array_ops import either
from .constant_op import constant
from .shape_fns import ANY_NUMBER, REAL, UNKNOWN, argument, at_least, axis_in, value_from_constants, with_rank


@swappable
def reduction_shape(c):
    """The axes listed in the second input are dropped, or kept with size 1."""
    rank, keep = c.inputs[0].ndims, c.attrs["keep_dims"]
    if rank is None:
        return [UNKNOWN]
    if (c.inputs[1].ndims or 0) > 1:
        raise ValueError(f"Shape must be rank 0 or 1 but is rank {c.inputs[1].ndims} for {argument(c, 1)}")
    axes = c.constant(1)
    if axes is None:
        return [TensorShape([None] * rank) if keep else UNKNOWN]
    reduced = set()
    for axis in axes.ravel().tolist():
        if not -rank <= axis < rank:
            raise ValueError(f"Invalid reduction dimension {axis} for input with {rank} dimensions, {argument(c, 0)}")
        reduced.add(axis % rank)
    dims = c.inputs[0].tuple
    if keep:
        return [TensorShape.from_tuple(tuple([1 if i in reduced else d for i, d in enumerate(dims)]))]
    return [TensorShape.from_tuple(tuple([d for i, d in enumerate(dims) if i not in reduced]))]


for _name, _allowed in (("Sum", ANY_NUMBER), ("Mean", ANY_NUMBER), ("Max", REAL), ("Min", REAL), ("Prod", ANY_NUMBER)):
    register_op(_name, ["input: T", "reduction_indices: int32"], ["output: T"], [f"T: {_allowed}", "keep_dims: bool = False"], constants=["reduction_indices"])(reduction_shape)
for _name in ("All", "Any"):
    register_op(_name, ["input: bool", "reduction_indices: int32"], ["output: bool"], ["keep_dims: bool = False"], constants=["reduction_indices"])(reduction_shape)


def _value_of(op_type, function):
    value_from_constants(op_type, lambda c, x, axes: function(x, axis=tuple(axes.ravel().tolist()), keepdims=c.attrs["keep_dims"], dtype=x.dtype))


_value_of("Sum", np.sum)
_value_of("Prod", np.prod)


@register_op("ArgMax", ["input: T", "dimension: int32"], ["output: int64"], [f"T: {REAL}"], constants=["dimension"])
@register_op("ArgMin", ["input: T", "dimension: int32"], ["output: int64"], [f"T: {REAL}"], constants=["dimension"])
def argmax_shape(c):
    with_rank(c, 1, 0)
    dims = at_least(c, 0, 1)
    if dims is None:
        return [UNKNOWN]
    axis = c.constant(1)
    if axis is None:
        return [TensorShape([None] * (len(dims) - 1))]
    at = axis_in(int(axis), len(dims), c, "dimension")
    return [TensorShape(dims[:at] + dims[at + 1:])]


_all_axes = [np.arange(rank, dtype=np.int32) for rank in range(9)]


def _reduce(op_type, x, axis, keep_dims, name, reduction_indices, keepdims):
    if reduction_indices is not None:
        axis = either("axis", axis, "reduction_indices", reduction_indices)
    if keepdims is not None:
        keep_dims = either("keepdims", keepdims, "keep_dims", keep_dims)
    if axis is None:
        x = convert_to_tensor(x, name="input_tensor")
        rank = x.get_shape().ndims
        if rank is None:
            reduced = apply_op(op_type, x, sequence_ops.range(apply_op("Rank", x)), keep_dims=bool(keep_dims), name=name)
            if not keep_dims:
                reduced.set_shape([])
            return reduced
        axis = constant(_all_axes[rank])
    elif isinstance(axis, (list, tuple)) and not axis:
        axis = _all_axes[0]
    return apply_op(op_type, x, axis, keep_dims=bool(keep_dims), name=name)


def reduce_sum(input_tensor, axis=None, keep_dims=None, name=None, reduction_indices=None, keepdims=None):
    """The sum over `axis` (an int or a list; None: all).  With keepdims, the axes stay, with size 1.  Of nothing: 0."""
    return _reduce("Sum", input_tensor, axis, keep_dims, name, reduction_indices, keepdims)


def reduce_mean(input_tensor, axis=None, keep_dims=None, name=None, reduction_indices=None, keepdims=None):
    """The mean over `axis`; for integers rounded towards zero.  Of nothing: NaN.  Axes as in reduce_sum."""
    return _reduce("Mean", input_tensor, axis, keep_dims, name, reduction_indices, keepdims)


def reduce_prod(input_tensor, axis=None, keep_dims=None, name=None, reduction_indices=None, keepdims=None):
    """The product over `axis`.  Of nothing: 1.  Axes as in reduce_sum."""
    return _reduce("Prod", input_tensor, axis, keep_dims, name, reduction_indices, keepdims)


def reduce_max(input_tensor, axis=None, keep_dims=None, name=None, reduction_indices=None, keepdims=None):
    """The greatest element over `axis`.  Of nothing: the lowest value there is.  Axes as in reduce_sum."""
    return _reduce("Max", input_tensor, axis, keep_dims, name, reduction_indices, keepdims)


def reduce_min(input_tensor, axis=None, keep_dims=None, name=None, reduction_indices=None, keepdims=None):
    """The least element over `axis`.  Of nothing: the highest value there is.  Axes as in reduce_sum."""
    return _reduce("Min", input_tensor, axis, keep_dims, name, reduction_indices, keepdims)


def reduce_all(input_tensor, axis=None, keep_dims=None, name=None, reduction_indices=None, keepdims=None):
    """Whether all are true over `axis`.  Axes as in reduce_sum."""
    return _reduce("All", input_tensor, axis, keep_dims, name, reduction_indices, keepdims)


def reduce_any(input_tensor, axis=None, keep_dims=None, name=None, reduction_indices=None, keepdims=None):
    """Whether any is true over `axis`.  Axes as in reduce_sum."""
    return _reduce("Any", input_tensor, axis, keep_dims, name, reduction_indices, keepdims)


def reduce_logsumexp(input_tensor, axis=None, keep_dims=None, name=None, reduction_indices=None, keepdims=None):
    """log(sum(exp(x))) over `axis`, without overflow for large x."""
    x = convert_to_tensor(input_tensor)
    axis = either("axis", axis, "reduction_indices", reduction_indices, None)
    top = apply_op("StopGradient", reduce_max(x, axis, True))
    total = apply_op("Log", reduce_sum(apply_op("Exp", apply_op("Sub", x, top)), axis, True))
    result = apply_op("Add", total, top)
    if either("keepdims", keepdims, "keep_dims", keep_dims, None):
        return apply_op("Identity", result, name=name or "logsumexp")
    return drop(result, axis, name or "logsumexp")


def drop(x, axis, name=None):
    """x without the axes, all of size 1, over which it was reduced with keep_dims."""
    if axis is None:
        return apply_op("Reshape", x, _all_axes[0], name=name)
    if isinstance(axis, (int, list, tuple)):
        return apply_op("Squeeze", x, squeeze_dims=[axis] if isinstance(axis, int) else axis, name=name) if axis not in ([], ()) else x
    return reduce_sum(x, axis, name=name)


def argmax(input, axis=None, name=None, dimension=None, output_type=int64):
    """Where along `axis` (0) the greatest element is; the first such place if there are several."""
    return _place("ArgMax", input, axis, name, dimension, output_type)


def argmin(input, axis=None, name=None, dimension=None, output_type=int64):
    """Where along `axis` (0) the least element is; the first such place if there are several."""
    return _place("ArgMin", input, axis, name, dimension, output_type)


def arg_max(input, dimension, output_type=int64, name=None):
    """As argmax; the name that 0.x had."""
    return _place("ArgMax", input, dimension, name, None, output_type)


def arg_min(input, dimension, output_type=int64, name=None):
    """As argmin; the name that 0.x had."""
    return _place("ArgMin", input, dimension, name, None, output_type)


def _place(op_type, x, axis, name, dimension, output_type):
    axis = either("axis", axis, "dimension", dimension, None)
    axis = 0 if axis is None else axis
    if as_dtype(output_type) is int32:
        return apply_op("Cast", apply_op(op_type, x, axis), DstT=int32, name=name or op_type)
    return apply_op(op_type, x, axis, name=name)
