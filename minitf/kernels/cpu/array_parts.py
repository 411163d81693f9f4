"""Kernels that sort elements into parts and put parts together, written with NumPy."""
import numpy as np

from ...core.errors import InvalidArgumentError
from .kernel import register_python_kernel


@register_python_kernel("DynamicPartition", strings=True)
def dynamic_partition(attrs, data, partitions):
    """For each number below num_partitions, the slices of data that bear it, in order."""
    num = attrs["num_partitions"]
    wrong = (partitions < 0) | (partitions >= num)
    if wrong.any():
        place = np.argwhere(wrong)[0].tolist()
        raise InvalidArgumentError(None, None, f"partitions{place or ''} = {partitions[tuple(place)]} is not in [0, {num})")
    return [data[partitions == k] for k in range(num)]


@register_python_kernel("DynamicStitch", strings=True)
def dynamic_stitch(attrs, *inputs):
    """merged[indices[m][i...]] = data[m][i...]; of what is put at one place the last stays, and what nothing is put at is zero."""
    indices, data = inputs[:len(inputs) // 2], inputs[len(inputs) // 2:]
    rows = 1 + max((int(i.max()) for i in indices if i.size), default=-1)
    tail = data[0].shape[indices[0].ndim:]
    merged = np.full((rows, *tail), b"", object) if data[0].dtype == object else np.zeros((rows, *tail), data[0].dtype)
    for where, values in zip(indices, data):
        if where.size and where.min() < 0:
            raise InvalidArgumentError(None, None, f"indices must not be negative, got {where.min()}")
        merged[where.ravel()] = values.reshape((-1, *tail)) if values.size else values.reshape((where.size, *tail))
    return merged


@register_python_kernel("ListDiff", strings=True)
def list_diff(attrs, x, y):
    """The elements of x that are not in y, in order, and their places in x."""
    known = set(y.tolist())
    places = np.array([i for i, v in enumerate(x.tolist()) if v not in known], np.int64)
    return x[places], places


@register_python_kernel("UniqueWithCounts", strings=True)
def unique_with_counts(attrs, x):
    """Unique, and how often each value occurs."""
    values, first, inverse, counts = np.unique(x, return_index=True, return_inverse=True, return_counts=True, equal_nan=False)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return values[order], rank[inverse], counts[order]


@register_python_kernel("BroadcastArgs")
def broadcast_args(attrs, s0, s1):
    """The shape to which two shapes broadcast."""
    try:
        return np.array(np.broadcast_shapes(tuple(s0.tolist()), tuple(s1.tolist())), s0.dtype)
    except ValueError:
        raise InvalidArgumentError(None, None, f"Incompatible shapes: {s0.tolist()} vs. {s1.tolist()}") from None


@register_python_kernel("Bitcast")
def bitcast(attrs, x):
    """The same bytes as elements of another type."""
    wanted = np.dtype(attrs["type"].as_numpy_dtype)
    if wanted.itemsize > x.dtype.itemsize:
        return np.ascontiguousarray(x).view(wanted)[..., 0]
    seen = np.ascontiguousarray(x)[..., None].view(wanted)
    return seen if wanted.itemsize < x.dtype.itemsize else seen[..., 0]


def _check_mirror(shape, paddings, offset):
    for dim, (before, after) in zip(shape, paddings.tolist()):
        if before < 0 or after < 0:
            raise InvalidArgumentError(None, None, f"paddings must be non-negative: {before} {after}")
        if max(before, after) > dim - offset:
            raise InvalidArgumentError(None, None, f"paddings must be {'less than' if offset else 'no greater than'} the dimension size: {before}, {after} "
                                       f"{'not less than' if offset else 'greater than'} {dim}")


@register_python_kernel("MirrorPad", strings=True)
def mirror_pad(attrs, x, paddings):
    """The array continued by its mirror image, which repeats the border (SYMMETRIC) or does not (REFLECT)."""
    _check_mirror(x.shape, paddings, attrs["mode"] == "REFLECT")
    return np.pad(x, paddings, mode=attrs["mode"].lower()) if x.ndim else x


@register_python_kernel("MirrorPadGrad")
def mirror_pad_grad(attrs, x, paddings):
    """The adjoint of MirrorPad: what was a copy is added to what it was a copy of."""
    offset = attrs["mode"] == "REFLECT"
    x = x.copy()
    for axis, (before, after) in enumerate(paddings.tolist()):
        x = np.moveaxis(x, axis, 0)
        dim = len(x) - before - after
        inner = x[before:before + dim]
        left, right = x[:before][::-1].copy(), x[before + dim:].copy()
        inner[offset:offset + before] += left
        inner[dim - offset - after:dim - offset] += right[::-1]
        x = np.moveaxis(inner, 0, axis)
    return x
