"""Gather, GatherNd, ScatterNd, ReverseSequence: rows whose places stand in the device's memory.

A number that points beside the array stops nothing on the device: its row is passed over, and the step ends in the error.
"""
import ctypes

from ...core.dtypes import int32, int64
from .call import NUMBERS, THREADS, blocks_for, register_gpu_kernel, typed
from .moves import normal_axis
from .words import MOVED, Divisor, product, strides_of, words_for

INDICES = [int32, int64]


class Depths(ctypes.Structure):
    _fields_ = [("depth", ctypes.c_int), ("size", ctypes.c_int * 8)]


class Sequences(ctypes.Structure):
    _fields_ = [(name, Divisor) for name in ("apart", "steps", "batch_apart", "batch")]


@register_gpu_kernel("Gather", source="gather.cu", Tparams=MOVED, Tindices=INDICES)
def gather(call):
    params, indices = call.inputs
    flag = call.flag(lambda value, place: f"indices{place_text(indices.shape, place)} = {value} is not in [0, {params.shape[0]})")
    _gather(call, Depths(1, (ctypes.c_int * 8)(params.shape[0])), product(params.shape[1:]), flag)


@register_gpu_kernel("GatherNd", source="gather.cu", Tparams=MOVED, Tindices=INDICES)
def gather_nd(call):
    params, indices = call.inputs
    _gather(call, *_depths(call, indices, params, "param shape"))


def _gather(call, depths, row, flag):
    params, indices, y = *call.inputs, call.outputs[0]
    together = words_for(y.dtype.size, row)
    n = y.size // together
    call.launch(typed(f"gather_w{together * y.dtype.size}", indices.dtype), blocks_for(n), THREADS, y, params, indices, depths, Divisor(row // together), n, flag)


@register_gpu_kernel("ScatterNd", source="gather.cu", T=NUMBERS, Tindices=INDICES)
def scatter_nd(call):
    """Where a place is named more than once, floats are added in whatever order the threads come, and the last bits may differ from run to run."""
    indices, updates, y = call.inputs[0], call.inputs[1], call.outputs[0]
    call.zero(y)
    depths, row, flag = _depths(call, indices, y, "shape")
    n = updates.size
    call.launch(typed(typed("scatter_nd", y.dtype), indices.dtype), blocks_for(n), THREADS, y, updates, indices, depths, Divisor(row), n, flag)


def _depths(call, indices, array, what):
    """The axes that rows of the indices go through, the elements of what lies behind them, and the complaint about a row that goes astray."""
    depth = indices.shape[-1]
    shown = ",".join(map(str, array.shape))
    flag = call.flag(lambda value, place: f"indices{place_text(indices.shape, place)} = {value} does not index into {what} [{shown}]")
    return Depths(depth, (ctypes.c_int * 8)(*array.shape[:depth])), product(array.shape[depth:]), flag


@register_gpu_kernel("ReverseSequence", source="gather.cu", T=MOVED, Tlen=INDICES)
def reverse_sequence(call):
    x, lengths, y = *call.inputs, call.outputs[0]
    seq, batch = (normal_axis(call.attrs[name], len(x.shape)) for name in ("seq_dim", "batch_dim"))
    strides = strides_of(x.shape)
    together = words_for(x.dtype.size, strides[seq], strides[batch])
    sequences = Sequences(*map(Divisor, (strides[seq] // together, x.shape[seq], strides[batch] // together, x.shape[batch])))
    flag = call.flag(lambda value, b: f"seq_lens({b}) must be between 0 and input.dims({seq}) = {x.shape[seq]}, got {value}")
    n = x.size // together
    call.launch(typed(f"reverse_w{together * x.dtype.size}", lengths.dtype), blocks_for(n), THREADS, y, x, lengths, sequences, n, flag)


def place_text(shape, place):
    """An element's place in its array, as the errors show it.

    >>> place_text((3, 4), 6), place_text((), 0)
    ('[1,2]', '')
    """
    at = []
    for n in reversed(shape):
        at.insert(0, str(place % n))
        place //= n
    return f"[{','.join(at)}]" if at else ""
