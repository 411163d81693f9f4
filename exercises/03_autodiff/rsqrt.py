"""The rule of 1 / sqrt(x) (2 points)

The op Rsqrt computes y = 1 / sqrt(x), element by element.  Write its rule: given the gradient of its output, the gradient of its input.

    op       the operation: op.inputs[0] is x, op.outputs[0] is y, both tensors of any shape, of float32 or float64
    grad     a tensor, the gradient of y, with the shape and dtype of y
    returns  a tensor, the gradient of x, with the shape and dtype of x

Example: at x = 4 the slope of 1 / sqrt(x) is -1/16.  With grad = 2 the rule gives -1/8.

The output is there already, and a few products of it are cheaper than a square root and a division.  The gradient will be differentiated
again, so what you return must depend on x through ops.

Replaces minitf.autodiff.math_grad._rsqrt.     make grade CH=03
"""
import minitf as tf


def rsqrt_gradient(op, grad):
    """The gradient of the input of a Rsqrt, a tensor."""
    raise NotImplementedError("write this")
