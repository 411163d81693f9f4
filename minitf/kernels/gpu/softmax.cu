// Softmax and its logarithm, row by row, each row by a team.
#include "exponentials.cuh"

template <class Team, class T> __device__ void softmax_body(const T *x, T *y, int rows, int n, int lanes) {
    Team team(lanes);
    FOR_EACH_ROW(row, rows, team) {
        unsigned begin = row * n, there = row < rows ? n : 0;
        Exponentials<T> e = exponentials(team, x + begin, there);
        T scale = 1 / e.total;
        write_row(team, y + begin, there, [&](unsigned i) { return exp_of(x[begin + i] - e.top) * scale; });
    }
}

template <class Team, class T> __device__ void log_softmax_body(const T *x, T *y, int rows, int n, int lanes) {
    Team team(lanes);
    FOR_EACH_ROW(row, rows, team) {
        unsigned begin = row * n, there = row < rows ? n : 0;
        Exponentials<T> e = exponentials(team, x + begin, there);
        T shift = log_of(e.total);
        write_row(team, y + begin, there, [&](unsigned i) { return (x[begin + i] - e.top) - shift; });
    }
}

#define DEFINE_ROWS(T, suffix, Team, team) \
    extern "C" __global__ void softmax_##team##_##suffix(const T *x, T *y, int rows, int n, int lanes) { \
        softmax_body<Team>(x, y, rows, n, lanes); \
    } \
    extern "C" __global__ void log_softmax_##team##_##suffix(const T *x, T *y, int rows, int n, int lanes) { \
        log_softmax_body<Team>(x, y, rows, n, lanes); \
    }
#define DEFINE_SOFTMAX(T, suffix) DEFINE_ROWS(T, suffix, Lanes, lanes) DEFINE_ROWS(T, suffix, Block, block)
FOR_FLOATS(DEFINE_SOFTMAX)
