"""RunOptions and RunMetadata: what a traced step tells."""
import time

import numpy as np
import pytest

import minitf as tf

FULL = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)


def traced(sess, fetches, feeds=None):
    metadata = tf.RunMetadata()
    values = sess.run(fetches, feeds, options=FULL, run_metadata=metadata)
    return values, metadata.step_stats


def test_every_instruction_in_order_with_its_time_and_results():
    x = tf.placeholder(tf.float32, [None, 300], name="x")
    w = tf.Variable(np.ones([300, 300], np.float32), name="w")
    y = tf.matmul(tf.matmul(x, w, name="first"), w, name="second")
    with tf.Session() as sess:
        sess.run(w.initializer)
        before = time.time() * 1e6
        value, stats = traced(sess, y, {x: np.ones([200, 300])})
        after = time.time() * 1e6
    assert (value == 90000).all()
    device, = stats.dev_stats
    assert device.device.endswith("/device:CPU:0")
    nodes = {n.node_name: n for n in device.node_stats}
    first, second = nodes["first"], nodes["second"]
    assert first.timeline_label.startswith("first = MatMul(x, w")
    assert before - 2000 < first.all_start_micros < after + 2000
    assert first.all_start_nanos + first.op_end_rel_nanos <= second.all_start_nanos
    assert first.op_end_rel_nanos > 2 * 200 * 300 * 300 / 1e3       # no processor does 1,000 multiply-adds a nanosecond
    assert first.op_end_rel_micros == -(-first.op_end_rel_nanos // 1000)
    description = first.output[0].tensor_description
    assert (description.dtype, description.shape, description.requested_bytes) == (tf.float32, (200, 300), 240000)
    assert "second = MatMul" in str(stats) and "us" in str(stats)


def test_only_when_asked_and_only_that_run():
    x = tf.placeholder(tf.float32, [])
    y = tf.exp(x) * 2.
    with tf.Session() as sess:
        metadata = tf.RunMetadata()
        sess.run(y, {x: 1}, run_metadata=metadata)
        sess.run(y, {x: 1}, options=FULL)
        sess.run(y, {x: 1}, options=tf.RunOptions(), run_metadata=metadata)
        assert metadata.step_stats is None
        _, one = traced(sess, [y], {x: 1})
        _, two = traced(sess, [y], {x: 1})
    assert one.dev_stats[0].node_stats[0].all_start_nanos < two.dev_stats[0].node_stats[0].all_start_nanos
    assert "Exp" in one.dev_stats[0].node_stats[-1].timeline_label       # a fused instruction names its parts


def test_devices_transfers_and_parts_behind_cuts():
    with tf.device("/cpu:0"):
        x = tf.placeholder(tf.int32, [None], name="x")
        a = tf.add(x, x, name="a")
    with tf.device("/cpu:1"):
        b, _ = tf.unique(a, name="b")
        c = tf.multiply(b, b, name="c")
    with tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as sess:
        value, stats = traced(sess, c, {x: [1, 1, 2]})
    assert value.tolist() == [4, 16]
    by_device = {d.device[-1]: [n.node_name for n in d.node_stats] for d in stats.dev_stats}
    assert "a" in by_device["0"] and by_device["1"][-1] == "c" and any("Recv" in n.timeline_label for n in stats.dev_stats[1].node_stats)
    c_stats = stats.dev_stats[1].node_stats[-1]
    assert c_stats.output[0].tensor_description.shape == (2,)


def test_a_failing_step_leaves_no_trace_behind():
    x = tf.placeholder(tf.float32, [])
    y = tf.check_numerics(x, "m")
    with tf.Session() as sess:
        metadata = tf.RunMetadata()
        with pytest.raises(tf.errors.InvalidArgumentError):
            sess.run(y, {x: np.nan}, options=FULL, run_metadata=metadata)
        assert metadata.step_stats is None
        assert sess.run(y, {x: 1}) == 1
