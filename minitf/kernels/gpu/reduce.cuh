// Four ways to reduce the middle axis of [outer, n, inner], as templates over the operation; reduce_*.cu make CUDA functions of them.
//
//     few        a thread for each result, where its elements lie close together or its neighbours' are read together
//     rows       inner is 1: up to 32 lanes for each row
//     long       inner is 1: a block for each part of a row
//     columns    a block for 32 neighbouring columns (or as many as there are) of a part of the rows
//
// An operation says what it makes of an element (take), how two become one (of), what changes nothing (neutral) and what the result is
// (finish).  Eight elements are brought together in their own type, in pairs, and these in Op::Total's: float sums are summed in double, at
// one conversion for eight elements, so a sum of a million floats has the digits of one of eight.  All orders are fixed.
#include "team.cuh"

// The reduction of count elements, each `step` behind the one before.
template <class Op, class T> __device__ typename Op::template Total<T>::type total_of(const T *x, unsigned count, unsigned step) {
    typedef typename Op::template Total<T>::type Total;
    Total total = Op::neutral(Total());
    for (; count >= 8; count -= 8, x += 8 * step) {
        T a = Op::of(Op::take(x[0]), Op::take(x[step])), b = Op::of(Op::take(x[2 * step]), Op::take(x[3 * step]));
        T c = Op::of(Op::take(x[4 * step]), Op::take(x[5 * step])), d = Op::of(Op::take(x[6 * step]), Op::take(x[7 * step]));
        total = Op::of(total, Total(Op::of(Op::of(a, b), Op::of(c, d))));
    }
    for (; count > 0; count--, x += step) total = Op::of(total, Total(Op::take(x[0])));
    return total;
}

template <class Op, class T> __device__ void few_body(const T *x, T *out, int outputs, int n, int inner, int count) {
    FOR_EACH(k, outputs) out[k] = Op::template finish<T>(total_of<Op>(x + k / inner * n * inner + k % inner, n, inner), count);
}

// x [rows, n] -> out [rows], `lanes` threads a row
template <class Op, class T> __device__ void rows_body(const T *x, T *out, int rows, int n, int lanes, int count) {
    typedef typename Op::template Total<T>::type Total;
    unsigned at_once = blockDim.x / lanes, lane = threadIdx.x % lanes, mine = share(n, lane, lanes);
    for (unsigned first = blockIdx.x * at_once; first < rows; first += gridDim.x * at_once) {
        unsigned row = first + threadIdx.x / lanes;
        Total total = over_lanes<Op>(row < rows ? total_of<Op>(x + row * n + lane, mine, lanes) : Op::neutral(Total()), lanes);
        if (lane == 0 && row < rows) out[row] = Op::template finish<T>(total, count);
    }
}

// x [rows, n] -> out [rows, parts], each of `length` elements, the last perhaps of fewer
template <class Op, class T> __device__ void long_body(const T *x, T *out, int rows, int n, int parts, int length, int count) {
    for (unsigned k = blockIdx.x; k < unsigned(rows) * parts; k += gridDim.x) {
        unsigned row = k / parts, first = k % parts * length, mine = share(min(length, n - int(first)), threadIdx.x, blockDim.x);
        auto total = over_block<Op>(total_of<Op>(x + row * n + first + threadIdx.x, mine, blockDim.x));
        if (threadIdx.x == 0) out[k] = Op::template finish<T>(total, count);
    }
}

// x [outer, n, inner] -> out [parts, outer, inner], each part of `length` rows, the last perhaps of fewer.  `width`, a power of two up to
// 32, columns a block of eight warps: its threads take turns with the rows.
template <class Op, class T> __device__ void columns_body(const T *x, T *out, int outer, int n, int inner, int parts, int length,
                                                          int width, int count) {
    typedef typename Op::template Total<T>::type Total;
    unsigned strip = threadIdx.x / width, strips = blockDim.x / width, tiles = (inner + width - 1) / width;
    for (unsigned k = blockIdx.x; k < outer * tiles * parts; k += gridDim.x) {
        unsigned part = k / (outer * tiles), page = k / tiles % outer, first = part * length;
        unsigned column = k % tiles * width + threadIdx.x % width;
        Total total = Op::neutral(Total());
        if (column < inner) {
            const T *begin = x + (page * n + first + strip) * inner + column;
            total = total_of<Op>(begin, share(min(length, n - int(first)), strip, strips), strips * inner);
        }
        total = over_column<Op>(total, width);
        if (threadIdx.x < width && column < inner) out[(part * outer + page) * inner + column] = Op::template finish<T>(total, count);
    }
}

#define DEFINE_REDUCTION(Op, name, T, suffix) \
    extern "C" __global__ void name##_few_##suffix(const T *x, T *out, int outputs, int n, int inner, int count) { \
        few_body<Op>(x, out, outputs, n, inner, count); \
    } \
    extern "C" __global__ void name##_rows_##suffix(const T *x, T *out, int rows, int n, int lanes, int count) { \
        rows_body<Op>(x, out, rows, n, lanes, count); \
    } \
    extern "C" __global__ void name##_long_##suffix(const T *x, T *out, int rows, int n, int parts, int length, int count) { \
        long_body<Op>(x, out, rows, n, parts, length, count); \
    } \
    extern "C" __global__ void name##_columns_##suffix(const T *x, T *out, int outer, int n, int inner, int parts, int length, int width, \
                                                       int count) { \
        columns_body<Op>(x, out, outer, n, inner, parts, length, width, count); \
    }
