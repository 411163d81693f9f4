"""IndexedSlices: some rows of a tensor, as gradients of gather have."""
import collections
import warnings

from ..graph import constant_value_as_shape, convert_to_tensor, register_tensor_conversion_function
from .apply import apply_op


_LARGE = 10 ** 8                   # elements: making so many out of a few rows is seldom meant

IndexedSlicesValue = collections.namedtuple("IndexedSlicesValue", ["values", "indices", "dense_shape"])
IndexedSlicesValue.__doc__ = "What fetching IndexedSlices gives: three arrays, dense_shape None where there was none."


class IndexedSlices:
    """The tensor `dense` with dense[indices[i], ...] = values[i, ...], summed where an index occurs twice, and 0 elsewhere.

    values       [n, d1, ...] of any dtype
    indices      [n], int32 or int64
    dense_shape  the shape of `dense`, an int vector, or None
    """

    def __init__(self, values, indices, dense_shape=None):
        self.values, self.indices, self.dense_shape = values, indices, dense_shape

    @property
    def dtype(self):
        return self.values.dtype

    @property
    def name(self):
        return self.values.name

    @property
    def op(self):
        return self.values.op

    @property
    def device(self):
        return self.values.device

    @property
    def graph(self):
        return self.values.graph

    def get_shape(self):
        """The static shape of the dense tensor, as far as it is known."""
        rest = self.values.get_shape()[1:]
        if self.dense_shape is None:
            return rest if rest.ndims is None else rest.__class__([None]).concatenate(rest)
        return constant_value_as_shape(self.dense_shape)

    shape = property(get_shape)

    def _fetch_parts(self):
        """For Session.run: the tensors to fetch, and what makes the result of their values."""
        return (self.values, self.indices, self.dense_shape), IndexedSlicesValue

    def __neg__(self):
        return IndexedSlices(-self.values, self.indices, self.dense_shape)

    def __repr__(self):
        shape = "" if self.dense_shape is None else f", dense_shape={self.dense_shape!r}"
        return f"IndexedSlices(indices={self.indices!r}, values={self.values!r}{shape})"


def _to_dense(value, dtype=None, name=None, as_ref=False):
    if dtype is not None and not dtype.is_compatible_with(value.dtype):
        raise ValueError(f"Tensor conversion requested dtype {dtype.name} for IndexedSlices with dtype {value.dtype.name}")
    if value.dense_shape is None:
        raise ValueError(f"Tensor conversion requested for IndexedSlices without dense_shape: {value!r}")
    count = constant_value_as_shape(value.dense_shape).num_elements()
    if count is not None and count >= _LARGE:
        warnings.warn(f"Converting sparse IndexedSlices to a dense Tensor with {count} elements. This may consume a large amount of memory.", stacklevel=3)
    rows = apply_op("Squeeze", apply_op("Slice", value.dense_shape, [0], [1]), squeeze_dims=(0,))
    if rows.dtype.base_dtype.name != "int32":
        rows = apply_op("Cast", rows, DstT="int32")
    return apply_op("UnsortedSegmentSum", value.values, value.indices, rows, name=name)


register_tensor_conversion_function(IndexedSlices, _to_dense)


def convert_to_tensor_or_indexed_slices(value, dtype=None, name=None):
    """value itself if it is a Tensor or IndexedSlices, else convert_to_tensor(value)."""
    if isinstance(value, IndexedSlices):
        if dtype is not None and value.dtype.base_dtype != dtype:
            raise ValueError(f"Tensor conversion requested dtype {dtype} for IndexedSlices with dtype {value.dtype.name}")
        return value
    return convert_to_tensor(value, dtype=dtype, name=name)
