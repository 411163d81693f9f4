"""Logistic regression: which of two clouds of points does a point belong to?

    python examples/logistic_regression.py

The clouds are normal distributions with one covariance, so the best border is a line that can be computed: no classifier does better than it on the
average, and the learned one comes near it.
"""
import argparse

import numpy as np

import minitf as tf

MEANS = np.array([[-1.0, 0.5], [1.0, -0.5]])
COVARIANCE = np.array([[1.0, 0.6], [0.6, 1.0]])


def clouds(n, random):
    """n points [n, 2] of both clouds, and which each is of, [n, 1]."""
    label = random.integers(0, 2, n)
    points = MEANS[label] + random.multivariate_normal([0, 0], COVARIANCE, n)
    return points.astype(np.float32), label[:, None].astype(np.float32)


def main(argv=None):
    """Trains and tests; returns the learned border's test accuracy and the best one's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=500, help="of gradient descent (default %(default)s)")
    parser.add_argument("--points", type=int, default=1000, help="to learn from (default %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=0.5, help="(default %(default)s)")
    options = parser.parse_args(argv)
    random = np.random.default_rng(0)
    points, labels = clouds(options.points, random)
    test_points, test_labels = clouds(10_000, random)

    x, y_ = tf.placeholder(tf.float32, [None, 2], name="x"), tf.placeholder(tf.float32, [None, 1], name="y_")
    w, b = tf.Variable(tf.zeros([2, 1]), name="w"), tf.Variable(tf.zeros([1]), name="b")
    logits = tf.matmul(x, w) + b                                         # the logarithm of the odds
    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y_, logits=logits))
    train = tf.train.GradientDescentOptimizer(options.learning_rate).minimize(loss)
    accuracy = tf.reduce_mean(tf.cast(tf.equal(tf.greater(logits, 0.0), tf.greater(y_, 0.5)), tf.float32))

    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for step in range(options.steps):
            _, value = sess.run([train, loss], {x: points, y_: labels})
            if step % max(1, options.steps // 10) == 0:
                print(f"step {step:4}: loss {value:.4f}")
        learned, found = sess.run([w, accuracy], {x: test_points, y_: test_labels})
    direction = np.linalg.solve(COVARIANCE, MEANS[1] - MEANS[0])
    best = np.mean((test_points @ direction > 0) == (test_labels[:, 0] > 0.5))
    print(f"learned weights {learned.ravel()}, the best {direction}")
    print(f"test accuracy {found:.2%}, with the best border {best:.2%}")
    return float(found), float(best)


if __name__ == "__main__":
    main()
