"""Steps that wait for queues: what ends their waiting, what goes on meanwhile, and what is left behind."""
import gc
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

import minitf as tf
from minitf.core.buffers import allocator_stats
from minitf.session import report

from .graphs import LONG, Background, Gate, devices, native_threads, probe, soon


def queue_state(sess, queue):
    """What the session holds behind a queue's handle."""
    op = queue.queue_ref.op
    return sess._runtime.resources.find("", op.attrs["shared_name"] or op.name)


def parked(sess, queue, bring=0, fetch=0):
    """Wait until so many attempts stand in the lines of a queue."""
    assert soon(lambda: queue_state(sess, queue).waiting == (bring, fetch)), queue_state(sess, queue).waiting


def start_to_wait(sess, queue, fetches, feeds=None, bring=0, fetch=0):
    """A run on a thread of its own that has come to where it waits."""
    sess.run(queue.size())                            # the queue is there
    step = Background(lambda: sess.run(fetches, feeds))
    parked(sess, queue, bring, fetch)
    return step


# ---- where a step may wait ----------------------------------------------------------------------------------------------------

def in_cond(q):
    return tf.cond(tf.placeholder_with_default(True, []), q.dequeue, lambda: tf.constant(0.))


def in_while(q):
    """Three elements are taken; it waits for the second."""
    return tf.while_loop(lambda i, total: i < 3, lambda i, total: (i + 1, total + q.dequeue()), [0, 0.])[1]


def in_a_cond_in_a_while(q):
    body = lambda i, total: (i + 1, total + tf.cond(tf.equal(i, 1), lambda: tf.constant(0.), q.dequeue))
    return tf.while_loop(lambda i, total: i < 3, body, [0, 0.])[1]


def behind_a_cut(q):
    mask = tf.placeholder_with_default([True, False, True], [None])
    kept = tf.boolean_mask(tf.constant([1., 2., 3.]), mask)
    with tf.control_dependencies([kept * 2.]):
        return q.dequeue() + tf.reduce_sum(kept) - 4.


def to_another_device(q):
    with tf.device("/cpu:2"):
        return q.dequeue() + 0.


PLACES = {"plain": lambda q: q.dequeue() + 0., "batch": lambda q: tf.reduce_sum(q.dequeue_many(1)), "cond": in_cond, "while": in_while, "both": in_a_cond_in_a_while,
          "cut": behind_a_cut, "other device": to_another_device}
TAKES = {"while": 3, "both": 2}


def placed_queue(device):
    with tf.device(device):
        return tf.FIFOQueue(10, tf.float32, [[]], name="q")


@pytest.mark.parametrize("device", ["", "/cpu:1"])
@pytest.mark.parametrize("place", PLACES)
def test_a_step_goes_on_where_it_waited(place, device):
    q = placed_queue(device)
    y = PLACES[place](q)
    x = tf.placeholder(tf.float32, [])
    put = q.enqueue(x)
    with tf.Session(config=devices(3)) as sess:
        for _ in range(3):
            step = start_to_wait(sess, q, y, fetch=1)
            for k in range(TAKES.get(place, 1)):
                parked(sess, q, fetch=1)
                assert step.is_running
                sess.run(put, {x: 1. + k})
            assert step.result() == sum(1. + k for k in range(TAKES.get(place, 1)))


