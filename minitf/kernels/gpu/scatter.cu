// Changes of the rows of a variable, or of its elements, that indices name.
//
// Entries that name one place are combined one after the other, in the order of the indices, by the thread of the place's first entry: no
// atomic operations, and the result is the same in every run and that of the CPU.
#include "slot_update.cuh"

template <class T> struct Sum { __device__ void operator()(T value, T &var) const { var += value; } };
template <class T> struct Difference { __device__ void operator()(T value, T &var) const { var -= value; } };
template <class T> struct Newer { __device__ void operator()(T value, T &var) const { var = value; } };
template <class T> struct Product { __device__ void operator()(T value, T &var) const { var *= value; } };
// NaN where either is
template <class T> struct Least { __device__ void operator()(T value, T &var) const { var = var < value || var != var ? var : value; } };
template <class T> struct Greatest { __device__ void operator()(T value, T &var) const { var = var > value || var != var ? var : value; } };

template <class T> struct Quotient { __device__ void operator()(T value, T &var) const { var /= value; } };
template <> struct Quotient<int> { __device__ void operator()(int value, int &var) const { var = value == -1 ? int(0u - unsigned(var)) : var / value; } };
template <> struct Quotient<int64> {
    __device__ void operator()(int64 value, int64 &var) const { var = value == -1 ? int64(0 - uint64(var)) : var / value; }
};

// updates: [count, width];  refused: a flag that is up if some update has no meaning
#define DEFINE_SCATTER(name, F, T, S)                                                                                                   \
    extern "C" __global__ void name##_##S(T *var, const T *updates, const uint64 *keys, const int *outside, const int *refused,         \
                                          int count, int width) {                                                                       \
        if (*refused) return;                                                                                                           \
        T *states[] = {var};                                                                                                            \
        update_rows(F<T>{}, states, updates, keys, outside, count, width, 0);                                                           \
    }
#define DEFINE(T, S)                                                                                                                    \
    DEFINE_SCATTER(scatter_update, Newer, T, S) DEFINE_SCATTER(scatter_add, Sum, T, S) DEFINE_SCATTER(scatter_sub, Difference, T, S)    \
    DEFINE_SCATTER(scatter_mul, Product, T, S) DEFINE_SCATTER(scatter_div, Quotient, T, S)                                              \
    DEFINE_SCATTER(scatter_min, Least, T, S) DEFINE_SCATTER(scatter_max, Greatest, T, S)
FOR_NUMBERS(DEFINE)
#undef DEFINE
DEFINE_SCATTER(scatter_update, Newer, bool, b8)

template <class T> __device__ void complain_of_zeros(const T *x, int n, int *flag) {
    FOR_EACH(i, n) if (x[i] == 0) complain(flag, 0);
}
extern "C" __global__ void complain_of_zeros_i32(const int *x, int n, int *flag) { complain_of_zeros(x, n, flag); }
extern "C" __global__ void complain_of_zeros_i64(const int64 *x, int n, int *flag) { complain_of_zeros(x, n, flag); }
