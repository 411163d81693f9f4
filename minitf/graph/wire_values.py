"""Attribute values on the wire, and the checks that reading makes on whatever it is given (minitf.graph.wire describes the form).

Every check that fails is a ValueError which begins with `where`, the place in the graph, and shows what is there, cut to a readable length.
"""
import base64
import math

import numpy as np

from ..core.dtypes import as_dtype, string
from ..core.shapes import TensorShape

MOST_DIMENSIONS = 254         # of one shape, as in TensorFlow
MOST_ELEMENTS = 1 << 60       # of one tensor: no byte count leaves 64 bits


def attr_to_wire(kind, value, arrays):
    if kind.startswith("list("):
        return [attr_to_wire(kind[5:-1], v, arrays) for v in value]
    if kind == "type":
        return value.name
    if kind == "shape":
        return shape_to_wire(value)
    if kind == "float":
        return _float_to_wire(value)
    return _tensor_to_wire(value, arrays) if kind == "tensor" else value


def shape_to_wire(shape):
    return None if shape.tuple is None else list(shape.tuple)


def _float_to_wire(value):
    return value if math.isfinite(value) else str(value)


def _tensor_to_wire(value, arrays):
    value = np.asarray(value)
    dtype = as_dtype(value.dtype)
    wire = {"dtype": dtype.name, "shape": list(value.shape)}
    if dtype is string:
        wire["data"] = [base64.b64encode(v).decode("ascii") for v in value.flat]
    elif arrays is None:
        wire["data"] = base64.b64encode(value.astype(value.dtype.newbyteorder("<"), copy=False).tobytes()).decode("ascii")
    else:
        wire["array"] = len(arrays)
        arrays.append(value)
    return wire


def read_attr(kind, value, arrays, where):
    if kind.startswith("list("):
        return tuple([read_attr(kind[5:-1], v, arrays, where) for v in list_of(value, where)])
    if kind == "type":
        return read_dtype(value, where)
    if kind == "shape":
        return read_shape(value, where)
    if kind == "tensor":
        return read_tensor(value, arrays, where)
    if kind == "int":
        return integer(value, where)
    if kind == "float":
        if isinstance(value, str) and value in ("nan", "inf", "-inf"):
            return float(value)
        if type(value) is float or type(value) is int and abs(value) <= 1 << 1000:
            return float(value)
    elif kind == "bool" and isinstance(value, bool) or kind == "string" and isinstance(value, str):
        return value
    raise ValueError(f"{where} can not be {shown(value)}")


def read_dtype(value, where):
    try:
        dtype = as_dtype(text_of(value, where))
    except TypeError:
        raise ValueError(f"{where}: there is no dtype {shown(value)}") from None
    if dtype.name != value or dtype.is_ref_dtype:
        raise ValueError(f"{where}: {shown(value)} is no dtype on the wire; '{dtype.base_dtype.name}' is")
    return dtype


def integer(value, where):
    if type(value) is not int or not -1 << 63 <= value < 1 << 63:
        raise ValueError(f"{where} should be an integer of 64 bits, got {shown(value)}")
    return value


def read_shape(value, where):
    if value is None:
        return TensorShape(None)
    dims = list_of(value, where)
    if len(dims) > MOST_DIMENSIONS:
        raise ValueError(f"{where}: a shape has at most {MOST_DIMENSIONS} dimensions, got {len(dims)}")
    elements = 1
    for d in dims:
        if d is not None and (type(d) is not int or d < 0):
            raise ValueError(f"{where}: {shown(d)} is not a dimension; it should be an integer >= 0 or null")
        elements *= min(d or 1, MOST_ELEMENTS)
        if elements >= MOST_ELEMENTS or d is not None and d >= MOST_ELEMENTS:
            raise ValueError(f"{where}: a tensor of shape {shown(value)} is too large")
    return TensorShape(dims)


