// What moving needs: words in place of types, division by numbers known before the launch, boxes in two arrays.  See words.py.
#pragma once
#include "common.cuh"

// DEFINE(T, suffix): what is moved does not care for its type.
#define FOR_ELEMENTS(DEFINE) DEFINE(unsigned char, w1) DEFINE(int, w4) DEFINE(int64, w8)
#define FOR_WORDS(DEFINE) FOR_ELEMENTS(DEFINE) DEFINE(int4, w16)

const int MOST_AXES = 16;

// n / divisor for n < 2^31 as a multiplication and a shift: a division by a number that the compiler does not know takes some twenty instructions.
struct Divisor { unsigned divisor, multiplier, shift; };
__device__ inline unsigned quotient(unsigned n, Divisor d) { return unsigned((uint64(n) * d.multiplier) >> d.shift); }

// A box of words in two arrays, its last axis the innermost: how many there are along each axis, and how far apart they lie in either array.
struct BoxAxis { Divisor size; int to, from; };
struct Box { int rank; BoxAxis axes[MOST_AXES]; };

struct Places { int to, from; };

// Where the box's i-th word lies in both arrays.
__device__ inline Places places_of(const Box &box, unsigned i) {
    Places at = {0, 0};
    for (int k = box.rank - 1; k >= 0; k--) {
        unsigned rest = quotient(i, box.axes[k].size);
        int here = i - rest * box.axes[k].size.divisor;
        at.to += here * box.axes[k].to, at.from += here * box.axes[k].from;
        i = rest;
    }
    return at;
}
