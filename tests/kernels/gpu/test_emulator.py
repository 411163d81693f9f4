"""CUDA C on the CPU: what its words mean, in every order of threads and on several cores."""
import ctypes

import numpy as np
import pytest
from scipy import special

from minitf.kernels.gpu.emulator.module import DEVICE_BIT
from minitf.kernels.gpu.emulator.scan import Scan
from minitf.kernels.gpu.emulator.source_module import CompileError, LaunchError, SourceModule

i32, u32, f32 = np.int32, np.uint32, np.float32
ORDERS = [0, 1, 2, 3]

SOURCE = r"""
#include "common.cuh"
struct Steps { int first; double by; };

extern "C" __global__ void where(int *out) {
    int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    out[block * blockDim.x * blockDim.y * blockDim.z + thread] = block * 1000 + thread;
}
extern "C" __global__ void where_fibers(int *out) {
    int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
    int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
    __syncthreads();
    out[block * blockDim.x * blockDim.y * blockDim.z + thread] = block * 1000 + thread;
}
extern "C" __global__ void reversed(const int *x, int *y) {           // of each block, through dynamic shared memory
    extern __shared__ int kept[];
    kept[threadIdx.x] = x[blockIdx.x * blockDim.x + threadIdx.x];
    __syncthreads();
    y[blockIdx.x * blockDim.x + threadIdx.x] = kept[blockDim.x - 1 - threadIdx.x];
}
extern "C" __global__ void block_sums(const float *x, float *y, int n) {
    float sum = 0;
    FOR_EACH(i, n) sum += x[i];
    for (int again = 0; again < 2; again++) {
        float total = over_block<Add>(sum);
        if (threadIdx.x == 0) y[blockIdx.x] = total;
    }
}
extern "C" __global__ void votes(int *out) {
    int t = threadIdx.x;
    int n = __syncthreads_count(t % 3 == 0), some = __syncthreads_or(t == 5), none = __syncthreads_or(t == 99),
        all = __syncthreads_and(t < 50), not_all = __syncthreads_and(t != 7);
    if (t == 0) out[0] = n, out[1] = some, out[2] = none, out[3] = all, out[4] = not_all;
}
extern "C" __global__ void shuffles(const int *x, int *out, unsigned *bits) {
    int t = threadIdx.x, v = x[t];
    out[t] = __shfl_sync(EVERY_LANE, v, 5);
    out[64 + t] = __shfl_down_sync(EVERY_LANE, v, 3);
    out[128 + t] = __shfl_up_sync(EVERY_LANE, v, 3);
    out[192 + t] = __shfl_xor_sync(EVERY_LANE, v, 9);
    out[256 + t] = __shfl_sync(EVERY_LANE, v, 5, 8);
    out[320 + t] = __shfl_down_sync(EVERY_LANE, v, 3, 8);
    out[384 + t] = __shfl_up_sync(EVERY_LANE, v, 3, 8);
    out[448 + t] = __shfl_xor_sync(EVERY_LANE, v, 1, 8);
    out[512 + t] = (int)__shfl_xor_sync(EVERY_LANE, 1.5 * v, 1);
    bits[t] = __ballot_sync(EVERY_LANE, v % 2);
    bits[64 + t] = __any_sync(EVERY_LANE, v == 40) * 2 + __all_sync(EVERY_LANE, v < 40);
}
extern "C" __global__ void atomics(int *i, unsigned *u, unsigned long long *q, float *f, double *d, long long *s) {
    atomicAdd(&i[0], 2); atomicSub(&i[1], 2); atomicMax(&i[2], int(threadIdx.x)); atomicMin(&i[3], -int(threadIdx.x));
    atomicAnd(&i[4], ~(1 << threadIdx.x % 4)); atomicOr(&i[5], 1 << threadIdx.x % 8); atomicXor(&i[6], 1 << threadIdx.x % 2);
    atomicAdd(&u[0], 3u); atomicInc(&u[1], 4u); atomicDec(&u[2], 4u); atomicMax(&u[3], 0x80000000u + threadIdx.x);
    atomicAdd(&q[0], 1ull << 40); atomicAdd(f, 0.5f); atomicAdd(d, 0.25); atomicMin(&s[0], -1ll << 40);
    if (atomicExch(&i[7], 1) == 0) i[8] += 1;
    for (int old = i[9], seen; (seen = atomicCAS(&i[9], old, old + 1)) != old; old = seen) {}
}
extern "C" __global__ void many_adds(unsigned *counter, float *sum) { atomicAdd(counter, 1u); atomicAdd(sum, 1.0f); }
extern "C" __global__ void vectors(const float4 *x, float4 *y, int2 *z) {
    float4 v = x[threadIdx.x];
    y[threadIdx.x] = make_float4(v.w, v.z, v.y, v.x);
    z[threadIdx.x] = make_int2(sizeof(float4), alignof(int4));
}
extern "C" __global__ void of_floats(const float *x, float *y, int n) {
    int i = threadIdx.x;
    float v = x[i];
    float r[] = {rsqrtf(v), rsqrt(v), __fdividef(v, 3), erff(v), lgammaf(v), fmaf(v, v, 1), __ldg(x + i), __expf(v), __logf(v),
                 fmaxf(v, NAN), fminf(NAN, v), max(v, NAN), min(NAN, v), fmax(v, 2.0f), __int_as_float(__float_as_int(v)),
                 __saturatef(v), normcdff(v), exp(v), tanhf(v), log1pf(v)};
    for (int k = 0; k < 20; k++) y[k * n + i] = r[k];
}
extern "C" __global__ void of_doubles(const double *x, double *y, int n) {
    int i = threadIdx.x;
    double v = x[i];
    double r[] = {rsqrt(v), erf(v), lgamma(v), fma(v, v, 1), fmax(v, double(NAN)), max(v, 1.0f),
                  __longlong_as_double(__double_as_longlong(v)), expm1(v)};
    for (int k = 0; k < 8; k++) y[k * n + i] = r[k];
}
extern "C" __global__ void of_integers(long long *y) {
    long long r[] = {__umulhi(0xffffffffu, 0xffffffffu), __mulhi(-5, 1 << 30), __mul64hi(-5ll, 1ll << 62),
                     (long long)__umul64hi(~0ull, ~0ull), __popc(0xf0f0u), __clz(1), __clz(0), __ffs(8), __popcll(~0ull), __brev(1u),
                     __float2int_rz(3.9f), __float2int_rn(2.5f), __float2int_rz(1e20f),
                     __float2int_rz(NAN), __mul24(-3, 7), max(1u, 2), min(-1, 1), __float2int_rd(-1.5f)};
    for (int k = 0; k < 18; k++) y[k] = r[k];
}
extern "C" __global__ void arguments(bool yes, signed char b, unsigned char B, short h, unsigned short H, long long q,
                                     unsigned long long Q, double d, Steps s, const void *nothing, double *out) {
    double r[] = {double(yes), double(b), double(B), double(h), double(H), double(q), double(Q), d, double(s.first), s.by,
                  double(nothing == nullptr)};
    for (int k = 0; k < 11; k++) out[k] = r[k];
}
__constant__ float table[4] = {1, 2, 4, 8};
extern "C" __global__ void by_table(float *x) { x[threadIdx.x] *= table[threadIdx.x % 4]; }
extern "C" __global__ void __launch_bounds__(64) squares(const float *x, float *y, int n) {
    const int m = n;
    FOR_EACH(i, m) y[i] = x[i] * x[i];
}
extern "C" __global__ void squares_plainly(const float *x, float *y, int n) {
    FOR_EACH(i, n) if (threadIdx.x < 1000) y[i] = x[i] * x[i];
}
extern "C" __global__ void visits(int *x, int n) { FOR_EACH(i, n) atomicAdd(x + i, 1); }
extern "C" __global__ void in_turn(int *x) { x[0] = x[0] * 3u + threadIdx.x; }                  // a race, on purpose
"""


