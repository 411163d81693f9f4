"""Variables: reads are snapshots, and control edges alone decide the order."""
import itertools

import numpy as np
import pytest

import minitf as tf

from .graphs import devices, unoptimised

CONFIGS = {"one device": lambda: devices(1), "two devices": lambda: devices(2), "not optimised": lambda: unoptimised(2)}


@pytest.fixture(params=CONFIGS)
def sess(request, graph):
    with tf.Session(config=CONFIGS[request.param]()) as sess:
        yield sess


def away(sess):
    """The other device, if there is one."""
    return tf.device(f"/cpu:{len(sess.list_devices()) - 1}")


# ---- order ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edge, sees", [
    ("read first", 1.0), ("write first", 11.0), ("value read outside", 1.0), ("through the result", 11.0), ("no edge", 1.0),
])
def test_what_a_read_sees(sess, edge, sees):
    """The truth table of one read and one update, the read's user on the same device or on another."""
    v = tf.Variable(1.0)
    snapshot = v.value()
    with away(sess):
        if edge == "read first":
            read = v.read_value()
            with tf.control_dependencies([read]):
                update = v.assign_add(10.0)
            result = read * 1.0
        elif edge == "write first":
            update = v.assign_add(10.0)
            with tf.control_dependencies([update]):
                result = v.read_value() * 1.0
        elif edge == "value read outside":            # `v` in an expression is the read that was made with the variable
            update = v.assign_add(10.0)
            with tf.control_dependencies([update]):
                result = v * 1.0
        elif edge == "through the result":
            update = v.assign_add(10.0)
            result = update * 1.0
        else:
            update = v.assign_add(10.0)
            result = snapshot * 1.0
    for _ in range(5):
        sess.run(v.initializer)
        got = sess.run([result, update.op])
        assert got[0] == sees and sess.run(v) == 11


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_any_order_of_control_edges_is_kept(sess, order):
    """Four actions on one variable, chained by control edges in every order."""
    v = tf.Variable(2.0)
    results, previous, value, want = {}, [], 2.0, {}
    for action in order:
        with away(sess) if action % 2 else tf.device(None), tf.control_dependencies(previous):
            if action == 0:
                results[0] = v.read_value()
            elif action == 1:
                results[1] = tf.identity(v.read_value()) * 1.0
            else:
                with tf.device(None):
                    results[action] = v.assign_add(3.0) if action == 2 else v.assign(v.read_value() * 5.0)
        if action == 2:
            value += 3.0
        elif action == 3:
            value *= 5.0
        if action < 2:
            want[action] = value
        previous = [results[action]]
    for _ in range(3):
        sess.run(v.initializer)
        got = sess.run([results[0], results[1], results[2].op, results[3].op])
        assert got[:2] == [want[0], want[1]] and sess.run(v) == value


def test_unordered_reads_and_writes_see_the_steps_start(sess):
    """`x = v + 0; v.assign(...)` without an edge: every plain read is of before, whatever is fetched first."""
    v, w = tf.Variable([1.0, 2.0]), tf.Variable([10.0, 20.0])
    swap = [v.assign(w), w.assign(v)]
    reads = [v * 1.0, w * 1.0, v + w]
    sess.run([v.initializer, w.initializer])
    a, b = np.array([1, 2]), np.array([10, 20])
    for flip in (False, True, False):
        fetches = [*reads, *(s.op for s in swap)]
        got = sess.run(fetches[::-1])[::-1] if flip else sess.run(fetches)
        np.testing.assert_array_equal(got[:3], [a, b, a + b])
        a, b = b, a


def test_updates_whose_snapshots_are_used_after_the_other_update(sess):
    """Each use of a snapshot waits for the update of the other variable: one of them has to copy, and both are right."""
    a, b = tf.Variable(np.ones(5, np.float32)), tf.Variable(np.full(5, 10, np.float32))
    more_a, more_b = a.assign_add(np.ones(5, np.float32)), b.assign_add(np.ones(5, np.float32))
    with tf.control_dependencies([more_b]):
        old_a = tf.reshape(a, [5, 1]) * 2.0
    with tf.control_dependencies([more_a]):
        old_b = tf.reshape(b, [5, 1]) * 2.0
    with away(sess):
        late = [tf.reduce_sum(a * 1.0), tf.reduce_sum(tf.reshape(b, [1, 5]))]
    sess.run([a.initializer, b.initializer])
    for k in range(4):
        got = sess.run([old_a, old_b, *late, more_a.op, more_b.op])
        assert np.all(got[0] == 2 + 2 * k) and np.all(got[1] == 20 + 2 * k) and got[2:4] == [5 + 5 * k, 50 + 5 * k]


