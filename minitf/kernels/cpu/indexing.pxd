"""Shapes, and arrays of positions, which may be int32, int64 or uint8: reading them, and refusing those that point outside."""
from libc.stdint cimport int32_t, int64_t, uint8_t
from minitf.core.buffers cimport Buffer, INT32, INT64

cdef inline int64_t integer(const Buffer *b, int64_t i) noexcept nogil:
    """Element i of an int32, int64 or uint8 array."""
    if b.dtype == INT32:
        return (<const int32_t *> b.data)[i]
    if b.dtype == INT64:
        return (<const int64_t *> b.data)[i]
    return (<const uint8_t *> b.data)[i]

cdef inline int64_t product(const int64_t *shape, int first, int last) noexcept nogil:
    cdef int64_t n = 1
    cdef int k
    for k in range(first, last):
        n *= shape[k]
    return n

cdef inline bint same_shape(const Buffer *a, const Buffer *b) noexcept nogil:
    cdef int k
    if a.rank != b.rank:
        return False
    for k in range(a.rank):
        if a.shape[k] != b.shape[k]:
            return False
    return True

cdef int normal_axis(int64_t axis, int rank) except -1
cdef int check_indices(const Buffer *indices, int64_t limit, const char *name) except -1 nogil
cdef str place_text(const Buffer *b, int64_t i)
cdef str shape_text(const Buffer *b)
