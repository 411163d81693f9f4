"""Gradients of the ops that put diagonals into matrices and take them out: each is the adjoint of a linear map."""
from ..core.registry import register_gradient
from ..ops import array_ops, matrix_ops


@register_gradient("Diag")
def _diag(op, grad):
    return matrix_ops.diag_part(grad)


@register_gradient("DiagPart")
def _diag_part(op, grad):
    return matrix_ops.diag(grad)


@register_gradient("MatrixDiag")
def _matrix_diag(op, grad):
    return matrix_ops.matrix_diag_part(grad)


@register_gradient("MatrixDiagPart")
def _matrix_diag_part(op, grad):
    return matrix_ops.matrix_set_diag(array_ops.zeros_like(op.inputs[0]), grad)


@register_gradient("MatrixSetDiag")
def _matrix_set_diag(op, grad):
    return matrix_ops.matrix_set_diag(grad, array_ops.zeros_like(op.inputs[1])), matrix_ops.matrix_diag_part(grad)


@register_gradient("MatrixBandPart")
def _matrix_band_part(op, grad):
    return matrix_ops.matrix_band_part(grad, op.inputs[1], op.inputs[2]), None, None
