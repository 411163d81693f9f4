"""Kernels of the queues (core/queues.pyx): they carry tensors between a plan's buffers and a queue, and park where the queue makes them wait.

A tensor whose storage is counted goes in, and a single element comes out, by reference.  Any other is copied once on its way in; a batch
is copied once on its way out, into the memory that was planned for it where its shape is known.
"""
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.ref cimport Py_INCREF, PyObject
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from minitf.core.buffers cimport allocate, copy_elements, holds_objects, release, retain, storage_for
from minitf.core.queues cimport NO_MEMORY, TOO_FEW, Close, Dequeue, Enqueue, PriorityState, QueueState, RandomShuffleState
from .indexing cimport product, same_shape, shape_text
from .kernel cimport DONE, MAX_RANK, Buffer, Kernel, bools, int32s
from .waiting cimport WaitingKernel

from minitf.core.errors import CancelledError, InvalidArgumentError, OutOfRangeError, ResourceExhaustedError
from minitf.core.registry import register_kernel, register_resource


cdef QueueState queue_of(Kernel kernel, object types):
    """The queue behind a kernel's first input.  InvalidArgumentError if that is something else, or has other components."""
    resource = <object> <PyObject *> kernel.inputs[0].resource
    if not isinstance(resource, QueueState):
        raise InvalidArgumentError(None, None, f"'{resource.name}' is no queue, but a {resource.kind}")
    if types is not None and types != resource.dtypes:
        raise InvalidArgumentError(None, None, f"{resource.kind} '{resource.name}' has component types {_names(resource.dtypes)}, "
                                               f"and is given or asked for {_names(types)}")
    return resource


def _names(dtypes):
    return "[" + ", ".join(d.name for d in dtypes) + "]"


cdef class QueueKernel(WaitingKernel):
    """A kernel that may have to wait for a queue, whose handle is its first input."""
    cdef readonly QueueState queue
    cdef object types

    def __init__(self, attrs):
        self.types = attrs.get("Tcomponents") or attrs.get("component_types")
        if attrs.get("timeout_ms", -1) != -1:
            raise InvalidArgumentError(None, None, f"Timeout not supported: timeout_ms must be -1, got {attrs['timeout_ms']}. "
                                                   "A step has one: tf.RunOptions(timeout_in_ms=...)")

    def prepare(self):
        self.queue = queue_of(self, self.types)

    def failure(self, status):
        if status == NO_MEMORY:
            return ResourceExhaustedError(None, None, f"OOM: {self.queue.kind} '{self.queue.name}' can not grow")
        return CancelledError(None, None, f"{self.queue.kind} '{self.queue.name}' is closed.")


# ---- enqueue -------------------------------------------------------------------------------------------------------------------


cdef class QueueEnqueue(QueueKernel):
    def prepare(self):
        QueueKernel.prepare(self)
        self.attempt = Enqueue(self.queue)

    cdef bint begin(self) except -1 nogil:
        self.announce()
        self.check(0)
        (<Enqueue> self.attempt).expect(1)
        self.fill()
        return True

    cdef void announce(self) noexcept nogil:
        self.queue.lock()
        self.queue.enqueues += 1
        self.queue.unlock()

    cdef int check(self, int outer) except -1 nogil:
        """InvalidArgumentError unless the tensors, without their first `outer` dimensions, fit the queue."""
        cdef Py_ssize_t i
        cdef int d
        cdef Buffer *b
        cdef Buffer *limit
        cdef bint fits
        for i in range(self.queue.width):
            b = self.inputs[1 + i]
            if self.queue.limits != NULL:
                limit = &self.queue.limits[i]
                if limit.rank < 0:
                    continue
                fits = b.rank == limit.rank + outer
                for d in range(limit.rank if fits else 0):
                    fits = fits and (limit.shape[d] < 0 or limit.shape[d] == b.shape[outer + d])
                if not fits:
                    with gil:
                        self.refuse(i, outer)
            elif i == 0 and self.queue.by_priority and b.rank != outer:
                with gil:
                    self.refuse_priority(outer)
        return 0

    cdef int refuse(self, Py_ssize_t i, int outer) except -1:
        expected = [str(self.inputs[1].shape[0]) if self.inputs[1].rank else "?"] if outer else []
        expected += ["?" if d is None else str(d) for d in self.queue.shapes[i].tuple]
        raise InvalidArgumentError(None, None, f"Shape mismatch in tuple component {i}. Expected [{','.join(expected)}], "
                                               f"got {shape_text(self.inputs[1 + i])}")

    cdef int refuse_priority(self, int outer) except -1:
        raise InvalidArgumentError(None, None, f"Expected the priority element to be a {'vector' if outer else 'scalar'}, "
                                               f"but received shape: {shape_text(self.inputs[1])}")

    cdef int fill(self) except -1 nogil:
        """The inputs as one element."""
        cdef Py_ssize_t i
        for i in range(self.queue.width):
            hold(&(<Enqueue> self.attempt).tensors[i], self.inputs[1 + i])
        return 0

    cdef void drop(self) noexcept nogil:
        (<Enqueue> self.attempt).drop()

    def wish(self):
        return f"room in {self.queue.kind} '{self.queue.name}' (which holds {self.queue.count} of at most {self.queue.capacity})"


