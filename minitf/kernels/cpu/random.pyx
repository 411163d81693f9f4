"""Random numbers from a counter: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011).

Block b of a stream is a function of (key, b) alone, four 32-bit words.  An op that makes n numbers takes the next blocks of
its stream and number i comes from block i // 4 (or i // 2, for numbers of 64 bits), so its bits depend neither on how the work is cut
up nor on what other ops do; the next run goes on where this one stopped.  A number that must be drawn again (TruncatedNormal,
RandomUniformInt) is drawn from the same block of a parallel stream: the upper half of the 128-bit counter counts the attempts.
So n numbers always take the same count of blocks.
"""
from libc.math cimport cos, log, sin, sqrt
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from minitf.core.resources cimport RandomState
from .indexing cimport integer
from .kernel cimport FLOAT32, INT32, Buffer, Kernel, int32s, int64s
from .parallel cimport GRAIN, parallel_for

from minitf.core.dtypes import float32, float64
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import register_kernel

cdef extern from "vector_math.h" nogil:
    float fma32(float, float, float)
    float log32(float)

cdef extern from *:
    """
    #include <stdint.h>
    #include <math.h>
    static inline uint64_t multiply_high(uint64_t a, uint64_t b, uint64_t *low) {
        unsigned __int128 product = (unsigned __int128) a * b;
        *low = (uint64_t) product;
        return (uint64_t) (product >> 64);
    }
    #define UNIT24 0x1p-24f              /* what one of 2^24 steps is worth */
    #define UNIT32 0x1p-32f
    #define UNIT53 0x1p-53
    #define QUARTER_TURN 1.57079632679489662
    """
    float UNIT24, UNIT32
    double UNIT53, QUARTER_TURN
    uint64_t multiply_high(uint64_t, uint64_t, uint64_t *) nogil
    float sqrtf(float) nogil

ctypedef void (*Draw)(char *out, uint64_t key, uint64_t block) noexcept nogil


cdef void philox(uint32_t *words, uint64_t key, uint64_t low, uint64_t high) noexcept nogil:
    """The blocks (high, low), (high, low + 1), ... (high, low + 15) of a stream, four words each."""
    cdef uint32_t c0, c1, c2, c3, k0, k1
    cdef uint64_t p, q
    cdef int k, turn
    for k in range(BLOCKS):                    # one lane of a vector each: the compiler unrolls the rounds
        c0, c1 = <uint32_t> (low + k), <uint32_t> ((low + k) >> 32)
        c2, c3 = <uint32_t> high, <uint32_t> (high >> 32)
        k0, k1 = <uint32_t> key, <uint32_t> (key >> 32)
        for turn in range(10):
            p = <uint64_t> 0xD2511F53 * c0
            q = <uint64_t> 0xCD9E8D57 * c2
            c0 = <uint32_t> (q >> 32) ^ c1 ^ k0
            c1 = <uint32_t> q
            c2 = <uint32_t> (p >> 32) ^ c3 ^ k1
            c3 = <uint32_t> p
            k0 += <uint32_t> 0x9E3779B9
            k1 += <uint32_t> 0xBB67AE85
        words[4 * k] = c0
        words[4 * k + 1] = c1
        words[4 * k + 2] = c2
        words[4 * k + 3] = c3


def philox_block(key, counter):
    """One block as four ints, for a 64-bit key and a 128-bit counter."""
    cdef uint32_t words[WORDS]
    philox(words, key, counter & 0xFFFFFFFFFFFFFFFF, counter >> 64)
    return tuple([words[k] for k in range(4)])


cdef void uniform32(char *out, uint64_t key, uint64_t block) noexcept nogil:
    """64 floats in [0, 1): the upper 24 bits of a word each."""
    cdef uint32_t words[WORDS]
    cdef float *x = <float *> out
    cdef int i
    philox(words, key, block, 0)
    for i in range(WORDS):
        x[i] = <float> <int32_t> (words[i] >> 8) * UNIT24


cdef void uniform64(char *out, uint64_t key, uint64_t block) noexcept nogil:
    """32 doubles in [0, 1): the upper 53 bits of two words each."""
    cdef uint32_t words[WORDS]
    cdef double *x = <double *> out
    cdef int i
    philox(words, key, block, 0)
    for i in range(PAIRS):
        x[i] = <double> <int64_t> (wide(words, i) >> 11) * UNIT53


