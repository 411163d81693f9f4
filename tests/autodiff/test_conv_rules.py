"""The rules of convolution and pooling against central differences, first and second derivatives."""
import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

import minitf as tf
from minitf.autodiff import check_gradient
from minitf.ops.apply import apply_op

WAYS = [((2, 5, 6, 2), (3, 2, 2, 3), [1, 1], "SAME", [1, 1]), ((1, 5, 6, 2), (3, 3, 2, 2), [2, 1], "VALID", [1, 1]),
        ((2, 4, 5, 1), (1, 1, 1, 3), [1, 1], "SAME", [1, 1]),
        ((1, 6, 7, 1), (2, 3, 1, 2), [3, 2], "SAME", [1, 1]), ((1, 6, 7, 2), (2, 2, 2, 1), [1, 1], "SAME", [2, 3]),
        ((2, 3, 3, 2), (3, 3, 2, 4), [1, 1], "VALID", [1, 1]),
        ((0, 4, 4, 2), (3, 3, 2, 2), [1, 1], "SAME", [1, 1])]


@pytest.mark.parametrize("x, w, strides, padding, dilations", WAYS, ids=str)
@pytest.mark.parametrize("known_shapes", [True, False])
def test_conv2d(x, w, strides, padding, dilations, known_shapes):
    """The cube makes the second derivative depend on both inputs."""
    check_gradient(lambda x, w: tf.nn.conv2d(x, w, strides, padding, dilations=dilations) ** 3.0, x, w, known_shapes=known_shapes)


@pytest.mark.parametrize("known_shapes", [True, False])
def test_conv2d_transpose(known_shapes):
    check_gradient(lambda y, w: tf.nn.conv2d_transpose(y, w, [2, 7, 6, 3], [1, 2, 2, 1]) ** 2.0, (2, 4, 3, 2), (3, 3, 3, 2), known_shapes=known_shapes)
    check_gradient(lambda x, g: tf.nn.conv2d_backprop_filter(x, [2, 2, 3, 2], g, [1, 2, 2, 1], "VALID") ** 2.0, (2, 5, 6, 3), (2, 2, 3, 2),
                   known_shapes=known_shapes)


@settings(max_examples=40, deadline=None)
@given(st.tuples(st.integers(1, 7), st.integers(1, 7)), st.tuples(st.integers(1, 4), st.integers(1, 4)), st.tuples(st.integers(1, 3), st.integers(1, 3)),
       st.sampled_from(["SAME", "VALID"]), st.integers(1, 3))
def test_any_window(size, taps, strides, padding, channels):
    """Convolution (1 x 1 among them), its transpose and both poolings, over windows of any size: derivatives to second order."""
    assume(padding == "SAME" or taps[0] <= size[0] and taps[1] <= size[1])
    image = (1, *size, channels)
    with tf.Graph().as_default(), tf.Session():
        check_gradient(lambda x, w: tf.nn.conv2d(x, w, strides, padding) ** 2.0, image, (*taps, channels, 2), tolerance=1e-5)
        made = tf.nn.conv2d(tf.ones(image), tf.ones((*taps, channels, 2)), strides, padding).shape.as_list()
        check_gradient(lambda y, w: tf.nn.conv2d_transpose(y, w, image, [1, *strides, 1], padding) ** 2.0, made, (*taps, channels, 2), tolerance=1e-5)
        x = np.random.RandomState(3).permutation(size[0] * size[1] * channels).reshape(image) / 20
        for pool in (tf.nn.max_pool, tf.nn.avg_pool):
            check_gradient(lambda x: pool(x, taps, strides, padding) ** 3.0, points=[x], tolerance=1e-4)


@pytest.mark.parametrize("x, w, strides, padding, dilations", [
    ((2, 5, 6, 2), (3, 2, 2, 1), [1, 1], "SAME", [1, 1]), ((1, 5, 6, 2), (3, 3, 2, 2), [2, 1], "VALID", [1, 1]),
    ((1, 6, 7, 1), (2, 3, 1, 3), [3, 2], "SAME", [1, 1]), ((1, 6, 7, 2), (2, 2, 2, 1), [1, 1], "SAME", [2, 3]),
    ((0, 4, 4, 2), (3, 3, 2, 2), [1, 1], "SAME", [1, 1]), ((1, 4, 4, 1), (1, 1, 1, 1), [1, 1], "SAME", [1, 1])], ids=str)
