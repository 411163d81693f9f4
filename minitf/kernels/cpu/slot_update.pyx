"""An optimizer's update of a variable and its slots: locks, checks, and the loop over elements or rows.  The formulas stand elsewhere."""
from libc.stdint cimport int32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from minitf.core.resources cimport VariableState
from .indexing cimport integer, product, same_shape, shape_text
from .kernel cimport FLOAT64, float32s, float64s, int64s
from .parallel cimport GRAIN, parallel_for

from minitf.core.errors import InvalidArgumentError


cdef class SlotUpdate(Kernel):
    def __dealloc__(self):
        free(self.chosen)
        free(self.sums)

    cdef int describe(self, attrs, int n_states, str names) except -1:
        """Called by __init__.  names: of the dense op's inputs, the variable and its slots (refs) first, then hyper-parameters and the gradient."""
        cdef int i
        self.names, self.n_states = names.split(), n_states
        self.grad = self.names.index("delta" if "delta" in self.names else "grad")
        self.sparse, self.adds_up = "Tindices" in attrs, attrs.get("_adds_up", False)
        if self.sparse:
            self.names[self.grad] = "grad"
            self.names.insert(self.grad + 1, "indices")
        for i in range(n_states, len(self.names)):
            if self.names[i] not in ("delta", "grad", "indices"):
                self.hyper_inputs[self.n_hyper] = i
                self.n_hyper += 1
        self.grain = GRAIN // 4
        return 0

    def prepare(self):
        cdef int i
        for i in range(self.n_states):
            self.variables[i] = self.inputs[i].resource
        addresses = sorted({<size_t> self.variables[i] for i in range(self.n_states)})
        self.n_locks = len(addresses)
        for i in range(self.n_locks):
            self.order[i] = <void *> <size_t> addresses[i]
        if self.sparse:
            self.named = IndexSet(self.inputs[self.grad + 1].size)
            self.chosen = <int64_t *> malloc((self.inputs[self.grad + 1].size + 1) * sizeof(int64_t))
            if self.chosen == NULL:
                raise MemoryError()

    cdef int run(self) except -1 nogil:
        cdef int i
        for i in range(self.n_locks):
            (<VariableState> self.order[i]).lock()
        for i in range(self.n_states):
            self.states[i] = writable(self, self.variables[i])
        try:
            check_shapes(self)
            read_hyper(self)
            self.check_hyper()
            self.gradient = self.inputs[self.grad].data
            if self.sparse:
                self.choose()
            self.update()
        finally:
            unlock_all(self, NULL)
        return 0

    cdef int check_hyper(self) except -1 nogil:
        """InvalidArgumentError for hyper-parameters that the formula has no meaning for."""
        return 0

    cdef int update(self) except -1 nogil:
        cdef Buffer *var = self.states[0]
        cdef Buffer *indices
        cdef int64_t i, k, row, start
        if not self.sparse:
            parallel_for(dense_range, <void *> self, var.size, self.grain)
            return 0
        indices = self.inputs[self.grad + 1]
        row = product(var.shape, 1, var.rank)
        for k in range(self.n_chosen):
            i = self.chosen[k]
            start = integer(indices, i) * row
            self.elements(start, start + row, i * row)
        return 0

    cdef int choose(self) except -1 nogil:
        """Choose which gradients to apply: all, or for each row that is named the first, with the others added to it in a copy."""
        cdef Buffer *grad = self.inputs[self.grad]
        cdef Buffer *indices = self.inputs[self.grad + 1]
        cdef int64_t i, k, row = product(grad.shape, 1, grad.rank)
        if not self.adds_up:
            for i in range(indices.size):
                self.chosen[i] = i
            self.n_chosen = indices.size
            return 0
        self.named.clear()
        self.n_chosen = 0
        for i in range(indices.size):
            k = self.named.slot(integer(indices, i))
            if self.named.first[k] == 0:
                self.named.put(integer(indices, i), <int32_t> i)
                self.chosen[self.n_chosen] = i
                self.n_chosen += 1
        if self.n_chosen == indices.size:
            return 0
        if self.sums == NULL:
            self.sums = <char *> malloc(grad.size * grad.itemsize + 1)
            if self.sums == NULL:
                with gil:
                    raise MemoryError()
        memcpy(self.sums, grad.data, grad.size * grad.itemsize)
        for i in range(indices.size):
            k = self.named.first[self.named.slot(integer(indices, i))] - 1
            if k != i and grad.dtype == FLOAT64:
                add(<double *> self.sums + k * row, float64s(grad) + i * row, row)
            elif k != i:
                add(<float *> self.sums + k * row, float32s(grad) + i * row, row)
        self.gradient = self.sums
        return 0

    cdef void elements(self, int64_t begin, int64_t end, int64_t grad_begin) noexcept nogil:
        """Update the elements [begin, end) with the gradient's from grad_begin on.  May run on any thread, beside other ranges."""

    cdef int refuse(self, str message) except -1:
        raise InvalidArgumentError(None, None, message)


