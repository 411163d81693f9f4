// The words that CUDA adds to C++: kinds of functions and of memory, where a thread is, small vectors.
#pragma once
#include <cstdint>

#define __global__
#define __device__
#define __host__
#define __constant__
// A block runs on one core from its begin to its end, so memory that each core has once is memory that each block has once.
#define __shared__ thread_local
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__                  // nothing, for headers of the system write __attribute__((__noinline__))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

struct uint3 { unsigned x, y, z; };
struct dim3 { unsigned x = 1, y = 1, z = 1; };
constexpr int warpSize = 32;

// Where a line of the kernel stands: barriers and warp functions are told, for the texts of errors.
struct Place { const char *file; int line; };
#define EMULATOR_HERE (Place{__FILE__, __LINE__})

// Where the running thread is.
#ifdef CUDA_EMULATOR_CHECK
// Of functions, so that the checker sees the kernel's own accesses and not these.
namespace emulator {
struct Position { uint3 thread, block; dim3 size, grid; };
inline thread_local Position position;
inline UNSEEN uint3 get_thread_index() { return position.thread; }
inline UNSEEN uint3 get_block_index() { return position.block; }
inline UNSEEN dim3 get_block_size() { return position.size; }
inline UNSEEN dim3 get_grid_size() { return position.grid; }
inline UNSEEN void set_thread_index(uint3 i) { position.thread = i; }
inline UNSEEN void set_block_index(uint3 i) { position.block = i; }
inline UNSEEN void set_sizes(dim3 grid, dim3 block) { position.grid = grid, position.size = block; }
}
#define threadIdx (emulator::get_thread_index())
#define blockIdx (emulator::get_block_index())
#define blockDim (emulator::get_block_size())
#define gridDim (emulator::get_grid_size())
#else
// Static: the compiler then knows that no pointer leads here, and keeps them in registers.
static thread_local uint3 threadIdx, blockIdx;
static thread_local dim3 blockDim, gridDim;
namespace emulator {
static inline uint3 get_block_index() { return blockIdx; }
static inline void set_thread_index(uint3 i) { threadIdx = i; }
static inline void set_block_index(uint3 i) { blockIdx = i; }
static inline void set_sizes(dim3 grid, dim3 block) { gridDim = grid, blockDim = block; }
}
#endif
// The loop over elements of common.cuh.  Thread after thread, each in steps of the whole grid, is no way to walk through memory here: no
// two of a processor's vectors would lie side by side.  Where it does not matter who does what, a block does its share at a stretch.
namespace emulator {
static thread_local bool sweeping;                            // this call does all elements of the block
}
#ifdef CUDA_EMULATOR_CHECK
#define EMULATED_FOR_EACH(i, n) for (unsigned i = blockIdx.x * blockDim.x + threadIdx.x; i < unsigned(n); i += gridDim.x * blockDim.x)
#else
namespace emulator {
static inline unsigned first_element(unsigned n) {
    return sweeping ? unsigned(uint64_t(n) * blockIdx.x / gridDim.x) : blockIdx.x * blockDim.x + threadIdx.x;
}
static inline unsigned last_element(unsigned n) { return sweeping ? unsigned(uint64_t(n) * (blockIdx.x + 1) / gridDim.x) : n; }
static inline unsigned step_of_elements() { return sweeping ? 1 : gridDim.x * blockDim.x; }
}
#define EMULATED_FOR_EACH(i, n) \
    for (unsigned i = emulator::first_element(n), i##_end = emulator::last_element(n), \
         i##_step = emulator::step_of_elements(); i < i##_end; i += i##_step)
#endif

#define EMULATED_VECTORS(T, name, aligned2, aligned4) \
    struct alignas(aligned2) name##2 { T x, y; }; \
    struct name##3 { T x, y, z; }; \
    struct alignas(aligned4) name##4 { T x, y, z, w; }; \
    inline name##2 make_##name##2(T x, T y) { return {x, y}; } \
    inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; } \
    inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
EMULATED_VECTORS(float, float, 8, 16)
EMULATED_VECTORS(double, double, 16, 16)
EMULATED_VECTORS(int, int, 8, 16)
struct alignas(8) uint2 { unsigned x, y; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(4) uchar4 { unsigned char x, y, z, w; };
struct alignas(16) longlong2 { long long x, y; };
inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline uchar4 make_uchar4(unsigned char x, unsigned char y, unsigned char z, unsigned char w) { return {x, y, z, w}; }
inline longlong2 make_longlong2(long long x, long long y) { return {x, y}; }
#undef EMULATED_VECTORS
