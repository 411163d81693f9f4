"""Steps: the activations of one run, on the caller's thread or on one thread per device.

A step on one device runs on the thread of its caller.  A step on several gives each device's activation to that device's thread and
waits; the threads are started the first time that happens.  The first failure aborts the step everywhere; its error is the one raised.

A parked activation is resumed once, by what it waits for or by the abort, and is then run once more: so a kernel that was sent away from
a queue gives back what it holds, on a thread of its own step.
"""
import threading
import time

from cpython.exc cimport PyErr_CheckSignals
from cpython.ref cimport PyObject
cimport numpy as np

from minitf.core.waiting cimport Waits
from minitf.kernels.cpu.kernel cimport DONE, PARK
from minitf.session.activation cimport Activation, StepState
from minitf.session.rendezvous cimport Rendezvous
from minitf.session.run_queue cimport RunQueue

from minitf.core.errors import CancelledError
from minitf.session import report
from minitf.session.report import explain_failure, out_of_time

cdef extern from *:
    """
    #define count_down(p) __atomic_sub_fetch((p), 1, __ATOMIC_ACQ_REL)
    #define load(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
    """
    long count_down(long *) nogil
    long load(long *) nogil

GRACE = 5.0                   # seconds that an aborted step is given to leave its devices before it is given up


cdef class DeviceThread:
    """The thread of one device: it runs the activations that are ready there, one after the other."""
    cdef RunQueue queue
    cdef readonly str device
    cdef bint stopping
    cdef object thread

    def __init__(self, str device):
        self.device, self.queue, self.stopping = device, RunQueue(), False
        self.thread = threading.Thread(target=self.loop, name=f"minitf {device}", daemon=True)
        self.thread.start()

    def loop(self):
        cdef PyObject *ready
        while True:
            with nogil:
                ready = self.queue.pop(-1)
            if ready == NULL:
                if self.stopping:
                    return
                continue
            (<Step> (<Activation> ready).step).advance(<Activation> ready)

    def stop(self):
        """End the thread when it has nothing to run."""
        self.stopping = True
        self.queue.wake()
        if self.thread is not threading.current_thread():
            self.thread.join(GRACE)


