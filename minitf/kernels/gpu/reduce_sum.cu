// Sums, means and sums of squares: the total, divided by `count`.
#include "reduce.cuh"

struct Sum : Add {
    template <class T> struct Total : Wide<T> {};
    template <class T> __device__ static T take(T x) { return x; }
    template <class W> __device__ static W neutral(W) { return 0; }
    template <class T, class W> __device__ static T finish(W total, int count) {
        if (count == 1) return T(total);
        if (T(0.5f) == T(0)) return T(count ? total / count : W(0));       // integers: of nothing, the mean is 0
        return T(total / count);
    }
};

struct Squares : Sum {
    template <class T> __device__ static T take(T x) { return x * x; }
};

#define DEFINE_SUM(T, suffix) DEFINE_REDUCTION(Sum, sum, T, suffix)
#define DEFINE_SQUARES(T, suffix) DEFINE_REDUCTION(Squares, squares, T, suffix)
FOR_NUMBERS(DEFINE_SUM)
FOR_FLOATS(DEFINE_SQUARES)
