"""Several steps of one session at once: each right, nobody blocked, nothing left behind."""
import gc
import os
import random
import sys
import threading

import numpy as np
import pytest

import minitf as tf
from minitf.core.buffers import allocator_stats
from minitf.core.errors import FailedPreconditionError, InvalidArgumentError

from .graphs import LONG, Background, Gate, devices, native_threads, probe, soon

def on(i):
    return tf.device(f"/cpu:{i}")


@pytest.mark.parametrize("n_devices", [1, 2])
def test_five_kinds_of_step_at_the_same_time(graph, n_devices):
    """Two steps with different feeds, one parked in a partial run, one raising, and one updating a variable that another reads."""
    last = n_devices - 1
    x, y, z = (tf.placeholder(tf.float32, [None], name=n) for n in "xyz")
    v = tf.Variable(np.zeros(1000, np.float32))
    with on(0):
        a = x * 2.0
    with on(last):
        b = tf.reduce_sum(a + 1.0)
    with on(0):
        left = y + 1.0
    with on(last):
        right = left * z
    with on(0):
        bad = tf.gather(x, tf.cast(y, tf.int32), name="bad")
    with on(last):
        worse = bad * 2.0
    update = v.assign_add(np.ones(1000, np.float32))
    with on(last):
        low, high = tf.reduce_min(v), tf.reduce_max(v)
    before = native_threads(), threading.active_count()
    rounds, errors = 40, []
    with tf.Session(config=devices(n_devices)) as sess:
        sess.run(v.initializer)
        parked = sess.partial_run_setup([left, right], [y, z])
        np.testing.assert_array_equal(sess.partial_run(parked, left, {y: [1.0, 2.0]}), [2, 3])
        start = threading.Barrier(5)

        def feeding(n):
            for k in range(rounds):
                value = np.arange(n, dtype=np.float32) + k
                assert sess.run(b, {x: value}) == np.sum(value * 2 + 1)

        def raising():
            for k in range(rounds):
                with pytest.raises(InvalidArgumentError) as e:
                    sess.run(worse, {x: [1.0, 2.0], y: [k + 2.0]})
                assert e.value.op is bad.op
                assert sess.run(worse, {x: [1.0, 2.0], y: [1.0]}) == [4]

        def updating():
            for k in range(rounds):
                sess.run(update.op)

        def reading():
            seen = -1
            for k in range(rounds):
                got = sess.run([low, high])
                assert got[0] == got[1] >= seen
                seen = got[0]

        def go(work, *args):
            start.wait(LONG)
            try:
                work(*args)
            except BaseException as error:
                errors.append(error)
                raise
        steps = [Background(lambda w=w: go(*w)) for w in ((feeding, 3), (feeding, 3000), (raising,), (updating,), (reading,))]
        for step in steps:
            step.result()
        assert not errors and np.all(sess.run(v) == rounds)
        np.testing.assert_array_equal(sess.partial_run(parked, right, {z: [10.0, 100.0]}), [20, 300])
    assert soon(lambda: threading.active_count() <= before[1]) and (before[0] is None or soon(lambda: native_threads() <= before[0]))


def test_a_blocked_step_holds_up_nobody(graph):
    """One step stands in a kernel on device 0; others run there on their callers' threads, and on another device."""
    gate = Gate()
    x = tf.placeholder(tf.float32, [])
    held = probe(x, gate) + 1.0
    with on(1):
        elsewhere = tf.sqrt(x)
    with on(2):
        across = elsewhere + 1.0
    v = tf.Variable(0.0)
    with tf.Session(config=devices(3)) as sess:
        sess.run(v.initializer)
        step = Background(lambda: sess.run(held, {x: 5.0}))
        gate.wait()
        for k in range(20):
            assert sess.run(x * 2.0, {x: float(k)}) == 2 * k
            assert sess.run(across, {x: 4.0}) == 3 and sess.run(v.assign_add(1.0)) == k + 1
        assert step.is_running
        gate.open()
        assert step.result() == 6


def test_a_step_that_waits_for_a_tensor_gives_its_device_to_others(graph):
    """Step one is parked on device 1, waiting for what device 0 has not sent; step two uses device 1 meanwhile."""
    gate = Gate()
    x = tf.placeholder(tf.float32, [])
    with on(0):
        late = probe(x, gate)
        quick = x + 1.0
    with on(1):
        waiting = late * 2.0
    with on(2):
        other = tf.negative(quick)
    with on(1):
        meanwhile = other * 10.0
    with tf.Session(config=devices(3)) as sess:
        step = Background(lambda: sess.run(waiting, {x: 4.0}))
        gate.wait()
        got = Background(lambda: sess.run(meanwhile, {x: 2.0, quick: 3.0}))       # devices 1 and 2 only
        assert got.result() == -30 and step.is_running
        gate.open()
        assert step.result() == 8


