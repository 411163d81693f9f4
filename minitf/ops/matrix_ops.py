"""Diagonals and bands of matrices: making them, taking them out, replacing them."""
from ..core.dtypes import float32
from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import Tensor, convert_to_tensor, name_scope
from . import array_ops, math_ops, reduction_ops, sequence_ops
from .apply import apply_op
from .complex_ops import conj
from .shape_fns import INDEX, UNKNOWN, argument, at_least, merge_dims, with_rank

TYPES = "{float32, float64, int32, int64, int8, int16, uint8, bool, complex64, complex128}"


@register_op("Diag", ["diagonal: T"], ["output: T"], [f"T: {TYPES}"])
def diag_shape(c):
    shape = c.inputs[0]
    return [shape.concatenate(shape)]


@register_op("DiagPart", ["input: T"], ["diagonal: T"], [f"T: {TYPES}"])
def diag_part_shape(c):
    """The first half of the dimensions, which must be the second half too."""
    dims = c.inputs[0].tuple
    if dims is None:
        return [UNKNOWN]
    if len(dims) % 2 or not dims:
        raise ValueError(f"Input must have even and non-zero rank, but {argument(c, 0)} has rank {len(dims)}")
    half = len(dims) // 2
    return [TensorShape([merge_dims(c, m, n, 0, 0) for m, n in zip(dims[:half], dims[half:])])]


@register_op("MatrixDiag", ["diagonal: T"], ["output: T"], [f"T: {TYPES}"])
def matrix_diag_shape(c):
    dims = at_least(c, 0, 1)
    return [UNKNOWN if dims is None else TensorShape(dims + dims[-1:])]


@register_op("MatrixDiagPart", ["input: T"], ["diagonal: T"], [f"T: {TYPES}"])
def matrix_diag_part_shape(c):
    dims = at_least(c, 0, 2)
    return [UNKNOWN if dims is None else TensorShape(dims[:-2] + [_shorter(*dims[-2:])])]


@register_op("MatrixSetDiag", ["input: T", "diagonal: T"], ["output: T"], [f"T: {TYPES}"])
def matrix_set_diag_shape(c):
    dims, diagonal = at_least(c, 0, 2), at_least(c, 1, 1)
    if dims is None:
        return [UNKNOWN]
    if diagonal is not None:
        if len(diagonal) != len(dims) - 1:
            raise ValueError(f"diagonal must have one dimension less than input for {argument(c, 0)}, {argument(c, 1)}")
        merge_dims(c, _shorter(*dims[-2:]), diagonal[-1], 0, 1)
        dims = [merge_dims(c, m, n, 0, 1) for m, n in zip(dims[:-2], diagonal)] + dims[-2:]
    return [TensorShape(dims)]


@register_op("MatrixBandPart", ["input: T", "num_lower: Tindex", "num_upper: Tindex"], ["band: T"], [f"T: {TYPES}", f"Tindex: {INDEX} = int64"])
def matrix_band_part_shape(c):
    at_least(c, 0, 2)
    with_rank(c, 1, 0)
    with_rank(c, 2, 0)
    return [c.inputs[0]]


def _shorter(m, n):
    return 0 if 0 in (m, n) else None if None in (m, n) else min(m, n)


def diag(diagonal, name=None):
    """Zeros but for output[i..., i...] = diagonal[i...]: its rank is twice the diagonal's.

    >>> tf.diag([1, 2])                    # [[1, 0], [0, 2]]
    """
    return apply_op("Diag", diagonal, name=name)


def diag_part(input, name=None):
    """The elements input[i..., i...], for an input of shape [D1, ..., Dk, D1, ..., Dk]."""
    return apply_op("DiagPart", input, name=name)


def matrix_diag(diagonal, name=None):
    """Square matrices with the last dimension of `diagonal` on their diagonals and zeros elsewhere: [..., n] becomes [..., n, n]."""
    return apply_op("MatrixDiag", diagonal, name=name)


def matrix_diag_part(input, name=None):
    """The diagonals of the matrices in the last two dimensions: [..., m, n] becomes [..., min(m, n)]."""
    return apply_op("MatrixDiagPart", input, name=name)


def matrix_set_diag(input, diagonal, name=None):
    """The matrices of `input` [..., m, n] with `diagonal` [..., min(m, n)] in place of their diagonals."""
    return apply_op("MatrixSetDiag", input, diagonal, name=name)


def matrix_band_part(input, num_lower, num_upper, name=None):
    """The matrices of `input` with zeros outside a band about the diagonal.

    num_lower, num_upper  how many diagonals to keep below and above the main one; negative: all of them

    >>> tf.matrix_band_part(x, -1, 0)      # the lower triangle
    """
    return apply_op("MatrixBandPart", input, num_lower, num_upper, name=name)


def trace(x, name=None):
    """The sums along the diagonals of the matrices in the last two dimensions."""
    with name_scope(name, "Trace", [x]) as name:
        return reduction_ops.reduce_sum(matrix_diag_part(x), [-1], name=name)


def matrix_transpose(a, name="matrix_transpose", conjugate=False):
    """The last two dimensions of `a` exchanged; conjugate: the complex conjugates as well.  ValueError if its rank is below 2."""
    with name_scope(name, "matrix_transpose", [a]) as name:
        a = convert_to_tensor(a, name="a")
        a = conj(a) if conjugate else a
        rank = a.get_shape().ndims
        if rank is not None:
            if rank < 2:
                raise ValueError(f"Argument 'a' should be a (batch) matrix, with rank >= 2.  Found: {a.get_shape()}")
            return array_ops.transpose(a, [*range(rank - 2), rank - 1, rank - 2], name=name)
        rank = array_ops.rank(a)
        perm = apply_op("ConcatV2", [sequence_ops.range(rank - 2), apply_op("Pack", [rank - 1, rank - 2])], 0)
        return array_ops.transpose(a, perm, name=name)


def adjoint(matrix, name=None):
    """The last two dimensions of `matrix` exchanged, and complex numbers conjugated."""
    return matrix_transpose(matrix, name=name or "adjoint", conjugate=True)


def eye(num_rows, num_columns=None, batch_shape=None, dtype=float32, name=None):
    """The identity matrix [num_rows, num_columns], of num_rows columns if they are not given, repeated to batch_shape + that shape.

    >>> tf.eye(2, batch_shape=[3])         # three times [[1, 0], [0, 1]]
    """
    with name_scope(name, "eye", [num_rows, num_columns, batch_shape]) as name:
        if num_columns is None:
            return matrix_diag(array_ops.ones(_sizes(batch_shape, num_rows), dtype), name=name)
        if isinstance(num_rows, int) and isinstance(num_columns, int):
            shorter = min(num_rows, num_columns)
        else:
            shorter = math_ops.minimum(num_rows, num_columns)
        zeros = array_ops.zeros(_sizes(batch_shape, num_rows, num_columns), dtype)
        return matrix_set_diag(zeros, array_ops.ones(_sizes(batch_shape, shorter), dtype), name=name)


def _sizes(batch_shape, *sizes):
    """A shape: batch_shape (None, a list or a tensor) and then the sizes (ints or scalar tensors)."""
    if isinstance(batch_shape, Tensor):
        return apply_op("ConcatV2", [batch_shape, apply_op("Pack", sizes)], 0)
    return [*(batch_shape or ()), *sizes]
