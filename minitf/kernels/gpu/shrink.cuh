// What the updates for a loss with l1 |w| + l2 w^2 share.  They keep weights at exactly 0.
#pragma once
#include "slot_update.cuh"

// x moved towards 0 by `by`, and no further: sign(x) * max(|x| - by, 0).  NaN stays NaN.
__device__ inline float shrink(float x, float by) {
    float rest = fabsf(x) - by;
    return copysignf(rest < 0 ? 0 : rest, x);
}
__device__ inline double shrink(double x, double by) {
    double rest = fabs(x) - by;
    return copysign(rest < 0 ? 0 : rest, x);
}

// Complain, and say so, if a hyper-parameter has a value that the formula has no meaning for.
template <class T> __device__ bool complain_if(bool wrong, T value, int *flag) {
    if (wrong) complain(flag, float(value));
    return wrong;
}
