// Matrix products: tiles of four shapes, products of up to eight rows, small ones, and the second pass of sums that were split.
#include "product.cuh"

// page p, split s of c: the sum of the terms that split s has, [splits, batch, m, n].  One tile of it a block (x), pages and splits along
// y.
template <class T, class Tile>
__device__ void matmul_body(const T *a, const T *b, T *c, int m, int n, int k, int turned_a, int turned_b, int batch, int splits,
                            int terms) {
    int tiles = (n + Tile::COLUMNS - 1) / Tile::COLUMNS;
    int row = int(blockIdx.x) / tiles * Tile::ROWS, column = int(blockIdx.x) % tiles * Tile::COLUMNS;
    for (int z = blockIdx.y; z < batch * splits; z += gridDim.y) {
        int page = z % batch, begin = z / batch * terms;
        MatrixSide<T, Tile::ROWS, Tile::DEPTH> left(a + size_t(page) * m * k, m, k, !turned_a, row);
        MatrixSide<T, Tile::COLUMNS, Tile::DEPTH> right(b + size_t(page) * k * n, n, k, turned_b, column);
        Rows<T> result = {c + size_t(z) * m * n, m, n};
        product_tile<T, Tile>(left, right, begin, min(k, begin + terms), result, row, column);
    }
}

#define DEFINE(T, NAME, TILE)                                                                                                            \
    extern "C" __global__ void __launch_bounds__(PRODUCT_THREADS, 2)                                                                     \
    NAME(const T *a, const T *b, T *c, int m, int n, int k, int turned_a, int turned_b, int batch, int splits, int terms) {              \
        matmul_body<T, TILE>(a, b, c, m, n, k, turned_a, turned_b, batch, splits, terms);                                                \
    }
DEFINE(float, matmul_big_f32, BigTile)
DEFINE(float, matmul_square_f32, SquareTile<float>)
DEFINE(float, matmul_tall_f32, TallTile<float>)
DEFINE(float, matmul_flat_f32, FlatTile<float>)
DEFINE(double, matmul_square_f64, SquareTile<double>)
DEFINE(double, matmul_tall_f64, TallTile<double>)
DEFINE(double, matmul_flat_f64, FlatTile<double>)
DEFINE(int, matmul_square_i32, SquareTile<int>)
DEFINE(int64, matmul_square_i64, SquareTile<int64>)
#undef DEFINE

// Where the few rows of a thin product lie, and where its results go.  A product of few columns is its transpose's product of few rows.
struct Thin {
    int rows, outer, depth;                          // at most 8 rows x of `depth` terms; `outer` columns of the large side
    int row_step, term_step;                         // in x, of numbers
    int to_row, to_column;                           // in the result
    int terms;                                       // of one split
};

const int FEW = 8;

// The large side [depth, outer]: a lane has columns of its own, the warps of a block take turns at the terms and add up what they have in
// the end. Every number of the large side is read once, a warp's next to one another, four columns a lane under way at once.
template <class T> __device__ void thin_across_body(const T *x, const T *large, T *out, Thin s) {
    const int WARPS = 8, COLUMNS = 4;
    __shared__ T of_warp[WARPS][COLUMNS * 32];
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int first = blockIdx.x * (COLUMNS * 32) + lane, end = min(s.depth, (int(blockIdx.y) + 1) * s.terms);
    T sums[FEW][COLUMNS] = {};
    for (int term = blockIdx.y * s.terms + warp; term < end; term += WARPS) {
        const T *line = large + size_t(term) * s.outer;
        T right[COLUMNS];
        #pragma unroll
        for (int j = 0; j < COLUMNS; j++) right[j] = first + 32 * j < s.outer ? line[first + 32 * j] : T(0);
        #pragma unroll
        for (int r = 0; r < FEW; r++)
            if (r < s.rows) {
                T left = x[size_t(r) * s.row_step + size_t(term) * s.term_step];
                for (int j = 0; j < COLUMNS; j++) sums[r][j] += left * right[j];
            }
    }
    out += size_t(blockIdx.y) * s.rows * s.outer;
    #pragma unroll
    for (int r = 0; r < FEW; r++) {
        if (r >= s.rows) break;
        for (int j = 0; j < COLUMNS; j++) of_warp[warp][32 * j + lane] = sums[r][j];
        __syncthreads();
        int column = blockIdx.x * (COLUMNS * 32) + threadIdx.x;
        if (threadIdx.x < COLUMNS * 32 && column < s.outer) {
            T sum = of_warp[0][threadIdx.x];
            for (int w = 1; w < WARPS; w++) sum += of_warp[w][threadIdx.x];
            out[size_t(r) * s.to_row + size_t(column) * s.to_column] = sum;
        }
        __syncthreads();
    }
}

