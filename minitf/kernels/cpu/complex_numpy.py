"""Kernels of complex numbers, with NumPy."""
import numpy as np

from ...core.dtypes import complex64, complex128
from .kernel import register_python_kernel

COMPLEX = [complex64, complex128]


def _register(op_type, function, **constraints):
    """function(*arrays) as a kernel; NaN and infinity come about silently."""
    def kernel(attrs, *arrays):
        with np.errstate(all="ignore"):
            return function(*arrays)
    kernel.__name__ = op_type
    register_python_kernel(op_type, **constraints)(kernel)


for _op_type, _function in {
        "Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "RealDiv": np.divide, "Pow": np.power, "Equal": np.equal, "NotEqual": np.not_equal,
        "Neg": np.negative, "Square": np.square, "Sqrt": np.sqrt, "Exp": np.exp, "Log": np.log, "Tanh": np.tanh, "Sin": np.sin, "Cos": np.cos,
        "Sigmoid": lambda x: 1 / (1 + np.exp(-x)), "Reciprocal": lambda x: 1 / x, "ZerosLike": np.zeros_like, "OnesLike": np.ones_like,
        "Real": np.real, "Imag": np.imag, "ComplexAbs": np.abs, "Angle": np.angle, "Conj": np.conj, "AddN": lambda *terms: sum(terms[1:], terms[0]),
}.items():
    _register(_op_type, _function, T=COMPLEX)
for _axes, _suffix in ((1, ""), (2, "2D"), (3, "3D")):
    _register("FFT" + _suffix, lambda x, axes=_axes: _transformed(np.fft.fftn, x, axes))
    _register("IFFT" + _suffix, lambda x, axes=_axes: _transformed(np.fft.ifftn, x, axes))

def _transformed(function, x, axes):
    return function(x, axes=range(-axes, 0)) if x.size else x


@register_python_kernel("Complex")
def complex_of(attrs, real, imag):
    """Written part by part: i times infinity would be NaN + i infinity."""
    out = np.empty(np.broadcast_shapes(real.shape, imag.shape), attrs["Tout"].numpy_dtype)
    out.real, out.imag = real, imag
    return out


@register_python_kernel("Cast", DstT=COMPLEX)
def cast_to_complex(attrs, x):
    return x


@register_python_kernel("Cast", SrcT=COMPLEX)
def cast(attrs, x):
    if attrs["DstT"].is_bool:
        return x != 0
    return x if attrs["DstT"].is_complex else x.real


def _turned(x, transpose, conjugate=False):
    x = np.swapaxes(x, -1, -2) if transpose else x
    return np.conj(x) if transpose and conjugate else x


@register_python_kernel("MatMul", T=COMPLEX)
def matmul(attrs, a, b):
    return _turned(a, attrs["transpose_a"]) @ _turned(b, attrs["transpose_b"])


@register_python_kernel("BatchMatMul", T=COMPLEX)
def batch_matmul(attrs, x, y):
    return _turned(x, attrs["adj_x"], True) @ _turned(y, attrs["adj_y"], True)


@register_python_kernel("Select", T=COMPLEX)
def select(attrs, condition, x, y):
    return np.where(condition.reshape(condition.shape + (1,) * (x.ndim - condition.ndim)), x, y)
