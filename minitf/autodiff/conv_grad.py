"""Gradients of convolution and pooling.  Each is linear in what it is given, so the rules map a handful of ops to one another."""
from ..core.registry import register_gradient
from ..ops import array_ops
from ..ops.apply import apply_op
from .broadcasting import shape_of


def _like(op, op_type, *inputs):
    """An op of another type with the same windows."""
    names = ("strides", "padding", "data_format", "use_cudnn_on_gpu", "dilations", "ksize")
    return apply_op(op_type, *inputs, **{name: op.attrs[name] for name in names if name in op.attrs})


@register_gradient("Conv2D")
@register_gradient("DepthwiseConv2dNative")
def _conv2d(op, grad):
    image, filter = op.inputs
    return (_like(op, op.type + "BackpropInput", shape_of(image), filter, grad), _like(op, op.type + "BackpropFilter", image, shape_of(filter), grad))


@register_gradient("Conv2DBackpropInput")
@register_gradient("DepthwiseConv2dNativeBackpropInput")
def _conv2d_backprop_input(op, grad):
    _, filter, backprop = op.inputs
    forward = op.type[:-len("BackpropInput")]
    return None, _like(op, forward + "BackpropFilter", grad, shape_of(filter), backprop), _like(op, forward, grad, filter)


@register_gradient("Conv2DBackpropFilter")
@register_gradient("DepthwiseConv2dNativeBackpropFilter")
def _conv2d_backprop_filter(op, grad):
    image, _, backprop = op.inputs
    forward = op.type[:-len("BackpropFilter")]
    return _like(op, forward + "BackpropInput", shape_of(image), grad, backprop), None, _like(op, forward, image, grad)


@register_gradient("MaxPool")
def _max_pool(op, grad):
    return _like(op, "MaxPoolGrad", op.inputs[0], op.outputs[0], grad)


@register_gradient("MaxPoolGrad")
def _max_pool_grad(op, grad):
    """A step function of the image; what each window passed on to its greatest number, it now takes from there."""
    image, pooled, _ = op.inputs
    return array_ops.zeros_like(image), array_ops.zeros_like(pooled), _like(op, "MaxPoolGradGrad", image, pooled, grad)


@register_gradient("MaxPoolGradGrad")
def _max_pool_grad_grad(op, grad):
    image, pooled, _ = op.inputs
    return array_ops.zeros_like(image), array_ops.zeros_like(pooled), _like(op, "MaxPoolGrad", image, pooled, grad)


@register_gradient("AvgPool")
def _avg_pool(op, grad):
    return _like(op, "AvgPoolGrad", shape_of(op.inputs[0]), grad)


@register_gradient("AvgPoolGrad")
def _avg_pool_grad(op, grad):
    return None, _like(op, "AvgPool", grad)
