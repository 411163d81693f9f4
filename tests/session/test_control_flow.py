"""How cond and while_loop run: memory, errors, interrupts, devices, threads, and what explain, the stepper and the wire form show."""
import os
import random
import signal
import threading
import time

import numpy as np
import pytest

import minitf as tf
from minitf.core.buffers import allocator_stats
from minitf.graph.wire import from_json, from_wire, to_json, to_wire


def count_to(n, *more):
    return tf.while_loop(lambda i, *v: i < n, lambda i, *v: (i + 1, *[x + 1. for x in v]), [0, *more])


def test_a_steady_loop_allocates_nothing():
    x = tf.placeholder(tf.float32, [1000])
    i, y = tf.while_loop(lambda i, a: i < 10000, lambda i, a: (i + 1, tf.cond(i < 5000, lambda: tf.tanh(a) + x, lambda: a * 0.5 + x)), [0, x])
    total = tf.reduce_sum(y)
    with tf.Session() as sess:
        for _ in range(3):
            sess.run([total, i], {x: np.ones(1000, np.float32)})
        before = allocator_stats()[0]
        sess.run([total, i], {x: np.ones(1000, np.float32)})
        assert allocator_stats()[0] - before < 20               # of 10,000 iterations


def test_memory_is_given_back():
    x = tf.placeholder(tf.float32, [1000])
    y = tf.while_loop(lambda i, a: i < 50, lambda i, a: (i + 1, tf.tanh(a) * x), [0, x])[1]
    grad, = tf.gradients(y, x)
    with tf.Session() as sess:
        for _ in range(3):
            sess.run(grad, {x: np.ones(1000, np.float32)})
        before = allocator_stats()[2]
        sess.run(grad, {x: np.ones(1000, np.float32)})
        assert allocator_stats()[2] == before


def test_a_loop_is_fast():
    """100,000 iterations in well under a second, even on a busy machine; with Python between iterations it would be seconds."""
    i, y = count_to(100_000, 0.)
    with tf.Session() as sess:
        sess.run(y)
        times = []
        for _ in range(3):
            start = time.perf_counter()
            sess.run(y)
            times.append(time.perf_counter() - start)
    assert min(times) < 0.8


def test_an_error_names_the_inner_op_and_where_it_is():
    x = tf.placeholder(tf.float32, [None])

    def fail(a):
        raise ValueError("no luck")

    def inner(a):
        return tf.reshape(tf.py_func(fail, [a], tf.float32), [2])
    y = tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.cond(i < 1, lambda: a, lambda: inner(a), name="choice")), [0, x], [[], tf.TensorShape(None)], name="loop")[1]
    with tf.Session() as sess:
        with pytest.raises(tf.errors.InvalidArgumentError, match="no luck") as raised:
            sess.run(y, {x: [1, 2]})
        text = str(raised.value)
        assert "op: 'loop/choice/PyFunc' (PyFunc)" in text and "in the branch for false of 'loop/choice'" in text
        assert "in the body, iteration 2, of 'loop' (While), defined at: " in text and "test_control_flow.py" in text
        assert raised.value.op.name == "loop/choice/PyFunc"
        assert sess.run(tf.cond(x[0] > 0., lambda: x, lambda: inner(x)), {x: [1, 2]}).tolist() == [1, 2]


def test_a_shape_that_does_not_fit_is_found_in_its_iteration():
    x = tf.placeholder(tf.float32, [None])
    y = tf.while_loop(lambda i, a: i < 5, lambda i, a: (i + 1, tf.cond(i < 2, lambda: a, lambda: tf.reshape(a, [7]))), [0, x], [[], [None]])[1]
    with tf.Session() as sess:
        assert len(sess.run(y, {x: np.zeros(7)})) == 7
        with pytest.raises(tf.errors.InvalidArgumentError, match="Cannot reshape a tensor with 2 elements") as raised:
            sess.run(y, {x: [1, 2]})
        assert "in the body, iteration 3, of 'while'" in str(raised.value)
        assert len(sess.run(y, {x: np.zeros(7)})) == 7


