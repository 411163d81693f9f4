"""Schedules against their formulas at many steps, and the refusals."""
import math

import numpy as np
import pytest

import minitf as tf

STEPS = [0, 1, 7, 99, 100, 101, 250, 300, 999, 1000, 12345]
t = tf.train


def polynomial(s, cycle=False, steps=100, end=0.01, power=2.0, rate=0.5):
    steps = steps * max(math.ceil(s / steps), 1) if cycle else steps
    return (rate - end) * (1 - min(s, steps) / steps) ** power + end


def restarts(s, first=100, t_mul=2.0, m_mul=1.0, alpha=0.0, rate=0.5):
    start, length, count = 0.0, float(first), 0
    while s >= start + length:
        start, length, count = start + length, length * t_mul, count + 1
    wave = 0.5 * m_mul ** count * (1 + math.cos(math.pi * (s - start) / length))
    return rate * ((1 - alpha) * wave + alpha)


SCHEDULES = {
    "exponential": (lambda s: t.exponential_decay(0.5, s, 100, 0.9), lambda s: 0.5 * 0.9 ** (s / 100)),
    "exponential_stairs": (lambda s: t.exponential_decay(0.5, s, 100, 0.9, staircase=True), lambda s: 0.5 * 0.9 ** (s // 100)),
    "natural": (lambda s: t.natural_exp_decay(0.5, s, 100, 0.3), lambda s: 0.5 * math.exp(-0.3 * s / 100)),
    "natural_stairs": (lambda s: t.natural_exp_decay(0.5, s, 100, 0.3, staircase=True), lambda s: 0.5 * math.exp(-0.3 * (s // 100))),
    "inverse": (lambda s: t.inverse_time_decay(0.5, s, 100, 0.3), lambda s: 0.5 / (1 + 0.3 * s / 100)),
    "inverse_stairs": (lambda s: t.inverse_time_decay(0.5, s, 100, 0.3, staircase=True), lambda s: 0.5 / (1 + 0.3 * (s // 100))),
    "piecewise": (lambda s: t.piecewise_constant(s, [100, 300, 1000], [1.0, 0.5, 0.1, 0.01]),
                  lambda s: 1.0 if s <= 100 else 0.5 if s <= 300 else 0.1 if s <= 1000 else 0.01),
    "polynomial": (lambda s: t.polynomial_decay(0.5, s, 100, 0.01, 2.0), polynomial),
    "polynomial_line": (lambda s: t.polynomial_decay(0.5, s, 100), lambda s: polynomial(s, end=0.0001, power=1.0)),
    "polynomial_cycle": (lambda s: t.polynomial_decay(0.5, s, 100, 0.01, 2.0, cycle=True), lambda s: polynomial(s, cycle=True)),
    "cosine": (lambda s: t.cosine_decay(0.5, s, 1000, 0.1), lambda s: 0.5 * (0.9 * 0.5 * (1 + math.cos(math.pi * min(s / 1000, 1))) + 0.1)),
    "restarts": (lambda s: t.cosine_decay_restarts(0.5, s, 100), restarts),
    "restarts_even": (lambda s: t.cosine_decay_restarts(0.5, s, 100, t_mul=1.0, m_mul=0.9, alpha=0.1), lambda s: restarts(s, t_mul=1.0, m_mul=0.9, alpha=0.1)),
    "restarts_tensor": (lambda s: t.cosine_decay_restarts(0.5, s, 100, t_mul=tf.constant(1.0)), lambda s: restarts(s, t_mul=1.0)),
    "restarts_smaller": (lambda s: t.cosine_decay_restarts(0.5, s, 100, t_mul=tf.constant(3.0), m_mul=0.5), lambda s: restarts(s, t_mul=3.0, m_mul=0.5)),
    "linear_cosine": (lambda s: t.linear_cosine_decay(0.5, s, 1000, 1.5, 0.1, 0.01),
                      lambda s: 0.5 * ((0.1 + 1 - min(s / 1000, 1)) * 0.5 * (1 + math.cos(math.pi * 3.0 * min(s / 1000, 1))) + 0.01)),
}


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedule(session, name):
    make, formula = SCHEDULES[name]
    step = tf.placeholder(tf.int64, [])
    rate = make(step)
    assert rate.dtype == tf.float32 and rate.get_shape().as_list() == []
    for s in STEPS:
        assert rate.eval({step: s}) == pytest.approx(formula(s), rel=2e-5, abs=1e-7), s


@pytest.mark.parametrize("step_dtype", [tf.int32, tf.int64, tf.float32, tf.float64])
def test_the_rate_decides_the_dtype(session, step_dtype):
    step = tf.placeholder(step_dtype, [])
    rate = t.exponential_decay(tf.constant(0.1, tf.float64), step, 1000, 0.96)
    assert rate.dtype == tf.float64
    assert rate.eval({step: 2500}) == pytest.approx(0.1 * 0.96 ** 2.5, rel=1e-14)


def test_decay_follows_the_variable(session):
    step, x = t.create_global_step(), tf.Variable(0.0)
    train_op = t.GradientDescentOptimizer(t.exponential_decay(1.0, step, 1, 0.5)).minimize(-x, global_step=step)
    session.run(tf.global_variables_initializer())
    for expected in (1.0, 1.5, 1.75):
        session.run(train_op)
        assert x.eval() == expected


def test_names(session):
    step = t.create_global_step()
    assert t.exponential_decay(0.1, step, 10, 0.9).op.name == "ExponentialDecay"
    assert t.piecewise_constant(step, [1], [1.0, 2.0], name="mine").op.name == "mine"
    assert t.piecewise_constant_decay is t.piecewise_constant


def test_noise_has_the_variance_that_was_asked_for(session):
    tf.set_random_seed(1)
    step = tf.placeholder(tf.int32, [])
    rate = t.noisy_linear_cosine_decay(1.0, step, 1000, initial_variance=0.5, variance_decay=0.5, beta=0.0, num_periods=0.0)
    for s in (0, 99):
        drawn = np.array([rate.eval({step: s}) for _ in range(400)])
        assert drawn.mean() == pytest.approx(1 - s / 1000, abs=0.15)
        assert drawn.var() == pytest.approx(0.5 / (1 + s) ** 0.5, rel=0.3)


def test_refusals():
    for schedule in (t.exponential_decay, t.natural_exp_decay, t.inverse_time_decay):
        with pytest.raises(ValueError, match=f"global_step is required for {schedule.__name__}."):
            schedule(0.1, None, 10, 0.9)
    for schedule in (t.polynomial_decay, t.cosine_decay, t.cosine_decay_restarts, t.linear_cosine_decay, t.noisy_linear_cosine_decay):
        with pytest.raises(ValueError, match=f"global_step is required for {schedule.__name__}."):
            schedule(0.1, None, 10)
    step = tf.placeholder(tf.int32, [])
    with pytest.raises(ValueError, match=r"Boundaries \(float32\) must have the same dtype as x \(int32\)"):
        t.piecewise_constant(step, [1.5], [1.0, 2.0])
    with pytest.raises(ValueError, match=r"Values must have elements all with the same dtype \(float32 vs int32\)"):
        t.piecewise_constant(step, [1], [1.0, 2])
    with pytest.raises(ValueError, match="one more value than boundaries, and a boundary, got 2 values and 2 boundaries"):
        t.piecewise_constant(step, [1, 2], [1.0, 2.0])
