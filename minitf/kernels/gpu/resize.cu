// Resizing of images [n, h, w, c], and the adjoints, which are gathered: the thread of a pixel looks for the places that took from it.
#include "windows.cuh"

struct Resize {
    int h, w, c, oh, ow;                                    // the image that is sampled, and what it is resized to
    int align;
    float down, right;                                      // pixels of the image from one place to the next
    Divider depth, columns, rows;                           // of the numbers that threads are counted by

    __device__ int place(int i, int &row, int &column, int &channel) const {
        return rows.divide(columns.divide(depth.divide(i, channel), column), row);
    }
};

// Where place i of a row or column takes its value from: `part` of it from `high`.  In float32, as on the CPU, and the product is
// rounded before anything is subtracted from it.
struct Sample {
    int low, high;
    float part;
    __device__ Sample(int i, float step, int have) {
        float at = __fmul_rn(float(i), step);
        low = min(int(floorf(at)), have - 1);
        high = min(low + 1, have - 1);
        part = at - float(low);
    }
    __device__ int nearest(int align) const { return align && roundf(part) >= 1 ? high : low; }
    template <class T> __device__ T weight(int pixel) const {
        return (low == pixel ? 1 - T(part) : T(0)) + (high == pixel ? T(part) : T(0));
    }
};

// The first place that may take from a pixel: two before the quotient, which is rounded.
__device__ inline int first_place(int pixel, float step) { return step > 0 ? max(0, int(float(pixel - 1) / step) - 2) : 0; }

template <class T> __device__ void nearest_body(const T *images, T *out, int size, const Resize &g) {
    FOR_EACH(i, size) {
        int row, column, channel, image = g.place(i, row, column, channel);
        int y = Sample(row, g.down, g.h).nearest(g.align), x = Sample(column, g.right, g.w).nearest(g.align);
        out[i] = images[((image * g.h + y) * g.w + x) * g.c + channel];
    }
}

template <class T> __device__ void bilinear_body(const T *images, T *out, int size, const Resize &g) {
    FOR_EACH(i, size) {
        int row, column, channel, image = g.place(i, row, column, channel);
        Sample y(row, g.down, g.h), x(column, g.right, g.w);
        const T *above = images + (image * g.h + y.low) * g.w * g.c + channel;
        const T *below = images + (image * g.h + y.high) * g.w * g.c + channel;
        T top = above[x.low * g.c] + (above[x.high * g.c] - above[x.low * g.c]) * T(x.part);
        T bottom = below[x.low * g.c] + (below[x.high * g.c] - below[x.low * g.c]) * T(x.part);
        out[i] = top + (bottom - top) * T(y.part);
    }
}

// bilinear: each place's gradient by weights; else whole, to the pixel that it was a copy of
template <class T, bool bilinear> __device__ void resize_grad_body(const T *gradient, T *out, int size, const Resize &g) {
    FOR_EACH(i, size) {
        int row, column, channel, image = g.place(i, row, column, channel);
        T sum = 0;
        for (int j = first_place(row, g.down); j < g.oh; j++) {
            Sample y(j, g.down, g.h);
            if (y.low > row) break;
            T down = bilinear ? y.weight<T>(row) : T(y.nearest(g.align) == row);
            if (down == 0) continue;
            for (int k = first_place(column, g.right); k < g.ow; k++) {
                Sample x(k, g.right, g.w);
                if (x.low > column) break;
                T right = bilinear ? x.weight<T>(column) : T(x.nearest(g.align) == column);
                if (right != 0) sum += gradient[((image * g.oh + j) * g.ow + k) * g.c + channel] * down * right;
            }
        }
        out[i] = sum;
    }
}

#define DEFINE(T, S)                                                                                                                     \
    extern "C" __global__ void resize_nearest_##S(const T *images, T *out, int size, Resize g) { nearest_body<T>(images, out, size, g); }
FOR_NUMBERS(DEFINE)
#undef DEFINE

#define DEFINE(T, S)                                                                                                                     \
    extern "C" __global__ void resize_bilinear_##S(const T *images, T *out, int size, Resize g) {\
        bilinear_body<T>(images, out, size, g);\
    }\
    extern "C" __global__ void resize_nearest_grad_##S(const T *gradient, T *out, int size, Resize g) {                                  \
        resize_grad_body<T, false>(gradient, out, size, g);                                                                              \
    }                                                                                                                                    \
    extern "C" __global__ void resize_bilinear_grad_##S(const T *gradient, T *out, int size, Resize g) {                                 \
        resize_grad_body<T, true>(gradient, out, size, g);                                                                               \
    }
FOR_FLOATS(DEFINE)