def endless():
    """Loops that do not end: a plain one, and one whose work is in an inner loop."""
    x = tf.placeholder_with_default(1., [])
    inner = lambda a: tf.while_loop(lambda b: b < 5., lambda b: b + 1., [a * 0.])
    return [tf.while_loop(lambda a: True, lambda a: a + x, [x]), tf.while_loop(lambda a: True, inner, [x])]


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("devices", [1, 2])
def test_an_endless_loop_ends_with_its_time(which, devices):
    with tf.device(f"/cpu:{devices - 1}"):
        loop = endless()[which]
    with tf.device("/cpu:0"):
        result = loop + 1.
    with tf.Session(config=tf.ConfigProto(device_count={"CPU": devices})) as sess:
        with pytest.raises(tf.errors.DeadlineExceededError, match="'while"):
            sess.run(result, options=tf.RunOptions(timeout_in_ms=100))
        assert sess.run(tf.constant(1.)) == 1.


@pytest.mark.parametrize("which", [0, 1])
def test_an_endless_loop_ends_with_ctrl_c(which):
    loop = endless()[which]
    with tf.Session() as sess:
        timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            sess.run(loop)
        timer.join()
        assert sess.run(count_to(3)) == 3


def test_a_failure_elsewhere_ends_a_loop():
    def fail():
        raise ValueError("stop")
    with tf.device("/cpu:1"):
        loop = endless()[0]
    with tf.device("/cpu:0"):
        result = tf.py_func(fail, [], tf.float32)
    with tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as sess, pytest.raises(tf.errors.InvalidArgumentError, match="stop"):
        sess.run([loop, result])


def model():
    """Inputs, and tensors computed from them through control flow; a variable's update among them."""
    x = tf.placeholder(tf.float32, [None], name="x")
    v = tf.Variable(5., name="v")
    y = tf.cond(tf.reduce_sum(x) < 0., lambda: -x * v,
                lambda: tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.cond(i < 1, lambda: a + tf.assign_add(v, 1.), lambda: a * 2.)), [0, x])[1])
    z = tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, tf.tanh(a) * x), [0, x])[1]
    tf.identity(y, name="y")
    tf.identity(tf.gradients(z, x)[0], name="g")
    tf.global_variables_initializer()


def results(graph, config=None):
    with tf.Session(graph=graph, config=config) as sess:
        sess.run("init")
        return [r.tolist() for f in ([-1., -2.], [1., 2., 3.], [1., 2., 3.], [-1.]) for r in sess.run(["y:0", "g:0"], {"x:0": f})]


@pytest.mark.filterwarnings("ignore:.*runs wholly on one device")
def test_two_devices_give_what_one_gives(graph):
    model()
    expected = results(graph)
    with tf.Graph().as_default() as other:
        with tf.device(lambda op: f"/cpu:{len(op.name) % 2}"):
            model()
    assert results(other, tf.ConfigProto(device_count={"CPU": 2})) == expected


def test_threads_and_sessions_at_once(graph):
    x = tf.placeholder(tf.float32, [None])
    y = tf.while_loop(lambda i, a: i < 200, lambda i, a: (i + 1, tf.cond(i < 100, lambda: a + x, lambda: a - x * 0.5)), [0, x])[1]
    grad, = tf.gradients(y, x)
    failures = []

    def work(sess, size):
        try:
            for _ in range(30):
                value, slope = sess.run([y, grad], {x: np.full(size, 2.)})
                assert np.array_equal(value, np.full(size, 102.)) and np.array_equal(slope, np.full(size, 51.)), (value, slope)
        except BaseException as error:
            failures.append(error)
    with tf.Session() as one, tf.Session(graph=graph) as two:
        threads = [threading.Thread(target=work, args=(sess, size)) for sess in (one, two) for size in (1, 5, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []


def test_optimisation_changes_nothing(graph):
    model()
    off = tf.ConfigProto(graph_options=tf.GraphOptions(optimizer_options=tf.OptimizerOptions(opt_level=tf.OptimizerOptions.L0)))
    np.testing.assert_allclose(np.concatenate(results(graph, off)), np.concatenate(results(graph)), rtol=1e-6)


def test_partial_run_across_a_loop_and_its_gradient(graph):
    x, scale = tf.placeholder(tf.float32, [2]), tf.placeholder(tf.float32, [])
    y = tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * x), [0, x])[1]
    grad, = tf.gradients(y, x, scale * tf.ones([2]))
    with tf.Session() as sess:
        handle = sess.partial_run_setup([y, grad], [x, scale])
        assert sess.partial_run(handle, y, {x: [1., 2.]}).tolist() == [1., 16.]
        assert sess.partial_run(handle, grad, {scale: 2.}).tolist() == [8., 64.]


