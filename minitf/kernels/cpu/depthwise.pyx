"""Depthwise convolution of images [n, rows, columns, channels] with filters [rows, columns, channels, multiplier], and its two gradients.

Channels do not mix, so neighbouring channels are a vector, and a pixel of the result is a sum over taps of such vectors (depthwise_tile.h).
With a multiplier m each channel makes m neighbouring ones: then its numbers are written m times side by side in a band of rows, and
the rest is as for m = 1.  Taps outside of the image are left out of the sums; nothing is padded.

The gradient to the image is again a sum of taps, of the gradient; with strides, pixels whose row or column leaves the same rest
meet the same taps (windows.pxd).  The gradient to the filter is a sum over all pixels, in at most PARTS partial sums.
"""
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

from .kernel cimport Buffer, Kernel
from .parallel cimport parallel_for
from .scratch cimport Scratch
from .windows cimport Axis, backward, forward, reach, taps_inside

from minitf.core.dtypes import float32, float64
from minitf.core.registry import register_kernel

cdef extern from "depthwise_tile.h" nogil:
    enum: ABREAST
    ctypedef void (*TapSums)(const void *, const Py_ssize_t *, Py_ssize_t, const void *, const Py_ssize_t *, Py_ssize_t, void *, Py_ssize_t,
                             Py_ssize_t) noexcept
    ctypedef void (*PixelSums)(const void *, Py_ssize_t, Py_ssize_t, const void *, Py_ssize_t, void *, Py_ssize_t) noexcept
    ctypedef void (*Copies)(void *, const void *, Py_ssize_t, Py_ssize_t) noexcept
    TapSums *tap_sums_one
    TapSums *tap_sums_abreast
    PixelSums (*pixel_sums_of)[5]          # by dtype and number of taps
    Copies *spread_of
    Copies *fold_of

cdef enum:
    BAND = 131072                      # bytes of a band of rows written `multiplier` times: it stays in the L2 cache
    WORTH = 300000                     # multiplications for which a second thread is called
    PARTS = 16                         # partial sums of a filter's gradient: as many threads can share it


