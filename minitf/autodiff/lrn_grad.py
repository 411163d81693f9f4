"""Gradients of local response normalisation.

The second one is put together from other ops: nobody trains through it, so it needs no kernel.  In the words of kernels/cpu/lrn.pyx, with S
the sum over a window and h the gradient to dx, and with r = S(h x):

    to g:  h / n^beta - 2 alpha beta x r / n^(beta + 1)
    to n:  -beta h g / n^(beta + 1) + 2 alpha beta (beta + 1) r g x / n^(beta + 2),          n = bias + alpha S(x^2)
    to x:  -2 alpha beta (h S(g x / n^(beta + 1)) + r g / n^(beta + 1)) + 2 alpha x S(to n)
"""
from ..core.registry import register_gradient
from ..ops import array_ops, math_ops, matmul_ops, matrix_ops, slice_ops
from ..ops.apply import apply_op


@register_gradient("LRN")
def _lrn(op, grad):
    return apply_op("LRNGrad", grad, op.inputs[0], op.outputs[0], **{name: op.attrs[name] for name in ("depth_radius", "bias", "alpha", "beta")})


@register_gradient("LRNGrad")
def _lrn_grad(op, h):
    """output_image counts as a function of input_image, which it is."""
    g, x, y = op.inputs
    alpha, beta, radius = op.attrs["alpha"], op.attrs["beta"], op.attrs["depth_radius"]
    channels = array_ops.shape(x)[3]
    together = matrix_ops.matrix_band_part(array_ops.ones(slice_ops.stack([channels, channels]), x.dtype.base_dtype), radius, radius)

    def windows(t):
        return array_ops.reshape(matmul_ops.matmul(array_ops.reshape(t, slice_ops.stack([-1, channels])), together), array_ops.shape(x))

    n = op.attrs["bias"] + alpha * windows(math_ops.square(x))
    power = math_ops.pow(n, -beta)
    divided = power / n
    r, twice = windows(h * x), 2 * alpha * beta
    to_n = divided * g * (twice * (beta + 1) * r * x / n - beta * h)
    to_x = 2 * alpha * x * windows(to_n) - twice * (h * windows(g * x * divided) + r * g * divided)
    return h * power - twice * x * r * divided, to_x, array_ops.zeros_like(y)
