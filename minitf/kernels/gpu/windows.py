"""Where the taps of a window meet the pixels of an image, along one side of it: structures that kernels get by value (windows.cuh)."""
import ctypes


class Divider(ctypes.Structure):
    """Division of numbers below 2^31 by d: n * factor >> shift.

    2^s is the first power of 2 that is no less than d, and factor is 2^(31 + s) / d, rounded up: factor * d = 2^(31 + s) + e with e < d <= 2^s.
    So n * factor / 2^(31 + s) is n / d and an excess n * e / (d * 2^(31 + s)), which is below 1 / d: too little to reach the next quotient.
    """
    _fields_ = [("by", ctypes.c_int), ("factor", ctypes.c_uint), ("shift", ctypes.c_int)]

    def __init__(self, d):
        d = max(1, d)
        shift = 31 + (d - 1).bit_length()
        super().__init__(d, -(-(1 << shift) // d), shift)


class Axis(ctypes.Structure):
    """Position j of the result is its pixel first + step * j; it meets, for each tap k, the source's pixel stride * j + offset + dilation * k
    with the filter's row or column weight + weight_step * k."""
    _fields_ = [(name, ctypes.c_int) for name in ("size", "first", "step", "stride", "offset", "dilation", "taps", "weight", "weight_step")]


def before(size, places, taps, stride, dilation, padding):
    """The pixels of padding before an image's side that has so many places for a window."""
    return max(0, (places - 1) * stride + (taps - 1) * dilation + 1 - size) // 2 if padding == "SAME" else 0


def forward(places, taps, stride, dilation, before):
    """The axis of a convolution."""
    return Axis(places, 0, 1, stride, -before, dilation, taps, 0, 1)


def backward(size, rest, taps, stride, dilation, before):
    """The image's pixels rest, rest + stride, ...: where taps of the convolution met them, and at which of its places.

    Those taps k have rest + before - k * dilation divisible by the stride.  They are equally far from one another, and are taken from the
    last to the first, so that the places rise.
    """
    met = [k for k in range(taps) if (rest + before - k * dilation) % stride == 0]
    size = max(0, -(-(size - rest) // stride))
    if not met:
        return Axis(size, rest, stride, 1, 0, 1, 0, 0, 0)
    apart = met[1] - met[0] if len(met) > 1 else stride
    offset = (rest + before - met[-1] * dilation) // stride
    return Axis(size, rest, stride, 1, offset, apart * dilation // stride, len(met), met[-1], -apart)
