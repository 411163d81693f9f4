"""The stepper: the plans of a run, one instruction at a time."""
import gc
import threading

import numpy as np
import pytest

import minitf as tf
from minitf.core.buffers import allocator_stats
from minitf.core.errors import FailedPreconditionError, InternalError, InvalidArgumentError
from minitf.session.stepper import Stepper


def session(devices=1):
    return tf.Session(config=tf.ConfigProto(device_count={"CPU": devices}))


@pytest.fixture
def two():
    """A step over two devices with a variable, a fused chain and a transfer each way."""
    with tf.device("/cpu:0"):
        x = tf.placeholder(tf.float32, [3], name="x")
        v = tf.Variable([1., 2., 3.], name="v")
        a = tf.exp(x * v, name="a")
    with tf.device("/cpu:1"):
        b = tf.concat([a, a], 0, name="b")
    with tf.device("/cpu:0"):
        c = tf.negative(b, name="c")
        up = tf.assign_add(v, [1., 1., 1.], name="up")
    return x, v, a, b, c, up


def test_stepping_gives_what_a_run_gives(two):
    x, v, a, b, c, up = two
    with session(2) as sess:
        sess.run(tf.global_variables_initializer())
        threads = threading.active_count()
        fetches = {"c": (c, a), "b": b, "x": x}
        with sess.stepper(fetches, {x: [0., 0., 1.]}) as stepper:
            events = []
            while not stepper.at_end:
                events.append(stepper.step())
            assert stepper.step() is None
            got = stepper.finish()
        assert threading.active_count() == threads
        expected = sess.run(fetches, {x: [0., 0., 1.]})
    assert str(got) == str(expected)
    assert {e.device[-5:] for e in events} == {"CPU:0", "CPU:1"} and {e.status for e in events} == {"ran", "parked"}
    ran = [(e.device, e.number) for e in events if e.status == "ran"]
    assert len(set(ran)) == len(ran)
    assert any(str(e).startswith("CPU:1   0 parked Recv a/_recv_") for e in events)


def test_parked_devices_and_program_counters(two):
    x, v, a, b, c, up = two
    with session(2) as sess:
        sess.run(tf.global_variables_initializer())
        with sess.stepper(c, {x: [0., 0., 0.]}) as stepper:
            zero, one = stepper.program_counters
            assert stepper.parked == {}
            assert stepper.step("/cpu:1").status == "parked"
            assert stepper.program_counters == {zero: 0, one: 0}
            (device, key), = stepper.parked.items()
            assert device == one and "edge_a_0" in key
            text = stepper.where()
            assert "CPU:0 at 0 of" in text and f"waits for {key}" in text and "parked at Recv" in text
            assert stepper.step("/cpu:1").status == "parked"          # asked once more, it waits still
            while stepper.parked:
                assert stepper.step("/cpu:0").status == "ran"
            assert stepper.step("/cpu:1").status == "ran" and stepper.program_counters[one] == 1
            with pytest.raises(ValueError, match="No device '/cpu:7' takes part"):
                stepper.step("/cpu:7")


def test_run_until_and_values(two):
    x, v, a, b, c, up = two
    with session(2) as sess:
        sess.run(tf.global_variables_initializer())
        with sess.stepper([c, up], {x: [0., 0., 0.]}) as stepper:
            assert stepper.value("a") is None and stepper.value("b:0") is None
            np.testing.assert_array_equal(stepper.value("x"), [0, 0, 0])
            assert stepper.run_until("a:0").instruction.node.name == "a"
            np.testing.assert_array_equal(stepper.value("a:0"), [1, 1, 1])
            assert stepper.value("b") is None
            with pytest.raises(ValueError, match="'mul' is a step inside the fused instruction 'a'"):
                stepper.value("mul")
            assert stepper.run_until("mul") is None                   # it has run: inside of 'a'
            stepper.run_until("b")
            np.testing.assert_array_equal(stepper.value("b"), np.ones(6))
            assert stepper.run_until("x") is None
            stepper.run_until("up")
            np.testing.assert_array_equal(stepper.value("v:0"), [2, 3, 4])
            with pytest.raises(ValueError, match="No instruction computes 'bb'; the nearest names are b"):
                stepper.run_until("bb")
            with pytest.raises(ValueError, match="No buffer holds 'cc'; the nearest"):
                stepper.value("cc")
            np.testing.assert_array_equal(stepper.finish()[0], -np.ones(6))
            np.testing.assert_array_equal(stepper.finish()[0], -np.ones(6))
        np.testing.assert_array_equal(sess.run(v), [2, 3, 4])


