"""Element types.  Each is a single DType object, so the framework itself compares them with `is`.

The names in this module (float32, int32, bool, string, ...) are the types; `bool` here is not Python's.
"""
import builtins

import numpy as np

_REF_OFFSET = 100             # types.proto numbers a reference type 100 above the type it refers to


class DType:
    """An element type, or a reference (to a variable) of that element type.

    name              'float32', or 'float32_ref' for the reference twin
    as_numpy_dtype    the NumPy scalar type, np.float32; np.object_ for strings
    numpy_dtype       the same as an np.dtype object
    as_datatype_enum  the number in TensorFlow's types.proto
    size              bytes per element
    holds_objects     elements are references to Python objects: strings
    base_dtype        the type without the reference; the same object where there is none

    `==` accepts whatever as_dtype accepts, and is False where as_dtype would raise.  The hash is the object's own: a
    dict of DTypes is looked up with DTypes, never with names.

    >>> float32 == np.float32, float32 == 'float32', float32 == float64
    (True, True, False)
    """
    __slots__ = ("name", "as_numpy_dtype", "numpy_dtype", "as_datatype_enum", "size",
                 "is_floating", "is_integer", "is_bool", "is_complex", "is_unsigned", "carries_gradient", "is_ref_dtype", "holds_objects", "base_dtype", "_ref")

    def __init__(self, name, as_numpy_dtype, as_datatype_enum, base=None):
        self.name, self.as_numpy_dtype, self.as_datatype_enum = name, as_numpy_dtype, as_datatype_enum
        self.numpy_dtype = np.dtype(as_numpy_dtype)
        self.size = self.numpy_dtype.itemsize
        kind = self.numpy_dtype.kind
        self.is_floating, self.is_integer, self.is_bool = kind == "f", kind in "iu", kind == "b"
        self.is_unsigned, self.is_complex = kind == "u", kind == "c"
        self.carries_gradient = self.is_floating or self.is_complex
        self.holds_objects = kind == "O"
        self.is_ref_dtype = base is not None
        self.base_dtype = base or self
        self._ref = self if base else DType(name + "_ref", as_numpy_dtype, as_datatype_enum + _REF_OFFSET, base=self)

    @property
    def as_ref(self):
        """The reference twin: float32_ref for float32 and for float32_ref."""
        return self._ref

    _as_ref = as_ref

    @property
    def real_dtype(self):
        """The type of a complex number's parts; the base dtype where it is no complex one."""
        return {complex64: float32, complex128: float64}.get(self.base_dtype, self.base_dtype)

    @property
    def is_quantized(self):
        return False

    @property
    def is_numpy_compatible(self):
        return True

    @property
    def min(self):
        """The least finite value.  TypeError for bool, string and complex types."""
        return self._info("minimum").min

    @property
    def max(self):
        """The greatest finite value.  TypeError for bool, string and complex types."""
        return self._info("maximum").max

    @property
    def limits(self):
        """(0, greatest intensity) of an image with this element type: 1 for floats, True for bool, else max."""
        if self.is_bool:
            return False, True
        return 0, 1 if self.is_floating else self.max

    def _info(self, what):
        if self.is_floating:
            return np.finfo(self.as_numpy_dtype)
        if self.is_integer:
            return np.iinfo(self.as_numpy_dtype)
        raise TypeError(f"Cannot find {what} value of {self}.")

    def is_compatible_with(self, other):
        """Whether a value of type `other` may stand where this type is expected.

        A reference can be read as a value; a value cannot serve as a reference.
        """
        other = as_dtype(other)
        return self is other or self is other.base_dtype

    def __eq__(self, other):
        if self is other:
            return True
        if other.__class__ is DType:
            return False
        try:
            return self is as_dtype(other)
        except TypeError:
            return False

    __hash__ = object.__hash__

    def __repr__(self):
        return "tf." + self.name

    def __str__(self):
        return f"<dtype: {self.name!r}>"

    def __reduce__(self):
        return as_dtype, (self.name,)


float32 = DType("float32", np.float32, 1)
float64 = DType("float64", np.float64, 2)
int32 = DType("int32", np.int32, 3)
uint8 = DType("uint8", np.uint8, 4)
int16 = DType("int16", np.int16, 5)
int8 = DType("int8", np.int8, 6)
string = DType("string", np.object_, 7)              # elements are bytes
int64 = DType("int64", np.int64, 9)
bool = DType("bool", np.bool_, 10)
complex64 = DType("complex64", np.complex64, 8)
complex128 = DType("complex128", np.complex128, 18)
variant = DType("variant", np.object_, 21)           # elements are Python objects that only the ops which make and take them understand
double = float64

ALL_DTYPES = (float32, float64, int32, uint8, int16, int8, string, int64, bool, complex64, complex128)

float32_ref, float64_ref, int32_ref, uint8_ref, int16_ref, int8_ref, string_ref, int64_ref, bool_ref, complex64_ref, complex128_ref = (
    d.as_ref for d in ALL_DTYPES)

_BOTH = (*ALL_DTYPES, variant, *(d.as_ref for d in ALL_DTYPES))
_BY_ENUM = {d.as_datatype_enum: d for d in _BOTH}
_BY_KIND = {(d.numpy_dtype.kind, d.size): d for d in ALL_DTYPES}
_TABLE = {
    **{d.name: d for d in _BOTH},
    **{d.as_numpy_dtype: d for d in ALL_DTYPES},
    **{d.numpy_dtype: d for d in ALL_DTYPES},
    "float": float32, "double": float64, "float_ref": float32_ref, "double_ref": float64_ref,
    float: float32, int: int32, complex: complex128, builtins.bool: bool, str: string, bytes: string, object: string,
}


def as_dtype(value):
    """The DType that `value` denotes: a DType, a name, a NumPy type or dtype, a Python type, or a types.proto number.

    Byte order is ignored: big-endian NumPy data is converted where it enters the graph.  TypeError for anything else.

    >>> as_dtype('float'), as_dtype(np.dtype('>i4')), as_dtype(int)
    (tf.float32, tf.int32, tf.int32)
    """
    if value.__class__ is DType:
        return value
    try:
        if isinstance(value, int) and not isinstance(value, builtins.bool):
            return _BY_ENUM[value]
        return _TABLE[value]
    except (KeyError, TypeError):
        found = _unusual_numpy_dtype(value)
    if found is None:
        raise TypeError(f"Cannot convert value {value!r} to a TensorFlow DType.")
    return found


def _unusual_numpy_dtype(value):
    """The DType of NumPy's byte-swapped, platform-named (np.longlong) and text types, or None."""
    if isinstance(value, type) and issubclass(value, np.generic):
        value = np.dtype(value)
    if not isinstance(value, np.dtype):
        return None
    if value.kind in "SU":
        return string
    return _BY_KIND.get((value.kind, value.itemsize))
