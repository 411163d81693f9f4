/* The inner loops of depthwise convolution: pixels of `channels` numbers each, which do not mix.

   Sums of taps, for P pixels of a row that meet the same taps:

       out[p * step + c] = sum over k of source[from[k] + p * apart + c] * weights[at[k] + c]

   Sums of pixels, for K taps of a filter's row:

       out[k * channels + c] += sum over j of source[k * between + j * apart + c] * gradient[j * channels + c]

   A vector holds neighbouring channels.  The last one may overlap the one before it, so that no channels are left over.
   Each element of a result is summed in the order of k or j.  All distances are in elements. */
#ifndef MINITF_DEPTHWISE_TILE_H
#define MINITF_DEPTHWISE_TILE_H
#include "product_tile.h"

typedef void (*TapSums)(const void *source, const ptrdiff_t *from, ptrdiff_t apart, const void *weights, const ptrdiff_t *at,
                        ptrdiff_t taps, void *out, ptrdiff_t step, ptrdiff_t channels);
typedef void (*PixelSums)(const void *source, ptrdiff_t between, ptrdiff_t apart, const void *gradient, ptrdiff_t pixels, void *out,
                          ptrdiff_t channels);
typedef void (*Copies)(void *to, const void *from, ptrdiff_t n, ptrdiff_t times);

enum { ABREAST = 4 };                  /* pixels, or taps, that share what is loaded for them */

/* V vectors of channels, from c on */
#define DEFINE_TAP_VECTORS(T, VEC, P, V)                                                                                 \
static inline void VEC##_tap_vectors_##P##x##V(const T *source, const ptrdiff_t *from, ptrdiff_t apart, const T *weights, \
                                               const ptrdiff_t *at, ptrdiff_t taps, T *out, ptrdiff_t step) {            \
    enum { LANES = VECTOR_BYTES / sizeof(T) };                                                                           \
    VEC sum[P][V] = {};                                                                                                  \
    for (ptrdiff_t k = 0; k < taps; k++) {                                                                               \
        const T *x = source + from[k], *w = weights + at[k];                                                             \
        _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) {                                                            \
            VEC right = *(const VEC *) (w + v * LANES);                                                                  \
            _Pragma("GCC unroll 8") for (int p = 0; p < P; p++) sum[p][v] += *(const VEC *) (x + p * apart + v * LANES) * right; \
        }                                                                                                                \
    }                                                                                                                    \
    _Pragma("GCC unroll 8") for (int p = 0; p < P; p++)                                                                  \
        _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) *(VEC *) (out + p * step + v * LANES) = sum[p][v];           \
}

#define DEFINE_TAP_SUMS(T, VEC, P)                                                                                       \
DEFINE_TAP_VECTORS(T, VEC, P, 1) DEFINE_TAP_VECTORS(T, VEC, P, 2)                                                        \
static void VEC##_tap_sums_##P(const void *source_, const ptrdiff_t *from, ptrdiff_t apart, const void *weights_,        \
                               const ptrdiff_t *at, ptrdiff_t taps, void *out_, ptrdiff_t step, ptrdiff_t channels) {    \
    enum { LANES = VECTOR_BYTES / sizeof(T) };                                                                           \
    const T *source = (const T *) source_, *weights = (const T *) weights_;                                              \
    T *out = (T *) out_;                                                                                                 \
    ptrdiff_t c = 0;                                                                                                     \
    for (; c + 2 * LANES <= channels; c += 2 * LANES)                                                                    \
        VEC##_tap_vectors_##P##x2(source + c, from, apart, weights + c, at, taps, out + c, step);                        \
    for (; channels >= LANES && c < channels; c += LANES) {                                                              \
        c = c + LANES > channels ? channels - LANES : c;                                                                 \
        VEC##_tap_vectors_##P##x1(source + c, from, apart, weights + c, at, taps, out + c, step);                        \
    }                                                                                                                    \
    for (; c < channels; c++)                                                                                            \
        for (ptrdiff_t p = 0; p < P; p++) {                                                                              \
            T sum = 0;                                                                                                   \
            for (ptrdiff_t k = 0; k < taps; k++) sum += source[from[k] + p * apart + c] * weights[at[k] + c];            \
            out[p * step + c] = sum;                                                                                     \
        }                                                                                                                \
}

/* V vectors of channels, of which the first `known` numbers are summed already */
#define DEFINE_PIXEL_VECTORS(T, VEC, K, V)                                                                               \
static inline void VEC##_pixel_vectors_##K##x##V(const T *x, ptrdiff_t between, ptrdiff_t apart, const T *gradient, ptrdiff_t pixels, \
                                                 T *out, ptrdiff_t channels, ptrdiff_t known) {                          \
    enum { LANES = VECTOR_BYTES / sizeof(T) };                                                                           \
    VEC sum[K][V] = {};                                                                                                  \
    for (ptrdiff_t j = 0; j < pixels; j++, x += apart, gradient += channels)                                             \
        _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) {                                                            \
            VEC right = *(const VEC *) (gradient + v * LANES);                                                           \
            _Pragma("GCC unroll 8") for (int k = 0; k < K; k++) sum[k][v] += *(const VEC *) (x + k * between + v * LANES) * right; \
        }                                                                                                                \
    _Pragma("GCC unroll 8") for (int k = 0; k < K; k++) {                                                                \
        if (known) for (ptrdiff_t i = known; i < LANES; i++) out[k * channels + i] += sum[k][0][i];                      \
        else _Pragma("GCC unroll 8") for (int v = 0; v < V; v++) *(VEC *) (out + k * channels + v * LANES) += sum[k][v]; \
    }                                                                                                                    \
}

