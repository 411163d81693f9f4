"""Every movement of data is one strided copy: a box of sizes, and for each of its axes a distance in bytes on either side."""
from libc.stdint cimport int64_t
from minitf.core.buffers cimport MAX_RANK
from minitf.kernels.cpu.parallel cimport GRAIN

cdef enum:
    MAX_AXES = 2 * MAX_RANK           # Tile makes two axes of one
    APART = 4 * GRAIN                 # bytes that are worth a thread's while

cdef struct StridedCopy:
    int rank
    bint empty
    bint tiled                        # the last two axes lie together in the source and in the target, one each
    int64_t unit                      # bytes that lie together on both sides
    int64_t size[MAX_AXES]
    int64_t to[MAX_AXES]
    int64_t source[MAX_AXES]

cdef void begin_copy(StridedCopy *c, int64_t itemsize) noexcept nogil
cdef void add_axis(StridedCopy *c, int64_t size, int64_t to, int64_t source) noexcept nogil     # outermost first
cdef void finish_copy(StridedCopy *c) noexcept nogil
cdef void run_copy(const StridedCopy *c, char *to, const char *source) noexcept nogil
