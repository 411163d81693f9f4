"""Steps on several devices: which threads they run on, from when, and until when."""
import gc
import threading

import pytest

import minitf as tf

from .graphs import LONG, devices, native_threads, probe, soon

def on(i):
    return tf.device(f"/cpu:{i}")


def device_threads():
    return [t for t in threading.enumerate() if t.name.startswith("minitf ")]


def blocked(event, seconds=LONG):
    """A probe's function that waits for an event (or a barrier)."""
    def wait(x):
        event.wait(seconds)
    return wait


# ---- threads ----------------------------------------------------------------------------------------------------------------


def test_a_step_on_one_device_starts_no_thread():
    seen = []
    look = lambda x: seen.append((threading.get_ident(), threading.active_count(), native_threads()))
    x = tf.placeholder(tf.float32, [None])
    v = tf.Variable([1.0, 2.0])
    y = tf.matmul(tf.reshape(probe(x + v, look), [1, -1]), tf.ones([2, 2]))
    with on(1):
        only_there = probe(x * 2.0, look)
    before = threading.active_count(), native_threads()
    for config in (devices(1), devices(4)):
        with tf.Session(config=config) as sess:
            sess.run(v.initializer)
            for fetch in (y, only_there) if config.device_count["CPU"] > 1 else (y,):
                for _ in range(3):
                    sess.run(fetch, {x: [3.0, 4.0]})
    assert len(seen) == 9
    for ident, count, native in seen:
        assert ident == threading.get_ident() and count <= before[0] and (native is None or native <= before[1])


def test_device_threads_are_started_once_and_end_with_the_session():
    idents = set()
    ops = []
    for i in range(3):
        with on(i):
            ops.append(probe(tf.constant(float(i)), lambda x: idents.add(threading.get_ident())))
    before = len(device_threads()), native_threads()
    with tf.Session(config=devices(3)) as sess:
        assert len(device_threads()) == before[0]
        for _ in range(10):
            assert sess.run(ops) == [0, 1, 2]
        assert len(device_threads()) == before[0] + 3 and len(idents) == 3 and threading.get_ident() not in idents
    assert soon(lambda: len(device_threads()) == before[0])
    assert native_threads() is None or soon(lambda: native_threads() <= before[1])


def test_device_threads_end_when_the_session_is_forgotten():
    with on(1):
        a = tf.identity(probe(tf.constant(1.0), lambda x: None))
    with on(0):
        b = a + 1.0
    before = len(device_threads())
    sess = tf.Session(config=devices(2))
    assert sess.run(b) == 2 and len(device_threads()) > before
    del sess
    gc.collect()
    assert soon(lambda: len(device_threads()) == before)


def test_devices_work_at_the_same_time():
    """Two ops that wait for one another: they can only end if both run."""
    barrier = threading.Barrier(2)
    both = []
    for i in range(2):
        with on(i):
            both.append(probe(tf.constant(float(i)), blocked(barrier)))
    with tf.Session(config=devices(2)) as sess:
        for _ in range(20):
            assert sess.run(both) == [0, 1]


# ---- fewer threads than devices ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked, threads", [(0, 4), (1, 1), (2, 2), (3, 3), (4, 4), (7, 4), (-1, 1)])
def test_devices_share_the_threads_that_are_asked_for(asked, threads):
    """Device i always has thread i mod k, and nothing is left behind."""
    ran = {i: set() for i in range(4)}
    before = len(device_threads()), native_threads()
    ops = []
    for i in range(4):
        with on(i):
            ops.append(probe(tf.constant(float(i)), lambda x, i=i: ran[i].add(threading.get_ident())))
    total = tf.add_n(ops)
    with tf.Session(config=devices(4, inter_op_parallelism_threads=asked)) as sess:
        for _ in range(5):
            assert sess.run(total) == 6
            assert sess.run(ops[2:]) == [2, 3]
        idents = [ident for i in range(4) for ident in ran[i]]
        assert len(idents) == 4 and idents == [idents[i % threads] for i in range(4)] and len(set(idents)) == threads
        assert len(device_threads()) == before[0] + threads
    assert soon(lambda: len(device_threads()) == before[0])
    assert native_threads() is None or soon(lambda: native_threads() <= before[1])


@pytest.mark.parametrize("config, threads", [({}, 2), ({"inter_op_parallelism_threads": 2}, 4), ({"inter_op_parallelism_threads": 1}, 8), ({"inter_op_parallelism_threads": 9}, 2)])
def test_kernels_share_the_cores_with_the_devices_that_compute_at_once(config, threads):
    with tf.Session(config=devices(4, intra_op_parallelism_threads=8, **config)) as sess:
        assert sess._runtime.kernel_threads(4) == threads and sess._runtime.kernel_threads(1) == 8
