"""The generator behind the random kernels, for kernels of other files that draw from a stream."""
from libc.stdint cimport int64_t, uint32_t, uint64_t
from minitf.core.resources cimport RandomState
from .kernel cimport Kernel

cdef enum:
    BLOCKS = 16                   # made at once, a lane each
    WORDS = 64
    PAIRS = 32

cdef void philox(uint32_t *words, uint64_t key, uint64_t low, uint64_t high) noexcept nogil

cdef inline uint64_t wide(const uint32_t *words, int i) noexcept nogil:
    return words[2 * i] | <uint64_t> words[2 * i + 1] << 32

cdef inline double unit(uint64_t bits) noexcept nogil:
    """In [0, 1): the upper 53 bits."""
    return <double> <int64_t> (bits >> 11) * 1.1102230246251565e-16        # 2^-53


cdef class RandomKernel(Kernel):
    """A kernel that goes on in a stream: the attribute _state, a RandomState, says which and how far it is."""
    cdef RandomState state
