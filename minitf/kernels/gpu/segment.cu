// The sums of rows by segment, in any order: each number is added where its row's segment is.
#include "common.cuh"

template <class T> __device__ void add_to(T *where, T x) { atomicAdd(where, x); }
__device__ inline void add_to(int64 *where, int64 x) { atomicAdd((uint64 *) where, uint64(x)); }      // there is none for signed ones

// x [numbers / row, row], ids one a row: negative ones are dropped; an id that is no segment is told
template <class T, class I> __device__ void segment_sum_body(const T *x, const I *ids, T *sums, int numbers, int row, int segments,
                                                             int *flag) {
    FOR_EACH(k, numbers) {
        I id = ids[k / row];
        if (id >= segments) complain(flag, int(id));
        else if (id >= 0) add_to(sums + unsigned(id) * row + k % row, x[k]);
    }
}

#define DEFINE_SEGMENT_SUM(T, suffix, I, id_suffix) \
    extern "C" __global__ void segment_sum_##id_suffix##_##suffix(const T *x, const I *ids, T *sums, int numbers, int row, int segments, \
                                                                  int *flag) { \
        segment_sum_body(x, ids, sums, numbers, row, segments, flag); \
    }
#define DEFINE_SEGMENT_SUMS(T, suffix) DEFINE_SEGMENT_SUM(T, suffix, int, i32) DEFINE_SEGMENT_SUM(T, suffix, int64, i64)
FOR_NUMBERS(DEFINE_SEGMENT_SUMS)
