"""tf.layers: names of variables and how they are shared, values, collections, and what bad arguments are told."""
import numpy as np
import pytest

import minitf as tf
from minitf.core.errors import UnimplementedError

RNG = np.random.default_rng(0)


def image(*shape, dtype=tf.float32):
    return tf.placeholder(dtype, shape or None)


def names():
    return [v.name for v in tf.global_variables()]


def values(fetches, feed=None):
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        return sess.run(fetches, feed)


class TestNames:
    def test_each_layer_has_its_own(self):
        h = tf.layers.conv2d(image(None, 12, 12, 3), 4, 3)
        h = tf.layers.conv2d(h, 4, 3)
        h = tf.layers.separable_conv2d(h, 6, 3)
        h = tf.layers.batch_normalization(h)
        h = tf.layers.dense(tf.layers.flatten(h), 5, tf.nn.relu)
        assert h.name == "dense/Relu:0" and tf.layers.dense(h, 3).name == "dense_1/BiasAdd:0"
        tf.layers.dense(h, 2, use_bias=False, name="logits")
        assert names() == ["conv2d/kernel:0", "conv2d/bias:0", "conv2d_1/kernel:0", "conv2d_1/bias:0", "separable_conv2d/depthwise_kernel:0",
                           "separable_conv2d/pointwise_kernel:0", "separable_conv2d/bias:0", "batch_normalization/gamma:0", "batch_normalization/beta:0",
                           "batch_normalization/moving_mean:0", "batch_normalization/moving_variance:0", "dense/kernel:0", "dense/bias:0",
                           "dense_1/kernel:0", "dense_1/bias:0", "logits/kernel:0"]
        assert [v.name for v in tf.global_variables() if v not in tf.trainable_variables()] == names()[9:11]

    def test_sharing(self):
        a, b = image(2, 3), image(4, 3)
        for _ in range(2):
            with tf.variable_scope("net", reuse=tf.AUTO_REUSE):
                tf.layers.dense(tf.layers.dense(a, 5), 2)
        assert names() == ["net/dense/kernel:0", "net/dense/bias:0", "net/dense_1/kernel:0", "net/dense_1/bias:0"]
        tf.layers.dense(a, 5, name="shared")
        second = tf.layers.dense(b, 5, name="shared", reuse=True)
        assert second.name == "shared_1/BiasAdd:0" and names()[4:] == ["shared/kernel:0", "shared/bias:0"]
        with pytest.raises(ValueError, match="Variable shared/kernel already exists"):
            tf.layers.dense(a, 5, name="shared")
        with pytest.raises(ValueError, match="Trying to share variable shared/kernel"):
            tf.layers.dense(a, 6, name="shared", reuse=True)

    def test_arguments_of_the_variables(self):
        with tf.variable_scope("net", initializer=tf.constant_initializer(2.0)):
            tf.layers.dense(image(2, 3), 4, trainable=False)
            tf.layers.conv2d(image(2, 3, 3, 1, dtype=tf.float64), 4, [1, 2], kernel_initializer=tf.ones_initializer(), bias_initializer=tf.ones_initializer())
        assert tf.trainable_variables() == tf.global_variables()[2:]
        assert [v.dtype.base_dtype.name for v in tf.global_variables()] == ["float32"] * 2 + ["float64"] * 2
        kernel, bias, other, other_bias = values(tf.global_variables())
        assert (kernel == 2).all() and not bias.any() and (other == 1).all() and (other_bias == 1).all() and other.shape == (1, 2, 1, 4)

    def test_glorot_by_default(self):
        tf.layers.dense(image(2, 300), 200)
        kernel = values(tf.global_variables()[0])
        limit = np.sqrt(6 / 500)
        assert 0.95 * limit < kernel.max() <= limit and abs(kernel.std() - limit / 3 ** 0.5) < 0.02 * limit

    def test_regularizers(self):
        def size(v):
            return tf.reduce_sum(v * v)
        for reuse in (None, True):
            tf.layers.dense(tf.ones([2, 3]), 4, name="a", kernel_initializer=tf.ones_initializer(), kernel_regularizer=size, bias_regularizer=size, reuse=reuse)
        tf.layers.conv2d(tf.ones([1, 2, 2, 1]), 1, 1, kernel_initializer=tf.ones_initializer(), activity_regularizer=size)
        assert values(tf.get_collection(tf.GraphKeys.REGULARIZATION_LOSSES)) == [12, 0, 4]
        assert values(tf.losses.get_regularization_loss()) == 16


