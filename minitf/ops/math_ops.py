"""Element-wise arithmetic, sums of lists, and casts."""
import numpy as np

from ..core.dtypes import as_dtype, complex64, complex128, float32, float64, int32, int64
from ..core.registry import register_op, register_value
from ..core.shapes import as_shape
from ..graph import Tensor, convert_to_tensor, name_scope
from .apply import apply_op
from .indexed_slices import IndexedSlices
from .shape_fns import ANY_NUMBER, FIELD, FLOAT, NUMBER_OR_COMPLEX, REAL, broadcast, merge_shapes, same_shape, unchanged, value_from_constants


def _unary(op_type, allowed):
    register_op(op_type, ["x: T"], ["y: T"], [f"T: {allowed}"])(unchanged)


def _binary(op_type, allowed, is_commutative=False):
    register_op(op_type, ["x: T", "y: T"], ["z: T"], [f"T: {allowed}"], is_commutative=is_commutative)(broadcast)


for _name in ("Abs", "Sign"):
    _unary(_name, REAL)
for _name in ("Neg", "Square"):
    _unary(_name, ANY_NUMBER)
for _name in ("Rsqrt", "Log1p", "Floor", "Ceil"):
    _unary(_name, FLOAT)
for _name in ("Sqrt", "Exp", "Log", "Tanh", "Sigmoid", "Reciprocal"):
    _unary(_name, FIELD)
for _name in ("Add", "Mul"):
    _binary(_name, ANY_NUMBER, is_commutative=True)
_binary("SquaredDifference", REAL, is_commutative=True)
for _name in ("Maximum", "Minimum",                        # not commutative: of zeros of two signs they give one of the operands
              "Sub", "FloorDiv", "FloorMod", "Pow", "RealDiv"):
    _binary(_name, {"Sub": ANY_NUMBER, "Pow": NUMBER_OR_COMPLEX, "RealDiv": FIELD}.get(_name, REAL))

for _name in ("TanhGrad", "SigmoidGrad", "SqrtGrad"):      # of y = f(x), from y and dy: the derivative is simpler in y
    register_op(_name, ["y: T", "dy: T"], ["dx: T"], [f"T: {FLOAT}"])(same_shape)
for _name in ("IsNan", "IsFinite"):
    register_op(_name, ["x: T"], ["y: bool"], [f"T: {FLOAT}"])(unchanged)

register_op("Cast", ["x: SrcT"], ["y: DstT"], ["SrcT: type", "DstT: type"])(unchanged)


@register_value("Cast")
def cast_value(c):
    if not (c.attrs["DstT"].is_integer and c.dtypes[0].is_integer):
        return None
    x = c.constant(0)
    return None if x is None else [x.astype(c.attrs["DstT"].as_numpy_dtype)]


@register_op("AddN", ["inputs: N * T"], ["sum: T"], ["N: int >= 1", f"T: {ANY_NUMBER}"])
def add_n_shape(c):
    shapes = c.inputs
    result = shapes[0]
    for i, shape in enumerate(shapes):
        if shape.tuple != result.tuple:
            known = merge_shapes(c, 0, i)
            result = result.merge_with(known)
    return [result]


def _floor_div(c, x, y):
    return None if (y == 0).any() else x // y


def _floor_mod(c, x, y):
    return None if (y == 0).any() else x % y


for _name, _compute in (("Add", lambda c, x, y: x + y), ("Sub", lambda c, x, y: x - y), ("Mul", lambda c, x, y: x * y),
                        ("Maximum", lambda c, x, y: np.maximum(x, y)), ("Minimum", lambda c, x, y: np.minimum(x, y)),
                        ("FloorDiv", _floor_div), ("FloorMod", _floor_mod), ("Neg", lambda c, x: -x)):
    value_from_constants(_name, _compute)


def add(x, y, name=None):
    """x + y element-wise, broadcast to a common shape."""
    return apply_op("Add", x, y, name=name)


def subtract(x, y, name=None):
    """x - y element-wise, broadcast to a common shape."""
    return apply_op("Sub", x, y, name=name)


def multiply(x, y, name=None):
    """x * y element-wise, broadcast to a common shape."""
    return apply_op("Mul", x, y, name=name)


def realdiv(x, y, name=None):
    """x / y of floating-point tensors."""
    return apply_op("RealDiv", x, y, name=name)


