"""Fused batch normalisation as an op: values whatever is known of shapes, and what bad arguments are told."""
import numpy as np
import pytest

import minitf as tf
from minitf.core.errors import UnimplementedError

from .forms import check

X = np.random.default_rng(0).standard_normal((3, 2, 4, 5))
S, B, M, V = np.random.default_rng(1).uniform(0.5, 2, (4, 5))


def image(*shape):
    return tf.placeholder(tf.float32, shape or None)


def test_values():
    mean, variance = X.mean((0, 1, 2)), X.var((0, 1, 2))
    y = (X - mean) / np.sqrt(variance + 0.001) * S + B
    check(lambda x, s, b: tf.nn.fused_batch_norm(x, s, b), [y, mean, variance * 24 / 23], X, S, B, close=1e-12)
    y = (X - M) / np.sqrt(V + 0.01) * S + B
    check(lambda x, s, b, m, v: tf.nn.fused_batch_norm(x, s, b, m, v, 0.01, is_training=False), [y, M, V], X, S, B, M, V, close=1e-12)


def test_the_example_of_its_docstring():
    with tf.Session() as sess:
        y, _, variance = sess.run(tf.nn.fused_batch_norm(np.float32([1, 3]).reshape(2, 1, 1, 1), [1.0], [0.0], epsilon=0.0))
    assert variance == 2 and y.ravel().tolist() == [-1, 1]


def test_partly_known_shapes():
    y, mean, variance = tf.nn.fused_batch_norm(image(None, 4, None, None), image(), image(7))
    assert y.shape.as_list() == [None, 4, None, 7] and mean.shape.as_list() == variance.shape.as_list() == [7]
    y, mean, _ = tf.nn.fused_batch_norm(image(), image(), image())
    assert y.shape.as_list() == [None] * 4 and mean.shape.as_list() == [None]


BAD = [
    (lambda: tf.nn.fused_batch_norm(image(4, 7), image(7), image(7)), "Shape must be rank 4 but is rank 2"),
    (lambda: tf.nn.fused_batch_norm(image(1, 2, 2, 7), image(6), image(7)), "Dimensions must be equal, but are 7 and 6"),
    (lambda: tf.nn.fused_batch_norm(image(1, 2, 2, 7), image(7, 1), image(7)), "Shape must be rank 1 but is rank 2"),
    (lambda: tf.nn.fused_batch_norm(image(1, 2, 2, 7), image(7), image(7), image(7), image(7)), "must be None if is_training is True"),
    (lambda: tf.nn.fused_batch_norm(image(1, 2, 2, 7), image(7), image(7), is_training=False), "must be given if is_training is False"),
    (lambda: tf.nn.fused_batch_norm(image(1, 2, 2, 7), image(7), image(7), image(7), image(6), is_training=False), "Dimensions must be equal"),
]


@pytest.mark.parametrize("build, text", BAD, ids=range(len(BAD)))
def test_what_bad_arguments_are_told(build, text):
    with pytest.raises(ValueError, match=text):
        build()


def test_only_nhwc():
    with pytest.raises(UnimplementedError, match="only supports the NHWC"):
        tf.nn.fused_batch_norm(image(1, 2, 2, 7), image(7), image(7), data_format="NCHW")
    with pytest.raises(TypeError, match="epsilon must be a number"):
        tf.nn.fused_batch_norm(image(1, 2, 2, 7), image(7), image(7), epsilon=tf.constant(0.1))
