// Changes of the rows of a variable, or of its elements, that indices name.
//
// Entries that name one place are combined one after the other, in the order of the indices, by the thread of the place's first entry: no
// atomic operations, and the result is the same in every run and that of the CPU.
#pragma once
#include "slot_update.cuh"

// updates: [count, width];  refused: a flag that is up if some update has no meaning
#define DEFINE_SCATTER(name, F, T, S)                                                                                                   \
    extern "C" __global__ void name##_##S(T *var, const T *updates, const uint64 *keys, const int *outside, const int *refused,         \
                                          int count, int width) {                                                                       \
        if (*refused) return;                                                                                                           \
        T *states[] = {var};                                                                                                            \
        update_rows(F<T>{}, states, updates, keys, outside, count, width, 0);                                                           \
    }