def test_the_stepper_takes_a_loop_as_one_instruction(graph):
    x = tf.placeholder(tf.float32, [2])
    y = tf.cond(x[0] > 0., lambda: count_to(3, x)[1], lambda: x) * 2.
    with tf.Session() as sess, sess.stepper(y, {x: [1., 2.]}) as stepper:
        event = stepper.run_until("cond")
        assert event.instruction.node.type == "StatelessIf" and stepper.value("cond").tolist() == [4., 5.]
        assert stepper.finish().tolist() == [8., 10.]


def test_explain_shows_the_bodies(graph):
    x = tf.placeholder(tf.float32, [2])
    y = tf.cond(x[0] > 0., lambda: count_to(3, x)[1], lambda: tf.tanh(x))
    with tf.Session() as sess:
        sess.run(y, {x: [1., 2.]})
        text = str(sess.explain(y, {x: [1., 2.]}))
    assert "cond (StatelessIf)" in text and "then_branch of cond" in text and "else_branch of cond: 2 nodes, compiled when it first runs" in text
    assert "body of cond/while" in text and "cond of cond/while" in text and "Tanh" not in text
    assert max(map(len, text.splitlines())) <= 120


# ---- wire form --------------------------------------------------------------------------------------------------------------

def test_control_flow_travels(graph):
    model()
    expected, text = results(graph), to_json(graph)
    again = from_json(text)
    assert to_json(again) == text
    assert results(again) == expected and results(from_wire(*to_wire(graph))) == expected
    with again.as_default():                                 # and can be built upon
        y, x, v = again.get_tensor_by_name("y:0"), again.get_tensor_by_name("x:0"), again.get_collection("variables")[0]
        slope, by_v = tf.gradients(y, [x, v])
    with tf.Session(graph=again) as sess:
        sess.run("init")
        assert [r.tolist() for r in sess.run([slope, by_v], {x: [-1., -2.]})] == [[-5., -5.], 3.]
        assert sess.run(slope, {x: [1., 2.]}).tolist() == [4., 4.]


def test_changed_bodies_are_refused_or_run(graph):
    """Whatever becomes of a body's text, reading it is a ValueError or gives a graph, and running that an OpError at worst."""
    model()
    text, rng, refused = to_json(graph), random.Random(4), 0
    pieces = ["null", "0", "[]", "{}", '"x"', "-1", "7", '"cond/x"', '"while"', "true"]
    for _ in range(300):
        at = rng.randrange(len(text))
        end = min(len(text), at + rng.choice([0, 1, 4]))
        begin, close = text.rfind(" ", 0, at), text.find(",", at)
        changed = text[:at] + text[end:] if rng.random() < 0.3 else text[:begin + 1] + rng.choice(pieces) + text[close:]
        try:
            other = from_json(changed)
        except ValueError:
            refused += 1
            continue
        try:
            with tf.Session(graph=other) as sess:
                sess.run(["init"])
                sess.run(["y:0", "g:0"], {"x:0": [1., 2.]}, options=tf.RunOptions(timeout_in_ms=500))
        except (tf.errors.OpError, ValueError, TypeError, KeyError):
            pass
    assert refused > 100
