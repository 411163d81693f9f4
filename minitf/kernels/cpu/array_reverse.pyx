"""Reversal: along whole axes, and of the first so many elements of each sequence in a batch."""
from libc.stdint cimport int64_t

from .indexing cimport integer, normal_axis
from .kernel cimport MAX_RANK, Buffer, Kernel
from .strided cimport StridedCopy, add_axis, begin_copy, finish_copy, run_copy

from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel


cdef void strides_of(const Buffer *b, int64_t *strides) noexcept nogil:
    cdef int64_t step = b.itemsize
    cdef int k
    for k in range(b.rank - 1, -1, -1):
        strides[k] = step
        step *= b.shape[k]


cdef class ReverseV2(Kernel):
    """The input read backwards along the axes that the second input lists."""
    cdef StridedCopy copy
    cdef int64_t offset

    def prepare(self):
        cdef Buffer *x = self.inputs[0]
        cdef int64_t strides[MAX_RANK]
        cdef bint back[MAX_RANK]
        cdef int k, axis
        for k in range(x.rank):
            back[k] = False
        for k in range(self.inputs[1].size):
            axis = normal_axis(integer(self.inputs[1], k), x.rank)
            if back[axis]:
                raise InvalidArgumentError(None, None, f"axis {axis} specified more than once.")
            back[axis] = True
        strides_of(x, strides)
        begin_copy(&self.copy, x.itemsize)
        self.offset = 0
        for k in range(x.rank):
            add_axis(&self.copy, x.shape[k], strides[k], -strides[k] if back[k] else strides[k])
            if back[k] and x.shape[k]:
                self.offset += (x.shape[k] - 1) * strides[k]
        finish_copy(&self.copy)

    cdef int run(self) except -1 nogil:
        run_copy(&self.copy, self.outputs[0].data, self.inputs[0].data + self.offset)
        return 0


cdef class ReverseSequence(Kernel):
    """For each index b along batch_dim, the first seq_lengths[b] elements along seq_dim backwards; the rest as it is."""
    cdef int seq_dim, batch_dim

    def __init__(self, attrs):
        self.seq_dim, self.batch_dim = attrs["seq_dim"], attrs["batch_dim"]

    def prepare(self):
        self.seq_dim, self.batch_dim = normal_axis(self.seq_dim, self.inputs[0].rank), normal_axis(self.batch_dim, self.inputs[0].rank)

    cdef int run(self) except -1 nogil:
        cdef Buffer *x = self.inputs[0]
        cdef int64_t strides[MAX_RANK]
        cdef int64_t b, n = x.shape[self.seq_dim], length, from_end
        strides_of(x, strides)
        for b in range(x.shape[self.batch_dim]):
            length = integer(self.inputs[1], b)
            if not 0 <= length <= n:
                with gil:
                    raise InvalidArgumentError(None, None, f"seq_lens({b}) must be between 0 and input.dims({self.seq_dim}) = {n}, got {length}")
        for b in range(x.shape[self.batch_dim]):
            length = integer(self.inputs[1], b)
            from_end = (length - 1) * strides[self.seq_dim]
            self.move(strides, b * strides[self.batch_dim], b * strides[self.batch_dim] + from_end, length, -strides[self.seq_dim])
            from_end = b * strides[self.batch_dim] + length * strides[self.seq_dim]
            self.move(strides, from_end, from_end, n - length, strides[self.seq_dim])
        return 0

    cdef void move(self, const int64_t *strides, int64_t to, int64_t source, int64_t count, int64_t step) noexcept nogil:
        """One sequence's elements, with all the other axes: written at `to` onwards, read at `source` in steps of `step` bytes."""
        cdef Buffer *x = self.inputs[0]
        cdef StridedCopy copy
        cdef int k
        if count == 0:
            return
        begin_copy(&copy, x.itemsize)
        for k in range(x.rank):
            if k == self.seq_dim:
                add_axis(&copy, count, strides[k], step)
            elif k != self.batch_dim:
                add_axis(&copy, x.shape[k], strides[k], strides[k])
        finish_copy(&copy)
        run_copy(&copy, self.outputs[0].data + to, x.data + source)


register_kernel("ReverseV2")(ReverseV2)
register_kernel("ReverseSequence")(ReverseSequence)
