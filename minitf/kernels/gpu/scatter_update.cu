// Rows that are replaced: of those that name one place, the last one counts.
#include "scatter.cuh"

template <class T> struct Newer { __device__ void operator()(T value, T &var) const { var = value; } };

#define DEFINE(T, S) DEFINE_SCATTER(scatter_update, Newer, T, S)
FOR_NUMBERS(DEFINE)
DEFINE(bool, b8)
