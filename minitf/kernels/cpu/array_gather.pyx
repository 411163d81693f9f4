"""Rows chosen by number: Gather, and UnsortedSegmentSum, which is its adjoint."""
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from .indexing cimport check_indices, integer, place_text, product
from .kernel cimport FLOAT32, FLOAT64, INT32, Buffer, Kernel

from minitf.core.dtypes import float32, float64, int32, int64
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel

ctypedef fused number:
    float
    double
    int32_t
    int64_t


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


cdef class UnsortedSegmentSum(Kernel):
    """output[s, :] = the sum of the rows of data whose segment_ids are s; rows with negative ids are dropped.

    segment_ids has the shape of data's first axes.  The rows are added in order, so the bits do not depend on anything else.
    """
    cdef int run(self) except -1 nogil:
        cdef Buffer *data = self.inputs[0]
        cdef Buffer *ids = self.inputs[1]
        cdef Buffer *out = self.outputs[0]
        memset(out.data, 0, out.size * out.itemsize)
        if out.dtype == FLOAT32:
            return add_rows(<float *> out.data, <const float *> data.data, data, ids, out.shape[0])
        elif out.dtype == FLOAT64:
            return add_rows(<double *> out.data, <const double *> data.data, data, ids, out.shape[0])
        elif out.dtype == INT32:
            return add_rows(<int32_t *> out.data, <const int32_t *> data.data, data, ids, out.shape[0])
        return add_rows(<int64_t *> out.data, <const int64_t *> data.data, data, ids, out.shape[0])


cdef int add_rows(number *out, const number *x, Buffer *data, Buffer *ids, int64_t segments) except -1 nogil:
    cdef int64_t row = product(data.shape, ids.rank, data.rank), i, segment
    for i in range(ids.size):
        segment = integer(ids, i)
        if segment >= segments:
            with gil:
                raise InvalidArgumentError(None, None, f"segment_ids{place_text(ids, i)} = {segment} is out of range [0, {segments})")
        if segment >= 0:
            add_row(out + segment * row, x + i * row, row)
    return 0


cdef inline void add_row(number *out, const number *x, int64_t n) noexcept nogil:
    cdef int64_t k
    for k in range(n):
        out[k] += x[k]


register_kernel("Gather")(Gather)
register_kernel("UnsortedSegmentSum", T=[float32, float64, int32, int64])(UnsortedSegmentSum)