class TestValues:
    def test_dense(self):
        for shape in ((5, 3), (2, 4, 3), (2, 1, 4, 3)):
            x = RNG.standard_normal(shape).astype("float32")
            fed = image(*[None] * (len(shape) - 1), 3)
            y = tf.layers.dense(fed, 6, tf.tanh, bias_initializer=tf.ones_initializer())
            assert y.shape.as_list() == [None] * (len(shape) - 1) + [6]
            value, kernel = values([y, tf.global_variables()[-2]], {fed: x})
            np.testing.assert_allclose(value, np.tanh(x @ kernel + 1), rtol=1e-5)

    def test_convolutions(self):
        x = tf.constant(RNG.standard_normal((2, 7, 8, 3)).astype("float32"))
        plain = tf.layers.conv2d(x, 4, (3, 2), strides=2, padding="SAME", bias_initializer=tf.ones_initializer())
        dilated = tf.layers.conv2d(x, 4, 3, dilation_rate=(2, 1), use_bias=False)
        separable = tf.layers.separable_conv2d(x, 5, 3, strides=(2, 1), padding="same", depth_multiplier=2, activation=tf.nn.relu)
        v = tf.global_variables()
        pairs = [(plain, tf.nn.conv2d(x, v[0], [1, 2, 2, 1], "SAME") + v[1]), (dilated, tf.nn.conv2d(x, v[2], 1, "VALID", dilations=[1, 2, 1, 1])),
                 (separable, tf.nn.relu(tf.nn.separable_conv2d(x, v[3], v[4], [1, 2, 1, 1], "SAME") + v[5]))]
        for a, b in values(pairs):
            np.testing.assert_allclose(a, b, rtol=1e-6)

    def test_pooling(self):
        x = tf.constant(RNG.standard_normal((2, 7, 8, 3)).astype("float32"))
        for a, b in values([(tf.layers.max_pooling2d(x, 2, 2), tf.nn.max_pool(x, 2, 2, "VALID")),
                            (tf.layers.average_pooling2d(x, [3, 2], (2, 1), "same"), tf.nn.avg_pool(x, [3, 2], [2, 1], "SAME"))]):
            assert np.array_equal(a, b)

    def test_flatten(self):
        x = RNG.standard_normal((2, 3, 4)).astype("float32")
        for shape, static in (((2, 3, 4), [2, 12]), ((None, 3, 4), [None, 12]), ((2, None, 4), [2, None]), ((None, None, None), [None, None])):
            fed = image(*shape)
            y = tf.layers.flatten(fed)
            assert y.shape.as_list() == static
            assert np.array_equal(values(y, {fed: x}), x.reshape(2, 12))
            assert values(y, {fed: x[:, :3]} if shape[0] else {fed: x[:0]}).shape in ((2, 12), (0, 12))
        assert tf.layers.flatten(image(5)).shape.as_list() == [5, 1]

    def test_dropout(self):
        x, training = tf.ones([1000]), tf.placeholder(tf.bool, [])
        always, never, fed = (tf.layers.dropout(x, 0.2, seed=1, training=t) for t in (True, False, training))
        with tf.Session() as sess:
            for y in (sess.run(always), sess.run(fed, {training: True})):
                assert set(y.tolist()) == {0, 1.25} and 740 < (y > 0).sum() < 860
            assert (sess.run(never) == 1).all() and (sess.run(fed, {training: False}) == 1).all()


AXES = (0, 1, 2)


