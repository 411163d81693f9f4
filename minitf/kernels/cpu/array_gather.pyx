"""Rows chosen by number."""
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from .indexing cimport check_indices, integer, product
from .kernel cimport Buffer, Kernel

from minitf.core.registry import register_kernel


cdef class Gather(Kernel):
    """output[i..., :] = params[indices[i...], :]; output.shape = indices.shape + params.shape[1:]."""
    cdef int run(self) except -1 nogil:
        cdef Buffer *params = self.inputs[0]
        cdef Buffer *indices = self.inputs[1]
        cdef int64_t row = product(params.shape, 1, params.rank) * params.itemsize, i
        cdef char *to = self.outputs[0].data
        check_indices(indices, params.shape[0], b"indices")
        if row == 4:
            for i in range(indices.size):
                memcpy(to + i * 4, params.data + integer(indices, i) * 4, 4)
        elif row == 8:
            for i in range(indices.size):
                memcpy(to + i * 8, params.data + integer(indices, i) * 8, 8)
        else:
            for i in range(indices.size):
                memcpy(to + i * row, params.data + integer(indices, i) * row, row)
        return 0


register_kernel("Gather")(Gather)
