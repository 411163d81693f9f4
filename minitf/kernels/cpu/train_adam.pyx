"""Adam, with a dense gradient and with one of which only some rows are given."""
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from .indexing cimport integer, product
from .kernel cimport Buffer
from .parallel cimport parallel_for
from .slot_update cimport SlotUpdate, multiply_add, real, root

from minitf.core.dtypes import float32, float64
from minitf.core.registry import register_kernel


cdef inline real step_size(real beta1_power, real beta2_power, real lr) noexcept nogil:
    return lr * root(1 - beta2_power) / (1 - beta1_power)


cdef inline void adam_element(real *var, real *m, real *v, real grad, real rate, real one_minus_beta1, real one_minus_beta2,
                              real epsilon) noexcept nogil:
    cdef real new_m = multiply_add(grad - m[0], one_minus_beta1, m[0])
    cdef real new_v = multiply_add(multiply_add(grad, grad, -v[0]), one_minus_beta2, v[0])
    m[0] = new_m
    v[0] = new_v
    var[0] -= rate * new_m / (root(new_v) + epsilon)


cdef void adam_range(real *var, real *m, real *v, const real *grad, real rate, real beta1, real beta2, real epsilon, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        adam_element(var + i, m + i, v + i, grad[i], rate, 1 - beta1, 1 - beta2, epsilon)


cdef void adam_rest(real *var, real *m, real *v, real rate, real beta1, real beta2, real epsilon, int64_t n) noexcept nogil:
    """adam_range with a gradient of 0."""
    cdef int64_t i
    for i in range(n):
        adam_element(var + i, m + i, v + i, 0, rate, 1 - beta1, 1 - beta2, epsilon)


cdef class ApplyAdam(SlotUpdate):
    """Adam (Kingma and Ba, 2015, arXiv 1412.6980, the form at the end of section 2), all in one pass:

        rate = lr * sqrt(1 - beta2_power) / (1 - beta1_power)
        m += (grad - m) * (1 - beta1)
        v += (grad^2 - v) * (1 - beta2)
        var -= rate * m / (sqrt(v) + epsilon)
    """
    def __init__(self, attrs):
        self.describe(attrs, 3, "var m v beta1_power beta2_power lr beta1 beta2 epsilon grad")

    cdef void elements(self, int64_t begin, int64_t end, int64_t g) noexcept nogil:
        cdef double *h = self.hyper
        if self.is_float():
            adam_range(self.floats(0, begin), self.floats(1, begin), self.floats(2, begin), self.float_grad(g),
                       step_size(<float> h[0], <float> h[1], <float> h[2]), <float> h[3], <float> h[4], <float> h[5], end - begin)
        else:
            adam_range(self.doubles(0, begin), self.doubles(1, begin), self.doubles(2, begin), self.double_grad(g),
                       step_size(h[0], h[1], h[2]), h[3], h[4], h[5], end - begin)


cdef class SparseApplyAdam(ApplyAdam):
    """ApplyAdam with a gradient of which only some rows, each once, are given: all rows of m and v decay, and all of var move.

    One pass over memory all the same: the place of each row's gradient is written down first.
    """
    cdef int64_t *places         # of the gradient of each row of var; -1: none
    cdef int64_t n_places
    cdef int64_t row             # elements of one

    def __dealloc__(self):
        free(self.places)

    cdef int update(self) except -1 nogil:
        cdef Buffer *indices = self.inputs[self.grad + 1]
        cdef int64_t rows = self.states[0].shape[0], i
        self.row = product(self.states[0].shape, 1, self.states[0].rank)
        self.reserve(rows)
        for i in range(rows):
            self.places[i] = -1
        for i in range(self.n_chosen):
            self.places[integer(indices, self.chosen[i])] = self.chosen[i]
        parallel_for(adam_rows, <void *> self, rows, max(1, self.grain // max(1, self.row)))
        return 0

    cdef int reserve(self, int64_t rows) except -1 nogil:
        if self.n_places < rows:
            free(self.places)
            self.places = <int64_t *> malloc(rows * sizeof(int64_t))
            self.n_places = 0 if self.places == NULL else rows
            if self.places == NULL:
                with gil:
                    raise MemoryError()
        return 0

    cdef void rest(self, int64_t begin, int64_t end) noexcept nogil:
        cdef double *h = self.hyper
        if self.is_float():
            adam_rest(self.floats(0, begin), self.floats(1, begin), self.floats(2, begin),
                      step_size(<float> h[0], <float> h[1], <float> h[2]), <float> h[3], <float> h[4], <float> h[5], end - begin)
        else:
            adam_rest(self.doubles(0, begin), self.doubles(1, begin), self.doubles(2, begin),
                      step_size(h[0], h[1], h[2]), h[3], h[4], h[5], end - begin)

    cdef void rows(self, int64_t begin, int64_t end) noexcept nogil:
        """Update the rows [begin, end); those between two that have a gradient in one go."""
        cdef int64_t i, start = begin, row = self.row
        for i in range(begin, end):
            if self.places[i] >= 0:
                self.rest(start * row, i * row)
                self.elements(i * row, (i + 1) * row, self.places[i] * row)
                start = i + 1
        self.rest(start * row, end * row)


cdef void adam_rows(void *update, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    (<SparseApplyAdam> update).rows(begin, end)


register_kernel("ApplyAdam", T=[float32, float64])(ApplyAdam)
register_kernel("SparseApplyAdam", T=[float32, float64])(SparseApplyAdam)
