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
    _fields_ = [("joins", ctypes.c_int), ("rows", ctypes.c_int), ("total", ctypes.c_int), ("of", Run * FEW)]


class Runs32(ctypes.Structure):
    _fields_ = [("joins", ctypes.c_int), ("rows", ctypes.c_int), ("total", ctypes.c_int), ("of", Run * MANY)]


@register_gpu_kernel("ConcatV2", source="join.cu", T=MOVED)
def concat(call):
    parts, y = call.inputs[:-1], call.outputs[0]
    axis = normal_axis(call.inputs[-1].value, len(y.shape))
    _exchange(call, True, y, parts, product(y.shape[:axis]), [product(part.shape[axis:]) for part in parts])


@register_gpu_kernel("Pack", source="join.cu", T=MOVED)
def pack(call):
    parts, y = call.inputs, call.outputs[0]
    axis = normal_axis(call.attrs.get("axis", 0), len(y.shape))
    _exchange(call, True, y, parts, product(y.shape[:axis]), [product(y.shape[axis + 1:])] * len(parts))


@register_gpu_kernel("Unpack", source="join.cu", T=MOVED)
def unpack(call):
    x, parts = call.inputs[0], call.outputs
    axis = normal_axis(call.attrs.get("axis", 0), len(x.shape))
    _exchange(call, False, x, parts, product(x.shape[:axis]), [product(x.shape[axis + 1:])] * len(parts))


def _exchange(call, joins, whole, parts, rows, sizes):
    """Queue the moves between parts and the whole, in each of whose rows a part has a run of so many elements, one behind the other."""
    together = words_for(whole.dtype.size, *sizes)
    runs, total = [], 0
    for part, size in zip(parts, sizes):
        if rows * size:
            runs.append((part, Run(total, Divisor(size // together)), size // together))
        total += size // together
    for k in range(0, len(runs), MANY):
        group = runs[k:k + MANY]
        width, structure = (FEW, Runs4) if len(group) <= FEW else (MANY, Runs32)
        addresses = [part for part, *_ in group] + [group[-1][0]] * (width - len(group))        # the rest stands for nothing
        grid = blocks_for(rows * max(size for *_, size in group)), len(group)
        call.launch(f"exchange_{width}_w{together * whole.dtype.size}", grid, THREADS, whole, *addresses,
                    structure(joins, rows, total, (Run * width)(*[run for _, run, _ in group])))
