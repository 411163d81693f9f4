// Where the greatest element of an axis is.
#include "arg_extreme.cuh"

#define DEFINE_ARG_MAX(T, suffix) DEFINE_ARG(Greatest, arg_max, T, suffix)
FOR_NUMBERS(DEFINE_ARG_MAX)
