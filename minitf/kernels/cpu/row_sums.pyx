"""Sums of the rows of sparse gradients, by the number of the row.

A row that is new is put behind the others; a hash table with open addressing, as that of index_set.pyx, finds it again.  So adding a
gradient is work in proportion to its own rows, however many there are; they are sorted once, when they are taken.  All of this is plain
memory, for it is done with an accumulator's lock held, where no exception may be raised: whoever adds reserves the room before.
"""
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free, qsort, realloc
from libc.string cimport memcpy, memset

from .kernel cimport FLOAT32

ctypedef fused real:
    float
    double


cdef int64_t slot(RowSums *r, int64_t key) noexcept nogil:
    """Where the row is in the table, or the free slot that is to become its own."""
    cdef int64_t k = <int64_t> ((<uint64_t> key * <uint64_t> 0x9E3779B97F4A7C15) >> 32) & r.mask
    while r.table[k] and r.keys[r.table[k] - 1] != key:
        k = (k + 1) & r.mask
    return k


cdef bint reserve(RowSums *r, int64_t more, size_t row_bytes) noexcept nogil:
    cdef int64_t capacity = max(r.capacity, 8), slots, i
    cdef void *memory
    while capacity < r.n + more:
        capacity *= 2
    if capacity * row_bytes > r.value_bytes:             # the rows of this round may be longer than those of the last
        memory = realloc(r.values, capacity * row_bytes)
        if memory == NULL:
            return False
        r.values, r.value_bytes = <char *> memory, capacity * row_bytes
    if capacity == r.capacity:
        return True
    for i in range(3):
        memory = realloc(r.keys if i == 0 else r.counts if i == 1 else r.latest, capacity * sizeof(int64_t))
        if memory == NULL:
            return False
        if i == 0:
            r.keys = <int64_t *> memory
        elif i == 1:
            r.counts = <int64_t *> memory
        else:
            r.latest = <int64_t *> memory
    slots = 4
    while slots < 2 * capacity:
        slots *= 2
    memory = calloc(slots, sizeof(int64_t))
    if memory == NULL:
        return False
    free(r.table)
    r.table, r.mask, r.capacity = <int64_t *> memory, slots - 1, capacity
    for i in range(r.n):
        r.table[slot(r, r.keys[i])] = i + 1
    return True


cdef void add_row(real *total, const real *value, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        total[i] += value[i]


cdef void add_rows(RowSums *r, int dtype, const int64_t *indices, const char *values, int64_t n, int64_t row,
                   int64_t gradient) noexcept nogil:
    """Add n rows of `row` elements.  gradient: its number, counted from 1; a row that it has twice counts as one."""
    cdef size_t row_bytes = row * (4 if dtype == FLOAT32 else 8)
    cdef int64_t i, k, place
    for i in range(n):
        k = slot(r, indices[i])
        place = r.table[k] - 1
        if place < 0:
            place = r.n
            r.n += 1
            r.table[k] = place + 1
            r.keys[place], r.counts[place], r.latest[place] = indices[i], 1, gradient
            memcpy(r.values + place * row_bytes, values + i * row_bytes, row_bytes)
            continue
        if r.latest[place] != gradient:
            r.counts[place] += 1
            r.latest[place] = gradient
        if dtype == FLOAT32:
            add_row(<float *> (r.values + place * row_bytes), <const float *> (values + i * row_bytes), row)
        else:
            add_row(<double *> (r.values + place * row_bytes), <const double *> (values + i * row_bytes), row)


cdef int by_key(const void *a, const void *b) noexcept nogil:
    cdef int64_t x = (<const int64_t *> a)[0], y = (<const int64_t *> b)[0]
    return (x > y) - (x < y)


cdef void divided(real *out, const real *value, int64_t n, int64_t count) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        out[i] = value[i] / <real> count


cdef void write_rows(RowSums *r, int dtype, int64_t *indices, char *values, int64_t row, bint mean) noexcept nogil:
    """The rows in order of their numbers, each divided by the count of its gradients if the mean is wanted; none are left."""
    cdef size_t row_bytes = row * (4 if dtype == FLOAT32 else 8)
    cdef int64_t *pairs = r.table                        # (number, place) of each: the table is not needed any longer, and has the room
    cdef int64_t i, place
    for i in range(r.n):
        pairs[2 * i], pairs[2 * i + 1] = r.keys[i], i
    qsort(pairs, r.n, 2 * sizeof(int64_t), by_key)
    for i in range(r.n):
        place = pairs[2 * i + 1]
        indices[i] = pairs[2 * i]
        if not mean or r.counts[place] == 1:
            memcpy(values + i * row_bytes, r.values + place * row_bytes, row_bytes)
        elif dtype == FLOAT32:
            divided(<float *> (values + i * row_bytes), <const float *> (r.values + place * row_bytes), row, r.counts[place])
        else:
            divided(<double *> (values + i * row_bytes), <const double *> (r.values + place * row_bytes), row, r.counts[place])
    if r.n:
        memset(r.table, 0, (r.mask + 1) * sizeof(int64_t))
    r.n = 0


cdef void free_rows(RowSums *r) noexcept nogil:
    free(r.table)
    free(r.keys)
    free(r.counts)
    free(r.latest)
    free(r.values)
    memset(r, 0, sizeof(RowSums))