@pytest.mark.parametrize("seed", range(6))
def test_random_schedules_of_overlapping_steps(graph, seed):
    """Steps that halt twice, let on in random order: each has a memory of its own, and its own result."""
    rng = random.Random(seed)
    gates = {}
    x = tf.placeholder(tf.float32, [None])

    def halt(place):
        def wait(a):
            gates[float(a.flat[0]), place](a)
        return wait
    base = x * 1.0
    y = probe(base, halt(0)) * 2.0
    w = probe(base, halt(1)) + y
    result = tf.concat([w + base, y, x], 0)
    n = 6
    for k in range(n):
        for place in (0, 1):
            gates[float(k), place] = Gate()
    with tf.Session() as sess:
        values = [np.full(rng.choice([1, 3, 5000]), float(k), np.float32) for k in range(n)]
        steps = [Background(lambda v=v: sess.run(result, {x: v})) for v in values]
        # Which of its two halts a step comes to first is the plan's business: open whatever is waited for, in random order.
        todo = [(float(k), place) for k in range(n) for place in (0, 1)]
        rng.shuffle(todo)
        for key in todo:
            gates[key].open()
        for v, step in zip(values, steps):
            np.testing.assert_array_equal(step.result(), np.concatenate([v * 4, v * 2, v]))


def test_overlapping_steps_of_one_plan_do_not_share_memory(graph):
    """The second step runs from its beginning to its end while the first stands in the middle, in the same plan."""
    gate = Gate()
    x = tf.placeholder(tf.float32, [4000])

    def halt_the_first(a):
        if a[0] == 2:
            gate(a)
    y = tf.tanh(x * 3.0)
    z = probe(x * 2.0, halt_the_first) + y
    total = tf.reduce_sum(z)
    with tf.Session() as sess:
        one, two = np.full(4000, 1, np.float32), np.full(4000, 2, np.float32)
        step = Background(lambda: sess.run([z, total], {x: one}))
        gate.wait()
        others = [sess.run([z, total], {x: two}) for _ in range(5)]
        gate.open()
        got = step.result()
        for other in others:
            assert np.allclose(other[0], 4 + np.tanh(6)) and other[1] == others[0][1]
        assert np.allclose(got[0], 2 + np.tanh(3))


def test_first_runs_at_the_same_time_prepare_once(graph):
    x = tf.placeholder(tf.float32, [None])
    y = tf.reduce_sum(tf.tanh(x) * 2.0)
    with on(1):
        z = y + 1.0
    with tf.Session(config=devices(2)) as sess:
        start = threading.Barrier(8)

        def run():
            start.wait(LONG)
            return sess.run(z, {x: np.zeros(5, np.float32)})
        assert [b.result() for b in [Background(run) for _ in range(8)]] == [1.0] * 8
        assert sum(len(e.variants) for e in set(sess._executables.values())) == 1


def test_graph_building_beside_running(graph):
    """One thread adds ops and runs them while others run; a session sees the graph grow."""
    x = tf.placeholder(tf.float32, [])
    with tf.Session() as sess:
        stop = threading.Event()

        def run():
            while not stop.is_set():
                assert sess.run(x, {x: 1.0}) == 1

        runners = [Background(run) for _ in range(2)]
        y = x
        for k in range(60):
            y = y + 1.0
            assert sess.run(y, {x: 0.0}) == k + 1
        stop.set()
        for r in runners:
            r.result()


@pytest.mark.parametrize("n_devices", [1, 3])
def test_nothing_is_left_behind(graph, n_devices):
    """Memory and threads after many steps, good, bad and overlapping, and after the session."""
    x = tf.placeholder(tf.float32, [None])
    v = tf.Variable(np.zeros(500, np.float32))
    y = x
    for k in range(9):
        with on(k % n_devices):
            y = tf.tanh(y) * 2.0 + 1.0
    bad, add = tf.gather(y, [10 ** 6]), v.assign_add(np.ones(500, np.float32)).op
    switch = sys.getswitchinterval()
    gc.collect()
    before = allocator_stats(), native_threads()
    sys.setswitchinterval(1e-4)
    try:
        with tf.Session(config=devices(n_devices)) as sess:
            sess.run(v.initializer)

            def work():
                for k in range(30):
                    sess.run(y, {x: np.ones(2000)})
                    with pytest.raises(InvalidArgumentError):
                        sess.run(bad, {x: np.ones(2000)})
                    sess.run([v, y] if k % 2 else [add, y], {x: np.ones(2000)})

            work()
            gc.collect()
            alone = allocator_stats()[2] - before[0][2]
            for _ in range(4):
                for b in [Background(work) for _ in range(4)]:
                    b.result()
            gc.collect()
            together = allocator_stats()[2] - before[0][2]
            assert together <= 4 * alone                        # at most one set of buffers per step in flight is kept
            with pytest.raises(FailedPreconditionError):
                sess.run(tf.Variable(1.0))
    finally:
        sys.setswitchinterval(switch)
    del sess, work
    gc.collect()
    after = allocator_stats()
    assert after[2] <= before[0][2] and after[0] - after[1] <= before[0][0] - before[0][1]
    assert before[1] is None or soon(lambda: native_threads() <= before[1])


def test_a_forked_process_is_told_to_make_a_session_of_its_own(graph):
    """The threads of the devices stay behind, so a step on several would wait for ever; one on a single device needs none."""
    x = tf.placeholder(tf.float32, [])
    near = x * 2.0
    with on(1):
        far = near + 1.0
    with tf.Session(config=devices(2)) as sess:
        assert sess.run(far, {x: 1.0}) == 3
        child = os.fork()
        if not child:
            status = 1
            try:
                assert sess.run(near, {x: 1.0}) == 2
                sess.run(far, {x: 1.0})
            except tf.errors.FailedPreconditionError as error:
                with tf.Session(config=devices(2)) as own:
                    status = 0 if "session of its own" in str(error) and own.run(far, {x: 1.0}) == 3 else 2
            finally:
                os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        assert sess.run(far, {x: 1.0}) == 3