cdef int hold(Buffer *target, Buffer *source) except -1 nogil:
    """target becomes source, with a reference to its storage; a copy, where it has none that is counted."""
    target[0] = source[0]
    target.resource = NULL
    if source.storage != NULL:
        retain(source.storage)
        return 0
    target.storage = NULL
    target.storage = storage_for(source)
    target.data = target.storage.data
    return copy_elements(target.data, source.data, source)


cdef class QueueEnqueueMany(QueueEnqueue):
    cdef bint begin(self) except -1 nogil:
        cdef Py_ssize_t i, count
        self.announce()
        for i in range(self.queue.width):
            if self.inputs[1 + i].rank < 1:
                with gil:
                    raise InvalidArgumentError(None, None, f"enqueue_many takes tensors of at least one dimension, component {i} is a scalar")
        count = self.inputs[1].shape[0]
        self.check(1)
        for i in range(1, self.queue.width):
            if self.inputs[1 + i].shape[0] != count:
                with gil:
                    raise InvalidArgumentError(None, None, "All input tensors must have the same size in the 0th dimension. "
                                               f"Component {i} has {self.inputs[1 + i].shape[0]}, and should have {count}")
        if count == 0:
            return False
        (<Enqueue> self.attempt).expect(count)
        for i in range(self.queue.width):
            self.cut(i, count)
        return True

    cdef int cut(self, Py_ssize_t component, Py_ssize_t count) except -1 nogil:
        """The rows of an input: parts of one storage, or where an element may outlive the rest of its batch by far, each with its own."""
        cdef Buffer *source = self.inputs[1 + component]
        cdef Buffer batch, row
        cdef Py_ssize_t i
        cdef int d
        cdef bint shares = self.queue.keeps_batches
        batch = source[0]
        if shares:
            hold(&batch, source)
        row = batch
        row.rank, row.size, row.resource = source.rank - 1, source.size // count, NULL
        for d in range(row.rank):
            row.shape[d] = source.shape[d + 1]
        try:
            for i in range(count):
                row.data = batch.data + i * row.size * row.itemsize
                row.storage = batch.storage if shares else NULL
                hold(&(<Enqueue> self.attempt).tensors[i * self.queue.width + component], &row)
        finally:
            if shares:
                release(batch.storage)
        return 0


# ---- dequeue -------------------------------------------------------------------------------------------------------------------


