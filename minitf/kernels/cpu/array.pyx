"""Kernels that move data: a box out of one array into another, by strided.pyx, which does not care for the dtype."""
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset

from .indexing cimport integer, normal_axis, product
from .kernel cimport INT64, MAX_RANK, Buffer, Kernel, int32s, int64s
from .parallel cimport Body, parallel_for
from .strided cimport APART, StridedCopy, add_axis, begin_copy, finish_copy, run_copy

from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel

cdef void strides_of(const Buffer *b, int64_t *strides) noexcept nogil:
    """Bytes from one element to the next along each axis."""
    cdef int64_t step = b.itemsize
    cdef int k
    for k in range(b.rank - 1, -1, -1):
        strides[k] = step
        step *= b.shape[k]


cdef class NoOp(Kernel):
    """Nothing: an op that others wait for."""
    cdef int run(self) except -1 nogil:
        return 0


cdef class Copy(Kernel):
    """The first input's bytes: Identity, Reshape and their like, where they are not made an alias."""
    cdef int run(self) except -1 nogil:
        if self.outputs[0].data != self.inputs[0].data and self.outputs[0].size:
            memcpy(self.outputs[0].data, self.inputs[0].data, self.outputs[0].size * self.outputs[0].itemsize)
        return 0


cdef class Shape(Kernel):
    """The input's shape, as int32 or int64 [rank]."""
    cdef int run(self) except -1 nogil:
        cdef int k
        for k in range(self.inputs[0].rank):
            put(self.outputs[0], k, self.inputs[0].shape[k])
        return 0


cdef class Size(Kernel):
    """The number of the input's elements, a scalar."""
    cdef int run(self) except -1 nogil:
        put(self.outputs[0], 0, self.inputs[0].size)
        return 0


cdef class Rank(Kernel):
    """The number of the input's axes, a scalar."""
    cdef int run(self) except -1 nogil:
        put(self.outputs[0], 0, self.inputs[0].rank)
        return 0


cdef inline void put(Buffer *out, int64_t i, int64_t value) noexcept nogil:
    if out.dtype == INT64:
        int64s(out)[i] = value
    else:
        int32s(out)[i] = <int32_t> value


cdef class Move(Kernel):
    """A kernel whose work is one strided copy from its first input to its first output, laid out in prepare()."""
    cdef StridedCopy copy

    cdef int run(self) except -1 nogil:
        run_copy(&self.copy, self.outputs[0].data, self.inputs[0].data)
        return 0


cdef class Transpose(Move):
    """output[i_perm] = x[i]: axis k of the output is axis perm[k] of x.

    The output's order decides; the axes are merged where perm keeps them together, so a [B, T, D] array turned to
    [T, B, D] moves runs of D elements, and turning the last two axes goes through tiles.
    """
    def prepare(self):
        cdef Buffer *x = self.inputs[0]
        cdef int64_t source[MAX_RANK]
        cdef int64_t to[MAX_RANK]
        cdef int k, axis
        cdef bint seen[MAX_RANK]
        memset(seen, 0, sizeof(seen))
        if self.inputs[1].size != x.rank:
            raise InvalidArgumentError(None, None, f"transpose expects a vector of size {x.rank}. But input(1) is a vector of size {self.inputs[1].size}")
        strides_of(x, source)
        strides_of(self.outputs[0], to)
        begin_copy(&self.copy, x.itemsize)
        for k in range(x.rank):
            axis = <int> integer(self.inputs[1], k)
            if axis < 0 or axis >= x.rank:
                raise InvalidArgumentError(None, None, f"{axis} is out of range [0 .. {x.rank})")
            if seen[axis]:
                raise InvalidArgumentError(None, None, f"{axis} is duplicated in the permutation")
            seen[axis] = True
            add_axis(&self.copy, x.shape[axis], to[k], source[axis])
        finish_copy(&self.copy)


