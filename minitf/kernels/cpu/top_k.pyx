"""TopKV2: the k greatest elements of each row, by a heap of the k best so far."""
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t

from .element_types cimport number
from .indexing cimport integer
from .kernel cimport FLOAT32, FLOAT64, INT8, INT16, INT32, INT64, UINT8, Buffer, Kernel, int32s

from minitf.core.dtypes import float32, float64, int8, int16, int32, int64, uint8
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel


cdef inline bint worse(const number *x, int32_t i, int32_t j) noexcept nogil:
    """Whether x[i] comes behind x[j]: it is less, or equal and stands behind it.  NaN comes last."""
    if x[i] != x[i] or x[j] != x[j]:
        return i > j if x[i] != x[i] and x[j] != x[j] else x[i] != x[i]
    return x[i] < x[j] or x[i] == x[j] and i > j


cdef void sink(const number *x, int32_t *heap, int64_t root, int64_t size) noexcept nogil:
    """Restore the heap, whose root is the worst, below a root that may be too good for its place."""
    cdef int64_t child
    cdef int32_t moved = heap[root]
    while 2 * root + 1 < size:
        child = 2 * root + 1
        if child + 1 < size and worse(x, heap[child + 1], heap[child]):
            child += 1
        if not worse(x, heap[child], moved):
            break
        heap[root] = heap[child]
        root = child
    heap[root] = moved


cdef void top_of_row(const number *x, number *values, int32_t *places, int64_t n, int64_t k) noexcept nogil:
    """The k best of x[0..n], best first: the heap lies in `places` itself."""
    cdef int64_t i
    cdef int32_t worst
    for i in range(k):
        places[i] = <int32_t> i
    for i in range(k // 2 - 1, -1, -1):
        sink(x, places, i, k)
    for i in range(k, n):
        if worse(x, places[0], <int32_t> i):
            places[0] = <int32_t> i
            sink(x, places, 0, k)
    for i in range(k - 1, 0, -1):
        worst = places[0]
        places[0] = places[i]
        places[i] = worst
        sink(x, places, 0, i)
    for i in range(k):
        values[i] = x[places[i]]


cdef void top_of_rows(const number *x, number *values, int32_t *places, int64_t rows, int64_t n, int64_t k) noexcept nogil:
    cdef int64_t r
    if k:
        for r in range(rows):
            top_of_row(x + r * n, values + r * k, places + r * k, n, k)


cdef class TopKV2(Kernel):
    """input [..., n], k -> values [..., k] in descending order, indices [..., k]; of equal elements the first comes first."""
    cdef int run(self) except -1 nogil:
        cdef Buffer *x = self.inputs[0]
        cdef char *values = self.outputs[0].data
        cdef int32_t *places = int32s(self.outputs[1])
        cdef int64_t n = x.shape[x.rank - 1], k = integer(self.inputs[1], 0), rows = x.size // n if n else 0
        if k > n:
            with gil:
                raise InvalidArgumentError(None, None, f"input must have at least k columns: it has {n}, and k is {k}")
        if x.dtype == FLOAT32:
            top_of_rows(<const float *> x.data, <float *> values, places, rows, n, k)
        elif x.dtype == FLOAT64:
            top_of_rows(<const double *> x.data, <double *> values, places, rows, n, k)
        elif x.dtype == INT32:
            top_of_rows(<const int32_t *> x.data, <int32_t *> values, places, rows, n, k)
        elif x.dtype == INT64:
            top_of_rows(<const int64_t *> x.data, <int64_t *> values, places, rows, n, k)
        elif x.dtype == INT16:
            top_of_rows(<const int16_t *> x.data, <int16_t *> values, places, rows, n, k)
        elif x.dtype == INT8:
            top_of_rows(<const int8_t *> x.data, <int8_t *> values, places, rows, n, k)
        else:
            top_of_rows(<const uint8_t *> x.data, <uint8_t *> values, places, rows, n, k)
        return 0


register_kernel("TopKV2", T=[float32, float64, int32, int64, int16, int8, uint8])(TopKV2)
