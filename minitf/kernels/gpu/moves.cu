// Boxes of words from one array to another, straight and through tiles, and frames around an array.
#include "words.cuh"

template <class T> __device__ void move_body(T *to, const T *from, const Box &box, int n) {
    FOR_EACH(i, n) {
        Places at = places_of(box, i);
        to[at.to] = from[at.from];
    }
}

// The same from a place on that the device alone knows: `begin` words into the source, or into the target.  A negative one says that there is none.
template <class T> __device__ void move_at_body(T *to, const T *from, const int64 *begin, int into_target, int together, const Box &box, int n) {
    int64 first = *begin;
    if (first < 0) return;
    if (into_target) to += first / together; else from += first / together;
    move_body(to, from, box, n);
}

// to[row, col] = from[col, row] for the last two axes, tile by tile: a warp writes a piece of one of the target's rows, and reads a piece of one
// of the source's, whichever way the two lie.  Rows of 33 words keep a warp that reads a column of a tile in 32 different banks.
const int TILE = 32, TILE_LINES = 4;
struct Tiles { Divisor across, down; int rows, cols, to_row, from_col; Box outer; };

template <class T> __device__ void move_tile_body(T *to, const T *from, const Tiles &s) {
    __shared__ T tile[TILE][TILE + 1];
    unsigned line = quotient(blockIdx.x, s.across), above = quotient(line, s.down);
    int col = (blockIdx.x - line * s.across.divisor) * TILE, row = (line - above * s.down.divisor) * TILE, x = threadIdx.x;
    Places at = places_of(s.outer, above);
    if (row + x < s.rows)
        for (int k = threadIdx.y; k < TILE && col + k < s.cols; k += TILE_LINES) tile[k][x] = from[at.from + (col + k) * s.from_col + row + x];
    __syncthreads();
    if (col + x < s.cols)
        for (int k = threadIdx.y; k < TILE && row + k < s.rows; k += TILE_LINES) to[at.to + (row + k) * s.to_row + col + x] = tile[x][k];
}

// An array around another: along each axis `before` words, then `span` words of which every step-th comes from the source, then more of the frame.
struct FrameAxis { Divisor size, step; int before, span, from; };
struct Frame { int rank; FrameAxis axes[MOST_AXES]; };

template <class T> __device__ void frame_body(T *to, const T *from, const T *value, int has_value, const Frame &frame, int n) {
    T around = has_value ? *value : T{};
    FOR_EACH(i, n) {
        unsigned place = i;
        int at = 0;
        bool inside = true;
        for (int k = frame.rank - 1; k >= 0; k--) {
            FrameAxis axis = frame.axes[k];
            unsigned rest = quotient(place, axis.size), here = place - rest * axis.size.divisor - axis.before;
            place = rest;
            inside = inside && here < unsigned(axis.span);                        // what lies before has become a great number
            if (inside && axis.step.divisor > 1) {
                unsigned taken = quotient(here, axis.step);
                inside = taken * axis.step.divisor == here;
                here = taken;
            }
            at += here * axis.from;
        }
        to[i] = inside ? from[at] : around;
    }
}

#define DEFINE(T, suffix) \
    extern "C" __global__ void move_##suffix(T *to, const T *from, Box box, int n) { move_body(to, from, box, n); } \
    extern "C" __global__ void move_at_##suffix(T *to, const T *from, const int64 *begin, int into_target, int together, Box box, int n) { \
        move_at_body(to, from, begin, into_target, together, box, n); } \
    extern "C" __global__ void move_tile_##suffix(T *to, const T *from, Tiles tiles) { move_tile_body(to, from, tiles); } \
    extern "C" __global__ void frame_##suffix(T *to, const T *from, const T *value, int has_value, Frame frame, int n) { \
        frame_body(to, from, value, has_value, frame, n); }
FOR_WORDS(DEFINE)
#undef DEFINE

// Where a slice begins that only the device knows, in elements: one thread looks, for all that follow.  -1 where the slice does not fit.
struct Slice { int rank, size[8], taken[8], stride[8]; };

template <class I> __device__ void slice_begin_body(int64 *first, const I *begin, const Slice &s, int *low, int *large) {
    int64 total = 0;
    bool fits = true;
    for (int k = s.rank - 1; k >= 0; k--) {
        int64 b = begin[k];
        if (b < 0 || b > s.size[k]) {
            if (fits) complain_at(low, k, b);
            fits = false;
        } else if (s.taken[k] > s.size[k] - b) {
            if (fits) complain_at(large, k, b);
            fits = false;
        }
        total += b * s.stride[k];
    }
    *first = fits ? total : -1;
}

struct StridedAxis { int place, shrinks, has_begin, has_end, size, stride, step, count; };
struct StridedSlice { int rank; StridedAxis axes[8]; };

__device__ inline int64 within(int64 place, const StridedAxis &axis) {
    int64 low = axis.step > 0 ? 0 : -1, high = axis.step > 0 ? axis.size : axis.size - 1;
    if (place < 0) place += axis.size;
    return place < low ? low : place > high ? high : place;
}

template <class I> __device__ void strided_begin_body(int64 *to, const I *begin, const I *end, const StridedSlice &s, int *outside, int *other) {
    int64 total = 0;
    *to = -1;
    for (int k = 0; k < s.rank; k++) {
        StridedAxis axis = s.axes[k];
        int64 first = axis.step > 0 ? 0 : axis.size - 1, last = axis.step > 0 ? axis.size : -1;
        if (axis.shrinks) {
            first = begin[axis.place];
            if (first < -axis.size || first >= axis.size) { complain_at(outside, k, first); return; }
            if (first < 0) first += axis.size;
        } else {
            if (axis.has_begin) first = within(begin[axis.place], axis);
            if (axis.has_end) last = within(end[axis.place], axis);
            int64 distance = axis.step > 0 ? last - first : first - last, step = axis.step > 0 ? axis.step : -axis.step;
            int64 count = distance > 0 ? (distance + step - 1) / step : 0;
            if (count != axis.count) { complain_at(other, k, count); return; }
        }
        total += first * axis.stride;
    }
    *to = total;
}

#define DEFINE(I, suffix) \
    extern "C" __global__ void slice_begin_##suffix(int64 *first, const I *begin, Slice slice, int *low, int *large) { \
        slice_begin_body(first, begin, slice, low, large); } \
    extern "C" __global__ void strided_begin_##suffix(int64 *first, const I *begin, const I *end, StridedSlice slice, int *outside, int *other) { \
        strided_begin_body(first, begin, end, slice, outside, other); }
DEFINE(int, i32) DEFINE(int64, i64)
#undef DEFINE
