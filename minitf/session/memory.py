"""Plan memory: where in a device's arena each buffer lies.

Every buffer lives from the instruction that makes it to the last that uses it.  Two buffers that live at the same time may not
overlap; the arena should be as small as the largest sum of live buffers.  That is dynamic storage allocation (NP-hard); taking
buffers by size, each at the lowest place that is free during its life, comes close (Pisarchyk and Lee, arXiv 2001.03288, "greedy by size").
"""
import bisect

ALIGNMENT = 64


def aligned(nbytes):
    """The room that a buffer takes: whole cache lines, at least one."""
    return max((nbytes + ALIGNMENT - 1) // ALIGNMENT, 1) * ALIGNMENT


def live_maximum(lives):
    """The largest sum of buffers that are alive at one instruction: no arena can be smaller.  lives: [(first, last, bytes)]."""
    change = {}
    for first, last, nbytes in lives:
        change[first] = change.get(first, 0) + nbytes
        change[last + 1] = change.get(last + 1, 0) - nbytes
    level = peak = 0
    for when in sorted(change):
        level += change[when]
        peak = max(peak, level)
    return peak


def assign_offsets(lives):
    """(offsets, arena bytes) for buffers [(first instruction, last instruction, aligned bytes)].

    Several orders are tried, from the usually best one on, until the arena is within 2 % of its lower bound.
    """
    bound = live_maximum(lives)
    n = range(len(lives))
    orders = [lambda k: (-lives[k][2], lives[k][0]),                                    # by size
              lambda k: (lives[k][0], -lives[k][2]),                                    # by time
              lambda k: (lives[k][0] - lives[k][1], -lives[k][2]),                      # by length of life
              lambda k: (-lives[k][2] * (lives[k][1] - lives[k][0] + 1), lives[k][0]),  # by area
              lambda k: (-lives[k][1], -lives[k][2])]                                   # backwards in time
    best, best_size = None, None
    for key in orders if len(lives) <= 4000 else orders[:1]:
        offsets, size = _first_fit(lives, sorted(n, key=key))
        if best_size is None or size < best_size:
            best, best_size = offsets, size
        if best_size <= 1.02 * bound:
            break
    return best, best_size


def _first_fit(lives, order):
    """Each buffer, in the given order, at the lowest offset where nothing that lives at the same time lies."""
    offsets = [0] * len(lives)
    placed = _IntervalIndex(max((last for _, last, _ in lives), default=0) + 1)
    size = 0
    for k in order:
        first, last, nbytes = lives[k]
        offset = 0
        for other_offset, other_end in placed.overlapping(first, last):
            if offset + nbytes <= other_offset:
                break
            offset = max(offset, other_end)
        offsets[k] = offset
        placed.add(first, last, offset, offset + nbytes)
        size = max(size, offset + nbytes)
    return offsets, size


class _IntervalIndex:
    """Placed buffers by time, in buckets: a program of thousands of short lives does not look at all of them."""
    BUCKETS = 64

    def __init__(self, length):
        self.width = max(1, -(-length // self.BUCKETS))
        self.buckets = [[] for _ in range(self.BUCKETS)]

    def add(self, first, last, offset, end):
        for b in range(first // self.width, last // self.width + 1):
            bisect.insort(self.buckets[b], (offset, end, first, last))

    def overlapping(self, first, last):
        """(offset, end) of everything placed that lives at some moment of [first, last], by offset."""
        a, b = first // self.width, last // self.width
        if a == b:
            return [(o, e) for o, e, f, l in self.buckets[a] if f <= last and first <= l]
        found = {(o, e) for bucket in self.buckets[a:b + 1] for o, e, f, l in bucket if f <= last and first <= l}
        return sorted(found)
