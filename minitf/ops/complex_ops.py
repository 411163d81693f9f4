"""Complex numbers: their parts, their conjugates, and the discrete Fourier transform."""
from ..core.dtypes import complex64, complex128, float32, float64
from ..core.registry import register_op
from ..core.shapes import broadcast_shapes
from ..graph import convert_to_tensor, name_scope
from .apply import apply_op
from .shape_fns import COMPLEX, FLOAT, at_least, unchanged


@register_op("Complex", ["real: T", "imag: T"], ["out: Tout"], [f"T: {FLOAT}", f"Tout: {COMPLEX}"])
def complex_shape(c):
    return [broadcast_shapes(*c.inputs)]


for _name in ("Real", "Imag", "ComplexAbs", "Angle"):
    register_op(_name, ["input: T"], ["output: Tout"], [f"T: {COMPLEX}", f"Tout: {FLOAT}"])(unchanged)
register_op("Conj", ["input: T"], ["output: T"], [f"T: {COMPLEX}"])(unchanged)


def _transform(axes):
    def shape(c):
        at_least(c, 0, axes)
        return [c.inputs[0]]
    return shape


for _axes, _suffix in ((1, ""), (2, "2D"), (3, "3D")):
    for _name in ("FFT", "IFFT"):
        register_op(_name + _suffix, ["input: Tcomplex"], ["output: Tcomplex"], [f"Tcomplex: {COMPLEX}"])(_transform(_axes))


def complex(real, imag, name=None):
    """real + i imag: complex64 of float32 parts, complex128 of float64.  TypeError for others, or if they differ.

    >>> tf.complex([2.25, 3.25], [4.75, 5.75])             # [2.25 + 4.75i, 3.25 + 5.75i]
    """
    with name_scope(name, "Complex", [real, imag]) as name:
        real = convert_to_tensor(real, name="real")
        imag = convert_to_tensor(imag, dtype=None if hasattr(imag, "dtype") else real.dtype.base_dtype, name="imag")
        types = real.dtype.base_dtype, imag.dtype.base_dtype
        if types not in ((float32, float32), (float64, float64)):
            raise TypeError(f"real and imag have incorrect types: {types[0].name} {types[1].name}")
        return apply_op("Complex", real, imag, Tout=complex64 if types[0] is float32 else complex128, name=name)


def real(input, name=None):
    """The real parts; a real tensor as it is."""
    x = convert_to_tensor(input, name="input")
    return apply_op("Real", x, Tout=x.dtype.real_dtype, name=name) if x.dtype.is_complex else x


def imag(input, name=None):
    """The imaginary parts of a complex tensor."""
    x = convert_to_tensor(input, name="input")
    return apply_op("Imag", x, Tout=x.dtype.real_dtype, name=name)


def angle(input, name=None):
    """The angles in [-pi, pi] of complex numbers."""
    x = convert_to_tensor(input, name="input")
    return apply_op("Angle", x, Tout=x.dtype.real_dtype, name=name)


def conj(x, name=None):
    """The complex conjugates; a real tensor as it is."""
    x = convert_to_tensor(x, name="x")
    return apply_op("Conj", x, name=name) if x.dtype.is_complex else x


def fft(input, name=None):
    """The discrete Fourier transform over the last dimension: output[k] is the sum of input[j] exp(-2 pi i j k / n)."""
    return apply_op("FFT", input, name=name)


def ifft(input, name=None):
    """The inverse of fft."""
    return apply_op("IFFT", input, name=name)


def fft2d(input, name=None):
    """The discrete Fourier transform over the last two dimensions."""
    return apply_op("FFT2D", input, name=name)


def ifft2d(input, name=None):
    """The inverse of fft2d."""
    return apply_op("IFFT2D", input, name=name)


def fft3d(input, name=None):
    """The discrete Fourier transform over the last three dimensions."""
    return apply_op("FFT3D", input, name=name)


def ifft3d(input, name=None):
    """The inverse of fft3d."""
    return apply_op("IFFT3D", input, name=name)
