// Convolution and its gradients as matrix products whose sides are never written: the threads that load a tile find each number in the
// image.
//
// A patch matrix of 3 x 3 taps would be nine times the image, written once and read once; here the nine reads of a number mostly find it in
// a cache.  (S. Chetlur et al., cuDNN: Efficient Primitives for Deep Learning, 2014, arXiv 1410.0759, section 3.3.)
#include "product.cuh"
#include "windows.cuh"

// A convolution of source images [n, h, w, c] to result images [n, out_h, out_w, f].  A position is a number (image, row, column) of the
// result, a term a number (tap row, tap column, channel).
struct Convolution {
    Axis y, x;
    int n, h, w, c, out_h, out_w, f, filter_columns;
    Divider rows, columns, channels, taps;          // by y.size, x.size, c, x.taps

    __device__ int positions() const { return n * y.size * x.size; }
    __device__ int terms() const { return y.taps * x.taps * c; }

    __device__ int place(int position, int &j, int &i) const { return rows.divide(columns.divide(position, i), j); }
    __device__ int tap(int term, int &k, int &m) const {
        int channel;
        k = taps.divide(channels.divide(term, channel), m);
        return channel;
    }
};

// Left side of the convolution: a row is what one position meets.  A warp's lanes read neighbouring terms, which are neighbours in the
// image.
template <class T, int OUTER, int DEPTH> struct PositionSide {
    static const int EACH = OUTER * DEPTH / PRODUCT_THREADS, APART = PRODUCT_THREADS / DEPTH;
    const T *source;
    const Convolution &g;
    int top[EACH], left[EACH], begin_of[EACH];
    T held[EACH];

    __device__ PositionSide(const T *source, const Convolution &g, int first) : source(source), g(g) {
        for (int q = 0; q < EACH; q++) {
            int position = first + threadIdx.x / DEPTH + q * APART, j, i, image = g.place(position, j, i);
            top[q] = position < g.positions() ? j * g.y.stride + g.y.offset : -(1 << 30);               // a row that no tap meets
            left[q] = i * g.x.stride + g.x.offset;
            begin_of[q] = position < g.positions() ? ((image * g.h + top[q]) * g.w + left[q]) * g.c : 0;
        }
    }

    __device__ void fetch(int begin, int end) {
        int term = begin + threadIdx.x % DEPTH, k, m, channel = g.tap(term, k, m);
        int down = k * g.y.dilation, right = m * g.x.dilation, further = (down * g.w + right) * g.c + channel;
        for (int q = 0; q < EACH; q++)
            held[q] = term < end && within(top[q] + down, g.h) && within(left[q] + right, g.w) ? source[begin_of[q] + further] : T(0);
    }

    template <class Line> __device__ void store(Line *tile) const {
        for (int q = 0; q < EACH; q++) tile[threadIdx.x % DEPTH][threadIdx.x / DEPTH + q * APART] = held[q];
    }
};

// Right side of the gradient to the image: a column is a channel of the image, and the filter's taps come as the axes say, in another
// order.
template <class T, int OUTER, int DEPTH> struct TurnedFilterSide {
    static const int EACH = OUTER * DEPTH / PRODUCT_THREADS, APART = PRODUCT_THREADS / DEPTH;
    const T *filter;
    const Convolution &g;
    int first;
    T held[EACH];

    __device__ TurnedFilterSide(const T *filter, const Convolution &g, int first)
        : filter(filter), g(g), first(first + threadIdx.x / DEPTH) {}

    __device__ void fetch(int begin, int end) {
        int term = begin + threadIdx.x % DEPTH, k, m, channel = g.tap(term, k, m);
        int row = g.y.weight + k * g.y.weight_step, column = g.x.weight + m * g.x.weight_step;
        const T *tap = filter + size_t(row * g.filter_columns + column) * g.f * g.c + channel;
        for (int q = 0; q < EACH; q++) held[q] = term < end && first + q * APART < g.f ? tap[size_t(first + q * APART) * g.c] : T(0);
    }

    template <class Line> __device__ void store(Line *tile) const {
        for (int q = 0; q < EACH; q++) tile[threadIdx.x % DEPTH][threadIdx.x / DEPTH + q * APART] = held[q];
    }
};

// Left side of the gradient to the filter: a row is a tap and channel, its terms are the positions.  Lanes read neighbouring channels.
template <class T, int OUTER, int DEPTH> struct TapSide {
    static const int EACH = OUTER * DEPTH / PRODUCT_THREADS, APART = PRODUCT_THREADS / OUTER;
    const T *source;
    const Convolution &g;
    int down, right, channel;
    T held[EACH];

    __device__ TapSide(const T *source, const Convolution &g, int first) : source(source), g(g) {
        int row = first + threadIdx.x % OUTER, k, m;
        channel = g.tap(row, k, m);
        down = row < g.terms() ? k * g.y.dilation + g.y.offset : -(1 << 30);
        right = m * g.x.dilation + g.x.offset;
    }

    __device__ void fetch(int begin, int end) {
        for (int q = 0; q < EACH; q++) {
            int position = begin + threadIdx.x / OUTER + q * APART, j, i, image = g.place(position, j, i);
            int y = down + j * g.y.stride, x = right + i * g.x.stride;
            held[q] = position < end && within(y, g.h) && within(x, g.w) ? source[((image * g.h + y) * g.w + x) * g.c + channel] : T(0);
        }
    }

    template <class Line> __device__ void store(Line *tile) const {
        for (int q = 0; q < EACH; q++) tile[threadIdx.x / OUTER + q * APART][threadIdx.x % OUTER] = held[q];
    }
};

