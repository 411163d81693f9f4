// Where the least element of an axis is.
#include "arg_extreme.cuh"

#define DEFINE_ARG_MIN(T, suffix) DEFINE_ARG(Least, arg_min, T, suffix)
FOR_NUMBERS(DEFINE_ARG_MIN)