@pytest.mark.parametrize("how", ["close", "time-out", "failure"])
@pytest.mark.parametrize("place", PLACES)
def test_what_ends_a_step_ends_its_waiting(place, how):
    """At once, and so that the queue and the session serve the next step."""
    q = placed_queue("/cpu:1")
    gate = Gate()
    y = PLACES[place](q)

    def fail(value):
        gate(value)
        raise ValueError("on purpose")
    with tf.device("/cpu:3"):
        bad = probe(tf.constant(0.), fail)
    x = tf.placeholder(tf.float32, [])
    put = q.enqueue(x)
    sess = tf.Session(config=devices(4))
    sess.run(q.size())
    if how == "time-out":
        with pytest.raises(tf.errors.DeadlineExceededError) as e:
            sess.run(y, options=tf.RunOptions(timeout_in_ms=200))
        assert "waits for elements of FIFOQueue 'q' (has 0 of 1 asked for)" in e.value.message and "defined at" in e.value.message
    elif how == "failure":
        step = start_to_wait(sess, q, [y, bad], fetch=1)
        gate.open()
        with pytest.raises(tf.errors.InvalidArgumentError, match="on purpose"):
            step.result()
    else:
        step = start_to_wait(sess, q, y, fetch=1)
        state = queue_state(sess, q)
        sess.close()
        assert state.waiting == (0, 0)                 # before the step's own thread has run again
        with pytest.raises(tf.errors.CancelledError, match="closed while the step ran"):
            step.result()
        return
    parked(sess, q)
    for k in range(TAKES.get(place, 1)):
        sess.run(put, {x: 1. + k})
    assert sess.run(y) == sum(1. + k for k in range(TAKES.get(place, 1))) and queue_state(sess, q).size == 0
    sess.close()


def test_whatever_waits_is_cancelled_by_the_end_of_the_session():
    """Two enqueues, and on another queue two dequeues of different kinds; a close may come to its turn when the enqueues before it are cancelled."""
    full, empty = tf.FIFOQueue(1, tf.int32, [[]]), tf.RandomShuffleQueue(5, 2, tf.int32, [[]])
    sess = tf.Session(config=devices(2))
    sess.run(full.enqueue(0))
    steps = []
    for fetches, queue, bring, fetch in ((full.enqueue(1), full, 1, 0), (full.enqueue_many([[2, 3]]), full, 2, 0), (empty.dequeue(), empty, 0, 1),
                                         (empty.dequeue_up_to(2), empty, 0, 2), (full.close(), full, 3, 0)):
        steps.append(start_to_wait(sess, queue, fetches, bring=bring, fetch=fetch))
    sess.close()
    for step in steps[:4]:
        with pytest.raises(tf.errors.CancelledError, match="closed"):
            step.result()
    steps[4].thread.join(LONG)
    assert not steps[4].is_running


@pytest.mark.parametrize("device", [0, 1])
def test_a_step_that_comes_to_wait_when_its_session_has_been_closed_is_cancelled(device):
    """The step begins before, and what it runs first closes the session: nobody will fill the queue."""
    sess = tf.Session(config=devices(2))

    def close(value):
        if value:
            sess._executables = {}                    # so close() does not see this step, which might have begun a moment later
            Background(sess.close).thread.join(1)     # on two devices it waits a while for the step
    x = tf.placeholder(tf.float32, [])
    with tf.device("/cpu:0"):
        first = probe(x, close)
    with tf.device(f"/cpu:{device}"), tf.control_dependencies([first]):
        q = tf.FIFOQueue(3, tf.float32, [[]])
        got = q.dequeue()
    with tf.control_dependencies([first]):
        later = got + first
    sess.run(q.enqueue(1.))
    assert sess.run(later, {x: 0.}) == 1
    with pytest.raises(tf.errors.CancelledError):
        sess.run(later, {x: 1.})


def test_closing_a_queue_cancels_its_pending_enqueues_at_once():
    q = tf.FIFOQueue(2, tf.int32, [[]], name="q")
    with tf.Session() as sess:
        steps = [start_to_wait(sess, q, q.enqueue_many([[1, 2, 3]]), bring=1), start_to_wait(sess, q, q.enqueue(4), bring=2), start_to_wait(sess, q, q.close(), bring=3)]
        sess.run(q.close(cancel_pending_enqueues=True))
        for step, what in zip(steps, ("Enqueue", "Enqueue", "Close")):
            with pytest.raises(tf.errors.CancelledError, match=f"^{what} operation was cancelled") as e:
                step.result()
            assert e.value.op.type.startswith("Queue" + what)
        np.testing.assert_array_equal(sess.run(q.dequeue_many(2)), [1, 2])
        with pytest.raises(tf.errors.CancelledError, match="^FIFOQueue 'q' is closed."):
            sess.run(q.enqueue(5))


