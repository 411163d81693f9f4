"""The gradient to the image, with strides and dilation (4 points)

The chapter lays the shares of the windows back on the image, at stride 1.  With a stride, windows begin `stride` pixels apart; with a
dilation, their taps lie `dilation` pixels apart.  Some pixels lie in several windows, others in none.

Write the kernel of Conv2DBackpropInput.

    attrs     "strides" (1, rows, columns, 1), "dilations" (1, rows, columns, 1), "padding": "SAME" or "VALID"
    sizes     int32 [4]: the shape of the image, n, rows, columns, channels
    filter    float64 [kh, kw, channels, filters]; not to be written to
    g         float64 [n, places, places, filters]: the slope of each number of the result
    returns   float64 of shape sizes: the slope of each number of the image

In the forward convolution, tap k of the window at place i lies on row  i * stride + k * dilation - before  of the image, or outside of it.
VALID has before = 0; SAME has half, rounded down, of  (places - 1) * stride + (taps - 1) * dilation + 1 - size,  if that is positive.
Columns likewise.

Example, one row, one channel, one filter 1 2 3, stride 2, VALID, 6 pixels: the windows begin at 0 and 2 (the place at 4 has no room).
With g = 10, 1 they hand out 10 20 30 and 1 2 3, and the slopes are 10 20 31 2 3 0.

 * Any of the sizes may be 0, and with SAME the filter may be larger than the image.
 * At most 300 steps of Python for 60 by 60 places and 3 by 3 taps.

Replaces the kernel of Conv2DBackpropInput for float64.     make grade CH=05
"""
import numpy as np


def image_gradient(attrs, sizes, filter, g):
    """The slopes of the image, of shape sizes."""
    raise NotImplementedError("write this")