def floordiv(x, y, name=None):
    """x / y rounded towards minus infinity, for integers and for floats, as Python's //."""
    return apply_op("FloorDiv", x, y, name=name or "floordiv")


def floormod(x, y, name=None):
    """The remainder of floordiv, which has the sign of y, as Python's %."""
    return apply_op("FloorMod", x, y, name=name)


mod = floormod


def floor_div(x, y, name=None):
    """As floordiv."""
    return apply_op("FloorDiv", x, y, name=name)


def truediv(x, y, name=None):
    """x / y as in Python 3: int32 and int64 become float64, int8 and int16 float32, before the division."""
    with name_scope(name, "truediv", [x, y]) as name:
        x = x if isinstance(x, Tensor) else convert_to_tensor(x, dtype=_dtype_of(y), name="x")
        y = y if isinstance(y, Tensor) else convert_to_tensor(y, dtype=x.dtype.base_dtype, name="y")
        if x.dtype.base_dtype is not y.dtype.base_dtype:
            raise TypeError(f"x and y must have the same dtype, got {x.dtype.base_dtype.name} != {y.dtype.base_dtype.name}")
        if x.dtype.is_integer:
            wide = float32 if x.dtype.size < 4 else float64
            x, y = cast(x, wide), cast(y, wide)
        return apply_op("RealDiv", x, y, name=name)


def _dtype_of(value):
    """The dtype of a tensor or variable, None for a Python value."""
    dtype = getattr(value, "dtype", None)
    return getattr(dtype, "base_dtype", None)


def div(x, y, name=None):
    """x / y as in Python 2: integers are divided with rounding towards minus infinity."""
    dtype = _dtype_of(x) or _dtype_of(y)
    if dtype is None:
        x = convert_to_tensor(x, name="x")
        dtype = x.dtype.base_dtype
    y = convert_to_tensor(y, dtype, name="y")
    return apply_op("FloorDiv" if dtype.is_integer else "RealDiv", x, y, name=name or "div")


def divide(x, y, name=None):
    """x / y as in Python 3, as truediv."""
    return truediv(x, y, name=name or "truediv")


def negative(x, name=None):
    """-x"""
    return apply_op("Neg", x, name=name)


def square(x, name=None):
    """x * x"""
    return apply_op("Square", x, name=name)


def sqrt(x, name=None):
    """The square root; NaN for negative x."""
    return apply_op("Sqrt", x, name=name)


def rsqrt(x, name=None):
    """1 / sqrt(x)"""
    return apply_op("Rsqrt", x, name=name)


def exp(x, name=None):
    """e to the power of x."""
    return apply_op("Exp", x, name=name)


def log(x, name=None):
    """The natural logarithm; -inf for 0, NaN for negative x."""
    return apply_op("Log", x, name=name)


def log1p(x, name=None):
    """log(1 + x), exact for small x."""
    return apply_op("Log1p", x, name=name)


def tanh(x, name=None):
    """The hyperbolic tangent."""
    return apply_op("Tanh", x, name=name)


def sigmoid(x, name=None):
    """1 / (1 + exp(-x))"""
    return apply_op("Sigmoid", x, name=name)


def abs(x, name=None):
    """The absolute value; of complex numbers a real tensor."""
    dtype = _dtype_of(x)
    if dtype.is_complex if dtype is not None else np.iscomplexobj(x):
        return apply_op("ComplexAbs", x, name=name, Tout=convert_to_tensor(x).dtype.real_dtype)
    return apply_op("Abs", x, name=name)


def sign(x, name=None):
    """-1, 0 or 1; NaN stays NaN."""
    return apply_op("Sign", x, name=name)


def reciprocal(x, name=None):
    """1 / x"""
    return apply_op("Reciprocal", x, name=name)


def floor(x, name=None):
    """The greatest whole number <= x."""
    return apply_op("Floor", x, name=name)


def ceil(x, name=None):
    """The least whole number >= x."""
    return apply_op("Ceil", x, name=name)


def pow(x, y, name=None):
    """x to the power of y, element-wise."""
    return apply_op("Pow", x, y, name=name)


def maximum(x, y, name=None):
    """The greater of x and y element-wise; NaN if either is."""
    return apply_op("Maximum", x, y, name=name)


