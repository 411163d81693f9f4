"""If and While as kernels: an instruction that runs the plans of its bodies (call.pyx), without Python in the usual case."""
from cpython.ref cimport Py_INCREF, PyObject
from libc.stdlib cimport calloc, free

from minitf.core.buffers cimport allocate, release, retain
from minitf.kernels.cpu.indexing cimport shape_text
from minitf.kernels.cpu.kernel cimport DONE, Buffer, bools
from minitf.session.activation cimport Activation, BodyKernel
from minitf.session.call cimport Call, bind_output, own, static_outputs
from minitf.session.history cimport History

from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel
from minitf.ops.control_flow import IFS, WHILES

cdef enum:
    BEFORE = 0
    IN_TEST = 1                  # the condition of a loop
    IN_BODY = 2

cdef enum:
    LOOK_EVERY = 64              # iterations between two looks at signals, whatever the plan is estimated to cost

cdef double LOOK_WORK = 2e7      # bytes of traffic, as in plan.py


cdef bint is_true(Buffer *predicate) except? -1 nogil:
    if predicate.rank != 0:
        with gil:
            raise InvalidArgumentError(None, None, f"The condition must be a bool scalar, but it has shape {shape_text(predicate)}")
    return bools(predicate)[0]


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


for op_type in IFS:
    register_kernel(op_type, strings=True, binds=True)(If)
for op_type in WHILES:
    register_kernel(op_type, strings=True, binds=True)(While)
