"""Resizing of images [batch, height, width, channels], and the adjoints.

Output pixel i of a row lies at i * scale of the input, scale being input / output, or (input - 1) / (output - 1) with align_corners:
TensorFlow 1.x's convention, in which pixels are points on a grid that begins at their corner.  Places are computed in float32, as there.
"""
from libc.math cimport floorf, roundf
from libc.stdint cimport int8_t, int16_t, int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from .element_types cimport number, real
from .kernel cimport FLOAT32, FLOAT64, INT8, INT16, INT32, INT64, UINT8, Buffer, Kernel

from minitf.core.dtypes import float32, float64, int8, int16, int32, int64, uint8
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel

cdef struct Place:                    # where an output row or column takes its value from
    int64_t low, high
    float part                        # how much of the value comes from `high`


cdef class Resize(Kernel):
    """Places of all rows and columns, worked out in prepare()."""
    cdef bint align_corners
    cdef Place *rows
    cdef Place *columns

    def __init__(self, attrs):
        self.align_corners = attrs.get("align_corners", False)

    def __dealloc__(self):
        free(self.rows)
        free(self.columns)

    cdef places(self, Buffer *small, Buffer *large):
        """`small` is what is sampled, `large` what it is resized to."""
        if small.shape[1] == 0 or small.shape[2] == 0:
            if large.size:
                raise InvalidArgumentError(None, None, "input image must be of non-zero size")
        free(self.rows)
        free(self.columns)
        self.rows = <Place *> calloc(large.shape[1] + 1, sizeof(Place))
        self.columns = <Place *> calloc(large.shape[2] + 1, sizeof(Place))
        if self.rows == NULL or self.columns == NULL:
            raise MemoryError()
        self.fill(self.rows, small.shape[1], large.shape[1])
        self.fill(self.columns, small.shape[2], large.shape[2])

    cdef void fill(self, Place *places, int64_t have, int64_t want):
        cdef float scale = <float> (have - 1) / <float> (want - 1) if self.align_corners and want > 1 else <float> have / <float> want if want else 0
        cdef float at
        cdef int64_t i
        for i in range(want):
            at = i * scale
            places[i].low = min(<int64_t> floorf(at), have - 1)
            places[i].high = min(places[i].low + 1, have - 1)
            places[i].part = at - <float> places[i].low

    cdef int64_t nearest(self, const Place *p) noexcept nogil:
        return p.high if self.align_corners and roundf(p.part) >= 1 else p.low


cdef class ResizeNearestNeighbor(Resize):
    def prepare(self):
        self.places(self.inputs[0], self.outputs[0])

    cdef int run(self) except -1 nogil:
        cdef Buffer *x = self.inputs[0]
        cdef Buffer *out = self.outputs[0]
        cdef int64_t pixel = x.shape[3] * x.itemsize, b, i, j
        cdef const char *row
        cdef char *to = out.data
        for b in range(out.shape[0]):
            for i in range(out.shape[1]):
                row = x.data + (b * x.shape[1] + self.nearest(&self.rows[i])) * x.shape[2] * pixel
                for j in range(out.shape[2]):
                    memcpy(to, row + self.nearest(&self.columns[j]) * pixel, pixel)
                    to += pixel
        return 0


cdef class ResizeNearestNeighborGrad(Resize):
    """Each output pixel's gradient is added to the input pixel that it was a copy of.  inputs: grads, size of the input."""
    def prepare(self):
        self.places(self.outputs[0], self.inputs[0])

    cdef int run(self) except -1 nogil:
        memset(self.outputs[0].data, 0, self.outputs[0].size * self.outputs[0].itemsize)
        if self.outputs[0].dtype == FLOAT32:
            add_nearest(self, <float *> self.outputs[0].data, <const float *> self.inputs[0].data)
        else:
            add_nearest(self, <double *> self.outputs[0].data, <const double *> self.inputs[0].data)
        return 0


cdef void add_nearest(Resize self, real *to, const real *grad) noexcept nogil:
    cdef Buffer *g = self.inputs[0]
    cdef Buffer *x = self.outputs[0]
    cdef int64_t channels = g.shape[3], b, i, j, c
    cdef real *pixel
    for b in range(g.shape[0]):
        for i in range(g.shape[1]):
            for j in range(g.shape[2]):
                pixel = to + ((b * x.shape[1] + self.nearest(&self.rows[i])) * x.shape[2] + self.nearest(&self.columns[j])) * channels
                for c in range(channels):
                    pixel[c] += grad[c]
                grad += channels


