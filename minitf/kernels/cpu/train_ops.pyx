"""Gradient descent and the updates that scale it by what past gradients were: momentum, Adagrad, RMSProp, Adadelta.

Each formula is one pass over a variable, its slots and its gradient.
"""
from libc.stdint cimport int64_t

from .parallel cimport GRAIN
from .slot_update cimport SlotUpdate, multiply_add, real, root

from minitf.core.dtypes import float32, float64
from minitf.core.registry import register_kernel


cdef void descent_range(real *var, const real *delta, real alpha, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        var[i] = multiply_add(-alpha, delta[i], var[i])


cdef class ApplyGradientDescent(SlotUpdate):
    """var -= alpha * delta, one fused multiply-add per element."""
    def __init__(self, attrs):
        self.describe(attrs, 1, "var alpha delta")
        self.grain = GRAIN

    cdef void elements(self, int64_t begin, int64_t end, int64_t g) noexcept nogil:
        if self.is_float():
            descent_range(self.floats(0, begin), self.float_grad(g), <float> self.hyper[0], end - begin)
        else:
            descent_range(self.doubles(0, begin), self.double_grad(g), self.hyper[0], end - begin)


cdef void momentum_range(real *var, real *accum, const real *grad, real lr, real momentum, bint nesterov, int64_t n) noexcept nogil:
    cdef int64_t i
    if nesterov:
        for i in range(n):
            accum[i] = accum[i] * momentum + grad[i]
            var[i] -= grad[i] * lr + accum[i] * momentum * lr
    else:
        for i in range(n):
            accum[i] = accum[i] * momentum + grad[i]
            var[i] -= lr * accum[i]


cdef class ApplyMomentum(SlotUpdate):
    """accum = accum * momentum + grad;  var -= lr * accum, or with use_nesterov  var -= lr * (grad + momentum * accum)."""
    cdef bint nesterov

    def __init__(self, attrs):
        self.describe(attrs, 2, "var accum lr grad momentum")
        self.nesterov = attrs.get("use_nesterov", False)

    cdef void elements(self, int64_t begin, int64_t end, int64_t g) noexcept nogil:
        cdef double *h = self.hyper
        if self.is_float():
            momentum_range(self.floats(0, begin), self.floats(1, begin), self.float_grad(g), <float> h[0], <float> h[1], self.nesterov, end - begin)
        else:
            momentum_range(self.doubles(0, begin), self.doubles(1, begin), self.double_grad(g), h[0], h[1], self.nesterov, end - begin)


cdef void adagrad_range(real *var, real *accum, const real *grad, real lr, bint accumulate, int64_t n) noexcept nogil:
    cdef int64_t i
    if not accumulate:
        for i in range(n):
            var[i] -= lr * grad[i] / root(accum[i])
        return
    for i in range(n):
        accum[i] += grad[i] * grad[i]
        var[i] -= lr * grad[i] / root(accum[i])


cdef class ApplyAdagrad(SlotUpdate):
    """accum += grad^2;  var -= lr * grad / sqrt(accum).  update_slots=False leaves accum alone."""
    cdef bint accumulate

    def __init__(self, attrs):
        self.describe(attrs, 2, "var accum lr grad")
        self.accumulate = attrs.get("update_slots", True)

    cdef void elements(self, int64_t begin, int64_t end, int64_t g) noexcept nogil:
        cdef double *h = self.hyper
        if self.is_float():
            adagrad_range(self.floats(0, begin), self.floats(1, begin), self.float_grad(g), <float> h[0], self.accumulate, end - begin)
        else:
            adagrad_range(self.doubles(0, begin), self.doubles(1, begin), self.double_grad(g), h[0], self.accumulate, end - begin)


cdef void rmsprop_range(real *var, real *ms, real *mom, const real *grad, real lr, real rho, real momentum, real epsilon,
                        int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        ms[i] += (grad[i] * grad[i] - ms[i]) * (1 - rho)
        mom[i] = mom[i] * momentum + lr * grad[i] / root(ms[i] + epsilon)
        var[i] -= mom[i]


cdef class ApplyRMSProp(SlotUpdate):
    """ms += (grad^2 - ms) * (1 - rho);  mom = mom * momentum + lr * grad / sqrt(ms + epsilon);  var -= mom."""
    def __init__(self, attrs):
        self.describe(attrs, 3, "var ms mom lr rho momentum epsilon grad")

    cdef void elements(self, int64_t begin, int64_t end, int64_t g) noexcept nogil:
        cdef double *h = self.hyper
        if self.is_float():
            rmsprop_range(self.floats(0, begin), self.floats(1, begin), self.floats(2, begin), self.float_grad(g),
                          <float> h[0], <float> h[1], <float> h[2], <float> h[3], end - begin)
        else:
            rmsprop_range(self.doubles(0, begin), self.doubles(1, begin), self.doubles(2, begin), self.double_grad(g),
                          h[0], h[1], h[2], h[3], end - begin)


cdef void centered_rmsprop_range(real *var, real *mg, real *ms, real *mom, const real *grad, real lr, real rho, real momentum, real epsilon,
                                 int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        ms[i] += (grad[i] * grad[i] - ms[i]) * (1 - rho)
        mg[i] += (grad[i] - mg[i]) * (1 - rho)
        mom[i] = mom[i] * momentum + lr * grad[i] / root(ms[i] - mg[i] * mg[i] + epsilon)
        var[i] -= mom[i]


cdef class ApplyCenteredRMSProp(SlotUpdate):
    """RMSProp with the variance in place of the mean square: mg += (grad - mg) * (1 - rho), and ms - mg^2 under the root."""
    def __init__(self, attrs):
        self.describe(attrs, 4, "var mg ms mom lr rho momentum epsilon grad")

    cdef void elements(self, int64_t begin, int64_t end, int64_t g) noexcept nogil:
        cdef double *h = self.hyper
        if self.is_float():
            centered_rmsprop_range(self.floats(0, begin), self.floats(1, begin), self.floats(2, begin), self.floats(3, begin), self.float_grad(g),
                                   <float> h[0], <float> h[1], <float> h[2], <float> h[3], end - begin)
        else:
            centered_rmsprop_range(self.doubles(0, begin), self.doubles(1, begin), self.doubles(2, begin), self.doubles(3, begin),
                                   self.double_grad(g), h[0], h[1], h[2], h[3], end - begin)


cdef void adadelta_range(real *var, real *accum, real *accum_update, const real *grad, real lr, real rho, real epsilon, int64_t n) noexcept nogil:
    cdef int64_t i
    cdef real update
    for i in range(n):
        accum[i] = accum[i] * rho + grad[i] * grad[i] * (1 - rho)
        update = root((accum_update[i] + epsilon) / (accum[i] + epsilon)) * grad[i]
        accum_update[i] = accum_update[i] * rho + update * update * (1 - rho)
        var[i] -= lr * update


cdef class ApplyAdadelta(SlotUpdate):
    """accum and accum_update are running means of grad^2 and update^2;  update = sqrt(accum_update + epsilon) / sqrt(accum + epsilon) * grad."""
    def __init__(self, attrs):
        self.describe(attrs, 3, "var accum accum_update lr rho epsilon grad")

    cdef void elements(self, int64_t begin, int64_t end, int64_t g) noexcept nogil:
        cdef double *h = self.hyper
        if self.is_float():
            adadelta_range(self.floats(0, begin), self.floats(1, begin), self.floats(2, begin), self.float_grad(g),
                           <float> h[0], <float> h[1], <float> h[2], end - begin)
        else:
            adadelta_range(self.doubles(0, begin), self.doubles(1, begin), self.doubles(2, begin), self.double_grad(g),
                           h[0], h[1], h[2], end - begin)

for kernel in (ApplyMomentum, ApplyAdagrad, ApplyRMSProp, ApplyCenteredRMSProp, ApplyAdadelta):
    register_kernel(kernel.__name__, T=[float32, float64])(kernel)
    register_kernel("Sparse" + kernel.__name__, T=[float32, float64])(kernel)
register_kernel("ApplyGradientDescent", T=[float32, float64])(ApplyGradientDescent)
