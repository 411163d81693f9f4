"""A traced step in words: what each device did, and what determined the step's length."""

LONGEST = 8                   # instructions of the critical path that are listed
LARGEST = 4                   # tensors at the peak of memory that are listed
_UNITS = ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1, "ns"))


def time_text(nanos, micro="us"):
    """Three digits and a unit: '12.3 us'.  micro: how a microsecond is written."""
    for size, unit in _UNITS:
        if nanos >= size or size == 1:
            value, unit = nanos / size, micro if unit == "us" else unit
            digits = 0 if value >= 99.95 or size == 1 else 1 if value >= 9.995 else 2
            return f"{value:,.{digits}f} {unit}"


def bytes_text(nbytes):
    """'512 B', '12.3 kB', '1.5 MB': of 1,000 each, as a network counts."""
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if nbytes >= size:
            value = nbytes / size
            return f"{value:.{0 if value >= 99.95 else 1}f} {unit}"
    return f"{nbytes} B"


def count_text(count, what):
    return f"{count:,} {what}{'s' * (count != 1)}"


def headline(spans, micro="us"):
    """'1.23 ms on 4 devices: 1,234 instructions, 96 transfers of 1.2 MB'."""
    moved = sum(send.stats.transfer.bytes for send, _ in spans.transfers)
    transfers = f", {count_text(len(spans.transfers), 'transfer')} of {bytes_text(moved)}" if spans.transfers else ""
    devices, instructions = count_text(len(spans.lanes), "device"), count_text(len(spans.spans()), "instruction")
    return f"{time_text(spans.length, micro)} on {devices}: {instructions}{transfers}"


def summary(spans):
    """See the module; the lines of str(Timeline)."""
    if not spans.lanes:
        return "a step without instructions"
    whole = spans.length or 1
    width = max(len(lane.title) for lane in spans.lanes)
    lines = ["a step of " + headline(spans)]
    for lane in spans.lanes:
        moved = f"   sent {bytes_text(lane.sent)}, received {bytes_text(lane.received)}" if spans.transfers else ""
        lines.append(f"{lane.title:{width}}  busy {lane.busy / whole:4.0%}  waiting {lane.waiting / whole:4.0%}  "
                     f"{count_text(len(lane.spans), 'instruction'):>18}   peak {bytes_text(lane.peak[1])}{moved}")
    return "\n".join(lines + _fullest(spans) + _critical(spans, width))


def _fullest(spans):
    """The device that holds the most, and what."""
    lane = max(spans.lanes, key=lambda lane: lane.peak[1])
    if not lane.at_peak:
        return []
    largest = ", ".join(f"{name} {bytes_text(nbytes)}" for name, nbytes in lane.at_peak[:LARGEST])
    more = f" and {len(lane.at_peak) - LARGEST} more" if len(lane.at_peak) > LARGEST else ""
    return [f"most memory: {bytes_text(lane.peak[1])} on {lane.title}, {time_text(lane.peak[0])} after the begin: {largest}{more}"]


def _critical(spans, width):
    chain = spans.critical
    work = sum(s.end - s.ready for s in chain)
    crossed = [s for s in chain if s.cause is not None and s.cause is s.sender]
    transit = sum(max(s.ready - s.sender.end, 0) for s in crossed)
    whole = spans.length or 1
    parts = [f"{work / whole:.0%} in {count_text(len(chain), 'instruction')}"]
    if crossed:
        parts.append(f"{transit / whole:.0%} between a Send and a Recv that waited for it, {count_text(len(crossed), 'time')}")
    parts.append(f"{max(whole - work - transit, 0) / whole:.0%} between instructions")
    lines = [f"critical path: {'; '.join(parts)}.  Its longest instructions:"]
    for s in sorted(chain, key=lambda s: s.ready - s.end)[:LONGEST]:
        work = s.end - s.ready
        lines.append(f"{time_text(work):>10}  {work / whole:4.0%}  {s.lane.title:{width}}  {s.stats.node_name} ({s.stats.op})")
    return lines
