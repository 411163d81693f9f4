"""Where sends meet receives: each once a step, in any order; and what happens when one comes twice, never, or after an abort."""
import time

import numpy as np
import pytest

import minitf as tf
from minitf.graph.program import Node
from minitf.session import pipeline, schedule

from .graphs import LONG, Background, Gate, devices, probe

PARTITION, TRANSFERS = pipeline.partition, schedule._transfers


def on(i):
    return tf.device(f"/cpu:{i}")


@pytest.mark.parametrize("kind, text", [("_Send", "Duplicated send: "), ("_Recv", "Duplicated recv: ")])
@pytest.mark.parametrize("threads", [0, 1])
def test_a_key_is_used_once(monkeypatch, kind, text, threads):
    """A partitioner that puts one Send, or one Recv, in twice."""
    def twice(program):
        parts, transfers = PARTITION(program)
        for part in parts:
            for k, node in reversed(list(enumerate(part.nodes))):
                if node.type == kind:
                    again = copied(node)
                    part.nodes.insert(k + 1, again)
                    if kind == "_Recv":                          # so that both have a reader
                        part.fetches.append((1, (again, 0)))
        return parts, transfers
    with on(0):
        a = tf.negative(probe(tf.constant(1.0), lambda x: None), name="a")
    with on(1):
        b = tf.exp(a)
        c = tf.negative(probe(tf.constant(2.0), lambda x: None))
    monkeypatch.setattr(pipeline, "partition", twice)
    with tf.Session(config=devices(2, inter_op_parallelism_threads=threads)) as sess:
        for _ in range(3):
            with pytest.raises(tf.errors.AbortedError) as e:
                sess.run([b, c])
            zero, one = (f"/job:localhost/replica:0/task:0/device:CPU:{i}" for i in range(2))
            assert str(e.value).startswith(f"{text}{zero};{one};edge_a_0")


def copied(node):
    return Node(f"{node.name}/again", node.type, node.attrs, list(node.inputs), list(node.controls), node.device, node.op,
                node.dtypes, node.shapes)


def test_after_an_abort_sends_and_receives_fail_at_once():
    """Device 0 fails; 1 waits for it, 2 is about to send and 3 to receive what was sent long ago: none of them goes on to another op.

    Device 4 shares the thread of device 0, so that its turn comes when the step has been aborted.
    """
    failing, gates, ran = Gate(), [Gate(), Gate()], []

    def fail(x):
        failing(x)
        raise tf.errors.OutOfRangeError(None, None, "the end")
    with on(0):
        bad = probe(tf.constant(1.0), fail, name="bad")
    with on(1):
        waits = probe(tf.negative(bad), lambda x: ran.append("waits"))
    with on(2):
        early = tf.negative(probe(tf.constant(1.0), lambda x: None))
        late = tf.negative(probe(early, gates[0]))
        behind = probe(late, lambda x: ran.append("behind"))
    with on(3), tf.control_dependencies([probe(tf.constant(1.0), gates[1])]):
        takes = probe(tf.exp(early), lambda x: ran.append("takes"))
        last = tf.exp(late)
    with on(4):
        opens = probe(tf.constant(1.0), lambda x: [gate.open() for gate in gates])
    with tf.Session(config=devices(8, inter_op_parallelism_threads=4)) as sess:
        step = Background(lambda: sess.run([waits, behind, takes, last, opens]))
        for gate in (failing, *gates):
            gate.wait()
        failing.open()
        with pytest.raises(tf.errors.OutOfRangeError, match="the end") as e:
            step.result()
        assert e.value.op.name == "bad" and ran == []


