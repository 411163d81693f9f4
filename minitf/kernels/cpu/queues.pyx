"""Kernels that put elements into queues (core/queues.pyx), close them, and ask for their state.

A tensor whose storage is counted goes in by reference; any other is copied once.
"""
from cpython.ref cimport PyObject
from libc.stdint cimport int32_t

from minitf.core.buffers cimport copy_elements, release, retain, storage_for
from minitf.core.queues cimport NO_MEMORY, Close, Enqueue, PriorityState, RandomShuffleState
from .indexing cimport shape_text
from .kernel cimport DONE, Buffer, bools, int32s

from minitf.core.errors import CancelledError, InvalidArgumentError, ResourceExhaustedError
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
register_kernel("QueueClose", strings=True)(QueueClose)
register_kernel("QueueSize", strings=True)(QueueSize)
register_kernel("QueueIsClosed", strings=True)(QueueIsClosed)
