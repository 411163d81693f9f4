"""What is ready to go on."""
from cpython.ref cimport PyObject
from minitf.core.waiting cimport Waiter

cdef class Ready(Waiter):
    """What a RunQueue holds: an activation."""
    cdef PyObject *next_ready             # in a RunQueue
    cdef bint is_ready                    # whether it is in one

cdef class RunQueue:
    """Activations that are ready to go on, oldest first; any thread pushes, one thread pops."""
    cdef void *mutex
    cdef void *condition
    cdef PyObject *head
    cdef PyObject *tail
    cdef bint closed
    cdef int woken
    cdef void push(self, PyObject *activation) noexcept nogil
    cdef void wake(self) noexcept nogil
    cdef PyObject *pop(self, double seconds) noexcept nogil
