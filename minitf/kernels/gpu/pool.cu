// Pooling of images [n, h, w, c]: maxima and means over windows, channel by channel, and their gradients.
//
// A thread has N neighbouring channels: 16 bytes where the channels can be cut so, for finding its place costs it more than the arithmetic.
// A gradient is gathered: the thread of a pixel looks at the windows that it lies in, in their order, and adds up what each gives it.  So
// windows that overlap need no atomic additions, and sums have one order.
#include "windows.cuh"
#include "pack.cuh"

struct Pool {
    int h, w, c, oh, ow;                                    // image, pooled image
    int height, width, down, right, above, left;            // window, strides, padding
    Divider depth, columns, rows;                           // of what threads are counted by: N channels of a pixel
    Divider by_down, by_right;

    // which pixel i is, and its first channel
    template <int N> __device__ int place(int i, int &row, int &column, int &channel) const {
        int image = rows.divide(columns.divide(depth.divide(i, channel), column), row);
        channel *= N;
        return image;
    }
    // the number of an image, or a pooled one, at which a pixel's channel is
    __device__ int of_image(int image, int y, int x, int channel) const { return ((image * h + y) * w + x) * c + channel; }
    __device__ int of_pooled(int image, int j, int k, int channel) const { return ((image * oh + j) * ow + k) * c + channel; }
};

template <int N, class T> __device__ Pack<T, N> load(const T *from) {
    if (size_t(from) % sizeof(Pack<T, N>) == 0) return *(const Pack<T, N> *) from;
    Pack<T, N> pack;
    for (int q = 0; q < N; q++) pack.of[q] = from[q];
    return pack;
}

template <int N, class T> __device__ void store(T *to, const Pack<T, N> &pack) {
    if (size_t(to) % sizeof(Pack<T, N>) == 0) *(Pack<T, N> *) to = pack;
    else for (int q = 0; q < N; q++) to[q] = pack.of[q];
}

// What part of an image a window has: rows [top, bottom), columns [left, right).
struct Window {
    int top, bottom, left, right;
    __device__ Window(const Pool &g, int j, int k)
        : top(max(0, j * g.down - g.above)), bottom(min(g.h, j * g.down - g.above + g.height)),
          left(max(0, k * g.right - g.left)), right(min(g.w, k * g.right - g.left + g.width)) {}
    __device__ int taps() const { return (bottom - top) * (right - left); }
};

// The places [first, last) of windows, one every `step` pixels, that a pixel lies in.
struct Places {
    int first, last;
    __device__ Places(int pixel, int before, int size, const Divider &step, int places) {
        pixel += before;
        first = pixel < size ? 0 : step.quotient(pixel - size + step.by);
        last = min(places, step.quotient(pixel) + 1);
    }
};

// A NaN counts as a window's greatest, so that its gradient goes to the NaN.
template <class T> __device__ bool is_top(T x, T top) { return x == top || x != x; }

template <class T, int N> __device__ void max_pool_body(const T *images, T *out, int size, const Pool &g) {
    FOR_EACH(i, size) {
        int j, k, channel, image = g.place<N>(i, j, k, channel);
        Window window(g, j, k);
        Pack<T, N> top = load<N>(images + g.of_image(image, window.top, window.left, channel));
        for (int y = window.top; y < window.bottom; y++)
            for (int x = window.left; x < window.right; x++) {
                Pack<T, N> tap = load<N>(images + g.of_image(image, y, x, channel));
                for (int q = 0; q < N; q++) top.of[q] = Larger::of(top.of[q], tap.of[q]);
            }
        store<N>(out + i * N, top);
    }
}

// The window of top `top` gives its gradient to the first of its tops, row by row: to this pixel, if no tap before it is one.
template <class T, int N>
__device__ void max_pool_grad_body(const T *images, const T *tops, const T *gradient, T *out, int size, const Pool &g) {
    FOR_EACH(i, size) {
        int row, column, channel, image = g.place<N>(i, row, column, channel);
        Places down(row, g.above, g.height, g.by_down, g.oh), right(column, g.left, g.width, g.by_right, g.ow);
        Pack<T, N> own = load<N>(images + i * N), sum = {};
        for (int j = down.first; j < down.last; j++)
            for (int k = right.first; k < right.last; k++) {
                int pooled = g.of_pooled(image, j, k, channel);
                Window window(g, j, k);
                Pack<T, N> top = load<N>(tops + pooled), given = load<N>(gradient + pooled);
                for (int q = 0; q < N; q++) given.of[q] = is_top(own.of[q], top.of[q]) ? given.of[q] : T(0);
                for (int y = window.top; y <= row; y++)
                    for (int x = window.left, end = y == row ? column : window.right; x < end; x++) {
                        Pack<T, N> tap = load<N>(images + g.of_image(image, y, x, channel));
                        for (int q = 0; q < N; q++) given.of[q] = is_top(tap.of[q], top.of[q]) ? T(0) : given.of[q];
                    }
                for (int q = 0; q < N; q++) sum.of[q] += given.of[q];
            }
        store<N>(out + i * N, sum);
    }
}

