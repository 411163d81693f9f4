"""A convolutional network on MNIST: twice convolution, rectifier and pooling, then a wide layer with dropout.

    python examples/mnist_deep.py

Around 99 % of the test digits after a few minutes.  Each convolution looks at 5 x 5 pixels and each pooling halves the picture, so that the wide
layer sees 64 pictures of 7 x 7.
"""
import argparse

import numpy as np
from tqdm import trange

import minitf as tf
from minitf.datasets import mnist


def weights(shape):
    """A variable of small random numbers: units that begin alike would stay alike."""
    return tf.Variable(tf.truncated_normal(shape, stddev=0.1))


def biases(n):
    """A variable of small positive numbers: a rectified unit that begins at 0 for every digit would never learn."""
    return tf.Variable(tf.constant(0.1, shape=[n]))


def convolution(x, channels_in, channels_out):
    """5 x 5 filters, rectified, then the greatest of each 2 x 2 pixels."""
    hidden = tf.nn.conv2d(x, weights([5, 5, channels_in, channels_out]), strides=[1, 1, 1, 1], padding="SAME")
    hidden = tf.nn.relu(tf.nn.bias_add(hidden, biases(channels_out)))
    return tf.nn.max_pool(hidden, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")


def network(x, keep_prob):
    """Logits [n, 10] of digits [n, 784]."""
    with tf.name_scope("conv1"):
        hidden = convolution(tf.reshape(x, [-1, 28, 28, 1]), 1, 32)
    with tf.name_scope("conv2"):
        hidden = convolution(hidden, 32, 64)
    with tf.name_scope("wide"):
        hidden = tf.nn.relu(tf.matmul(tf.reshape(hidden, [-1, 7 * 7 * 64]), weights([7 * 7 * 64, 1024])) + biases(1024))
        hidden = tf.nn.dropout(hidden, keep_prob)
    with tf.name_scope("softmax"):
        return tf.matmul(hidden, weights([1024, 10])) + biases(10)


def main(argv=None):
    """Trains and tests; returns the test accuracy."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=4000, help="of Adam (default %(default)s)")
    parser.add_argument("--batch-size", type=int, default=50, help="digits a step (default %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=5e-4, help="(default %(default)s)")
    parser.add_argument("--keep-prob", type=float, default=0.5, help="how many of the wide layer's units a training step keeps (default %(default)s)")
    parser.add_argument("--test-digits", type=int, default=10_000, help="(default %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same result (default %(default)s)")
    options = parser.parse_args(argv)
    digits = mnist(one_hot=True, seed=options.seed)
    tf.set_random_seed(options.seed)

    x = tf.placeholder(tf.float32, [None, 784], name="x")
    y_ = tf.placeholder(tf.float32, [None, 10], name="y_")
    keep_prob = tf.placeholder(tf.float32, [], name="keep_prob")
    y = network(x, keep_prob)
    cross_entropy = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y_, logits=y))
    train = tf.train.AdamOptimizer(options.learning_rate).minimize(cross_entropy)
    accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.argmax(y, 1), tf.argmax(y_, 1)), tf.float32))

    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        steps = trange(options.steps, unit="step", mininterval=0.5)
        for i in steps:
            images, labels = digits.train.next_batch(options.batch_size)
            if i % 100 == 0:
                seen = sess.run(accuracy, {x: images, y_: labels, keep_prob: 1.0})
                steps.set_postfix_str(f"of the next batch it reads {seen:.0%}")
            sess.run(train, {x: images, y_: labels, keep_prob: options.keep_prob})

        # A thousand at a time: all test digits at once would need a gigabyte for the first layer.
        images, labels = digits.test.images[:options.test_digits], digits.test.labels[:options.test_digits]
        right = [sess.run(accuracy, {x: images[i:i + 1000], y_: labels[i:i + 1000], keep_prob: 1.0}) * len(images[i:i + 1000])
                 for i in range(0, len(images), 1000)]
    result = np.sum(right) / len(images)
    print(f"test accuracy {result:.2%}")
    return float(result)


if __name__ == "__main__":
    main()
