/* A 16 x 16 tile of 32-bit words turned over in registers.  The loops in strided.pyx do the same; over a 1000 x 1000 matrix this takes
   0.4 of their time.  The lines that the next tiles to the right will read and write are fetched meanwhile: they lie in 16 rows, which is
   more than a processor looks ahead in by itself.  Distances are in bytes; nothing need be aligned. */
#ifndef MINITF_TRANSPOSE_TILE_H
#define MINITF_TRANSPOSE_TILE_H
#include <stdint.h>
#include <string.h>

#if defined(__clang__)
#define PICK(T, a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define PICK(T, a, b, ...) __builtin_shuffle(a, b, (T) {__VA_ARGS__})
#endif

static inline __attribute__((always_inline)) void fetch_next_tiles(char *y, int64_t width, const char *x, int64_t step) {
    for (int r = 0; r < 16; r++) __builtin_prefetch(y + r * width + 64, 1);
    for (int c = 0; c < 16; c++) __builtin_prefetch(x + (16 + c) * step);
}

#ifdef __AVX512F__
typedef uint32_t words16 __attribute__((vector_size(64)));
typedef uint32_t memory16 __attribute__((vector_size(64), aligned(1), may_alias));

/* y[r][c] = x[c][r] for 16 rows and columns: words change places, then pairs, then quarters, then halves */
static inline void transpose_16x16(char *y, int64_t width, const char *x, int64_t step) {
    words16 a[16], b[16];
    fetch_next_tiles(y, width, x, step);
    for (int c = 0; c < 16; c++) a[c] = *(const memory16 *) (x + c * step);
    for (int k = 0; k < 16; k += 2) {
        b[k] = PICK(words16, a[k], a[k + 1], 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);
        b[k + 1] = PICK(words16, a[k], a[k + 1], 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
    }
    for (int h = 0; h < 16; h += 4) {
        for (int k = h; k < h + 2; k++) {
            a[k] = PICK(words16, b[k], b[k + 2], 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
            a[k + 2] = PICK(words16, b[k], b[k + 2], 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
        }
    }
    for (int h = 0; h < 16; h += 8) {
        for (int k = h; k < h + 4; k++) {
            b[k] = PICK(words16, a[k], a[k + 4], 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
            b[k + 4] = PICK(words16, a[k], a[k + 4], 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
        }
    }
    for (int k = 0; k < 8; k++) {
        a[k] = PICK(words16, b[k], b[k + 8], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
        a[k + 8] = PICK(words16, b[k], b[k + 8], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    }
    for (int r = 0; r < 16; r++) *(memory16 *) (y + r * width) = a[r];
}
#else
typedef uint32_t words8 __attribute__((vector_size(32)));

/* y = x turned over, 8 x 8: pairs of words, then of pairs, then of halves change places */
static inline __attribute__((always_inline)) void transpose_8x8(char *y, int64_t width, const uint32_t *x) {
    words8 a[8], b[8];
    for (int k = 0; k < 8; k++) memcpy(&a[k], x + 16 * k, 32);
    for (int k = 0; k < 8; k += 2) {
        b[k] = PICK(words8, a[k], a[k + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        b[k + 1] = PICK(words8, a[k], a[k + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int h = 0; h < 8; h += 4) {
        for (int k = h; k < h + 2; k++) {
            a[k] = PICK(words8, b[k], b[k + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            a[k + 2] = PICK(words8, b[k], b[k + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    }
    for (int k = 0; k < 4; k++) {
        b[k] = PICK(words8, a[k], a[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        b[k + 4] = PICK(words8, a[k], a[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
    for (int k = 0; k < 8; k++) memcpy(y + k * width, &b[k], 32);
}

/* y[r][c] = x[c][r] for 16 rows and columns.  The tile is copied first, because where a row of the matrix is a multiple of 4 KiB its 16
   lines fall into one set of the cache, which holds 12. */
static inline void transpose_16x16(char *y, int64_t width, const char *x, int64_t step) {
    uint32_t tile[256];
    fetch_next_tiles(y, width, x, step);
    for (int c = 0; c < 16; c++) memcpy(tile + 16 * c, x + c * step, 64);
    for (int r = 0; r < 16; r += 8) {
        transpose_8x8(y + r * width, width, tile + r);
        transpose_8x8(y + r * width + 32, width, tile + 128 + r);
    }
}
#endif
#endif
