"""Training with every optimizer, random numbers and the LSTM cell in a session: on an emulated GPU as on the CPU."""
import numpy as np
import pytest

import minitf as tf
from minitf.core import swap
from minitf.kernels.gpu import devices as gpu_devices
from minitf.kernels.gpu.device import EmulatedDevice

GPU = EmulatedDevice("GPU:0", 64 << 20)


@pytest.fixture(autouse=True)
def one_gpu(monkeypatch):
    monkeypatch.setattr(gpu_devices, "_found", [GPU])


OPTIMIZERS = {
    "descent": lambda step: tf.train.GradientDescentOptimizer(0.1), "momentum": lambda step: tf.train.MomentumOptimizer(0.1, 0.9),
    "nesterov": lambda step: tf.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True), "adagrad": lambda step: tf.train.AdagradOptimizer(0.1),
    "adadelta": lambda step: tf.train.AdadeltaOptimizer(0.1), "adam": lambda step: tf.train.AdamOptimizer(0.1),
    "rmsprop": lambda step: tf.train.RMSPropOptimizer(0.1, momentum=0.5), "centered": lambda step: tf.train.RMSPropOptimizer(0.1, centered=True),
    "ftrl": lambda step: tf.train.FtrlOptimizer(0.1, l1_regularization_strength=0.01, l2_shrinkage_regularization_strength=0.1),
    "proximal": lambda step: tf.train.ProximalGradientDescentOptimizer(0.1, l1_regularization_strength=0.01),
    "proximal adagrad": lambda step: tf.train.ProximalAdagradOptimizer(0.1), "dual averaging": lambda step: tf.train.AdagradDAOptimizer(0.1, step),
}


def trained(device, optimizer):
    """Losses and variables of a model with dense gradients and with those of an embedding's rows."""
    random = np.random.default_rng(0)
    with tf.Graph().as_default(), tf.device(device):
        weights = tf.Variable(random.standard_normal((7, 5)).astype(np.float32))
        rows = tf.Variable(random.standard_normal((11, 3)).astype(np.float32))
        x, ids = tf.placeholder(tf.float32, [4, 7]), tf.placeholder(tf.int32, [9])
        loss = tf.reduce_sum(tf.square(tf.matmul(x, weights))) + tf.reduce_sum(tf.square(tf.gather(rows, ids)) * 0.5)
        step = tf.Variable(0, trainable=False, dtype=tf.int64)
        train = OPTIMIZERS[optimizer](step).minimize(loss, global_step=step)
        with tf.Session(config=tf.ConfigProto(allow_soft_placement=swap.ACTIVE)) as sess:       # a reader's code may take ops that have no GPU kernel
            sess.run(tf.global_variables_initializer())
            losses = [sess.run([train, loss], {x: random.standard_normal((4, 7)) * 0.1, ids: random.integers(0, 11, 9)})[1] for _ in range(5)]
            return losses, *sess.run([weights, rows, step])


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_learns_the_same(optimizer):
    for on_gpu, on_cpu in zip(trained("/gpu:0", optimizer), trained("/cpu:0", optimizer)):
        np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-4, atol=1e-6)


def drawn(device):
    """What random ops draw in three runs."""
    with tf.Graph().as_default(), tf.device(device):
        tf.set_random_seed(3)
        n = tf.placeholder(tf.int32, [])
        ops = [tf.random_uniform(tf.stack([n, 3]), seed=9), tf.random_normal([33], mean=2.0, seed=2), tf.truncated_normal([9], seed=5, dtype=tf.float64),
               tf.random_uniform([11], 3, 900, dtype=tf.int32, seed=4), tf.nn.dropout(tf.ones([20]), 0.5, seed=8)]
        with tf.Session() as sess:
            return [sess.run(ops, {n: k}) for k in (2, 0, 5)]


def test_random_numbers_are_the_cpus_and_go_on_from_run_to_run():
    runs = drawn("/gpu:0")
    for on_gpu, on_cpu in zip(runs, drawn("/cpu:0")):
        for a, b in zip(on_gpu, on_cpu):
            np.testing.assert_allclose(a, b, rtol=1e-5)
    assert not np.intersect1d(runs[0][1], runs[2][1]).size


def character_losses(device, clip, peephole):
    with tf.Graph().as_default(), tf.device(device):
        tf.set_random_seed(3)
        x = tf.placeholder(tf.float32, [4, 6, 5])
        cell = tf.nn.rnn_cell.LSTMBlockCell(7, cell_clip=clip, use_peephole=peephole)
        outputs, state = tf.nn.static_rnn(cell, tf.unstack(x, axis=1), dtype=tf.float32)
        loss = tf.reduce_sum(tf.square(tf.stack(outputs) - 0.5)) + tf.reduce_sum(state.c)
        train = tf.train.GradientDescentOptimizer(0.1).minimize(loss)
        random = np.random.default_rng(0)
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            return [sess.run([train, loss], {x: random.standard_normal((4, 6, 5))})[1] for _ in range(4)]


@pytest.mark.parametrize("clip, peephole", [(None, False), (0.3, True)])
def test_an_lstm_learns_the_same(clip, peephole):
    np.testing.assert_allclose(character_losses("/gpu:0", clip, peephole), character_losses("/cpu:0", clip, peephole), rtol=2e-5)


def test_an_index_outside_is_told_with_the_op_and_changes_nothing():
    with tf.Graph().as_default(), tf.device("/gpu:0"):
        v = tf.Variable(np.ones((5, 2), np.float32))
        ids = tf.placeholder(tf.int32, [2])
        add = tf.scatter_add(v, ids, np.ones((2, 2), np.float32), name="add_rows")
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            with pytest.raises(tf.errors.InvalidArgumentError, match=r"indices\[1\] = 5 is not in \[0, 5\)") as caught:
                sess.run(add.op, {ids: [0, 5]})
            assert caught.value.op.name == "add_rows"
            assert (sess.run(v) == 1).all()
            sess.run(add.op, {ids: [0, 4]})
            assert sess.run(v)[:, 0].tolist() == [2, 1, 1, 1, 2]


def test_hyper_parameters_without_a_meaning_are_told():
    with tf.Graph().as_default(), tf.device("/gpu:0"):
        v, rate = tf.Variable(np.ones(5, np.float32)), tf.placeholder(tf.float32, [])
        train = tf.train.FtrlOptimizer(rate).minimize(tf.reduce_sum(v * v))
        with tf.Session() as sess:
            sess.run(tf.global_variables_initializer())
            with pytest.raises(tf.errors.InvalidArgumentError, match="lr is not a positive scalar: -0.5"):
                sess.run(train, {rate: -0.5})
            assert (sess.run(v) == 1).all()
