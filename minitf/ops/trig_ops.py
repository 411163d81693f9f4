"""Trigonometric and hyperbolic functions, and their inverses."""
from ..core.registry import register_op
from .apply import apply_op
from .shape_fns import FIELD, FLOAT, broadcast, unchanged

for _name in ("Sin", "Cos"):
    register_op(_name, ["x: T"], ["y: T"], [f"T: {FIELD}"])(unchanged)
for _name in ("Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh"):
    register_op(_name, ["x: T"], ["y: T"], [f"T: {FLOAT}"])(unchanged)
register_op("Atan2", ["y: T", "x: T"], ["z: T"], [f"T: {FLOAT}"])(broadcast)


def sin(x, name=None):
    """The sine of x in radians; NaN for infinities."""
    return apply_op("Sin", x, name=name)


def cos(x, name=None):
    """The cosine of x in radians; NaN for infinities."""
    return apply_op("Cos", x, name=name)


def tan(x, name=None):
    """The tangent of x in radians; NaN for infinities."""
    return apply_op("Tan", x, name=name)


def asin(x, name=None):
    """The angle in [-pi/2, pi/2] whose sine is x; NaN where |x| > 1."""
    return apply_op("Asin", x, name=name)


def acos(x, name=None):
    """The angle in [0, pi] whose cosine is x; NaN where |x| > 1."""
    return apply_op("Acos", x, name=name)


def atan(x, name=None):
    """The angle in (-pi/2, pi/2) whose tangent is x."""
    return apply_op("Atan", x, name=name)


def atan2(y, x, name=None):
    """The angle in [-pi, pi] of the point (x, y), element-wise, broadcast to a common shape.

    >>> tf.atan2(1.0, -1.0)                # 3 pi / 4
    """
    return apply_op("Atan2", y, x, name=name)


def sinh(x, name=None):
    """The hyperbolic sine."""
    return apply_op("Sinh", x, name=name)


def cosh(x, name=None):
    """The hyperbolic cosine."""
    return apply_op("Cosh", x, name=name)


def asinh(x, name=None):
    """The number whose hyperbolic sine is x."""
    return apply_op("Asinh", x, name=name)


def acosh(x, name=None):
    """The number >= 0 whose hyperbolic cosine is x; NaN where x < 1."""
    return apply_op("Acosh", x, name=name)


def atanh(x, name=None):
    """The number whose hyperbolic tangent is x; infinite at 1 and -1, NaN beyond."""
    return apply_op("Atanh", x, name=name)
