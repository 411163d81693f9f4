"""Array kernels written with NumPy: their results' sizes depend on values, and the time goes elsewhere."""
import numpy as np

from ...core.errors import InvalidArgumentError
from .kernel import register_python_kernel


@register_python_kernel("Where")
def where(attrs, condition):
    """The places where condition holds, in order: int64 [count, rank]."""
    return np.argwhere(condition)


@register_python_kernel("Unique", strings=True)
def unique(attrs, x):
    """The different values of a vector in the order in which they appear, and for each element the place of its value among them."""
    values, first, inverse = np.unique(x, return_index=True, return_inverse=True, equal_nan=False)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return values[order], rank[inverse]


@register_python_kernel("BroadcastGradientArgs")
def broadcast_gradient_args(attrs, s0, s1):
    """For shapes that are broadcast together, the axes along which each one's gradient must be summed."""
    rank = max(len(s0), len(s1))
    a, b = (np.concatenate([np.ones(rank - len(s), s.dtype), s]) for s in (s0, s1))
    if np.any((a != b) & (a != 1) & (b != 1)):
        raise InvalidArgumentError(None, None, f"Incompatible shapes: {s0.tolist()} vs. {s1.tolist()}")
    axes = np.arange(rank)
    return tuple(axes[(mine == 1) & ((other != 1) | (axes < rank - len(s)))] for mine, other, s in ((a, b, s0), (b, a, s1)))
