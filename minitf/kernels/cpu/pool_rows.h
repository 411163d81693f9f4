/* The inner loops of pooling: n channels each of `count` windows side by side, which have the same taps, `step` numbers apart in the image.

   The arrays of a call are separate or the same, so no element is written before another turn of a loop reads it: ivdep says so to the compiler, which
   else tests every pair of pointers for overlap. */
#ifndef MINITF_POOL_ROWS_H
#define MINITF_POOL_ROWS_H
#include <stddef.h>
#include <stdint.h>

typedef void (*FourTaps)(void *to, const void *const *tap, const ptrdiff_t *steps, ptrdiff_t n, ptrdiff_t count);
typedef void (*Route)(void *to, const void *x, ptrdiff_t step, const void *top, void *left, ptrdiff_t n, ptrdiff_t count);
typedef void (*RouteFour)(void *const *to, const void *const *tap, ptrdiff_t step, const void *top, const void *grad, ptrdiff_t n, ptrdiff_t count);
typedef void (*Choose)(void *to, const void *x, const void *grad, ptrdiff_t step, const void *top, void *open, ptrdiff_t n, ptrdiff_t count);
typedef void (*Share)(void *to, ptrdiff_t step, const void *share, ptrdiff_t n, ptrdiff_t count);

#define EACH(i, n) _Pragma("GCC ivdep") for (ptrdiff_t i = 0; i < n; i++)
#define GREATER(a, b) ((a) != (a) ? (a) : (a) > (b) ? (a) : (b))     /* NaN if either is */
#define IS_TOP(x, top) (((x) == (top)) | ((x) != (x)))

#define DEFINE_ROWS(T, NAME)                                                                                             \
static void NAME##_greatest(void *to, const void *const *tap, const ptrdiff_t *steps, ptrdiff_t n, ptrdiff_t count) {    \
    T *y = (T *) to;                                                                                                     \
    const T *a = (const T *) tap[0], *b = (const T *) tap[1], *c = (const T *) tap[2], *d = (const T *) tap[3];          \
    for (; count > 0; count--, y += n, a += steps[0], b += steps[1], c += steps[2], d += steps[3])                       \
        EACH(i, n) {                                                                                                     \
            T p = GREATER(a[i], b[i]), q = GREATER(c[i], d[i]);                                                          \
            y[i] = GREATER(p, q);                                                                                        \
        }                                                                                                                \
}                                                                                                                        \
/* to += what is left of the gradient where x is the window's top; there nothing is left for later taps */              \
static void NAME##_route(void *to, const void *x_, ptrdiff_t step, const void *top_, void *left_, ptrdiff_t n, ptrdiff_t count) { \
    T *d = (T *) to, *left = (T *) left_;                                                                                \
    const T *x = (const T *) x_, *top = (const T *) top_;                                                                \
    for (; count > 0; count--, d += step, x += step, top += n, left += n)                                                \
        EACH(i, n) {                                                                                                     \
            T rest = left[i];                                                                                            \
            int hit = IS_TOP(x[i], top[i]);                                                                              \
            d[i] += hit ? rest : 0;                                                                                      \
            left[i] = hit ? 0 : rest;                                                                                    \
        }                                                                                                                \
}                                                                                                                        \
/* the same for windows of four taps that share no pixel: the gradient or 0 is written */                               \
static void NAME##_route_four(void *const *to, const void *const *tap, ptrdiff_t step, const void *top_, const void *grad, \
                              ptrdiff_t n, ptrdiff_t count) {                                                            \
    T *d0 = (T *) to[0], *d1 = (T *) to[1], *d2 = (T *) to[2], *d3 = (T *) to[3];                                        \
    const T *x0 = (const T *) tap[0], *x1 = (const T *) tap[1], *x2 = (const T *) tap[2], *x3 = (const T *) tap[3];      \
    const T *top = (const T *) top_, *g = (const T *) grad;                                                              \
    for (; count > 0; count--, d0 += step, d1 += step, d2 += step, d3 += step, x0 += step, x1 += step, x2 += step, x3 += step, top += n, g += n) \
        EACH(i, n) {                                                                                                     \
            T t = top[i], rest = g[i];                                                                                   \
            int h0 = IS_TOP(x0[i], t), h1 = IS_TOP(x1[i], t), h2 = IS_TOP(x2[i], t), h3 = IS_TOP(x3[i], t);              \
            d0[i] = h0 ? rest : 0;                                                                                       \
            rest = h0 ? 0 : rest;                                                                                        \
            d1[i] = h1 ? rest : 0;                                                                                       \
            rest = h1 ? 0 : rest;                                                                                        \
            d2[i] = h2 ? rest : 0;                                                                                       \
            rest = h2 ? 0 : rest;                                                                                        \
            d3[i] = h3 ? rest : 0;                                                                                       \
        }                                                                                                                \
}                                                                                                                        \
/* to = grad where x is the first tap that is the window's top; open: 1 until there was one, then 0 */                  \
static void NAME##_choose(void *to, const void *x_, const void *grad, ptrdiff_t step, const void *top_, void *open_, ptrdiff_t n, ptrdiff_t count) { \
    T *y = (T *) to, *open = (T *) open_;                                                                                \
    const T *x = (const T *) x_, *top = (const T *) top_, *g = (const T *) grad;                                         \
    for (; count > 0; count--, x += step, g += step, y += n, top += n, open += n)                                        \
        EACH(i, n) {                                                                                                     \
            int hit = IS_TOP(x[i], top[i]) & (open[i] != 0);                                                             \
            y[i] = hit ? g[i] : y[i];                                                                                    \
            open[i] = hit ? 0 : open[i];                                                                                 \
        }                                                                                                                \
}

DEFINE_ROWS(float, float32)
DEFINE_ROWS(double, float64)
DEFINE_ROWS(int32_t, int32)
DEFINE_ROWS(int64_t, int64)

#define DEFINE_SUM(T, NAME)                                                                                              \
static void NAME##_sum(void *to, const void *const *tap, const ptrdiff_t *steps, ptrdiff_t n, ptrdiff_t count) {         \
    T *y = (T *) to;                                                                                                     \
    const T *a = (const T *) tap[0], *b = (const T *) tap[1], *c = (const T *) tap[2], *d = (const T *) tap[3];          \
    for (; count > 0; count--, y += n, a += steps[0], b += steps[1], c += steps[2], d += steps[3])                       \
        EACH(i, n) y[i] = ((a[i] + b[i]) + c[i]) + d[i];                                                                 \
}                                                                                                                        \
static void NAME##_share(void *to, ptrdiff_t step, const void *share, ptrdiff_t n, ptrdiff_t count) {                    \
    T *d = (T *) to;                                                                                                     \
    const T *g = (const T *) share;                                                                                      \
    for (; count > 0; count--, d += step, g += n)                                                                        \
        EACH(i, n) d[i] += g[i];                                                                                         \
}

DEFINE_SUM(float, float32)
DEFINE_SUM(double, float64)

static const FourTaps greatest_of[4] = { float32_greatest, float64_greatest, int32_greatest, int64_greatest };
static const Route route_of[4] = { float32_route, float64_route, int32_route, int64_route };
static const RouteFour route_four_of[4] = { float32_route_four, float64_route_four, int32_route_four, int64_route_four };
static const Choose choose_of[4] = { float32_choose, float64_choose, int32_choose, int64_choose };
static const FourTaps sum_of[2] = { float32_sum, float64_sum };
static const Share share_of[2] = { float32_share, float64_share };
#endif
