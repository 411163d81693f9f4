// The k greatest elements of each row, best first; of equal ones the first comes first, and NaN comes last.
//
// A team goes over its row k times, each time for the best of those that come behind the one before.  That is k n comparisons, few for the
// small k that the op is for, and nothing is moved or kept.
#include "team.cuh"

const int NOWHERE = 0x7fffffff;

// Whether a at place i comes before b at place j.
template <class T> __device__ bool ahead(T a, int i, T b, int j) {
    if (a != a || b != b) return a != a && b != b ? i < j : a == a;
    return a > b || (a == b && i < j);
}

struct Better { template <class T> __device__ static T of(T a, T b) { return a > b || b != b ? a : b; } };

template <class Team, class T> __device__ void top_k_body(const T *x, T *values, int *places, int rows, int n, int k, int lanes) {
    Team team(lanes);
    FOR_EACH_ROW(row, rows, team) {
        const T *in = x + min(row, unsigned(rows) - 1) * n;
        T last = 0;
        int at = NOWHERE;
        for (unsigned rank = 0; rank < k; rank++) {
            T best = 0;
            int place = NOWHERE;
            for (unsigned i = team.rank(); i < n; i += team.size) {
                bool left = rank == 0 || ahead(last, at, in[i], int(i));
                if (left && (place == NOWHERE || ahead(in[i], int(i), best, place))) best = in[i], place = i;
            }
            // a thread that has none left shows another's candidate, which is no greater than the best
            int found = team.template over_team<Smaller>(place);
            T greatest = team.template over_team<Better>(place == NOWHERE ? in[found] : best);
            bool has_it = place != NOWHERE && (best == greatest || (best != best && greatest != greatest));
            at = team.template over_team<Smaller>(has_it ? place : NOWHERE);
            last = greatest;
            if (row < rows && team.rank() == 0) values[row * k + rank] = last, places[row * k + rank] = at;
        }
    }
}

#define DEFINE_TEAM(T, suffix, Team, team) \
    extern "C" __global__ void top_k_##team##_##suffix(const T *x, T *values, int *places, int rows, int n, int k, int lanes) { \
        top_k_body<Team>(x, values, places, rows, n, k, lanes); \
    }
#define DEFINE_TOP_K(T, suffix) DEFINE_TEAM(T, suffix, Lanes, lanes) DEFINE_TEAM(T, suffix, Block, block)
FOR_NUMBERS(DEFINE_TOP_K)
