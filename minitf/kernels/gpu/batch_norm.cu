// Batch normalisation of [rows, c], column by column, and its gradient.  Each is three launches: sums of parts of the rows, what follows
// from them for each column, and the walk that writes.
//
// A thread sums the deviations from the first number it sees, and their squares; mean and squared deviations of a part, and of all parts,
// come together in double as sum(n m) / sum(n) and sum(s) + sum(n (m - mean)^2).  So a mean of 1000 costs a variance of 1 no digits.
// (T. Chan, G. Golub, R. LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979.)
#include "team.cuh"

// What falls to this thread: `width` columns a block, whose threads take turns with the rows of a part.
struct Strip {
    unsigned column, strip, strips, part, first, mine;     // mine: how many rows, first, first + strips, ...
    __device__ Strip(int rows, int c, int parts, int length, int width) {
        unsigned tiles = (c + width - 1) / width;
        column = blockIdx.x % tiles * width + threadIdx.x % width;
        strip = threadIdx.x / width, strips = blockDim.x / width, part = blockIdx.x / tiles;
        first = part * length + strip;
        mine = column < c ? share(min(length, rows - int(part * length)), strip, strips) : 0;
    }
};

// x [rows, c] -> partial [parts, 2, c]: mean and sum of squared deviations of the rows of each part; a block for each part of each tile
template <class T> __device__ void moments_body(const T *x, double *partial, int rows, int c, int parts, int length, int width) {
    Strip at(rows, c, parts, length, width);
    const T *row = x + at.first * c + at.column;
    T base = at.mine ? row[0] : T(0);
    double sum = 0, squares = 0;
    unsigned step = at.strips * c, left = at.mine;
    for (; left >= 4; left -= 4, row += 4 * step) {
        T p = row[0] - base, q = row[step] - base, r = row[2 * step] - base, s = row[3 * step] - base;
        sum += (p + q) + (r + s);
        squares += (p * p + q * q) + (r * r + s * s);
    }
    for (; left > 0; left--, row += step) {
        T p = row[0] - base;
        sum += p;
        squares += p * p;
    }
    double mean = at.mine ? base + sum / at.mine : 0, n = min(length, rows - int(at.part * length));
    if (at.mine) squares -= sum * sum / at.mine;
    double of_part = over_column<Add>(mean * at.mine, width) / n;
    squares = over_column<Add>(squares + at.mine * (mean - of_part) * (mean - of_part), width);
    if (threadIdx.x < width && at.column < c) {
        partial[2 * at.part * c + at.column] = of_part;
        partial[(2 * at.part + 1) * c + at.column] = squares;
    }
}

// partial -> mean and variance of each column, the unbiased variance for averages and the other for the gradient; factors [2, c]: y is
// (x - mean) * factor + shift.  Where it is not training, mean and variance are those given.  A block for each tile.
template <class T> __device__ void conclude_body(const double *partial, const T *scale, const T *offset, const T *given_mean,
                                                 const T *given_variance,
                                                 T *mean_out, T *variance_out, T *used_mean, T *used_variance, T *factors,
                                                 int rows, int c, int parts, int length, int width, double epsilon, int training) {
    unsigned column = blockIdx.x * width + threadIdx.x % width, strip = threadIdx.x / width, strips = blockDim.x / width;
    double mean = 0, spread = 0, variance = 0;
    if (training) {
        for (unsigned part = strip; part < parts && column < c; part += strips)
            mean += partial[2 * part * c + column] * min(length, rows - int(part * length));
        mean = over_column<Add>(mean, width) / rows;
        for (unsigned part = strip; part < parts && column < c; part += strips) {
            double d = partial[2 * part * c + column] - mean;
            spread += partial[(2 * part + 1) * c + column] + d * d * min(length, rows - int(part * length));
        }
        spread = over_column<Add>(spread, width);
        variance = rows ? spread / max(1, rows - 1) : double(NAN);
        spread /= rows;
    } else if (column < c) {
        mean = given_mean[column];
        variance = spread = given_variance[column];
    }
    if (strip == 0 && column < c) {
        double factor = scale[column] / sqrt(spread + epsilon);
        mean_out[column] = used_mean[column] = T(mean);
        variance_out[column] = T(variance);
        used_variance[column] = T(spread);
        factors[column] = T(factor);
        factors[c + column] = T(offset[column] + (T(mean) - mean) * factor);       // as if the mean had not been rounded
    }
}

template <class T> __device__ void normalise_body(const T *__restrict__ x, T *__restrict__ y, const T *__restrict__ mean,
                                                  const T *__restrict__ factors,
                                                  int rows, int c, int width) {
    unsigned tiles = (c + width - 1) / width, column = blockIdx.x % tiles * width + threadIdx.x % width, strips = blockDim.x / width;
    if (column >= c) return;
    T centre = mean[column], factor = factors[column], shift = factors[c + column];
    unsigned row = blockIdx.x / tiles * strips + threadIdx.x / width, step = gridDim.x / tiles * strips;
    #pragma unroll 4
    for (unsigned left = share(rows, row, step); left > 0; left--, row += step)
        y[row * c + column] = (x[row * c + column] - centre) * factor + shift;
}

