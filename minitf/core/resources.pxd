"""State that outlives a step: the buffers behind variables, and the counters behind random ops."""
from libc.stdint cimport uint64_t
from .buffers cimport Buffer, Storage
from .memory cimport Memory

cdef class Resource:
    """Something a process keeps between steps, found by container and name in a ResourceTable."""
    cdef readonly str name
    cdef void *mutex
    cdef void lock(self) noexcept nogil
    cdef void unlock(self) noexcept nogil


cdef class VariableState(Resource):
    """The current value of a variable.

    A read takes a reference to the current buffer, so it is a snapshot and costs no copy.  An update changes the buffer
    in place when nobody else holds it, and installs a new one otherwise.  The lock is held while a buffer changes, so
    a reader in another step gets the value before or after an update, never half of one.
    """
    cdef Buffer value
    cdef bint initialized
    cdef public Memory memory             # where its value lies: None is the host's memory.  Set before there is a value
    cdef int renew(self, size_t nbytes) except -1 nogil
    cdef int copy(self, char *to, const char *source, size_t nbytes) except -1 nogil
    cdef void take(self, Storage *storage, Buffer *like) noexcept nogil
    cdef int raise_uninitialized(self) except -1 nogil
    cdef int read(self, Buffer *out) except -1 nogil            # takes the lock itself
    cdef int assign(self, Buffer *value) except -1 nogil        # takes the lock itself; copies
    cdef Buffer *writable(self) except NULL nogil               # the caller holds the lock until it has finished writing


cdef class RandomState(Resource):
    """A counter-based generator's place in its stream: each use takes the next `count` blocks of four numbers."""
    cdef uint64_t key
    cdef uint64_t counter
    cdef uint64_t take(self, uint64_t count) noexcept nogil     # takes the lock itself; the first block of the caller's
