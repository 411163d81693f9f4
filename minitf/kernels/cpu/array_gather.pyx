"""Rows chosen by number."""
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from .indexing cimport check_indices, integer, product
from .kernel cimport Buffer, Kernel
from .parallel cimport GRAIN, parallel_for

from minitf.core.registry import register_kernel


cdef class Gather(Kernel):
    """output[i..., :] = params[indices[i...], :]; output.shape = indices.shape + params.shape[1:]."""
    cdef int run(self) except -1 nogil:
        cdef Buffer *params = self.inputs[0]
        cdef Rows rows = Rows(self.inputs[1], product(params.shape, 1, params.rank) * params.itemsize, params.data, self.outputs[0].data)
        check_indices(rows.indices, params.shape[0], b"indices")
        parallel_for(copy_rows, &rows, rows.indices.size, max(1, 4 * GRAIN // max(8, rows.nbytes)))
        return 0


cdef struct Rows:
    Buffer *indices
    int64_t nbytes                     # of a row
    const char *source
    char *to


cdef void copy_rows(void *rows, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Rows *r = <Rows *> rows
    cdef Py_ssize_t i
    if r.nbytes == 4:
        for i in range(begin, end):
            memcpy(r.to + i * 4, r.source + integer(r.indices, i) * 4, 4)
    elif r.nbytes == 8:
        for i in range(begin, end):
            memcpy(r.to + i * 8, r.source + integer(r.indices, i) * 8, 8)
    else:
        for i in range(begin, end):
            memcpy(r.to + i * r.nbytes, r.source + integer(r.indices, i) * r.nbytes, r.nbytes)


register_kernel("Gather")(Gather)
