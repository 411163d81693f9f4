"""Keeping tensors, and lists of gradients, within bounds."""
from ..core.swap import swappable
from ..graph import colocate_with, convert_to_tensor, name_scope
from . import array_ops, reduction_ops
from .apply import apply_op
from .indexed_slices import IndexedSlices, convert_to_tensor_or_indexed_slices


def clip_by_value(t, clip_value_min, clip_value_max, name=None):
    """t with what lies outside [clip_value_min, clip_value_max] set to the nearer end.  Of IndexedSlices, the values are clipped."""
    with name_scope(name, "clip_by_value", [t, clip_value_min, clip_value_max]) as name:
        t = convert_to_tensor_or_indexed_slices(t, name="t")
        values = _values(t)
        below = apply_op("Minimum", values, clip_value_max)
        values.get_shape().assert_is_compatible_with(below.get_shape())
        return _like(t, apply_op("Maximum", below, clip_value_min, name=name))


def clip_by_norm(t, clip_norm, axes=None, name=None):
    """t * clip_norm / max(||t||, clip_norm), where ||t|| is the L2 norm over `axes`, or over all.  Of IndexedSlices, the values are clipped.

    Where the norm is 0 its derivative counts as 0, so gradients pass.
    """
    with name_scope(name, "clip_by_norm", [t, clip_norm]) as name:
        t = convert_to_tensor_or_indexed_slices(t, name="t")
        values = _values(t)
        squares = reduction_ops.reduce_sum(apply_op("Mul", values, values), axes, keep_dims=True)
        is_zero = apply_op("Equal", squares, 0)
        # The root is taken of 1 in place of 0, where its derivative is infinite; NaN goes through it as it is.
        norm = apply_op("Select", is_zero, squares, apply_op("Sqrt", apply_op("Select", is_zero, array_ops.ones_like(squares), squares)))
        clipped = apply_op("Mul", values, clip_norm)
        values.get_shape().assert_is_compatible_with(clipped.get_shape())
        return _like(t, apply_op("RealDiv", clipped, apply_op("Maximum", norm, clip_norm), name=name))


def clip_by_average_norm(t, clip_norm, name=None):
    """t scaled so that its average norm, ||t|| / (number of elements), is at most clip_norm."""
    with name_scope(name, "clip_by_average_norm", [t, clip_norm]) as name:
        t = convert_to_tensor(t, name="t")
        dtype = t.dtype.base_dtype
        count = apply_op("Cast", array_ops.size(t), DstT=dtype)
        inverse = apply_op("Mul", apply_op("Rsqrt", reduction_ops.reduce_sum(apply_op("Mul", t, t))), count)
        bound = apply_op("RealDiv", dtype.as_numpy_dtype(1), convert_to_tensor(clip_norm, dtype=dtype))
        return apply_op("Mul", apply_op("Mul", t, clip_norm), apply_op("Minimum", inverse, bound), name=name)


def _values(t):
    return t.values if isinstance(t, IndexedSlices) else t


def _like(t, values):
    """The values in place of those of t."""
    return IndexedSlices(values, t.indices, t.dense_shape) if isinstance(t, IndexedSlices) else values


def global_norm(t_list, name=None):
    """sqrt(sum of the squares of all elements of all tensors); IndexedSlices count by their values, None entries not at all."""
    if not isinstance(t_list, (list, tuple)):
        raise TypeError("t_list should be a sequence")
    with name_scope(name, "global_norm", t_list) as name:
        half_squares = []
        for t in t_list:
            if t is not None:
                values = _values(convert_to_tensor_or_indexed_slices(t))
                with colocate_with(values):
                    half_squares.append(apply_op("L2Loss", values))
        if not half_squares:
            raise ValueError("global_norm of no tensors: every entry of t_list is None")
        half = reduction_ops.reduce_sum(apply_op("Pack", half_squares))
        return apply_op("Sqrt", apply_op("Mul", half, 2.0), name="global_norm")


@swappable
def clip_by_global_norm(t_list, clip_norm, use_norm=None, name=None):
    """(clipped, norm): every tensor times clip_norm / max(norm, clip_norm), where norm is the global norm, or use_norm.

    Their directions relative to each other stay (Pascanu et al., 2012).  A norm that is infinite or NaN gives NaN everywhere, not zeros.
    """
    if not isinstance(t_list, (list, tuple)):
        raise TypeError("t_list should be a sequence")
    norm = global_norm(t_list, name) if use_norm is None else use_norm
    with name_scope(name, "clip_by_global_norm", [*t_list, clip_norm]) as scope:
        norm = convert_to_tensor(norm)
        dtype = norm.dtype.base_dtype
        one = dtype.as_numpy_dtype(1)
        bound = apply_op("RealDiv", one, convert_to_tensor(clip_norm, dtype=dtype))
        scale = apply_op("Mul", apply_op("Minimum", apply_op("RealDiv", one, norm), bound), clip_norm)
        scale = apply_op("Add", scale, apply_op("Sub", norm, norm))       # NaN unless the norm is finite
        clipped = []
        for i, t in enumerate(t_list):
            if t is None:
                clipped.append(None)
                continue
            t = convert_to_tensor_or_indexed_slices(t)
            with colocate_with(_values(t)):
                clipped.append(_like(t, apply_op("Mul", _values(t), scale, name=f"{scope}_{i}")))
        return clipped, norm
