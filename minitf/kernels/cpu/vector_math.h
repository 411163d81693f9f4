/* exp, log, log1p, tanh, sigmoid and softplus of a float (32) and of a double (64), without branches, so that the compiler vectorises any
   loop that calls them.

   libm's functions are calls, one element at a time: over an array of floats 7 (exp) to 70 (tanh) times slower, over one of doubles 3 to
   15 times.  Largest errors met, in units in the last place: exp 0.9 (of doubles 1.1), log 0.9 (0.9), log1p 1.4 (1.4), softplus 1.8 (1.7),
   sigmoid 2.4 (2.4), tanh 3.2 (2.5).  NaN gives NaN, infinities give limits: exp(-inf) = 0, tanh(inf) = 1 exactly, log(0) = -inf,
   log(-1) = NaN.  Results below 2^-126 (2^-1022) may be flushed to 0, and arguments below it are taken as 0, as everywhere in the kernels.

   Two rules keep an element's bits the same in the vector body and in the scalar tail of a loop: a fused multiply-add is asked for
   by name (compile with -ffp-contract=off), and ranges are clamped in integers, where a minimum has one meaning only.
   Polynomials are minimax fits of relative error (Lawson's weighted least squares), those of doubles interpolate at Chebyshev's nodes; all
   are evaluated by Horner's rule. */
#ifndef MINITF_VECTOR_MATH_H
#define MINITF_VECTOR_MATH_H
#include <stdint.h>
#include <string.h>