def test_fetching_an_update_gives_the_value_after_it(sess):
    v = tf.Variable(0.0)
    up = v.assign_add(1.0)
    twice = tf.assign_add(up, 10.0)
    sess.run(v.initializer)
    assert sess.run(up) == 1 and sess.run([up, up]) == [2, 2] and sess.run(twice) == 13
    assert sess.run(v.assign(5.0)) == 5 and sess.run([v.assign_sub(2.0), v.value()]) == [3, 5]


# ---- life -------------------------------------------------------------------------------------------------------------------


def test_uninitialised_variables(sess):
    v = tf.Variable([1.0, 2.0], name="v")
    w = tf.Variable(0.0, name="w")
    for fetch in (v, v.value(), v * 2.0, v.assign_add([1.0, 1.0]), v.assign_sub([1.0, 1.0]), tf.scatter_add(v, [0], [1.0])):
        for _ in range(2):
            with pytest.raises(tf.errors.FailedPreconditionError, match="Attempting to use uninitialized value v") as e:
                sess.run(fetch)
            assert e.value.op.name.startswith(("v", fetch.op.name)) and "inputs: v float32_ref[2]" in str(e.value)
    assert sess.run([tf.is_variable_initialized(v), tf.is_variable_initialized(w)]) == [False, False]
    sess.run(w.initializer)
    assert sess.run([tf.is_variable_initialized(v), tf.is_variable_initialized(w)]) == [False, True] and sess.run(w) == 0
    sess.run(v.initializer)
    np.testing.assert_array_equal(sess.run(v), [1, 2])


def test_each_session_has_its_own_state(graph):
    v = tf.Variable(0.0)
    up = v.assign_add(1.0)
    with tf.Session() as a, tf.Session() as b:
        a.run(v.initializer)
        assert a.run(up) == 1
        with pytest.raises(tf.errors.FailedPreconditionError):
            b.run(v)
        b.run(v.initializer)
        assert b.run(up) == 1 and a.run(up) == 2 and b.run(v) == 1


def test_initialisation_from_another_variable(sess):
    a = tf.Variable(3.0)
    b = tf.Variable(a.initialized_value() * 2.0)
    c = tf.Variable(b * 2.0 + a)
    sess.run(tf.global_variables_initializer())
    assert sess.run([a, b, c]) == [3, 6, 15]


def test_a_variable_may_change_its_shape_where_that_is_allowed(sess):
    v = tf.Variable(tf.placeholder_with_default([1.0, 2.0], [None]), validate_shape=False)
    x = tf.placeholder(tf.float32, [None])
    put, total = tf.assign(v, x, validate_shape=False), tf.reduce_sum(v * 2.0)
    sess.run(v.initializer)
    for n in (2, 5, 0, 7, 2):
        sess.run(put.op, {x: np.arange(n)})
        assert sess.run(total) == n * (n - 1) and sess.run(v).shape == (n,)
    fixed = tf.Variable([1.0, 2.0])
    sess.run(fixed.initializer)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"ref: \[2\], value: \[3\]"):
        sess.run(tf.assign(fixed, x), {x: [1, 2, 3]})


def test_a_value_of_another_shape_than_the_static_one(sess):
    """No plan may read it as if it had the shape it was made for."""
    v = tf.Variable(np.arange(50000, dtype=np.float32), name="v")
    x = tf.placeholder(tf.float32, [None])
    doubled = v * 2.0
    sess.run(v.initializer)
    before = tf.reduce_sum(v)
    sess.run(before)                                            # a plan from when nothing in the graph could change the shape
    put = tf.assign(v, x, validate_shape=False)
    for n in (3, 70000, 0, 50000):
        sess.run(put.op, {x: np.ones(n)})
        got = sess.run([v, doubled, tf.reduce_sum(doubled)])
        assert got[0].shape == got[1].shape == (n,) and np.all(got[1] == 2) and got[2] == 2 * n
        if n == 50000:
            assert sess.run(before) == n
        else:
            with pytest.raises(tf.errors.InvalidArgumentError, match=rf"Variable v has a value of shape \[{n}\], and the static shape \[50000\]"):
                sess.run(before)
