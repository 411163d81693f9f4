"""From Python values to tensors: a table of conversion functions by type."""
from ..core.dtypes import as_dtype
from .operation import Tensor

_conversions = []             # (priority, serial, type, function), sorted


def register_tensor_conversion_function(base_type, conversion_func, priority=100):
    """conversion_func(value, dtype=None, name=None, as_ref=False) -> Tensor, or NotImplemented: then the next one is asked.

    base_type: a type, or a tuple of types.  Lower priorities are asked first, and of equal ones the one registered first.
    """
    types = base_type if isinstance(base_type, tuple) else (base_type,)
    if not all(isinstance(t, type) for t in types):
        raise TypeError(f"base_type must be a type or a tuple of types, got {base_type!r}")
    if not callable(conversion_func):
        raise TypeError(f"conversion_func must be callable, got {conversion_func!r}")
    _conversions.append((priority, len(_conversions), types, conversion_func))
    _conversions.sort(key=lambda entry: entry[:2])


def convert_to_tensor(value, dtype=None, name=None, preferred_dtype=None):
    """value as a Tensor: itself, the snapshot of a variable, or a constant.

    dtype            what it must be.  A Python number takes it; a tensor of another dtype is a ValueError, for nothing is cast silently
    preferred_dtype  what it should be, where value can be converted to that
    TypeError if no conversion is registered for the type of value, ValueError for None, RuntimeError for a conversion function that
    gives no Tensor, or one of another dtype.
    """
    if type(value) is Tensor:
        if dtype is not None and value.dtype.base_dtype is not as_dtype(dtype).base_dtype:
            raise ValueError(f"Tensor conversion requested dtype {as_dtype(dtype).name} for Tensor with dtype {value.dtype.name}: {value!r}")
        return value
    if dtype is not None:
        dtype = as_dtype(dtype)
    elif preferred_dtype is not None:
        try:
            return convert_to_tensor(value, preferred_dtype, name)
        except (TypeError, ValueError):
            pass
    for _, _, types, function in _conversions:
        if isinstance(value, types):
            result = function(value, dtype=dtype, name=name, as_ref=False)
            if result is not NotImplemented:
                return _checked(result, dtype, function, types)
    if value is None:
        raise ValueError("None values not supported.")
    raise TypeError(f"Cannot convert {value!r} with type {type(value)} to Tensor: no conversion function registered.")


def _checked(result, dtype, function, types):
    if not isinstance(result, Tensor):
        raise RuntimeError(f"Conversion function {function!r} for type {types} returned non-Tensor: {result!r}")
    if dtype is not None and result.dtype.base_dtype is not dtype.base_dtype:
        raise RuntimeError(f"Conversion function {function!r} for type {types} returned incompatible dtype: "
                           f"requested = {dtype.base_dtype.name}, actual = {result.dtype.base_dtype.name}")
    return result
