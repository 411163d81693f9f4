"""Conditional accumulators: gradients added up until whoever takes has enough of them (ops/accumulator_ops.py).

Everything that changes an accumulator does so with its lock held: adding a gradient, and taking what is there, which moves the sum,
counts the step on and leaves the accumulator empty.  Those who wait stand in line, and it is the gradient that completes a sum which
answers the first of them (core/waiting): so a parked taker gets exactly as many as it asked for, and a greater request in front is not
passed by smaller ones behind.  Gradients are added in the order in which they arrive, element by element: that order decides every bit.
"""
from libc.stdint cimport int64_t
from libc.string cimport memcpy

from minitf.core.buffers cimport describe, new_storage, release
from minitf.core.waiting cimport DONE, PARK
from .indexing cimport product, same_shape, shape_text
from .kernel cimport FLOAT32, MAX_RANK, Buffer, Storage, int64s
from .parallel cimport GRAIN, parallel_for
from .row_sums cimport RowSums, add_rows, free_rows, reserve

from minitf.core.dtypes import float32
from minitf.core.errors import InvalidArgumentError, ResourceExhaustedError

ctypedef fused real:
    float
    double


def shape_text_of(shape):
    return "<unknown>" if shape is None or shape.ndims is None else "[" + ",".join("?" if d is None else str(d) for d in shape.tuple) + "]"


cdef class Accumulator(Waitable):
    kind = "accumulator"

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
        have, want = (self.kind, self.declared_text()), (op_type, shape_text_of(attrs.get("shape")))
        if have != want or b.dtype != self.dtype or self.mean != (attrs["reduction_type"] == "MEAN"):
            raise InvalidArgumentError(None, op, f"'{self.name}' is a {self.kind} of shape {self.declared_text()} already; another op "
                                                 f"has that name, or asks for another dtype, shape or reduction: {op_type} of shape {want[1]}")

    def declared_text(self):
        return shape_text_of(self.shape)

    cdef void taken(self) noexcept nogil:
        """The lock is held: what was there has been moved out."""
        self.count = 0
        self.step += 1
        self.changes += 1

    def __repr__(self):
        return f"<{self.kind} '{self.name}': {self.count} gradients, global step {self.step}>"


cdef class Take(Attempt):
    def __cinit__(self, Accumulator accumulator):
        self.resource = accumulator


cdef struct Total:                         # a sum, and what is added to it
    int dtype
    char *total
    const char *value


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


# ---- dense ------------------------------------------------------------------------------------------------------------------


cdef class DenseAccumulator(Accumulator):
    kind = "ConditionalAccumulator"

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
                t = Total(self.dtype, self.total.data, gradient.data)
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
                wanted = self.declared_text() if expected.rank < 0 else shape_text(&expected)
                raise InvalidArgumentError(None, None, f"Shape mismatch: expected {wanted}, got {shape_text(gradient)}")
        return 0

    cdef bint added(self) noexcept nogil:
        self.count += 1
        self.changes += 1
        self.serve()
        return True

    cdef int give(self, TakeGrad take) noexcept nogil:
        """The lock is held: the sum goes to whoever takes, if he has asked for no more."""
        if self.count < take.required:
            return PARK
        take.count, take.total = self.count, self.total
        self.total.storage = NULL
        self.taken()
        return DONE


cdef class TakeGrad(Take):
    def __dealloc__(self):
        release(self.total.storage)

    cdef int go_on(self) noexcept nogil:
        return (<DenseAccumulator> self.resource).give(self)


# ---- sparse -----------------------------------------------------------------------------------------------------------------


cdef class SparseAccumulator(Accumulator):
    kind = "SparseConditionalAccumulator"

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
                raise ResourceExhaustedError(None, None, f"OOM when adding {indices.size:,} rows of {row:,} elements to '{self.name}'")
        if not fits and m.text == NULL:
            with gil:
                raise InvalidArgumentError(None, None, f"Shape mismatch: index of slice {m.at} exceeded limits of shape; "
                                                       f"index is {m.got} exceeded {m.expected}")
        if not fits:
            with gil:
                where = f"{m.at} to be " if m.at >= 0 else ""
                raise InvalidArgumentError(None, None, f"Shape mismatch: expected {m.text.decode()} {where}{m.expected}, got {m.got}")
        return 0

    cdef int give(self, TakeIndexedSlicesGrad take) noexcept nogil:
        cdef RowSums empty = take.rows
        if self.count < take.required:
            return PARK
        take.rows, self.rows = self.rows, empty          # one's own, which are empty, for the others: nothing is copied or made
        take.rank = self.rank
        memcpy(take.row_shape, self.row_shape, sizeof(self.row_shape))
        self.taken()
        return DONE


cdef class TakeIndexedSlicesGrad(Take):
    def __dealloc__(self):
        free_rows(&self.rows)

    cdef int go_on(self) noexcept nogil:
        return (<SparseAccumulator> self.resource).give(self)


