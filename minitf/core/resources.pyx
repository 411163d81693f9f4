"""State that outlives a step, and the table that owns it.

A session made with target '' has a table of its own; a server will own one and share it between its sessions.  Kernels
find a resource once, when they are bound to a plan; no look-up happens in a step.
"""
import os
import threading

from libc.string cimport memcpy

from .buffers cimport Storage, copy_elements, copy_of, describe, holds_objects, is_exclusive, new_storage, release, retain, storage_for, view_of
from .threads cimport free_mutex, lock, new_mutex, unlock
from .errors import FailedPreconditionError, InvalidArgumentError, NotFoundError

cdef class Resource:
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

    def check_same(self, op_type, attrs, op):
        """InvalidArgumentError unless a node of that type, with these attributes, may stand for this resource: two may share one name."""


cdef class VariableState(Resource):
    def __init__(self, str name, dtype):
        describe(&self.value, dtype, ())
        self.initialized = False

    def __dealloc__(self):
        release(self.value.storage)

    kind = "variable"

    def check_same(self, op_type, attrs, op):
        if op_type != "VariableV2":
            raise InvalidArgumentError(None, op, f"'{self.name}' is a variable already, and can not be a {op_type} too")

    cdef int read(self, Buffer *out) except -1 nogil:
        """out becomes a snapshot: it shares the current storage and holds a reference to it."""
        cdef int i
        release(out.storage)
        out.storage = NULL
        self.lock()
        if not self.initialized:
            self.unlock()
            self.raise_uninitialized()
        retain(self.value.storage)
        out.storage, out.data, out.size, out.rank = self.value.storage, self.value.data, self.value.size, self.value.rank
        for i in range(out.rank):
            out.shape[i] = self.value.shape[i]
        self.unlock()
        return 0

    cdef int assign(self, Buffer *value) except -1 nogil:
        """Copy value in: into the current buffer where it has the size and nobody else holds it, else into a new one."""
        cdef int i
        cdef size_t nbytes = value.size * value.itemsize
        cdef Storage *storage
        if holds_objects(value.dtype):
            storage = storage_for(value)
            copy_elements(storage.data, value.data, value)
            self.take(storage, value)
            return 0
        self.lock()
        if not self.initialized or self.value.size != value.size or not is_exclusive(self.value.storage):
            self.renew(nbytes)
        self.copy(self.value.data, value.data, nbytes)
        self.value.rank, self.value.size = value.rank, value.size
        for i in range(value.rank):
            self.value.shape[i] = value.shape[i]
        self.initialized = True
        self.unlock()
        return 0

    cdef void take(self, Storage *storage, Buffer *like) noexcept nogil:
        """The storage, with the shape of `like`, becomes the value; the one before is given back with the lock free (see core/buffers)."""
        cdef Storage *old
        cdef int i
        self.lock()
        old = self.value.storage
        self.value.storage, self.value.data, self.value.rank, self.value.size = storage, storage.data, like.rank, like.size
        for i in range(like.rank):
            self.value.shape[i] = like.shape[i]
        self.initialized = True
        self.unlock()
        release(old)

    cdef Buffer *writable(self) except NULL nogil:
        """The current buffer, made exclusive first: a copy if a reader holds a snapshot.  The caller holds the lock."""
        cdef Storage *old
        if not self.initialized:
            self.unlock()
            self.raise_uninitialized()
        if not is_exclusive(self.value.storage):
            old = self.value.storage
            retain(old)
            try:
                self.renew(self.value.size * self.value.itemsize)
                self.copy(self.value.data, old.data, self.value.size * self.value.itemsize)
            finally:
                release(old)
        return &self.value

    cdef int renew(self, size_t nbytes) except -1 nogil:
        """A storage of its own; on failure the lock is given back, for no caller could."""
        cdef Storage *storage = NULL
        try:
            storage = new_storage(nbytes) if self.memory is None else self.memory.storage(nbytes)
        finally:
            if storage == NULL:
                self.unlock()
        release(self.value.storage)
        self.value.storage, self.value.data = storage, storage.data
        return 0

    cdef int copy(self, char *to, const char *source, size_t nbytes) except -1 nogil:
        """Within the variable's memory; on failure the lock is given back, as in renew()."""
        cdef bint done = False
        if self.memory is None:
            if nbytes:
                memcpy(to, source, nbytes)
            return 0
        try:
            self.memory.copy(to, source, nbytes)
            done = True
        finally:
            if not done:
                self.unlock()
        return 0

    cdef int raise_uninitialized(self) except -1 nogil:
        with gil:
            raise FailedPreconditionError(None, None, f"Attempting to use uninitialized value {self.name}")

    @property
    def is_initialized(self):
        return bool(self.initialized)

    def numpy(self):
        """A copy of the current value; FailedPreconditionError if there is none."""
        cdef Buffer b = self.value
        b.storage = NULL
        with nogil:
            self.read(&b)
        try:
            return copy_of(&b) if self.memory is None else self.memory.array_of(&b)
        finally:
            release(b.storage)

    @property
    def address(self):
        """Where the current value lies: tells in tests and in notebooks whether an update was in place."""
        return <size_t> self.value.data


cdef class RandomState(Resource):
    def __init__(self, str name, key):
        self.key, self.counter = key, 0

    cdef uint64_t take(self, uint64_t count) noexcept nogil:
        cdef uint64_t first
        self.lock()
        first = self.counter
        self.counter += count
        self.unlock()
        return first

    @property
    def position(self):
        """How many blocks have been taken: with the key, all a checkpoint needs."""
        return self.counter

    @property
    def place(self):
        """(key, position), together."""
        self.lock()
        key, position = self.key, self.counter
        self.unlock()
        return key, position

    @place.setter
    def place(self, value):
        cdef uint64_t key = value[0], counter = value[1]
        self.lock()
        self.key, self.counter = key, counter
        self.unlock()


def random_key(seed, seed2):
    """The 64-bit key of a generator from the graph's and the op's seed; both 0 means: from the system's entropy."""
    if seed == 0 and seed2 == 0:
        return int.from_bytes(os.urandom(8), "little")
    return (seed & 0xFFFFFFFF) | (seed2 & 0xFFFFFFFF) << 32


class ResourceTable:
    """Resources by (container, name).  Thread-safe; `clear` drops a container, as Session.reset does."""

    def __init__(self):
        self._lock = threading.Lock()
        self._resources = {}

    def get(self, container, name, make):
        """The resource of that name, made by make() if it is not there yet.  InvalidArgumentError if the name has another kind."""
        with self._lock:
            found = self._resources.get((container, name))
            if found is None:
                found = self._resources[container, name] = make()
            return found

    def find(self, container, name):
        """The resource of that name; NotFoundError if there is none."""
        with self._lock:
            try:
                return self._resources[container, name]
            except KeyError:
                raise NotFoundError(None, None, f"Resource {container or '<default>'}/{name} does not exist") from None

    def clear(self, containers=("",)):
        with self._lock:
            for key in [k for k in self._resources if k[0] in containers]:
                del self._resources[key]

    def __len__(self):
        return len(self._resources)
