"""The updates of the optimizers: one pass over a variable, its slots and its gradient.

Each formula is a function of a range of elements.  A dense update applies it to all of them; a sparse one, whose gradient comes
with indices, to the rows that the indices name, one after the other.  So one kernel class serves an op and its sparse form.
"""
from libc.math cimport copysign, fabs, pow, sqrt
from libc.stdint cimport int64_t
from libc.stdlib cimport free, malloc

from minitf.core.resources cimport VariableState
from .indexing cimport integer, product, shape_text
from .kernel cimport FLOAT32, FLOAT64, Buffer, Kernel, float32s, float64s, int64s

from minitf.core.dtypes import float32, float64
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel

cdef extern from "<math.h>" nogil:
    float sqrtf(float)
    float fabsf(float)
    float powf(float, float)
    float copysignf(float, float)

ctypedef fused real:
    float
    double

cdef enum:
    MAX_STATES = 4               # a variable and its slots
    MAX_HYPER = 6


cdef inline real root(real x) noexcept nogil:
    if real is float:
        return sqrtf(x)
    else:
        return sqrt(x)


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


cdef class SlotUpdate(Kernel):
    """A change of a variable and its slots, while their locks are held: taken in the order of their addresses, each once.

    A subclass names its inputs as its dense op has them: the variable and its slots (refs), then hyper-parameters and the gradient.
    In the sparse op (attribute Tindices) `indices` follows the gradient.
    """
    cdef list names
    cdef int n_states
    cdef int grad
    cdef bint sparse
    cdef list held
    cdef void *resources[MAX_STATES]
    cdef void *order[MAX_STATES]
    cdef int n_locks
    cdef Buffer *states[MAX_STATES]
    cdef double hyper[MAX_HYPER]             # in the order of the inputs; exact, since every float is a double

    def describe(self, attrs, n_states, names):
        self.names, self.n_states = names.split(), n_states
        self.grad = self.names.index("delta" if "delta" in self.names else "grad")
        self.sparse = "Tindices" in attrs
        if self.sparse:
            self.names[self.grad] = "grad"
            self.names.insert(self.grad + 1, "indices")

    def prepare(self):
        cdef int i
        self.held = []
        for i in range(self.n_states):
            self.held.append(<VariableState> self.inputs[i].resource)
            self.resources[i] = self.inputs[i].resource
        addresses = sorted({<size_t> self.resources[i] for i in range(self.n_states)})
        self.n_locks = len(addresses)
        for i in range(self.n_locks):
            self.order[i] = <void *> <size_t> addresses[i]

    cdef int run(self) except -1 nogil:
        cdef int i
        for i in range(self.n_locks):
            (<VariableState> self.order[i]).lock()
        for i in range(self.n_states):
            self.states[i] = self.writable(<VariableState> self.resources[i])
        try:
            self.check()
            self.read_hyper()
            self.check_hyper()
            self.update()
        finally:
            self.unlock_all(NULL)
        return 0

    cdef Buffer *writable(self, VariableState state) except NULL nogil:
        """state.writable(), which gives back its own lock if it raises; then the others go too."""
        cdef Buffer *buffer = NULL
        try:
            buffer = state.writable()
        finally:
            if buffer == NULL:
                self.unlock_all(<void *> state)
        return buffer

    cdef void unlock_all(self, void *but) noexcept nogil:
        cdef int i
        for i in range(self.n_locks):
            if self.order[i] != but:
                (<VariableState> self.order[i]).unlock()

    cdef int check(self) except -1 nogil:
        """InvalidArgumentError unless shapes fit and indices point inside."""
        cdef Buffer *var = self.states[0]
        cdef Buffer *grad = self.inputs[self.grad]
        cdef int i, k
        for i in range(1, self.n_states):
            if not same_shape(var, self.states[i]):
                with gil:
                    self.refuse(f"var and {self.names[i]} do not have the same shape{shape_text(var)} {shape_text(self.states[i])}")
        if not self.sparse:
            if not same_shape(var, grad):
                with gil:
                    self.refuse(f"var and {self.names[self.grad]} do not have the same shape{shape_text(var)} {shape_text(grad)}")
        else:
            self.check_rows(var, grad, self.inputs[self.grad + 1])
        for i in range(self.n_states, self.n_inputs):
            if i != self.grad and not (self.sparse and i == self.grad + 1) and self.inputs[i].rank != 0:
                with gil:
                    self.refuse(f"{self.names[i]} is not a scalar: {shape_text(self.inputs[i])}")
        return 0

    cdef int check_rows(self, Buffer *var, Buffer *grad, Buffer *indices) except -1 nogil:
        cdef int64_t i
        cdef int k
        if var.rank < 1:
            with gil:
                self.refuse("var must be at least 1 dimensional")
        if indices.rank != 1:
            with gil:
                self.refuse(f"indices must be one-dimensional, got shape {shape_text(indices)}")
        if grad.rank < 1 or grad.shape[0] != indices.shape[0]:
            with gil:
                self.refuse("grad must be the same size as indices in the first dimension, got shapes "
                            f"{shape_text(grad)} and {shape_text(indices)}")
        if grad.rank != var.rank:
            with gil:
                self.refuse(f"var and grad must have the same rank, got shapes {shape_text(var)} and {shape_text(grad)}")
        for k in range(1, var.rank):
            if var.shape[k] != grad.shape[k]:
                with gil:
                    self.refuse(f"var and grad must match in dimension {k}, got shapes {shape_text(var)} and {shape_text(grad)}")
        for i in range(indices.size):
            if not 0 <= integer(indices, i) < var.shape[0]:
                with gil:
                    self.refuse(f"Index {integer(indices, i)} at offset {i} in indices is out of range: var has {var.shape[0]} rows")
        return 0

    cdef int refuse(self, str message) except -1:
        raise InvalidArgumentError(None, None, message)

    cdef void read_hyper(self) noexcept nogil:
        cdef int i, k = 0
        for i in range(self.n_states, self.n_inputs):
            if i == self.grad or (self.sparse and i == self.grad + 1):
                continue
            if self.inputs[i].dtype == FLOAT32:
                self.hyper[k] = float32s(self.inputs[i])[0]
            elif self.inputs[i].dtype == FLOAT64:
                self.hyper[k] = float64s(self.inputs[i])[0]
            else:
                self.hyper[k] = int64s(self.inputs[i])[0]
            k += 1

    cdef int check_hyper(self) except -1 nogil:
        """InvalidArgumentError for hyper-parameters that the formula has no meaning for."""
        return 0

    cdef int update(self) except -1 nogil:
        cdef Buffer *var = self.states[0]
        cdef Buffer *indices
        cdef int64_t i, row, start
        if not self.sparse:
            self.elements(0, var.size, 0)
            return 0
        indices = self.inputs[self.grad + 1]
        row = product(var.shape, 1, var.rank)
        for i in range(indices.size):
            start = integer(indices, i) * row
            self.elements(start, start + row, i * row)
        return 0

    cdef void elements(self, int64_t begin, int64_t end, int64_t grad_begin) noexcept nogil:
        """Update the elements [begin, end) with the gradient's from grad_begin on."""

    cdef inline float *floats(self, int k, int64_t i) noexcept nogil:
        return <float *> self.states[k].data + i

    cdef inline double *doubles(self, int k, int64_t i) noexcept nogil:
        return <double *> self.states[k].data + i

    cdef inline float *float_grad(self, int64_t i) noexcept nogil:
        return <float *> self.inputs[self.grad].data + i

    cdef inline double *double_grad(self, int64_t i) noexcept nogil:
        return <double *> self.inputs[self.grad].data + i

    cdef inline bint is_float(self) noexcept nogil:
        return self.states[0].dtype == FLOAT32


