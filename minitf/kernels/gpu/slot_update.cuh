// An optimizer's update of a variable and its slots: the loop over elements, or over the rows that indices name.
// The formulas stand elsewhere.
//
// Updates do little else than load and store, so threads do it in packs: fewer, wider instructions keep more memory busy.
//
// A formula is a structure with the hyper-parameters and operator()(grad, var, slots...), which changes one element of the variable and of
// its slots.  Hyper-parameters are tensors, so scalars in the device's memory: every thread reads them through their addresses.
#pragma once
#include "pack.cuh"
#include "rows.cuh"

// A formula on an element's N values.
template <class F, class T> __device__ void apply(const F &f, T grad, T (&s)[1]) { f(grad, s[0]); }
template <class F, class T> __device__ void apply(const F &f, T grad, T (&s)[2]) { f(grad, s[0], s[1]); }
template <class F, class T> __device__ void apply(const F &f, T grad, T (&s)[3]) { f(grad, s[0], s[1], s[2]); }
template <class F, class T> __device__ void apply(const F &f, T grad, T (&s)[4]) { f(grad, s[0], s[1], s[2], s[3]); }

// Whether hyper-parameters have no meaning: a formula that can say so complains here, and nothing is changed.
template <class F> __device__ bool refuses(const F &) { return false; }

__device__ inline float multiply_add(float a, float b, float c) { return fmaf(a, b, c); }
__device__ inline double multiply_add(double a, double b, double c) { return fma(a, b, c); }
__device__ inline float root(float x) { return sqrtf(x); }
__device__ inline double root(double x) { return sqrt(x); }

template <class F, class T, int N> __device__ void update_element(const F &f, T grad, T *const (&states)[N], unsigned i) {
    T s[N];
    for (int k = 0; k < N; k++) s[k] = states[k][i];
    apply(f, grad, s);
    for (int k = 0; k < N; k++) states[k][i] = s[k];
}

template <class F, class T, int N> __device__ void update_pack(const F &f, Pack<T> grad, T *const (&states)[N], unsigned i) {
    const int WIDE = 16 / sizeof(T);
    Pack<T> packs[N];
    for (int k = 0; k < N; k++) packs[k] = ((const Pack<T> *) states[k])[i];
    for (int j = 0; j < WIDE; j++) {
        T s[N];
        for (int k = 0; k < N; k++) s[k] = packs[k].of[j];
        apply(f, grad.of[j], s);
        for (int k = 0; k < N; k++) packs[k].of[j] = s[k];
    }
    for (int k = 0; k < N; k++) ((Pack<T> *) states[k])[i] = packs[k];
}

// All elements: in packs where every array begins on a boundary of 16 bytes, then those that are left.
template <class F, class T, int N> __device__ void update_all(const F &f, T *const (&states)[N], const T *grad, int n) {
    if (refuses(f)) return;
    const int WIDE = 16 / sizeof(T);
    uint64 begins = uint64(grad);
    for (int k = 0; k < N; k++) begins |= uint64(states[k]);
    unsigned packs = begins % 16 ? 0 : n / WIDE;
    FOR_EACH(i, packs) update_pack(f, ((const Pack<T> *) grad)[i], states, i);
    FOR_EACH(i, n - packs * WIDE) update_element(f, grad[packs * WIDE + i], states, packs * WIDE + i);
}

// The rows that sorted keys name: grad [count, width].  Gradients of a row that is named several times are added up first, or applied one
// after the other, both in the order of the indices: by the threads of the row's first entry, one an element.
template <class F, class T, int N>
__device__ void update_rows(const F &f, T *const (&states)[N], const T *grad, const uint64 *keys, const int *outside, int count, int width,
                            int adds_up) {
    if (*outside || refuses(f)) return;
    FOR_EACH(e, count * width) {
        unsigned first = e / width, column = e - first * width, row = row_of(keys[first]);
        if (first > 0 && row_of(keys[first - 1]) == row) continue;
        T s[N], g = grad[place_of(keys[first]) * width + column];
        for (int k = 0; k < N; k++) s[k] = states[k][row * width + column];
        for (unsigned i = first + 1; i < count && row_of(keys[i]) == row; i++) {
            T next = grad[place_of(keys[i]) * width + column];
            if (!adds_up) apply(f, g, s);
            g = adds_up ? g + next : next;
        }
        apply(f, g, s);
        for (int k = 0; k < N; k++) states[k][row * width + column] = s[k];
    }
}

// The CUDA functions of a formula: name_S for all elements, sparse_name_S for some rows.
//   PARAMETERS   (variable, slots, hyper-parameters and what else the formula takes)
//   STATES       (variable, slots)
//   ...          the formula
#define LIST(...) __VA_ARGS__
#define DEFINE_UPDATE(name, T, S, PARAMETERS, STATES, ...)                                                                           \
    extern "C" __global__ void name##_##S(LIST PARAMETERS, const T *grad, int n) {                                                    \
        T *states[] = {LIST STATES};                                                                                                  \
        update_all(__VA_ARGS__, states, grad, n);                                                                                      \
    }                                                                                                                                  \
    extern "C" __global__ void sparse_##name##_##S(LIST PARAMETERS, const T *grad, const uint64 *keys, const int *outside, int count,  \
                                                   int width, int adds_up) {                                                           \
        T *states[] = {LIST STATES};                                                                                                  \
        update_rows(__VA_ARGS__, states, grad, keys, outside, count, width, adds_up);                                                  \
    }
