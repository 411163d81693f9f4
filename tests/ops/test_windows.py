"""Convolution and pooling as ops: static shapes, arguments, and what bad ones are told."""
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import minitf as tf
from minitf.core.errors import InvalidArgumentError, UnimplementedError

ONES = [1, 1, 1, 1]


def image(*shape):
    return tf.placeholder(tf.float32, shape or None)


def dims(t):
    return None if t.shape.ndims is None else t.shape.as_list()


@settings(max_examples=60, deadline=None)
@given(st.data(), st.tuples(*[st.integers(1, 7)] * 3), st.tuples(st.integers(1, 4), st.integers(1, 4)), st.integers(1, 3),
       st.sampled_from(["SAME", "VALID"]))
def test_static_shape_is_the_run_time_shape(data, shape, taps, stride, padding):
    x = np.ones((*shape, 2), "float32")
    w = np.ones((*taps, 2, 3), "float32")
    hidden = [None if data.draw(st.booleans()) else d for d in x.shape]
    with tf.Graph().as_default(), tf.Session() as sess:
        known, partial, unknown = tf.placeholder(tf.float32, x.shape), tf.placeholder(tf.float32, hidden), tf.placeholder(tf.float32)
        builds = [lambda x: tf.nn.conv2d(x, w, stride, padding), lambda x: tf.nn.max_pool(x, taps, stride, padding),
                  lambda x: tf.nn.avg_pool(x, taps, stride, padding)]
        if padding == "VALID" and (taps[0] > shape[1] or taps[1] > shape[2]):
            for build in builds:
                with pytest.raises(ValueError, match="Negative dimension size caused by subtracting"):
                    build(known)
                with pytest.raises(InvalidArgumentError, match="Negative dimension size caused by subtracting"):
                    sess.run(build(unknown), {unknown: x})
            return
        for build in builds:
            value = sess.run(build(unknown), {unknown: x})
            assert dims(build(known)) == list(value.shape)
            assert build(partial).shape.is_compatible_with(value.shape)
            grad, = tf.gradients(build(partial), partial)
            assert grad.shape.is_compatible_with(x.shape) and sess.run(grad, {partial: x}).shape == x.shape


def test_partly_known_shapes():
    assert dims(tf.nn.conv2d(image(None, 28, None, 1), image(5, 5, 1, 32), ONES, "SAME")) == [None, 28, None, 32]
    assert dims(tf.nn.conv2d(image(), image(), ONES, "SAME")) == [None] * 4
    assert dims(tf.nn.conv2d(image(None, 28, 28, 1), image(None, 5, None, None), [1, 2, 2, 1], "VALID")) == [None, None, 12, None]
    assert dims(tf.nn.max_pool(image(None, 28, 28, 3), [1, 2, 2, 1], [1, 2, 2, 1], "SAME")) == [None, 14, 14, 3]
    asked = tf.stack([tf.shape(image(None))[0], 28, 28, 3])
    assert dims(tf.nn.conv2d_transpose(image(None, 14, 14, 8), image(5, 5, 3, 8), asked, [1, 2, 2, 1])) == [None, 28, 28, 3]
    assert dims(tf.nn.conv2d_transpose(image(4, 14, 14, 8), image(5, 5, 3, 8), tf.placeholder(tf.int32, [4]), 2)) == [4, None, None, 3]


def test_windows_in_short():
    x = np.random.default_rng(0).standard_normal((1, 7, 8, 2)).astype("float32")
    w = np.random.default_rng(1).standard_normal((2, 3, 2, 4)).astype("float32")
    with tf.Session() as sess:
        for short, full in ((2, [1, 2, 2, 1]), ([2], [1, 2, 2, 1]), ([2, 1], [1, 2, 1, 1])):
            a, b, c, d = sess.run([tf.nn.conv2d(x, w, short, "VALID"), tf.nn.conv2d(x, w, full, "VALID"),
                                   tf.nn.max_pool(x, short, short, "SAME"), tf.nn.max_pool(x, full, full, "SAME")])
            assert np.array_equal(a, b) and np.array_equal(c, d)
        a, b = sess.run([tf.nn.atrous_conv2d(x, w, 2, "SAME"), tf.nn.conv2d(x, filters=w, strides=1, padding="SAME", dilations=2)])
        assert np.array_equal(a, b)


