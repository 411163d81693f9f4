"""Pooling and its gradients on a GPU: a thread 16 bytes of the output, or a number where the channels can not be cut so."""
import ctypes

from .call import FLOATS, NUMBERS, THREADS, blocks_for, register_gpu_kernel, typed
from .windows import Divider, before

PACK = 16                     # bytes that a thread loads at once


class Pool(ctypes.Structure):
    """As in pool.cu; depth (in packs), columns, rows are those of the tensor whose numbers the threads count."""
    _fields_ = [*((name, ctypes.c_int) for name in ("h", "w", "c", "oh", "ow", "height", "width", "down", "right", "above", "left")),
                *((name, Divider) for name in ("depth", "columns", "rows", "by_down", "by_right"))]


def launch(call, name, images, pooled, *tensors):
    """Queue a kernel whose threads count the numbers of the output, the last of the tensors: an image or a pooled one."""
    n, h, w, c = images.shape
    _, oh, ow, _ = pooled.shape
    (_, height, width, deep), (_, down, right, _) = call.attrs["ksize"], call.attrs["strides"]
    if deep != 1:                                       # over the depth: pixels for rows, channels for columns
        h, w, c = n * h * w, c, 1
        oh, ow, width, right = h, pooled.shape[3], deep, deep
    above = before(h, oh, height, down, 1, call.attrs["padding"])
    left = before(w, ow, width, right, 1, call.attrs["padding"])
    out = tensors[-1]
    rows, columns = (oh, ow) if out is pooled else (h, w)
    pack = PACK // out.dtype.size if c % (PACK // out.dtype.size) == 0 else 1
    geometry = Pool(h, w, c, oh, ow, height, width, down, right, above, left,
                    Divider(c // pack), Divider(columns), Divider(rows), Divider(down), Divider(right))
    size = out.size // pack
    call.launch(typed(name if pack == 1 else name + "_packs", out.dtype), blocks_for(size), THREADS, *tensors, size, geometry)


@register_gpu_kernel("MaxPool", source="pool.cu", T=NUMBERS)
def max_pool(call):
    launch(call, "max_pool", call.inputs[0], call.outputs[0], call.inputs[0], call.outputs[0])


@register_gpu_kernel("MaxPoolGrad", source="pool.cu", T=NUMBERS)
def max_pool_grad(call):
    launch(call, "max_pool_grad", call.inputs[0], call.inputs[1], *call.inputs, call.outputs[0])


@register_gpu_kernel("MaxPoolGradGrad", source="pool.cu", T=NUMBERS)
def max_pool_grad_grad(call):
    launch(call, "max_pool_grad_grad", call.inputs[0], call.outputs[0], *call.inputs, call.outputs[0])


@register_gpu_kernel("AvgPool", source="pool.cu", T=FLOATS)
def avg_pool(call):
    launch(call, "avg_pool", call.inputs[0], call.outputs[0], call.inputs[0], call.outputs[0])


@register_gpu_kernel("AvgPoolGrad", source="pool.cu", T=FLOATS)
def avg_pool_grad(call):
    launch(call, "avg_pool_grad", call.outputs[0], call.inputs[1], call.inputs[1], call.outputs[0])
