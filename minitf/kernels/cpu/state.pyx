"""Kernels that read and change variables.  A variable's lock is held while its buffer changes."""
from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memcpy

from minitf.core.resources cimport VariableState
from .array_nd cimport check_rows, slice_number
from .indexing cimport check_indices, integer, product, same_shape, shape_text
from .kernel cimport FLOAT32, FLOAT64, INT32, Buffer, Kernel, bools, int32s, int64s
from .parallel cimport GRAIN, parallel_for

from minitf.core.dtypes import float32, float64, int32, int64
from minitf.core.errors import InvalidArgumentError, OutOfRangeError
from minitf.core.registry import register_kernel, register_resource

ctypedef fused number:
    float
    double
    int32_t
    int64_t


cdef class StateKernel(Kernel):
    """A kernel whose first input is a ref: the variable behind it is found once."""
    cdef VariableState variable

    def prepare(self):
        resource = <object> <PyObject *> self.inputs[0].resource
        if not isinstance(resource, VariableState):
            raise InvalidArgumentError(None, None, f"'{resource.name}' is no variable but the handle of a {resource.kind}: it has no value to compute with, to fetch or to change")
        self.variable = resource


cdef class ReadVariable(StateKernel):
    """A snapshot of the variable: the output shares its buffer, and an update that comes later leaves it alone.

    InvalidArgumentError if the value has not the shape that the plan was made for (attribute "shape"; None: any).
    """
    cdef Buffer planned
    cdef bint any_shape

    def __init__(self, attrs):
        cdef int k
        shape = attrs.get("shape")
        self.any_shape = shape is None
        self.planned.rank = 0 if shape is None else len(shape)
        for k in range(self.planned.rank):
            self.planned.shape[k] = shape[k]

    cdef int run(self) except -1 nogil:
        self.variable.read(self.outputs[0])
        if not self.any_shape and not same_shape(self.outputs[0], &self.planned):
            with gil:
                raise InvalidArgumentError(None, None, f"Variable {self.variable.name} has a value of shape {shape_text(self.outputs[0])}, and the "
                                           f"static shape {shape_text(&self.planned)}")
        return 0


cdef class IsVariableInitialized(StateKernel):
    cdef int run(self) except -1 nogil:
        bools(self.outputs[0])[0] = self.variable.initialized
        return 0


cdef class Assign(StateKernel):
    """ref = value.  With validate_shape, InvalidArgumentError if ref has a value of another shape already."""
    cdef bint validate_shape

    def __init__(self, attrs):
        self.validate_shape = attrs.get("validate_shape", True)

    cdef int run(self) except -1 nogil:
        if self.validate_shape:
            self.check()
        return self.variable.assign(self.inputs[1])

    cdef int check(self) except -1 nogil:
        cdef Buffer old
        self.variable.lock()
        old = self.variable.value
        if not self.variable.initialized:
            old = self.inputs[1][0]
        self.variable.unlock()
        if not same_shape(&old, self.inputs[1]):
            with gil:
                raise InvalidArgumentError(None, None, "Assign requires shapes of both tensors to match. "
                                           f"lhs shape= {shape_text(&old)} rhs shape= {shape_text(self.inputs[1])}")
        return 0


cdef class Update(StateKernel):
    """A kernel that changes the variable's elements in place, with the lock held."""
    cdef int run(self) except -1 nogil:
        cdef Buffer *target
        self.variable.lock()
        target = self.variable.writable()          # gives the lock back itself if it raises
        try:
            self.update(target)
        finally:
            self.variable.unlock()
        return 0

    cdef int update(self, Buffer *target) except -1 nogil:
        return 0


cdef void add_to(number *x, const number *value, Py_ssize_t n, bint negative) noexcept nogil:
    cdef Py_ssize_t i
    if negative:
        for i in range(n):
            x[i] -= value[i]
    else:
        for i in range(n):
            x[i] += value[i]


cdef void add_bytes(int dtype, char *x, const char *value, Py_ssize_t n, bint negative) noexcept nogil:
    if dtype == FLOAT32:
        add_to(<float *> x, <const float *> value, n, negative)
    elif dtype == FLOAT64:
        add_to(<double *> x, <const double *> value, n, negative)
    elif dtype == INT32:
        add_to(<int32_t *> x, <const int32_t *> value, n, negative)
    else:
        add_to(<int64_t *> x, <const int64_t *> value, n, negative)


cdef struct Addition:
    int dtype, itemsize
    bint negative
    char *x
    const char *value