cdef inline void box_muller(float *x, float *y, uint32_t u, uint32_t v) noexcept nogil:
    """Two normal numbers: a radius sqrt(-2 log u) and an angle.

    The angle is a quarter turn times the upper two bits of v, plus what the rest says, between -1/8 and 1/8 of a turn, where short
    polynomials (Cephes) give sine and cosine.
    """
    cdef float radius = sqrtf(-2 * log32((<float> u + <float> 0.5) * UNIT32))
    cdef float angle = <float> <int32_t> (v << 2) * (<float> QUARTER_TURN * UNIT32)
    cdef float z = angle * angle
    cdef float s = fma32(z, fma32(z, <float> -1.9515295891e-4, <float> 8.3321608736e-3), <float> -1.6666654611e-1)
    cdef float c = fma32(z, fma32(z, <float> 2.443315711809948e-5, <float> -1.388731625493765e-3), <float> 4.166664568298827e-2)
    cdef float sine = fma32(angle * z, s, angle), cosine = fma32(z * z, c, fma32(z, <float> -0.5, 1))
    radius = -radius if v >> 31 else radius
    x[0] = radius * (-sine if v >> 30 & 1 else cosine)
    y[0] = radius * (cosine if v >> 30 & 1 else sine)


cdef void normal_blocks32(float *x, uint64_t key, uint64_t block, uint64_t attempt) noexcept nogil:
    cdef uint32_t words[WORDS]
    cdef int i
    philox(words, key, block, attempt)
    for i in range(PAIRS):
        box_muller(&x[2 * i], &x[2 * i + 1], words[2 * i], words[2 * i + 1])


cdef void normal_blocks64(double *x, uint64_t key, uint64_t block, uint64_t attempt) noexcept nogil:
    cdef uint32_t words[WORDS]
    cdef double radius, angle
    cdef int i
    philox(words, key, block, attempt)
    for i in range(0, PAIRS, 2):
        radius = sqrt(-2 * log(((wide(words, i) >> 11) + 0.5) * UNIT53))
        angle = (wide(words, i + 1) >> 11) * (4 * QUARTER_TURN * UNIT53)
        x[i] = radius * cos(angle)
        x[i + 1] = radius * sin(angle)


cdef void normal32(char *out, uint64_t key, uint64_t block) noexcept nogil:
    normal_blocks32(<float *> out, key, block, 0)


cdef void normal64(char *out, uint64_t key, uint64_t block) noexcept nogil:
    normal_blocks64(<double *> out, key, block, 0)


cdef void truncated32(char *out, uint64_t key, uint64_t block) noexcept nogil:
    """Normal numbers in (-2, 2); those outside are drawn again until they are inside."""
    cdef float *x = <float *> out
    cdef float again[WORDS]
    cdef uint64_t attempt = 0
    cdef int i, outside = 1
    normal_blocks32(x, key, block, 0)
    while outside:
        outside = 0
        for i in range(WORDS):
            outside += not -2 < x[i] < 2
        if outside:
            attempt += 1
            normal_blocks32(again, key, block, attempt)
            for i in range(WORDS):
                x[i] = x[i] if -2 < x[i] < 2 else again[i]


cdef void truncated64(char *out, uint64_t key, uint64_t block) noexcept nogil:
    cdef double *x = <double *> out
    cdef double again[PAIRS]
    cdef uint64_t attempt = 0
    cdef int i, outside = 1
    normal_blocks64(x, key, block, 0)
    while outside:
        outside = 0
        for i in range(PAIRS):
            outside += not -2 < x[i] < 2
        if outside:
            attempt += 1
            normal_blocks64(again, key, block, attempt)
            for i in range(PAIRS):
                x[i] = x[i] if -2 < x[i] < 2 else again[i]


cdef class RandomKernel(Kernel):
    def __init__(self, attrs):
        self.state = attrs["_state"]


def take_block(RandomState state):
    """(key, number) of the next block of a stream: for kernels that draw from it in Python."""
    return state.key, state.take(1)


