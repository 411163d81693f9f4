"""Element-wise functions that the C library computes: the trigonometric ones, erf, lgamma and more, and IsInf.

libm_loops.h has the loops; here they enter the table of vector_ops.pyx, so they fuse like any other.
"""
from libc.stdint cimport uint8_t
from minitf.core.buffers cimport BOOL, FLOAT32, FLOAT64
from minitf.kernels.cpu.vector_ops cimport VectorOp, keep
from minitf.kernels.cpu.element_types cimport real

cdef extern from "libm_loops.h":
    ctypedef struct LibmLoop:
        const char *name
        VectorOp of_floats
        VectorOp of_doubles
    const LibmLoop *LIBM_LOOPS
    int N_LIBM_LOOPS


cdef void is_inf(uint8_t *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = (a[i] - a[i] != 0) & (a[i] == a[i])


def _keep_all():
    cdef int i
    names = []
    for i in range(N_LIBM_LOOPS):
        names.append(LIBM_LOOPS[i].name.decode())
        keep(names[i], FLOAT32, FLOAT32, LIBM_LOOPS[i].of_floats)
        keep(names[i], FLOAT64, FLOAT64, LIBM_LOOPS[i].of_doubles)
    keep("IsInf", FLOAT32, BOOL, <VectorOp> is_inf[float])
    keep("IsInf", FLOAT64, BOOL, <VectorOp> is_inf[double])
    return names + ["IsInf"]


LIBM = _keep_all()                     # the op types it adds
