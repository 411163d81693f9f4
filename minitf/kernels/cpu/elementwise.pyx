"""Element-wise kernels: a program of vector operations, run block by block over the output's elements.

A plain op (Add) is a program of one step, a fused node one of many.  A block is some 4 KiB of each operand, so what a step
writes is still in the L1 cache when the next reads it, and temporaries never leave it.  An input of a smaller shape is broadcast
by NumPy's rules: its values are spread over a block of their own, anew only when they change from one block to the next.

A step is (op type, out, a, b, c): numbers of operands, None for what the op does not take.  An operand is ("in", k), ("out", k),
("temp", dtype), or ("part", (k, begin)): the box of input k that starts at `begin` and has the output's shape.  For relu(x + bias), fused:

    operands  [("in", 0), ("in", 1), ("temp", float32), ("out", 0)]
    program   [("Add", 2, 0, 1, None), ("Relu", 3, 2, None, None)]
"""
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy
from posix.stdlib cimport posix_memalign

from minitf.core.buffers cimport itemsize_of
from minitf.kernels.cpu.broadcast cimport DIRECT, Operand, Space, choose_block, merge_dimensions, set_part, set_strides, spread_block
from minitf.kernels.cpu.kernel cimport BOOL, FLOAT32, FLOAT64, INT8, INT16, INT32, INT64, MAX_RANK, UINT8, Buffer, Kernel
from minitf.kernels.cpu.parallel cimport GRAIN, parallel_for
from minitf.kernels.cpu.vector_ops cimport Guard, VectorOp, guard_of, vector_op

from minitf.core.dtypes import as_dtype
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel
from minitf.kernels.cpu.vector_activations import ACTIVATIONS
from minitf.kernels.cpu.vector_libm import LIBM
from minitf.kernels.cpu.vector_ops import signatures

cdef extern from *:
    """
    #ifdef __clang__
    #define VECTORISES_IN_PLACE 0
    #else
    #define VECTORISES_IN_PLACE 1
    #endif
    """
    int VECTORISES_IN_PLACE

# Whether a step may write where it reads.  gcc's check for overlapping arrays lets that through to the vectorised loop; clang's does not.
IN_PLACE = bool(VECTORISES_IN_PLACE)

cdef enum:
    BLOCK = 4096                       # bytes of the widest operand

cdef struct Step:
    VectorOp function
    Guard guard
    int out, a, b, c                   # operands

cdef struct Work:                      # what blocks are computed by; never changes once prepared
    Space space
    int n_operands, n_steps
    Operand *operands
    Step *steps
    int64_t along, blocks              # blocks along the dimension `split`, and in all
    size_t frame                       # bytes of a frame
    Py_ssize_t failed                  # the step that a guard has stopped, or one of these:

cdef enum:
    PASSED = -1
    NO_MEMORY = -2

cdef struct Direct:
    VectorOp function                  # NULL: there are several steps, or blocks
    Buffer *out
    Buffer *a
    Buffer *b
    Buffer *c

cdef struct Frame:                     # a thread's own place in the work; behind it lie the operands, `at`, and the scratch memory
    Operand *operands
    char **at                          # operand -> its current block


cdef int forbid(Py_ssize_t step, list program) except -1 with gil:
    """A guard has found a value that the op does not take."""
    if step < 0:
        raise MemoryError()
    if program[step][0] == "Pow":
        raise InvalidArgumentError(None, None, "Integers to negative integer powers are not allowed")
    raise InvalidArgumentError(None, None, "Integer division by zero")


