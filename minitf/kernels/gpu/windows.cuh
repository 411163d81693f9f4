// Where the taps of a window meet the pixels of an image: what convolutions and pooling share.  The structures come from windows.py.
#pragma once
#include "common.cuh"

// Division by a number that is known at the launch, as a multiplication and a shift: a division proper is some twenty instructions.
// (T. Granlund, P. Montgomery, Division by Invariant Integers using Multiplication, PLDI 1994, section 4.)
struct Divider {
    int by;
    unsigned factor;
    int shift;
    __device__ int quotient(int n) const { return int(uint64(unsigned(n)) * factor >> shift); }      // n >= 0
    __device__ int divide(int n, int &rest) const {
        int q = quotient(n);
        rest = n - q * by;
        return q;
    }
};

// Rows or columns.  Position j of the result is its pixel first + step * j; it meets, for each tap k, the source's pixel
// stride * j + offset + dilation * k with the filter's row or column weight + weight_step * k.
struct Axis {
    int size, first, step;
    int stride, offset, dilation;
    int taps, weight, weight_step;
};

__device__ inline bool within(int i, int size) { return unsigned(i) < unsigned(size); }
