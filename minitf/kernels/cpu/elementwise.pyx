"""Element-wise kernels: a program of vector operations, run block by block over the output's elements.

A plain op (Add) is a program of one step, a fused node one of many.  A block is some 4 KiB of each operand, so what a step
writes is still in the L1 cache when the next reads it, and temporaries never leave it.  An input of a smaller shape is broadcast
by NumPy's rules: its values are spread over a block of their own, anew only when they change from one block to the next.

A step is (op type, out, a, b, c): numbers of operands, None for what the op does not take.  An operand is ("in", k), ("out", k)
or ("temp", dtype).  For relu(x + bias), fused:

    operands  [("in", 0), ("in", 1), ("temp", float32), ("out", 0)]
    program   [("Add", 2, 0, 1, None), ("Relu", 3, 2, None, None)]
"""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from posix.stdlib cimport posix_memalign

from minitf.core.buffers cimport itemsize_of
from minitf.kernels.cpu.kernel cimport BOOL, FLOAT32, FLOAT64, INT32, INT64, MAX_RANK, Buffer, Kernel
from minitf.kernels.cpu.vector_ops cimport Guard, VectorOp, guard_of, vector_op

from minitf.core.dtypes import as_dtype
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel
from minitf.kernels.cpu.vector_ops import signatures

cdef enum:
    BLOCK = 4096                       # bytes of the widest operand

cdef enum Placing:                     # how an operand meets a block
    DIRECT = 0                         # the block's elements lie one after another in its buffer, or it is a temporary
    FILLED = 1                         # one value for the whole block
    SPREAD = 2                         # anything else: rows repeated, or values repeated along rows

cdef struct Operand:
    Buffer *buffer                     # NULL: a temporary
    char *block                        # memory for a temporary, or for what is spread
    int itemsize
    Placing placing
    int64_t strides[MAX_RANK]          # in elements, 0 where it is broadcast
    int64_t offset                     # of the block that was spread last,
    int64_t held                       # and how many elements of it

cdef struct Step:
    VectorOp function
    Guard guard
    char **out                         # -> where the operand's current block is
    char **a
    char **b
    char **c


