"""Ops that are one box moved from one array to another: their launches, and those of every op that is made of such moves.

As the CPU's kernels (array.pyx), which go through one strided copy.  A box becomes one of three things here: a copy that the driver does,
a kernel that finds each word's place by itself, or, where one side is read along one axis and the other written along another, tiles that
go through a block's shared memory.
"""
import ctypes

from ...core.errors import InvalidArgumentError
from .call import THREADS, blocks_for, register_gpu_kernel
from .words import MOST_AXES, MOVED, Box, Divisor, merged, product, strides_of, widened, words_for

TILE, TILE_LINES = 32, 4              # as in moves.cu
LEAST_TILED = 8                       # words along both axes: in tiles that are emptier, most threads would have nothing to do


class Tiles(ctypes.Structure):
    _fields_ = [("across", Divisor), ("down", Divisor), ("rows", ctypes.c_int), ("cols", ctypes.c_int), ("to_row", ctypes.c_int),
                ("from_col", ctypes.c_int), ("outer", Box)]


class FrameAxis(ctypes.Structure):
    _fields_ = [("size", Divisor), ("step", Divisor), ("before", ctypes.c_int), ("span", ctypes.c_int), ("from", ctypes.c_int)]


class Frame(ctypes.Structure):
    _fields_ = [("rank", ctypes.c_int), ("axes", FrameAxis * MOST_AXES)]


