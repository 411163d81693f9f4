"""Gradients of the neural-network ops."""
from ..core.registry import not_differentiable, register_gradient
from ..graph import constant_value
from ..ops import array_ops, math_ops, reduction_ops
from ..ops.apply import apply_op
from .broadcasting import leading_scalar, shape_of

not_differentiable("InTopK")


@register_gradient("Relu")
def _relu(op, grad):
    return apply_op("ReluGrad", grad, op.outputs[0])


@register_gradient("ReluGrad")
def _relu_grad(op, grad):
    """Linear in the gradient it was given, and a step function of the features."""
    features = op.inputs[1]
    return apply_op("ReluGrad", grad, features), array_ops.zeros_like(features)


@register_gradient("Softplus")
def _softplus(op, grad):
    return apply_op("SoftplusGrad", grad, op.inputs[0])


@register_gradient("SoftplusGrad")
def _softplus_grad(op, grad):                 # dy sigmoid(x)
    dy, x = op.inputs
    return apply_op("SoftplusGrad", grad, x), apply_op("SigmoidGrad", math_ops.sigmoid(x), grad * dy)


@register_gradient("BiasAdd")
def _bias_add(op, grad):
    return grad, apply_op("BiasAddGrad", grad)


@register_gradient("BiasAddGrad")
def _bias_add_grad(op, grad):
    """One number per channel, repeated over everything else."""
    return array_ops.broadcast_to(grad, shape_of(op.inputs[0]))


@register_gradient("L2Loss")
def _l2_loss(op, grad):
    return op.inputs[0] * grad


@register_gradient("Softmax")
def _softmax(op, grad):
    return _through_softmax(op.outputs[0], grad)


def _through_softmax(y, grad):
    """The Jacobian diag(y) - y y' of softmax, applied to grad along the last axis."""
    return (grad - reduction_ops.reduce_sum(grad * y, -1, True)) * y


@register_gradient("LogSoftmax")
def _log_softmax(op, grad):
    return grad - reduction_ops.reduce_sum(grad, -1, True) * math_ops.exp(op.outputs[0])


@register_gradient("SoftmaxCrossEntropyWithLogits")
def _softmax_cross_entropy(op, grad_loss, grad_backprop):
    """The op's second output is the gradient already, softmax(logits) - labels; it matters itself in second derivatives."""
    grad = _to_logits(op, grad_loss, grad_backprop)
    logits = op.inputs[0]
    to_labels = -_column(grad_loss) * apply_op("LogSoftmax", logits)
    return grad, to_labels if is_zero(grad_backprop) else to_labels - grad_backprop


@register_gradient("SparseSoftmaxCrossEntropyWithLogits")
def _sparse_softmax_cross_entropy(op, grad_loss, grad_backprop):
    return _to_logits(op, grad_loss, grad_backprop), None


def _to_logits(op, grad_loss, grad_backprop):
    grad = _column(grad_loss) * op.outputs[1]
    if is_zero(grad_backprop):
        return grad
    return grad + _through_softmax(apply_op("Softmax", op.inputs[0]), grad_backprop)


def _column(grad_loss):
    """The gradient of one loss per row, as a factor for [rows, classes]: a scalar where it is the same for all rows."""
    scalar = leading_scalar(grad_loss)
    return array_ops.expand_dims(grad_loss, -1) if scalar is grad_loss else scalar


def is_zero(grad):
    """Whether the graph shows that a gradient is zero, as it is where gradients() filled it in for an output nobody used."""
    if grad.op.type == "ZerosLike":
        return True
    value = constant_value(grad.op.inputs[1] if grad.op.type == "Fill" else grad)
    return value is not None and not value.any()
