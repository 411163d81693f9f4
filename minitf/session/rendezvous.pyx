"""The rendezvous of one step, between devices of one process.

A producer never waits: send() leaves the value and returns.  receive() may come before or after its send(); before, it leaves its
waiter, which is resumed once the value is there.  Each key is sent once and received once a step; abort() fails all who wait now or later.

Keys are known when a program is partitioned, so a key is a slot number at run time.  A value crosses as a reference: nothing is copied.
"""
from libc.stdlib cimport calloc, free

from minitf.core.buffers cimport release, retain
from minitf.core.threads cimport free_mutex, lock, new_mutex, unlock
from minitf.kernels.cpu.kernel cimport DONE, PARK, Kernel

from minitf.core.errors import AbortedError

cdef enum:
    EMPTY = 0
    SENT = 1
    WAITING = 2
    TAKEN = 3


cdef class Rendezvous:
    """Rendezvous(keys): a slot per key."""

    def __cinit__(self, list keys):
        self.keys, self.n_slots = keys, len(keys)
        self.slots = <Slot *> calloc(self.n_slots + 1, sizeof(Slot))
        self.mutex = new_mutex()
        if self.slots == NULL or self.mutex == NULL:
            raise MemoryError()

    def __dealloc__(self):
        self.reset()
        free(self.slots)
        free_mutex(self.mutex)

    cdef int send(self, Py_ssize_t slot, Buffer *value) except -1 nogil:
        cdef Slot *s = &self.slots[slot]
        cdef void *waiter = NULL
        cdef int state
        lock(self.mutex)
        state = s.state
        if state == EMPTY or state == WAITING:
            s.value = value[0]
            retain(value.storage)
            s.state = SENT
            waiter = s.waiter
            s.waiter = NULL
        unlock(self.mutex)
        if state == SENT or state == TAKEN:
            with gil:
                raise AbortedError(None, None, f"Duplicated send: {self.keys[slot]}")
        if waiter != NULL:
            (<Waiter> waiter).resume()
        return DONE

    cdef int receive(self, Py_ssize_t slot, Buffer *out, Waiter waiter) except -1 nogil:
        """DONE with the value in out, or PARK: the waiter will be resumed, and asks again."""
        cdef Slot *s = &self.slots[slot]
        cdef int status = PARK, d
        lock(self.mutex)
        if s.state == SENT:
            release(out.storage)
            out.data, out.storage, out.size, out.rank = s.value.data, s.value.storage, s.value.size, s.value.rank
            for d in range(out.rank):
                out.shape[d] = s.value.shape[d]
            s.value.storage = NULL                  # the reference has moved to out
            s.state = TAKEN
            status = DONE
        elif self.aborted:
            status = -1
        elif s.state == TAKEN:
            status = -2
        else:
            s.state = WAITING
            s.waiter = <void *> waiter
        unlock(self.mutex)
        if status < 0:
            with gil:
                raise AbortedError(None, None, f"Duplicated recv: {self.keys[slot]}" if status == -2 else
                                   f"The step was aborted while waiting for {self.keys[slot]}")
        return status

    cdef void abort(self) noexcept nogil:
        cdef Py_ssize_t i
        cdef void *waiter
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

    cdef void reset(self) noexcept nogil:
        """Ready for the next step: what was sent and not received is given back."""
        cdef Py_ssize_t i
        for i in range(self.n_slots):
            release(self.slots[i].value.storage)
            self.slots[i].value.storage = NULL
            self.slots[i].waiter = NULL
            self.slots[i].state = EMPTY
        self.aborted = 0

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
        return self.rendezvous.receive(self.slot, self.outputs[0], self.waiter)