def test_a_cancelled_batch_gives_its_elements_to_the_next_in_line():
    q = tf.FIFOQueue(5, tf.int32, [[]])
    with tf.Session() as sess:
        sess.run(q.enqueue_many([[1, 2]]))
        first = Background(lambda: sess.run(q.dequeue_many(3), options=tf.RunOptions(timeout_in_ms=1500)))
        parked(sess, q, fetch=1)
        assert sess.run(q.size()) == 0                # it holds them
        second = start_to_wait(sess, q, q.dequeue_many(2), fetch=2)
        with pytest.raises(tf.errors.DeadlineExceededError, match="has 2 of 3 asked for"):
            first.result()
        np.testing.assert_array_equal(second.result(), [1, 2])


# ---- what goes on meanwhile ---------------------------------------------------------------------------------------------------

def test_a_device_serves_others_while_a_step_waits_there():
    """Steps over devices 0 and 1; the first one is parked on device 1."""
    with tf.device("/cpu:1"):
        q = tf.FIFOQueue(5, tf.float32, [[]])
        got = q.dequeue()
    x = tf.placeholder(tf.float32, [])
    with tf.device("/cpu:0"):
        y = got + x
        half = x * .5
    with tf.device("/cpu:1"):
        other = half + 1.
    put = q.enqueue(x)
    with tf.Session(config=devices(2)) as sess:
        step = start_to_wait(sess, q, y, {x: 1.}, fetch=1)
        for k in range(20):
            assert sess.run(other, {x: 2. * k}) == k + 1
        assert step.is_running
        sess.run(put, {x: 10.})
        assert step.result() == 11


def test_one_device_goes_on_while_the_step_waits_on_another():
    gate = Gate()
    with tf.device("/cpu:1"):
        q = tf.FIFOQueue(5, tf.float32, [[]])
        got = q.dequeue()
    with tf.device("/cpu:0"):
        work = probe(tf.placeholder_with_default(2., []), gate)
    with tf.Session(config=devices(2)) as sess:
        step = start_to_wait(sess, q, [got, work], fetch=1)
        gate.wait()
        gate.open()
        sess.run(q.enqueue(1.))
        assert step.result() == [1, 2]


@pytest.mark.parametrize("seed", range(3))
def test_many_producers_and_consumers_lose_and_double_nothing(seed):
    """Elements of each producer arrive in its order at each consumer, though any number of threads take part, and some steps are cancelled."""
    rng = random.Random(seed)
    q = tf.FIFOQueue(4, [tf.int32, tf.int32], [[], []])
    who, what = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.int32, [None])
    put, get, batch = q.enqueue_many([who, what]), q.dequeue(), q.dequeue_up_to(3)
    producers, count = 4, 60
    got, cancelled = [[] for _ in range(4)], [0]
    with tf.Session(config=devices(2)) as sess:
        def produce(k):
            at = 0
            while at < count:
                n = min(rng.randrange(1, 4), count - at)
                sess.run(put, {who: [k] * n, what: list(range(at, at + n))})
                at += n

        def consume(k):
            while True:
                try:
                    if k % 2:
                        got[k].append(tuple(sess.run(get)))
                    else:
                        a, b = sess.run(batch, options=tf.RunOptions(timeout_in_ms=rng.choice([1, 1000])))
                        got[k].extend(zip(a, b))
                except tf.errors.DeadlineExceededError:
                    cancelled[0] += 1
                except tf.errors.OutOfRangeError:
                    return
        consumers = [Background(lambda k=k: consume(k)) for k in range(len(got))]
        for step in [Background(lambda k=k: produce(k)) for k in range(producers)]:
            step.result()
        sess.run(q.close())
        for step in consumers:
            step.result()
    everything = [e for part in got for e in part]
    lost = producers * count - len(everything)        # what a step had taken when its time was over goes with it
    assert len(set(everything)) == len(everything) and 0 <= lost <= 3 * cancelled[0]
    for part in got[1::2]:                            # a time-out puts back what others may have overtaken
        for k in range(producers):
            mine = [v for w, v in part if w == k]
            assert cancelled[0] or mine == sorted(mine)