cdef class BroadcastTo(Move):
    """The input repeated along the axes where it has size 1 or none."""
    def prepare(self):
        cdef Buffer *x = self.inputs[0]
        cdef Buffer *out = self.outputs[0]
        cdef int64_t source[MAX_RANK]
        cdef int64_t to[MAX_RANK]
        cdef int k, missing = out.rank - x.rank
        strides_of(x, source)
        strides_of(out, to)
        begin_copy(&self.copy, x.itemsize)
        for k in range(out.rank):
            add_axis(&self.copy, out.shape[k], to[k], 0 if k < missing or x.shape[k - missing] == 1 else source[k - missing])
        finish_copy(&self.copy)


cdef class Tile(Move):
    """The input repeated multiples[k] times along axis k."""
    def prepare(self):
        cdef Buffer *x = self.inputs[0]
        cdef int64_t source[MAX_RANK]
        cdef int64_t to[MAX_RANK]
        cdef int k
        strides_of(x, source)
        strides_of(self.outputs[0], to)
        begin_copy(&self.copy, x.itemsize)
        for k in range(x.rank):
            if integer(self.inputs[1], k) < 0:
                raise InvalidArgumentError(None, None, f"Expected multiples[{k}] >= 0, but got {integer(self.inputs[1], k)}")
            add_axis(&self.copy, integer(self.inputs[1], k), to[k] * x.shape[k], 0)
            add_axis(&self.copy, x.shape[k], to[k], source[k])
        finish_copy(&self.copy)


cdef class Slice(Move):
    """The box of the output's shape that starts at `begin`, which may differ from run to run."""
    def prepare(self):
        cdef int64_t source[MAX_RANK]
        cdef int64_t to[MAX_RANK]
        cdef int k
        strides_of(self.inputs[0], source)
        strides_of(self.outputs[0], to)
        begin_copy(&self.copy, self.inputs[0].itemsize)
        for k in range(self.inputs[0].rank):
            add_axis(&self.copy, self.outputs[0].shape[k], to[k], source[k])
        finish_copy(&self.copy)

    cdef int run(self) except -1 nogil:
        cdef Buffer *x = self.inputs[0]
        cdef int64_t begin, offset = 0, step = x.itemsize
        cdef int k
        for k in range(x.rank - 1, -1, -1):
            begin = integer(self.inputs[1], k)
            if begin < 0 or begin > x.shape[k]:
                with gil:
                    raise InvalidArgumentError(None, None, f"Expected begin[{k}] in [0, {x.shape[k]}], but got {begin}")
            if self.outputs[0].shape[k] > x.shape[k] - begin:
                with gil:
                    raise InvalidArgumentError(None, None, f"Expected size[{k}] in [0, {x.shape[k] - begin}], but got {self.outputs[0].shape[k]}")
            offset += begin * step
            step *= x.shape[k]
        run_copy(&self.copy, self.outputs[0].data, x.data + offset)
        return 0


cdef class Pad(Move):
    """Zeros, or the third input, around the input: paddings[k] = (before, after)."""
    cdef int64_t offset

    def prepare(self):
        cdef Buffer *x = self.inputs[0]
        cdef int64_t source[MAX_RANK]
        cdef int64_t to[MAX_RANK]
        cdef int k
        strides_of(x, source)
        strides_of(self.outputs[0], to)
        self.offset = 0
        begin_copy(&self.copy, x.itemsize)
        for k in range(x.rank):
            before, after = integer(self.inputs[1], 2 * k), integer(self.inputs[1], 2 * k + 1)
            if before < 0 or after < 0:
                raise InvalidArgumentError(None, None, f"Paddings must be non-negative: {before} {after}")
            add_axis(&self.copy, x.shape[k], to[k], source[k])
            self.offset += <int64_t> before * to[k]
        finish_copy(&self.copy)

    cdef int run(self) except -1 nogil:
        cdef StridedCopy around
        if self.n_inputs == 2:
            memset(self.outputs[0].data, 0, self.outputs[0].size * self.outputs[0].itemsize)
        else:
            begin_copy(&around, self.outputs[0].itemsize)
            add_axis(&around, self.outputs[0].size, self.outputs[0].itemsize, 0)
            finish_copy(&around)
            run_copy(&around, self.outputs[0].data, self.inputs[2].data)
        run_copy(&self.copy, self.outputs[0].data + self.offset, self.inputs[0].data)
        return 0


