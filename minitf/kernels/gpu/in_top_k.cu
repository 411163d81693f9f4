// Whether a target is among the k greatest of its row.
#include "team.cuh"

// Whether fewer than k elements of a row are greater than the target's, and all are finite.
template <class Team, class L> __device__ void in_top_k_body(const float *x, const L *targets, bool *out, int rows, int n, int64 k,
                                                             int lanes) {
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

#define DEFINE_IN_TOP_K(L, suffix, Team, team) \
    extern "C" __global__ void in_top_k_##team##_##suffix(const float *x, const L *targets, bool *out, int rows, int n, int64 k, \
                                                          int lanes) { \
        in_top_k_body<Team>(x, targets, out, rows, n, k, lanes); \
    }
DEFINE_IN_TOP_K(int, i32, Lanes, lanes)
DEFINE_IN_TOP_K(int, i32, Block, block)
DEFINE_IN_TOP_K(int64, i64, Lanes, lanes)
DEFINE_IN_TOP_K(int64, i64, Block, block)
