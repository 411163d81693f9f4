// The updates for a loss with l1 |w| + l2 w^2: FTRL-Proximal, the proximal step, dual averaging.  They keep weights at exactly 0.
#include "slot_update.cuh"

__device__ inline float power(float x, float y) { return powf(x, y); }
__device__ inline double power(double x, double y) { return pow(x, y); }

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
#undef DEFINE

// x = var - alpha * delta;  var = sign(x) * max(|x| - alpha * l1, 0) / (1 + alpha * l2)  (Duchi and Singer, 2009).
template <class T> struct Proximal {
    T alpha, l1, l2;
    int *bad_l1, *bad_l2;
    __device__ void operator()(T delta, T &var) const { var = shrink(var - alpha * delta, alpha * l1) / (1 + alpha * l2); }
};
template <class T> __device__ bool refuses(const Proximal<T> &f) {
    return complain_if(f.l1 < 0, f.l1, f.bad_l1) || complain_if(f.l2 < 0, f.l2, f.bad_l2);
}
#define DEFINE(T, S) DEFINE_UPDATE(proximal, T, S, (T *var, const T *alpha, const T *l1, const T *l2, int *bad_l1, int *bad_l2), (var),   \
                                   Proximal<T>{*alpha, *l1, *l2, bad_l1, bad_l2})
FOR_FLOATS(DEFINE)
#undef DEFINE

// The proximal step with Adagrad's rate, lr / sqrt(accum) after accum += grad^2, in place of alpha.
template <class T> struct ProximalAdagrad {
    T lr, l1, l2;
    int *bad_lr, *bad_l1, *bad_l2;
    __device__ void operator()(T grad, T &var, T &accum) const {
        accum += grad * grad;
        T rate = lr / root(accum);
        var = shrink(var - rate * grad, rate * l1) / (1 + rate * l2);
    }
};
template <class T> __device__ bool refuses(const ProximalAdagrad<T> &f) {
    return complain_if(f.lr <= 0, f.lr, f.bad_lr) || complain_if(f.l1 < 0, f.l1, f.bad_l1) || complain_if(f.l2 < 0, f.l2, f.bad_l2);
}
#define DEFINE(T, S) DEFINE_UPDATE(proximal_adagrad, T, S,                                                                                \
                                   (T *var, T *accum, const T *lr, const T *l1, const T *l2, int *bad_lr, int *bad_l1, int *bad_l2),      \
                                   (var, accum), ProximalAdagrad<T>{*lr, *l1, *l2, bad_lr, bad_l1, bad_l2})
FOR_FLOATS(DEFINE)
#undef DEFINE

// Adagrad by dual averaging (Duchi, Hazan and Singer, 2011): var is computed from the sums of grad and grad^2, not from its last value.
template <class T> struct AdagradDA {
    T lr, l1_steps, l2_steps;
    __device__ void operator()(T grad, T &var, T &total, T &squared) const {
        total += grad;
        squared += grad * grad;
        var = -lr * shrink(total, l1_steps) / (l2_steps * lr + root(squared));
    }
};
#define DEFINE(T, S)                                                                                                                   \
    DEFINE_UPDATE(adagrad_da, T, S, (T *var, T *total, T *squared, const T *lr, const T *l1, const T *l2, const int64 *global_step),   \
                  (var, total, squared), AdagradDA<T>{*lr, T(*l1 * double(*global_step)), T(*l2 * double(*global_step))})
FOR_FLOATS(DEFINE)
