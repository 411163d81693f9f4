"""Tables of weights that a class is drawn from with 64 random bits: one that stays as it is, one that counts."""
from libc.stdint cimport int64_t, uint64_t
from minitf.core.resources cimport Resource

cdef struct Slot:
    double keep                   # the part of this slot that is its own class's
    int64_t other                 # whose the rest is


cdef class AliasTable:
    cdef readonly int64_t range
    cdef readonly int64_t positive             # how many classes can be drawn
    cdef double *probability
    cdef Slot *slots
    cdef int fill(self, const double[::1] probability, int64_t[::1] waiting) except -1
    cdef int64_t pick(self, uint64_t bits) noexcept nogil


cdef class CountTree(Resource):
    cdef readonly int64_t range
    cdef int64_t leaves
    cdef int64_t *sums                         # sums[1] the total, node k over 2 k and 2 k + 1, class i at leaves + i
    cdef int64_t pick(self, uint64_t bits) noexcept nogil       # for these two the caller holds the lock
    cdef void count(self, int64_t value) noexcept nogil


# bits * n / 2^64, and what is left of it, again in 64 bits
cdef uint64_t scaled(uint64_t bits, uint64_t n, uint64_t *rest) noexcept nogil
