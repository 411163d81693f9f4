"""The first win of chapter 01: a small network for handwritten digits, complete but for one op, which the reader writes.

    @activation("MyRelu", shape=lambda x: x)
    def my_relu(x):
        return np.maximum(x, 0)

    run = train("MyRelu")
    run.accuracy, run.losses
"""
import functools
from collections import namedtuple

import numpy as np

import minitf as tf
from minitf.core.registry import op_types, register_gradient, register_op
from minitf.core.shapes import TensorShape
from minitf.datasets import DataSet, mnist
from minitf.kernels.cpu.kernel import register_python_kernel
from minitf.ops.apply import apply_op

Run = namedtuple("Run", "op losses accuracy guesses")
Run.__doc__ = """What train() found: the op's name, the loss of every step, the share of digits guessed right, the guesses [10000]."""

STEP = 1e-3                   # of the difference that stands for the slope
_newest = {}                  # name -> (shape rule, kernel); a cell may define its op again


def activation(name, shape):
    """Decorate kernel(x), which gives an array for an array: makes the op `name` of it, or makes that op anew.

    shape(x) gives the shape of the output from that of the input, both tuples in which None is a size not known yet.
    y[i] may depend on x[i] only: the slope is measured at all elements at once.  ValueError if the package has an op of that name.
    """
    def decorate(kernel):
        if name not in _newest:
            if name in op_types():
                raise ValueError(f"Op type {name!r} is registered already: the package has one of that name; choose another")
            _register(name)
        _newest[name] = shape, kernel
        return kernel
    return decorate


def _register(name):
    @register_op(name, ["x: T"], ["y: T"], ["T: {float32, float64}"])
    def output_shape(c):
        rule, _ = _newest[name]
        return [TensorShape(rule(c.inputs[0].tuple))]

    @register_python_kernel(name)
    def compute(attrs, x):
        kernel = _newest[name][1]
        y = np.asarray(kernel(x))
        promised = _newest[name][0](x.shape)
        if y.shape != tuple(promised):
            raise tf.errors.InvalidArgumentError(None, None, f"{kernel.__name__} returned shape {y.shape}, but the shape rule of {name} "
                                                             f"promised {tuple(promised)}")
        return y

    # A gradient is a matter of chapter 03.  Until then the slope of each element is measured.
    register_op(name + "Slope", ["x: T"], ["y: T"], ["T: {float32, float64}"])(lambda c: [c.inputs[0]])

    @register_python_kernel(name + "Slope")
    def slope(attrs, x):
        kernel, x = _newest[name][1], x.astype(np.float64)
        return (kernel(x + STEP) - kernel(x - STEP)) / (2 * STEP)

    @register_gradient(name)
    def gradient(op, grad):
        return grad * apply_op(name + "Slope", op.inputs[0])


@functools.cache
def _digits():
    return mnist()


def train(op, steps=2500, hidden=128, rate=0.25, seed=0):
    """Train 784 pixels -> `hidden` numbers -> op -> 10 scores on batches of 100 digits; gives a Run, and prints a line about it.

    op is the name of one made by activation().  Everything random comes from the seed.
    """
    digits, random = _digits(), np.random.default_rng(seed)
    examples = DataSet(digits.train.images, digits.train.labels, seed)
    with tf.Graph().as_default():
        images = tf.placeholder(tf.float32, [None, 784], name="images")
        labels = tf.placeholder(tf.int64, [None], name="labels")
        first = tf.Variable(_normal(random, 784, hidden), name="first")
        second = tf.Variable(_normal(random, hidden, 10), name="second")
        scores = tf.matmul(apply_op(op, tf.matmul(images, first)), second)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=scores))
        update = tf.train.GradientDescentOptimizer(rate).minimize(loss)
        guess = tf.argmax(scores, 1)
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            losses = []
            for _ in range(steps):
                x, y = examples.next_batch(100)
                losses.append(sess.run([loss, update], {images: x, labels: y})[0])
            guesses = sess.run(guess, {images: digits.test.images})
    accuracy = np.mean(guesses == digits.test.labels)
    print(f"{op}: {steps} steps, {accuracy:.0%} of {len(guesses):,} unseen digits are right")
    return Run(op, np.array(losses), accuracy, guesses)


def _normal(random, rows, columns):
    return (random.standard_normal((rows, columns)) / np.sqrt(rows)).astype(np.float32)
