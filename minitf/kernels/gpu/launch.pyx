"""GpuKernel: the instruction of a plan that queues the launches of an op.

The describing function runs once, in prepare(); from then on a launch is a block of argument bytes and the places in it where addresses
stand.  run() fills these in, since a variable's memory or a received tensor's moves from step to step, and queues the launches.
"""
import ctypes

import numpy as np

from cpython.ref cimport PyObject
from libc.stdint cimport int32_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from minitf.core.buffers cimport Buffer, Storage, release
from minitf.core.resources cimport RandomState, VariableState
from minitf.kernels.cpu.kernel cimport Kernel
from minitf.kernels.gpu.device cimport Device, Prepared

from minitf.core.dtypes import as_dtype
from minitf.core.errors import InvalidArgumentError
from minitf.core.shapes import shape_text
from minitf.kernels.gpu.arguments import check_signature, lay_out
from minitf.kernels.gpu.call import Call, Drawn, Operand, complaint

cdef extern from *:
    """
    #define count_up(p) __atomic_add_fetch((p), 1, __ATOMIC_RELAXED)
    """
    uint64_t count_up(uint64_t *p) nogil

cdef enum Source:                 # what stands at a place in the arguments
    INPUT
    OUTPUT
    SCRATCH
    FLAG
    KEY
    BLOCK

_SOURCES = {"input": INPUT, "variable": INPUT, "output": OUTPUT, "scratch": SCRATCH, "flag": FLAG, "key": KEY, "block": BLOCK}
cdef enum:
    MOST_VARIABLES = 8
    SCRATCH_ALIGNMENT = 256
    FLAG_BYTES = 16

cdef struct Place:                # an address, or a number that is known when the launch is queued
    int source
    int index
    size_t offset                 # bytes behind the operand's begin
    char *at                      # where it goes
    int range                     # which of the launch's ranges is the operand's; -1: none

cdef struct Step:                 # a launch, or a copy, with its places [first, last)
    Prepared launch
    bint is_copy
    bint is_zero
    bint is_library               # params are the addresses that the object `function` enqueues itself with
    size_t nbytes                 # of a copy
    uint64_t *count               # of a reader's function's launches, on all devices; NULL: it is not counted
    int first, last


