// Rows to which something is added, or from which it is subtracted.
#include "scatter.cuh"

template <class T> struct Sum { __device__ void operator()(T value, T &var) const { var += value; } };
template <class T> struct Difference { __device__ void operator()(T value, T &var) const { var -= value; } };

#define DEFINE(T, S) DEFINE_SCATTER(scatter_add, Sum, T, S) DEFINE_SCATTER(scatter_sub, Difference, T, S)
FOR_NUMBERS(DEFINE)
