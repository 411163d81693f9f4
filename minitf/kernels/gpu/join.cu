// Several arrays into one and one into several: each is a run of words in every row of the one.
#include "words.cuh"

// Addresses can not lie in a table in the device's memory, but they can be arguments: blockIdx.y says whose turn it is.
#define FOUR(T, a) T *a##0, T *a##1, T *a##2, T *a##3
#define FOUR_NAMES(a) a##0, a##1, a##2, a##3
#define PARTS_4(T) FOUR(T, a)
#define PARTS_32(T) FOUR(T, a), FOUR(T, b), FOUR(T, c), FOUR(T, d), FOUR(T, e), FOUR(T, f), FOUR(T, g), FOUR(T, h)
#define NAMES_4 FOUR_NAMES(a)
#define NAMES_32 FOUR_NAMES(a), FOUR_NAMES(b), FOUR_NAMES(c), FOUR_NAMES(d), FOUR_NAMES(e), FOUR_NAMES(f), FOUR_NAMES(g), FOUR_NAMES(h)

template <class T> __device__ T *chosen(int k, FOUR(T, a)) { return k == 0 ? a0 : k == 1 ? a1 : k == 2 ? a2 : a3; }
template <class T> __device__ T *chosen(int k, PARTS_32(T)) {
    int of_four = k % 4;
    switch (k / 4) {
        case 0: return chosen(of_four, FOUR_NAMES(a));
        case 1: return chosen(of_four, FOUR_NAMES(b));
        case 2: return chosen(of_four, FOUR_NAMES(c));
        case 3: return chosen(of_four, FOUR_NAMES(d));
        case 4: return chosen(of_four, FOUR_NAMES(e));
        case 5: return chosen(of_four, FOUR_NAMES(f));
        case 6: return chosen(of_four, FOUR_NAMES(g));
        default: return chosen(of_four, FOUR_NAMES(h));
    }
}

// A part's words of a row: where they begin in the row, and how many there are.
struct Run { int first; Divisor size; };
template <int N> struct Runs { int rows, total; Run of[N]; };

template <class T, int N> __device__ void join_body(T *to, const T *part, const Runs<N> &runs) {
    Run run = runs.of[blockIdx.y];
    FOR_EACH(i, runs.rows * run.size.divisor) {
        unsigned row = quotient(i, run.size);
        to[row * runs.total + run.first + (i - row * run.size.divisor)] = part[i];
    }
}

template <class T, int N> __device__ void part_body(T *part, const T *from, const Runs<N> &runs) {
    Run run = runs.of[blockIdx.y];
    FOR_EACH(i, runs.rows * run.size.divisor) {
        unsigned row = quotient(i, run.size);
        part[i] = from[row * runs.total + run.first + (i - row * run.size.divisor)];
    }
}

#define DEFINE_FOR(T, suffix, N) \
    extern "C" __global__ void join_##N##_##suffix(T *to, PARTS_##N(const T), Runs<N> runs) { join_body(to, chosen(blockIdx.y, NAMES_##N), runs); } \
    extern "C" __global__ void part_##N##_##suffix(PARTS_##N(T), const T *from, Runs<N> runs) { part_body(chosen(blockIdx.y, NAMES_##N), from, runs); }
#define DEFINE(T, suffix) DEFINE_FOR(T, suffix, 4) DEFINE_FOR(T, suffix, 32)
FOR_WORDS(DEFINE)
#undef DEFINE
