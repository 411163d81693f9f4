"""The power method: the largest eigenvalue of a symmetric 5 x 5 matrix, one graph run many times.

    python examples/power_method.py

x := A x / |A x| turns x towards the eigenvector whose eigenvalue is largest in magnitude.  What is left of the others shrinks by |l2 / l1| each time,
and the error of the eigenvalue by its square.
"""
import argparse

import numpy as np

import minitf as tf

A = np.array([[4.0, 1.0, 0.5, 0.0, 1.0],
              [1.0, 3.0, 1.0, 0.5, 0.0],
              [0.5, 1.0, 5.0, 1.0, 0.5],
              [0.0, 0.5, 1.0, 2.0, 1.0],
              [1.0, 0.0, 0.5, 1.0, 3.0]])


def main(argv=None):
    """Iterates; returns the eigenvalue found and NumPy's."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=30, help="iterations (default %(default)s)")
    options = parser.parse_args(argv)

    matrix = tf.constant(A, name="A")
    x = tf.Variable(tf.ones([5, 1], tf.float64), name="x")
    y = tf.matmul(matrix, x)
    eigenvalue = tf.reduce_sum(x * y) / tf.reduce_sum(tf.square(x))      # the Rayleigh quotient
    iterate = tf.assign(x, y / tf.sqrt(tf.reduce_sum(tf.square(y))))

    exact = np.linalg.eigvalsh(A)
    by_size = sorted(abs(exact), reverse=True)
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        previous = None
        for step in range(options.steps + 1):
            found = sess.run(eigenvalue)
            error = abs(found - exact[-1])
            if step % 5 == 0 or step == options.steps:
                shrunk = f", {error / previous:.4f} of the one before" if previous and error > 1e-14 else ""
                print(f"step {step:3}: {found:.15f}, error {error:.1e}{shrunk}")
            previous = error
            sess.run(iterate.op)
        vector = sess.run(x).ravel()
    print(f"numpy.linalg.eigvalsh: {exact[-1]:.15f}; (l2 / l1)^2 = {(by_size[1] / by_size[0]) ** 2:.4f}")
    print(f"eigenvector {np.array2string(vector, precision=6)}, |A x - l x| = {np.linalg.norm(A @ vector - found * vector):.1e}")
    return float(found), float(exact[-1])


if __name__ == "__main__":
    main()
