"""Gradients of rounding: none, but for the remainder."""
from ..core.registry import not_differentiable, register_gradient
from ..ops import rounding_ops
from .broadcasting import unbroadcast

for _op_type in ("Rint", "Round", "TruncateDiv", "IsInf"):
    not_differentiable(_op_type)


@register_gradient("TruncateMod")
def _truncate_mod(op, grad):                 # x - trunc(x / y) y, where trunc does not move
    x, y = op.inputs
    return unbroadcast(op, grad, -grad * rounding_ops.truncatediv(x, y))
