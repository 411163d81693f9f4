"""Devices: emulated GPUs, whose memory is the host's and whose queue is empty at once, and real ones, behind PyCUDA.

An emulated device's addresses have bit 62 set, so that code of the host that follows one ends in a segmentation fault, as it should; a
launch takes the bit off.  Fresh memory is full of 0xCB, so that what nobody has written shows.
"""
import os

from cpython.buffer cimport PyBUF_READ
from cpython.memoryview cimport PyMemoryView_FromMemory
from cpython.ref cimport PyObject
from libc.stdint cimport uint64_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from posix.stdlib cimport posix_memalign

from minitf.core.buffers cimport Storage, new_storage, release
from minitf.core.memory cimport Memory
from minitf.core.threads cimport lock, new_mutex, unlock
from minitf.kernels.cpu.parallel cimport threads_at_most

from minitf.core.errors import InternalError, ResourceExhaustedError

cdef extern from *:
    """
    #define GARBAGE 0xCB
    #define DEVICE_BIT ((uintptr_t) 1 << 62)
    typedef const char *(*EmulatedEntry)(const unsigned *geometry, int order, int threads, void **params);
    typedef void (*CheckBegin)(const uint64_t *ranges, int n);
    typedef const char *(*CheckEnd)(void);
    """
    int GARBAGE
    uintptr_t DEVICE_BIT
    ctypedef const char *(*EmulatedEntry)(const unsigned *geometry, int order, int threads, void **params) noexcept nogil
    ctypedef void (*CheckBegin)(const uint64_t *ranges, int n) noexcept nogil
    ctypedef const char *(*CheckEnd)() noexcept nogil

cdef enum:
    PAGE = 256                    # bytes that sizes are rounded up to
    CLASSES = 192                 # of sizes: four between one power of two and the next

cdef struct Spare:                # the begin of a block of an emulated device's memory that nobody uses
    Spare *next


cdef list _for_good = []              # storages point to their device, whoever else does: so a device stays


cdef class Device(Memory):
    def __cinit__(self, *args, **kwargs):
        _for_good.append(self)

    cdef int launch(self, Prepared *launch) except -1 nogil:
        return self.missing()

    cdef int enqueue(self, Prepared *launch) except -1 nogil:
        return self.missing()

    cdef int copy_to(self, Device other, char *to, const char *source, size_t nbytes) except -1 nogil:
        return self.missing()

    cdef int record(self, void *event) except -1 nogil:
        return 0

    cdef int wait_for(self, void *event) except -1 nogil:
        return 0

    cdef int enter(self) except -1 nogil:
        return 0

    cdef int leave(self) except -1 nogil:
        return 0

    def new_event(self):
        """Something that record() and wait_for() take; None where all that is queued has happened."""
        return None

    def reserve(self, size_t nbytes):
        """The device's scratch memory has at least so many bytes from now on."""
        cdef Storage *more = NULL
        cdef Storage *old
        with nogil:
            self.lock()
            try:
                if self.scratch == NULL or self.scratch.nbytes < nbytes:
                    more = self.storage(nbytes)
                    old = self.scratch
                    self.scratch = more
                    release(old)
            finally:
                self.unlock()

    def function(self, source, name):
        """(number of the function for Prepared.function, the object that keeps it alive, its signature or None, (check_begin, check_end) or None)."""
        raise NotImplementedError


cdef int size_class(size_t nbytes, size_t *rounded) noexcept nogil:
    """The class of a size, and the largest size of that class: at most a fifth more."""
    cdef size_t top = PAGE
    cdef int number = 0
    while 2 * top <= nbytes:
        top *= 2
        number += 4
    cdef size_t step = top // 4
    cdef size_t size = top
    while size < nbytes:
        size += step
        number += 1
    rounded[0] = size
    return number


cdef Storage *describe_storage(Device device, void *address, size_t nbytes) noexcept nogil:
    """The Storage over memory that has been got already; NULL if the host has no room for it."""
    cdef Storage *storage = <Storage *> calloc(1, sizeof(Storage))
    if storage != NULL:
        storage.data, storage.block, storage.nbytes, storage.refs = <char *> address, address, nbytes, 1
        storage.memory = <void *> device
    return storage


