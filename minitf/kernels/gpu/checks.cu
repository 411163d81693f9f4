// A copy that tells where an element is NaN or infinite.
#include "common.cuh"

template <class T> __device__ void check_body(const T *x, T *y, int n, int *nan, int *infinite) {
    FOR_EACH(i, n) {
        T value = x[i];
        if (value != value) complain(nan, int(i));
        else if (value - value != 0) complain(infinite, int(i));
        y[i] = value;
    }
}

#define DEFINE_CHECK(T, suffix) \
    extern "C" __global__ void check_numerics_##suffix(const T *x, T *y, int n, int *nan, int *infinite) { \
        check_body(x, y, n, nan, infinite); \
    }
FOR_FLOATS(DEFINE_CHECK)
