"""Gradients of trigonometric and hyperbolic functions: the table of derivatives, times grad."""
from ..core.registry import register_gradient
from ..ops import math_ops, trig_ops
from ..ops.complex_ops import conj
from .broadcasting import unbroadcast


@register_gradient("Sin")
def _sin(op, grad):
    return grad * conj(trig_ops.cos(op.inputs[0]))


@register_gradient("Cos")
def _cos(op, grad):
    return -grad * conj(trig_ops.sin(op.inputs[0]))


@register_gradient("Tan")
def _tan(op, grad):
    return grad * (1.0 + math_ops.square(op.outputs[0]))


@register_gradient("Asin")
def _asin(op, grad):
    return grad * math_ops.rsqrt(1.0 - math_ops.square(op.inputs[0]))


@register_gradient("Acos")
def _acos(op, grad):
    return -grad * math_ops.rsqrt(1.0 - math_ops.square(op.inputs[0]))


@register_gradient("Atan")
def _atan(op, grad):
    return math_ops.realdiv(grad, 1.0 + math_ops.square(op.inputs[0]))


@register_gradient("Sinh")
def _sinh(op, grad):
    return grad * trig_ops.cosh(op.inputs[0])


@register_gradient("Cosh")
def _cosh(op, grad):
    return grad * trig_ops.sinh(op.inputs[0])


@register_gradient("Asinh")
def _asinh(op, grad):                        # 1 / sqrt(x^2 + 1), where the square could overflow
    return math_ops.realdiv(grad, trig_ops.cosh(op.outputs[0]))


@register_gradient("Acosh")
def _acosh(op, grad):
    return math_ops.realdiv(grad, trig_ops.sinh(op.outputs[0]))


@register_gradient("Atanh")
def _atanh(op, grad):
    return math_ops.realdiv(grad, 1.0 - math_ops.square(op.inputs[0]))


@register_gradient("Atan2")
def _atan2(op, grad):
    y, x = op.inputs
    share = math_ops.realdiv(grad, math_ops.square(x) + math_ops.square(y))
    return unbroadcast(op, share * x, -share * y)
