/* One row of an LSTM's step, forward and backward: n units, each with its four gates.

   The arrays of a call do not overlap, so `restrict` is true of them all; without it the compiler would have to compare more than a dozen pointers
   pair by pair, gives up, and the loop runs one element at a time.  That holds for parameters alone, which is why the arrays come one by one.
   Each element is computed as the separate ops would: the forward step has their very bits. */
#ifndef MINITF_LSTM_ROWS_H
#define MINITF_LSTM_ROWS_H
#include <stddef.h>
#include "vector_math.h"

typedef struct {
    ptrdiff_t n;                       /* units */
    int peephole;
    double forget_bias, cell_clip;
    char *cs_prev, *i, *cs, *f, *o, *ci, *co, *h;
    void *b, *wci, *wcf, *wco;
    char *gates;                       /* forward the product, backward the gradient of it: [rows, 4 n] */
    char *cs_grad, *h_grad, *cs_prev_grad;
} LstmStep;

#define IN(T) const T *restrict
#define OUT(T) T *restrict

#define DEFINE_LSTM(T, NAME, SIGMOID, TANH)                                                                                  \
/* gates: the product of [x, h] and w, in the order i, j, f, o; clip < 0: c is not clipped */                               \
VECTOR_INLINE void NAME##_forward_row(int peephole, IN(T) gates, IN(T) b, IN(T) cs_prev, IN(T) wci, IN(T) wcf, IN(T) wco,    \
        T forget_bias, T clip, OUT(T) i, OUT(T) cs, OUT(T) f, OUT(T) o, OUT(T) ci, OUT(T) co, OUT(T) h, ptrdiff_t n) {       \
    for (ptrdiff_t k = 0; k < n; k++) {                                                                                      \
        T zi = gates[k] + b[k], zf = gates[2 * n + k] + b[2 * n + k] + forget_bias, zo = gates[3 * n + k] + b[3 * n + k];    \
        i[k] = SIGMOID(peephole ? zi + wci[k] * cs_prev[k] : zi);                                                            \
        f[k] = SIGMOID(peephole ? zf + wcf[k] * cs_prev[k] : zf);                                                            \
        ci[k] = TANH(gates[n + k] + b[n + k]);                                                                               \
        T c = f[k] * cs_prev[k] + i[k] * ci[k];                                                                              \
        T low = clip < 0 ? c : c < -clip ? -clip : c > clip ? clip : c;                                                      \
        cs[k] = low;                                                                                                         \
        o[k] = SIGMOID(peephole ? zo + wco[k] * low : zo);                                                                   \
        co[k] = TANH(low);                                                                                                   \
        h[k] = o[k] * co[k];                                                                                                 \
    }                                                                                                                        \
}                                                                                                                            \
/* what the loss changes by with cs_prev and with the four gates before their functions, from the same of cs and h */        \
VECTOR_INLINE void NAME##_backward_row(int peephole, IN(T) cs_prev, IN(T) wci, IN(T) wcf, IN(T) wco, IN(T) i, IN(T) cs,      \
        IN(T) f, IN(T) o, IN(T) ci, IN(T) co, IN(T) cs_grad, IN(T) h_grad, T clip, OUT(T) cs_prev_grad, OUT(T) dicfo, ptrdiff_t n) { \
    for (ptrdiff_t k = 0; k < n; k++) {                                                                                      \
        T d_o = h_grad[k] * co[k] * o[k] * (1 - o[k]);                                                                       \
        T dcs = cs_grad[k] + h_grad[k] * o[k] * (1 - co[k] * co[k]);                                                         \
        dcs = peephole ? dcs + d_o * wco[k] : dcs;                                                                           \
        dcs = (clip >= 0) & ((cs[k] >= clip) | (cs[k] <= -clip)) ? 0 : dcs;                                                  \
        T di = dcs * ci[k] * i[k] * (1 - i[k]), df = dcs * cs_prev[k] * f[k] * (1 - f[k]);                                   \
        dicfo[k] = di;                                                                                                       \
        dicfo[n + k] = dcs * i[k] * (1 - ci[k] * ci[k]);                                                                     \
        dicfo[2 * n + k] = df;                                                                                               \
        dicfo[3 * n + k] = d_o;                                                                                              \
        cs_prev_grad[k] = peephole ? dcs * f[k] + di * wci[k] + df * wcf[k] : dcs * f[k];                                    \
    }                                                                                                                        \
}                                                                                                                            \
/* A body of parallel_for: the rows begin to end */                                                                          \
static void NAME##_lstm_forward(void *step, ptrdiff_t begin, ptrdiff_t end) {                                                \
    const LstmStep *s = (const LstmStep *) step;                                                                             \
    ptrdiff_t n = s->n;                                                                                                      \
    for (ptrdiff_t r = begin; r < end; r++)                                                                                  \
        if (s->peephole)                                                                                                     \
            NAME##_forward_row(1, (T *) s->gates + 4 * n * r, s->b, (T *) s->cs_prev + n * r, s->wci, s->wcf, s->wco,        \
                (T) s->forget_bias, (T) s->cell_clip, (T *) s->i + n * r, (T *) s->cs + n * r, (T *) s->f + n * r,           \
                (T *) s->o + n * r, (T *) s->ci + n * r, (T *) s->co + n * r, (T *) s->h + n * r, n);                        \
        else                                                                                                                 \
            NAME##_forward_row(0, (T *) s->gates + 4 * n * r, s->b, (T *) s->cs_prev + n * r, s->wci, s->wcf, s->wco,        \
                (T) s->forget_bias, (T) s->cell_clip, (T *) s->i + n * r, (T *) s->cs + n * r, (T *) s->f + n * r,           \
                (T *) s->o + n * r, (T *) s->ci + n * r, (T *) s->co + n * r, (T *) s->h + n * r, n);                        \
}                                                                                                                            \
static void NAME##_lstm_backward(void *step, ptrdiff_t begin, ptrdiff_t end) {                                               \
    const LstmStep *s = (const LstmStep *) step;                                                                             \
    ptrdiff_t n = s->n;                                                                                                      \
    for (ptrdiff_t r = begin; r < end; r++)                                                                                  \
        if (s->peephole)                                                                                                     \
            NAME##_backward_row(1, (T *) s->cs_prev + n * r, s->wci, s->wcf, s->wco, (T *) s->i + n * r, (T *) s->cs + n * r,\
                (T *) s->f + n * r, (T *) s->o + n * r, (T *) s->ci + n * r, (T *) s->co + n * r, (T *) s->cs_grad + n * r,  \
                (T *) s->h_grad + n * r, (T) s->cell_clip, (T *) s->cs_prev_grad + n * r, (T *) s->gates + 4 * n * r, n);    \
        else                                                                                                                 \
            NAME##_backward_row(0, (T *) s->cs_prev + n * r, s->wci, s->wcf, s->wco, (T *) s->i + n * r, (T *) s->cs + n * r,\
                (T *) s->f + n * r, (T *) s->o + n * r, (T *) s->ci + n * r, (T *) s->co + n * r, (T *) s->cs_grad + n * r,  \
                (T *) s->h_grad + n * r, (T) s->cell_clip, (T *) s->cs_prev_grad + n * r, (T *) s->gates + 4 * n * r, n);    \
}                                                                                                                            \
/* to = the sum over rows of gates * c, where the gates' rows are 4 n apart */                                               \
static void NAME##_lstm_peephole(void *to_, const void *gates_, const void *c_, ptrdiff_t rows, ptrdiff_t n) {               \
    T *restrict to = (T *) to_;                                                                                              \
    const T *restrict gates = (const T *) gates_, *restrict c = (const T *) c_;                                              \
    for (ptrdiff_t k = 0; k < n; k++)                                                                                        \
        to[k] = 0;                                                                                                           \
    for (ptrdiff_t r = 0; r < rows; r++, gates += 4 * n, c += n)                                                             \
        for (ptrdiff_t k = 0; k < n; k++)                                                                                    \
            to[k] += gates[k] * c[k];                                                                                        \
}

DEFINE_LSTM(float, float32, sigmoid32, tanh32)
DEFINE_LSTM(double, float64, sigmoid64, tanh64)
#endif
