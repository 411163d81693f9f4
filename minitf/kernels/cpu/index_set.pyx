"""A hash table with open addressing, at most half full, which is cleared and filled again in each run: work is that of what is put in.

The multiplier is 2^64 over the golden ratio (Knuth, volume 3, section 6.4): neighbouring integers land far apart.
"""
from libc.stdint cimport uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset


cdef class IndexSet:
    def __cinit__(self, int64_t most):
        """most: how many are put in at most, with places below that number."""
        cdef int64_t slots = 4
        if most >= 1 << 31:
            raise MemoryError(f"at most 2^31 - 1 indices can be told apart, got {most}")
        while slots < 2 * most:
            slots *= 2
        self.mask = slots - 1
        self.keys = <int64_t *> malloc(slots * sizeof(int64_t))
        self.first = <int32_t *> malloc(slots * sizeof(int32_t))
        self.next = <int32_t *> malloc((most + 1) * sizeof(int32_t))
        if self.keys == NULL or self.first == NULL or self.next == NULL:
            raise MemoryError()

    def __dealloc__(self):
        free(self.keys)
        free(self.first)
        free(self.next)

    cdef void clear(self) noexcept nogil:
        memset(self.first, 0, (self.mask + 1) * sizeof(int32_t))

    cdef int64_t slot(self, int64_t key) noexcept nogil:
        cdef int64_t k = <int64_t> ((<uint64_t> key * <uint64_t> 0x9E3779B97F4A7C15) >> 32) & self.mask
        while self.first[k] and self.keys[k] != key:
            k = (k + 1) & self.mask
        return k

    cdef bint put(self, int64_t key, int32_t place) noexcept nogil:
        cdef int64_t k = self.slot(key)
        cdef int32_t before = self.first[k]
        self.keys[k], self.first[k], self.next[place] = key, place + 1, before
        return before == 0
