"""Depthwise and separable convolution as ops: static shapes, arguments, and what bad ones are told."""
import numpy as np
import pytest

import minitf as tf
from minitf.core.errors import UnimplementedError

from .forms import check

ONES = [1, 1, 1, 1]
RNG = np.random.default_rng(0)
X, D, P = RNG.standard_normal((2, 7, 8, 3)), RNG.standard_normal((3, 2, 3, 2)), RNG.standard_normal((1, 1, 6, 5))


def image(*shape):
    return tf.placeholder(tf.float32, shape or None)


def dims(t):
    return None if t.shape.ndims is None else t.shape.as_list()


def plain(d):
    """The filter of the plain convolution that does the same: zeros between channels that do not belong together."""
    w = np.zeros((*d.shape[:3], d.shape[2] * d.shape[3]))
    for c in range(d.shape[2]):
        w[:, :, c, c * d.shape[3]:(c + 1) * d.shape[3]] = d[:, :, c]
    return w


@pytest.mark.parametrize("strides, padding, rate", [(1, "SAME", 1), ([2, 1], "VALID", 1), (3, "SAME", 1), (1, "SAME", [2, 3]), (1, "VALID", [2, 1])], ids=str)
def test_what_it_is_of_plain_convolutions(strides, padding, rate):
    with tf.Graph().as_default(), tf.Session() as sess:
        depthwise = sess.run(tf.nn.conv2d(X, plain(D), strides, padding, dilations=rate))
        separable = sess.run(tf.nn.conv2d(depthwise, P, 1, "VALID"))
    check(lambda x, d: tf.nn.depthwise_conv2d(x, d, strides, padding, rate), depthwise, X, D, close=1e-12)
    check(lambda x, d, p: tf.nn.separable_conv2d(x, d, p, strides, padding, rate), separable, X, D, P, close=1e-12)
    check(lambda x, d: tf.nn.depthwise_conv2d_native(x, d, strides, padding, dilations=rate), depthwise, X, D, close=1e-12)


def test_names():
    x = image(1, 5, 5, 2)
    assert tf.nn.depthwise_conv2d(x, tf.ones([2, 2, 2, 1]), ONES, "SAME").name == "depthwise:0"
    y = tf.nn.separable_conv2d(x, tf.ones([2, 2, 2, 3]), tf.ones([1, 1, 6, 4]), ONES, "SAME")
    assert y.name == "separable_conv2d:0" and y.op.inputs[0].name == "separable_conv2d/depthwise:0"
    assert tf.nn.depthwise_conv2d(x, tf.ones([2, 2, 2, 1]), ONES, "SAME", dilations=2).op.attrs["dilations"] == (1, 2, 2, 1)


def test_partly_known_shapes():
    assert dims(tf.nn.depthwise_conv2d(image(None, 28, None, 3), image(5, 5, 3, 4), ONES, "SAME")) == [None, 28, None, 12]
    assert dims(tf.nn.depthwise_conv2d(image(None, 28, None, None), image(5, 5, None, 4), ONES, "VALID")) == [None, 24, None, None]
    assert dims(tf.nn.depthwise_conv2d_native(image(), image(), ONES, "SAME")) == [None] * 4
    assert dims(tf.nn.depthwise_conv2d_backprop_input(tf.placeholder(tf.int32, [4]), image(3, 3, 5, 2), image(4, 7, 7, 10), ONES, "SAME")) == [4, None, None, 5]
    assert dims(tf.nn.depthwise_conv2d_backprop_filter(image(4, 7, 7, 5), tf.placeholder(tf.int32), image(4, 7, 7, 10), ONES, "SAME")) == [None, None, 5, None]


BAD = [
    (lambda: tf.nn.depthwise_conv2d(image(28, 28, 1), image(5, 5, 1, 32), ONES, "SAME"), "Shape must be rank 4 but is rank 3"),
    (lambda: tf.nn.depthwise_conv2d(image(1, 28, 28, 3), image(5, 5, 2, 32), ONES, "SAME"), "Dimensions must be equal, but are 3 and 2"),
    (lambda: tf.nn.depthwise_conv2d(image(1, 2, 2, 1), image(5, 5, 1, 32), ONES, "VALID"), "Negative dimension size caused by subtracting 5 from 2"),
    (lambda: tf.nn.depthwise_conv2d(image(1, 8, 8, 1), image(5, 5, 1, 2), [1, 1, 1, 2], "SAME"), "does not yet support strides in the batch and depth"),
    (lambda: tf.nn.depthwise_conv2d(image(1, 8, 8, 1), image(5, 5, 1, 2), [1, 2, 2, 1], "SAME", rate=[2, 1]),
     "strides > 1 not supported in conjunction with dilation_rate > 1"),
    (lambda: tf.nn.depthwise_conv2d(image(1, 8, 8, 1), image(5, 5, 1, 2), ONES, "SAME", rate=[0, 1]), "rate must be two numbers of at least 1"),
    (lambda: tf.nn.depthwise_conv2d(image(1, 8, 8, 1), image(5, 5, 1, 2), ONES, "SAME", rate=1, dilations=1), "Only one of 'rate' and 'dilations'"),
    (lambda: tf.nn.separable_conv2d(image(1, 8, 8, 2), image(3, 3, 2, 2), image(2, 1, 4, 2), ONES, "SAME"), r"pointwise_filter must be \[1, 1,"),
    (lambda: tf.nn.separable_conv2d(image(1, 8, 8, 2), image(3, 3, 2, 2), image(1, 1, 5, 2), ONES, "SAME"), "Dimensions must be equal, but are 4 and 5"),
    (lambda: tf.nn.depthwise_conv2d_backprop_input([4, 7, 7, 5], image(3, 3, 5, 2), image(4, 7, 7, 11), ONES, "SAME"),
     r"depth of out_backprop must be 5 \* 2"),
    (lambda: tf.nn.depthwise_conv2d_backprop_input([4, 7, 7, 6], image(3, 3, 5, 2), image(4, 7, 7, 10), ONES, "SAME"),
     "depths of input_sizes and filter must be equal, but are 6 and 5"),
    (lambda: tf.nn.depthwise_conv2d_backprop_filter(image(4, 7, 7, 5), [3, 3, 5, 2], image(4, 6, 7, 10), ONES, "SAME"),
     "Size of out_backprop doesn't match computed: actual = 6, computed = 7"),
    (lambda: tf.nn.depthwise_conv2d_backprop_filter(image(4, 7, 7, 5), [3, 3, 5], image(4, 7, 7, 10), ONES, "SAME"), "filter_sizes to contain 4 values"),
]


@pytest.mark.parametrize("build, text", BAD, ids=[text[:40] for _, text in BAD])
def test_what_bad_arguments_are_told(build, text):
    with pytest.raises(ValueError, match=text):
        build()


def test_only_nhwc():
    for build in (lambda: tf.nn.depthwise_conv2d(image(), image(), ONES, "SAME", data_format="NCHW"),
                  lambda: tf.nn.separable_conv2d(image(), image(), image(), ONES, "SAME", data_format="NCHW")):
        with pytest.raises(UnimplementedError, match="only supports the NHWC tensor format on the CPU"):
            build()
