// Pooling of images [n, h, w, c]: maxima and means over windows, channel by channel, and their gradients.
//
// A gradient is gathered: the thread of a pixel looks at the windows that it lies in, in their order, and adds up what each gives it.  So windows
// that overlap need no atomic additions, and sums have one order.
#include "windows.cuh"

struct Pool {
    int h, w, c, oh, ow;                                    // image, pooled image
    int height, width, down, right, above, left;            // window, strides, padding
    Divider depth, columns, rows;                           // of the numbers that threads are counted by
    Divider by_down, by_right;

    __device__ int place(int i, int &row, int &column, int &channel) const {
        return rows.divide(columns.divide(depth.divide(i, channel), column), row);
    }
};

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

template <class T> __device__ T greater(T a, T b) { return a != a || a > b ? a : b; }        // NaN if either is

// A NaN counts as a window's greatest, so that its gradient goes to the NaN.
template <class T> __device__ bool is_top(T x, T top) { return x == top || x != x; }

template <class T> __device__ void max_pool_body(const T *images, T *out, int size, const Pool &g) {
    FOR_EACH(i, size) {
        int j, k, channel, image = g.place(i, j, k, channel);
        Window window(g, j, k);
        const T *of_image = images + image * (g.h * g.w * g.c) + channel;
        T top = of_image[(window.top * g.w + window.left) * g.c];
        for (int y = window.top; y < window.bottom; y++)
            for (int x = window.left; x < window.right; x++) top = greater(top, of_image[(y * g.w + x) * g.c]);
        out[i] = top;
    }
}

// Whether a pixel, one of the window's tops, is the first of them, row by row.
template <class T> __device__ bool is_first(const T *of_image, T top, int row, int column, const Window &window, const Pool &g) {
    for (int y = window.top; y <= row; y++)
        for (int x = window.left, end = y == row ? column : window.right; x < end; x++)
            if (is_top(of_image[(y * g.w + x) * g.c], top)) return false;
    return true;
}

template <class T> __device__ void max_pool_grad_body(const T *images, const T *tops, const T *gradient, T *out, int size, const Pool &g) {
    FOR_EACH(i, size) {
        int row, column, channel, image = g.place(i, row, column, channel);
        const T *of_image = images + image * (g.h * g.w * g.c) + channel;
        Places down(row, g.above, g.height, g.by_down, g.oh), right(column, g.left, g.width, g.by_right, g.ow);
        T own = images[i], sum = 0;
        for (int j = down.first; j < down.last; j++)
            for (int k = right.first; k < right.last; k++) {
                int pooled = ((image * g.oh + j) * g.ow + k) * g.c + channel;
                T top = tops[pooled];
                if (is_top(own, top) && is_first(of_image, top, row, column, Window(g, j, k), g)) sum += gradient[pooled];
            }
        out[i] = sum;
    }
}

template <class T> __device__ void max_pool_grad_grad_body(const T *images, const T *tops, const T *gradient, T *out, int size, const Pool &g) {
    FOR_EACH(i, size) {
        int j, k, channel, image = g.place(i, j, k, channel), begin = image * (g.h * g.w * g.c) + channel;
        Window window(g, j, k);
        T top = tops[i], chosen = 0;
        for (int y = window.top, found = 0; y < window.bottom && !found; y++)
            for (int x = window.left; x < window.right && !found; x++) {
                int at = begin + (y * g.w + x) * g.c;
                if (is_top(images[at], top)) chosen = gradient[at], found = 1;
            }
        out[i] = chosen;
    }
}

// The mean of a window, padding left out.
template <class T> __device__ void avg_pool_body(const T *images, T *out, int size, const Pool &g) {
    FOR_EACH(i, size) {
        int j, k, channel, image = g.place(i, j, k, channel);
        Window window(g, j, k);
        const T *of_image = images + image * (g.h * g.w * g.c) + channel;
        T sum = 0;
        for (int y = window.top; y < window.bottom; y++)
            for (int x = window.left; x < window.right; x++) sum += of_image[(y * g.w + x) * g.c];
        out[i] = sum / T(window.taps());
    }
}

template <class T> __device__ void avg_pool_grad_body(const T *gradient, T *out, int size, const Pool &g) {
    FOR_EACH(i, size) {
        int row, column, channel, image = g.place(i, row, column, channel);
        Places down(row, g.above, g.height, g.by_down, g.oh), right(column, g.left, g.width, g.by_right, g.ow);
        T sum = 0;
        for (int j = down.first; j < down.last; j++)
            for (int k = right.first; k < right.last; k++)
                sum += gradient[((image * g.oh + j) * g.ow + k) * g.c + channel] / T(Window(g, j, k).taps());
        out[i] = sum;
    }
}

#define DEFINE(T, S)                                                                                                                        \
    extern "C" __global__ void max_pool_##S(const T *images, T *out, int size, Pool g) { max_pool_body<T>(images, out, size, g); }          \
    extern "C" __global__ void max_pool_grad_##S(const T *images, const T *tops, const T *gradient, T *out, int size, Pool g) {             \
        max_pool_grad_body<T>(images, tops, gradient, out, size, g);                                                                        \
    }                                                                                                                                       \
    extern "C" __global__ void max_pool_grad_grad_##S(const T *images, const T *tops, const T *gradient, T *out, int size, Pool g) {        \
        max_pool_grad_grad_body<T>(images, tops, gradient, out, size, g);                                                                   \
    }
FOR_NUMBERS(DEFINE)
#undef DEFINE

#define DEFINE(T, S)                                                                                                                        \
    extern "C" __global__ void avg_pool_##S(const T *images, T *out, int size, Pool g) { avg_pool_body<T>(images, out, size, g); }          \
    extern "C" __global__ void avg_pool_grad_##S(const T *gradient, T *out, int size, Pool g) { avg_pool_grad_body<T>(gradient, out, size, g); }
FOR_FLOATS(DEFINE)
