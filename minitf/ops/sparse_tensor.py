"""SparseTensor: coordinates and values of the elements that are not zero, as three tensors."""
import collections

from ..core.dtypes import as_dtype, int64
from ..core.shapes import as_shape
from ..graph import constant_value_as_shape, convert_to_tensor, name_scope
from .constant_op import placeholder

SparseTensorValue = collections.namedtuple("SparseTensorValue", ["indices", "values", "dense_shape"])
SparseTensorValue.__doc__ = "What fetching a SparseTensor gives, and feeding one takes: three arrays."


class SparseTensor:
    """The tensor with values[i] at indices[i], and zeros elsewhere.

    indices      [n, rank] of int64, usually in row-major order (sparse_reorder sees to that)
    values       [n] of any dtype
    dense_shape  [rank] of int64

    That the three fit is checked by their static shapes.  What is fed is checked by the ops that make it dense or multiply it, not by
    those that only move its parts about.

    >>> tf.SparseTensor([[0, 0], [1, 2]], [1.0, 2.0], [3, 4])
    """

    def __init__(self, indices, values, dense_shape):
        with name_scope(None, "SparseTensor", [indices, values, dense_shape]):
            self._indices = convert_to_tensor(indices, dtype=int64, name="indices")
            self._values = convert_to_tensor(values, name="values")
            self._dense_shape = convert_to_tensor(dense_shape, dtype=int64, name="dense_shape")
        rows = self._indices.get_shape().with_rank(2)
        n = self._values.get_shape().with_rank(1)[0]
        rank = self._dense_shape.get_shape().with_rank(1)[0]
        rows[0].assert_is_compatible_with(n)
        rows[1].assert_is_compatible_with(rank)

    @classmethod
    def from_value(cls, sparse_tensor_value):
        """A SparseTensor of a SparseTensorValue, or of a SparseTensor."""
        if not isinstance(sparse_tensor_value, (cls, SparseTensorValue)):
            raise TypeError(f"Neither a SparseTensor nor SparseTensorValue: {sparse_tensor_value}.")
        return cls(sparse_tensor_value.indices, sparse_tensor_value.values, sparse_tensor_value.dense_shape)

    indices = property(lambda self: self._indices)
    values = property(lambda self: self._values)
    dense_shape = property(lambda self: self._dense_shape)
    op = property(lambda self: self._values.op)
    dtype = property(lambda self: self._values.dtype)
    graph = property(lambda self: self._values.graph)

    def get_shape(self):
        """The static shape, as far as dense_shape is known."""
        return constant_value_as_shape(self._dense_shape)

    shape = property(get_shape)

    def eval(self, feed_dict=None, session=None):
        """The SparseTensorValue, from `session` or the default session."""
        parts = self._indices.eval(feed_dict, session), self._values.eval(feed_dict, session), self._dense_shape.eval(feed_dict, session)
        return SparseTensorValue(*parts)

    def _fetch_parts(self):
        """For Session.run: the tensors to fetch, or to feed, and what makes the result of their values."""
        return (self._indices, self._values, self._dense_shape), SparseTensorValue

    def __repr__(self):
        return f"SparseTensor(indices={self._indices}, values={self._values}, dense_shape={self._dense_shape})"


def sparse_placeholder(dtype, shape=None, name=None):
    """A SparseTensor that must be fed, with a SparseTensorValue or a tuple of its parts.  shape: of the dense tensor, if it is known."""
    shape = as_shape(shape)
    rank = shape.ndims
    with name_scope(name, "sparse_placeholder"):
        if shape.is_fully_defined():
            dense_shape = convert_to_tensor(shape.as_list(), dtype=int64, name="shape") if rank else placeholder(int64, [0], "shape")
        else:
            dense_shape = placeholder(int64, [rank], "shape")
        return SparseTensor(placeholder(int64, [None, rank], "indices"), placeholder(as_dtype(dtype), [None], "values"), dense_shape)


def convert_to_sparse(value):
    """value, a SparseTensor or SparseTensorValue, as a SparseTensor; TypeError for anything else."""
    if isinstance(value, SparseTensor):
        return value
    if isinstance(value, SparseTensorValue):
        return SparseTensor.from_value(value)
    raise TypeError(f"Input must be a SparseTensor, got {value!r}")