@pytest.fixture(scope="module")
def module():
    return SourceModule(SOURCE)


@pytest.fixture
def get(module):
    return module.get_function


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", ["where", "where_fibers"])
def test_where_a_thread_is(get, name, order):
    out = np.zeros(2 * 3 * 2 * 60, i32)
    get(name)(out, grid=(2, 3, 2), block=(5, 4, 3), order=order)
    np.testing.assert_array_equal(out.reshape(12, 60), np.arange(12)[:, None] * 1000 + np.arange(60))


@pytest.mark.parametrize("order", ORDERS)
def test_a_barrier_stands_between_writing_and_reading(get, order):
    x = np.arange(5 * 48, dtype=i32)
    y = np.zeros_like(x)
    get("reversed")(x, y, grid=5, block=48, shared=48 * 4, order=order)
    np.testing.assert_array_equal(y.reshape(5, 48), x.reshape(5, 48)[:, ::-1])


@pytest.mark.parametrize("order", ORDERS)
def test_sums_over_blocks_are_the_same_bits_in_every_order(get, order):
    x = np.random.default_rng(0).standard_normal(5000).astype(f32)
    y, first = np.zeros(3, f32), np.zeros(3, f32)
    get("block_sums")(x, y, i32(x.size), grid=3, block=96, order=order)
    get("block_sums")(x, first, i32(x.size), grid=3, block=96)
    np.testing.assert_array_equal(y, first)
    assert y.sum() == pytest.approx(x.sum(dtype="d"), rel=1e-4)


