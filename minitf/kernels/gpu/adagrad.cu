// Adagrad (Duchi, Hazan and Singer, 2011).
#include "slot_update.cuh"

// accum += grad^2;  var -= lr * grad / sqrt(accum).  accumulate = 0 leaves accum alone.
template <class T> struct Adagrad {
    T lr;
    int accumulate;
    __device__ void operator()(T grad, T &var, T &accum) const {
        if (accumulate) accum += grad * grad;
        var -= lr * grad / root(accum);
    }
};
#define DEFINE(T, S) DEFINE_UPDATE(adagrad, T, S, (T *var, T *accum, const T *lr, int accumulate), (var, accum), Adagrad<T>{*lr, accumulate})
FOR_FLOATS(DEFINE)
