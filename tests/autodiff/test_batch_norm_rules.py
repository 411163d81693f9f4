"""The rules of fused batch normalisation against central differences, first and second derivatives."""
import pytest

import minitf as tf
from minitf.autodiff import check_gradient
from minitf.ops.apply import apply_op

SHAPES = [(2, 3, 2, 3), (5, 1, 1, 1), (1, 1, 2, 4)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("known_shapes", [True, False])
def test_training(shape, known_shapes):
    check_gradient(lambda x, s, b: tf.nn.fused_batch_norm(x, s, b, epsilon=0.1)[0] ** 3.0, shape, shape[3:], shape[3:], known_shapes=known_shapes,
                   tolerance=1e-5)


@pytest.mark.parametrize("known_shapes", [True, False])
@pytest.mark.parametrize("which", [1, 2])
def test_mean_and_variance_of_the_batch(which, known_shapes):
    check_gradient(lambda x, s, b: tf.reduce_sum(tf.nn.fused_batch_norm(x, s, b, epsilon=0.1)[which] ** 2.0) * x, (2, 2, 3, 2), (2,), (2,),
                   known_shapes=known_shapes)


@pytest.mark.parametrize("known_shapes", [True, False])
def test_inference(known_shapes):
    check_gradient(lambda x, s, b, m, v: tf.nn.fused_batch_norm(x, s, b, m, v, epsilon=0.1, is_training=False)[0] ** 3.0, (2, 2, 3, 2), (2,), (2,), (2,),
                   (2,), known_shapes=known_shapes, domain=(0.3, 1.0))
    check_gradient(lambda m, v: sum(tf.nn.fused_batch_norm(tf.ones([1, 2, 2, 3], tf.float64), tf.ones([3], tf.float64), tf.zeros([3], tf.float64), m, v,
                                                           is_training=False)[1:]) ** 2.0, (3,), (3,), known_shapes=known_shapes, domain=(0.3, 1.0))


def test_the_gradient_op_in_inference():
    attrs = dict(epsilon=0.1, is_training=False)
    for k in (0, 1, 2):
        check_gradient(lambda g, x, s, m, v: apply_op("FusedBatchNormGrad", g, x, s, m, v, **attrs)[k] ** 2.0, (2, 2, 1, 2), (2, 2, 1, 2), (2,), (2,), (2,),
                       domain=(0.3, 1.0))


def test_a_gradient_that_depends_on_x_counts_once():
    """Second derivatives of a penalty on gradients, where the op's inputs depend on one another."""
    def penalty(x):
        y, _, _ = tf.nn.fused_batch_norm(x * x, x[0, 0, 0] + 2.0, x[0, 0, 1], epsilon=0.1)
        return tf.reduce_sum(tf.square(tf.gradients(y ** 2.0, x)[0]))

    check_gradient(penalty, (2, 2, 2, 2), order=1, tolerance=1e-5)
