"""Softmax and its losses, row by row; every kernel here takes float32 or float64 [rows, classes].

A row's largest element is taken away before exp, so nothing overflows.  Sums and maxima run in 32 lanes that are added up
pairwise: the compiler may not reorder a float sum by itself, and the rounding error is that of n / 32 additions.
A shorter row than that is summed plainly, which takes a third of the time for 10 classes.
"""
from libc.math cimport INFINITY
from libc.stdint cimport int64_t

from .indexing cimport integer, shape_text
from .kernel cimport FLOAT32, Buffer, Kernel, bools, float32s
from .parallel cimport GRAIN, Body, parallel_for

from minitf.core.dtypes import float32, float64, int32, int64
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel

cdef extern from "vector_math.h" nogil:
    float exp32(float)
    float log32(float)
    double exp64(double)
    double log64(double)

cdef extern from *:
    void prefetch "__builtin_prefetch"(const void *) nogil

ctypedef fused real:
    float
    double

cdef enum:
    LANES = 32


cdef inline real exp_of(real x) noexcept nogil:
    if real is float:
        return exp32(x)
    else:
        return exp64(x)


cdef inline real log_of(real x) noexcept nogil:
    if real is float:
        return log32(x)
    else:
        return log64(x)


cdef inline real fold(real *lane) noexcept nogil:
    """The sum of the lanes, pairwise."""
    cdef Py_ssize_t k
    for k in range(8):
        lane[k] = (lane[k] + lane[8 + k]) + (lane[16 + k] + lane[24 + k])
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]))


cdef inline real greater(real a, real b) noexcept nogil:
    return a if a > b else b


cdef real largest(const real *x, Py_ssize_t n) noexcept nogil:
    """max(x); of a row with NaN anything, because what follows gives NaN anyway."""
    cdef real lane[LANES]
    cdef real top = -<real> INFINITY
    cdef Py_ssize_t i = 0, k
    if n < LANES:
        for k in range(n):
            top = greater(x[k], top)
        return top
    for k in range(LANES):
        lane[k] = -<real> INFINITY
    while i + LANES <= n:
        for k in range(LANES):
            lane[k] = greater(x[i + k], lane[k])
        i += LANES
    for k in range(n - i):
        lane[k] = greater(x[i + k], lane[k])
    for k in range(8):
        lane[k] = greater(greater(lane[k], lane[8 + k]), greater(lane[16 + k], lane[24 + k]))
    for k in range(8):
        top = greater(lane[k], top)
    return top


