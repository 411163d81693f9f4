"""Activation: the memory, the kernels and the program counter of one step of one device's plan.

A plan is shared and never changes; an activation belongs to one step at a time and is reused by later ones.  Making one allocates
everything the step will need, so that a step allocates nothing.  proceed() runs instructions without the GIL until the end, or
until one of them must wait: then the activation is parked, its thread is free for others, and resume() puts it into its queue.
"""
import time

from cpython.exc cimport PyErr_CheckSignals
from libc.stdlib cimport calloc, free
from libc.stdint cimport int64_t
cimport numpy as np

from minitf.core.buffers cimport (copy_of, describe, hand_over, holds_objects, is_exclusive, new_storage, release, retain, view_of)
from minitf.core.resources cimport Resource
from minitf.core.threads cimport nanoseconds
from minitf.kernels.cpu.kernel cimport (DONE, PARK, bind, flush_denormals, restore_denormals)
from minitf.kernels.cpu.parallel cimport use_threads

from minitf.core.errors import AbortedError, ResourceExhaustedError
from minitf.kernels.gpu.launch import GpuKernel
from minitf.session.plan import HAND_OVER
from minitf.session.report import explain_failure, explain_shortage, out_of_time

np.import_array()


cdef class StepState:
    pass


cdef inline void note_try(Moments *m) noexcept nogil:
    m.ready = nanoseconds()
    if m.begin <= m.end:                  # not one that waited and is tried again
        m.begin = m.ready


cdef inline void note_end(Moments *m) noexcept nogil:
    m.end = nanoseconds()
    m.work += m.end - m.ready
    m.waited += m.ready - m.begin
    m.runs += 1


cdef class View(Kernel):
    """The output is the input's bytes under another shape; needed where the input's memory moves from step to step."""
    cdef int run(self) except -1 nogil:
        self.outputs[0].data = self.inputs[0].data
        self.outputs[0].storage = self.inputs[0].storage       # borrowed: only the root gives it back
        return DONE


cdef class Release(Kernel):
    """Give back a counted buffer behind its last use."""
    cdef int run(self) except -1 nogil:
        release(self.inputs[0].storage)
        self.inputs[0].storage = NULL
        self.inputs[0].data = NULL
        return DONE


cdef class BodyKernel(Kernel):
    cdef int end(self) except -1:
        return 0

    cdef int trace(self, bint wanted) except -1:
        return 0

    cpdef Activation running(self):
        return None


