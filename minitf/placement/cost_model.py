"""The cost model: how long each node takes on each device, how large its results are, and how long these are on the way.

Times are microseconds.  What was measured is taken; what was not is guessed from the op's type and shapes (static_costs.py).
"""
import math
import statistics
from collections import deque

from ..core.devices import parse_device
from ..core.swap import swappable
from .static_costs import is_free, nbytes_of, operations

SAMPLES = 100                 # measurements kept of a node on a device: the latest


class CostModel:
    """Estimates for the placer (white paper, section 3.2.1): static, or from the traces of steps that have run.

    latency        microseconds that any transfer takes: a number, or {(source device, destination device): microseconds}
    bandwidth      bytes per microsecond behind that: a number, or a dict likewise; a pair that is not in the dicts has 10 us and 5,000 bytes/us
    multiply_adds  per microsecond, of products and convolutions: a number, or {device type: number}
    memory_bytes   read and written per microsecond, by everything else: a number, or a dict likewise
    least          microseconds of an op that nothing is known of, and at least of one whose time is guessed
    memory_limits  {device: bytes}: see minitf.placement.greedy.Work.limits

    The defaults are of one core of an ordinary processor, and of devices that are threads of one process.  An op that runs takes 1 us
    if nothing is known of it, and a result 1 byte; constants, variables, and what only renames its input take no time.

    >>> model = tf.placement.CostModel(latency=20)
    >>> sess = tf.Session(config=tf.ConfigProto(device_count={"CPU": 2}, cost_model=model))

    places each op where a simulated execution ends it first.  tf.placement.measure(sess, fetches) makes a model from real steps.
    """

    def __init__(self, latency=10.0, bandwidth=5000.0, multiply_adds=40000.0, memory_bytes=20000.0, least=1.0, memory_limits=None):
        self.latency, self.bandwidth = latency, bandwidth
        self.multiply_adds, self.memory_bytes, self.least = multiply_adds, memory_bytes, least
        self.memory_limits = dict(memory_limits or {})
        self.steps = 0                                 # that the model has seen
        self._times = {}                               # node name -> {device: samples}
        self._counts = {}                              # node name -> steps it was seen in
        self._bytes = {}                               # (node name, output) -> bytes, the latest

    # ---- learning ---------------------------------------------------------------------------------------------------------

    def record(self, name, device, microseconds, nbytes=None):
        """Note one measurement of a node; nbytes: {output number: bytes}."""
        self._times.setdefault(name, {}).setdefault(device, deque(maxlen=SAMPLES)).append(microseconds)
        self._counts[name] = self._counts.get(name, 0) + 1
        for output, size in (nbytes or {}).items():
            self._bytes[name, output] = size

    @swappable
    def update(self, step_stats, nodes=None):
        """Learn from a traced step (RunMetadata.step_stats).

        nodes: {name: device} of the nodes of the program that ran.  Those that the trace does not have were folded, merged, or only rename
        their input: they took no time.  The time of an instruction that does the work of several nodes is divided evenly among these.
        """
        times, sizes = {}, {}
        for device in step_stats.dev_stats:
            for stats in device.node_stats:
                share = stats.work_nanos / 1e3 / max(len(stats.members), 1)
                for name in stats.members:
                    times[name, device.device] = times.get((name, device.device), 0.0) + share
                if stats.members == [stats.node_name]:
                    sizes[stats.node_name] = {o.slot: o.tensor_description.requested_bytes for o in stats.output}
        seen = {name for name, _ in times}
        for name, device in (nodes or {}).items():
            if name not in seen:
                times[name, device] = 0.0
        for (name, device), time in times.items():
            self.record(name, device, time, sizes.get(name))
        self.steps += 1

    # ---- asking -----------------------------------------------------------------------------------------------------------

    def time(self, node, device):
        """Microseconds of a node (graph.program.Node) on a device.

        The median of what was measured there; else of what was measured on a device of the same type; else what is guessed.  A node that was
        seen in half as many steps as others, or fewer, counts `least`: its time is that of a step which is not the usual one.
        """
        if is_free(node):
            return 0.0
        measured = self._times.get(node.name)
        if measured:
            if self._is_rare(node.name):
                return self.least
            if device in measured:
                return statistics.median(measured[device])
            kind = parse_device(device).device_type
            alike = [t for d, times in measured.items() if parse_device(d).device_type == kind for t in times]
            if alike:
                return statistics.median(alike)
        return self.static_time(node, device)

    def static_time(self, node, device):
        """What is guessed from the op's type and shapes alone."""
        if is_free(node):
            return 0.0
        work = operations(node)
        if work is None:
            return self.least
        count, nbytes = work
        kind = parse_device(device).device_type
        return max(self.least, count / _of(self.multiply_adds, kind, 40000.0), nbytes / _of(self.memory_bytes, kind, 20000.0))

    def nbytes(self, node, index):
        """Bytes of an output; 1 if that is not known.  0 for a control edge (index None)."""
        known = nbytes_of(node, index)
        return self._bytes.get((node.name, index), 1) if known is None else known

    def transfer_time(self, nbytes, source, destination):
        """Microseconds that so many bytes take from one device to another; 0 on the same."""
        if source == destination:
            return 0.0
        pair = source, destination
        return _of(self.latency, pair, 10.0) + nbytes / _of(self.bandwidth, pair, 5000.0)

    def is_measured(self, name):
        """Whether steps have told how long a node takes."""
        return name in self._times

    def _is_rare(self, name):
        return self._counts[name] * 2 <= self._usual_count()

    def _usual_count(self):
        if getattr(self, "_usual", (None,))[0] != (self.steps, len(self._counts)):
            self._usual = (self.steps, len(self._counts)), statistics.median(self._counts.values())
        return self._usual[1]

    def __str__(self):
        """The nodes that take longest, and what transfers take."""
        rows = sorted(((statistics.median(t), name, device) for name, times in self._times.items() for device, t in times.items()), reverse=True)
        lines = [f"{self.steps} steps, {len(self._times)} nodes measured"]
        lines += [f"{time:>12,.2f} us  {name} on {_short(device)}" for time, name, device in rows[:20] if time]
        pairs = sorted(self.latency) if isinstance(self.latency, dict) else []
        for a, b in pairs:
            bandwidth = _of(self.bandwidth, (a, b), 5000.0)
            lines.append(f"{_short(a)} to {_short(b)}: {self.latency[a, b]:.1f} us and " +
                         (f"{bandwidth:,.0f} bytes/us" if math.isfinite(bandwidth) else "no more for its bytes"))
        return "\n".join(lines)

    __repr__ = __str__


def _of(table, key, otherwise):
    return table.get(key, otherwise) if isinstance(table, dict) else table


def _short(device):
    """'CPU:1' of the full name of a device in this process."""
    return device.rpartition("/device:")[2] if device.startswith("/job:localhost/") else device
