"""Rules of the activations, top_k and normalisations: first and second derivatives, with shapes known and unknown."""
import pytest

import minitf as tf
from minitf.autodiff import check_gradient

SHAPES = [(3, 4), (), (1,), (0,)]
ACTIVATIONS = {"relu6": (1, 5), "elu": (-2, 2), "selu": (-2, 2), "softsign": (-2, 2), "leaky_relu": (-2, 2), "crelu": (-2, 2)}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("known", [True, False])
def test_activations(name, shape, known):
    if name != "crelu" or shape:
        check_gradient(lambda x: getattr(tf.nn, name)(x) ** 2.0 if name == "softsign" else getattr(tf.nn, name)(x), shape, domain=ACTIVATIONS[name],
                       known_shapes=known)


def test_third_derivatives():
    for name in ("elu", "selu", "softsign"):
        check_gradient(getattr(tf.nn, name), points=[[-1.5, -0.3, 0.4]], order=3)


def test_relu6_stops_at_its_corners():
    x = tf.constant([-1.0, 0.0, 3.0, 6.0, 7.0])
    assert tf.gradients(tf.nn.relu6(x), x)[0].eval().tolist() == [0, 0, 1, 0, 0]


@pytest.mark.parametrize("known", [True, False])
def test_top_k(known):
    check_gradient(lambda x: tf.nn.top_k(x, 2).values ** 3.0, (3, 4), known_shapes=known)
    check_gradient(lambda x: tf.nn.top_k(x, 3)[0] ** 3.0, (5,), known_shapes=known)
    check_gradient(lambda x: tf.nn.top_k(x, 1)[0] ** 3.0, (2, 2, 3), known_shapes=known)
    check_gradient(lambda x: tf.nn.top_k(x, 1)[0] ** 3.0, (0, 3), known_shapes=known)


@pytest.mark.parametrize("known", [True, False])
def test_moments(known):
    for function in (lambda x: tf.nn.moments(x, [0]), lambda x: tf.nn.weighted_moments(x, [0], [[1.0], [2.0], [0.5]]),
                     lambda x: tf.nn.normalize_moments(*tf.nn.sufficient_statistics(x, [0]))):
        for i in (0, 1):
            check_gradient(lambda x: function(x)[i] ** 2.0, (3, 4), known_shapes=known)


def test_normalisation():
    def batch_norm(x, offset, scale):
        mean, variance = tf.nn.moments(x, [0])
        return tf.nn.batch_normalization(x, mean, variance, offset, scale, 1e-3)

    check_gradient(batch_norm, (5, 3), (3,), (3,))
    check_gradient(lambda x: tf.nn.l2_normalize(x, 1), (2, 3))


@pytest.mark.parametrize("known", [True, False])
def test_softmax_along_another_dimension(known):
    for dim in (0, 1):
        check_gradient(lambda x: tf.nn.softmax(x, dim), (3, 2, 2), known_shapes=known)
        check_gradient(lambda x: tf.nn.log_softmax(x, dim), (3, 2, 2), known_shapes=known)


def test_losses():
    labels = [[1.0, 0.0, 0.3], [0.0, 0.2, 0.0]]
    for function in (tf.losses.mean_squared_error, tf.losses.log_loss, tf.losses.huber_loss, tf.losses.sigmoid_cross_entropy,
                     tf.losses.mean_pairwise_squared_error):
        check_gradient(lambda x: function(tf.constant(labels, tf.float64), x), (2, 3), domain=(0.3, 0.9))
    check_gradient(lambda x: tf.nn.log_poisson_loss(tf.constant([0.5, 3.0], tf.float64), x, True), (2,))
