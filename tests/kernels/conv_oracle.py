"""Convolution and pooling by plain loops over the places of a window, in NumPy's float64."""
import numpy as np


def places(size, taps, stride, dilation, padding):
    """(number of places, zeros before) along one side."""
    reach = (taps - 1) * dilation + 1
    if padding == "VALID":
        return (size - reach) // stride + 1, 0
    count = -(-size // stride)
    return count, max(0, (count - 1) * stride + reach - size) // 2


def windows(image_shape, taps, strides, dilations, padding):
    """For each place (i, j): the pairs of slices of the image and of the window that lie on one another."""
    _, h, w, _ = image_shape
    (oh, above), (ow, left) = (places(size, t, s, d, padding) for size, t, s, d in zip((h, w), taps, strides, dilations))
    for i in range(oh):
        ys = [(i * strides[0] + k * dilations[0] - above, k) for k in range(taps[0])]
        ys = [(y, k) for y, k in ys if 0 <= y < h]
        for j in range(ow):
            xs = [(j * strides[1] + k * dilations[1] - left, k) for k in range(taps[1])]
            xs = [(x, k) for x, k in xs if 0 <= x < w]
            yield i, j, [((y, x), (k, m)) for y, k in ys for x, m in xs]


def out_shape(image_shape, taps, strides, dilations, padding, channels):
    n, h, w, _ = image_shape
    return (n, *(places(size, t, s, d, padding)[0] for size, t, s, d in zip((h, w), taps, strides, dilations)), channels)


def conv2d(x, w, strides, dilations, padding):
    x, w = x.astype("float64"), w.astype("float64")
    y = np.zeros(out_shape(x.shape, w.shape[:2], strides, dilations, padding, w.shape[3]))
    for i, j, taps in windows(x.shape, w.shape[:2], strides, dilations, padding):
        for here, tap in taps:
            y[:, i, j] += x[:, here[0], here[1]] @ w[tap]
    return y


def conv2d_gradients(x, w, g, strides, dilations, padding):
    x, w, g = x.astype("float64"), w.astype("float64"), g.astype("float64")
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for i, j, taps in windows(x.shape, w.shape[:2], strides, dilations, padding):
        for (y, z), tap in taps:
            dx[:, y, z] += g[:, i, j] @ w[tap].T
            dw[tap] += x[:, y, z].T @ g[:, i, j]
    return dx, dw


def depthwise(x, w, strides, dilations, padding):
    x, w = x.astype("float64"), w.astype("float64")
    y = np.zeros(out_shape(x.shape, w.shape[:2], strides, dilations, padding, w.shape[2] * w.shape[3]))
    for i, j, taps in windows(x.shape, w.shape[:2], strides, dilations, padding):
        for (r, c), tap in taps:
            y[:, i, j] += (x[:, r, c, :, None] * w[tap]).reshape(y[:, i, j].shape)
    return y


def depthwise_gradients(x, w, g, strides, dilations, padding):
    x, w = x.astype("float64"), w.astype("float64")
    g = g.astype("float64").reshape(*g.shape[:3], *w.shape[2:])
    dx, dw = np.zeros(x.shape), np.zeros(w.shape)
    for i, j, taps in windows(x.shape, w.shape[:2], strides, dilations, padding):
        for (r, c), tap in taps:
            dx[:, r, c] += (g[:, i, j] * w[tap]).sum(-1)
            dw[tap] += (x[:, r, c, :, None] * g[:, i, j]).sum(0)
    return dx, dw


def pool(x, ksize, strides, padding, mode):
    y = np.zeros(out_shape(x.shape, ksize, strides, (1, 1), padding, x.shape[3]), x.dtype if mode == "max" else "float64")
    for i, j, taps in windows(x.shape, ksize, strides, (1, 1), padding):
        values = np.stack([x[:, r, c] for (r, c), _ in taps])
        y[:, i, j] = values.max(0) if mode == "max" else values.mean(0, dtype="float64")
    return y


def pool_gradient(x, g, ksize, strides, padding, mode):
    """Max: to the first greatest number of a window, row by row."""
    dx = np.zeros(x.shape, g.dtype if mode == "max" else "float64")
    for i, j, taps in windows(x.shape, ksize, strides, (1, 1), padding):
        places_of = [here for here, _ in taps]
        if mode == "mean":
            for y, z in places_of:
                dx[:, y, z] += g[:, i, j].astype("float64") / len(places_of)
            continue
        first = np.stack([x[:, y, z] for y, z in places_of]).argmax(0)
        for k, (y, z) in enumerate(places_of):
            dx[:, y, z] += np.where(first == k, g[:, i, j], 0)
    return dx


def pool_choice(x, g, ksize, strides, padding):
    """Of each window of g, the number where x has its first greatest."""
    y = np.zeros(out_shape(x.shape, ksize, strides, (1, 1), padding, x.shape[3]), g.dtype)
    for i, j, taps in windows(x.shape, ksize, strides, (1, 1), padding):
        first = np.stack([x[:, r, c] for (r, c), _ in taps]).argmax(0)
        values = np.stack([g[:, r, c] for (r, c), _ in taps])
        y[:, i, j] = np.take_along_axis(values, first[None], 0)[0]
    return y
