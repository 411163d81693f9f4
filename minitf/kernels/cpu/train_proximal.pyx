"""The updates for a loss with l1 |w| + l2 w^2: FTRL-Proximal, the proximal step, dual averaging.  They keep weights at exactly 0."""
from libc.math cimport copysign, fabs, pow
from libc.stdint cimport int64_t

from .slot_update cimport SlotUpdate, real, root

from minitf.core.dtypes import float32, float64
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel

cdef extern from "<math.h>" nogil:
    float fabsf(float)
    float powf(float, float)
    float copysignf(float, float)


cdef inline real power(real x, real y) noexcept nogil:
    if real is float:
        return powf(x, y)
    else:
        return pow(x, y)


cdef inline real shrink(real x, real by) noexcept nogil:
    """x moved towards 0 by `by`, and no further: sign(x) * max(|x| - by, 0).  NaN stays NaN."""
    cdef real rest
    if real is float:
        rest = fabsf(x) - by
        return copysignf(0 if rest < 0 else rest, x)
    else:
        rest = fabs(x) - by
        return copysign(0 if rest < 0 else rest, x)


cdef inline real ftrl_weight(real linear, real scale, real l1, real l2) noexcept nogil:
    """The minimum of linear * w + scale / 2 * w^2 + l1 |w| + l2 w^2."""
    return -shrink(linear, l1) / (scale + 2 * l2)


cdef void ftrl_range(real *var, real *accum, real *linear, const real *grad, real lr, real l1, real l2, real shrinkage, real lr_power,
                     int64_t n) noexcept nogil:
    cdef int64_t i
    cdef real before, after, squared, slope = 1 / lr
    if lr_power == -0.5:
        for i in range(n):
            squared = accum[i] + grad[i] * grad[i]
            before, after = root(accum[i]) * slope, root(squared) * slope
            linear[i] += grad[i] + 2 * shrinkage * var[i] - (after - before) * var[i]
            accum[i] = squared
            var[i] = ftrl_weight(linear[i], after, l1, l2)
    else:
        for i in range(n):
            squared = accum[i] + grad[i] * grad[i]
            before, after = power(accum[i], -lr_power) * slope, power(squared, -lr_power) * slope
            linear[i] += grad[i] + 2 * shrinkage * var[i] - (after - before) * var[i]
            accum[i] = squared
            var[i] = ftrl_weight(linear[i], after, l1, l2)


cdef class ApplyFtrl(SlotUpdate):
    """FTRL-Proximal (McMahan et al., 2013, algorithm 1):

        squared = accum + grad^2
        linear += grad - (squared^-lr_power - accum^-lr_power) / lr * var
        var     = the minimum of linear * w + squared^-lr_power / (2 lr) * w^2 + l1 |w| + l2 w^2
        accum   = squared
    """
    cdef bint shrinks            # a fourth of its hyper-parameters is l2_shrinkage

    def __init__(self, attrs):
        self.describe(attrs, 3, "var accum linear grad lr l1 l2 lr_power")

    cdef int check_hyper(self) except -1 nogil:
        cdef double *h = self.hyper
        cdef int last = 3 + self.shrinks
        if h[0] <= 0:
            with gil:
                self.refuse(f"lr is not a positive scalar: {h[0]}")
        if h[1] < 0:
            with gil:
                self.refuse(f"l1 regularization strength is not a non-negative scalar: {h[1]}")
        if h[2] < 0:
            with gil:
                self.refuse(f"l2 regularization strength is not a non-negative scalar: {h[2]}")
        if self.shrinks and h[3] < 0:
            with gil:
                self.refuse(f"l2 shrinkage regularization strength is not a non-negative scalar: {h[3]}")
        if h[last] > 0:
            with gil:
                self.refuse(f"lr_power is not a non-positive scalar: {h[last]}")
        return 0

    cdef void elements(self, int64_t begin, int64_t end, int64_t g) noexcept nogil:
        cdef double *h = self.hyper
        cdef double shrinkage = h[3] if self.shrinks else 0, lr_power = h[3 + self.shrinks]
        if self.is_float():
            ftrl_range(self.floats(0, begin), self.floats(1, begin), self.floats(2, begin), self.float_grad(g),
                       <float> h[0], <float> h[1], <float> h[2], <float> shrinkage, <float> lr_power, end - begin)
        else:
            ftrl_range(self.doubles(0, begin), self.doubles(1, begin), self.doubles(2, begin), self.double_grad(g),
                       h[0], h[1], h[2], shrinkage, lr_power, end - begin)


