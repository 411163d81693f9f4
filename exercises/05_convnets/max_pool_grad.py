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
    raise NotImplementedError("write this")
