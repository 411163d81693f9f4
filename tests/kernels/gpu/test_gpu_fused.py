"""Runs of element-wise ops on a GPU in a session: one instruction for a run, and the bits that the ops give one by one."""
import numpy as np
import pytest

import minitf as tf
from minitf.kernels.gpu import devices as gpu_devices
from minitf.kernels.gpu.device import EmulatedDevice

GPU = EmulatedDevice("GPU:0", 64 << 20)


@pytest.fixture(autouse=True)
def one_gpu(monkeypatch):
    monkeypatch.setattr(gpu_devices, "_found", [GPU])


def gates(batch, units):
    """A cell of an LSTM by hand, with its gradients; and feeds."""
    random = np.random.default_rng(0)
    parts = [tf.placeholder(tf.float32, [batch, units], name=f"part{k}") for k in range(5)]
    bias = tf.placeholder(tf.float32, [units], name="bias")
    i, f, o, g, state = parts
    new = tf.sigmoid(f + bias) * state + tf.sigmoid(i) * tf.tanh(g)
    out = tf.sigmoid(o) * tf.tanh(new)
    chosen = tf.where(out > 0.1, out * new, tf.square(out) - new)
    gradients = tf.gradients([tf.identity(out), chosen], [*parts, bias])
    return [new, out, chosen, *gradients], {x: random.standard_normal(x.shape.as_list()).astype("float32") for x in [*parts, bias]}


def run(batch, units, device, level):
    options = tf.GraphOptions(optimizer_options=tf.OptimizerOptions(opt_level=level))
    with tf.Graph().as_default(), tf.device(device):
        fetches, feeds = gates(batch, units)
        with tf.Session(config=tf.ConfigProto(graph_options=options)) as sess:
            metadata = tf.RunMetadata()
            sess.run(fetches, feeds)
            values = sess.run(fetches, feeds, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=metadata)
    nodes = [n for device in metadata.step_stats.dev_stats for n in device.node_stats if "GPU" in device.device]
    return values, [n for n in nodes if n.fused], nodes


@pytest.mark.parametrize("batch, units", [(6, 8), (5, 7)])
def test_fused_as_one_by_one(batch, units):
    fused, runs, _ = run(batch, units, "/gpu:0", tf.OptimizerOptions.L1)
    alone, none, nodes = run(batch, units, "/gpu:0", tf.OptimizerOptions.L0)
    assert runs and not none and len(nodes) > 20
    assert max(len(n.fused) for n in runs) >= 10
    for k, (one, other) in enumerate(zip(fused, alone)):
        if k < len(fused) - 1:                                   # the last is a sum over rows
            assert one.tobytes() == other.tobytes(), k
    for one, other in zip(fused, run(batch, units, "/cpu:0", tf.OptimizerOptions.L1)[0]):
        np.testing.assert_allclose(one, other, rtol=2e-5, atol=2e-6)


def test_an_error_in_a_fused_run_is_told():
    with tf.Graph().as_default(), tf.device("/gpu:0"), tf.Session() as sess:
        a, b = tf.placeholder(tf.int32, [5]), tf.placeholder(tf.int32, [5])
        y = (a + 1) // b * 2
        np.testing.assert_array_equal(sess.run(y, {a: range(5), b: [1, 2, 3, 4, 5]}), [2, 2, 2, 2, 2])
        with pytest.raises(tf.errors.InvalidArgumentError, match="Integer division by zero"):
            sess.run(y, {a: range(5), b: [1, 2, 0, 4, 5]})
        np.testing.assert_array_equal(sess.run(y, {a: range(5), b: [1] * 5}), [2, 4, 6, 8, 10])


def test_a_run_on_a_gpu_is_no_longer_than_a_launch_has_room_for():
    with tf.Graph().as_default(), tf.device("/gpu:0"), tf.Session() as sess:
        x, shifts = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [150])
        y, metadata = x, tf.RunMetadata()
        for shift in tf.unstack(shifts):
            y = y + shift
        traced = tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE)
        result = sess.run(y, {x: 1, shifts: np.arange(150)}, options=traced, run_metadata=metadata)
    assert result == 1 + 149 * 150 / 2
    runs = [n for device in metadata.step_stats.dev_stats for n in device.node_stats if n.fused]
    assert len(runs) >= 4 and max(len(n.fused) for n in runs) <= 48