// Where positions go in the result's images.
template <class T> struct Positions {
    T *data;
    const Convolution &g;
    int rows, columns;
    __device__ T *row(int position) const {
        int j, i, image = g.place(position, j, i);
        return data + (size_t(image * g.out_h + g.y.first + j * g.y.step) * g.out_w + g.x.first + i * g.x.step) * g.f;
    }
};

// All three: one tile of the result a block (x), the splits of the sums along y, each `size` numbers behind the one before.
template <class T, class Tile>
__device__ void conv_body(const T *images, const T *filter, T *out, const Convolution &g, int size, int terms) {
    int tiles = (g.f + Tile::COLUMNS - 1) / Tile::COLUMNS, begin = blockIdx.y * terms;
    int row = int(blockIdx.x) / tiles * Tile::ROWS, column = int(blockIdx.x) % tiles * Tile::COLUMNS;
    PositionSide<T, Tile::ROWS, Tile::DEPTH> left(images, g, row);
    MatrixSide<T, Tile::COLUMNS, Tile::DEPTH> right(filter, g.f, g.terms(), false, column);
    Positions<T> result = {out + size_t(blockIdx.y) * size, g, g.positions(), g.f};
    product_tile<T, Tile>(left, right, begin, min(g.terms(), begin + terms), result, row, column);
}

template <class T, class Tile>
__device__ void conv_input_body(const T *gradient, const T *filter, T *out, const Convolution &g, int size, int terms) {
    int tiles = (g.f + Tile::COLUMNS - 1) / Tile::COLUMNS, begin = blockIdx.y * terms;
    int row = int(blockIdx.x) / tiles * Tile::ROWS, column = int(blockIdx.x) % tiles * Tile::COLUMNS;
    PositionSide<T, Tile::ROWS, Tile::DEPTH> left(gradient, g, row);
    TurnedFilterSide<T, Tile::COLUMNS, Tile::DEPTH> right(filter, g, column);
    Positions<T> result = {out + size_t(blockIdx.y) * size, g, g.positions(), g.f};
    product_tile<T, Tile>(left, right, begin, min(g.terms(), begin + terms), result, row, column);
}

template <class T, class Tile>
__device__ void conv_filter_body(const T *images, const T *gradient, T *out, const Convolution &g, int size, int terms) {
    int tiles = (g.f + Tile::COLUMNS - 1) / Tile::COLUMNS, begin = blockIdx.y * terms;
    int row = int(blockIdx.x) / tiles * Tile::ROWS, column = int(blockIdx.x) % tiles * Tile::COLUMNS;
    TapSide<T, Tile::ROWS, Tile::DEPTH> left(images, g, row);
    MatrixSide<T, Tile::COLUMNS, Tile::DEPTH> right(gradient, g.f, g.positions(), false, column);
    Rows<T> result = {out + size_t(blockIdx.y) * size, g.terms(), g.f};
    product_tile<T, Tile>(left, right, begin, min(g.positions(), begin + terms), result, row, column);
}

#define DEFINE(T, NAME, BODY, TILE)                                                                                                      \
    extern "C" __global__ void __launch_bounds__(PRODUCT_THREADS, 2)                                                                     \
    NAME(const T *a, const T *b, T *out, Convolution g, int size, int terms) { BODY<T, TILE>(a, b, out, g, size, terms); }
DEFINE(float, conv_big_f32, conv_body, BigTile)
DEFINE(float, conv_input_big_f32, conv_input_body, BigTile)
DEFINE(float, conv_filter_big_f32, conv_filter_body, BigTile)
DEFINE(float, conv_square_f32, conv_body, SquareTile<float>)
DEFINE(float, conv_tall_f32, conv_body, TallTile<float>)
DEFINE(double, conv_square_f64, conv_body, SquareTile<double>)
DEFINE(double, conv_tall_f64, conv_body, TallTile<double>)
DEFINE(float, conv_input_square_f32, conv_input_body, SquareTile<float>)
DEFINE(float, conv_input_tall_f32, conv_input_body, TallTile<float>)
DEFINE(double, conv_input_square_f64, conv_input_body, SquareTile<double>)
DEFINE(double, conv_input_tall_f64, conv_input_body, TallTile<double>)
DEFINE(float, conv_filter_square_f32, conv_filter_body, SquareTile<float>)
DEFINE(float, conv_filter_tall_f32, conv_filter_body, TallTile<float>)
DEFINE(float, conv_filter_flat_f32, conv_filter_body, FlatTile<float>)
DEFINE(double, conv_filter_square_f64, conv_filter_body, SquareTile<double>)
DEFINE(double, conv_filter_tall_f64, conv_filter_body, TallTile<double>)
DEFINE(double, conv_filter_flat_f64, conv_filter_body, FlatTile<double>)