def minimum(x, y, name=None):
    """The lesser of x and y element-wise; NaN if either is."""
    return apply_op("Minimum", x, y, name=name)


def squared_difference(x, y, name=None):
    """(x - y) * (x - y)"""
    return apply_op("SquaredDifference", x, y, name=name)


def scalar_mul(scalar, x, name=None):
    """scalar * x for a scalar and a tensor, or IndexedSlices, of which the values are multiplied.

    ValueError if `scalar` is not one.
    """
    scalar = convert_to_tensor(scalar, dtype=_dtype_of(x), name="scalar")
    if scalar.get_shape().ndims not in (0, None):
        raise ValueError(f"Only scalar multiply works, got shape {scalar.get_shape()}")
    if isinstance(x, IndexedSlices):
        return IndexedSlices(multiply(scalar, x.values, name), x.indices, x.dense_shape)
    return multiply(scalar, x, name)


def accumulate_n(inputs, shape=None, tensor_dtype=None, name=None):
    """The sum of a list of tensors of one shape and dtype, which `shape` and `tensor_dtype` may tell and must agree with."""
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise ValueError("inputs must be a list of at least one Tensor with the same dtype and shape")
    inputs = [convert_to_tensor(v) for v in inputs]
    dtype = inputs[0].dtype.base_dtype
    if any(v.dtype.base_dtype is not dtype for v in inputs):
        raise ValueError("inputs must be a list of at least one Tensor with the same dtype and shape")
    if tensor_dtype is not None and as_dtype(tensor_dtype) is not dtype:
        raise TypeError(f"tensor_dtype is {as_dtype(tensor_dtype).name}, but input is of type {dtype.name}")
    known = as_shape(shape)
    for v in inputs:
        known = known.merge_with(v.get_shape())
    result = add_n(inputs, name)
    if len(inputs) > 1:
        result.set_shape(known)
    return result


def add_n(inputs, name=None):
    """The sum of a list of tensors of one shape and dtype; a single tensor is returned as it is."""
    inputs = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    if not inputs:
        raise ValueError("inputs must be a list of at least one Tensor with the same dtype and shape")
    if len(inputs) == 1:
        only = convert_to_tensor(inputs[0])
        return only if name is None else apply_op("Identity", only, name=name)
    return apply_op("AddN", inputs, name=name)


def cast(x, dtype, name=None):
    """x converted to another dtype: floats to integers by truncation, complex numbers by their real part, anything to bool by != 0.  x itself if it has that dtype."""
    dtype = as_dtype(dtype).base_dtype
    if not isinstance(x, Tensor):
        x = convert_to_tensor(x, name="x")
    if x.dtype.base_dtype is dtype:
        return x
    return apply_op("Cast", x, DstT=dtype, name=name)


def to_float(x, name="ToFloat"):
    """cast(x, tf.float32)"""
    return cast(x, float32, name=name)


def to_double(x, name="ToDouble"):
    """cast(x, tf.float64)"""
    return cast(x, float64, name=name)


def to_int32(x, name="ToInt32"):
    """cast(x, tf.int32)"""
    return cast(x, int32, name=name)


def to_int64(x, name="ToInt64"):
    """cast(x, tf.int64)"""
    return cast(x, int64, name=name)


def to_complex64(x, name="ToComplex64"):
    """cast(x, tf.complex64)"""
    return cast(x, complex64, name=name)


def to_complex128(x, name="ToComplex128"):
    """cast(x, tf.complex128)"""
    return cast(x, complex128, name=name)


def saturate_cast(value, dtype, name=None):
    """cast(value, dtype) with what lies outside the range of dtype set to its nearest end."""
    with name_scope(name, "saturate_cast", [value]) as name:
        value, dtype = convert_to_tensor(value, name="value"), as_dtype(dtype).base_dtype
        if value.dtype.min < dtype.min:
            value = maximum(value, value.dtype.as_numpy_dtype(dtype.min))
        if value.dtype.max > dtype.max:
            value = minimum(value, value.dtype.as_numpy_dtype(dtype.max))
        return cast(value, dtype, name=name)


def is_nan(x, name=None):
    """Which elements are NaN."""
    return apply_op("IsNan", x, name=name)


def is_finite(x, name=None):
    """Which elements are neither NaN nor infinite."""
    return apply_op("IsFinite", x, name=name)