@pytest.mark.parametrize("order", ORDERS)
def test_barriers_that_count(get, order):
    out = np.full(5, -1, i32)
    get("votes")(out, block=40, order=order)
    assert out.tolist() == [14, 1, 0, 1, 0]


@pytest.mark.parametrize("order", ORDERS)
def test_shuffles_and_votes_of_a_warp(get, order):
    x = np.arange(64, dtype=i32) * 3 % 41
    out, bits = np.zeros((9, 64), i32), np.zeros((2, 64), u32)
    get("shuffles")(x, out, bits, block=64, order=order)
    t = np.arange(64)
    warp, lane, group, place = t // 32 * 32, t % 32, t // 8 * 8, t % 8
    expected = [warp + 5, np.where(lane + 3 < 32, t + 3, t), np.where(lane >= 3, t - 3, t), t ^ 9,
                group + 5, np.where(place + 3 < 8, t + 3, t), np.where(place >= 3, t - 3, t), t ^ 1]
    np.testing.assert_array_equal(out[:8], x[np.array(expected)])
    np.testing.assert_array_equal(out[8], (1.5 * x[t ^ 1]).astype(i32))
    odd = x.reshape(2, 32) % 2
    np.testing.assert_array_equal(bits[0].reshape(2, 32), (odd << np.arange(32)).sum(1)[:, None] + np.zeros(32, int))
    by_warp = x.reshape(2, 32)
    np.testing.assert_array_equal(bits[1].reshape(2, 32), np.repeat((by_warp == 40).any(1) * 2 + (by_warp < 40).all(1), 32).reshape(2, 32))


def test_atomic_functions(get):
    i = np.array([0, 0, -5, 5, 15, 0, 0, 0, 0, 0], i32)
    u, q, f, d, s = np.zeros(4, u32), np.zeros(1, np.uint64), np.zeros(1, f32), np.zeros(1), np.zeros(1, np.int64)
    get("atomics")(i, u, q, f, d, s, block=50)
    assert i.tolist() == [100, -100, 49, -49, 0, 255, 3 * (25 % 2), 1, 1, 50]
    assert u.tolist() == [150, 0, 0, 0x80000000 + 49] and q[0] == 50 << 40 and f[0] == 25 and d[0] == 12.5 and s[0] == -1 << 40


