/* The inner loops of matrix products with few rows, their sums held in registers.

   A tile computes P rows by V vectors of out = a b, and reads the right side where it lies:

       out[p][0 : V vectors] = sum over k of a(p, k) * b[k][0 : V vectors],     a(p, k) = a[p * row + k * step]

   so that a transposed left side is only another pair of strides.  With `alpha` the sum is not stored but subtracted:
   out = fma(-alpha, sum, out).  Each element is summed in the order of k, whatever the tile that it falls in.

   A dot tile is for a right side that lies transposed: both sides are read along k, in vectors, and each element is a sum of LANES
   partial sums.

   THIN is the number of rows up to which tiles have been faster than OpenBLAS.  PACKED_ROWS is the height of the tile that is fastest where
   the right side lies in a panel of the tile's width.

   The next rows of b are prefetched by hand: processors do it within a page only, and a row of b is easily a page.

   Compilers leave an array of float accumulators in memory (24 GFLOP/s); arrays of vector types stay in registers (190). */
#ifndef MINITF_PRODUCT_TILE_H
#define MINITF_PRODUCT_TILE_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __AVX512F__                     /* P * V accumulators, V vectors of b and one broadcast element fit 32 registers */
enum { VECTOR_BYTES = 64, ACCUMULATORS = 28, TALLEST = 14, DOT_ROWS = 4, DOT_COLUMNS = 6, THIN = 256, PACKED_ROWS = 7 };
#define TILE_SIZES(X, T, VEC) UP_TO_14(X, T, VEC, 1) UP_TO_14(X, T, VEC, 2) UP_TO_7(X, T, VEC, 4) UP_TO_3(X, T, VEC, 8)
#else                                  /* 16 registers */
enum { VECTOR_BYTES = 32, ACCUMULATORS = 12, TALLEST = 6, DOT_ROWS = 3, DOT_COLUMNS = 3, THIN = 64, PACKED_ROWS = 6 };
#define TILE_SIZES(X, T, VEC) UP_TO_6(X, T, VEC, 1) UP_TO_6(X, T, VEC, 2) UP_TO_3(X, T, VEC, 4) X(T, VEC, 1, 8)
#endif
#define UP_TO_3(X, T, VEC, V) X(T, VEC, 1, V) X(T, VEC, 2, V) X(T, VEC, 3, V)
#define UP_TO_6(X, T, VEC, V) UP_TO_3(X, T, VEC, V) X(T, VEC, 4, V) X(T, VEC, 5, V) X(T, VEC, 6, V)
#define UP_TO_7(X, T, VEC, V) UP_TO_6(X, T, VEC, V) X(T, VEC, 7, V)
#define UP_TO_14(X, T, VEC, V) UP_TO_7(X, T, VEC, V) X(T, VEC, 8, V) X(T, VEC, 9, V) X(T, VEC, 10, V) X(T, VEC, 11, V) \
    X(T, VEC, 12, V) X(T, VEC, 13, V) X(T, VEC, 14, V)

typedef float floats __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef double doubles __attribute__((vector_size(VECTOR_BYTES), aligned(8), may_alias));
typedef int8_t octets __attribute__((vector_size(VECTOR_BYTES), aligned(1), may_alias));

/* all strides in elements */
typedef void (*Tile)(const void *a, ptrdiff_t row, ptrdiff_t step, const void *b, ptrdiff_t ldb, ptrdiff_t depth,
                     void *out, ptrdiff_t ldo, const void *alpha);
typedef void (*DotTile)(const void *a, ptrdiff_t lda, const void *b, ptrdiff_t ldb, ptrdiff_t depth, void *out, ptrdiff_t ldo);

#define DEFINE_TILE(T, VEC, P, V)                                                                                        \
static void VEC##_##P##x##V(const void *a_, ptrdiff_t row, ptrdiff_t step, const void *b_, ptrdiff_t ldb,                \
                            ptrdiff_t depth, void *out, ptrdiff_t ldo, const void *alpha_) {                             \
    enum { LANES = VECTOR_BYTES / sizeof(T) };                                                                           \
    const T *a = (const T *) a_, *b = (const T *) b_, *alpha = (const T *) alpha_;                                       \
    VEC sum[P][V] = {};                                                                                                  \
    if (alpha)                                                                                                           \
        for (int p = 0; p < P; p++)                                                                                      \
            for (int v = 0; v < V; v++) __builtin_prefetch((T *) out + p * ldo + v * LANES);                             \
    for (ptrdiff_t k = 0; k < depth; k++, a += step, b += ldb) {                                                         \
        VEC right[V];                                                                                                    \
        _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) __builtin_prefetch(b + 8 * ldb + v * LANES);                 \
        _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) right[v] = *(const VEC *) (b + v * LANES);                   \
        _Pragma("GCC unroll 16") for (int p = 0; p < P; p++)                                                             \
            _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) sum[p][v] += a[p * row] * right[v];                      \
    }                                                                                                                    \
    _Pragma("GCC unroll 16") for (int p = 0; p < P; p++)                                                                 \
        _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) {                                                            \
            VEC *to = (VEC *) ((T *) out + p * ldo + v * LANES);                                                         \
            if (alpha) *to = *to - *alpha * sum[p][v]; else *to = sum[p][v];                                             \
        }                                                                                                                \
}

