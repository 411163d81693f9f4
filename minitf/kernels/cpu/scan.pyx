"""Running sums and products: Cumsum and Cumprod along one axis."""
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t

from .element_types cimport number
from .indexing cimport integer, normal_axis, product
from .kernel cimport FLOAT32, FLOAT64, INT8, INT16, INT32, INT64, Buffer, Kernel

from minitf.core.dtypes import float32, float64, int8, int16, int32, int64, uint8
from minitf.core.registry import register_kernel


cdef class Scan(Kernel):
    """output[o, k, i] = x[o, 0, i] op ... op x[o, k, i].  inputs (x, axis), the second known at prepare().

    exclusive leaves out x[o, k, i]; reverse goes from the last k to the first.  Integers wrap.
    """
    cdef bint exclusive, reverse, multiplies
    cdef Py_ssize_t outer, n, inner

    def __init__(self, attrs):
        self.exclusive, self.reverse = attrs.get("exclusive", False), attrs.get("reverse", False)

    def prepare(self):
        cdef Buffer *x = self.inputs[0]
        cdef int axis = normal_axis(integer(self.inputs[1], 0), x.rank)
        self.outer, self.n, self.inner = product(x.shape, 0, axis), x.shape[axis], product(x.shape, axis + 1, x.rank)

    cdef int run(self) except -1 nogil:
        cdef int dtype = self.inputs[0].dtype
        if dtype == FLOAT32:
            scan_pages(self, <float *> self.outputs[0].data, <const float *> self.inputs[0].data, 0, self.outer)
        elif dtype == FLOAT64:
            scan_pages(self, <double *> self.outputs[0].data, <const double *> self.inputs[0].data, 0, self.outer)
        elif dtype == INT32:
            scan_pages(self, <int32_t *> self.outputs[0].data, <const int32_t *> self.inputs[0].data, 0, self.outer)
        elif dtype == INT64:
            scan_pages(self, <int64_t *> self.outputs[0].data, <const int64_t *> self.inputs[0].data, 0, self.outer)
        elif dtype == INT16:
            scan_pages(self, <int16_t *> self.outputs[0].data, <const int16_t *> self.inputs[0].data, 0, self.outer)
        elif dtype == INT8:
            scan_pages(self, <int8_t *> self.outputs[0].data, <const int8_t *> self.inputs[0].data, 0, self.outer)
        else:
            scan_pages(self, <uint8_t *> self.outputs[0].data, <const uint8_t *> self.inputs[0].data, 0, self.outer)
        return 0


cdef class Cumprod(Scan):
    """Running products."""
    def __init__(self, attrs):
        Scan.__init__(self, attrs)
        self.multiplies = True


cdef void scan_pages(Scan self, number *out, const number *x, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Pages [n, inner] from begin to end, row after row: each from the row of the output before it."""
    cdef Py_ssize_t page, k, i, row, before, taken, inner = self.inner
    cdef Py_ssize_t step = -inner if self.reverse else inner
    cdef number first = 1 if self.multiplies else 0
    for page in range(begin, end):
        row = (page * self.n + (self.n - 1 if self.reverse else 0)) * inner
        for k in range(self.n):
            before = row - step
            taken = before if self.exclusive else row
            if k == 0:
                for i in range(inner): out[row + i] = first if self.exclusive else x[row + i]
            elif self.multiplies:
                for i in range(inner): out[row + i] = out[before + i] * x[taken + i]
            else:
                for i in range(inner): out[row + i] = out[before + i] + x[taken + i]
            row += step


REAL = [float32, float64, int32, int64, int16, int8, uint8]
register_kernel("Cumsum", T=REAL)(Scan)
register_kernel("Cumprod", T=REAL)(Cumprod)
