// Adam, with a dense gradient and with one of which only some rows are given.
#include "slot_update.cuh"

// (Kingma and Ba, 2015, arXiv 1412.6980, the form at the end of section 2), all in one pass:
//     rate = lr * sqrt(1 - beta2_power) / (1 - beta1_power)
//     m += (grad - m) * (1 - beta1)
//     v += (grad^2 - v) * (1 - beta2)
//     var -= rate * m / (sqrt(v) + epsilon)
template <class T> struct Adam {
    T rate, one_minus_beta1, one_minus_beta2, epsilon;
    __device__ Adam(T beta1_power, T beta2_power, T lr, T beta1, T beta2, T epsilon)
        : rate(lr * root(1 - beta2_power) / (1 - beta1_power)), one_minus_beta1(1 - beta1), one_minus_beta2(1 - beta2), epsilon(epsilon) {}
    __device__ void operator()(T grad, T &var, T &m, T &v) const {
        m = multiply_add(grad - m, one_minus_beta1, m);
        v = multiply_add(multiply_add(grad, grad, -v), one_minus_beta2, v);
        var -= rate * m / (root(v) + epsilon);
    }
};

// All rows of m and v decay and all of var moves: those that the sorted keys do not name with a gradient of 0.  first_entry[row]: the number of
// the row's first key, and 1 more; 0: none.  Of a row that is named several times the gradients are added up, or else the last one counts.
template <class T> __device__ void adam_rows(const Adam<T> &adam, T *var, T *m, T *v, const T *grad, const uint64 *keys, const int *outside,
                                             const int *first_entry, int count, int width, int n, int adds_up) {
    if (*outside) return;
    T *states[] = {var, m, v};
    FOR_EACH(i, n) {
        unsigned row = i / width, column = i - row * width, entry = first_entry[row];
        T g = 0;
        if (entry) {
            g = grad[place_of(keys[entry - 1]) * width + column];
            for (; entry < count && row_of(keys[entry]) == row; entry++) {
                T next = grad[place_of(keys[entry]) * width + column];
                g = adds_up ? g + next : next;
            }
        }
        update_element(adam, g, states, i);
    }
}

extern "C" __global__ void find_first_entries(const uint64 *keys, const int *outside, int *first_entry, int count) {
    if (*outside) return;
    FOR_EACH(i, count) if (i == 0 || row_of(keys[i - 1]) != row_of(keys[i])) first_entry[row_of(keys[i])] = i + 1;
}

#define DEFINE(T, S)                                                                                                                   \
    extern "C" __global__ void adam_##S(T *var, T *m, T *v, const T *beta1_power, const T *beta2_power, const T *lr, const T *beta1,   \
                                        const T *beta2, const T *epsilon, const T *grad, int n) {                                      \
        T *states[] = {var, m, v};                                                                                                     \
        update_all(Adam<T>(*beta1_power, *beta2_power, *lr, *beta1, *beta2, *epsilon), states, grad, n);                               \
    }                                                                                                                                  \
    extern "C" __global__ void sparse_adam_##S(T *var, T *m, T *v, const T *beta1_power, const T *beta2_power, const T *lr,            \
                                               const T *beta1, const T *beta2, const T *epsilon, const T *grad, const uint64 *keys,    \
                                               const int *outside, const int *first_entry, int count, int width, int n, int adds_up) { \
        adam_rows(Adam<T>(*beta1_power, *beta2_power, *lr, *beta1, *beta2, *epsilon), var, m, v, grad, keys, outside, first_entry,     \
                  count, width, n, adds_up);                                                                                           \
    }
FOR_FLOATS(DEFINE)
