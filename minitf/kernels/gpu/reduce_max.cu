// The greatest of an axis; of truth values, whether any is true.
#include "reduce_extreme.cuh"

#define DEFINE_MAX(T, suffix) DEFINE_REDUCTION(Max, max, T, suffix)
FOR_NUMBERS(DEFINE_MAX)
DEFINE_MAX(bool, b8)
