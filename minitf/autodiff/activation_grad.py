"""Gradients of the activation functions, and of top_k."""
from ..core.registry import register_gradient
from ..graph import convert_to_tensor
from ..ops import array_ops, logical_ops, math_ops, nd_ops, sequence_ops
from ..ops.apply import apply_op
from .broadcasting import shape_of


@register_gradient("Relu6")
def _relu6(op, grad):
    return apply_op("Relu6Grad", grad, op.outputs[0])


@register_gradient("Relu6Grad")
def _relu6_grad(op, grad):
    """Linear in the gradient it was given, and constant in the features, but for jumps."""
    features = op.inputs[1]
    return apply_op("Relu6Grad", grad, features), array_ops.zeros_like(features)


@register_gradient("Elu")
def _elu(op, grad):
    return apply_op("EluGrad", grad, op.outputs[0])


@register_gradient("EluGrad")
@register_gradient("SeluGrad")
def _elu_grad(op, grad):
    """Linear in the outputs where these are negative: there their derivative is the output plus a constant."""
    dy, outputs = op.inputs
    below = math_ops.cast(logical_ops.less(outputs, array_ops.zeros_like(outputs)), dy.dtype)
    return apply_op(op.type, grad, outputs), grad * dy * below


@register_gradient("Selu")
def _selu(op, grad):
    return apply_op("SeluGrad", grad, op.outputs[0])


@register_gradient("Softsign")
def _softsign(op, grad):
    return apply_op("SoftsignGrad", grad, op.inputs[0])


@register_gradient("SoftsignGrad")
def _softsign_grad(op, grad):                # dy / (1 + |x|)^2
    dy, x = op.inputs
    to_x = -2.0 * math_ops.sign(x) * grad * dy / (1.0 + math_ops.abs(x)) ** 3.0
    return apply_op("SoftsignGrad", grad, x), to_x


@register_gradient("TopKV2")
def _top_k(op, grad, _):
    """Each value's gradient goes back to where the value stood: a place in the input seen as one vector."""
    x, places = op.inputs[0], op.outputs[1]
    shape = convert_to_tensor(shape_of(x))
    columns = shape[-1]
    k = array_ops.shape(places)[-1]
    rows = math_ops.floordiv(array_ops.size(x), math_ops.maximum(columns, 1))
    starts = array_ops.expand_dims(sequence_ops.range(rows) * columns, 1)
    flat = array_ops.reshape(array_ops.reshape(places, apply_op("Pack", [rows, k])) + starts, [-1, 1])
    scattered = nd_ops.scatter_nd(flat, array_ops.reshape(grad, [-1]), apply_op("Pack", [array_ops.size(x)]))
    return array_ops.reshape(scattered, shape), None
