"""How the operands of element-wise work meet the space of the output's elements, block by block."""
from libc.stdint cimport int64_t
from minitf.core.buffers cimport MAX_RANK, Buffer

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
    int64_t start                      # of the first element, in elements
    int64_t offset                     # of the block that was spread last,
    int64_t held                       # and how many elements of it

cdef struct Space:
    int rank                           # neighbouring dimensions are merged where no operand tells them apart
    int64_t shape[MAX_RANK]
    int split                          # a block is some indices of dimension `split` and all of those after it
    int64_t chunk                      # how many indices
    int64_t inner                      # elements to each

cdef int set_strides(Operand *o, Buffer *space, bint leading) except -1
cdef int set_part(Operand *o, Buffer *space, tuple begin) except -1
cdef void merge_dimensions(Space *s, Operand *operands, int n) noexcept
cdef void choose_block(Space *s, Operand *operands, int n, int64_t limit) noexcept
cdef void spread_block(Space *s, Operand *o, int64_t offset, int64_t n) noexcept nogil
