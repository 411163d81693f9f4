"""The rendezvous of one step, between devices of one process.

A producer never waits: send() leaves the value and returns.  receive() may come before or after its send(); before, it leaves its
waiter, which is resumed once the value is there.  Each key is sent once and received once a step, and after abort(error) all who wait, and
all who send or receive later, fail with that error.

Keys are known when a program is partitioned, so a key is a slot number at run time.  A key names the two devices and the edge; the step
need not be in it, since every step in flight has a rendezvous of its own.  A value crosses as a reference: nothing is copied, and it is
in memory from when it is computed until its receiver has used it for the last time, whenever that one asks for it.
"""
import copy

from libc.stdlib cimport calloc, free

from minitf.core.buffers cimport Storage, release, retain
from minitf.core.threads cimport free_mutex, lock, new_mutex, unlock
from minitf.kernels.cpu.kernel cimport DONE, PARK, Kernel
from minitf.kernels.gpu.device cimport wait_for_event

from minitf.core.errors import AbortedError, OpError

cdef enum:
    EMPTY = 0
    SENT = 1
    WAITING = 2
    TAKEN = 3

cdef enum:
    FAILED = -1                   # what refuse() raises for
    SENT_TWICE = -2
    RECEIVED_TWICE = -3


cdef class Rendezvous:
    """Rendezvous(keys): a slot per key."""

    def __cinit__(self, list keys):
        self.keys, self.n_slots, self.storages = keys, len(keys), {}
        self.slots = <Slot *> calloc(self.n_slots + 1, sizeof(Slot))
        self.mutex = new_mutex()
        if self.slots == NULL or self.mutex == NULL:
            raise MemoryError()

    def __dealloc__(self):
        self.drop_values()
        free(self.slots)
        free_mutex(self.mutex)

    cdef int send(self, Py_ssize_t slot, Buffer *value) except -1 nogil:
        cdef Slot *s = &self.slots[slot]
        cdef void *waiter = NULL
        cdef int status = DONE
        lock(self.mutex)
        if self.aborted:
            status = FAILED
        elif s.state == SENT or s.state == TAKEN:
            status = SENT_TWICE
        else:
            s.value = value[0]
            retain(value.storage)
            s.state = SENT
            waiter = s.waiter
            s.waiter = NULL
        unlock(self.mutex)
        if status < 0:
            return self.refuse(status, slot)
        if waiter != NULL:
            (<Waiter> waiter).resume()
        return DONE

    cdef int receive(self, Py_ssize_t slot, Buffer *out, Waiter waiter) except -1 nogil:
        """DONE with the value in out, or PARK: the waiter will be resumed, and asks again."""
        cdef Slot *s = &self.slots[slot]
        cdef Storage *before = NULL
        cdef int status = PARK, d
        lock(self.mutex)
        if self.aborted:
            status = FAILED
        elif s.state == SENT:
            before = out.storage
            out.data, out.storage, out.size, out.rank = s.value.data, s.value.storage, s.value.size, s.value.rank
            for d in range(out.rank):
                out.shape[d] = s.value.shape[d]
            s.value.storage = NULL                  # the reference has moved to out
            s.state = TAKEN
            status = DONE
        elif s.state == TAKEN or s.waiter != NULL and s.waiter != <void *> waiter:
            status = RECEIVED_TWICE
        else:
            s.state = WAITING
            s.waiter = <void *> waiter
        unlock(self.mutex)
        release(before)                             # not under the lock: of objects it takes the GIL
        return self.refuse(status, slot) if status < 0 else status

    cdef int refuse(self, int status, Py_ssize_t slot) except -1 nogil:
        with gil:
            if status == FAILED:                    # a copy: each device adds lines of its own to it
                raise copy.copy(self.error) if isinstance(self.error, OpError) else \
                    AbortedError(None, None, f"The step was aborted while waiting for {self.keys[slot]}: {type(self.error).__name__}: {self.error}")
            raise AbortedError(None, None, f"Duplicated {'send' if status == SENT_TWICE else 'recv'}: {self.keys[slot]}")

    cdef int abort(self, object error) except -1:
        """The first error counts.  Who waits is resumed, and told when he asks again."""
        cdef Py_ssize_t i
        cdef void *waiter
        if self.aborted:
            return 0
        self.error = error
        lock(self.mutex)
        self.aborted = 1
        unlock(self.mutex)
        for i in range(self.n_slots):
            lock(self.mutex)
            waiter = self.slots[i].waiter
            self.slots[i].waiter = NULL
            if waiter != NULL:
                self.slots[i].state = EMPTY
            unlock(self.mutex)
            if waiter != NULL:
                (<Waiter> waiter).resume()
        return 0

    cdef int reset(self) except -1:
        """Ready for the next step."""
        self.drop_values()
        self.aborted, self.error = 0, None
        return 0

    cdef void drop_values(self) noexcept nogil:
        """What was sent and not received is given back."""
        cdef Py_ssize_t i
        for i in range(self.n_slots):
            release(self.slots[i].value.storage)
            self.slots[i].value.storage = NULL
            self.slots[i].waiter = NULL
            self.slots[i].state = EMPTY

    def waiting(self):
        """The keys that somebody waits for now."""
        cdef Py_ssize_t i
        return [self.keys[i] for i in range(self.n_slots) if self.slots[i].state == WAITING]


cdef class Send(Kernel):
    cdef Rendezvous rendezvous
    cdef Py_ssize_t slot
    cdef Buffer empty

    def __init__(self, rendezvous, slot):
        self.rendezvous, self.slot = rendezvous, slot
        self.empty.rank, self.empty.itemsize = 1, 4

    cdef int run(self) except -1 nogil:
        return self.rendezvous.send(self.slot, self.inputs[0] if self.n_inputs else &self.empty)


cdef class Recv(Kernel):
    cdef Rendezvous rendezvous
    cdef Py_ssize_t slot

    def __init__(self, rendezvous, slot):
        self.rendezvous, self.slot = rendezvous, slot

    cdef int run(self) except -1 nogil:
        cdef int status = self.rendezvous.receive(self.slot, self.outputs[0], self.waiter)
        if status == DONE and self.outputs[0].storage != NULL and self.outputs[0].storage.event != NULL:
            wait_for_event(self.outputs[0].storage)         # it comes from a GPU
        return status
