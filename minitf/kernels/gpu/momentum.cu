// Momentum.
#include "slot_update.cuh"

// accum = accum * momentum + grad;  var -= lr * accum, or with nesterov  var -= lr * (grad + momentum * accum).
template <class T> struct Momentum {
    T lr, momentum;
    int nesterov;
    __device__ void operator()(T grad, T &var, T &accum) const {
        accum = accum * momentum + grad;
        var -= nesterov ? grad * lr + accum * momentum * lr : lr * accum;
    }
};
#define DEFINE(T, S) DEFINE_UPDATE(momentum, T, S, (T *var, T *accum, const T *lr, const T *momentum, int nesterov), (var, accum), \
                                   Momentum<T>{*lr, *momentum, nesterov})
FOR_FLOATS(DEFINE)
