// Softmax and its losses, row by row, each row by a team.
//
// A row is read twice and nothing of it is kept: first for its largest element and for the sum of exp(x - largest), which is multiplied anew
// whenever a larger element turns up; then for the results.  The second time a row lies in a cache.
// (M. Milakov, N. Gimelshein, Online Normalizer Calculation for Softmax, 2018.)
#include "team.cuh"

__device__ inline float exp_of(float x) { return expf(x); }
__device__ inline double exp_of(double x) { return exp(x); }
__device__ inline float log_of(float x) { return logf(x); }
__device__ inline double log_of(double x) { return log(x); }

template <class T> __device__ T greater(T a, T b) { return a > b ? a : b; }

// What is taken away before exp: the largest element so far; 0 while all are -infinity, whose difference would be NaN.
template <class T> __device__ T shift_of(T top) { return top == -T(INFINITY) ? T(0) : top; }

// Of a row: its largest element (of one with NaN anything, because the sum is NaN anyway) and the sum of exp(x - top).
template <class T> struct Exponentials { T top, total; };

template <class Team, class T> __device__ Exponentials<T> exponentials(Team team, const T *x, unsigned n) {
    typename Wide<T>::type total = 0;
    T top = -T(INFINITY);
    unsigned i = team.rank(), step = team.size;
    for (; i + 3 * step < n; i += 4 * step) {
        T a = x[i], b = x[i + step], c = x[i + 2 * step], d = x[i + 3 * step];
        T higher = greater(greater(greater(a, b), greater(c, d)), top), shift = shift_of(higher);
        total = total * exp_of(top - shift) + ((exp_of(a - shift) + exp_of(b - shift)) + (exp_of(c - shift) + exp_of(d - shift)));
        top = higher;
    }
    for (; i < n; i += step) {
        T a = x[i], higher = greater(a, top), shift = shift_of(higher);
        total = total * exp_of(top - shift) + exp_of(a - shift);
        top = higher;
    }
    T highest = team.template over_team<Larger>(top);
    return {highest, T(team.template over_team<Add>(total * exp_of(top - shift_of(highest))))};
}

template <class Team, class T> __device__ void softmax_body(const T *x, T *y, int rows, int n, int lanes) {
    Team team(lanes);
    FOR_EACH_ROW(row, rows, team) {
        unsigned begin = row * n, there = row < rows ? n : 0;
        Exponentials<T> e = exponentials(team, x + begin, there);
        T scale = 1 / e.total;
        for (unsigned i = team.rank(); i < there; i += team.size) y[begin + i] = exp_of(x[begin + i] - e.top) * scale;
    }
}

template <class Team, class T> __device__ void log_softmax_body(const T *x, T *y, int rows, int n, int lanes) {
    Team team(lanes);
    FOR_EACH_ROW(row, rows, team) {
        unsigned begin = row * n, there = row < rows ? n : 0;
        Exponentials<T> e = exponentials(team, x + begin, there);
        T shift = log_of(e.total);
        for (unsigned i = team.rank(); i < there; i += team.size) y[begin + i] = (x[begin + i] - e.top) - shift;
    }
}

// loss = sum(labels * -log(softmax(x))), grad = softmax(x) - labels
template <class Team, class T> __device__ void cross_entropy_body(const T *x, const T *labels, T *loss, T *grad, int rows, int n, int lanes) {
    Team team(lanes);
    FOR_EACH_ROW(row, rows, team) {
        unsigned begin = row * n, there = row < rows ? n : 0;
        Exponentials<T> e = exponentials(team, x + begin, there);
        T scale = 1 / e.total, log_total = log_of(e.total);
        typename Wide<T>::type total = 0;
        for (unsigned i = begin + team.rank(); i < begin + there; i += team.size) {
            T centred = x[i] - e.top, label = labels[i];
            grad[i] = exp_of(centred) * scale - label;
            total += label * (log_total - centred);
        }
        total = team.template over_team<Add>(total);
        if (row < rows && team.rank() == 0) loss[row] = total;
    }
}