def test_transpose_is_the_adjoint():
    rng = np.random.default_rng(0)
    x, w, y = rng.standard_normal((2, 9, 8, 3)), rng.standard_normal((4, 3, 3, 5)), rng.standard_normal((2, 5, 4, 5))
    with tf.Session() as sess:
        there, back = sess.run([tf.nn.conv2d(x, w, 2, "SAME"), tf.nn.conv2d_transpose(y, w, x.shape, 2)])
    np.testing.assert_allclose(np.vdot(there, y), np.vdot(x, back))


BAD = [
    (lambda: tf.nn.conv2d(image(28, 28, 1), image(5, 5, 1, 32), ONES, "SAME"), "Shape must be rank 4 but is rank 3"),
    (lambda: tf.nn.conv2d(image(1, 28, 28, 1), image(5, 5, 1), ONES, "SAME"), "Shape must be rank 4 but is rank 3"),
    (lambda: tf.nn.conv2d(image(1, 28, 28, 3), image(5, 5, 2, 32), ONES, "SAME"),
     r"Dimensions must be equal, but are 3 and 2 for input: \[1,28,28,3\]"),
    (lambda: tf.nn.conv2d(image(1, 2, 2, 1), image(5, 5, 1, 32), ONES, "VALID"), r"Negative dimension size caused by subtracting 5 from 2"),
    (lambda: tf.nn.conv2d(image(1, 8, 8, 1), image(3, 3, 1, 2), ONES, "VALID", dilations=4), r"subtracting 9 from 8"),
    (lambda: tf.nn.conv2d(image(1, 8, 8, 1), image(5, 5, 1, 2), [2, 1, 1, 1], "SAME"),
     "does not yet support strides in the batch and depth dimensions"),
    (lambda: tf.nn.conv2d(image(1, 8, 8, 1), image(5, 5, 1, 2), [1, 0, 0, 1], "SAME"), "Stride must be > 0, but got 0"),
    (lambda: tf.nn.conv2d(image(1, 8, 8, 1), image(5, 5, 1, 2), [1, 1, 1], "SAME"), "strides should be of length 1, 2 or 4 but was 3"),
    (lambda: tf.nn.conv2d(image(1, 8, 8, 1), image(5, 5, 1, 2), ONES, "FULL"), "'FULL', not in the list of allowed values: 'SAME', 'VALID'"),
    (lambda: tf.nn.conv2d(image(1, 8, 8, 1), image(5, 5, 1, 2), ONES, "SAME", data_format="NHCW"), "data_format must be 'NHWC' or 'NCHW'"),
    (lambda: tf.nn.conv2d_transpose(image(4, 14, 14, 9), image(5, 5, 3, 8), [4, 28, 28, 3], 2), "Dimensions must be equal, but are 8 and 9"),
    (lambda: tf.nn.conv2d_transpose(image(4, 14, 14, 8), image(5, 5, 3, 8), [4, 30, 30, 3], 2),
     "Size of out_backprop doesn't match computed: actual = 14, computed = 15"),
    (lambda: tf.nn.conv2d_transpose(image(4, 14, 14, 8), image(5, 5, 3, 8), [5, 28, 28, 3], 2),
     "batch sizes of input_sizes and out_backprop must be equal, but are 5 and 4"),
    (lambda: tf.nn.conv2d_transpose(image(4, 14, 14, 8), image(5, 5, 3, 8), [4, 28, 28, 2], 2),
     "depths of input_sizes and filter must be equal, but are 2 and 3"),
    (lambda: tf.nn.conv2d_transpose(image(4, 14, 14, 8), image(5, 5, 3, 8), [28, 28, 3], 2), "input_sizes to contain 4 values, but got: 3"),
    (lambda: tf.nn.max_pool(image(2, 2, 3), 2, 2, "VALID"), "Shape must be rank 4 but is rank 3"),
    (lambda: tf.nn.max_pool(image(1, 2, 2, 3), [1, 3, 3], 2, "VALID"), "ksize should be of length 1, 2 or 4 but was 3"),
    (lambda: tf.nn.max_pool(image(1, 2, 2, 3), [1, 0, 3, 1], 2, "VALID"), "Ksize must be > 0, but got 0"),
    (lambda: tf.nn.max_pool(image(2, 4, 4, 3), [2, 2, 2, 1], ONES, "VALID"), "Pooling is not yet supported on the batch dimension"),
    (lambda: tf.nn.max_pool(image(2, 4, 4, 4), [1, 2, 2, 2], [1, 1, 1, 2], "VALID"),
     "supports exactly one of pooling across depth or pooling across width/height"),
    (lambda: tf.nn.max_pool(image(2, 4, 4, 4), [1, 1, 1, 2], ONES, "VALID"), "requires the depth window to equal the depth stride"),
    (lambda: tf.nn.max_pool(image(2, 4, 4, 5), [1, 1, 1, 2], [1, 1, 1, 2], "VALID"), "requires the depth window to evenly divide the input depth"),
    (lambda: tf.nn.avg_pool(image(2, 4, 4, 4), [1, 1, 1, 2], [1, 1, 1, 2], "VALID"), "Non-spatial pooling is not yet supported"),
]