def test_vectors(get):
    x = np.arange(32, dtype=f32).reshape(8, 4)
    y, z = np.zeros_like(x), np.zeros((8, 2), i32)
    get("vectors")(x, y, z, block=8)
    np.testing.assert_array_equal(y, x[:, ::-1])
    assert z[0].tolist() == [16, 16]


def test_functions_of_floats(get):
    x = np.array([0.3, 1.7, 2.5, 11], f32)
    y = np.zeros((20, 4), f32)
    get("of_floats")(x, y, i32(4), block=4)
    d = x.astype("d")
    expected = [d**-0.5, d**-0.5, d / 3, special.erf(d), special.gammaln(d), d * d + 1, d, np.exp(d), np.log(d), d, d, d, d, np.maximum(d, 2), d,
                np.clip(d, 0, 1), special.ndtr(d), np.exp(d), np.tanh(d), np.log1p(d)]
    np.testing.assert_allclose(y, expected, rtol=3e-6, atol=1e-6)


def test_functions_of_doubles(get):
    x = np.array([0.3, 1.7, 2.5, 11])
    y = np.zeros((8, 4))
    get("of_doubles")(x, y, i32(4), block=4)
    np.testing.assert_allclose(y, [x**-0.5, special.erf(x), special.gammaln(x), x * x + 1, x, np.maximum(x, 1), x, np.expm1(x)], rtol=1e-13)


def test_functions_of_integers(get):
    y = np.zeros(18, np.int64)
    get("of_integers")(y, block=1)
    assert y.tolist() == [2**32 - 2, -2, -2, -2, 8, 31, 32, 4, 64, 2**31, 3, 2, 2**31 - 1, 0, -21, 2, -1, -2]


def test_arguments_of_every_type(module):
    class Steps(ctypes.Structure):
        _fields_ = [("first", ctypes.c_int), ("by", ctypes.c_double)]
    assert module.library.kernels["arguments"] == ("?", "b", "B", "h", "H", "q", "Q", "d", "S16", "P", "P")
    assert module.library.pointees("arguments")[-2:] == ("v", "d")
    out = np.zeros(11)
    given = [np.bool_(True), np.int8(-3), np.uint8(200), np.int16(-300), np.uint16(60000), np.int64(-2**40), np.uint64(2**50), np.float64(0.1), Steps(7, 2.5)]
    module.get_function("arguments")(*given, None, out, block=1)
    assert out.tolist() == [1, -3, 200, -300, 60000, -2**40, 2**50, 0.1, 7, 2.5, 1]


def test_constant_memory(get):
    x = np.ones(6, f32)
    get("by_table")(x, block=6)
    assert x.tolist() == [1, 2, 4, 8, 1, 2]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("grid", [1, 3, 40, (3, 2)])
def test_a_kernel_that_is_one_loop_gives_what_its_threads_would(get, grid, order):
    x = np.random.default_rng(0).standard_normal(1001).astype(f32)
    y, z = np.zeros_like(x), np.zeros_like(x)
    get("squares")(x, y, i32(x.size), grid=grid, block=64, order=order)
    get("squares_plainly")(x, z, i32(x.size), grid=grid, block=64, order=order)
    np.testing.assert_array_equal(y, x * x)
    np.testing.assert_array_equal(z, x * x)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("grid, block, times", [(3, 32, 1), ((3, 2), 32, 2), (3, (32, 2), 2), ((2, 3), (16, 1, 4), 12)])
def test_how_often_an_element_is_visited(get, grid, block, times, order):
    x = np.zeros(500, i32)
    get("visits")(x, i32(x.size), grid=grid, block=block, order=order)
    assert (x == times).all()


def test_orders_differ():
    run = SourceModule(SOURCE).get_function("in_turn")
    seen = set()
    for order in range(6):
        x = np.zeros(1, i32)
        run(x, block=20, order=order)
        seen.add(int(x[0]))
    assert len(seen) > 3


