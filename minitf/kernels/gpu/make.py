"""OneHot, Range, and what shapes tell: arrays made of a few numbers."""
import ctypes

from ...core.dtypes import int32, int64, uint8
from .call import NUMBERS, THREADS, blocks_for, register_gpu_kernel, typed
from .moves import normal_axis
from .words import MOVED, Divisor, product


@register_gpu_kernel("OneHot", source="make.cu", T=MOVED, TI=[uint8, int32, int64])
def one_hot(call):
    indices, _, on, off = call.inputs
    y = call.outputs[0]
    axis = normal_axis(call.attrs.get("axis", -1), len(y.shape))
    call.launch(typed(f"one_hot_w{y.dtype.size}", indices.dtype), blocks_for(y.size), THREADS, y, indices, on, off, Divisor(y.shape[axis]),
                Divisor(product(y.shape[axis + 1:])), y.size)


@register_gpu_kernel("Range", source="make.cu", Tidx=NUMBERS)
def range_(call):
    start, _, delta = call.inputs
    y = call.outputs[0]
    call.launch(typed("range", y.dtype), blocks_for(y.size), THREADS, y, start, delta, y.size)


class Numbers(ctypes.Structure):
    _fields_ = [("count", ctypes.c_int), ("of", ctypes.c_int * 8)]


def _numbers(call, numbers):
    y = call.outputs[0]
    call.launch(typed("numbers", y.dtype), blocks_for(len(numbers)), 32, y, Numbers(len(numbers), (ctypes.c_int * 8)(*numbers)))


@register_gpu_kernel("Shape", source="make.cu", T=MOVED)
def shape(call):
    _numbers(call, call.inputs[0].shape)


@register_gpu_kernel("Size", source="make.cu", T=MOVED)
def size(call):
    _numbers(call, [call.inputs[0].size])


@register_gpu_kernel("Rank", source="make.cu", T=MOVED)
def rank(call):
    _numbers(call, [len(call.inputs[0].shape)])
