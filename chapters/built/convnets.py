"""Convolution and max pooling as ops, computed as one matrix product, and the rules for their gradients.

Made from the cells of chapters/05_convnets.py that are tagged `built`: change them there, then `make notebooks`.
"""
import numpy as np

from .autodiff import rule
from .ops import op


def places(size, taps, stride, padding):
    """Along one side: (at how many places the filter stands, zeros before the image, zeros behind it)."""
    if padding == "VALID":
        return (size - taps) // stride + 1, 0, 0
    count = -(-size // stride)                              # rounded up
    zeros = max(0, (count - 1) * stride + taps - size)
    return count, zeros // 2, zeros - zeros // 2


def conv_shape(x, w, stride=1, padding="VALID"):
    if x[3] != w[2]:
        raise ValueError(f"Conv2D: images {x} have {x[3]} channels, filters {w} take {w[2]}")
    rows, columns = (places(x[k + 1], w[k], stride, padding)[0] for k in (0, 1))
    return x[0], rows, columns, w[3]


def padded(x, kh, kw, stride, padding):
    """The images with zeros around them, and how many places there are along rows and columns."""
    (rows, above, below), (columns, left, right) = places(x.shape[1], kh, stride, padding), places(x.shape[2], kw, stride, padding)
    return np.pad(x, ((0, 0), (above, below), (left, right), (0, 0))), rows, columns


def patches(x, kh, kw, stride, padding):
    """[n, rows, columns, kh, kw, channels]: the window at each place."""
    x, rows, columns = padded(x, kh, kw, stride, padding)
    result = np.empty((len(x), rows, columns, kh, kw, x.shape[3]), x.dtype)
    for a in range(kh):
        for b in range(kw):
            result[:, :, :, a, b] = x[:, a:a + (rows - 1) * stride + 1:stride, b:b + (columns - 1) * stride + 1:stride]
    return result


@op("Conv2D", conv_shape)
def conv2d(x, w, stride=1, padding="VALID"):
    """Images [n, rows, columns, channels] by filters [kh, kw, channels, filters]."""
    windows = patches(x, *w.shape[:2], stride, padding)
    product = windows.reshape(-1, w[..., 0].size) @ w.reshape(-1, w.shape[3])
    return product.reshape(*windows.shape[:3], w.shape[3])


@op("Conv2DFilterGrad", lambda x, w, g, **how: w)
def filter_gradient(x, w, g, stride=1, padding="VALID"):
    """The slopes of the filters w, given those of the result."""
    windows = patches(x, *w.shape[:2], stride, padding)
    return (windows.reshape(-1, w[..., 0].size).T @ g.reshape(-1, w.shape[3])).reshape(w.shape)


@op("Conv2DImageGrad", lambda x, w, g, **how: x)
def image_gradient(x, w, g, stride=1, padding="VALID"):
    """The slopes of the images x, given those of the result."""
    if stride != 1:
        raise NotImplementedError("the gradient to an image takes stride 1 only")
    kh, kw, *_ = w.shape
    total, rows, columns = padded(np.zeros_like(x), kh, kw, 1, padding)
    windows = (g.reshape(-1, w.shape[3]) @ w.reshape(-1, w.shape[3]).T).reshape(*g.shape[:3], kh, kw, w.shape[2])
    for a in range(kh):
        for b in range(kw):
            total[:, a:a + rows, b:b + columns] += windows[:, :, :, a, b]
    above, left = (places(x.shape[k + 1], w.shape[k], 1, padding)[1] for k in (0, 1))
    return total[:, above:above + x.shape[1], left:left + x.shape[2]]


@rule("Conv2D")
def conv_rule(op, g):
    return [op.graph.create(type, *op.inputs, g, **op.attrs) for type in ("Conv2DImageGrad", "Conv2DFilterGrad")]


def in_windows(x, size):
    """[n, rows, columns, channels, size * size]: the windows side by side, each read row by row."""
    n, h, w, channels = x.shape
    cut = x.reshape(n, h // size, size, w // size, size, channels)
    return cut.transpose(0, 1, 3, 5, 2, 4).reshape(n, h // size, w // size, channels, -1)


def pool_shape(x, size=2):
    if x[1] % size or x[2] % size:
        raise ValueError(f"MaxPool: windows of {size} do not cut {x[1]} by {x[2]} pixels evenly")
    return x[0], x[1] // size, x[2] // size, x[3]


@op("MaxPool", pool_shape)
def max_pool(x, size=2):
    return in_windows(x, size).max(axis=-1)


@op("MaxPoolGrad", lambda x, g, size=2: x)
def max_pool_gradient(x, g, size=2):
    """The slope of each window goes to its greatest number; to the first of equal ones."""
    windows = in_windows(x, size)
    result = np.zeros_like(windows)
    np.put_along_axis(result, windows.argmax(axis=-1)[..., np.newaxis], g[..., np.newaxis], axis=-1)
    n, h, w, channels = g.shape
    return result.reshape(n, h, w, channels, size, size).transpose(0, 1, 4, 2, 5, 3).reshape(x.shape)


@rule("MaxPool")
def max_pool_rule(op, g):
    return [op.graph.create("MaxPoolGrad", op.inputs[0], g, **op.attrs)]


@op("Flatten", lambda x: (x[0], int(np.prod(x[1:]))))
def flatten(x):
    return x.reshape(len(x), -1)


@op("ReshapeLike", lambda x, like: like)
def reshape_like(x, like):
    return x.reshape(like.shape)


@rule("Flatten")
def flatten_rule(op, g):
    return [op.graph.create("ReshapeLike", g, op.inputs[0])]
