"""Linear algebra with NumPy (LAPACK), on stacks of matrices."""
import numpy as np

from ...core.errors import InvalidArgumentError
from .kernel import register_python_kernel


def _adjoint(x, wanted=True):
    return np.conj(np.swapaxes(x, -1, -2)) if wanted else x


def _checked(function, message, *arguments):
    """function(*arguments), with LAPACK's complaint as an InvalidArgumentError."""
    try:
        return function(*arguments)
    except np.linalg.LinAlgError:
        raise InvalidArgumentError(None, None, message) from None


@register_python_kernel("MatrixInverse")
def matrix_inverse(attrs, x):
    return _checked(np.linalg.inv, "Input is not invertible.", _adjoint(x, attrs["adjoint"]))


@register_python_kernel("MatrixDeterminant")
def matrix_determinant(attrs, x):
    return np.linalg.det(x)


@register_python_kernel("LogMatrixDeterminant")
def log_matrix_determinant(attrs, x):
    return tuple(np.linalg.slogdet(x))


@register_python_kernel("Cholesky")
def cholesky(attrs, x):
    return _checked(np.linalg.cholesky, "Cholesky decomposition was not successful. The input might not be valid.", x)


@register_python_kernel("MatrixSolve")
def matrix_solve(attrs, matrix, rhs):
    return _checked(np.linalg.solve, "Input matrix is not invertible.", _adjoint(matrix, attrs["adjoint"]), rhs)


@register_python_kernel("MatrixTriangularSolve")
def matrix_triangular_solve(attrs, matrix, rhs):
    from scipy.linalg import solve_triangular
    if (np.diagonal(matrix, axis1=-2, axis2=-1) == 0).any():
        raise InvalidArgumentError(None, None, "Input matrix is not invertible.")
    out = np.empty(matrix.shape[:-1] + rhs.shape[-1:], rhs.dtype)
    for at in np.ndindex(matrix.shape[:-2]):
        if out[at].size:
            out[at] = solve_triangular(matrix[at], rhs[at], trans="C" if attrs["adjoint"] else "N", lower=attrs["lower"])
    return out


@register_python_kernel("SelfAdjointEigV2")
def self_adjoint_eig(attrs, x):
    if attrs["compute_v"]:
        return tuple(np.linalg.eigh(x))
    return np.linalg.eigvalsh(x), np.empty(0, x.dtype)


@register_python_kernel("Svd")
def svd(attrs, x):
    if not attrs["compute_uv"]:
        return np.linalg.svd(x, compute_uv=False), np.empty(0, x.dtype), np.empty(0, x.dtype)
    u, s, adjoint_v = np.linalg.svd(x, full_matrices=attrs["full_matrices"])
    return s, u, _adjoint(adjoint_v)


@register_python_kernel("Qr")
def qr(attrs, x):
    return tuple(np.linalg.qr(x, mode="complete" if attrs["full_matrices"] else "reduced"))


@register_python_kernel("Cross")
def cross(attrs, a, b):
    left = a[..., [1, 2, 0]] * b[..., [2, 0, 1]]
    return left - a[..., [2, 0, 1]] * b[..., [1, 2, 0]]


@register_python_kernel("Diag")
def diag(attrs, diagonal):
    return np.diag(diagonal.ravel()).reshape(diagonal.shape * 2)


@register_python_kernel("DiagPart")
def diag_part(attrs, x):
    shape = x.shape[:x.ndim // 2]
    n = int(np.prod(shape, dtype=np.int64))
    return x.reshape(n, n).diagonal().reshape(shape)


@register_python_kernel("MatrixDiag")
def matrix_diag(attrs, diagonal):
    out = np.zeros(diagonal.shape + diagonal.shape[-1:], diagonal.dtype)
    places = np.arange(diagonal.shape[-1])
    out[..., places, places] = diagonal
    return out


@register_python_kernel("MatrixDiagPart")
def matrix_diag_part(attrs, x):
    return np.diagonal(x, axis1=-2, axis2=-1)


@register_python_kernel("MatrixSetDiag")
def matrix_set_diag(attrs, x, diagonal):
    out = x.copy()
    places = np.arange(diagonal.shape[-1])
    out[..., places, places] = diagonal
    return out


@register_python_kernel("MatrixBandPart")
def matrix_band_part(attrs, x, num_lower, num_upper):
    rows, columns = np.ogrid[:x.shape[-2], :x.shape[-1]]
    kept = ((num_lower < 0) | (rows - columns <= num_lower)) & ((num_upper < 0) | (columns - rows <= num_upper))
    return np.where(kept, x, np.zeros((), x.dtype))
