"""Linear algebra on matrices in the last two dimensions: inverses, determinants, factorisations, solutions, norms."""
import numpy as np

from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import convert_to_tensor, name_scope
from . import array_ops, math_ops, matmul_ops, matrix_ops, reduction_ops
from .apply import apply_op
from .shape_fns import FLOAT, UNKNOWN, argument, at_least, merge_dims


def _square(c, i=0):
    """Input i's dimensions, the last two of which must be equal; None if its rank is unknown."""
    dims = at_least(c, i, 2)
    if dims is not None:
        dims[-2:] = [merge_dims(c, dims[-2], dims[-1], i, i)] * 2
    return dims


def square_shape(c):
    dims = _square(c)
    return [UNKNOWN if dims is None else TensorShape(dims)]


register_op("MatrixInverse", ["input: T"], ["output: T"], ["adjoint: bool = False", f"T: {FLOAT}"])(square_shape)
register_op("Cholesky", ["input: T"], ["output: T"], [f"T: {FLOAT}"])(square_shape)


@register_op("MatrixDeterminant", ["input: T"], ["output: T"], [f"T: {FLOAT}"])
def determinant_shape(c):
    dims = _square(c)
    return [UNKNOWN if dims is None else TensorShape(dims[:-2])]


@register_op("LogMatrixDeterminant", ["input: T"], ["sign: T", "log_abs_determinant: T"], [f"T: {FLOAT}"])
def log_determinant_shape(c):
    return determinant_shape(c) * 2


def _solution_shape(c, dims):
    """x of matrix x = rhs: as many rows as the matrix, whose dimensions are `dims`, has columns."""
    rhs = at_least(c, 1, 2)
    if dims is None or rhs is None:
        return [UNKNOWN]
    if len(dims) != len(rhs):
        raise ValueError(f"Shapes must be equal rank, but are {len(dims)} and {len(rhs)} for {argument(c, 0)}, {argument(c, 1)}")
    merge_dims(c, dims[-2], rhs[-2], 0, 1)
    return [TensorShape([merge_dims(c, m, n, 0, 1) for m, n in zip(dims[:-2], rhs)] + [dims[-1], rhs[-1]])]


@register_op("MatrixSolve", ["matrix: T", "rhs: T"], ["output: T"], ["adjoint: bool = False", f"T: {FLOAT}"])
@register_op("MatrixTriangularSolve", ["matrix: T", "rhs: T"], ["output: T"], ["lower: bool = True", "adjoint: bool = False", f"T: {FLOAT}"])
def solve_shape(c):
    return _solution_shape(c, _square(c))


@register_op("SelfAdjointEigV2", ["input: T"], ["e: T", "v: T"], ["compute_v: bool = True", f"T: {FLOAT}"])
def self_adjoint_eig_shape(c):
    dims = _square(c)
    if dims is None:
        return [UNKNOWN, UNKNOWN if c.attrs["compute_v"] else TensorShape([0])]
    return [TensorShape(dims[:-1]), TensorShape(dims if c.attrs["compute_v"] else [0])]


@register_op("Svd", ["input: T"], ["s: T", "u: T", "v: T"], ["compute_uv: bool = True", "full_matrices: bool = False", f"T: {FLOAT}"])
def svd_shape(c):
    dims = at_least(c, 0, 2)
    empty = TensorShape([0])
    if dims is None:
        return [UNKNOWN, UNKNOWN, UNKNOWN] if c.attrs["compute_uv"] else [UNKNOWN, empty, empty]
    *batch, m, n = dims
    k = None if m is None or n is None else min(m, n)
    if not c.attrs["compute_uv"]:
        return [TensorShape(batch + [k]), empty, empty]
    full = c.attrs["full_matrices"]
    return [TensorShape(batch + [k]), TensorShape(batch + [m, m if full else k]), TensorShape(batch + [n, n if full else k])]


@register_op("Qr", ["input: T"], ["q: T", "r: T"], ["full_matrices: bool = False", f"T: {FLOAT}"])
def qr_shape(c):
    dims = at_least(c, 0, 2)
    if dims is None:
        return [UNKNOWN, UNKNOWN]
    *batch, m, n = dims
    k = m if c.attrs["full_matrices"] else None if m is None or n is None else min(m, n)
    return [TensorShape(batch + [m, k]), TensorShape(batch + [k, n])]


