// What the kernels share: element types, the loop over elements, sums over a warp and over a block, complaints.
//
// One source for nvcc and for the emulator.  Counts are int (a tensor has fewer than 2^31 elements); a loop's own counter is unsigned, so that
// the step behind the last element can not overflow.
#pragma once

// for (each i < n that is this thread's): a grid of any size does them all.  The emulator walks through memory in an order of its own where a
// kernel is nothing but such a loop, with constants (const) before it.
#ifdef CUDA_EMULATOR
#define FOR_EACH(i, n) EMULATED_FOR_EACH(i, n)
#else
#define FOR_EACH(i, n) for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < unsigned(n); i += gridDim.x * blockDim.x)
#endif

typedef long long int64;
typedef unsigned long long uint64;

// DEFINE(T, suffix) for the element types that a family serves; suffixes as in call.py
#define FOR_FLOATS(DEFINE) DEFINE(float, f32) DEFINE(double, f64)
#define FOR_NUMBERS(DEFINE) FOR_FLOATS(DEFINE) DEFINE(int, i32) DEFINE(int64, i64)

// What sums of T are kept in, where a thread adds up many: at one conversion for several elements, a GPU of few double units loses no time.
template <class T> struct Wide { typedef T type; };
template <> struct Wide<float> { typedef double type; };

const unsigned EVERY_LANE = 0xffffffffu;

struct Add { template <class T> __device__ static T of(T a, T b) { return a + b; } };
struct Larger { template <class T> __device__ static T of(T a, T b) { return a > b || a != a ? a : b; } };      // NaN if one is
struct Smaller { template <class T> __device__ static T of(T a, T b) { return a < b || a != a ? a : b; } };

// The reduction of the values of `lanes` neighbours, a power of two up to 32, in each of them; every lane of the warp calls it.  They pair up
// at distances lanes / 2, ..., 2, 1: always in the same order.
template <class Op, class T> __device__ T over_lanes(T value, unsigned lanes) {
    for (unsigned distance = lanes / 2; distance > 0; distance /= 2) value = Op::of(value, T(__shfl_xor_sync(EVERY_LANE, value, distance)));
    return value;
}

// The reduction of a warp's 32 values, in every lane.
template <class Op, class T> __device__ T over_warp(T value) { return over_lanes<Op>(value, 32); }

// The reduction of a block's values, in every thread: first within the warps, then over their results, which each thread reads for itself, for
// a few reads that all threads share cost less than five more shuffles.  The block is a whole number of warps and one-dimensional.  May be
// called again at once: it ends with a barrier.
template <class Op, class T> __device__ T over_block(T value) {
    __shared__ T of_warp[32];
    value = over_warp<Op>(value);
    if (threadIdx.x % 32 == 0) of_warp[threadIdx.x / 32] = value;
    __syncthreads();
    value = of_warp[0];
    for (unsigned warp = 1; warp < blockDim.x / 32; warp++) value = Op::of(value, of_warp[warp]);
    __syncthreads();
    return value;
}

// Tell the host that an input is not what the op takes: the step ends in the error that belongs to the flag (Call.flag).
__device__ inline void complain(int *flag, int value) {
    if (atomicExch(flag, 1) == 0) flag[1] = value;
}

// The same for a number with a fraction: "{float}" in the flag's message.
__device__ inline void complain(int *flag, float value) {
    complain(flag, __float_as_int(value));
}

// The same with the place at which the value was found: for a flag whose message is a function of both.
__device__ inline void complain_at(int *flag, int place, int64 value) {
    if (atomicExch(flag, 1) == 0) flag[1] = int(value), flag[2] = int(value >> 32), flag[3] = place;
}
