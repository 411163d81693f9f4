// Gradient descent and the updates that scale it by what past gradients were: momentum, Adagrad, RMSProp, Adadelta.
#include "slot_update.cuh"

// var -= alpha * delta, one fused multiply-add per element.
template <class T> struct Descent {
    T alpha;
    __device__ void operator()(T delta, T &var) const { var = multiply_add(-alpha, delta, var); }
};
#define DEFINE(T, S) DEFINE_UPDATE(gradient_descent, T, S, (T *var, const T *alpha), (var), Descent<T>{*alpha})
FOR_FLOATS(DEFINE)
#undef DEFINE

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
#undef DEFINE

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
#undef DEFINE

// ms += (grad^2 - ms) * (1 - rho);  mom = mom * momentum + lr * grad / sqrt(ms + epsilon);  var -= mom.
template <class T> struct RMSProp {
    T lr, rho, momentum, epsilon;
    __device__ void operator()(T grad, T &var, T &ms, T &mom) const {
        ms += (grad * grad - ms) * (1 - rho);
        mom = mom * momentum + lr * grad / root(ms + epsilon);
        var -= mom;
    }
};
#define DEFINE(T, S) DEFINE_UPDATE(rmsprop, T, S, (T *var, T *ms, T *mom, const T *lr, const T *rho, const T *momentum, const T *epsilon),     \
                                   (var, ms, mom), RMSProp<T>{*lr, *rho, *momentum, *epsilon})
FOR_FLOATS(DEFINE)
#undef DEFINE

// RMSProp with the variance in place of the mean square: mg += (grad - mg) * (1 - rho), and ms - mg^2 under the root.
template <class T> struct CenteredRMSProp {
    T lr, rho, momentum, epsilon;
    __device__ void operator()(T grad, T &var, T &mg, T &ms, T &mom) const {
        ms += (grad * grad - ms) * (1 - rho);
        mg += (grad - mg) * (1 - rho);
        mom = mom * momentum + lr * grad / root(ms - mg * mg + epsilon);
        var -= mom;
    }
};
#define DEFINE(T, S) DEFINE_UPDATE(centered_rmsprop, T, S,                                                                              \
                                   (T *var, T *mg, T *ms, T *mom, const T *lr, const T *rho, const T *momentum, const T *epsilon),       \
                                   (var, mg, ms, mom), CenteredRMSProp<T>{*lr, *rho, *momentum, *epsilon})
FOR_FLOATS(DEFINE)
#undef DEFINE

// accum and accum_update are running means of grad^2 and update^2;  update = sqrt(accum_update + epsilon) / sqrt(accum + epsilon) * grad.
template <class T> struct Adadelta {
    T lr, rho, epsilon;
    __device__ void operator()(T grad, T &var, T &accum, T &accum_update) const {
        accum = accum * rho + grad * grad * (1 - rho);
        T update = root((accum_update + epsilon) / (accum + epsilon)) * grad;
        accum_update = accum_update * rho + update * update * (1 - rho);
        var -= lr * update;
    }
};
#define DEFINE(T, S) DEFINE_UPDATE(adadelta, T, S, (T *var, T *accum, T *accum_update, const T *lr, const T *rho, const T *epsilon),     \
                                   (var, accum, accum_update), Adadelta<T>{*lr, *rho, *epsilon})
FOR_FLOATS(DEFINE)
#undef DEFINE