cdef class Activation(Ready):
    """Activation(plan, step, queue, context): context has resource(node) and kernel(instruction, step).

    outer: of a body's plan, the activation whose instruction runs it; it is the one that is parked and resumed.
    """

    def __cinit__(self, plan, StepState step, RunQueue queue, context, Activation outer=None):
        self.plan, self.step, self.queue, self.context, self.outer = plan, step, queue, context, outer
        self.waits, self.device = step.waits, context.gpu(plan.device)
        self.body_kernels, self.has_rest, self.work = [], plan.rest is not None, plan.work
        self.parts, self.resources = {}, []
        self.n_buffers, self.length = len(plan.buffers), len(plan.instructions)
        self.buffers = <Buffer *> calloc(self.n_buffers + 1, sizeof(Buffer))
        self.code = <PyObject **> calloc(self.length + 1, sizeof(PyObject *))
        self.stops = <Py_ssize_t *> calloc(len(plan.stops) + 1, sizeof(Py_ssize_t))
        self.own = <Py_ssize_t *> calloc(self.n_buffers + 1, sizeof(Py_ssize_t))
        self.bound = <Py_ssize_t *> calloc(self.n_buffers + 1, sizeof(Py_ssize_t))
        self.arguments = <Py_ssize_t *> calloc(2 * len(plan.imports) + 1, sizeof(Py_ssize_t))
        self.results = <Py_ssize_t *> calloc(2 * len(plan.fetches) + 1, sizeof(Py_ssize_t))
        self.spare = <Storage **> calloc(self.n_buffers + 1, sizeof(Storage *))
        self.uploaded = <Storage **> calloc(self.n_buffers + 1, sizeof(Storage *))
        if not (self.uploaded and self.buffers and self.code and self.stops and self.own and self.bound and self.arguments and self.results and self.spare):
            raise MemoryError()

    def __init__(self, plan, step, queue, context, outer=None):
        cdef Py_ssize_t i
        for i, stop in enumerate(plan.stops):
            self.stops[i] = stop
        for key, number in plan.imports.items():
            if isinstance(key, int):
                self.arguments[2 * self.n_arguments], self.arguments[2 * self.n_arguments + 1] = number, key
                self.n_arguments += 1
        for number, place in plan.fetches:
            self.results[2 * self.n_results], self.results[2 * self.n_results + 1] = place, number
            self.n_results += 1
        try:
            self.make_buffers()
        except ResourceExhaustedError as error:
            raise explain_shortage(error, plan)
        if self.device is not None:
            self.device.enter()
        try:
            self.make_kernels(plan)
        finally:
            if self.device is not None:
                self.device.leave()

    def make_kernels(self, plan):
        cdef Py_ssize_t i
        self.kernels = []
        for i, instruction in enumerate(plan.instructions):
            kernel = self.make_kernel(instruction)
            bind(kernel, instruction.inputs, instruction.outputs, self.buffers, self)
            self.kernels.append(kernel)
            if isinstance(kernel, BodyKernel):
                self.body_kernels.append(kernel)
            self.code[i] = <PyObject *> kernel
        for i, kernel in enumerate(self.kernels if self.device is not None else ()):
            try:
                if isinstance(kernel, GpuKernel):       # all before the first is compiled
                    kernel.describe()
            except Exception as error:
                self.pc = i
                raise explain_failure(error, self)
        for i, kernel in enumerate(self.kernels):
            try:
                kernel.prepare()
            except Exception as error:
                self.pc = i
                raise explain_failure(error, self)

    def make_buffers(self):
        cdef Py_ssize_t i
        cdef Buffer *b
        plan = self.plan
        self.arena = new_storage(plan.arena_bytes + 64) if self.device is None else self.device.storage(plan.arena_bytes + 64)
        for i, spec in enumerate(plan.buffers):
            b = &self.buffers[i]
            describe(b, spec.dtype, spec.shape or ())
            if spec.kind == "const":
                b.data = <char *> np.PyArray_DATA(<np.ndarray> spec.value)
                if self.device is not None:
                    self.upload(b)
            elif spec.kind == "arena":
                b.data = self.arena.data + <Py_ssize_t> spec.offset
            elif spec.kind == "own":
                b.storage = new_storage(b.size * b.itemsize)
                b.data = b.storage.data
                self.own[self.n_own] = i
                self.n_own += 1
            elif spec.kind == "bound" or spec.kind == "sent":
                self.bound[self.n_bound] = i
                self.n_bound += 1
            elif spec.kind == "ref":
                resource = self.context.resource(spec.node)
                self.resources.append(resource)
                b.resource = <void *> <PyObject *> resource
        for i, spec in enumerate(plan.buffers):
            if spec.kind == "view" and plan.buffers[spec.root].kind in ("arena", "const"):
                self.buffers[i].data = self.buffers[<Py_ssize_t> spec.root].data

    cdef int upload(self, Buffer *b) except -1:
        """A constant, into the device's memory."""
        cdef Storage *there
        if holds_objects(b.dtype):                # no kernel of a device reads it
            return 0
        there = self.device.storage(b.size * b.itemsize)
        self.uploaded[self.n_uploaded] = there
        self.n_uploaded += 1
        self.device.copy_in(there.data, b.data, there.nbytes)
        b.data = there.data
        return 0

    def make_kernel(self, instruction):
        if instruction.kind == "View":
            return View(None)
        if instruction.kind == "Release":
            return Release(None)
        return self.context.kernel(instruction, self.step)

    def __dealloc__(self):
        cdef Py_ssize_t i
        if self.buffers != NULL:
            for i in range(self.n_own):
                release(self.buffers[self.own[i]].storage)
                release(self.spare[i])
            for i in range(self.n_bound):
                release(self.buffers[self.bound[i]].storage)
        for i in range(self.n_uploaded):
            release(self.uploaded[i])
        release(self.arena)
        free(self.uploaded)
        free(self.buffers)
        free(self.code)
        free(self.stops)
        free(self.own)
        free(self.bound)
        free(self.arguments)
        free(self.results)
        free(self.spare)
        free(self.times)

    cdef void resume(self) noexcept nogil:
        if self.outer is not None:
            self.outer.resume()
        else:
            self.queue.push(<PyObject *> self)

    cdef int start(self, list feeds) except -1:
        """Begin a step: take the callers' arrays where they lie, and make sure that what will be handed out is ours alone."""
        cdef Py_ssize_t i, number, place
        cdef Buffer *b
        cdef Storage *fresh
        self.pc = self.at_stop = 0
        self.feeds = feeds                        # keeps the arrays alive until finish()
        for pair in <list> self.plan.feeds:
            number, place = pair
            self.buffers[place].data = <char *> np.PyArray_DATA(<np.ndarray> feeds[number])
        for i in range(self.n_own):
            b = &self.buffers[self.own[i]]
            if not is_exclusive(b.storage):
                fresh = new_storage(b.size * b.itemsize)
                release(b.storage)
                b.storage = fresh
                b.data = fresh.data
        return 0

    cdef int enter(self, Buffer **arguments) except -1 nogil:
        """Begin a run of a body: its arguments where they lie, and counted storages for its results that nobody else holds.

        A result is held by whoever took it over, a loop variable for an iteration mostly; so two storages in turn are enough.
        """
        cdef Py_ssize_t i
        cdef Buffer *b
        cdef Buffer *argument
        cdef Storage *other
        self.pc = self.at_stop = 0
        for i in range(self.n_arguments):
            b = &self.buffers[self.arguments[2 * i]]
            argument = arguments[self.arguments[2 * i + 1]]
            b.data, b.storage = argument.data, argument.storage
        for i in range(self.n_own):
            b = &self.buffers[self.own[i]]
            if is_exclusive(b.storage):
                continue
            other = self.spare[i]
            if other == NULL or not is_exclusive(other):
                release(other)
                self.spare[i] = NULL
                other = new_storage(b.size * b.itemsize)
            self.spare[i] = b.storage
            b.storage = other
            b.data = other.data
        return 0

    cdef void leave(self) noexcept nogil:
        """End of a run of a body whose results were taken."""
        cdef Py_ssize_t i
        cdef Buffer *b
        for i in range(self.n_bound):
            b = &self.buffers[self.bound[i]]
            if b.data != NULL:
                release(b.storage)
                b.storage = NULL
                b.data = NULL

    cdef int proceed(self, Py_ssize_t most) except -1 nogil:
        """Run up to `most` instructions.  DONE at the end of the plan, PARK where an instruction waits; else DONE with pc before the end."""
        cdef unsigned saved = flush_denormals()
        cdef int threads_before = use_threads(self.step.threads)
        cdef Py_ssize_t i = self.pc, stop, end = self.length
        cdef int status
        if most < end - i:
            end = i + most
        if self.device is not None:
            self.device.enter()
        try:
            while i < end:
                stop = self.stops[self.at_stop]
                if stop > end:
                    stop = end
                while i < stop:
                    self.pc = i
                    if self.times != NULL:
                        note_try(&self.times[i])
                    status = (<Kernel> self.code[i]).run()
                    if status != DONE:
                        return status
                    if self.times != NULL:
                        note_end(&self.times[i])
                    i += 1
                self.pc = i
                if i == self.stops[self.at_stop] and i < self.length:
                    self.at_stop += 1
                    self.look_around()
        finally:
            use_threads(threads_before)
            restore_denormals(saved)
            if self.device is not None:
                self.device.leave()
        return DONE

    cdef int look_around(self) except -1 nogil:
        """Between instructions, every few milliseconds: Ctrl-C, a failure elsewhere, or the step's time is over?"""
        if self.step.aborted:
            with gil:
                raise AbortedError(None, None, "The step was aborted")
        with gil:
            PyErr_CheckSignals()
            if self.step.deadline and time.monotonic() > self.step.deadline:
                raise out_of_time(self.step, self.step.timeout)
        return 0

    cdef int trace(self, bint wanted) except -1:
        """Whether the step that begins notes when its instructions run, here, behind its cuts and in its bodies."""
        cdef Activation part
        cdef BodyKernel kernel
        free(self.times)
        self.times = NULL
        if wanted:
            self.times = <Moments *> calloc(self.length + 1, sizeof(Moments))
            if self.times == NULL:
                raise MemoryError()
        for part in self.parts.values():
            part.trace(wanted)
        for kernel in self.body_kernels:
            kernel.trace(wanted)
        return 0

    def trace_of(self):
        """[(begin, ready, end, work, waited, runs)] of the instructions, as in Moments; 0 where one has not begun or ended."""
        cdef Moments *m
        found = []
        if self.times != NULL:
            for i in range(self.length):
                m = &self.times[i]
                found.append((m.begin, m.ready, m.end, m.work, m.waited, m.runs))
        return found

    cdef Activation next_part(self):
        """The activation of what follows a cut, with the values from before it; None when the plan is at its end."""
        cdef Activation part
        cdef Buffer *b
        cdef Buffer *source
        cdef Py_ssize_t place
        rest = self.plan.rest
        if rest is None:
            return None
        shapes = tuple([self.shape_of(self.plan.exports[source_pair]) for source_pair in rest.exports.values()])
        values = [self.value(self.plan.exports[rest.exports[pair]]) for pair in rest.wanted]
        plan = rest.plan_for(shapes, values)
        part = self.parts.get(plan)
        if part is None:
            if len(self.parts) > 64:                    # as many as plans are kept
                self.parts.clear()
            part = self.parts[plan] = Activation(plan, self.step, self.queue, self.context, self.outer)
        self.following = part
        if self.times != NULL and part.times == NULL:
            part.trace(True)
        part.start(self.feeds)
        for pair, place in plan.imports.items():
            b = &part.buffers[place]
            source = &self.buffers[<Py_ssize_t> self.plan.exports[pair]]
            b.data, b.storage = source.data, source.storage        # kept alive by this activation until the step ends
        return part

    def shape_of(self, Py_ssize_t number):
        """The shape of a buffer as it is now."""
        return tuple([self.buffers[number].shape[d] for d in range(self.buffers[number].rank)])

    def value(self, Py_ssize_t number):
        """A copy of a buffer's contents now, None while there are none; for values that decide shapes, the stepper, and tests."""
        import numpy
        if self.buffers[number].resource != NULL:
            state = <object> <PyObject *> self.buffers[number].resource
            return state.numpy() if state.is_initialized else None
        if self.buffers[number].data == NULL:
            return None
        if self.device is not None and not self.plan.buffers[number].is_host:
            return numpy.asarray(self.device.array_of(&self.buffers[number]))
        return numpy.asarray(copy_of(&self.buffers[number]), object if holds_objects(self.buffers[number].dtype) else None)

    def is_set(self, Py_ssize_t number):
        """Whether a buffer points to data now; for a reference, whether the variable has a value."""
        if self.buffers[number].resource != NULL:
            return (<object> <PyObject *> self.buffers[number].resource).is_initialized
        return self.buffers[number].data != NULL

    def references(self, Py_ssize_t number):
        """How many hold the storage of a counted buffer now (a variable, other devices, arrays handed out); 0 where nothing is counted."""
        cdef Storage *storage = self.buffers[number].storage
        return 0 if storage == NULL else storage.refs

    cdef object fetched(self, Py_ssize_t number):
        """A fetched value: a large one that nobody else holds is handed over, once; anything else is copied."""
        cdef Buffer *b = &self.buffers[number]
        cdef size_t nbytes = b.size * b.itemsize
        if self.device is None and b.storage != NULL and nbytes > HAND_OVER and is_exclusive(b.storage) and not holds_objects(b.dtype):
            kind = self.plan.buffers[self.plan.buffers[number].root].kind
            if kind == "own" or kind == "bound" and b.storage.nbytes == nbytes:         # not a part of a batch: all of it would stay in memory
                return hand_over(b)
        return copy_of(b)

    cdef int discard(self) except -1:
        """This activation does not run again: its memory is free now, not when the garbage collector finds the circle."""
        self.kernels, self.body_kernels = [], []
        release(self.arena)
        self.arena = NULL
        return 0

    cdef int finish(self) except -1:
        """End of the step, however it ended: give back what was held for it."""
        cdef BodyKernel kernel
        if self.device is not None and self.pc < self.length:       # what was queued may still use what is given back now
            with nogil:
                self.device.wait()
        self.leave()
        for kernel in self.body_kernels:
            kernel.end()
        self.feeds = None
        self.following = None
        return 0
