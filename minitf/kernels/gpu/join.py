"""ConcatV2, Pack, Unpack: many arrays into one, one into many, with few launches.

A launch takes some microseconds of a GPU's time, more than a small array takes to be copied.  So one launch moves up to 32 arrays, whose
addresses are its arguments: the 50 inputs of an unrolled network are packed by two launches.
"""
import ctypes

from .call import THREADS, blocks_for, register_gpu_kernel
from .moves import normal_axis
from .words import MOVED, Divisor, product, words_for

FEW, MANY = 4, 32                     # addresses that a launch takes


class Run(ctypes.Structure):
    _fields_ = [("first", ctypes.c_int), ("size", Divisor)]


class Runs4(ctypes.Structure):
    _fields_ = [("rows", ctypes.c_int), ("total", ctypes.c_int), ("of", Run * FEW)]


class Runs32(ctypes.Structure):
    _fields_ = [("rows", ctypes.c_int), ("total", ctypes.c_int), ("of", Run * MANY)]


@register_gpu_kernel("ConcatV2", source="join.cu", T=MOVED)
def concat(call):
    parts, y = call.inputs[:-1], call.outputs[0]
    axis = normal_axis(call.inputs[-1].value, len(y.shape))
    _exchange(call, "join", y, parts, product(y.shape[:axis]), [product(part.shape[axis:]) for part in parts])


@register_gpu_kernel("Pack", source="join.cu", T=MOVED)
def pack(call):
    parts, y = call.inputs, call.outputs[0]
    axis = normal_axis(call.attrs.get("axis", 0), len(y.shape))
    _exchange(call, "join", y, parts, product(y.shape[:axis]), [product(y.shape[axis + 1:])] * len(parts))


@register_gpu_kernel("Unpack", source="join.cu", T=MOVED)
def unpack(call):
    x, parts = call.inputs[0], call.outputs
    axis = normal_axis(call.attrs.get("axis", 0), len(x.shape))
    _exchange(call, "part", x, parts, product(x.shape[:axis]), [product(x.shape[axis + 1:])] * len(parts))


def _exchange(call, way, whole, parts, rows, sizes):
    """Queue the moves between parts and the whole, in each of whose rows a part has a run of so many elements, one behind the other."""
    firsts = [sum(sizes[:k]) for k in range(len(sizes))]
    together = words_for(whole.dtype.size, *sizes)
    runs = [(part, Run(first // together, Divisor(size // together)), size // together) for part, first, size in zip(parts, firsts, sizes)
            if rows * size]
    for k in range(0, len(runs), MANY):
        group = runs[k:k + MANY]
        width, structure = (FEW, Runs4) if len(group) <= FEW else (MANY, Runs32)
        addresses = [part for part, *_ in group] + [group[-1][0]] * (width - len(group))        # the rest stands for nothing
        described = structure(rows, sum(sizes) // together, (Run * width)(*[run for _, run, _ in group]))
        grid = blocks_for(rows * max(size for *_, size in group)), len(group)
        ends = [whole, *addresses] if way == "join" else [*addresses, whole]
        call.launch(f"{way}_{width}_w{together * whole.dtype.size}", grid, THREADS, *ends, described)
