"""Batch normalisation of images, channel by channel over everything else, and its gradient.

Mean and variance take one walk over memory.  It goes by blocks that stay in the cache: each gives its own mean and its own sum of squared
deviations from that, and these are merged in float64.  So a mean of 1000 costs a variance of 1 no digits, which sums of squares would lose.

Rows of few channels are taken several at once: to the inner loops three channels look like forty-eight, and are folded afterwards.
(Merging: T. Chan, G. Golub, R. LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979.)
"""
from libc.math cimport NAN, sqrt
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

from .kernel cimport FLOAT64, Buffer, Kernel
from .parallel cimport parallel_for
from .scratch cimport Scratch

from minitf.core.dtypes import float32, float64
from minitf.core.registry import register_kernel

cdef enum:
    LANES = 48                         # what a group of rows has at least
    BLOCK = 16384                      # bytes of a block
    PARTS = 16                         # of the rows, each summed by one thread, in one order
    WORTH = 65536                      # elements for which a second thread is called

ctypedef fused real:
    float
    double


cdef inline void fold(double *to, const real *lanes, Py_ssize_t n, Py_ssize_t width) noexcept nogil:
    """to[c] = the sum of lanes c, c + n, ..."""
    cdef Py_ssize_t i, k
    for i in range(n):
        to[i] = 0
    for k in range(width // max(1, n)):
        for i in range(n):
            to[i] += lanes[k * n + i]


cdef inline void repeat(real *lanes, const double *values, Py_ssize_t n, Py_ssize_t width) noexcept nogil:
    """The values, over and over."""
    cdef Py_ssize_t i, k
    for k in range(width // max(1, n)):
        for i in range(n):
            lanes[k * n + i] = <real> values[i]


cdef void add_rows(real *sums, const real *x, Py_ssize_t numbers, Py_ssize_t width) noexcept nogil:
    """Lane by lane, the sums of a block of so many numbers; its last group of rows may be short."""
    cdef Py_ssize_t i
    memset(sums, 0, width * sizeof(real))
    while numbers > 0:
        for i in range(min(width, numbers)):
            sums[i] += x[i]
        x, numbers = x + width, numbers - width


cdef void add_deviations(real *sums, real *squares, const real *x, const real *mean, Py_ssize_t numbers, Py_ssize_t width) noexcept nogil:
    cdef Py_ssize_t i
    cdef real d
    memset(sums, 0, width * sizeof(real))
    memset(squares, 0, width * sizeof(real))
    while numbers > 0:
        for i in range(min(width, numbers)):
            d = x[i] - mean[i]
            sums[i] += d
            squares[i] += d * d
        x, numbers = x + width, numbers - width


cdef void add_products(real *sums, real *products, const real *g, const real *x, const real *mean, Py_ssize_t numbers,
                       Py_ssize_t width) noexcept nogil:
    cdef Py_ssize_t i
    memset(sums, 0, width * sizeof(real))
    memset(products, 0, width * sizeof(real))
    while numbers > 0:
        for i in range(min(width, numbers)):
            sums[i] += g[i]
            products[i] += g[i] * (x[i] - mean[i])
        g, x, numbers = g + width, x + width, numbers - width


cdef void normalise(real *y, const real *x, const real *mean, const real *factor, const real *offset, Py_ssize_t numbers,
                    Py_ssize_t width) noexcept nogil:
    cdef Py_ssize_t i
    while numbers > 0:
        for i in range(min(width, numbers)):
            y[i] = (x[i] - mean[i]) * factor[i] + offset[i]
        y, x, numbers = y + width, x + width, numbers - width


cdef void spread_gradient(real *dx, const real *g, const real *x, const real *mean, const real *factor, const real *common,
                          const real *slope, Py_ssize_t numbers, Py_ssize_t width) noexcept nogil:
    cdef Py_ssize_t i
    while numbers > 0:
        for i in range(min(width, numbers)):
            dx[i] = factor[i] * (g[i] - common[i] - (x[i] - mean[i]) * slope[i])
        dx, g, x, numbers = dx + width, g + width, x + width, numbers - width


cdef class BatchNorm(Kernel):
    """What both kernels share: rows of c channels, cut into parts, and what was summed over each part."""
    cdef Py_ssize_t rows, c, width, parts, block
    cdef double epsilon
    cdef bint training, is_double
    cdef double *sums                  # of a part: two vectors of c numbers
    cdef char *lanes                   # four vectors of `width` numbers, for the walk that writes
    cdef Scratch scratch

    def __init__(self, attrs):
        self.epsilon, self.training = attrs["epsilon"], attrs["is_training"]

    def __dealloc__(self):
        free(self.sums)
        free(self.lanes)

    cdef int describe(self, Buffer *x) except -1:
        cdef Py_ssize_t at_once
        self.c, self.is_double = x.shape[3], x.dtype == FLOAT64
        self.rows = x.size // max(1, self.c)
        at_once = max(1, (LANES + self.c - 1) // max(1, self.c))
        self.width = at_once * self.c
        self.block = max(1, BLOCK // max(1, self.width * x.itemsize)) * at_once
        self.parts = max(1, min(PARTS, self.rows // self.block))
        free(self.sums)
        free(self.lanes)
        self.sums = <double *> malloc(max(1, (self.parts + 2) * 2 * self.c * sizeof(double)))
        self.lanes = <char *> malloc(max(1, 4 * self.width * x.itemsize))
        if self.sums == NULL or self.lanes == NULL:
            raise MemoryError()
        self.scratch = Scratch()
        return self.scratch.prepare(64 + 3 * self.c * sizeof(double) + 3 * self.width * x.itemsize)

    cdef inline double *sums_of(self, Py_ssize_t part) noexcept nogil:
        """Those of a part; behind the last part there is room for two more."""
        return self.sums + part * 2 * self.c

    cdef inline Py_ssize_t start(self, Py_ssize_t part) noexcept nogil:
        return part * self.rows // self.parts

    cdef int sum_parts(self) except -1 nogil:
        parallel_for(some_parts, <void *> self, self.parts, WORTH * self.parts // max(1, self.rows * self.c) + 1)
        return self.scratch.check()

    cdef void walk(self) noexcept nogil:
        """write() over all rows, in ranges that begin where a group of rows does."""
        parallel_for(some_groups, <void *> self, (self.rows * self.c + self.width - 1) // max(1, self.width), WORTH // max(1, self.width) + 1)

    cdef void part_sums(self, char *scratch, Py_ssize_t part) noexcept nogil:
        """Sum over one part."""

    cdef void write(self, Py_ssize_t first, Py_ssize_t numbers) noexcept nogil:
        """Write so many numbers of the result, from the number `first` on."""


cdef void some_parts(void *kernel, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef char *scratch = (<BatchNorm> kernel).scratch.claim()
    cdef Py_ssize_t part
    if scratch != NULL:
        for part in range(begin, end):
            (<BatchNorm> kernel).part_sums(scratch, part)
        (<BatchNorm> kernel).scratch.give_back(scratch)


cdef void some_groups(void *kernel, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t width = (<BatchNorm> kernel).width, all = (<BatchNorm> kernel).rows * (<BatchNorm> kernel).c
    (<BatchNorm> kernel).write(begin * width, min(end * width, all) - begin * width)


cdef inline void merge(double *mean, double *squares, double count, const double *mean_of_more, const double *squares_of_more, double more,
                       Py_ssize_t n) noexcept nogil:
    """Means and sums of squared deviations of `count` rows, and of `more` others: of all of them."""
    cdef Py_ssize_t i
    cdef double d
    for i in range(n):
        d = mean_of_more[i] - mean[i]
        mean[i] += d * (more / (count + more))
        squares[i] += squares_of_more[i] + d * d * (count * more / (count + more))


cdef void moments(BatchNorm self, char *scratch, const real *x, Py_ssize_t part) noexcept nogil:
    """Mean and sum of squared deviations of one part's rows, by blocks."""
    cdef Py_ssize_t first = self.start(part), last = self.start(part + 1), n, i, c = self.c, width = self.width, begin = first
    cdef double *mean = self.sums_of(part)
    cdef double *block_mean = <double *> scratch
    cdef double *left = block_mean + c
    cdef double *squares = left + c
    cdef real *sums = <real *> (squares + c)
    cdef real *more = sums + width
    cdef real *centre = more + width
    memset(mean, 0, 2 * c * sizeof(double))
    while first < last:
        n = min(self.block, last - first)
        add_rows(sums, x + first * c, n * c, width)
        fold(block_mean, sums, c, width)
        for i in range(c):
            block_mean[i] = <real> (block_mean[i] / n)
        repeat(centre, block_mean, c, width)
        add_deviations(sums, more, x + first * c, centre, n * c, width)
        fold(left, sums, c, width)                      # that mean was rounded: the deviations from it have a sum
        fold(squares, more, c, width)
        for i in range(c):
            squares[i] -= left[i] * left[i] / n
            block_mean[i] += left[i] / n
        merge(mean, mean + c, first - begin, block_mean, squares, n, c)
        first += n


cdef void conclude(FusedBatchNorm self, const real *mean, const real *variance, const real *scale, const real *offset) noexcept nogil:
    """The small outputs, and the lanes for the walk that writes y; mean and variance are those given, for inference."""
    cdef Py_ssize_t part, i, k, c = self.c
    cdef double *centre = self.sums_of(self.parts)
    cdef double *factor = centre + c
    cdef double *shift = factor + c
    cdef double *spread = shift + c
    cdef real *means = <real *> self.outputs[1].data
    cdef real *variances = <real *> self.outputs[2].data
    cdef real *biased = <real *> self.outputs[4].data
    if self.training:
        memset(centre, 0, 4 * c * sizeof(double))
        for part in range(self.parts if self.rows else 0):
            merge(centre, spread, self.start(part), self.sums_of(part), self.sums_of(part) + c, self.start(part + 1) - self.start(part), c)
        for i in range(c):
            means[i] = <real> (centre[i] if self.rows else NAN)
            variances[i] = <real> (spread[i] / max(1, self.rows - 1) if self.rows else NAN)
            spread[i] = spread[i] / self.rows if self.rows else NAN
            biased[i] = <real> spread[i]
    else:
        for i in range(c):
            means[i], variances[i], biased[i] = mean[i], variance[i], variance[i]
            centre[i], spread[i] = mean[i], variance[i]
    memcpy(self.outputs[3].data, means, c * sizeof(real))
    for i in range(c):
        factor[i] = scale[i] / sqrt(spread[i] + self.epsilon)
        shift[i] = offset[i] + (means[i] - centre[i]) * factor[i]          # as if the mean had not been rounded
        centre[i] = means[i]
    for k in range(3):                                  # centre, factor, shift
        repeat(<real *> self.lanes + k * self.width, centre + k * c, c, self.width)


cdef class FusedBatchNorm(BatchNorm):
    """inputs (x, scale, offset, mean, variance) -> y, batch_mean, batch_variance, and mean and variance once more for the gradient.

    In training, mean and variance are the batch's; batch_variance is the unbiased one, the other, by which y is divided, is for the gradient.
    """
    def prepare(self):
        self.describe(self.inputs[0])

    cdef int run(self) except -1 nogil:
        if self.training:
            self.sum_parts()
        if self.is_double:
            conclude(self, <double *> self.inputs[3].data, <double *> self.inputs[4].data, <double *> self.inputs[1].data,
                     <double *> self.inputs[2].data)
        else:
            conclude(self, <float *> self.inputs[3].data, <float *> self.inputs[4].data, <float *> self.inputs[1].data,
                     <float *> self.inputs[2].data)
        self.walk()
        return 0

    cdef void part_sums(self, char *scratch, Py_ssize_t part) noexcept nogil:
        if self.is_double:
            moments(self, scratch, <const double *> self.inputs[0].data, part)
        else:
            moments(self, scratch, <const float *> self.inputs[0].data, part)

    cdef void write(self, Py_ssize_t first, Py_ssize_t numbers) noexcept nogil:
        cdef double *wide = <double *> self.lanes
        cdef float *lanes = <float *> self.lanes
        cdef Py_ssize_t width = self.width
        if self.is_double:
            normalise(<double *> self.outputs[0].data + first, <const double *> self.inputs[0].data + first,
                      wide, wide + width, wide + 2 * width, numbers, width)
        else:
            normalise(<float *> self.outputs[0].data + first, <const float *> self.inputs[0].data + first,
                      lanes, lanes + width, lanes + 2 * width, numbers, width)


cdef void products(BatchNorm self, char *scratch, const real *g, const real *x, const real *mean, Py_ssize_t part) noexcept nogil:
    """The sums of g and of g (x - mean) over one part's rows, by blocks."""
    cdef Py_ssize_t first = self.start(part), last = self.start(part + 1), n, i, c = self.c, width = self.width
    cdef double *totals = self.sums_of(part)
    cdef double *block = <double *> scratch
    cdef real *sums = <real *> (block + 3 * c)
    cdef real *more = sums + width
    cdef real *centre = more + width
    for i in range(c):
        block[i] = mean[i]
    repeat(centre, block, c, width)
    memset(totals, 0, 2 * c * sizeof(double))
    while first < last:
        n = min(self.block, last - first)
        add_products(sums, more, g + first * c, x + first * c, centre, n * c, width)
        fold(block, sums, c, width)
        fold(block + c, more, c, width)
        for i in range(2 * c):
            totals[i] += block[i]
        first += n


cdef void conclude_gradient(FusedBatchNormGrad self, const real *scale, const real *mean, const real *variance) noexcept nogil:
    """The small outputs, and the lanes for the walk that writes the gradient to x."""
    cdef Py_ssize_t part, i, k, c = self.c
    cdef double *common = self.sums_of(self.parts)
    cdef double *slope = common + c
    cdef double *centre = slope + c
    cdef double *factor = centre + c
    cdef double inverse
    memset(common, 0, 2 * c * sizeof(double))
    for part in range(self.parts):
        for i in range(2 * c):
            common[i] += self.sums_of(part)[i]
    for i in range(c):
        inverse = 1 / sqrt(variance[i] + self.epsilon)
        (<real *> self.outputs[1].data)[i] = <real> (slope[i] * inverse)
        (<real *> self.outputs[2].data)[i] = <real> common[i]
        centre[i], factor[i] = mean[i], scale[i] * inverse
        if self.training:
            common[i] /= max(1, self.rows)
            slope[i] *= inverse * inverse / max(1, self.rows)
        else:
            common[i] = slope[i] = 0
    for k in range(4):                                  # common, slope, centre, factor
        repeat(<real *> self.lanes + k * self.width, common + k * c, c, self.width)


cdef class FusedBatchNormGrad(BatchNorm):
    """inputs (y_backprop, x, scale, mean, variance) -> the gradients to x, scale and offset.

    With g the gradient, u = (x - mean) / sqrt(variance + epsilon) and means over a channel:

        dx = scale / sqrt(variance + epsilon) * (g - mean(g) - u mean(g u)),      the two means only in training
    """
    def prepare(self):
        self.describe(self.inputs[1])

    cdef int run(self) except -1 nogil:
        self.sum_parts()
        if self.is_double:
            conclude_gradient(self, <double *> self.inputs[2].data, <double *> self.inputs[3].data, <double *> self.inputs[4].data)
        else:
            conclude_gradient(self, <float *> self.inputs[2].data, <float *> self.inputs[3].data, <float *> self.inputs[4].data)
        self.walk()
        return 0

    cdef void part_sums(self, char *scratch, Py_ssize_t part) noexcept nogil:
        if self.is_double:
            products(self, scratch, <const double *> self.inputs[0].data, <const double *> self.inputs[1].data,
                     <const double *> self.inputs[3].data, part)
        else:
            products(self, scratch, <const float *> self.inputs[0].data, <const float *> self.inputs[1].data,
                     <const float *> self.inputs[3].data, part)

    cdef void write(self, Py_ssize_t first, Py_ssize_t numbers) noexcept nogil:
        cdef double *wide = <double *> self.lanes
        cdef float *lanes = <float *> self.lanes
        cdef Py_ssize_t width = self.width
        if self.is_double:
            spread_gradient(<double *> self.outputs[0].data + first, <const double *> self.inputs[0].data + first,
                            <const double *> self.inputs[1].data + first, wide + 2 * width, wide + 3 * width, wide, wide + width, numbers, width)
        else:
            spread_gradient(<float *> self.outputs[0].data + first, <const float *> self.inputs[0].data + first,
                            <const float *> self.inputs[1].data + first, lanes + 2 * width, lanes + 3 * width, lanes, lanes + width, numbers, width)


register_kernel("FusedBatchNorm", T=[float32, float64])(FusedBatchNorm)
register_kernel("FusedBatchNormGrad", T=[float32, float64])(FusedBatchNormGrad)
