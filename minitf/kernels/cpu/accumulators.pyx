"""Conditional accumulators: gradients added up until whoever takes has enough of them (ops/accumulator_ops.py).

Everything that changes an accumulator does so with its lock held: adding a gradient, and taking what is there, which moves the sum, counts the
step on and leaves the accumulator empty.  Those who wait stand in line, and it is the gradient that completes a sum which answers the first of
them (core/waiting): so a parked taker gets exactly as many as it asked for, and a greater request in front is not passed by smaller ones behind.
Gradients are added in the order in which they arrive, element by element, so that order decides every bit of the sum.
"""
from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy

from minitf.core.buffers cimport describe, new_storage, release
from minitf.core.waiting cimport DONE, IN_LINE, OUTSIDE, PARK, SENT_AWAY, Attempt, Waitable
from .indexing cimport integer, product, same_shape, shape_text
from .kernel cimport FLOAT32, MAX_RANK, Buffer, Kernel, Storage, allocate, int32s, int64s
from .parallel cimport GRAIN, parallel_for
from .row_sums cimport RowSums, add_rows, free_rows, reserve, write_rows

from minitf.core.dtypes import float32, float64
from minitf.core.errors import CancelledError, InvalidArgumentError, ResourceExhaustedError
from minitf.core.registry import register_kernel, register_resource
from minitf.platform import tf_logging

ctypedef fused real:
    float
    double


def shape_text_of(shape):
    return "<unknown>" if shape is None or shape.ndims is None else "[" + ",".join("?" if d is None else str(d) for d in shape.tuple) + "]"


cdef class Accumulator(Waitable):
    """Accumulator(name, attrs of the op that makes it).  declared: the shape given there, of rank -1 if it is unknown, -1 for what is not known of it."""
    cdef readonly int64_t step
    cdef readonly int64_t count            # gradients added since the last were taken
    cdef int64_t declared[MAX_RANK]
    cdef int declared_rank, dtype
    cdef bint mean
    cdef readonly object shape

    def __init__(self, str name, attrs):
        cdef int k
        cdef Buffer b
        describe(&b, attrs["dtype"], ())
        self.dtype, self.shape, self.mean = b.dtype, attrs["shape"], attrs["reduction_type"] == "MEAN"
        self.declared_rank = -1 if self.shape.ndims is None else self.shape.ndims
        if self.declared_rank > MAX_RANK:
            raise InvalidArgumentError(None, None, f"A gradient has at most {MAX_RANK} dimensions, got shape {shape_text_of(self.shape)}")
        for k in range(self.declared_rank):
            self.declared[k] = -1 if self.shape.tuple[k] is None else self.shape.tuple[k]

    def check_same(self, op_type, attrs, op):
        cdef Buffer b
        describe(&b, attrs.get("dtype", float32), ())
        have, want = (self.op_type, self.declared_text()), (op_type, shape_text_of(attrs.get("shape")))
        if have != want or b.dtype != self.dtype or self.mean != (attrs["reduction_type"] == "MEAN"):
            raise InvalidArgumentError(None, op, f"'{self.name}' is a {self.op_type} of shape {self.declared_text()} already; another op has that name, "
                                       f"or asks for another dtype, shape or reduction: {op_type} of shape {want[1]}")

    def waiting(self):
        """How many wait for gradients now."""
        cdef PyObject *attempt
        n = 0
        self.lock()
        attempt = self.first[0]
        while attempt != NULL:
            n += 1
            attempt = (<Attempt> attempt).behind
        self.unlock()
        return n

    def declared_text(self):
        return shape_text_of(self.shape)

    cdef void taken(self) noexcept nogil:
        """The lock is held: what was there has been moved out."""
        self.count = 0
        self.step += 1
        self.changes += 1

    def set_step(self, int64_t step):
        self.lock()
        before = self.step
        self.step = step
        self.unlock()
        if step < before:
            tf_logging.warning("Accumulator %s: its global step is set from %d to %d, a smaller value", self.name, before, step)


