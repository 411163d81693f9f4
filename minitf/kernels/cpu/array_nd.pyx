"""Slices found by several coordinates each: GatherNd, and ScatterNd, which is its adjoint."""
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from .indexing cimport integer, product, shape_text
from .kernel cimport FLOAT32, FLOAT64, INT32, MAX_RANK, Buffer, Kernel

from minitf.core.dtypes import float32, float64, int32, int64
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel

ctypedef fused number:
    float
    double
    int32_t
    int64_t


cdef int64_t slice_number(const Buffer *indices, int64_t i, const int64_t *shape, int depth) noexcept nogil:
    """The number of the slice that row i of the indices points at, in row-major order over the first `depth` axes; -1 if outside."""
    cdef int64_t number = 0, place
    cdef int k
    for k in range(depth):
        place = integer(indices, i * depth + k)
        if not 0 <= place < shape[k]:
            return -1
        number = number * shape[k] + place
    return number


cdef int check_rows(const Buffer *indices, const Buffer *array, const char *what) except -1 nogil:
    """InvalidArgumentError, naming the first, unless every row of indices points into the array."""
    cdef int depth = <int> indices.shape[indices.rank - 1]
    cdef int64_t i, rows = product(indices.shape, 0, indices.rank - 1)
    for i in range(rows):
        if slice_number(indices, i, array.shape, depth) < 0:
            with gil:
                raise_row(indices, array, i, depth, what)
    return 0


cdef raise_row(const Buffer *indices, const Buffer *array, int64_t i, int depth, const char *what):
    place, rest = [], i
    for k in range(indices.rank - 2, -1, -1):
        place.insert(0, str(rest % indices.shape[k]))
        rest //= indices.shape[k]
    row = ", ".join([str(integer(indices, i * depth + k)) for k in range(depth)])
    raise InvalidArgumentError(None, None, f"indices{'[' + ','.join(place) + ']' if place else ''} = [{row}] does not index into "
                               f"{what.decode()} {shape_text(array)}")


cdef class GatherNd(Kernel):
    """output[i..., :] = params[indices[i..., 0], indices[i..., 1], ..., :]."""
    cdef int run(self) except -1 nogil:
        cdef Buffer *params = self.inputs[0]
        cdef Buffer *indices = self.inputs[1]
        cdef int depth = <int> indices.shape[indices.rank - 1]
        cdef int64_t row = product(params.shape, depth, params.rank) * params.itemsize, i, rows = product(indices.shape, 0, indices.rank - 1)
        cdef char *to = self.outputs[0].data
        check_rows(indices, params, b"param shape")
        for i in range(rows):
            memcpy(to + i * row, params.data + slice_number(indices, i, params.shape, depth) * row, row)
        return 0


cdef class ScatterNd(Kernel):
    """Zeros, to which updates[i..., :] is added at the place that indices[i...] says: a place that is named twice gets both."""
    cdef int run(self) except -1 nogil:
        cdef Buffer *indices = self.inputs[0]
        cdef Buffer *updates = self.inputs[1]
        cdef Buffer *out = self.outputs[0]
        memset(out.data, 0, out.size * out.itemsize)
        check_rows(indices, out, b"shape")
        if out.dtype == FLOAT32:
            add_rows(<float *> out.data, <const float *> updates.data, indices, out)
        elif out.dtype == FLOAT64:
            add_rows(<double *> out.data, <const double *> updates.data, indices, out)
        elif out.dtype == INT32:
            add_rows(<int32_t *> out.data, <const int32_t *> updates.data, indices, out)
        else:
            add_rows(<int64_t *> out.data, <const int64_t *> updates.data, indices, out)
        return 0


cdef void add_rows(number *to, const number *updates, const Buffer *indices, const Buffer *out) noexcept nogil:
    cdef int depth = <int> indices.shape[indices.rank - 1]
    cdef int64_t row = product(out.shape, depth, out.rank), rows = product(indices.shape, 0, indices.rank - 1), i
    for i in range(rows):
        add_row(to + slice_number(indices, i, out.shape, depth) * row, updates + i * row, row)


cdef inline void add_row(number *out, const number *x, int64_t n) noexcept nogil:
    cdef int64_t k
    for k in range(n):
        out[k] += x[k]


register_kernel("GatherNd")(GatherNd)
register_kernel("ScatterNd", T=[float32, float64, int32, int64])(ScatterNd)
