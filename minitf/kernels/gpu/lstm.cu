// The LSTM cell in one launch: the product of its inputs and its weights, and the gates while their sums are still in registers; and the
// pass backward.  The gradients' products are ops of their own.
#include "common.cuh"
#include "pack.cuh"

const int TILE_ROWS = 32, TILE_UNITS = 32, GATES = 4;      // of a tile: rows of the batch, units, their gates
const int DEPTH = 16;                                      // terms between barriers
const int EACH = 4;                                        // rows of a thread
const int CELL_THREADS = TILE_ROWS / EACH * TILE_UNITS;

__device__ inline float exp_of(float x) { return expf(x); }
__device__ inline double exp_of(double x) { return exp(x); }
__device__ inline float tanh_of(float x) { return tanhf(x); }
__device__ inline double tanh_of(double x) { return tanh(x); }
template <class T> __device__ T sigmoid_of(T x) { return 1 / (1 + exp_of(-x)); }

// [x, h_prev]: what the weights are multiplied by, without laying the two beside one another first.
template <class T> struct Joined {
    const T *x, *h;
    int rows, depth, n;
    __device__ T at(int row, int term) const {
        if (row >= rows || term >= depth + n) return 0;
        return term < depth ? x[row * depth + term] : h[row * n + term - depth];
    }
};

// A warp has the units of the tile, one a lane, and EACH rows; a thread sums the four gates of a unit in each of its rows: so it has all
// that the cell needs.  What it multiplies comes from shared memory: EACH neighbouring inputs, which the warp's lanes share, and a unit's
// four weights, which are laid beside one another there.
// The next piece of both is on its way from memory while the last one is multiplied.
template <class T> __device__ void sum_gates(T (&sums)[EACH][GATES], const Joined<T> &inputs, const T *w, int first_row, int first_unit) {
    alignas(32) __shared__ T left[DEPTH][TILE_ROWS + EACH];             // EACH more, so that the terms of a row do not all lie in one bank
    __shared__ Pack<T, GATES> right[DEPTH][TILE_UNITS];
    const int LEFTS = DEPTH * TILE_ROWS / CELL_THREADS, RIGHTS = DEPTH * TILE_UNITS / CELL_THREADS;
    T lefts[LEFTS];
    Pack<T, GATES> rights[RIGHTS];
    int lane = threadIdx.x % TILE_UNITS, warp = threadIdx.x / TILE_UNITS, terms = inputs.depth + inputs.n, n = inputs.n;
    for (int begin = -DEPTH; begin < terms; begin += DEPTH) {
        int next = begin + DEPTH;
        for (int i = 0; i < LEFTS; i++) {
            int k = threadIdx.x + i * CELL_THREADS;
            lefts[i] = inputs.at(first_row + k / DEPTH, next + k % DEPTH);
        }
        for (int i = 0; i < RIGHTS; i++) {
            int term = next + warp + i * (CELL_THREADS / TILE_UNITS), unit = first_unit + lane;
            bool inside = term < terms && unit < n;
            for (int gate = 0; gate < GATES; gate++) rights[i].of[gate] = inside ? w[(term * GATES + gate) * n + unit] : T(0);
        }
        if (begin >= 0) {
            for (int term = 0; term < DEPTH; term++) {
                Pack<T, EACH> in = *(const Pack<T, EACH> *) &left[term][warp * EACH];
                Pack<T, GATES> weights = right[term][lane];
                for (int r = 0; r < EACH; r++)
                    for (int gate = 0; gate < GATES; gate++) sums[r][gate] += in.of[r] * weights.of[gate];
            }
        }
        __syncthreads();
        for (int i = 0; i < LEFTS; i++) {
            int k = threadIdx.x + i * CELL_THREADS;
            left[k % DEPTH][k / DEPTH] = lefts[i];
        }
        for (int i = 0; i < RIGHTS; i++) right[warp + i * (CELL_THREADS / TILE_UNITS)][lane] = rights[i];
        __syncthreads();
    }
}

template <class T> struct Cell { T *i, *cs, *f, *o, *ci, *co, *h; };

// One unit of one row, from the sums of its gates in the order i, j, f, o.  clip < 0: c is not clipped.
template <class T> __device__ void cell(const T (&sums)[GATES], T cs_prev, const T *b, const T *wci, const T *wcf, const T *wco, T forget_bias,
                                        T clip, int peephole, int n, int unit, const Cell<T> &out, unsigned at) {
    T zi = sums[0] + b[unit], zj = sums[1] + b[n + unit], zf = sums[2] + b[2 * n + unit] + forget_bias, zo = sums[3] + b[3 * n + unit];
    T i = sigmoid_of(peephole ? zi + wci[unit] * cs_prev : zi), f = sigmoid_of(peephole ? zf + wcf[unit] * cs_prev : zf);
    T ci = tanh_of(zj), c = f * cs_prev + i * ci;
    c = clip < 0 ? c : c < -clip ? -clip : c > clip ? clip : c;
    T o = sigmoid_of(peephole ? zo + wco[unit] * c : zo), co = tanh_of(c);
    out.i[at] = i;
    out.cs[at] = c;
    out.f[at] = f;
    out.o[at] = o;
    out.ci[at] = ci;
    out.co[at] = co;
    out.h[at] = o * co;
}

