"""A mean of what is there (3 points)

Average pooling with padding SAME: at the edges a window reaches over the zeros around the image.  Are these numbers, that pull the mean
down?  TensorFlow says no: the mean is that of the pixels inside.

Write the kernel of AvgPool.

    attrs     "ksize" (1, rows, columns, 1) and "strides" (1, rows, columns, 1): four numbers each; "padding": "SAME" or "VALID"
    value     float64 [n, rows, columns, channels]; not to be written to
    returns   float64 [n, places, places, channels]: for each window the sum of its pixels inside the image, divided by their number

The windows stand where a convolution's do.  SAME has ceil(size / stride) places along a side, and
max(0, (places - 1) * stride + taps - size) zeros around the image, half of them, rounded down, before it; VALID has
(size - taps) // stride + 1 places and no zeros.

Example: one row of pixels, 1 2 3 4 5, windows of 1 by 3, stride 2, SAME.  There are 3 places and one zero on each side, so the windows are
(0) 1 2, then 2 3 4, then 4 5 (0), and the means 1.5, 3, 4.5.

 * There may be no images, no channels, no rows or no columns.
 * A window may be larger than the image.  NaN and infinity stay in the windows that they lie in.
 * At most 200 steps of Python for a pooling of 100 by 100 places with windows of 3 by 3: loop over the taps, not over the places.

Replaces the kernel of AvgPool for float64.     make grade CH=05
"""
import numpy as np


def avg_pool(attrs, value):
    """The means of the windows, [n, places, places, channels]."""
    ### BEGIN SOLUTION
    n, *sizes, channels = value.shape
    places, taken = [], []
    for size, taps, stride in zip(sizes, attrs["ksize"][1:3], attrs["strides"][1:3]):
        if attrs["padding"] == "SAME":
            count = (size + stride - 1) // stride
            before = max(0, (count - 1) * stride + taps - size) // 2
        else:
            count, before = (size - taps) // stride + 1, 0
        pixels = np.arange(count) * stride - before + np.arange(taps)[:, np.newaxis]          # of each tap, at each place
        places.append(count)
        taken.append([(k, np.flatnonzero((row >= 0) & (row < size))) for k, row in enumerate(pixels)])
        taken[-1] = [(inside, pixels[k][inside]) for k, inside in taken[-1]]
    total, number = np.zeros((n, *places, channels)), np.zeros((*places, 1))
    for rows_to, rows_from in taken[0]:
        for columns_to, columns_from in taken[1]:
            total[:, rows_to[:, np.newaxis], columns_to] += value[:, rows_from[:, np.newaxis], columns_from]
            number[rows_to[:, np.newaxis], columns_to] += 1
    return total / number
    ### END SOLUTION
