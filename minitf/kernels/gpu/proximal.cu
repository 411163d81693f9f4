// The proximal step, the same with Adagrad's rate, and dual averaging.
#include "shrink.cuh"

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
