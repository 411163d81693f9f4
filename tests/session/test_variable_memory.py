"""Variables' buffers: updates are in place where nobody can see it, snapshots stay what they were, and no reader sees half of an update."""
import itertools
import sys
import threading

import numpy as np
import pytest

import minitf as tf
from minitf.core.buffers import allocator_stats

from .graphs import devices, kinds, plans, probe, state_of, unoptimised


# ---- memory -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [3, 5000])
def test_an_update_is_in_place_when_nobody_else_holds_the_value(graph, n):
    v = tf.Variable(np.ones(n, np.float32))
    ops = [v.assign_add(tf.fill([n], 1.0)), v.assign_sub(v * 0.5), v.assign(v * 2.0), v.initializer, tf.scatter_update(v, [1], [7.0])]
    with tf.Session() as sess:
        sess.run(v.initializer)
        state = state_of(sess, v)
        address = state.address
        for op in ops * 3:
            sess.run(op.op if hasattr(op, "op") else op)
            assert state.address == address, op
        sess.run(v)                                             # a fetch holds nothing once it is over
        sess.run(ops[0].op)
        assert state.address == address


def test_an_update_copies_while_a_snapshot_is_held(graph):
    """read -> update -> use of the read, in this order: the update must leave the snapshot alone."""
    v = tf.Variable(np.ones(100, np.float32))
    read = v.read_value()
    with tf.control_dependencies([read]):
        update = v.assign_add(np.full(100, 5, np.float32))
    with tf.control_dependencies([update]):
        late = read * 1.0
        again = tf.Variable(0.0).assign(3.0)
    for config in (devices(1), devices(2), unoptimised(1)):
        with tf.Session(config=config) as sess:
            sess.run(v.initializer)
            state = state_of(sess, v)
            for k in range(4):
                before = state.address
                np.testing.assert_array_equal(sess.run([late, again])[0], np.full(100, 1 + 5 * k))
                np.testing.assert_array_equal(state.numpy(), np.full(100, 6 + 5 * k))
                assert state.address != before


def test_a_snapshot_on_its_way_to_another_device_is_not_overwritten(graph):
    """The other device looks at the snapshot after the variable has been changed."""
    n = 3000
    v = tf.Variable(np.zeros(n, np.float32))
    changed = threading.Event()
    with tf.device("/cpu:1"):
        seen = tf.reduce_max(probe(v.value(), lambda x: changed.wait(60) and None))
    with tf.device("/cpu:0"):
        done = probe(v.assign_add(np.ones(n, np.float32)), lambda x: changed.set())
    with tf.Session(config=devices(2)) as sess:
        sess.run(v.initializer)
        for k in range(5):
            changed.clear()
            assert sess.run([seen, done.op])[0] == k
        assert np.all(sess.run(v) == 5)


def test_a_snapshot_is_given_back_before_the_update(graph):
    """A training step: the gradient's last use of the variable comes before its update, which then is in place."""
    w = tf.Variable(np.ones((64, 64), np.float32))
    x = tf.placeholder(tf.float32, [64, 64])
    update = w.assign_sub(tf.matmul(x, w, transpose_a=True) * 0.001)
    with tf.Session() as sess:
        sess.run(w.initializer)
        for plan in plans(sess, update.op, {x: np.ones((64, 64))}):
            assert kinds(plan).index("Release") < max(i for i, k in enumerate(kinds(plan)) if k == "AssignSub")
        before = state_of(sess, w).address, allocator_stats()[0]
        fed = np.ones((64, 64), np.float32)
        sess.run(update.op, {x: fed})
        middle = allocator_stats()[0]
        for _ in range(10):
            sess.run(update.op, {x: fed})
        assert state_of(sess, w).address == before[0] and allocator_stats()[0] == middle


# ---- several threads --------------------------------------------------------------------------------------------------------


@pytest.fixture
def frequent_switches():
    """Threads take turns often, so that they meet."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.parametrize("n_devices", [1, 2])
def test_no_reader_sees_half_of_an_update(graph, frequent_switches, n_devices):
    n, reads = 20000, 200
    v = tf.Variable(np.zeros(n, np.float32))
    x = tf.placeholder(tf.float32, [])
    put, add = v.assign(tf.fill([n], x)), v.assign_add(tf.fill([n], x))
    with tf.device(f"/cpu:{n_devices - 1}"):
        low, high, zero = tf.reduce_min(v), tf.reduce_max(v), tf.reduce_max(tf.abs(v - v))
    errors, values, stop = [], set(), threading.Event()
    with tf.Session(config=devices(n_devices)) as sess:
        sess.run(v.initializer)

        def write(op):
            for k in itertools.count():
                sess.run(op, {x: np.float32(k % 7)})
                if stop.is_set():
                    return

        def read():
            for k in range(100 * reads):
                if k >= reads and len(values) > 3:              # the readers did see updates
                    break
                a, b, c = sess.run([low, high, zero])
                whole = sess.run(v)
                values.update((float(a), float(whole[0])))
                if a != b or c or not np.all(whole == whole[0]):
                    errors.append((a, b, c, whole))
        readers = [threading.Thread(target=read) for _ in range(2)]
        writers = [threading.Thread(target=write, args=(op,)) for op in (put.op, add.op)]
        for t in readers + writers:
            t.start()
        for t in readers:
            t.join()
        stop.set()
        for t in writers:
            t.join()
    assert not errors and len(values) > 3


def test_updates_of_several_threads_all_count(graph, frequent_switches):
    v = tf.Variable(np.zeros(1000))
    add = v.assign_add(np.ones(1000))
    with tf.Session(config=devices(2)) as sess:
        sess.run(v.initializer)
        threads = [threading.Thread(target=lambda: [sess.run(add.op) for _ in range(200)]) for _ in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        np.testing.assert_array_equal(sess.run(v), np.full(1000, 800))
