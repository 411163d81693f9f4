"""Ops on sparse tensors: to dense and back in order, products, sums, cutting and joining."""
import numpy as np

from ..core.dtypes import int64
from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import constant_value, convert_to_tensor, name_scope
from . import array_ops, gather_ops, math_ops, nd_ops, reduction_ops, segment_ops, sequence_ops, slice_ops
from .apply import apply_op
from .array_ops import int_vector
from .cumulative_ops import cumprod
from .shape_fns import INDEX, NUMBER, argument, merge_dims, sizes, with_rank
from .sparse_tensor import SparseTensor, convert_to_sparse


@register_op("SparseToDense", ["sparse_indices: Tindices", "output_shape: Tindices", "sparse_values: T", "default_value: T"], ["dense: T"],
             ["validate_indices: bool = True", "T: type", f"Tindices: {INDEX}"])
def sparse_to_dense_shape(c):
    for i, most in ((0, 2), (2, 1)):
        if c.inputs[i].ndims is not None and c.inputs[i].ndims > most:
            raise ValueError(f"Shape must be at most rank {most} but is rank {c.inputs[i].ndims} for {argument(c, i)}")
    with_rank(c, 1, 1)
    with_rank(c, 3, 0)
    return [sizes(c, 1)]


@register_op("SparseTensorDenseMatMul", ["a_indices: Tindices", "a_values: T", "a_shape: int64", "b: T"], ["product: T"],
             [f"T: {NUMBER}", f"Tindices: {INDEX} = int64", "adjoint_a: bool = False", "adjoint_b: bool = False"])
def sparse_matmul_shape(c):
    entries, depth = with_rank(c, 0, 2)
    merge_dims(c, entries, *with_rank(c, 1, 1), 0, 1)
    rank, = with_rank(c, 2, 1)
    for i, n in ((0, depth), (2, rank)):
        if n not in (None, 2):
            raise ValueError(f"A matrix has 2 coordinates, got {n} for {argument(c, i)}")
    b = with_rank(c, 3, 2)
    a = c.constant_as_shape(2)
    rows, inner = (None, None) if a.ndims is None else a.with_rank(2).as_list()
    if c.attrs["adjoint_a"]:
        rows, inner = inner, rows
    have, columns = reversed(b) if c.attrs["adjoint_b"] else b
    merge_dims(c, inner, have, 2, 3)
    return [TensorShape([rows, columns])]


@register_op("SparseReorder", ["input_indices: int64", "input_values: T", "input_shape: int64"], ["output_indices: int64", "output_values: T"], ["T: type"])
def sparse_reorder_shape(c):
    return [TensorShape(with_rank(c, 0, 2)), TensorShape(with_rank(c, 1, 1))]


def sparse_to_dense(sparse_indices, output_shape, sparse_values, default_value=0, validate_indices=True, name=None):
    """A dense tensor with sparse_values[i] at sparse_indices[i], and default_value elsewhere.

    sparse_indices: [n, rank], or [n] (or a scalar) for a vector; sparse_values: [n], or one for all.  With validate_indices, places out of
    order or given twice are InvalidArgumentErrors in the run, as places outside always are.
    """
    values = convert_to_tensor(sparse_values, name="sparse_values")
    dtype = values.dtype.base_dtype
    if isinstance(default_value, int) and default_value == 0:
        default_value = b"" if dtype.holds_objects else dtype.as_numpy_dtype(0)
    return apply_op("SparseToDense", sparse_indices, int_vector(output_shape), values, convert_to_tensor(default_value, dtype=dtype),
                    validate_indices=validate_indices, name=name)


def sparse_tensor_to_dense(sp_input, default_value=0, validate_indices=True, name=None):
    """A SparseTensor as a dense tensor, with default_value where it has no value."""
    sp_input = convert_to_sparse(sp_input)
    return sparse_to_dense(sp_input.indices, sp_input.dense_shape, sp_input.values, default_value, validate_indices, name)


