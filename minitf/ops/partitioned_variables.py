"""Variables cut into pieces along one axis, and the functions that say into how many.

A partitioner takes the shape and dtype of a variable and returns the number of pieces along each axis, of which one may be more than 1.
"""
import math

from ..core.dtypes import as_dtype
from ..core.shapes import as_shape
from ..graph import name_scope, register_tensor_conversion_function
from .operators import install_operators
from .slice_ops import concat
from .variables import variables_initializer


class PartitionInfo:
    """What an initializer is told of a piece: the shape of the whole variable, and where in it the piece begins."""

    def __init__(self, full_shape, var_offset):
        self.full_shape, self.var_offset = list(full_shape), list(var_offset)

    def __repr__(self):
        return f"PartitionInfo(full_shape={self.full_shape}, var_offset={self.var_offset})"


class SaveSliceInfo:
    """What a Saver knows of a piece: the whole variable's name and shape, and where in it the piece lies."""

    def __init__(self, full_name, full_shape, var_offset, var_shape):
        self.full_name, self.full_shape, self.var_offset, self.var_shape = full_name, list(full_shape), list(var_offset), list(var_shape)

    @property
    def spec(self):
        """"6 2 0,3:0,2": the whole shape, then first and length along each axis."""
        return " ".join(map(str, self.full_shape)) + " " + ":".join(f"{first},{n}" for first, n in zip(self.var_offset, self.var_shape))


class PartitionedVariable:
    """The pieces of a variable `name`, which are variables themselves (name/part_0, ...).

    It converts to the whole, joined; embedding_lookup and the like take the pieces one by one, as iteration does.  A Saver keeps them as one
    tensor, which may be restored into other pieces or into a whole variable.
    """

    def __init__(self, name, shape, dtype, variable_list, partitions):
        self._name, self._shape, self._dtype = name, as_shape(shape), dtype
        self._variable_list, self._partitions = list(variable_list), list(partitions)
        whole = self._shape.as_list()
        for piece, (offset, size) in zip(self._variable_list, pieces_of(whole, self._partitions) if whole else ()):
            piece._save_slice_info = SaveSliceInfo(name, whole, offset, size)

    def __iter__(self):
        return iter(self._variable_list)

    def __len__(self):
        return len(self._variable_list)

    def __repr__(self):
        return f"<tf.PartitionedVariable '{self._name}' shape={self._shape} dtype={self._dtype.name} pieces={len(self._variable_list)}>"

    name = property(lambda self: self._name)
    dtype = property(lambda self: self._dtype)
    shape = property(lambda self: self._shape)

    def get_shape(self):
        return self._shape

    @property
    def graph(self):
        return self._variable_list[0].graph

    @property
    def initializer(self):
        """An operation that initialises all pieces."""
        return variables_initializer(self._variable_list, name=self._name.rpartition("/")[2] + "_init")

    def _get_variable_list(self):
        return list(self._variable_list)

    def _get_partitions(self):
        return list(self._partitions)

    def _axis(self):
        return next((axis for axis, n in enumerate(self._partitions) if n > 1), 0)

    def as_tensor(self):
        """The whole: the pieces joined along the axis that was cut."""
        with name_scope(self._name + "/ConcatPartitions/"):
            return concat([v.value() for v in self._variable_list], self._axis())

    def assign(self, value, use_locking=False):
        raise NotImplementedError("assign() has not been implemented for PartitionedVariable: assign to its pieces")


def _to_tensor(variable, dtype=None, name=None, as_ref=False):
    if dtype is not None and variable.dtype.base_dtype is not as_dtype(dtype).base_dtype:
        raise ValueError(f"Incompatible type conversion requested to type '{as_dtype(dtype).name}' for variable of type "
                         f"'{variable.dtype.base_dtype.name}' ({variable.name}); tf.cast does it")
    return variable.as_tensor()


register_tensor_conversion_function(PartitionedVariable, _to_tensor, 10)
install_operators(PartitionedVariable, PartitionedVariable.as_tensor)


def pieces_of(shape, partitions):
    """[(offset, shape)] of the pieces; the first ones have one element more along the axis where it does not divide evenly.  ValueError for
    partitions that do not fit.

    >>> pieces_of([5, 2], [2, 1])
    [([0, 0], [3, 2]), ([3, 0], [2, 2])]
    """
    if len(partitions) != len(shape):
        raise ValueError(f"Partitioner returned a partition list that does not match the Variable's rank: {partitions} vs. {shape}")
    if any(n < 1 for n in partitions):
        raise ValueError(f"Partitioner returned zero partitions for some axes: {partitions}")
    cut = [axis for axis, n in enumerate(partitions) if n > 1]
    if len(cut) > 1:
        raise ValueError(f"Can only slice a variable along one dimension: shape: {shape}, partitioning: {partitions}")
    axis = cut[0] if cut else 0
    n = partitions[axis] if shape else 1
    if shape and n > shape[axis]:
        raise ValueError(f"A variable of shape {shape} can not be cut into {n} pieces along dimension {axis}")
    pieces, begin = [], 0
    for i in range(n):
        offset, size = [0] * len(shape), list(shape)
        if shape:
            offset[axis], size[axis] = begin, shape[axis] // n + (i < shape[axis] % n)
            begin += size[axis]
        pieces.append((offset, size))
    return pieces


def fixed_size_partitioner(num_shards, axis=0):
    """A partitioner that cuts every variable into num_shards pieces along `axis`."""
    def partitioner(shape, **unused):
        partitions = [1] * len(shape)
        partitions[axis] = min(num_shards, shape[axis].value)
        return partitions
    return partitioner


def variable_axis_size_partitioner(max_shard_bytes, axis=0, bytes_per_string_element=16, max_shards=None):
    """A partitioner that makes the pieces along `axis` as large as max_shard_bytes allows, and at most max_shards of them.

    A single slice along the axis may be larger than that: it stays whole.
    """
    if max_shard_bytes < 1 or bytes_per_string_element < 1:
        raise ValueError("Both max_shard_bytes and bytes_per_string_element must be positive.")
    if max_shards is not None and max_shards < 1:
        raise ValueError("max_shards must be positive.")

    def partitioner(shape, dtype):
        sizes, width = _sizes(shape), _width(dtype, bytes_per_string_element)
        partitions = [1] * len(sizes)
        slice_bytes = max(1, math.prod(sizes) // max(1, sizes[axis]) * width)
        per_shard = max(1, max_shard_bytes // slice_bytes)
        shards = math.ceil(sizes[axis] / per_shard)
        partitions[axis] = max(1, min(shards, max_shards or shards))
        return partitions
    return partitioner


def min_max_variable_partitioner(max_partitions=1, axis=0, min_slice_size=256 << 10, bytes_per_string_element=16):
    """A partitioner into at most max_partitions pieces, of no less than min_slice_size bytes each."""
    if max_partitions < 1 or min_slice_size < 1 or bytes_per_string_element < 1:
        raise ValueError("max_partitions, min_slice_size and bytes_per_string_element must be positive.")

    def partitioner(shape, dtype):
        sizes = _sizes(shape)
        partitions = [1] * len(sizes)
        total = math.prod(sizes) * _width(dtype, bytes_per_string_element)
        partitions[axis] = max(1, min(sizes[axis], max_partitions, math.ceil(total / min_slice_size)))
        return partitions
    return partitioner


def _sizes(shape):
    shape = as_shape(shape)
    shape.assert_is_fully_defined()
    return shape.as_list()


def _width(dtype, bytes_per_string_element):
    dtype = as_dtype(dtype).base_dtype
    return bytes_per_string_element if dtype.holds_objects else dtype.size