def launch(module, name, threads, grid, block, held):
    entry = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_void_p)(module.library.entry(name))
    params, geometry = (ctypes.c_void_p * len(held))(*map(ctypes.addressof, held)), (ctypes.c_uint * 7)(grid, 1, 1, block, 1, 1, 0)
    return entry(ctypes.addressof(geometry), 0, threads, ctypes.addressof(params))


def on_device(array):
    return ctypes.c_uint64(array.ctypes.data | DEVICE_BIT)


def test_blocks_on_several_cores(module):
    x = np.random.default_rng(0).standard_normal(300_000).astype(f32)
    several, one = np.zeros(600, f32), np.zeros(600, f32)
    assert launch(module, "block_sums", 3, 600, 128, [on_device(x), on_device(several), ctypes.c_int(x.size)]) is None
    assert launch(module, "block_sums", 1, 600, 128, [on_device(x), on_device(one), ctypes.c_int(x.size)]) is None
    np.testing.assert_array_equal(several, one)
    counter, total = np.zeros(1, u32), np.zeros(1, f32)
    assert launch(module, "many_adds", 3, 600, 128, [on_device(counter), on_device(total)]) is None
    assert counter[0] == total[0] == 600 * 128


@pytest.mark.parametrize("geometry, text", [
    (dict(grid=0, block=1), "CUDA_ERROR_INVALID_VALUE: where was launched with a grid of 0 x 1 x 1 blocks: each must be at least 1"),
    (dict(grid=(1, 65536), block=1), "with a grid of 1 x 65536 x 1 blocks: the most are 2147483647 x 65535 x 65535"),
    (dict(block=0), "with blocks of 0 x 1 x 1 threads: a block has 1 to 1024 threads"),
    (dict(block=(32, 33)), "with blocks of 32 x 33 x 1 threads: a block has 1 to 1024 threads"),
    (dict(block=(1, 1, 65)), "at most 64 along z"),
    (dict(block=1, shared=48 * 1024 + 4), "with 49156 bytes of dynamic shared memory: a block has at most 49152"),
])
def test_launches_that_a_gpu_refuses(get, geometry, text):
    with pytest.raises(LaunchError, match=text):
        get("where")(np.zeros(4, i32), **geometry)


def test_an_address_of_the_host_is_refused(module):
    x = np.zeros(4, f32)
    assert launch(module, "by_table", 1, 1, 4, [ctypes.c_uint64(x.ctypes.data)]) == b"argument 1 of by_table is the address of memory of the host"
    assert launch(module, "by_table", 1, 1, 4, [on_device(x)]) is None


def test_a_kernel_that_does_not_exist(module):
    with pytest.raises(KeyError, match="kernel.cu has no kernel 'nowhere'; it has where,"):
        module.get_function("nowhere")


DIVERGENT = r"""
__global__ void different(int *x) {
    if (threadIdx.x < 32)
        __syncthreads();
    else
        __syncthreads();
}
__global__ void one_waits(int *x) {
    if (threadIdx.x % 2) __shfl_down_sync(~0u, 1, 1);
    else
        __syncthreads();
}
__global__ void in_a_warp(int *x) {
    if (threadIdx.x == 3) x[0] = __shfl_sync(~0u, 1, 0);
    else
        x[1] = __any_sync(~0u, 1);
}
__global__ void uneven_loops(int *x) {
    for (int i = 0; i <= threadIdx.x / 32; i++)
        __syncthreads();
    __shfl_sync(~0u, 1, 0);
}
"""


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name, text", [
    ("different", r"threads of a block wait at different barriers: block \(0, 0, 0\): thread \(\d+, 0, 0\) waits at kernel.cu:[46], thread .* at kernel.cu:[46]"),
    ("one_waits", r"deadlock: block .*: thread .* waits at kernel.cu:(9|11).* thread .* at kernel.cu:(9|11)"),
    ("in_a_warp", r"threads of a warp wait at different places: .* waits at kernel.cu:1[46], .* at kernel.cu:1[46]"),
])
def test_barriers_that_threads_do_not_share_are_told_and_do_not_hang(name, text, order):
    with pytest.raises(LaunchError, match=text + ".*Every thread of a block must come to the same barriers"):
        SourceModule(DIVERGENT).get_function(name)(np.zeros(2, i32), block=64, order=order)