def sparse_tensor_dense_matmul(sp_a, b, adjoint_a=False, adjoint_b=False, name=None):
    """The matrix product of a SparseTensor of rank 2 and a dense matrix, either of them transposed first if asked for."""
    sp_a = convert_to_sparse(sp_a)
    return apply_op("SparseTensorDenseMatMul", sp_a.indices, sp_a.values, sp_a.dense_shape, b, adjoint_a=adjoint_a, adjoint_b=adjoint_b, name=name)


def sparse_reorder(sp_input, name=None):
    """The same SparseTensor with its entries in row-major order."""
    sp_input = convert_to_sparse(sp_input)
    indices, values = apply_op("SparseReorder", sp_input.indices, sp_input.values, sp_input.dense_shape, name=name)
    return SparseTensor(indices, values, sp_input.dense_shape)


def sparse_retain(sp_input, to_retain):
    """The entries i for which to_retain[i] is true; the shape stays."""
    sp_input = convert_to_sparse(sp_input)
    to_retain = convert_to_tensor(to_retain)
    to_retain.get_shape()[0].merge_with(sp_input.values.get_shape()[0])
    places = array_ops.reshape(apply_op("Where", to_retain), [-1])
    return SparseTensor(gather_ops.gather(sp_input.indices, places), gather_ops.gather(sp_input.values, places), sp_input.dense_shape)


def sparse_transpose(sp_input, perm=None, name=None):
    """Dimension i of the result is dimension perm[i] of sp_input; perm=None reverses the dimensions."""
    with name_scope(name, "SparseTranspose"):
        sp_input = convert_to_sparse(sp_input)
        if perm is None:
            rank = array_ops.size(sp_input.dense_shape)
            perm = rank - 1 - sequence_ops.range(rank)
        indices = array_ops.transpose(gather_ops.gather(array_ops.transpose(sp_input.indices, [1, 0]), perm), [1, 0])
        return sparse_reorder(SparseTensor(indices, sp_input.values, gather_ops.gather(sp_input.dense_shape, perm)))


def sparse_reshape(sp_input, shape, name=None):
    """The same entries, numbered in row-major order, under another shape of as many elements; one dimension may be -1."""
    with name_scope(name, "SparseReshape"):
        sp_input = convert_to_sparse(sp_input)
        shape = math_ops.cast(convert_to_tensor(int_vector(shape)), int64)
        total = reduction_ops.reduce_prod(sp_input.dense_shape)
        known = apply_op("Abs", reduction_ops.reduce_prod(shape))
        missing = apply_op("Equal", shape, apply_op("Fill", array_ops.shape(shape), np.int64(-1)))
        rest = apply_op("FloorDiv", total, apply_op("Maximum", known, np.int64(1)))
        shape = apply_op("Select", missing, apply_op("Fill", array_ops.shape(shape), rest), shape)
        return SparseTensor(_coordinates(_flat(sp_input.indices, sp_input.dense_shape), shape), sp_input.values, shape)


def _strides(shape):
    """The number of elements from one coordinate to the next along each axis of a dense tensor in row-major order."""
    return cumprod(shape, exclusive=True, reverse=True)


def _flat(indices, shape):
    """Rows of coordinates as places in the flattened tensor."""
    return reduction_ops.reduce_sum(apply_op("Mul", indices, _strides(shape)), [1])


def _coordinates(places, shape):
    return apply_op("FloorMod", apply_op("FloorDiv", array_ops.expand_dims(places, 1), _strides(shape)), shape)


