"""Reductions: Sum, Mean, Max, Min, Prod, All, Any over any axes; BiasAddGrad, L2Loss and ArgMax.

Neighbouring axes that are both reduced or both kept are merged, and each group of reduced axes is one pass, the last group first: a
sum over the axes 0, 2, 3 of [N, C, H, W] is a pass over [N C, H W, 1] and then one over [1, N, C].
"""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free
from libc.string cimport memcpy
from posix.stdlib cimport posix_memalign

from minitf.kernels.cpu.indexing cimport integer, shape_text
from minitf.kernels.cpu.kernel cimport FLOAT32, FLOAT64, INT32, MAX_RANK, Buffer, Kernel, int64s
from minitf.kernels.cpu.reduction_ops cimport MAX, MIN, PROD, SQUARES, SUM, Operation, arg_max_axis, partial_elements, reduce_axis

from minitf.core.dtypes import float32, float64, int32, int64
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel

ctypedef fused number:
    float
    double
    int32_t
    int64_t


cdef struct Pass:
    Py_ssize_t outer, n, inner


cdef class Reduce(Kernel):
    """output = op over reduction_indices of input.  inputs (input, reduction_indices), the second known at prepare().

    No axes at all: a copy.  Of nothing: Sum 0, Prod 1, Max -inf or the lowest integer, Min the opposite, Mean NaN (integers 0).
    An integer Mean is the truncated quotient of sum and count.
    """
    cdef Operation operation
    cdef bint is_mean
    cdef int n_passes
    cdef Pass passes[MAX_RANK]
    cdef Py_ssize_t count              # elements to each output
    cdef char *scratch[2]              # what one pass leaves for the next
    cdef char *partial                 # what a pass makes of its blocks

    op_type = "Sum"

    def __init__(self, attrs):
        self.operation = {"Max": MAX, "Any": MAX, "Min": MIN, "All": MIN, "Prod": PROD}.get(self.op_type, SUM)
        self.is_mean = self.op_type == "Mean"

    def __dealloc__(self):
        free(self.scratch[0])
        free(self.scratch[1])
        free(self.partial)

    def axes(self):
        """The set of reduced axes."""
        cdef Buffer *indices = self.inputs[1]
        cdef int rank = self.inputs[0].rank
        cdef int64_t i, axis
        found = set()
        for i in range(indices.size):
            axis = integer(indices, i)
            if not -rank <= axis < rank:
                raise InvalidArgumentError(None, None, f"Invalid reduction dimension ({axis} for input with {rank} dimension(s)")
            found.add(axis if axis >= 0 else axis + rank)
        return found

    def prepare(self):
        cdef Buffer *x = self.inputs[0]
        cdef int d
        cdef Py_ssize_t most = 0
        axes = self.axes()
        groups = []                    # [size, is reduced], alternating
        self.count = 1
        for d in range(x.rank):
            reduced = d in axes
            if reduced:
                self.count *= x.shape[d]
            if x.shape[d] == 1:
                continue
            if groups and groups[len(groups) - 1][1] is reduced:
                groups[len(groups) - 1][0] *= x.shape[d]
            else:
                groups.append([x.shape[d], reduced])
        for g in reversed([g for g in groups if g[1]]):
            at = [h is g for h in groups].index(True)
            self.passes[self.n_passes] = Pass(product(groups[:at]), g[0], product(groups[at + 1:]))
            self.n_passes += 1
            groups = groups[:at] + groups[at + 1:]
        for d in range(self.n_passes):
            most = max(most, partial_elements(self.passes[d].outer, self.passes[d].n, self.passes[d].inner))
        if most and posix_memalign(<void **> &self.partial, 64, most * x.itemsize):
            raise MemoryError()
        for d in range(min(2, self.n_passes - 1)):
            if posix_memalign(<void **> &self.scratch[d], 64, max(64, self.passes[d].outer * self.passes[d].inner * x.itemsize)):
                raise MemoryError()

    cdef int run(self) except -1 nogil:
        cdef int i
        cdef Pass *p
        cdef Buffer *x = self.inputs[0]
        cdef Buffer *out = self.outputs[0]
        cdef char *source = x.data
        cdef char *target
        if self.n_passes == 0 and out.size and out.data != x.data:
            memcpy(out.data, x.data, x.size * x.itemsize)
        for i in range(self.n_passes):
            p = &self.passes[i]
            target = self.scratch[i % 2]
            if i == self.n_passes - 1:
                target = out.data
            reduce_axis(self.operation, x.dtype, target, source, p.outer, p.n, p.inner, self.partial)
            source = target
        if self.is_mean and self.count != 1:
            if x.dtype == FLOAT32:
                divide[float](<float *> out.data, out.size, self.count)
            elif x.dtype == FLOAT64:
                divide[double](<double *> out.data, out.size, self.count)
            elif x.dtype == INT32:
                divide[int32_t](<int32_t *> out.data, out.size, self.count)
            else:
                divide[int64_t](<int64_t *> out.data, out.size, self.count)
        return 0


