"""Gradients of what makes complex numbers and takes them apart.  A gradient is dL/d(real part) + i dL/d(imaginary part)."""
from ..core.registry import register_gradient
from ..ops import array_ops, complex_ops, math_ops, special_ops
from ..ops.apply import apply_op
from .broadcasting import unbroadcast


def _as_complex(x):
    return complex_ops.complex(x, array_ops.zeros_like(x))


@register_gradient("Complex")
def _complex(op, grad):
    return unbroadcast(op, complex_ops.real(grad), complex_ops.imag(grad))


@register_gradient("Real")
def _real(op, grad):
    return _as_complex(grad)


@register_gradient("Imag")
def _imag(op, grad):
    return complex_ops.complex(array_ops.zeros_like(grad), grad)


@register_gradient("Conj")
def _conj(op, grad):
    return complex_ops.conj(grad)


@register_gradient("ComplexAbs")
def _complex_abs(op, grad):
    """grad x / |x|, and 0 at 0."""
    return _as_complex(special_ops.div_no_nan(grad, op.outputs[0])) * op.inputs[0]


@register_gradient("Angle")
def _angle(op, grad):                        # i x / |x|^2: at a right angle to x
    x = op.inputs[0]
    share = math_ops.realdiv(grad, math_ops.square(complex_ops.real(x)) + math_ops.square(complex_ops.imag(x)))
    return complex_ops.complex(-share * complex_ops.imag(x), share * complex_ops.real(x))


def _transform(suffix, axes):
    """The adjoint of the transform is the inverse times the number of elements."""
    @register_gradient("FFT" + suffix)
    def fft(op, grad):
        return _count(grad, axes) * apply_op("IFFT" + suffix, grad)

    @register_gradient("IFFT" + suffix)
    def ifft(op, grad):
        return math_ops.realdiv(apply_op("FFT" + suffix, grad), _count(grad, axes))


def _count(x, axes):
    """The number of elements that are transformed together, as a scalar of x's dtype."""
    if x._shape.ndims is not None and None not in x._shape.tuple[-axes:]:
        count = 1
        for size in x._shape.tuple[-axes:]:
            count *= size
        return float(count)
    last = array_ops.shape(x)[-axes:]
    return math_ops.cast(apply_op("Prod", last, [0]), x.dtype.base_dtype)


for _suffix, _axes in (("", 1), ("2D", 2), ("3D", 3)):
    _transform(_suffix, _axes)
