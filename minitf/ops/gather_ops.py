"""Choosing rows by number or by truth value: gather, boolean_mask."""
from ..core.dtypes import bool as bool_dtype
from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import convert_to_tensor, name_scope
from . import array_ops, logical_ops, reduction_ops
from .apply import apply_op
from .shape_fns import INDEX, UNKNOWN, at_least, show, value_from_constants


@register_op("Gather", ["params: Tparams", "indices: Tindices"], ["output: Tparams"],
             ["Tparams: type", f"Tindices: {INDEX}", "validate_indices: bool = True"])
def gather_shape(c):
    dims, indices = at_least(c, 0, 1), c.inputs[1]
    if dims is None or indices.ndims is None:
        return [UNKNOWN]
    return [TensorShape(indices.tuple + tuple(dims[1:]))]


value_from_constants("Gather", lambda c, params, indices: params[indices] if indices.size == 0 or (
    0 <= indices.min() and indices.max() < len(params)) else None)


def gather(params, indices, validate_indices=None, name=None, axis=0):
    """The slices params[indices] along `axis`: shape params.shape[:axis] + indices.shape + params.shape[axis + 1:].

    An index outside the axis is an InvalidArgumentError at run time.
    """
    if axis == 0:
        return apply_op("Gather", params, indices, name=name)
    with name_scope(name, "Gather", [params, indices]) as name:
        params, indices = convert_to_tensor(params), convert_to_tensor(indices)
        rank, inner = params.get_shape().ndims, indices.get_shape().ndims
        if rank is None or inner is None:
            raise ValueError("gather along an axis other than 0 needs params and indices of known rank")
        if not -rank <= axis < rank:
            raise ValueError(f"axis {axis} must be in the range [{-rank}, {rank}) for params: {show(params.get_shape())}")
        axis %= rank
        moved = array_ops.transpose(params, [axis] + [i for i in range(rank) if i != axis])
        rows = apply_op("Gather", moved, indices)
        perm = [*range(inner, inner + axis), *range(inner), *range(inner + axis, inner + rank - 1)]
        return array_ops.transpose(rows, perm, name=name)


def boolean_mask(tensor, mask, name="boolean_mask", axis=None):
    """The slices of `tensor` where `mask`, whose shape is that of its leading dimensions (from `axis` on), is true.

    >>> tf.boolean_mask([[1, 2], [3, 4], [5, 6]], [True, False, True])     # [[1, 2], [5, 6]]
    """
    with name_scope(name, "boolean_mask", [tensor, mask]) as name:
        tensor, mask = convert_to_tensor(tensor, name="tensor"), convert_to_tensor(mask, dtype=bool_dtype, name="mask")
        shape, mask_shape, axis = tensor.get_shape(), mask.get_shape(), axis or 0
        if mask_shape.ndims == 0:
            raise ValueError("mask cannot be scalar.")
        if mask_shape.ndims is None:
            raise ValueError("Number of mask dimensions must be specified, even if some dimensions are None.  "
                             "E.g. shape=[None] is ok, but shape=None is not.")
        covered = shape[axis:axis + mask_shape.ndims]
        if not covered.is_compatible_with(mask_shape):
            raise ValueError(f"Shapes {covered} and {mask_shape} are not compatible: mask must have the shape of the dimensions of tensor that it covers")
        if mask_shape.ndims > 1:
            run_time = array_ops.shape(tensor)
            end = axis + mask_shape.ndims
            count = reduction_ops.reduce_prod(run_time[axis:end], [0], keep_dims=True)
            tensor = array_ops.reshape(tensor, apply_op("ConcatV2", [run_time[:axis], count, run_time[end:]], 0))
            if shape.ndims is not None:
                tensor.set_shape(shape[:axis].concatenate([covered.num_elements()]).concatenate(shape[end:]))
        chosen = array_ops.squeeze(logical_ops.where(array_ops.reshape(mask, [-1])), axis=[1])
        return gather(tensor, chosen, axis=axis, name=name)
