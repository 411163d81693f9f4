"""A GPU as the engine sees it: memory with a queue, and launches."""
from libc.stdint cimport uint64_t
from minitf.core.buffers cimport Storage
from minitf.core.memory cimport Memory

cdef struct Prepared:              # a launch with its arguments, ready to be queued
    void *function                 # emulated: the C entry; real: a borrowed Python object
    unsigned geometry[7]           # grid x y z, block x y z, bytes of dynamic shared memory
    char *values                   # the arguments' bytes, each at a multiple of its alignment
    size_t nbytes
    void **params                  # where in values each argument lies
    int n_params
    uint64_t *ranges               # (begin, bytes) of what each address may reach: for the checker
    int n_ranges
    void *check_begin              # the checker's, around the launch; NULL: it is not checked
    void *check_end

cdef class Device(Memory):
    """Memory with a queue of launches (see core/memory for the contract)."""
    cdef readonly bint is_emulated
    cdef Storage *scratch                                                         # shared by all kernels: the queue keeps them apart
    cdef int launch(self, Prepared *launch) except -1 nogil
    cdef int enqueue(self, Prepared *launch) except -1 nogil                      # a library's work: params are addresses
    cdef int copy_to(self, Device other, char *to, const char *source, size_t nbytes) except -1 nogil       # to another device, in this one's queue
    cdef int record(self, void *event) except -1 nogil                            # the event happens behind all that is queued now
    cdef int wait_for(self, void *event) except -1 nogil                          # what is queued from now on comes behind the event
    cdef int enter(self) except -1 nogil                                          # this thread is about to ask for something; may be nested
    cdef int leave(self) except -1 nogil

cdef int wait_for_event(Storage *storage) except -1 nogil       # on the host: until a storage's contents are there
