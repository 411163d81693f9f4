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
template <int N> struct Runs { int joins, rows, total; Run of[N]; };

template <class T, int N> __device__ void exchange(T *part, T *whole, const Runs<N> &runs) {
    Run run = runs.of[blockIdx.y];
    FOR_EACH(i, runs.rows * run.size.divisor) {
        unsigned row = quotient(i, run.size), at = row * runs.total + run.first + (i - row * run.size.divisor);
        if (runs.joins) whole[at] = part[i];
        else part[i] = whole[at];
    }
}

#define DEFINE(T, suffix) \
    extern "C" __global__ void exchange_4_##suffix(T *whole, PARTS_4(T), Runs<4> runs) { exchange(chosen(blockIdx.y, NAMES_4), whole, runs); } \
    extern "C" __global__ void exchange_32_##suffix(T *whole, PARTS_32(T), Runs<32> runs) { exchange(chosen(blockIdx.y, NAMES_32), whole, runs); }
FOR_WORDS(DEFINE)
#undef DEFINE
