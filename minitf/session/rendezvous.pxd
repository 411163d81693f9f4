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
    cdef readonly dict storages           # {(device, bytes): storages.Pool} of what its devices send
    cdef readonly object error            # why it was aborted, or None
    cdef int send(self, Py_ssize_t slot, Buffer *value) except -1 nogil
    cdef int receive(self, Py_ssize_t slot, Buffer *out, Waiter waiter) except -1 nogil
    cdef int refuse(self, int status, Py_ssize_t slot) except -1 nogil
    cdef int abort(self, object error) except -1
    cdef int reset(self) except -1
    cdef void drop_values(self) noexcept nogil
