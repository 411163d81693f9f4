// Of a row, what a softmax needs: its largest element, and the sum of exp(x - largest), in one walk.
//
// The sum is multiplied anew whenever a larger element turns up.  Who has both walks the row a second time for its results; by then it lies
// in a cache.  (M. Milakov, N. Gimelshein, Online Normalizer Calculation for Softmax, 2018.)
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
