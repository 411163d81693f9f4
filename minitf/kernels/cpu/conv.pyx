"""Convolution of images [n, rows, columns, channels] with filters [rows, columns, channels, filters], and its gradient to the images.

A direct convolution: no patch matrix is written.  The taps of one row of the filter are neighbours in a row of the image, so a pixel of the
result is a sum over a few long stretches of it, and a tile (conv_tile.h) computes up to 14 pixels at once in registers.  Rows above and
below the image are left out of the sums; only where taps lie left or right of it is a band of rows copied, with zeros around.

The gradient to the image is again a convolution, of the gradient with the filter turned by half.  With strides it is several: the pixels
whose row and column leave the same rest meet every stride-th tap, each group of them a convolution of its own.  One Correlation
is one of these.  (The gradient to the filter is in conv_filter.pyx.)

(Reading images by stretches in place of im2col: M. Dukhan, The Indirect Convolution Algorithm, 2019, arXiv 1907.02129.)
"""
from cpython.ref cimport PyObject
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from posix.stdlib cimport posix_memalign

from .kernel cimport Buffer, Kernel
from .parallel cimport parallel_for
from .scratch cimport Scratch
from .windows cimport Axis, backward, forward, reach, taps_inside

from minitf.core.dtypes import float32, float64
from minitf.core.registry import register_kernel

ctypedef void (*PixelTile)(const void *, const Py_ssize_t *, Py_ssize_t, Py_ssize_t, Py_ssize_t, const void *, void *, Py_ssize_t) noexcept nogil

cdef extern from "conv_tile.h":
    enum: VECTOR_BYTES, ACCUMULATORS, TALLEST
    PixelTile pixel_tile_of(bint, int, int) nogil

cdef enum:
    BAND = 131072                      # bytes of a band of rows: with the filter's panel it stays in the L2 cache
    WORTH = 2000000                    # multiplications for which a second thread is called

ctypedef fused real:
    float
    double


cdef Geometry geometry(Buffer *x, Buffer *w, Buffer *y, dict attrs):
    cdef Geometry g
    cdef Py_ssize_t pixels, columns
    g.n, g.h, g.w, g.c = x.shape[0], x.shape[1], x.shape[2], x.shape[3]
    g.kh, g.kw, g.f = w.shape[0], w.shape[1], w.shape[3]
    g.oh, g.ow = y.shape[1], y.shape[2]
    g.stride_h, g.stride_w = attrs["strides"][1:3]
    g.dilation_h, g.dilation_w = attrs["dilations"][1:3]
    g.above = g.left = 0
    if attrs["padding"] == "SAME":
        g.above = max(0, (g.oh - 1) * g.stride_h + (g.kh - 1) * g.dilation_h + 1 - g.h) // 2
        g.left = max(0, (g.ow - 1) * g.stride_w + (g.kw - 1) * g.dilation_w + 1 - g.w) // 2
    elif g.kh == g.h and g.kw == g.w and g.dilation_h == g.dilation_w == 1:     # the filter covers the image: a plain product
        g.c *= g.h * g.w
        g.h = g.w = g.kh = g.kw = g.stride_h = g.stride_w = 1
    if g.kh == g.kw == g.stride_h == g.stride_w == 1 and g.w < TALLEST:         # a plain product of all pixels: cut them where tiles are full
        pixels = g.n * g.h * g.w
        for columns in range(4 * TALLEST, g.w, -1):
            if pixels and pixels % columns == 0:
                g.n, g.h, g.w, g.oh, g.ow = 1, pixels // columns, columns, pixels // columns, columns
                break
    return g


