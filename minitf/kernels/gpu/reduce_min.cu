// The least of an axis; of truth values, whether all are true.
#include "reduce_extreme.cuh"

#define DEFINE_MIN(T, suffix) DEFINE_REDUCTION(Min, min, T, suffix)
FOR_NUMBERS(DEFINE_MIN)
DEFINE_MIN(bool, b8)
