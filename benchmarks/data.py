"""Inputs and initial weights, seeded, so that every framework computes the same and their results can be compared."""
import numpy as np

ADAM = dict(learning_rate=1e-3, beta1=0.9, beta2=0.999, epsilon=1e-8)
POWER_RUNS = 1000
CHAIN_LENGTH = 1000
MLP_LEARNING_RATE = 0.01
MATMUL_SIZES = (64, 128, 256, 512, 1024)


def normal(random, shape, deviation=1.0):
    return random.standard_normal(shape, dtype=np.float32) * np.float32(deviation)


def one_hot(ids, classes):
    return np.eye(classes, dtype=np.float32)[ids]


def mlp(batch):
    """x [batch, 784], y one-hot [batch, 10], and the parameters W1 [784, 200], b1, W2 [200, 10], b2."""
    random = np.random.default_rng(1)
    return dict(x=random.random((batch, 784), dtype=np.float32), y=one_hot(random.integers(0, 10, batch), 10),
                W1=normal(random, (784, 200), 784 ** -0.5), b1=np.zeros(200, np.float32),
                W2=normal(random, (200, 10), 200 ** -0.5), b2=np.zeros(10, np.float32))


def power():
    """A symmetric 5x5 matrix with positive entries, and a vector of ones."""
    a = np.random.default_rng(6).random((5, 5)).astype(np.float32)
    return dict(A=(a + a.T) / 2, x=np.ones((5, 1), np.float32))


def adam(size=10_000_000):
    random = np.random.default_rng(5)
    return dict(p=normal(random, size, 0.1), g=normal(random, size, 0.01))


def micro():
    """{workload: {input name: array}} of the single-kernel workloads."""
    random = np.random.default_rng(7)
    million = dict(x=normal(random, 1 << 20))
    square = normal(random, (1024, 1024))
    inputs = dict.fromkeys(("tanh_1m", "sigmoid_1m", "exp_1m"), million)
    inputs["softmax_128x10k"] = dict(x=normal(random, (128, 10000)))
    inputs["biasadd_1k"] = dict(x=square, b=normal(random, 1024))
    inputs.update(dict.fromkeys(("transpose_1k", "sum_ax0_1k", "sum_ax1_1k"), dict(x=square)))
    inputs["nhwc2nchw"] = dict(x=normal(random, (32, 56, 56, 64)))
    for n in MATMUL_SIZES:
        inputs[f"matmul_{n}"] = dict(x=normal(random, (n, n)), y=normal(random, (n, n)))
    return inputs
