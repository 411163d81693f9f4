"""Arrays as TensorProto messages and back, and static shapes from TensorShapeProto.

Reading trusts nothing: sizes are compared with what is there before anything is allocated.
"""
import math

import numpy as np

from ..core.dtypes import as_dtype, string
from ..core.protos import proto
from ..core.shapes import TensorShape, as_shape
from .wire_values import MOST_DIMENSIONS, MOST_ELEMENTS

MOST_REPEATED = 1 << 28       # bytes of all tensors of a message that are told by one element and a shape
_FIELDS = {"float32": "float_val", "float64": "double_val", "int32": "int_val", "int16": "int_val", "int8": "int_val", "uint8": "int_val",
           "string": "string_val", "int64": "int64_val", "bool": "bool_val", "complex64": "scomplex_val", "complex128": "dcomplex_val"}


def shape_from_proto(message, where="a shape"):
    """The TensorShape of a TensorShapeProto.  ValueError if no tensor can have it."""
    if message.unknown_rank:
        return TensorShape(None)
    if len(message.dim) > MOST_DIMENSIONS:
        raise ValueError(f"{where}: a shape has at most {MOST_DIMENSIONS} dimensions, got {len(message.dim)}")
    sizes = [d.size for d in message.dim]
    if any(s < -1 for s in sizes):
        raise ValueError(f"{where}: {min(sizes)} is not a dimension; it should be -1 or more")
    elements = 1
    for s in sizes:
        elements *= max(s, 1)
        if elements >= MOST_ELEMENTS:
            raise ValueError(f"{where}: a tensor of shape {sizes[:8]} is too large")
    return TensorShape([None if s == -1 else s for s in sizes])


def array_to_proto(array):
    """A TensorProto: one element as a number, several as little-endian bytes, strings as a list."""
    dtype = as_dtype(array.dtype)
    message = proto("TensorProto")(dtype=dtype.as_datatype_enum, tensor_shape=as_shape(array.shape).as_proto())
    if dtype.is_complex:
        getattr(message, _FIELDS[dtype.name]).extend(array.ravel().view(dtype.real_dtype.numpy_dtype).tolist())
    elif array.size == 1 or dtype is string:
        getattr(message, _FIELDS[dtype.name]).extend(array.ravel().tolist())
    elif array.size:
        message.tensor_content = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    return message


def make_ndarray(tensor):
    """The array that a TensorProto holds.  ValueError if it is not one.  As tf.make_ndarray."""
    return array_from_proto(tensor, [MOST_REPEATED], "a TensorProto").copy()


def array_from_proto(message, budget, where):
    """The array of a TensorProto, not to be written to.  budget: [bytes that tensors of repeated elements may still take].

    Where there are fewer elements than the shape has, the last one is repeated; where there are none, all are 0.
    """
    try:
        dtype = as_dtype(int(message.dtype))
    except TypeError:
        raise ValueError(f"{where}: minitf has no dtype number {message.dtype} of types.proto") from None
    if dtype.is_ref_dtype or dtype.name not in _FIELDS:
        raise ValueError(f"{where}: a tensor of dtype {dtype.name} has no value")
    others = [f.name for f, _ in message.ListFields() if f.name.endswith("_val") and f.name != _FIELDS[dtype.name]]
    if others:
        raise ValueError(f"{where}: the elements of {dtype.name} are in {_FIELDS[dtype.name]}, but it has {others[0]}")
    shape = shape_from_proto(message.tensor_shape, where)
    if not shape.is_fully_defined():
        raise ValueError(f"{where}: the shape of a value is known, got {shape}")
    count = math.prod(shape.tuple)
    if message.tensor_content:
        if dtype is string:
            raise ValueError(f"{where}: strings are read from string_val, not from tensor_content")
        if len(message.tensor_content) != count * dtype.size:
            raise ValueError(f"{where}: {dtype.name}{list(shape.tuple)} has {count * dtype.size} bytes, tensor_content has {len(message.tensor_content)}")
        if dtype.is_bool and max(message.tensor_content) > 1:
            raise ValueError(f"{where}: the bytes of a bool tensor are 0 and 1, got {max(message.tensor_content)}")
        array = np.frombuffer(message.tensor_content, dtype.numpy_dtype.newbyteorder("<")).astype(dtype.numpy_dtype)
    else:
        elements = getattr(message, _FIELDS[dtype.name])
        if dtype.is_complex:                              # real and imaginary parts in turn
            if len(elements) % 2:
                raise ValueError(f"{where}: {_FIELDS[dtype.name]} holds pairs, real and imaginary parts, but has {len(elements)} numbers")
            elements = [complex(*pair) for pair in zip(elements[::2], elements[1::2])]
        array = _from_elements(elements, dtype, count, budget, where)
    array = array.reshape(shape.tuple)
    array.setflags(write=False)
    return array


def _from_elements(elements, dtype, count, budget, where):
    given = len(elements)
    if given > count:
        raise ValueError(f"{where}: {given} elements do not fit into a tensor of {count}")
    if given < count:
        budget[0] -= count * dtype.size
        if budget[0] < 0:
            raise ValueError(f"{where}: {count} elements are told by {given} of them; what is repeated so takes at most {MOST_REPEATED} bytes in all")
    if dtype.is_integer and given:
        low, high = min(elements), max(elements)
        if low < dtype.min or high > dtype.max:
            raise ValueError(f"{where}: {high if high > dtype.max else low} does not fit into {dtype.name}")
    if dtype is string:
        array = np.full(count, elements[-1] if given else b"", object)
        array[:given] = list(elements)
        return array
    if not given:
        return np.zeros(count, dtype.numpy_dtype)
    array = np.empty(count, dtype.numpy_dtype)
    array[:given] = elements
    array[given:] = elements[-1]
    return array
