// Losses of softmax, with their gradients: of labels that are distributions, and of labels that are numbers of classes.
#include "exponentials.cuh"

// loss = sum(labels * -log(softmax(x))), grad = softmax(x) - labels
template <class Team, class T> __device__ void cross_entropy_body(const T *x, const T *labels, T *loss, T *grad, int rows, int n,
                                                                  int lanes) {
    Team team(lanes);
    FOR_EACH_ROW(row, rows, team) {
        unsigned begin = row * n, there = row < rows ? n : 0;
        Exponentials<T> e = exponentials(team, x + begin, there);
        T scale = 1 / e.total, log_total = log_of(e.total);
        typename Wide<T>::type total = 0;
        write_row(team, grad + begin, there, [&](unsigned i) {
            T centred = x[begin + i] - e.top, label = labels[begin + i];
            total += label * (log_total - centred);
            return exp_of(centred) * scale - label;
        });
        total = team.template over_team<Add>(total);
        if (row < rows && team.rank() == 0) loss[row] = total;
    }
}

// The same for labels that are numbers of classes.  One that is none is told, and its row becomes NaN.
template <class Team, class T, class L> __device__ void sparse_body(const T *x, const L *labels, T *loss, T *grad, int rows, int n,
                                                                    int lanes, int *flag) {
    Team team(lanes);
    FOR_EACH_ROW(row, rows, team) {
        unsigned begin = row * n, there = row < rows ? n : 0;
        Exponentials<T> e = exponentials(team, x + begin, there);
        L label = there ? labels[row] : 0;
        bool known = 0 <= label && label < n;
        T scale = known ? 1 / e.total : T(NAN);
        write_row(team, grad + begin, there, [&](unsigned i) { return exp_of(x[begin + i] - e.top) * scale - (i == label ? 1 : 0); });
        if (there && team.rank() == 0) {
            if (!known) complain(flag, int(label));
            loss[row] = known ? log_of(e.total) - (x[begin + label] - e.top) : T(NAN);
        }
    }
}

#define DEFINE_DENSE(T, suffix, Team, team) \
    extern "C" __global__ void cross_entropy_##team##_##suffix(const T *x, const T *labels, T *loss, T *grad, int rows, int n, \
                                                               int lanes) { \
        cross_entropy_body<Team>(x, labels, loss, grad, rows, n, lanes); \
    }
#define DEFINE_SPARSE(T, suffix, L, label_suffix, Team, team) \
    extern "C" __global__ void sparse_cross_entropy_##label_suffix##_##team##_##suffix(const T *x, const L *labels, T *loss, T *grad, \
                                                                                     int rows, int n, int lanes, int *flag) { \
        sparse_body<Team>(x, labels, loss, grad, rows, n, lanes, flag); \
    }
#define DEFINE_TEAM(T, suffix, Team, team) \
    DEFINE_DENSE(T, suffix, Team, team) DEFINE_SPARSE(T, suffix, int, i32, Team, team) DEFINE_SPARSE(T, suffix, int64, i64, Team, team)
#define DEFINE_CROSS_ENTROPY(T, suffix) DEFINE_TEAM(T, suffix, Lanes, lanes) DEFINE_TEAM(T, suffix, Block, block)
FOR_FLOATS(DEFINE_CROSS_ENTROPY)