cdef class EmulatedDevice(Device):
    """EmulatedDevice(name, limit, check): a GPU with `limit` bytes of memory, whose kernels run on the host's cores, at once.

    check   kernels are built with the checker: races, accesses outside of arrays, barriers that part of a block misses are errors
    order   in which the threads of a block take turns: 0 upwards, 1 downwards, 2 and more at random
    in_use, most_in_use   bytes that somebody holds now, and the most there were
    """
    cdef readonly size_t limit, in_use, most_in_use
    cdef readonly bint check
    cdef public int order
    cdef object libraries
    cdef Spare *spare[CLASSES]
    cdef void *pool                       # a lock of its own: storages are asked for under the device's

    def __init__(self, str name, size_t limit, check=False):
        self.limit, self.check, self.is_emulated, self.libraries = limit, check, True, {}
        self.pool = new_mutex()
        if self.pool == NULL:
            raise MemoryError()

    cdef Storage *storage(self, size_t nbytes) except NULL nogil:
        cdef size_t size
        cdef int number = size_class(nbytes, &size)
        cdef void *block = NULL
        cdef Storage *made = NULL
        cdef bint full
        lock(self.pool)
        full = self.in_use + size > self.limit
        if not full:
            block = self.spare[number]
            if block != NULL:
                self.spare[number] = (<Spare *> block).next
            self.in_use += size
            self.most_in_use = max(self.most_in_use, self.in_use)
        unlock(self.pool)
        if full:
            with gil:
                raise ResourceExhaustedError(None, None, f"OOM when allocating {nbytes:,} bytes on {self.name}: {self.in_use:,} of its {self.limit:,} bytes are in use")
        if block == NULL and posix_memalign(&block, PAGE, size) == 0:
            memset(block, GARBAGE, size)
        elif block != NULL and self.check:
            memset(block, GARBAGE, size)
        if block != NULL:
            made = describe_storage(self, <void *> (<uintptr_t> block | DEVICE_BIT), nbytes)
        if made == NULL:
            free(block)
            lock(self.pool)
            self.in_use -= size
            unlock(self.pool)
            with gil:
                raise ResourceExhaustedError(None, None, f"OOM: the host has no {nbytes:,} bytes for the memory of {self.name}")
        made.give_back = emulated_give_back
        return made

    cdef void take_back(self, Storage *storage) noexcept nogil:
        cdef size_t size
        cdef int number = size_class(storage.nbytes, &size)
        cdef Spare *block = <Spare *> own(storage.data)
        lock(self.pool)
        block.next = self.spare[number]
        self.spare[number] = block
        self.in_use -= size
        unlock(self.pool)
        free(storage)

    cdef Storage *host_storage(self, size_t nbytes) except NULL nogil:
        return new_storage(nbytes)

    cdef int copy_in(self, char *to, const char *source, size_t nbytes) except -1 nogil:
        if nbytes:
            memcpy(own(to), source, nbytes)
        return 0

    cdef int copy_out(self, char *to, const char *source, size_t nbytes) except -1 nogil:
        if nbytes:
            memcpy(to, own(source), nbytes)
        return 0

    cdef int copy(self, char *to, const char *source, size_t nbytes) except -1 nogil:
        if nbytes:
            memcpy(own(to), own(source), nbytes)
        return 0

    cdef int copy_to(self, Device other, char *to, const char *source, size_t nbytes) except -1 nogil:
        return self.copy(to, source, nbytes)

    cdef int zero(self, char *to, size_t nbytes) except -1 nogil:
        if nbytes:
            memset(own(to), 0, nbytes)
        return 0

    cdef int wait(self) except -1 nogil:
        return 0

    cdef int launch(self, Prepared *launch) except -1 nogil:
        cdef const char *error
        cdef const char *found
        if launch.check_begin != NULL:
            (<CheckBegin> launch.check_begin)(launch.ranges, launch.n_ranges)
        error = (<EmulatedEntry> launch.function)(launch.geometry, self.order, threads_at_most(), launch.params)
        if launch.check_begin != NULL:
            found = (<CheckEnd> launch.check_end)()
            if found[0] != 0:
                error = found
        if error != NULL:
            with gil:
                raise InternalError(None, None, error.decode("utf-8", "replace").strip())
        return 0

    def function(self, source, str name):
        from .emulator.module import build
        source = os.fspath(source)
        library = self.libraries.get(source)
        if library is None:
            library = self.libraries[source] = build(source, check=self.check)
        if name not in library.kernels:
            raise InternalError(None, None, f"There is no CUDA function '{name}' in {source}; there are {', '.join(sorted(library.kernels))}")
        return library.entry(name), library, library.kernels[name], library.checker() if self.check else (0, 0)


cdef char *own(const char *address) noexcept nogil:
    """Where an emulated device's address lies on the host."""
    return <char *> (<uintptr_t> address & ~DEVICE_BIT)


