"""Pooling of images [n, rows, columns, channels]: maxima and means over windows, channel by channel, and their gradients.

A window's numbers are combined tap by tap, each tap a loop over the channels; up to four taps in one pass, so that the usual window of 2 x 2
reads everything once.
"""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from posix.stdlib cimport posix_memalign

from .kernel cimport FLOAT32, FLOAT64, INT32, Buffer, Kernel

from minitf.core.dtypes import float32, float64, int32, int64
from minitf.core.registry import register_kernel

ctypedef fused number:
    float
    double
    int32_t
    int64_t

ctypedef fused real:
    float
    double

cdef extern from *:
    """
    typedef const float *__restrict__ in_float; typedef float *__restrict__ out_float;
    """


cdef struct Windows:
    Py_ssize_t n, h, w, c              # the image
    Py_ssize_t oh, ow                  # the pooled image
    Py_ssize_t rows, columns, down, right, above, left
    bint apart                         # no two windows share a pixel
    bint tiled                         # and every pixel is in one


cdef Windows windows(Buffer *image, Buffer *pooled, dict attrs):
    cdef Windows v
    v.n, v.h, v.w, v.c = image.shape[0], image.shape[1], image.shape[2], image.shape[3]
    v.oh, v.ow = pooled.shape[1], pooled.shape[2]
    v.rows, v.columns = attrs["ksize"][1:3]
    v.down, v.right = attrs["strides"][1:3]
    if attrs["ksize"][3] != 1:                        # over the depth: pixels as rows, channels as columns
        v.n, v.h, v.w, v.c = 1, v.n * v.h * v.w, v.c, 1
        v.oh, v.ow, v.columns = v.h, pooled.shape[3], attrs["ksize"][3]
        v.right = v.columns
    v.above = v.left = 0
    if attrs["padding"] == "SAME":
        v.above = max(0, (v.oh - 1) * v.down + v.rows - v.h) // 2
        v.left = max(0, (v.ow - 1) * v.right + v.columns - v.w) // 2
    v.apart = v.rows <= v.down and v.columns <= v.right
    v.tiled = v.rows == v.down and v.columns == v.right and v.oh * v.down >= v.h and v.ow * v.right >= v.w
    return v
