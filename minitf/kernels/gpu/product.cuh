// One tile of a matrix product: a block's threads load a piece of both sides into shared memory, and each sums a small tile of its own in
// registers.  The sides are template parameters, so that matrices, images as a convolution meets them, and turned filters share the loop.
//
// Each number that was loaded into shared memory is used by a whole row or column of the tile, each that came from there into a register by
// WIDE or HIGH multiplications: with 8 x 8 a thread, 64 multiply-adds for 16 numbers read.  (V. Volkov, J. Demmel, Benchmarking GPUs to
// Tune Dense Linear Algebra, SC 2008, section 4.)
#pragma once
#include "common.cuh"
#include "pack.cuh"

const int PRODUCT_THREADS = 256;

template <class T> struct PackOf { static const int N = 16 / sizeof(T); };

// ROWS x COLUMNS of the product a block, DEPTH terms between two barriers, HIGH x WIDE a thread.
template <class T, int ROWS_, int COLUMNS_, int DEPTH_, int HIGH_, int WIDE_> struct Tile {
    static const int ROWS = ROWS_, COLUMNS = COLUMNS_, DEPTH = DEPTH_, HIGH = HIGH_, WIDE = WIDE_;
    static const int DOWN = ROWS / HIGH, ACROSS = COLUMNS / WIDE;       // threads
    static const int UNROLL = HIGH * WIDE > 16 ? 1 : 4;                 // terms; with 64 sums a thread more would not fit its 128 registers
    // so much longer is a line of shared memory, so that a column that a warp writes does not fall into one bank
    static const int PAD = PackOf<T>::N;
    static_assert(DOWN * ACROSS == PRODUCT_THREADS && ACROSS % 8 == 0, "a warp is 4 threads high and 8 wide");
};

// One side of a product that is a matrix in memory: `outer` rows of the left side or columns of the right one, of `depth` terms each.
// along: the terms of one row or column are neighbours in memory (the left side as it is, the right side transposed); else the rows' or
// columns'.
template <class T, int OUTER, int DEPTH> struct MatrixSide {
    static const int EACH = OUTER * DEPTH / PRODUCT_THREADS;            // numbers that a thread loads
    static const int N = EACH < PackOf<T>::N ? EACH : PackOf<T>::N;
    const T *data;
    int outer, line, first;                                             // numbers from one line to the next; where the tile begins
    bool along, packed;
    T held[EACH];

    __device__ MatrixSide(const T *data, int outer, int depth, bool along, int first)
        : data(data), outer(outer), line(along ? depth : outer), first(first), along(along) {
        packed = line % N == 0 && size_t(data) % (N * sizeof(T)) == 0;
    }

    // Terms begin to begin + DEPTH, zeros from `end` on, into registers: they are under way while the tile before is summed.
    __device__ void fetch(int begin, int end) {
        if (packed) fetch_packs<N>(begin, end);
        else fetch_packs<1>(begin, end);
    }

    template <class Line> __device__ void store(Line *tile) const {
        if (packed) store_packs<N>(tile);
        else store_packs<1>(tile);
    }

    template <int W> __device__ void place(int i, int &o, int &term) const {
        int k = threadIdx.x + i * PRODUCT_THREADS;
        o = along ? k / (DEPTH / W) : k % (OUTER / W) * W;
        term = along ? k % (DEPTH / W) * W : k / (OUTER / W);
    }

    template <int W> __device__ void fetch_packs(int begin, int end) {
        for (int i = 0; i < EACH / W; i++) {
            int o, term;
            place<W>(i, o, term);
            o += first;
            term += begin;
            Pack<T, W> pack = {};
            if (o < outer && term < end) pack = *(const Pack<T, W> *) (data + (along ? size_t(o) * line + term : size_t(term) * line + o));
            for (int j = 0; j < W; j++) held[i * W + j] = pack.of[j];
        }
    }

    template <int W, class Line> __device__ void store_packs(Line *tile) const {
        for (int i = 0; i < EACH / W; i++) {
            int o, term;
            place<W>(i, o, term);
            if (along) {
                for (int j = 0; j < W; j++) tile[term + j][o] = held[i * W + j];
            } else {
                Pack<T, W> pack;
                for (int j = 0; j < W; j++) pack.of[j] = held[i * W + j];
                *(Pack<T, W> *) &tile[term][o] = pack;
            }
        }
    }
};