cdef class GpuKernel(Kernel):
    """attrs: _device and _node besides those of the op."""
    cdef object described, attrs, node
    cdef readonly object call             # what was described, for whoever wants to look
    cdef Device device
    cdef RandomState stream
    cdef uint64_t blocks                  # of the random stream, in each run
    cdef Step *steps
    cdef Place *places
    cdef Py_ssize_t n_steps, n_places
    cdef list kept                        # what functions and their libraries need to stay alive
    cdef size_t *scratch_at
    cdef Storage *flags
    cdef Buffer *planned                  # of each input that is a reference: the shape it was described with
    cdef void *locked[MOST_VARIABLES]
    cdef int n_locked

    def __init__(self, attrs, described):
        self.attrs, self.described, self.node, self.device, self.kept = attrs, described, attrs["_node"], attrs["_device"], []

    def __dealloc__(self):
        cdef Py_ssize_t k
        for k in range(self.n_steps):
            free(self.steps[k].launch.values)
            free(self.steps[k].launch.params)
            free(self.steps[k].launch.ranges)
        free(self.steps)
        free(self.places)
        free(self.scratch_at)
        free(self.planned)
        release(self.flags)

    @property
    def launches(self):
        return self.call.launches

    @property
    def messages(self):
        """Of the flags, in their order."""
        return self.call.flags

    def describe(self):
        """What the op's launches are; nothing is compiled yet, so that functions made for the plan's kernels get into one file."""
        inputs = [self.operand_of(k) for k in range(self.n_inputs)]
        outputs = [Operand("output", k, shape_of(self.outputs[k]), as_dtype(self.outputs[k].dtype)) for k in range(self.n_outputs)]
        self.call = Call(self.described.source, self.node.name, self.attrs, inputs, outputs)
        self.call.emulated = bool(self.device.is_emulated)
        self.described.describe(self.call)

    def prepare(self):
        cdef size_t nbytes
        if self.call is None:
            self.describe()
        self.find_variables()
        self.lay_out_scratch()
        if self.call.flags:
            nbytes = len(self.call.flags) * FLAG_BYTES
            with nogil:
                self.flags = self.device.storage(nbytes)
                self.device.zero(self.flags.data, self.flags.nbytes)
        if self.call.blocks is not None:
            self.blocks, self.stream = self.call.blocks, self.attrs["_state"]
        self.steps = <Step *> calloc(len(self.call.launches) + 1, sizeof(Step))
        n = sum(len(l.args) + 2 for l in self.call.launches)
        self.places = <Place *> calloc(n + 1, sizeof(Place))
        if self.steps == NULL or self.places == NULL:
            raise MemoryError()
        for l in self.call.launches:
            self.n_steps += 1
            self.steps[self.n_steps - 1].first = self.n_places
            if l.copy is None and l.source is None:
                self.pack_library(&self.steps[self.n_steps - 1], l)
            elif l.copy is None:
                self.pack(&self.steps[self.n_steps - 1], l)
            else:
                self.pack_copy(&self.steps[self.n_steps - 1], l.copy)
            self.steps[self.n_steps - 1].last = self.n_places

    def operand_of(self, k):
        source, index = self.node.inputs[k]
        if self.inputs[k].resource != NULL:
            shape = source.shapes[index]
            if shape is None or None in shape:
                raise InvalidArgumentError(None, None, f"The variable '{source.name}' has the static shape {shape_text(shape)}; a GPU kernel needs all of it")
            return Operand("variable", k, shape, source.dtypes[index])
        value = None if source.values is None else np.asarray(source.values[index])
        return Operand("input", k, shape_of(self.inputs[k]), as_dtype(self.inputs[k].dtype), value)

    def find_variables(self):
        """The variables that the op changes, in the order in which every kernel locks them."""
        cdef int k
        self.planned = <Buffer *> calloc(self.n_inputs + 1, sizeof(Buffer))
        if self.planned == NULL:
            raise MemoryError()
        found = set()
        for k in range(self.n_inputs):
            if self.inputs[k].resource != NULL:
                resource = <object> <PyObject *> self.inputs[k].resource
                if not isinstance(resource, VariableState):
                    raise InvalidArgumentError(None, None, f"'{resource.name}' is no variable but the handle of a {resource.kind}")
                found.add(<uintptr_t> self.inputs[k].resource)
                shape = self.call.inputs[k].shape
                self.planned[k].rank = len(shape)
                for d in range(len(shape)):
                    self.planned[k].shape[d] = shape[d]
        if len(found) > MOST_VARIABLES:
            raise InvalidArgumentError(None, None, f"An op changes at most {MOST_VARIABLES} variables, this one {len(found)}")
        self.n_locked = len(found)
        for k, address in enumerate(sorted(found)):
            self.locked[k] = <void *> <uintptr_t> address

    def lay_out_scratch(self):
        cdef Py_ssize_t k
        total = 0
        self.scratch_at = <size_t *> calloc(len(self.call.scratches) + 1, sizeof(size_t))
        if self.scratch_at == NULL:
            raise MemoryError()
        for k, operand in enumerate(self.call.scratches):
            self.scratch_at[k] = total
            total += -(-operand.nbytes // SCRATCH_ALIGNMENT) * SCRATCH_ALIGNMENT
        if total:
            self.device.reserve(total)

    cdef int pack(self, Step *step, launch) except -1:
        cdef Prepared *p = &step.launch
        cdef Py_ssize_t k
        cdef const unsigned char[::1] raw
        function, keep, signature, check = self.device.function(launch.source, launch.function)
        self.kept.append(keep)
        if launch.count is not None:
            self.kept.append(launch.count)
            step.count = <uint64_t *> <uintptr_t> ctypes.addressof(launch.count)
        p.function = <void *> <uintptr_t> function
        p.check_begin, p.check_end = <void *> <uintptr_t> check[0], <void *> <uintptr_t> check[1]
        for k in range(3):
            p.geometry[k], p.geometry[3 + k] = launch.grid[k], launch.block[k]
        p.geometry[6] = launch.shared
        p.n_params = len(launch.args)
        check_signature(launch, signature)
        layout, p.nbytes = lay_out(launch.args)
        p.values = <char *> calloc(p.nbytes + 8, 1)
        p.params = <void **> calloc(p.n_params + 1, sizeof(void *))
        p.ranges = <uint64_t *> calloc(2 * p.n_params + 2, sizeof(uint64_t))
        if p.values == NULL or p.params == NULL or p.ranges == NULL:
            raise MemoryError()
        for k, (argument, offset) in enumerate(zip(launch.args, layout)):
            p.params[k] = p.values + <size_t> offset
            if isinstance(argument, Operand):
                p.ranges[2 * p.n_ranges + 1] = argument.nbytes
                self.add_place(argument.kind, argument.index, argument.offset, p.values + <size_t> offset, p.n_ranges)
                p.n_ranges += 1
            elif isinstance(argument, Drawn):
                self.add_place(argument.part, 0, 0, p.values + <size_t> offset, -1)
            else:
                data = bytes(argument) if isinstance(argument, ctypes.Structure) else argument.tobytes()
                raw = data
                memcpy(p.values + <size_t> offset, &raw[0], len(data))
        return 0

    cdef int pack_library(self, Step *step, launch) except -1:
        cdef Py_ssize_t k
        step.is_library, step.launch.function = True, <void *> <PyObject *> launch.function
        self.kept.append(launch.function)
        step.launch.n_params = len(launch.args)
        step.launch.params = <void **> calloc(len(launch.args) + 1, sizeof(void *))
        if step.launch.params == NULL:
            raise MemoryError()
        for k, operand in enumerate(launch.args):
            self.add_place(operand.kind, operand.index, operand.offset, <char *> &step.launch.params[k], -1)
        return 0

    cdef int pack_copy(self, Step *step, copy) except -1:
        target, source, nbytes = copy
        step.is_copy, step.is_zero, step.nbytes = True, source is None, nbytes
        step.launch.params = <void **> calloc(2, sizeof(void *))            # the two addresses themselves
        if step.launch.params == NULL:
            raise MemoryError()
        self.add_place(target.kind, target.index, target.offset, <char *> &step.launch.params[0], -1)
        if source is not None:
            self.add_place(source.kind, source.index, source.offset, <char *> &step.launch.params[1], -1)
        return 0

    cdef int add_place(self, str kind, int index, size_t offset, char *at, int range_) except -1:
        cdef Place *place = &self.places[self.n_places]
        place.source, place.index, place.offset, place.at, place.range = _SOURCES[kind], index, offset, at, range_
        self.n_places += 1
        return 0

    cdef int run(self) except -1 nogil:
        cdef uint64_t block = 0
        if self.stream is not None:
            block = self.stream.take(self.blocks)
        self.lock_variables()
        try:
            self.device.lock()
            try:
                self.queue(block)
            finally:
                self.device.unlock()
        finally:
            self.unlock_variables(NULL)
        return 0

    cdef int queue(self, uint64_t block) except -1 nogil:
        """Fill in the addresses, and queue the launches: under the device's lock, since its kernels share their scratch memory."""
        cdef Py_ssize_t k, j
        cdef Step *step
        cdef Place *place
        cdef char *begin
        for k in range(self.n_steps):
            step = &self.steps[k]
            for j in range(step.first, step.last):
                place = &self.places[j]
                if place.source >= KEY:
                    (<uint64_t *> place.at)[0] = self.stream.key if place.source == KEY else block
                    continue
                begin = self.begin_of(place)
                (<char **> place.at)[0] = begin + place.offset
                if place.range >= 0:
                    step.launch.ranges[2 * place.range] = <uint64_t> begin
            if step.is_library:
                self.device.enqueue(&step.launch)
            elif not step.is_copy:
                self.device.launch(&step.launch)
                if step.count != NULL:
                    count_up(step.count)
            elif step.is_zero:
                self.device.zero(<char *> step.launch.params[0], step.nbytes)
            else:
                self.device.copy(<char *> step.launch.params[0], <const char *> step.launch.params[1], step.nbytes)
        return 0

    cdef char *begin_of(self, Place *place) noexcept nogil:
        if place.source == OUTPUT:
            return self.outputs[place.index].data
        if place.source == SCRATCH:
            return self.device.scratch.data + self.scratch_at[place.index]
        if place.source == FLAG:
            return self.flags.data + FLAG_BYTES * place.index
        if self.inputs[place.index].resource != NULL:
            return (<VariableState> <PyObject *> self.inputs[place.index].resource).value.data
        return self.inputs[place.index].data

    # ---- variables --------------------------------------------------------------------------------------------------------

    cdef int lock_variables(self) except -1 nogil:
        """Lock all that the op changes, each made exclusive; none is locked if that fails."""
        cdef int k, d
        cdef Buffer *value
        for k in range(self.n_locked):
            (<VariableState> self.locked[k]).lock()
        for k in range(self.n_locked):
            value = NULL
            try:
                value = (<VariableState> self.locked[k]).writable()      # gives its own lock back if it raises
            finally:
                if value == NULL:
                    self.unlock_variables(self.locked[k])
        for k in range(self.n_inputs):
            if self.inputs[k].resource == NULL:
                continue
            value = &(<VariableState> <PyObject *> self.inputs[k].resource).value
            d = 0 if value.rank == self.planned[k].rank else -1
            while 0 <= d < value.rank:
                d = d + 1 if value.shape[d] == self.planned[k].shape[d] else -1
            if d < 0:
                with gil:
                    text = (f"Variable {(<VariableState> <PyObject *> self.inputs[k].resource).name} has a value of shape "
                            f"{shape_text(shape_of(value))}, and the static shape {shape_text(self.call.inputs[k].shape)}")
                self.unlock_variables(NULL)
                with gil:
                    raise InvalidArgumentError(None, None, text)
        return 0

    cdef void unlock_variables(self, void *but) noexcept nogil:
        cdef int k
        for k in range(self.n_locked):
            if self.locked[k] != but:
                (<VariableState> self.locked[k]).unlock()

    # ---- complaints -------------------------------------------------------------------------------------------------------

    def has_flags(self):
        return self.flags != NULL

    def complaint(self):
        """InvalidArgumentError of the first flag that is set, or None; waits for all that is queued.  Flags are lowered."""
        cdef Storage *seen
        cdef int32_t *words
        found = None
        with nogil:
            seen = self.device.host_storage(self.flags.nbytes)
        try:
            with nogil:
                self.device.copy_out(seen.data, self.flags.data, self.flags.nbytes)
                self.device.wait()
            words = <int32_t *> seen.data
            for k, message in enumerate(self.call.flags):
                if words[4 * <Py_ssize_t> k] and found is None:
                    found = InvalidArgumentError(None, None, complaint(message, [words[4 * <Py_ssize_t> k + j] for j in range(4)]))
            if found is not None:
                with nogil:
                    self.device.zero(self.flags.data, self.flags.nbytes)
        finally:
            release(seen)
        return found


cdef tuple shape_of(Buffer *b):
    return tuple([b.shape[d] for d in range(b.rank)])
