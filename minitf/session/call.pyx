"""Call: what runs a body for the instruction that has one, and how values pass in and out.

A body's plan has an activation of its own, whose arguments point to where the outer values lie and whose results are handed on
by reference.  Where a body parks, the instruction parks, and goes on from there when it is run again.
"""
from libc.stdlib cimport calloc, free

from minitf.core.buffers cimport allocate, copy_elements, release, retain
from minitf.kernels.cpu.kernel cimport DONE

from minitf.core.errors import InternalError


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
