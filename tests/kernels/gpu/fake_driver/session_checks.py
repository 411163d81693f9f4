"""Sessions on /gpu:0 and /gpu:1: run by test_gpu_pycuda_sessions.py, on the fake driver.

    python session_checks.py OUT.npz      what the programs give, for instance on emulated GPUs: there the same kernels run, with no queue
"""
import ctypes
import os
import re
import sys
import threading

import numpy as np
import pytest

import minitf as tf
from minitf.kernels.gpu import pycuda_device

PROGRAMS = {}


def program(f):
    PROGRAMS[f.__name__] = f
    return f


def numbers(shape, seed):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def train(loss, optimizer, feeds, *more):
    """The losses of as many steps as there are feeds, then the variables."""
    step = optimizer.minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        losses = [session.run([loss, step, *more], feed)[0] for feed in feeds]
        return [np.array(losses), *session.run(tf.trainable_variables())]


@program
def mlp():
    with tf.device("/gpu:0"):
        x, y = tf.placeholder(tf.float32, [16, 20]), tf.placeholder(tf.float32, [16, 5])
        w1, w2, b = tf.Variable(numbers([20, 30], 1)), tf.Variable(numbers([30, 5], 2)), tf.Variable(tf.zeros([30]))
        logits = tf.matmul(tf.nn.relu(tf.matmul(x, w1) + b), w2)
        loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=y, logits=logits))
        feeds = [{x: numbers([16, 20], k), y: np.eye(5, dtype=np.float32)[np.arange(16) % 5]} for k in range(6)]
        return train(loss, tf.train.AdamOptimizer(0.01), feeds)


@program
def convolutions():
    with tf.device("/gpu:0"):
        x, y = tf.placeholder(tf.float32, [4, 12, 12, 2]), tf.placeholder(tf.int32, [4])
        h = tf.nn.max_pool(tf.nn.relu(tf.nn.conv2d(x, tf.Variable(numbers([3, 3, 2, 4], 1)), [1, 1, 1, 1], "SAME")), [1, 2, 2, 1], [1, 2, 2, 1], "SAME")
        logits = tf.matmul(tf.reshape(h, [4, 144]), tf.Variable(0.1 * numbers([144, 5], 2)))
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))
        feeds = [{x: numbers([4, 12, 12, 2], k), y: (np.arange(4) + k) % 5} for k in range(3)]
        return train(loss, tf.train.MomentumOptimizer(0.01, 0.9), feeds)


@program
def devices_by_turns():
    """A chain that crosses from device to device at every step, with a variable on each."""
    x = tf.placeholder(tf.float32, [64, 64])
    y, variables = x, []
    for k, device in enumerate(["/gpu:0", "/gpu:1", "/cpu:0", "/gpu:1", "/gpu:0", "/cpu:0"]):
        with tf.device(device):
            variables.append(tf.Variable(0.1 * numbers([64, 64], k)))
            y = tf.tanh(tf.matmul(y, variables[-1]))
    loss = tf.reduce_sum(tf.square(y - 0.5))
    return train(loss, tf.train.GradientDescentOptimizer(0.01), [{x: numbers([64, 64], 20 + k)} for k in range(5)])


@program
def rows_of_a_table():
    with tf.device("/gpu:0"):
        ids = tf.placeholder(tf.int32, [6])
        table = tf.Variable(numbers([50, 8], 3))
        loss = tf.reduce_sum(tf.square(tf.gather(table, ids) - 1.0))
        return train(loss, tf.train.AdagradOptimizer(0.1), [{ids: (np.arange(6) * (k + 3)) % 50} for k in range(4)])


@program
def random_numbers():
    with tf.device("/gpu:0"):
        draws = [tf.random_normal([100], seed=1), tf.random_uniform([100], seed=2), tf.nn.dropout(tf.ones([100]), 0.5, seed=3)]
    with tf.Session() as session:
        return [np.concatenate(session.run(draws)) for _ in range(3)]


@program
def many_fed_and_fetched():
    with tf.device("/gpu:0"):
        fed = [tf.placeholder(tf.float32, [k + 1]) for k in range(12)]
        fetched = [2 * f + 1 for f in fed]
    with tf.Session() as session:
        return [a for step in range(4) for a in session.run(fetched, {f: numbers([k + 1], 12 * step + k) for k, f in enumerate(fed)})]


def run(name):
    with tf.Graph().as_default():
        tf.set_random_seed(5)
        return [np.asarray(a) for a in PROGRAMS[name]()]


@pytest.fixture(scope="module")
def emulated():
    return np.load(os.environ["EMULATED"])


def same(name, emulated):
    got = run(name)
    assert len(got) == len([k for k in emulated if k.startswith(name + " ")])
    for k, array in enumerate(got):
        np.testing.assert_array_equal(array, emulated[f"{name} {k}"], err_msg=f"{name}, array {k}")


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_bits_as_on_an_emulated_gpu(name, emulated):
    same(name, emulated)


