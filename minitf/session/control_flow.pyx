"""If and While as kernels: an instruction that runs the plans of its bodies, without Python in the usual case.

A body's plan has an activation of its own, whose arguments point to where the outer values lie and whose results are handed on
by reference.  Where a body parks, the instruction parks, and goes on from there when it is run again.
"""
from cpython.ref cimport Py_INCREF, PyObject, PyTypeObject
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from minitf.core.buffers cimport Storage, allocate, copy_elements, release, retain
from minitf.kernels.cpu.indexing cimport shape_text
from minitf.kernels.cpu.kernel cimport DONE, Kernel, bools, int32s
from minitf.session.activation cimport Activation, BodyKernel

from minitf.core.errors import InternalError, InvalidArgumentError
from minitf.core.registry import register_kernel
from minitf.kernels.cpu.kernel import register_python_kernel
from minitf.ops.control_flow import IFS, WHILES

cdef extern from "Python.h":
    PyTypeObject *Py_TYPE(PyObject *) nogil

cdef enum:
    BEFORE = 0
    IN_TEST = 1                  # the condition of a loop
    IN_BODY = 2

cdef enum:
    LOOK_EVERY = 64              # iterations between two looks at signals, whatever the plan is estimated to cost

cdef double LOOK_WORK = 2e7      # bytes of traffic, as in plan.py


cdef int own(Buffer *b) except -1 nogil:
    """Make a borrowed value's memory counted: a copy, unless it is so already."""
    cdef const char *data = b.data
    if b.storage == NULL:
        allocate(b, b.rank, b.shape)
        copy_elements(b.data, data, b)
    return 0


cdef int bind_output(Buffer *out, Buffer *value, bint is_static) except -1 nogil:
    """out shares value's counted storage.  InternalError if it has not the shape that the plan was made for."""
    cdef int d
    cdef bint fits = not is_static or out.rank == value.rank
    if is_static and fits:
        for d in range(out.rank):
            fits = fits and out.shape[d] == value.shape[d]
    if not fits or out.dtype != value.dtype:
        with gil:
            raise InternalError(None, None, "A result has not the shape that the plan was made for")
    retain(value.storage)
    release(out.storage)
    out.data, out.storage, out.size, out.rank = value.data, value.storage, value.size, value.rank
    for d in range(value.rank):
        out.shape[d] = value.shape[d]
    return 0


cdef bint is_true(Buffer *predicate) except? -1 nogil:
    if predicate.rank != 0:
        with gil:
            raise InvalidArgumentError(None, None, f"The condition must be a bool scalar, but it has shape {shape_text(predicate)}")
    return bools(predicate)[0]


cdef bint *static_outputs(Kernel kernel) except NULL:
    """Per output, whether the plan knows its shape."""
    cdef Activation activation = <Activation> kernel.waiter
    cdef bint *found = <bint *> calloc(kernel.n_outputs + 1, sizeof(bint))
    if found == NULL:
        raise MemoryError()
    for i, shape in enumerate(activation.plan.instructions[activation.kernels.index(kernel)].node.shapes):
        found[<Py_ssize_t> i] = shape is not None
    return found


