"""Kernels that may have to wait for a resource: a base for those of queues and accumulators."""
from minitf.core.waiting cimport Attempt
from .kernel cimport Kernel


cdef class WaitingKernel(Kernel):
    """A kernel that makes an attempt (core/waiting.pyx), and parks as long as the resource makes it wait.

    prepare()  sets `attempt`
    begin()    gets the attempt ready; False if there is nothing to do after all
    deliver()  comes after an attempt that has succeeded, on the step's own thread and with no lock held: it fills the outputs
    drop()     comes after every attempt, however it ended, and gives back what that still holds
    failure(status)   the exception for a failure of the attempt
    wish()     what it waits for, in words: "elements of FIFOQueue 'q' (has 0 of 3 asked for)"
    is_unfed   whether it waits for what nobody has ever tried to bring
    """
    cdef Attempt attempt
    cdef bint begin(self) except -1 nogil
    cdef int deliver(self) except -1 nogil
    cdef void drop(self) noexcept nogil
    cdef int fail(self, int status) except -1
