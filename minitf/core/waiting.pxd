"""How a step waits for something that outlives it: queues, accumulators."""
from cpython.ref cimport PyObject
from libc.stdint cimport uint64_t
from .resources cimport Resource

cdef enum:
    DONE = 0
    PARK = 1                     # the waiter will be resumed; the kernel is then run again
    SENT_AWAY = -1               # the step was cancelled, or its attempt was; below it are the failures of each kind of attempt

cdef enum:
    LINES = 2                    # of one resource: those who bring, those who fetch

cdef enum:
    OUTSIDE = 0                  # an attempt that is in no line
    IN_LINE = 1
    ANSWERED = 2                 # it has left the line, and its waiter has been or is about to be resumed


cdef class Waits:
    """The attempts of one step that stand in a line now."""
    cdef void *mutex
    cdef PyObject *first
    cdef bint is_cancelled
    cdef void cancel(self) noexcept nogil            # send all of them away, and those that come later; from any thread
    cdef void reopen(self) noexcept nogil            # for the next step


cdef class Waiter:
    """A step that can be told to go on.  resume() may be called from any thread, with or without the GIL."""
    cdef Waits waits                                 # of its step; None for one that can not wait
    cdef void resume(self) noexcept nogil


cdef class Waitable(Resource):
    """A resource that steps wait for.  See waiting.pyx for what holds."""
    cdef PyObject *first[LINES]
    cdef PyObject *last[LINES]
    cdef uint64_t changes                            # grows with every change that others may have waited for
    cdef void serve(self) noexcept nogil             # with the lock held, after a change
    cdef void send_away(self, PyObject *attempt) noexcept nogil        # with the lock held
    cdef void join(self, PyObject *attempt) noexcept nogil
    cdef void leave(self, PyObject *attempt, int status) noexcept nogil


cdef class Attempt:
    """What a kernel tries to do with a resource.  It belongs to the kernel, which makes it again and again.

    A subclass has go_on(), which is called with the resource's lock held, on the thread of whoever changed the resource: it returns DONE, PARK
    or a failure of its own (below SENT_AWAY), and adds to resource.changes what it changes.  give_back() undoes what an attempt that is sent
    away has done so far.  Neither may take the GIL, nor release a storage: one of objects would.
    """
    cdef Waitable resource
    cdef int line, standing, status
    cdef void *waiter                                # the Waiter to resume; borrowed
    cdef void *waits                                 # the Waits it is listed in; borrowed
    cdef PyObject *ahead                             # in the line
    cdef PyObject *behind
    cdef PyObject *next                              # in the step's Waits
    cdef PyObject *previous
    cdef int make(self, Waiter waiter) noexcept nogil          # DONE, PARK, SENT_AWAY or a failure; after PARK it is made again
    cdef int begin(self, Waiter waiter) noexcept nogil
    cdef void unlist(self) noexcept nogil
    cdef int go_on(self) noexcept nogil
    cdef void give_back(self) noexcept nogil
