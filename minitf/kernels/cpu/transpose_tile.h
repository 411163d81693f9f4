/* A 16 x 16 tile of 32-bit words turned over in registers.  The loops in strided.pyx do the same; over a 1000 x 1000 matrix this takes
   0.6 of their time.  The tile is copied first, because where a row of the matrix is a multiple of 4 KiB its 16 lines fall into
   one set of the cache, which holds 12.  Distances are in bytes; nothing need be aligned. */
#ifndef MINITF_TRANSPOSE_TILE_H
#define MINITF_TRANSPOSE_TILE_H
#include <stdint.h>
#include <string.h>

typedef uint32_t words8 __attribute__((vector_size(32)));

#if defined(__clang__)
#define PICK(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define PICK(a, b, ...) __builtin_shuffle(a, b, (words8) {__VA_ARGS__})
#endif

/* y = x turned over, 8 x 8: pairs of words, then of pairs, then of halves change places */
static inline __attribute__((always_inline)) void transpose_8x8(char *y, int64_t width, const uint32_t *x) {
    words8 a[8], b[8];
    for (int k = 0; k < 8; k++) memcpy(&a[k], x + 16 * k, 32);
    for (int k = 0; k < 8; k += 2) {
        b[k] = PICK(a[k], a[k + 1], 0, 8, 2, 10, 4, 12, 6, 14);
        b[k + 1] = PICK(a[k], a[k + 1], 1, 9, 3, 11, 5, 13, 7, 15);
    }
    for (int h = 0; h < 8; h += 4) {
        for (int k = h; k < h + 2; k++) {
            a[k] = PICK(b[k], b[k + 2], 0, 1, 8, 9, 4, 5, 12, 13);
            a[k + 2] = PICK(b[k], b[k + 2], 2, 3, 10, 11, 6, 7, 14, 15);
        }
    }
    for (int k = 0; k < 4; k++) {
        b[k] = PICK(a[k], a[k + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        b[k + 4] = PICK(a[k], a[k + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
    for (int k = 0; k < 8; k++) memcpy(y + k * width, &b[k], 32);
}

/* y[r][c] = x[c][r] for 16 rows and columns; the rows of y below are fetched meanwhile */
static inline void transpose_16x16(char *y, int64_t width, const char *x, int64_t step) {
    uint32_t tile[256];
    for (int r = 0; r < 16; r++) __builtin_prefetch(y + (16 + r) * width, 1);
    for (int c = 0; c < 16; c++) memcpy(tile + 16 * c, x + c * step, 64);
    for (int r = 0; r < 16; r += 8) {
        transpose_8x8(y + r * width, width, tile + r);
        transpose_8x8(y + r * width + 32, width, tile + 128 + r);
    }
}
#endif
