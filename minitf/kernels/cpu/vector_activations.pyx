"""Activations beyond relu, and their gradients, for the element-wise engine: they enter the table of vector_ops.pyx, so they fuse like any other.

NaN gives NaN; the gradients of relu6 are 0 where the feature is NaN, as ReluGrad's are.
"""
from libc.math cimport expm1, fabs, fabsf
from libc.stdint cimport int32_t, int64_t
from minitf.core.buffers cimport FLOAT32, FLOAT64, INT32, INT64
from minitf.kernels.cpu.vector_ops cimport VectorOp, keep

cdef extern from *:
    """
    #include "vector_math.h"
    /* e^x - 1 for x <= 0: with e^x = 2^k e^r as in exp32, 2^k (e^r - 1) + (2^k - 1), so that nothing cancels near 0.  1.2 ulp.
       From -17.4 on the result is -1. */
    VECTOR_INLINE float expm1_below(float x) {
        const float magic = 12582912.0f;
        float z = x < -17.4f ? -17.4f : x;
        float t = fma32(z, 1.44269502f, magic), k = t - magic;
        float r = fma32(k, 2.12194440e-4f, fma32(k, -0.693359375f, z)), scale = float_of((uint32_t) (127 + (int32_t) k) << 23);
        float p = fma32(r, 1.38145406e-3f, 8.36874545e-3f);
        p = fma32(p, r, 4.16683890e-2f);
        p = fma32(p, r, 1.66665211e-1f);
        p = fma32(p, r, 4.99999940e-1f);
        p = fma32(p * r, r, r);
        return x == x ? fma32(scale, p, scale - 1.0f) : x;
    }
    #define SELU_SCALE 1.0507009873554804934193349852946
    #define SELU_ALPHA 1.6732632423543772848170429916717
    """
    float expm1_below(float) nogil
    double SELU_SCALE, SELU_ALPHA

ctypedef fused real:
    float
    double

ctypedef fused number:
    float
    double
    int32_t
    int64_t


cdef inline real expm1_of(real x) noexcept nogil:
    """e^x - 1 for x <= 0; for others anything."""
    if real is float:
        return expm1_below(0 if x > 0 else x)
    else:
        return expm1(x)


cdef inline real size_of(real x) noexcept nogil:
    return fabsf(x) if real is float else fabs(x)


cdef void relu6(number *o, const number *a, const number *b, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = 0 if a[i] < 0 else 6 if a[i] > 6 else a[i]

cdef void relu6_grad(number *o, const number *g, const number *x, const number *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = g[i] if (x[i] > 0) & (x[i] < 6) else 0

cdef void elu(real *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] if a[i] > 0 else expm1_of(a[i])

cdef void elu_grad(real *o, const real *g, const real *y, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = g[i] * (y[i] + 1) if y[i] < 0 else g[i]

cdef void selu(real *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef real scale = <real> SELU_SCALE, steep = <real> (SELU_SCALE * SELU_ALPHA)
    for i in range(n): o[i] = scale * a[i] if a[i] > 0 else steep * expm1_of(a[i])

cdef void selu_grad(real *o, const real *g, const real *y, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef real scale = <real> SELU_SCALE, steep = <real> (SELU_SCALE * SELU_ALPHA)
    for i in range(n): o[i] = g[i] * (y[i] + steep) if y[i] < 0 else g[i] * scale

cdef void softsign(real *o, const real *a, const real *b, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = a[i] / (1 + size_of(a[i]))

cdef void softsign_grad(real *o, const real *g, const real *x, const real *c, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n): o[i] = g[i] / ((1 + size_of(x[i])) * (1 + size_of(x[i])))


def _keep_all():
    keep("Relu6", FLOAT32, FLOAT32, <VectorOp> relu6[float])
    keep("Relu6", FLOAT64, FLOAT64, <VectorOp> relu6[double])
    keep("Relu6Grad", FLOAT32, FLOAT32, <VectorOp> relu6_grad[float])
    keep("Relu6Grad", FLOAT64, FLOAT64, <VectorOp> relu6_grad[double])
    keep("Relu6", INT32, INT32, <VectorOp> relu6[int32_t])
    keep("Relu6", INT64, INT64, <VectorOp> relu6[int64_t])
    keep("Relu6Grad", INT32, INT32, <VectorOp> relu6_grad[int32_t])
    keep("Relu6Grad", INT64, INT64, <VectorOp> relu6_grad[int64_t])
    keep("Elu", FLOAT32, FLOAT32, <VectorOp> elu[float])
    keep("Elu", FLOAT64, FLOAT64, <VectorOp> elu[double])
    keep("EluGrad", FLOAT32, FLOAT32, <VectorOp> elu_grad[float])
    keep("EluGrad", FLOAT64, FLOAT64, <VectorOp> elu_grad[double])
    keep("Selu", FLOAT32, FLOAT32, <VectorOp> selu[float])
    keep("Selu", FLOAT64, FLOAT64, <VectorOp> selu[double])
    keep("SeluGrad", FLOAT32, FLOAT32, <VectorOp> selu_grad[float])
    keep("SeluGrad", FLOAT64, FLOAT64, <VectorOp> selu_grad[double])
    keep("Softsign", FLOAT32, FLOAT32, <VectorOp> softsign[float])
    keep("Softsign", FLOAT64, FLOAT64, <VectorOp> softsign[double])
    keep("SoftsignGrad", FLOAT32, FLOAT32, <VectorOp> softsign_grad[float])
    keep("SoftsignGrad", FLOAT64, FLOAT64, <VectorOp> softsign_grad[double])
    return "Relu6 Relu6Grad Elu EluGrad Selu SeluGrad Softsign SoftsignGrad".split()


ACTIVATIONS = _keep_all()              # the op types it adds
