"""Linear regression by gradient descent: a line through noisy points, found step by step, beside the exact least squares.

    python examples/linear_regression.py
"""
import argparse

import numpy as np

import minitf as tf


def main(argv=None):
    """Fits a line; returns (slope, intercept) and what least squares gives."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200, help="of gradient descent (default %(default)s)")
    parser.add_argument("--points", type=int, default=100, help="(default %(default)s)")
    parser.add_argument("--learning-rate", type=float, default=0.5, help="(default %(default)s)")
    options = parser.parse_args(argv)

    random = np.random.default_rng(0)
    x_data = random.random(options.points, np.float32)
    y_data = 0.3 + 0.1 * x_data + random.normal(0, 0.01, options.points).astype(np.float32)

    slope, intercept = tf.Variable(0.0, name="slope"), tf.Variable(0.0, name="intercept")
    loss = tf.reduce_mean(tf.square(slope * x_data + intercept - y_data))
    train = tf.train.GradientDescentOptimizer(options.learning_rate).minimize(loss)

    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        for step in range(options.steps + 1):
            if step % max(1, options.steps // 10) == 0:
                a, b, error = sess.run([slope, intercept, loss])
                print(f"step {step:4}: y = {a:.4f} x + {b:.4f}, mean squared error {error:.6f}")
            if step < options.steps:
                sess.run(train)
        found = sess.run([slope, intercept])
    exact = np.polyfit(x_data, y_data, 1)
    print(f"least squares: y = {exact[0]:.4f} x + {exact[1]:.4f}")
    return [float(v) for v in found], exact.tolist()


if __name__ == "__main__":
    main()