// Where a product goes: row after row.
template <class T> struct Rows {
    T *data;
    int rows, columns;
    __device__ T *row(int r) const { return data + size_t(r) * columns; }
};

// The tile at (row, column) of a product: the sum over terms begin to end, in this order, one fused multiply-add after the other.
// Two halves of shared memory take turns, so that one barrier a step is enough: what is written then was read before the last one.
template <class T, class Tile, class Left, class Right, class Result>
__device__ void product_tile(Left &left, Right &right, int begin, int end, const Result &result, int row, int column) {
    const int N = PackOf<T>::N, TALL = Tile::HIGH / N, BROAD = Tile::WIDE / N;
    alignas(16) __shared__ T lefts[2][Tile::DEPTH][Tile::ROWS + Tile::PAD];
    alignas(16) __shared__ T rights[2][Tile::DEPTH][Tile::COLUMNS + Tile::PAD];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int x = warp % (Tile::ACROSS / 8) * 8 + lane % 8, y = warp / (Tile::ACROSS / 8) * 4 + lane / 8;
    T sums[Tile::HIGH][Tile::WIDE] = {};
    if (begin < end) {
        left.fetch(begin, end);
        right.fetch(begin, end);
        left.store(lefts[0]);
        right.store(rights[0]);
    }
    __syncthreads();
    for (int now = 0; begin < end; now ^= 1) {
        begin += Tile::DEPTH;
        if (begin < end) {
            left.fetch(begin, end);
            right.fetch(begin, end);
        }
        #pragma unroll Tile::UNROLL
        for (int term = 0; term < Tile::DEPTH; term++) {
            // packs that are neighbours in a row belong to neighbouring threads: a warp reads whole lines of banks
            Pack<T, N> l[TALL], r[BROAD];
            for (int i = 0; i < TALL; i++) l[i] = *(const Pack<T, N> *) &lefts[now][term][(i * Tile::DOWN + y) * N];
            for (int i = 0; i < BROAD; i++) r[i] = *(const Pack<T, N> *) &rights[now][term][(i * Tile::ACROSS + x) * N];
            for (int i = 0; i < Tile::HIGH; i++)
                for (int j = 0; j < Tile::WIDE; j++) sums[i][j] += l[i / N].of[i % N] * r[j / N].of[j % N];
        }
        if (begin < end) {
            left.store(lefts[now ^ 1]);
            right.store(rights[now ^ 1]);
        }
        __syncthreads();
    }
    bool packed = result.columns % N == 0 && size_t(result.data) % 16 == 0;
    for (int i = 0; i < Tile::HIGH; i++) {
        int r = row + (i / N * Tile::DOWN + y) * N + i % N;
        if (r >= result.rows) continue;
        T *out = result.row(r);
        for (int j = 0; j < BROAD; j++) {
            int c = column + (j * Tile::ACROSS + x) * N;
            if (packed && c < result.columns) {
                Pack<T, N> pack;
                for (int q = 0; q < N; q++) pack.of[q] = sums[i][j * N + q];
                *(Pack<T, N> *) (out + c) = pack;
            } else {
                for (int q = 0; q < N && c + q < result.columns; q++) out[c + q] = sums[i][j * N + q];
            }
        }
    }
}

// The tiles that the op kernels are made for.  Terms between barriers: 16 numbers of 4 bytes or 8 of 8 bytes, 64 bytes of a line of memory.
template <class T> struct SquareTile : Tile<T, 64, 64, 64 / sizeof(T), 4, 4> {};
template <class T> struct TallTile : Tile<T, 128, 32, 64 / sizeof(T), 4, 4> {};        // for a product of few columns
template <class T> struct FlatTile : Tile<T, 32, 128, 64 / sizeof(T), 4, 4> {};        // of few rows
struct BigTile : Tile<float, 128, 128, 8, 8, 8> {};
