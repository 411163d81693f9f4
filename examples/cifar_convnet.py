"""The network of TensorFlow's CIFAR-10 tutorial, on coloured digits: CIFAR-10 itself is in no package, its shape is what matters here.

    python examples/cifar_convnet.py --folder /tmp/cifar
    python examples/cifar_convnet.py --folder /tmp/fashion --data /usr/share/datasets/fashion-mnist      (Debian: dataset-fashion-mnist)

Images of 32 x 32 pixels in three colours are made of MNIST's: each gets a colour of its own, on a ground of its own.  That part is synthetic; the
handwriting is real.  As in the tutorial a training step sees a 24 x 24 part cut out at random, made lighter or darker, and normalised; a
test sees the middle.  Two convolutions with overlapping pooling and local response normalisation, then two dense layers with weight decay.

Progress, checkpoints, summaries and plots are those of lenet.py, whose training loop this is.
"""
from lenet import parse, run

import minitf as tf


def coloured(images, training):
    """[n, 24, 24, 3] of digits [n, 784]: a colour of digit and ground for each, drawn anew in training, fixed by the digit's ink otherwise."""
    digits = tf.pad(tf.reshape(images, [-1, 28, 28, 1]), [[0, 0], [2, 2], [2, 2], [0, 0]])
    n = tf.shape(images)[0]
    ink = tf.reduce_sum(images, 1, keep_dims=True)
    fixed = tf.reshape(0.5 + 0.5 * tf.sin(ink * tf.constant([[1.0, 2.0, 3.0, 5.0, 7.0, 11.0]])), [-1, 1, 1, 6])
    # drawn in every case and not in a branch of tf.cond, so that their streams' places can be saved
    drawn, place, brightness = tf.random_uniform(tf.stack([n, 1, 1, 6])), tf.random_uniform([2], 2, 7, tf.int32), tf.random_uniform([2], 0.8, 1.2)
    colours = tf.cond(training, lambda: drawn, lambda: fixed)
    ground, change = 0.4 * colours[..., :3], 0.5 + 0.1 * colours[..., 3:]
    corner = tf.cond(training, lambda: place, lambda: tf.constant([4, 4]))
    part = tf.slice(ground + digits * change, [0, corner[0], corner[1], 0], [-1, 24, 24, -1])
    light = tf.cond(training, lambda: brightness, lambda: tf.ones([2]))
    part = part * light[0] + 0.2 * (light[1] - 1)
    part.set_shape([None, 24, 24, 3])
    mean, variance = tf.nn.moments(part, [1, 2, 3], keep_dims=True)
    return (part - mean) * tf.rsqrt(tf.maximum(variance, 1 / (24 * 24 * 3)))


def network(images, training):
    """Logits [n, 10] of digits [n, 784]."""
    hidden = coloured(images, training)
    decay = lambda weights: 0.004 * tf.nn.l2_loss(weights)
    for k in range(2):
        hidden = tf.layers.conv2d(hidden, 64, 5, padding="same", activation=tf.nn.relu)
        normalise = lambda x: tf.nn.lrn(x, 4, bias=1.0, alpha=0.001 / 9, beta=0.75)
        pool = lambda x: tf.layers.max_pooling2d(x, 3, 2, padding="same")
        hidden = normalise(pool(hidden)) if k == 0 else pool(normalise(hidden))
    hidden = tf.layers.flatten(hidden)
    for units in (384, 192):
        hidden = tf.layers.dense(hidden, units, activation=tf.nn.relu, kernel_regularizer=decay)
    return tf.layers.dense(hidden, 10)


def main(argv=None):
    """Trains and tests; returns the test accuracy."""
    return run(network, *parse(__doc__, argv, "cifar", 3, 0.02))


if __name__ == "__main__":
    main()
