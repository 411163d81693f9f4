"""measure(): a cost model from real steps, and from real transfers between each two devices."""
import statistics

import numpy as np

from ..core.config import ConfigProto, RunMetadata, RunOptions
from ..core.dtypes import float32
from ..graph import Graph
from ..ops import array_ops, constant_op, math_ops, matmul_ops, strided_slice_ops
from .cost_model import CostModel
from .placer import is_copied

SMALL, LARGE = 1, 1 << 20     # elements of the tensors that are sent
DELAY = 128                   # side of the square matrices whose product the sender computes first, so that the receiver waits already
SENT = 15                     # times each is sent
LOOKS = 3                     # runs before the first that counts: threads are started, memory is touched


def measure(sess, fetches, feed_dict=None, steps=10):
    """A CostModel from `steps` traced runs of fetches, and from tensors sent between each two of the session's devices.

    Times are medians.  What is folded, merged or only renamed takes no time; an instruction fused from several ops is divided evenly among
    them.  A node that no step has shown on some type of device has its static estimate there.  The steps are real ones: variables change.
    ValueError if steps is less than 1; errors of the run are raised as they are.

    >>> model = tf.placement.measure(sess, train_op, {x: images, y: labels})
    >>> fast = tf.Session(config=tf.ConfigProto(device_count={"CPU": 2}, cost_model=model))
    """
    if steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps!r}")
    devices = [d.name for d in sess.list_devices()]
    latency, bandwidth = measure_transfers(sess, devices)
    model = CostModel(latency=latency, bandwidth=bandwidth)
    executable, _, feeds = sess._prepare(fetches, feed_dict)
    nodes = {n.name: part.device for part in executable.variant(feeds).program for n in part.nodes if n.type not in ("_Send", "_Recv") and not is_copied(n)}
    for stats in traced(sess, fetches, feed_dict, steps):
        model.update(stats, nodes)
    return model


def traced(sess, fetches, feed_dict, steps):
    """The StepStats of some runs, after one that does not count."""
    options, found = RunOptions(trace_level=RunOptions.FULL_TRACE), []
    sess.run(fetches, feed_dict)
    for _ in range(steps):
        metadata = RunMetadata()
        sess.run(fetches, feed_dict, options=options, run_metadata=metadata)
        found.append(metadata.step_stats)
    return found


def measure_transfers(sess, devices):
    """({(source, destination): microseconds}, {(source, destination): bytes per microsecond}) between each two of the devices.

    From the beginning of the send to the end of the receive, by a receiver that waits.  Within a process a tensor is handed over and not
    copied: its size does not show then, and the bandwidth is infinite.
    """
    pairs = [(a, b) for a in devices for b in devices if a != b]
    if not pairs:
        return {}, {}
    graph, received = Graph(), {}
    with graph.as_default():
        value, delay = constant_op.placeholder(float32, [None]), constant_op.placeholder(float32, [DELAY, DELAY])
        for source, destination in pairs:
            with graph.device(source):
                wait = matmul_ops.matmul(delay, delay)
                with graph.control_dependencies([wait]):
                    sent = math_ops.negative(value)
            with graph.device(destination):
                received[source, destination] = array_ops.identity(strided_slice_ops.strided_slice(sent, [0], [1]))
    latency, bandwidth = {}, {}
    delays = np.zeros([DELAY, DELAY], np.float32)
    with type(sess)(graph=graph, config=ConfigProto(device_count=dict(sess._config.device_count))) as scratch:
        for pair, fetch in received.items():
            took = []
            for count in (SMALL, LARGE):
                feeds = {value: np.zeros(count, np.float32), delay: delays}
                took.append(statistics.median(map(_transfer, traced(scratch, fetch, feeds, SENT)[LOOKS:])))
            latency[pair] = took[0]
            more = took[1] - took[0]
            bandwidth[pair] = 4 * (LARGE - SMALL) / more if more > took[0] else float("inf")
    return latency, bandwidth


def _transfer(stats):
    """Microseconds from the beginning of the last send of a step to the end of its receive."""
    sends = [n.all_start_nanos for d in stats.dev_stats for n in d.node_stats if n.kind == "Send"]
    ends = [n.all_start_nanos + n.op_end_rel_nanos for d in stats.dev_stats for n in d.node_stats if n.kind == "Recv"]
    return max((max(ends) - max(sends)) / 1e3, 0.0)
