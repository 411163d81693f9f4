"""Memory that is not the host's: what variables, plans and transfers need to know of a device's."""
from .buffers cimport Buffer, Storage, copy_of, release
from .threads cimport free_mutex, lock, new_mutex, unlock


cdef class Memory:
    def __cinit__(self, str name="", *args, **kwargs):
        self.name = name
        self.mutex = new_mutex()
        if self.mutex == NULL:
            raise MemoryError()

    def __dealloc__(self):
        free_mutex(self.mutex)

    cdef void lock(self) noexcept nogil:
        lock(self.mutex)

    cdef void unlock(self) noexcept nogil:
        unlock(self.mutex)

    cdef Storage *storage(self, size_t nbytes) except NULL nogil:
        self.missing()
        return NULL

    cdef Storage *host_storage(self, size_t nbytes) except NULL nogil:
        self.missing()
        return NULL

    cdef int copy_in(self, char *to, const char *source, size_t nbytes) except -1 nogil:
        return self.missing()

    cdef int copy_out(self, char *to, const char *source, size_t nbytes) except -1 nogil:
        return self.missing()

    cdef int copy(self, char *to, const char *source, size_t nbytes) except -1 nogil:
        return self.missing()

    cdef int zero(self, char *to, size_t nbytes) except -1 nogil:
        return self.missing()

    cdef int wait(self) except -1 nogil:
        return self.missing()

    cdef int missing(self) except -1 nogil:
        with gil:
            raise NotImplementedError(f"{type(self).__name__} must define it")

    cdef object array_of(self, Buffer *b):
        cdef Buffer copy = b[0]
        cdef size_t nbytes = b.size * b.itemsize
        with nogil:
            copy.storage = self.host_storage(nbytes)
        try:
            copy.data = copy.storage.data
            with nogil:
                self.copy_out(copy.data, b.data, nbytes)
                self.wait()
            return copy_of(&copy)
        finally:
            release(copy.storage)
