"""One copy for every op that only moves data, whatever the dtype: transposes, slices, padding, tiling, joining, splitting.

An op says which box it moves, axis by axis from the outermost; finish_copy() makes the box as simple as it can be.  A slice of
whole rows of a [4, 5, 6] float32 array has three axes that follow evenly on both sides: they become one run of bytes, and the
copy a memcpy.  A transpose of its last two axes keeps all three, and goes through tiles.
"""
from libc.string cimport memcpy
from minitf.kernels.cpu.parallel cimport GRAIN, parallel_for

cdef extern from *:
    """
    #include <stdint.h>
    /* A feed may lie at any address, and an element may be a float: no alignment, no aliasing rules. */
    typedef uint8_t word1;
    typedef uint32_t __attribute__((aligned(1), may_alias)) word4;
    typedef uint64_t __attribute__((aligned(1), may_alias)) word8;
    typedef uint32_t __attribute__((vector_size(16), aligned(1), may_alias)) word16;
    """
    ctypedef unsigned char word1
    ctypedef unsigned int word4
    ctypedef unsigned long long word8
    ctypedef struct word16:
        pass

cdef extern from "transpose_tile.h" nogil:
    void transpose_16x16(char *, int64_t, const char *, int64_t)

ctypedef fused word:
    word1
    word4
    word8
    word16

cdef enum:
    TILE = 16                         # words: one cache line by one cache line of float32
    BELOW = 2                         # tiles one below the other: they read a source row's cache lines in pairs, as processors fetch them


cdef void begin_copy(StridedCopy *c, int64_t itemsize) noexcept nogil:
    c.rank, c.empty, c.tiled, c.unit = 0, False, False, itemsize


cdef void add_axis(StridedCopy *c, int64_t size, int64_t to, int64_t source) noexcept nogil:
    """One more axis, inside those before.  It is merged with the one before where both sides step from one to the other evenly."""
    cdef int last = c.rank - 1
    if size == 0:
        c.empty = True
    if size == 1:
        return
    if last >= 0 and c.to[last] == to * size and c.source[last] == source * size:
        c.size[last] *= size
        c.to[last], c.source[last] = to, source
        return
    c.size[c.rank], c.to[c.rank], c.source[c.rank] = size, to, source
    c.rank += 1


cdef void finish_copy(StridedCopy *c) noexcept nogil:
    cdef int i, last = c.rank - 1
    if last >= 0 and c.to[last] == c.unit and c.source[last] == c.unit:
        c.unit *= c.size[last]
        c.rank = last
        last -= 1
    if c.unit not in (1, 4, 8, 16) or last < 1 or c.to[last] != c.unit:
        return
    for i in range(last):
        if c.source[i] == c.unit:
            move_axis(c, i, last - 1)
            c.tiled = True
            return


cdef void move_axis(StridedCopy *c, int i, int place) noexcept nogil:
    cdef int64_t size = c.size[i], to = c.to[i], source = c.source[i]
    while i < place:
        c.size[i], c.to[i], c.source[i] = c.size[i + 1], c.to[i + 1], c.source[i + 1]
        i += 1
    c.size[place], c.to[place], c.source[place] = size, to, source


cdef struct Job:
    const StridedCopy *copy
    char *to
    const char *source
    int outer                         # axes outside those of copy_inner()


