"""Scratch memory of a kernel whose run() works on several threads."""

cdef class Scratch:
    cdef size_t nbytes
    cdef void *idle[64]
    cdef bint failed
    cdef int prepare(self, size_t nbytes) except -1
    cdef char *claim(self) noexcept nogil          # a block of nbytes, aligned to a cache line, or NULL with `failed` set
    cdef void give_back(self, char *block) noexcept nogil
    cdef int check(self) except -1 nogil           # after the work: MemoryError if claim() failed, since something was not computed then
