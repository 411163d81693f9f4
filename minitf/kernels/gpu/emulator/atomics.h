// Atomic functions: they read a number, change it and write it back with nobody between.  Each returns what was there before.
//
// CUDA has them for the types below and no others (there is no atomicAdd of long long, for one), so they are overloads, not templates.
#pragma once
#include <type_traits>

#ifdef CUDA_EMULATOR_CHECK
extern "C" void emulated_atomic_access(const void *address, int bytes);
template <class T, class Change> UNSEEN T emulated_change(T *p, Change change) {
    const T old = *p;
    *p = change(old);
    return old;
}
#endif

// Inlined always: the checker is told the place of the call.  It runs one thread at a time, so there a plain change will do.
template <class T, class Change> inline __attribute__((always_inline)) T emulated_atomic(T *p, Change change) {
#ifdef CUDA_EMULATOR_CHECK
    emulated_atomic_access(p, sizeof *p);
    return emulated_change(p, change);
#else
    T old, now;
    __atomic_load(p, &old, __ATOMIC_RELAXED);
    do now = change(old); while (!__atomic_compare_exchange(p, &old, &now, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
    return old;
#endif
}

#define EMULATED_ATOMIC(name, T, result) \
    inline __attribute__((always_inline)) T name(T *p, T v) { return emulated_atomic(p, [v](T old) -> T { return result; }); }
#define FOR_UNSIGNED(name, result) EMULATED_ATOMIC(name, unsigned, result) EMULATED_ATOMIC(name, unsigned long long, result)
#define FOR_BITS(name, result) EMULATED_ATOMIC(name, int, result) FOR_UNSIGNED(name, result)
#define FOR_ORDERED(name, result) FOR_BITS(name, result) EMULATED_ATOMIC(name, long long, result)
FOR_BITS(atomicAdd, old + v) EMULATED_ATOMIC(atomicAdd, float, old + v) EMULATED_ATOMIC(atomicAdd, double, old + v)
EMULATED_ATOMIC(atomicSub, int, old - v) EMULATED_ATOMIC(atomicSub, unsigned, old - v)
FOR_BITS(atomicExch, (void(old), v)) EMULATED_ATOMIC(atomicExch, float, (void(old), v))
FOR_ORDERED(atomicMax, old > v ? old : v)
FOR_ORDERED(atomicMin, old < v ? old : v)
FOR_BITS(atomicAnd, old & v)
FOR_BITS(atomicOr, old | v)
FOR_BITS(atomicXor, old ^ v)
EMULATED_ATOMIC(atomicInc, unsigned, old >= v ? 0 : old + 1)
EMULATED_ATOMIC(atomicDec, unsigned, old == 0 || old > v ? v : old - 1)
#undef FOR_ORDERED
#undef FOR_BITS
#undef FOR_UNSIGNED
#undef EMULATED_ATOMIC

#define EMULATED_CAS(T) \
    inline __attribute__((always_inline)) T atomicCAS(T *p, T expected, T v) { \
        return emulated_atomic(p, [=](T old) -> T { return old == expected ? v : old; }); }
EMULATED_CAS(int) EMULATED_CAS(unsigned) EMULATED_CAS(unsigned long long) EMULATED_CAS(unsigned short)
#undef EMULATED_CAS
