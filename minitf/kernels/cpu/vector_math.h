/* exp, log, log1p, tanh, sigmoid and softplus of a float, without branches, so that the compiler vectorises any loop that calls them.

   libm's functions are calls, one element at a time: 7 (exp) to 70 (tanh) times slower over an array.  Largest errors met, in units in
   the last place: exp 0.9, log 0.9, log1p 1.4, softplus 1.8, sigmoid 2.4, tanh 3.2.  NaN gives NaN, infinities give
   limits: exp(-inf) = 0, tanh(inf) = 1 exactly, log(0) = -inf, log(-1) = NaN.  Results below 2^-126 may be flushed to 0, and
   arguments below it are taken as 0, as everywhere in the kernels.

   Two rules keep an element's bits the same in the vector body and in the scalar tail of a loop: a fused multiply-add is asked for
   by name (compile with -ffp-contract=off), and ranges are clamped in integers, where a minimum has one meaning only.
   Polynomials are minimax fits of relative error (Lawson's weighted least squares), evaluated by Horner's rule. */
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
#endif
