"""An op of your own, to second order (4 points)

Networks learn better when the numbers of a layer have mean 0 and variance 1.  The op Standardize does that to each row (the last axis):

    y = (x - m) * r        m the mean of the row, r = 1 / sqrt(v + EPSILON), v its variance: the mean of (x - m)^2

The op and its kernel stand below, made by the package's decorators as in chapter 01.  Write its rule.

    op       op.inputs[0] is x, op.outputs[0] is y, of the same shape, rank at least 1, float64; the shape may be unknown before the run
    grad     a tensor, the gradient of y
    returns  a tensor, the gradient of x

Moving one element of a row moves m, and with it every element of y; and it moves r.  Work the rule out for one row:

    1. If x moves by dx, m moves by mean(dx).  How does v move?  (Then m's own movement drops out, for x - m has mean 0.)
    2. So how does r move, and how does y?  Write the movement of y in terms of dx, y and r.
    3. The rule is the same linear map, transposed: from grad to the gradient of x.

Example: x = [1, 3] has m = 2 and v = 1, so y is about [-1, 1]; that is so for every row of two different numbers, and the gradient of
x is about [0, 0] whatever grad is.  For x = [1, 2, 6] and grad = [1, 0, 0] it is about [0.1763, -0.2204, 0.0441].

The gradient will be differentiated again.  Everything that depends on x must do so through ops: r is not a constant, and is not an output
of the op, so compute it from x by ops of tf.

     make grade CH=03
"""
import numpy as np

import minitf as tf
from minitf.core.registry import register_op
from minitf.kernels.cpu.kernel import register_python_kernel
from minitf.ops.apply import apply_op

EPSILON = 1e-5


@register_op("Standardize", inputs=["x: float64"], outputs=["y: float64"])
def standardize_shape(c):
    return [c.inputs[0]]


@register_python_kernel("Standardize")
def standardize_kernel(attrs, x):
    m = x.mean(-1, keepdims=True)
    return (x - m) / np.sqrt(x.var(-1, keepdims=True) + EPSILON)


def standardize(x):
    """A tensor: x with each row (along the last axis) standardized."""
    return apply_op("Standardize", x)


@tf.RegisterGradient("Standardize")
def standardize_gradient(op, grad):
    """The gradient of the input of a Standardize, a tensor."""
    raise NotImplementedError("write this")
