"""Large graphs: building, differentiating and running them takes time in proportion to their size.

The goals are for an idle machine and for each stage by itself: a second of this process's time.  A test that is to hold on any machine
allows MARGIN times as much, and compares a size with its double, which says more.
"""
import time

import numpy as np
import pytest

import minitf as tf

from .graphs import devices

MARGIN = 3.0


def chain(n):
    """1.01 * x - 0.01, n ops in all, from one placeholder."""
    x = y = tf.placeholder(tf.float32, [4], name="x")
    for k in range(n // 2):
        y = y * 1.01
        y = y - 0.01
    return x, y


def chain_of_products(n):
    """Nothing here can be fused."""
    x = y = tf.placeholder(tf.float32, [2, 2], name="x")
    turn = tf.constant([[0.6, 0.8], [-0.8, 0.6]])
    for _ in range(n):
        y = tf.matmul(y, turn)
    return x, y


def diamonds(n):
    """Each doubles the number of paths: 2 ** n of them from one end to the other."""
    x = y = tf.placeholder(tf.float32, [4], name="x")
    for _ in range(n):
        y = tf.tanh(y) * 0.5 + tf.sigmoid(y) * 0.5
    return x, y


def chain_of_views(n):
    x = y = tf.placeholder(tf.float32, [4], name="x")
    for k in range(n):
        y = tf.reshape(y, [2, 2] if k % 2 == 0 else [4])
    return x, tf.reshape(y, [4]) * 2.0


def chain_of_updates(n):
    """n / 2 updates of one variable, each waiting for the one before, with as many reads."""
    x = tf.placeholder(tf.float32, [4], name="x")
    v = tf.Variable(np.zeros(4, np.float32))
    y = x
    previous = []
    for _ in range(n // 2):
        with tf.control_dependencies(previous):
            previous = [tf.assign_add(v, y * 0.001)]
        with tf.control_dependencies(previous):
            y = v.read_value()
    return x, y


class Stages:
    """Process time by stage."""

    def __init__(self):
        self.seconds = {}

    def __call__(self, name, function):
        begin = time.process_time()
        result = function()
        self.seconds[name] = time.process_time() - begin
        return result

    def check(self, limit=MARGIN):
        print({name: round(seconds, 3) for name, seconds in self.seconds.items()})
        assert all(seconds < limit for seconds in self.seconds.values()), self.seconds


def stages(build, n, gradient=True, config=None):
    stage = Stages()
    with tf.Graph().as_default():
        x, y = stage("build", lambda: build(n))
        feeds = {x: np.full(x.shape.as_list(), 0.5, np.float32)}
        fetches = [y]
        if gradient:
            fetches.append(stage("differentiate", lambda: tf.gradients(y, x)[0]))
        with tf.Session(config=config) as sess:
            sess.run(tf.global_variables_initializer())
            for k, fetch in enumerate(fetches):
                kind = "the gradient" if k else "it"
                first = stage(f"first run of {kind}", lambda: sess.run(fetch, feeds))
                second = stage(f"second run of {kind}", lambda: sess.run(fetch, feeds))
                if not tf.global_variables():
                    np.testing.assert_array_equal(first, second)
                assert np.all(np.isfinite(second))
    return stage


@pytest.mark.parametrize("build, n", [(chain, 5000), (chain_of_products, 5000), (diamonds, 200), (chain_of_views, 5000)])
def test_a_second_for_each_stage(build, n):
    stages(build, n).check()


@pytest.mark.parametrize("build, n", [(chain_of_updates, 2000)])
def test_a_second_for_each_stage_without_a_gradient(build, n):
    stages(build, n, gradient=False).check()


def test_a_chain_over_two_devices():
    """Every tenth op on the other device: 500 transfers."""
    def build(n):
        x = y = tf.placeholder(tf.float32, [4], name="x")
        for k in range(n):
            with tf.device(f"/cpu:{k // 10 % 2}"):
                y = y * 1.0001
        return x, y
    stages(build, 5000, config=devices(2)).check()


@pytest.mark.parametrize("build, n", [(chain, 400), (chain_of_products, 400), (diamonds, 40), (chain_of_updates, 300)])
def test_nothing_is_quadratic(build, n):
    """Eight times the size takes about eight times the time, and would take 64 times.  Processor time of building and the first run."""
    def total(size):
        return min(sum(stages(build, size, gradient=build is not chain_of_updates).seconds.values()) for _ in range(2))
    small, large = total(n), total(8 * n)
    print(f"{n}: {small:.3f} s, {8 * n}: {large:.3f} s")
    assert large < 25 * small + 0.1


def test_second_order_of_a_long_chain():
    stage = Stages()
    x, y = stage("build", lambda: chain_of_products(1000))
    first, = stage("first order", lambda: tf.gradients(tf.reduce_sum(y * y), x))
    second, = stage("second order", lambda: tf.gradients(first, x))
    with tf.Session() as sess:
        got = stage("run", lambda: sess.run(second, {x: np.eye(2, dtype=np.float32)}))
    np.testing.assert_allclose(got, np.full((2, 2), 2.0), rtol=1e-2)        # the turns keep lengths, so y * y sums to x * x
    stage.check()
