"""Kernels that may have to wait for a resource."""
from minitf.core.waiting cimport IN_LINE, OUTSIDE, SENT_AWAY
from .kernel cimport DONE, PARK

from minitf.core.errors import CancelledError


cdef class WaitingKernel(Kernel):
    is_unfed = False

    cdef int run(self) except -1 nogil:
        cdef int status
        cdef bint parks = False
        try:
            if self.attempt.standing == OUTSIDE and not self.begin():
                return DONE
            status = self.attempt.make(self.waiter)
            if status == PARK:
                parks = True                             # another thread may have gone on already
                return PARK
            if status != DONE:
                with gil:
                    self.fail(status)
            self.deliver()
        finally:
            if not parks:
                self.drop()
        return DONE

    cdef bint begin(self) except -1 nogil:
        return True

    cdef int deliver(self) except -1 nogil:
        return 0

    cdef void drop(self) noexcept nogil:
        pass

    cdef int fail(self, int status) except -1:
        if status == SENT_AWAY:
            raise CancelledError(None, None, f"{type(self.attempt).__name__} operation was cancelled")
        raise self.failure(status)

    def waits_for(self):
        """What a parked kernel waits for, in words; None if it does not wait."""
        self.attempt.resource.lock()
        is_waiting = self.attempt.standing == IN_LINE
        self.attempt.resource.unlock()
        return self.wish() if is_waiting else None