def matrix_inverse(input, adjoint=False, name=None):
    """The inverses of square matrices (adjoint: of their adjoints).  InvalidArgumentError in the run if one is singular."""
    return apply_op("MatrixInverse", input, adjoint=adjoint, name=name)


def matrix_determinant(input, name=None):
    """The determinants of square matrices: [..., n, n] becomes [...]."""
    return apply_op("MatrixDeterminant", input, name=name)


def slogdet(input, name=None):
    """(signs, logarithms of the absolute values) of the determinants, which may themselves be out of range."""
    return tuple(apply_op("LogMatrixDeterminant", input, name=name))


def logdet(matrix, name=None):
    """The logarithms of the determinants of symmetric positive definite matrices, by way of cholesky."""
    with name_scope(name, "logdet", [matrix]) as name:
        roots = matrix_ops.matrix_diag_part(cholesky(matrix))
        return math_ops.multiply(2.0, reduction_ops.reduce_sum(math_ops.log(roots), [-1]), name=name)


def cholesky(input, name=None):
    """Lower triangular matrices L with L L' = input, of which only the lower triangles are read.

    InvalidArgumentError in the run if one is not positive definite.
    """
    return apply_op("Cholesky", input, name=name)


def cholesky_solve(chol, rhs, name=None):
    """x of A x = rhs, from the Cholesky factor of A.

    >>> x = tf.cholesky_solve(tf.cholesky(a), b)
    """
    with name_scope(name, "cholesky_solve", [chol, rhs]) as name:
        chol = convert_to_tensor(chol, name="chol")
        return matrix_triangular_solve(chol, matrix_triangular_solve(chol, rhs), adjoint=True, name=name)


def matrix_solve(matrix, rhs, adjoint=False, name=None):
    """x of matrix x = rhs (adjoint: of matrix' x = rhs).  InvalidArgumentError in the run if a matrix is singular."""
    return apply_op("MatrixSolve", matrix, rhs, adjoint=adjoint, name=name)


def matrix_triangular_solve(matrix, rhs, lower=True, adjoint=False, name=None):
    """x of matrix x = rhs for triangular matrices, of which only the lower (or upper) triangles are read.

    adjoint: solve matrix' x = rhs.  InvalidArgumentError in the run if there is a zero on a diagonal.
    """
    return apply_op("MatrixTriangularSolve", matrix, rhs, lower=lower, adjoint=adjoint, name=name)


def matrix_solve_ls(matrix, rhs, l2_regularizer=0.0, fast=True, name=None):
    """x that minimises |matrix x - rhs|^2 + l2_regularizer |x|^2, by the normal equations.

    Of an underdetermined system the solution of least norm.  fast: accepted; False, a complete orthogonal decomposition in TensorFlow,
    makes no difference here.
    """
    with name_scope(name, "matrix_solve_ls", [matrix, rhs]) as name:
        matrix = convert_to_tensor(matrix, name="matrix")
        rhs = convert_to_tensor(rhs, dtype=matrix.dtype.base_dtype, name="rhs")
        dims = matrix.get_shape().with_rank_at_least(2)[-2:].as_list()
        if None in dims:
            raise ValueError(f"matrix_solve_ls needs to know whether there are more rows or columns, got shape {matrix.get_shape()}")
        m, n = dims
        over = m >= n
        gram = matmul_ops.matmul(matrix, matrix, adjoint_a=over, adjoint_b=not over)
        if l2_regularizer != 0:
            gram += l2_regularizer * matrix_ops.eye(min(m, n), dtype=matrix.dtype.base_dtype)
        chol = cholesky(gram)
        if over:
            return cholesky_solve(chol, matmul_ops.matmul(matrix, rhs, adjoint_a=True), name=name)
        return matmul_ops.matmul(matrix, cholesky_solve(chol, rhs), adjoint_a=True, name=name)


def self_adjoint_eig(tensor, name=None):
    """(e, v): eigenvalues [..., n], ascending, and eigenvectors, in the columns of [..., n, n], of symmetric matrices.

    Only the lower triangles are read.
    """
    return tuple(apply_op("SelfAdjointEigV2", tensor, compute_v=True, name=name))


