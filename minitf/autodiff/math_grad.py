"""Gradients of arithmetic.  Each rule is the line a table of derivatives would have, times grad.

For a binary op the two results have the output's shape; unbroadcast() brings them back to the shapes of the inputs.

Of complex numbers, the gradient is dL/d(real part) + i dL/d(imaginary part), and the factor of grad is the conjugate of the derivative;
conj() of a real tensor is that tensor.
"""
from ..core.registry import not_differentiable, register_gradient
from ..core.swap import swappable
from ..graph import constant_value
from ..ops import array_ops, logical_ops, math_ops, matmul_ops
from ..ops.apply import apply_op
from ..ops.complex_ops import conj
from .broadcasting import unbroadcast

for _op_type in ("FloorDiv", "Floor", "Ceil", "Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual",
                 "LogicalAnd", "LogicalOr", "LogicalNot", "IsNan", "IsFinite"):
    not_differentiable(_op_type)


# ---- one input: x = op.inputs[0], y = op.outputs[0] -------------------------------------------------------------------------

@register_gradient("Neg")
def _neg(op, grad):
    return -grad


@register_gradient("Square")
def _square(op, grad):
    return grad * conj(op.inputs[0] * 2.0)


@register_gradient("Sqrt")
def _sqrt(op, grad):
    if grad.dtype.is_complex:
        return math_ops.realdiv(grad, conj(2.0 * op.outputs[0]))
    return apply_op("SqrtGrad", op.outputs[0], grad)


@register_gradient("Rsqrt")
@swappable
def _rsqrt(op, grad):
    y = op.outputs[0]
    return grad * (-0.5 * y * y * y)


@register_gradient("Exp")
def _exp(op, grad):
    return grad * conj(op.outputs[0])


@register_gradient("Log")
def _log(op, grad):
    return math_ops.realdiv(grad, conj(op.inputs[0]))


@register_gradient("Log1p")
def _log1p(op, grad):
    return math_ops.realdiv(grad, op.inputs[0] + 1.0)


@register_gradient("Tanh")
def _tanh(op, grad):
    if grad.dtype.is_complex:
        return grad * conj(1.0 - math_ops.square(op.outputs[0]))
    return apply_op("TanhGrad", op.outputs[0], grad)


@register_gradient("Sigmoid")
def _sigmoid(op, grad):
    if grad.dtype.is_complex:
        return grad * conj(op.outputs[0] * (1.0 - op.outputs[0]))
    return apply_op("SigmoidGrad", op.outputs[0], grad)


@register_gradient("Abs")
def _abs(op, grad):
    return grad * math_ops.sign(op.inputs[0])


@register_gradient("Sign")
def _sign(op, grad):
    return array_ops.zeros_like(op.inputs[0])


@register_gradient("Reciprocal")
def _reciprocal(op, grad):
    y = op.outputs[0]
    return -grad * conj(y * y)


@register_gradient("Cast")
def _cast(op, grad):
    source = op.inputs[0].dtype.base_dtype
    return math_ops.cast(grad, source) if source.carries_gradient else None


# ---- derivatives that are ops of their own, functions of y = f(x) and dy ----------------------------------------------------

@register_gradient("TanhGrad")
def _tanh_grad(op, grad):                    # dy (1 - y y)
    y, dy = op.inputs
    return -2.0 * (grad * dy) * y, apply_op("TanhGrad", y, grad)


@register_gradient("SigmoidGrad")
def _sigmoid_grad(op, grad):                 # dy y (1 - y)
    y, dy = op.inputs
    return grad * dy * (1.0 - 2.0 * y), apply_op("SigmoidGrad", y, grad)


@register_gradient("SqrtGrad")
def _sqrt_grad(op, grad):                    # dy / (2 y)
    y, dx = op.inputs[0], op.outputs[0]
    return math_ops.realdiv(-grad * dx, y), apply_op("SqrtGrad", y, grad)


# ---- two inputs -------------------------------------------------------------------------------------------------------------

@register_gradient("Add")
def _add(op, grad):
    return unbroadcast(op, grad, grad)


