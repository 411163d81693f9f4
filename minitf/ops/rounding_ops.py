"""Rounding, division that rounds towards zero, and whether a number is infinite."""
from ..core.registry import register_op
from ..graph import convert_to_tensor
from .apply import apply_op
from .shape_fns import FLOAT, REAL, broadcast, unchanged

for _name in ("Rint", "Round"):
    register_op(_name, ["x: T"], ["y: T"], [f"T: {FLOAT}"])(unchanged)
for _name in ("TruncateDiv", "TruncateMod"):
    register_op(_name, ["x: T", "y: T"], ["z: T"], [f"T: {REAL}"])(broadcast)
register_op("IsInf", ["x: T"], ["y: bool"], [f"T: {FLOAT}"])(unchanged)


def rint(x, name=None):
    """The nearest whole number, the even one of two as near.

    >>> tf.rint([-1.7, -1.5, 0.5, 1.5])    # [-2, -2, 0, 2]
    """
    return apply_op("Rint", x, name=name)


def round(x, name=None):
    """As rint; an integer tensor as it is."""
    x = convert_to_tensor(x, name="x")
    return x if x.dtype.is_integer else apply_op("Round", x, name=name)


def truncatediv(x, y, name=None):
    """x / y rounded towards zero, as C divides integers.

    >>> tf.truncatediv(-7, 2)              # -3, where floordiv gives -4
    """
    return apply_op("TruncateDiv", x, y, name=name)


def truncatemod(x, y, name=None):
    """The remainder of truncatediv, which has the sign of x, as C's %."""
    return apply_op("TruncateMod", x, y, name=name)


def is_inf(x, name=None):
    """Which elements are infinite."""
    return apply_op("IsInf", x, name=name)
