"""LRN and LRNGrad: with n the bias plus alpha times the sum of squares over a channel's window,

    y = x / n ** beta,      dx = g / n ** beta - 2 alpha beta x * (the sum of g y / n over the window)
"""
from .call import FLOATS, THREADS, blocks_for, register_gpu_kernel, typed


def _numbers(call):
    """(size, channels, radius), and bias, alpha, beta as numbers of the type."""
    x = call.outputs[0]
    number = x.dtype.as_numpy_dtype
    c = x.shape[3]
    return (x.size, c, min(call.attrs["depth_radius"], max(0, c - 1))), [number(call.attrs[name]) for name in ("bias", "alpha", "beta")]


@register_gpu_kernel("LRN", source="lrn.cu", T=FLOATS)
def lrn(call):
    x, y = call.inputs[0], call.outputs[0]
    sizes, numbers = _numbers(call)
    call.launch(typed("lrn", x.dtype), blocks_for(x.size), THREADS, x, y, *sizes, *numbers)


@register_gpu_kernel("LRNGrad", source="lrn.cu", T=FLOATS)
def lrn_grad(call):
    """inputs (input_grads, input_image, output_image)."""
    g, x, y = call.inputs
    sizes, numbers = _numbers(call)
    shares = call.scratch(x.dtype, x.shape)
    call.launch(typed("lrn_shares", x.dtype), blocks_for(x.size), THREADS, g, x, y, shares, *sizes, *numbers[:2])
    call.launch(typed("lrn_grad", x.dtype), blocks_for(x.size), THREADS, g, x, shares, call.outputs[0], *sizes, *numbers)
