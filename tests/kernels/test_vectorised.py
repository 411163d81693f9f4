"""The compiler vectorises these kernels' loops, and a small change can make it stop without a word: so each is timed beside a copy.

A loop that is not vectorised takes 2 to 20 times as long; the limits lie between, far enough from either for a busy machine.
"""
import time

import numpy as np
import pytest

from minitf.core.resources import RandomState, VariableState
from minitf.kernels.cpu import array, batch_norm, conv, conv_filter, depthwise, lrn, nn, pool, random, state, train_adam, train_ops, train_proximal
from minitf.kernels.cpu.kernel import run_kernel

N = 1 << 16                     # floats: three arrays of them stay in a cache of 1 MiB
X = np.random.default_rng(0).random(N, np.float32)
SCALARS = [np.float32(x) for x in (0.5, 0.5, 0.01, 0.9, 0.999, 1e-8)]


def variable():
    v = VariableState("v", "float32")
    run_kernel(state.Assign, {}, [v, X], [], [])
    return v


def seconds(kernel, attrs, inputs, shapes, dtypes):
    def once(repeat):
        start = time.process_time()
        run_kernel(kernel, attrs, inputs, shapes, dtypes, repeat=repeat)
        return time.process_time() - start
    return min((once(41) - once(1)) / 40 for _ in range(7))