cdef class ResizeBilinear(Resize):
    """The mean of the four pixels around the place, weighted by nearness; float32, or float64 where the input is that."""
    def prepare(self):
        self.places(self.inputs[0], self.outputs[0])

    cdef int run(self) except -1 nogil:
        cdef Buffer *x = self.inputs[0]
        cdef float *out = <float *> self.outputs[0].data
        if x.dtype == FLOAT64:
            interpolate(self, <double *> self.outputs[0].data, <const double *> x.data)
        elif x.dtype == FLOAT32:
            interpolate(self, out, <const float *> x.data)
        elif x.dtype == UINT8:
            interpolate(self, out, <const uint8_t *> x.data)
        elif x.dtype == INT32:
            interpolate(self, out, <const int32_t *> x.data)
        elif x.dtype == INT64:
            interpolate(self, out, <const int64_t *> x.data)
        elif x.dtype == INT16:
            interpolate(self, out, <const int16_t *> x.data)
        else:
            interpolate(self, out, <const int8_t *> x.data)
        return 0


cdef void interpolate(Resize self, real *to, const number *x) noexcept nogil:
    cdef Buffer *image = self.inputs[0]
    cdef Buffer *out = self.outputs[0]
    cdef int64_t channels = out.shape[3], width = image.shape[2], b, i, j, c, left, right
    cdef const number *above
    cdef const number *below
    cdef real top, bottom, across, down
    for b in range(out.shape[0]):
        for i in range(out.shape[1]):
            above = x + (b * image.shape[1] + self.rows[i].low) * width * channels
            below = x + (b * image.shape[1] + self.rows[i].high) * width * channels
            down = self.rows[i].part
            for j in range(out.shape[2]):
                left, right, across = self.columns[j].low * channels, self.columns[j].high * channels, self.columns[j].part
                for c in range(channels):
                    top = <real> above[left + c] + (<real> above[right + c] - <real> above[left + c]) * across
                    bottom = <real> below[left + c] + (<real> below[right + c] - <real> below[left + c]) * across
                    to[c] = top + (bottom - top) * down
                to += channels


cdef class ResizeBilinearGrad(Resize):
    """Each output pixel's gradient, shared among the four pixels that it was made of.  inputs: grads, size of the input."""
    def prepare(self):
        self.places(self.outputs[0], self.inputs[0])

    cdef int run(self) except -1 nogil:
        memset(self.outputs[0].data, 0, self.outputs[0].size * self.outputs[0].itemsize)
        if self.outputs[0].dtype == FLOAT32:
            share(self, <float *> self.outputs[0].data, <const float *> self.inputs[0].data)
        else:
            share(self, <double *> self.outputs[0].data, <const double *> self.inputs[0].data)
        return 0


cdef void share(Resize self, real *to, const real *grad) noexcept nogil:
    cdef Buffer *g = self.inputs[0]
    cdef Buffer *x = self.outputs[0]
    cdef int64_t channels = g.shape[3], b, i, j, c, left, right
    cdef real *above
    cdef real *below
    cdef real across, down
    for b in range(g.shape[0]):
        for i in range(g.shape[1]):
            above = to + (b * x.shape[1] + self.rows[i].low) * x.shape[2] * channels
            below = to + (b * x.shape[1] + self.rows[i].high) * x.shape[2] * channels
            down = self.rows[i].part
            for j in range(g.shape[2]):
                left, right, across = self.columns[j].low * channels, self.columns[j].high * channels, self.columns[j].part
                for c in range(channels):
                    above[left + c] += grad[c] * (1 - down) * (1 - across)
                    above[right + c] += grad[c] * (1 - down) * across
                    below[left + c] += grad[c] * down * (1 - across)
                    below[right + c] += grad[c] * down * across
                grad += channels


IMAGES = [float32, float64, int32, int64, int16, int8, uint8]
register_kernel("ResizeNearestNeighbor", T=IMAGES)(ResizeNearestNeighbor)
register_kernel("ResizeBilinear", T=IMAGES)(ResizeBilinear)
register_kernel("ResizeNearestNeighborGrad", T=[float32, float64])(ResizeNearestNeighborGrad)
register_kernel("ResizeBilinearGrad", T=[float32, float64])(ResizeBilinearGrad)