cdef void add(real *to, const real *x, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        to[i] += x[i]


cdef void dense_range(void *update, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    (<SlotUpdate> update).elements(begin, end, begin)


cdef Buffer *writable(SlotUpdate self, void *variable) except NULL nogil:
    """VariableState.writable(), which gives back its own lock if it raises; then the others go too."""
    cdef Buffer *buffer = NULL
    try:
        buffer = (<VariableState> variable).writable()
    finally:
        if buffer == NULL:
            unlock_all(self, variable)
    return buffer


cdef void unlock_all(SlotUpdate self, void *but) noexcept nogil:
    cdef int i
    for i in range(self.n_locks):
        if self.order[i] != but:
            (<VariableState> self.order[i]).unlock()


cdef int check_shapes(SlotUpdate self) except -1 nogil:
    """InvalidArgumentError unless the slots and the gradient fit the variable, and indices point inside."""
    cdef Buffer *var = self.states[0]
    cdef Buffer *grad = self.inputs[self.grad]
    cdef int i
    for i in range(1, self.n_states):
        if not same_shape(var, self.states[i]):
            with gil:
                self.refuse(f"var and {self.names[i]} do not have the same shape{shape_text(var)} {shape_text(self.states[i])}")
    if self.sparse:
        check_rows(self, var, grad, self.inputs[self.grad + 1])
    elif not same_shape(var, grad):
        with gil:
            self.refuse(f"var and {self.names[self.grad]} do not have the same shape{shape_text(var)} {shape_text(grad)}")
    return 0


cdef int check_rows(SlotUpdate self, const Buffer *var, const Buffer *grad, const Buffer *indices) except -1 nogil:
    cdef int64_t i
    cdef int k
    if var.rank < 1:
        with gil:
            self.refuse("var must be at least 1 dimensional")
    if indices.rank != 1:
        with gil:
            self.refuse(f"indices must be one-dimensional, got shape {shape_text(indices)}")
    if grad.rank < 1 or grad.shape[0] != indices.shape[0]:
        with gil:
            self.refuse(f"grad must be the same size as indices in the first dimension, got shapes {shape_text(grad)} and {shape_text(indices)}")
    if grad.rank != var.rank:
        with gil:
            self.refuse(f"var and grad must have the same rank, got shapes {shape_text(var)} and {shape_text(grad)}")
    for k in range(1, var.rank):
        if var.shape[k] != grad.shape[k]:
            with gil:
                self.refuse(f"var and grad must match in dimension {k}, got shapes {shape_text(var)} and {shape_text(grad)}")
    for i in range(indices.size):
        if not 0 <= integer(indices, i) < var.shape[0]:
            with gil:
                self.refuse(f"Index {integer(indices, i)} at offset {i} in indices is out of range: var has {var.shape[0]} rows")
    return 0


cdef int read_hyper(SlotUpdate self) except -1 nogil:
    """InvalidArgumentError unless the hyper-parameters are scalars."""
    cdef Buffer *value
    cdef int k
    for k in range(self.n_hyper):
        value = self.inputs[self.hyper_inputs[k]]
        if value.rank != 0:
            with gil:
                self.refuse(f"{self.names[self.hyper_inputs[k]]} is not a scalar: {shape_text(value)}")
        if value.dtype == FLOAT32:
            self.hyper[k] = float32s(value)[0]
        elif value.dtype == FLOAT64:
            self.hyper[k] = float64s(value)[0]
        else:
            self.hyper[k] = int64s(value)[0]
    return 0
