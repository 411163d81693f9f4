"""What the three kernels of convolution share: the sizes of one, its panels and bands, and a band of rows with zeros around it."""
from .kernel cimport Buffer
from .windows cimport Axis

cdef struct Geometry:
    # of the forward convolution: [n, h, w, c] and [kh, kw, c, f] give [n, oh, ow, f]
    Py_ssize_t n, h, w, c, kh, kw, f, oh, ow
    Py_ssize_t stride_h, stride_w, dilation_h, dilation_w, above, left

cdef Geometry geometry(Buffer *x, Buffer *w, Buffer *y, dict attrs)
cdef Py_ssize_t band_of(const Axis *axis, Py_ssize_t line, Py_ssize_t most) noexcept nogil
cdef Py_ssize_t vectors_for(Py_ssize_t height, Py_ssize_t channels, Py_ssize_t lanes) noexcept nogil
cdef void pad_rows(char *to, const char *image, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t columns, Py_ssize_t first, Py_ssize_t width,
                   Py_ssize_t pixel) noexcept nogil


cdef inline Py_ssize_t panel_at(Py_ssize_t f, Py_ssize_t channels, Py_ssize_t vectors, Py_ssize_t lanes) noexcept nogil:
    """The vectors of the panel that begins at channel f: the widest that is full, or the last one, of one vector."""
    while vectors > 1 and vectors * lanes > channels - f:
        vectors //= 2
    return vectors


cdef inline Py_ssize_t line_of(Py_ssize_t n) noexcept nogil:
    """The bytes of n numbers of 8 bytes, in whole cache lines."""
    return (n * 8 + 63) & ~63
