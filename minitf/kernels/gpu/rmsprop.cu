// RMSProp, and the form that is centered.
#include "slot_update.cuh"

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