def product(groups):
    total = 1
    for size, _ in groups:
        total *= size
    return total


cdef void divide(number *x, Py_ssize_t n, Py_ssize_t count) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        if number is float or number is double: x[i] = x[i] / <number> count
        else: x[i] = <number> (x[i] / count) if count else 0


class BiasAddGrad(Reduce):
    """The gradient of a bias: the sum over all axes but the last.  inputs (out_backprop)."""

    def axes(self):
        return set(range(rank_of(self) - 1))


cdef int rank_of(Kernel kernel) except -1:
    return kernel.inputs[0].rank


cdef class L2Loss(Kernel):
    """output = sum(t^2) / 2."""
    cdef char *partial

    def __dealloc__(self):
        free(self.partial)

    def prepare(self):
        cdef Buffer *t = self.inputs[0]
        if posix_memalign(<void **> &self.partial, 64, max(64, partial_elements(1, t.size, 1) * t.itemsize)):
            raise MemoryError()

    cdef int run(self) except -1 nogil:
        cdef Buffer *t = self.inputs[0]
        reduce_axis(SQUARES, t.dtype, self.outputs[0].data, t.data, 1, t.size, 1, self.partial)
        if t.dtype == FLOAT32:
            (<float *> self.outputs[0].data)[0] *= 0.5
        else:
            (<double *> self.outputs[0].data)[0] *= 0.5
        return 0


cdef class ArgMax(Kernel):
    """The index of the largest element along a dimension, the first of several; the first NaN counts as the largest.

    inputs (input, dimension), the second known at prepare(); output int64.
    """
    cdef Pass shape
    cdef char *best

    def __dealloc__(self):
        free(self.best)

    def prepare(self):
        cdef Buffer *x = self.inputs[0]
        cdef int64_t axis = integer(self.inputs[1], 0)
        cdef int d
        if not -x.rank <= axis < x.rank:
            raise InvalidArgumentError(None, None, f"Expected dimension in the range [{-x.rank}, {x.rank}), but got {axis}")
        axis += x.rank if axis < 0 else 0
        self.shape = Pass(1, x.shape[axis], 1)
        for d in range(x.rank):
            if d < axis:
                self.shape.outer *= x.shape[d]
            elif d > axis:
                self.shape.inner *= x.shape[d]
        if self.shape.n == 0 and self.outputs[0].size:
            raise InvalidArgumentError(None, None, f"Reduction axis {axis} is empty in shape {shape_text(x)}")
        if posix_memalign(<void **> &self.best, 64, max(64, self.shape.outer * self.shape.inner * x.itemsize)):
            raise MemoryError()

    cdef int run(self) except -1 nogil:
        cdef Buffer *x = self.inputs[0]
        if self.outputs[0].size:
            arg_max_axis(x.dtype, int64s(self.outputs[0]), self.best, x.data, self.shape.outer, self.shape.n, self.shape.inner)
        return 0


NUMBERS = [float32, float64, int32, int64]
for _op_type in ("Sum", "Mean", "Max", "Min", "Prod"):
    register_kernel(_op_type, T=NUMBERS)(type(_op_type, (Reduce,), {"op_type": _op_type, "__doc__": f"{_op_type} over axes."}))
for _op_type in ("All", "Any"):
    register_kernel(_op_type)(type(_op_type, (Reduce,), {"op_type": _op_type, "__doc__": f"{_op_type} of truth values, over axes."}))
register_kernel("BiasAddGrad", T=NUMBERS)(BiasAddGrad)
register_kernel("L2Loss", T=[float32, float64])(L2Loss)
register_kernel("ArgMax", T=NUMBERS)(ArgMax)
