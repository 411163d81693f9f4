"""Pooling of images [n, rows, columns, channels]: maxima and means over windows, channel by channel, and their gradients.

Windows side by side have the same taps, so a row of them is done at once: the loops of pool_rows.h combine up to four taps in one pass, and the usual
window of 2 x 2 reads everything once.
"""
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from .kernel cimport FLOAT32, FLOAT64, INT32, Buffer, Kernel
from .parallel cimport GRAIN, parallel_for
from .scratch cimport Scratch

from minitf.core.dtypes import float32, float64, int32, int64
from minitf.core.registry import register_kernel

cdef extern from "pool_rows.h" nogil:
    ctypedef void (*FourTaps)(void *, const void **, const Py_ssize_t *, Py_ssize_t, Py_ssize_t) noexcept
    ctypedef void (*Route)(void *, const void *, Py_ssize_t, const void *, void *, Py_ssize_t, Py_ssize_t) noexcept
    ctypedef void (*RouteFour)(void **, const void **, Py_ssize_t, const void *, const void *, Py_ssize_t, Py_ssize_t) noexcept
    ctypedef void (*Choose)(void *, const void *, const void *, Py_ssize_t, const void *, void *, Py_ssize_t, Py_ssize_t) noexcept
    ctypedef void (*Share)(void *, Py_ssize_t, const void *, Py_ssize_t, Py_ssize_t) noexcept
    FourTaps *greatest_of
    Route *route_of
    RouteFour *route_four_of
    Choose *choose_of
    FourTaps *sum_of
    Share *share_of

ctypedef fused number:
    float
    double
    int32_t
    int64_t

ctypedef fused real:
    float
    double


cdef struct Windows:                   # side by side in one row, with the same taps: those of the first, clipped to the image
    Py_ssize_t image
    Py_ssize_t top, bottom, left, right
    Py_ssize_t pooled, count           # the number of the first one's pixel in all pooled images; how many windows


