"""The gradient of x'W x is (W + W')x, and 2 W x only where W is symmetric.

    python examples/xtwx.py

tf.gradients adds the ops of the gradient to the graph; here they are printed, and their result compared with both formulas.
"""
import argparse

import numpy as np

import minitf as tf


def main(argv=None):
    """Prints both cases; returns, for each, the distance of the gradient from (W + W')x and from 2 W x."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=4, help="of x (default %(default)s)")
    options = parser.parse_args(argv)
    random = np.random.default_rng(0)
    any_matrix = random.normal(size=(options.size, options.size))

    x = tf.placeholder(tf.float64, [options.size, 1], name="x")
    W = tf.placeholder(tf.float64, [options.size, options.size], name="W")
    forward = len(tf.get_default_graph().get_operations())
    y = tf.matmul(x, tf.matmul(W, x), transpose_a=True)
    gradient, = tf.gradients(y, x)
    for op in tf.get_default_graph().get_operations()[forward:]:
        print(f"    {op.name} = {op.type}({', '.join(t.name for t in op.inputs)})")

    distances = []
    with tf.Session() as sess:
        for name, matrix in (("any W", any_matrix), ("a symmetric W", any_matrix + any_matrix.T)):
            point = random.normal(size=(options.size, 1))
            value = sess.run(gradient, {x: point, W: matrix})
            distances.append([float(np.abs(value - formula).max()) for formula in ((matrix + matrix.T) @ point, 2 * matrix @ point)])
            print(f"{name}: the gradient differs from (W + W')x by {distances[-1][0]:.1e}, from 2 W x by {distances[-1][1]:.1e}")
    return distances


if __name__ == "__main__":
    main()
