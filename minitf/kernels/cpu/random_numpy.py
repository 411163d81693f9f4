"""Kernels for random numbers that are rarely drawn, written with NumPy over the same streams (random.pyx)."""
import numpy as np

from .kernel import register_python_kernel


@register_python_kernel("OrthonormalColumns")
def orthonormal_columns(attrs, x):
    """The Q of a QR factorisation, with the signs for which R's diagonal is positive: of a random normal matrix it is uniform."""
    q, r = np.linalg.qr(x)
    return q * np.where(np.diag(r) < 0, -1, 1)
