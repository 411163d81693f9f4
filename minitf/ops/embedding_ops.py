"""embedding_lookup: gather from a table that may be spread over several variables; and what combines the rows of several ids."""
import numpy as np

from ..graph import colocate_with, convert_to_tensor, name_scope
from . import array_ops, gather_ops, logical_ops, math_ops, reduction_ops, segment_ops, sequence_ops, slice_ops
from .apply import apply_op
from .partitioned_variables import PartitionedVariable
from .sparse_tensor import convert_to_sparse


def embedding_lookup(params, ids, partition_strategy="mod", name=None, validate_indices=True, max_norm=None):
    """The rows of a table with the numbers `ids`: shape ids.shape + row shape.

    params  one tensor or variable, or a list of them (or a PartitionedVariable) that together hold the table's rows:
            'mod'  row i is row i // n of params[i % n]
            'div'  each holds a contiguous block; where the rows do not divide evenly the first blocks have one more
    ids     int32 or int64, of any shape
    max_norm  if given, rows with a greater L2 norm are scaled down to it
    """
    if params is None or isinstance(params, (list, tuple)) and not params:
        raise ValueError("Need at least one param")
    params = list(params) if isinstance(params, (list, tuple, PartitionedVariable)) else [params]
    with name_scope(name, "embedding_lookup", params + [ids]) as name:
        ids = convert_to_tensor(ids, name="ids")
        params = [p if hasattr(p, "op") else convert_to_tensor(p, name="params") for p in params]
        if len(params) == 1:
            with colocate_with(params[0]):
                rows = gather_ops.gather(params[0], ids, name=None if max_norm is not None else name)
            return _clipped(rows, ids.get_shape().ndims, max_norm, name)
        return _sharded(params, ids, partition_strategy, max_norm, name)


