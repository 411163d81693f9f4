// Teams: the threads that share a row, which a row's function is written for once.
//
//     Lanes    a power of two up to 32 neighbouring lanes: short rows, several a warp, and no barriers
//     Block    all threads of a block: long rows
//
// A team has a rank for each thread, a size, and reductions over its threads that leave the result in all of them.  All threads of a block
// go through the reductions together, also those whose team has no row left: such a row has 0 elements.
#pragma once
#include "common.cuh"

struct Lanes {
    unsigned size;
    __device__ explicit Lanes(int lanes) : size(lanes) {}
    __device__ unsigned rank() const { return threadIdx.x % size; }
    __device__ unsigned number() const { return threadIdx.x / size; }              // of this team in its block
    __device__ unsigned teams() const { return blockDim.x / size; }                // of a block
    template <class Op, class T> __device__ T over_team(T value) const { return over_lanes<Op>(value, size); }
};

struct Block {
    unsigned size;
    __device__ explicit Block(int) : size(blockDim.x) {}
    __device__ unsigned rank() const { return threadIdx.x; }
    __device__ unsigned number() const { return 0; }
    __device__ unsigned teams() const { return 1; }
    template <class Op, class T> __device__ T over_team(T value) const { return over_block<Op>(value); }
};

// for (each turn of the block's teams): `row` is the team's, and may lie behind the last one
#define FOR_EACH_ROW(row, rows, team) \
    for (unsigned first_ = blockIdx.x * team.teams(), row = first_ + team.number(); first_ < unsigned(rows); \
         first_ += gridDim.x * team.teams(), row = first_ + team.number())

// The reduction of the values of all threads whose columns are the same, in each of them: thread t of a block of eight warps has column
// t % width, a power of two up to 32.  May be called again at once: it ends with a barrier.
template <class Op, class T> __device__ T over_column(T value, unsigned width) {
    __shared__ T of_warp[8][32];
    for (unsigned distance = width; distance < 32; distance *= 2) value = Op::of(value, T(__shfl_xor_sync(EVERY_LANE, value, distance)));
    of_warp[threadIdx.x / 32][threadIdx.x % 32] = value;
    __syncthreads();
    value = of_warp[0][threadIdx.x % width];
    for (unsigned warp = 1; warp < 8; warp++) value = Op::of(value, of_warp[warp][threadIdx.x % width]);
    __syncthreads();
    return value;
}

// How many of the n numbers from `first` on in steps are below n.  A loop that counts them down can be unrolled, with its loads together.
__device__ inline unsigned share(unsigned n, unsigned first, unsigned step) { return first < n ? (n - first - 1) / step + 1 : 0; }

// y[i] = f(i) for the n elements of a team's row.  Four results are computed before the first is written: y may be what f reads at i, so
// the compiler could not load the next one earlier by itself.
template <class Team, class T, class F> __device__ void write_row(Team team, T *y, unsigned n, F f) {
    unsigned i = team.rank(), step = team.size;
    for (; i + 3 * step < n; i += 4 * step) {
        T a = f(i), b = f(i + step), c = f(i + 2 * step), d = f(i + 3 * step);
        y[i] = a, y[i + step] = b, y[i + 2 * step] = c, y[i + 3 * step] = d;
    }
    for (; i < n; i += step) y[i] = f(i);
}