def self_adjoint_eigvals(tensor, name=None):
    """The eigenvalues of symmetric matrices, as self_adjoint_eig."""
    return apply_op("SelfAdjointEigV2", tensor, compute_v=False, name=name)[0]


def svd(tensor, full_matrices=False, compute_uv=True, name=None):
    """(s, u, v) with tensor = u diag(s) v', the singular values s descending; s alone if not compute_uv.

    full_matrices: u [..., m, m] and v [..., n, n] instead of their first min(m, n) columns; there is no gradient then, unless m = n.
    """
    s, u, v = apply_op("Svd", tensor, compute_uv=compute_uv, full_matrices=full_matrices, name=name)
    return (s, u, v) if compute_uv else s


def qr(input, full_matrices=False, name=None):
    """(q, r) with input = q r, q's columns orthonormal and r upper triangular; full_matrices: q is [..., m, m].

    There is a gradient where the matrices are known to have no more columns than rows, without full_matrices.
    """
    return tuple(apply_op("Qr", input, full_matrices=full_matrices, name=name))


def norm(tensor, ord="euclidean", axis=None, keepdims=None, name=None, keep_dims=None):
    """The norm of a tensor: of all its elements, of the vectors along one axis, or of the matrices along two.

    ord  "euclidean" (the square root of the sum of squares, for matrices too), 1, 2, any positive number, or np.inf; of matrices 1, 2
         (the largest singular value), "fro" or np.inf

    >>> tf.norm([[3.0, 4.0], [6.0, 8.0]], axis=1)          # [5, 10]
    """
    keep = bool(array_ops.either("keepdims", keepdims, "keep_dims", keep_dims, None))
    is_matrix = isinstance(axis, (tuple, list)) and len(axis) == 2
    allowed = ("euclidean", "fro", 1, 2, np.inf) if is_matrix else ("euclidean", 1, 2, np.inf)
    if isinstance(axis, (tuple, list)):
        if len(axis) not in (1, 2) or is_matrix and axis[0] == axis[1]:
            raise ValueError("'axis' must be None, an integer, or a tuple of 2 unique integers")
        axis = list(axis) if is_matrix else axis[0]
    if ord not in allowed and (is_matrix or isinstance(ord, str) or not ord > 0):
        raise ValueError(f"'ord' must be a supported {'matrix' if is_matrix else 'vector'} norm, one of {list(allowed)}"
                         f"{'' if is_matrix else ' or a positive number'}, got {ord!r}")
    with name_scope(name, "norm", [tensor]) as name:
        tensor = convert_to_tensor(tensor)
        if ord in ("euclidean", "fro") or ord == 2 and not is_matrix:
            result = math_ops.sqrt(reduction_ops.reduce_sum(math_ops.square(tensor), axis, True))
        elif ord == 2:
            rank = tensor.get_shape().ndims
            if rank is None:
                raise ValueError("The 2-norm of matrices needs a tensor of known rank; set_shape tells it")
            rows, columns = (a % rank for a in axis)
            rest = [i for i in range(rank) if i not in (rows, columns)]
            largest = reduction_ops.reduce_max(svd(array_ops.transpose(tensor, rest + [rows, columns]), compute_uv=False), [-1])
            result = largest
            for i in sorted((rows, columns)):
                result = array_ops.expand_dims(result, i)
        elif ord == np.inf:
            sizes = math_ops.abs(tensor)
            result = reduction_ops.reduce_max(reduction_ops.reduce_sum(sizes, axis[1], True) if is_matrix else sizes,
                                              axis[0] if is_matrix else axis, True)
        elif ord == 1:
            result = reduction_ops.reduce_sum(math_ops.abs(tensor), axis[0] if is_matrix else axis, True)
            result = reduction_ops.reduce_max(result, axis[1], True) if is_matrix else result
        else:
            powers = math_ops.pow(math_ops.abs(tensor), float(ord))
            result = math_ops.pow(reduction_ops.reduce_sum(powers, axis, True), 1.0 / ord)
        return array_ops.identity(result, name=name) if keep else reduction_ops.drop(result, axis, name)
