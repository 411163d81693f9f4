// Adadelta (Zeiler, 2012, arXiv 1212.5701).
#include "slot_update.cuh"

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
