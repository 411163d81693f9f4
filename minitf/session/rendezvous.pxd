"""Where a Send meets its Recv."""
from minitf.core.buffers cimport Buffer
from minitf.kernels.cpu.kernel cimport Waiter

cdef struct Slot:
    int state
    Buffer value
    void *waiter

cdef class Rendezvous:
    cdef Slot *slots
    cdef Py_ssize_t n_slots
    cdef void *mutex
    cdef int aborted
    cdef readonly list keys
    cdef int send(self, Py_ssize_t slot, Buffer *value) except -1 nogil
    cdef int receive(self, Py_ssize_t slot, Buffer *out, Waiter waiter) except -1 nogil
    cdef void abort(self) noexcept nogil
    cdef void reset(self) noexcept nogil
