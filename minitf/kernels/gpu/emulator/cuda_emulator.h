// Runs CUDA C on the CPU: put before a .cu file, it makes C++ of it.
//
//     g++ -std=c++17 -O3 -fPIC -shared -include cuda_emulator.h -x c++ kernels.cu -o kernels.so
//
//   words.h       the words that CUDA adds to C++: kinds of functions and memory, threadIdx, float4
//   functions.h   functions of numbers, where nvcc has others than g++
//   atomics.h     atomicAdd and its kin
//   fibers.h      the threads of a block that wait for each other, and their barriers
//   warps.h       shuffles and votes within a warp
//   launching.h   a grid of blocks, spread over the processor's cores; how C calls a kernel
//
// module.py finds the kernels of a file, compiles them with this, and adds what can only be known then (which kernels there are, and which
// of them wait).  With CUDA_EMULATOR_CHECK the compiler also calls checker.cpp before each access to memory.
#pragma once
#define CUDA_EMULATOR 1

#ifdef CUDA_EMULATOR_CHECK
// The emulator's own functions: their accesses are not the kernel's.
#define UNSEEN __attribute__((no_sanitize("thread"), noinline))
#else
#define UNSEEN
#endif

#include "words.h"
#include "functions.h"
#include "atomics.h"
#include "fibers.h"
#include "warps.h"
#include "launching.h"
