"""Blocks of scratch memory that threads take and give back; as many are made as were ever in use at once."""
from libc.stdlib cimport free
from posix.stdlib cimport posix_memalign

cdef extern from *:
    """
    #define swap(p, value) __atomic_exchange_n((p), (value), __ATOMIC_ACQ_REL)
    """
    void *swap(void **, void *) nogil

cdef enum:
    BLOCKS = 64                        # those given back beyond that many are freed


cdef class Scratch:
    def __dealloc__(self):
        cdef int i
        for i in range(BLOCKS):
            free(self.idle[i])

    cdef int prepare(self, size_t nbytes) except -1:
        cdef char *block
        self.nbytes = nbytes
        block = self.claim()
        if block == NULL:
            raise MemoryError()
        self.give_back(block)
        return 0

    cdef char *claim(self) noexcept nogil:
        cdef int i
        cdef void *block
        for i in range(BLOCKS):
            if self.idle[i] != NULL:
                block = swap(&self.idle[i], NULL)
                if block != NULL:
                    return <char *> block
        if posix_memalign(&block, 64, self.nbytes):
            self.failed = True
            return NULL
        return <char *> block

    cdef void give_back(self, char *block) noexcept nogil:
        cdef void *other = block
        cdef int i
        for i in range(BLOCKS):
            if self.idle[i] == NULL:
                other = swap(&self.idle[i], other)
                if other == NULL:
                    return
        free(other)

    cdef int check(self) except -1 nogil:
        if self.failed:
            self.failed = False
            with gil:
                raise MemoryError()
        return 0
