"""The spans of a traced step: StepStats as a picture needs them, with transfers paired, memory over time, and the critical path.

The critical path is the chain that determined when the step ended: from its last instruction backwards, a Recv that waited was held up
by its Send, and everything else by the instruction before it on its device.
"""
import re


class Span:
    """One instruction on the step's clock: nanoseconds since the step began.

    lane     its Lane
    stats    its NodeExecStats
    start, ready, end    from start to ready it waits, from ready to end it works
    before   the Span before it on its device, or None
    sender   of a Recv: the Span of its Send, or None where there is none
    is_critical    whether it is on the critical path
    """
    __slots__ = ("lane", "stats", "start", "ready", "end", "before", "sender", "is_critical")

    def __init__(self, lane, stats, origin, before):
        self.lane, self.stats, self.before, self.sender, self.is_critical = lane, stats, before, None, False
        self.start = stats.all_start_nanos - origin
        self.ready, self.end = self.start + stats.op_start_rel_nanos, self.start + stats.op_end_rel_nanos

    @property
    def cause(self):
        """The Span that it had to wait for: the Send of a Recv that waited, else the one before it on its device; None at the begin."""
        return self.sender if self.sender is not None and self.ready > self.start else self.before

    def __repr__(self):
        return f"<Span {self.stats.node_name} ({self.stats.op}) on {self.lane.title}: {self.start:,} to {self.end:,} ns>"


class Lane:
    """One device of the step.

    device, title    its full name, and as it is written: "/cpu:1"
    spans            [Span] in the order of execution
    busy, waiting    nanoseconds that its instructions worked and waited; the rest of the step it had nothing to do
    sent, received   bytes
    memory           [(nanoseconds, bytes alive from there on)]
    peak             (nanoseconds, bytes): where the most were alive
    at_peak          [(name, bytes)] of what was alive there, the largest first
    """

    def __init__(self, device):
        self.device, self.title = device, _title(device)
        self.spans, self.memory, self.peak, self.at_peak = [], [], (0, 0), []
        self.busy = self.waiting = self.sent = self.received = 0

    def _fill(self, device, origin):
        self.at_peak = device.at_peak
        for stats in device.node_stats:
            span = Span(self, stats, origin, self.spans[-1] if self.spans else None)
            self.spans.append(span)
            self.busy, self.waiting = self.busy + stats.work_nanos, self.waiting + stats.waited_nanos
            if stats.transfer is not None and stats.kind == "Send":
                self.sent += stats.transfer.bytes
            elif stats.transfer is not None:
                self.received += stats.transfer.bytes
            for m in stats.memory:
                self.memory += [(span.ready, m.peak_bytes), (span.end, m.live_bytes)]
                if m.peak_bytes > self.peak[1]:
                    self.peak = span.ready, m.peak_bytes

    def __repr__(self):
        return f"<Lane {self.title}: {len(self.spans)} instructions>"


class Spans:
    """Spans(step_stats): lanes, in the order of the devices' names; transfers [(Span of the Send, Span of the Recv)]; critical [Span];
    origin, the nanoseconds since 1970 of the begin; length, nanoseconds from the first begin to the last end."""

    def __init__(self, step_stats):
        told = [d for d in step_stats.dev_stats if d.node_stats]
        self.origin = min((n.all_start_nanos for d in told for n in d.node_stats), default=0)
        self.lanes = []
        for device in sorted(told, key=lambda d: _natural(d.device)):
            self.lanes.append(Lane(device.device))
            self.lanes[-1]._fill(device, self.origin)
        self.length = max((lane.spans[-1].end for lane in self.lanes), default=0)
        self.transfers = self._pair()
        self.critical = self._critical_path()

    def spans(self):
        """All of them, device by device."""
        return [span for lane in self.lanes for span in lane.spans]

    def _pair(self):
        sends = {s.stats.transfer.key: s for s in self.spans() if s.stats.kind == "Send" and s.stats.transfer is not None}
        pairs = []
        for span in self.spans():
            if span.stats.kind == "Recv" and span.stats.transfer is not None:
                span.sender = sends.get(span.stats.transfer.key)
                if span.sender is not None:
                    pairs.append((span.sender, span))
        return pairs

    def _critical_path(self):
        chain = []
        span = max((lane.spans[-1] for lane in self.lanes), key=lambda s: s.end, default=None)
        while span is not None:
            span.is_critical = True
            chain.append(span)
            span = span.cause
        return chain[::-1]


def _title(device):
    """'/cpu:1' for a device of this process, '/job:ps/task:2/cpu:0' for one of another."""
    place, _, name = device.rpartition("/device:")
    place = "" if place.startswith("/job:localhost/") else place.replace("/replica:0", "")
    return f"{place}/{name.lower()}" if name else device


def _natural(name):
    """A key that sorts 'cpu:10' behind 'cpu:2'."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]