@pytest.mark.parametrize("first, then", [((), "cpu:0"), ((), "cpu:1"), (("cpu:1",), "cpu:1"), (("cpu:0",), "cpu:1")])
def test_whoever_comes_after_an_abort_is_told_its_error(first, then):
    """A Send, a Recv, a Recv that waits already, and a Recv of what has been sent."""
    x = tf.placeholder(tf.float32, [2])
    with on(0):
        a = tf.negative(x, name="a")
    with on(1):
        b = tf.exp(a, name="b")
    with tf.Session(config=devices(2)) as sess, sess.stepper(b, {x: [1.0, 2.0]}) as stepper:
        while stepper.step("/cpu:0").instruction.kind != "Compute":
            pass
        for device in first:
            stepper.step("/" + device)
        stepper._step.cancel()
        with pytest.raises(tf.errors.CancelledError, match="The session was closed while the step ran"):
            stepper.step("/" + then)


def test_devices_that_wait_for_one_another_are_reported(monkeypatch):
    """A scheduler that receives before it sends: each device waits for the other, and the time-out says for what."""
    def first_receive(order):
        return sorted(TRANSFERS(order), key=lambda n: n.type != "_Recv")
    monkeypatch.setattr(schedule, "_transfers", first_receive)
    with on(0):
        a = tf.negative(probe(tf.constant(1.0), lambda x: None), name="a")
    with on(1):
        b = tf.negative(a, name="b")
    with on(0):
        c = tf.negative(b, name="c")
    with on(1):
        d = tf.negative(c, name="d")
    for threads in (0, 1):
        with tf.Session(config=devices(2, inter_op_parallelism_threads=threads)) as sess:
            with pytest.raises(tf.errors.DeadlineExceededError) as e:
                sess.run(d, options=tf.RunOptions(timeout_in_ms=200))
            zero, one = str(e.value).splitlines()[1:3]
            assert "CPU:0: waits to receive" in zero and "edge_b_0" in zero and "defined at" in zero
            assert "CPU:1: waits to receive" in one and ("edge_a_0" in one or "edge_c_0" in one)
            with pytest.raises(tf.errors.InternalError, match="Deadlock: no device can go on"):
                sess.stepper(d).finish()


def test_strings_cross():
    """Their memory is given back under the interpreter's lock, which nobody may want while he holds the rendezvous'."""
    words = [b"a", b"tensor", b"of", b"words"]
    x = tf.placeholder(tf.string, [4])
    y = x
    for k in range(12):
        with on(k % 2):
            y = tf.string_join([y, y] if k < 3 else [y])
    with tf.Session(config=devices(2)) as sess:
        for _ in range(50):
            assert list(sess.run(y, {x: np.array(words, object)})) == [w * 8 for w in words]


@pytest.mark.parametrize("threads", [0, 1, 2, 3])
def test_an_error_ends_the_step_on_all_devices_within_a_second(threads):
    """One fails while the others compute, wait for it, or wait inside a loop or a branch for nothing more than their turn."""
    raised = []

    def fail(x):
        raised.append(time.monotonic())
        raise ValueError("early")
    x = tf.placeholder(tf.float32, [500, 500])
    with on(0):
        bad = probe(x[0, 0] + 1.0, fail, name="bad")
    with on(1):
        waits = bad * 2.0
    with on(2):
        busy = tf.while_loop(lambda i, a: i < 100000, lambda i, a: (i + 1, tf.tanh(tf.matmul(a, x))), [0, x])[1]
    with on(3):
        branch = tf.cond(x[0, 0] > 0.0, lambda: tf.while_loop(lambda a: a > 0.0, lambda a: a + 1.0, [x[0, 0]]), lambda: x[0, 0])
    seconds = []
    with tf.Session(config=devices(4, inter_op_parallelism_threads=threads)) as sess:
        for _ in range(3):
            raised.clear()
            with pytest.raises(tf.errors.InvalidArgumentError, match="early") as e:
                sess.run([bad, waits, busy, branch], {x: np.ones((500, 500), np.float32)}, options=tf.RunOptions(timeout_in_ms=LONG * 1000))
            seconds.append(time.monotonic() - raised[0])
            assert e.value.op.name == "bad"
    assert min(seconds) < 1, seconds
