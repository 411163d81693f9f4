"""How a step waits for something that outlives it.

An attempt that can not go on joins a line of its resource and its kernel parks; whoever changes the resource serves the lines, each in the
order of arrival, and resumes those whose attempts have ended.  An attempt leaves its line exactly once, and its waiter is resumed exactly
once, both with the resource's lock held: by whoever serves it, or by whoever cancels its step.  So when Waits.cancel() has returned, no
resource knows an attempt of that step any more, and what such an attempt had taken has been given back.

Locks are taken in this order: of a step's Waits, of a resource, of the queue of activations that resume() pushes to.  Nobody takes the GIL
while holding one of them, so whoever has the GIL may take them.
"""
from .threads cimport free_mutex, lock, new_mutex, unlock


cdef class Waiter:
    cdef void resume(self) noexcept nogil:
        pass


cdef class Waits:
    def __cinit__(self):
        self.mutex = new_mutex()
        if self.mutex == NULL:
            raise MemoryError()

    def __dealloc__(self):
        free_mutex(self.mutex)

    cdef void cancel(self) noexcept nogil:
        cdef PyObject *attempt
        lock(self.mutex)
        self.is_cancelled = True
        attempt = self.first
        while attempt != NULL:
            (<Attempt> attempt).resource.lock()
            (<Attempt> attempt).resource.send_away(attempt)
            (<Attempt> attempt).resource.unlock()
            attempt = (<Attempt> attempt).next
        unlock(self.mutex)

    cdef void reopen(self) noexcept nogil:
        lock(self.mutex)
        self.is_cancelled = False
        unlock(self.mutex)


cdef class Waitable(Resource):
    cdef void serve(self) noexcept nogil:
        cdef uint64_t before = self.changes - 1
        cdef PyObject *attempt
        cdef int line, status
        while self.changes != before:
            before = self.changes
            for line in range(LINES):
                while self.first[line] != NULL:
                    attempt = self.first[line]
                    status = (<Attempt> attempt).go_on()
                    if status == PARK:
                        break
                    self.leave(attempt, status)

    is_initialized = True

    def numpy(self):
        """What its handle shows where a variable shows its value."""
        return repr(self).encode()

    @property
    def waiting(self):
        """How many attempts stand in each line."""
        cdef PyObject *attempt
        cdef int line
        cdef Py_ssize_t counts[LINES]
        self.lock()                                      # no Python object is made under it: the garbage collector could come, and ask for it too
        for line in range(LINES):
            counts[line] = 0
            attempt = self.first[line]
            while attempt != NULL:
                counts[line] += 1
                attempt = (<Attempt> attempt).behind
        self.unlock()
        return tuple([counts[line] for line in range(LINES)])

    cdef void send_away(self, PyObject *attempt) noexcept nogil:
        if (<Attempt> attempt).standing == IN_LINE:
            (<Attempt> attempt).give_back()
            self.leave(attempt, SENT_AWAY)
            self.serve()

    cdef void join(self, PyObject *attempt) noexcept nogil:
        cdef int line = (<Attempt> attempt).line
        (<Attempt> attempt).standing = IN_LINE
        (<Attempt> attempt).ahead, (<Attempt> attempt).behind = self.last[line], NULL
        if self.last[line] == NULL:
            self.first[line] = attempt
        else:
            (<Attempt> self.last[line]).behind = attempt
        self.last[line] = attempt

    cdef void leave(self, PyObject *attempt, int status) noexcept nogil:
        cdef PyObject *ahead = (<Attempt> attempt).ahead
        cdef PyObject *behind = (<Attempt> attempt).behind
        cdef int line = (<Attempt> attempt).line
        if ahead == NULL:
            self.first[line] = behind
        else:
            (<Attempt> ahead).behind = behind
        if behind == NULL:
            self.last[line] = ahead
        else:
            (<Attempt> behind).ahead = ahead
        self.changes += 1
        (<Attempt> attempt).standing, (<Attempt> attempt).status = ANSWERED, status
        if (<Attempt> attempt).waiter != NULL:
            (<Waiter> (<Attempt> attempt).waiter).resume()


cdef class Attempt:
    cdef int make(self, Waiter waiter) noexcept nogil:
        cdef int status
        if self.standing == OUTSIDE:
            if waiter.waits is None:
                return SENT_AWAY
            lock(waiter.waits.mutex)
            status = SENT_AWAY if waiter.waits.is_cancelled else self.begin(waiter)
            unlock(waiter.waits.mutex)
            return status
        self.resource.lock()
        status = self.standing
        self.resource.unlock()
        if status == IN_LINE:                            # nobody has resumed it: a stepper asks again
            return PARK
        self.unlist()
        return self.status

    cdef int begin(self, Waiter waiter) noexcept nogil:
        """Try, behind those who wait already.  The caller holds the lock of the step's Waits: nobody cancels meanwhile."""
        cdef uint64_t before
        cdef int status = PARK
        self.resource.lock()
        before = self.resource.changes
        self.waiter = NULL                               # it is not told of what happens while it is here
        if self.resource.first[self.line] == NULL:
            status = self.go_on()
        if status == PARK:
            self.resource.join(<PyObject *> self)
        if self.resource.changes != before:
            self.resource.serve()
        if status == PARK and self.standing == ANSWERED:
            self.standing, status = OUTSIDE, self.status
        if status == PARK:
            self.waiter, self.waits = <void *> waiter, <void *> waiter.waits
            self.previous, self.next = NULL, waiter.waits.first
            if self.next != NULL:
                (<Attempt> self.next).previous = <PyObject *> self
            waiter.waits.first = <PyObject *> self
        self.resource.unlock()
        return status

    cdef void unlist(self) noexcept nogil:
        lock((<Waits> self.waits).mutex)
        if self.previous == NULL:
            (<Waits> self.waits).first = self.next
        else:
            (<Attempt> self.previous).next = self.next
        if self.next != NULL:
            (<Attempt> self.next).previous = self.previous
        unlock((<Waits> self.waits).mutex)
        self.standing = OUTSIDE

    cdef int go_on(self) noexcept nogil:
        return DONE

    cdef void give_back(self) noexcept nogil:
        pass
