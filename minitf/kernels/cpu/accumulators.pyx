"""Kernels of conditional accumulators (accumulator_state.pyx): they check what is given, and park where gradients are missing."""
from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, int64_t

from minitf.core.buffers cimport describe, release
from .accumulator_state cimport Accumulator, DenseAccumulator, SparseAccumulator, Take, TakeGrad, TakeIndexedSlicesGrad
from .indexing cimport integer, product, same_shape, shape_text
from .kernel cimport FLOAT32, Buffer, Kernel, allocate, int32s, int64s
from .parallel cimport GRAIN, parallel_for
from .row_sums cimport RowSums, free_rows, write_rows
from .waiting cimport WaitingKernel

from minitf.core.dtypes import float32, float64
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel, register_resource
from minitf.platform import tf_logging

ctypedef fused real:
    float
    double


cdef struct Division:                      # of a sum by a count
    int dtype
    char *total
    int64_t count


cdef void divide_range(void *data, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Division *d = <Division *> data
    if d.dtype == FLOAT32:
        divide(<float *> d.total, <float> d.count, begin, end)
    else:
        divide(<double *> d.total, <double> d.count, begin, end)


cdef void divide(real *total, real count, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(begin, end):
        total[i] /= count


cdef Accumulator accumulator_of(Kernel kernel, wanted, dtype=None):
    """The accumulator behind a kernel's first input.  InvalidArgumentError if that is something else, or holds another dtype."""
    cdef Buffer b
    resource = <object> <PyObject *> kernel.inputs[0].resource
    if not isinstance(resource, wanted):
        raise InvalidArgumentError(None, None, f"'{resource.name}' is no {wanted.kind}, but a {resource.kind}")
    if dtype is not None:
        describe(&b, dtype, ())
        if b.dtype != (<Accumulator> resource).dtype:
            raise InvalidArgumentError(None, None, f"{resource.kind} '{resource.name}' does not hold {dtype.name}, which this op is for")
    return <Accumulator> resource


cdef int64_t scalar(const Buffer *b, const char *name) except? -1 nogil:
    if b.rank:
        with gil:
            raise InvalidArgumentError(None, None, f"Argument {name.decode()} must be scalar, but had bad shape {shape_text(b)}")
    return integer(b, 0)


cdef class ApplyGradient(Kernel):
    cdef DenseAccumulator accumulator
    cdef object dtype

    def __init__(self, attrs):
        self.dtype = attrs["dtype"]

    def prepare(self):
        self.accumulator = <DenseAccumulator> accumulator_of(self, DenseAccumulator, self.dtype)

    cdef int run(self) except -1 nogil:
        return self.accumulator.add_gradient(scalar(self.inputs[1], b"local_step"), self.inputs[2])


cdef class SparseApplyGradient(Kernel):
    cdef SparseAccumulator accumulator
    cdef object dtype
    cdef bint has_shape

    def __init__(self, attrs):
        self.dtype, self.has_shape = attrs["dtype"], attrs["has_known_shape"]

    def prepare(self):
        self.accumulator = <SparseAccumulator> accumulator_of(self, SparseAccumulator, self.dtype)

    cdef int run(self) except -1 nogil:
        cdef Buffer *indices = self.inputs[2]
        cdef Buffer *values = self.inputs[3]
        cdef int64_t i
        if indices.rank != 1:
            with gil:
                raise InvalidArgumentError(None, None, f"Input indices should be vector but received shape: {shape_text(indices)}")
        if values.rank < 1 or values.shape[0] != indices.size:
            with gil:
                got = str(values.shape[0]) if values.rank else "a scalar"
                raise InvalidArgumentError(None, None, f"Expected {indices.size} non-empty input values, got {got}")
        for i in range(indices.size):
            if int64s(indices)[i] < 0:
                with gil:
                    raise InvalidArgumentError(None, None, f"indices[{i}] = {int64s(indices)[i]} is below 0")
        return self.accumulator.add_gradient(scalar(self.inputs[1], b"local_step"), indices, values, self.inputs[4], self.has_shape)


cdef class TakeKernel(WaitingKernel):
    """A kernel that waits for gradients."""
    cdef object dtype, shapes              # the shapes that the plan was made for
    cdef Accumulator accumulator

    def __init__(self, attrs):
        self.dtype, self.shapes = attrs["dtype"], attrs["_shapes"]

    cdef bint begin(self) except -1 nogil:
        cdef int64_t n = scalar(self.inputs[1], b"num_required")
        if n < 1:
            with gil:
                raise InvalidArgumentError(None, None, f"Argument num_required must be positive, but was {n}")
        (<Take> self.attempt).required = n
        return True

    def wish(self):
        cdef int64_t has, required = (<Take> self.attempt).required
        self.accumulator.lock()
        has = self.accumulator.count
        self.accumulator.unlock()
        return f"gradients in {self.accumulator.kind} '{self.accumulator.name}' (has {has} of {required} asked for)"


cdef class TakeGradient(TakeKernel):
    """The output's memory is the sum's own."""
    cdef Buffer planned                    # its shape is what the plan was made for, of rank -1 if that is any

    def prepare(self):
        self.accumulator = accumulator_of(self, DenseAccumulator, self.dtype)
        describe(&self.planned, self.dtype, self.shapes[0] or ())
        if self.shapes[0] is None:
            self.planned.rank = -1
        self.attempt = TakeGrad(self.accumulator)

    cdef int deliver(self) except -1 nogil:
        cdef Buffer *out = self.outputs[0]
        cdef Buffer *total = &(<TakeGrad> self.attempt).total
        cdef int64_t count = (<TakeGrad> self.attempt).count
        cdef Division d
        cdef int k
        release(out.storage)
        out.storage, out.data, out.size, out.rank = total.storage, total.data, total.size, total.rank
        for k in range(out.rank):
            out.shape[k] = total.shape[k]
        total.storage = NULL
        if self.planned.rank >= 0 and not same_shape(&self.planned, out):
            with gil:
                planned = shape_text(&self.planned)
                raise InvalidArgumentError(None, None, f"The gradients have shape {shape_text(out)}, the static shape is {planned}")
        if self.accumulator.mean and count > 1:
            d = Division(out.dtype, out.data, count)
            parallel_for(divide_range, &d, out.size, GRAIN)
        return 0

    cdef void drop(self) noexcept nogil:
        release((<TakeGrad> self.attempt).total.storage)
        (<TakeGrad> self.attempt).total.storage = NULL


cdef class SparseTakeGradient(TakeKernel):
    def prepare(self):
        self.accumulator = accumulator_of(self, SparseAccumulator, self.dtype)
        self.attempt = TakeIndexedSlicesGrad(self.accumulator)

    cdef int deliver(self) except -1 nogil:
        cdef RowSums *rows = &(<TakeIndexedSlicesGrad> self.attempt).rows
        cdef int64_t *shape = (<TakeIndexedSlicesGrad> self.attempt).row_shape
        cdef int64_t rank = (<TakeIndexedSlicesGrad> self.attempt).rank, k
        shape[0] = rows.n
        allocate(self.outputs[0], 1, shape)
        allocate(self.outputs[1], <int> rank, shape)
        allocate(self.outputs[2], 1, &rank)
        write_rows(rows, self.outputs[1].dtype, int64s(self.outputs[0]), self.outputs[1].data, product(shape, 1, <int> rank),
                   self.accumulator.mean)
        int64s(self.outputs[2])[0] = self.accumulator.declared[0] if self.accumulator.declared_rank > 0 else -1
        for k in range(1, rank):
            int64s(self.outputs[2])[k] = shape[k]
        return 0

    cdef void drop(self) noexcept nogil:
        if (<TakeIndexedSlicesGrad> self.attempt).rows.n:          # they were taken, and then there was no memory for the outputs
            free_rows(&(<TakeIndexedSlicesGrad> self.attempt).rows)


cdef class NumAccumulated(Kernel):
    cdef Accumulator accumulator

    def prepare(self):
        self.accumulator = accumulator_of(self, Accumulator)

    cdef int run(self) except -1 nogil:
        self.accumulator.lock()
        int32s(self.outputs[0])[0] = <int32_t> self.accumulator.count
        self.accumulator.unlock()
        return 0


cdef class SetGlobalStep(Kernel):
    cdef Accumulator accumulator

    def prepare(self):
        self.accumulator = accumulator_of(self, Accumulator)

    cdef int run(self) except -1 nogil:
        cdef int64_t step = scalar(self.inputs[1], b"new_global_step"), before
        self.accumulator.lock()
        before = self.accumulator.step
        self.accumulator.step = step
        self.accumulator.unlock()
        if step < before:
            with gil:
                tf_logging.warning("%s '%s': its global step is set from %d to %d, a smaller value", self.accumulator.kind,
                                   self.accumulator.name, before, step)
        return 0


register_resource("ConditionalAccumulator")(DenseAccumulator)
register_resource("SparseConditionalAccumulator")(SparseAccumulator)

REAL = [float32, float64]
register_kernel("AccumulatorApplyGradient", dtype=REAL)(ApplyGradient)
register_kernel("AccumulatorTakeGradient", binds=True, dtype=REAL)(TakeGradient)
register_kernel("SparseAccumulatorApplyGradient", dtype=REAL)(SparseApplyGradient)
register_kernel("SparseAccumulatorTakeGradient", binds=True, dtype=REAL)(SparseTakeGradient)
register_kernel("AccumulatorNumAccumulated")(NumAccumulated)
register_kernel("AccumulatorSetGlobalStep")(SetGlobalStep)
