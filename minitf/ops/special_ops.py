"""Special functions: error, gamma, beta and zeta functions, and products and quotients that take 0 for 0 times anything."""
from ..core.registry import register_op
from ..graph import convert_to_tensor, name_scope
from . import math_ops, reduction_ops
from .apply import apply_op
from .shape_fns import FLOAT, broadcast, unchanged

for _name in ("Erf", "Erfc", "Expm1", "Lgamma", "Digamma"):
    register_op(_name, ["x: T"], ["y: T"], [f"T: {FLOAT}"])(unchanged)
for _name, _x, _y in (("Igamma", "a", "x"), ("Igammac", "a", "x"), ("Zeta", "x", "q"), ("Polygamma", "a", "x"), ("Xlogy", "x", "y"),
                      ("Xdivy", "x", "y"), ("DivNoNan", "x", "y")):
    register_op(_name, [f"{_x}: T", f"{_y}: T"], ["z: T"], [f"T: {FLOAT}"])(broadcast)


@register_op("Betainc", ["a: T", "b: T", "x: T"], ["z: T"], [f"T: {FLOAT}"])
def betainc_shape(c):
    """One shape for all but the scalars among them."""
    result, unknown = None, False
    for shape in c.inputs:
        if shape.ndims is None:
            unknown = True
        elif shape.ndims and result is not None and not result.is_compatible_with(shape):
            raise ValueError(f"Shapes {result} and {shape} are not compatible: a, b and x must have one shape, or be scalars")
        elif shape.ndims:
            result = shape if result is None else result.merge_with(shape)
    if result is None:
        return [None if unknown else c.inputs[0]]
    return [result]


def erf(x, name=None):
    """The Gauss error function: 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x."""
    return apply_op("Erf", x, name=name)


def erfc(x, name=None):
    """1 - erf(x), exact where that is small."""
    return apply_op("Erfc", x, name=name)


def expm1(x, name=None):
    """exp(x) - 1, exact for small x."""
    return apply_op("Expm1", x, name=name)


def lgamma(x, name=None):
    """log(|Gamma(x)|); inf for 0 and the negative integers."""
    return apply_op("Lgamma", x, name=name)


def digamma(x, name=None):
    """The derivative of lgamma."""
    return apply_op("Digamma", x, name=name)


def lbeta(x, name=None):
    """log(|Beta|) of the last dimension: the sum of lgamma over it less lgamma of the sum.  Of nothing: -inf.

    >>> tf.lbeta([1.0, 1.0, 1.0])          # log(1 / 2)
    """
    with name_scope(name, "lbeta", [x]) as name:
        x = convert_to_tensor(x, name="x")
        whole = lgamma(reduction_ops.reduce_sum(x, [-1]))
        return math_ops.subtract(reduction_ops.reduce_sum(lgamma(x), [-1]), whole, name=name)


def igamma(a, x, name=None):
    """The lower regularised incomplete gamma function P(a, x).  There is a gradient for x only."""
    return apply_op("Igamma", a, x, name=name)


def igammac(a, x, name=None):
    """The upper regularised incomplete gamma function Q(a, x) = 1 - P(a, x).  There is a gradient for x only."""
    return apply_op("Igammac", a, x, name=name)


def betainc(a, b, x, name=None):
    """The regularised incomplete beta function I_x(a, b).  All of one shape, or scalars.  There is a gradient for x only."""
    return apply_op("Betainc", a, b, x, name=name)


def zeta(x, q, name=None):
    """The Hurwitz zeta function: the sum of (q + n)^-x over n = 0, 1, ...  There is a gradient for q only."""
    return apply_op("Zeta", x, q, name=name)


def polygamma(a, x, name=None):
    """The a-th derivative of digamma at x, for whole a.  There is a gradient for x only."""
    return apply_op("Polygamma", a, x, name=name)


def xlogy(x, y, name=None):
    """x * log(y), and 0 where x is 0, whatever y is.

    >>> tf.math.xlogy(0.0, 0.0)            # 0
    """
    return apply_op("Xlogy", x, y, name=name)


def xdivy(x, y, name=None):
    """x / y, and 0 where x is 0, whatever y is."""
    return apply_op("Xdivy", x, y, name=name)


def div_no_nan(x, y, name=None):
    """x / y, and 0 where y is 0."""
    return apply_op("DivNoNan", x, y, name=name)


def log_sigmoid(x, name=None):
    """log(sigmoid(x)), finite for every finite x."""
    with name_scope(name, "LogSigmoid", [x]) as name:
        return math_ops.negative(apply_op("Softplus", math_ops.negative(x)), name=name)