cdef void emulated_give_back(Storage *storage) noexcept nogil:
    (<EmulatedDevice> storage.memory).take_back(storage)


cdef class RealDevice(Device):
    """RealDevice(name, gpu): what PyCUDA's side (pycuda_device.py) does, called without the GIL."""
    cdef readonly object gpu

    def __init__(self, str name, gpu):
        self.gpu, self.is_emulated = gpu, False

    cdef Storage *storage(self, size_t nbytes) except NULL nogil:
        cdef Storage *made
        with gil:
            made = describe_storage(self, <void *> <uintptr_t> self.gpu.allocate(nbytes), nbytes)
            if made == NULL:
                raise MemoryError()
        made.give_back = real_give_back
        return made

    cdef Storage *host_storage(self, size_t nbytes) except NULL nogil:
        cdef Storage *made
        with gil:
            made = describe_storage(self, <void *> <uintptr_t> self.gpu.pinned(nbytes), nbytes)
            if made == NULL:
                raise MemoryError()
        made.give_back, made.memory = real_give_back_pinned, NULL
        made.event = NULL
        made.block = <void *> self                      # pinned memory is the host's, but goes back to the device's pool
        return made

    cdef int copy_in(self, char *to, const char *source, size_t nbytes) except -1 nogil:
        if nbytes:
            with gil:
                self.gpu.copy_in(<uintptr_t> to, <uintptr_t> source, nbytes)
        return 0

    cdef int copy_out(self, char *to, const char *source, size_t nbytes) except -1 nogil:
        if nbytes:
            with gil:
                self.gpu.copy_out(<uintptr_t> to, <uintptr_t> source, nbytes)
        return 0

    cdef int copy(self, char *to, const char *source, size_t nbytes) except -1 nogil:
        if nbytes:
            with gil:
                self.gpu.copy_within(<uintptr_t> to, <uintptr_t> source, nbytes)
        return 0

    cdef int copy_to(self, Device other, char *to, const char *source, size_t nbytes) except -1 nogil:
        if nbytes:
            with gil:
                self.gpu.copy_to((<RealDevice?> other).gpu, <uintptr_t> to, <uintptr_t> source, nbytes)
        return 0

    cdef int zero(self, char *to, size_t nbytes) except -1 nogil:
        if nbytes:
            with gil:
                self.gpu.zero(<uintptr_t> to, nbytes)
        return 0

    cdef int wait(self) except -1 nogil:
        with gil:
            self.gpu.synchronize()
        return 0

    cdef int launch(self, Prepared *launch) except -1 nogil:
        cdef unsigned *g = launch.geometry
        with gil:
            self.gpu.launch(<object> <PyObject *> launch.function, (g[0], g[1], g[2]), (g[3], g[4], g[5]), g[6],
                            PyMemoryView_FromMemory(launch.values, launch.nbytes, PyBUF_READ))
        return 0

    cdef int enqueue(self, Prepared *launch) except -1 nogil:
        cdef int k
        with gil:
            self.gpu.enqueue(<object> <PyObject *> launch.function, [<uintptr_t> launch.params[k] for k in range(launch.n_params)])
        return 0

    cdef int record(self, void *event) except -1 nogil:
        with gil:
            self.gpu.record(<object> <PyObject *> event)
        return 0

    cdef int wait_for(self, void *event) except -1 nogil:
        with gil:
            self.gpu.wait(<object> <PyObject *> event)
        return 0

    cdef int enter(self) except -1 nogil:
        with gil:
            self.gpu.enter()
        return 0

    cdef int leave(self) except -1 nogil:
        with gil:
            self.gpu.leave()
        return 0

    def new_event(self):
        return self.gpu.new_event()

    def function(self, source, str name):
        handle = self.gpu.function(source, name)
        return <uintptr_t> <PyObject *> handle, handle, None, (0, 0)


cdef void real_give_back(Storage *storage) noexcept nogil:
    with gil:
        (<RealDevice> storage.memory).gpu.free(<uintptr_t> storage.data)
    free(storage)


cdef void real_give_back_pinned(Storage *storage) noexcept nogil:
    with gil:
        (<RealDevice> storage.block).gpu.free_pinned(<uintptr_t> storage.data)
    free(storage)


cdef int wait_for_event(Storage *storage) except -1 nogil:
    if storage != NULL and storage.event != NULL:
        with gil:
            (<object> <PyObject *> storage.event).synchronize()
    return 0
