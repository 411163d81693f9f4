// Changes of all elements of a variable: AssignAdd and AssignSub.
#include "slot_update.cuh"

template <class T> struct Sum { __device__ void operator()(T value, T &var) const { var += value; } };
template <class T> struct Difference { __device__ void operator()(T value, T &var) const { var -= value; } };

#define DEFINE_ASSIGN(name, F, T, S)                                                     \
    extern "C" __global__ void name##_##S(T *var, const T *value, int n) {               \
        T *states[] = {var};                                                             \
        update_all(F<T>{}, states, value, n);                                            \
    }
#define DEFINE(T, S) DEFINE_ASSIGN(assign_add, Sum, T, S) DEFINE_ASSIGN(assign_sub, Difference, T, S)
FOR_NUMBERS(DEFINE)
#undef DEFINE
