"""The loops of reductions: one pass over [outer, n, inner], which leaves [outer, inner].

A compiler may not reorder a sum of floats, so a plain loop over them is not vectorised.  Here a line is summed in 64 lanes, or the
columns of many rows side by side, and the sums of blocks of some thousand elements are added up in double: fast, and more accurate
than the plain loop.  Max and Min give NaN where an element is NaN, as NumPy's do.  Integers wrap.
"""
from libc.math cimport INFINITY
from libc.stdint cimport INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN, int32_t, int64_t, uint8_t
from minitf.core.buffers cimport BOOL, FLOAT32, FLOAT64, INT32

cdef enum:
    MANY = 64                          # lanes of a sum or a product,
    SOME = 32                          # and of Max and Min, which cost more to bring together at the end
    BLOCK = 4096                       # elements of a line that are summed in their own type
    ROWS = 256                         # rows of which a column's elements are
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
    return b if (a > b) | (b != b) else a

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


# One pass: [outer, n, inner] -> [outer, inner]

cdef element reduce_line(Operation op, const element *x, Py_ssize_t n) noexcept nogil:
    cdef double total = 0
    cdef int64_t whole = 0
    cdef element sum
    if op == MAX:
        return max_lanes(x, n)
    if op == MIN:
        return min_lanes(x, n)
    if element is not uint8_t:
        if op == PROD:
            return product_lanes(x, n)
        while n > 0:
            sum = sum_lanes(x, min(n, BLOCK)) if op == SUM else square_lanes(x, min(n, BLOCK))
            if element is float or element is double: total += sum
            else: whole += sum
            x += BLOCK
            n -= BLOCK
    return <element> total if element is float or element is double else <element> whole


cdef void reduce_columns(Operation op, element *out, const element *x, Py_ssize_t rows, Py_ssize_t n, Py_ssize_t line) noexcept nogil:
    """Up to COLUMNS columns, rows of `line` elements.  Many rows are summed by the block, and the blocks in double."""
    cdef double total[COLUMNS]
    cdef Py_ssize_t c, r, some
    for c in range(n): out[c] = neutral(op, <element> 0)
    if element is float and op == SUM and rows > ROWS:
        for c in range(n): total[c] = 0
        r = 0
        while r < rows:
            some = min(ROWS, rows - r)
            take_rows(op, out, x + r * line, some, n, line)
            for c in range(n):
                total[c] += out[c]
                out[c] = 0
            r += some
        for c in range(n): out[c] = <element> total[c]
    else:
        take_rows(op, out, x, rows, n, line)


cdef void reduce_pass(Operation op, element *out, const element *x, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner) noexcept nogil:
    cdef element side[2 * MANY]
    cdef Py_ssize_t o, c, fold = MANY // inner if inner else 0
    for o in range(outer):
        if inner == 1:
            out[o] = reduce_line(op, x, n)
        elif fold > 1 and n >= 2 * fold:                     # short rows: `fold` of them make one, whose sums are added last
            reduce_columns(op, side, x, n // fold, fold * inner, fold * inner)
            reduce_columns(op, out + o * inner, side, fold, inner, inner)
            take_rows(op, out + o * inner, x + n // fold * fold * inner, n % fold, inner, inner)
        else:
            c = 0
            while c < inner:
                reduce_columns(op, out + o * inner + c, x + c, n, min(COLUMNS, inner - c), inner)
                c += COLUMNS
        x += n * inner


cdef void reduce_axis(Operation op, int dtype, char *out, const char *x, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner) noexcept nogil:
    if dtype == FLOAT32:
        reduce_pass[float](op, <float *> out, <const float *> x, outer, n, inner)
    elif dtype == FLOAT64:
        reduce_pass[double](op, <double *> out, <const double *> x, outer, n, inner)
    elif dtype == INT32:
        reduce_pass[int32_t](op, <int32_t *> out, <const int32_t *> x, outer, n, inner)
    elif dtype == BOOL:
        reduce_pass[uint8_t](op, <uint8_t *> out, <const uint8_t *> x, outer, n, inner)
    else:
        reduce_pass[int64_t](op, <int64_t *> out, <const int64_t *> x, outer, n, inner)

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


cdef void arg_max_axis(int dtype, int64_t *index, char *best, const char *x, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner) noexcept nogil:
    if dtype == FLOAT32:
        arg_max[float](index, <float *> best, <const float *> x, outer, n, inner)
    elif dtype == FLOAT64:
        arg_max[double](index, <double *> best, <const double *> x, outer, n, inner)
    elif dtype == INT32:
        arg_max[int32_t](index, <int32_t *> best, <const int32_t *> x, outer, n, inner)
    else:
        arg_max[int64_t](index, <int64_t *> best, <const int64_t *> x, outer, n, inner)
