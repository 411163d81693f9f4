"""The queue of one thread: the activations that are ready to run on it.

Any thread pushes, at once and without the GIL; one thread pops, and sleeps meanwhile.  An activation is in at most one queue, and in that once,
however often it is pushed; wake() ends one pop() with nothing, even one that has not begun.
"""
from cpython.ref cimport PyObject

from minitf.core.threads cimport free_condition, free_mutex, lock, new_condition, new_mutex, signal_one, unlock, wait_for, wait_until


cdef class Ready(Waiter):
    pass


cdef class RunQueue:
    def __cinit__(self):
        self.mutex, self.condition = new_mutex(), new_condition()
        self.head = self.tail = NULL

    def __dealloc__(self):
        free_mutex(self.mutex)
        free_condition(self.condition)

    cdef void push(self, PyObject *activation) noexcept nogil:
        lock(self.mutex)
        if not (<Ready> activation).is_ready:       # a stepper runs on what it has not been told of
            (<Ready> activation).next_ready, (<Ready> activation).is_ready = NULL, True
            if self.tail == NULL:
                self.head = activation
            else:
                (<Ready> self.tail).next_ready = activation
            self.tail = activation
            signal_one(self.condition)
        unlock(self.mutex)

    cdef void wake(self) noexcept nogil:
        """Let pop() return with nothing, once."""
        lock(self.mutex)
        self.woken = 1
        signal_one(self.condition)
        unlock(self.mutex)

    cdef PyObject *pop(self, double seconds) noexcept nogil:
        """The next activation; NULL after wake(), or when so many seconds have passed (negative: never)."""
        cdef PyObject *activation = NULL
        lock(self.mutex)
        while self.head == NULL and not self.woken:
            if seconds < 0:
                wait_for(self.condition, self.mutex)
            elif wait_until(self.condition, self.mutex, seconds):
                break
        if self.head != NULL:
            activation = self.head
            self.head, (<Ready> activation).is_ready = (<Ready> activation).next_ready, False
            if self.head == NULL:
                self.tail = NULL
        elif self.woken:
            self.woken = 0
        unlock(self.mutex)
        return activation
