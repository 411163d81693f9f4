// Running products.
#include "scan.cuh"

#define DEFINE_CUMPROD(T, suffix) DEFINE_SCAN(Times, cumprod, T, suffix)
FOR_NUMBERS(DEFINE_CUMPROD)
