"""Const and Placeholder, and how Python values become constants."""
import numpy as np

from ..core.dtypes import as_dtype, string
from ..core.registry import register_op
from ..core.shapes import Dimension, TensorShape, as_shape
from ..core.strings import as_strings, is_text
from ..graph import Tensor, convert_to_tensor, get_default_graph, register_tensor_conversion_function
from ..graph.tensor_proto import array_to_proto
from .apply import apply_op


@register_op("Const", outputs=["output: dtype"], attrs=["value: tensor", "dtype: type"])
def const_shape(c):
    return [TensorShape(c.attrs["value"].shape)]


@register_op("Placeholder", outputs=["output: dtype"], attrs=["dtype: type", "shape: shape = None"])
def placeholder_shape(c):
    return [as_shape(c.attrs["shape"])]


@register_op("PlaceholderWithDefault", inputs=["input: dtype"], outputs=["output: dtype"],
             attrs=["dtype: type", "shape: shape = None"], is_alias=True)
def placeholder_with_default_shape(c):
    # What is fed may differ from the default where the caller left the shape open, so the default's shape is not promised.
    return [as_shape(c.attrs["shape"])]


def constant(value, dtype=None, shape=None, name="Const", verify_shape=False):
    """A tensor whose value is part of the graph.

    value  a number, text or bytes, a (nested) list of them, or an ndarray
    dtype  by default float32 for Python floats, int32 for Python ints (int64 where that is too small), and an ndarray's own
    shape  value is reshaped to it, and its last element repeated to fill it; with verify_shape they must agree

    >>> tf.constant([1, 2, 3], shape=[2, 3])       # [[1, 2, 3], [3, 3, 3]]
    """
    return _const(_filled(value, dtype, shape, verify_shape), name)


def make_tensor_proto(values, dtype=None, shape=None, verify_shape=False):
    """What constant() takes, as a TensorProto of TensorFlow."""
    return array_to_proto(_filled(values, dtype, shape, verify_shape))


def _filled(value, dtype, shape, verify_shape):
    array = as_array(value, dtype)
    if shape is not None:
        wanted = as_shape(shape).as_list()
        count = int(np.prod(wanted, dtype=np.int64))
        if verify_shape and list(array.shape) != wanted:
            raise TypeError(f"Expected Tensor's shape: {tuple(wanted)}, got {array.shape}.")
        if array.size > count or array.size == 0 and count:
            raise ValueError(f"Too many elements provided. Needed at most {count}, but received {array.size}" if count else
                             f"A constant of shape {tuple(wanted)} needs at least one element, got none")
        flat = array.ravel()
        array = np.concatenate([flat, np.repeat(flat[-1:], count - array.size)]).reshape(wanted)
    return array


def _const(array, name):
    array.setflags(write=False)
    dtype = as_dtype(array.dtype)
    return get_default_graph().create_op("Const", (), {"value": array, "dtype": dtype}, name).outputs[0]