cdef class ApplyFtrlV2(ApplyFtrl):
    """Ftrl where linear also gathers 2 * l2_shrinkage * var: a penalty of the gradient that accum does not count."""
    def __init__(self, attrs):
        self.describe(attrs, 3, "var accum linear grad lr l1 l2 l2_shrinkage lr_power")
        self.shrinks = True


cdef void proximal_range(real *var, const real *grad, real alpha, real l1, real l2, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        var[i] = shrink(var[i] - alpha * grad[i], alpha * l1) / (1 + alpha * l2)


cdef class ApplyProximalGradientDescent(SlotUpdate):
    """x = var - alpha * delta;  var = sign(x) * max(|x| - alpha * l1, 0) / (1 + alpha * l2)  (Duchi and Singer, 2009)."""
    def __init__(self, attrs):
        self.describe(attrs, 1, "var alpha l1 l2 delta")

    cdef int check_hyper(self) except -1 nogil:
        return check_strengths(self.hyper[1], self.hyper[2])

    cdef void elements(self, int64_t begin, int64_t end, int64_t g) noexcept nogil:
        cdef double *h = self.hyper
        if self.is_float():
            proximal_range(self.floats(0, begin), self.float_grad(g), <float> h[0], <float> h[1], <float> h[2], end - begin)
        else:
            proximal_range(self.doubles(0, begin), self.double_grad(g), h[0], h[1], h[2], end - begin)


cdef int check_strengths(double l1, double l2) except -1 nogil:
    if l1 < 0:
        with gil:
            raise InvalidArgumentError(None, None, f"l1 regularization strength is not a non-negative scalar: {l1}")
    if l2 < 0:
        with gil:
            raise InvalidArgumentError(None, None, f"l2 regularization strength is not a non-negative scalar: {l2}")
    return 0


cdef void proximal_adagrad_range(real *var, real *accum, const real *grad, real lr, real l1, real l2, int64_t n) noexcept nogil:
    cdef int64_t i
    cdef real rate
    for i in range(n):
        accum[i] += grad[i] * grad[i]
        rate = lr / root(accum[i])
        var[i] = shrink(var[i] - rate * grad[i], rate * l1) / (1 + rate * l2)


cdef class ApplyProximalAdagrad(SlotUpdate):
    """The proximal step with Adagrad's rate, lr / sqrt(accum) after accum += grad^2, in place of alpha."""
    def __init__(self, attrs):
        self.describe(attrs, 2, "var accum lr l1 l2 grad")

    cdef int check_hyper(self) except -1 nogil:
        if self.hyper[0] <= 0:
            with gil:
                self.refuse(f"lr is not a positive scalar: {self.hyper[0]}")
        return check_strengths(self.hyper[1], self.hyper[2])

    cdef void elements(self, int64_t begin, int64_t end, int64_t g) noexcept nogil:
        cdef double *h = self.hyper
        if self.is_float():
            proximal_adagrad_range(self.floats(0, begin), self.floats(1, begin), self.float_grad(g), <float> h[0], <float> h[1], <float> h[2],
                                   end - begin)
        else:
            proximal_adagrad_range(self.doubles(0, begin), self.doubles(1, begin), self.double_grad(g), h[0], h[1], h[2], end - begin)


cdef void adagrad_da_range(real *var, real *total, real *squared, const real *grad, real lr, real l1_steps, real l2_steps, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        total[i] += grad[i]
        squared[i] += grad[i] * grad[i]
        var[i] = -lr * shrink(total[i], l1_steps) / (l2_steps * lr + root(squared[i]))


cdef class ApplyAdagradDA(SlotUpdate):
    """Adagrad by dual averaging (Duchi, Hazan and Singer, 2011): var is computed from the sums of grad and grad^2, not from its last value."""
    def __init__(self, attrs):
        self.describe(attrs, 3, "var gradient_accumulator gradient_squared_accumulator grad lr l1 l2 global_step")

    cdef void elements(self, int64_t begin, int64_t end, int64_t g) noexcept nogil:
        cdef double *h = self.hyper
        if self.is_float():
            adagrad_da_range(self.floats(0, begin), self.floats(1, begin), self.floats(2, begin), self.float_grad(g),
                             <float> h[0], <float> (h[1] * h[3]), <float> (h[2] * h[3]), end - begin)
        else:
            adagrad_da_range(self.doubles(0, begin), self.doubles(1, begin), self.doubles(2, begin), self.double_grad(g),
                             h[0], h[1] * h[3], h[2] * h[3], end - begin)

for kernel in (ApplyFtrl, ApplyFtrlV2, ApplyProximalGradientDescent, ApplyProximalAdagrad, ApplyAdagradDA):
    register_kernel(kernel.__name__, T=[float32, float64])(kernel)
    register_kernel("Sparse" + kernel.__name__, T=[float32, float64])(kernel)
