"""Sums of products a' b as one product: the slope of a matrix that an unrolled network uses at every step.

    out = a_1' b_1 + a_2' b_2 + ...  =  [a_1; a_2; ...]' [b_1; b_2; ...]        (the rows one below the other)

The rows are not brought together in memory.  A tile needs them together only for a block of terms, as many as fit the caches (Goto and
van de Geijn, "Anatomy of High-Performance Matrix Multiplication", 2008): the block's rows of a lie in the L2 cache, a panel of its
rows of b in the L1 cache.  Both are copied from wherever the matrices lie.  [256 x 2500] [2500 x 512] in 50 pieces: 3.4 ms of one core, where
laying the pieces one behind the other takes 0.6 and BLAS then 4.5.
"""
from libc.string cimport memcpy, memset
from posix.stdlib cimport posix_memalign

from minitf.kernels.cpu.kernel cimport Buffer
from minitf.kernels.cpu.matmul cimport MatMul, Part
from minitf.kernels.cpu.scratch cimport Scratch

from minitf.core.dtypes import float32, float64
from minitf.core.registry import register_kernel

cdef extern from *:
    void prefetch "__builtin_prefetch"(const void *) nogil

cdef extern from "product_tile.h":
    enum: VECTOR_BYTES, ACCUMULATORS, PACKED_ROWS

cdef enum:
    MOST = 160                         # terms of a block: a panel of so many fits the L1 cache
    AHEAD = 8                          # rows


cdef class MatMulSum(MatMul):
    """inputs (N matrices a [k, m], N matrices b [k, n]), each pair with a k of its own; output [m, n].

    Each element is summed in the order of the terms, a block at a time; what a block is follows from the shapes alone.
    """
    cdef int count                     # of the pairs
    cdef int piece                     # the block: in which pair it begins
    cdef Py_ssize_t row                # and at which of its rows
    cdef Py_ssize_t terms              # and how many rows it has
    cdef Buffer rows                   # and these rows of a
    cdef Scratch panel

    def __init__(self, attrs):
        self.transpose_a = True

    def prepare(self):
        cdef Py_ssize_t terms = 0
        cdef int i
        self.count = self.n_inputs // 2
        self.rows = self.inputs[0][0]
        self.a = &self.rows
        self.itemsize, self.lanes = self.a.itemsize, VECTOR_BYTES // self.a.itemsize
        self.m, self.n = self.outputs[0].shape[0], self.outputs[0].shape[1]
        self.pieces = max(1, (self.m + PACKED_ROWS - 1) // PACKED_ROWS)
        self.vectors = ACCUMULATORS // PACKED_ROWS
        for i in range(self.count):
            terms += self.inputs[i].shape[0]
        terms = max(1, min(terms, MOST))
        self.panel = Scratch()
        self.panel.prepare(terms * self.vectors * VECTOR_BYTES)
        if posix_memalign(<void **> &self.scratch, 64, max(64, terms * self.m * self.itemsize)):
            raise MemoryError()

    cdef int run(self) except -1 nogil:
        cdef char *out = self.outputs[0].data
        cdef size_t nbytes = self.outputs[0].size * self.itemsize
        cdef float minus_one32 = -1
        cdef double minus_one64 = -1
        cdef const char *minus_one = <char *> &minus_one64 if self.itemsize == 8 else <char *> &minus_one32
        cdef Py_ssize_t width = self.vectors * self.lanes
        cdef const char *alpha = NULL
        if nbytes == 0:
            return 0
        self.piece = 0
        self.row = 0
        while self.take_rows():
            self.share(sum_panels, NULL, 0, out, alpha, (self.n + width - 1) // width, self.m * width * self.terms)
            alpha = minus_one                                          # the other blocks: what is there minus -1 times their product
            self.skip_rows()
        if alpha == NULL:
            memset(out, 0, nbytes)
        return self.panel.check()

    cdef bint take_rows(self) noexcept nogil:
        """Make the next rows of the a's the block; False at the end.  Where one matrix has them all they stay where they are."""
        cdef Py_ssize_t rows, row = self.row, line = self.m * self.itemsize
        cdef int piece = self.piece
        self.rows.data = self.scratch
        self.terms = 0
        while piece < self.count and self.terms < MOST:
            rows = min(self.rows_of(piece) - row, MOST - self.terms)
            if self.terms == 0 and (rows == MOST or piece == self.count - 1):
                self.rows.data = self.inputs[piece].data + row * line
            else:
                memcpy(self.scratch + self.terms * line, self.inputs[piece].data + row * line, rows * line)
            self.terms += rows
            piece += 1
            row = 0
        return self.terms > 0

    cdef void skip_rows(self) noexcept nogil:
        """Go to the row behind the block."""
        self.row += self.terms
        while self.piece < self.count and self.row >= self.rows_of(self.piece):
            self.row -= self.rows_of(self.piece)
            self.piece += 1

    cdef inline Py_ssize_t rows_of(self, int piece) noexcept nogil:
        return self.inputs[piece].shape[0]

    cdef void panels(self, const Part *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        """The panels of columns begin to end of the block's product."""
        cdef Py_ssize_t q, p, j, first, last, held, width = self.vectors * self.lanes
        cdef char *panel = self.panel.claim()
        if panel == NULL:
            return
        for q in range(begin, end):
            last = min(self.n, (q + 1) * width)
            first = max(0, min(q * width, self.n - self.lanes))        # the last columns are computed as a whole vector
            held = max(last - first, self.lanes)
            self.fill(panel, first, last, held)
            for p in range(self.pieces):
                j = q * width
                while j < last:
                    j += self.one_tile(p, j, panel - first * self.itemsize, held, part.out, part.alpha, 0, self.terms)
        self.panel.give_back(panel)

    cdef void fill(self, char *panel, Py_ssize_t first, Py_ssize_t last, Py_ssize_t held) noexcept nogil:
        """The columns first to last of the block's rows of the b's, one row behind the other in `held` elements each."""
        cdef Py_ssize_t left = self.terms, row = self.row, rows, i, line = self.n * self.itemsize, nbytes = (last - first) * self.itemsize
        cdef int piece = self.piece
        cdef const char *b
        while left > 0:
            rows = min(self.rows_of(piece) - row, left)
            b = self.inputs[self.count + piece].data + row * line + first * self.itemsize
            for i in range(rows):
                copy_line(panel, b, nbytes, b + AHEAD * line)
                panel += held * self.itemsize
                b += line
            left -= rows
            piece += 1
            row = 0


cdef inline void copy_line(char *to, const char *b, Py_ssize_t nbytes, const char *ahead) noexcept nogil:
    cdef Py_ssize_t i = 0
    while i + VECTOR_BYTES <= nbytes:
        prefetch(ahead + i)
        memcpy(to + i, b + i, VECTOR_BYTES)
        i += VECTOR_BYTES
    if i < nbytes:
        memcpy(to + i, b + i, nbytes - i)


cdef void sum_panels(void *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    (<MatMulSum> (<Part *> part).kernel).panels(<Part *> part, begin, end)


register_kernel("_MatMulSum", T=[float32, float64])(MatMulSum)
