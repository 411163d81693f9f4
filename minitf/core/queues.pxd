"""What a queue holds, and the attempts that kernels make with one."""
from libc.stdint cimport int64_t, uint64_t
from .buffers cimport Buffer
from .waiting cimport Attempt, Waitable

cdef enum:                       # failures of an attempt, below waiting.SENT_AWAY
    IS_CLOSED = -2
    TOO_FEW = -3
    NO_MEMORY = -4

cdef enum:                       # lines
    BRING = 0
    FETCH = 1

cdef struct Place:               # of a PriorityQueue: where an element lies, and when its turn is
    int64_t priority
    int64_t arrival
    Py_ssize_t slot


cdef class QueueState(Waitable):
    """A queue: up to `capacity` elements of `width` tensors each.  put, take, put_back and the attempts are called with the lock held."""
    cdef readonly str kind
    cdef readonly int64_t capacity
    cdef readonly tuple dtypes
    cdef readonly object shapes          # a tuple of TensorShapes; None: any
    cdef readonly object attrs
    cdef Buffer *limits                  # the shapes of the components, -1 where a size is open
    cdef Py_ssize_t width
    cdef Buffer *slots                   # room * width tensors
    cdef Py_ssize_t room, head, count
    cdef Py_ssize_t held                 # elements that attempts in line have taken, and may put back
    cdef bint closed
    cdef bint keeps_batches              # an element of enqueue_many may keep the whole batch in memory: elements leave in order
    cdef bint by_priority                # the first tensor of an element is its priority
    cdef Py_ssize_t floor                # as many stay while the queue is open
    cdef readonly int64_t enqueues       # attempts to enqueue so far
    cdef public bint was_reported        # as one that nobody fills
    cdef bint is_full(self) noexcept nogil
    cdef int reserve(self) noexcept nogil            # room for one more; NO_MEMORY if there is none
    cdef int put(self, Buffer *element) noexcept nogil
    cdef void take(self, Buffer *element) noexcept nogil
    cdef void put_back(self, Buffer *element) noexcept nogil
    cdef int grow(self, Py_ssize_t room) noexcept nogil
    cdef void close_now(self) noexcept nogil         # takes the lock itself; sends the pending enqueues away


cdef class RandomShuffleState(QueueState):
    cdef uint64_t state


cdef class PriorityState(QueueState):
    cdef Place *heap                     # behind its first `count` entries, the free slots
    cdef int64_t arrivals, returns
    cdef void insert(self, Buffer *element, int64_t arrival) noexcept nogil


cdef class Elements(Attempt):
    """An attempt that carries elements: `tensors` has `count` of them, of which `done` have been passed on."""
    cdef QueueState queue
    cdef Buffer *tensors
    cdef Py_ssize_t room, count, done
    cdef int expect(self, Py_ssize_t count) except -1 nogil
    cdef void drop(self) noexcept nogil              # give back what is left; with the lock free


cdef class Enqueue(Elements):
    pass


cdef class Dequeue(Elements):
    cdef Py_ssize_t found                # elements that were there when it failed
    cdef bint up_to


cdef class Close(Attempt):
    cdef QueueState queue
