"""Special functions of SciPy's: rare in programs, and slow whoever computes them."""
import importlib

import numpy as np

from ...core.errors import InvalidArgumentError
from .kernel import register_python_kernel


def _scipy(name):
    """A function of scipy.special, which is imported when it is first needed."""
    return getattr(importlib.import_module("scipy.special"), name)


@register_python_kernel("Digamma")
def digamma(attrs, x):
    return _scipy("digamma")(x)


@register_python_kernel("Igamma")
def igamma(attrs, a, x):
    return _scipy("gammainc")(a, x)


@register_python_kernel("Igammac")
def igammac(attrs, a, x):
    return _scipy("gammaincc")(a, x)


@register_python_kernel("Zeta")
def zeta(attrs, x, q):
    return _scipy("zeta")(x.astype(np.float64), q)


@register_python_kernel("Polygamma")
def polygamma(attrs, n, x):
    """(-1)^(n+1) n! zeta(n + 1, x); NaN where n is not a whole number >= 0."""
    n, x = n.astype(np.float64), x.astype(np.float64)
    with np.errstate(all="ignore"):
        higher = (-1) ** (n + 1) * _scipy("gamma")(n + 1) * _scipy("zeta")(n + 1, x)
        return np.where(n == 0, _scipy("digamma")(x), np.where((n > 0) & (n == np.floor(n)), higher, np.nan))


@register_python_kernel("Betainc")
def betainc(attrs, a, b, x):
    shapes = {array.shape for array in (a, b, x) if array.ndim}
    if len(shapes) > 1:
        raise InvalidArgumentError(None, None, f"a, b and x must have one shape, or be scalars; got {a.shape}, {b.shape} and {x.shape}")
    return _scipy("betainc")(a, b, x)
