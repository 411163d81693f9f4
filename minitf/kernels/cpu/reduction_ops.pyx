"""The loops of reductions: one pass over [outer, n, inner], which leaves [outer, inner].

A compiler may not reorder a sum of floats, so a plain loop over them is not vectorised.  Here a line is summed in 64 lanes, or the
columns of many rows side by side, and the sums of blocks of some thousand elements are added up in double: fast, and more accurate
than the plain loop.  The blocks follow from the shape alone, so the bits do not depend on how many threads reduce them.  Max and Min
give NaN where an element is NaN, as NumPy's do.  Integers wrap.
"""
from libc.math cimport INFINITY
from libc.stdint cimport INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, int32_t, int64_t, uint8_t
from minitf.core.buffers cimport BOOL, FLOAT32, FLOAT64, INT32
from minitf.kernels.cpu.parallel cimport GRAIN, parallel_for

cdef enum:
    MANY = 64                          # lanes of a sum or a product,
    SOME = 32                          # and of Max and Min, which cost more to bring together at the end
    BLOCK = 4096                       # elements of a line that are summed in their own type
    ROWS = 256                         # rows of which a column's elements are; more where they are short
    COLUMNS = 1024                     # columns whose sums stay in the L1 cache

ctypedef fused number:
    float
    double
    int32_t
    int64_t

ctypedef fused element:
    float
    double
    int32_t
    int64_t
    uint8_t


cdef inline element lowest(element unused) noexcept nogil:
    if element is float or element is double: return -INFINITY
    elif element is int32_t: return INT32_MIN
    elif element is int64_t: return INT64_MIN
    else: return 0


cdef inline element highest(element unused) noexcept nogil:
    if element is float or element is double: return INFINITY
    elif element is int32_t: return INT32_MAX
    elif element is int64_t: return INT64_MAX
    else: return 1

cdef inline element larger(element a, element b) noexcept nogil:
    return a if (a > b) | (a != a) else b

cdef inline element smaller(element a, element b) noexcept nogil:
    return a if (a < b) | (a != a) else b

# One line of n elements, in lanes

