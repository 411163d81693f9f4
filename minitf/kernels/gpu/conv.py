"""Convolution and its two gradients on a GPU.

Each is one matrix product whose left side is gathered from the images while tiles are loaded (conv.cu): no patch matrix, which would be
as many times the image as there are taps, is written.  A filter of one tap, and one that covers the image, are plain products of what
lies in memory.

The gradient to the image with strides is several convolutions, as on the CPU: pixels whose row and column leave the same rest meet the
same taps.  Every number is summed in one order, so results are the same in every run; sums of few tiles are split and added up by a
second pass (matmul.py).
"""
import ctypes

from .call import FLOATS, register_gpu_kernel, typed
from .matmul import BLOCK, add_splits, depth_of, product, splits_of, tile_of, tiles_of
from .windows import Axis, Divider, backward, before, forward


class Convolution(ctypes.Structure):
    """As in conv.cu: from source images [n, h, w, c] to result images [n, out_h, out_w, f]."""
    _fields_ = [("y", Axis), ("x", Axis), *((name, ctypes.c_int) for name in ("n", "h", "w", "c", "out_h", "out_w", "f", "filter_columns")),
                ("rows", Divider), ("columns", Divider), ("channels", Divider), ("taps", Divider)]

    def __init__(self, y, x, n, h, w, c, out_h, out_w, f, filter_columns):
        super().__init__(y, x, n, h, w, c, out_h, out_w, f, filter_columns, Divider(y.size), Divider(x.size), Divider(c), Divider(x.taps))

    @property
    def positions(self):
        return self.n * self.y.size * self.x.size

    @property
    def terms(self):
        return self.y.taps * self.x.taps * self.c


class Geometry:
    """The sizes of a convolution of images with filters to a result, as the attributes say."""

    def __init__(self, call, images, filters, result):
        self.n, self.h, self.w, self.c = images.shape
        self.kh, self.kw, _, self.f = filters.shape
        _, self.oh, self.ow, _ = result.shape
        (_, self.stride_y, self.stride_x, _), (_, self.dilation_y, self.dilation_x, _) = call.attrs["strides"], call.attrs["dilations"]
        padding = call.attrs["padding"]
        self.above = before(self.h, self.oh, self.kh, self.stride_y, self.dilation_y, padding)
        self.left = before(self.w, self.ow, self.kw, self.stride_x, self.dilation_x, padding)
        self.one_tap = self.kh == self.kw == self.stride_y == self.stride_x == 1
        self.covers = padding == "VALID" and (self.kh, self.kw, self.dilation_y, self.dilation_x) == (self.h, self.w, 1, 1)

    @property
    def plain(self):
        """(rows, terms, columns) of the convolution where it is a product of what lies in memory, else None."""
        if self.one_tap:
            return self.n * self.h * self.w, self.c, self.f
        return (self.n, self.h * self.w * self.c, self.f) if self.covers else None

    def forward(self):
        y = forward(self.oh, self.kh, self.stride_y, self.dilation_y, self.above)
        x = forward(self.ow, self.kw, self.stride_x, self.dilation_x, self.left)
        return Convolution(y, x, self.n, self.h, self.w, self.c, self.oh, self.ow, self.f, self.kw)

    def backward(self):
        """The convolutions of the result's gradient that give the image's."""
        for row in range(min(self.stride_y, self.h)):
            for column in range(min(self.stride_x, self.w)):
                y = backward(self.h, row, self.kh, self.stride_y, self.dilation_y, self.above)
                x = backward(self.w, column, self.kw, self.stride_x, self.dilation_x, self.left)
                yield Convolution(y, x, self.n, self.oh, self.ow, self.f, self.h, self.w, self.c, self.kw)


def launch(call, name, shape, where, a, b, convolution, rows, terms, splits, step):
    """The tiles of rows x f numbers; each sum has so many terms, cut into splits of whole steps."""
    each = -(-terms // (splits * step)) * step
    call.launch(typed(f"{name}_{shape}", where.dtype), (tiles_of(shape, rows, convolution.f), splits), BLOCK, a, b, where, convolution,
                call.outputs[0].size, each)


def tiles(call, convolutions, name, a, b):
    """Queue convolutions that together write the output: positions are the rows of their products."""
    out = call.outputs[0]
    shape = tile_of(max(g.positions for g in convolutions), convolutions[0].f, 1, out.dtype)
    shape = "square" if shape == "flat" else shape                  # few positions of many channels: too few products to be worth kernels
    step = depth_of(shape, out.dtype)
    splits = min(splits_of(tiles_of(shape, g.positions, g.f), g.terms, step)[0] for g in convolutions if g.terms)

    def queue(where):
        for g in convolutions:
            launch(call, name, shape, where, a, b, g, g.positions, g.terms, splits, step)
    add_splits(call, out, out.size, splits, queue)


@register_gpu_kernel("Conv2D", source="conv.cu", T=FLOATS)
def conv2d(call):
    (images, filters), out = call.inputs, call.outputs[0]
    g = Geometry(call, images, filters, out)
    if out.size == 0:
        return
    if images.size == 0:
        call.zero(out)
    elif g.plain:
        rows, terms, columns = g.plain
        product(call, images, filters, out, rows, columns, terms)
    else:
        tiles(call, [g.forward()], "conv", images, filters)


@register_gpu_kernel("Conv2DBackpropInput", source="conv.cu", T=FLOATS)
def conv2d_backprop_input(call):
    (_, filters, gradient), out = call.inputs, call.outputs[0]
    g = Geometry(call, out, filters, gradient)
    if out.size == 0:
        return
    if filters.size == 0 or gradient.size == 0:
        call.zero(out)
    elif g.plain:
        rows, terms, columns = g.plain
        product(call, gradient, filters, out, rows, terms, columns, turned_b=True)
    else:
        tiles(call, list(g.backward()), "conv_input", gradient, filters)


@register_gpu_kernel("Conv2DBackpropFilter", source="conv.cu", T=FLOATS)
def conv2d_backprop_filter(call):
    (images, _, gradient), out = call.inputs, call.outputs[0]
    g = Geometry(call, images, out, gradient)
    if out.size == 0:
        return
    if images.size == 0 or gradient.size == 0:
        call.zero(out)
    elif g.plain:
        rows, terms, columns = g.plain
        product(call, images, gradient, out, terms, columns, rows, turned_a=True)
    else:
        convolution = g.forward()
        shape = tile_of(convolution.terms, g.f, 1, out.dtype)
        step = depth_of(shape, out.dtype)
        splits, _ = splits_of(tiles_of(shape, convolution.terms, g.f), convolution.positions, step)
        add_splits(call, out, out.size, splits, lambda where: launch(call, "conv_filter", shape, where, images, gradient, convolution,
                                                                     convolution.terms, convolution.positions, splits, step))
