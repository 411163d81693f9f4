"""t[...]: Python's indexing, composed of Slice, Squeeze and ExpandDims."""
import numpy as np

from ..graph import Tensor, convert_to_tensor, name_scope
from .apply import apply_op
from .shape_fns import show


def getitem(tensor, key):
    """tensor[key], for integers (Python's or scalar int tensors), slices with step 1, `...` and tf.newaxis.

    A Python integer or bound may be negative and then counts from the end; one in a tensor may not.
    """
    keys = list(key) if isinstance(key, tuple) else [key]
    rank = tensor.get_shape().ndims
    taken = sum(1 for k in keys if k is not None and k is not Ellipsis)
    where = [i for i, k in enumerate(keys) if k is Ellipsis]
    if len(where) > 1:
        raise ValueError("Multiple ellipses in slice spec not allowed")
    if rank is None:
        if where and where[0] != len(keys) - 1:
            raise ValueError(f"Only a leading part of {tensor.name} can be indexed: its rank is unknown")
        keys = [k for k in keys if k is not Ellipsis]
    else:
        if taken > rank:
            raise ValueError(f"Too many indices for {tensor.name}: {taken} given, shape {show(tensor.get_shape())}")
        at = where[0] if where else len(keys)
        keys[at:at + 1] = [_ALL] * (rank - taken)
    with name_scope(None, "strided_slice", [tensor]) as scope:
        return _Indexing(tensor, keys, rank).apply(scope)


_ALL = slice(None)


class _Indexing:
    """What t[keys] asks of Slice, Squeeze and ExpandDims."""

    def __init__(self, tensor, keys, rank):
        self.tensor, self.rank = tensor, rank
        self.dims = tensor.get_shape().as_list() if rank is not None else None
        self.run_time_shape = None
        self.begin, self.size = [], []
        self.squeezed, self.added = [], []
        kept = 0
        for k in keys:
            if k is None:
                self.added.append(kept)
                kept += 1
            elif isinstance(k, slice):
                self._range(k)
                kept += 1
            else:
                self._index(k)

    def _index(self, k):
        axis, is_int = len(self.begin), hasattr(k, "__index__") and not isinstance(k, (bool, np.bool_, Tensor))
        if is_int:
            k, dim = k.__index__(), self._dim(axis)
            if dim is not None and not -dim <= k < dim:
                raise ValueError(f"slice index {k} of dimension {axis} out of bounds for shape {show(self.tensor.get_shape())} of {self.tensor.name}")
            k = self._from_front(axis, k)
        elif not hasattr(k, "get_shape"):
            raise TypeError("Only integers, slices (`:`), ellipsis (`...`), tf.newaxis (`None`) and scalar int32/int64 tensors are valid indices, "
                            f"got {k!r}")
        self.squeezed.append(axis)
        self.begin.append(_as_int32(k))
        self.size.append(1)

    def _range(self, k):
        axis = len(self.begin)
        if k.step is not None and not (isinstance(k.step, int) and k.step == 1):
            raise ValueError(f"Only slices with step 1 are implemented, got step {k.step!r} for dimension {axis} of {self.tensor.name}")
        begin = 0 if k.start is None else self._bound(axis, k.start)
        if k.stop is None:
            size = -1
        else:
            stop = self._bound(axis, k.stop)
            size = max(stop - begin, 0) if isinstance(stop, int) and isinstance(begin, int) else apply_op("Maximum", _minus(stop, begin), 0)
        self.begin.append(begin)
        self.size.append(size)

    def _bound(self, axis, k):
        """A slice's bound as an int where that can be said now, else a tensor; within the dimension, as in Python."""
        if not hasattr(k, "__index__") or isinstance(k, Tensor):
            return _as_int32(k)
        k, dim = k.__index__(), self._dim(axis)
        if dim is not None:
            return max(dim + k, 0) if k < 0 else min(k, dim)
        if k == 0:
            return 0
        return apply_op("Maximum", self._from_front(axis, k), 0) if k < 0 else apply_op("Minimum", self._run_time_dim(axis), k)

    def _from_front(self, axis, k):
        if k >= 0:
            return k
        dim = self._dim(axis)
        return dim + k if dim is not None else apply_op("Add", self._run_time_dim(axis), k)

    def _dim(self, axis):
        return None if self.dims is None else self.dims[axis]

    def _whole(self, axis):
        return self.dims[axis] if self.dims[axis] is not None else self._run_time_dim(axis)

    def _run_time_dim(self, axis):
        if self.run_time_shape is None:
            self.run_time_shape = apply_op("Shape", self.tensor)
        piece = apply_op("Slice", self.run_time_shape, np.array([axis], np.int32), np.array([1], np.int32))
        return apply_op("Squeeze", piece, squeeze_dims=(0,))

    def apply(self, scope):
        """The op whose output is the result bears the scope's name; the others stand inside it."""
        steps = []
        if any(s != -1 for s in self.size) or any(not isinstance(b, int) or b for b in self.begin):
            if not all(isinstance(b, int) for b in self.begin) and self.rank is not None:
                # "The rest" would make the result's shape depend on where it begins, which nobody knows before the run.
                self.size = [self._whole(axis) if s == -1 and b == 0 else s for axis, (s, b) in enumerate(zip(self.size, self.begin))]
            begin, size = _vector(self.begin), _vector(self.size)
            if self.rank is None:
                rest = apply_op("Sub", apply_op("Rank", self.tensor), len(self.begin))
                rest = apply_op("Pack", [rest])
                begin = apply_op("ConcatV2", [begin, apply_op("Fill", rest, 0)], 0)
                size = apply_op("ConcatV2", [size, apply_op("Fill", rest, -1)], 0)
            steps.append(("Slice", (begin, size), {}))
        if self.squeezed:
            steps.append(("Squeeze", (), {"squeeze_dims": tuple(self.squeezed)}))
        steps += [("ExpandDims", (axis,), {}) for axis in self.added]
        result = self.tensor
        for i, (op_type, rest, attrs) in enumerate(steps or [("Identity", (), {})]):
            result = apply_op(op_type, result, *rest, name=scope if i == max(len(steps) - 1, 0) else None, **attrs)
        return result


def _as_int32(k):
    if isinstance(k, int):
        return k
    k = convert_to_tensor(k)
    if k.dtype.base_dtype.name not in ("int32", "int64"):
        raise TypeError(f"A tensor used as an index must be int32 or int64, {k.name} is {k.dtype.base_dtype.name}")
    return k if k.dtype.base_dtype.name == "int32" else apply_op("Cast", k, DstT="int32")


def _minus(a, b):
    return a if isinstance(b, int) and b == 0 else apply_op("Sub", a, b)


def _vector(parts):
    return np.array(parts, np.int32) if all(isinstance(p, int) for p in parts) else apply_op("Pack", parts)
