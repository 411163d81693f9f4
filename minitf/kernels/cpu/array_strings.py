"""Array kernels for tensors of strings, written with NumPy: their elements are references, which only Python may copy."""
import numpy as np

from ...core.dtypes import string
from ...core.errors import InvalidArgumentError
from .kernel import register_python_kernel


def _register(op_type, function, dtype_attr="T"):
    register_python_kernel(op_type, **{dtype_attr: [string]})(function)


def _identity(attrs, x):
    return x


def _reshape(attrs, x, shape):
    try:
        return x.reshape(shape)
    except ValueError:
        raise InvalidArgumentError(None, None, f"Cannot reshape a tensor of shape {list(x.shape)} to {shape.tolist()}") from None


def _expand_dims(attrs, x, dim):
    return np.expand_dims(x, int(dim))


def _squeeze(attrs, x):
    return np.squeeze(x, tuple(attrs["squeeze_dims"]) or None)


def _pack(attrs, *values):
    return np.stack(values, attrs["axis"])


def _unpack(attrs, value):
    return [np.take(value, i, attrs["axis"]) for i in range(attrs["num"])]


def _concat(attrs, *values_and_axis):
    *values, axis = values_and_axis
    return np.concatenate(values, int(axis))


def _tile(attrs, x, multiples):
    return np.tile(x, multiples)


def _slice(attrs, x, begin, size):
    for axis, (first, count, length) in enumerate(zip(begin, size, x.shape)):
        if first < 0 or first + max(count, 0) > length:
            raise InvalidArgumentError(None, None, f"A slice of {count} from {first} does not fit dimension {axis}, which has {length} elements")
    return x[tuple(slice(b, None if s == -1 else b + s) for b, s in zip(begin, size))]


def _gather(attrs, params, indices):
    bad = indices[(indices < 0) | (indices >= params.shape[0])]
    if bad.size:
        raise InvalidArgumentError(None, None, f"indices hold {bad.flat[0]}, which is not in [0, {params.shape[0]})")
    return params[indices]


def _fill(attrs, dims, value):
    return np.full(dims, value.item(), object)


def _broadcast_to(attrs, x, shape):
    return np.broadcast_to(x, shape)


def _strided_slice(attrs, x, begin, end, strides):
    key = []
    for place, (first, last, step) in enumerate(zip(begin.tolist(), end.tolist(), strides.tolist())):
        special = {name: attrs[f"{name}_mask"] >> place & 1 for name in ("begin", "end", "ellipsis", "new_axis", "shrink_axis")}
        key.append(Ellipsis if special["ellipsis"] else None if special["new_axis"] else first if special["shrink_axis"] else
                   slice(None if special["begin"] else first, None if special["end"] else last, step))
    try:
        return x[tuple(key)]
    except IndexError as error:
        raise InvalidArgumentError(None, None, f"slice index out of bounds: {error}") from None


def _reverse(attrs, x, axes):
    return np.flip(x, tuple(axes.tolist())) if axes.size else x


def _gather_nd(attrs, params, indices):
    depth = indices.shape[-1]
    bad = (indices < 0) | (indices >= params.shape[:depth])
    if bad.any():
        raise InvalidArgumentError(None, None, f"indices hold {indices[bad.any(-1)][0].tolist()}, which does not index into param shape {list(params.shape)}")
    return params[tuple(np.moveaxis(indices, -1, 0))] if depth else np.broadcast_to(params, indices.shape[:-1] + params.shape)


def _transpose(attrs, x, perm):
    return np.transpose(x, perm)


def _select(attrs, condition, t, e):
    if condition.ndim == 1:
        condition = condition.reshape(condition.shape + (1,) * (t.ndim - 1))
    return np.where(condition, t, e)


for _name in ("Identity", "StopGradient"):
    _register(_name, _identity)
_register("PlaceholderWithDefault", _identity, "dtype")
_register("Gather", _gather, "Tparams")
_register("GatherNd", _gather_nd, "Tparams")
for _name, _function in (("Reshape", _reshape), ("ExpandDims", _expand_dims), ("Squeeze", _squeeze), ("Pack", _pack), ("Unpack", _unpack),
                         ("ConcatV2", _concat), ("Tile", _tile), ("Slice", _slice), ("Fill", _fill), ("BroadcastTo", _broadcast_to),
                         ("Transpose", _transpose), ("Select", _select), ("StridedSlice", _strided_slice), ("ReverseV2", _reverse)):
    _register(_name, _function)


@register_python_kernel("Equal", T=[string])
def equal(attrs, x, y):
    return x == y


@register_python_kernel("NotEqual", T=[string])
def not_equal(attrs, x, y):
    return x != y
