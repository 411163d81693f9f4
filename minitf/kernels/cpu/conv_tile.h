/* The inner loops of convolution, their sums held in registers: tiles of P by V vectors, of the sizes of product_tile.h.

   A pixel tile computes V vectors of channels for P pixels of a row.  Its sums run over `runs` stretches of the source image, each
   `length` numbers long, since the taps of one filter row that lie side by side are one stretch over columns and channels:

       out[p][0 : V vectors] = sum over r, k of source[run[r] + p * apart + k] * weights[r * length + k][0 : V vectors]

   A filter tile adds up the outer products of P neighbouring numbers of the source and V vectors of a gradient, over the pixels of `rows` rows:

       out[p][0 : V vectors] += sum over r, k of source[row[r] + k * apart + p] * gradient[r * length + k][0 : V vectors]

   Each element of a result is summed in the order of r and k, whatever the tile that it falls in.  All distances are in elements. */
#ifndef MINITF_CONV_TILE_H
#define MINITF_CONV_TILE_H
#include "product_tile.h"
enum { AHEAD = 4 };                    /* pixels: what a filter tile reads next lies in the L2 cache, a row of channels apart */

typedef void (*PixelTile)(const void *source, const ptrdiff_t *run, ptrdiff_t runs, ptrdiff_t length, ptrdiff_t apart,
                          const void *weights, void *out, ptrdiff_t ldo);
typedef void (*FilterTile)(const void *source, const ptrdiff_t *row, ptrdiff_t rows, ptrdiff_t length, ptrdiff_t apart,
                           const void *gradient, ptrdiff_t ldg, void *out, ptrdiff_t ldo);

#define DEFINE_PIXEL_TILE(T, VEC, P, V)                                                                                  \
static void VEC##_pixels_##P##x##V(const void *source, const ptrdiff_t *run, ptrdiff_t runs, ptrdiff_t length,           \
                                   ptrdiff_t apart, const void *weights, void *out, ptrdiff_t ldo) {                     \
    enum { LANES = VECTOR_BYTES / sizeof(T) };                                                                           \
    const T *w = (const T *) weights;                                                                                    \
    VEC sum[P][V] = {};                                                                                                  \
    for (ptrdiff_t r = 0; r < runs; r++) {                                                                               \
        const T *x = (const T *) source + run[r];                                                                        \
        for (ptrdiff_t k = 0; k < length; k++, x++, w += V * LANES) {                                                    \
            VEC right[V];                                                                                                \
            _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) right[v] = *(const VEC *) (w + v * LANES);               \
            _Pragma("GCC unroll 16") for (int p = 0; p < P; p++)                                                         \
                _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) sum[p][v] += x[p * apart] * right[v];                \
        }                                                                                                                \
    }                                                                                                                    \
    _Pragma("GCC unroll 16") for (int p = 0; p < P; p++)                                                                 \
        _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) *(VEC *) ((T *) out + p * ldo + v * LANES) = sum[p][v];      \
}

#define DEFINE_FILTER_TILE(T, VEC, P, V)                                                                                 \
static void VEC##_filter_##P##x##V(const void *source, const ptrdiff_t *row, ptrdiff_t rows, ptrdiff_t length,           \
                                   ptrdiff_t apart, const void *gradient, ptrdiff_t ldg, void *out, ptrdiff_t ldo) {     \
    enum { LANES = VECTOR_BYTES / sizeof(T) };                                                                           \
    const T *g = (const T *) gradient;                                                                                   \
    VEC sum[P][V] = {};                                                                                                  \
    for (ptrdiff_t r = 0; r < rows; r++) {                                                                               \
        const T *x = (const T *) source + row[r];                                                                        \
        for (ptrdiff_t k = 0; k < length; k++, x += apart, g += ldg) {                                                   \
            VEC right[V];                                                                                                \
            __builtin_prefetch(x + AHEAD * apart);                                                                       \
            _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) __builtin_prefetch(g + AHEAD * ldg + v * LANES);         \
            _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) right[v] = *(const VEC *) (g + v * LANES);               \
            _Pragma("GCC unroll 16") for (int p = 0; p < P; p++)                                                         \
                _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) sum[p][v] += x[p] * right[v];                        \
        }                                                                                                                \
    }                                                                                                                    \
    _Pragma("GCC unroll 16") for (int p = 0; p < P; p++)                                                                 \
        _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) *(VEC *) ((T *) out + p * ldo + v * LANES) += sum[p][v];     \
}

TILE_SIZES(DEFINE_PIXEL_TILE, float, floats)
TILE_SIZES(DEFINE_PIXEL_TILE, double, doubles)
TILE_SIZES(DEFINE_FILTER_TILE, float, floats)
TILE_SIZES(DEFINE_FILTER_TILE, double, doubles)

#define PIXEL_ENTRY(T, VEC, P, V) [P][V] = VEC##_pixels_##P##x##V,
#define FILTER_ENTRY(T, VEC, P, V) [P][V] = VEC##_filter_##P##x##V,
static const PixelTile pixel_tiles[2][TALLEST + 1][9] = { { TILE_SIZES(PIXEL_ENTRY, float, floats) }, { TILE_SIZES(PIXEL_ENTRY, double, doubles) } };
static const FilterTile filter_tiles[2][TALLEST + 1][9] = { { TILE_SIZES(FILTER_ENTRY, float, floats) }, { TILE_SIZES(FILTER_ENTRY, double, doubles) } };
static inline PixelTile pixel_tile_of(int is_double, int pixels, int vectors) { return pixel_tiles[is_double][pixels][vectors]; }
static inline FilterTile filter_tile_of(int is_double, int rows, int vectors) { return filter_tiles[is_double][rows][vectors]; }
#endif
