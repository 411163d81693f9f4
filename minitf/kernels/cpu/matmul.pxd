"""MatMul, for the kernels that are made of it."""
from minitf.kernels.cpu.kernel cimport Buffer, Kernel
from minitf.kernels.cpu.parallel cimport Body

cdef enum:
    WORTH = 1048576                    # multiplications that are worth a thread's while

cdef enum Way:
    LOOP                               # integers
    TILES
    TURNED_TILES                       # b' is copied first
    DOT_TILES                          # b' where it lies
    FLIPPED_TILES                      # b a', each tile of which is turned on its way to the product
    BLAS

cdef struct Part:                      # what the parts of a product share
    void *kernel
    const char *b
    Py_ssize_t ldb
    char *out
    const char *alpha


cdef class MatMul(Kernel):
    cdef bint transpose_a, transpose_b
    cdef Way way
    cdef Buffer *a
    cdef Buffer *b
    cdef Py_ssize_t m, n, k
    cdef int itemsize
    cdef Py_ssize_t lanes              # elements of a vector
    cdef Py_ssize_t vectors            # the widest panel
    cdef Py_ssize_t pieces             # row blocks, whose heights differ by one at most
    cdef bint by_panels                # whether a panel of b is copied before its tiles: b is far, and they read it several times
    cdef char *scratch                 # b turned, or its rows padded to a vector, or a panel of it; or a turned
    cdef int choose(self, Buffer *a, Buffer *b) except -1
    cdef Way way_of_reals(self) noexcept
    cdef bint in_blocks(self) noexcept nogil
    cdef bint by_rows(self) noexcept nogil
    cdef Py_ssize_t padded_rows(self) noexcept nogil
    cdef void product(self, char *out, const char *alpha) noexcept nogil
    cdef void share(self, Body body, const char *b, Py_ssize_t ldb, char *out, const char *alpha, Py_ssize_t n, Py_ssize_t each) noexcept nogil
    cdef void tile(self, const char *b, Py_ssize_t ldb, char *out, const char *alpha) noexcept nogil
    cdef void tile_rows(self, const Part *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
    cdef void tile_panels(self, const Part *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
    cdef void tile_terms(self, const Part *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
    cdef Py_ssize_t one_tile(self, Py_ssize_t piece, Py_ssize_t column, const char *b, Py_ssize_t ldb, char *out, const char *alpha,
                             Py_ssize_t first_term, Py_ssize_t terms) noexcept nogil
    cdef void pad(self, const char *b) noexcept nogil
    cdef void flipped_rows(self, const Part *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
    cdef void dot(self, char *out, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
    cdef void blas(self, char *out) noexcept nogil

# The elements begin to end of p.out: minus p.alpha times those of p.b.
cdef void descend_range(void *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil
