// CUDA's functions of numbers.  Those of C's math.h come with it, in both precisions; here are the others, and where nvcc differs from g++.
#pragma once
#include <math.h>
#include <cstring>

// min and max are overloaded functions in CUDA, not templates: max(int, float) is an error, and a NaN loses against a number.
#define EMULATED_ORDER(A, B, R) \
    inline R min(A a, B b) { R p = static_cast<R>(a), q = static_cast<R>(b); return q < p || p != p ? q : p; } \
    inline R max(A a, B b) { R p = static_cast<R>(a), q = static_cast<R>(b); return q > p || p != p ? q : p; }
EMULATED_ORDER(int, int, int) EMULATED_ORDER(unsigned, unsigned, unsigned)
EMULATED_ORDER(int, unsigned, unsigned) EMULATED_ORDER(unsigned, int, unsigned)
EMULATED_ORDER(long, long, long) EMULATED_ORDER(unsigned long, unsigned long, unsigned long)
EMULATED_ORDER(long, unsigned long, unsigned long) EMULATED_ORDER(unsigned long, long, unsigned long)
EMULATED_ORDER(long long, long long, long long) EMULATED_ORDER(unsigned long long, unsigned long long, unsigned long long)
EMULATED_ORDER(long long, unsigned long long, unsigned long long) EMULATED_ORDER(unsigned long long, long long, unsigned long long)
EMULATED_ORDER(float, float, float) EMULATED_ORDER(double, double, double)
EMULATED_ORDER(float, double, double) EMULATED_ORDER(double, float, double)
#undef EMULATED_ORDER

// The C library's are calls of functions, for a flag of the processor that no kernel reads; these are two instructions, and vectorise.
inline float emulated_fmin(float a, float b) { return min(a, b); }
inline float emulated_fmax(float a, float b) { return max(a, b); }
inline double emulated_fmin(double a, double b) { return min(a, b); }
inline double emulated_fmax(double a, double b) { return max(a, b); }
template <class A, class B> inline auto emulated_fmin(A a, B b) { return min(decltype(0.0f + a + b)(a), decltype(0.0f + a + b)(b)); }
template <class A, class B> inline auto emulated_fmax(A a, B b) { return max(decltype(0.0f + a + b)(a), decltype(0.0f + a + b)(b)); }
#define fmin(a, b) emulated_fmin(a, b)
#define fmax(a, b) emulated_fmax(a, b)
#define fminf(a, b) emulated_fmin(float(a), float(b))
#define fmaxf(a, b) emulated_fmax(float(a), float(b))

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline float rsqrt(float x) { return 1.0f / sqrtf(x); }
inline double rsqrt(double x) { return 1.0 / sqrt(x); }
inline float rcbrtf(float x) { return 1.0f / cbrtf(x); }
inline double rcbrt(double x) { return 1.0 / cbrt(x); }
inline float normcdff(float x) { return 0.5f * erfcf(-x * 0.70710678f); }
inline double normcdf(double x) { return 0.5 * erfc(-x * 0.7071067811865475244); }