cdef class ConcatV2(Kernel):
    """The values one behind the other along `axis`, the last input."""
    cdef int axis

    def prepare(self):
        self.axis = normal_axis(integer(self.inputs[self.n_inputs - 1], 0), self.outputs[0].rank)

    cdef int run(self) except -1 nogil:
        join_all(concat_some, self, self.n_inputs - 1)
        return 0

    cdef void some(self, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        cdef int64_t to = 0, run
        cdef Py_ssize_t i
        for i in range(end):
            run = product(self.inputs[i].shape, self.axis, self.inputs[i].rank) * self.outputs[0].itemsize
            if i >= begin:
                join(self.outputs[0], self.axis, to, self.inputs[i].data, run)
            to += run


cdef class Pack(Kernel):
    """Arrays of one shape, side by side along a new axis."""
    cdef int axis

    def __init__(self, attrs):
        self.axis = attrs.get("axis", 0)

    def prepare(self):
        self.axis = normal_axis(self.axis, self.outputs[0].rank)

    cdef int run(self) except -1 nogil:
        join_all(pack_some, self, self.n_inputs)
        return 0

    cdef void some(self, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        cdef int64_t run = product(self.outputs[0].shape, self.axis + 1, self.outputs[0].rank) * self.outputs[0].itemsize
        cdef Py_ssize_t i
        for i in range(begin, end):
            join(self.outputs[0], self.axis, i * run, self.inputs[i].data, run)


cdef void join_all(Body some, Kernel kernel, Py_ssize_t n) noexcept nogil:
    """Many inputs, none of them worth a second thread, may be worth it together."""
    cdef Py_ssize_t each = max(1, kernel.outputs[0].size * kernel.outputs[0].itemsize // max(1, n))
    if each < APART:
        parallel_for(some, <void *> kernel, n, APART // each)
    else:
        some(<void *> kernel, 0, n)


cdef void concat_some(void *kernel, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    (<ConcatV2> kernel).some(begin, end)


cdef void pack_some(void *kernel, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    (<Pack> kernel).some(begin, end)


cdef void join(Buffer *out, int axis, int64_t offset, const char *source, int64_t run) noexcept nogil:
    """Write runs of bytes that follow one another in `source` to out[...], one for each index before `axis`, `offset` bytes in."""
    cdef StridedCopy copy
    begin_copy(&copy, out.itemsize)
    add_axis(&copy, product(out.shape, 0, axis), product(out.shape, axis, out.rank) * out.itemsize, run)
    add_axis(&copy, run // out.itemsize, out.itemsize, out.itemsize)
    finish_copy(&copy)
    run_copy(&copy, out.data + offset, source)


cdef class Unpack(Kernel):
    """The slices of the input along `axis`, one per output."""
    cdef int axis

    def __init__(self, attrs):
        self.axis = attrs.get("axis", 0)

    def prepare(self):
        self.axis = normal_axis(self.axis, self.inputs[0].rank)

    cdef int run(self) except -1 nogil:
        cdef Buffer *x = self.inputs[0]
        cdef StridedCopy copy
        cdef int64_t run = product(x.shape, self.axis + 1, x.rank)
        cdef int i
        begin_copy(&copy, x.itemsize)
        add_axis(&copy, product(x.shape, 0, self.axis), run * x.itemsize, run * x.shape[self.axis] * x.itemsize)
        add_axis(&copy, run, x.itemsize, x.itemsize)
        finish_copy(&copy)
        for i in range(self.n_outputs):
            run_copy(&copy, self.outputs[i].data, x.data + i * run * x.itemsize)
        return 0


register_kernel("NoOp")(NoOp)
for name in ("Identity", "Reshape", "ExpandDims", "Squeeze", "StopGradient", "PlaceholderWithDefault"):
    register_kernel(name, in_place=True)(Copy)
for kernel in (Shape, Size, Rank):
    register_kernel(kernel.__name__, strings=True)(kernel)        # they look at shapes alone
for kernel in (Transpose, BroadcastTo, Tile, Slice, Pad, ConcatV2, Pack, Unpack):
    register_kernel(kernel.__name__)(kernel)
register_kernel("PadV2")(Pad)