cdef class Elementwise(Kernel):
    """attrs: program and operands; for a plain op they follow from the class's op_type and the number of inputs."""
    cdef list program
    cdef list places                   # the operands as given
    cdef Work work
    cdef Frame *frame                  # of the thread that runs the kernel
    cdef bint whole                    # every operand is direct and one block takes all
    cdef Direct direct                 # a program of one step without a guard, where every operand is direct: the shortest way
    cdef Py_ssize_t grain              # elements, or with blocks those, that are worth a thread's while

    op_type = "_Fused"

    def __init__(self, attrs):
        self.program, self.places = attrs.get("program"), attrs.get("operands")

    def __dealloc__(self):
        free(self.work.operands)
        free(self.work.steps)
        free(self.frame)

    def prepare(self):
        if self.op_type != "_Fused":
            self.program = program_of(self.op_type, self.n_inputs)
            temporaries = max(k for step in self.program for k in step[1:] if k is not None) - self.n_inputs
            self.places = [("in", k) for k in range(self.n_inputs)] + [("out", 0)] + [("temp", self.outputs[0].dtype)] * temporaries
        self.keep_inputs_until_read()
        self.bind_operands()
        merge_dimensions(&self.work.space, self.work.operands, self.work.n_operands)
        if self.outputs[0].size:
            self.choose_block()
        self.bind_steps()

    def keep_inputs_until_read(self):
        """Output 0 may lie in an input's memory.  If it is written before the last input is read, write a temporary first."""
        cdef Buffer *out = self.outputs[0]
        cdef int k
        outs = [i for i, place in enumerate(self.places) if tuple(place) == ("out", 0)]
        alike = set()
        for i, (kind, which) in enumerate(self.places):
            k = which if kind == "in" else 0
            if kind == "in" and self.inputs[k].dtype == out.dtype and self.inputs[k].size == out.size:
                alike.add(i)
        written = [i for i, step in enumerate(self.program) if step[1] in outs]
        read = [i for i, step in enumerate(self.program) if alike.intersection(step[2:])]
        if written and read and written[0] < max(read):
            temporary = len(self.places)
            rename = lambda i: temporary if i in outs else i
            self.program = [(step[0], *map(rename, step[1:])) for step in self.program] + [("Cast", outs[0], temporary, None, None)]
            self.places = self.places + [("temp", out.dtype)]

    def bind_operands(self):
        cdef Py_ssize_t i
        cdef int k, d
        cdef Operand *o
        cdef Buffer *space = self.outputs[0]
        self.work.n_operands, self.work.n_steps = len(self.places), len(self.program)
        self.work.operands = <Operand *> calloc(self.work.n_operands, sizeof(Operand))
        self.work.steps = <Step *> calloc(self.work.n_steps, sizeof(Step))
        if self.work.operands == NULL or self.work.steps == NULL:
            raise MemoryError()
        self.work.space.rank, self.whole = space.rank, True
        for d in range(space.rank):
            self.work.space.shape[d] = space.shape[d]
        conditions = {step[2] for step in self.program if step[0] == "Select"}
        for i in range(self.work.n_operands):
            o = &self.work.operands[i]
            kind, which = self.places[i]
            if kind == "temp":
                o.itemsize = itemsize_of(as_code(which))
                continue
            if kind == "part":
                k = which[0]
                o.buffer = self.inputs[k]
                o.itemsize = o.buffer.itemsize
                set_part(o, space, which[1])
                self.whole = False
                continue
            k = which
            o.buffer = self.inputs[k] if kind == "in" else self.outputs[k]
            o.itemsize = o.buffer.itemsize
            set_strides(o, space, leading=i in conditions and o.buffer.rank == 1)

    def choose_block(self):
        cdef int i
        cdef int64_t width = 1
        cdef Work *w = &self.work
        cdef Space *s = &w.space
        for i in range(w.n_operands):
            width = max(width, w.operands[i].itemsize)
        choose_block(s, w.operands, w.n_operands, BLOCK // width)
        for i in range(w.n_operands):
            self.whole = self.whole and w.operands[i].placing == DIRECT
        if w.n_steps == 1 and self.whole and s.inner == 1:                  # nothing to keep in the cache: a row at a time
            s.chunk = s.shape[s.split]
        self.whole = self.whole and s.split == 0 and s.chunk >= s.shape[0]
        w.along = (s.shape[s.split] + s.chunk - 1) // s.chunk
        w.blocks = w.along
        for i in range(s.split):
            w.blocks *= s.shape[i]
        w.frame = sizeof(Frame) + w.n_operands * (sizeof(Operand) + sizeof(char *)) + 64
        for i in range(w.n_operands):
            if w.operands[i].buffer == NULL or w.operands[i].placing != DIRECT:
                w.frame += block_bytes(w)
        self.frame = new_frame(w)
        if self.frame == NULL:
            raise MemoryError()

    def bind_steps(self):
        cdef Py_ssize_t i
        cdef Step *s = self.work.steps
        cdef Operand *o = self.work.operands
        codes = [self.inputs[<int> which].dtype if kind == "in" else self.inputs[<int> which[0]].dtype if kind == "part" else
                 self.outputs[<int> which].dtype if kind == "out" else as_code(which) for kind, which in self.places]
        self.grain = GRAIN
        for i in range(self.work.n_steps):
            s = &self.work.steps[i]
            name, out, a, b, c = self.program[i]
            source = codes[b if name == "Select" else a]
            s.function = vector_op(name, source, codes[out])
            if s.function == NULL:
                raise TypeError(f"There is no element-wise {name} of {as_dtype(source).name} to {as_dtype(codes[out]).name}")
            s.guard = guard_of(name, source)
            s.out, s.a, s.b, s.c = out, a, a if b is None else b, a if c is None else c
            if name in SLOW:
                self.grain = GRAIN // 4
        if self.whole and self.work.n_steps == 1 and s.guard == NULL:
            self.direct = Direct(s.function, o[s.out].buffer, o[s.a].buffer, o[s.b].buffer, o[s.c].buffer)
        else:
            self.grain = max(1, self.grain // (max(1, self.work.space.chunk * self.work.space.inner) * (1 + self.work.n_steps // 4)))

    cdef int run(self) except -1 nogil:
        cdef Py_ssize_t n = self.outputs[0].size
        cdef Direct *d = &self.direct
        if d.function != NULL:
            if n <= self.grain:
                d.function(d.out.data, d.a.data, d.b.data, d.c.data, n)
            else:
                parallel_for(run_direct, d, n, self.grain)
            return 0
        if n == 0:
            return 0
        self.work.failed = PASSED
        if self.work.blocks <= self.grain:
            run_blocks(&self.work, self.frame, 0, self.work.blocks)
        else:
            parallel_for(run_apart, &self.work, self.work.blocks, self.grain)
        if self.work.failed != PASSED:
            return forbid(self.work.failed, self.program)
        return 0


cdef size_t block_bytes(const Work *w) noexcept nogil:
    """Memory for a block of any operand: whole cache lines."""
    cdef int i, width = 1
    for i in range(w.n_operands):
        width = max(width, w.operands[i].itemsize)
    return (w.space.chunk * w.space.inner * width + 63) // 64 * 64


cdef Frame *new_frame(const Work *w) noexcept nogil:
    """A frame, one piece of memory; NULL if there is none."""
    cdef Frame *f = NULL
    cdef char *scratch
    cdef int i
    if posix_memalign(<void **> &f, 64, w.frame):
        return NULL
    f.operands = <Operand *> (f + 1)
    f.at = <char **> (f.operands + w.n_operands)
    scratch = <char *> ((<size_t> (f.at + w.n_operands) + 63) // 64 * 64)
    memcpy(f.operands, w.operands, w.n_operands * sizeof(Operand))
    for i in range(w.n_operands):
        f.operands[i].held = 0
        if f.operands[i].buffer == NULL or f.operands[i].placing != DIRECT:
            f.operands[i].block = f.at[i] = scratch
            scratch += block_bytes(w)
    return f


cdef void run_direct(void *direct, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Direct *d = <Direct *> direct
    d.function(d.out.data + begin * d.out.itemsize, d.a.data + begin * d.a.itemsize, d.b.data + begin * d.b.itemsize,
               d.c.data + begin * d.c.itemsize, end - begin)


cdef void run_apart(void *work, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """A range of blocks in a frame of its own."""
    cdef Frame *frame = new_frame(<Work *> work)
    if frame == NULL:
        (<Work *> work).failed = NO_MEMORY
    else:
        run_blocks(<Work *> work, frame, begin, end)
        free(frame)


cdef void run_blocks(Work *w, Frame *f, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Odometer over the dimensions before `split`, and over chunks of `split`."""
    cdef int64_t index[MAX_RANK]
    cdef int64_t n, offset, block = begin // w.along
    cdef Py_ssize_t left = end - begin
    cdef int i, d
    cdef Operand *o
    cdef Space *s = &w.space
    index[s.split] = begin % w.along * s.chunk
    for d in range(s.split - 1, -1, -1):
        index[d] = block % s.shape[d]
        block //= s.shape[d]
    for i in range(w.n_operands):
        f.operands[i].held = 0
    while True:
        while index[s.split] < s.shape[s.split]:
            n = min(s.chunk, s.shape[s.split] - index[s.split]) * s.inner
            for i in range(w.n_operands):
                o = &f.operands[i]
                if o.buffer == NULL:
                    continue
                offset = o.start
                for d in range(s.split + 1):
                    offset += index[d] * o.strides[d]
                if o.placing == DIRECT:
                    f.at[i] = o.buffer.data + offset * o.itemsize
                elif offset != o.offset or n > o.held:
                    spread_block(s, o, offset, n)
            for i in range(w.n_steps):
                if w.steps[i].guard != NULL and w.steps[i].guard(f.at[w.steps[i].b], n):
                    w.failed = i
                    return
                w.steps[i].function(f.at[w.steps[i].out], f.at[w.steps[i].a], f.at[w.steps[i].b], f.at[w.steps[i].c], n)
            left -= 1
            if left == 0:
                return
            index[s.split] += s.chunk
        index[s.split] = 0
        d = s.split - 1
        while d >= 0:
            index[d] += 1
            if index[d] < s.shape[d]:
                break
            index[d] = 0
            d -= 1


cdef int as_code(dtype) except -1:
    return as_dtype(dtype).as_datatype_enum


def program_of(op_type, n_inputs):
    """The steps of a plain op: operands 0 to n_inputs - 1 are its inputs, n_inputs is its output, those beyond are temporaries
    of the output's dtype.  None if the op is not element-wise.

    Inputs of a step may be of smaller shapes (NumPy's rules); Select's condition may be a vector, one value for each row.

    >>> program_of("AddN", 3)
    [('Add', 4, 0, 1, None), ('Add', 3, 4, 2, None)]
    """
    n = n_inputs
    if op_type == "AddN":
        if n == 1:
            return [("Cast", 1, 0, None, None)]
        return [("Add", n if k == n - 1 else n + 1, 0 if k == 1 else n + 1, k, None) for k in range(1, n)]
    if not signatures(op_type):
        return None
    return [(op_type, n, 0, 1 if n > 1 else None, 2 if n > 2 else None)]


def supports(op_type, in_dtypes, out_dtype):
    """Whether a step of this op type can take these dtypes."""
    name = "Add" if op_type == "AddN" else op_type
    codes = [as_code(t) for t in in_dtypes]
    if name == "Select":
        return codes[0] == BOOL and codes[1] == codes[2] and (codes[1], as_code(out_dtype)) in signatures(name)
    return len(set(codes)) == 1 and (codes[0], as_code(out_dtype)) in signatures(name)


SLOW = ("Exp Log Log1p Tanh Sigmoid Softplus SoftplusGrad Pow FloorDiv FloorMod").split()           # some nanoseconds an element
PLAIN = ("Add Sub Mul RealDiv FloorDiv FloorMod Neg Square Sqrt Rsqrt Exp Log Log1p Tanh Sigmoid Abs Sign Reciprocal Floor Ceil Pow "
         "Maximum Minimum SquaredDifference Equal NotEqual Less LessEqual Greater GreaterEqual IsNan IsFinite Select Relu ReluGrad "
         "TanhGrad SigmoidGrad SqrtGrad Softplus SoftplusGrad ZerosLike OnesLike BiasAdd AddN TruncateDiv TruncateMod").split() + LIBM + ACTIVATIONS


def _register(op_type, **constraints):
    kernel = type(op_type, (Elementwise,), {"op_type": op_type, "__doc__": f"Element-wise {op_type}."})
    register_kernel(op_type, in_place=IN_PLACE, **constraints)(kernel)


for _op_type in PLAIN:
    _register(_op_type, T=[as_dtype(source) for source, _ in signatures("Add" if _op_type == "AddN" else _op_type)])
for _op_type in ("LogicalAnd", "LogicalOr", "LogicalNot"):
    _register(_op_type)
_CASTS = [as_dtype(t) for t in (FLOAT32, FLOAT64, INT32, INT64, INT16, INT8, UINT8, BOOL)]
_register("Cast", SrcT=_CASTS, DstT=_CASTS)
register_kernel("_Fused", in_place=IN_PLACE)(Elementwise)