def test_a_failed_launch_leaves_the_next_one_alone():
    module = SourceModule(DIVERGENT)
    for _ in range(2):
        with pytest.raises(LaunchError):
            module.get_function("different")(np.zeros(2, i32), block=64)
        module.get_function("different")(np.zeros(2, i32), block=32)


@pytest.mark.parametrize("text, error", [
    ("__global__ void f(int *x) { x[0] = max(1, 2.0f); }\n", "ambiguous"),          # as nvcc says: no such function in CUDA
    ("__global__ void f(long long *x) { atomicAdd(x, 1ll); }\n", "atomicAdd"),      # CUDA has none of long long
    ("__global__ void f(int *x) {\n  x[0] = y;\n}\n", "kernel.cu:2:10: error: .y. was not declared"),
])
def test_what_nvcc_does_not_compile(text, error):
    with pytest.raises(CompileError, match=error):
        SourceModule(text)


@pytest.mark.parametrize("text, how", [
    ("__global__ void k(int *x) { x[0] = 1; }", "plain"),
    ("__global__ void k(int *x) { /* __syncthreads() */ x[0] = 1; }", "plain"),
    ('__global__ void k(int *x) { x[0] = "__syncthreads()"[0]; }', "plain"),
    ("__device__ void f() { __syncwarp(); } __device__ void g() { f(); } __global__ void k(int *x) { g(); }", "waiting"),
    ("template <class T> __device__ T f(T a) { return __shfl_sync(1, a, 0); } extern \"C\" __global__ void __launch_bounds__(32) k(int *x) { f<int>(1); }", "waiting"),
    ("__device__ int f(int) { return 1; } __device__ int f(float) { __syncthreads(); return 1; } __global__ void k(int *x) { f(1); }", "waiting"),
    ("__global__ void k(int *x, int n) { EMULATED_FOR_EACH(i, n) x[i] = 1; }", "sweeping"),
    ("__device__ void b(int *x, int n) { const int m = n / 2; EMULATED_FOR_EACH(i, m) { x[i] = 1; } } __global__ void k(int *x, int n) { b(x, n); }", "sweeping"),
    ("__global__ void k(int *x, int n) { EMULATED_FOR_EACH(i, n) if (x[i]) x[i] = 1; }", "sweeping"),
    ("__global__ void k(int *x, int n) { int s = 0; EMULATED_FOR_EACH(i, n) s += x[i]; x[0] = s; }", "plain"),
    ("__global__ void k(int *x, int n) { int s = 0; EMULATED_FOR_EACH(i, n) { s += x[i]; x[i] = s; } }", "plain"),
    ("__global__ void k(int *x, int n) { EMULATED_FOR_EACH(i, n) x[i] = threadIdx.x; }", "plain"),
    ("__global__ void k(int *x, int n) { EMULATED_FOR_EACH(i, n) { if (x[i]) return; x[i] = 1; } }", "plain"),
    ("__global__ void k(int *x, int n) { EMULATED_FOR_EACH(i, n) x[i] = 1; x[0] = 2; }", "plain"),
    ("__device__ int t() { return threadIdx.x; } __global__ void k(int *x, int n) { EMULATED_FOR_EACH(i, n) x[i] = t(); }", "plain"),
])
def test_how_a_kernel_is_run(text, how):
    assert Scan(text).kernels == {"k": how}


def test_what_is_scanned_of_a_file():
    scan = Scan('# 1 "/usr/include/x.h" 1 3\n__global__ void theirs() {}\n# 1 "own.cu" 2\nextern __shared__ __align__(16) unsigned char buf[];\n'
                "__global__ void declared(int);\n__global__ void k(int n) {}\n")
    assert scan.kernels == {"k": "plain"} and scan.dynamic == [("unsigned char", "buf")]
