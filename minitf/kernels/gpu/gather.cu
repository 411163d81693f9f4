// Rows that are chosen by numbers in the device's memory: Gather, GatherNd, ScatterNd, ReverseSequence.
#include "words.cuh"

// The first axes of an array, which a row of indices goes through.
struct Depths { int depth, size[8]; };

// The number of the slice that row r of the indices points at; -1, and a complaint, where it points beside the array.
template <class I> __device__ int slice_number(const I *indices, unsigned r, const Depths &s, int *flag) {
    int number = 0;
    for (int k = 0; k < s.depth; k++) {
        int64 index = indices[r * s.depth + k];
        if (index < 0 || index >= s.size[k]) {
            complain_at(flag, r * s.depth + k, index);
            return -1;
        }
        number = number * s.size[k] + int(index);
    }
    return number;
}

template <class T, class I> __device__ void gather_body(T *to, const T *from, const I *indices, const Depths &s, Divisor row, int n, int *flag) {
    FOR_EACH(i, n) {
        unsigned r = quotient(i, row);
        int number = slice_number(indices, r, s, flag);
        if (number >= 0) to[i] = from[number * row.divisor + (i - r * row.divisor)];
    }
}

template <class T> __device__ void add_to(T *place, T value) { atomicAdd(place, value); }
__device__ inline void add_to(int64 *place, int64 value) { atomicAdd((uint64 *) place, uint64(value)); }

template <class T, class I> __device__ void scatter_nd_body(T *to, const T *updates, const I *indices, const Depths &s, Divisor row, int n, int *flag) {
    FOR_EACH(i, n) {
        unsigned r = quotient(i, row);
        int number = slice_number(indices, r, s, flag);
        if (number >= 0) add_to(&to[number * row.divisor + (i - r * row.divisor)], updates[i]);
    }
}

// Along an axis of so many steps, `apart` words from one to the next; which sequence it is, another axis tells.
struct Sequences { Divisor apart, steps, batch_apart, batch; };

template <class T, class I> __device__ void reverse_body(T *to, const T *from, const I *lengths, const Sequences &s, int n, int *flag) {
    FOR_EACH(i, n) {
        unsigned before = quotient(i, s.apart), step = before - quotient(before, s.steps) * s.steps.divisor;
        unsigned row = quotient(i, s.batch_apart), b = row - quotient(row, s.batch) * s.batch.divisor;
        int64 length = lengths[b];
        if (length < 0 || length > s.steps.divisor) complain_at(flag, b, length);
        else to[i] = from[step < length ? i + (int(length) - 1 - 2 * int(step)) * int(s.apart.divisor) : i];
    }
}

#define DEFINE_FOR(T, suffix, I, index) \
    extern "C" __global__ void gather_##suffix##_##index(T *to, const T *from, const I *indices, Depths depths, Divisor row, int n, int *flag) { \
        gather_body(to, from, indices, depths, row, n, flag); } \
    extern "C" __global__ void reverse_##suffix##_##index(T *to, const T *from, const I *lengths, Sequences sequences, int n, int *flag) { \
        reverse_body(to, from, lengths, sequences, n, flag); }
#define DEFINE(T, suffix) DEFINE_FOR(T, suffix, int, i32) DEFINE_FOR(T, suffix, int64, i64)
FOR_WORDS(DEFINE)
#undef DEFINE_FOR

#define DEFINE_FOR(T, suffix, I, index) \
    extern "C" __global__ void scatter_nd_##suffix##_##index(T *to, const T *updates, const I *indices, Depths depths, Divisor row, int n, int *flag) { \
        scatter_nd_body(to, updates, indices, depths, row, n, flag); }
FOR_NUMBERS(DEFINE)
#undef DEFINE
