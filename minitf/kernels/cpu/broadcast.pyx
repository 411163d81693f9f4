"""Broadcasting: strides of 0, merged dimensions, the size of a block, and blocks of repeated values."""
from libc.stdint cimport int16_t, int32_t, int64_t
from libc.string cimport memcpy, memset
from minitf.core.buffers cimport MAX_RANK, Buffer


cdef int set_strides(Operand *o, Buffer *space, bint leading) except -1:
    """How o.buffer steps through the space: aligned at the last dimension as in NumPy, or at the first (`leading`)."""
    cdef Buffer *b = o.buffer
    cdef int d, at, shift = 0 if leading else space.rank - b.rank
    cdef int64_t step = 1
    if shift < 0:
        raise ValueError(f"An operand of rank {b.rank} does not broadcast to rank {space.rank}")
    for d in range(space.rank):
        o.strides[d] = 0
    for d in range(b.rank - 1, -1, -1):
        at = d + shift
        if b.shape[d] != 1:
            if b.shape[d] != space.shape[at]:
                raise ValueError(f"A dimension of {b.shape[d]} does not broadcast to {space.shape[at]}")
            o.strides[at] = step
        step *= b.shape[d]
    return 0


cdef int set_part(Operand *o, Buffer *space, tuple begin) except -1:
    """How o.buffer, which is larger than the space, steps through it: the box that starts at `begin`."""
    cdef Buffer *b = o.buffer
    cdef int64_t step = 1, first
    cdef int d
    if b.rank != space.rank or len(begin) != b.rank:
        raise ValueError(f"A box of rank {space.rank} at {begin} is not a part of rank {b.rank}")
    o.start = 0
    for d in range(b.rank - 1, -1, -1):
        first = begin[d]
        if first < 0 or first + space.shape[d] > b.shape[d]:
            raise ValueError(f"{space.shape[d]} from {first} on are not a part of {b.shape[d]}")
        o.strides[d] = step
        o.start += first * step
        step *= b.shape[d]
    return 0


cdef void merge_dimensions(Space *s, Operand *operands, int n) noexcept:
    """Drop dimensions of size 1, and merge two neighbours wherever each operand steps through them as through one."""
    cdef int d, i, kept = 0
    cdef bint same
    for d in range(s.rank):
        if s.shape[d] == 1:
            continue
        same = kept > 0
        for i in range(n):
            if same and operands[i].buffer != NULL and operands[i].strides[kept - 1] != operands[i].strides[d] * s.shape[d]:
                same = False
        if not same:
            kept += 1
        s.shape[kept - 1] = s.shape[d] * (s.shape[kept - 1] if same else 1)
        for i in range(n):
            operands[i].strides[kept - 1] = operands[i].strides[d]
    if kept == 0:
        kept, s.shape[0] = 1, 1
        for i in range(n):
            operands[i].strides[0] = 1
    s.rank = kept


cdef void choose_block(Space *s, Operand *operands, int n, int64_t limit) noexcept:
    """Blocks of at most `limit` elements, and how each operand meets them."""
    cdef int i, d
    cdef int64_t pieces, expected
    cdef bint direct
    s.split, s.inner = s.rank - 1, 1
    while s.split > 0 and s.inner * s.shape[s.split] <= limit:
        s.inner *= s.shape[s.split]
        s.split -= 1
    s.chunk = max(1, min(limit // s.inner, s.shape[s.split]))
    if s.inner == 1 and s.shape[s.split] > limit:                           # blocks of nearly one size, whole vectors each
        pieces = (s.shape[s.split] + limit - 1) // limit
        s.chunk = min(limit, ((s.shape[s.split] + pieces - 1) // pieces + 15) // 16 * 16)
    for i in range(n):
        if operands[i].buffer == NULL:
            continue
        direct, expected = True, 1
        operands[i].placing = FILLED
        for d in range(s.rank - 1, s.split - 1, -1):
            if d > s.split or s.chunk > 1:
                direct = direct and operands[i].strides[d] == expected
                if operands[i].strides[d]:
                    operands[i].placing = SPREAD
            expected *= s.shape[d]
        if direct:
            operands[i].placing = DIRECT


cdef void fill(char *block, const char *value, int itemsize, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef int16_t half
    cdef int32_t narrow
    cdef int64_t wide
    if itemsize == 1:
        memset(block, value[0], n)
    elif itemsize == 2:
        memcpy(&half, value, 2)
        for i in range(n):
            (<int16_t *> block)[i] = half
    elif itemsize == 4:
        memcpy(&narrow, value, 4)
        for i in range(n):
            (<int32_t *> block)[i] = narrow
    else:
        memcpy(&wide, value, 8)
        for i in range(n):
            (<int64_t *> block)[i] = wide


cdef void gather(char *block, const char *source, Py_ssize_t step, int itemsize, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        memcpy(block + i * itemsize, source + i * step, itemsize)


cdef void spread_block(Space *s, Operand *o, int64_t offset, int64_t n) noexcept nogil:
    """Put the n elements of a block that starts at `offset` into o.block: a run of the last dimension at a time."""
    cdef int64_t index[MAX_RANK]
    cdef int d, last = s.rank - 1
    cdef int64_t count = n // s.inner, run = s.shape[last] if s.split < last else count
    cdef char *to = o.block
    cdef const char *source = o.buffer.data + offset * o.itemsize
    o.offset, o.held = offset, n
    if o.placing == FILLED:
        fill(to, source, o.itemsize, n)
        return
    memset(index, 0, sizeof(index))
    while True:
        if o.strides[last] == 1:
            memcpy(to, source, run * o.itemsize)
        elif o.strides[last]:                               # a part, a column of something
            gather(to, source, o.strides[last] * o.itemsize, o.itemsize, run)
        else:
            fill(to, source, o.itemsize, run)
        to += run * o.itemsize
        d = last - 1
        while d >= s.split:
            index[d] += 1
            source += o.strides[d] * o.itemsize
            if index[d] < (count if d == s.split else s.shape[d]):
                break
            source -= index[d] * o.strides[d] * o.itemsize
            index[d] = 0
            d -= 1
        if d < s.split:
            return
