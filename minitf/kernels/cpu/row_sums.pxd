"""Sums of the rows of sparse gradients, by the number of the row.  See row_sums.pyx."""
from libc.stdint cimport int64_t

cdef struct RowSums:
    int64_t n, capacity          # rows that are there, rows that there is room for
    int64_t mask                 # of the hash table, which has mask + 1 slots, at least twice the capacity
    int64_t *table               # slot: place + 1 of a row; 0: free
    int64_t *keys                # by place: the row's number,
    int64_t *counts              # how many gradients had it,
    int64_t *latest              # and the last of these
    char *values                 # by place: the sum
    size_t value_bytes           # how much memory that is

cdef bint reserve(RowSums *r, int64_t more, size_t row_bytes) noexcept nogil      # room for so many more rows; False without memory
cdef void add_rows(RowSums *r, int dtype, const int64_t *indices, const char *values, int64_t n, int64_t row,
                   int64_t gradient) noexcept nogil
cdef void write_rows(RowSums *r, int dtype, int64_t *indices, char *values, int64_t row, bint mean) noexcept nogil     # and none are left
cdef void free_rows(RowSums *r) noexcept nogil
