"""Local response normalisation: each channel of a pixel divided by a measure of its neighbours, so that the loud silence the others."""
from ..core.registry import register_op
from .apply import apply_op
from .shape_fns import FLOAT, merge_shapes, with_rank

ATTRS = ["depth_radius: int >= 0 = 5", "bias: float = 1.0", "alpha: float = 1.0", "beta: float = 0.5", f"T: {FLOAT} = float32"]


@register_op("LRN", ["input: T"], ["output: T"], ATTRS)
def lrn_shape(c):
    return [with_rank(c, 0, 4)]


@register_op("LRNGrad", ["input_grads: T", "input_image: T", "output_image: T"], ["output: T"], ATTRS)
def lrn_grad_shape(c):
    for i in (0, 1, 2):
        with_rank(c, i, 4)
    merge_shapes(c, 0, 2)
    merge_shapes(c, 1, 2)
    return [merge_shapes(c, 0, 1)]


def local_response_normalization(input, depth_radius=5, bias=1, alpha=1, beta=0.5, name=None):
    """input / (bias + alpha * sum of the squares of the channels at most depth_radius away) ** beta

    input [n, h, w, c] of float32 or float64; the result has the same shape.  Channels that do not exist count as 0.  alpha counts for every square:
    where a paper divides it by the size of the window, so must the caller.  With depth_radius 1, bias 1, alpha 1, beta 0.5, a pixel of channels
    (1, 2, 0) gives (1 / sqrt(1 + 5), 2 / sqrt(1 + 5), 0).  (Krizhevsky, Sutskever and Hinton, NIPS 2012, section 3.3.)

    >>> tf.nn.local_response_normalization(x, 4, bias=1.0, alpha=0.001 / 9.0, beta=0.75)
    """
    return apply_op("LRN", input, depth_radius=depth_radius, bias=bias, alpha=alpha, beta=beta, name=name)


lrn = local_response_normalization
