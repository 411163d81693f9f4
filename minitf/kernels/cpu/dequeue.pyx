"""Kernels that take elements out of queues (core/queues.pyx).

A single element comes out by reference; a batch is copied once, into the memory that was planned for it where its shape is known.
"""
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.ref cimport Py_INCREF, PyObject
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

from minitf.core.buffers cimport allocate, copy_elements, holds_objects, release
from minitf.core.queues cimport TOO_FEW, Dequeue
from .indexing cimport product, same_shape, shape_text
from .kernel cimport MAX_RANK, Buffer, int32s
from .queues cimport QueueKernel

from minitf.core.errors import InvalidArgumentError, OutOfRangeError
from minitf.core.registry import register_kernel


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


register_kernel("QueueDequeue", strings=True, binds=True)(QueueDequeue)
register_kernel("QueueDequeueMany", strings=True)(QueueDequeueMany)
register_kernel("QueueDequeueUpTo", strings=True)(QueueDequeueUpTo)
