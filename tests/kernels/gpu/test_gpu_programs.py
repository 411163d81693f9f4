"""Reductions, losses and normalisations with their gradients, as a program: the same on an emulated GPU as on the CPU."""
import numpy as np
import pytest

import minitf as tf
from minitf.kernels.gpu import devices
from minitf.kernels.gpu.device import EmulatedDevice


@pytest.fixture(autouse=True)
def one_gpu(monkeypatch):
    monkeypatch.setattr(devices, "_found", [EmulatedDevice("GPU:0", 64 << 20)])


def agree(build, *feeds):
    """The tensors that build(*placeholders) gives; without soft placement, so an op that has no GPU kernel is an error."""
    found = []
    for device in ("/cpu:0", "/gpu:0"):
        with tf.Graph().as_default(), tf.device(device):
            given = [tf.placeholder(a.dtype, a.shape) for a in feeds]
            tensors = build(*given)
            with tf.Session(config=tf.ConfigProto(allow_soft_placement=False)) as sess:
                found.append(sess.run(tensors, dict(zip(given, feeds))))
    for on_cpu, on_gpu in zip(*found, strict=True):
        np.testing.assert_allclose(on_gpu, on_cpu, rtol=2e-5, atol=2e-5)


def with_gradients(losses, x):
    return losses + [tf.gradients(loss, x)[0] for loss in losses]


IMAGES = np.random.default_rng(0).standard_normal((8, 6, 6, 12)).astype("float32")


def test_reductions():
    reductions = (tf.reduce_sum, tf.reduce_mean, tf.reduce_max, tf.reduce_min)
    agree(lambda x: with_gradients([tf.reduce_sum(f(x, axes) ** 2) for f in reductions for axes in (None, 0, [1, 2], 3, [0, 2])], x),
          IMAGES)


def test_losses():
    def build(x, labels):
        losses = [tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=x)),
                  tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=tf.one_hot(labels, 10), logits=x)),
                  tf.reduce_sum(tf.nn.softmax(x) ** 2), tf.reduce_sum(tf.nn.log_softmax(x) ** 2) / 100, tf.nn.l2_loss(x)]
        return with_gradients(losses, x) + [tf.argmax(x, 1), tf.nn.in_top_k(x, labels, 3), tf.nn.top_k(x, 4).indices]

    rng = np.random.default_rng(0)
    agree(build, rng.standard_normal((50, 10)).astype("float32"), rng.integers(0, 10, 50))


def test_normalisations_and_running_sums():
    def build(x):
        y, mean, variance = tf.nn.fused_batch_norm(x, tf.ones([12]), tf.zeros([12]))
        losses = [tf.reduce_sum(y ** 3), tf.reduce_sum(tf.nn.lrn(x) ** 2), tf.reduce_sum(tf.cumsum(x, 3) ** 2) / 100]
        return with_gradients(losses, x) + [mean, variance]

    agree(build, IMAGES)