cdef number sum_lanes(const number *x, Py_ssize_t n) noexcept nogil:
    cdef number lane[MANY]
    cdef number few = 0
    cdef Py_ssize_t i, k
    if n < 16:                         # folding would cost more
        for k in range(n): few += x[k]
        return few
    for k in range(MANY): lane[k] = 0
    for i in range(n // MANY):
        for k in range(MANY): lane[k] += x[k]
        x += MANY
    for k in range(n % MANY): lane[k] += x[k]
    for k in range(32): lane[k] += lane[k + 32]
    for k in range(16): lane[k] += lane[k + 16]
    for k in range(8): lane[k] += lane[k + 8]
    for k in range(4): lane[k] += lane[k + 4]
    for k in range(2): lane[k] += lane[k + 2]
    return lane[0] + lane[1]

cdef number square_lanes(const number *x, Py_ssize_t n) noexcept nogil:
    cdef number lane[MANY]
    cdef Py_ssize_t i, k
    for k in range(MANY): lane[k] = 0
    for i in range(n // MANY):
        for k in range(MANY): lane[k] += x[k] * x[k]
        x += MANY
    for k in range(n % MANY): lane[k] += x[k] * x[k]
    for k in range(32): lane[k] += lane[k + 32]
    for k in range(16): lane[k] += lane[k + 16]
    for k in range(8): lane[k] += lane[k + 8]
    for k in range(4): lane[k] += lane[k + 4]
    for k in range(2): lane[k] += lane[k + 2]
    return lane[0] + lane[1]

cdef number product_lanes(const number *x, Py_ssize_t n) noexcept nogil:
    cdef number lane[MANY]
    cdef Py_ssize_t i, k
    for k in range(MANY): lane[k] = 1
    for i in range(n // MANY):
        for k in range(MANY): lane[k] *= x[k]
        x += MANY
    for k in range(n % MANY): lane[k] *= x[k]
    for k in range(32): lane[k] *= lane[k + 32]
    for k in range(16): lane[k] *= lane[k + 16]
    for k in range(8): lane[k] *= lane[k + 8]
    for k in range(4): lane[k] *= lane[k + 4]
    for k in range(2): lane[k] *= lane[k + 2]
    return lane[0] * lane[1]

cdef element max_lanes(const element *x, Py_ssize_t n) noexcept nogil:
    cdef element lane[SOME]
    cdef Py_ssize_t i, k
    for k in range(SOME): lane[k] = lowest(<element> 0)
    for i in range(n // SOME):
        for k in range(SOME): lane[k] = larger(x[k], lane[k])
        x += SOME
    for k in range(n % SOME): lane[k] = larger(x[k], lane[k])
    for k in range(16): lane[k] = larger(lane[k + 16], lane[k])
    for k in range(8): lane[k] = larger(lane[k + 8], lane[k])
    for k in range(1, 8): lane[0] = larger(lane[k], lane[0])
    return lane[0]

cdef element min_lanes(const element *x, Py_ssize_t n) noexcept nogil:
    cdef element lane[SOME]
    cdef Py_ssize_t i, k
    for k in range(SOME): lane[k] = highest(<element> 0)
    for i in range(n // SOME):
        for k in range(SOME): lane[k] = smaller(x[k], lane[k])
        x += SOME
    for k in range(n % SOME): lane[k] = smaller(x[k], lane[k])
    for k in range(16): lane[k] = smaller(lane[k + 16], lane[k])
    for k in range(8): lane[k] = smaller(lane[k + 8], lane[k])
    for k in range(1, 8): lane[0] = smaller(lane[k], lane[0])
    return lane[0]

# Rows side by side: column c of `out` takes in column c of each row; `line` elements from one row to the next

cdef void sum_rows(number *out, const number *x, Py_ssize_t rows, Py_ssize_t n, Py_ssize_t line) noexcept nogil:
    cdef Py_ssize_t r, c
    for r in range(rows // 4):         # four at once: a quarter of the traffic to out
        for c in range(n): out[c] += (x[c] + x[line + c]) + (x[2 * line + c] + x[3 * line + c])
        x += 4 * line
    for r in range(rows % 4):
        for c in range(n): out[c] += x[c]
        x += line

cdef void product_rows(number *out, const number *x, Py_ssize_t rows, Py_ssize_t n, Py_ssize_t line) noexcept nogil:
    cdef Py_ssize_t r, c
    for r in range(rows):
        for c in range(n): out[c] *= x[c]
        x += line

cdef void max_rows(element *out, const element *x, Py_ssize_t rows, Py_ssize_t n, Py_ssize_t line) noexcept nogil:
    cdef Py_ssize_t r, c
    for r in range(rows):
        for c in range(n): out[c] = larger(x[c], out[c])
        x += line

cdef void min_rows(element *out, const element *x, Py_ssize_t rows, Py_ssize_t n, Py_ssize_t line) noexcept nogil:
    cdef Py_ssize_t r, c
    for r in range(rows):
        for c in range(n): out[c] = smaller(x[c], out[c])
        x += line

cdef void take_rows(Operation op, element *out, const element *x, Py_ssize_t rows, Py_ssize_t n, Py_ssize_t line) noexcept nogil:
    if op == MAX:
        max_rows(out, x, rows, n, line)
    elif op == MIN:
        min_rows(out, x, rows, n, line)
    elif element is not uint8_t:
        if op == PROD:
            product_rows(out, x, rows, n, line)
        else:
            sum_rows(out, x, rows, n, line)


cdef inline element neutral(Operation op, element like) noexcept nogil:
    return lowest(like) if op == MAX else highest(like) if op == MIN else 1 if op == PROD else 0


# Blocks of a pass [outer, n, inner] -> [outer, inner]

cdef struct Job:
    Operation op
    int dtype
    char *out                          # [outer, blocks, inner]
    const char *x
    Py_ssize_t n, inner
    Py_ssize_t rows, blocks            # of n: how many make a block, and how many blocks they make
    Py_ssize_t pieces                  # of inner: COLUMNS each


cdef Py_ssize_t block_rows(Py_ssize_t inner) noexcept nogil:
    return max(ROWS, BLOCK // max(1, inner))


cdef Py_ssize_t partial_elements(Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner) noexcept nogil:
    cdef Py_ssize_t rows = block_rows(inner)
    return outer * ((n + rows - 1) // rows) * inner if n > rows else 0


cdef element reduce_line(Operation op, const element *x, Py_ssize_t n) noexcept nogil:
    if op == MAX:
        return max_lanes(x, n)
    if op == MIN:
        return min_lanes(x, n)
    if element is uint8_t:
        return 0
    else:
        return product_lanes(x, n) if op == PROD else square_lanes(x, n) if op == SQUARES else sum_lanes(x, n)


cdef void reduce_columns(Operation op, element *out, const element *x, Py_ssize_t rows, Py_ssize_t n, Py_ssize_t line) noexcept nogil:
    cdef Py_ssize_t c
    for c in range(n): out[c] = neutral(op, <element> 0)
    take_rows(op, out, x, rows, n, line)


cdef void reduce_block(Operation op, element *out, const element *x, Py_ssize_t rows, Py_ssize_t n, Py_ssize_t line) noexcept nogil:
    """`rows` rows of `line` elements, of which the first n count, to n elements."""
    cdef element side[2 * MANY]
    cdef Py_ssize_t fold
    if line == 1:
        out[0] = reduce_line(op, x, rows)
        return
    fold = MANY // line
    if fold > 1 and rows >= 2 * fold:                      # short rows: `fold` of them make one, whose sums are added last
        reduce_columns(op, side, x, rows // fold, fold * line, fold * line)
        reduce_columns(op, out, side, fold, line, line)
        take_rows(op, out, x + rows // fold * fold * line, rows % fold, line, line)
    else:
        reduce_columns(op, out, x, rows, n, line)


cdef void reduce_blocks(Job *j, element *out, const element *x, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Tasks begin to end: for each block of rows (of all lines of `outer`, one after the other) its pieces."""
    cdef Py_ssize_t task, block, row, c
    if j.blocks == 1 and j.pieces == 1:
        for task in range(begin, end):
            reduce_block(j.op, out + task * j.inner, x + task * j.n * j.inner, j.n, j.inner, j.inner)
        return
    for task in range(begin, end):
        block = task // j.pieces
        c = task % j.pieces * COLUMNS
        row = block % j.blocks * j.rows
        reduce_block(j.op, out + block * j.inner + c, x + (block // j.blocks * j.n + row) * j.inner + c,
                     min(j.rows, j.n - row), min(COLUMNS, j.inner - c), j.inner)


cdef void run_blocks(void *job, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Job *j = <Job *> job
    if j.dtype == FLOAT32:
        reduce_blocks(j, <float *> j.out, <const float *> j.x, begin, end)
    elif j.dtype == FLOAT64:
        reduce_blocks(j, <double *> j.out, <const double *> j.x, begin, end)
    elif j.dtype == INT32:
        reduce_blocks(j, <int32_t *> j.out, <const int32_t *> j.x, begin, end)
    elif j.dtype == BOOL:
        reduce_blocks(j, <uint8_t *> j.out, <const uint8_t *> j.x, begin, end)
    else:
        reduce_blocks(j, <int64_t *> j.out, <const int64_t *> j.x, begin, end)


cdef void combine(Operation op, element *out, const element *x, Py_ssize_t outer, Py_ssize_t blocks, Py_ssize_t inner) noexcept nogil:
    """[outer, blocks, inner] -> [outer, inner], in the order of the blocks; sums and products of floats in double."""
    cdef double total[COLUMNS]
    cdef Py_ssize_t o, b, c, n, first
    for o in range(outer):
        first = 0
        while first < inner:
            n = min(COLUMNS, inner - first)
            if (element is float or element is double) and op != MAX and op != MIN:
                for c in range(n): total[c] = op == PROD
                for b in range(blocks):
                    if op == PROD:
                        for c in range(n): total[c] *= x[b * inner + first + c]
                    else:
                        for c in range(n): total[c] += x[b * inner + first + c]
                for c in range(n): out[first + c] = <element> total[c]
            else:
                reduce_columns(op, out + first, x + first, blocks, n, inner)
            first += COLUMNS
        x += blocks * inner
        out += inner


cdef void reduce_axis(Operation op, int dtype, char *out, const char *x, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner,
                      char *partial) noexcept nogil:
    cdef Job j
    cdef Py_ssize_t each
    if outer * inner == 0:
        return
    j.op, j.dtype, j.out, j.x, j.n, j.inner = op, dtype, out, x, n, inner
    if n <= ROWS and inner <= COLUMNS and outer * n * inner <= GRAIN:          # small: no time for divisions
        j.blocks = j.pieces = 1
        run_blocks(&j, 0, outer)
        return
    j.rows = block_rows(inner)
    j.blocks = max(1, (n + j.rows - 1) // j.rows)
    j.pieces = (inner + COLUMNS - 1) // COLUMNS
    if j.blocks > 1:
        j.out = partial
    each = max(1, min(n, j.rows) * min(inner, COLUMNS))
    parallel_for(run_blocks, &j, outer * j.blocks * j.pieces, max(1, 2 * GRAIN // each))
    if j.blocks == 1:
        return
    if dtype == FLOAT32:
        combine(op, <float *> out, <const float *> partial, outer, j.blocks, inner)
    elif dtype == FLOAT64:
        combine(op, <double *> out, <const double *> partial, outer, j.blocks, inner)
    elif dtype == INT32:
        combine(op, <int32_t *> out, <const int32_t *> partial, outer, j.blocks, inner)
    elif dtype == BOOL:
        combine(op, <uint8_t *> out, <const uint8_t *> partial, outer, j.blocks, inner)
    else:
        combine(op, <int64_t *> out, <const int64_t *> partial, outer, j.blocks, inner)

# The place of the largest

cdef void arg_max(int64_t *index, number *best, const number *x, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner) noexcept nogil:
    cdef Py_ssize_t o, r, c
    cdef bint better
    for o in range(outer):
        if inner == 1:
            best[0] = max_lanes(x, n)
            r = 0
            while x[r] != best[0] and x[r] == x[r]:
                r += 1
            index[0] = r
        else:
            for c in range(inner):
                best[c] = x[c]
                index[c] = 0
            for r in range(1, n):
                for c in range(inner):
                    better = (x[r * inner + c] > best[c]) | ((x[r * inner + c] != x[r * inner + c]) & (best[c] == best[c]))
                    best[c] = x[r * inner + c] if better else best[c]
                    index[c] = r if better else index[c]
        x += n * inner
        index += inner


cdef struct ArgJob:
    int dtype
    int64_t *index
    char *best
    const char *x
    Py_ssize_t n, inner


cdef void run_lines(void *job, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Lines begin to end of `outer`, each with a best of its own."""
    cdef ArgJob *j = <ArgJob *> job
    cdef int64_t *index = j.index + begin * j.inner
    cdef Py_ssize_t best = begin * j.inner, x = begin * j.n * j.inner
    if j.dtype == FLOAT32:
        arg_max(index, <float *> j.best + best, <const float *> j.x + x, end - begin, j.n, j.inner)
    elif j.dtype == FLOAT64:
        arg_max(index, <double *> j.best + best, <const double *> j.x + x, end - begin, j.n, j.inner)
    elif j.dtype == INT32:
        arg_max(index, <int32_t *> j.best + best, <const int32_t *> j.x + x, end - begin, j.n, j.inner)
    else:
        arg_max(index, <int64_t *> j.best + best, <const int64_t *> j.x + x, end - begin, j.n, j.inner)


cdef void arg_max_axis(int dtype, int64_t *index, char *best, const char *x, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner) noexcept nogil:
    cdef ArgJob j = ArgJob(dtype, index, best, x, n, inner)
    parallel_for(run_lines, &j, outer, max(1, GRAIN // max(1, n * inner)))
