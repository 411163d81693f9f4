"""Explain notes two writes of one variable that no edge orders, and is silent about what is well defined."""
import pytest

import minitf as tf


def notes(fetches):
    with tf.Session() as sess:
        return sess.explain(fetches).notes


def test_two_writes_in_no_order_are_noted_with_both_lines():
    v = tf.Variable(1.0, name="v")
    one, two = v.assign(2.0), v.assign(3.0)                    # here are both
    found, = notes([one, two])
    assert found.startswith("Variable 'v' is written by 'Assign' (Assign, made at ") and "'Assign_1' (Assign, made at " in found
    assert found.count("# here are both") == 2 and "test_unordered.py" in found and "control_dependencies" in found
    with tf.Session() as sess:
        assert "Note: " + found in str(sess.explain([one, two]))


def test_edges_order_them():
    v = tf.Variable(1.0)
    one = v.assign(2.0)
    with tf.control_dependencies([tf.identity(tf.no_op() and one)]):
        by_control = v.assign(3.0)
    by_data, by_reference = v.assign(tf.identity(one) + 1.0), tf.assign(one, 4.0)
    for later in (by_control, by_data, by_reference):
        assert notes([one, later]) == []
    assert len(notes([by_control, by_data])) == 1 and notes([one]) == notes([by_reference]) == []


@pytest.mark.parametrize("build", [
    lambda v, w: [v.assign_add(1.0), v.assign_sub(2.0)],       # they add, in any order
    lambda v, w: [v.assign(2.0), w.assign(3.0)],
    lambda v, w: [v.assign(v + 1.0), v.value(), v.read_value(), v + w],
    lambda v, w: [tf.is_variable_initialized(v), v.assign(1.0)],
    lambda v, w: [tf.global_variables_initializer(), v * 2.0],
    lambda v, w: [tf.train.GradientDescentOptimizer(0.1).minimize(v * w), v * w],
    lambda v, w: [tf.train.AdamOptimizer(0.1).minimize(v * w + v), tf.trainable_variables()],
    lambda v, w: [tf.train.MomentumOptimizer(0.1, 0.9).minimize(v * w, tf.Variable(0, trainable=False))],
])
def test_what_is_well_defined_is_not_noted(build):
    v, w = tf.Variable(1.0), tf.Variable(2.0)
    assert notes(build(v, w)) == []


def test_a_fed_write_does_not_run():
    v = tf.Variable(1.0)
    one, two = v.assign(2.0), v.assign(3.0)
    with tf.Session() as sess:
        assert sess.explain([one + 1.0, two], {one: 5.0}).notes == []


def test_a_fed_tensor_orders_nothing():
    """The op behind it runs (somebody else asks for it), but nobody waits for its value."""
    v = tf.Variable(1.0, name="v")
    one = v.assign(2.0)
    between = tf.multiply(tf.identity(one), 3.0)
    two = v.assign(between)
    assert notes([one.op, two.op]) == []
    with tf.Session() as sess:
        assert len(sess.explain([one.op, two.op, between.op], {between: 5.0}).notes) == 1