def _sharded(params, ids, partition_strategy, max_norm, name):
    n = len(params)
    flat = array_ops.reshape(ids, [-1])
    if partition_strategy == "mod":
        shard, row = flat % n, flat // n
    elif partition_strategy == "div":
        total = _total_rows(params, flat.dtype.base_dtype)
        small, extra = total // n, total % n              # the first `extra` shards hold small + 1 rows each, the others `small`
        some = math_ops.maximum(small, 1)
        shard = math_ops.maximum(flat // (small + 1), (flat - extra) // some)
        row = logical_ops.where(shard < extra, flat % (small + 1), (flat - extra) % some)
    else:
        raise ValueError(f"Unrecognized partition strategy: {partition_strategy}; use 'mod' or 'div'")
    pieces, places = [], []
    for i, table in enumerate(params):
        place = array_ops.squeeze(apply_op("Where", apply_op("Equal", shard, i)), axis=[1])
        wanted = apply_op("Gather", row, place)
        with colocate_with(table):
            pieces.append(gather_ops.gather(table, wanted))
        places.append(place)
    # The pieces come shard by shard; the position of each row among them undoes that order.
    order = math_ops.cast(slice_ops.concat(places, 0), "int32")
    found = apply_op("Gather", slice_ops.concat(pieces, 0), apply_op("InvertPermutation", order))
    row_shape = convert_to_tensor(params[0]).get_shape()[1:]
    for table in params[1:]:
        row_shape = row_shape.merge_with(convert_to_tensor(table).get_shape()[1:])
    tail = row_shape if row_shape.is_fully_defined() else array_ops.shape(params[0])[1:]
    result = array_ops.reshape(found, slice_ops.concat([array_ops.shape(ids), convert_to_tensor(tail)], 0), name=None if max_norm is not None else name)
    result.set_shape(ids.get_shape().concatenate(row_shape))
    return _clipped(result, ids.get_shape().ndims, max_norm, name)


def _total_rows(params, dtype):
    """The number of rows of all shards together: a NumPy number, or a tensor where a shape is not known statically."""
    static = [convert_to_tensor(p).get_shape()[0].value for p in params]
    if None not in static:
        return dtype.as_numpy_dtype(sum(static))
    rows = [apply_op("Squeeze", apply_op("Slice", array_ops.shape(p), [0], [1]), squeeze_dims=(0,)) for p in params]
    return math_ops.cast(reduction_ops.reduce_sum(apply_op("Pack", rows)), dtype)


def _clipped(rows, ids_rank, max_norm, name):
    if max_norm is None:
        return rows
    if ids_rank is None:
        raise ValueError("max_norm needs ids of known rank")
    rank = rows.get_shape().ndims
    axes = np.arange(ids_rank, rank, dtype=np.int32) if rank is not None else sequence_ops.range(ids_rank, array_ops.rank(rows))
    inverse = apply_op("Rsqrt", reduction_ops.reduce_sum(apply_op("Square", rows), axes, keep_dims=True))
    return apply_op("Mul", rows, apply_op("Minimum", apply_op("Mul", inverse, max_norm), rows.dtype.as_numpy_dtype(1)), name=name)


def embedding_lookup_sparse(params, sp_ids, sp_weights, partition_strategy="mod", name=None, combiner=None, max_norm=None):
    """For each row of sp_ids the embeddings of its ids, combined: [rows, ...].

    sp_ids      a SparseTensor [rows, any] of int32 or int64, in row-major order; a row without ids gives zeros if others follow
    sp_weights  a SparseTensor of floats with the same indices, or None for weights of 1
    combiner    "sum" of the weighted embeddings, "mean": that over the sum of the weights (the default), "sqrtn": that over the root of the sum of
                the squared weights
    """
    combiner = "mean" if combiner is None else combiner
    if combiner not in ("mean", "sqrtn", "sum"):
        raise ValueError("combiner must be one of 'mean', 'sqrtn' or 'sum'")
    sp_ids = convert_to_sparse(sp_ids)
    if sp_weights is not None:
        sp_weights = convert_to_sparse(sp_weights)
        sp_ids.values.get_shape().assert_is_compatible_with(sp_weights.values.get_shape())
        sp_ids.get_shape().assert_is_compatible_with(sp_weights.get_shape())
    with name_scope(name, "embedding_lookup_sparse", [sp_ids.values]) as name:
        rows = math_ops.cast(sp_ids.indices[:, 0], "int32")
        ids, which = sequence_ops.unique(sp_ids.values)
        found = gather_ops.gather(embedding_lookup(params, ids, partition_strategy, max_norm=max_norm), which)
        if sp_weights is None:
            segments = {"sum": segment_ops.segment_sum, "mean": segment_ops.segment_mean, "sqrtn": _segment_sqrt_n}[combiner]
            return segments(found, rows, name=name)
        weights = math_ops.cast(sp_weights.values, found.dtype.base_dtype)
        rank = found.get_shape().ndims
        if rank is None:
            raise ValueError("embedding_lookup_sparse with weights needs params of known rank")
        weights = array_ops.reshape(weights, [-1] + [1] * (rank - 1))
        total = segment_ops.segment_sum(found * weights, rows, name=name if combiner == "sum" else None)
        if combiner == "sum":
            return total
        if combiner == "mean":
            return math_ops.realdiv(total, segment_ops.segment_sum(weights, rows), name=name)
        return math_ops.realdiv(total, math_ops.sqrt(segment_ops.segment_sum(math_ops.square(weights), rows)), name=name)


def _segment_sqrt_n(data, rows, name=None):
    """The sum of each segment over the root of its size."""
    ones = array_ops.fill(array_ops.shape(rows), data.dtype.as_numpy_dtype(1))
    count = math_ops.sqrt(math_ops.maximum(segment_ops.segment_sum(ones, rows), 1.0))
    rank = data.get_shape().ndims
    if rank is None:
        raise ValueError("combiner 'sqrtn' needs params of known rank")
    return math_ops.realdiv(segment_ops.segment_sum(data, rows), array_ops.reshape(count, [-1] + [1] * (rank - 1)), name=name)
