// Running sums.
#include "scan.cuh"

#define DEFINE_CUMSUM(T, suffix) DEFINE_SCAN(Add, cumsum, T, suffix)
FOR_NUMBERS(DEFINE_CUMSUM)
