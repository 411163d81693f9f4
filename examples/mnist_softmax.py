"""Softmax regression on MNIST: the simplest model that reads digits, one matrix and one vector.

    python examples/mnist_softmax.py

A pixel's weight for a digit says how much it speaks for it; the ten sums become probabilities.  About 92 % of the test digits come out right.
"""
import argparse

from tqdm import trange

import minitf as tf
from minitf.datasets import mnist


def main(argv=None):
    """Trains and tests; returns the test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3000, help="of gradient descent (default %(default)s)")
    parser.add_argument("--batch-size", type=int, default=100, help="digits a step (default %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=0.5, help="(default %(default)s)")
    options = parser.parse_args(argv)
    digits = mnist(one_hot=True)

    x = tf.placeholder(tf.float32, [None, 784], name="x")                 # a digit is 28 x 28 pixels in one row
    y_ = tf.placeholder(tf.float32, [None, 10], name="y_")                # the truth: 1 for the right digit, else 0
    W = tf.Variable(tf.zeros([784, 10]), name="W")
    b = tf.Variable(tf.zeros([10]), name="b")
    y = tf.matmul(x, W) + b

    # The op takes the logits y: the logarithm of a softmax that has rounded to 0 would be infinite.
    cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=y))
    train = tf.train.GradientDescentOptimizer(options.learning_rate).minimize(cross_entropy)
    accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1)), tf.float32))

    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        steps = trange(options.steps, unit="step", mininterval=0.5)
        for i in steps:
            images, labels = digits.train.next_batch(options.batch_size)
            _, loss = sess.run([train, cross_entropy], {x: images, y_: labels})
            if i % 100 == 0:
                steps.set_postfix_str(f"loss {loss:.3f}")
        result = sess.run(accuracy, {x: digits.test.images, y_: digits.test.labels})
    print(f"test accuracy {result:.2%}")
    return float(result)


if __name__ == "__main__":
    main()
