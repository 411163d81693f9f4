"""Sparse tensors, given as rows of coordinates and values: made dense, and multiplied with a dense matrix."""
from libc.stdint cimport int64_t
from libc.string cimport memcpy, memset

from .indexing cimport integer, product, shape_text
from .kernel cimport FLOAT32, FLOAT64, INT32, Buffer, Kernel
from .strided cimport StridedCopy, add_axis, begin_copy, finish_copy, run_copy

from minitf.core.dtypes import float32, float64, int32, int64
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel

from libc.stdint cimport int32_t

ctypedef fused number:
    float
    double
    int32_t
    int64_t


cdef str row_text(const Buffer *indices, int64_t i, int64_t depth):
    cdef int64_t k
    return "[" + ",".join([str(integer(indices, i * depth + k)) for k in range(depth)]) + "]"


cdef class SparseToDense(Kernel):
    """sparse_indices ([n, rank], [n] for rank 1, or a scalar), output_shape, sparse_values ([n] or one for all), default_value -> dense.

    With validate_indices, InvalidArgumentError unless the coordinates are in order and none comes twice.
    """
    cdef bint validate

    def __init__(self, attrs):
        self.validate = attrs.get("validate_indices", True)

    cdef int run(self) except -1 nogil:
        cdef Buffer *indices = self.inputs[0]
        cdef Buffer *values = self.inputs[2]
        cdef Buffer *out = self.outputs[0]
        cdef int64_t n = indices.shape[0] if indices.rank else 1, depth = indices.shape[1] if indices.rank == 2 else 1
        cdef int64_t i, place, last = -1
        cdef StridedCopy copy
        if depth != out.rank or values.rank and values.shape[0] != n:
            with gil:
                raise InvalidArgumentError(None, None, f"sparse_indices {shape_text(indices)}, sparse_values {shape_text(values)} and "
                                           f"output_shape {shape_text(out)} do not fit")
        begin_copy(&copy, out.itemsize)
        add_axis(&copy, out.size, out.itemsize, 0)
        finish_copy(&copy)
        run_copy(&copy, out.data, self.inputs[3].data)
        for i in range(n):
            place = self.place_of(i, depth)
            if self.validate and place <= last:
                with gil:
                    raise InvalidArgumentError(None, None, f"indices[{i}] = {row_text(indices, i, depth)} is "
                                               f"{'repeated' if place == last else 'out of order'}")
            last = place
        for i in range(n):
            memcpy(out.data + self.place_of(i, depth) * out.itemsize, values.data + (i if values.rank else 0) * out.itemsize, out.itemsize)
        return 0

    cdef int64_t place_of(self, int64_t i, int64_t depth) except -1 nogil:
        cdef Buffer *out = self.outputs[0]
        cdef int64_t place = 0, k, at
        for k in range(depth):
            at = integer(self.inputs[0], i * depth + k)
            if not 0 <= at < out.shape[k]:
                with gil:
                    raise InvalidArgumentError(None, None, f"indices[{i}] = {row_text(self.inputs[0], i, depth)} is out of bounds: "
                                               f"need 0 <= index < {shape_text(out)}")
            place = place * out.shape[k] + at
        return place


cdef class SparseTensorDenseMatMul(Kernel):
    """a (indices [n, 2], values [n], shape [2]) times b [k, m]; either may be transposed.  Row after row of b, scaled and added up."""
    cdef bint adjoint_a, adjoint_b

    def __init__(self, attrs):
        self.adjoint_a, self.adjoint_b = attrs["adjoint_a"], attrs["adjoint_b"]

    cdef int run(self) except -1 nogil:
        cdef Buffer *indices = self.inputs[0]
        cdef Buffer *b = self.inputs[3]
        cdef Buffer *out = self.outputs[0]
        cdef int64_t inner = integer(self.inputs[2], 0 if self.adjoint_a else 1), have = b.shape[1 if self.adjoint_b else 0]
        cdef int64_t i, row, col, n = indices.shape[0]
        if inner != have:
            with gil:
                raise InvalidArgumentError(None, None, f"Cannot multiply A and B because inner dimension does not match: {inner} vs. {have}.  "
                                           "Did you forget a transpose?")
        for i in range(n):
            row, col = integer(indices, 2 * i + self.adjoint_a), integer(indices, 2 * i + 1 - self.adjoint_a)
            if not (0 <= row < out.shape[0] and 0 <= col < inner):
                with gil:
                    raise InvalidArgumentError(None, None, f"a_indices[{i}] = {row_text(indices, i, 2)} is out of bounds for a_shape "
                                               f"[{integer(self.inputs[2], 0)},{integer(self.inputs[2], 1)}]")
        memset(out.data, 0, out.size * out.itemsize)
        if out.dtype == FLOAT32:
            multiply(<float *> out.data, <const float *> self.inputs[1].data, <const float *> b.data, self.inputs, out.shape[1], self.adjoint_a, self.adjoint_b)
        elif out.dtype == FLOAT64:
            multiply(<double *> out.data, <const double *> self.inputs[1].data, <const double *> b.data, self.inputs, out.shape[1], self.adjoint_a, self.adjoint_b)
        elif out.dtype == INT32:
            multiply(<int32_t *> out.data, <const int32_t *> self.inputs[1].data, <const int32_t *> b.data, self.inputs, out.shape[1], self.adjoint_a, self.adjoint_b)
        else:
            multiply(<int64_t *> out.data, <const int64_t *> self.inputs[1].data, <const int64_t *> b.data, self.inputs, out.shape[1], self.adjoint_a, self.adjoint_b)
        return 0


cdef void multiply(number *out, const number *values, const number *b, Buffer **inputs, int64_t m, bint adjoint_a, bint adjoint_b) noexcept nogil:
    cdef int64_t i, j, row, col, inner = inputs[3].shape[1]
    for i in range(inputs[0].shape[0]):
        row, col = integer(inputs[0], 2 * i + adjoint_a), integer(inputs[0], 2 * i + 1 - adjoint_a)
        if adjoint_b:
            for j in range(m):
                out[row * m + j] += values[i] * b[j * inner + col]
        else:
            add_scaled(out + row * m, b + col * m, values[i], m)


cdef inline void add_scaled(number *y, const number *x, number a, int64_t n) noexcept nogil:
    cdef int64_t j
    for j in range(n):
        y[j] += a * x[j]


register_kernel("SparseToDense")(SparseToDense)
register_kernel("SparseTensorDenseMatMul", T=[float32, float64, int32, int64])(SparseTensorDenseMatMul)
