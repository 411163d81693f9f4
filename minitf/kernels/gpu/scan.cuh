// Running sums and products along the middle axis of [outer, n, inner]: out[k] = x[0] op ... op x[k], or up to x[k - 1], from either end.
//
//     columns   a thread walks a column: where there are many, or they are short
//     rows      a block walks a part of one line in chunks.  A thread takes four neighbours; their totals are scanned by shuffles within
//               the warps and then over the warps.  A long line is cut: `totals` gives the total of each part, and the scan of those is
//               what each part starts with.
//
// Totals of floats are kept in double.  Nothing is ever taken away again, so an exclusive sum survives infinities.
#include "team.cuh"

struct Times { template <class T> __device__ static T of(T a, T b) { return a * b; } };

template <class Op> struct Neutral;
template <> struct Neutral<Add> { enum { value = 0 }; };
template <> struct Neutral<Times> { enum { value = 1 }; };

const int ITEMS = 4;

// A line of n elements, `step` apart; its elements are numbered from the end where the scan begins.
struct Line {
    unsigned begin, step, n;
    bool reverse;
    __device__ Line(unsigned line, int n, int inner, int reverse)
        : begin(line / inner * n * inner + line % inner), step(inner), n(n), reverse(reverse) {}
    __device__ unsigned at(unsigned k) const { return begin + (reverse ? n - 1 - k : k) * step; }
};

template <class Op, class T> __device__ void columns_body(const T *__restrict__ x, T *__restrict__ out, int lines, int n, int inner,
                                                          int exclusive, int reverse) {
    FOR_EACH(k, lines) {
        Line line(k, n, inner, reverse);
        typename Wide<T>::type total = Neutral<Op>::value;
        #pragma unroll 4
        for (unsigned i = 0; i < n; i++) {
            auto before = total;
            total = Op::of(total, decltype(total)(x[line.at(i)]));
            out[line.at(i)] = exclusive ? before : total;
        }
    }
}

// totals [lines, parts]: of each part of `length` elements; a block for each
template <class Op, class T> __device__ void totals_body(const T *x, typename Wide<T>::type *totals, int lines, int n, int inner,
                                                         int parts, int length, int reverse) {
    for (unsigned k = blockIdx.x; k < unsigned(lines) * parts; k += gridDim.x) {
        Line line(k / parts, n, inner, reverse);
        unsigned first = k % parts * length, end = min(int(first) + length, n);
        typename Wide<T>::type total = Neutral<Op>::value;
        #pragma unroll 4
        for (unsigned i = first + threadIdx.x, left = share(end, i, blockDim.x); left > 0; left--, i += blockDim.x)
            total = Op::of(total, decltype(total)(x[line.at(i)]));
        total = over_block<Op>(total);
        if (threadIdx.x == 0) totals[k] = total;
    }
}

// What the block's threads before this one have, together; `all` becomes what all have.  Ends with a barrier.
template <class Op, class W> __device__ W before_in_block(W mine, W *all) {
    __shared__ W of_warp[32];
    unsigned lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    W up_to_here = mine;
    for (unsigned distance = 1; distance < 32; distance *= 2) {
        W other = __shfl_up_sync(EVERY_LANE, up_to_here, distance);
        if (lane >= distance) up_to_here = Op::of(other, up_to_here);
    }
    W before = __shfl_up_sync(EVERY_LANE, up_to_here, 1);
    if (lane == 31) of_warp[warp] = up_to_here;
    __syncthreads();
    W earlier = Neutral<Op>::value, total = Neutral<Op>::value;
    for (unsigned w = 0; w < blockDim.x / 32; w++) {
        if (w == warp) earlier = total;
        total = Op::of(total, of_warp[w]);
    }
    __syncthreads();
    *all = total;
    return lane == 0 ? earlier : Op::of(earlier, before);
}

// starts [lines, parts]: what each part starts with; not read where there is one part
template <class Op, class T> __device__ void rows_body(const T *x, const typename Wide<T>::type *starts, T *out, int lines, int n,
                                                       int inner, int parts,
                                                       int length, int exclusive, int reverse) {
    typedef typename Wide<T>::type W;
    for (unsigned k = blockIdx.x; k < unsigned(lines) * parts; k += gridDim.x) {
        Line line(k / parts, n, inner, reverse);
        unsigned first = k % parts * length, end = min(int(first) + length, n);
        W carry = parts > 1 ? starts[k] : W(Neutral<Op>::value);
        for (unsigned chunk = first; chunk < end; chunk += blockDim.x * ITEMS) {
            unsigned i = chunk + threadIdx.x * ITEMS;
            W upto[ITEMS + 1], all;
            upto[0] = Neutral<Op>::value;
            #pragma unroll
            for (unsigned j = 0; j < ITEMS; j++) upto[j + 1] = i + j < end ? Op::of(upto[j], W(x[line.at(i + j)])) : upto[j];
            W before = Op::of(carry, before_in_block<Op>(upto[ITEMS], &all));
            #pragma unroll
            for (unsigned j = 0; j < ITEMS; j++)
                if (i + j < end) out[line.at(i + j)] = Op::of(before, exclusive ? upto[j] : upto[j + 1]);
            carry = Op::of(carry, all);
        }
    }
}

#define DEFINE_SCAN(Op, name, T, suffix) \
    extern "C" __global__ void name##_columns_##suffix(const T *x, T *out, int lines, int n, int inner, int exclusive, int reverse) { \
        columns_body<Op>(x, out, lines, n, inner, exclusive, reverse); \
    } \
    extern "C" __global__ void name##_totals_##suffix(const T *x, Wide<T>::type *totals, int lines, int n, int inner, int parts, \
                                                      int length, int reverse) { \
        totals_body<Op>(x, totals, lines, n, inner, parts, length, reverse); \
    } \
    extern "C" __global__ void name##_rows_##suffix(const T *x, const Wide<T>::type *starts, T *out, int lines, int n, int inner, \
                                                    int parts, int length, \
                                                    int exclusive, int reverse) { \
        rows_body<Op>(x, starts, out, lines, n, inner, parts, length, exclusive, reverse); \
    }