cdef class RandomFloats(RandomKernel):
    """float32 or float64 numbers, 16 blocks at a time."""
    cdef Draw draw

    cdef Draw choose(self, int dtype) except NULL:
        raise NotImplementedError

    def prepare(self):
        self.draw = self.choose(self.outputs[0].dtype)

    cdef int run(self) except -1 nogil:
        cdef Buffer *out = self.outputs[0]
        cdef int64_t per_block = 16 // out.itemsize, blocks = (out.size + per_block - 1) // per_block
        cdef Drawing d = Drawing(self.draw, out.data, out.size * out.itemsize, self.state.key, self.state.take(blocks))
        parallel_for(draw_blocks, &d, blocks, GRAIN // 16 // BLOCKS * BLOCKS)
        return 0


cdef struct Drawing:
    Draw draw
    char *out
    int64_t nbytes
    uint64_t key
    uint64_t first                     # block of the stream


cdef void draw_blocks(void *drawing, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Drawing *d = <Drawing *> drawing
    cdef int64_t block = begin
    cdef char rest[16 * BLOCKS]
    while block < end:
        if d.nbytes - 16 * block >= 16 * BLOCKS:
            d.draw(d.out + 16 * block, d.key, d.first + block)
        else:
            d.draw(rest, d.key, d.first + block)
            memcpy(d.out + 16 * block, rest, d.nbytes - 16 * block)
        block += BLOCKS


cdef class RandomUniform(RandomFloats):
    """Numbers in [0, 1)."""
    cdef Draw choose(self, int dtype) except NULL:
        return uniform32 if dtype == FLOAT32 else uniform64


cdef class RandomStandardNormal(RandomFloats):
    """Normal numbers of mean 0 and deviation 1 (Box and Muller, 1958)."""
    cdef Draw choose(self, int dtype) except NULL:
        return normal32 if dtype == FLOAT32 else normal64


cdef class TruncatedNormal(RandomFloats):
    """Normal numbers of which those beyond 2 are drawn again."""
    cdef Draw choose(self, int dtype) except NULL:
        return truncated32 if dtype == FLOAT32 else truncated64


cdef class RandomUniformInt(RandomKernel):
    """int32 or int64 numbers in [minval, maxval), all equally likely (Lemire, 2019, arXiv 1805.10941); two to a block."""
    cdef int run(self) except -1 nogil:
        cdef Buffer *out = self.outputs[0]
        cdef int64_t low = integer(self.inputs[1], 0), high = integer(self.inputs[2], 0)
        cdef int64_t blocks = (out.size + 1) // 2
        cdef Choosing c
        if low >= high:
            with gil:
                raise InvalidArgumentError(None, None, f"Need minval < maxval, got {low} >= {high}")
        c = Choosing(out, <uint64_t> low, <uint64_t> high - <uint64_t> low, self.state.key, self.state.take(blocks))
        parallel_for(choose_blocks, &c, blocks, GRAIN // 16 // BLOCKS * BLOCKS)
        return 0


cdef struct Choosing:
    Buffer *out
    uint64_t low, span
    uint64_t key
    uint64_t first


cdef void choose_blocks(void *choosing, Py_ssize_t begin, Py_ssize_t end) noexcept nogil:
    cdef Choosing *c = <Choosing *> choosing
    cdef uint32_t words[WORDS]
    cdef uint64_t number
    cdef int64_t block = begin, i
    while block < end:
        philox(words, c.key, c.first + block, 0)
        for i in range(min(2 * BLOCKS, c.out.size - 2 * block)):
            number = c.low + scaled(words, c.key, c.first + block, <int> i, c.span)
            if c.out.dtype == INT32:
                int32s(c.out)[2 * block + i] = <int32_t> number
            else:
                int64s(c.out)[2 * block + i] = <int64_t> number
        block += BLOCKS


cdef uint64_t scaled(const uint32_t *words, uint64_t key, uint64_t block, int i, uint64_t span) noexcept nogil:
    """Number i of the blocks as one in [0, span): the upper half of a product, drawn again where the lower half shows a bias."""
    cdef uint64_t low, result = multiply_high(wide(words, i), span, &low), attempt = 0, least
    cdef uint32_t again[WORDS]
    if low < span:
        least = (0 - span) % span
        while low < least:
            attempt += 1
            philox(again, key, block, attempt)
            result = multiply_high(wide(again, i), span, &low)
    return result


for kernel in (RandomUniform, RandomStandardNormal, TruncatedNormal):
    register_kernel(kernel.__name__, dtype=[float32, float64])(kernel)
register_kernel("RandomUniformInt")(RandomUniformInt)
