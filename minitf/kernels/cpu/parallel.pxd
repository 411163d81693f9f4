"""Loops over large arrays on several threads."""

# The elements [begin, end) of some work.  It may run on any thread, without the GIL, at the same time as other ranges of the same
# work.  It cannot raise: what goes wrong is noted in `data`, for the caller to raise.
ctypedef void (*Body)(void *data, Py_ssize_t begin, Py_ssize_t end) noexcept nogil

# body over [0, n), in ranges that begin at multiples of `grain`; returns when all are done.  n <= grain is one range, on this thread.
cdef void parallel_for(Body body, void *data, Py_ssize_t n, Py_ssize_t grain) noexcept nogil

# How many threads the kernels of this thread may use from now on, at least 1; 0: as many as the process has by default.
# Returns the number before.
cdef int use_threads(int n) noexcept nogil

# How many threads the next loop of this thread may have.
cdef int threads_at_most() noexcept nogil

cdef enum:
    GRAIN = 16384                      # elements of a range where an element takes a cycle or less