def test_buffers_tell_state_and_holders():
    x = tf.placeholder(tf.float32, [100], name="x")
    v = tf.Variable(tf.ones([100]), name="v")
    a = tf.tile(x * v, [2], name="a")
    b = tf.tile(tf.reshape(a, [10, 20], name="r"), [1, 2], name="b")
    c = tf.tile(b, [1, 2], name="c")
    d = tf.tile(c[:, :5], [2, 1], name="d")
    with session() as sess:
        sess.run(tf.global_variables_initializer())
        with sess.stepper(d, {x: np.full(100, 3.)}) as stepper:
            def state(name):
                return next(view for view in stepper.buffers("/cpu:0") if view.name == name)

            assert state("v").state == "live" and state("v").holders == "session"
            assert state("x").holders == "caller" and state("a").state == "not made yet" and state("r").state == "not made yet"
            stepper.run_until("v/read")
            assert state("v/read").holders == "2 references" and state("v/read").shape == (100,)
            stepper.run_until("a")
            assert state("v/read").state == "given back" and state("v/read").value is None
            assert state("a").holders == "arena" and state("r").state == "live" and state("r").value.shape == (10, 20)
            assert "[3. 3." in str(stepper.buffers()) and "(not made yet)" in str(stepper.buffers())
            assert all(len(line) <= 120 for line in str(stepper.buffers()).split("\n"))
            stepper.finish()
            gone = [view for view in stepper.buffers() if view.state.startswith("overwritten by %")]
            assert "a" in [view.name for view in gone] and all(view.value is None for view in gone)
            for view in stepper.buffers():
                if view.state == "live" and view.kind in ("arena", "view"):
                    assert np.unique(view.value).tolist() == [3.0], view


def test_values_that_are_live_are_right_at_every_moment():
    """Against the values of a run that fetches every tensor: whatever a buffer shows as live is what the op gives."""
    chance = np.random.default_rng(3)
    x = tf.placeholder(tf.float32, [4, 4], name="x")
    tensors = [x]
    for i in range(60):
        a, b = tensors[chance.integers(max(0, len(tensors) - 6), len(tensors))], tensors[chance.integers(len(tensors))]
        tensors.append([lambda: tf.transpose(a, name=f"t{i}"), lambda: tf.maximum(a, b * 0.5, name=f"t{i}"), lambda: tf.reshape(a, [4, 4], name=f"t{i}"),
                        lambda: tf.concat([a[:2], b[2:]], 0, name=f"t{i}"), lambda: tf.tanh(a, name=f"t{i}")][chance.integers(5)]())
    feed = {x: chance.standard_normal((4, 4)).astype(np.float32)}
    with session() as sess:
        expected = {t.op.name: value for t, value in zip(tensors, sess.run(tensors, feed))}
        with sess.stepper(tensors[-1], feed) as stepper:
            seen = 0
            while stepper.step() is not None:
                for view in stepper.buffers():
                    if view.state == "live" and view.name in expected:
                        np.testing.assert_array_equal(np.reshape(view.value, (4, 4)), expected[view.name], err_msg=view.name)
                        seen += 1
            assert seen > 100


def test_a_cut_plan_goes_on_with_its_next_part():
    with tf.device("/cpu:0"):
        x = tf.placeholder(tf.float32, [None], name="x")
        mask = tf.boolean_mask(x, x > 0., name="mask")
    with tf.device("/cpu:1"):
        y = tf.tanh(mask * 2., name="y")
    with session(2) as sess:
        for values in ([1., -1., 2.], [-1., -1., -1.], [-1.], [1., 1., 1.]):
            with sess.stepper([y, mask], {x: values}) as stepper:
                stepper.run_until("mask/Where")
                assert stepper.value("mask/Where").shape == (sum(v > 0 for v in values), 1)
                stepper.run_until("y")
                assert stepper.value("y").shape == (sum(v > 0 for v in values),)
                np.testing.assert_array_equal(stepper.finish()[0], sess.run(y, {x: values}))