cdef class Depthwise(Kernel):
    """What the three kernels share: sizes, and where taps lie.  Result pixels whose row leaves the rest r modulo step_y meet taps as ys[r] says."""
    cdef dict attrs
    cdef Py_ssize_t n, h, w, c, oh, ow, kh, kw, multiplier
    cdef Py_ssize_t lines              # channels times multiplier
    cdef Py_ssize_t size               # bytes of a number
    cdef Py_ssize_t stride_y, stride_x, step_y, step_x
    cdef bint is_double
    cdef Axis *ys
    cdef Axis *xs
    cdef Py_ssize_t band
    cdef Scratch scratch

    def __init__(self, attrs):
        self.attrs = attrs

    def __dealloc__(self):
        free(self.ys)
        free(self.xs)

    cdef int describe(self, Buffer *image, Buffer *filter, Buffer *result) except -1:
        """Sizes, and the axes of the forward convolution."""
        cdef Py_ssize_t dilation_y, dilation_x, above = 0, left = 0
        self.n, self.h, self.w, self.c = image.shape[0], image.shape[1], image.shape[2], image.shape[3]
        self.kh, self.kw, self.multiplier = filter.shape[0], filter.shape[1], filter.shape[3]
        self.oh, self.ow, self.lines = result.shape[1], result.shape[2], self.c * self.multiplier
        self.size, self.is_double = image.itemsize, image.itemsize == 8
        self.stride_y, self.stride_x = self.attrs["strides"][1:3]
        dilation_y, dilation_x = self.attrs["dilations"][1:3]
        if self.attrs["padding"] == "SAME":
            above = max(0, (self.oh - 1) * self.stride_y + (self.kh - 1) * dilation_y + 1 - self.h) // 2
            left = max(0, (self.ow - 1) * self.stride_x + (self.kw - 1) * dilation_x + 1 - self.w) // 2
        free(self.ys)
        free(self.xs)
        self.ys, self.xs = <Axis *> calloc(self.stride_y, sizeof(Axis)), <Axis *> calloc(self.stride_x, sizeof(Axis))
        if self.ys == NULL or self.xs == NULL:
            raise MemoryError()
        self.step_y = self.step_x = 1
        self.ys[0] = forward(self.oh, self.kh, self.stride_y, dilation_y, above)
        self.xs[0] = forward(self.ow, self.kw, self.stride_x, dilation_x, left)
        self.band = max(1, (BAND // max(1, self.w * self.lines * self.size) - reach(&self.ys[0], 1)) // self.stride_y + 1)
        self.scratch = Scratch()
        return 0

    cdef int turn(self) except -1:
        """The axes of the gradient to the image in place of the forward ones."""
        cdef Axis y = self.ys[0], x = self.xs[0]
        cdef Py_ssize_t rest
        self.step_y, self.step_x = self.stride_y, self.stride_x
        for rest in range(self.step_y):
            self.ys[rest] = backward(self.h, rest, self.kh, y.stride, y.dilation, -y.offset)
        for rest in range(self.step_x):
            self.xs[rest] = backward(self.w, rest, self.kw, x.stride, x.dilation, -x.offset)
        return 0

    cdef inline size_t lists(self) noexcept nogil:
        """The bytes of two lists of all taps, in whole cache lines."""
        return (2 * self.kh * self.kw * sizeof(Py_ssize_t) + 63) & ~<size_t> 63

    cdef const char *rows_of(self, char *copy, const char *images, Py_ssize_t image, Py_ssize_t top, Py_ssize_t bottom) noexcept nogil:
        """The rows of an image [top, bottom), each number `multiplier` times: a copy if that is not 1."""
        cdef const char *rows = images + (image * self.h + top) * self.w * self.c * self.size
        if self.multiplier == 1:
            return rows
        spread_of[self.is_double](copy, rows, (bottom - top) * self.w * self.c, self.multiplier)
        return copy

    cdef void sum_row(self, char *lists, const char *source, Py_ssize_t top, Py_ssize_t h, Py_ssize_t w, const char *weights, Py_ssize_t row,
                      char *out) noexcept nogil:
        """One row of a result from a source image of h rows and w columns, of which `source` has the rows from `top` on."""
        cdef Axis y = self.ys[row % self.step_y], x
        cdef Py_ssize_t rest, first, last, j, low, high, taps = 0
        cdef Py_ssize_t pixel = self.lines * self.size
        low, high = taps_inside(&y, row // self.step_y, h)
        source += ((row // self.step_y) * y.stride + y.offset - top) * w * pixel
        for rest in range(min(self.step_x, self.w if self.step_x > 1 else 1)):
            x = self.xs[rest]
            # the positions [first, last) meet all taps
            first = min(x.size, (max(0, -x.offset) + x.stride - 1) // x.stride)
            last = w - 1 - x.dilation * (x.taps - 1) - x.offset
            last = max(first, min(x.size, last // x.stride + 1 if last >= 0 else 0))
            if last - first < ABREAST:
                last = first
            for j in range(x.size):
                if not first <= j < last:
                    self.sums(tap_sums_one[self.is_double], source, self.list_taps(lists, &y, low, high, &x, j, w), &x, j, weights, lists, out)
            j = first
            if first < last:
                taps = self.list_taps(lists, &y, low, high, &x, first, w)
            while j < last:
                j = min(j, last - ABREAST)             # pixels that are computed twice come out the same
                self.sums(tap_sums_abreast[self.is_double], source, taps, &x, j, weights, lists, out)
                j += ABREAST

    cdef inline Py_ssize_t list_taps(self, char *lists, const Axis *y, Py_ssize_t low, Py_ssize_t high, const Axis *x, Py_ssize_t j,
                                     Py_ssize_t w) noexcept nogil:
        """List what a pixel meets, relative to the pixel's own place: numbers of the source, then of the filter.  Returns how many taps."""
        cdef Py_ssize_t *sources = <Py_ssize_t *> lists
        cdef Py_ssize_t *filters = sources + self.kh * self.kw
        cdef Py_ssize_t k, m, left, right, count = 0
        left, right = taps_inside(x, j, w)
        for k in range(low, high):
            for m in range(left, right):
                sources[count] = (k * y.dilation * w + x.offset + m * x.dilation) * self.lines
                filters[count] = ((y.weight + k * y.weight_step) * self.kw + x.weight + m * x.weight_step) * self.lines
                count += 1
        return count

    cdef inline void sums(self, TapSums tap_sums, const char *source, Py_ssize_t taps, const Axis *x, Py_ssize_t j, const char *weights, char *lists,
                          char *out) noexcept nogil:
        """The pixel at position j of a row, or those from j on that tap_sums does together."""
        tap_sums(source + j * x.stride * self.lines * self.size, <Py_ssize_t *> lists, x.stride * self.lines,
                 weights, <Py_ssize_t *> lists + self.kh * self.kw, taps,
                 out + (x.first + j * x.step) * self.lines * self.size, x.step * self.lines, self.lines)

    cdef int share(self, Py_ssize_t rows, Py_ssize_t pixels) except -1 nogil:
        """rows() over so many rows of so many pixels."""
        parallel_for(some_rows, <void *> self, rows, WORTH // max(1, pixels * self.lines * self.kh * self.kw) + 1)
        return self.scratch.check()

    cdef void rows(self, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        """Compute the rows begin to end of all images of the result."""


cdef void some_rows(void *kernel, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    (<Depthwise> kernel).rows(begin, end)


cdef inline (Py_ssize_t, Py_ssize_t) rows_met(const Axis *y, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t h) noexcept nogil:
    """The rows [top, bottom) of an image of h rows that the result's rows [begin, end) meet."""
    cdef Py_ssize_t top = min(h, max(0, begin * y.stride + y.offset))
    return top, max(top, min(h, begin * y.stride + y.offset + reach(y, end - begin)))


cdef class DepthwiseConv2dNative(Depthwise):
    """output[., i, j, c m + q] = the sum over taps of input[., i stride + y, j stride + x, c] filter[y, x, c, q]"""
    def prepare(self):
        self.describe(self.inputs[0], self.inputs[1], self.outputs[0])
        self.scratch.prepare(self.lists() + (reach(&self.ys[0], self.band) * self.w * self.lines * self.size if self.multiplier != 1 else 0))

    cdef int run(self) except -1 nogil:
        return self.share(self.n * self.oh, self.ow) if self.outputs[0].size else 0

    cdef void rows(self, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        cdef char *lists = self.scratch.claim()
        cdef Py_ssize_t first = begin, last, row, top, bottom, image
        cdef const char *source
        if lists == NULL:
            return
        while first < end:
            image = first // self.oh
            last = min(end, min((image + 1) * self.oh, first + self.band))
            top, bottom = rows_met(&self.ys[0], first - image * self.oh, last - image * self.oh, self.h)
            source = self.rows_of(lists + self.lists(), self.inputs[0].data, image, top, bottom)
            for row in range(first, last):
                self.sum_row(lists, source, top, self.h, self.w, self.inputs[1].data, row - image * self.oh,
                             self.outputs[0].data + row * self.ow * self.lines * self.size)
            first = last
        self.scratch.give_back(lists)


cdef class DepthwiseConv2dNativeBackpropInput(Depthwise):
    """The gradient to the image: inputs (input_sizes, filter, out_backprop), the output of the shape input_sizes."""
    def prepare(self):
        self.describe(self.outputs[0], self.inputs[1], self.inputs[2])
        self.turn()
        self.scratch.prepare(self.lists() + (self.w * self.lines * self.size if self.multiplier != 1 else 0))

    cdef int run(self) except -1 nogil:
        return self.share(self.n * self.h, self.w) if self.outputs[0].size else 0

    cdef void rows(self, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        cdef char *lists = self.scratch.claim()
        cdef char *out
        cdef Py_ssize_t row
        if lists == NULL:
            return
        for row in range(begin, end):
            out = self.outputs[0].data + row * self.w * self.c * self.size
            self.sum_row(lists, self.inputs[2].data + row // self.h * self.oh * self.ow * self.lines * self.size, 0, self.oh, self.ow,
                         self.inputs[1].data, row % self.h, out if self.multiplier == 1 else lists + self.lists())
            if self.multiplier != 1:
                fold_of[self.is_double](out, lists + self.lists(), self.w * self.c, self.multiplier)
        self.scratch.give_back(lists)


cdef class DepthwiseConv2dNativeBackpropFilter(Depthwise):
    """The gradient to the filter: inputs (input, filter_sizes, out_backprop), the output of the shape filter_sizes.

    The rows of out_backprop are cut into parts, always the same ones; each is summed by one thread, and then the parts are.
    """
    cdef Py_ssize_t parts, numbers
    cdef char *sums_of_parts

    def __dealloc__(self):
        free(self.sums_of_parts)

    def prepare(self):
        self.describe(self.inputs[0], self.outputs[0], self.inputs[2])
        self.parts, self.numbers = max(1, min(PARTS, self.n * self.oh)), self.kh * self.kw * self.lines
        self.scratch.prepare(64 + (reach(&self.ys[0], self.band) * self.w * self.lines * self.size if self.multiplier != 1 else 0))
        free(self.sums_of_parts)
        self.sums_of_parts = <char *> malloc(max(1, self.parts * self.numbers * self.size))
        if self.sums_of_parts == NULL:
            raise MemoryError()

    cdef int run(self) except -1 nogil:
        cdef Py_ssize_t part, of_a_part = self.n * self.oh // self.parts * self.ow * self.numbers
        cdef const char *sums = self.sums_of_parts
        parallel_for(some_rows, <void *> self, self.parts, WORTH // max(1, of_a_part) + 1)
        memset(self.outputs[0].data, 0, self.numbers * self.size)
        for part in range(self.parts):
            if self.is_double:
                add(<double *> self.outputs[0].data, <const double *> sums + part * self.numbers, self.numbers)
            else:
                add(<float *> self.outputs[0].data, <const float *> sums + part * self.numbers, self.numbers)
        return self.scratch.check()

    cdef void rows(self, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        """The parts begin to end."""
        cdef char *copy = self.scratch.claim()
        cdef char *sums
        cdef Py_ssize_t part, first, last, stop, image
        if copy == NULL:
            return
        for part in range(begin, end):
            sums = self.sums_of_parts + part * self.numbers * self.size
            memset(sums, 0, self.numbers * self.size)
            first, stop = part * self.n * self.oh // self.parts, (part + 1) * self.n * self.oh // self.parts
            while first < stop and self.inputs[2].size:
                image = first // self.oh
                last = min(stop, min((image + 1) * self.oh, first + self.band))
                self.add_rows(copy, sums, image, first - image * self.oh, last - image * self.oh)
                first = last
        self.scratch.give_back(copy)

    cdef void add_rows(self, char *copy, char *sums, Py_ssize_t image, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        """Rows begin to end of one image of out_backprop."""
        cdef Axis y = self.ys[0], x = self.xs[0]
        cdef Py_ssize_t pixel = self.lines * self.size, top, bottom, row, k, low, high, first, count
        cdef const char *source
        cdef const char *gradient
        cdef const char *line
        top, bottom = rows_met(&y, begin, end, self.h)
        source = self.rows_of(copy, self.inputs[0].data, image, top, bottom)
        for row in range(begin, end):
            gradient = self.inputs[2].data + (image * self.oh + row) * self.ow * pixel
            low, high = taps_inside(&y, row, self.h)
            for k in range(low, high):
                line = source + (row * y.stride + y.offset + k * y.dilation - top) * self.w * pixel
                first = 0
                while first < self.kw:
                    count = min(self.kw - first, ABREAST)
                    self.add_taps(sums + (k * self.kw + first) * pixel, line, gradient, &x, first, count)
                    first += count

    cdef void add_taps(self, char *sums, const char *line, const char *gradient, const Axis *x, Py_ssize_t first, Py_ssize_t count) noexcept nogil:
        """Taps first to first + count of one filter row: together over the pixels that meet all of them, one by one over the others."""
        cdef Py_ssize_t pixel = self.lines * self.size, apart = x.stride * self.lines, between = x.dilation * self.lines
        cdef Py_ssize_t k, low = self.met(x, first)[0], high = self.met(x, first + count - 1)[1], begin, end
        if low < high:
            pixel_sums_of[self.is_double][count](line + (low * x.stride + x.offset + first * x.dilation) * pixel, between, apart,
                                                 gradient + low * pixel, high - low, sums, self.lines)
        else:
            low = high = 0
        for k in range(first, first + count):
            begin, end = self.met(x, k)
            if low == high:
                low = high = begin
            if begin < low:
                pixel_sums_of[self.is_double][1](line + (begin * x.stride + x.offset + k * x.dilation) * pixel, between, apart,
                                                 gradient + begin * pixel, low - begin, sums + (k - first) * pixel, self.lines)
            if high < end:
                pixel_sums_of[self.is_double][1](line + (high * x.stride + x.offset + k * x.dilation) * pixel, between, apart,
                                                 gradient + high * pixel, end - high, sums + (k - first) * pixel, self.lines)

    cdef inline (Py_ssize_t, Py_ssize_t) met(self, const Axis *x, Py_ssize_t k) noexcept nogil:
        """The pixels [begin, end) of a gradient's row at which tap k lies inside of the image."""
        cdef Py_ssize_t at = x.offset + k * x.dilation, begin, end
        begin = min(x.size, (max(0, -at) + x.stride - 1) // x.stride)
        end = min(x.size, (self.w - 1 - at) // x.stride + 1) if at < self.w else 0
        return begin, max(begin, end)


ctypedef fused real:
    float
    double


cdef void add(real *to, const real *more, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        to[i] += more[i]


register_kernel("DepthwiseConv2dNative", T=[float32, float64])(DepthwiseConv2dNative)
register_kernel("DepthwiseConv2dNativeBackpropInput", T=[float32, float64])(DepthwiseConv2dNativeBackpropInput)
register_kernel("DepthwiseConv2dNativeBackpropFilter", T=[float32, float64])(DepthwiseConv2dNativeBackpropFilter)
