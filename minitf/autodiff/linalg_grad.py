"""Gradients of linear algebra, in terms of linear algebra: so they have gradients too.

The formulas are those of M. Giles, An extended collection of matrix derivative results (2008), and of I. Murray, Differentiation of the
Cholesky decomposition (2016).
"""
from ..core.registry import register_gradient
from ..ops import array_ops, linalg_ops, math_ops, matmul_ops, matrix_ops


def _product(a, b, adjoint_a=False, adjoint_b=False):
    return matmul_ops.matmul(a, b, adjoint_a=adjoint_a, adjoint_b=adjoint_b)


def _over_matrices(x):
    """x [...] as [..., 1, 1], to be a factor of matrices."""
    return array_ops.expand_dims(array_ops.expand_dims(x, -1), -1)


@register_gradient("MatrixInverse")
def _matrix_inverse(op, grad):
    y = op.outputs[0]
    if op.get_attr("adjoint"):
        return -_product(_product(y, grad, adjoint_b=True), y)
    return -_product(_product(y, grad, adjoint_a=True), y, adjoint_b=True)


@register_gradient("MatrixDeterminant")
def _matrix_determinant(op, grad):
    return _over_matrices(grad * op.outputs[0]) * linalg_ops.matrix_inverse(op.inputs[0], adjoint=True)


@register_gradient("LogMatrixDeterminant")
def _log_matrix_determinant(op, _, grad):
    return _over_matrices(grad) * linalg_ops.matrix_inverse(op.inputs[0], adjoint=True)


@register_gradient("Cholesky")
def _cholesky(op, grad):
    """L^-T P L^-1 made symmetric, where P is the lower triangle of L' grad with half its diagonal."""
    chol = op.outputs[0]
    middle = _lower_with_half_diagonal(_product(chol, grad, adjoint_a=True))
    left = linalg_ops.matrix_triangular_solve(chol, middle, adjoint=True)
    both = linalg_ops.matrix_triangular_solve(chol, matrix_ops.matrix_transpose(left), adjoint=True)     # (left L^-1)'
    return 0.5 * (both + matrix_ops.matrix_transpose(both))


def _lower_with_half_diagonal(x):
    return matrix_ops.matrix_band_part(matrix_ops.matrix_set_diag(x, 0.5 * matrix_ops.matrix_diag_part(x)), -1, 0)


def _as_lower(x):
    """The gradient for a matrix of which only the lower triangle is read, from that for a symmetric one."""
    return matrix_ops.matrix_band_part(matrix_ops.matrix_set_diag(2.0 * x, matrix_ops.matrix_diag_part(x)), -1, 0)


@register_gradient("MatrixSolve")
def _matrix_solve(op, grad):
    matrix, x, adjoint = op.inputs[0], op.outputs[0], op.get_attr("adjoint")
    grad_rhs = linalg_ops.matrix_solve(matrix, grad, adjoint=not adjoint)
    return -_outer(grad_rhs, x, adjoint), grad_rhs


@register_gradient("MatrixTriangularSolve")
def _matrix_triangular_solve(op, grad):
    matrix, x, adjoint, lower = op.inputs[0], op.outputs[0], op.get_attr("adjoint"), op.get_attr("lower")
    grad_rhs = linalg_ops.matrix_triangular_solve(matrix, grad, lower=lower, adjoint=not adjoint)
    grad_matrix = -_outer(grad_rhs, x, adjoint)
    return matrix_ops.matrix_band_part(grad_matrix, -1 if lower else 0, 0 if lower else -1), grad_rhs


def _outer(grad_rhs, x, adjoint):
    return _product(x, grad_rhs, adjoint_b=True) if adjoint else _product(grad_rhs, x, adjoint_b=True)


@register_gradient("SelfAdjointEigV2")
def _self_adjoint_eig(op, grad_e, grad_v):
    """v (diag(grad_e) + F * (v' grad_v)) v' with F[i, j] = 1 / (e[j] - e[i]) off the diagonal: infinite where eigenvalues coincide."""
    if op.get_attr("compute_v"):
        e, v = op.outputs
        inner = matrix_ops.matrix_diag(grad_e) + _reciprocal_gaps(e) * _product(v, grad_v, adjoint_a=True)
    else:
        _, v = linalg_ops.self_adjoint_eig(op.inputs[0])
        inner = matrix_ops.matrix_diag(grad_e)
    whole = _product(_product(v, inner), v, adjoint_b=True)
    return _as_lower(0.5 * (whole + matrix_ops.matrix_transpose(whole)))


def _reciprocal_gaps(values):
    """[..., n, n]: 1 / (values[j] - values[i]), and 0 on the diagonal."""
    gaps = array_ops.expand_dims(values, -2) - array_ops.expand_dims(values, -1)
    inverse = math_ops.reciprocal(matrix_ops.matrix_set_diag(gaps, array_ops.ones_like(values)))
    return matrix_ops.matrix_set_diag(inverse, array_ops.zeros_like(values))


@register_gradient("Svd")
def _svd(op, grad_s, grad_u, grad_v):
    """u diag(grad_s) v', and for the vectors Townsend, Differentiating the singular value decomposition (2016): infinite where values coincide."""
    if not op.get_attr("compute_uv"):
        _, u, v = linalg_ops.svd(op.inputs[0])
        return _product(u * array_ops.expand_dims(grad_s, -2), v, adjoint_b=True)
    s, u, v = op.outputs
    m, n = u._shape[-2].value, v._shape[-2].value
    if op.get_attr("full_matrices") and (m is None or m != n):
        raise LookupError("No gradient is defined for Svd with full_matrices=True, unless the matrices are known to be square")
    across, down = array_ops.expand_dims(s, -2), array_ops.expand_dims(s, -1)
    gaps = _reciprocal_gaps(math_ops.square(s))
    turn_u, turn_v = _product(u, grad_u, adjoint_a=True), _product(v, grad_v, adjoint_a=True)
    inner = matrix_ops.matrix_diag(grad_s)
    inner += gaps * (turn_u - matrix_ops.matrix_transpose(turn_u)) * across + down * gaps * (turn_v - matrix_ops.matrix_transpose(turn_v))
    beyond_u = math_ops.realdiv(grad_u - _product(u, turn_u), across)
    beyond_v = math_ops.realdiv(grad_v - _product(v, turn_v), across)
    return _product(_product(u, inner) + beyond_u, v, adjoint_b=True) + _product(u, beyond_v, adjoint_b=True)


@register_gradient("Qr")
def _qr(op, grad_q, grad_r):
    """(grad_q + q M) r^-T, M the symmetric matrix whose lower triangle is that of r grad_r' - grad_q' q: for no more columns than rows."""
    q, r = op.outputs
    m, n = q._shape[-2].value, r._shape[-1].value
    if m is None or n is None or m < n or op.get_attr("full_matrices") and m != n:
        raise LookupError("A gradient is defined for Qr only where matrices are known to have no more columns than rows, and without full_matrices")
    product = _product(r, grad_r, adjoint_b=True) - _product(grad_q, q, adjoint_a=True)
    lower = matrix_ops.matrix_band_part(product, -1, 0)
    both = matrix_ops.matrix_set_diag(lower + matrix_ops.matrix_transpose(lower), matrix_ops.matrix_diag_part(lower))
    total = grad_q + _product(q, both)
    return matrix_ops.matrix_transpose(linalg_ops.matrix_triangular_solve(r, matrix_ops.matrix_transpose(total), lower=False))


@register_gradient("Cross")
def _cross(op, grad):
    a, b = op.inputs
    return matmul_ops.cross(b, grad), matmul_ops.cross(grad, a)