cdef class Step(StepState):
    """One run of a program in flight: Step(plans, keys, context), where context has threads(devices) -> {device: DeviceThread} or None, and
    enter(step, on_threads) and leave(step) around a run on threads or a wait on the caller's."""

    def __init__(self, list plans, list keys, context):
        self.context, self.queue, self.lock = context, RunQueue(), threading.Lock()
        self.rendezvous, self.waits = Rendezvous(keys), Waits()
        threads = context.threads([plan.device for plan in plans])
        self.on_threads, self.tracer = threads is not None, None
        self.threads = context.kernel_threads(len(plans))
        self.activations = [Activation(plan, self, (<DeviceThread> threads[plan.device]).queue if self.on_threads else self.queue, context)
                            for plan in plans]

    cpdef list run(self, list feeds, Py_ssize_t n_fetches, double timeout):
        """The fetched values.  feeds: arrays of the planned dtypes and shapes.  timeout: seconds; negative: none."""
        cdef Activation a = None
        cdef list results
        cdef int status
        self.timeout, self.deadline = timeout, time.monotonic() + timeout if timeout >= 0 else 0
        try:
            if self.on_threads:
                self.run_on_threads(feeds, timeout)
            else:
                a = <Activation> self.activations[0]
                a.start(feeds)
                while a is not None:
                    with nogil:
                        status = a.proceed(a.length)
                    if status == DONE:
                        a = a.next_part()
                    else:
                        self.wait_for_others()
            results = [None] * n_fetches
            for a in self.activations:
                collect(a, results)
            if self.tracer is not None:
                self.tracer(self)
            return results
        except BaseException as error:
            self.fail(None if self.on_threads else a, error)
            if not self.on_threads:
                self.unwind()
            raise explain_failure(self.error, self.failed)
        finally:
            self.finish()

    cdef int discard(self) except -1:
        """The step does not run again."""
        cdef Activation a
        for a in self.activations:
            a.discard()
        self.rendezvous.storages.clear()
        return 0

    def trace(self, tracer):
        """The next run notes when each instruction runs, and calls tracer(step) at its end; None: it does not."""
        cdef Activation a
        self.tracer = tracer
        for a in self.activations:
            a.trace(tracer is not None)

    cdef int run_on_threads(self, list feeds, double timeout) except -1:
        cdef Activation a
        self.context.enter(self)
        try:
            self.remaining = len(self.activations)
            for a in self.activations:
                a.start(feeds)
            for a in self.activations:
                a.resume()
            try:
                self.wait()
            except BaseException as error:
                self.fail(None, error)
                self.give_up()
                raise
        finally:
            self.context.leave(self)
        if self.error is not None:
            raise self.error
        return 0

    def cancel(self):
        """End the step on all its devices; from any thread."""
        self.fail(None, CancelledError(None, None, "The session was closed while the step ran"))

    cdef int wait(self) except -1:
        """Until an activation of the caller's may go on, or all device threads have finished.  DeadlineExceededError says what each waits for."""
        cdef double slice_ = 0.1              # between two looks at Ctrl-C
        cdef double waited = 0
        cdef PyObject *ready
        while True:
            if self.on_threads and load(&self.remaining) == 0:
                return 0
            with nogil:
                ready = self.queue.pop(slice_)
            if ready != NULL:
                return 0
            PyErr_CheckSignals()
            waited += slice_
            if self.deadline and time.monotonic() > self.deadline and not (self.on_threads and load(&self.remaining) == 0):
                raise out_of_time(self, self.timeout)
            if self.waits.first != NULL and waited - slice_ < report.PATIENCE <= waited:
                report.warn_of_wait(self)

    cdef int give_up(self) except -1:
        """After an abort: wait for the device threads to leave the step; what does not leave is kept, so that its memory stays valid."""
        cdef double end = time.monotonic() + GRACE
        while load(&self.remaining) and time.monotonic() < end:
            with nogil:
                self.queue.pop(0.02)
        if load(&self.remaining):
            _abandoned.append(self)
        return 0

    def advance(self, Activation activation):
        """On a device's thread: run an activation until it ends, parks or fails."""
        cdef int status
        cdef Activation a = activation
        try:
            while a is not None:
                with nogil:
                    status = a.proceed(a.length)
                if status == PARK:
                    return
                a = a.next_part()
        except BaseException as error:
            self.fail(a, error)
        if count_down(&self.remaining) == 0:
            self.queue.wake()

    cdef int wait_for_others(self) except -1:
        """On the caller's thread, parked: until the activation may go on.  Whoever closes the session knows of it meanwhile."""
        self.context.enter(self, False)
        try:
            self.wait()
        finally:
            self.context.leave(self)
        return 0

    cdef int unwind(self) except -1:
        """After an abort, on the caller's thread: run what was parked once more."""
        for activation in self.resumed():
            try:
                self.advance_by_one(activation)
            except Exception:                 # that it was sent away: what the step failed of is told already
                pass
        return 0

    cdef int fail(self, Activation activation, error) except -1:
        """The first failure is the step's; it ends the others where they wait, or within some milliseconds of work."""
        with self.lock:
            if self.error is None:
                self.error, self.failed = error, activation
        self.aborted = 1
        self.rendezvous.abort(self.error)
        self.waits.cancel()
        return 0

    cdef int finish(self) except -1:
        cdef Activation a, part
        if self.on_threads and load(&self.remaining):
            return 0                          # abandoned: somebody still runs in it
        for a in self.activations:
            while a is not None:
                part = a.following
                a.finish()
                a = part
        self.rendezvous.reset()
        if self.aborted:
            self.waits.reopen()
        self.aborted, self.error, self.failed = 0, None, None
        return 0

    @property
    def is_free(self):
        """Whether the step may be used again."""
        return not (self.on_threads and load(&self.remaining))

    # ---- one instruction at a time, all devices on the caller's thread: for the stepper -------------------------------------

    def begin(self, list feeds):
        cdef Activation a
        for a in self.activations:
            a.start(feeds)

    def advance_by_one(self, Activation a):
        """Run one instruction: True if there are more, False at the end of the plan, None where it waits."""
        cdef int status
        with nogil:
            status = a.proceed(1)
        return None if status == PARK else a.pc < a.length

    def go_behind_cut(self, Activation a):
        """The activation of what follows a plan that is at its end; None if nothing does."""
        return a.next_part()

    def resumed(self):
        """The activations that waited and may go on, oldest first; each is told once."""
        cdef PyObject *ready
        found = []
        while True:
            with nogil:
                ready = self.queue.pop(0)
            if ready == NULL:
                return found
            found.append(<object> ready)

    def results(self, Py_ssize_t n_fetches):
        """The fetched values, when every activation is at its end."""
        cdef Activation a
        values = [None] * n_fetches
        for a in self.activations:
            collect(a, values)
        return values

    def end(self):
        """Give back everything that is held for the step; what waits is sent away."""
        self.fail(None, CancelledError(None, None, "The step was given up"))
        self.unwind()
        self.finish()


cdef list _abandoned = []


cdef int collect(Activation a, list results) except -1:
    """Fetches of an activation and of its last parts."""
    cdef Activation part = a
    while part is not None:
        for number, place in <list> part.plan.fetches:
            results[number] = part.fetched(place)
        part = part.following
    return 0
