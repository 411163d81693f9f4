"""A traced step in the Trace Event Format, which chrome://tracing and ui.perfetto.dev open.

Each device is a process, whose instructions are complete events ('X'): one for the work, and one before it for the wait, if it waited.
A transfer is a flow from the Send's event ('s') to the Recv's ('t'); the memory of a device is a counter ('C').  Times are microseconds
since the step's begin, with three digits behind the point: since 1970, a double holds no more than a quarter of a microsecond.
"""
import json
from collections import namedtuple

StepStatsAnalysis = namedtuple("StepStatsAnalysis", "chrome_trace allocator_maximums")
StepStatsAnalysis.__doc__ = "chrome_trace: a ChromeTrace; allocator_maximums: {name of a device's memory: AllocationMaximum}."
AllocationMaximum = namedtuple("AllocationMaximum", "timestamp num_bytes tensors")
AllocationMaximum.__doc__ = "timestamp: microseconds since 1970; num_bytes: alive then; tensors: the names of what was."


class ChromeTrace:
    """The events of a step.  format_to_string() gives the JSON text."""

    def __init__(self, spans, show_dataflow, show_memory):
        self._spans, self._metadata, self._events = spans, [], []
        for pid, lane in enumerate(spans.lanes):
            self._name("process_name", pid, name=f"{lane.device} Compute")
            self._name("process_sort_index", pid, sort_index=pid)
            for span in lane.spans:
                self._region(pid, span)
            if show_memory:
                for time, nbytes in lane.memory:
                    self._event("C", "Memory", "memory", pid, 0, time, args={"bytes": nbytes})
        if show_dataflow:
            pids = {lane: pid for pid, lane in enumerate(spans.lanes)}
            for number, (send, recv) in enumerate(spans.transfers):
                self._flow(number, send, recv, pids)
        self._events.sort(key=lambda e: e["ts"])         # stable: what begins together stays in its order

    def format_to_string(self, pretty=False):
        """The JSON text; pretty: with a line for each field."""
        trace = {"traceEvents": self._metadata + self._events, "displayTimeUnit": "ns",
                 "otherData": {"begin_micros_since_1970": self._spans.origin / 1000}}
        return json.dumps(trace, indent=4, separators=(",", ": ")) if pretty else json.dumps(trace, separators=(",", ":"))

    def _name(self, what, pid, **args):
        self._metadata.append({"name": what, "ph": "M", "pid": pid, "args": args})

    def _event(self, phase, category, name, pid, tid, time, **more):
        self._events.append({"ph": phase, "cat": category, "name": name, "pid": pid, "tid": tid, "ts": time / 1000, **more})

    def _region(self, pid, span):
        stats = span.stats
        args = {"name": stats.node_name, "op": stats.op, **{f"input{i}": name for i, name in enumerate(stats.inputs)}}
        if stats.fused:
            args["members"] = ", ".join(f"{name} ({op})" for name, op in zip(stats.members, stats.fused))
        if stats.transfer is not None:
            args.update(key=stats.transfer.key, bytes=stats.transfer.bytes)
        for row in stats.inner:
            args[f"{row.body}: {row.node_name} ({row.op})"] = f"{row.count} times, {row.work_nanos / 1000:,.1f} us"
        if span.ready > span.start:
            dur = (span.ready - span.start) / 1000
            self._event("X", "Wait", f"{stats.op} waits", pid, stats.thread_id, span.start, dur=dur, args=args)
        self._event("X", "Op", stats.op, pid, stats.thread_id, span.ready, dur=(span.end - span.ready) / 1000, args=args)

    def _flow(self, number, send, recv, pids):
        """An arrow binds to the events that its two ends lie in, and may not point backwards in time."""
        end = max(recv.end - 1, recv.ready)
        begin = max(min(send.end - 1, end), send.start)
        name = send.stats.transfer.key.rpartition(";")[2]
        for phase, span, time in (("s", send, begin), ("t", recv, end)):
            self._event(phase, "DataFlow", name, pids[span.lane], span.stats.thread_id, time, id=number)


def allocator_maximums(spans):
    """{allocator: AllocationMaximum} of a step."""
    found = {}
    for lane in spans.lanes:
        time, nbytes = lane.peak
        if nbytes:
            name = lane.spans[0].stats.memory[0].allocator_name
            found[name] = AllocationMaximum((spans.origin + time) // 1000, nbytes, {tensor for tensor, _ in lane.at_peak})
    return found