cdef class Call:
    """A body as one outer activation runs it: Call(body, outer, count), where count is the number of results that are taken."""
    cdef object body
    cdef Activation outer
    cdef dict activations                 # plan -> Activation
    cdef PyObject *first                  # the Activation for the shapes of the last run, or NULL
    cdef PyObject *now                    # the part of it that runs
    cdef Buffer **arguments               # set by the owner
    cdef Buffer *shapes                   # of the arguments in the last run
    cdef Py_ssize_t n_arguments, n_results
    cdef bint is_fixed

    def __cinit__(self, body, Activation outer, Py_ssize_t count):
        self.body, self.outer, self.activations, self.n_results = body, outer, {}, count
        self.n_arguments, self.is_fixed = len(body.arguments), body.is_fixed
        self.arguments = <Buffer **> calloc(self.n_arguments + 1, sizeof(Buffer *))
        self.shapes = <Buffer *> calloc(self.n_arguments + 1, sizeof(Buffer))
        if self.arguments == NULL or self.shapes == NULL:
            raise MemoryError()

    def __dealloc__(self):
        free(self.arguments)
        free(self.shapes)

    cdef bint fits(self) noexcept nogil:
        """Whether the arguments have the shapes of the last run."""
        cdef Py_ssize_t i
        cdef int d
        cdef Buffer *a
        cdef Buffer *b
        for i in range(self.n_arguments):
            a, b = self.arguments[i], &self.shapes[i]
            if a.rank != b.rank:
                return False
            for d in range(a.rank):
                if a.shape[d] != b.shape[d]:
                    return False
        return True

    cdef int begin(self) except -1 nogil:
        if self.first == NULL or not self.is_fixed and not self.fits():
            with gil:
                self.find()
        self.now = self.first
        return (<Activation> self.first).enter(self.arguments)

    cdef int find(self) except -1:
        """The activation of the plan for the arguments as they are."""
        cdef Py_ssize_t i, d
        cdef Buffer *a
        self.first = NULL
        shapes = []
        for i, argument in enumerate(self.body.arguments):
            a = self.arguments[i]
            self.shapes[i] = a[0]
            self.shapes[i].data, self.shapes[i].storage = NULL, NULL
            if argument.variable is not None:
                shapes.append(argument.variable.shapes[0])
            else:
                shapes.append(tuple([a.shape[d] for d in range(a.rank)]))
        plan = self.body.plan_for(tuple(shapes), self.outer.plan.device, self.outer.context.options)
        activation = self.activations.get(plan)
        if activation is None:
            if len(self.activations) > 64:              # as many as plans are kept
                self.activations.clear()
            activation = self.activations[plan] = Activation(plan, self.outer.step, self.outer.queue, self.outer.context, self.outer)
            if self.outer.times != NULL:
                (<Activation> activation).trace(True)
        self.first = <PyObject *> activation
        return 0

    cdef int proceed(self) except -1 nogil:
        cdef int status
        while True:
            status = (<Activation> self.now).proceed((<Activation> self.now).length)
            if status != DONE or not (<Activation> self.now).has_rest:
                return status
            with gil:
                self.go_behind_cut()

    cdef int go_behind_cut(self) except -1:
        cdef Activation part = (<Activation> self.now).next_part()      # which the part before keeps
        self.now = <PyObject *> part
        return 0

    cdef int take(self, Buffer *results) except -1 nogil:
        """The results, each with a reference to its storage; borrowed from plan or argument where it has none.  Then the body has ended."""
        cdef Py_ssize_t i
        self.take_from(<Activation> self.first, results)
        if (<Activation> self.first).has_rest:
            with gil:
                self.take_from_rest(results)
        if not self.is_fixed:
            for i in range(self.n_results):             # its plan may be dropped before the result is used
                own(&results[i])
        (<Activation> self.first).leave()
        self.now = NULL
        return 0

    cdef void take_from(self, Activation a, Buffer *results) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(a.n_results):
            results[a.results[2 * i + 1]] = a.buffers[a.results[2 * i]]
            retain(a.buffers[a.results[2 * i]].storage)

    cdef int take_from_rest(self, Buffer *results) except -1:
        cdef Activation a = (<Activation> self.first).following
        cdef Activation part
        while a is not None:
            self.take_from(a, results)
            part = a.following
            a.finish()
            a = part
        (<Activation> self.first).following = None
        return 0

    cdef int end(self) except -1:
        """Give back what is held, wherever the body is."""
        cdef Activation a = <Activation> self.first if self.first != NULL else None
        cdef Activation part
        while a is not None:
            part = a.following
            a.finish()
            a = part
        self.now = NULL
        return 0


cdef class ControlKernel(BodyKernel):
    """What If and While share: their calls, and the hand-over of results."""
    cdef list calls
    cdef object bodies
    cdef Buffer *results
    cdef Py_ssize_t n_results
    cdef int state
    cdef PyObject *call                   # the Call that runs, one of
    cdef PyObject *items[2]               # the calls
    cdef bint *is_static                  # per output, whether the plan promised a shape

    def __init__(self, attrs):
        self.bodies = attrs["_bodies"]

    def __dealloc__(self):
        free(self.results)
        free(self.is_static)

    def prepare(self):
        cdef Activation outer = <Activation> self.waiter
        self.n_results = max([body.count for body in self.bodies])
        self.calls = [Call(body, outer, body.count) for body in self.bodies]
        self.items = [<PyObject *> self.calls[0], <PyObject *> self.calls[1]]
        self.results = <Buffer *> calloc(self.n_results + 1, sizeof(Buffer))
        if self.results == NULL:
            raise MemoryError()
        self.is_static = static_outputs(self)

    cdef void choose(self, Py_ssize_t number) noexcept nogil:
        self.call = self.items[number]

    cdef int hand(self, Py_ssize_t i, Buffer *result) except -1 nogil:
        """result becomes output i: its reference moves there, a borrowed value is copied."""
        own(result)
        bind_output(self.outputs[i], result, self.is_static[i])
        release(result.storage)
        result.storage = NULL
        return 0

    cdef void drop(self, Buffer *values, Py_ssize_t count) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(count):
            release(values[i].storage)
            values[i].storage = NULL

    cdef int end(self) except -1:
        cdef Call call
        for call in self.calls or ():
            call.end()
        if self.results != NULL:
            self.drop(self.results, self.n_results)
        self.state, self.call = BEFORE, NULL
        return 0

    cdef int trace(self, bint wanted) except -1:
        cdef Call call
        cdef Activation a
        for call in self.calls or ():
            for a in call.activations.values():
                a.trace(wanted)
        return 0

    def activations(self):
        """Per body, the activations that have run it: one for each set of shapes."""
        cdef Call call
        return [list(call.activations.values()) for call in self.calls]

    def place(self):
        """Which body it is in."""
        return ""

    cpdef Activation running(self):
        if self.call == NULL or (<Call> self.call).now == NULL:
            return None
        return <Activation> (<Call> self.call).now