def test_enqueues_come_before_the_dequeues_of_the_same_step():
    """Nothing orders them, and a device runs one instruction after another: the other order would wait for ever."""
    q = tf.FIFOQueue(3, tf.float32, [[]])
    x = tf.placeholder(tf.float32, [])
    got = q.dequeue()
    doubled = got * 2.
    put = q.enqueue(x + 1.)
    with tf.Session() as sess:
        assert sess.run([doubled, put], {x: 1.})[0] == 4
        with tf.control_dependencies([got]):
            behind = q.enqueue(x)
        with pytest.raises(tf.errors.DeadlineExceededError):
            sess.run([doubled, behind], {x: 1.}, options=tf.RunOptions(timeout_in_ms=100))
        sess.run(put, {x: 1.})
        assert sess.run([doubled, behind], {x: 5.})[0] == 4 and sess.run(got) == 5


def test_elements_of_unknown_shape_cut_the_plans_of_two_devices():
    with tf.device("/cpu:1"):
        q = tf.FIFOQueue(5, tf.float32)
        got = q.dequeue()
        own = tf.reduce_sum(got)
    with tf.device("/cpu:2"):
        y = tf.concat([got * 2., [own]], 0)
    x = tf.placeholder(tf.float32, [None])
    put = q.enqueue(x)
    with tf.Session(config=devices(3)) as sess:
        for n in (2, 3, 2):
            step = start_to_wait(sess, q, y, fetch=1)
            sess.run(put, {x: np.arange(n)})
            np.testing.assert_array_equal(step.result(), [*(2. * np.arange(n)), n * (n - 1) / 2])
        with pytest.raises(tf.errors.DeadlineExceededError):
            sess.run(y, options=tf.RunOptions(timeout_in_ms=50))
        sess.run(put, {x: [4.]})
        assert sess.run(y).tolist() == [8, 4]


def test_one_step_fills_and_empties_queues_over_three_devices():
    """The first device waits for room, the second for an element, the third for what the second sends; another step makes them all go on."""
    x = tf.placeholder(tf.float32, [])
    with tf.device("/cpu:0"):
        first = tf.FIFOQueue(1, tf.float32, [[]], name="first")
        put = first.enqueue(x)
    with tf.device("/cpu:1"):
        second = tf.FIFOQueue(1, tf.float32, [[]], name="second")
        got = second.dequeue()
    with tf.device("/cpu:2"):
        y = got * 2.
    with tf.Session(config=devices(3)) as sess:
        sess.run([put, second.size()], {x: 1.})
        with pytest.raises(tf.errors.DeadlineExceededError) as e:
            sess.run([y, put], {x: 2.}, options=tf.RunOptions(timeout_in_ms=200))
        told = e.value.message.split("\n")
        for device, what in ((0, "waits for room in FIFOQueue 'first'"), (1, "waits for elements of FIFOQueue 'second' (has 0 of 1 asked for)"), (2, "waits to receive")):
            assert any(f"CPU:{device}: {what}" in line for line in told)
        step = start_to_wait(sess, first, [y, put], {x: 2.}, bring=1)
        parked(sess, second, fetch=1)
        sess.run(second.enqueue(first.dequeue()))
        assert step.result()[0] == 2 and sess.run(first.dequeue()) == 2


def test_a_stepper_waits_in_a_loop_and_goes_on():
    q = tf.FIFOQueue(5, tf.float32, [[]], name="q")
    with tf.Session() as sess, sess.stepper(in_while(q)) as stepper:
        for k in range(3):
            with pytest.raises(tf.errors.InternalError, match="(?s)No device can go on now.*waits for elements of FIFOQueue 'q' .has 0 of 1 asked for"):
                stepper.finish()
            assert list(stepper.parked.values()) == ["elements of FIFOQueue 'q' (has 0 of 1 asked for)"]
            sess.run(q.enqueue(float(k)))
        assert stepper.finish() == 3


# ---- what is left behind ------------------------------------------------------------------------------------------------------

