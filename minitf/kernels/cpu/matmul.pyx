"""Matrix products: our own tiles where there are few rows, BLAS elsewhere.

BLAS copies both sides into panels at each call.  With 16 to 64 rows that costs about as much as the product, so the tiles of
product_tile.h read the right side where it lies: 1.5 to 3 times faster than SciPy's OpenBLAS there, 1.1 to 1.4 times at 128 to 256
rows, level at 1000.  prepare() chooses by the shapes alone, so a product of given shapes has the same bits in every run, as an
instruction of its own or inside a gradient-descent update.
"""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free
from libc.string cimport memcpy, memset
from posix.stdlib cimport posix_memalign
from scipy.linalg.cython_blas cimport dgemm, sgemm

from minitf.kernels.cpu.kernel cimport FLOAT32, FLOAT64, Buffer
from minitf.kernels.cpu.parallel cimport GRAIN, Body, parallel_for, threads_at_most

from minitf.core.dtypes import float32, float64, int32, int64
from minitf.core.registry import register_kernel

ctypedef void (*Tile)(const void *, Py_ssize_t, Py_ssize_t, const void *, Py_ssize_t, Py_ssize_t, void *, Py_ssize_t, const void *) noexcept nogil
ctypedef void (*DotTile)(const void *, Py_ssize_t, const void *, Py_ssize_t, Py_ssize_t, void *, Py_ssize_t) noexcept nogil

cdef extern from "vector_math.h":
    float fma32(float, float, float) nogil
    double fma64(double, double, double) nogil

cdef extern from *:
    void prefetch "__builtin_prefetch"(const void *) nogil

cdef extern from "product_tile.h":
    enum: VECTOR_BYTES, ACCUMULATORS, TALLEST, DOT_ROWS, DOT_COLUMNS, THIN
    Tile tile_of(bint, int, int) nogil
    DotTile dot_tile_of(bint) nogil

cdef enum:
    SHORT = 128                        # terms of a sum up to which tiles are faster than BLAS at any number of rows, for a' b; and up to
                                       # which b is turned, for a b'
    FEW = 64                           # rows up to which adding up the lanes of dot tiles is faster than BLAS, for a b'
    NEAR = 24576                       # bytes of b that stay in the L1 cache
    FAR = 1048576                      # bytes of b that do not stay in the L2 cache
    LONG = 4096                        # bytes of a row of b: a page
    TERMS = 64                         # of a block, then

ctypedef fused real:
    float
    double

ctypedef fused number:
    float
    double
    int32_t
    int64_t


