// Rows of which the lesser or the greater numbers stay: NaN where either is.
#include "scatter.cuh"

template <class T> struct Least { __device__ void operator()(T value, T &var) const { var = var < value || var != var ? var : value; } };
template <class T> struct Greatest { __device__ void operator()(T value, T &var) const { var = var > value || var != var ? var : value; } };

#define DEFINE(T, S) DEFINE_SCATTER(scatter_min, Least, T, S) DEFINE_SCATTER(scatter_max, Greatest, T, S)
FOR_NUMBERS(DEFINE)
