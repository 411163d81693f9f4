"""Scratch memory of a kernel whose run() works on several threads."""

cdef class Scratch:
    cdef size_t nbytes
    cdef void *idle[64]
    cdef bint failed                   # a thread found no memory: what it should have computed is missing
    cdef int prepare(self, size_t nbytes) except -1
    cdef char *claim(self) noexcept nogil          # a block of nbytes, aligned to a cache line, or NULL with `failed` set
    cdef void give_back(self, char *block) noexcept nogil