#define DEFINE(T, S)                                                                                                                     \
    extern "C" __global__ void __launch_bounds__(256) lstm_cell_##S(                                                                     \
            const T *x, const T *cs_prev, const T *h_prev, const T *w, const T *wci, const T *wcf, const T *wco, const T *b,              \
            T *i, T *cs, T *f, T *o, T *ci, T *co, T *h, int rows, int depth, int n, T forget_bias, T clip, int peephole) {               \
        T sums[EACH][GATES] = {};                                                                                                        \
        int first_row = blockIdx.y * TILE_ROWS, first_unit = blockIdx.x * TILE_UNITS;                                                    \
        sum_gates(sums, Joined<T>{x, h_prev, rows, depth, n}, w, first_row, first_unit);                                                 \
        int unit = first_unit + threadIdx.x % TILE_UNITS;                                                                                \
        if (unit >= n) return;                                                                                                           \
        for (int r = 0; r < EACH; r++) {                                                                                                 \
            int row = first_row + threadIdx.x / TILE_UNITS * EACH + r, at = row * n + unit;                                              \
            if (row < rows) cell(sums[r], cs_prev[at], b, wci, wcf, wco, forget_bias, clip, peephole, n, unit,                           \
                                 Cell<T>{i, cs, f, o, ci, co, h}, at);                                                                   \
        }                                                                                                                                \
    }
FOR_FLOATS(DEFINE)
#undef DEFINE

// What the loss changes by with cs_prev and with the four gates before their functions, from the same of cs and h.
#define DEFINE(T, S)                                                                                                                     \
    extern "C" __global__ void lstm_cell_grad_##S(                                                                                       \
            const T *cs_prev, const T *wci, const T *wcf, const T *wco, const T *i, const T *cs, const T *f, const T *o, const T *ci,     \
            const T *co, const T *cs_grad, const T *h_grad, T *cs_prev_grad, T *dicfo, int rows, int n, T clip, int peephole) {           \
        FOR_EACH(at, rows * n) {                                                                                                         \
            unsigned row = at / n, unit = at - row * n;                                                                                  \
            T in = i[at], forget = f[at], out = o[at], c = cs[at], squashed = co[at], candidate = ci[at], before = cs_prev[at];           \
            T d_o = h_grad[at] * squashed * out * (1 - out), dcs = cs_grad[at] + h_grad[at] * out * (1 - squashed * squashed);            \
            if (peephole) dcs += d_o * wco[unit];                                                                                        \
            if (clip >= 0 && (c >= clip || c <= -clip)) dcs = 0;                                                                         \
            T di = dcs * candidate * in * (1 - in), df = dcs * before * forget * (1 - forget);                                           \
            T *gates = dicfo + row * 4 * n + unit;                                                                                       \
            gates[0] = di;                                                                                                               \
            gates[n] = dcs * in * (1 - candidate * candidate);                                                                           \
            gates[2 * n] = df;                                                                                                           \
            gates[3 * n] = d_o;                                                                                                          \
            cs_prev_grad[at] = peephole ? dcs * forget + di * wci[unit] + df * wcf[unit] : dcs * forget;                                 \
        }                                                                                                                                \
    }
FOR_FLOATS(DEFINE)
#undef DEFINE

// The gradient of the three peephole weights: of each unit, the sum over the rows of a gate's gradient and what the gate saw.  i and f, the
// first and the third gate, saw the old memory, o, the fourth, the new one.  A block has 32 units of a gate, one a lane; its warps share
// the rows.
template <class T> __device__ void peephole_grad(const T *dicfo, const T *cs_prev, const T *cs, T *wci_grad, T *wcf_grad, T *wco_grad,
                                                 int rows, int n) {
    __shared__ T of_warp[8][32];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32, unit = blockIdx.x * 32 + lane, which = blockIdx.y;
    int gate = which == 0 ? 0 : which + 1;
    const T *seen = which == 2 ? cs : cs_prev;
    T *to = which == 0 ? wci_grad : which == 1 ? wcf_grad : wco_grad, sum = 0;
    if (unit < n)
        for (int row = warp; row < rows; row += 8) sum += dicfo[(row * 4 + gate) * n + unit] * seen[row * n + unit];
    of_warp[warp][lane] = sum;
    __syncthreads();
    if (warp == 0 && unit < n) {
        for (int k = 1; k < 8; k++) sum += of_warp[k][lane];
        to[unit] = sum;
    }
}
#define DEFINE(T, S)                                                                                                                     \
    extern "C" __global__ void lstm_peephole_grad_##S(const T *dicfo, const T *cs_prev, const T *cs, T *wci_grad, T *wcf_grad,            \
                                                      T *wco_grad, int rows, int n) {                                                    \
        peephole_grad(dicfo, cs_prev, cs, wci_grad, wcf_grad, wco_grad, rows, n);                                                        \
    }
FOR_FLOATS(DEFINE)
