"""A set of integers that knows where each of them stood."""
from libc.stdint cimport int32_t, int64_t

cdef class IndexSet:
    cdef int64_t *keys
    cdef int32_t *first                # place + 1 of a slot's integer; 0: free
    cdef int32_t *next                 # by place: the place + 1 of an equal integer that was put before; 0: none
    cdef int64_t mask
    cdef void clear(self) noexcept nogil
    cdef int64_t slot(self, int64_t key) noexcept nogil                  # that of the integer, or the free one that is to become it
    cdef bint put(self, int64_t key, int32_t place) noexcept nogil       # whether the integer is new; of equal ones the last put is found first
