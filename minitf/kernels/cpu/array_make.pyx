"""Kernels that make arrays out of a few numbers: Fill, Range, OneHot, InvertPermutation."""
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from .indexing cimport integer, normal_axis, product
from .kernel cimport FLOAT32, FLOAT64, INT32, INT64, Buffer, Kernel, float32s, float64s, int32s, int64s
from .strided cimport StridedCopy, add_axis, begin_copy, finish_copy, run_copy

from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel


cdef void fill(Buffer *out, const char *value) noexcept nogil:
    """Every element of out becomes the one at value: a copy whose source stands still."""
    cdef StridedCopy copy
    begin_copy(&copy, out.itemsize)
    add_axis(&copy, out.size, out.itemsize, 0)
    finish_copy(&copy)
    run_copy(&copy, out.data, value)


cdef class Fill(Kernel):
    """An array of the shape `dims` that holds `value` everywhere."""
    cdef int run(self) except -1 nogil:
        fill(self.outputs[0], self.inputs[1].data)
        return 0


cdef class OneHot(Kernel):
    """on_value where the place along `axis`, the new axis, is the index; off_value elsewhere, and all along for an index out of range."""
    cdef int axis

    def __init__(self, attrs):
        self.axis = attrs.get("axis", -1)

    def prepare(self):
        self.axis = normal_axis(self.axis, self.outputs[0].rank)

    cdef int run(self) except -1 nogil:
        cdef Buffer *indices = self.inputs[0]
        cdef Buffer *out = self.outputs[0]
        cdef int64_t depth = out.shape[self.axis], suffix = product(out.shape, self.axis + 1, out.rank), i, hot
        cdef StridedCopy copy
        fill(out, self.inputs[3].data)
        begin_copy(&copy, out.itemsize)
        finish_copy(&copy)
        for i in range(indices.size):
            hot = integer(indices, i)
            if 0 <= hot < depth:
                hot += i // suffix * depth
                run_copy(&copy, out.data + (hot * suffix + i % suffix) * out.itemsize, self.inputs[2].data)
        return 0


cdef class Range(Kernel):
    """start, start + delta, ... up to limit, which is left out.  Floats are computed in double and rounded once."""
    cdef int run(self) except -1 nogil:
        cdef Buffer *start = self.inputs[0]
        cdef Buffer *delta = self.inputs[2]
        cdef Buffer *out = self.outputs[0]
        cdef int64_t i
        if out.dtype == FLOAT32:
            for i in range(out.size):
                float32s(out)[i] = <float> (<double> float32s(start)[0] + i * <double> float32s(delta)[0])
        elif out.dtype == FLOAT64:
            for i in range(out.size):
                float64s(out)[i] = float64s(start)[0] + i * float64s(delta)[0]
        elif out.dtype == INT32:
            for i in range(out.size):
                int32s(out)[i] = <int32_t> (int32s(start)[0] + i * int32s(delta)[0])
        else:
            for i in range(out.size):
                int64s(out)[i] = int64s(start)[0] + i * int64s(delta)[0]
        return 0


cdef class InvertPermutation(Kernel):
    """y[x[i]] = i.  InvalidArgumentError unless x holds each of 0 to n - 1 once."""
    cdef int run(self) except -1 nogil:
        cdef Buffer *x = self.inputs[0]
        cdef Buffer *y = self.outputs[0]
        cdef int64_t i, place
        memset(y.data, 0xff, y.size * y.itemsize)
        for i in range(x.size):
            place = integer(x, i)
            if place < 0 or place >= x.size:
                with gil:
                    raise InvalidArgumentError(None, None, f"{place} is not between 0 and {x.size}")
            if integer(y, place) != -1:
                with gil:
                    raise InvalidArgumentError(None, None, f"{place} is duplicated in the input.")
            if y.dtype == INT64:
                int64s(y)[place] = i
            else:
                int32s(y)[place] = <int32_t> i
        return 0


for kernel in (Fill, OneHot, Range, InvertPermutation):
    register_kernel(kernel.__name__)(kernel)