cdef class If(ControlKernel):
    def prepare(self):
        cdef Call call
        cdef Py_ssize_t i
        ControlKernel.prepare(self)
        for call in self.calls:
            for i in range(call.n_arguments):
                call.arguments[i] = self.inputs[i + 1]

    cdef int run(self) except -1 nogil:
        cdef Py_ssize_t i
        cdef int status
        if self.state == BEFORE:
            self.choose(0 if is_true(self.inputs[0]) else 1)
            (<Call> self.call).begin()
            self.state = IN_BODY
        status = (<Call> self.call).proceed()
        if status != DONE:
            return status
        (<Call> self.call).take(self.results)
        for i in range(self.n_outputs):
            self.hand(i, &self.results[i])
        self.state = BEFORE
        return DONE

    def place(self):
        return "the branch for true of" if self.call == self.items[0] else "the branch for false of"


cdef class While(ControlKernel):
    """variables: what the next iteration starts from; a reference is held to those whose storage is counted."""
    cdef Buffer *variables
    cdef Py_ssize_t n_variables, n_saved
    cdef bint keeps_history
    cdef History history
    cdef Py_ssize_t iterations
    cdef double work

    def __init__(self, attrs):
        ControlKernel.__init__(self, attrs)
        self.n_variables, self.n_saved = len(attrs["shapes"]), max(attrs["saved"], 0)
        self.keeps_history = attrs["saved"] >= 0

    def __dealloc__(self):
        free(self.variables)

    def prepare(self):
        cdef Call call
        cdef Py_ssize_t i
        ControlKernel.prepare(self)
        self.variables = <Buffer *> calloc(self.n_variables + 1, sizeof(Buffer))
        if self.variables == NULL:
            raise MemoryError()
        for call in self.calls:
            for i in range(call.n_arguments):
                call.arguments[i] = &self.variables[i] if i < self.n_variables else self.inputs[i]

    cdef int run(self) except -1 nogil:
        cdef Py_ssize_t i
        cdef int status
        while True:
            if self.state == BEFORE:
                self.begin()
            if self.state == IN_TEST:
                status = (<Call> self.call).proceed()
                if status != DONE:
                    return status
                (<Call> self.call).take(self.results)
                if not is_true(&self.results[0]):
                    self.drop(self.results, 1)
                    break
                self.drop(self.results, 1)
                self.enter(IN_BODY)
            status = (<Call> self.call).proceed()
            if status != DONE:
                return status
            (<Call> self.call).take(self.results)
            self.next_iteration()
            self.enter(IN_TEST)
        for i in range(self.n_variables):
            self.hand(i, &self.variables[i])
        if self.keeps_history:
            with gil:
                self.hand_history()
        self.state = BEFORE
        return DONE

    def place(self):
        return f"{'the condition' if self.call == self.items[0] else 'the body'}, iteration {self.iterations + 1}, of"

    cdef int begin(self) except -1 nogil:
        cdef Py_ssize_t i
        for i in range(self.n_variables):
            self.variables[i] = self.inputs[i][0]
            retain(self.variables[i].storage)
        self.iterations, self.work = 0, 0.0
        if self.keeps_history:
            with gil:
                self.history = History(self.n_saved)
        return self.enter(IN_TEST)

    cdef int enter(self, int state) except -1 nogil:
        self.choose(state - IN_TEST)
        (<Call> self.call).begin()
        self.state = state
        return 0

    cdef int next_iteration(self) except -1 nogil:
        """The results of an iteration are the variables of the next; what lies behind them goes into the history."""
        cdef Py_ssize_t i
        cdef Buffer *entry
        cdef Buffer *result
        if self.keeps_history:
            entry = self.history.add()
            for i in range(self.n_saved):
                result = &self.results[self.n_variables + i]
                own(result)
                entry[i] = result[0]
                result.storage = NULL
        for i in range(self.n_variables):
            release(self.variables[i].storage)
            self.variables[i] = self.results[i]
            self.results[i].storage = NULL
        self.iterations += 1
        self.work += (<Activation> (<Call> self.call).first).work
        if self.work > LOOK_WORK or self.iterations % LOOK_EVERY == 0:
            self.work = 0.0
            (<Activation> self.waiter).look_around()
        return 0

    cdef int hand_history(self) except -1:
        cdef Buffer *out = self.outputs[self.n_variables]
        allocate(out, 0, NULL)
        Py_INCREF(self.history)
        (<PyObject **> out.data)[0] = <PyObject *> self.history
        self.history = None
        return 0

    cdef int end(self) except -1:
        ControlKernel.end(self)
        if self.variables != NULL:
            self.drop(self.variables, self.n_variables)
        self.history = None
        return 0