@pytest.mark.parametrize("known_shapes", [True, False])
def test_depthwise(x, w, strides, padding, dilations, known_shapes):
    check_gradient(lambda x, w: tf.nn.depthwise_conv2d_native(x, w, strides, padding, dilations=dilations) ** 3.0, x, w, known_shapes=known_shapes)


@pytest.mark.parametrize("known_shapes", [True, False])
def test_gradients_of_the_depthwise_gradient_ops(known_shapes):
    check_gradient(lambda w, g: tf.nn.depthwise_conv2d_backprop_input([2, 5, 6, 3], w, g, [1, 2, 2, 1], "SAME") ** 2.0, (3, 3, 3, 2), (2, 3, 3, 6),
                   known_shapes=known_shapes)
    check_gradient(lambda x, g: tf.nn.depthwise_conv2d_backprop_filter(x, [2, 2, 3, 2], g, [1, 2, 2, 1], "VALID") ** 2.0, (2, 5, 6, 3), (2, 2, 3, 6),
                   known_shapes=known_shapes)


def test_separable():
    check_gradient(lambda x, d, p: tf.nn.separable_conv2d(x, d, p, [1, 1, 1, 1], "SAME", rate=[2, 1]) ** 2.0, (1, 5, 6, 2), (3, 2, 2, 2), (1, 1, 4, 3))


@pytest.mark.parametrize("pool", [tf.nn.max_pool, tf.nn.avg_pool])
@pytest.mark.parametrize("ksize, strides, padding", [(2, 2, "SAME"), (2, 2, "VALID"), (3, 2, "SAME"), (3, 1, "SAME"), ([1, 2], [2, 1], "VALID"),
                                                     (1, 3, "SAME")], ids=str)
@pytest.mark.parametrize("known_shapes", [True, False])
def test_pooling(pool, ksize, strides, padding, known_shapes):
    x = np.random.RandomState(3).permutation(2 * 5 * 6 * 3).reshape(2, 5, 6, 3) / 50          # no two numbers nearly equal
    check_gradient(lambda x: pool(x, ksize, strides, padding) ** 3.0, points=[x], known_shapes=known_shapes)


def test_pooling_over_the_depth():
    x = np.random.RandomState(3).permutation(2 * 3 * 3 * 6).reshape(2, 3, 3, 6) / 50
    check_gradient(lambda x: tf.nn.max_pool(x, [1, 1, 1, 2], [1, 1, 1, 2], "VALID") ** 3.0, points=[x])


def test_third_derivative_of_max_pool():
    x = np.random.RandomState(3).permutation(36).reshape(1, 6, 6, 1) / 9
    check_gradient(lambda x: tf.nn.max_pool(x, 3, 2, "SAME") ** 4.0, points=[x], order=3, delta=1e-5, tolerance=1e-5)


def test_gradients_of_the_gradient_ops():
    x = np.random.RandomState(3).permutation(32).reshape(1, 4, 4, 2) / 9
    pooled = x.reshape(1, 2, 2, 2, 2, 2).max((2, 4))
    attrs = dict(ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")
    check_gradient(lambda g: apply_op("MaxPoolGrad", x, pooled, g, **attrs) ** 2.0, (1, 2, 2, 2))
    check_gradient(lambda g: apply_op("MaxPoolGradGrad", x, pooled, g, **attrs) ** 2.0, (1, 4, 4, 2))
    check_gradient(lambda g: apply_op("AvgPoolGrad", [1, 4, 4, 2], g, **attrs) ** 2.0, (1, 2, 2, 2))


def test_a_small_network_to_second_order():
    def loss(x, w, b, u):
        hidden = tf.nn.max_pool(tf.nn.bias_add(tf.nn.conv2d(x, w, [1, 1, 1, 1], "SAME"), b) ** 2.0, 2, 2, "SAME")
        return tf.reduce_sum(tf.matmul(tf.reshape(hidden, [2, 12]), u) ** 2.0)

    check_gradient(loss, (2, 4, 4, 1), (3, 3, 1, 3), (3,), (12, 2), tolerance=1e-5)
