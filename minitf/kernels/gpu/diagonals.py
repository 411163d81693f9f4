"""Diagonals of matrices: every (columns + 1)-th element, so moves and frames do."""
from .call import register_gpu_kernel
from .moves import frame, move
from .words import MOVED, product


@register_gpu_kernel("Diag", source="moves.cu", T=MOVED)
def diag(call):
    x, y = call.inputs[0], call.outputs[0]
    frame(call, y, x, [(y.size, 0, x.size, x.size + 1, 1)])


@register_gpu_kernel("MatrixDiag", source="moves.cu", T=MOVED)
def matrix_diag(call):
    x, y = call.inputs[0], call.outputs[0]
    n, count = x.shape[-1], product(x.shape[:-1])
    frame(call, y, x, [(count, 0, count, 1, n), (n * n, 0, n, n + 1, 1)])


@register_gpu_kernel("DiagPart", source="moves.cu", T=MOVED)
def diag_part(call):
    x, y = call.inputs[0], call.outputs[0]
    move(call, y, x, [(y.size, 1, y.size + 1)])


@register_gpu_kernel("MatrixDiagPart", source="moves.cu", T=MOVED)
def matrix_diag_part(call):
    x, y = call.inputs[0], call.outputs[0]
    move(call, y, x, [(product(y.shape[:-1]), y.shape[-1], x.shape[-2] * x.shape[-1]), (y.shape[-1], 1, x.shape[-1] + 1)])


@register_gpu_kernel("MatrixSetDiag", source="moves.cu", T=MOVED)
def matrix_set_diag(call):
    x, diagonal, y = *call.inputs, call.outputs[0]
    call.copy(y, x)
    move(call, y, diagonal, [(product(diagonal.shape[:-1]), x.shape[-2] * x.shape[-1], diagonal.shape[-1]), (diagonal.shape[-1], x.shape[-1] + 1, 1)])