// Taps from the last to the first: the first top is what stays.
template <class T, int N>
__device__ void max_pool_grad_grad_body(const T *images, const T *tops, const T *gradient, T *out, int size, const Pool &g) {
    FOR_EACH(i, size) {
        int j, k, channel, image = g.place<N>(i, j, k, channel);
        Window window(g, j, k);
        Pack<T, N> top = load<N>(tops + i * N), chosen = {};
        for (int y = window.bottom - 1; y >= window.top; y--)
            for (int x = window.right - 1; x >= window.left; x--) {
                int at = g.of_image(image, y, x, channel);
                Pack<T, N> tap = load<N>(images + at), given = load<N>(gradient + at);
                for (int q = 0; q < N; q++) chosen.of[q] = is_top(tap.of[q], top.of[q]) ? given.of[q] : chosen.of[q];
            }
        store<N>(out + i * N, chosen);
    }
}

// The mean of a window, padding left out.
template <class T, int N> __device__ void avg_pool_body(const T *images, T *out, int size, const Pool &g) {
    FOR_EACH(i, size) {
        int j, k, channel, image = g.place<N>(i, j, k, channel);
        Window window(g, j, k);
        Pack<T, N> sum = {};
        for (int y = window.top; y < window.bottom; y++)
            for (int x = window.left; x < window.right; x++) {
                Pack<T, N> tap = load<N>(images + g.of_image(image, y, x, channel));
                for (int q = 0; q < N; q++) sum.of[q] += tap.of[q];
            }
        for (int q = 0; q < N; q++) sum.of[q] /= T(window.taps());
        store<N>(out + i * N, sum);
    }
}

template <class T, int N> __device__ void avg_pool_grad_body(const T *gradient, T *out, int size, const Pool &g) {
    FOR_EACH(i, size) {
        int row, column, channel, image = g.place<N>(i, row, column, channel);
        Places down(row, g.above, g.height, g.by_down, g.oh), right(column, g.left, g.width, g.by_right, g.ow);
        Pack<T, N> sum = {};
        for (int j = down.first; j < down.last; j++)
            for (int k = right.first; k < right.last; k++) {
                Pack<T, N> given = load<N>(gradient + g.of_pooled(image, j, k, channel));
                for (int q = 0; q < N; q++) sum.of[q] += given.of[q] / T(Window(g, j, k).taps());
            }
        store<N>(out + i * N, sum);
    }
}

#define DEFINE_AS(T, S, N)                                                                                                               \
    extern "C" __global__ void max_pool_##S(const T *images, T *out, int size, Pool g) { max_pool_body<T, N>(images, out, size, g); }    \
    extern "C" __global__ void max_pool_grad_##S(const T *images, const T *tops, const T *gradient, T *out, int size, Pool g) {          \
        max_pool_grad_body<T, N>(images, tops, gradient, out, size, g);                                                                  \
    }                                                                                                                                    \
    extern "C" __global__ void max_pool_grad_grad_##S(const T *images, const T *tops, const T *gradient, T *out, int size, Pool g) {     \
        max_pool_grad_grad_body<T, N>(images, tops, gradient, out, size, g);                                                             \
    }
#define DEFINE(T, S) DEFINE_AS(T, S, 1) DEFINE_AS(T, packs_##S, 16 / sizeof(T))
FOR_NUMBERS(DEFINE)
#undef DEFINE_AS

#define DEFINE_AS(T, S, N)                                                                                                               \
    extern "C" __global__ void avg_pool_##S(const T *images, T *out, int size, Pool g) { avg_pool_body<T, N>(images, out, size, g); }    \
    extern "C" __global__ void avg_pool_grad_##S(const T *gradient, T *out, int size, Pool g) {                                             \
        avg_pool_grad_body<T, N>(gradient, out, size, g);                                                                                   \
    }
FOR_FLOATS(DEFINE)
