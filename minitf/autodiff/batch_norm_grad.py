"""Gradients of batch normalisation."""
from ..core.registry import register_gradient
from ..ops import array_ops, math_ops, reduction_ops
from ..ops.apply import apply_op
from .gradients import gradients
from .nn_grad import is_zero

OTHER_AXES = [0, 1, 2]


@register_gradient("FusedBatchNorm")
def _fused_batch_norm(op, grad, to_mean, to_variance, *_):
    """The batch's mean and variance depend on x as well, where somebody uses them: rarely, so that part is made of plain ops."""
    x, scale = op.inputs[:2]
    used = op.outputs[3:5] if op.attrs["is_training"] else op.inputs[3:5]
    to_x, to_scale, to_offset = apply_op("FusedBatchNormGrad", grad, x, scale, *used, epsilon=op.attrs["epsilon"],
                                         is_training=op.attrs["is_training"])
    if not op.attrs["is_training"]:
        inverse = math_ops.rsqrt(op.inputs[4] + op.attrs["epsilon"])
        return to_x, to_scale, to_offset, to_mean - to_offset * scale * inverse, to_variance - 0.5 * to_scale * scale * math_ops.square(inverse)
    rows = math_ops.cast(reduction_ops.reduce_prod(array_ops.shape(x)[:3]), x.dtype.base_dtype)
    if not is_zero(to_mean):
        to_x += to_mean / rows
    if not is_zero(to_variance):
        to_x += to_variance * 2.0 * (x - op.outputs[1]) / math_ops.maximum(rows - 1, 1)
    return to_x, to_scale, to_offset, None, None


@register_gradient("FusedBatchNormGrad")
def _fused_batch_norm_grad(op, *grads):
    """Second derivatives: those of the same gradient made of plain ops.  In training mean and variance count as functions of x, which they are."""
    values = [array_ops.identity(t) for t in op.inputs]
    g, x, scale, mean, variance = values
    training = op.attrs["is_training"]
    if training:
        mean = reduction_ops.reduce_mean(x, OTHER_AXES)
        variance = reduction_ops.reduce_mean(math_ops.squared_difference(x, mean), OTHER_AXES)
    inverse = math_ops.rsqrt(variance + op.attrs["epsilon"])
    u = (x - mean) * inverse
    to_scale, to_offset = reduction_ops.reduce_sum(g * u, OTHER_AXES), reduction_ops.reduce_sum(g, OTHER_AXES)
    if training:
        g = g - reduction_ops.reduce_mean(g, OTHER_AXES) - u * reduction_ops.reduce_mean(g * u, OTHER_AXES)
    return gradients([scale * inverse * g, to_scale, to_offset], values, grads)
