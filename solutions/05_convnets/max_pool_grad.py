"""Max pooling backwards, where windows overlap (3 points)

AlexNet pools with windows of 3 by 3, two pixels apart, so a pixel may be the greatest of four windows, and gets the slopes of all of them.

Write the kernel of MaxPoolGrad.

    attrs     "ksize" (1, rows, columns, depth) and "strides" the same; "padding": "SAME" or "VALID"
    image     float64 [n, rows, columns, channels]; not to be written to
    pooled    what max pooling made of it
    g         the slope of each number of pooled
    returns   the slope of each number of image

Each window hands its slope to the first of its greatest numbers, row by row.  A NaN counts as greater than all numbers.  Padding counts as
nothing: it never gets a slope, not even where a window has nothing but minus infinity.  The windows stand where a convolution's do (the
docstring of avg_pool.py has the formulas).

If depth is not 1, the windows lie over channels: ksize (1, 1, 1, k), strides the same, and the channels 0 to k - 1 are one window, k to
2k - 1 the next.

Example: a row of pixels 1 3 3 2 5, windows of 1 by 3, stride 2, VALID: 1 3 3 and 3 2 5.  With g = 10, 20 the slopes are 0 10 0 0 20.

There may be no images, no rows, no columns, no channels.

Replaces the kernel of MaxPoolGrad for float64.     make grade CH=05
"""
import numpy as np


def max_pool_grad(attrs, image, pooled, g):
    """The slopes of image."""
    ### BEGIN SOLUTION
    ksize, strides = list(attrs["ksize"][1:3]), list(attrs["strides"][1:3])
    shape, depth = image.shape, attrs["ksize"][3]
    if depth != 1:                                          # channels as columns, one image of all pixels
        ksize[1] = strides[1] = depth
        image, g = (a.reshape(1, -1, a.shape[3], 1) for a in (image, g))
    n, h, w, channels = image.shape
    (_, rows, columns, _), same = g.shape, attrs["padding"] == "SAME"
    above, left = (max(0, (count - 1) * s + k - size) // 2 * same for count, s, k, size in zip((rows, columns), strides, ksize, (h, w)))
    greatest, place = np.zeros(g.shape), np.full(g.shape, -1)
    for a in range(ksize[0]):
        y = np.arange(rows)[:, np.newaxis] * strides[0] - above + a
        for b in range(ksize[1]):
            x = np.arange(columns) * strides[1] - left + b
            i, j = np.nonzero((y >= 0) & (y < h) & (x >= 0) & (x < w))
            there = image[:, y[i, 0], x[j]]
            better = (place[:, i, j] < 0) | (there > greatest[:, i, j]) | np.isnan(there) & ~np.isnan(greatest[:, i, j])
            greatest[:, i, j] = np.where(better, there, greatest[:, i, j])
            place[:, i, j] = np.where(better, (y[i, 0] * w + x[j])[:, np.newaxis], place[:, i, j])
    slopes = np.zeros((n, h * w, channels))
    np.add.at(slopes, (np.arange(n)[:, np.newaxis, np.newaxis, np.newaxis], place, np.arange(channels)), g)
    return slopes.reshape(shape)
    ### END SOLUTION
