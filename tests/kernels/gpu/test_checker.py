"""The checker: what it tells, where, and that it is silent about kernels that are right."""
import re

import numpy as np
import pytest

from minitf.kernels.gpu.emulator.source_module import LaunchError, SourceModule, count_table

i32, f32 = np.int32, np.float32

SOURCE = r"""
#include "common.cuh"
__global__ void neighbours(const float *x, float *y) {
    __shared__ float kept[64];
    kept[threadIdx.x] = x[threadIdx.x];                               // neighbours writes
    y[threadIdx.x] = kept[(threadIdx.x + 1) % 64];                    // neighbours reads
}
__global__ void again(const float *x, float *y) {
    __shared__ float kept[64];
    for (int k = 0; k < 2; k++) {
        kept[threadIdx.x] = x[threadIdx.x];                           // again writes
        __syncthreads();
        y[threadIdx.x] += kept[63 - threadIdx.x];                     // again reads
    }
}
__global__ void warp_without_sync(const float *x, float *y) {         // in step on some GPUs, not on those of today
    __shared__ float kept[32];
    kept[threadIdx.x] = x[threadIdx.x];                               // warp writes
    y[threadIdx.x] = kept[31 - threadIdx.x];                          // warp reads
}
__global__ void warp_with_sync(const float *x, float *y) {
    __shared__ float kept[64];
    kept[threadIdx.x] = x[threadIdx.x];                               // sync writes
    __syncwarp();
    y[threadIdx.x] = kept[threadIdx.x ^ 31];
    if (blockDim.x > 64) y[threadIdx.x] = kept[threadIdx.x ^ 32];
}
__global__ void across_warps(const float *x, float *y) {
    __shared__ float kept[64];
    kept[threadIdx.x] = x[threadIdx.x];                               // across writes
    __syncwarp();
    y[threadIdx.x] = kept[threadIdx.x ^ 32];                          // across reads
}
__global__ void read_by_all(const float *x, float *y) {
    __shared__ float kept;
    if (threadIdx.x == 0) kept = x[0];
    __syncthreads();
    y[threadIdx.x] = kept;                                            // all read
    __syncwarp();
    if (threadIdx.x == 5) kept = 1;                                   // one writes
}
__global__ void shuffled(const float *x, float *y) {                  // a shuffle promises nothing of memory
    __shared__ float kept[32];
    kept[threadIdx.x] = x[threadIdx.x];                               // shuffled writes
    float v = __shfl_xor_sync(EVERY_LANE, x[threadIdx.x], 1);
    y[threadIdx.x] = v + kept[31 - threadIdx.x];                      // shuffled reads
}
__global__ void sum_without_atomics(const float *x, float *y) { y[0] += x[threadIdx.x]; }             // without atomics
__global__ void sum_of_blocks(const float *x, float *y) {
    if (threadIdx.x == 0) y[0] += x[blockIdx.x];                      // of blocks
}
__global__ void read_then_written(float *y, float *z) {
    z[blockIdx.x * blockDim.x + threadIdx.x] = y[0];                  // blocks read
    __syncthreads();
    if (blockIdx.x == 1 && threadIdx.x == 3) y[0] = 1;                // one block writes
}
__global__ void only_the_first(float *y) {
    __shared__ float kept[32];
    if (blockIdx.x == 0) kept[threadIdx.x] = 1;
    y[blockIdx.x * 32 + threadIdx.x] = kept[threadIdx.x];             // only the first
}
__global__ void half_atomic(float *y) {
    if (threadIdx.x) atomicAdd(y, 1.0f);                              // half adds
    else *y = 0;                                                      // half writes
}
__global__ void all_atomic(float *y) { atomicAdd(y, 1.0f); }
__global__ void bytes(unsigned char *y) { y[threadIdx.x] = threadIdx.x; }                             // neighbours in one word do not race
__global__ void same_byte(unsigned char *y) { y[threadIdx.x / 2] = threadIdx.x; }                     // same byte
__global__ void too_far(const float *x, float *y) { y[threadIdx.x] = x[threadIdx.x]; }                // too far
__global__ void before(const float *x, float *y) { y[threadIdx.x] = x[int(threadIdx.x) - 1]; }        // before the begin
__global__ void null(const float *x, float *y) { y[threadIdx.x] = x[threadIdx.x]; }                   // null pointer
__global__ void over_the_end(float4 *y) { y[threadIdx.x] = make_float4(1, 2, 3, 4); }                 // over the end
__global__ void dynamic(float *y) {
    extern __shared__ float buffer[];
    buffer[threadIdx.x] = 1;                                          // dynamic
    y[threadIdx.x] = buffer[threadIdx.x];
}
__global__ void by_index(float *y) {
    __shared__ float tile[4][8];
    tile[threadIdx.x / 8][threadIdx.x % 9] = 1;                       // by index
    y[0] = 1;
}
__global__ void by_pointer(float *y) {
    __shared__ float small[16];
    float *p = small;
    for (int i = 0; i <= int(threadIdx.x); i++) p[threadIdx.x] = 1;   // by pointer
    y[threadIdx.x] = small[0];
}
__global__ void unwritten(const float *x, float *y, int n) {
    __shared__ float kept[64];
    if (threadIdx.x < n) kept[threadIdx.x] = x[threadIdx.x];
    __syncthreads();
    y[threadIdx.x] = kept[threadIdx.x];                               // unwritten
}
__global__ void early(const float *x, float *y, int n) {
    if (threadIdx.x >= n) return;
    y[threadIdx.x] = x[threadIdx.x];
    __syncthreads();                                                  // early
}
__global__ void through_a_call(const float *x, float *y) {
    __shared__ float tile[32];
    if (threadIdx.x < 32) tile[threadIdx.x] = x[threadIdx.x];
    float sum = over_block<Add>(x[threadIdx.x]);
    y[threadIdx.x] = sum + tile[threadIdx.x % 32];
}
__device__ float twice(const float *p) { return 2 * *p; }             // inside twice
__global__ void inlined(const float *x, float *y) { y[threadIdx.x] = twice(x + threadIdx.x + 1); }    // calls twice
__constant__ float table[32] = {1, 2, 3};
__global__ void constants(float *y) { y[threadIdx.x] = table[threadIdx.x]; }
__global__ void rows_and_columns(const float *x, float *y, int n) {
    __shared__ float tile[32][32];
    for (int k = 0; k < 32; k++) tile[k][threadIdx.x] = x[k * n + threadIdx.x];                       // along rows
    __syncthreads();
    for (int k = 0; k < 32; k++) y[threadIdx.x * n + k] = tile[threadIdx.x][k];                       // along columns
}
__global__ void wide(const float4 *x, float4 *y) {
    __shared__ float4 kept[32];
    kept[threadIdx.x] = x[threadIdx.x];                               // wide in
    __syncwarp();
    y[threadIdx.x] = kept[threadIdx.x ^ 1];                           // wide out
}
"""
X = np.arange(64, dtype=f32)


