"""A convolution whose sums stay in registers (6 points)

The chapter draws a tile: some neighbouring pixels of the result by some filters, whose sums are kept in registers until they are complete.
Build one: 4 pixels by 16 filters.  conv2d, which is given, puts zeros around the images and the filters into panels of 16, and calls your
three functions.

An image is one long row of numbers here: the number of row y, column x, channel c stands at y * line + x * channels + c.  The numbers that
a window meets lie at the same distances from its first one, wherever the window stands.

fill_offsets(offsets, kw, channels, line, down, right)      those distances: offsets, with kh * kw * channels places, which may hold
    anything, is filled in the order of the filter's rows, columns and channels.  Row a, column b, channel c of a window lies a * down rows
    below and b * right columns right of its first pixel.

    kw 2, channels 1, line 5, down 1, right 1, four places      0, 1, 5, 6
    the same with right 3                                       0, 3, 5, 8

tile(image, first, apart, pixels, offsets, panel, sums)     the sums of `pixels` windows, 1 to 4, that begin at first, first + apart, ...;
    panel [number of offsets, 16] has the weights of 16 filters.  Into sums [4, 16], which may hold anything,

        sums[p, v] = sum over k of image[first + p * apart + offsets[k]] * panel[k, v]       for each p below pixels and each v below 16

    Other rows of sums are left as they are.  Add up in C arrays, and write them to sums at the end: sums is memory, to the compiler, and
    it would store every intermediate result there.  If there are no offsets, the sums are 0.

convolve(image, line, channels, down, right, offsets, panels, sums, y)      all windows of an image, by tiles.  down and right are the
    strides, line and channels as above, panels [panels, number of offsets, 16], sums [4, 16] room for a tile.  Writes all of y [rows,
    columns, filters], which may hold anything: y[i, j, 16 * q + v] is the sum of filter v of panel q for the window that begins at row i *
    down, column j * right.  The last tile of a row may have less than 4 pixels, and the last panel less than 16 filters.

Declare all variables with cdef; an index outside an array is an error when it is graded, and the end of the process otherwise.  Nothing
may be imported.  To be cimported there are libc.math, libc.float, libc.limits, libc.stdint, memcpy, memset and memmove of libc.string, and
malloc, calloc, realloc, free and abs of libc.stdlib.

Replaces the kernel of Conv2D for float64.     make grade CH=05
"""

cdef enum:
    PIXELS = 4
    FILTERS = 16


def fill_offsets(Py_ssize_t[::1] offsets, Py_ssize_t kw, Py_ssize_t channels, Py_ssize_t line, Py_ssize_t down, Py_ssize_t right):
    """How far from a window's first number its numbers lie."""
    raise NotImplementedError("write this")


cpdef tile(const double[::1] image, Py_ssize_t first, Py_ssize_t apart, Py_ssize_t pixels, const Py_ssize_t[::1] offsets,
           const double[:, ::1] panel, double[:, ::1] sums):
    """The sums of `pixels` windows by 16 filters."""
    raise NotImplementedError("write this")


def convolve(const double[::1] image, Py_ssize_t line, Py_ssize_t channels, Py_ssize_t down, Py_ssize_t right,
             const Py_ssize_t[::1] offsets, const double[:, :, ::1] panels, double[:, ::1] sums, double[:, :, ::1] y):
    """All windows of an image by all filters, into y."""
    raise NotImplementedError("write this")


def conv2d(attrs, x, w):
    """The kernel of Conv2D: images [n, rows, columns, channels] by filters [kh, kw, channels, filters]."""
    (n, h, wide, channels), (kh, kw, _, filters) = x.shape, w.shape
    (down, right), (dilated, widened), same = attrs["strides"][1:3], attrs["dilations"][1:3], attrs["padding"] == "SAME"
    reach, reach_right = (kh - 1) * dilated + 1, (kw - 1) * widened + 1
    rows = -(-h // down) if same else (h - reach) // down + 1
    columns = -(-wide // right) if same else (wide - reach_right) // right + 1
    above = max(0, (rows - 1) * down + reach - h) // 2 if same else 0
    left = max(0, (columns - 1) * right + reach_right - wide) // 2 if same else 0
    new = type(x)                                                            # numpy.ndarray, of float64 if nothing is said
    around = new((n, max(h + above, (rows - 1) * down + reach), max(wide + left, (columns - 1) * right + reach_right), channels))
    around[...] = 0
    around[:, above:above + h, left:left + wide] = x
    panels, depth = new((-(-filters // FILTERS), kh * kw * channels, FILTERS)), kh * kw * channels
    panels[...] = 0
    for q in range(len(panels)):
        panels[q, :, :min(FILTERS, filters - q * FILTERS)] = w.reshape(depth, filters)[:, q * FILTERS:(q + 1) * FILTERS]
    offsets, sums, y = new(depth, "intp"), new((PIXELS, FILTERS)), new((n, rows, columns, filters))
    line = around.shape[2] * channels
    fill_offsets(offsets, kw, channels, line, dilated, widened)
    for i in range(n):
        convolve(around[i].reshape(-1), line, channels, down, right, offsets, panels, sums, y[i])
    return y