@pytest.mark.parametrize("what", ["at the end of a plan", "of a GPU for another", "of the host for what a GPU sends"])
@pytest.mark.skipif(os.environ.get("FAKE_GPU_ORDER") != "lazy", reason="a wait that is missing shows every time only where nothing happens by itself")
def test_that_a_missing_wait_is_seen(what, emulated, monkeypatch):
    """Of the engine: without it, the test above can not pass."""
    owner, name = {"at the end of a plan": (pycuda_device.PyCudaDevice, "synchronize"), "of a GPU for another": (pycuda_device.PyCudaDevice, "wait"),
                   "of the host for what a GPU sends": (pycuda_device.Event, "synchronize")}[what]
    monkeypatch.setattr(owner, name, lambda *arguments: None)
    with pytest.raises(AssertionError):
        same("mlp" if what == "at the end of a plan" else "devices_by_turns", emulated)


def counts():
    library = ctypes.CDLL("libcuda.so.1")
    library.fake_count.restype = ctypes.c_long
    return lambda name: library.fake_count(name.encode())


def test_a_step_allocates_nothing_and_waits_once():
    count = counts()
    with tf.Graph().as_default(), tf.device("/gpu:0"):
        x = tf.placeholder(tf.float32, [8, 8])
        w = tf.Variable(numbers([8, 8], 1))
        y = tf.reduce_sum(tf.nn.softmax(tf.matmul(tf.nn.relu(tf.matmul(x, w)), w)), 0)
        with tf.Session() as session:
            session.run(w.initializer)
            for _ in range(3):
                session.run(y, {x: np.ones([8, 8])})
            before = {name: count(name) for name in ("allocate", "pin", "synchronize", "launch", "copies_in", "copies_out", "pageable", "default_stream", "event")}
            for _ in range(10):
                session.run(y, {x: np.ones([8, 8])})
            made = {name: count(name) - n for name, n in before.items()}
    assert made.pop("launch") >= 40
    assert made == dict(allocate=0, pin=0, synchronize=10, copies_in=10, copies_out=10, pageable=0, default_stream=0, event=0)


def test_steps_of_several_clients_at_once():
    with tf.Graph().as_default(), tf.device("/gpu:0"):
        x = tf.placeholder(tf.float32, [32, 32])
        y = tf.matmul(x, x) + x
        with tf.Session() as session:
            wrong = []

            def client(k):
                try:
                    for step in range(10):
                        a = numbers([32, 32], 100 * k + step)
                        np.testing.assert_allclose(session.run(y, {x: a}), a @ a + a, rtol=1e-4, atol=1e-4)
                except BaseException as e:        # noqa: B036: told below, whatever it is
                    wrong.append(e)
            threads = [threading.Thread(target=client, args=(k,)) for k in range(4)]
            for t in threads:
                t.start()
            for t in threads:
                t.join(100)
                assert not t.is_alive(), "a client has not had its steps in 100 s"
            assert not wrong


def test_out_of_memory_names_the_op_and_leaves_the_session_usable():
    with tf.Graph().as_default(), tf.device("/gpu:0"):
        small = tf.placeholder(tf.float32, [4])
        n = tf.placeholder(tf.float32, [100, 1])
        with tf.Session() as session:
            large = tf.reduce_sum(tf.exp(tf.tile(n, [1, 2_000_000])) * 2)
            with pytest.raises(tf.errors.ResourceExhaustedError, match="OOM when allocating [0-9,]+ bytes on fake GPU 0") as error:
                session.run(large, {n: np.ones([100, 1])})
            assert re.search("Tile|Exp|GPU:0", str(error.value))
            np.testing.assert_array_equal(session.run(small + 1, {small: np.ones(4)}), 2 * np.ones(4))


def test_a_complaint_of_a_kernel_is_an_error_and_leaves_the_session_usable():
    with tf.Graph().as_default(), tf.device("/gpu:0"):
        ids = tf.placeholder(tf.int32, [3])
        rows = tf.gather(tf.Variable(numbers([5, 2], 1)), ids)
        with tf.Session() as session:
            session.run(tf.global_variables_initializer())
            with pytest.raises(tf.errors.InvalidArgumentError, match="7 is not in"):
                session.run(rows, {ids: [0, 7, 1]})
            np.testing.assert_array_equal(session.run(rows, {ids: [4, 3, 0]}), numbers([5, 2], 1)[[4, 3, 0]])


def test_a_variable_is_read_and_saved(tmp_path):
    with tf.Graph().as_default():
        with tf.device("/gpu:1"):
            v = tf.Variable(numbers([40], 1), name="v")
            double = tf.assign(v, 2 * v)
        saver = tf.train.Saver()
        with tf.Session() as session:
            session.run(v.initializer)
            path = saver.save(session, str(tmp_path / "model"))
            session.run(double.op)
            np.testing.assert_array_equal(v.eval(session), 2 * numbers([40], 1))
            saver.restore(session, path)
            np.testing.assert_array_equal(v.eval(session), numbers([40], 1))


if __name__ == "__main__":
    np.savez(sys.argv[1], **{f"{name} {k}": a for name in PROGRAMS for k, a in enumerate(run(name))})