def read_tensor(value, arrays, where):
    value = keys_of(value, {"dtype", "shape", "data", "array"}, ("dtype", "shape"), where)
    dtype, shape = read_dtype(value["dtype"], where), read_shape(value["shape"], where)
    if not shape.is_fully_defined() or ("data" in value) == ("array" in value):
        raise ValueError(f"{where}: a tensor has a known shape and either \"data\" or \"array\"")
    if dtype is string:
        return _read_strings(value, shape, where)
    if dtype.holds_objects:
        raise ValueError(f"{where}: a tensor of dtype {dtype.name} has no wire form")
    if "array" in value:
        number = integer(value["array"], where)
        if not 0 <= number < len(arrays):
            raise ValueError(f"{where}: there is no array {number}; {len(arrays)} came with the graph")
        array = arrays[number]
        if not isinstance(array, np.ndarray) or array.dtype != dtype.as_numpy_dtype or array.shape != shape.tuple:
            have = f"{array.dtype}{list(array.shape)}" if isinstance(array, np.ndarray) else type(array).__name__
            raise ValueError(f"{where}: array {number} is {have}, it should be {dtype.name}{list(shape.tuple)}")
        return array
    try:
        data = base64.b64decode(text_of(value["data"], where), validate=True)
    except ValueError as error:
        raise ValueError(f"{where}: its data are not base64 ({error})") from None
    if len(data) != shape.num_elements() * dtype.size:
        raise ValueError(f"{where}: {dtype.name}{list(shape.tuple)} has {shape.num_elements() * dtype.size} bytes, \"data\" has {len(data)}")
    if dtype.is_bool and max(data, default=0) > 1:
        raise ValueError(f"{where}: the bytes of a bool tensor are 0 and 1, got {max(data)}")
    array = np.frombuffer(data, np.dtype(dtype.as_numpy_dtype).newbyteorder("<")).astype(dtype.as_numpy_dtype).reshape(shape.tuple)
    array.setflags(write=False)
    return array


def _read_strings(value, shape, where):
    texts = list_of(value.get("data"), where)
    if len(texts) != shape.num_elements():
        raise ValueError(f"{where}: {len(texts)} strings do not fill a tensor of shape {list(shape.tuple)}")
    array = np.empty(len(texts), object)
    try:
        array[:] = [base64.b64decode(text_of(t, where), validate=True) for t in texts]
    except ValueError as error:
        raise ValueError(f"{where}: its data are not base64 ({error})") from None
    array = array.reshape(shape.tuple)
    array.setflags(write=False)
    return array


def keys_of(value, allowed, required, where):
    if not isinstance(value, dict):
        raise ValueError(f"{where} should be an object, got {shown(value)}")
    for key in value:
        if key not in allowed:
            raise ValueError(f"{where} has no \"{cut(str(key))}\"; it has {', '.join(sorted(allowed))}")
    for key in required:
        if key not in value:
            raise ValueError(f"{where} has no \"{key}\"" + (": this is not a graph" if key == "format" else ""))
    return value


def list_of(value, where):
    if not isinstance(value, (list, tuple)):
        raise ValueError(f"{where} should be a list, got {shown(value)}")
    return value


def text_of(value, where):
    if not isinstance(value, str):
        raise ValueError(f"{where} should be a string, got {shown(value)}")
    return value


def cut(text, most=80):
    return text if len(text) <= most else text[:most - 3] + "..."


def shown(value):
    """A short repr, whatever the value: nested structures are not walked far, long numbers not spelled out."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join("..." if isinstance(v, (list, dict)) else shown(v) for v in value[:6]) + (", ...]" if len(value) > 6 else "]")
    if type(value) is int and abs(value) >= 1 << 70:
        return f"an integer of {value.bit_length()} bits"
    return cut(repr(value))


def unique_keys(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set()
        twice = next(k for k, _ in pairs if k in seen or seen.add(k))
        raise ValueError(f"Not a graph: an object has the key \"{cut(twice)}\" twice")
    return found


def no_constant(text):
    raise ValueError(f"Not a graph: {text} is not JSON; where a float attribute is not finite it is a string")


def frozen(array):
    """A read-only copy; what is not an array is left for the node that asks for it to complain of."""
    if not isinstance(array, np.ndarray):
        return array
    array = np.array(array, order="C")
    array.setflags(write=False)
    return array


class SourceLine:
    """Where a node that was read from its wire form had been made, as text."""
    __slots__ = ("_text",)
    frames = ()

    def __init__(self, text):
        self._text = text

    def callers(self, most=2):
        return []

    def __str__(self):
        return self._text