@register_gradient("Sub")
def _sub(op, grad):
    return unbroadcast(op, grad, -grad)


@register_gradient("Mul")
def _mul(op, grad):
    x, y = op.inputs
    return unbroadcast(op, grad * conj(y), grad * conj(x))


@register_gradient("RealDiv")
def _real_div(op, grad):
    x, y = op.inputs
    gx = math_ops.realdiv(grad, conj(y))
    return unbroadcast(op, gx, -gx * conj(op.outputs[0]))


@register_gradient("FloorMod")
def _floor_mod(op, grad):                    # x - floor(x / y) y, where floor does not move
    x, y = op.inputs
    return unbroadcast(op, grad, -grad * math_ops.floordiv(x, y))


@register_gradient("SquaredDifference")
def _squared_difference(op, grad):
    x, y = op.inputs
    gx = grad * ((x - y) * 2.0)
    return unbroadcast(op, gx, -gx)


@register_gradient("Maximum")
def _maximum(op, grad):
    return _chosen(op, grad, logical_ops.greater_equal)


@register_gradient("Minimum")
def _minimum(op, grad):
    return _chosen(op, grad, logical_ops.less_equal)


def _chosen(op, grad, compare):
    """grad goes to the input that was passed on; to the first if both are equal."""
    first, zeros = compare(*op.inputs), array_ops.zeros_like(grad)
    return unbroadcast(op, logical_ops.where(first, grad, zeros), logical_ops.where(first, zeros, grad))


@register_gradient("Pow")
def _pow(op, grad):
    """y x^(y-1) and x^y log x; both are 0 where x^y does not depend on the base (y = 0), the second also for x <= 0."""
    x, y = op.inputs
    exponent = constant_value(y)
    if exponent is not None and exponent.shape == () and exponent == 2:
        slope = x * 2.0                                 # by far the most used exponent, and a power costs as much as fifty products
    else:
        lower = y - 1.0
        if exponent is None or (exponent == 0).any():   # 0 * 0^-1 would be NaN
            lower = logical_ops.where(logical_ops.equal(y, 0.0), array_ops.ones_like(y), lower)
        slope = y * math_ops.pow(x, lower)
    has_log = logical_ops.not_equal(x, 0.0) if x.dtype.is_complex else logical_ops.greater(x, 0.0)
    log_x = math_ops.log(logical_ops.where(has_log, x, array_ops.ones_like(x)))
    return unbroadcast(op, grad * conj(slope), grad * conj(op.outputs[0] * log_x))


# ---- more -------------------------------------------------------------------------------------------------------------------

@register_gradient("AddN")
def _add_n(op, grad):
    return [grad] * len(op.inputs)


@register_gradient("MatMul")
def _matmul(op, grad):
    """With A = a or a', B = b or b':  dA = grad B',  dB = A' grad; the transposition of each is undone in the same product."""
    a, b = map(conj, op.inputs)
    matmul = matmul_ops.matmul
    ta, tb = op.get_attr("transpose_a"), op.get_attr("transpose_b")
    if not ta and not tb:
        return matmul(grad, b, transpose_b=True), matmul(a, grad, transpose_a=True)
    if not ta and tb:
        return matmul(grad, b), matmul(grad, a, transpose_a=True)
    if ta and not tb:
        return matmul(b, grad, transpose_b=True), matmul(a, grad)
    return matmul(b, grad, transpose_a=True, transpose_b=True), matmul(grad, a, transpose_a=True, transpose_b=True)


@register_gradient("BatchMatMul")
def _batch_matmul(op, grad):
    """As MatMul's, matrix by matrix."""
    x, y = op.inputs
    matmul = matmul_ops.batch_matmul
    adj_x, adj_y = op.get_attr("adj_x"), op.get_attr("adj_y")
    if not adj_x:
        return matmul(grad, y, adj_y=not adj_y), matmul(grad, x, adj_x=True) if adj_y else matmul(x, grad, adj_x=True)
    return matmul(y, grad, adj_x=adj_y, adj_y=True), matmul(grad, x, adj_x=True, adj_y=True) if adj_y else matmul(x, grad)
