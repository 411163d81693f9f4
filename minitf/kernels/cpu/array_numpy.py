"""Array kernels written with NumPy: their results' sizes depend on values, and the time goes elsewhere."""
import numpy as np

from .kernel import register_python_kernel


@register_python_kernel("Where")
def where(attrs, condition):
    """The places where condition holds, in order: int64 [count, rank]."""
    return np.argwhere(condition)


@register_python_kernel("Unique")
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
    a = np.concatenate([np.ones(rank - len(s0), s0.dtype), s0])
    b = np.concatenate([np.ones(rank - len(s1), s1.dtype), s1])
    if np.any((a != b) & (a != 1) & (b != 1)):
        from minitf.core.errors import InvalidArgumentError
        raise InvalidArgumentError(None, None, f"Incompatible shapes: {s0.tolist()} vs. {s1.tolist()}")
    return np.flatnonzero((a == 1) & ((b != 1) | (np.arange(rank) < rank - len(s0)))), np.flatnonzero((b == 1) & ((a != 1) | (np.arange(rank) < rank - len(s1))))