def test_no_thread_and_no_memory_is_left():
    gc.collect()
    threads, native, (_, _, live) = threading.active_count(), native_threads(), allocator_stats()
    with tf.Graph().as_default():
        with tf.device("/cpu:1"):
            q = tf.FIFOQueue(3, tf.float32, [[100]])
        x = tf.placeholder(tf.float32, [None, 100])
        put, get = q.enqueue_many(x * 2.), q.dequeue_many(2)
        sess = tf.Session(config=devices(2))
        waiting = [start_to_wait(sess, q, put, {x: np.ones([5, 100])}, bring=1), start_to_wait(sess, q, put, {x: np.ones([5, 100])}, bring=2)]
        assert sess.run(get).sum() == 400
        for _ in range(3):
            with pytest.raises(tf.errors.DeadlineExceededError):
                sess.run(put, {x: np.ones([5, 100])}, options=tf.RunOptions(timeout_in_ms=20))
        stepper = sess.stepper(put, {x: np.ones([5, 100])})
        with pytest.raises(tf.errors.InternalError, match="waits for room in FIFOQueue 'fifo_queue'"):
            stepper.finish()
        del stepper                                   # it was in the queue's line
        gc.collect()
        parked(sess, q, bring=1)
        sess.close()
        for step in waiting:
            try:
                step.result()
            except tf.errors.CancelledError:
                pass
        del sess, q, x, put, get, waiting, step
    gc.collect()
    assert soon(lambda: threading.active_count() <= threads) and (native is None or soon(lambda: native_threads() <= native))
    assert soon(lambda: gc.collect() >= 0 and allocator_stats()[2] <= live), allocator_stats()[2] - live


def test_a_dropped_session_gives_its_queues_back():
    gc.collect()
    live = allocator_stats()[2]
    with tf.Graph().as_default():
        q = tf.RandomShuffleQueue(10, 0, [tf.float32, tf.string], [[1000], []])
        sess = tf.Session()
        for k in range(5):
            sess.run(q.enqueue([tf.zeros([1000]), tf.constant(f"element {k}")]))
        assert allocator_stats()[2] >= live + 20000
        del sess, q
    gc.collect()
    assert soon(lambda: gc.collect() >= 0 and allocator_stats()[2] <= live)


def test_large_tensors_pass_by_reference():
    """What is computed for a queue is not copied on its way in, nor on its way out."""
    q = tf.FIFOQueue(5, tf.float32, [[1000, 100]])
    x = tf.placeholder(tf.float32, [1000, 100])
    put, total, one = q.enqueue(x + 1.), tf.reduce_sum(q.dequeue()), q.dequeue()
    with tf.Session() as sess:
        for _ in range(2):
            sess.run(put, {x: np.ones([1000, 100])})
            assert sess.run(total) == 200000
        made = allocator_stats()[0]
        sess.run(put, {x: np.zeros([1000, 100])})      # into the storage of two steps before, if nobody holds it
        sess.run(put, {x: np.ones([1000, 100])})       # that one is in the queue: one more is needed
        assert allocator_stats()[0] == made + 1
        assert sess.run([total, put], {x: np.ones([1000, 100])})[0] == 100000
        assert sess.run(total) == 200000
        # what is fetched is what was computed for the queue
        sess.run(total)
        made = allocator_stats()[0]
        sess.run(put, {x: np.full([1000, 100], 7.)})
        got = sess.run(one)
        assert allocator_stats()[0] <= made + 1 and got.min() == got.max() == 8
        got[...] = 0.                                  # nobody else has it
        sess.run(put, {x: np.full([1000, 100], 8.)})
        assert sess.run(one).min() == 9
        # a variable's value: the queue holds a snapshot
        v = tf.Variable(tf.zeros([1000, 100]))
        keep = q.enqueue(v)
        sess.run(v.initializer)
        sess.run(keep)
        sess.run(v.assign_add(tf.ones([1000, 100])))
        assert sess.run(total) == 0 and sess.run(tf.reduce_sum(v)) == 100000


# ---- what people are told -----------------------------------------------------------------------------------------------------

