// Rows that are multiplied or divided.  Integers are divided towards zero, and the least one by -1 is itself.
#include "scatter.cuh"

template <class T> struct Product { __device__ void operator()(T value, T &var) const { var *= value; } };
template <class T> struct Quotient { __device__ void operator()(T value, T &var) const { var /= value; } };
template <> struct Quotient<int> { __device__ void operator()(int value, int &var) const { var = value == -1 ? int(0u - unsigned(var)) : var / value; } };
template <> struct Quotient<int64> {
    __device__ void operator()(int64 value, int64 &var) const { var = value == -1 ? int64(0 - uint64(var)) : var / value; }
};

#define DEFINE(T, S) DEFINE_SCATTER(scatter_mul, Product, T, S) DEFINE_SCATTER(scatter_div, Quotient, T, S)
FOR_NUMBERS(DEFINE)

template <class T> __device__ void complain_of_zeros(const T *x, int n, int *flag) {
    FOR_EACH(i, n) if (x[i] == 0) complain(flag, 0);
}
extern "C" __global__ void complain_of_zeros_i32(const int *x, int n, int *flag) { complain_of_zeros(x, n, flag); }
extern "C" __global__ void complain_of_zeros_i64(const int64 *x, int n, int *flag) { complain_of_zeros(x, n, flag); }