cdef bint same_shape(const Buffer *a, const Buffer *b) noexcept nogil:
    cdef int k
    if a.rank != b.rank:
        return False
    for k in range(a.rank):
        if a.shape[k] != b.shape[k]:
            return False
    return True


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


cdef void adam_range(real *var, real *m, real *v, const real *grad, real rate, real beta1, real beta2, real epsilon, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        m[i] = beta1 * m[i] + (1 - beta1) * grad[i]
        v[i] = beta2 * v[i] + (1 - beta2) * (grad[i] * grad[i])
        var[i] -= rate * m[i] / (root(v[i]) + epsilon)


cdef void adam_rest(real *var, real *m, real *v, real rate, real beta1, real beta2, real epsilon, int64_t n) noexcept nogil:
    """adam_range with a gradient of 0."""
    cdef int64_t i
    for i in range(n):
        m[i] = beta1 * m[i]
        v[i] = beta2 * v[i]
        var[i] -= rate * m[i] / (root(v[i]) + epsilon)


cdef class SparseApplyAdam(SlotUpdate):
    """ApplyAdam with a gradient of which only some rows, each once, are given: all rows of m and v decay, and all of var move.

    One pass over memory all the same: the place of each row's gradient is written down first.
    """
    cdef int64_t *places         # of the gradient of each row of var; -1: none
    cdef int64_t n_places
    cdef double rate

    def __init__(self, attrs):
        self.describe(attrs, 3, "var m v beta1_power beta2_power lr beta1 beta2 epsilon grad")

    def __dealloc__(self):
        free(self.places)

    cdef int update(self) except -1 nogil:
        cdef double *h = self.hyper
        cdef Buffer *indices = self.inputs[self.grad + 1]
        cdef int64_t rows = self.states[0].shape[0], row = product(self.states[0].shape, 1, self.states[0].rank), i, start = 0
        self.rate = h[2] * sqrt(1 - h[1]) / (1 - h[0])
        self.reserve(rows)
        for i in range(rows):
            self.places[i] = -1
        for i in range(indices.size):
            self.places[integer(indices, i)] = i
        for i in range(rows):
            if self.places[i] >= 0:
                self.rest(start * row, i * row)
                self.elements(i * row, (i + 1) * row, self.places[i] * row)
                start = i + 1
        self.rest(start * row, rows * row)
        return 0

    cdef int reserve(self, int64_t rows) except -1 nogil:
        if self.n_places < rows:
            free(self.places)
            self.places = <int64_t *> malloc(rows * sizeof(int64_t))
            self.n_places = 0 if self.places == NULL else rows
            if self.places == NULL:
                with gil:
                    raise MemoryError()
        return 0

    cdef void elements(self, int64_t begin, int64_t end, int64_t g) noexcept nogil:
        cdef double *h = self.hyper
        if self.is_float():
            adam_range(self.floats(0, begin), self.floats(1, begin), self.floats(2, begin), self.float_grad(g),
                       <float> self.rate, <float> h[3], <float> h[4], <float> h[5], end - begin)
        else:
            adam_range(self.doubles(0, begin), self.doubles(1, begin), self.doubles(2, begin), self.double_grad(g),
                       self.rate, h[3], h[4], h[5], end - begin)

    cdef void rest(self, int64_t begin, int64_t end) noexcept nogil:
        cdef double *h = self.hyper
        if self.is_float():
            adam_rest(self.floats(0, begin), self.floats(1, begin), self.floats(2, begin), <float> self.rate, <float> h[3], <float> h[4], <float> h[5],
                      end - begin)
        else:
            adam_rest(self.doubles(0, begin), self.doubles(1, begin), self.doubles(2, begin), self.rate, h[3], h[4], h[5], end - begin)


for kernel in (ApplyMomentum, ApplyAdagrad, ApplyRMSProp, ApplyCenteredRMSProp, ApplyAdadelta, ApplyFtrl, ApplyFtrlV2,
               ApplyProximalGradientDescent, ApplyProximalAdagrad, ApplyAdagradDA):
    register_kernel(kernel.__name__, T=[float32, float64])(kernel)
    register_kernel("Sparse" + kernel.__name__, T=[float32, float64])(kernel)
register_kernel("SparseApplyAdam", T=[float32, float64])(SparseApplyAdam)
