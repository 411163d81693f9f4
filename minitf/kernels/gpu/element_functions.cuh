// What the expressions of element_functions.py are made of, and how a thread meets its elements.
#pragma once
#include "pack.cuh"
#include "words.cuh"

typedef signed char int8;
typedef unsigned char uint8;

// Functions of the mathematics library under one name for both types: called by its plain name, a float might become a double on the way.
#define REAL_FUNCTION(name)                                                    \
    __device__ inline float name##_(float x) { return name##f(x); }           \
    __device__ inline double name##_(double x) { return name(x); }
REAL_FUNCTION(sqrt) REAL_FUNCTION(exp) REAL_FUNCTION(expm1) REAL_FUNCTION(log) REAL_FUNCTION(log1p) REAL_FUNCTION(floor) REAL_FUNCTION(ceil)
REAL_FUNCTION(rint) REAL_FUNCTION(trunc) REAL_FUNCTION(sin) REAL_FUNCTION(cos) REAL_FUNCTION(tan) REAL_FUNCTION(asin) REAL_FUNCTION(acos)
REAL_FUNCTION(atan) REAL_FUNCTION(sinh) REAL_FUNCTION(cosh) REAL_FUNCTION(tanh) REAL_FUNCTION(asinh) REAL_FUNCTION(acosh)
REAL_FUNCTION(atanh) REAL_FUNCTION(erf) REAL_FUNCTION(erfc) REAL_FUNCTION(lgamma)
__device__ inline float atan2_(float y, float x) { return atan2f(y, x); }
__device__ inline double atan2_(double y, double x) { return atan2(y, x); }
__device__ inline float fmod_(float a, float b) { return fmodf(a, b); }
__device__ inline double fmod_(double a, double b) { return fmod(a, b); }
__device__ inline float pow_(float a, float b) { return powf(a, b); }
__device__ inline double pow_(double a, double b) { return pow(a, b); }

// Integers wrap: sums and products are taken without sign, where that is no error of the program.  The short ones are ints meanwhile.
template <class T> struct Wrapping { typedef T type; };
template <> struct Wrapping<int> { typedef unsigned type; };
template <> struct Wrapping<int64> { typedef uint64 type; };
template <class T> __device__ T add(T a, T b) { return T(typename Wrapping<T>::type(a) + typename Wrapping<T>::type(b)); }
template <class T> __device__ T sub(T a, T b) { return T(typename Wrapping<T>::type(a) - typename Wrapping<T>::type(b)); }
template <class T> __device__ T mul(T a, T b) { return T(typename Wrapping<T>::type(a) * typename Wrapping<T>::type(b)); }
template <class T> __device__ T neg(T a) { return T(-typename Wrapping<T>::type(a)); }

// Never one rounding with a sum that follows
__device__ inline float mul(float a, float b) { return __fmul_rn(a, b); }
__device__ inline double mul(double a, double b) { return __dmul_rn(a, b); }
template <class T> __device__ T squared(T a) { return mul(a, a); }

template <class T> __device__ T absolute(T a) { return a < 0 ? neg(a) : a; }
__device__ inline float absolute(float a) { return fabsf(a); }
__device__ inline double absolute(double a) { return fabs(a); }

// a less its remainder is a multiple of b, but for rounding: the floor of the exact a / b, so that 1.0 // 0.1 is 9
template <class T> __device__ T real_floor_remainder(T a, T b) {
    T r = fmod_(a, b);
    return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
template <class T> __device__ T real_floor_quotient(T a, T b) {
    T q = a / b;
    if (b == 0 || q == 0) return q;
    q = (a - real_floor_remainder(a, b)) / b;
    T whole = floor_(q);
    return q - whole > T(0.5) ? whole + 1 : whole;
}

// Of integers; b is not 0.  The smallest integer / -1 does not exist: it wraps.
template <class T> __device__ T truncated_quotient(T a, T b) { return b == -1 ? neg(a) : T(a / b); }
template <class T> __device__ T truncated_remainder(T a, T b) { return b == -1 ? T(0) : T(a % b); }
template <class T> __device__ T floor_quotient(T a, T b) {
    if (b == -1) return neg(a);
    T q = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? T(q - 1) : q;
}
template <class T> __device__ T floor_remainder(T a, T b) {
    T r = truncated_remainder(a, b);
    return r != 0 && (r < 0) != (b < 0) ? T(r + b) : r;
}

// By squaring, from the lowest bit of the exponent up; b is not negative
template <class T> __device__ T power(T a, T b) {
    T result = 1;
    for (; b > 0; b >>= 1) {
        if (b & 1) result = mul(result, a);
        a = mul(a, a);
    }
    return result;
}
// The square root gives what pow gives but for -inf (inf) and -0 (0)
template <class T> __device__ T real_power(T a, T b) {
    if (b == 2) return mul(a, a);
    if (b == T(0.5)) return a < 0 && a - a != 0 ? -a : sqrt_(a) + 0;
    return pow_(a, b);
}

#define OF_REALS(T)                                                                         \
    __device__ inline T floor_quotient(T a, T b) { return real_floor_quotient(a, b); }      \
    __device__ inline T floor_remainder(T a, T b) { return real_floor_remainder(a, b); }    \
    __device__ inline T truncated_quotient(T a, T b) { return trunc_(a / b); }              \
    __device__ inline T truncated_remainder(T a, T b) { return fmod_(a, b); }               \
    __device__ inline T power(T a, T b) { return real_power(a, b); }
OF_REALS(float) OF_REALS(double)

template <class T> __device__ T sigmoid(T x) { return 1 / (1 + exp_(-x)); }
// log(1 + e^x) = max(x, 0) + log(1 + e^-|x|)
template <class T> __device__ T softplus(T x) { return (x < 0 ? T(0) : x) + log1p_(exp_(-absolute(x))); }

template <class To, class From> struct Conversion { __device__ static To of(From x) { return To(x); } };
template <class From> struct Conversion<bool, From> { __device__ static bool of(From x) { return x != 0; } };
template <class From> struct Conversion<uint8, From> { __device__ static uint8 of(From x) { return uint8(int(x)); } };
template <class To, class From> __device__ To converted(From x) { return Conversion<To, From>::of(x); }

// Addresses of tensors are multiples of 16, so a pack is aligned wherever the number of its first element is a multiple of its length.
template <class T, int N> __device__ Pack<T, N> &pack(T *x, unsigned i) { return reinterpret_cast<Pack<T, N> *>(x)[i]; }
template <class T, int N> __device__ const Pack<T, N> &pack(const T *x, unsigned i) { return reinterpret_cast<const Pack<T, N> *>(x)[i]; }

// The sizes of the dimensions behind the first, last first
template <int RANK> struct Sizes { Divisor of[RANK - 1]; };
