"""The program of chapter 01's first section: what it makes of a reader's op, right or wrong."""
import numpy as np
import pytest

import minitf as tf
from minitf.course.first_win import activation, train
from minitf.ops.apply import apply_op


def test_an_op_trains_and_can_be_made_anew(capsys):
    @activation("FirstWinTest", shape=lambda x: x)
    def kernel(x):
        return np.maximum(x, 0)

    relu = train("FirstWinTest", steps=200)
    assert relu.accuracy > 0.85 and relu.losses[-50:].mean() < 0.6 < 2 < relu.losses[0]
    assert relu.guesses.shape == (10000,)
    assert capsys.readouterr().out == f"FirstWinTest: 200 steps, {relu.accuracy:.0%} of 10,000 unseen digits are right\n"

    @activation("FirstWinTest", shape=lambda x: x)
    def constant(x):
        return np.ones_like(x)

    assert train("FirstWinTest", steps=20).accuracy < 0.3, "the first kernel is still in use"


def test_the_slope_of_the_op_is_measured():
    @activation("FirstWinSine", shape=lambda x: x)
    def sine(x):
        return np.sin(x)

    x = tf.constant([0.0, 1.0, -2.0], tf.float32)
    with tf.Session() as sess:
        y, slope = sess.run([apply_op("FirstWinSine", x), tf.gradients(apply_op("FirstWinSine", x), x)[0]])
    np.testing.assert_allclose(y, np.sin([0, 1, -2]), rtol=1e-6)
    np.testing.assert_allclose(slope, np.cos([0, 1, -2]), rtol=1e-5)


def test_a_kernel_that_breaks_its_promise_is_named():
    @activation("FirstWinShort", shape=lambda x: x)
    def short(x):
        return x[:, :3]

    with pytest.raises(tf.errors.InvalidArgumentError, match=r"short returned shape \(100, 3\), .* FirstWinShort promised \(100, 128\)"):
        train("FirstWinShort", steps=1)


def test_a_name_of_the_package_is_taken():
    with pytest.raises(ValueError, match="'Relu' is registered already"):
        @activation("Relu", shape=lambda x: x)
        def relu(x):
            return x
