// Where the greatest or the least element lies along the middle axis of [outer, n, inner]: the first of several, but NaN first.
//
//     lanes, block   inner is 1: a team for each part of a row
//     columns        a thread for each column of a part of the rows
//     choose         the best of the parts' results
#include "team.cuh"

// better: whether a, which comes later, takes b's place.  Without branches, so that the loads of several turns are under way together.
struct Greatest : Larger {
    template <class T> __device__ static bool better(T a, T b) { return (a > b) | ((a != a) & (b == b)); }
};

struct Least : Smaller {
    template <class T> __device__ static bool better(T a, T b) { return (a < b) | ((a != a) & (b == b)); }
};

const int64 NOWHERE = 0x7fffffffffffffffll;

template <class T> struct Best {
    T value;
    int64 place;                   // NOWHERE: the value is one that others have
    template <class Op> __device__ void see(T x, int64 at) {
        bool better = Op::better(x, value);
        value = better ? x : value;
        place = better ? at : place;
    }
};

// The place of the best of a team's: first which value it has, then the first place that has it.
template <class Op, class Team, class T> __device__ int64 place_of(Team team, Best<T> mine) {
    T best = team.template over_team<Op>(mine.value);
    bool has_it = mine.value == best || (best != best && mine.value != mine.value);
    return team.template over_team<Smaller>(has_it ? mine.place : NOWHERE);
}

// x [rows, n] -> out [rows, parts], each of `length` elements, the last perhaps of fewer
template <class Team, class Op, class T> __device__ void arg_rows_body(const T *x, int64 *out, int rows, int n, int parts, int length,
                                                                       int lanes) {
    Team team(lanes);
    unsigned all = unsigned(rows) * parts;
    FOR_EACH_ROW(k, all, team) {
        unsigned there = min(k, all - 1), first = there % parts * length, end = min(int(first) + length, n);
        const T *row = x + there / parts * n;
        unsigned i = first + team.rank();
        Best<T> best = {row[i < end ? i : first], i < end ? int64(i) : NOWHERE};
        #pragma unroll 4
        for (unsigned left = share(end, i + team.size, team.size); left > 0; left--) i += team.size, best.template see<Op>(row[i], i);
        int64 place = place_of<Op>(team, best);
        if (k < all && team.rank() == 0) out[k] = place;
    }
}

// x [outer, n, inner] -> out [outer, parts, inner]
template <class Op, class T> __device__ void arg_columns_body(const T *x, int64 *out, int results, int n, int inner, int parts,
                                                              int length) {
    FOR_EACH(k, results) {
        unsigned part = k / inner % parts, first = part * length, end = min(int(first) + length, n);
        const T *page = x + k / (inner * parts) * n * inner + k % inner;
        Best<T> best = {page[first * inner], first};
        #pragma unroll 4
        for (unsigned i = first + 1; i < end; i++) best.template see<Op>(page[i * inner], i);
        out[k] = best.place;
    }
}

// x [outer, n, inner], places [outer, parts, inner] -> out [outer, inner]
template <class Op, class T> __device__ void arg_choose_body(const T *x, const int64 *places, int64 *out, int results, int n, int inner,
                                                             int parts, int lanes) {
    Lanes team(lanes);
    FOR_EACH_ROW(k, results, team) {
        unsigned there = min(k, unsigned(results) - 1), outer = there / inner, column = there % inner;
        const T *page = x + outer * n * inner + column;
        const int64 *of_part = places + outer * parts * inner + column;
        unsigned part = team.rank();
        int64 at = of_part[part < parts ? part * inner : 0];
        Best<T> best = {page[at * inner], part < parts ? at : NOWHERE};
        for (part += team.size; part < parts; part += team.size) {
            at = of_part[part * inner];
            best.template see<Op>(page[at * inner], at);
        }
        int64 place = place_of<Op>(team, best);
        if (k < results && team.rank() == 0) out[k] = place;
    }
}

#define DEFINE_ARG(Op, name, T, suffix) \
    extern "C" __global__ void name##_lanes_##suffix(const T *x, int64 *out, int rows, int n, int parts, int length, int lanes) { \
        arg_rows_body<Lanes, Op>(x, out, rows, n, parts, length, lanes); \
    } \
    extern "C" __global__ void name##_block_##suffix(const T *x, int64 *out, int rows, int n, int parts, int length, int lanes) { \
        arg_rows_body<Block, Op>(x, out, rows, n, parts, length, lanes); \
    } \
    extern "C" __global__ void name##_columns_##suffix(const T *x, int64 *out, int results, int n, int inner, int parts, int length) { \
        arg_columns_body<Op>(x, out, results, n, inner, parts, length); \
    } \
    extern "C" __global__ void name##_choose_##suffix(const T *x, const int64 *places, int64 *out, int results, int n, int inner, \
                                                      int parts, int lanes) { \
        arg_choose_body<Op>(x, places, out, results, n, inner, parts, lanes); \
    }
