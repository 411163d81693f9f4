"""Kernels in CUDA C: what thousands of threads do at the same time, what they read, and how they become ops of
the framework.

Made from the cells of chapters/07_gpu_kernels.py that are tagged `built`: change them there, then `make notebooks`.
"""
import functools

import numpy as np

from . import graph as graphs
from minitf.kernels.gpu.emulator.source_module import SourceModule


PRODUCT = """
__global__ void product(const float *a, const float *b, float *c, int n, int k) {
    __shared__ float of_a[16][16], of_b[16][16];
    int across = threadIdx.x, down = threadIdx.y;
    int row = blockIdx.y * 16 + down, column = blockIdx.x * 16 + across;
    float sum = 0;
    for (int p = 0; p < k; p += 16) {
        of_a[down][across] = a[row * k + p + across];
        of_b[down][across] = b[(p + down) * n + column];
        __syncthreads();
        for (int q = 0; q < 16; q++) sum += of_a[down][q] * of_b[q][across];
        __syncthreads();
    }
    c[row * n + column] = sum;
}
"""


@functools.cache
def product_kernel():
    return SourceModule(PRODUCT).get_function("product")


def product(a, b):
    """a [m, k] times b [k, n], in float32, on the GPU."""
    (m, k), n = np.shape(a), np.shape(b)[1]
    a, b = [np.ascontiguousarray(np.pad(x, [(0, -size % 16) for size in x.shape]), np.float32) for x in (a, b)]
    c = np.zeros((len(a), b.shape[1]), np.float32)
    product_kernel()(a, b, c, np.int32(b.shape[1]), np.int32(len(b)), block=(16, 16, 1), grid=(b.shape[1] // 16, len(a) // 16))
    return c[:m, :n]


GPU_KERNELS = {}


class GpuSession(graphs.Session):
    """The session as before, which computes an operation on the GPU where there is a kernel for it."""
    def compute(self, op, inputs):
        kernel = GPU_KERNELS.get(op.type)
        return kernel(*inputs, **op.attrs) if kernel else super().compute(op, inputs)


def gpu_matmul(a, b, transpose_a=False, transpose_b=False):
    return product(a.T if transpose_a else a, b.T if transpose_b else b)


GPU_KERNELS["MatMul"] = gpu_matmul