def sparse_concat(axis, sp_inputs, name=None, expand_nonconcat_dim=False):
    """SparseTensors joined along an axis.  The other dimensions must be equal; with expand_nonconcat_dim the greatest counts."""
    with name_scope(name, "SparseConcat"):
        sp_inputs = [convert_to_sparse(sp) for sp in sp_inputs]
        if len(sp_inputs) == 1:
            return sp_inputs[0]
        rank = next((sp.get_shape().ndims for sp in sp_inputs if sp.get_shape().ndims is not None), None)
        if rank is None:
            raise ValueError("sparse_concat needs a SparseTensor of known rank")
        if not -rank <= axis < rank:
            raise ValueError(f"axis {axis} must be in the range [{-rank}, {rank})")
        along = np.zeros(rank, np.int64)
        along[axis] = 1
        known = [sp.get_shape().with_rank(rank).as_list() for sp in sp_inputs]
        if not expand_nonconcat_dim:
            for other in known[1:]:
                if any(None not in (m, n) and m != n for k, (m, n) in enumerate(zip(known[0], other)) if k != axis % rank):
                    raise ValueError(f"All shapes must match along dimensions other than {axis}: {known[0]} and {other}")
        indices, total = [], None
        for sp in sp_inputs:
            size = apply_op("Mul", sp.dense_shape, along)
            indices.append(sp.indices if total is None else apply_op("Add", sp.indices, total))
            total = size if total is None else apply_op("Add", total, size)
        others = sp_inputs[0].dense_shape
        for sp in sp_inputs[1:] if expand_nonconcat_dim else []:
            others = apply_op("Maximum", others, sp.dense_shape)
        shape = apply_op("Add", apply_op("Mul", others, 1 - along), total)
        return sparse_reorder(SparseTensor(slice_ops.concat(indices, 0), slice_ops.concat([sp.values for sp in sp_inputs], 0), shape))


def sparse_slice(sp_input, start, size, name=None):
    """The block of sp_input from `start`, of the given size or what there is of it."""
    with name_scope(name, "SparseSlice"):
        sp_input = convert_to_sparse(sp_input)
        start = math_ops.cast(convert_to_tensor(start), int64)
        size = math_ops.cast(convert_to_tensor(size), int64)
        extent = apply_op("Maximum", apply_op("Minimum", size, apply_op("Sub", sp_input.dense_shape, start)), np.int64(0))
        moved = apply_op("Sub", sp_input.indices, start)
        inside = reduction_ops.reduce_all(apply_op("LogicalAnd", apply_op("GreaterEqual", moved, np.int64(0)), apply_op("Less", moved, extent)), [1])
        kept = sparse_retain(SparseTensor(moved, sp_input.values, sp_input.dense_shape), inside)
        return SparseTensor(kept.indices, kept.values, extent)


def sparse_split(keyword_required=None, sp_input=None, num_split=None, axis=None, name=None, split_dim=None):
    """num_split pieces of sp_input along `axis`; where it does not divide evenly, the first ones have one more."""
    axis = array_ops.either("axis", axis, "split_dim", split_dim)
    if keyword_required is not None or sp_input is None or num_split is None:
        raise ValueError("sparse_split takes keyword arguments: sp_input, num_split, axis")
    with name_scope(name, "SparseSplit"):
        sp_input = convert_to_sparse(sp_input)
        dims = sp_input.get_shape()
        if dims.ndims is None:
            raise ValueError("sparse_split needs a SparseTensor of known rank")
        if not -dims.ndims <= axis < dims.ndims:
            raise ValueError(f"axis {axis} must be in the range [{-dims.ndims}, {dims.ndims})")
        along = np.zeros(dims.ndims, np.int64)
        along[axis] = 1
        dim = sp_input.dense_shape[axis]
        small, extra = apply_op("FloorDiv", dim, np.int64(num_split)), apply_op("FloorMod", dim, np.int64(num_split))
        pieces = []
        for i in range(num_split):
            begin = small * i + apply_op("Minimum", extra, np.int64(i))
            count = small + math_ops.cast(apply_op("Greater", extra, np.int64(i)), int64)
            size = apply_op("Add", apply_op("Mul", sp_input.dense_shape, 1 - along), apply_op("Mul", count, along))
            pieces.append(sparse_slice(sp_input, apply_op("Mul", begin, along), size))
        return pieces