cdef class QueueDequeue(QueueKernel):
    """One element: its tensors are handed on as they are."""
    cdef object promised                 # the shapes that the plan was made for; None where it knows none
    cdef bint up_to
    cdef Buffer *planned                 # rank -1: any shape

    def __init__(self, attrs):
        QueueKernel.__init__(self, attrs)
        self.promised = attrs.get("_shapes")

    def __dealloc__(self):
        free(self.planned)

    def prepare(self):
        cdef Py_ssize_t i, d
        QueueKernel.prepare(self)
        self.attempt = Dequeue(self.queue, self.up_to)
        if self.promised is not None:
            self.planned = <Buffer *> calloc(self.n_outputs + 1, sizeof(Buffer))
            if self.planned == NULL:
                raise MemoryError()
            for i, shape in enumerate(self.promised):
                self.planned[i].rank = -1 if shape is None else len(shape)
                for d in range(self.planned[i].rank):
                    self.planned[i].shape[d] = shape[d]

    cdef bint begin(self) except -1 nogil:
        (<Dequeue> self.attempt).expect(1)
        return True

    cdef int deliver(self) except -1 nogil:
        cdef Py_ssize_t i
        cdef int d
        cdef Buffer *out
        cdef Buffer *tensor
        for i in range(self.n_outputs):
            out, tensor = self.outputs[i], &(<Dequeue> self.attempt).tensors[i]
            if self.planned != NULL and self.planned[i].rank >= 0 and not same_shape(tensor, &self.planned[i]):
                with gil:
                    raise InvalidArgumentError(None, None, f"Component {i} of the element has shape {shape_text(tensor)}, "
                                                           f"and the static shape {shape_text(&self.planned[i])}")
            release(out.storage)
            out.storage, out.data, out.size, out.rank = tensor.storage, tensor.data, tensor.size, tensor.rank
            tensor.storage = NULL
            for d in range(out.rank):
                out.shape[d] = tensor.shape[d]
        return 0

    cdef void drop(self) noexcept nogil:
        (<Dequeue> self.attempt).drop()

    def failure(self, status):
        if status != TOO_FEW:
            return QueueKernel.failure(self, status)
        return OutOfRangeError(None, None, f"{self.queue.kind} '{self.queue.name}' is closed and has insufficient elements (requested "
                                           f"{(<Dequeue> self.attempt).count}, current size {(<Dequeue> self.attempt).found})")

    @property
    def is_unfed(self):
        return self.queue.enqueues == 0 and self.waits_for() is not None

    def wish(self):
        cdef Dequeue attempt = self.attempt
        stay = f", and {self.queue.floor} must stay while it is open" if self.queue.floor else ""
        self.queue.lock()
        has = self.queue.count + attempt.done
        self.queue.unlock()
        return f"elements of {self.queue.kind} '{self.queue.name}' (has {has} of {attempt.count} asked for{stay})"


cdef class QueueDequeueMany(QueueDequeue):
    """`n` elements, one behind the other along a new first dimension; those of a PaddingFIFOQueue padded with zeros to the largest."""
    cdef bint *in_place                  # per output, whether its memory is planned

    def __dealloc__(self):
        free(self.in_place)

    def prepare(self):
        cdef Py_ssize_t i
        QueueDequeue.prepare(self)
        self.in_place = <bint *> calloc(self.n_outputs + 1, sizeof(bint))
        if self.in_place == NULL:
            raise MemoryError()
        for i in range(self.n_outputs):
            self.in_place[i] = self.outputs[i].data != NULL

    cdef bint begin(self) except -1 nogil:
        cdef Py_ssize_t i
        cdef Buffer *n = self.inputs[1]
        cdef bint fits = self.queue.limits != NULL
        for i in range(self.queue.width if fits else 0):
            fits = fits and 0 <= self.queue.limits[i].rank < MAX_RANK
        if not fits:
            with gil:
                raise InvalidArgumentError(None, None, f"{self.queue.kind}'s DequeueMany and DequeueUpTo require the components "
                                                       "to have specified shapes.")
        if n.rank != 0 or int32s(n)[0] < 0:
            with gil:
                raise InvalidArgumentError(None, None, f"The number of elements must be >= 0, got {shape_text(n) if n.rank else int32s(n)[0]}")
        (<Dequeue> self.attempt).expect(int32s(n)[0])
        if int32s(n)[0] == 0:
            self.deliver()
            return False
        return True

    cdef int deliver(self) except -1 nogil:
        cdef Py_ssize_t i
        for i in range(self.n_outputs):
            self.join(i, (<Dequeue> self.attempt).count)
        return 0

    cdef int join(self, Py_ssize_t component, Py_ssize_t count) except -1 nogil:
        """Copy the elements' tensors into one."""
        cdef Buffer *tensors = (<Dequeue> self.attempt).tensors + component
        cdef Buffer *limit = &self.queue.limits[component]
        cdef Buffer *out = self.outputs[component]
        cdef Buffer whole
        cdef Py_ssize_t i, width = self.queue.width, row
        cdef int d
        cdef bint pads = False
        whole.rank, whole.shape[0] = limit.rank + 1, count
        for d in range(limit.rank):
            whole.shape[d + 1] = max(limit.shape[d], 0)
            if limit.shape[d] < 0:
                for i in range(count):
                    whole.shape[d + 1] = max(whole.shape[d + 1], tensors[i * width].shape[d])
        if not self.in_place[component]:
            allocate(out, whole.rank, whole.shape)
        elif not same_shape(out, &whole):
            with gil:
                raise InvalidArgumentError(None, None, f"Component {component} of the elements has shape {shape_text(&whole)}, "
                                                       f"and the static shape {shape_text(out)}")
        row = product(whole.shape, 1, whole.rank)
        for i in range(count):
            if tensors[i * width].size == row:
                copy_elements(out.data + i * row * out.itemsize, tensors[i * width].data, &tensors[i * width])
            else:
                if not holds_objects(out.dtype):
                    memset(out.data + i * row * out.itemsize, 0, row * out.itemsize)
                copy_into_corner(out.data + i * row * out.itemsize, whole.shape + 1, &tensors[i * width])
                pads = True
        if pads and holds_objects(out.dtype):
            fill_with_nothing(out)
        return 0


