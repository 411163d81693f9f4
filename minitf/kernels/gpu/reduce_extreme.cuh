// The greatest and the least; of truth values, whether any is true and whether all are.  NaN where an element is NaN.
#include "reduce.cuh"

__device__ inline float highest(float) { return INFINITY; }
__device__ inline double highest(double) { return INFINITY; }
__device__ inline int highest(int) { return 0x7fffffff; }
__device__ inline int64 highest(int64) { return 0x7fffffffffffffffll; }
__device__ inline bool highest(bool) { return true; }
__device__ inline float lowest(float) { return -INFINITY; }
__device__ inline double lowest(double) { return -INFINITY; }
__device__ inline int lowest(int) { return -0x7fffffff - 1; }
__device__ inline int64 lowest(int64) { return -0x7fffffffffffffffll - 1; }
__device__ inline bool lowest(bool) { return false; }

struct Extreme {
    template <class T> struct Total { typedef T type; };
    template <class T> __device__ static T take(T x) { return x; }
    template <class T, class W> __device__ static T finish(W total, int) { return total; }
};

struct Max : Extreme, Larger {
    template <class W> __device__ static W neutral(W w) { return lowest(w); }
};

struct Min : Extreme, Smaller {
    template <class W> __device__ static W neutral(W w) { return highest(w); }
};
