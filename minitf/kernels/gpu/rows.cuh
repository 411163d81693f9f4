// The rows that indices name, sorted: what updates of some rows of a variable begin with.
//
// Entries that name one row must not race for it, and must count in the order in which they stand, so that a GPU computes what a CPU does.
// Sorted keys bring them together: a key has the row in its upper 32 bits and the entry's place in its lower.  No two are equal, so any
// sort keeps that order.  One thread of a row's first entry then does the row's other entries too.
#pragma once
#include "common.cuh"

const int SORTED_TILE = 512;

struct Dims { int of[8]; };

__device__ inline unsigned row_of(uint64 key) { return unsigned(key >> 32); }
__device__ inline unsigned place_of(uint64 key) { return unsigned(key); }

// keys[i]: the number of the row that entry i of indices [n, depth] names by a coordinate in each of the first axes, in row-major order.
// Sorted within tiles of SORTED_TILE entries, one a block and a thread each: a key goes where as many keys of its tile are less than it.
// Complains of an entry that points outside `dims`: of the coordinate and of its place in indices.
template <class Index> __device__ void sort_tile(const Index *indices, uint64 *keys, int n, int depth, const Dims &dims, int *outside) {
    __shared__ uint64 tile[SORTED_TILE];
    int begin = blockIdx.x * SORTED_TILE, i = begin + threadIdx.x, many = min(SORTED_TILE, n - begin);
    uint64 key = 0;
    if (i < n) {
        unsigned row = 0;
        for (int k = 0; k < depth; k++) {
            int64 place = indices[i * depth + k];
            if (place < 0 || place >= dims.of[k]) complain_at(outside, i * depth + k, place);
            row = row * dims.of[k] + unsigned(place);
        }
        key = uint64(row) << 32 | unsigned(i);
        tile[threadIdx.x] = key;
    }
    __syncthreads();
    int less = 0;
    for (int k = 0; k < many; k++) less += tile[k] < key;
    if (i < n) keys[begin + less] = key;
}

#define DEFINE_SORT(Index, S)                                                                                                          \
    extern "C" __global__ void sort_rows_##S(const Index *indices, uint64 *keys, int n, int depth, Dims dims, int *outside) {        \
        sort_tile(indices, keys, n, depth, dims, outside);                                                                             \
    }
DEFINE_SORT(int, i32)
DEFINE_SORT(int64, i64)

// Runs of `length` sorted keys, two and two, become runs twice as long: a key goes behind those of its own run before it and those of the
// other run that are less, which a binary search counts.
extern "C" __global__ void merge_rows(const uint64 *from, uint64 *to, int n, int length) {
    FOR_EACH(i, n) {
        unsigned run = i / length, other = min((run ^ 1) * length, unsigned(n)), low = other, high = min(low + length, unsigned(n));
        uint64 key = from[i];
        while (low < high) {
            unsigned middle = (low + high) / 2;
            if (from[middle] < key) low = middle + 1; else high = middle;
        }
        to[(run & ~1u) * length + (i - run * length) + (low - other)] = key;
    }
}