cdef Py_ssize_t band_of(const Axis *axis, Py_ssize_t line, Py_ssize_t most) noexcept nogil:
    """How many rows of the result to compute at once, if a row of the source has `line` bytes and `most` bytes of them are to be read."""
    return max(1, min(axis.size, (most // max(1, line) - reach(axis, 1)) // axis.stride + 1))


cdef Py_ssize_t vectors_for(Py_ssize_t height, Py_ssize_t channels, Py_ssize_t lanes) noexcept nogil:
    """The widest panel for tiles of that height: what the registers hold, and no wider than the channels need."""
    cdef Py_ssize_t vectors = 8
    while vectors > 1 and (vectors * height > ACCUMULATORS or vectors // 2 * lanes >= channels):
        vectors //= 2
    return vectors


cdef class Correlation:
    """One convolution of source images with a filter that pack() has laid out; rows(begin, end) computes the rows begin to end of all images.

    A row's columns are cut into pieces of nearly one height, and the result's channels into panels of as many vectors as then fit the registers.
    """
    cdef Axis y, x
    cdef Py_ssize_t h, w, c            # the source
    cdef Py_ssize_t out_h, out_w, f    # the result's images
    cdef Py_ssize_t n, depth           # images; terms of a sum
    cdef Py_ssize_t size, lanes, vectors, pieces
    cdef Py_ssize_t first, width       # the columns of the source that are read
    cdef bint padded                   # whether some of them do not exist
    cdef Py_ssize_t band               # rows of the result computed at once
    cdef char *packed
    cdef const char *weights
    cdef const char *source
    cdef char *result
    cdef Scratch scratch

    def __dealloc__(self):
        free(self.packed)

    cdef int prepare(self, Axis y, Axis x, Buffer *source, Py_ssize_t n, Py_ssize_t h, Py_ssize_t w, Py_ssize_t c,
                     Py_ssize_t out_h, Py_ssize_t out_w, Py_ssize_t f) except -1:
        self.y, self.x, self.n, self.h, self.w, self.c, self.out_h, self.out_w, self.f = y, x, n, h, w, c, out_h, out_w, f
        self.size, self.depth = source.itemsize, y.taps * x.taps * c
        self.lanes = VECTOR_BYTES // self.size
        self.pieces = max(1, (x.size + TALLEST - 1) // TALLEST)
        self.vectors = vectors_for((x.size + self.pieces - 1) // self.pieces, f, self.lanes)
        self.first, self.width = x.offset, reach(&x, x.size)
        self.padded = self.first < 0 or self.first + self.width > w
        self.band = band_of(&y, (self.width if self.padded else w) * c * self.size, BAND)
        self.scratch = Scratch()
        self.scratch.prepare(TALLEST * VECTOR_BYTES + line_of(y.taps * max(1, x.taps))
                             + (reach(&y, self.band) * self.width * c * self.size if self.padded else 0))
        if posix_memalign(<void **> &self.packed, 64, max(64, self.depth * (f + self.lanes) * self.size)):
            raise MemoryError()
        memset(self.packed, 0, self.depth * (f + self.lanes) * self.size)
        return 0

    cdef int compute(self, const char *source, char *result) except -1 nogil:
        cdef Py_ssize_t of_a_row = max(1, self.x.size * self.f * self.depth)
        self.source, self.result = source, result
        parallel_for(some_rows, <void *> self, self.n * self.y.size, max((self.band + 3) // 4, WORTH // of_a_row + 1))
        return self.scratch.check()

    cdef void pack(self, const char *filters) noexcept nogil:
        """The filter [kh, kw, c, f] by panels: all terms of the first panel's channels, then the next panel's."""
        cdef Py_ssize_t f = 0, k, width, wanted, line = self.f * self.size
        cdef char *to = self.packed
        if panel_at(0, self.f, self.vectors, self.lanes) * self.lanes == self.f:
            self.weights = filters
            return
        self.weights = self.packed
        while f < self.f:
            width = panel_at(f, self.f, self.vectors, self.lanes) * self.lanes
            wanted = min(width, self.f - f) * self.size
            for k in range(self.depth):
                memcpy(to + k * width * self.size, filters + k * line + f * self.size, wanted)
            to += self.depth * width * self.size
            f += width

    cdef void pack_turned(self, const char *filters, Py_ssize_t columns) noexcept nogil:
        """The taps of a filter [., columns, f, c] that this correlation meets, each transposed, by panels."""
        self.weights = self.packed
        if self.size == 4:
            turn[float](self, <float *> self.packed, <const float *> filters, columns)
        else:
            turn[double](self, <double *> self.packed, <const double *> filters, columns)

    cdef void rows(self, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        cdef char *scratch = self.scratch.claim()
        cdef Py_ssize_t first = begin, last
        if scratch == NULL:
            return
        while first < end:
            last = min(end, min((first // self.y.size + 1) * self.y.size, first + self.band))
            self.rows_of_image(scratch, first // self.y.size, first % self.y.size, first % self.y.size + last - first)
            first = last
        self.scratch.give_back(scratch)

    cdef void rows_of_image(self, char *scratch, Py_ssize_t image, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        """Rows begin to end of one image, at most `band` of them."""
        cdef Axis y = self.y, x = self.x
        cdef char *spill = scratch
        cdef Py_ssize_t *run = <Py_ssize_t *> (scratch + TALLEST * VECTOR_BYTES)
        cdef char *copy = <char *> run + line_of(y.taps * max(1, x.taps))
        cdef const char *source = self.source + image * self.h * self.w * self.c * self.size
        cdef char *result = self.result + ((image * self.out_h + y.first) * self.out_w + x.first) * self.f * self.size
        cdef const char *weights = self.weights
        cdef Py_ssize_t line = self.w * self.c, top = 0          # of what is read: numbers in a row, and its first row
        cdef Py_ssize_t f = 0, j, k, t, p, vectors, width, low, high, runs, length, column, next_column, left
        cdef char *out
        cdef bint side_by_side = x.dilation == 1 or x.taps == 1
        if self.padded:
            top = max(0, begin * y.stride + y.offset)
            line = self.width * self.c
            pad_rows(copy, source, top, min(self.h, begin * y.stride + y.offset + reach(&y, end - begin)), self.w, self.first, self.width,
                     self.c * self.size)
            source = copy
        else:
            source += self.first * self.c * self.size
        length = x.taps * self.c if side_by_side else self.c
        while f < self.f:
            vectors = panel_at(f, self.f, self.vectors, self.lanes)
            width, left = vectors * self.lanes, self.f - f
            for j in range(begin, end):
                low, high = taps_inside(&y, j, self.h)
                runs = 0
                for k in range(low, high):
                    for t in range(1 if side_by_side else x.taps):
                        run[runs] = (j * y.stride + y.offset + k * y.dilation - top) * line + t * x.dilation * self.c
                        runs += 1
                column = 0
                for p in range(self.pieces):
                    next_column = (p + 1) * x.size // self.pieces
                    out = result + ((j * y.step * self.out_w + column * x.step) * self.f + f) * self.size
                    pixel_tile_of(self.size == 8, next_column - column, vectors)(
                        source + column * x.stride * self.c * self.size, run, runs, length, x.stride * self.c,
                        weights + low * x.taps * self.c * width * self.size,
                        out if left >= width else spill, x.step * self.f if left >= width else self.lanes)
                    if left < width:
                        for t in range(next_column - column):
                            memcpy(out + t * x.step * self.f * self.size, spill + t * VECTOR_BYTES, left * self.size)
                    column = next_column
            weights += self.depth * width * self.size
            f += width


cdef void some_rows(void *correlation, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    (<Correlation> correlation).rows(begin, end)


cdef void pad_rows(char *to, const char *image, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t columns, Py_ssize_t first, Py_ssize_t width,
                   Py_ssize_t pixel) noexcept nogil:
    """Rows begin to end of an image, from its column `first` on (or what would be) `width` columns, zeros where it has none."""
    cdef Py_ssize_t low = max(0, first), high = min(columns, first + width), row
    cdef Py_ssize_t before = min(width, low - first) * pixel, inside = max(0, high - low) * pixel, after = width * pixel - before - inside
    for row in range(begin, end):
        memset(to, 0, before)
        memcpy(to + before, image + (row * columns + low) * pixel, inside)
        memset(to + before + inside, 0, after)
        to += width * pixel


cdef void turn(Correlation self, real *to, const real *filters, Py_ssize_t columns) noexcept nogil:
    cdef Py_ssize_t first = 0, width, wanted, i, j, k, m
    cdef const real *tap
    while first < self.f:
        width = panel_at(first, self.f, self.vectors, self.lanes) * self.lanes
        wanted = min(width, self.f - first)
        for i in range(self.y.taps):
            for j in range(self.x.taps):
                tap = filters + (((self.y.weight + i * self.y.weight_step) * columns + self.x.weight + j * self.x.weight_step) * self.f + first) * self.c
                for k in range(self.c):
                    for m in range(wanted):
                        to[m] = tap[m * self.c + k]
                    to += width
        first += width


cdef class Conv2D(Kernel):
    """output = the convolution of input [n, h, w, c] with filter [kh, kw, c, f]: each output pixel's products with the taps around it, summed."""
    cdef dict attrs
    cdef Correlation correlation

    def __init__(self, attrs):
        self.attrs = attrs

    def prepare(self):
        cdef Geometry g = geometry(self.inputs[0], self.inputs[1], self.outputs[0], self.attrs)
        self.correlation = Correlation()
        self.correlation.prepare(forward(g.oh, g.kh, g.stride_h, g.dilation_h, g.above), forward(g.ow, g.kw, g.stride_w, g.dilation_w, g.left),
                                 self.inputs[0], g.n, g.h, g.w, g.c, g.oh, g.ow, g.f)

    cdef int run(self) except -1 nogil:
        if self.outputs[0].size:
            self.correlation.pack(self.inputs[1].data)
            return self.correlation.compute(self.inputs[0].data, self.outputs[0].data)
        return 0


cdef class Conv2DBackpropInput(Kernel):
    """The gradient to a convolution's input: inputs (input_sizes, filter, out_backprop), the output of the shape input_sizes."""
    cdef dict attrs
    cdef list correlations
    cdef PyObject **each               # the same, for run()
    cdef Py_ssize_t count, columns

    def __init__(self, attrs):
        self.attrs = attrs

    def __dealloc__(self):
        free(self.each)

    def prepare(self):
        cdef Geometry g = geometry(self.outputs[0], self.inputs[1], self.inputs[2], self.attrs)
        cdef Py_ssize_t row, column
        cdef Correlation correlation
        self.correlations, self.columns = [], g.kw
        for row in range(min(g.stride_h, g.h)):
            for column in range(min(g.stride_w, g.w)):
                correlation = Correlation()
                correlation.prepare(backward(g.h, row, g.kh, g.stride_h, g.dilation_h, g.above),
                                    backward(g.w, column, g.kw, g.stride_w, g.dilation_w, g.left),
                                    self.inputs[2], g.n, g.oh, g.ow, g.f, g.h, g.w, g.c)
                self.correlations.append(correlation)
        self.count = len(self.correlations)
        self.each = <PyObject **> calloc(self.count + 1, sizeof(PyObject *))
        if self.each == NULL:
            raise MemoryError()
        for row in range(self.count):
            self.each[row] = <PyObject *> self.correlations[row]

    cdef int run(self) except -1 nogil:
        cdef Py_ssize_t i
        if self.outputs[0].size:
            for i in range(self.count):
                (<Correlation> self.each[i]).pack_turned(self.inputs[1].data, self.columns)
                (<Correlation> self.each[i]).compute(self.inputs[2].data, self.outputs[0].data)
        return 0


register_kernel("Conv2D", T=[float32, float64])(Conv2D)
register_kernel("Conv2DBackpropInput", T=[float32, float64])(Conv2DBackpropInput)