cdef void run_copy(const StridedCopy *c, char *to, const char *source) noexcept nogil:
    """Move the box whose first elements lie at `to` and `source`.  The two sides must not overlap."""
    cdef Job job = Job(c, to, source, c.rank - (2 if c.tiled else 1))
    cdef int64_t lines = 1, inner = c.unit
    cdef int k
    if c.empty:
        return
    if c.rank == 0:
        parallel_for(copy_bytes, &job, c.unit, APART)
        return
    for k in range(c.rank):
        if k < job.outer:
            lines *= c.size[k]
        else:
            inner *= c.size[k]
    if lines == 1:
        parallel_for(copy_line, &job, steps(c), max(1, APART // (inner // steps(c))))
    else:
        parallel_for(copy_lines, &job, lines, max(1, APART // inner))


cdef void copy_bytes(void *job, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    memcpy((<Job *> job).to + begin, (<Job *> job).source + begin, end - begin)


cdef void copy_line(void *job, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    copy_inner((<Job *> job).copy, (<Job *> job).to, (<Job *> job).source, begin, end)


cdef void copy_lines(void *job, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    """Indices begin to end of the outer axes, counted as one, the last fastest."""
    cdef Job *j = <Job *> job
    cdef const StridedCopy *c = j.copy
    cdef char *to = j.to
    cdef const char *source = j.source
    cdef int64_t at[MAX_AXES]
    cdef int64_t rest = begin
    cdef int k
    for k in range(j.outer - 1, -1, -1):
        at[k] = rest % c.size[k]
        rest //= c.size[k]
        to += at[k] * c.to[k]
        source += at[k] * c.source[k]
    for begin in range(begin, end):
        copy_inner(c, to, source, 0, steps(c))
        k = j.outer - 1
        while k >= 0:
            to += c.to[k]
            source += c.source[k]
            at[k] += 1
            if at[k] < c.size[k]:
                break
            to -= c.to[k] * c.size[k]
            source -= c.source[k] * c.size[k]
            at[k] = 0
            k -= 1


cdef inline int64_t steps(const StridedCopy *c) noexcept nogil:
    """What copy_inner() counts in: bands of tiles, or units along the last axis."""
    return (c.size[c.rank - 2] + BELOW * TILE - 1) // (BELOW * TILE) if c.tiled else c.size[c.rank - 1]


cdef void copy_inner(const StridedCopy *c, char *to, const char *source, int64_t begin, int64_t end) noexcept nogil:
    cdef int64_t i
    cdef int last = c.rank - 1
    if not c.tiled:
        to += begin * c.to[last]
        source += begin * c.source[last]
    if c.tiled:
        if c.unit == 4:
            copy_tiles[word4](c, <word4 *> to, <const word4 *> source, begin, end)
        elif c.unit == 8:
            copy_tiles[word8](c, <word8 *> to, <const word8 *> source, begin, end)
        elif c.unit == 1:
            copy_tiles[word1](c, <word1 *> to, <const word1 *> source, begin, end)
        else:
            copy_tiles[word16](c, <word16 *> to, <const word16 *> source, begin, end)
    elif c.unit == 4:
        copy_row[word4](c, <word4 *> to, <const word4 *> source, end - begin)
    elif c.unit == 8:
        copy_row[word8](c, <word8 *> to, <const word8 *> source, end - begin)
    elif c.unit == 1:
        copy_row[word1](c, <word1 *> to, <const word1 *> source, end - begin)
    elif c.unit == 16:
        copy_row[word16](c, <word16 *> to, <const word16 *> source, end - begin)
    else:
        for i in range(end - begin):
            memcpy(to + i * c.to[last], source + i * c.source[last], c.unit)


cdef inline void copy_row(const StridedCopy *c, word *to, const word *source, int64_t n) noexcept nogil:
    """n words along the last axis; one word again and again where the source stands still.

    Distances stay in bytes: a word of 8 may be two floats, and the next two lie 12 bytes on.
    """
    cdef int64_t i, to_step = c.to[c.rank - 1], step = c.source[c.rank - 1]
    cdef word value
    if step == 0 and to_step == <int64_t> sizeof(word):
        value = source[0]
        for i in range(n):
            to[i] = value
    else:
        for i in range(n):
            (<word *> (<char *> to + i * to_step))[0] = (<const word *> (<const char *> source + i * step))[0]


cdef inline void copy_tiles(const StridedCopy *c, word *to, const word *source, int64_t begin, int64_t end) noexcept nogil:
    """to[r, j] = source[j, r], tile by tile, in bands of BELOW tiles of rows: each cache line of either side is touched while it is near."""
    cdef int64_t rows = c.size[c.rank - 2], cols = c.size[c.rank - 1], band, r, j
    cdef int64_t width = c.to[c.rank - 2], step = c.source[c.rank - 1]
    cdef char *y
    cdef const char *x
    for band in range(begin, end):
        for j in range((cols + TILE - 1) // TILE):
            for r in range(band * BELOW, min((rows + TILE - 1) // TILE, (band + 1) * BELOW)):
                y = <char *> (to + j * TILE) + r * TILE * width
                x = <const char *> (source + r * TILE) + j * TILE * step
                if (r + 1) * TILE > rows or (j + 1) * TILE > cols:
                    copy_tile(<word *> y, width, <const word *> x, step, min(TILE, rows - r * TILE), min(TILE, cols - j * TILE))
                elif word is word4:
                    transpose_16x16(y, width, x, step)
                else:
                    copy_tile(<word *> y, width, <const word *> x, step, TILE, TILE)


cdef inline void copy_tile(word *y, int64_t width, const word *x, int64_t step, int64_t rows, int64_t cols) noexcept nogil:
    cdef int64_t i, k
    for i in range(rows):
        for k in range(cols):
            (<word *> (<char *> y + i * width))[k] = (<const word *> (<const char *> x + k * step))[i]
