"""From Python values to tensors: a table of conversion functions by type."""
from ..core.dtypes import as_dtype
from .operation import Tensor

_conversions = []             # (priority, serial, type, function), sorted


def register_tensor_conversion_function(base_type, conversion_func, priority=100):
    """conversion_func(value, dtype=None, name=None, as_ref=False) -> Tensor, or NotImplemented.  Lower priorities are tried first."""
    types = base_type if isinstance(base_type, tuple) else (base_type,)
    _conversions.append((priority, len(_conversions), types, conversion_func))
    _conversions.sort(key=lambda entry: entry[:2])


def convert_to_tensor(value, dtype=None, name=None):
    """value as a Tensor: itself, the snapshot of a variable, or a constant.

    dtype: what it must be.  A Python number takes it; a tensor of another dtype is a ValueError, for nothing is cast silently.
    TypeError if no conversion is registered for the type of value.
    """
    if type(value) is Tensor:
        if dtype is not None and value.dtype.base_dtype is not as_dtype(dtype).base_dtype:
            raise ValueError(f"Tensor conversion requested dtype {as_dtype(dtype).name} for Tensor with dtype {value.dtype.name}: {value!r}")
        return value
    if dtype is not None:
        dtype = as_dtype(dtype)
    for _, _, types, function in _conversions:
        if isinstance(value, types):
            result = function(value, dtype=dtype, name=name, as_ref=False)
            if result is not NotImplemented:
                return result
    raise TypeError(f"Cannot convert {value!r} with type {type(value)} to Tensor: no conversion function registered.")
