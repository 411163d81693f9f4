"""Blocks of the spatial dimensions moved into the depth or the batch, and back: reshapes and transposes."""
import numpy as np

from ..graph import constant_value, convert_to_tensor, name_scope
from . import array_ops, pad_ops, slice_ops
from .apply import apply_op


def _dims(x, rank):
    """The sizes of x: ints where they are known, else scalar tensors."""
    static = x.get_shape().with_rank(rank).as_list()
    if None not in static:
        return static
    run_time = array_ops.shape(x)
    return [d if d is not None else run_time[i] for i, d in enumerate(static)]


def _divided(size, block, what):
    if isinstance(size, int):
        if size % block:
            raise ValueError(f"Dimension size must be evenly divisible by {block} but is {size} for {what}")
        return size // block
    return apply_op("FloorDiv", size, block)


def _times(size, n):
    return size * n if isinstance(size, int) else apply_op("Mul", size, n)


def _check(input, block_size, data_format):
    if data_format != "NHWC":
        raise ValueError(f"data_format must be 'NHWC', got {data_format!r}")
    if block_size < 2:
        raise ValueError(f"Block size should be > 1, but was: {block_size}")
    return convert_to_tensor(input, name="input")


def space_to_depth(input, block_size, name=None, data_format="NHWC"):
    """[batch, h, w, c] -> [batch, h / b, w / b, b * b * c]: each b x b block of pixels becomes one, row by row."""
    with name_scope(name, "SpaceToDepth", [input]) as name:
        input, b = _check(input, block_size, data_format), block_size
        n, h, w, c = _dims(input, 4)
        h, w = _divided(h, b, "the height"), _divided(w, b, "the width")
        apart = array_ops.reshape(input, [n, h, b, w, b, c])
        return array_ops.reshape(array_ops.transpose(apart, [0, 1, 3, 2, 4, 5]), [n, h, w, _times(c, b * b)], name=name)


def depth_to_space(input, block_size, name=None, data_format="NHWC"):
    """[batch, h, w, b * b * c] -> [batch, h * b, w * b, c]: the inverse of space_to_depth."""
    with name_scope(name, "DepthToSpace", [input]) as name:
        input, b = _check(input, block_size, data_format), block_size
        n, h, w, c = _dims(input, 4)
        c = _divided(c, b * b, "the depth")
        apart = array_ops.reshape(input, [n, h, w, b, b, c])
        return array_ops.reshape(array_ops.transpose(apart, [0, 1, 3, 2, 4, 5]), [n, _times(h, b), _times(w, b), c], name=name)


def _static(value, what):
    known = constant_value(convert_to_tensor(value))
    if known is None:
        raise ValueError(f"{what} must be known when the graph is built")
    return known


def space_to_batch_nd(input, block_shape, paddings, name=None):
    """[batch, s1, s2, ..., rest] -> [batch * b1 * b2 ..., p1 / b1, p2 / b2, ..., rest], where p is s with zeros around it.

    block_shape  b1, b2, ..., one for each spatial dimension; known when the graph is built
    paddings     [m, 2]: (before, after) for each; b must divide the padded size
    """
    with name_scope(name, "SpaceToBatchND", [input]) as name:
        input = convert_to_tensor(input, name="input")
        block, paddings = _static(block_shape, "block_shape").tolist(), _static(paddings, "paddings")
        m, rank = len(block), input.get_shape().ndims
        if rank is None or rank < m + 1 or paddings.shape != (m, 2):
            raise ValueError(f"space_to_batch_nd needs an input of known rank of at least {m + 1} and paddings [{m}, 2], "
                             f"got {input.get_shape()} and {list(paddings.shape)}")
        if paddings.any():
            around = np.zeros((rank, 2), np.int32)
            around[1:m + 1] = paddings
            input = pad_ops.pad(input, around)
        n, *dims = _dims(input, rank)
        small = [_divided(d, b, f"dimension {i + 1}") for i, (d, b) in enumerate(zip(dims, block))]
        apart = [n] + [size for pair in zip(small, block) for size in pair] + dims[m:]
        perm = [2 * i + 2 for i in range(m)] + [0] + [2 * i + 1 for i in range(m)] + list(range(2 * m + 1, rank + m))
        moved = array_ops.transpose(array_ops.reshape(input, apart), perm)
        return array_ops.reshape(moved, [_times(n, int(np.prod(block))), *small, *dims[m:]], name=name)


def batch_to_space_nd(input, block_shape, crops, name=None):
    """The inverse of space_to_batch_nd; crops [m, 2]: what to cut off before and after, in place of paddings."""
    with name_scope(name, "BatchToSpaceND", [input]) as name:
        input = convert_to_tensor(input, name="input")
        block, crops = _static(block_shape, "block_shape").tolist(), _static(crops, "crops")
        m, rank = len(block), input.get_shape().ndims
        if rank is None or rank < m + 1 or crops.shape != (m, 2):
            raise ValueError(f"batch_to_space_nd needs an input of known rank of at least {m + 1} and crops [{m}, 2], "
                             f"got {input.get_shape()} and {list(crops.shape)}")
        n, *dims = _dims(input, rank)
        n = _divided(n, int(np.prod(block)), "the batch")
        apart = array_ops.reshape(input, [*block, n, *dims])
        perm = [m] + [axis for i in range(m) for axis in (m + 1 + i, i)] + list(range(2 * m + 1, rank + m))
        large = [_times(d, b) for d, b in zip(dims, block)]
        whole = array_ops.reshape(array_ops.transpose(apart, perm), [n, *large, *dims[m:]], name=name if not crops.any() else None)
        if not crops.any():
            return whole
        sizes = [d - int(before) - int(after) if isinstance(d, int) else apply_op("Sub", d, int(before + after)) for d, (before, after) in zip(large, crops)]
        return slice_ops.slice(whole, [0, *crops[:, 0].tolist()] + [0] * (rank - m - 1), [-1, *sizes] + [-1] * (rank - m - 1), name=name)


def space_to_batch(input, paddings, block_size, name=None):
    """space_to_batch_nd of [batch, h, w, c] with blocks of block_size x block_size."""
    return space_to_batch_nd(input, [block_size, block_size], paddings, name=name or "SpaceToBatch")


def batch_to_space(input, crops, block_size, name=None):
    """batch_to_space_nd of [batch, h, w, c] with blocks of block_size x block_size."""
    return batch_to_space_nd(input, [block_size, block_size], crops, name=name or "BatchToSpace")
