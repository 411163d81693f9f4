"""Sparse kernels written with NumPy: where the work is sorting, and tensors of strings."""
import numpy as np

from ...core.dtypes import string
from ...core.errors import InvalidArgumentError
from .kernel import register_python_kernel


@register_python_kernel("SparseReorder", strings=True)
def sparse_reorder(attrs, indices, values, shape):
    """The entries in row-major order of their coordinates; equal ones stay in the order in which they come."""
    if len(values) != len(indices):
        raise InvalidArgumentError(None, None, f"Number of indices and values must be equal: {len(indices)} and {len(values)}")
    order = np.lexsort(indices.T[::-1]) if indices.shape[1] else np.arange(len(indices))
    return indices[order], values[order]


@register_python_kernel("SparseToDense", T=[string])
def sparse_to_dense(attrs, indices, shape, values, default):
    dense = np.full(tuple(shape.tolist()), default.item(), object)
    rows = indices.reshape(len(indices) if indices.ndim else 1, -1).tolist()
    if attrs["validate_indices"]:
        for i, (before, row) in enumerate(zip(rows, rows[1:])):
            if before >= row:
                raise InvalidArgumentError(None, None, f"indices[{i + 1}] = {row} is {'repeated' if before == row else 'out of order'}")
    for i, row in enumerate(rows):
        if len(row) != dense.ndim or not all(0 <= at < size for at, size in zip(row, dense.shape)):
            raise InvalidArgumentError(None, None, f"indices[{i}] = {row} is out of bounds: need 0 <= index < {list(dense.shape)}")
        dense[tuple(row)] = values.flat[i] if values.ndim else values.item()
    return dense