cdef class MatMul(Kernel):
    """product = op(a) op(b) for matrices, op being the identity or transposition (transpose_a, transpose_b).

    a [m, k] or [k, m], b [k, n] or [n, k], product [m, n]; k = 0 gives zeros.
    """

    def __init__(self, attrs):
        self.transpose_a, self.transpose_b = attrs.get("transpose_a", False), attrs.get("transpose_b", False)

    def __dealloc__(self):
        free(self.scratch)

    def prepare(self):
        self.choose(self.inputs[0], self.inputs[1])

    cdef int choose(self, Buffer *a, Buffer *b) except -1:
        """The way of this product of a and b."""
        cdef Py_ssize_t tallest
        self.a, self.b = a, b
        self.itemsize, self.lanes = self.a.itemsize, VECTOR_BYTES // self.a.itemsize
        self.m, self.k = self.a.shape[1 if self.transpose_a else 0], self.a.shape[0 if self.transpose_a else 1]
        self.n = self.b.shape[0 if self.transpose_b else 1]
        if self.a.dtype != FLOAT32 and self.a.dtype != FLOAT64:
            self.way = LOOP
            return 0
        self.way = self.way_of_reals()
        # a' b reads a along its rows, so a lower and wider tile is as good there, and writes longer pieces of the product
        tallest = TALLEST // 2 if self.transpose_a and self.m > TALLEST else TALLEST
        self.pieces = max(1, (self.m + tallest - 1) // tallest)
        self.vectors = 8
        while self.vectors > 1 and self.vectors * ((self.m + self.pieces - 1) // self.pieces) > ACCUMULATORS:
            self.vectors //= 2
        self.by_panels = self.way == TILES and self.pieces > 2 and self.k * self.n * self.itemsize > FAR
        width = 0
        if self.way == FLIPPED_TILES:
            self.pieces = max(1, (self.n + TALLEST - 1) // TALLEST)
            width = self.padded_rows()
        elif self.way == TURNED_TILES or self.n < self.lanes:
            width = max(self.n, self.lanes)
        elif self.by_panels:
            width = self.vectors * self.lanes
        if width:
            if posix_memalign(<void **> &self.scratch, 64, max(1, self.k) * width * self.itemsize):
                raise MemoryError()
            memset(self.scratch, 0, max(1, self.k) * width * self.itemsize)
        return 0

    cdef Way way_of_reals(self) noexcept:
        cdef Py_ssize_t padded = self.padded_rows()
        if not self.transpose_b:
            if self.m <= THIN and (not self.transpose_a or self.m * self.k * self.itemsize <= FAR) or self.transpose_a and self.k <= SHORT:
                return TILES
        elif not self.transpose_a and self.m <= THIN:
            if self.k <= SHORT:
                return TURNED_TILES
            if 8 * self.m >= 7 * padded and padded * self.k * self.itemsize <= FAR:
                return FLIPPED_TILES
            if DOT_ROWS <= self.m <= FEW and self.n >= DOT_COLUMNS:
                return DOT_TILES
        return BLAS

    cdef bint in_blocks(self) noexcept nogil:
        """Whether tiles add up the product a block of terms at a time."""
        return self.way == TILES and not self.transpose_a and not self.by_panels and self.n * self.itemsize >= LONG \
            and self.k * self.n * self.itemsize > FAR

    cdef bint by_rows(self) noexcept nogil:
        """Whether tiles compute the product row by row: where all of b is near; and where several threads get as many blocks of rows each, and few,
        since the kernels behind a product mostly work by rows, and then find theirs in their own cache."""
        cdef Py_ssize_t nbytes = self.k * self.n * self.itemsize, threads = threads_at_most()
        return nbytes <= NEAR or threads > 1 and self.pieces % threads == 0 and self.pieces <= 2 * threads and nbytes <= FAR // 2

    cdef Py_ssize_t padded_rows(self) noexcept nogil:
        return (self.m + self.lanes - 1) // self.lanes * self.lanes

    cdef int run(self) except -1 nogil:
        self.product(self.outputs[0].data, NULL)
        return 0

    cdef void product(self, char *out, const char *alpha) noexcept nogil:
        """out = product, or with alpha (TILES and TURNED_TILES only) out -= alpha * product."""
        cdef Py_ssize_t width
        if self.m == 0 or self.n == 0:
            return
        if self.way == LOOP:
            self.share(loop_rows, self.b.data, 0, out, NULL, self.m, self.n * self.k)
        elif self.way == TILES:
            self.tile(self.b.data, self.n, out, alpha)
        elif self.way == TURNED_TILES:
            self.share(turn_rows, self.b.data, max(self.n, self.lanes), self.scratch, NULL, (self.n + 15) // 16, 16 * self.k * WORTH // GRAIN)
            self.tile(self.scratch, max(self.n, self.lanes), out, alpha)
        elif self.way == FLIPPED_TILES:
            width = self.padded_rows()
            self.share(turn_left, self.a.data, width, self.scratch, NULL, (self.m + 15) // 16, 16 * self.k * WORTH // GRAIN)
            self.share(flipped_rows, self.scratch, width, out, NULL, self.pieces, self.n * self.m * self.k // self.pieces)
        elif self.way == DOT_TILES:
            self.share(dot_columns, self.b.data, self.k, out, NULL, (self.n + DOT_COLUMNS - 1) // DOT_COLUMNS, self.m * DOT_COLUMNS * self.k)
        else:
            self.blas(out)

    cdef void share(self, Body body, const char *b, Py_ssize_t ldb, char *out, const char *alpha, Py_ssize_t n, Py_ssize_t each) noexcept nogil:
        """Run a body over n parts of `each` multiplications."""
        cdef Part part = Part(<void *> self, b, ldb, out, alpha)
        parallel_for(body, &part, n, max(1, WORTH // max(1, each)))

    cdef void tile(self, const char *b, Py_ssize_t ldb, char *out, const char *alpha) noexcept nogil:
        cdef Py_ssize_t panel = self.vectors * self.lanes
        if self.n < self.lanes and ldb == self.n:
            self.pad(b)
            b, ldb = self.scratch, self.lanes
        if self.by_rows():
            self.share(tile_rows, b, ldb, out, alpha, self.pieces, self.m // self.pieces * self.n * self.k)
        else:
            self.share(tile_panels, b, ldb, out, alpha, (self.n + panel - 1) // panel, self.m * panel * self.k)

    cdef void tile_rows(self, const Part *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        """All columns of the row blocks begin to end."""
        cdef Py_ssize_t j, p
        for p in range(begin, end):
            j = 0
            while j < self.n:
                j += self.one_tile(p, j, part.b, part.ldb, part.out, part.alpha, 0, self.k)

    cdef void tile_panels(self, const Part *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        """All rows of the panels of columns begin to end."""
        cdef Py_ssize_t j, p, width = 0, panel = self.vectors * self.lanes, last = min(self.n, end * panel)
        cdef char *copy = NULL
        if self.by_panels:
            copy = self.scratch
            if begin > 0 or last < self.n:                           # not alone: then a panel of its own, or none where memory is short
                if posix_memalign(<void **> &copy, 64, self.k * panel * self.itemsize):
                    copy = NULL
        j = begin * panel
        while copy != NULL and j + panel <= last:
            copy_panel(copy, part.b + j * self.itemsize, panel * self.itemsize, part.ldb * self.itemsize, self.k)
            for p in range(self.pieces):
                self.one_tile(p, j, copy - j * self.itemsize, panel, part.out, part.alpha, 0, self.k)
            j += panel
        self.tile_terms(part, j, last)
        if copy != self.scratch:
            free(copy)

    cdef void tile_terms(self, const Part *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        """All rows of the columns begin to end, a block of terms at a time where b's rows are long: then each lies in pages of its own, of
        which the processor can find only so many quickly.  (8 rows by 9216 x 4096: 28 ms, in blocks 11.)"""
        cdef Py_ssize_t j, p, width = 0, first = 0, terms = self.k
        cdef float minus_one = -1
        cdef double minus_one64 = -1
        cdef const char *alpha = part.alpha
        if self.in_blocks():
            terms = TERMS
        while first < self.k or first == 0:
            j = begin
            while j < end:
                for p in range(self.pieces):
                    width = self.one_tile(p, j, part.b + first * part.ldb * self.itemsize, part.ldb, part.out, alpha, first, min(terms, self.k - first))
                j += width
            first += max(1, terms)
            if first < self.k:
                alpha = <char *> &minus_one64 if self.itemsize == 8 else <char *> &minus_one       # added to what is there

    cdef Py_ssize_t one_tile(self, Py_ssize_t piece, Py_ssize_t column, const char *b, Py_ssize_t ldb, char *out, const char *alpha,
                             Py_ssize_t first_term, Py_ssize_t terms) noexcept nogil:
        """One block of rows and as many columns from `column` on as a tile takes; returns how many.  b begins with the first term's row."""
        cdef Py_ssize_t first = piece * self.m // self.pieces, rows = (piece + 1) * self.m // self.pieces - first
        cdef Py_ssize_t row = 1 if self.transpose_a else self.k, step = self.m if self.transpose_a else 1
        cdef Py_ssize_t left = self.n - column, vectors = self.vectors, r, size = self.itemsize
        cdef const char *a = self.a.data + (first * row + first_term * step) * size
        cdef bint is_double = size == 8
        cdef char spill[TALLEST * VECTOR_BYTES]
        out += (first * self.n + column) * size
        if left >= self.lanes:
            while vectors * self.lanes > left:
                vectors //= 2
            tile_of(is_double, rows, vectors)(a, row, step, b + column * size, ldb, terms, out, self.n, alpha)
            return vectors * self.lanes
        # the last columns: a whole vector that ends with the row (or with b's padding), of which the last `left` count
        r = max(self.n, self.lanes) - self.lanes
        tile_of(is_double, rows, 1)(a, row, step, b + r * size, ldb, terms, spill, self.lanes, NULL)
        r = column - r
        for piece in range(rows):
            if alpha == NULL:
                memcpy(out + piece * self.n * size, spill + (piece * self.lanes + r) * size, left * size)
            elif is_double:
                descend[double](<double *> out + piece * self.n, <double *> spill + piece * self.lanes + r, (<double *> alpha)[0], left)
            else:
                descend[float](<float *> out + piece * self.n, <float *> spill + piece * self.lanes + r, (<float *> alpha)[0], left)
        return left

    cdef void pad(self, const char *b) noexcept nogil:
        """Rows shorter than a vector, each in a vector of its own.  What follows a row is copied along: nobody uses it."""
        cdef Py_ssize_t i, row = self.n * self.itemsize, safe = self.k - (VECTOR_BYTES - row + row - 1) // row
        for i in range(self.k):
            if i < safe:
                memcpy(self.scratch + i * VECTOR_BYTES, b + i * row, VECTOR_BYTES)
            else:
                memcpy(self.scratch + i * VECTOR_BYTES, b + i * row, row)

    cdef void flipped_rows(self, const Part *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        """Pieces begin to end of b's rows times a', each result turned on its way to the product."""
        cdef char spill[TALLEST * 2 * VECTOR_BYTES]
        cdef Py_ssize_t piece, first, height, j, columns, vectors, size = self.itemsize
        for piece in range(begin, end):
            first = piece * self.n // self.pieces
            height = (piece + 1) * self.n // self.pieces - first
            j = 0
            while j < self.m:
                vectors = 2 if self.m - j > self.lanes else 1
                columns = min(self.m - j, vectors * self.lanes)
                tile_of(size == 8, height, vectors)(self.b.data + first * self.k * size, self.k, 1, part.b + j * size, part.ldb, self.k,
                                                    spill, vectors * self.lanes, NULL)
                if size == 8:
                    turn_out[double](<double *> spill, vectors * self.lanes, <double *> part.out + j * self.n + first, self.n, height, columns)
                else:
                    turn_out[float](<float *> spill, vectors * self.lanes, <float *> part.out + j * self.n + first, self.n, height, columns)
                j += columns

    cdef void dot(self, char *out, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
        """The blocks of columns begin to end, by blocks of rows; the last ones overlap those before, and compute the same again."""
        cdef DotTile tile = dot_tile_of(self.itemsize == 8)
        cdef Py_ssize_t i, j, first, block, line = self.k * self.itemsize
        for block in range(begin, end):
            j = min(block * DOT_COLUMNS, self.n - DOT_COLUMNS)
            first = 0
            while first < self.m:
                i = min(first, self.m - DOT_ROWS)
                tile(self.a.data + i * line, self.k, self.b.data + j * line, self.k, self.k,
                     out + (i * self.n + j) * self.itemsize, self.n)
                first += DOT_ROWS

    cdef void blas(self, char *out) noexcept nogil:
        """BLAS counts by columns, so it is asked for the transpose: op(b)' op(a)'."""
        cdef int m = self.m, n = self.n, k = self.k, lda = max(1, self.a.shape[1]), ldb = max(1, self.b.shape[1])
        cdef float one = 1, zero = 0
        cdef double one64 = 1, zero64 = 0
        cdef char *turn_a = b"T" if self.transpose_a else b"N"
        cdef char *turn_b = b"T" if self.transpose_b else b"N"
        if k == 0:
            memset(out, 0, self.m * self.n * self.itemsize)
        elif self.itemsize == 4:
            sgemm(turn_b, turn_a, &n, &m, &k, &one, <float *> self.b.data, &ldb, <float *> self.a.data, &lda, &zero, <float *> out, &n)
        else:
            dgemm(turn_b, turn_a, &n, &m, &k, &one64, <double *> self.b.data, &ldb, <double *> self.a.data, &lda, &zero64,
                  <double *> out, &n)


cdef void descend(real *p, const real *g, real alpha, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        p[i] = fma32(-alpha, g[i], p[i]) if real is float else fma64(-alpha, g[i], p[i])


cdef void descend_range(void *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Part *p = <Part *> part
    if (<MatMul> p.kernel).itemsize == 4:
        descend(<float *> p.out + begin, <float *> p.b + begin, (<float *> p.alpha)[0], end - begin)
    else:
        descend(<double *> p.out + begin, <double *> p.b + begin, (<double *> p.alpha)[0], end - begin)


cdef void copy_panel(char *to, const char *b, Py_ssize_t width, Py_ssize_t line, Py_ssize_t rows) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(rows):
        prefetch(b + 16 * line)
        prefetch(b + 16 * line + 64)
        memcpy(to, b, width)
        to += width
        b += line


cdef void turn_out(const real *spill, Py_ssize_t ld, real *out, Py_ssize_t n, Py_ssize_t height, Py_ssize_t columns) noexcept nogil:
    cdef Py_ssize_t r, c
    for c in range(columns):
        for r in range(height):
            out[c * n + r] = spill[r * ld + c]


cdef void flipped_rows(void *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    (<MatMul> (<Part *> part).kernel).flipped_rows(<Part *> part, begin, end)


cdef void turn_left(void *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Part *p = <Part *> part
    cdef Py_ssize_t rows = (<MatMul> p.kernel).m, columns = (<MatMul> p.kernel).k
    if (<MatMul> p.kernel).itemsize == 4:
        turn(<float *> p.b, <float *> p.out, 16 * begin, min(rows, 16 * end), columns, p.ldb)
    else:
        turn(<double *> p.b, <double *> p.out, 16 * begin, min(rows, 16 * end), columns, p.ldb)


cdef void turn(const real *b, real *to, Py_ssize_t begin, Py_ssize_t end, Py_ssize_t columns, Py_ssize_t ld) noexcept nogil:
    """b' in rows of ld elements, sixteen rows of b at a time: a cache line of each row of b' is written whole."""
    cdef Py_ssize_t i, j, r = begin
    while r + 16 <= end:
        for j in range(columns):
            for i in range(16):
                to[j * ld + r + i] = b[(r + i) * columns + j]
        r += 16
    for i in range(r, end):
        for j in range(columns):
            to[j * ld + i] = b[i * columns + j]


cdef void loop_product(MatMul self, const number *a, const number *b, number *out, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Py_ssize_t i, j, k
    cdef Py_ssize_t row = 1 if self.transpose_a else self.k, step = self.m if self.transpose_a else 1
    cdef Py_ssize_t down = 1 if self.transpose_b else self.n, along = self.k if self.transpose_b else 1
    cdef number left
    for i in range(begin, end):
        for j in range(self.n):
            out[i * self.n + j] = 0
        for k in range(self.k):
            left = a[i * row + k * step]
            for j in range(self.n):
                out[i * self.n + j] += left * b[k * down + j * along]


# Parts begin to end of a product

cdef void tile_rows(void *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    (<MatMul> (<Part *> part).kernel).tile_rows(<Part *> part, begin, end)


cdef void tile_panels(void *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    (<MatMul> (<Part *> part).kernel).tile_panels(<Part *> part, begin, end)


cdef void dot_columns(void *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    (<MatMul> (<Part *> part).kernel).dot((<Part *> part).out, begin, end)


cdef void turn_rows(void *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Part *p = <Part *> part
    cdef Py_ssize_t rows = (<MatMul> p.kernel).n, columns = (<MatMul> p.kernel).k
    if (<MatMul> p.kernel).itemsize == 4:
        turn(<float *> p.b, <float *> p.out, 16 * begin, min(rows, 16 * end), columns, p.ldb)
    else:
        turn(<double *> p.b, <double *> p.out, 16 * begin, min(rows, 16 * end), columns, p.ldb)


cdef void loop_rows(void *part, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Part *p = <Part *> part
    if (<MatMul> p.kernel).itemsize == 4:
        loop_product(<MatMul> p.kernel, <int32_t *> (<MatMul> p.kernel).a.data, <int32_t *> p.b, <int32_t *> p.out, begin, end)
    else:
        loop_product(<MatMul> p.kernel, <int64_t *> (<MatMul> p.kernel).a.data, <int64_t *> p.b, <int64_t *> p.out, begin, end)


register_kernel("MatMul", T=[float32, float64, int32, int64])(MatMul)
