"""Products of matrices: one, a batch of them, and the cross product of vectors."""
from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import convert_to_tensor, name_scope
from .apply import apply_op
from .complex_ops import conj
from .shape_fns import NUMBER_OR_COMPLEX, REAL, UNKNOWN, argument, at_least, merge_dims, merge_shapes, with_rank


@register_op("MatMul", ["a: T", "b: T"], ["product: T"], [f"T: {NUMBER_OR_COMPLEX}", "transpose_a: bool = False", "transpose_b: bool = False"])
def matmul_shape(c):
    rows, inner_a = with_rank(c, 0, 2)
    inner_b, columns = with_rank(c, 1, 2)
    if c.attrs["transpose_a"]:
        rows, inner_a = inner_a, rows
    if c.attrs["transpose_b"]:
        inner_b, columns = columns, inner_b
    if inner_a != inner_b:
        merge_dims(c, inner_a, inner_b, 0, 1)
    return [TensorShape.from_tuple((rows, columns))]


@register_op("BatchMatMul", ["x: T", "y: T"], ["output: T"], [f"T: {NUMBER_OR_COMPLEX}", "adj_x: bool = False", "adj_y: bool = False"])
def batch_matmul_shape(c):
    """Matrices in the last two dimensions; all dimensions before those are the same in x and y."""
    x, y = at_least(c, 0, 2), at_least(c, 1, 2)
    if x is None or y is None:
        return [UNKNOWN]
    if len(x) != len(y):
        raise ValueError(f"Shapes must be equal rank, but are {len(x)} and {len(y)} for {argument(c, 0)}, {argument(c, 1)}")
    (rows, inner_x), (inner_y, columns) = x[-2:], y[-2:]
    if c.attrs["adj_x"]:
        rows, inner_x = inner_x, rows
    if c.attrs["adj_y"]:
        inner_y, columns = columns, inner_y
    merge_dims(c, inner_x, inner_y, 0, 1)
    return [TensorShape([merge_dims(c, m, n, 0, 1) for m, n in zip(x[:-2], y[:-2])] + [rows, columns])]


@register_op("Cross", ["a: T", "b: T"], ["product: T"], [f"T: {REAL}"])
def cross_shape(c):
    shape = merge_shapes(c, 0, 1)
    if shape.ndims == 0 or shape.ndims is not None and shape.tuple[-1] not in (3, None):
        raise ValueError(f"Cross products are only defined for 3-element vectors, got {argument(c, 0)}, {argument(c, 1)}")
    return [shape]


def matmul(a, b, transpose_a=False, transpose_b=False, adjoint_a=False, adjoint_b=False, a_is_sparse=False, b_is_sparse=False, name=None):
    """The product of the matrices in the last two dimensions of a [..., m, k] and b [..., k, n], each transposed first where asked.

    The dimensions before those must be the same in a and b: nothing is broadcast.  adjoint: conjugated as well.
    a_is_sparse, b_is_sparse: accepted for programs that say so; many zeros do not make this faster.
    ValueError if transpose and adjoint are both asked for.

    >>> tf.matmul(tf.ones([5, 2, 3]), tf.ones([5, 4, 3]), transpose_b=True)        # [5, 2, 4]
    """
    if transpose_a and adjoint_a:
        raise ValueError("Only one of transpose_a and adjoint_a can be True.")
    if transpose_b and adjoint_b:
        raise ValueError("Only one of transpose_b and adjoint_b can be True.")
    if all(getattr(v, "_shape", None) is not None and v._shape.ndims == 2 for v in (a, b)) or a_is_sparse or b_is_sparse:
        return _matmul(a, b, transpose_a, transpose_b, adjoint_a, adjoint_b, name)
    a_dtype, b_dtype = (getattr(getattr(v, "dtype", None), "base_dtype", None) for v in (a, b))
    if a_dtype is None or b_dtype is None:
        with name_scope(name, "MatMul", [a, b]) as name:
            a = convert_to_tensor(a, dtype=b_dtype if a_dtype is None else None, name="a")
            b = convert_to_tensor(b, dtype=a.dtype.base_dtype if b_dtype is None else None, name="b")
    if all(v.get_shape().ndims is None or v.get_shape().ndims > 2 for v in (a, b)):
        a, b = conj(a) if transpose_a else a, conj(b) if transpose_b else b
        return apply_op("BatchMatMul", a, b, name=name or "MatMul", adj_x=transpose_a or adjoint_a, adj_y=transpose_b or adjoint_b)
    return _matmul(a, b, transpose_a, transpose_b, adjoint_a, adjoint_b, name)


def _matmul(a, b, transpose_a, transpose_b, adjoint_a, adjoint_b, name):
    a, b = conj(a) if adjoint_a else a, conj(b) if adjoint_b else b
    return apply_op("MatMul", a, b, name=name, transpose_a=transpose_a or adjoint_a, transpose_b=transpose_b or adjoint_b)


def batch_matmul(x, y, adj_x=False, adj_y=False, name=None):
    """The products of the matrices in the last two dimensions of x and y, as matmul; the name that 0.x had."""
    return apply_op("BatchMatMul", x, y, name=name, adj_x=adj_x, adj_y=adj_y)


def sparse_matmul(a, b, transpose_a=False, transpose_b=False, a_is_sparse=False, b_is_sparse=False, name=None):
    """As matmul of two matrices: many zeros do not make it faster here."""
    return apply_op("MatMul", a, b, transpose_a=transpose_a, transpose_b=transpose_b, name=name or "SparseMatMul")


def cross(a, b, name=None):
    """The cross products of the 3-vectors in the last dimension of a and b, which have one shape."""
    return apply_op("Cross", a, b, name=name)
