// A product whose threads have sixteen elements each (7 points)
//
// The chapter's tile is 16 x 16, a thread an element.  The next rung of its ladder: a block of 256 threads makes a tile of 64 x 64 of the
// product, so 16 elements a thread, whose sums it keeps in variables of its own.  Both matrices have any number of rows and columns, and
// lie any way round.
//
//     c[i * n + j] = sum over p below k of A(i, p) * B(p, j)        for each i below m and j below n
//     A(i, p) = a[i * left.row + p * left.term]        B(p, j) = b[p * right.term + j * right.row]
//
// The steps say how far apart neighbours are in memory.  If a is [m, k], row after row, left.row is k and left.term is 1; if what lies in
// memory is A transposed, [k, m], left.row is 1 and left.term is m.  For B, `row` steps to its next column and `term` to its next term: n
// and 1 the other way round, or 1 and k.
//
// The grid: blockIdx.x counts the tiles of c from left to right, blockIdx.y from top to bottom, and those at the edges may stick out.  The
// block: 256 threads in a line, threadIdx.x from 0 to 255.
//
// In a turn the block brings 16 terms of its 64 rows of A, and 16 of its 64 columns of B, into shared memory: 4 numbers of each a thread,
// which it need not use itself.  What sticks out at any edge (of m, n or k) is 0.  Then every thread takes, for each of the 16 terms, 4
// numbers of A and 4 of B into variables, and adds up their 16 products.  So an element costs k / 32 reads of global memory, and k / 2 of
// shared memory; both are counted.
//
//     c of [100, 70]: a grid of (2, 2).  Which 16 elements of a tile are whose is for you to choose; for thread t, rows t / 16 + 0, 16, 32, 48 and
//     columns t % 16 + 0, 16, 32, 48 are a good choice
//
// Keep to float sums[4][4]: the emulator counts what lies in global and in shared memory, and a GPU keeps such an array in registers if all
// loops over it have fixed ends.
//
// Replaces matmul_blocks_f32 of minitf/kernels/gpu/ladder.cu, which products take if MINITF_GPU_MATMUL=blocks.     make grade CH=07

struct Steps { int row, term; };

extern "C" __global__ void matmul_tile(const float *a, const float *b, float *c, int m, int n, int k, Steps left, Steps right) {
    // ### BEGIN SOLUTION
    __shared__ float of_a[64][16], of_b[16][64];
    int t = threadIdx.x, y = t / 16, x = t % 16, top = blockIdx.y * 64, edge = blockIdx.x * 64;
    float sums[4][4] = {};
    for (int done = 0; done < k; done += 16) {
        for (int i = t; i < 64 * 16; i += 256) {
            int row = i / 16, column = i % 64, term_a = i % 16, term_b = i / 64;
            bool in_a = top + row < m && done + term_a < k, in_b = edge + column < n && done + term_b < k;
            of_a[row][term_a] = in_a ? a[(top + row) * left.row + (done + term_a) * left.term] : 0;
            of_b[term_b][column] = in_b ? b[(done + term_b) * right.term + (edge + column) * right.row] : 0;
        }
        __syncthreads();
        for (int p = 0; p < 16; p++) {
            float mine[4];
            for (int j = 0; j < 4; j++) mine[j] = of_b[p][x + 16 * j];
            for (int i = 0; i < 4; i++) {
                float factor = of_a[y + 16 * i][p];
                for (int j = 0; j < 4; j++) sums[i][j] += factor * mine[j];
            }
        }
        __syncthreads();
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < 4; j++) {
            int row = top + y + 16 * i, column = edge + x + 16 * j;
            if (row < m && column < n) c[row * n + column] = sums[i][j];
        }
    // ### END SOLUTION
}
