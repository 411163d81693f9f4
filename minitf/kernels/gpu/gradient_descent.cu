// Gradient descent.
#include "slot_update.cuh"

// var -= alpha * delta, one fused multiply-add per element.
template <class T> struct Descent {
    T alpha;
    __device__ void operator()(T delta, T &var) const { var = multiply_add(-alpha, delta, var); }
};
#define DEFINE(T, S) DEFINE_UPDATE(gradient_descent, T, S, (T *var, const T *alpha), (var), Descent<T>{*alpha})
FOR_FLOATS(DEFINE)