// The fast ones of the GPU, of a few bits less there
inline float __expf(float x) { return expf(x); }
inline float __exp10f(float x) { return powf(10.0f, x); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __log10f(float x) { return log10f(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __tanf(float x) { return tanf(x); }
inline float __fdividef(float a, float b) { return a / b; }
inline float __saturatef(float x) { return min(max(x, 0.0f), 1.0f); }

// Rounded to nearest, and never joined into a multiply-add.  A volatile keeps the compiler from joining them, and from vectorising: a text
// that is compiled with the two apart (compiler.py) has no need of it.
#ifdef EMULATED_APART
inline float __fmul_rn(float a, float b) { return a * b; }
inline double __dmul_rn(double a, double b) { return a * b; }
#else
inline float __fmul_rn(float a, float b) { volatile float p = a * b; return p; }
inline double __dmul_rn(double a, double b) { volatile double p = a * b; return p; }
#endif
inline float __fadd_rn(float a, float b) { volatile float p = a, s = p + b; return s; }
inline double __dadd_rn(double a, double b) { volatile double p = a, s = p + b; return s; }
inline float __fsub_rn(float a, float b) { return __fadd_rn(a, -b); }
inline double __dsub_rn(double a, double b) { return __dadd_rn(a, -b); }
inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
inline double __fma_rn(double a, double b, double c) { return fma(a, b, c); }
inline float __fdiv_rn(float a, float b) { return a / b; }
inline double __ddiv_rn(double a, double b) { return a / b; }
inline float __frcp_rn(float a) { return 1.0f / a; }
inline float __fsqrt_rn(float a) { return sqrtf(a); }
inline double __dsqrt_rn(double a) { return sqrt(a); }

// A number's bits as another type
template <class To, class From> inline To emulated_bits(From from) {
    static_assert(sizeof(To) == sizeof(From));
    To to;
    memcpy(&to, &from, sizeof to);
    return to;
}
inline int __float_as_int(float x) { return emulated_bits<int>(x); }
inline unsigned __float_as_uint(float x) { return emulated_bits<unsigned>(x); }
inline float __int_as_float(int x) { return emulated_bits<float>(x); }
inline float __uint_as_float(unsigned x) { return emulated_bits<float>(x); }
inline long long __double_as_longlong(double x) { return emulated_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return emulated_bits<double>(x); }

// From floats to integers: out of range, a GPU gives the nearest end, and 0 for a NaN
template <class I, class F> inline I emulated_round(F x, I least, I most) {
    return x != x ? I(0) : x <= F(least) ? least : x >= F(most) ? most : I(x);
}
inline int __float2int_rz(float x) { return emulated_round<int>(truncf(x), INT32_MIN, INT32_MAX); }
inline int __float2int_rn(float x) { return emulated_round<int>(rintf(x), INT32_MIN, INT32_MAX); }
inline int __float2int_rd(float x) { return emulated_round<int>(floorf(x), INT32_MIN, INT32_MAX); }
inline int __float2int_ru(float x) { return emulated_round<int>(ceilf(x), INT32_MIN, INT32_MAX); }
inline int __double2int_rz(double x) { return emulated_round<int>(trunc(x), INT32_MIN, INT32_MAX); }
inline int __double2int_rn(double x) { return emulated_round<int>(rint(x), INT32_MIN, INT32_MAX); }
inline long long __float2ll_rz(float x) { return emulated_round<long long>(truncf(x), INT64_MIN, INT64_MAX); }
inline long long __double2ll_rz(double x) { return emulated_round<long long>(trunc(x), INT64_MIN, INT64_MAX); }
inline float __int2float_rn(int x) { return float(x); }
inline float __uint2float_rn(unsigned x) { return float(x); }
inline double __int2double_rn(int x) { return double(x); }

// Integers
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz(x) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll(x) : 64; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __brev(unsigned x) { unsigned y = 0; for (int i = 0; i < 32; i++) y |= (x >> i & 1) << (31 - i); return y; }
inline int __mul24(int a, int b) { return (a << 8 >> 8) * (b << 8 >> 8); }
inline int __mulhi(int a, int b) { return int((long long)a * b >> 32); }
inline unsigned __umulhi(unsigned a, unsigned b) { return unsigned((unsigned long long)a * b >> 32); }
inline long long __mul64hi(long long a, long long b) { return (long long)((__int128)a * b >> 64); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
    return (unsigned long long)((unsigned __int128)a * b >> 64);
}

// Memory: a GPU reads by another way, or makes its writes seen by others before it goes on
template <class T> inline T __ldg(const T *p) { return *p; }
template <class T> inline T __ldcs(const T *p) { return *p; }
template <class T> inline void __stcs(T *p, T value) { *p = value; }
inline void __threadfence() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
inline void __threadfence_block() {}