CASES = {
    "gradient_descent": (6, train_ops.ApplyGradientDescent, {}, lambda: [variable(), SCALARS[2], X], [], []),
    "assign_add": (6, state.AssignAdd, {}, lambda: [variable(), X], [], []),
    "adam": (20, train_adam.ApplyAdam, {}, lambda: [variable(), variable(), variable(), *SCALARS, X], [], []),
    "momentum": (7, train_ops.ApplyMomentum, {}, lambda: [variable(), variable(), SCALARS[2], X, SCALARS[3]], [], []),
    "nesterov": (7, train_ops.ApplyMomentum, {"use_nesterov": True}, lambda: [variable(), variable(), SCALARS[2], X, SCALARS[3]], [], []),
    "adagrad": (20, train_ops.ApplyAdagrad, {}, lambda: [variable(), variable(), SCALARS[2], X], [], []),
    "rmsprop": (20, train_ops.ApplyRMSProp, {}, lambda: [variable(), variable(), variable(), *SCALARS[2:], X], [], []),
    "centered_rmsprop": (30, train_ops.ApplyCenteredRMSProp, {}, lambda: [variable(), variable(), variable(), variable(), *SCALARS[2:], X], [], []),
    "adadelta": (30, train_ops.ApplyAdadelta, {}, lambda: [variable(), variable(), variable(), *SCALARS[2:5], X], [], []),
    "ftrl": (45, train_proximal.ApplyFtrl, {}, lambda: [variable(), variable(), variable(), X, *SCALARS[:3], np.float32(-0.5)], [], []),
    "proximal": (25, train_proximal.ApplyProximalGradientDescent, {}, lambda: [variable(), *SCALARS[:3], X], [], []),
    "softmax": (30, nn.Softmax, {}, lambda: [X.reshape(64, -1)], [(64, N // 64)], [np.float32]),
    "log_softmax": (30, nn.LogSoftmax, {}, lambda: [X.reshape(64, -1)], [(64, N // 64)], [np.float32]),
    "cross_entropy": (50, nn.SoftmaxCrossEntropyWithLogits, {}, lambda: [X.reshape(64, -1)] * 2, [(64,), (64, N // 64)], [np.float32] * 2),
    "transpose": (15, array.Transpose, {}, lambda: [X.reshape(256, -1), np.array([1, 0], np.int32)], [(256, 256)], [np.float32]),
    "uniform": (38, random.RandomUniform, {"_state": RandomState("r", 1)}, lambda: [np.array([N], np.int32)], [(N,)], [np.float32]),
    "normal": (80, random.RandomStandardNormal, {"_state": RandomState("r", 1)}, lambda: [np.array([N], np.int32)], [(N,)], [np.float32]),
}

WINDOW = {"strides": (1, 1, 1, 1), "dilations": (1, 1, 1, 1), "padding": "SAME"}
POOL = {"ksize": (1, 2, 2, 1), "strides": (1, 2, 2, 1), "padding": "SAME"}
LOCAL = {"depth_radius": 4, "bias": 1.0, "alpha": 1e-4, "beta": 0.75}
NORM = {"epsilon": 1e-3, "is_training": True}
IMAGE, FILTER, POOLED = (1, 32, 32, 64), (3, 3, 64, 32), (1, 16, 16, 64)
D = X[:9 * 64].reshape(3, 3, 64, 1)
F, G = X[:9 * 64 * 32].reshape(FILTER), X[:32 * 32 * 32].reshape(1, 32, 32, 32)
CASES.update({
    "conv2d": (150, conv.Conv2D, WINDOW, lambda: [X.reshape(IMAGE), F], [G.shape], [np.float32]),
    "conv2d_backprop_input": (150, conv.Conv2DBackpropInput, WINDOW, lambda: [np.array(IMAGE, np.int32), F, G], [IMAGE], [np.float32]),
    "conv2d_backprop_filter": (150, conv_filter.Conv2DBackpropFilter, WINDOW, lambda: [X.reshape(IMAGE), np.array(FILTER, np.int32), G], [FILTER], [np.float32]),
    "depthwise": (14, depthwise.DepthwiseConv2dNative, WINDOW, lambda: [X.reshape(IMAGE), D], [IMAGE], [np.float32]),
    "depthwise_backprop_input": (14, depthwise.DepthwiseConv2dNativeBackpropInput, WINDOW, lambda: [np.array(IMAGE, np.int32), D, X.reshape(IMAGE)],
                                 [IMAGE], [np.float32]),
    "depthwise_backprop_filter": (14, depthwise.DepthwiseConv2dNativeBackpropFilter, WINDOW,
                                  lambda: [X.reshape(IMAGE), np.array(D.shape, np.int32), X.reshape(IMAGE)], [D.shape], [np.float32]),
    "lrn": (45, lrn.LRN, LOCAL, lambda: [X.reshape(IMAGE)], [IMAGE], [np.float32]),
    "lrn_grad": (65, lrn.LRNGrad, LOCAL, lambda: [X.reshape(IMAGE)] * 3, [IMAGE], [np.float32]),
    "batch_norm": (10, batch_norm.FusedBatchNorm, NORM, lambda: [X.reshape(IMAGE), X[:64], X[:64], X[:0], X[:0]], [IMAGE] + [(64,)] * 4, [np.float32] * 5),
    "batch_norm_grad": (15, batch_norm.FusedBatchNormGrad, NORM, lambda: [X.reshape(IMAGE)] * 2 + [X[:64]] * 3, [IMAGE, (64,), (64,)], [np.float32] * 3),
    "max_pool": (7, pool.MaxPool, POOL, lambda: [X.reshape(IMAGE)], [POOLED], [np.float32]),
    "max_pool_grad": (6, pool.MaxPoolGrad, POOL, lambda: [X.reshape(IMAGE), X[:N // 4].reshape(POOLED), X[:N // 4].reshape(POOLED)], [IMAGE], [np.float32]),
    "avg_pool": (6, pool.AvgPool, POOL, lambda: [X.reshape(IMAGE)], [POOLED], [np.float32]),
})


@pytest.mark.parametrize("name", CASES)
def test_vectorised(name):
    limit, kernel, attrs, inputs, shapes, dtypes = CASES[name]
    for _ in range(3):
        ratio = seconds(kernel, attrs, inputs(), shapes, dtypes) / seconds(array.Copy, {}, [X], [X.shape], [np.float32])
        if ratio < limit:
            return
    pytest.fail(f"{name} takes {ratio:.1f} times as long as a copy of the same array, {limit} are allowed")
