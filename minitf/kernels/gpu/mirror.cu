// Arrays continued by their mirror images, and the adjoint of that; bands of matrices.
#include "words.cuh"

struct MirrorAxis { Divisor size; int before, dim, from; };
struct Mirror { int rank, offset; MirrorAxis axes[8]; };           // offset: 1 where the border itself is not repeated

template <class T> __device__ void mirror_body(T *to, const T *from, const Mirror &s, int n) {
    FOR_EACH(i, n) {
        unsigned place = i;
        int at = 0;
        for (int k = s.rank - 1; k >= 0; k--) {
            MirrorAxis axis = s.axes[k];
            unsigned rest = quotient(place, axis.size);
            int here = int(place - rest * axis.size.divisor) - axis.before;
            if (here < 0) here = s.offset - 1 - here;
            else if (here >= axis.dim) here = 2 * axis.dim - 1 - s.offset - here;
            place = rest, at += here * axis.from;
        }
        to[i] = from[at];
    }
}
#define DEFINE(T, suffix) extern "C" __global__ void mirror_##suffix(T *to, const T *from, Mirror mirror, int n) { mirror_body(to, from, mirror, n); }
FOR_WORDS(DEFINE)
#undef DEFINE

// One axis: [rows, before + dim + after, row] to [rows, dim, row].  What was a copy is added to what it was a copy of, first that of the left.
struct Fold { Divisor dim, row; int before, after, offset; };

template <class T> __device__ void fold_body(T *to, const T *from, const Fold &s, int n) {
    int dim = s.dim.divisor, row = s.row.divisor;
    FOR_EACH(i, n) {
        unsigned line = quotient(i, s.row), above = quotient(line, s.dim);
        int t = line - above * dim, left = s.before - 1 + s.offset - t, right = 2 * dim - 1 - s.offset - t;
        const T *x = from + above * (s.before + dim + s.after) * row + (i - line * row);
        T sum = x[(s.before + t) * row];
        if (left >= 0 && left < s.before) sum += x[left * row];
        if (right >= dim && right < dim + s.after) sum += x[(s.before + right) * row];
        to[i] = sum;
    }
}
#define DEFINE(T, suffix) extern "C" __global__ void fold_##suffix(T *to, const T *from, Fold fold, int n) { fold_body(to, from, fold, n); }
FOR_NUMBERS(DEFINE)
#undef DEFINE

template <class T, class I> __device__ void band_body(T *to, const T *from, const I *lower, const I *upper, Divisor rows, Divisor cols, int n) {
    int64 below = *lower, above = *upper;
    FOR_EACH(i, n) {
        unsigned line = quotient(i, cols);
        int64 right = int64(i - line * cols.divisor) - int64(line - quotient(line, rows) * rows.divisor);      // of the diagonal
        to[i] = (below < 0 || -right <= below) && (above < 0 || right <= above) ? from[i] : T{};
    }
}
#define DEFINE_FOR(T, suffix, I, index) \
    extern "C" __global__ void band_##suffix##_##index(T *to, const T *from, const I *lower, const I *upper, Divisor rows, Divisor cols, int n) { \
        band_body(to, from, lower, upper, rows, cols, n); }
#define DEFINE(T, suffix) DEFINE_FOR(T, suffix, int, i32) DEFINE_FOR(T, suffix, int64, i64)
FOR_ELEMENTS(DEFINE)
#undef DEFINE
