"""Accumulators and the attempts to take from them.  See accumulator_state.pyx."""
from libc.stdint cimport int64_t

from minitf.core.waiting cimport Attempt, Waitable
from .kernel cimport MAX_RANK, Buffer
from .row_sums cimport RowSums

cdef class Accumulator(Waitable):
    """Accumulator(name, attrs of the op that makes it)"""
    cdef readonly int64_t step
    cdef readonly int64_t count            # gradients added since the last were taken
    cdef int64_t declared[MAX_RANK]        # the shape that the op gives; -1 for a dimension that it does not know
    cdef int declared_rank                 # -1: not even that
    cdef int dtype
    cdef bint mean
    cdef readonly object shape
    cdef void taken(self) noexcept nogil


cdef class Take(Attempt):
    """Waits for so many gradients."""
    cdef int64_t required


cdef class TakeGrad(Take):
    cdef int64_t count                     # how many gradients the sum has
    cdef Buffer total


cdef class TakeIndexedSlicesGrad(Take):
    cdef RowSums rows
    cdef int rank                          # of the gradients' values, and their shape; its first dimension means nothing
    cdef int64_t row_shape[MAX_RANK]


cdef class DenseAccumulator(Accumulator):
    cdef Buffer total                      # its storage is NULL while there is no gradient
    cdef bint fits(self, Buffer *gradient) noexcept nogil
    cdef int add_gradient(self, int64_t local_step, Buffer *gradient) except -1 nogil
    cdef bint added(self) noexcept nogil
    cdef int give(self, TakeGrad take) noexcept nogil


cdef struct Mismatch:                      # what does not fit: the text is made where the GIL may be taken
    const char *text
    int64_t at, expected, got


cdef class SparseAccumulator(Accumulator):
    cdef RowSums rows
    cdef int rank
    cdef int64_t row_shape[MAX_RANK]
    cdef bint fits(self, Buffer *indices, Buffer *values, Buffer *shape, bint has_shape, Mismatch *m) noexcept nogil
    cdef int add_gradient(self, int64_t local_step, Buffer *indices, Buffer *values, Buffer *shape, bint has_shape) except -1 nogil
    cdef int give(self, TakeIndexedSlicesGrad take) noexcept nogil
