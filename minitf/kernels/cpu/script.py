"""Kernels that call Python or speak to a person: PyFunc, Print, Assert."""
import itertools
import sys

import numpy as np

from ...core import errors
from ...core.dtypes import as_dtype
from ...core.hooks import hook
from .kernel import register_python_kernel

_KINDS = ((errors.OpError, None), (StopIteration, errors.OutOfRangeError), (MemoryError, errors.ResourceExhaustedError),
          (NotImplementedError, errors.UnimplementedError), ((ValueError, TypeError), errors.InvalidArgumentError), (Exception, errors.UnknownError))


@register_python_kernel("PyFunc", strings=True)
@register_python_kernel("PyFuncStateless", strings=True)
def py_func(attrs, *arrays):
    token = attrs["token"]
    function = hook("py_func")(token)
    if function is None:
        raise errors.InvalidArgumentError(None, None, f"callback {token} is not found: a py_func runs only in the process that built it, and while its graph lives")
    try:
        results = function(*[a.item() if a.dtype.hasobject and a.ndim == 0 else a.copy() for a in arrays])
    except Exception as error:
        kind = next(kind for types, kind in _KINDS if isinstance(error, types))
        if kind is None:
            raise
        raise kind(None, None, f"{type(error).__name__}: {error}") from error
    types = attrs["Tout"]
    results = () if results is None else results if isinstance(results, (list, tuple)) else (results,)
    if len(results) != len(types):
        raise errors.InvalidArgumentError(None, None, f"{token} returns {len(results)} values, but expects to see {len(types)} values.")
    return tuple([_checked(token, k, value, dtype) for k, (value, dtype) in enumerate(zip(results, types))])


def _checked(token, k, value, dtype):
    array = np.asarray(value)
    if dtype.holds_objects:
        return value
    if isinstance(value, (bool, int, float, list, tuple)) and np.can_cast(array.dtype, dtype.as_numpy_dtype, "same_kind"):
        return array.astype(dtype.as_numpy_dtype)          # Python numbers have no width of their own
    if array.dtype != dtype.as_numpy_dtype:
        try:
            have = as_dtype(array.dtype).name
        except TypeError:
            have = str(array.dtype)
        raise errors.InvalidArgumentError(None, None, f"{k}-th value returned by {token} is {have}, but expects {dtype.name}")
    return array


@register_python_kernel("Print", strings=True, state=itertools.count)
def print_values(attrs, value, *data):
    if attrs["first_n"] < 0 or next(attrs["_state"]) < attrs["first_n"]:
        print(attrs["message"] + "".join(f"[{summary(d, attrs['summarize'])}]" for d in data), file=sys.stderr, flush=True)
    return value


@register_python_kernel("Assert", strings=True)
def check(attrs, condition, *data):
    if not condition:
        raise errors.InvalidArgumentError(None, None, "assertion failed: " + " ".join(f"[{summary(d, attrs['summarize'])}]" for d in data))


def summary(array, most):
    """The first `most` elements (negative: all) in brackets by rows, as TensorFlow shows them: "[1 2][3 4]..."."""
    count = array.size if most < 0 else min(most, array.size)
    flat = [v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in array.ravel()[:count].tolist()]
    rows = array.ndim - 1 if count else 0
    for axis in range(array.ndim - 1, 0, -1):
        length = array.shape[axis]
        flat = ["[" + (" " if axis == array.ndim - 1 else "").join(flat[i:i + length]) + "]" for i in range(0, len(flat), length)]
    return ("" if rows > 0 else " ").join(flat) + ("..." if count < array.size else "")
