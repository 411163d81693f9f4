"""tf.linalg: linear algebra under its short names."""
from .core.nearest import no_attribute as _no_attribute
from .ops.clip_ops import global_norm
from .ops.contraction_ops import einsum, tensordot
from .ops.linalg_ops import cholesky, cholesky_solve, logdet
from .ops.linalg_ops import matrix_determinant as det
from .ops.linalg_ops import matrix_inverse as inv
from .ops.linalg_ops import matrix_solve as solve
from .ops.linalg_ops import matrix_solve_ls as lstsq
from .ops.linalg_ops import matrix_triangular_solve as triangular_solve
from .ops.linalg_ops import norm, qr, slogdet, svd
from .ops.linalg_ops import self_adjoint_eig as eigh
from .ops.linalg_ops import self_adjoint_eigvals as eigvalsh
from .ops.matmul_ops import cross, matmul
from .ops.matrix_ops import adjoint
from .ops.matrix_ops import diag as tensor_diag
from .ops.matrix_ops import diag_part as tensor_diag_part
from .ops.matrix_ops import eye
from .ops.matrix_ops import matrix_band_part as band_part
from .ops.matrix_ops import matrix_diag as diag
from .ops.matrix_ops import matrix_diag_part as diag_part
from .ops.matrix_ops import matrix_set_diag as set_diag
from .ops.matrix_ops import matrix_transpose, trace
from .ops.matrix_ops import matrix_transpose as transpose
from .ops.nn_ops import l2_normalize


def __getattr__(name):
    raise _no_attribute(__name__, name, globals())