def line(mark):
    return next(k for k, text in enumerate(SOURCE.split("\n"), 1) if text.endswith(f"// {mark}"))


@pytest.fixture(scope="module")
def module():
    return SourceModule(SOURCE, check=True)


@pytest.fixture
def told(module):
    """A function that launches and returns what the checker tells, "" if nothing."""
    def run(name, *args, **geometry):
        try:
            module.get_function(name)(*args, **geometry)
        except LaunchError as e:
            return str(e)
        return ""
    return run


def at(mark):
    return rf"kernel\.cu:{line(mark)}: thread \(\d+, 0, 0\) of block \(\d+, 0, 0\)"


@pytest.mark.parametrize("order", range(4))
@pytest.mark.parametrize("name, threads", [("neighbours", 64), ("again", 64), ("warp", 32), ("across", 64), ("shuffled", 32)])
def test_races_on_shared_memory_in_every_order_of_threads(told, name, threads, order):
    text = told({"warp": "warp_without_sync", "across": "across_warps"}.get(name, name), X, np.zeros(64, f32), block=threads, order=order)
    assert re.search("race on shared memory", text)
    race = text[text.index("race on"):]
    assert re.search(at(f"{name} writes"), race) and re.search(at(f"{name} reads"), race)
    assert "of the shared array kept" in race and "Usually missing: a __syncthreads() between the two" in race