def move(call, target, source, axes, to=0, since=0):
    """Queue target[to + sum(i_k * to_k)] = source[since + sum(i_k * from_k)] for every i of the box: axes [(size, to_k, from_k)]."""
    if any(size == 0 for size, *_ in axes):
        return
    itemsize = target.dtype.size
    axes = merged(axes)
    if not axes or len(axes) == 1 and tuple(axes[0][1:]) == (1, 1):
        call.copy(target.at(to), source.at(since), product(size for size, *_ in axes) * itemsize)
        return
    together, axes = widened(axes, itemsize, to, since)
    target, source, suffix = target.at(to), source.at(since), f"w{together * itemsize}"
    turned = _turned(axes)
    if turned is not None:
        rows, cols, outer = turned
        across, down = -(-cols[0] // TILE), -(-rows[0] // TILE)
        tiles = Tiles(Divisor(across), Divisor(down), rows[0], cols[0], rows[1], cols[2], Box(outer))
        call.launch(f"move_tile_{suffix}", across * down * product(size for size, *_ in outer), (TILE, TILE_LINES), target, source, tiles)
    else:
        n = product(size for size, *_ in axes)
        call.launch(f"move_{suffix}", blocks_for(n), THREADS, target, source, Box(axes), n)


def _turned(axes):
    """(rows, cols, the other axes) if the target is written along the last axis, and the source read along another; None if not, or too small."""
    if len(axes) < 2 or axes[-1][1] != 1 or axes[-1][2] == 1 or axes[-1][0] < LEAST_TILED:
        return None
    for k, (size, _, source) in enumerate(axes[:-1]):
        if source == 1 and size >= LEAST_TILED:
            return axes[k], axes[-1], axes[:k] + axes[k + 1:-1]
    return None


def move_at(call, target, source, axes, begin, grain, into_target=False):
    """The same from an element on that a kernel has found: `begin` is its place, a multiple of `grain`, in the source or in the target."""
    if any(size == 0 for size, *_ in axes):
        return
    together, axes = widened(merged(axes), target.dtype.size, grain)
    n = product(size for size, *_ in axes)
    call.launch(f"move_at_w{together * target.dtype.size}", blocks_for(n), THREADS, target, source, begin, into_target, together, Box(axes), n)


def frame(call, target, source, axes, since=0, value=None):
    """Queue every element of the target: from the source, `since` on, where the axes say so, and the value (default: zero) elsewhere.

    axes   [(size, before, count, step, from)] of the target, outermost first: index before + i * step, for i < count, is index i of the source,
           whose elements lie `from` apart
    """
    if target.size == 0:
        return
    axes, itemsize = _merged_frame(axes), target.dtype.size
    together = 1
    if axes and value is None and axes[-1][3:] == (1, 1):
        outer = [n for _, _, _, _, n in axes[:-1]]
        together = words_for(itemsize, since, *axes[-1][:3], *outer)
        size, before, count = (n // together for n in axes[-1][:3])
        axes = [(*rest, n // together) for *rest, n in axes[:-1]] + [(size, before, count, 1, 1)]
    described = [FrameAxis(Divisor(size), Divisor(step), before, (count - 1) * step + 1 if count else 0, n) for size, before, count, step, n in axes]
    n = target.size // together
    call.launch(f"frame_w{together * itemsize}", blocks_for(n), THREADS, target, source.at(since), source if value is None else value,
                value is not None, Frame(len(axes), (FrameAxis * MOST_AXES)(*described)), n)


def _merged_frame(axes):
    """A whole axis within one that is read step by step is part of it."""
    kept = []
    for size, before, count, step, source in axes:
        if kept and (before, count, step) == (0, size, 1) and kept[-1][3] == 1 and kept[-1][4] == source * size:
            outer = kept.pop()
            kept.append((*(n * size for n in outer[:3]), 1, source))
        else:
            kept.append((size, before, count, step, source))
    return kept


@register_gpu_kernel("Transpose", source="moves.cu", T=MOVED)
def transpose(call):
    x, perm, y = call.inputs[0], call.inputs[1].value, call.outputs[0]
    if perm.size != len(x.shape):
        raise InvalidArgumentError(None, None, f"transpose expects a vector of size {len(x.shape)}. But input(1) is a vector of size {perm.size}")
    source, seen = strides_of(x.shape), set()
    for axis in perm.tolist():
        if not 0 <= axis < len(x.shape):
            raise InvalidArgumentError(None, None, f"{axis} is out of range [0 .. {len(x.shape)})")
        if axis in seen:
            raise InvalidArgumentError(None, None, f"{axis} is duplicated in the permutation")
        seen.add(axis)
    move(call, y, x, [(x.shape[axis], to, source[axis]) for to, axis in zip(strides_of(y.shape), perm.tolist())])


@register_gpu_kernel("BroadcastTo", source="moves.cu", T=MOVED)
def broadcast_to(call):
    x, y = call.inputs[0], call.outputs[0]
    missing = len(y.shape) - len(x.shape)
    source = [0] * missing + [0 if n == 1 else step for n, step in zip(x.shape, strides_of(x.shape))]
    move(call, y, x, list(zip(y.shape, strides_of(y.shape), source)))


@register_gpu_kernel("Tile", source="moves.cu", T=MOVED)
def tile(call):
    x, multiples, y = call.inputs[0], call.inputs[1].value.tolist(), call.outputs[0]
    axes = []
    for k, (n, times, to, source) in enumerate(zip(x.shape, multiples, strides_of(y.shape), strides_of(x.shape))):
        if times < 0:
            raise InvalidArgumentError(None, None, f"Expected multiples[{k}] >= 0, but got {times}")
        axes += [(times, to * n, 0), (n, to, source)]
    move(call, y, x, axes)


@register_gpu_kernel("ReverseV2", source="moves.cu", T=MOVED)
def reverse(call):
    x, y = call.inputs[0], call.outputs[0]
    rank, back = len(x.shape), set()
    for axis in call.inputs[1].value.reshape(-1).tolist():
        axis = normal_axis(axis, rank)
        if axis in back:
            raise InvalidArgumentError(None, None, f"axis {axis} specified more than once.")
        back.add(axis)
    strides = strides_of(x.shape)
    axes = [(n, step, -step if k in back else step) for k, (n, step) in enumerate(zip(x.shape, strides))]
    move(call, y, x, axes, since=sum((x.shape[k] - 1) * strides[k] for k in back))


@register_gpu_kernel("Pad", source="moves.cu", T=MOVED)
@register_gpu_kernel("PadV2", source="moves.cu", T=MOVED)
def pad(call):
    x, paddings, y = call.inputs[0], call.inputs[1].value.tolist(), call.outputs[0]
    axes = []
    for n, (before, after), source in zip(x.shape, paddings, strides_of(x.shape)):
        if before < 0 or after < 0:
            raise InvalidArgumentError(None, None, f"Paddings must be non-negative: {before} {after}")
        axes.append((before + n + after, before, n, 1, source))
    frame(call, y, x, axes, value=call.inputs[2] if len(call.inputs) > 2 else None)


def normal_axis(axis, rank):
    """The same axis in [0, rank).  InvalidArgumentError if there is none."""
    axis = int(axis)
    if not -rank <= axis < rank:
        raise InvalidArgumentError(None, None, f"axis = {axis} not in [{-rank}, {rank})")
    return axis + rank if axis < 0 else axis