def sparse_reduce_sum(sp_input, axis=None, keep_dims=False, reduction_axes=None, keepdims=None):
    """The sum over `axis` (an int, a list, or None for all), a dense tensor."""
    axis = array_ops.either("axis", axis, "reduction_axes", reduction_axes, None)
    keep = bool(keepdims or keep_dims)
    sp_input = convert_to_sparse(sp_input)
    rank = sp_input.get_shape().ndims
    if axis is None and not keep:
        return reduction_ops.reduce_sum(sp_input.values)
    if rank is None:
        raise ValueError("sparse_reduce_sum along an axis needs a SparseTensor of known rank")
    axes = range(rank) if axis is None else [axis] if np.ndim(axis) == 0 else axis
    for a in axes:
        if not -rank <= a < rank:
            raise ValueError(f"Invalid reduction dimension {a}, for input with {rank} dimensions")
    dropped = {a % rank for a in axes}
    kept = [a for a in range(rank) if a not in dropped]
    shape = gather_ops.gather(sp_input.dense_shape, np.array(kept, np.int64))
    places = array_ops.transpose(gather_ops.gather(array_ops.transpose(sp_input.indices, [1, 0]), np.array(kept, np.int64)), [1, 0])
    total = nd_ops.scatter_nd(places, sp_input.values, shape)
    if not keep:
        return total
    mask = np.array([a in dropped for a in range(rank)])
    return array_ops.reshape(total, apply_op("Select", mask, np.ones(rank, np.int64), sp_input.dense_shape))


def sparse_add(a, b, thresh=0):
    """The sum of two SparseTensors, a SparseTensor; or of one and a dense tensor, a dense tensor.

    thresh: entries of the sparse sum whose absolute value is less are left out.
    """
    a_sparse, b_sparse = isinstance(a, (SparseTensor, tuple)), isinstance(b, (SparseTensor, tuple))
    if not a_sparse and not b_sparse:
        raise TypeError("At least one input should be SparseTensor; do you mean to use tf.add()?")
    if a_sparse != b_sparse:
        sparse, dense = (convert_to_sparse(a), b) if a_sparse else (convert_to_sparse(b), a)
        dense = convert_to_tensor(dense, dtype=sparse.dtype.base_dtype)
        return apply_op("Add", nd_ops.scatter_nd(sparse.indices, sparse.values, math_ops.cast(array_ops.shape(dense), int64)), dense)
    a, b = convert_to_sparse(a), convert_to_sparse(b)
    if not a.get_shape().is_compatible_with(b.get_shape()):
        raise ValueError(f"Operands' shapes do not match: {a.get_shape()} and {b.get_shape()}")
    places = slice_ops.concat([_flat(a.indices, a.dense_shape), _flat(b.indices, b.dense_shape)], 0)
    distinct, which = sequence_ops.unique(places)
    values = segment_ops.unsorted_segment_sum(slice_ops.concat([a.values, b.values], 0), which, array_ops.size(distinct))
    total = sparse_reorder(SparseTensor(_coordinates(distinct, a.dense_shape), values, a.dense_shape))
    known = constant_value(convert_to_tensor(thresh))
    if known is not None and known == 0:
        return total
    return sparse_retain(total, apply_op("GreaterEqual", apply_op("Abs", total.values), thresh))


def sparse_dense_multiply(sp, dense):
    """sp * dense, where dense broadcasts to sp's shape: a SparseTensor with the entries of sp."""
    dense = array_ops.broadcast_to(convert_to_tensor(dense, dtype=sp.dtype.base_dtype), sp.dense_shape)
    return SparseTensor(sp.indices, apply_op("Mul", sp.values, nd_ops.gather_nd(dense, sp.indices)), sp.dense_shape)


def sparse_dense_divide(sp, dense):
    """sp / dense, where dense broadcasts to sp's shape."""
    dense = array_ops.broadcast_to(convert_to_tensor(dense, dtype=sp.dtype.base_dtype), sp.dense_shape)
    return SparseTensor(sp.indices, math_ops.truediv(sp.values, nd_ops.gather_nd(dense, sp.indices)), sp.dense_shape)


def _install(name, function):
    setattr(SparseTensor, name, lambda self, other: function(self, other))


for _name, _function in (("__mul__", sparse_dense_multiply), ("__truediv__", sparse_dense_divide), ("__div__", sparse_dense_divide)):
    _install(_name, _function)