@pytest.mark.parametrize("build, text", BAD, ids=[text[:40] for _, text in BAD])
def test_what_bad_arguments_are_told(build, text):
    with pytest.raises(ValueError, match=text):
        build()


def test_only_nhwc():
    for build in (lambda: tf.nn.conv2d(image(), image(), ONES, "SAME", data_format="NCHW"),
                  lambda: tf.nn.max_pool(image(), 2, 2, "SAME", data_format="NCHW"),
                  lambda: tf.nn.avg_pool(image(), 2, 2, "SAME", data_format="NCHW")):
        with pytest.raises(UnimplementedError, match="only supports the NHWC tensor format on the CPU"):
            build()


def test_types():
    with pytest.raises(TypeError, match="not in the list of allowed values"):
        tf.nn.conv2d(tf.ones([1, 4, 4, 1], tf.int32), tf.ones([2, 2, 1, 1], tf.int32), 1, "SAME")
    with pytest.raises(TypeError, match="not in the list of allowed values"):
        tf.nn.avg_pool(tf.ones([1, 4, 4, 1], tf.int32), 2, 2, "SAME")
    with pytest.raises(TypeError, match="conv2d needs a filter, strides and padding"):
        tf.nn.conv2d(image(), image())
    with tf.Session() as sess:
        assert sess.run(tf.nn.max_pool(tf.reshape(tf.range(16), [1, 4, 4, 1]), 2, 2, "SAME")).ravel().tolist() == [5, 7, 13, 15]


def test_shapes_that_only_the_run_shows_to_be_wrong():
    x, w = image(), image()
    y = tf.nn.conv2d(x, w, ONES, "SAME")
    with tf.Session() as sess:
        with pytest.raises(InvalidArgumentError, match="Dimensions must be equal, but are 3 and 2"):
            sess.run(y, {x: np.ones((1, 4, 4, 3), "f4"), w: np.ones((2, 2, 2, 1), "f4")})
        with pytest.raises(InvalidArgumentError, match="must be rank 4 but is rank 3"):
            sess.run(y, {x: np.ones((4, 4, 3), "f4"), w: np.ones((2, 2, 2, 1), "f4")})