cdef int copy_into_corner(char *target, const int64_t *shape, Buffer *source) except -1 nogil:
    """source, at the beginning of each dimension of an array of a larger shape.  It has at least one dimension."""
    cdef int64_t line = source.shape[source.rank - 1], i, rest, place, stride
    cdef int d
    cdef Buffer part
    part = source[0]
    part.size = line
    for i in range(source.size // line if line else 0):
        rest, place, stride = i, 0, shape[source.rank - 1]
        for d in range(source.rank - 2, -1, -1):
            place += rest % source.shape[d] * stride
            rest //= source.shape[d]
            stride *= shape[d]
        copy_elements(target + place * source.itemsize, source.data + i * line * source.itemsize, &part)
    return 0


cdef int fill_with_nothing(Buffer *b) except -1 nogil:
    """Empty strings where there is no object yet."""
    cdef Py_ssize_t i
    with gil:
        empty = PyBytes_FromStringAndSize(NULL, 0)
        for i in range(b.size):
            if (<PyObject **> b.data)[i] == NULL:
                Py_INCREF(empty)
                (<PyObject **> b.data)[i] = <PyObject *> empty
    return 0


cdef class QueueDequeueUpTo(QueueDequeueMany):
    """As QueueDequeueMany; of a closed queue, what is left."""
    def __init__(self, attrs):
        QueueDequeueMany.__init__(self, attrs)
        self.up_to = True


# ---- the rest ------------------------------------------------------------------------------------------------------------------


cdef class QueueClose(QueueKernel):
    """Behind the enqueues that wait; with cancel_pending_enqueues, in their place."""
    cdef bint cancels

    def __init__(self, attrs):
        QueueKernel.__init__(self, attrs)
        self.cancels = attrs["cancel_pending_enqueues"]

    def prepare(self):
        QueueKernel.prepare(self)
        self.attempt = Close(self.queue)

    cdef bint begin(self) except -1 nogil:
        if self.cancels:
            self.queue.close_now()
        return not self.cancels

    def failure(self, status):                           # it moves no elements, so there is but one
        return CancelledError(None, None, f"Queue '{self.queue.name}' is already closed.")

    def wish(self):
        return (f"the enqueues to {self.queue.kind} '{self.queue.name}' that were there before it "
                f"(the queue holds {self.queue.count} of at most {self.queue.capacity})")


cdef class QueueSize(Kernel):
    cdef QueueState queue

    def prepare(self):
        self.queue = queue_of(self, None)

    cdef int run(self) except -1 nogil:
        self.queue.lock()
        int32s(self.outputs[0])[0] = <int32_t> self.queue.count
        self.queue.unlock()
        return DONE


cdef class QueueIsClosed(Kernel):
    cdef QueueState queue

    def prepare(self):
        self.queue = queue_of(self, None)

    cdef int run(self) except -1 nogil:
        self.queue.lock()
        bools(self.outputs[0])[0] = self.queue.closed
        self.queue.unlock()
        return DONE


for op_type, state in {"FIFOQueue": QueueState, "PaddingFIFOQueue": QueueState, "RandomShuffleQueue": RandomShuffleState, "PriorityQueue": PriorityState}.items():
    register_resource(op_type)(lambda name, attrs, state=state, op_type=op_type: state(name, op_type, attrs))
register_kernel("QueueEnqueue", strings=True, keeps=True)(QueueEnqueue)
register_kernel("QueueEnqueueMany", strings=True, keeps=True)(QueueEnqueueMany)
register_kernel("QueueDequeue", strings=True, binds=True)(QueueDequeue)
register_kernel("QueueDequeueMany", strings=True)(QueueDequeueMany)
register_kernel("QueueDequeueUpTo", strings=True)(QueueDequeueUpTo)
register_kernel("QueueClose", strings=True)(QueueClose)
register_kernel("QueueSize", strings=True)(QueueSize)
register_kernel("QueueIsClosed", strings=True)(QueueIsClosed)