def test_a_queue_that_nobody_fills_is_reported_once(caplog, monkeypatch):
    monkeypatch.setattr(report, "PATIENCE", 0.2)
    q = tf.FIFOQueue(5, tf.float32, [[]], name="lonely")
    with tf.Session(config=devices(2)) as sess:
        for _ in range(2):
            with pytest.raises(tf.errors.DeadlineExceededError) as e:
                sess.run(q.dequeue_many(3), options=tf.RunOptions(timeout_in_ms=600))
            assert "no queue runner" in e.value.message and "'lonely'" in e.value.message and "The queue was made at" in e.value.message
        told, = [r.getMessage() for r in caplog.records]
        assert "waits for elements of FIFOQueue 'lonely' (has 0 of 3 asked for)" in told and Path(__file__).name in told
        sess.run(q.enqueue(1.))
        with pytest.raises(tf.errors.DeadlineExceededError) as e:
            sess.run(q.dequeue_many(3), options=tf.RunOptions(timeout_in_ms=300))
        assert "(has 1 of 3 asked for)" in e.value.message and "runner" not in e.value.message
        assert len(caplog.records) == 1


def test_a_queue_whose_runner_was_never_started_is_reported_so(caplog, monkeypatch):
    monkeypatch.setattr(report, "PATIENCE", 0.1)
    source, q = tf.FIFOQueue(5, tf.float32, [[]], name="source"), tf.FIFOQueue(5, tf.float32, [[]], name="batches")
    tf.train.add_queue_runner(tf.train.QueueRunner(q, [q.enqueue(source.dequeue())]))
    with tf.Session() as sess:
        with pytest.raises(tf.errors.DeadlineExceededError, match="'batches'.*queue runner was never started. tf.train.start_queue_runners"):
            sess.run(q.dequeue(), options=tf.RunOptions(timeout_in_ms=300))
        assert "never started" in caplog.records[0].getMessage()
        with pytest.raises(tf.errors.DeadlineExceededError, match="'source'.*no queue runner is for this queue .the graph has 1, the first for 'batches'"):
            sess.run(source.dequeue(), options=tf.RunOptions(timeout_in_ms=50))
        coord = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(sess, coord)
        parked(sess, source, fetch=1)
        with pytest.raises(tf.errors.DeadlineExceededError, match="'batches'.*was started, and has not brought anything yet"):
            sess.run(q.dequeue(), options=tf.RunOptions(timeout_in_ms=50))
        sess.run(source.enqueue(3.))
        assert sess.run(q.dequeue()) == 3
        coord.request_stop()
        sess.run(source.close(cancel_pending_enqueues=True))
        coord.join(threads)


def test_a_full_queue_is_not_one_that_nobody_fills(caplog, monkeypatch):
    monkeypatch.setattr(report, "PATIENCE", 0.1)
    q = tf.FIFOQueue(1, tf.float32, [[]])
    with tf.Session() as sess:
        sess.run(q.enqueue(1.))
        with pytest.raises(tf.errors.DeadlineExceededError, match=r"waits for room in FIFOQueue 'fifo_queue' \(which holds 1 of at most 1\)"):
            sess.run(q.enqueue(2.), options=tf.RunOptions(timeout_in_ms=300))
    assert not caplog.records


INTERRUPTED = """
    import threading
    import minitf as tf
    with tf.device("/cpu:1"):
        q = tf.FIFOQueue(1, tf.float32, [[]])
        y = q.dequeue() + 1.
    with tf.device("/cpu:{other}"):
        z = y * 2.
    with tf.Session(config=tf.ConfigProto(device_count={{"CPU": 2}})) as sess:
        sess.run(q.size())
        def tell():
            op = q.queue_ref.op
            while sess._runtime.resources.find("", op.name).waiting != (0, 1):
                pass
            print("waiting", flush=True)
        threading.Thread(target=tell).start()
        try:
            sess.run(z)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
        sess.run(q.enqueue(1.))
        assert sess.run(z) == 4
    print("usable", flush=True)
"""


@pytest.mark.parametrize("other", [0, 1])
def test_ctrl_c_in_a_waiting_step(other, tmp_path):
    script = tmp_path / "waits.py"
    script.write_text(textwrap.dedent(INTERRUPTED.format(other=other)))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(tf.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    try:
        assert process.stdout.readline() == "waiting\n", process.stderr.read()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONG)
        assert out == "interrupted\nusable\n" and process.returncode == 0, err
    finally:
        process.kill()
        process.wait()
