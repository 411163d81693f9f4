"""Reductions with NumPy: those of int8, int16 and uint8, for images become floats before they are reduced, those of complex numbers, and ArgMin."""
import numpy as np

from ...core.dtypes import complex64, complex128, int8, int16, uint8
from ...core.errors import InvalidArgumentError
from .kernel import register_python_kernel

SMALL = [int8, int16, uint8]
COMPLEX = [complex64, complex128]


def _axes(x, indices):
    for axis in indices.ravel().tolist():
        if not -x.ndim <= axis < x.ndim:
            raise InvalidArgumentError(None, None, f"Invalid reduction dimension ({axis} for input with {x.ndim} dimension(s)")
    return tuple({axis % x.ndim for axis in indices.ravel().tolist()})


def _reduction(op_type, dtypes, function):
    @register_python_kernel(op_type, T=dtypes)
    def reduce(attrs, x, indices):
        return function(x, _axes(x, indices), attrs["keep_dims"])


def _extreme(function, of_nothing):
    return lambda x, axes, keep: function(x, axis=axes, keepdims=keep, initial=getattr(np.iinfo(x.dtype), of_nothing))


def _mean(x, axes, keep):
    total = x.sum(axis=axes, keepdims=keep, dtype=np.int64)
    count = max(1, x.size // max(1, total.size))
    return np.trunc(total / count)


_reduction("Sum", SMALL + COMPLEX, lambda x, axes, keep: x.sum(axis=axes, keepdims=keep, dtype=x.dtype))
_reduction("Prod", SMALL + COMPLEX, lambda x, axes, keep: x.prod(axis=axes, keepdims=keep, dtype=x.dtype))
_reduction("Max", SMALL, _extreme(np.max, "min"))
_reduction("Min", SMALL, _extreme(np.min, "max"))
_reduction("Mean", SMALL, _mean)
_reduction("Mean", COMPLEX, lambda x, axes, keep: x.mean(axis=axes, keepdims=keep))


@register_python_kernel("ArgMax", T=SMALL)
def arg_max(attrs, x, dimension):
    return _place(np.argmax, x, int(dimension))


@register_python_kernel("ArgMin")
def arg_min(attrs, x, dimension):
    """The first place of the least; the first NaN counts as the least."""
    return _place(np.argmin, x, int(dimension))


def _place(function, x, axis):
    if not -x.ndim <= axis < x.ndim:
        raise InvalidArgumentError(None, None, f"Expected dimension in the range [{-x.ndim}, {x.ndim}), but got {axis}")
    rest = np.delete(x.shape, axis)
    if x.shape[axis] == 0 and rest.all():
        raise InvalidArgumentError(None, None, f"Reduction axis {axis} is empty in shape {list(x.shape)}")
    return function(x, axis=axis) if x.size else np.zeros(rest, np.int64)
