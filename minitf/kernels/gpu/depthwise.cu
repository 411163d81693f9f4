// Depthwise convolution of images [n, h, w, c] with filters [taps, taps, c, multiplier], and its gradients.
//
// Channels do not mix, so there is no matrix product in it: a number of the result is a short sum, and neighbouring threads have
// neighbouring channels, so all that a warp reads lies side by side.
#include "windows.cuh"

struct Depthwise {
    Axis y, x;                                              // of the convolution
    int n, h, w, c, lines;                                  // lines: c * multiplier, the channels of the result
    Divider depth, columns, rows;                           // of the numbers that threads are counted by
    Divider multiplier, stride_y, stride_x;

    // which number i is
    __device__ int place(int i, int &row, int &column, int &channel) const {
        return rows.divide(columns.divide(depth.divide(i, channel), column), row);
    }
};

// A thread a number of the result.
template <class T> __device__ void depthwise_body(const T *images, const T *filter, T *out, int size, const Depthwise &g) {
    FOR_EACH(i, size) {
        int j, m, line, image = g.place(i, j, m, line), channel = g.multiplier.quotient(line);
        int top = j * g.y.stride + g.y.offset, left = m * g.x.stride + g.x.offset;
        T sum = 0;
        for (int k = 0; k < g.y.taps; k++) {
            int y = top + k * g.y.dilation;
            if (!within(y, g.h)) continue;
            for (int t = 0; t < g.x.taps; t++) {
                int x = left + t * g.x.dilation;
                if (!within(x, g.w)) continue;
                sum += images[((image * g.h + y) * g.w + x) * g.c + channel] * filter[(k * g.x.taps + t) * g.lines + line];
            }
        }
        out[i] = sum;
    }
}

// A thread a number of the image: it looks for the places at which taps met it.
template <class T> __device__ void depthwise_input_body(const T *gradient, const T *filter, T *out, int size, const Depthwise &g) {
    FOR_EACH(i, size) {
        int row, column, channel, image = g.place(i, row, column, channel);
        T sum = 0;
        for (int k = 0; k < g.y.taps; k++) {
            int y = row - g.y.offset - k * g.y.dilation, j, rest;
            if (y < 0 || (j = g.stride_y.divide(y, rest)) >= g.y.size || rest) continue;
            for (int t = 0; t < g.x.taps; t++) {
                int x = column - g.x.offset - t * g.x.dilation, m;
                if (x < 0 || (m = g.stride_x.divide(x, rest)) >= g.x.size || rest) continue;
                const T *met = gradient + ((image * g.y.size + j) * g.x.size + m) * g.lines + channel * g.multiplier.by;
                const T *tap = filter + (k * g.x.taps + t) * g.lines + channel * g.multiplier.by;
                for (int q = 0; q < g.multiplier.by; q++) sum += met[q] * tap[q];
            }
        }
        out[i] = sum;
    }
}

const int LANES = 32, LAYERS = 8;

// A block 32 lines (x) of one tap (y) and of one part of the positions (z): its 8 warps take turns at them, and add up what they have in
// the end.
template <class T>
__device__ void depthwise_filter_body(const T *images, const T *gradient, T *out, int positions, int each, const Depthwise &g) {
    __shared__ T of_warp[LAYERS][LANES];
    int line = blockIdx.x * LANES + threadIdx.x, channel = g.multiplier.quotient(line), tap = blockIdx.y;
    int k = tap / g.x.taps, t = tap % g.x.taps, begin = blockIdx.z * each, end = min(positions, begin + each);
    T sum = 0;
    if (line < g.lines)
        for (int p = begin + threadIdx.y; p < end; p += LAYERS) {
            int j, m, image = g.rows.divide(g.columns.divide(p, m), j);
            int y = j * g.y.stride + g.y.offset + k * g.y.dilation, x = m * g.x.stride + g.x.offset + t * g.x.dilation;
            if (!within(y, g.h) || !within(x, g.w)) continue;
            sum += images[((image * g.h + y) * g.w + x) * g.c + channel] * gradient[p * g.lines + line];
        }
    of_warp[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y == 0 && line < g.lines) {
        for (int w = 1; w < LAYERS; w++) sum += of_warp[w][threadIdx.x];
        out[(int(blockIdx.z) * int(gridDim.y) + tap) * g.lines + line] = sum;
    }
}

#define DEFINE(T, S)                                                                                                                     \
    extern "C" __global__ void depthwise_##S(const T *images, const T *filter, T *out, int size, Depthwise g) {                          \
        depthwise_body<T>(images, filter, out, size, g);                                                                                 \
    }                                                                                                                                    \
    extern "C" __global__ void depthwise_input_##S(const T *gradient, const T *filter, T *out, int size, Depthwise g) {                  \
        depthwise_input_body<T>(gradient, filter, out, size, g);                                                                         \
    }                                                                                                                                    \
    extern "C" __global__ void depthwise_filter_##S(const T *images, const T *gradient, T *out, int positions, int each, Depthwise g) {  \
        depthwise_filter_body<T>(images, gradient, out, positions, each, g);                                                             \
    }
FOR_FLOATS(DEFINE)
