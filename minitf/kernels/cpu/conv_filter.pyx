"""The gradient of a convolution to its filter: a sum of outer products of the images and the gradient of the result."""
from libc.string cimport memcpy, memset

from .conv cimport Geometry, band_of, geometry, line_of, pad_rows, panel_at, vectors_for
from .kernel cimport Kernel
from .parallel cimport parallel_for
from .scratch cimport Scratch
from .windows cimport Axis, forward, reach

from minitf.core.dtypes import float32, float64
from minitf.core.registry import register_kernel

ctypedef void (*FilterTile)(const void *, const Py_ssize_t *, Py_ssize_t, Py_ssize_t, Py_ssize_t, const void *, Py_ssize_t, void *,
                            Py_ssize_t) noexcept nogil

cdef extern from "conv_tile.h":
    enum: VECTOR_BYTES, TALLEST
    FilterTile filter_tile_of(bint, int, int) nogil

cdef enum:
    BAND = 262144                      # bytes of a band of rows, which is read, and the gradient written, once for each strip
    WORTH = 2000000                    # multiplications for which a second thread is called

ctypedef fused real:
    float
    double


cdef class Conv2DBackpropFilter(Kernel):
    """The gradient to a convolution's filter: inputs (input, filter_sizes, out_backprop), the output of the shape filter_sizes.

    A strip is up to TALLEST neighbours of a filter row's taps and channels; its gradient is a product of their columns in the image and out_backprop.
    The work is cut by strips, so each number is summed in one order, over bands of rows.
    """
    cdef dict attrs
    cdef Geometry g
    cdef Axis y, x
    cdef Py_ssize_t size, lanes, vectors
    cdef Py_ssize_t stretches, stretch, pieces         # stretches of a filter row, numbers in each, strips in each
    cdef Py_ssize_t first, width, band                 # as in Correlation
    cdef bint padded
    cdef Scratch scratch

    def __init__(self, attrs):
        self.attrs = attrs

    def prepare(self):
        cdef Geometry g = geometry(self.inputs[0], self.outputs[0], self.inputs[2], self.attrs)
        cdef Py_ssize_t tallest
        self.g, self.size = g, self.inputs[0].itemsize
        self.y, self.x = forward(g.oh, g.kh, g.stride_h, g.dilation_h, g.above), forward(g.ow, g.kw, g.stride_w, g.dilation_w, g.left)
        self.lanes = VECTOR_BYTES // self.size
        self.stretches = 1 if g.dilation_w == 1 else g.kw
        self.stretch = g.kw * g.c // max(1, self.stretches)
        self.pieces = (self.stretch + TALLEST - 1) // TALLEST
        tallest = (self.stretch + self.pieces - 1) // self.pieces if self.pieces else 1
        self.vectors = vectors_for(tallest, g.f, self.lanes)
        self.first, self.width = self.x.offset, reach(&self.x, g.ow)
        self.padded = self.first < 0 or self.first + self.width > g.w
        self.band = band_of(&self.y, (self.width if self.padded else g.w) * g.c * self.size, BAND)
        self.scratch = Scratch()
        self.scratch.prepare(TALLEST * VECTOR_BYTES + line_of(self.band) + self.band * g.ow * VECTOR_BYTES
                             + (reach(&self.y, self.band) * self.width * g.c * self.size if self.padded else 0))

    cdef int run(self) except -1 nogil:
        cdef Py_ssize_t n = self.g.kh * self.stretches * self.pieces
        cdef Py_ssize_t of_a_strip = max(1, self.g.n * self.g.oh * self.g.ow * self.g.f * self.stretch // max(1, self.pieces))
        # each range copies the padded rows for itself, so there are few
        parallel_for(some_strips, <void *> self, n, max((n + 3) // 4, WORTH // of_a_strip + 1))
        return self.scratch.check()

    cdef void strips(self, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        cdef char *scratch = self.scratch.claim()
        cdef Py_ssize_t strip, image, row, low, high, start
        if scratch == NULL:
            return
        for strip in range(begin, end):
            low, high, start = self.place(strip)
            memset(self.outputs[0].data + start * self.g.f * self.size, 0, (high - low) * self.g.f * self.size)
        if self.inputs[2].size:
            for image in range(self.g.n):
                row = 0
                while row < self.g.oh:
                    self.add_rows(scratch, begin, end, image, row, min(self.g.oh, row + self.band))
                    row += self.band
        self.scratch.give_back(scratch)

    cdef inline (Py_ssize_t, Py_ssize_t, Py_ssize_t) place(self, Py_ssize_t strip) noexcept nogil:
        """Of a strip: its place [low, high) in its stretch, and the filter's line (of f numbers) that it begins with."""
        cdef Py_ssize_t piece = strip % self.pieces, low = piece * self.stretch // self.pieces
        return low, (piece + 1) * self.stretch // self.pieces, strip // self.pieces * self.stretch + low

    cdef void add_rows(self, char *scratch, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t image, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
        """Rows first to last of one out_backprop, at most `band` of them, to strips begin to end."""
        cdef Geometry g = self.g
        cdef Axis y = self.y
        cdef char *spill = scratch
        cdef Py_ssize_t *row = <Py_ssize_t *> (spill + TALLEST * VECTOR_BYTES)
        cdef char *tail = <char *> row + line_of(self.band)
        cdef char *copy = tail + self.band * g.ow * VECTOR_BYTES
        cdef const char *source = self.inputs[0].data + image * g.h * g.w * g.c * self.size
        cdef const char *gradient = self.inputs[2].data + (image * g.oh + first) * g.ow * g.f * self.size
        cdef const char *panel
        cdef char *out
        cdef Py_ssize_t line = g.w * g.c, top = 0, f = 0, strip, tap, offset, low, high, start, begin_row, end_row, j, vectors, left, ld
        if self.padded:
            top = max(0, first * y.stride + y.offset)
            line = self.width * g.c
            pad_rows(copy, source, top, min(g.h, first * y.stride + y.offset + reach(&y, last - first)), g.w, self.first, self.width, g.c * self.size)
            source = copy
        else:
            source += self.first * g.c * self.size
        while f < g.f:
            vectors, left = panel_at(f, g.f, self.vectors, self.lanes), g.f - f
            panel, ld = gradient + f * self.size, g.f
            if left < self.lanes:
                for j in range((last - first) * g.ow):
                    memset(tail + j * VECTOR_BYTES, 0, VECTOR_BYTES)
                    memcpy(tail + j * VECTOR_BYTES, panel + j * g.f * self.size, left * self.size)
                panel, ld = tail, self.lanes
            for strip in range(begin, end):
                low, high, start = self.place(strip)
                tap, offset = strip // self.pieces // self.stretches, strip // self.pieces % self.stretches * g.dilation_w * g.c
                begin_row, end_row = first, last
                while begin_row < last and begin_row * y.stride + y.offset + tap * y.dilation < 0:
                    begin_row += 1
                while end_row > begin_row and (end_row - 1) * y.stride + y.offset + tap * y.dilation >= g.h:
                    end_row -= 1
                for j in range(begin_row, end_row):
                    row[j - begin_row] = (j * y.stride + y.offset + tap * y.dilation - top) * line
                out = self.outputs[0].data + (start * g.f + f) * self.size
                if left < self.lanes:
                    memset(spill, 0, TALLEST * VECTOR_BYTES)
                filter_tile_of(self.size == 8, high - low, vectors)(
                    source + (offset + low) * self.size, row, end_row - begin_row, g.ow, g.stride_w * g.c,
                    panel + (begin_row - first) * g.ow * ld * self.size, ld,
                    spill if left < self.lanes else out, self.lanes if left < self.lanes else g.f)
                if left < self.lanes:
                    for j in range(high - low):
                        if self.size == 4:
                            add(<float *> out + j * g.f, <float *> spill + j * self.lanes, left)
                        else:
                            add(<double *> out + j * g.f, <double *> spill + j * self.lanes, left)
            f += vectors * self.lanes


cdef void some_strips(void *kernel, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    (<Conv2DBackpropFilter> kernel).strips(begin, end)


cdef void add(real *out, const real *more, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] += more[i]


register_kernel("Conv2DBackpropFilter", T=[float32, float64])(Conv2DBackpropFilter)
