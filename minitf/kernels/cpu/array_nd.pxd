"""Rows of coordinates, as GatherNd and the ScatterNd ops take them."""
from libc.stdint cimport int64_t
from minitf.core.buffers cimport Buffer

cdef int64_t slice_number(const Buffer *indices, int64_t i, const int64_t *shape, int depth) noexcept nogil
cdef int check_rows(const Buffer *indices, const Buffer *array, const char *what) except -1 nogil
