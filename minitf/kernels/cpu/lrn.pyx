"""Local response normalisation of pixels over their channels, and its gradient.

With n the bias plus alpha times the sum of squares over a channel's window, y = x / n ** beta, and for a gradient g

    dx = g / n ** beta - 2 alpha beta x * (the sum of g y / n over the window)

A window's sum is put together from sums of 1, 2, 4, ... neighbours: 11 numbers are 1 + 2 + 8 of them.  Nothing is ever taken away again, as
it is in running sums, so a small number beside a large one keeps its digits.
"""
from libc.string cimport memset

from .kernel cimport FLOAT64, Kernel
from .parallel cimport GRAIN, parallel_for
from .scratch cimport Scratch

from minitf.core.dtypes import float32, float64
from minitf.core.registry import register_kernel

cdef extern from "vector_math.h" nogil:
    float exp32(float)
    float log32(float)
    double exp64(double)
    double log64(double)

ctypedef fused real:
    float
    double


cdef inline real power(real x, real exponent) noexcept nogil:
    """x ** exponent for x > 0; NaN below."""
    if real is float:
        return exp32(exponent * log32(x))
    else:
        return exp64(exponent * log64(x))


cdef void window_sums(real *sums, real *x, Py_ssize_t n, Py_ssize_t width) noexcept nogil:
    """sums[i] = x[i] + ... + x[i + width - 1] for i < n.  Of x, which has n + width - 1 numbers, nothing is left."""
    cdef Py_ssize_t i, span = 1, offset = 0, left = n + width - 1
    memset(sums, 0, n * sizeof(real))
    while True:
        if width & span:
            for i in range(n):
                sums[i] += x[offset + i]
            offset += span
        if 2 * span > width:
            return
        left -= span
        for i in range(left):
            x[i] += x[i + span]
        span *= 2


cdef class Normalisation(Kernel):
    """What forward and gradient share.  `radius` channels on either side belong to a window: no more than there are."""
    cdef Py_ssize_t pixels, c, radius
    cdef double bias, alpha, beta
    cdef dict attrs
    cdef Scratch scratch               # of a thread: `c` sums, `c` powers, and a row with `radius` zeros on either side

    def __init__(self, attrs):
        self.attrs = attrs

    def prepare(self):
        cdef Py_ssize_t itemsize = self.outputs[0].itemsize
        self.c = self.inputs[0].shape[3]
        self.pixels = self.inputs[0].size // max(1, self.c)
        self.radius = min(<Py_ssize_t> self.attrs["depth_radius"], max(0, self.c - 1))
        self.bias, self.alpha, self.beta = self.attrs["bias"], self.attrs["alpha"], self.attrs["beta"]
        self.scratch = Scratch()
        self.scratch.prepare(64 + (4 * self.c + 2 * self.radius) * itemsize)

    cdef int run(self) except -1 nogil:
        if self.outputs[0].size == 0:
            return 0
        parallel_for(some_pixels, <void *> self, self.pixels, max(1, GRAIN // 8 // self.c))
        return self.scratch.check()

    cdef void claim(self, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        cdef char *scratch = self.scratch.claim()
        if scratch != NULL:
            self.pixels_of(scratch, begin, end)
            self.scratch.give_back(scratch)

    cdef void pixels_of(self, char *scratch, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        """Compute the pixels begin to end."""


cdef void some_pixels(void *kernel, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    (<Normalisation> kernel).claim(begin, end)


cdef inline void sizes_of(Normalisation self, const real *x, real *sizes, real *row) noexcept nogil:
    """sizes = n, in the words of this file's head, for one pixel."""
    cdef Py_ssize_t i, c = self.c, radius = self.radius
    cdef real bias = <real> self.bias, alpha = <real> self.alpha
    memset(row, 0, (c + 2 * radius) * sizeof(real))
    for i in range(c):
        row[radius + i] = x[i] * x[i]
    window_sums(sizes, row, c, 2 * radius + 1)
    for i in range(c):
        sizes[i] = bias + alpha * sizes[i]


cdef void normalise(Normalisation self, const real *x, real *y, real *sizes, Py_ssize_t pixels) noexcept nogil:
    cdef Py_ssize_t i, p, c = self.c
    cdef real exponent = -<real> self.beta
    for p in range(pixels):
        sizes_of(self, x + p * c, sizes, sizes + c)
        for i in range(c):
            y[p * c + i] = x[p * c + i] * power(sizes[i], exponent)


cdef void normalise_gradient(Normalisation self, const real *g, const real *x, const real *y, real *dx, real *sizes,
                             Py_ssize_t pixels) noexcept nogil:
    cdef Py_ssize_t i, p, c = self.c, radius = self.radius
    cdef real exponent = -<real> self.beta, factor = <real> (2 * self.alpha * self.beta)
    cdef real *powers = sizes + c
    cdef real *row = sizes + 2 * c
    for p in range(pixels):
        sizes_of(self, x, sizes, row)
        memset(row, 0, (c + 2 * radius) * sizeof(real))
        for i in range(c):
            powers[i] = power(sizes[i], exponent)
            row[radius + i] = g[i] * y[i] / sizes[i]
        window_sums(sizes, row, c, 2 * radius + 1)
        for i in range(c):
            dx[i] = g[i] * powers[i] - factor * x[i] * sizes[i]
        g, x, y, dx = g + c, x + c, y + c, dx + c


cdef class LRN(Normalisation):
    """input [n, h, w, c] -> output, the same shape."""
    cdef void pixels_of(self, char *scratch, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        cdef const char *x = self.inputs[0].data + begin * self.c * self.inputs[0].itemsize
        cdef char *y = self.outputs[0].data + begin * self.c * self.inputs[0].itemsize
        if self.inputs[0].dtype == FLOAT64:
            normalise(self, <const double *> x, <double *> y, <double *> scratch, end - begin)
        else:
            normalise(self, <const float *> x, <float *> y, <float *> scratch, end - begin)


cdef class LRNGrad(Normalisation):
    """inputs (input_grads, input_image, output_image) of one shape -> the gradient to the image."""
    cdef void pixels_of(self, char *scratch, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        cdef Py_ssize_t offset = begin * self.c * self.inputs[0].itemsize
        cdef const char *g = self.inputs[0].data + offset
        cdef const char *x = self.inputs[1].data + offset
        cdef const char *y = self.inputs[2].data + offset
        cdef char *dx = self.outputs[0].data + offset
        if self.inputs[0].dtype == FLOAT64:
            normalise_gradient(self, <const double *> g, <const double *> x, <const double *> y, <double *> dx, <double *> scratch, end - begin)
        else:
            normalise_gradient(self, <const float *> g, <const float *> x, <const float *> y, <float *> dx, <float *> scratch, end - begin)


register_kernel("LRN", in_place=True, T=[float32, float64])(LRN)
register_kernel("LRNGrad", T=[float32, float64])(LRNGrad)
