"""Where the taps of a window meet the pixels of an image, along one side of it: what all convolutions share."""

cdef struct Axis:
    # Rows or columns.  Position j of the result is its pixel first + step * j; it meets, for each tap k, the source's pixel
    # stride * j + offset + dilation * k with the filter's row or column weight + weight_step * k.
    Py_ssize_t size, first, step
    Py_ssize_t stride, offset, dilation
    Py_ssize_t taps, weight, weight_step


cdef inline Axis forward(Py_ssize_t size, Py_ssize_t taps, Py_ssize_t stride, Py_ssize_t dilation, Py_ssize_t before) noexcept nogil:
    return Axis(size, 0, 1, stride, -before, dilation, taps, 0, 1)


cdef inline Axis backward(Py_ssize_t size, Py_ssize_t rest, Py_ssize_t taps, Py_ssize_t stride, Py_ssize_t dilation,
                          Py_ssize_t before) noexcept nogil:
    """The image's pixels rest, rest + stride, ...: where taps of the forward convolution met them, and at which of its pixels."""
    cdef Py_ssize_t k, last = -1, first = -1, step = stride
    for k in range(taps):
        if (rest + before - k * dilation) % stride == 0:
            if last >= 0:
                step = k - last
            else:
                first = k
            last = k
    if last < 0:
        return Axis((size - rest + stride - 1) // stride, rest, stride, 1, 0, 1, 0, 0, 0)
    return Axis((size - rest + stride - 1) // stride, rest, stride, 1, (rest + before - last * dilation) // stride, step * dilation // stride,
                (last - first) // step + 1, last, -step)


cdef inline Py_ssize_t reach(const Axis *axis, Py_ssize_t positions) noexcept nogil:
    """How many pixels of the source lie from the first to the last that so many positions in a row meet."""
    return (positions - 1) * axis.stride + (axis.taps - 1) * axis.dilation + 1 if positions and axis.taps else 0


cdef inline (Py_ssize_t, Py_ssize_t) taps_inside(const Axis *axis, Py_ssize_t j, Py_ssize_t size) noexcept nogil:
    """The taps [low, high) that meet pixels of the source at the result's position j."""
    cdef Py_ssize_t start = j * axis.stride + axis.offset, low = 0, high = 0
    if start < 0:
        low = min(axis.taps, (-start + axis.dilation - 1) // axis.dilation)
    if start < size:
        high = min(axis.taps, (size - 1 - start) // axis.dilation + 1)
    return low, max(low, high)
