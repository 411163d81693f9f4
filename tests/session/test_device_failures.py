"""Steps on several devices that do not end well: errors, time-outs, closed sessions, and Ctrl-C."""
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import minitf as tf

from .graphs import LONG, devices, probe, soon

def on(i):
    return tf.device(f"/cpu:{i}")


def blocked(event, seconds=LONG):
    """A probe's function that waits for an event (or a barrier)."""
    def wait(x):
        event.wait(seconds)
    return wait


# ---- failures ---------------------------------------------------------------------------------------------------------------


def failing(message):
    def fail(x):
        raise tf.errors.OutOfRangeError(None, None, message)
    return fail


@pytest.mark.parametrize("source", [0, 1, 2])
def test_the_first_error_ends_the_step_everywhere(source):
    """A ring of three devices, each waiting for the one before; the error is the op's own, whoever else gave up because of it."""
    fail = [True]
    x = tf.placeholder(tf.float32, [])
    y = x
    for lap in range(3):
        for i in range(3):
            with on(i):
                function = failing("no more") if i == source and lap == 1 else None
                y = probe(y + 1.0, lambda v, f=function: f(v) if f and fail[0] else None, name=f"op_{lap}_{i}")
    with tf.Session(config=devices(3)) as sess:
        for _ in range(3):
            fail[0] = True
            with pytest.raises(tf.errors.OutOfRangeError, match="no more") as e:
                sess.run(y, {x: 0.0})
            assert e.value.op.name == f"op_1_{source}" and f"/device:CPU:{source}" in str(e.value)
            fail[0] = False
            assert sess.run(y, {x: 0.0}) == 9


def test_an_error_does_not_wait_for_long_work_elsewhere():
    """The other device has a thousand ops before it; it stops between two of them."""
    ran = []
    started = threading.Event()

    def fail(x):
        started.wait(LONG)
        raise ValueError("early")

    def work(x):
        ran.append(1)
        started.set()
        time.sleep(0.01)
    with on(0):
        bad = probe(tf.constant(1.0), fail)
    with on(1):
        y = tf.constant(1.0)
        for i in range(1000):
            y = probe(y, work)
    with tf.Session(config=devices(2)) as sess:
        with pytest.raises(tf.errors.InvalidArgumentError, match="early"):
            sess.run([bad, y])
        assert len(ran) < 500


def test_two_errors_at_once_give_one_of_them():
    barrier = threading.Barrier(2)

    def fail(x):
        barrier.wait(LONG)
        raise ValueError("both")
    bad = []
    for i in range(2):
        with on(i):
            bad.append(probe(tf.constant(1.0), fail, name=f"bad{i}"))
    with tf.Session(config=devices(2)) as sess:
        for _ in range(10):
            with pytest.raises(tf.errors.InvalidArgumentError, match="both") as e:
                sess.run(bad)
            assert e.value.op.name in ("bad0", "bad1")


# ---- time-outs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["options", "config"])
def test_a_time_out_says_what_each_device_does(by):
    release = threading.Event()
    with on(0):
        slow = probe(tf.constant(1.0), blocked(release), name="slow")
    with on(1):
        waiting = tf.negative(slow, name="waiting")
    config = devices(3, operation_timeout_in_ms=300) if by == "config" else devices(3)
    with on(2):
        quick = tf.negative(probe(tf.constant(1.0), lambda x: None), name="quick")
    with tf.Session(config=config) as sess:
        timer = threading.Timer(1.5, release.set)
        timer.start()
        with pytest.raises(tf.errors.DeadlineExceededError) as e:
            sess.run([waiting, quick], options=tf.RunOptions(timeout_in_ms=300) if by == "options" else None)
        timer.join()
        text = str(e.value)
        assert "did not end within 0.3 s" in text
        zero, one, two = (next(line for line in text.splitlines() if line.startswith("/job:localhost/replica:0/task:0/device:CPU:%d" % i)) for i in range(3))
        assert "is in 'slow' (TestProbe)" in zero and "graphs.py" in zero
        assert "waits to receive" in one and "edge_slow_0" in one
        assert "at its end" in two
        assert sess.run([waiting, quick], options=tf.RunOptions(timeout_in_ms=LONG * 1000)) == [-1, -1]       # the session goes on