// g, x [rows, c] -> partial [parts, 2, c]: the sums of g and of g (x - mean)
template <class T> __device__ void products_body(const T *g, const T *x, const T *mean, double *partial, int rows, int c, int parts,
                                                 int length, int width) {
    Strip at(rows, c, parts, length, width);
    const T *gs = g + at.first * c + at.column, *xs = x + at.first * c + at.column;
    T centre = at.mine ? mean[at.column] : T(0);
    double sum = 0, products = 0;
    unsigned step = at.strips * c, left = at.mine;
    for (; left >= 4; left -= 4, gs += 4 * step, xs += 4 * step) {
        T p = gs[0], q = gs[step], r = gs[2 * step], s = gs[3 * step];
        sum += (p + q) + (r + s);
        products += (p * (xs[0] - centre) + q * (xs[step] - centre)) + (r * (xs[2 * step] - centre) + s * (xs[3 * step] - centre));
    }
    for (; left > 0; left--, gs += step, xs += step) {
        sum += gs[0];
        products += gs[0] * (xs[0] - centre);
    }
    sum = over_column<Add>(sum, width);
    products = over_column<Add>(products, width);
    if (threadIdx.x < width && at.column < c) {
        partial[2 * at.part * c + at.column] = sum;
        partial[(2 * at.part + 1) * c + at.column] = products;
    }
}

// partial -> the gradients to scale and offset; factors [3, c]: the gradient to x is factor * (g - common - (x - mean) * slope)
template <class T> __device__ void conclude_gradient_body(const double *partial, const T *scale, const T *variance, T *to_scale,
                                                          T *to_offset, T *factors,
                                                          int rows, int c, int parts, int width, double epsilon, int training) {
    unsigned column = blockIdx.x * width + threadIdx.x % width, strip = threadIdx.x / width, strips = blockDim.x / width;
    double common = 0, slope = 0;
    for (unsigned part = strip; part < parts && column < c; part += strips) {
        common += partial[2 * part * c + column];
        slope += partial[(2 * part + 1) * c + column];
    }
    common = over_column<Add>(common, width);
    slope = over_column<Add>(slope, width);
    if (strip == 0 && column < c) {
        double inverse = 1 / sqrt(variance[column] + epsilon);
        to_scale[column] = T(slope * inverse);
        to_offset[column] = T(common);
        factors[column] = training ? T(common / max(1, rows)) : T(0);
        factors[c + column] = training ? T(slope * inverse * inverse / max(1, rows)) : T(0);
        factors[2 * c + column] = T(scale[column] * inverse);
    }
}

template <class T> __device__ void spread_body(const T *__restrict__ g, const T *__restrict__ x, T *__restrict__ dx,
                                               const T *__restrict__ mean,
                                               const T *__restrict__ factors, int rows, int c, int width) {
    unsigned tiles = (c + width - 1) / width, column = blockIdx.x % tiles * width + threadIdx.x % width, strips = blockDim.x / width;
    if (column >= c) return;
    T centre = mean[column], common = factors[column], slope = factors[c + column], factor = factors[2 * c + column];
    unsigned row = blockIdx.x / tiles * strips + threadIdx.x / width, step = gridDim.x / tiles * strips;
    #pragma unroll 4
    for (unsigned left = share(rows, row, step); left > 0; left--, row += step)
        dx[row * c + column] = factor * (g[row * c + column] - common - (x[row * c + column] - centre) * slope);
}

#define DEFINE_BATCH_NORM(T, suffix) \
    extern "C" __global__ void moments_##suffix(const T *x, double *partial, int rows, int c, int parts, int length, int width) { \
        moments_body(x, partial, rows, c, parts, length, width); \
    } \
    extern "C" __global__ void conclude_##suffix(const double *partial, const T *scale, const T *offset, const T *given_mean, \
                                                 const T *given_variance, \
                                                 T *mean, T *variance, T *used_mean, T *used_variance, T *factors, \
                                                 int rows, int c, int parts, int length, int width, double epsilon, int training) { \
        conclude_body(partial, scale, offset, given_mean, given_variance, mean, variance, used_mean, used_variance, factors, \
                      rows, c, parts, length, width, epsilon, training); \
    } \
    extern "C" __global__ void normalise_##suffix(const T *x, T *y, const T *mean, const T *factors, int rows, int c, int width) { \
        normalise_body(x, y, mean, factors, rows, c, width); \
    } \
    extern "C" __global__ void products_##suffix(const T *g, const T *x, const T *mean, double *partial, int rows, int c, int parts, \
                                                 int length, int width) { \
        products_body(g, x, mean, partial, rows, c, parts, length, width); \
    } \
    extern "C" __global__ void conclude_gradient_##suffix(const double *partial, const T *scale, const T *variance, T *to_scale, \
                                                          T *to_offset, T *factors, \
                                                          int rows, int c, int parts, int width, double epsilon, int training) { \
        conclude_gradient_body(partial, scale, variance, to_scale, to_offset, factors, rows, c, parts, width, epsilon, training); \
    } \
    extern "C" __global__ void spread_##suffix(const T *g, const T *x, T *dx, const T *mean, const T *factors, int rows, int c, \
                                               int width) { \
        spread_body(g, x, dx, mean, factors, rows, c, width); \
    }
FOR_FLOATS(DEFINE_BATCH_NORM)
