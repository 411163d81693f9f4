"""Comparisons and logic, and choosing between tensors by a condition."""
from ..core.registry import register_op
from ..core.shapes import TensorShape
from .apply import apply_op
from .shape_fns import REAL, argument, broadcast, merge_shapes, merge_dims, unchanged

for _name in ("Less", "LessEqual", "Greater", "GreaterEqual"):
    register_op(_name, ["x: T", "y: T"], ["z: bool"], [f"T: {REAL}"])(broadcast)
for _name in ("Equal", "NotEqual"):
    register_op(_name, ["x: T", "y: T"], ["z: bool"], ["T: {float32, float64, int32, int64, int8, int16, uint8, bool, string, complex64, complex128}"], is_commutative=True)(broadcast)
for _name in ("LogicalAnd", "LogicalOr"):
    register_op(_name, ["x: bool", "y: bool"], ["z: bool"], is_commutative=True)(broadcast)
register_op("LogicalNot", ["x: bool"], ["y: bool"])(unchanged)


@register_op("Where", ["condition: bool"], ["index: int64"], is_dynamic=True)
def where_shape(c):
    return [TensorShape([None, c.inputs[0].ndims])]


@register_op("Select", ["condition: bool", "t: T", "e: T"], ["output: T"], ["T: type"])
def select_shape(c):
    """condition: as t and e; a scalar; or a vector, which then chooses along their first dimension."""
    result, condition = merge_shapes(c, 1, 2), c.inputs[0]
    if result.ndims is None or condition.ndims is None:
        return [condition if result.ndims is None and (condition.ndims or 0) > 1 else result]
    if condition.ndims == 0:
        return [result]
    if condition.ndims == 1 and result.ndims > 1:
        return [TensorShape((merge_dims(c, condition.tuple[0], result.tuple[0], 0, 1),) + result.tuple[1:])]
    if condition.ndims != result.ndims:
        raise ValueError(f"condition must have the shape of t and e, or be a vector or scalar, for {argument(c, 0)}, {argument(c, 1)}, {argument(c, 2)}")
    return [TensorShape([merge_dims(c, m, n, 0, 1) for m, n in zip(condition.tuple, result.tuple)])]


def equal(x, y, name=None):
    """x == y element-wise."""
    return apply_op("Equal", x, y, name=name)


def not_equal(x, y, name=None):
    """x != y element-wise."""
    return apply_op("NotEqual", x, y, name=name)


def less(x, y, name=None):
    """x < y element-wise."""
    return apply_op("Less", x, y, name=name)


def less_equal(x, y, name=None):
    """x <= y element-wise."""
    return apply_op("LessEqual", x, y, name=name)


def greater(x, y, name=None):
    """x > y element-wise."""
    return apply_op("Greater", x, y, name=name)


def greater_equal(x, y, name=None):
    """x >= y element-wise."""
    return apply_op("GreaterEqual", x, y, name=name)


def logical_and(x, y, name=None):
    """Whether both are true, element-wise."""
    return apply_op("LogicalAnd", x, y, name=name)


def logical_or(x, y, name=None):
    """Whether either is true, element-wise."""
    return apply_op("LogicalOr", x, y, name=name)


def logical_not(x, name=None):
    """Whether x is false, element-wise."""
    return apply_op("LogicalNot", x, name=name)


def logical_xor(x, y, name="LogicalXor"):
    """Whether exactly one is true, element-wise."""
    return apply_op("NotEqual", x, y, name=name or "LogicalXor")


def where(condition, x=None, y=None, name=None):
    """With x and y: x where condition holds and y elsewhere.  Alone: the coordinates of the true elements, int64 [n, rank]."""
    if (x is None) != (y is None):
        raise ValueError("x and y must both be non-None or both be None.")
    if x is None:
        return apply_op("Where", condition, name=name)
    return apply_op("Select", condition, x, y, name=name)
