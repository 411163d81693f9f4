"""Gradients of the special functions.  Where a parameter's derivative has no closed form (a in igamma) there is none, as in TensorFlow."""
import math

from ..core.registry import register_gradient
from ..ops import array_ops, logical_ops, math_ops, special_ops
from ..ops.apply import apply_op
from .broadcasting import stretched_axes, sum_to, unbroadcast


@register_gradient("Erf")
def _erf(op, grad):
    return grad * (2 / math.sqrt(math.pi) * math_ops.exp(-math_ops.square(op.inputs[0])))


@register_gradient("Erfc")
def _erfc(op, grad):
    return grad * (-2 / math.sqrt(math.pi) * math_ops.exp(-math_ops.square(op.inputs[0])))


@register_gradient("Expm1")
def _expm1(op, grad):                        # not output + 1, which is rounded where x is far below 0
    return grad * math_ops.exp(op.inputs[0])


@register_gradient("Lgamma")
def _lgamma(op, grad):
    return grad * special_ops.digamma(op.inputs[0])


@register_gradient("Digamma")
def _digamma(op, grad):
    return grad * special_ops.polygamma(1.0, op.inputs[0])


@register_gradient("Igamma")
def _igamma(op, grad):
    return unbroadcast(op, None, grad * _gamma_density(*op.inputs))


@register_gradient("Igammac")
def _igammac(op, grad):
    return unbroadcast(op, None, -grad * _gamma_density(*op.inputs))


def _gamma_density(a, x):
    """x^(a-1) exp(-x) / Gamma(a)"""
    return math_ops.exp(special_ops.xlogy(a - 1.0, x) - x - special_ops.lgamma(a))


@register_gradient("Betainc")
def _betainc(op, grad):                      # x^(a-1) (1-x)^(b-1) / Beta(a, b)
    a, b, x = op.inputs
    log_beta = special_ops.lgamma(a) + special_ops.lgamma(b) - special_ops.lgamma(a + b)
    slope = math_ops.exp((b - 1.0) * math_ops.log1p(-x) + special_ops.xlogy(a - 1.0, x) - log_beta)
    axes = stretched_axes(x._shape.tuple, op.outputs[0]._shape.tuple)
    if axes is None:
        axes = apply_op("BroadcastGradientArgs", array_ops.shape(x), array_ops.shape(grad))[0]
    return None, None, sum_to(grad * slope, x, axes)


@register_gradient("Zeta")
def _zeta(op, grad):
    x, q = op.inputs
    return unbroadcast(op, None, -grad * x * special_ops.zeta(x + 1.0, q))


@register_gradient("Polygamma")
def _polygamma(op, grad):
    n, x = op.inputs
    return unbroadcast(op, None, grad * special_ops.polygamma(n + 1.0, x))


@register_gradient("Xlogy")
def _xlogy(op, grad):
    x, y = op.inputs
    return unbroadcast(op, grad * special_ops.xlogy(_is_there(x), y), grad * special_ops.xdivy(x, y))


@register_gradient("Xdivy")
def _xdivy(op, grad):
    x, y = op.inputs
    return unbroadcast(op, grad * special_ops.xdivy(_is_there(x), y), -grad * special_ops.xdivy(x, math_ops.square(y)))


@register_gradient("DivNoNan")
def _div_no_nan(op, grad):
    x, y = op.inputs
    divide = special_ops.div_no_nan
    return unbroadcast(op, divide(grad, y), -grad * divide(divide(x, y), y))


def _is_there(x):
    """1 where x is not 0."""
    return math_ops.cast(logical_ops.not_equal(x, 0.0), x.dtype.base_dtype)
