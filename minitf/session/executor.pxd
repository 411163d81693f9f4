"""One run of a program in flight."""
from minitf.session.activation cimport Activation, StepState
from minitf.session.rendezvous cimport Rendezvous
from minitf.session.run_queue cimport RunQueue

cdef class Step(StepState):
    cdef readonly list activations
    cdef readonly Rendezvous rendezvous
    cdef readonly object context
    cdef RunQueue queue                   # where the caller waits
    cdef long remaining
    cdef bint on_threads
    cdef object lock
    cdef object tracer
    cdef readonly object failed           # the Activation whose error it is
    cdef int discard(self) except -1
    cpdef list run(self, list feeds, Py_ssize_t n_fetches, double timeout)
    cdef int run_on_threads(self, list feeds, double timeout) except -1
    cdef int wait(self) except -1
    cdef int give_up(self) except -1
    cdef int wait_for_others(self) except -1
    cdef int unwind(self) except -1
    cdef int fail(self, Activation activation, error) except -1
    cdef int finish(self) except -1
