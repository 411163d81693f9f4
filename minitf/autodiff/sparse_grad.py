"""Gradients of the ops on sparse tensors: they reach the values, and dense arguments."""
from ..core.registry import register_gradient
from ..ops import array_ops, gather_ops, math_ops, nd_ops, reduction_ops, sequence_ops, sparse_ops
from ..ops.apply import apply_op
from ..ops.sparse_tensor import SparseTensor
from .broadcasting import sum_to


@register_gradient("SparseToDense")
def _sparse_to_dense(op, grad):
    indices, _, values, _ = op.inputs
    rank = indices._shape.ndims
    places = indices if rank == 2 else array_ops.reshape(indices, apply_op("Pack", [-1, array_ops.rank(grad)]))
    taken = nd_ops.gather_nd(grad, places)
    to_default = reduction_ops.reduce_sum(grad) - reduction_ops.reduce_sum(taken)
    if values._shape.ndims != 1:                  # one value for all places, perhaps
        taken = sum_to(taken, values, apply_op("BroadcastGradientArgs", array_ops.shape(values), array_ops.shape(taken))[0])
    return None, None, taken, to_default


@register_gradient("SparseTensorDenseMatMul")
def _sparse_matmul(op, grad):
    """To each value the product of the row of grad and the row of b that it joins; to b the transposed sparse matrix times grad."""
    indices, values, shape, b = op.inputs
    transposed_a, transposed_b = op.attrs["adjoint_a"], op.attrs["adjoint_b"]
    to_b = sparse_ops.sparse_tensor_dense_matmul(SparseTensor(indices, values, shape), grad, adjoint_a=not transposed_a)
    if transposed_b:
        to_b = array_ops.transpose(to_b, [1, 0])
        b = array_ops.transpose(b, [1, 0])
    rows, columns = indices[:, 0], indices[:, 1]
    if transposed_a:
        rows, columns = columns, rows
    to_values = reduction_ops.reduce_sum(gather_ops.gather(grad, rows) * gather_ops.gather(b, columns), [1])
    return None, to_values, None, to_b


@register_gradient("SparseReorder")
def _sparse_reorder(op, _, grad):
    indices, values, shape = op.inputs
    order = apply_op("SparseReorder", indices, math_ops.cast(sequence_ops.range(array_ops.size(values)), "int32"), shape)[1]
    return None, gather_ops.gather(grad, sequence_ops.invert_permutation(order)), None