cdef real exp_row(real *y, const real *x, real top, Py_ssize_t n) noexcept nogil:
    """y = exp(x - top); returns the sum of y.  The row behind x is fetched meanwhile: exp leaves the memory time for that."""
    cdef real lane[LANES]
    cdef real total = 0
    cdef Py_ssize_t i = 0, k
    if n < LANES:
        for k in range(n):
            y[k] = exp_of(x[k] - top)
        for k in range(n):
            total += y[k]
        return total
    for k in range(LANES):
        lane[k] = 0
    while i + LANES <= n:
        prefetch(x + n + i)
        prefetch(x + n + i + LANES // 2)
        for k in range(LANES):
            y[i + k] = exp_of(x[i + k] - top)
        for k in range(LANES):
            lane[k] += y[i + k]
        i += LANES
    for k in range(n - i):
        y[i + k] = exp_of(x[i + k] - top)
        lane[k] += y[i + k]
    return fold(lane)


cdef real sum_of_exp(const real *x, real top, Py_ssize_t n) noexcept nogil:
    """sum(exp(x - top)), in the order of exp_row."""
    cdef real lane[LANES]
    cdef real total = 0
    cdef Py_ssize_t i = 0, k
    if n < LANES:
        for k in range(n):
            total += exp_of(x[k] - top)
        return total
    for k in range(LANES):
        lane[k] = 0
    while i + LANES <= n:
        for k in range(LANES):
            lane[k] += exp_of(x[i + k] - top)
        i += LANES
    for k in range(n - i):
        lane[k] += exp_of(x[i + k] - top)
    return fold(lane)


cdef void softmax(real *y, const real *x, Py_ssize_t rows, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t r, c
    cdef real scale
    for r in range(rows):
        scale = 1 / exp_row(y, x, largest(x, n), n)
        for c in range(n):
            y[c] *= scale
        x += n
        y += n


cdef void log_softmax(real *y, const real *x, Py_ssize_t rows, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t r, c
    cdef real top, shift
    for r in range(rows):
        top = largest(x, n)
        shift = log_of(sum_of_exp(x, top, n))
        for c in range(n):
            y[c] = (x[c] - top) - shift
        x += n
        y += n


cdef void cross_entropy(real *loss, real *grad, const real *x, const real *labels, Py_ssize_t rows, Py_ssize_t n) noexcept nogil:
    """loss = sum(labels * -log(softmax(x))), grad = softmax(x) - labels, per row."""
    cdef Py_ssize_t r
    cdef real top, total
    for r in range(rows):
        top = largest(x, n)
        total = exp_row(grad, x, top, n)
        loss[r] = compare(grad, x, labels, top, 1 / total, log_of(total), n)
        x += n
        labels += n
        grad += n


cdef real compare(real *grad, const real *x, const real *labels, real top, real scale, real log_total, Py_ssize_t n) noexcept nogil:
    """grad = grad * scale - labels; returns sum(labels * (log_total - (x - top)))."""
    cdef real lane[LANES]
    cdef real total = 0
    cdef Py_ssize_t i = 0, k
    for k in range(n):
        grad[k] = grad[k] * scale - labels[k]
    if n < LANES:
        for k in range(n):
            total += labels[k] * (log_total - (x[k] - top))
        return total
    for k in range(LANES):
        lane[k] = 0
    while i + LANES <= n:
        for k in range(LANES):
            lane[k] += labels[i + k] * (log_total - (x[i + k] - top))
        i += LANES
    for k in range(n - i):
        lane[k] += labels[i + k] * (log_total - (x[i + k] - top))
    return fold(lane)


cdef void sparse_cross_entropy(real *loss, real *grad, const real *x, Buffer *labels, Py_ssize_t begin, Py_ssize_t end,
                               Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t r, c, label
    cdef real top, total, scale
    for r in range(begin, end):
        label = integer(labels, r)
        top = largest(x, n)
        total = exp_row(grad, x, top, n)
        scale = 1 / total
        for c in range(n):
            grad[c] *= scale
        grad[label] -= 1
        loss[r] = log_of(total) - (x[label] - top)
        x += n
        grad += n


# The rows begin to end of a kernel

cdef struct Rows:
    int dtype
    Py_ssize_t n                       # elements of a row
    const char *x
    Buffer *labels
    char *y                            # or the gradient
    char *loss


cdef void softmax_rows(void *rows, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Rows *r = <Rows *> rows
    cdef Py_ssize_t at = begin * r.n
    if r.dtype == FLOAT32:
        softmax(<float *> r.y + at, <const float *> r.x + at, end - begin, r.n)
    else:
        softmax(<double *> r.y + at, <const double *> r.x + at, end - begin, r.n)


cdef void log_softmax_rows(void *rows, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Rows *r = <Rows *> rows
    cdef Py_ssize_t at = begin * r.n
    if r.dtype == FLOAT32:
        log_softmax(<float *> r.y + at, <const float *> r.x + at, end - begin, r.n)
    else:
        log_softmax(<double *> r.y + at, <const double *> r.x + at, end - begin, r.n)


cdef void cross_entropy_rows(void *rows, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Rows *r = <Rows *> rows
    cdef Py_ssize_t at = begin * r.n
    if r.dtype == FLOAT32:
        cross_entropy(<float *> r.loss + begin, <float *> r.y + at, <const float *> r.x + at, <const float *> r.labels.data + at, end - begin, r.n)
    else:
        cross_entropy(<double *> r.loss + begin, <double *> r.y + at, <const double *> r.x + at, <const double *> r.labels.data + at, end - begin, r.n)


cdef void sparse_cross_entropy_rows(void *rows, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Rows *r = <Rows *> rows
    cdef Py_ssize_t at = begin * r.n
    if r.dtype == FLOAT32:
        sparse_cross_entropy(<float *> r.loss, <float *> r.y + at, <const float *> r.x + at, r.labels, begin, end, r.n)
    else:
        sparse_cross_entropy(<double *> r.loss, <double *> r.y + at, <const double *> r.x + at, r.labels, begin, end, r.n)


cdef class RowKernel(Kernel):
    """A kernel that sees its first input as rows along the last axis."""
    cdef Py_ssize_t rows, classes

    def prepare(self):
        cdef Buffer *x = self.inputs[0]
        self.classes = x.shape[x.rank - 1] if x.rank else 1
        self.rows = x.size // self.classes if self.classes else 0

    cdef void run_rows(self, Body body, Buffer *labels, char *y, char *loss) noexcept nogil:
        cdef Rows r = Rows(self.inputs[0].dtype, self.classes, self.inputs[0].data, labels, y, loss)
        parallel_for(body, &r, self.rows, max(1, GRAIN // 2 // max(1, self.classes)))


cdef class Softmax(RowKernel):
    """exp(x) / sum(exp(x)) over the last axis."""
    cdef int run(self) except -1 nogil:
        self.run_rows(softmax_rows, NULL, self.outputs[0].data, NULL)
        return 0


cdef class LogSoftmax(RowKernel):
    """x - log(sum(exp(x))) over the last axis."""
    cdef int run(self) except -1 nogil:
        self.run_rows(log_softmax_rows, NULL, self.outputs[0].data, NULL)
        return 0


cdef class SoftmaxCrossEntropyWithLogits(RowKernel):
    """features, labels [rows, classes] -> loss [rows], backprop [rows, classes], which is softmax - labels."""
    cdef int run(self) except -1 nogil:
        self.run_rows(cross_entropy_rows, self.inputs[1], self.outputs[1].data, self.outputs[0].data)
        return 0


cdef class SparseSoftmaxCrossEntropyWithLogits(RowKernel):
    """features [rows, classes], labels [rows] int32 or int64 -> loss [rows], backprop [rows, classes].

    InvalidArgumentError if a label is not in [0, classes): there is no such class, and nothing has been written.
    """
    def prepare(self):
        RowKernel.prepare(self)
        if self.classes == 0:
            raise InvalidArgumentError(None, None, f"Must have at least one class, but got logits shape {shape_text(self.inputs[0])}")

    cdef int run(self) except -1 nogil:
        cdef int64_t i
        for i in range(self.rows):
            if not 0 <= integer(self.inputs[1], i) < self.classes:
                self.raise_label(i)
        self.run_rows(sparse_cross_entropy_rows, self.inputs[1], self.outputs[1].data, self.outputs[0].data)
        return 0

    cdef int raise_label(self, int64_t wrong) except -1 nogil:
        cdef int64_t i
        with gil:
            values = " ".join([str(integer(self.inputs[1], i)) for i in range(self.rows)])
            raise InvalidArgumentError(None, None, f"Received a label value of {integer(self.inputs[1], wrong)} which is outside "
                                       f"the valid range of [0, {self.classes}).  Label values: {values}")


cdef class InTopK(RowKernel):
    """Whether fewer than k predictions of a row are greater than the target's: predictions [rows, classes], targets [rows] -> bool.

    A tie with the k-th is in.  A target that is no class, or a prediction that is not finite, gives false.
    """
    cdef int64_t k

    def __init__(self, attrs):
        self.k = attrs["k"]

    cdef int run(self) except -1 nogil:
        cdef const float *x = float32s(self.inputs[0])
        cdef Py_ssize_t r, c, n = self.classes, greater
        cdef int64_t target
        cdef bint known
        for r in range(self.rows):
            target = integer(self.inputs[1], r)
            known = 0 <= target < n
            greater = 0
            if known:
                for c in range(n):
                    known &= -INFINITY < x[c] < INFINITY
                    greater += x[c] > x[target]
            bools(self.outputs[0])[r] = known and greater < self.k
            x += n
        return 0


register_kernel("Softmax", in_place=True, T=[float32, float64])(Softmax)
register_kernel("LogSoftmax", in_place=True, T=[float32, float64])(LogSoftmax)
register_kernel("SoftmaxCrossEntropyWithLogits", T=[float32, float64])(SoftmaxCrossEntropyWithLogits)
register_kernel("SparseSoftmaxCrossEntropyWithLogits", T=[float32, float64])(SparseSoftmaxCrossEntropyWithLogits)
register_kernel("InTopK")(InTopK)