cdef void add_range(void *addition, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Addition *a = <Addition *> addition
    add_bytes(a.dtype, a.x + begin * a.itemsize, a.value + begin * a.itemsize, end - begin, a.negative)


cdef class AssignAdd(Update):
    """ref += value."""
    cdef bint negative

    cdef int update(self, Buffer *target) except -1 nogil:
        cdef Addition a = Addition(target.dtype, target.itemsize, self.negative, target.data, self.inputs[1].data)
        if not same_shape(target, self.inputs[1]):
            with gil:
                raise InvalidArgumentError(None, None, f"Parameters and update must be the same size: "
                                           f"{shape_text(target)} vs. {shape_text(self.inputs[1])}")
        parallel_for(add_range, &a, target.size, GRAIN)
        return 0


cdef class AssignSub(AssignAdd):
    """ref -= value."""
    def __init__(self, attrs):
        self.negative = True


cdef class Scatter(Update):
    """ref[indices[i...], :] combined with updates[i..., :], one row after the other: a repeated index counts again.

    updates.shape = indices.shape + ref.shape[1:].  InvalidArgumentError if an index points outside; nothing has changed then.
    """
    cdef int update(self, Buffer *target) except -1 nogil:
        cdef Buffer *indices = self.inputs[1]
        cdef Buffer *updates = self.inputs[2]
        cdef Py_ssize_t row = product(target.shape, 1, target.rank), i
        cdef int64_t row_bytes = row * target.itemsize
        self.check(target)
        check_indices(indices, target.shape[0], b"indices")
        for i in range(indices.size):
            self.combine(target.dtype, target.data + integer(indices, i) * row_bytes, updates.data + i * row_bytes, row, row_bytes)
        return 0

    cdef int check(self, Buffer *target) except -1 nogil:
        cdef Buffer *indices = self.inputs[1]
        cdef Buffer *updates = self.inputs[2]
        cdef int k
        cdef bint fits = target.rank > 0 and updates.rank == indices.rank + target.rank - 1
        if fits:
            for k in range(updates.rank):
                fits = fits and updates.shape[k] == (indices.shape[k] if k < indices.rank else target.shape[k - indices.rank + 1])
        if not fits:
            with gil:
                raise InvalidArgumentError(None, None, "Must have updates.shape = indices.shape + params.shape[1:], got "
                                           f"updates.shape {shape_text(updates)}, indices.shape {shape_text(indices)}, "
                                           f"params.shape {shape_text(target)}")
        return 0

    cdef void combine(self, int dtype, char *x, const char *value, Py_ssize_t n, int64_t nbytes) noexcept nogil:
        memcpy(x, value, nbytes)


cdef class ScatterUpdate(Scatter):
    """ref[indices] = updates."""


cdef class ScatterAdd(Scatter):
    """ref[indices] += updates."""
    cdef void combine(self, int dtype, char *x, const char *value, Py_ssize_t n, int64_t nbytes) noexcept nogil:
        add_bytes(dtype, x, value, n, False)


cdef class ScatterSub(Scatter):
    """ref[indices] -= updates."""
    cdef void combine(self, int dtype, char *x, const char *value, Py_ssize_t n, int64_t nbytes) noexcept nogil:
        add_bytes(dtype, x, value, n, True)


cdef enum Combination:
    MULTIPLY
    DIVIDE
    LEAST
    GREATEST


cdef void combine_with(number *x, const number *value, Py_ssize_t n, Combination how) noexcept nogil:
    cdef Py_ssize_t i
    if how == MULTIPLY:
        for i in range(n):
            x[i] *= value[i]
    elif how == LEAST:
        for i in range(n):
            x[i] = x[i] if (x[i] < value[i]) | (x[i] != x[i]) else value[i]
    elif how == GREATEST:
        for i in range(n):
            x[i] = x[i] if (x[i] > value[i]) | (x[i] != x[i]) else value[i]
    elif number is float or number is double:
        for i in range(n):
            x[i] = x[i] / value[i]
    else:
        for i in range(n):
            x[i] = <number> (0 - <uint64_t> x[i]) if value[i] == -1 else x[i] / value[i]       # the smallest integer / -1 traps


cdef class ScatterCombine(Scatter):
    """The scatter ops that are not sums: ref[indices] = ref[indices] * updates, and so on."""
    cdef Combination how

    cdef void combine(self, int dtype, char *x, const char *value, Py_ssize_t n, int64_t nbytes) noexcept nogil:
        if dtype == FLOAT32:
            combine_with(<float *> x, <const float *> value, n, self.how)
        elif dtype == FLOAT64:
            combine_with(<double *> x, <const double *> value, n, self.how)
        elif dtype == INT32:
            combine_with(<int32_t *> x, <const int32_t *> value, n, self.how)
        else:
            combine_with(<int64_t *> x, <const int64_t *> value, n, self.how)


cdef class ScatterMul(ScatterCombine):
    """ref[indices] *= updates."""
    def __init__(self, attrs):
        self.how = MULTIPLY


cdef class ScatterMin(ScatterCombine):
    """ref[indices] = min(ref[indices], updates); NaN where either is."""
    def __init__(self, attrs):
        self.how = LEAST


cdef class ScatterMax(ScatterCombine):
    """ref[indices] = max(ref[indices], updates); NaN where either is."""
    def __init__(self, attrs):
        self.how = GREATEST


cdef class ScatterDiv(ScatterCombine):
    """ref[indices] /= updates; integers towards zero, and InvalidArgumentError, with nothing changed, where one is divided by 0."""
    def __init__(self, attrs):
        self.how = DIVIDE

    cdef int check(self, Buffer *target) except -1 nogil:
        cdef Buffer *updates = self.inputs[2]
        cdef Py_ssize_t i
        cdef bint zero = False
        Scatter.check(self, target)
        if target.dtype == FLOAT32 or target.dtype == FLOAT64:
            return 0
        for i in range(updates.size):
            zero |= integer(updates, i) == 0
        if zero:
            with gil:
                raise InvalidArgumentError(None, None, "Integer division by zero")
        return 0


cdef class ScatterNdUpdate(Update):
    """ref[indices[i..., 0], indices[i..., 1], ..., :] = updates[i..., :].  InvalidArgumentError, with nothing changed, if a place is outside."""
    cdef int update(self, Buffer *target) except -1 nogil:
        cdef Buffer *indices = self.inputs[1]
        cdef Buffer *updates = self.inputs[2]
        cdef int depth = <int> indices.shape[indices.rank - 1]
        cdef Py_ssize_t i, row, rows = product(indices.shape, 0, indices.rank - 1)
        self.check_shapes(target, depth)
        check_rows(indices, target, b"shape")
        row = product(target.shape, depth, target.rank)
        for i in range(rows):
            self.combine(target.dtype, target.data + slice_number(indices, i, target.shape, depth) * row * target.itemsize,
                         updates.data + i * row * target.itemsize, row, row * target.itemsize)
        return 0

    cdef int check_shapes(self, Buffer *target, int depth) except -1 nogil:
        cdef Buffer *indices = self.inputs[1]
        cdef Buffer *updates = self.inputs[2]
        cdef int k, outer = indices.rank - 1
        cdef bint fits = depth <= target.rank and updates.rank == outer + target.rank - depth
        if fits:
            for k in range(updates.rank):
                fits = fits and updates.shape[k] == (indices.shape[k] if k < outer else target.shape[k - outer + depth])
        if not fits:
            with gil:
                raise InvalidArgumentError(None, None, "Must have updates.shape = indices.shape[:-1] + ref.shape[indices.shape[-1]:], got "
                                           f"updates.shape {shape_text(updates)}, indices.shape {shape_text(indices)}, ref.shape {shape_text(target)}")
        return 0

    cdef void combine(self, int dtype, char *x, const char *value, Py_ssize_t n, int64_t nbytes) noexcept nogil:
        memcpy(x, value, nbytes)


cdef class ScatterNdAdd(ScatterNdUpdate):
    """ScatterNdUpdate with += ."""
    cdef void combine(self, int dtype, char *x, const char *value, Py_ssize_t n, int64_t nbytes) noexcept nogil:
        add_bytes(dtype, x, value, n, False)


cdef class ScatterNdSub(ScatterNdUpdate):
    """ScatterNdUpdate with -= ."""
    cdef void combine(self, int dtype, char *x, const char *value, Py_ssize_t n, int64_t nbytes) noexcept nogil:
        add_bytes(dtype, x, value, n, True)


cdef class CountUpTo(Update):
    """The value of a scalar, which then grows by 1; OutOfRangeError where it is not below `limit`."""
    cdef int64_t limit

    def __init__(self, attrs):
        self.limit = attrs["limit"]

    cdef int update(self, Buffer *target) except -1 nogil:
        if target.rank != 0:
            with gil:
                raise InvalidArgumentError(None, None, f"input is not a scalar: {shape_text(target)}")
        if integer(target, 0) >= self.limit:
            with gil:
                raise OutOfRangeError(None, None, f"Reached limit of {self.limit}")
        if target.dtype == INT32:
            int32s(self.outputs[0])[0] = int32s(target)[0]
            int32s(target)[0] += 1
        else:
            int64s(self.outputs[0])[0] = int64s(target)[0]
            int64s(target)[0] += 1
        return 0


@register_resource("VariableV2")
def make_variable(name, attrs):
    return VariableState(name, attrs["dtype"])


NUMBERS = [float32, float64, int32, int64]
register_kernel("_ReadVariable")(ReadVariable)
register_kernel("IsVariableInitialized", strings=True)(IsVariableInitialized)
register_kernel("Assign", strings=True)(Assign)
register_kernel("ScatterUpdate")(ScatterUpdate)
register_kernel("ScatterNdUpdate")(ScatterNdUpdate)
register_kernel("CountUpTo")(CountUpTo)
for kernel in (AssignAdd, AssignSub, ScatterAdd, ScatterSub, ScatterMul, ScatterDiv, ScatterMin, ScatterMax, ScatterNdAdd, ScatterNdSub):
    register_kernel(kernel.__name__, T=NUMBERS)(kernel)