class TestBatchNormalization:
    @pytest.mark.parametrize("shape, axis, fused", [((6, 4), -1, None), ((3, 5, 4, 2), -1, None), ((3, 5, 4, 2), 3, False), ((3, 5, 4, 2), 1, None),
                                                    ((2, 3, 4), 1, None)], ids=str)
    @pytest.mark.parametrize("how", ["bool", "tensor"])
    def test_training_and_inference(self, shape, axis, fused, how):
        x = RNG.standard_normal(shape).astype("float32") * 2 + 3
        axes = tuple(a for a in range(len(shape)) if a != axis % len(shape))
        mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
        count = x.size // mean.size
        unbiased = count / (count - 1) if len(shape) == 4 and axis in (3, -1) and fused is None else 1
        training = tf.placeholder(tf.bool, [])
        flags = {"bool": (True, False), "tensor": (training, training)}[how]
        y, later = (tf.layers.batch_normalization(x, axis, momentum=0.9, training=t, name="bn", reuse=tf.AUTO_REUSE, fused=fused) for t in flags)
        assert y.shape.as_list() == list(shape)
        updates = tf.get_collection(tf.GraphKeys.UPDATE_OPS)
        assert len(updates) == {"bool": 2, "tensor": 4}[how]
        moving = tf.global_variables()[2:]
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            got, _ = sess.run([y, updates[:2]], {training: True})
            np.testing.assert_allclose(got, (x - mean) / np.sqrt(variance + 1e-3), rtol=1e-4, atol=1e-5)
            averages = sess.run(moving)
            np.testing.assert_allclose(averages[0], 0.1 * mean.ravel(), rtol=1e-5)
            np.testing.assert_allclose(averages[1], 0.9 + 0.1 * unbiased * variance.ravel(), rtol=1e-5)
            got, _ = sess.run([later, updates[2:]], {training: False})
            m, v = (a.reshape(mean.shape) for a in averages)
            np.testing.assert_allclose(got, (x - m) / np.sqrt(v + 1e-3), rtol=1e-4, atol=1e-5)
            for before, after in zip(averages, sess.run(moving)):
                assert np.array_equal(before, after)

    def test_without_scale_and_center(self):
        x = RNG.standard_normal((3, 2, 2, 4)).astype("float32")
        y = tf.layers.batch_normalization(x, scale=False, center=False, training=True)
        assert names() == ["batch_normalization/moving_mean:0", "batch_normalization/moving_variance:0"] and not tf.trainable_variables()
        np.testing.assert_allclose(values(y).mean(AXES), 0, atol=1e-6)

    def test_it_trains(self):
        """The gradient goes through the batch's moments, whichever way `training` is given."""
        x = RNG.standard_normal((4, 3, 3, 2)).astype("float32")
        wanted = None
        for training in (True, tf.placeholder_with_default(True, [])):
            fed = tf.constant(x)
            y = tf.layers.batch_normalization(fed, training=training, name="bn", reuse=tf.AUTO_REUSE)
            grads = values(tf.gradients(tf.reduce_sum(y ** 3.0), [fed, *tf.trainable_variables()]))
            wanted = wanted or grads
            for a, b in zip(grads, wanted):
                np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


BAD = [
    (lambda: tf.layers.dense(image(3), 4), "Input 0 of layer dense is incompatible with the layer: expected min_ndim=2, found ndim=1"),
    (lambda: tf.layers.dense(image(), 4), "its rank is undefined, but the layer requires a defined rank"),
    (lambda: tf.layers.dense(image(3, None), 4), "The last dimension of the inputs to `Dense` should be defined. Found `None`."),
    (lambda: tf.layers.conv2d(image(3, 4), 4, 3), "expected ndim=4, found ndim=2"),
    (lambda: tf.layers.conv2d(image(3, 4, 4, None), 4, 3), "The channel dimension of the inputs should be defined. Found `None`."),
    (lambda: tf.layers.conv2d(image(3, 4, 4, 1), 4, (3, 3, 3)), r"The `kernel_size` argument must be a positive integer or a tuple of 2 of them"),
    (lambda: tf.layers.conv2d(image(3, 4, 4, 1), 4, 3, padding="full"), 'The `padding` argument must be one of "valid", "same". Received: \'full\''),
    (lambda: tf.layers.conv2d(image(3, 4, 4, 1), 4, 3, data_format="NHWC"), "The `data_format` argument must be one of"),
    (lambda: tf.layers.max_pooling2d(image(3, 4, 4), 2, 2), "layer max_pooling2d is incompatible with the layer: expected ndim=4, found ndim=3"),
    (lambda: tf.layers.average_pooling2d(image(3, 4, 4, 1), 0, 2), "The `pool_size` argument must be a positive integer"),
    (lambda: tf.layers.batch_normalization(image(3, None)), "There are axes with undefined dimensions"),
    (lambda: tf.layers.batch_normalization(image(3, 4), axis=2), "Invalid axis: 2"),
    (lambda: tf.layers.batch_normalization(image(3, 4), fused=True), "fused=True is for inputs of 4 dimensions"),
    (lambda: tf.layers.dense(image(3, 4), 2, reuse=True), "reuse=True cannot be used without a name_or_scope"),
    (lambda: tf.layers.dense(image(3, 4), 2, kernel_constraint=abs), "constraints on variables are not implemented"),
]


@pytest.mark.parametrize("build, text", BAD, ids=range(len(BAD)))
def test_what_bad_arguments_are_told(build, text):
    with pytest.raises(ValueError, match=text):
        build()


def test_what_is_not_implemented():
    with pytest.raises(UnimplementedError, match="only supports the NHWC"):
        tf.layers.conv2d(image(1, 3, 4, 4), 4, 3, data_format="channels_first")
    with pytest.raises(UnimplementedError, match="renorm"):
        tf.layers.batch_normalization(image(3, 4), renorm=True)
    with pytest.raises(AttributeError, match="dense"):
        tf.layers.dens