// The same for labels that are numbers of classes.  One that is none is told, and its row becomes NaN.
template <class Team, class T, class L> __device__ void sparse_body(const T *x, const L *labels, T *loss, T *grad, int rows, int n, int lanes, int *flag) {
    Team team(lanes);
    FOR_EACH_ROW(row, rows, team) {
        unsigned begin = row * n, there = row < rows ? n : 0;
        Exponentials<T> e = exponentials(team, x + begin, there);
        L label = there ? labels[row] : 0;
        bool known = 0 <= label && label < n;
        T scale = known ? 1 / e.total : T(NAN);
        for (unsigned i = team.rank(); i < there; i += team.size) grad[begin + i] = exp_of(x[begin + i] - e.top) * scale - (i == label ? 1 : 0);
        if (there && team.rank() == 0) {
            if (!known) complain(flag, int(label));
            loss[row] = known ? log_of(e.total) - (x[begin + label] - e.top) : T(NAN);
        }
    }
}

// Whether fewer than k elements of a row are greater than the target's, and all are finite.
template <class Team, class L> __device__ void in_top_k_body(const float *x, const L *targets, bool *out, int rows, int n, int64 k, int lanes) {
    Team team(lanes);
    FOR_EACH_ROW(row, rows, team) {
        unsigned begin = row * n, there = row < rows ? n : 0;
        L target = row < rows ? targets[row] : 0;
        bool known = 0 <= target && target < there;
        float wanted = known ? x[begin + target] : 0;
        int ahead = 0, flawed = 0;
        for (unsigned i = begin + team.rank(); i < begin + there; i += team.size) {
            ahead += x[i] > wanted;
            flawed |= !(fabsf(x[i]) < INFINITY);
        }
        ahead = team.template over_team<Add>(ahead);
        flawed = team.template over_team<Larger>(flawed);
        if (row < rows && team.rank() == 0) out[row] = known && !flawed && ahead < k;
    }
}

#define DEFINE_ROWS(T, suffix, Team, team) \
    extern "C" __global__ void softmax_##team##_##suffix(const T *x, T *y, int rows, int n, int lanes) { \
        softmax_body<Team>(x, y, rows, n, lanes); \
    } \
    extern "C" __global__ void log_softmax_##team##_##suffix(const T *x, T *y, int rows, int n, int lanes) { \
        log_softmax_body<Team>(x, y, rows, n, lanes); \
    } \
    extern "C" __global__ void cross_entropy_##team##_##suffix(const T *x, const T *labels, T *loss, T *grad, int rows, int n, int lanes) { \
        cross_entropy_body<Team>(x, labels, loss, grad, rows, n, lanes); \
    }
#define DEFINE_SPARSE(T, suffix, L, label_suffix, Team, team) \
    extern "C" __global__ void sparse_cross_entropy_##label_suffix##_##team##_##suffix(const T *x, const L *labels, T *loss, T *grad, \
                                                                                     int rows, int n, int lanes, int *flag) { \
        sparse_body<Team>(x, labels, loss, grad, rows, n, lanes, flag); \
    }
#define DEFINE_SOFTMAX(T, suffix) \
    DEFINE_ROWS(T, suffix, Lanes, lanes) DEFINE_ROWS(T, suffix, Block, block) \
    DEFINE_SPARSE(T, suffix, int, i32, Lanes, lanes) DEFINE_SPARSE(T, suffix, int, i32, Block, block) \
    DEFINE_SPARSE(T, suffix, int64, i64, Lanes, lanes) DEFINE_SPARSE(T, suffix, int64, i64, Block, block)
FOR_FLOATS(DEFINE_SOFTMAX)

#define DEFINE_IN_TOP_K(L, suffix, Team, team) \
    extern "C" __global__ void in_top_k_##team##_##suffix(const float *x, const L *targets, bool *out, int rows, int n, int64 k, int lanes) { \
        in_top_k_body<Team>(x, targets, out, rows, n, k, lanes); \
    }
DEFINE_IN_TOP_K(int, i32, Lanes, lanes)
DEFINE_IN_TOP_K(int, i32, Block, block)
DEFINE_IN_TOP_K(int64, i64, Lanes, lanes)
DEFINE_IN_TOP_K(int64, i64, Block, block)
