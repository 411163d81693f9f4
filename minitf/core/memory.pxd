"""Memory that is not the host's."""
from .buffers cimport Buffer, Storage

cdef class Memory:
    """The memory of a device that works through a queue: whatever is asked of it happens in the order in which it was asked.

    So what was freed may be handed out again at once, and nobody waits for a copy: only wait() does, for all that was queued before.
    Any thread may ask; who asks for several things that belong together holds lock() meanwhile.  Addresses are the device's: the host must not follow them.
    """
    cdef readonly str name
    cdef void *mutex
    cdef void lock(self) noexcept nogil
    cdef void unlock(self) noexcept nogil
    cdef Storage *storage(self, size_t nbytes) except NULL nogil                                    # here
    cdef Storage *host_storage(self, size_t nbytes) except NULL nogil                               # on the host, where copy_out() can write
    cdef int copy_in(self, char *to, const char *source, size_t nbytes) except -1 nogil             # from the host: source is free at return
    cdef int copy_out(self, char *to, const char *source, size_t nbytes) except -1 nogil            # to a host_storage: there behind the next wait()
    cdef int copy(self, char *to, const char *source, size_t nbytes) except -1 nogil                # within
    cdef int zero(self, char *to, size_t nbytes) except -1 nogil
    cdef int wait(self) except -1 nogil
    cdef int missing(self) except -1 nogil
    cdef object array_of(self, Buffer *b)                                                           # a copy as a NumPy array, waited for
