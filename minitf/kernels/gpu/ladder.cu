// Four ways to multiply matrices, each faster on a GPU than the one before; the fifth is matmul.cu.
//
// Element (i, p) of the left side is a[i * left.row + p * left.term], element (p, j) of the right one b[p * right.term + j * right.row], so
// either may be transposed.
#include "common.cuh"

struct Steps { int row, term; };

// One thread an element: every number of a is read n times from memory, every number of b m times.
extern "C" __global__ void matmul_naive_f32(const float *a, const float *b, float *c, int m, int n, int k, Steps left, Steps right) {
    int row = blockIdx.y * blockDim.y + threadIdx.y, column = blockIdx.x * blockDim.x + threadIdx.x;
    if (row >= m || column >= n) return;
    float sum = 0;
    for (int p = 0; p < k; p++) sum += a[row * left.row + p * left.term] * b[p * right.term + column * right.row];
    c[row * n + column] = sum;
}

// Through shared memory: a block loads a square of each side, each thread one number of both, and every number is then used SIDE times.
template <int SIDE> __device__ void tile_body(const float *a, const float *b, float *c, int m, int n, int k, Steps left, Steps right) {
    __shared__ float lefts[SIDE][SIDE], rights[SIDE][SIDE];
    int x = threadIdx.x, y = threadIdx.y, row = blockIdx.y * SIDE + y, column = blockIdx.x * SIDE + x;
    float sum = 0;
    for (int begin = 0; begin < k; begin += SIDE) {
        lefts[y][x] = row < m && begin + x < k ? a[row * left.row + (begin + x) * left.term] : 0;
        rights[y][x] = begin + y < k && column < n ? b[(begin + y) * right.term + column * right.row] : 0;
        __syncthreads();
        for (int p = 0; p < SIDE; p++) sum += lefts[y][p] * rights[p][x];
        __syncthreads();
    }
    if (row < m && column < n) c[row * n + column] = sum;
}

extern "C" __global__ void matmul_tile16_f32(const float *a, const float *b, float *c, int m, int n, int k, Steps left, Steps right) {
    tile_body<16>(a, b, c, m, n, k, left, right);
}

extern "C" __global__ void matmul_tile32_f32(const float *a, const float *b, float *c, int m, int n, int k, Steps left, Steps right) {
    tile_body<32>(a, b, c, m, n, k, left, right);
}

// Through registers: a thread has 4 x 4 elements, so each number that it reads from shared memory is used four times.  The left piece lies
// transposed, so that four rows of one term are neighbours, and a line is 4 longer than the tile, so that a column falls into eight banks.
extern "C" __global__ void matmul_blocks_f32(const float *a, const float *b, float *c, int m, int n, int k, Steps left, Steps right) {
    const int SIDE = 64, DEPTH = 16, OWN = 4;
    alignas(16) __shared__ float lefts[DEPTH][SIDE + 4];
    alignas(16) __shared__ float rights[DEPTH][SIDE + 4];
    int row = blockIdx.y * SIDE, column = blockIdx.x * SIDE, x = threadIdx.x % 16, y = threadIdx.x / 16;
    float sums[OWN][OWN] = {};
    for (int begin = 0; begin < k; begin += DEPTH) {
        for (int i = threadIdx.x; i < SIDE * DEPTH; i += 256) {
            int r = row + i / DEPTH, p = begin + i % DEPTH;
            lefts[i % DEPTH][i / DEPTH] = r < m && p < k ? a[r * left.row + p * left.term] : 0;
            int q = begin + i / SIDE, j = column + i % SIDE;
            rights[i / SIDE][i % SIDE] = q < k && j < n ? b[q * right.term + j * right.row] : 0;
        }
        __syncthreads();
        for (int p = 0; p < DEPTH; p++) {
            float4 l = *(float4 *) &lefts[p][OWN * y], r = *(float4 *) &rights[p][OWN * x];
            float four_l[OWN] = {l.x, l.y, l.z, l.w}, four_r[OWN] = {r.x, r.y, r.z, r.w};
            for (int i = 0; i < OWN; i++)
                for (int j = 0; j < OWN; j++) sums[i][j] += four_l[i] * four_r[j];
        }
        __syncthreads();
    }
    for (int i = 0; i < OWN; i++)
        for (int j = 0; j < OWN; j++)
            if (row + OWN * y + i < m && column + OWN * x + j < n) c[(row + OWN * y + i) * n + column + OWN * x + j] = sums[i][j];
}
