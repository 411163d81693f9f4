"""Images of another size on a GPU, and the adjoints: a thread a number."""
import ctypes

import numpy as np

from ...core.dtypes import float32, float64
from ...core.errors import InvalidArgumentError
from .call import FLOATS, NUMBERS, THREADS, blocks_for, register_gpu_kernel, typed
from .windows import Divider


class Resize(ctypes.Structure):
    """As in resize.cu; depth, columns, rows are those of the tensor whose numbers the threads count."""
    _fields_ = [*((name, ctypes.c_int) for name in ("h", "w", "c", "oh", "ow", "align")),
                *((name, ctypes.c_float) for name in ("down", "right")), *((name, Divider) for name in ("depth", "columns", "rows"))]


def step(have, want, align):
    """Pixels of the image from one place to the next, in float32."""
    if align and want > 1:
        return float(np.float32(have - 1) / np.float32(want - 1))
    return float(np.float32(have) / np.float32(want)) if want else 0.0


def launch(call, name, small, large):
    """Queue a kernel between the image that is sampled and the one it is resized to: one is the first input, the other the output."""
    _, h, w, c = small.shape
    _, oh, ow, _ = large.shape
    out, align = call.outputs[0], bool(call.attrs.get("align_corners", False))
    if h * w == 0 and large.size:
        raise InvalidArgumentError(None, None, "input image must be of non-zero size")
    _, rows, columns, _ = out.shape
    geometry = Resize(h, w, c, oh, ow, align, step(h, oh, align), step(w, ow, align), Divider(c), Divider(columns), Divider(rows))
    call.launch(typed(name, out.dtype), blocks_for(out.size), THREADS, call.inputs[0], out, out.size, geometry)


@register_gpu_kernel("ResizeNearestNeighbor", source="resize.cu", T=NUMBERS)
def resize_nearest_neighbor(call):
    launch(call, "resize_nearest", call.inputs[0], call.outputs[0])


@register_gpu_kernel("ResizeBilinear", source="resize.cu", T=[float32], dtype=[float32])
@register_gpu_kernel("ResizeBilinear", source="resize.cu", T=[float64], dtype=[float64])
def resize_bilinear(call):
    launch(call, "resize_bilinear", call.inputs[0], call.outputs[0])


@register_gpu_kernel("ResizeNearestNeighborGrad", source="resize.cu", T=FLOATS)
def resize_nearest_neighbor_grad(call):
    launch(call, "resize_nearest_grad", call.outputs[0], call.inputs[0])


@register_gpu_kernel("ResizeBilinearGrad", source="resize.cu", T=FLOATS)
def resize_bilinear_grad(call):
    launch(call, "resize_bilinear_grad", call.outputs[0], call.inputs[0])
