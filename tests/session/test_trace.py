"""RunOptions and RunMetadata: what a traced step tells."""
import gc
import threading
import time
import weakref

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import minitf as tf
from minitf.core.step_stats import Transfer
from minitf.train.event_files import run_metadata_proto

from .graphs import LONG, devices, probe
from .random_graphs import Built
from .recipes import Recipe, data

CPU = "/job:localhost/replica:0/task:0/device:CPU:%d"
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
        metadata = tf.RunMetadata()
        assert sess.run(y, {x: 2}, options=FULL, run_metadata=metadata) == 2 and metadata.step_stats.dev_stats[0].node_stats


# ---- waiting, transfers ------------------------------------------------------------------------------------------------------

def nodes_of(stats):
    return {n.node_name: n for d in stats.dev_stats for n in d.node_stats}


def test_a_receive_tells_its_wait_apart_from_its_work():
    x = tf.placeholder(tf.float32, [100])
    asked = threading.Event()

    def work(value):
        assert asked.wait(LONG)
        time.sleep(0.05)                                  # the work, in which the other device comes to its Recv

    with tf.device("/cpu:1"):
        first = probe(x, lambda value: asked.set(), name="first")
    with tf.device("/cpu:0"):
        a = probe(x, work, name="a")
    with tf.device("/cpu:1"):
        b = tf.add(first, tf.exp(a), name="b")
    with tf.Session(config=devices(2)) as sess:
        _, stats = traced(sess, b, {x: np.ones(100)})
    nodes = nodes_of(stats)
    send, recv = (next(n for n in nodes.values() if n.kind == kind) for kind in ("Send", "Recv"))
    assert send.transfer == recv.transfer == Transfer(send.transfer.key, CPU % 0, CPU % 1, 400)
    assert send.transfer.key.endswith(";edge_a_0") and "edge_a_0 @" in recv.timeline_label and "Recv(" in recv.timeline_label
    assert recv.op_start_rel_nanos == recv.waited_nanos > 1e6 and recv.work_nanos == recv.op_end_rel_nanos - recv.op_start_rel_nanos >= 0
    assert recv.scheduled_nanos == recv.all_start_nanos + recv.op_start_rel_nanos >= send.all_start_nanos
    assert recv.all_end_rel_nanos == recv.op_end_rel_nanos and recv.scheduled_micros == recv.scheduled_nanos // 1000
    assert nodes["a"].waited_nanos == 0 and nodes["a"].work_nanos > 5e7
    assert "of waiting" in str(stats)


def test_what_an_instruction_is_told_with():
    x = tf.placeholder(tf.float32, [4], name="x")
    w = tf.Variable([1., 2., 3., 4.], name="w")
    y = tf.tanh(x * w + 1., name="y")
    with tf.Session() as sess:
        sess.run(w.initializer)
        _, stats = traced(sess, y, {x: np.ones(4)})
    device, = stats.dev_stats
    fused, read = next(n for n in device.node_stats if n.op == "Fused"), next(n for n in device.node_stats if n.kind == "Read")
    assert fused.fused == ["Mul", "Add", "Tanh"] and fused.members[-1] == "y" and "x" in fused.inputs and fused.kind == "Compute"
    assert read.op == "ReadVariable" and read.memory[0].total_bytes == 0 and "w" in read.inputs
    assert {"x", "w"} <= set(device.held) and not set(device.held) & {n.node_name for n in device.node_stats}


# ---- memory ------------------------------------------------------------------------------------------------------------------

def test_the_peak_of_one_device_is_that_of_its_plan():
    x = tf.placeholder(tf.float32, [None, 64])
    h = x
    for _ in range(4):
        h = tf.matmul(h, h, transpose_a=True) + tf.matmul(h, h, transpose_a=True) * 2.
    total = tf.reduce_sum(h)
    with tf.Session() as sess:
        feeds = {x: np.ones([64, 64])}
        plan, = sess.explain(total, feeds).plans
        _, stats = traced(sess, total, feeds)
    device, = stats.dev_stats
    assert device.peak_bytes == plan.live_maximum >= 2 * 64 * 64 * 4
    sizes = [nbytes for _, nbytes in device.at_peak]
    assert sum(sizes) == device.peak_bytes and sizes == sorted(sizes, reverse=True)
    last = device.node_stats[-1].memory[0]
    assert last.total_bytes == 4 and last.live_bytes == 64 <= last.peak_bytes          # the fetched number