/* the sum of a vector's elements, by halves */
#define DEFINE_TOTAL(T, VEC)                                                                                             \
static inline __attribute__((always_inline)) T VEC##_total(VEC sum) {                                                    \
    typedef T half __attribute__((vector_size(VECTOR_BYTES / 2)));                                                       \
    typedef T quarter __attribute__((vector_size(VECTOR_BYTES / 4)));                                                    \
    enum { QUARTER = VECTOR_BYTES / 4 / sizeof(T) };                                                                     \
    half h[2];                                                                                                           \
    quarter q[2];                                                                                                        \
    memcpy(h, &sum, VECTOR_BYTES);                                                                                       \
    h[0] += h[1];                                                                                                        \
    memcpy(q, h, VECTOR_BYTES / 2);                                                                                      \
    q[0] += q[1];                                                                                                        \
    return QUARTER == 4 ? (q[0][0] + q[0][2 % QUARTER]) + (q[0][1 % QUARTER] + q[0][3 % QUARTER])                        \
         : QUARTER == 2 ? q[0][0] + q[0][1 % QUARTER] : q[0][0];                                                         \
}

/* out[p][q] = sum over k of a[p][k] b[q][k]; depth is at least LANES.  The last vectors end at `depth`: where they overlap what was
   added already, their bits are cleared. */
#define DEFINE_DOT_TILE(T, VEC)                                                                                          \
static void VEC##_dots(const void *a_, ptrdiff_t lda, const void *b_, ptrdiff_t ldb, ptrdiff_t depth, void *out, ptrdiff_t ldo) { \
    enum { LANES = VECTOR_BYTES / sizeof(T) };                                                                           \
    const T *a = (const T *) a_, *b = (const T *) b_;                                                                    \
    VEC sum[DOT_ROWS][DOT_COLUMNS] = {}, left[DOT_ROWS];                                                                 \
    ptrdiff_t k = 0;                                                                                                     \
    for (; k + LANES <= depth; k += LANES) {                                                                             \
        _Pragma("GCC unroll 4") for (int p = 0; p < DOT_ROWS; p++) left[p] = *(const VEC *) (a + p * lda + k);           \
        _Pragma("GCC unroll 6") for (int q = 0; q < DOT_COLUMNS; q++) {                                                  \
            VEC right = *(const VEC *) (b + q * ldb + k);                                                                \
            _Pragma("GCC unroll 4") for (int p = 0; p < DOT_ROWS; p++) sum[p][q] += left[p] * right;                     \
        }                                                                                                                \
    }                                                                                                                    \
    if (k < depth) {                                                                                                     \
        octets mask = {};                                                                                                \
        memset((char *) &mask + (k + LANES - depth) * sizeof(T), -1, (depth - k) * sizeof(T));                           \
        k = depth - LANES;                                                                                               \
        _Pragma("GCC unroll 4") for (int p = 0; p < DOT_ROWS; p++) left[p] = (VEC) (*(const octets *) (a + p * lda + k) & mask); \
        _Pragma("GCC unroll 6") for (int q = 0; q < DOT_COLUMNS; q++) {                                                  \
            VEC right = (VEC) (*(const octets *) (b + q * ldb + k) & mask);                                              \
            _Pragma("GCC unroll 4") for (int p = 0; p < DOT_ROWS; p++) sum[p][q] += left[p] * right;                     \
        }                                                                                                                \
    }                                                                                                                    \
    _Pragma("GCC unroll 4") for (int p = 0; p < DOT_ROWS; p++)                                                           \
        _Pragma("GCC unroll 6") for (int q = 0; q < DOT_COLUMNS; q++) ((T *) out)[p * ldo + q] = VEC##_total(sum[p][q]); \
}

TILE_SIZES(DEFINE_TILE, float, floats)
TILE_SIZES(DEFINE_TILE, double, doubles)
DEFINE_TOTAL(float, floats)
DEFINE_TOTAL(double, doubles)
DEFINE_DOT_TILE(float, floats)
DEFINE_DOT_TILE(double, doubles)

#define TILE_ENTRY(T, VEC, P, V) [P][V] = VEC##_##P##x##V,
static const Tile float_tiles[TALLEST + 1][9] = { TILE_SIZES(TILE_ENTRY, float, floats) };        /* [rows][vectors], or NULL */
static const Tile double_tiles[TALLEST + 1][9] = { TILE_SIZES(TILE_ENTRY, double, doubles) };
static inline Tile tile_of(int is_double, int rows, int vectors) { return (is_double ? double_tiles : float_tiles)[rows][vectors]; }
static inline DotTile dot_tile_of(int is_double) { return is_double ? doubles_dots : floats_dots; }
#endif