// The large side [outer, depth]: a warp has two columns, and its lanes take turns at the terms.
template <class T> __device__ void thin_along_body(const T *x, const T *large, T *out, Thin s) {
    const int WARPS = 8, COLUMNS = 2;
    int lane = threadIdx.x % 32, first = (int(blockIdx.x) * WARPS + int(threadIdx.x) / 32) * COLUMNS;
    int begin = blockIdx.y * s.terms, end = min(s.depth, begin + s.terms);
    T sums[FEW][COLUMNS] = {};
    for (int term = begin + lane; term < end; term += 32) {
        T right[COLUMNS];
        #pragma unroll
        for (int j = 0; j < COLUMNS; j++) right[j] = first + j < s.outer ? large[size_t(first + j) * s.depth + term] : T(0);
        #pragma unroll
        for (int r = 0; r < FEW; r++)
            if (r < s.rows) {
                T left = x[size_t(r) * s.row_step + size_t(term) * s.term_step];
                for (int j = 0; j < COLUMNS; j++) sums[r][j] += left * right[j];
            }
    }
    out += size_t(blockIdx.y) * s.rows * s.outer;
    #pragma unroll
    for (int r = 0; r < FEW; r++) {
        if (r >= s.rows) break;
        for (int j = 0; j < COLUMNS; j++) {
            T sum = over_warp<Add>(sums[r][j]);
            if (lane == 0 && first + j < s.outer) out[size_t(r) * s.to_row + size_t(first + j) * s.to_column] = sum;
        }
    }
}

// A thread an element, for products that would leave most of a tile empty.
template <class T>
__device__ void small_body(const T *a, const T *b, T *c, int m, int n, int k, int turned_a, int turned_b, int batch) {
    const int down = turned_a ? 1 : k, along_a = turned_a ? m : 1, right = turned_b ? k : 1, along_b = turned_b ? 1 : n;
    FOR_EACH(i, batch * m * n) {
        int page = i / (m * n), row = i / n % m, column = i % n;
        const T *left = a + size_t(page) * m * k + row * down, *over = b + size_t(page) * k * n + column * right;
        T sum = 0;
        #pragma unroll 4
        for (int term = 0; term < k; term++) sum += left[size_t(term) * along_a] * over[size_t(term) * along_b];
        c[i] = sum;
    }
}

// out = the sum of the splits, in their order
template <class T> __device__ void sum_splits_body(const T *parts, T *out, int n, int splits) {
    FOR_EACH(i, n) {
        T sum = parts[i];
        #pragma unroll 8
        for (int s = 1; s < splits; s++) sum += parts[size_t(s) * n + i];
        out[i] = sum;
    }
}

#define DEFINE(T, S)                                                                                                                     \
    extern "C" __global__ void __launch_bounds__(256) thin_across_##S(const T *x, const T *large, T *out, Thin s) {                      \
        thin_across_body<T>(x, large, out, s);                                                                                           \
    }                                                                                                                                    \
    extern "C" __global__ void __launch_bounds__(256) thin_along_##S(const T *x, const T *large, T *out, Thin s) {                       \
        thin_along_body<T>(x, large, out, s);                                                                                            \
    }
FOR_FLOATS(DEFINE)
#undef DEFINE

#define DEFINE(T, S)                                                                                                                     \
    extern "C" __global__ void sum_splits_##S(const T *parts, T *out, int n, int splits) { sum_splits_body<T>(parts, out, n, splits); }  \
    extern "C" __global__ void small_##S(const T *a, const T *b, T *c, int m, int n, int k, int turned_a, int turned_b, int batch) {     \
        small_body<T>(a, b, c, m, n, k, turned_a, turned_b, batch);                                                                      \
    }
FOR_NUMBERS(DEFINE)