@pytest.mark.parametrize("order", range(6))
def test_a_warp_barrier_does_not_order_the_other_warps(told, order):
    text = told("read_by_all", X, np.zeros(64, f32), block=64, order=order)
    assert re.search(at("all read"), text) and re.search(at("one writes"), text)
    assert told("read_by_all", X, np.zeros(32, f32), block=32, order=order) == ""


def test_without_addr2line_there_are_addresses(told, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert re.search(r"kernel-\w+\.so at 0x\w+ \(with addr2line, of binutils, the line would stand here\): thread \(60, 0, 0\)",
                     told("too_far", X[:60].copy(), np.zeros(64, f32), block=64))


def test_a_warp_barrier_orders_its_warp(told):
    assert told("warp_with_sync", X, np.zeros(64, f32), block=64) == ""


def test_races_on_global_memory(told):
    text = told("sum_without_atomics", X, np.zeros(1, f32), block=64)
    assert re.search("race on global memory in sum_without_atomics:\n  " + at("without atomics") + r" writes element 0 \(of 4 bytes each\) of argument 2\n  "
                     + at("without atomics") + " (reads|writes) it, with no barrier between\n.*atomicAdd", text)
    text = told("sum_of_blocks", X, np.zeros(1, f32), block=64, grid=3)
    assert re.search(at("of blocks") + r".*of block \(1, 0, 0\) (reads|writes) it; no barrier orders the blocks of a launch\n.*atomicAdd", text, re.S)
    text = told("read_then_written", np.zeros(1, f32), np.zeros(128, f32), block=64, grid=2)
    assert re.search(at("blocks read") + r" reads .*\n.*" + at("one block writes") + r" writes it; no barrier orders the blocks", text)
    text = told("half_atomic", np.zeros(1, f32), block=64)
    assert re.search(at("half adds"), text) and re.search(at("half writes"), text) and "and not both are atomic" in text
    assert told("all_atomic", np.zeros(1, f32), block=64, grid=4) == ""


def test_bytes_of_one_word(told):
    y = np.zeros(64, np.uint8)
    assert told("bytes", y, block=64) == ""
    assert re.search(at("same byte") + r" writes element 0 \(of 1 byte each\)", told("same_byte", y, block=64))


@pytest.mark.parametrize("name, mark, text, geometry", [
    ("too_far", "too far", r"thread \(60, 0, 0\) of block \(0, 0, 0\) reads 4 bytes just behind the end of argument 1 \(240 bytes\)", dict(block=64)),
    ("before", "before the begin", r"thread \(0, 0, 0\) of block \(0, 0, 0\) reads 4 bytes 4 bytes before the begin of argument 1 \(240 bytes\)", dict(block=60)),
])
def test_outside_of_an_array(told, name, mark, text, geometry):
    found = told(name, X[:60].copy(), np.zeros(64, f32), **geometry)
    assert re.search(f"out of bounds in {name}:\n  kernel.cu:{line(mark)}: {text}\n  Usually missing: a test such as `if", found)


def test_outside_of_memory(told):
    assert re.search(at("null pointer") + " reads 4 bytes at a null pointer", told("null", None, np.zeros(4, f32), block=4))
    assert re.search(at("over the end") + r" writes 16 bytes over the end of argument 1 \(56 bytes\)",
                     told("over_the_end", np.zeros(14, f32), block=4))


def test_outside_of_shared_memory(told):
    assert told("dynamic", np.zeros(32, f32), block=32, shared=128) == ""
    assert re.search(at("dynamic") + r" writes 4 bytes just behind the end of the dynamic shared memory buffer \(the launch asked for 100 bytes\)",
                     told("dynamic", np.zeros(32, f32), block=32, shared=100))
    assert re.search(rf"index 8 is outside of an array of type 'float \[8\]' in by_index:\n  kernel.cu:{line('by index')}: thread \(8, 0, 0\)",
                     told("by_index", np.zeros(1, f32), block=32))
    assert re.search(at("by pointer") + r" writes 4 bytes just behind the end of the shared array small \(64 bytes\)",
                     told("by_pointer", np.zeros(32, f32), block=32))


def test_shared_memory_that_nobody_has_written(told):
    y = np.zeros(64, f32)
    assert told("unwritten", X, y, i32(64), block=64, grid=1) == ""
    text = told("unwritten", X, y, i32(60), block=64, grid=1)
    assert re.search("shared memory is read that no thread of the block has written, in unwritten:\n  " + at("unwritten") + r" reads element 6[0-3] \(", text)


def test_what_an_earlier_block_wrote_is_not_this_block_s(told):
    assert told("only_the_first", np.zeros(32, f32), block=32) == ""
    text = told("only_the_first", np.zeros(64, f32), block=32, grid=2)
    assert re.search("no thread of the block has written, in only_the_first:\n  " + at("only the first").replace(r"block \(\d+", r"block \(1"), text)


def test_threads_that_leave_before_a_barrier(told):
    assert told("early", X, np.zeros(64, f32), i32(64), block=64) == ""
    text = told("early", X, np.zeros(64, f32), i32(60), block=64)
    assert re.search(rf"threads of a block have returned while others wait, in early:\n  kernel.cu:{line('early')}: .*thread \(60, 0, 0\)", text)


def test_right_kernels_are_not_accused(told):
    assert told("through_a_call", X, np.zeros(64, f32), block=64) == ""
    assert told("constants", np.zeros(32, f32), block=32) == ""
    assert told("rows_and_columns", np.zeros((32, 32), f32), np.zeros((32, 32), f32), i32(32), block=32) == ""


def test_the_line_of_a_function_and_of_its_call(told):
    text = told("inlined", X, np.zeros(64, f32), block=64)
    assert f"kernel.cu:{line('inside twice')}" in text


def test_a_stopped_launch_is_not_finished_and_the_next_is_clean(told):
    y = np.zeros(64, f32)
    assert told("too_far", X[:60].copy(), y, block=64)
    assert y[59] == 59 and y[60] == 0
    assert told("too_far", X, y, block=64) == ""


def counts(module, name, *args, **geometry):
    return {(c.line, c.kind): c for c in module.get_function(name).count(*args, **geometry)}


def test_counts_of_sectors_and_banks(module):
    x = np.ones((32, 32), f32)
    y = np.zeros_like(x)
    found = counts(module, "rows_and_columns", x, y, i32(32), block=32)
    rows, columns = line("along rows"), line("along columns")
    assert found[rows, "global read"][3:7] == (1024, 32 * 4, 32 * 4, 32)          # side by side: 4 sectors for a warp
    assert found[rows, "shared write"][3:6] == (1024, 32, 32)                     # each thread a bank of its own
    assert found[columns, "global write"][3:6] == (1024, 1024, 32 * 4)            # each thread a sector of its own
    assert found[columns, "shared read"][3:6] == (1024, 1024, 32)                 # all threads one bank
    assert found[rows, "global read"].per_thread == 32 and found[columns, "global write"].efficiency == 0.125
    assert (y == 0).all()                                                         # the launch was made on copies


def test_counts_of_wide_accesses(module):
    x = np.ones((32, 4), f32)
    found = counts(module, "wide", x, np.zeros_like(x), block=32)
    assert found[line("wide in"), "global read"][3:6] == (32, 16, 16)
    assert found[line("wide in"), "shared write"][3:6] == (32, 4, 4) and found[line("wide out"), "shared read"][3:6] == (32, 4, 4)


def test_counts_of_atomics_and_the_table(module):
    found = module.get_function("all_atomic").count(np.zeros(1, f32), block=64, grid=2)
    assert [c[2:6] for c in found] == [("global atomic", 128, 4, 4)]
    table = count_table(found).splitlines()
    assert table[0].split()[:3] == ["line", "kind", "a"] and table[1].endswith("__global__ void all_atomic(float *y) { atomicAdd(y, 1.0f); }")


def test_counting_needs_no_module_of_the_checker():
    module = SourceModule("__global__ void f(int *x) {\n  x[threadIdx.x] = 1;\n}\n")
    count, = module.get_function("f").count(np.zeros(32, i32), block=32)
    assert count[:6] == ("kernel.cu", 2, "global write", 32, 4, 4) and count.source == "  x[threadIdx.x] = 1;"
