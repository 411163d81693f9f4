"""CheckNumerics: a copy that fails where an element is NaN or infinite."""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from .kernel cimport FLOAT32, Buffer, Kernel

from minitf.core.dtypes import float32, float64
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel


cdef uint32_t flaws32(const uint32_t *x, int64_t n) noexcept nogil:
    """Bit 1 if an element is infinite, bit 0 if one is NaN.  On bits: the flags that let loops become vectors may not touch it."""
    cdef int64_t i
    cdef uint32_t inf = 0, nan = 0, magnitude
    for i in range(n):
        magnitude = x[i] & 0x7fffffffu
        inf |= <uint32_t> (magnitude == 0x7f800000u)
        nan |= <uint32_t> (magnitude > 0x7f800000u)
    return inf << 1 | nan


cdef uint32_t flaws64(const uint64_t *x, int64_t n) noexcept nogil:
    cdef int64_t i
    cdef uint64_t inf = 0, nan = 0, magnitude
    for i in range(n):
        magnitude = x[i] & 0x7fffffffffffffffULL
        inf |= <uint64_t> (magnitude == 0x7ff0000000000000ULL)
        nan |= <uint64_t> (magnitude > 0x7ff0000000000000ULL)
    return <uint32_t> (inf << 1 | nan)


cdef class CheckNumerics(Kernel):
    cdef str message

    def __init__(self, attrs):
        self.message = attrs["message"]

    cdef int run(self) except -1 nogil:
        cdef Buffer *x = self.inputs[0]
        cdef uint32_t found = flaws32(<uint32_t *> x.data, x.size) if x.dtype == FLOAT32 else flaws64(<uint64_t *> x.data, x.size)
        if found:
            with gil:
                raise InvalidArgumentError(None, None, f"{self.message} : Tensor had {('', 'NaN', 'Inf', 'Inf and NaN')[found]} values")
        if x.size and self.outputs[0].data != x.data:
            memcpy(self.outputs[0].data, x.data, x.size * x.itemsize)
        return 0


register_kernel("CheckNumerics", in_place=True, T=[float32, float64])(CheckNumerics)