def test_an_error_is_decorated_and_leaves_the_session_usable():
    x = tf.placeholder(tf.int32, [], name="x")
    a = tf.gather([1, 2, 3], x, name="a")
    v = tf.Variable(1, name="v")
    with session() as sess:
        stepper = sess.stepper([a], {x: 9})
        with pytest.raises(InvalidArgumentError, match=r"(?s)op: 'a' \(Gather\).*defined at: .*a = tf.gather") as first:
            stepper.finish()
        assert first.value.op is a.op
        assert stepper.value("x") == 9                                # to look at what it failed on
        with pytest.raises(InvalidArgumentError):
            stepper.step()
        stepper.close()
        with pytest.raises(FailedPreconditionError, match="'v/read'|uninitialized value v"):
            sess.stepper(v.value()).finish()
        assert sess.run(a, {x: 1}) == 2


def test_operations_variables_and_single_fetches():
    v = tf.Variable(5, name="v")
    up = tf.assign_add(v, 2)
    with session() as sess:
        assert sess.stepper(v.initializer).finish() is None
        assert sess.stepper(up).finish() == 7
        assert sess.stepper([up.op, v]).finish()[0] is None
        stepper = sess.stepper(tf.constant(3))
        assert stepper.step() is None and stepper.finish() == 3
        assert "at its end" in str(stepper)
        stepper.close()
        stepper.close()
        assert str(stepper) == "<closed Stepper>"
        with pytest.raises(RuntimeError, match="closed"):
            stepper.step()


def test_a_deadlock_says_what_each_device_waits_for(two):
    x, v, a, b, c, up = two
    with session(2) as sess:
        sess.run(tf.global_variables_initializer())
        executable, _, feeds = sess._prepare(c, {x: [0., 0., 0.]})
        whole = executable.variant(feeds)
        plan = whole.plans[0]
        plan.instructions = [i for i in plan.instructions if i.kind != "Send"]
        plan.stops = [len(plan.instructions)]
        with Stepper(executable, feeds, None) as stepper:
            with pytest.raises(InternalError, match=r"(?s)Deadlock: no device can go on.*CPU:0.*waits for .*edge_b_0.*CPU:1.*waits for .*edge_a_0"):
                stepper.finish()


def test_closing_gives_everything_back():
    x = tf.placeholder(tf.float32, [50_000], name="x")
    v = tf.Variable(tf.zeros([50_000]), name="v")
    y = tf.exp(x + v, name="y")
    up = tf.assign_add(v, tf.ones([50_000]))
    value = np.zeros(50_000, np.float32)
    with session() as sess:
        sess.run(tf.global_variables_initializer())

        def once(finish):
            stepper = sess.stepper([y, up], {x: value})
            stepper.run_until("v/read")
            assert "2 references" in str(stepper.buffers())
            if finish:
                stepper.finish()
            stepper.close()

        once(True)
        gc.collect()
        before = allocator_stats()[2]
        for k in range(10):
            once(k % 2)
        gc.collect()
        assert allocator_stats()[2] <= before                  # less, where an earlier test's garbage went meanwhile


def test_other_steps_may_run_in_between(two):
    x, v, a, b, c, up = two
    with session(2) as sess:
        sess.run(tf.global_variables_initializer())
        with sess.stepper(c, {x: [1., 1., 1.]}) as stepper:
            stepper.run_until("v/read")
            sess.run(up)
            np.testing.assert_allclose(sess.run(a, {x: [1., 1., 1.]}), np.exp([2, 3, 4]), rtol=1e-6)
            np.testing.assert_allclose(stepper.finish(), -np.tile(np.exp([1, 2, 3]), 2), rtol=1e-6)