cdef struct Total:                         # elements [begin, end) of a sum, and what is added to them or what they are divided by
    int dtype
    char *total
    const char *value
    int64_t count


cdef void add_range(void *data, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Total *t = <Total *> data
    if t.dtype == FLOAT32:
        add(<float *> t.total, <const float *> t.value, begin, end)
    else:
        add(<double *> t.total, <const double *> t.value, begin, end)


cdef void add(real *total, const real *value, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(begin, end):
        total[i] += value[i]


cdef void divide_range(void *data, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Total *t = <Total *> data
    if t.dtype == FLOAT32:
        divide(<float *> t.total, <float> t.count, begin, end)
    else:
        divide(<double *> t.total, <double> t.count, begin, end)


cdef void divide(real *total, real count, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(begin, end):
        total[i] /= count


# ---- dense ------------------------------------------------------------------------------------------------------------------


cdef class DenseAccumulator(Accumulator):
    op_type = "ConditionalAccumulator"

    cdef Buffer total                      # its storage is NULL while there is no gradient

    def __dealloc__(self):
        release(self.total.storage)

    cdef bint fits(self, Buffer *gradient) noexcept nogil:
        cdef int k
        if self.count:
            return same_shape(&self.total, gradient)
        if self.declared_rank >= 0 and self.declared_rank != gradient.rank:
            return False
        for k in range(self.declared_rank):
            if self.declared[k] >= 0 and self.declared[k] != gradient.shape[k]:
                return False
        return True

    cdef int add_gradient(self, int64_t local_step, Buffer *gradient) except -1 nogil:
        """Add it, unless it is stale.  A storage is made before the lock is taken: it may fail."""
        cdef size_t nbytes = gradient.size * gradient.itemsize
        cdef Storage *fresh = NULL
        cdef Buffer expected
        cdef bint done = False, mismatch = False
        cdef Total t
        while not done:
            self.lock()
            done = local_step < self.step
            if not done and not self.fits(gradient):
                expected, mismatch, done = self.total, True, True
                if self.count == 0:
                    expected.rank = -1
            elif not done and self.count:
                t = Total(self.dtype, self.total.data, gradient.data, 0)
                parallel_for(add_range, &t, gradient.size, GRAIN)
                done = self.added()
            elif not done and fresh != NULL:
                self.total = gradient[0]
                self.total.storage, self.total.data, self.total.resource = fresh, fresh.data, NULL
                fresh = NULL
                memcpy(self.total.data, gradient.data, nbytes)
                done = self.added()
            self.unlock()
            if not done:
                fresh = new_storage(nbytes)
        release(fresh)
        if mismatch:
            with gil:
                raise InvalidArgumentError(None, None, f"Shape mismatch: expected {self.declared_text() if expected.rank < 0 else shape_text(&expected)}, "
                                           f"got {shape_text(gradient)}")
        return 0

    cdef bint added(self) noexcept nogil:
        self.count += 1
        self.changes += 1
        self.serve()
        return True

    cdef int give(self, DenseTake take) noexcept nogil:
        """The lock is held: the sum goes to whoever takes, if he has asked for no more."""
        if self.count < take.required:
            return PARK
        take.count, take.total = self.count, self.total
        self.total.storage = NULL
        self.taken()
        return DONE


cdef class DenseTake(Attempt):
    """Waits for `required` gradients; then has their sum, and how many they are."""
    cdef int64_t required, count
    cdef Buffer total

    def __dealloc__(self):
        release(self.total.storage)

    cdef int go_on(self) noexcept nogil:
        return (<DenseAccumulator> self.resource).give(self)


# ---- sparse -----------------------------------------------------------------------------------------------------------------


cdef struct Mismatch:                      # what does not fit: the text is made where the GIL may be taken
    const char *text
    int64_t at, expected, got


cdef class SparseAccumulator(Accumulator):
    op_type = "SparseConditionalAccumulator"

    cdef RowSums rows
    cdef int rank                          # of the values of the gradients that are there, and their shape
    cdef int64_t row_shape[MAX_RANK]

    def __dealloc__(self):
        free_rows(&self.rows)

    cdef bint fits(self, Buffer *indices, Buffer *values, Buffer *shape, bint has_shape, Mismatch *m) noexcept nogil:
        cdef int64_t i
        cdef int64_t *known = &self.declared[0]
        cdef int rank = self.declared_rank
        if has_shape and self.declared_rank > shape.size:
            m[0] = Mismatch(b"shape rank at least", -1, self.declared_rank, shape.size)
            return False
        for i in range(self.declared_rank if has_shape else 0):
            if self.declared[i] >= 0 and self.declared[i] != int64s(shape)[i]:
                m[0] = Mismatch(b"shape dim", i, self.declared[i], int64s(shape)[i])
                return False
        if self.declared_rank > 0 and self.declared[0] >= 0:
            for i in range(indices.size):
                if int64s(indices)[i] >= self.declared[0]:
                    m[0] = Mismatch(NULL, i, self.declared[0], int64s(indices)[i])
                    return False
        if self.count and self.rank != values.rank:
            m[0] = Mismatch(b"values rank", -1, self.rank, values.rank)
            return False
        if not self.count and self.declared_rank > values.rank:
            m[0] = Mismatch(b"values rank at least", -1, self.declared_rank, values.rank)
            return False
        if self.count:
            known, rank = &self.row_shape[0], self.rank
        for i in range(1, rank):
            if known[i] >= 0 and known[i] != values.shape[i]:
                m[0] = Mismatch(b"values dim", i, known[i], values.shape[i])
                return False
        return True

    cdef int add_gradient(self, int64_t local_step, Buffer *indices, Buffer *values, Buffer *shape, bint has_shape) except -1 nogil:
        cdef int64_t row = product(values.shape, 1, values.rank)
        cdef Mismatch m
        cdef bint fits = True, room = True
        self.lock()
        if local_step >= self.step:
            fits = self.fits(indices, values, shape, has_shape, &m)
            room = not fits or reserve(&self.rows, indices.size, row * values.itemsize)
            if fits and room:
                self.count += 1
                self.rank = values.rank
                memcpy(self.row_shape, values.shape, sizeof(self.row_shape))
                add_rows(&self.rows, self.dtype, int64s(indices), values.data, indices.size, row, self.count)
                self.changes += 1
                self.serve()
        self.unlock()
        if not room:
            with gil:
                raise ResourceExhaustedError(None, None, f"OOM when adding {indices.size:,} rows of {row:,} elements to accumulator {self.name}")
        if not fits and m.text == NULL:
            with gil:
                raise InvalidArgumentError(None, None, f"Shape mismatch: index of slice {m.at} exceeded limits of shape; index is {m.got} exceeded {m.expected}")
        if not fits:
            with gil:
                raise InvalidArgumentError(None, None, f"Shape mismatch: expected {m.text.decode()} {f'{m.at} to be ' if m.at >= 0 else ''}{m.expected}, got {m.got}")
        return 0

    cdef int give(self, SparseTake take) noexcept nogil:
        cdef RowSums empty = take.rows
        if self.count < take.required:
            return PARK
        take.rows, self.rows = self.rows, empty          # one's own, which are empty, for the others: nothing is copied or made
        take.rank = self.rank
        memcpy(take.row_shape, self.row_shape, sizeof(self.row_shape))
        self.taken()
        return DONE


cdef class SparseTake(Attempt):
    """Waits for `required` gradients; then has the sums of their rows."""
    cdef int64_t required
    cdef RowSums rows
    cdef int rank
    cdef int64_t row_shape[MAX_RANK]

    def __dealloc__(self):
        free_rows(&self.rows)

    cdef int go_on(self) noexcept nogil:
        return (<SparseAccumulator> self.resource).give(self)


# ---- kernels ----------------------------------------------------------------------------------------------------------------


cdef class AccumulatorKernel(Kernel):
    """A kernel whose first input refers to an accumulator, of the kind that `kind` names."""
    cdef Accumulator accumulator
    cdef object dtype

    kind = Accumulator

    def __init__(self, attrs):
        self.dtype = attrs.get("dtype")

    def prepare(self):
        cdef Buffer b
        resource = <object> <PyObject *> self.inputs[0].resource
        if not isinstance(resource, self.kind):
            raise InvalidArgumentError(None, None, f"'{resource.name}' is a {type(resource).__name__}, not a {self.kind.__name__}")
        self.accumulator = <Accumulator> resource
        if self.dtype is not None:
            describe(&b, self.dtype, ())
            if b.dtype != self.accumulator.dtype:
                raise InvalidArgumentError(None, None, f"Accumulator {resource.name} does not hold {self.dtype.name}, which this op is for")

    cdef int64_t scalar(self, int i, const char *name) except? -1 nogil:
        if self.inputs[i].rank:
            with gil:
                raise InvalidArgumentError(None, None, f"Argument {name.decode()} must be scalar, but had bad shape {shape_text(self.inputs[i])}")
        return integer(self.inputs[i], 0)

    cdef int64_t required(self) except? -1 nogil:
        cdef int64_t n = self.scalar(1, b"num_required")
        if n < 1:
            with gil:
                raise InvalidArgumentError(None, None, f"Argument num_required must be positive, but was {n}")
        return n


cdef class ApplyGradient(AccumulatorKernel):
    kind = DenseAccumulator

    cdef int run(self) except -1 nogil:
        return (<DenseAccumulator> self.accumulator).add_gradient(self.scalar(1, b"local_step"), self.inputs[2])


cdef class SparseApplyGradient(AccumulatorKernel):
    cdef bint has_shape

    kind = SparseAccumulator

    def __init__(self, attrs):
        AccumulatorKernel.__init__(self, attrs)
        self.has_shape = attrs["has_known_shape"]

    cdef int run(self) except -1 nogil:
        cdef Buffer *indices = self.inputs[2]
        cdef Buffer *values = self.inputs[3]
        cdef int64_t i
        if indices.rank != 1:
            with gil:
                raise InvalidArgumentError(None, None, f"Input indices should be vector but received shape: {shape_text(indices)}")
        if values.rank < 1 or values.shape[0] != indices.size:
            with gil:
                raise InvalidArgumentError(None, None, f"Expected {indices.size} non-empty input values, got " + (str(values.shape[0]) if values.rank else "a scalar"))
        for i in range(indices.size):
            if int64s(indices)[i] < 0:
                with gil:
                    raise InvalidArgumentError(None, None, f"indices[{i}] = {int64s(indices)[i]} is below 0")
        return (<SparseAccumulator> self.accumulator).add_gradient(self.scalar(1, b"local_step"), indices, values, self.inputs[4], self.has_shape)


cdef int sent_away() except -1 nogil:
    with gil:
        raise CancelledError(None, None, "TakeGrad operation was cancelled")


cdef class TakeKernel(AccumulatorKernel):
    """A kernel that waits for gradients."""
    cdef Attempt attempt

    def waits_for(self):
        """What a parked kernel waits for, in words; None if it does not wait."""
        self.accumulator.lock()
        is_waiting, has, required = self.attempt.standing == IN_LINE, self.accumulator.count, self.asked()
        self.accumulator.unlock()
        return f"gradients in accumulator '{self.accumulator.name}' (has {has} of {required} asked for)" if is_waiting else None

    cdef int64_t asked(self) noexcept nogil:
        return 0


cdef class TakeGradient(TakeKernel):
    """The output's memory is the sum's own."""
    cdef DenseTake take
    cdef Buffer planned                    # its shape is what the plan was made for, of rank -1 if that is any

    kind = DenseAccumulator

    def __init__(self, attrs):
        AccumulatorKernel.__init__(self, attrs)
        shape = attrs["_shapes"][0]
        describe(&self.planned, attrs["dtype"], shape or ())
        if shape is None:
            self.planned.rank = -1

    def prepare(self):
        AccumulatorKernel.prepare(self)
        self.attempt = self.take = DenseTake()
        self.take.resource = self.accumulator

    cdef int64_t asked(self) noexcept nogil:
        return self.take.required

    cdef int run(self) except -1 nogil:
        cdef Buffer *out = self.outputs[0]
        cdef Total t
        cdef int status, k
        if self.take.standing == OUTSIDE:
            self.take.required = self.required()
        status = self.take.make(self.waiter)
        if status == PARK:
            return PARK
        if status == SENT_AWAY:
            return sent_away()
        release(out.storage)
        out.storage, out.data, out.size, out.rank = self.take.total.storage, self.take.total.data, self.take.total.size, self.take.total.rank
        for k in range(out.rank):
            out.shape[k] = self.take.total.shape[k]
        self.take.total.storage = NULL
        if self.planned.rank >= 0 and not same_shape(&self.planned, out):
            with gil:
                raise InvalidArgumentError(None, None, f"The gradients have shape {shape_text(out)}, the static shape is {shape_text(&self.planned)}")
        if self.accumulator.mean and self.take.count > 1:
            t = Total(out.dtype, out.data, NULL, self.take.count)
            parallel_for(divide_range, &t, out.size, GRAIN)
        return DONE


cdef class SparseTakeGradient(TakeKernel):
    cdef SparseTake take

    kind = SparseAccumulator

    def prepare(self):
        AccumulatorKernel.prepare(self)
        self.attempt = self.take = SparseTake()
        self.take.resource = self.accumulator

    cdef int64_t asked(self) noexcept nogil:
        return self.take.required

    cdef int run(self) except -1 nogil:
        cdef int64_t *shape = self.take.row_shape
        cdef int64_t n
        cdef int status, k
        if self.take.standing == OUTSIDE:
            self.take.required = self.required()
            if self.take.rows.n:                              # there was no memory for the outputs of a step before
                free_rows(&self.take.rows)
        status = self.take.make(self.waiter)
        if status == PARK:
            return PARK
        if status == SENT_AWAY:
            return sent_away()
        n = self.take.rows.n
        allocate(self.outputs[0], 1, &n)
        shape[0] = n
        allocate(self.outputs[1], self.take.rank, shape)
        n = self.take.rank
        allocate(self.outputs[2], 1, &n)
        write_rows(&self.take.rows, self.outputs[1].dtype, int64s(self.outputs[0]), self.outputs[1].data, product(shape, 1, self.take.rank), self.accumulator.mean)
        int64s(self.outputs[2])[0] = self.accumulator.declared[0] if self.accumulator.declared_rank > 0 else -1
        for k in range(1, self.take.rank):
            int64s(self.outputs[2])[k] = shape[k]
        return DONE


cdef class NumAccumulated(AccumulatorKernel):
    cdef int run(self) except -1 nogil:
        self.accumulator.lock()
        int32s(self.outputs[0])[0] = <int32_t> self.accumulator.count
        self.accumulator.unlock()
        return DONE


cdef class SetGlobalStep(AccumulatorKernel):
    cdef int run(self) except -1 nogil:
        cdef int64_t step = self.scalar(1, b"new_global_step")
        with gil:
            self.accumulator.set_step(step)
        return DONE


register_resource("ConditionalAccumulator")(DenseAccumulator)
register_resource("SparseConditionalAccumulator")(SparseAccumulator)

REAL = [float32, float64]
register_kernel("AccumulatorApplyGradient", dtype=REAL)(ApplyGradient)
register_kernel("AccumulatorTakeGradient", binds=True, dtype=REAL)(TakeGradient)
register_kernel("SparseAccumulatorApplyGradient", dtype=REAL)(SparseApplyGradient)
register_kernel("SparseAccumulatorTakeGradient", binds=True, dtype=REAL)(SparseTakeGradient)
register_kernel("AccumulatorNumAccumulated")(NumAccumulated)
register_kernel("AccumulatorSetGlobalStep")(SetGlobalStep)