cdef void fill(char *block, const char *value, int itemsize, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef int32_t narrow
    cdef int64_t wide
    if itemsize == 1:
        memset(block, value[0], n)
    elif itemsize == 4:
        memcpy(&narrow, value, 4)
        for i in range(n):
            (<int32_t *> block)[i] = narrow
    else:
        memcpy(&wide, value, 8)
        for i in range(n):
            (<int64_t *> block)[i] = wide


cdef int forbid(Py_ssize_t step, list program) except -1 with gil:
    """A guard has found a value that the op does not take."""
    if program[step][0] == "Pow":
        raise InvalidArgumentError(None, None, "Integers to negative integer powers are not allowed")
    raise InvalidArgumentError(None, None, "Integer division by zero")


cdef class Elementwise(Kernel):
    """attrs: program and operands; for a plain op they follow from the class's op_type and the number of inputs."""
    cdef list program
    cdef list places                   # the operands as given
    cdef Operand *operands
    cdef char **at                     # operand -> its current block
    cdef Step *steps
    cdef char *scratch
    cdef int n_operands, n_steps
    cdef bint whole                    # every operand is direct and one block takes all
    cdef VectorOp function             # of a program of one step without a guard, where whole: the shortest way (else NULL),
    cdef Buffer *direct[4]             # and its out, a, b, c
    cdef int rank                      # of the space, neighbouring dimensions merged where no operand tells them apart
    cdef int64_t shape[MAX_RANK]
    cdef int split                     # a block is some indices of dimension `split` and all of those after it
    cdef int64_t chunk                 # how many indices
    cdef int64_t inner                 # elements to each

    op_type = "_Fused"

    def __init__(self, attrs):
        self.program, self.places = attrs.get("program"), attrs.get("operands")

    def __dealloc__(self):
        free(self.operands)
        free(self.at)
        free(self.steps)
        free(self.scratch)

    def prepare(self):
        if self.op_type != "_Fused":
            self.program = program_of(self.op_type, self.n_inputs)
            temporaries = max(k for step in self.program for k in step[1:] if k is not None) - self.n_inputs
            self.places = [("in", k) for k in range(self.n_inputs)] + [("out", 0)] + [("temp", self.outputs[0].dtype)] * temporaries
        self.keep_inputs_until_read()
        self.bind_operands()
        self.merge_dimensions()
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
        self.n_operands, self.n_steps = len(self.places), len(self.program)
        self.operands = <Operand *> calloc(self.n_operands, sizeof(Operand))
        self.at = <char **> calloc(self.n_operands, sizeof(char *))
        self.steps = <Step *> calloc(self.n_steps, sizeof(Step))
        if self.operands == NULL or self.at == NULL or self.steps == NULL:
            raise MemoryError()
        self.rank, self.whole = space.rank, True
        for d in range(self.rank):
            self.shape[d] = space.shape[d]
        conditions = {step[2] for step in self.program if step[0] == "Select"}
        for i in range(self.n_operands):
            o = &self.operands[i]
            kind, which = self.places[i]
            if kind == "temp":
                o.itemsize = itemsize_of(as_code(which))
                continue
            k = which
            o.buffer = self.inputs[k] if kind == "in" else self.outputs[k]
            o.itemsize = o.buffer.itemsize
            broadcast_strides(o.buffer, space, o.strides, leading=i in conditions and o.buffer.rank == 1)

    def merge_dimensions(self):
        """Drop dimensions of size 1, and merge two neighbours wherever each operand steps through them as through one."""
        cdef int d, i, kept = 0
        cdef bint same
        cdef Operand *o
        for d in range(self.rank):
            if self.shape[d] == 1:
                continue
            same = kept > 0
            for i in range(self.n_operands):
                o = &self.operands[i]
                if o.buffer != NULL and same and o.strides[kept - 1] != o.strides[d] * self.shape[d]:
                    same = False
            if not same:
                kept += 1
            self.shape[kept - 1] = self.shape[d] * (self.shape[kept - 1] if same else 1)
            for i in range(self.n_operands):
                self.operands[i].strides[kept - 1] = self.operands[i].strides[d]
        if kept == 0:
            kept, self.shape[0] = 1, 1
            for i in range(self.n_operands):
                self.operands[i].strides[0] = 1
        self.rank = kept

    def choose_block(self):
        cdef int i, d
        cdef int64_t limit, pieces, expected, width
        cdef Operand *o
        cdef size_t stride, total = 64
        cdef bint direct
        width = max([self.operands[i].itemsize for i in range(self.n_operands)])
        limit = BLOCK // width
        self.split, self.inner = self.rank - 1, 1
        while self.split > 0 and self.inner * self.shape[self.split] <= limit:
            self.inner *= self.shape[self.split]
            self.split -= 1
        self.chunk = max(1, min(limit // self.inner, self.shape[self.split]))
        if self.inner == 1 and self.shape[self.split] > limit:              # blocks of nearly one size, whole vectors each
            pieces = (self.shape[self.split] + limit - 1) // limit
            self.chunk = min(limit, ((self.shape[self.split] + pieces - 1) // pieces + 15) // 16 * 16)
        for i in range(self.n_operands):
            o = &self.operands[i]
            if o.buffer == NULL:
                continue
            direct, expected = True, 1
            o.placing = FILLED
            for d in range(self.rank - 1, self.split - 1, -1):
                if d > self.split or self.chunk > 1:
                    direct = direct and o.strides[d] == expected
                    if o.strides[d]:
                        o.placing = SPREAD
                expected *= self.shape[d]
            if direct:
                o.placing = DIRECT
            else:
                self.whole = False
        if self.n_steps == 1 and self.whole and self.inner == 1:            # nothing to keep in the cache: a row at a time
            self.chunk = self.shape[self.split]
        self.whole = self.whole and self.split == 0 and self.chunk >= self.shape[0]
        stride = (self.chunk * self.inner * width + 63) // 64 * 64
        for i in range(self.n_operands):
            o = &self.operands[i]
            if o.buffer == NULL or o.placing != DIRECT:
                total += stride
        if posix_memalign(<void **> &self.scratch, 64, total):
            raise MemoryError()
        total = 0
        for i in range(self.n_operands):
            o = &self.operands[i]
            if o.buffer == NULL or o.placing != DIRECT:
                o.block = self.at[i] = self.scratch + total
                total += stride

    def bind_steps(self):
        cdef Py_ssize_t i, k
        cdef Step *s
        codes = [self.inputs[<int> which].dtype if kind == "in" else self.outputs[<int> which].dtype if kind == "out" else as_code(which)
                 for kind, which in self.places]
        for i in range(self.n_steps):
            s = &self.steps[i]
            name, out, a, b, c = self.program[i]
            source = codes[b if name == "Select" else a]
            s.function = vector_op(name, source, codes[out])
            if s.function == NULL:
                raise TypeError(f"There is no element-wise {name} of {as_dtype(source).name} to {as_dtype(codes[out]).name}")
            s.guard = guard_of(name, source)
            s.out, s.a = &self.at[<Py_ssize_t> out], &self.at[<Py_ssize_t> a]
            s.b = s.a if b is None else &self.at[<Py_ssize_t> b]
            s.c = s.a if c is None else &self.at[<Py_ssize_t> c]
        if self.whole and self.n_steps == 1 and s.guard == NULL:
            self.function = s.function
            self.direct[0] = self.operands[s.out - self.at].buffer
            self.direct[1] = self.operands[s.a - self.at].buffer
            self.direct[2] = self.operands[s.b - self.at].buffer
            self.direct[3] = self.operands[s.c - self.at].buffer

    cdef int run(self) except -1 nogil:
        cdef Py_ssize_t i, n = self.outputs[0].size
        cdef Operand *o = self.operands
        if self.function != NULL:
            self.function(self.direct[0].data, self.direct[1].data, self.direct[2].data, self.direct[3].data, n)
            return 0
        if not self.whole:
            return self.run_blocks() if n else 0
        for i in range(self.n_operands):
            if o.buffer != NULL:
                self.at[i] = o.buffer.data
            o += 1
        return run_steps(self, n)

    cdef int run_blocks(self) except -1 nogil:
        """Odometer over the dimensions before `split`, and over chunks of `split`."""
        cdef int64_t index[MAX_RANK]
        cdef int64_t first, n, offset
        cdef int i, d
        cdef Operand *o
        memset(index, 0, sizeof(index))
        for i in range(self.n_operands):
            self.operands[i].held = 0
        while True:
            first = 0
            while first < self.shape[self.split]:
                index[self.split] = first
                n = min(self.chunk, self.shape[self.split] - first) * self.inner
                for i in range(self.n_operands):
                    o = &self.operands[i]
                    if o.buffer == NULL:
                        continue
                    offset = 0
                    for d in range(self.split + 1):
                        offset += index[d] * o.strides[d]
                    if o.placing == DIRECT:
                        self.at[i] = o.buffer.data + offset * o.itemsize
                    elif offset != o.offset or n > o.held:
                        o.offset, o.held = offset, n
                        if o.placing == FILLED:
                            fill(o.block, o.buffer.data + offset * o.itemsize, o.itemsize, n)
                        else:
                            self.spread(o, o.buffer.data + offset * o.itemsize, n // self.inner)
                run_steps(self, n)
                first += self.chunk
            d = self.split - 1
            while d >= 0:
                index[d] += 1
                if index[d] < self.shape[d]:
                    break
                index[d] = 0
                d -= 1
            if d < 0:
                return 0

    cdef void spread(self, Operand *o, const char *source, int64_t count) noexcept nogil:
        """A block's worth of a broadcast operand: for each run of the last dimension, a copy of its values or of its one value."""
        cdef int64_t index[MAX_RANK]
        cdef int64_t run = self.shape[self.rank - 1] if self.split < self.rank - 1 else count
        cdef int last = self.rank - 1, d
        cdef char *to = o.block
        cdef int64_t size
        memset(index, 0, sizeof(index))
        while True:
            if o.strides[last]:
                memcpy(to, source, run * o.itemsize)
            else:
                fill(to, source, o.itemsize, run)
            to += run * o.itemsize
            d = last - 1
            while d >= self.split:
                index[d] += 1
                source += o.strides[d] * o.itemsize
                size = count if d == self.split else self.shape[d]
                if index[d] < size:
                    break
                source -= index[d] * o.strides[d] * o.itemsize
                index[d] = 0
                d -= 1
            if d < self.split:
                return


cdef inline int run_steps(Elementwise self, Py_ssize_t n) except -1 nogil:
    cdef Py_ssize_t i
    cdef Step *s = self.steps
    for i in range(self.n_steps):
        if s.guard != NULL and s.guard(s.b[0], n):
            forbid(i, self.program)
        s.function(s.out[0], s.a[0], s.b[0], s.c[0], n)
        s += 1
    return 0


cdef int broadcast_strides(Buffer *b, Buffer *space, int64_t *strides, bint leading) except -1:
    """How b steps through the space, in elements: aligned at the last dimension, or at the first for Select's vector of conditions."""
    cdef int d, at, shift = 0 if leading else space.rank - b.rank
    cdef int64_t step = 1
    if shift < 0:
        raise ValueError(f"An operand of rank {b.rank} does not broadcast to rank {space.rank}")
    for d in range(space.rank):
        strides[d] = 0
    for d in range(b.rank - 1, -1, -1):
        at = d + shift
        if b.shape[d] != 1:
            if b.shape[d] != space.shape[at]:
                raise ValueError(f"A dimension of {b.shape[d]} does not broadcast to {space.shape[at]}")
            strides[at] = step
        step *= b.shape[d]
    return 0


cdef int as_code(dtype) except -1:
    return as_dtype(dtype).as_datatype_enum


def program_of(op_type, n_inputs):
    """The steps of a plain op: operands 0 to n_inputs - 1 are its inputs, n_inputs is its output, those beyond are temporaries
    of the output's dtype.  None if the op is not element-wise.

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


PLAIN = ("Add Sub Mul RealDiv FloorDiv FloorMod Neg Square Sqrt Rsqrt Exp Log Log1p Tanh Sigmoid Abs Sign Reciprocal Floor Ceil Pow "
         "Maximum Minimum SquaredDifference Equal NotEqual Less LessEqual Greater GreaterEqual IsNan IsFinite Select Relu ReluGrad "
         "TanhGrad SigmoidGrad SqrtGrad Softplus SoftplusGrad ZerosLike OnesLike BiasAdd AddN").split()


def _register(op_type, **constraints):
    kernel = type(op_type, (Elementwise,), {"op_type": op_type, "__doc__": f"Element-wise {op_type}."})
    register_kernel(op_type, in_place=True, **constraints)(kernel)


for _op_type in PLAIN:
    _register(_op_type, T=[as_dtype(source) for source, _ in signatures("Add" if _op_type == "AddN" else _op_type)])
for _op_type in ("LogicalAnd", "LogicalOr", "LogicalNot"):
    _register(_op_type)
_register("Cast", SrcT=[as_dtype(t) for t in (FLOAT32, FLOAT64, INT32, INT64, BOOL)],
          DstT=[as_dtype(t) for t in (FLOAT32, FLOAT64, INT32, INT64, BOOL)])
register_kernel("_Fused", in_place=True)(Elementwise)
