"""Depthwise convolution and its gradients on a GPU: a thread a number, and for the filter a block for 32 channels of a tap."""
import ctypes

from .call import FLOATS, THREADS, blocks_for, register_gpu_kernel, typed
from .matmul import add_splits, splits_of
from .windows import Axis, Divider, before, forward

LANES, LAYERS = 32, 8         # threads of a block for the filter's gradient


class Depthwise(ctypes.Structure):
    """As in depthwise.cu; depth, columns, rows are those of the tensor whose numbers the threads count."""
    _fields_ = [("y", Axis), ("x", Axis), *((name, ctypes.c_int) for name in ("n", "h", "w", "c", "lines")),
                *((name, Divider) for name in ("depth", "columns", "rows", "multiplier", "stride_y", "stride_x"))]


def geometry(call, images, filters, result, counted):
    n, h, w, c = images.shape
    kh, kw, _, multiplier = filters.shape
    _, oh, ow, _ = result.shape
    (_, down, right, _), (_, dilation_y, dilation_x, _) = call.attrs["strides"], call.attrs["dilations"]
    padding = call.attrs["padding"]
    y = forward(oh, kh, down, dilation_y, before(h, oh, kh, down, dilation_y, padding))
    x = forward(ow, kw, right, dilation_x, before(w, ow, kw, right, dilation_x, padding))
    _, rows, columns, depth = counted.shape
    return Depthwise(y, x, n, h, w, c, c * multiplier, Divider(depth), Divider(columns), Divider(rows), Divider(multiplier), Divider(down),
                     Divider(right))


@register_gpu_kernel("DepthwiseConv2dNative", source="depthwise.cu", T=FLOATS)
def depthwise(call):
    (images, filters), out = call.inputs, call.outputs[0]
    call.launch(typed("depthwise", out.dtype), blocks_for(out.size), THREADS, images, filters, out, out.size,
                geometry(call, images, filters, out, out))


@register_gpu_kernel("DepthwiseConv2dNativeBackpropInput", source="depthwise.cu", T=FLOATS)
def depthwise_backprop_input(call):
    (_, filters, gradient), out = call.inputs, call.outputs[0]
    if gradient.size == 0 or filters.size == 0:
        call.zero(out)
        return
    call.launch(typed("depthwise_input", out.dtype), blocks_for(out.size), THREADS, gradient, filters, out, out.size,
                geometry(call, out, filters, gradient, out))


@register_gpu_kernel("DepthwiseConv2dNativeBackpropFilter", source="depthwise.cu", T=FLOATS)
def depthwise_backprop_filter(call):
    (images, _, gradient), out = call.inputs, call.outputs[0]
    n, oh, ow, lines = gradient.shape
    if gradient.size == 0:
        call.zero(out)
    elif out.size:
        blocks, taps = -(-lines // LANES), out.shape[0] * out.shape[1]
        splits, each = splits_of(blocks * taps, n * oh * ow, LAYERS)
        g = geometry(call, images, out, gradient, gradient)

        def queue(where):
            call.launch(typed("depthwise_filter", out.dtype), (blocks, taps, splits), (LANES, LAYERS), images, gradient, where, n * oh * ow,
                        each, g)
        add_splits(call, out, out.size, splits, queue)
