"""Ops whose GPU kernels have barriers, so small that the checker runs them at once: what test_barriers.py takes the barriers out of.

A case comes to a barrier often enough for its lack to matter: a loop's barrier needs two turns, and what several teams share two of them.
"""
from collections import namedtuple

import numpy as np

from minitf.core.dtypes import as_dtype

# environment: variables that choose among kernels
Case = namedtuple("Case", "op_type attrs inputs output_shapes output_dtypes environment", defaults=[{}])


def numbers(shape, dtype="float32", seed=0):
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(dtype)


def product(m, n, k, dtype, turned_a=False, turned_b=False, **environment):
    a, b = numbers((k, m) if turned_a else (m, k), dtype), numbers((n, k) if turned_b else (k, n), dtype)
    return Case("MatMul", {"T": as_dtype(dtype), "transpose_a": turned_a, "transpose_b": turned_b}, [a, b], [(m, n)], [dtype], environment)


def convolution(depthwise=False):
    image, taps, result = (2, 6, 6, 3), (3, 3, 3, 2 if depthwise else 5), (2, 6, 6, 6 if depthwise else 5)
    attrs = {"T": as_dtype("float32"), "strides": (1, 1, 1, 1), "dilations": (1, 1, 1, 1), "padding": "SAME"}
    name = "DepthwiseConv2dNative" if depthwise else "Conv2D"
    return [Case(name, attrs, [numbers(image), numbers(taps)], [result], ["float32"]),
            Case(name + "BackpropFilter", attrs, [numbers(image), np.array(taps, "int32"), numbers(result)], [taps], ["float32"])]


def lstm():
    attrs = {"T": as_dtype("float32"), "forget_bias": 1.0, "cell_clip": -1.0, "use_peephole": True}
    rows, depth, n = 34, 9, 35
    shapes = [(rows, depth), (rows, n), (rows, n), (depth + n, 4 * n), (n,), (n,), (n,), (4 * n,)]
    inputs = [numbers(s, seed=k) for k, s in enumerate(shapes)]
    kept = [numbers((rows, n), seed=k) for k in range(8)]
    return [Case("LSTMBlockCell", attrs, inputs, [(rows, n)] * 7, ["float32"] * 7),
            Case("LSTMBlockCellGrad", attrs, [*inputs, *kept], [(rows, n), (rows, 4 * n), (n,), (n,), (n,)], ["float32"] * 5)]


def reduction(op_type, shape, axes):
    kept = tuple(s for k, s in enumerate(shape) if k not in axes)
    return Case(op_type, {"T": as_dtype("float32"), "keep_dims": False}, [numbers(shape), np.array(axes, "int32")], [kept], ["float32"])


def scan(shape, axis):
    attrs = {"T": as_dtype("float32"), "Tidx": as_dtype("int32"), "exclusive": False, "reverse": False}
    return Case("Cumsum", attrs, [numbers(shape), np.array(axis, "int32")], [shape], ["float32"])


CASES = [
    *[product(33, 35, 37, "float32", MINITF_GPU_MATMUL=rung) for rung in ("tile16", "blocks")],
    product(70, 67, 33, "float32"), product(20, 130, 40, "float32", turned_a=True), product(3, 130, 40, "float32"),
    *convolution(), *convolution(depthwise=True), *lstm(),
    Case("Transpose", {"T": as_dtype("float32"), "Tperm": as_dtype("int32")}, [numbers((40, 33)), np.array([1, 0], "int32")],
         [(33, 40)], ["float32"]),
    scan((2, 1100), 1), scan((40, 3), 0), scan((9000,), 0),
    reduction("Sum", (3, 5000), (1,)), reduction("Sum", (300, 40), (0,)), reduction("Max", (2, 5000), (1,)),
    Case("Softmax", {"T": as_dtype("float32")}, [numbers((3, 3000))], [(3, 3000)], ["float32"]),
    Case("SoftmaxCrossEntropyWithLogits", {"T": as_dtype("float32")}, [numbers((2, 3000)), np.full((2, 3000), 1 / 3000, "float32")],
         [(2,), (2, 3000)], ["float32"] * 2),
    Case("FusedBatchNorm", {"T": as_dtype("float32"), "epsilon": 1e-3, "is_training": True},
         [numbers((4, 9, 9, 5)), *[np.ones(5, "float32")] * 2, *[np.zeros(0, "float32")] * 2],
         [(4, 9, 9, 5), *[(5,)] * 4], ["float32"] * 5),
    Case("ScatterAdd", {"T": as_dtype("float32"), "Tindices": as_dtype("int32")},
         [numbers((9, 3)), np.arange(40, dtype="int32") % 9, numbers((40, 3))], [], []),
]
