// Arrays made of a few numbers: OneHot, Range, Shape.
#include "words.cuh"

// [before, depth, after] from [before, after]: is the place along the new axis the one that the index says?
template <class T, class I> __device__ void one_hot_body(T *to, const I *indices, const T *on, const T *off, Divisor depth, Divisor after, int n) {
    T hot = *on, cold = *off;
    FOR_EACH(i, n) {
        unsigned row = quotient(i, after), before = quotient(row, depth);
        int64 index = indices[before * after.divisor + (i - row * after.divisor)];
        to[i] = index == int64(row - before * depth.divisor) ? hot : cold;
    }
}

// Computed in Wide and rounded once.
template <class Wide, class T> __device__ void range_body(T *to, const T *start, const T *delta, int n) {
    Wide first = Wide(*start), step = Wide(*delta);
    FOR_EACH(i, n) to[i] = T(first + Wide(i) * step);
}

#define DEFINE_FOR(T, suffix, I, index) \
    extern "C" __global__ void one_hot_##suffix##_##index(T *to, const I *indices, const T *on, const T *off, Divisor depth, Divisor after, int n) { \
        one_hot_body(to, indices, on, off, depth, after, n); }
#define DEFINE(T, suffix) DEFINE_FOR(T, suffix, unsigned char, u8) DEFINE_FOR(T, suffix, int, i32) DEFINE_FOR(T, suffix, int64, i64)
FOR_ELEMENTS(DEFINE)
#undef DEFINE

#define DEFINE(T, suffix, Wide) \
    extern "C" __global__ void range_##suffix(T *to, const T *start, const T *delta, int n) { range_body<Wide>(to, start, delta, n); }
DEFINE(float, f32, double) DEFINE(double, f64, double) DEFINE(int, i32, int64) DEFINE(int64, i64, int64)
#undef DEFINE

// Numbers that are known before the launch.
struct Numbers { int count, of[8]; };
#define DEFINE(T, suffix) extern "C" __global__ void numbers_##suffix(T *to, Numbers numbers) { FOR_EACH(i, numbers.count) to[i] = numbers.of[i]; }
DEFINE(int, i32) DEFINE(int64, i64)
#undef DEFINE
