"""t[...]: Python's indexing.

A box whose place is known while the graph is built is a Slice, whose gradient is a Pad; with steps, bounds in tensors, or bounds beyond
axes of unknown size it is a StridedSlice.
"""
import numpy as np

from ..graph import Tensor, convert_to_tensor, name_scope
from .apply import apply_op
from .shape_fns import show

_ALL = slice(None)


def getitem(tensor, key):
    """tensor[key], for integers (Python's or scalar int tensors), slices (steps too), `...` and tf.newaxis.

    Negative numbers count from behind, in tensors too.  A slice's bounds are clamped to the axis; an index outside it is an error:
    ValueError where that is known now, else InvalidArgumentError in the run.

    >>> x[0], x[..., tf.newaxis], x[::-1], x[1:n, -1]
    """
    keys = [_checked(k) for k in (key if isinstance(key, tuple) else (key,))]
    rank = tensor.get_shape().ndims
    taken = sum(1 for k in keys if k is not None and k is not Ellipsis)
    if sum(1 for k in keys if k is Ellipsis) > 1:
        raise ValueError("Multiple ellipses in slice spec not allowed")
    if rank is not None and taken > rank:
        raise ValueError(f"Too many indices for {tensor.name}: {taken} given, shape {show(tensor.get_shape())}")
    with name_scope(None, "strided_slice", [tensor]) as scope:
        if rank is not None:
            at = next((i for i, k in enumerate(keys) if k is Ellipsis), len(keys))
            whole = keys[:at] + [_ALL] * (rank - taken) + keys[at + 1:]
            _refuse_outside(tensor, whole)
            box = _box(tensor, whole)
            if box is not None:
                return _sliced(tensor, whole, box, scope)
        return _strided(tensor, keys, scope)


def _checked(k):
    """A key as None, Ellipsis, int, int tensor, or slice of such; TypeError for others."""
    if k is None or k is Ellipsis:
        return k
    if isinstance(k, slice):
        return slice(*[None if part is None else _number(part) for part in (k.start, k.stop, k.step)])
    return _number(k)


def _number(k):
    if hasattr(k, "__index__") and not isinstance(k, (bool, np.bool_, Tensor)):
        return k.__index__()
    if not hasattr(k, "get_shape"):
        raise TypeError("Only integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar int32/int64 tensors are valid indices, "
                        f"got {k!r}")
    k = convert_to_tensor(k)
    if k.dtype.base_dtype.name not in ("int32", "int64"):
        raise TypeError(f"A tensor used as an index must be int32 or int64, {k.name} is {k.dtype.base_dtype.name}")
    return k


def _refuse_outside(tensor, keys):
    dims = iter(tensor.get_shape().tuple)
    for axis, k in enumerate([k for k in keys if k is not None]):
        dim = next(dims)
        if isinstance(k, int) and dim is not None and not -dim <= k < dim:
            raise ValueError(f"slice index {k} of dimension {axis} out of bounds for shape {show(tensor.get_shape())} of {tensor.name}")


def _box(tensor, keys):
    """[(begin, size)] for each axis, size -1 for the rest of it; or None if that is not known, or has steps."""
    box, dims = [], iter(tensor.get_shape().tuple)
    for k in keys:
        if k is None:
            continue
        dim = next(dims)
        if isinstance(k, int):
            if k < 0 and dim is None:
                return None
            box.append((k + dim if k < 0 else k, 1))
        elif not isinstance(k, slice) or k.step not in (None, 1) or any(isinstance(b, Tensor) for b in (k.start, k.stop)):
            return None
        elif k.start in (None, 0) and k.stop is None:
            box.append((0, -1))
        elif dim is None:
            return None
        else:
            begin, end, _ = k.indices(dim)
            box.append((begin, max(end - begin, 0)))
    return box


def _sliced(tensor, keys, box, scope):
    """Slice, Squeeze and ExpandDims, as far as they are needed; the last one bears the scope's name."""
    kept = [k for k in keys if not isinstance(k, int)]
    squeezed = [axis for axis, k in enumerate(k for k in keys if k is not None) if isinstance(k, int)]
    steps = []
    if any(part != (0, -1) for part in box):
        steps.append(("Slice", (np.array([b for b, _ in box], np.int32), np.array([s for _, s in box], np.int32)), {}))
    if squeezed:
        steps.append(("Squeeze", (), {"squeeze_dims": tuple(squeezed)}))
    steps += [("ExpandDims", (axis,), {}) for axis, k in enumerate(kept) if k is None]
    result = tensor
    for i, (op_type, rest, attrs) in enumerate(steps or [("Identity", (), {})]):
        result = apply_op(op_type, result, *rest, name=scope if i == max(len(steps) - 1, 0) else None, **attrs)
    return result


def _strided(tensor, keys, scope):
    begin, end, strides, masks = [], [], [], dict.fromkeys(("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"), 0)
    for place, k in enumerate(keys):
        first = last = 0
        step = 1
        if k is Ellipsis:
            masks["ellipsis_mask"] |= 1 << place
        elif k is None:
            masks["new_axis_mask"] |= 1 << place
        elif isinstance(k, slice):
            first, last, step = k.start, k.stop, 1 if k.step is None else k.step
            if isinstance(step, int) and step == 0:
                raise ValueError(f"slice step cannot be zero, in an index of {tensor.name}")
            masks["begin_mask"] |= (first is None) << place
            masks["end_mask"] |= (last is None) << place
        else:
            first = last = k
            masks["shrink_axis_mask"] |= 1 << place
        begin.append(first or 0 if not isinstance(first, Tensor) else first)
        end.append(last or 0 if not isinstance(last, Tensor) else last)
        strides.append(step)
    parts = begin + end + strides
    wide = any(isinstance(p, Tensor) and p.dtype.base_dtype.name == "int64" for p in parts)
    wide = wide or any(isinstance(p, int) and not -2**31 <= p < 2**31 for p in parts)
    return apply_op("StridedSlice", tensor, *(_vector(parts, wide) for parts in (begin, end, strides)), name=scope, **masks)


def _vector(parts, wide):
    """The parts as one int32 (or int64) vector."""
    if not any(isinstance(p, Tensor) for p in parts):
        return np.array(parts, np.int64 if wide else np.int32)
    dtype = "int64" if wide else "int32"
    return apply_op("Pack", [apply_op("Cast", p, DstT=dtype) if isinstance(p, Tensor) and p.dtype.base_dtype.name != dtype else
                             p if isinstance(p, Tensor) else np.array(p, dtype) for p in parts])