cdef class Pool(Kernel):
    """The windows of an image, and work on them: rows(begin, end) does the rows begin to end of all pooled images.

    Where windows overlap, gradients of several rows meet in one pixel; there threads share the work by whole images.
    """
    cdef dict attrs
    cdef Py_ssize_t n, h, w, c         # the image
    cdef Py_ssize_t oh, ow             # the pooled image
    cdef Py_ssize_t height, width, down, right, above, left
    cdef Py_ssize_t pixel              # bytes of one
    cdef Py_ssize_t unit               # rows that one thread does
    cdef int kind                      # the place of the dtype in the tables
    cdef Scratch scratch

    def __init__(self, attrs):
        self.attrs = attrs

    cdef int describe(self, Buffer *image, Buffer *pooled) except -1:
        self.n, self.h, self.w, self.c = image.shape[0], image.shape[1], image.shape[2], image.shape[3]
        self.oh, self.ow = pooled.shape[1], pooled.shape[2]
        self.height, self.width = self.attrs["ksize"][1:3]
        self.down, self.right = self.attrs["strides"][1:3]
        if self.attrs["ksize"][3] != 1:               # over the depth: pixels for rows, channels for columns
            self.n, self.h, self.w, self.c = 1, self.n * self.h * self.w, self.c, 1
            self.oh, self.ow, self.width = self.h, pooled.shape[3], self.attrs["ksize"][3]
            self.right = self.width
        self.above = self.left = 0
        if self.attrs["padding"] == "SAME":
            self.above = max(0, (self.oh - 1) * self.down + self.height - self.h) // 2
            self.left = max(0, (self.ow - 1) * self.right + self.width - self.w) // 2
        self.pixel = self.c * image.itemsize
        self.kind = 0 if image.dtype == FLOAT32 else 1 if image.dtype == FLOAT64 else 2 if image.dtype == INT32 else 3
        self.unit = 1
        self.scratch = Scratch()
        return self.scratch.prepare((self.ow + 1) * self.pixel + 64)

    cdef int run(self) except -1 nogil:
        cdef Py_ssize_t units = self.n * self.oh // max(1, self.unit), work = self.unit * self.ow * self.c * self.height * self.width
        parallel_for(some_units, <void *> self, units, max(1, GRAIN // max(1, work)))
        return self.scratch.check()

    cdef void rows(self, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        cdef char *scratch = self.scratch.claim()
        cdef Py_ssize_t row, column, x, y
        cdef Windows some
        if scratch == NULL:
            return
        self.begin(scratch, begin, end)
        for row in range(begin, end):
            y, column = row % self.oh * self.down - self.above, 0
            while column < self.ow:
                x = column * self.right - self.left
                some = Windows(row // self.oh, max(0, y), min(self.h, y + self.height), max(0, x), min(self.w, x + self.width), row * self.ow + column, 1)
                if x >= 0 and x + self.width <= self.w:
                    some.count = min(self.ow, (self.w - self.width + self.left) // self.right + 1) - column
                self.do(scratch, some)
                column += some.count
        self.scratch.give_back(scratch)

    cdef void begin(self, char *scratch, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        """What rows() does first."""

    cdef void do(self, char *scratch, Windows some) noexcept nogil:
        """The work on some windows; scratch has room for a row of pooled pixels and one more."""

    cdef inline Py_ssize_t place(self, Py_ssize_t image, Py_ssize_t y, Py_ssize_t x) noexcept nogil:
        """Where a pixel of the images begins, in bytes."""
        return ((image * self.h + y) * self.w + x) * self.pixel

    cdef void combine(self, FourTaps combine, const char *nothing, const char *images, Windows some, char *to) noexcept nogil:
        """The taps of each window combined, four at a time; `nothing` is a pixel that stands for taps that are missing (NULL: one of the taps)."""
        cdef const char *tap[4]
        cdef Py_ssize_t step[4]
        cdef Py_ssize_t y, x, k = 0
        for y in range(4):
            step[y] = self.right * self.c
        for y in range(some.top, some.bottom):
            for x in range(some.left, some.right):
                if k == 4:
                    combine(to, <const void **> tap, step, self.c, some.count)
                    tap[0], step[0], k = to, self.c, 1
                tap[k] = images + self.place(some.image, y, x)
                k += 1
        for y in range(k, 4):
            tap[y] = tap[0] if nothing == NULL else nothing
            step[y] = step[0] if nothing == NULL else 0
        combine(to, <const void **> tap, step, self.c, some.count)


cdef void some_units(void *pool, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    (<Pool> pool).rows(begin * (<Pool> pool).unit, end * (<Pool> pool).unit)


cdef class MaxPool(Pool):
    """output = the greatest number of each window of input."""
    def prepare(self):
        self.describe(self.inputs[0], self.outputs[0])

    cdef void do(self, char *scratch, Windows some) noexcept nogil:
        self.combine(greatest_of[self.kind], NULL, self.inputs[0].data, some, self.outputs[0].data + some.pooled * self.pixel)


cdef class MaxPoolGrad(Pool):
    """inputs (orig_input, orig_output, grad): each window's gradient goes to its first greatest number, row by row."""
    cdef bint quick                    # windows of 2 x 2 that cover the image and share nothing

    def prepare(self):
        self.describe(self.inputs[0], self.inputs[1])
        self.quick = self.height == self.width == self.down == self.right == 2 and 2 * self.oh == self.h and 2 * self.ow == self.w
        self.unit = 1 if self.quick else self.oh

    cdef void begin(self, char *scratch, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        if not self.quick:
            memset(self.outputs[0].data + self.place(begin // self.oh, 0, 0), 0, self.place((end - begin) // self.oh, 0, 0))

    cdef void do(self, char *scratch, Windows some) noexcept nogil:
        cdef const char *top = self.inputs[1].data + some.pooled * self.pixel
        cdef const char *grad = self.inputs[2].data + some.pooled * self.pixel
        cdef const char *tap[4]
        cdef char *to[4]
        cdef Py_ssize_t y, x, offset, k = 0
        if not self.quick:
            memcpy(scratch, grad, some.count * self.pixel)
        for y in range(some.top, some.bottom):
            for x in range(some.left, some.right):
                offset = self.place(some.image, y, x)
                if self.quick:
                    tap[k], to[k] = self.inputs[0].data + offset, self.outputs[0].data + offset
                    k += 1
                else:
                    route_of[self.kind](self.outputs[0].data + offset, self.inputs[0].data + offset, self.right * self.c, top, scratch, self.c, some.count)
        if self.quick:
            route_four_of[self.kind](<void **> to, <const void **> tap, 2 * self.c, top, grad, self.c, some.count)


cdef class MaxPoolGradGrad(Pool):
    """inputs (orig_input, orig_output, grad): of each window of grad, the number where orig_input has its first greatest."""
    def prepare(self):
        self.describe(self.inputs[0], self.outputs[0])

    cdef void do(self, char *scratch, Windows some) noexcept nogil:
        cdef char *to = self.outputs[0].data + some.pooled * self.pixel
        cdef const char *top = self.inputs[1].data + some.pooled * self.pixel
        cdef Py_ssize_t y, x, offset
        if self.kind == 0:
            fill[float](<float *> scratch, 1, some.count * self.c)
        elif self.kind == 1:
            fill[double](<double *> scratch, 1, some.count * self.c)
        elif self.kind == 2:
            fill[int32_t](<int32_t *> scratch, 1, some.count * self.c)
        else:
            fill[int64_t](<int64_t *> scratch, 1, some.count * self.c)
        memset(to, 0, some.count * self.pixel)
        for y in range(some.top, some.bottom):
            for x in range(some.left, some.right):
                offset = self.place(some.image, y, x)
                choose_of[self.kind](to, self.inputs[0].data + offset, self.inputs[2].data + offset, self.right * self.c, top, scratch, self.c, some.count)


cdef void fill(number *to, number value, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        to[i] = value


cdef class AvgPool(Pool):
    """output = the mean of each window of value, padding left out."""
    def prepare(self):
        self.describe(self.inputs[0], self.outputs[0])

    cdef void begin(self, char *scratch, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        memset(scratch, 0, self.pixel)

    cdef void do(self, char *scratch, Windows some) noexcept nogil:
        cdef char *to = self.outputs[0].data + some.pooled * self.pixel
        self.combine(sum_of[self.kind], scratch, self.inputs[0].data, some, to)
        divide(self.kind, to, to, some, some.count * self.c)


cdef class AvgPoolGrad(Pool):
    """inputs (orig_input_shape, grad): each window's gradient, shared evenly among its numbers."""
    def prepare(self):
        self.describe(self.outputs[0], self.inputs[1])
        self.unit = self.oh

    cdef void begin(self, char *scratch, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        memset(self.outputs[0].data + self.place(begin // self.oh, 0, 0), 0, self.place((end - begin) // self.oh, 0, 0))

    cdef void do(self, char *scratch, Windows some) noexcept nogil:
        cdef Py_ssize_t y, x
        divide(self.kind, scratch, self.inputs[1].data + some.pooled * self.pixel, some, some.count * self.c)
        for y in range(some.top, some.bottom):
            for x in range(some.left, some.right):
                share_of[self.kind](self.outputs[0].data + self.place(some.image, y, x), self.right * self.c, scratch, self.c, some.count)


cdef void divide(bint is_double, char *to, const char *x, Windows some, Py_ssize_t n) noexcept nogil:
    """to = x divided by the number of taps of each window"""
    cdef Py_ssize_t taps = (some.bottom - some.top) * (some.right - some.left)
    if is_double:
        quotient[double](<double *> to, <const double *> x, taps, n)
    else:
        quotient[float](<float *> to, <const float *> x, taps, n)


cdef void quotient(real *to, const real *x, real number, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        to[i] = x[i] / number


register_kernel("MaxPool", T=[float32, float64, int32, int64])(MaxPool)
register_kernel("MaxPoolGrad", T=[float32, float64, int32, int64])(MaxPoolGrad)
register_kernel("MaxPoolGradGrad", T=[float32, float64, int32, int64])(MaxPoolGradGrad)
register_kernel("AvgPool", T=[float32, float64])(AvgPool)
register_kernel("AvgPoolGrad", T=[float32, float64])(AvgPoolGrad)