def test_a_time_out_ends_a_step_that_computes_on_one_device():
    """Between two instructions; the step would take minutes."""
    x = y = tf.placeholder(tf.float32, [1000, 1000])
    for _ in range(3000):
        y = tf.matmul(tf.tanh(y), x)
    with tf.Session() as sess:
        with pytest.raises(tf.errors.DeadlineExceededError, match="(?s)did not end within 0.2 s.*CPU:0: is in '"):
            sess.run(y, {x: np.ones((1000, 1000), np.float32)}, options=tf.RunOptions(timeout_in_ms=200))
        assert sess.run(x[0, 0], {x: np.ones((1000, 1000), np.float32)}) == 1


def test_a_time_out_that_is_not_reached_changes_nothing():
    with on(1):
        a = probe(tf.constant(1.0), lambda x: None)
    with on(0):
        b = a * 2.0
    with tf.Session(config=devices(2)) as sess:
        for _ in range(5):
            assert sess.run(b, options=tf.RunOptions(timeout_in_ms=LONG * 1000)) == 2


# ---- closing and interrupting -----------------------------------------------------------------------------------------------


def test_closing_under_a_step_does_not_leave_its_caller_waiting():
    entered, release = threading.Event(), threading.Event()

    def hold(x):
        entered.set()
        release.wait(LONG)
    with on(0):
        a = probe(tf.constant(1.0), hold)
    with on(1):
        b = tf.negative(a)
    with on(0):
        c = tf.exp(b)
    sess = tf.Session(config=devices(2))
    outcome = []

    def run():
        try:
            outcome.append(sess.run(c))
        except (tf.errors.OpError, RuntimeError) as error:
            outcome.append(error)
    runner = threading.Thread(target=run, daemon=True)
    runner.start()
    assert entered.wait(LONG)
    closer = threading.Thread(target=sess.close, daemon=True)
    closer.start()
    with_step = soon(lambda: sess._closed)
    release.set()
    runner.join(LONG / 2)
    closer.join(LONG / 2)
    assert with_step and not runner.is_alive() and not closer.is_alive() and len(outcome) == 1
    assert isinstance(outcome[0], Exception) or np.isclose(outcome[0], np.exp(-1.0))


INTERRUPTED = """
    import sys, threading, time
    import numpy as np
    import minitf as tf
    sys.path.insert(0, {tests!r})
    from session.graphs import probe
    n_devices, kind = {n}, {kind!r}
    started = []
    def note(x):
        if not started:
            started.append(1); print("started", flush=True)
    x = tf.placeholder(tf.float32, [1000, 1000])
    y = probe(x, note)
    for i in range(3000):                       # minutes of work
        with tf.device("/cpu:%d" % (i % n_devices)):
            y = tf.sqrt(tf.exp(tf.sin(y) if hasattr(tf, "sin") else tf.tanh(y))) if kind == "kernels" else probe(y, lambda v: time.sleep(0.02))
    with tf.Session(config=tf.ConfigProto(device_count={{"CPU": n_devices}})) as sess:
        assert sess.run(tf.reduce_sum(x[:1, :2]) if kind == "none" else x[0, 0], {{x: np.ones((1000, 1000), np.float32)}}) == 1
        begin = time.time()
        try:
            sess.run(y, {{x: np.ones((1000, 1000), np.float32)}})
            print("ran to its end", time.time() - begin, flush=True)
        except KeyboardInterrupt:
            print("interrupted", flush=True)
            assert sess.run(x[0, 0], {{x: np.ones((1000, 1000), np.float32)}}) == 1
            with tf.device("/cpu:%d" % (n_devices - 1)):
                z = x[1, 1] + 1.0
            assert sess.run([z, x[0, 0]], {{x: np.ones((1000, 1000), np.float32)}}) == [2, 1]
            print("usable", flush=True)
"""


@pytest.mark.parametrize("n, kind", [(1, "kernels"), (2, "kernels"), (2, "python")])
def test_ctrl_c_ends_a_run_and_leaves_the_session_usable(n, kind, tmp_path):
    script = tmp_path / "long_run.py"
    script.write_text(textwrap.dedent(INTERRUPTED.format(tests=str(Path(__file__).parents[1]), n=n, kind=kind)))
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(tf.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])}
    process = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)
    try:
        assert process.stdout.readline() == "started\n", process.stderr.read()
        begin = time.monotonic()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LONG)            # all of it: what lies behind a line that was read by itself would be lost
        seconds = time.monotonic() - begin
        assert out == "interrupted\nusable\n" and process.returncode == 0, err
        assert seconds < 20, seconds                            # seconds on a loaded machine; the run would take minutes
    finally:
        process.kill()
        process.wait()
