// FTRL-Proximal, as it is and with a shrinkage of its own.
#include "shrink.cuh"

__device__ inline float power(float x, float y) { return powf(x, y); }
__device__ inline double power(double x, double y) { return pow(x, y); }

// FTRL-Proximal (McMahan et al., 2013, algorithm 1); linear also gathers 2 * shrinkage * var, a penalty that accum does not count:
//     squared = accum + grad^2
//     linear += grad + 2 * shrinkage * var - (squared^-lr_power - accum^-lr_power) / lr * var
//     var     = the minimum of linear * w + squared^-lr_power / (2 lr) * w^2 + l1 |w| + l2 w^2
//     accum   = squared
template <class T> struct Ftrl {
    T lr, l1, l2, shrinkage, lr_power;
    int *bad_lr, *bad_l1, *bad_l2, *bad_shrinkage, *bad_power;
    __device__ T scale(T x, T slope) const { return (lr_power == T(-0.5) ? root(x) : power(x, -lr_power)) * slope; }
    __device__ void operator()(T grad, T &var, T &accum, T &linear) const {
        T slope = 1 / lr, squared = accum + grad * grad, before = scale(accum, slope), after = scale(squared, slope);
        linear += grad + 2 * shrinkage * var - (after - before) * var;
        accum = squared;
        var = -shrink(linear, l1) / (after + 2 * l2);
    }
};
template <class T> __device__ bool refuses(const Ftrl<T> &f) {
    return complain_if(f.lr <= 0, f.lr, f.bad_lr) || complain_if(f.l1 < 0, f.l1, f.bad_l1) || complain_if(f.l2 < 0, f.l2, f.bad_l2)
        || complain_if(f.shrinkage < 0, f.shrinkage, f.bad_shrinkage) || complain_if(f.lr_power > 0, f.lr_power, f.bad_power);
}
#define DEFINE(T, S)                                                                                                                   \
    DEFINE_UPDATE(ftrl, T, S, (T *var, T *accum, T *linear, const T *lr, const T *l1, const T *l2, const T *lr_power,                  \
                               int *bad_lr, int *bad_l1, int *bad_l2, int *bad_power), (var, accum, linear),                           \
                  Ftrl<T>{*lr, *l1, *l2, 0, *lr_power, bad_lr, bad_l1, bad_l2, nullptr, bad_power})                                    \
    DEFINE_UPDATE(ftrl_v2, T, S, (T *var, T *accum, T *linear, const T *lr, const T *l1, const T *l2, const T *shrinkage,              \
                                  const T *lr_power, int *bad_lr, int *bad_l1, int *bad_l2, int *bad_shrinkage, int *bad_power),       \
                  (var, accum, linear),                                                                                                \
                  Ftrl<T>{*lr, *l1, *l2, *shrinkage, *lr_power, bad_lr, bad_l1, bad_l2, bad_shrinkage, bad_power})
FOR_FLOATS(DEFINE)
