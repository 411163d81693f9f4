// Local response normalisation of pixels over their channels, and its gradient.
//
// A thread for each number, which reads its window by itself: neighbours' windows overlap, so nearly all of that comes from the L1 cache,
// and no barrier is needed.  The gradient's second sum goes over numbers with windows of their own, which a first launch leaves in memory.
#include "common.cuh"

__device__ inline float power(float x, float exponent) { return expf(exponent * logf(x)); }         // x > 0; NaN below
__device__ inline double power(double x, double exponent) { return exp(exponent * log(x)); }

// Of the number at `at`, its channel's window of at most 2 radius + 1 channels: begin <= i <= last.
struct Window {
    unsigned begin, last;
    __device__ Window(unsigned at, unsigned c, unsigned radius) {
        unsigned channel = at % c;
        begin = at - min(channel, radius);
        last = at + min(c - 1 - channel, radius);
    }
};

template <class T> __device__ T size_of(const T *x, Window window, T bias, T alpha) {
    T sum = 0;
    for (unsigned i = window.begin; i <= window.last; i++) sum += x[i] * x[i];
    return bias + alpha * sum;
}

template <class T> __device__ void lrn_body(const T *x, T *y, int all, int c, int radius, T bias, T alpha, T beta) {
    FOR_EACH(i, all) y[i] = x[i] * power(size_of(x, Window(i, c, radius), bias, alpha), -beta);
}

template <class T> __device__ void lrn_shares_body(const T *g, const T *x, const T *y, T *shares, int all, int c, int radius, T bias,
                                                   T alpha) {
    FOR_EACH(i, all) shares[i] = g[i] * y[i] / size_of(x, Window(i, c, radius), bias, alpha);
}

template <class T> __device__ void lrn_grad_body(const T *g, const T *x, const T *shares, T *dx, int all, int c, int radius, T bias,
                                                 T alpha, T beta) {
    FOR_EACH(i, all) {
        Window window(i, c, radius);
        T sum = 0;
        for (unsigned k = window.begin; k <= window.last; k++) sum += shares[k];
        dx[i] = g[i] * power(size_of(x, window, bias, alpha), -beta) - 2 * alpha * beta * x[i] * sum;
    }
}

#define DEFINE_LRN(T, suffix) \
    extern "C" __global__ void lrn_##suffix(const T *x, T *y, int all, int c, int radius, T bias, T alpha, T beta) { \
        lrn_body(x, y, all, c, radius, bias, alpha, beta); \
    } \
    extern "C" __global__ void lrn_shares_##suffix(const T *g, const T *x, const T *y, T *shares, int all, int c, int radius, T bias, \
                                                   T alpha) { \
        lrn_shares_body(g, x, y, shares, all, c, radius, bias, alpha); \
    } \
    extern "C" __global__ void lrn_grad_##suffix(const T *g, const T *x, const T *shares, T *dx, int all, int c, int radius, T bias, \
                                                 T alpha, T beta) { \
        lrn_grad_body(g, x, shares, dx, all, c, radius, bias, alpha, beta); \
    }
FOR_FLOATS(DEFINE_LRN)
