"""One pass of a reduction."""
from libc.stdint cimport int64_t

cdef enum Operation:
    SUM
    SQUARES                            # the sum of squares, of whole lines only (inner = 1)
    PROD
    MAX                                # of bools: whether any is true
    MIN                                # of bools: whether all are

# out[o, i] = op over k < n of x[o, k, i]; where n = 0, what the operation leaves everything as it is with: 0, 1, -inf, inf
# partial is scratch for partial_elements() elements.
cdef void reduce_axis(Operation op, int dtype, char *out, const char *x, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner,
                      char *partial) noexcept nogil
cdef Py_ssize_t partial_elements(Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner) noexcept nogil

# index[o, i] = the first k at which x[o, k, i] is largest or NaN; n > 0; best is scratch for [outer, inner] elements
cdef void arg_max_axis(int dtype, int64_t *index, char *best, const char *x, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner) noexcept nogil
