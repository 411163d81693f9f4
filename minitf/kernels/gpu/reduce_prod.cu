// Products.
#include "reduce.cuh"

struct Prod {
    template <class T> struct Total : Wide<T> {};
    template <class T> __device__ static T take(T x) { return x; }
    template <class T> __device__ static T of(T a, T b) { return a * b; }
    template <class W> __device__ static W neutral(W) { return 1; }
    template <class T, class W> __device__ static T finish(W total, int) { return T(total); }
};

#define DEFINE_PROD(T, suffix) DEFINE_REDUCTION(Prod, prod, T, suffix)
FOR_NUMBERS(DEFINE_PROD)