def as_array(value, dtype=None):
    """value as a C-contiguous ndarray of its own, of a dtype that a tensor can have; TypeError says what does not fit."""
    if dtype is not None:
        dtype = as_dtype(dtype).base_dtype
    if dtype is string or is_text(value):
        if dtype is not None and dtype is not string:
            raise TypeError(f"Expected {dtype.name}, got {_shorten(value)} of type '{type(value).__name__}' instead.")
        try:
            return as_strings(value)
        except TypeError as error:
            raise TypeError(f"Failed to convert {_shorten(value)} to a tensor of strings: {error}") from None
    keeps_dtype = isinstance(value, (np.ndarray, np.generic))
    try:
        array = np.array(value, order="C")
    except ValueError:
        raise ValueError(f"Argument must be a dense tensor: {_shorten(value)} has rows of different lengths") from None
    if not keeps_dtype and (array.dtype == np.uint64 or array.dtype == object and array.size and all(isinstance(v, int) for v in array.flat)):
        if dtype is None or dtype.is_integer:            # Python ints of more than 63 bits
            raise ValueError(f"{_shorten(value)} does not fit into {'int64' if dtype is None else dtype.name}")
        array = array.astype(np.float64)
    if array.dtype == object:
        raise TypeError(f"Failed to convert {_shorten(value)} ({type(value).__name__}) to a tensor: it holds objects that are not numbers")
    if array.dtype.kind in "USOVmM":
        raise TypeError(f"Failed to convert {_shorten(value)} to a tensor: numbers and truth values can be in one, dtype {array.dtype} can not")
    if dtype is None:
        if not keeps_dtype and array.dtype == np.float64:
            array = array.astype(np.float32)
        elif not keeps_dtype and array.dtype == np.int64 and (array.size == 0 or -2**31 <= array.min() and array.max() < 2**31):
            array = array.astype(np.int32)
        return np.ascontiguousarray(array).reshape(array.shape).astype(as_dtype(array.dtype).as_numpy_dtype, copy=False)
    wanted = np.dtype(dtype.as_numpy_dtype)
    if array.size and array.dtype != wanted:
        if wanted.kind in "iu" and array.dtype.kind == "f" or array.dtype.kind == "c" and wanted.kind != "c" or (wanted.kind == "b") != (array.dtype.kind == "b"):
            raise TypeError(f"Expected {dtype.name}, got {_shorten(value)} of type '{type(value).__name__}' instead.")
        if wanted.kind in "iu" and (array.min() < np.iinfo(wanted).min or array.max() > np.iinfo(wanted).max):
            raise ValueError(f"{_shorten(value)} does not fit into {dtype.name}")
    return array.astype(wanted, copy=False)


def _shorten(value):
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def placeholder(dtype, shape=None, name=None):
    """A tensor that must be fed: its value comes with each run.  shape: TensorShape, list with None for what may vary, or None."""
    return get_default_graph().create_op("Placeholder", (), {"dtype": as_dtype(dtype).base_dtype, "shape": as_shape(shape)}, name or "Placeholder").outputs[0]


def placeholder_with_default(input, shape, name=None):
    """A tensor that may be fed, and has the value of `input` where it is not."""
    input = convert_to_tensor(input)
    shape = as_shape(shape)
    input.shape.assert_is_compatible_with(shape)
    return apply_op("PlaceholderWithDefault", input, name=name, dtype=input.dtype.base_dtype, shape=shape)


def _convert_value(value, dtype=None, name=None, as_ref=False):
    return _const(as_array(value, dtype), name or "Const")


def _convert_sequence(value, dtype=None, name=None, as_ref=False):
    """A list with tensors in it is packed; one without is a constant."""
    if not _has_tensor(value):
        return _convert_value(value, dtype, name)
    if dtype is None:
        dtype = next((v.dtype.base_dtype for v in value if isinstance(v, Tensor)), None)
    for v in value:
        if isinstance(v, Tensor) and v.dtype.base_dtype is not dtype:
            raise TypeError(f"Cannot convert a list containing a tensor of dtype {v.dtype.base_dtype} to {dtype} (Tensor is: {v!r})")
    return apply_op("Pack", [convert_to_tensor(v, dtype) for v in value], name=name or "packed", axis=0)


def _has_tensor(value):
    return any(isinstance(v, Tensor) or hasattr(v, "_as_graph_element") or isinstance(v, (list, tuple)) and _has_tensor(v) for v in value)


def _convert_shape(value, dtype=None, name=None, as_ref=False):
    if not value.is_fully_defined():
        raise ValueError(f"Cannot convert a partially known TensorShape to a Tensor: {value}")
    return _const(as_array(np.array(value.as_list(), np.int32), dtype), name or "shape_as_tensor")


def _convert_dimension(value, dtype=None, name=None, as_ref=False):
    if value.value is None:
        raise ValueError(f"Cannot convert an unknown Dimension to a Tensor: {value}")
    return _const(as_array(np.int32(value.value), dtype), name or "shape_as_tensor")


register_tensor_conversion_function((list, tuple), _convert_sequence, 50)
register_tensor_conversion_function(TensorShape, _convert_shape, 40)
register_tensor_conversion_function(Dimension, _convert_dimension, 40)
register_tensor_conversion_function((int, float, complex, bool, str, bytes, np.ndarray, np.generic), _convert_value, 100)
