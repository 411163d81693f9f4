"""The memory of what a device sends.

A value that is sent lies in a storage which its receivers use where it is, so it is free again when the last of them has given it back:
when that is, only the run tells.  A result takes a storage that nobody holds any more, or a new one; a step therefore has as
many as were ever held at once.  A device that runs far ahead of its receivers holds more, but never more than all that it sends in one step.
"""
from libc.stdlib cimport free, realloc

from minitf.core.buffers cimport Storage, is_exclusive, new_storage, release, retain
from minitf.kernels.cpu.kernel cimport DONE, Kernel


cdef class Pool:
    """Storages of one size.  One device's thread takes them; any thread gives them back, by release()."""
    cdef Storage **storages
    cdef Py_ssize_t count, next           # where the search begins: what was taken first is likely to be free first
    cdef size_t nbytes

    def __init__(self, nbytes):
        self.nbytes = nbytes

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.count):
            release(self.storages[i])
        free(self.storages)

    cdef Storage *take(self) except NULL nogil:
        """A storage with a reference for the taker, whose contents are anything."""
        cdef Py_ssize_t i
        cdef Storage *found = NULL
        cdef Storage **more
        for i in range(self.count):
            found = self.storages[self.next]
            self.next = self.next + 1 if self.next + 1 < self.count else 0
            if is_exclusive(found):                     # only the pool holds it, so nobody can come to hold it
                break
            found = NULL
        if found == NULL:
            found = new_storage(self.nbytes)
            more = <Storage **> realloc(self.storages, (self.count + 1) * sizeof(Storage *))
            if more == NULL:
                release(found)
                with gil:
                    raise MemoryError()
            self.storages = more
            self.storages[self.count] = found
            self.count += 1
        retain(found)
        return found


cdef class Take(Kernel):
    """Gives its buffer a storage.  Take(pools, device): pools are those of a step."""
    cdef dict pools
    cdef str device
    cdef Pool pool

    def __init__(self, pools, device):
        self.pools, self.device = pools, device

    def prepare(self):
        nbytes = self.inputs[0].size * self.inputs[0].itemsize
        self.pool = self.pools.setdefault((self.device, nbytes), Pool(nbytes))

    cdef int run(self) except -1 nogil:
        self.inputs[0].storage = self.pool.take()
        self.inputs[0].data = self.inputs[0].storage.data
        return DONE