#define DEFINE_PIXEL_SUMS(T, VEC, K)                                                                                     \
DEFINE_PIXEL_VECTORS(T, VEC, K, 1) DEFINE_PIXEL_VECTORS(T, VEC, K, 4)                                                    \
static void VEC##_pixel_sums_##K(const void *source_, ptrdiff_t between, ptrdiff_t apart, const void *gradient_,         \
                                 ptrdiff_t pixels, void *out_, ptrdiff_t channels) {                                     \
    enum { LANES = VECTOR_BYTES / sizeof(T) };                                                                           \
    const T *source = (const T *) source_, *gradient = (const T *) gradient_;                                            \
    T *out = (T *) out_;                                                                                                 \
    ptrdiff_t c = 0, known;                                                                                              \
    for (; c + 4 * LANES <= channels; c += 4 * LANES)                                                                    \
        VEC##_pixel_vectors_##K##x4(source + c, between, apart, gradient + c, pixels, out + c, channels, 0);             \
    for (; channels >= LANES && c < channels; c += LANES) {                                                              \
        known = c + LANES > channels ? c + LANES - channels : 0;                                                         \
        c -= known;                                                                                                      \
        VEC##_pixel_vectors_##K##x1(source + c, between, apart, gradient + c, pixels, out + c, channels, known);         \
    }                                                                                                                    \
    for (; c < channels; c++)                                                                                            \
        for (int k = 0; k < K; k++) {                                                                                    \
            T sum = 0;                                                                                                   \
            for (ptrdiff_t j = 0; j < pixels; j++) sum += source[k * between + j * apart + c] * gradient[j * channels + c]; \
            out[k * channels + c] += sum;                                                                                \
        }                                                                                                                \
}

/* spread: each of n numbers `times` times; fold: the sums of `times` neighbours.  A multiplier that the compiler knows it can vectorise. */
#define DEFINE_COPIES(T, VEC)                                                                                            \
static void VEC##_spread(void *to_, const void *from_, ptrdiff_t n, ptrdiff_t times) {                                   \
    T *restrict to = (T *) to_;                                                                                          \
    const T *restrict from = (const T *) from_;                                                                          \
    if (times == 2) for (ptrdiff_t i = 0; i < n; i++) to[2 * i] = to[2 * i + 1] = from[i];                               \
    else if (times == 4) for (ptrdiff_t i = 0; i < n; i++) to[4 * i] = to[4 * i + 1] = to[4 * i + 2] = to[4 * i + 3] = from[i]; \
    else for (ptrdiff_t i = 0; i < n; i++, to += times) for (ptrdiff_t k = 0; k < times; k++) to[k] = from[i];           \
}                                                                                                                        \
static void VEC##_fold(void *to_, const void *from_, ptrdiff_t n, ptrdiff_t times) {                                     \
    T *restrict to = (T *) to_;                                                                                          \
    const T *restrict from = (const T *) from_;                                                                          \
    for (ptrdiff_t i = 0; i < n; i++) {                                                                                  \
        T sum = 0;                                                                                                       \
        for (ptrdiff_t k = 0; k < times; k++) sum += from[i * times + k];                                                \
        to[i] = sum;                                                                                                     \
    }                                                                                                                    \
}

#define DEFINE_DEPTHWISE(T, VEC)                                                                                         \
DEFINE_TAP_SUMS(T, VEC, 1) DEFINE_TAP_SUMS(T, VEC, 4)                                                                    \
DEFINE_PIXEL_SUMS(T, VEC, 1) DEFINE_PIXEL_SUMS(T, VEC, 2) DEFINE_PIXEL_SUMS(T, VEC, 3) DEFINE_PIXEL_SUMS(T, VEC, 4)      \
DEFINE_COPIES(T, VEC)

DEFINE_DEPTHWISE(float, floats)
DEFINE_DEPTHWISE(double, doubles)

static const TapSums tap_sums_one[2] = { floats_tap_sums_1, doubles_tap_sums_1 };
static const TapSums tap_sums_abreast[2] = { floats_tap_sums_4, doubles_tap_sums_4 };
static const PixelSums pixel_sums_of[2][ABREAST + 1] = {
    { 0, floats_pixel_sums_1, floats_pixel_sums_2, floats_pixel_sums_3, floats_pixel_sums_4 },
    { 0, doubles_pixel_sums_1, doubles_pixel_sums_2, doubles_pixel_sums_3, doubles_pixel_sums_4 } };
static const Copies spread_of[2] = { floats_spread, doubles_spread }, fold_of[2] = { floats_fold, doubles_fold };
#endif
