"""Keeping tensors, and lists of gradients, within bounds."""
from ..graph import colocate_with, convert_to_tensor, name_scope
from . import reduction_ops
from .apply import apply_op
from .indexed_slices import IndexedSlices, convert_to_tensor_or_indexed_slices


def clip_by_value(t, clip_value_min, clip_value_max, name=None):
    """t with what lies outside [clip_value_min, clip_value_max] set to the nearer end."""
    with name_scope(name, "clip_by_value", [t, clip_value_min, clip_value_max]) as name:
        t = convert_to_tensor(t, name="t")
        below = apply_op("Minimum", t, clip_value_max)
        t.get_shape().assert_is_compatible_with(below.get_shape())
        return apply_op("Maximum", below, clip_value_min, name=name)


def clip_by_norm(t, clip_norm, axes=None, name=None):
    """t * clip_norm / ||t|| where the L2 norm ||t|| (over `axes`, or all) exceeds clip_norm, else t."""
    with name_scope(name, "clip_by_norm", [t, clip_norm]) as name:
        t = convert_to_tensor(t, name="t")
        # Rsqrt of a zero sum is infinite, and the minimum then takes 1 / clip_norm: zeros stay zeros.
        inverse = apply_op("Rsqrt", reduction_ops.reduce_sum(apply_op("Mul", t, t), axes, keep_dims=True))
        bound = apply_op("RealDiv", t.dtype.as_numpy_dtype(1), convert_to_tensor(clip_norm, dtype=t.dtype.base_dtype))
        return apply_op("Mul", apply_op("Mul", t, clip_norm), apply_op("Minimum", inverse, bound), name=name)


def global_norm(t_list, name=None):
    """sqrt(sum of the squares of all elements of all tensors); IndexedSlices count by their values, None entries not at all."""
    if not isinstance(t_list, (list, tuple)):
        raise TypeError("t_list should be a sequence")
    with name_scope(name, "global_norm", t_list) as name:
        half_squares = []
        for t in t_list:
            if t is not None:
                values = t.values if isinstance(t, IndexedSlices) else convert_to_tensor(t)
                with colocate_with(values):
                    half_squares.append(apply_op("L2Loss", values))
        if not half_squares:
            raise ValueError("global_norm of no tensors: every entry of t_list is None")
        half = reduction_ops.reduce_sum(apply_op("Pack", half_squares))
        return apply_op("Sqrt", apply_op("Mul", half, 2.0), name="global_norm")


def clip_by_global_norm(t_list, clip_norm, use_norm=None, name=None):
    """(clipped, norm): every tensor times clip_norm / max(norm, clip_norm), where norm is the global norm, or use_norm.

    Their directions relative to each other stay (Pascanu et al., 2012).  An infinite norm gives NaN everywhere rather than zeros.
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
        clipped = []
        for i, t in enumerate(t_list):
            if t is None:
                clipped.append(None)
                continue
            t = convert_to_tensor_or_indexed_slices(t)
            values = t.values if isinstance(t, IndexedSlices) else t
            with colocate_with(values):
                scaled = apply_op("Mul", values, scale, name=f"{scope}_{i}")
            clipped.append(IndexedSlices(scaled, t.indices, t.dense_shape) if isinstance(t, IndexedSlices) else scaled)
        return clipped, norm