#define VECTOR_INLINE static inline __attribute__((always_inline, unused))

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
VECTOR_INLINE float fma32(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
VECTOR_INLINE double fma64(double a, double b, double c) { return __builtin_fma(a, b, c); }
#else                                                   /* libm's fma in software is a call; two roundings are good enough */
VECTOR_INLINE float fma32(float a, float b, float c) { return a * b + c; }
VECTOR_INLINE double fma64(double a, double b, double c) { return a * b + c; }
#endif

VECTOR_INLINE uint32_t bits_of(float x) { uint32_t u; memcpy(&u, &x, 4); return u; }
VECTOR_INLINE float float_of(uint32_t u) { float x; memcpy(&x, &u, 4); return x; }

/* exp(x) = 2^k e^r with k the integer nearest to x / ln 2 and |r| <= ln 2 / 2.
   Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits; there it is added to the exponent of e^r. */
VECTOR_INLINE float exp32(float x) {
    const float magic = 12582912.0f;
    float t = fma32(x, 1.44269502f, magic), k = t - magic;
    float r = fma32(k, 2.12194440e-4f, fma32(k, -0.693359375f, x));      /* ln 2 in two parts; k times the first is exact */
    float p = fma32(r, 1.38145406e-3f, 8.36874545e-3f);
    p = fma32(p, r, 4.16683890e-2f);
    p = fma32(p, r, 1.66665211e-1f);
    p = fma32(p, r, 4.99999940e-1f);
    p = fma32(p, r, 1.0f);
    p = fma32(p, r, 1.0f);
    float y = float_of(bits_of(p) + (bits_of(t) << 23));
    y = x < -87.3365402f ? 0.0f : y;                    /* there 2^k e^r < 2^-126 */
    return x <= 88.7228317f ? y : x + __builtin_inff(); /* too large, or NaN */
}

/* log(2^e (1 + f)) for 1 + f in [sqrt(1/2), sqrt(2)) */
VECTOR_INLINE float log_of_parts(int32_t e, float f) {
    float p = fma32(f, -7.63449743e-2f, 1.27615780e-1f);
    p = fma32(p, f, -1.31601825e-1f);
    p = fma32(p, f, 1.42017573e-1f);
    p = fma32(p, f, -1.66233569e-1f);
    p = fma32(p, f, 2.00012267e-1f);
    p = fma32(p, f, -2.50008196e-1f);
    p = fma32(p, f, 3.33333313e-1f);
    p = fma32(p, f, -0.5f);
    return fma32((float) e, 0.693147182f, fma32(f * f, p, f));
}

/* x = 2^e m with m in [sqrt(1/2), sqrt(2)): the bits from those of sqrt(1/2) on, so that the exponent field is e */
VECTOR_INLINE int32_t split(float x, float *m) {
    uint32_t shifted = bits_of(x) - 0x3f3504f3u;
    *m = float_of((shifted & 0x7fffffu) + 0x3f3504f3u);
    return (int32_t) shifted >> 23;
}

VECTOR_INLINE float log_limits(float x, float y) {
    y = x < __builtin_inff() ? y : x;                   /* inf, or NaN */
    y = x > 0.0f ? y : x - __builtin_inff();
    return x < 0.0f ? __builtin_nanf("") : y;
}

VECTOR_INLINE float log32(float x) {
    float m;
    int32_t e = split(x, &m);
    return log_limits(x, log_of_parts(e, m - 1.0f));
}

/* log(u + c), where c is what rounding 1 + x to u has lost: f = m - 1 + c 2^-e */
VECTOR_INLINE float log1p_parts(float u, float c) {
    float m;
    int32_t e = split(u, &m), scale = e > 127 ? 0 : 127 - e;
    return log_of_parts(e, fma32(c, float_of((uint32_t) scale << 23), m - 1.0f));
}

VECTOR_INLINE float log1p32(float x) {
    float u = 1.0f + x;
    return log_limits(u, log1p_parts(u, x - (u - 1.0f)));
}

/* x with |x| at most the limit; NaN becomes the limit */
VECTOR_INLINE float clamped(float x, float limit) {
    uint32_t size = bits_of(x) & 0x7fffffffu, most = bits_of(limit);
    return float_of((size < most ? size : most) | (bits_of(x) & 0x80000000u));
}

/* tanh(x) = 2t / (1 + t^2) with t = tanh(x / 2) = p / (1 + b): its slope damps the error of t where tanh is near 1.
   p2 is 2p and the fraction is (p2 + b p2) / (1 + (2b + b^2 + p^2)), one rounding near 1 above and one below.  1 from 9.02 on. */
VECTOR_INLINE float tanh32(float x) {
    float z = clamped(x, 9.02f), s = z * z;
    float p2 = fma32(fma32(s, 0.000114246897f, 0.029773498f), s * z, z);
    float b = fma32(fma32(s, 1.2288441e-06f, 0.00120651676f), s, 0.113106795f) * s;
    float below = fma32(b, b + 2.0f, 0.25f * p2 * p2) + 1.0f;
    float y = fma32(p2, b, p2) / below;
    return x == x ? y : x;
}

VECTOR_INLINE float sigmoid32(float x) { return 1.0f / (1.0f + exp32(-x)); }

/* log(1 + e^x) = max(x, 0) + log(1 + e^-|x|) */
VECTOR_INLINE float softplus32(float x) {
    float t = exp32(-float_of(bits_of(x) & 0x7fffffffu)), u = 1.0f + t;
    return (x < 0.0f ? 0.0f : x) + log1p_parts(u, t - (u - 1.0f));
}

VECTOR_INLINE uint64_t bits_of64(double x) { uint64_t u; memcpy(&u, &x, 8); return u; }
VECTOR_INLINE double double_of(uint64_t u) { double x; memcpy(&x, &u, 8); return x; }

/* As in exp32: x = k ln 2 + r.  *t holds k in its lowest bits; returns e^r - 1. */
VECTOR_INLINE double exp_parts(double x, double *t) {
    const double magic = 6755399441055744.0;
    *t = fma64(x, 1.4426950408889634, magic);
    double k = *t - magic;
    double r = fma64(k, -1.9082149292705877e-10, fma64(k, -0.6931471803691238, x));
    double p = fma64(r, 2.510038549551032e-08, 2.7620088445409746e-07);
    p = fma64(p, r, 2.7557268459997064e-06);
    p = fma64(p, r, 2.4801521295954376e-05);
    p = fma64(p, r, 0.00019841269863053618);
    p = fma64(p, r, 0.0013888888917213717);
    p = fma64(p, r, 0.008333333333330062);
    p = fma64(p, r, 0.04166666666662413);
    p = fma64(p, r, 0.16666666666666669);
    p = fma64(p, r, 0.5);
    return fma64(r * r, p, r);
}

VECTOR_INLINE double exp64(double x) {
    double t, p = exp_parts(x, &t) + 1.0;
    double y = double_of(bits_of64(p) + (bits_of64(t) << 52));
    y = x < -708.396418532264 ? 0.0 : y;
    return x <= 709.782712893384 ? y : x + __builtin_inf();
}

/* log(2^e (1 + f)): log(1 + f) = 2 atanh(s) = f - s (f - z R(z)) with s = f / (2 + f), z = s^2 */
VECTOR_INLINE double log_of_parts64(double e, double f) {
    double s = f / (2.0 + f), z = s * s;
    double p = fma64(z, 0.1461658766052866, 0.153317104373213);
    p = fma64(p, z, 0.18182889461117466);
    p = fma64(p, z, 0.22222211130185168);
    p = fma64(p, z, 0.28571428626003725);
    p = fma64(p, z, 0.39999999999899444);
    p = fma64(p, z, 0.666666666666667);
    double low = fma64(s, f - z * p, e * -1.9082149292705877e-10);
    return fma64(e, 0.6931471803691238, f - low);
}

/* x = 2^e m with m in [sqrt(1/2), sqrt(2)), for x > 0; e as a double, by way of the lowest bits of 1.5 * 2^52 */
VECTOR_INLINE double split64(double x, double *m) {
    uint64_t shifted = bits_of64(x) - 0x3fe6a09e667f3bcdu;
    *m = double_of((shifted & 0xfffffffffffffu) + 0x3fe6a09e667f3bcdu);
    return double_of(((shifted + 0x3ff0000000000000u) >> 52) + 0x4338000000000000u) - 6755399441056767.0;
}

VECTOR_INLINE double log_limits64(double x, double y) {
    y = x < __builtin_inf() ? y : x;
    y = x > 0.0 ? y : x - __builtin_inf();
    return x < 0.0 ? __builtin_nan("") : y;
}

VECTOR_INLINE double log64(double x) {
    double m, e = split64(x, &m);
    return log_limits64(x, log_of_parts64(e, m - 1.0));
}

VECTOR_INLINE double log1p_parts64(double u, double c) {
    double m, e = split64(u, &m);
    uint64_t scale = bits_of64(e + 6755399441055744.0) << 52;            /* 2^-e, or 0 where that is too small to count */
    double shrunk = e > 1022.0 ? 0.0 : c * double_of(0x3ff0000000000000u - scale);
    return log_of_parts64(e, shrunk + (m - 1.0));
}

VECTOR_INLINE double log1p64(double x) {
    double u = 1.0 + x;
    return log_limits64(u, log1p_parts64(u, x - (u - 1.0)));
}

/* tanh(z) = w / (w + 2) with w = e^2z - 1, which is 2^k (e^r - 1) + (2^k - 1).  1 from 20 on. */
VECTOR_INLINE double tanh64(double x) {
    uint64_t size = bits_of64(x) & 0x7fffffffffffffffu, most = 0x4034000000000000u;
    double t, g = exp_parts(2.0 * double_of(size < most ? size : most), &t);
    double power = double_of((bits_of64(t) << 52) + 0x3ff0000000000000u);
    double w = fma64(power, g, power - 1.0), y = w / (w + 2.0);
    y = double_of(bits_of64(y) | (bits_of64(x) & 0x8000000000000000u));
    return x == x ? y : x;
}

VECTOR_INLINE double sigmoid64(double x) { return 1.0 / (1.0 + exp64(-x)); }

VECTOR_INLINE double softplus64(double x) {
    double t = exp64(-double_of(bits_of64(x) & 0x7fffffffffffffffu)), u = 1.0 + t;
    return (x < 0.0 ? 0.0 : x) + log1p_parts64(u, t - (u - 1.0));
}
#endif
