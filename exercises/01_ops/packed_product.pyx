"""A matrix product in panels (6 points)

The loops ikj of the chapter use each number of b once and fetch it again for the next row.  BLAS does two things about that.  It cuts b
into *panels* of a few columns and copies each panel into one piece of memory, in the order in which it will be read.  And it keeps a
piece of one row of the product in registers while it walks down a panel.  (It does this for several rows at once; one is enough here.)

Write the two parts.  matmul, which is given, puts them together.

pack(b, panels)    b int32 [k, n], panels int32 [ceil(n / width), k, width], which may hold anything: fills all of panels.
                   Panel p holds the columns p * width, p * width + 1, ... of b.  Where b has no column any more, there are zeros.

    b  [[1, 2, 3],        panels of      [[[1, 2],          the columns 0 and 1
        [4, 5, 6]]        width 2          [4, 5]],
                                          [[3, 0],          the column 2, and a zero for the column that is not there
                                           [6, 0]]]

multiply(a, panels, c)     a int32 [m, k], panels as above, c int32 [m, n], which may hold anything: writes the product into all of c.
                           For each panel and each row of a, sum up `width` numbers in a C array (width is at most 64), and write those of
                           them that are columns of c.

k may be 0: then the product is zeros.  m and n may be 0, too, and there are no panels then.  The numbers are small enough for int32.
Declare all variables with cdef; an index outside an array is an error when it is graded, and the end of the process otherwise.
Nothing may be imported.  To be cimported there are libc.math, libc.float, libc.limits, libc.stdint, memcpy, memset and memmove of
libc.string, and malloc, calloc, realloc, free and abs of libc.stdlib.

Replaces the kernel of MatMul for int32.     make grade CH=01
"""

cdef enum:
    WIDEST = 64


def pack(const int[:, ::1] b, int[:, :, ::1] panels):
    """Writes the panels of b into panels."""
    raise NotImplementedError("write this")


def multiply(const int[:, ::1] a, const int[:, :, ::1] panels, int[:, ::1] c):
    """Writes the product of a and the packed matrix into c."""
    raise NotImplementedError("write this")


def matmul(attrs, a, b):
    """The kernel of MatMul: a [m, k], or [k, m] with transpose_a; b [k, n], or [n, k] with transpose_b; gives [m, n]."""
    a = a.T.copy() if attrs.get("transpose_a") else a
    b = b.T.copy() if attrs.get("transpose_b") else b
    (m, k), n, width = a.shape, b.shape[1], 16
    panels = type(b)(((n + width - 1) // width, k, width), b.dtype)          # a new array: numpy.ndarray(shape, dtype)
    c = type(a)((m, n), a.dtype)
    pack(b, panels)
    multiply(a, panels, c)
    return c
