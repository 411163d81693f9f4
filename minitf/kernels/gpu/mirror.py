"""MirrorPad, its adjoint, and MatrixBandPart: kernels that look at where in its array an element stands."""
import ctypes

from ...core.dtypes import int32, int64
from ...core.errors import InvalidArgumentError
from .call import NUMBERS, THREADS, blocks_for, register_gpu_kernel, typed
from .words import MOVED, Divisor, product, strides_of, words_for


class MirrorAxis(ctypes.Structure):
    _fields_ = [("size", Divisor), ("before", ctypes.c_int), ("dim", ctypes.c_int), ("from", ctypes.c_int)]


class Mirror(ctypes.Structure):
    _fields_ = [("rank", ctypes.c_int), ("offset", ctypes.c_int), ("axes", MirrorAxis * 8)]


class Fold(ctypes.Structure):
    _fields_ = [("dim", Divisor), ("row", Divisor), ("before", ctypes.c_int), ("after", ctypes.c_int), ("offset", ctypes.c_int)]


@register_gpu_kernel("MirrorPad", source="mirror.cu", T=MOVED)
def mirror_pad(call):
    """The array continued by its mirror image, which repeats the border (SYMMETRIC) or does not (REFLECT)."""
    x, y = call.inputs[0], call.outputs[0]
    offset = int(call.attrs["mode"] == "REFLECT")
    paddings = call.inputs[1].value.tolist()
    for dim, (before, after) in zip(x.shape, paddings):
        if before < 0 or after < 0:
            raise InvalidArgumentError(None, None, f"paddings must be non-negative: {before} {after}")
        if max(before, after) > dim - offset:
            raise InvalidArgumentError(None, None, f"paddings must be {'less than' if offset else 'no greater than'} the dimension size: {before}, {after} "
                                                   f"{'not less than' if offset else 'greater than'} {dim}")
    within = len(x.shape)                                        # axes that are mirrored, or lie outside one that is
    while within and paddings[within - 1] == [0, 0]:
        within -= 1
    row = product(x.shape[within:])
    together = words_for(y.dtype.size, row)
    row //= together
    axes = [MirrorAxis(Divisor(before + dim + after), before, dim, step * row)
            for dim, step, (before, after) in zip(x.shape, strides_of(x.shape[:within]), paddings)] + [MirrorAxis(Divisor(row), 0, row, 1)]
    if within == len(x.shape):
        axes.pop()
    n = y.size // together
    call.launch(f"mirror_w{together * y.dtype.size}", blocks_for(n), THREADS, y, x, Mirror(len(axes), offset, (MirrorAxis * 8)(*axes)), n)


@register_gpu_kernel("MirrorPadGrad", source="mirror.cu", T=NUMBERS)
def mirror_pad_grad(call):
    """The adjoint, axis by axis: the sums are those of the CPU's kernel, in its order."""
    dy, dx = call.inputs[0], call.outputs[0]
    offset, paddings = int(call.attrs["mode"] == "REFLECT"), call.inputs[1].value.tolist()
    folded = [k for k, padding in enumerate(paddings) if padding != [0, 0]]
    if not folded:
        call.copy(dx, dy)
    source, shape = dy, list(dy.shape)
    for k in folded:
        before, after = paddings[k]
        shape[k] -= before + after
        target = dx if k == folded[-1] else call.scratch(dx.dtype, shape)
        fold = Fold(Divisor(shape[k]), Divisor(product(shape[k + 1:])), before, after, offset)
        call.launch(typed("fold", dx.dtype), blocks_for(target.size), THREADS, target, source, fold, target.size)
        source = target


@register_gpu_kernel("MatrixBandPart", source="mirror.cu", T=MOVED, Tindex=[int32, int64])
def matrix_band_part(call):
    x, lower, upper = call.inputs
    y = call.outputs[0]
    rows, cols = y.shape[-2:]
    call.launch(typed(f"band_w{y.dtype.size}", lower.dtype), blocks_for(y.size), THREADS, y, x, lower, upper, Divisor(rows), Divisor(cols), y.size)