def alive_by_hand(plan):
    """[(bytes alive while instruction k runs, bytes alive behind it)]: made by then, and not yet read for the last time."""
    code = plan.instructions
    kept = {plan.buffers[b].root for _, b in plan.fetches} | {plan.buffers[b].root for b in plan.exports.values()}
    snapshots = {b for i in code if i.kind == "Read" for b in i.outputs}
    totals = []
    for k in range(len(code)):
        during = behind = 0
        for b in plan.buffers:
            if b.root != b.number or b.kind not in ("arena", "own", "sent", "bound") or b.number in snapshots:
                continue
            uses = [j for j, i in enumerate(code) if any(plan.buffers[n].root == b.number for n in i.inputs + i.outputs)]
            room = max(-(-b.nbytes // 64), 1) * 64
            if uses and (uses[0] <= k and (k <= uses[-1] or b.number in kept) or b.kind == "own"):
                during += room
            if uses and (uses[0] <= k and (k < uses[-1] or b.number in kept) or b.kind == "own"):
                behind += room
        totals.append((during, behind))
    return totals


@settings(max_examples=40, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.integers(0, 2 ** 32 - 1), st.integers(1, 40))
def test_the_memory_of_any_graph_on_any_devices(seed, n_ops):
    recipe = Recipe(seed, n_ops, masks=False, bodies=False)      # no cuts: one plan a device
    built = Built(recipe, cut=True)
    feeds = {t: data(recipe.steps[n][2], *recipe.types[n]) for t, n in built.feeds.items()}
    with tf.Session(graph=built.graph, config=devices(4)) as sess:
        for v in built.variables.values():
            sess.run(v.initializer)
        plans = {plan.device: plan for plan in sess.explain(built.fetches, feeds).plans}
        _, stats = traced(sess, built.fetches, feeds)
    for device in stats.dev_stats:
        plan = plans[device.device]
        alive = alive_by_hand(plan)
        told = [k for k, i in enumerate(plan.instructions) if i.kind not in ("View", "Take", "Release")]
        assert [n.memory[0].peak_bytes for n in device.node_stats] == [alive[k][0] for k in told]
        after = [k for k, i in enumerate(plan.instructions) if i.kind != "Take"
                 and all(j.kind not in ("View", "Release") for j in plan.instructions[k + 1:k + 2])]      # the last before memory is taken
        assert [n.memory[0].live_bytes for n in device.node_stats] == [alive[next(j for j in after if j >= k)][1] for k in told]
        assert device.peak_bytes == plan.peak_bytes >= plan.live_maximum


# ---- parts behind cuts, bodies -----------------------------------------------------------------------------------------------

def test_what_a_cut_plan_keeps_counts_behind_the_cut():
    x, rows = tf.placeholder(tf.float32, [100, 100]), tf.placeholder(tf.int32, [None])
    big = tf.matmul(x, x, name="big")                    # made before the cut and read behind it
    few, _ = tf.unique(rows, name="few")
    y = tf.gather(big, few * 2, name="y")
    with tf.Session() as sess:
        for _ in range(2):
            _, stats = traced(sess, y, {x: np.ones([100, 100]), rows: [1, 1, 2]})
    device, = stats.dev_stats
    nodes = nodes_of(stats)
    assert len(nodes) == len(device.node_stats)          # each ran once, in the second traced step too
    assert nodes["y"].memory[0].peak_bytes >= 40_000 + 800 and nodes["few"].memory[0].peak_bytes >= 40_000
    assert ("big", 40_000) in device.at_peak and sum(nbytes for _, nbytes in device.at_peak) == device.peak_bytes


def test_the_instructions_inside_a_loop_and_a_branch():
    x = tf.placeholder(tf.float32, [30, 30], name="x")
    n = tf.placeholder(tf.int32, [], name="n")
    _, product = tf.while_loop(lambda i, h: i < n, lambda i, h: (i + 1, tf.matmul(h, x, name="step")), [tf.constant(0), x])
    chosen = tf.cond(n > 2, lambda: tf.matmul(product, x, name="yes"), lambda: tf.exp(product, name="no"))
    with tf.Session() as sess:
        for count in (7, 3, 1):
            _, stats = traced(sess, chosen, {x: np.eye(30), n: count})
            loop = next(i for i in stats.dev_stats[0].node_stats if i.op.endswith("While"))
            branch = next(i for i in stats.dev_stats[0].node_stats if i.op.endswith("If"))
            inner = {row.node_name.rpartition("/")[2]: row for row in loop.inner}
            assert inner["step"].count == count and inner["step"].op == "MatMul" and inner["step"].body == "body"
            assert any(row.body == "cond" and row.count == count + 1 for row in loop.inner)
            assert 0 < sum(row.work_nanos for row in loop.inner) <= loop.work_nanos and loop.waited_nanos == 0
            names = {row.node_name.rpartition("/")[2] for row in branch.inner}
            assert ("yes" in names, "no" in names) == (count > 2, count <= 2)
            assert loop.memory[0].peak_bytes >= 2 * 30 * 30 * 4          # its result, and one in the body
        assert sess.run(chosen, {x: np.eye(30), n: 1})[0, 1] == 1           # and without a trace again


# ---- what a trace leaves alone -----------------------------------------------------------------------------------------------

def test_a_trace_does_not_keep_its_session():
    x = tf.placeholder(tf.float32, [])
    sess = tf.Session()
    _, stats = traced(sess, tf.exp(x) + 1., {x: 0})
    gone = weakref.ref(sess)
    del sess
    gc.collect()
    assert gone() is None and stats.dev_stats[0].node_stats and str(stats)


def test_a_step_that_fails_on_one_of_two_devices_has_no_stats():
    x = tf.placeholder(tf.float32, [])
    with tf.device("/cpu:0"):
        a = tf.check_numerics(x, "m")
    with tf.device("/cpu:1"):
        b = tf.exp(a)
    with tf.Session(config=devices(2)) as sess:
        for value, fails in ((1, False), (np.nan, True), (1, False)):
            metadata = tf.RunMetadata()
            if fails:
                with pytest.raises(tf.errors.InvalidArgumentError):
                    sess.run(b, {x: value}, options=FULL, run_metadata=metadata)
                assert metadata.step_stats is None
            else:
                sess.run(b, {x: value}, options=FULL, run_metadata=metadata)
                assert [len(d.node_stats) > 0 for d in metadata.step_stats.dev_stats] == [True, True]


def test_partial_runs_and_the_stepper_go_on_beside_a_trace():
    x, y = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
    a = tf.exp(x)
    b = a * y
    with tf.Session() as sess:
        handle = sess.partial_run_setup([a, b], [x, y])
        assert sess.partial_run(handle, a, {x: 0}) == 1
        value, stats = traced(sess, b, {x: 0, y: 3})
        assert value == 3 and sess.partial_run(handle, b, {y: 2}) == 2
        with sess.stepper(b, {x: 0, y: 5}) as stepper:
            stepper.step()
            assert traced(sess, b, {x: 0, y: 4})[0] == 4
            assert stepper.finish() == 5
    assert len(stats.dev_stats[0].node_stats) >= 1


def test_threads_trace_their_own_steps():
    x = tf.placeholder(tf.float32, [])
    with tf.device("/cpu:0"):
        a = tf.exp(x, name="a")
    with tf.device("/cpu:1"):
        b = tf.log(a, name="b")
    found = []

    def client(sess, wanted):
        for _ in range(20):
            if wanted:
                found.append(traced(sess, b, {x: 1})[1])
            else:
                sess.run(b, {x: 1})

    with tf.Session(config=devices(2)) as sess:
        threads = [threading.Thread(target=client, args=(sess, k % 2)) for k in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(60)
    assert len(found) == 40
    for stats in found:
        nodes = nodes_of(stats)
        assert {"a", "b"} <= set(nodes) and nodes["a"].all_start_nanos + nodes["a"].op_end_rel_nanos <= nodes["b"].all_start_nanos


def test_partition_graphs_are_graph_defs_too():
    with tf.device("/cpu:0"):
        x = tf.placeholder(tf.float32, [2, 3], name="x")
        a = tf.matmul(x, x, transpose_b=True, name="a")
    with tf.device("/cpu:1"):
        b = tf.exp(a, name="b")
    with tf.Session(config=devices(2)) as sess:
        metadata = tf.RunMetadata()
        sess.run(b, {x: np.ones([2, 3])}, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE, output_partition_graphs=True),
                 run_metadata=metadata)
    first, second = metadata.partition_graphs
    assert first.device.endswith("CPU:0") and "_Send" in str(first) and "2 nodes" in repr(second)
    nodes = {n.name: n for n in first.as_graph_def().node}
    assert nodes["a"].attr["transpose_b"].b and list(nodes["a"].input) == ["x", "x"] and nodes["x"].op == "Placeholder"
    send = next(n for n in nodes.values() if n.op == "_Send")
    assert list(send.input) == ["a"] and send.attr["tensor_name"].s == b"edge_a_0" and send.attr["recv_device"].s.endswith(b"CPU:1")
    nodes = {n.name: n for n in second.as_graph_def().node}
    assert nodes["b"].device.endswith("CPU:1") and nodes[nodes["b"].input[0]].op == "_Recv"
    assert [d.size for d in nodes["b"].attr["_output_shapes"].list.shape[0].dim] == [2, 2]
    message = run_metadata_proto(metadata)               # what an event file holds
    assert [g.node[0].device for g in message.partition_graphs] == [g.device for g in metadata.partition_graphs]
    stats = {n.node_name: n for d in message.step_stats.dev_stats for n in d.node_stats}
    recv = next(n for n in stats.values() if "Recv" in n.timeline_label)
    told = next(n for n in metadata.step_stats.dev_stats[1].node_stats if n.kind == "Recv")
    for name in ("op_start_rel_nanos", "op_end_rel_nanos", "all_end_rel_nanos", "scheduled_nanos", "thread_id"):
        assert getattr(recv, name) == getattr(told, name)
    assert stats["a"].memory[0].total_bytes == 16 and stats["a"].memory[0].peak_bytes == told.memory[0].peak_bytes
    assert stats["x"].all_end_rel_micros == 0 and [d.size for d in stats["x"].output[0].tensor_description.shape.dim] == [2, 3]


def test_a_dequeue_tells_how_long_it_waited():
    queue = tf.FIFOQueue(4, [tf.float32], shapes=[[]])
    value, got = tf.placeholder(tf.float32, []), queue.dequeue()
    put, product = queue.enqueue([value]), got * 2.
    found = []
    with tf.Session() as sess:
        sess.run(put, {value: 1})
        sess.run(product)
        state = sess._runtime.resources.find("", queue.queue_ref.op.attrs["shared_name"] or queue.queue_ref.op.name)
        client = threading.Thread(target=lambda: found.append(traced(sess, product)))
        client.start()
        end = time.monotonic() + LONG
        while not any(state.waiting):
            assert time.monotonic() < end
        sess.run(put, {value: 3})
        client.join(LONG)
    (result, stats), = found
    dequeue = next(n for n in stats.dev_stats[0].node_stats if "Dequeue" in n.op)
    assert result == 6 and dequeue.waited_nanos == dequeue.op_start_rel_nanos > 0 and dequeue.work_nanos >= 0
    timeline = tf.timeline.Timeline(stats)
    assert timeline.lanes[0].waiting == dequeue.waited_nanos and "waits " in timeline.to_svg() and timeline.critical_path[0].cause is None


def test_a_loop_that_waits_inside_did_not_wait_from_its_begin_on():
    queue = tf.FIFOQueue(4, [tf.float32], shapes=[[]])
    value = tf.placeholder(tf.float32, [])
    put = queue.enqueue([value])
    start = tf.placeholder(tf.float32, [])
    _, total = tf.while_loop(lambda i, s: i < 3, lambda i, s: (i + 1, s + tf.cond(s >= 0., queue.dequeue, lambda: s)),
                             [tf.constant(0), start])
    found = []
    with tf.Session() as sess:
        for k in range(2):
            sess.run(put, {value: k + 1})
        state = sess._runtime.resources.find("", queue.queue_ref.op.attrs["shared_name"] or queue.queue_ref.op.name)
        client = threading.Thread(target=lambda: found.append(traced(sess, total, {start: 0})))
        client.start()
        end = time.monotonic() + LONG
        while not any(state.waiting):
            assert time.monotonic() < end
        sess.run(put, {value: 10})
        client.join(LONG)
    (result, stats), = found
    loop = next(n for n in stats.dev_stats[0].node_stats if n.op.endswith("While"))
    branch = next(row for row in loop.inner if row.op.endswith("If"))
    dequeue, = (row for row in branch.inner if "Dequeue" in row.op)
    assert result == 13 and branch.count == dequeue.count == 3 and branch.work_nanos >= dequeue.work_nanos >= 0
    assert loop.waited_nanos == branch.waited_nanos == dequeue.waited_nanos > 0
    assert loop.op_start_rel_nanos == 0 and loop.work_nanos + loop.waited_nanos == loop.op_end_rel_nanos
