"""Moving averages against NumPy, and the names under which they are saved."""
import numpy as np
import pytest

import minitf as tf
from minitf.train.moving_averages import assign_moving_average, weighted_moving_average


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", [False, True])
def test_averages_of_variables(session, dtype, count):
    a, b = tf.Variable(dtype([1.0, 2.0]), name="a"), tf.Variable(dtype(5.0), name="b")
    step = tf.train.create_global_step()
    ema = tf.train.ExponentialMovingAverage(0.75, num_updates=step if count else None)
    move = tf.group(a.assign_add([1.0, -2.0]), b.assign_add(0.5), tf.assign_add(step, 1))
    with tf.control_dependencies([move]):
        update = ema.apply([a, b])
    session.run(tf.global_variables_initializer())
    values = {a: np.array([1.0, 2.0]), b: np.array(5.0)}
    averages = dict(values)
    for n in range(1, 8):
        session.run(update)
        decay = min(0.75, (1 + n) / (10 + n)) if count else 0.75
        for v, delta in ((a, np.array([1.0, -2.0])), (b, 0.5)):
            values[v] = values[v] + delta
            averages[v] = decay * averages[v] + (1 - decay) * values[v]
            np.testing.assert_allclose(ema.average(v).eval(), averages[v], rtol=1e-6 if dtype is np.float32 or count else 1e-13)


def test_names_collections_and_devices():
    with tf.variable_scope("layer"), tf.device("/device:CPU:1"):
        w = tf.get_variable("w", [2])
    frozen, other = tf.Variable(1.0, trainable=False, name="frozen"), tf.Variable(2.0, name="other")
    ema = tf.train.ExponentialMovingAverage(0.9)
    assert ema.average(w) is None and ema.average_name(w) == "layer/w/ExponentialMovingAverage" and ema.name == "ExponentialMovingAverage"
    update = ema.apply([w, frozen])
    assert update.name == "ExponentialMovingAverage"
    shadow = ema.average(w)
    assert shadow.op.name == ema.average_name(w) == "layer/w/ExponentialMovingAverage" and shadow.device == w.device
    assert tf.moving_average_variables() == [w, frozen]
    assert shadow in tf.global_variables() and shadow not in tf.trainable_variables()
    names = {k: v.op.name for k, v in ema.variables_to_restore().items()}
    assert names == {"layer/w/ExponentialMovingAverage": "layer/w", "frozen/ExponentialMovingAverage": "frozen",
                     "other/ExponentialMovingAverage": "other"}
    names = {k: v.op.name for k, v in ema.variables_to_restore([w]).items()}
    assert names == {"layer/w/ExponentialMovingAverage": "layer/w", "frozen": "frozen", "other": "other",
                     "frozen/ExponentialMovingAverage": "frozen/ExponentialMovingAverage"}


def test_names_without_the_averages_in_the_graph():
    w, step = tf.Variable(1.0, name="w"), tf.train.create_global_step()
    restore = tf.train.ExponentialMovingAverage(0.9, name="EMA").variables_to_restore()
    assert restore == {"w/EMA": w, "global_step": step}


def test_applying_twice_uses_the_same_average(session):
    w = tf.Variable(1.0)
    ema = tf.train.ExponentialMovingAverage(0.5)
    first, shadow = ema.apply([w]), ema.average(w)
    second = ema.apply()
    assert ema.average(w) is shadow and first is not second
    session.run(tf.global_variables_initializer())
    session.run(w.assign(3.0))
    session.run(first)
    session.run(second)
    assert shadow.eval() == 2.5


@pytest.mark.parametrize("debias", [False, True])
def test_averages_of_tensors_start_at_zero(session, debias):
    x = tf.placeholder(tf.float32, [2])
    y = x * 2.0
    ema = tf.train.ExponentialMovingAverage(0.8, zero_debias=debias)
    update = ema.apply([y])
    session.run(tf.global_variables_initializer())
    average = np.zeros(2)
    for n in range(1, 6):
        value = np.array([n, -1.0])
        session.run(update, {x: value})
        average = 0.8 * average + 0.2 * 2 * value
        np.testing.assert_allclose(ema.average(y).eval(), average / (1 - 0.8 ** n) if debias else average, rtol=1e-5)


def test_only_floats_have_averages():
    with pytest.raises(TypeError, match="Averages are of variables and tensors, got 3.0"):
        tf.train.ExponentialMovingAverage(0.9).apply([3.0])
    with pytest.raises(TypeError, match="The variables must be float32 or float64: n:0"):
        tf.train.ExponentialMovingAverage(0.9).apply([tf.Variable(1, name="n")])


def test_assign_moving_average_returns_the_new_average(session):
    v, decay = tf.Variable(10.0), tf.placeholder(tf.float32, [])
    update = assign_moving_average(v, 20.0, decay, zero_debias=False)
    session.run(v.initializer)
    assert session.run(update, {decay: 0.25}) == 17.5


def test_debiased_variables_are_named_after_the_variable(session):
    v = tf.get_variable("mean", [], initializer=tf.zeros_initializer())
    for _ in range(2):
        assign_moving_average(v, 1.0, 0.9)
    names = {x.op.name for x in tf.global_variables()}
    assert names == {"mean", "mean/biased", "mean/local_step", "mean/biased_1", "mean/local_step_1"}


def test_weighted_moving_average(session):
    value, weight = tf.placeholder(tf.float32, [2]), tf.placeholder(tf.float32, [2])
    average = weighted_moving_average(value, 0.5, weight)
    session.run(tf.global_variables_initializer())
    top = bottom = np.zeros(2)
    for n in range(1, 5):
        x, w = np.array([n, 2.0]), np.array([1.0, n])
        top, bottom = 0.5 * top + 0.5 * x * w, 0.5 * bottom + 0.5 * w
        np.testing.assert_allclose(session.run(average, {value: x, weight: w}), top / bottom, rtol=1e-6)