cdef class History:
    def __cinit__(self, Py_ssize_t width):
        self.width = width

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.length * self.width):
            release(self.saved[i].storage)
        free(self.saved)

    def __len__(self):
        return self.length

    def __repr__(self):
        return f"<history of {self.length} iterations, {self.width} tensors each>"

    cdef Buffer *add(self) except NULL nogil:
        """Room for the tensors of one more iteration."""
        cdef Py_ssize_t room
        cdef Buffer *saved
        if self.length == self.room:
            room = 2 * self.room + 16
            saved = <Buffer *> realloc(self.saved, (room * self.width + 1) * sizeof(Buffer))
            if saved == NULL:
                with gil:
                    raise MemoryError()
            self.saved, self.room = saved, room
        memset(&self.saved[self.length * self.width], 0, self.width * sizeof(Buffer))
        self.length += 1
        return &self.saved[(self.length - 1) * self.width]


cdef PyObject *history_of(Buffer *b) except NULL nogil:
    cdef PyObject *found = (<PyObject **> b.data)[0]
    if found == NULL or Py_TYPE(found) != <PyTypeObject *> History:
        with gil:
            raise InvalidArgumentError(None, None, "The input is not the history of a loop")
    return found


cdef class HistoryLength(Kernel):
    cdef int run(self) except -1 nogil:
        int32s(self.outputs[0])[0] = <int32_t> (<History> history_of(self.inputs[0])).length
        return DONE


cdef class HistoryRead(Kernel):
    """What a loop saved in one iteration, by reference."""
    cdef list fields
    cdef Py_ssize_t *numbers
    cdef bint *is_static

    def __init__(self, attrs):
        self.fields = list(attrs["fields"])
        self.numbers = <Py_ssize_t *> calloc(len(self.fields) + 1, sizeof(Py_ssize_t))
        if self.numbers == NULL:
            raise MemoryError()
        for i, field in enumerate(self.fields):
            self.numbers[<Py_ssize_t> i] = field

    def __dealloc__(self):
        free(self.numbers)
        free(self.is_static)

    def prepare(self):
        self.is_static = static_outputs(self)

    cdef int run(self) except -1 nogil:
        cdef PyObject *history = history_of(self.inputs[0])
        cdef int32_t index = int32s(self.inputs[1])[0]
        cdef Py_ssize_t i
        if not 0 <= index < (<History> history).length:
            with gil:
                raise InvalidArgumentError(None, None, f"There is no iteration {index} in {<object> history!r}")
        for i in range(self.n_outputs):
            if not 0 <= self.numbers[i] < (<History> history).width:
                with gil:
                    raise InvalidArgumentError(None, None, f"There is no tensor {self.numbers[i]} in {<object> history!r}")
            bind_output(self.outputs[i], &(<History> history).saved[index * (<History> history).width + self.numbers[i]], self.is_static[i])
        return DONE


@register_python_kernel("NoHistory", strings=True)
def no_history(attrs):
    return (None,)


for op_type in IFS:
    register_kernel(op_type, strings=True, binds=True)(If)
for op_type in WHILES:
    register_kernel(op_type, strings=True, binds=True)(While)
register_kernel("HistoryLength", strings=True)(HistoryLength)
register_kernel("HistoryRead", strings=True, binds=True)(HistoryRead)
