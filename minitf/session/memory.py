"""Plan memory: where in a device's arena each buffer lies.

Every buffer lives from the instruction that makes it to the last that uses it.  Two buffers that live at the same time may not
overlap; the arena should be as small as the largest sum of live buffers.  That is dynamic storage allocation (NP-hard); taking
buffers by size, each at the lowest place that is free during its life, comes close (Pisarchyk and Lee, arXiv 2001.03288, "greedy by size").
"""
import bisect

from ..core.swap import swappable

ALIGNMENT = 64


def aligned(nbytes):
    """The room that a buffer takes: whole cache lines, at least one."""
    return max((nbytes + ALIGNMENT - 1) // ALIGNMENT, 1) * ALIGNMENT


@swappable
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


@swappable
def assign_offsets(lives):
    """(offsets, arena bytes) for buffers [(first instruction, last instruction, aligned bytes)].

    First as a program would allocate and free them, which costs next to nothing; then, until the arena is within 2 % of its lower
    bound, in other orders, as many as the number of buffers allows (looking at all pairs takes its time).
    """
    bound = live_maximum(lives)
    orders = [lambda k: (-lives[k][2], lives[k][0]),                                    # by size
              lambda k: (-lives[k][2] * (lives[k][1] - lives[k][0] + 1), lives[k][0]),  # by area
              lambda k: (lives[k][0] - lives[k][1], -lives[k][2]),                      # by length of life
              lambda k: (-lives[k][1], -lives[k][2])]                                   # backwards in time
    affordable = len(orders) if len(lives) <= 1000 else 1 if len(lives) <= 4000 else 0
    best, best_size = _as_they_come(lives)
    for key in orders[:affordable]:
        if best_size <= 1.02 * bound:
            break
        offsets, size = _first_fit(lives, sorted(range(len(lives)), key=key))
        if size < best_size:
            best, best_size = offsets, size
    return best, best_size


def _as_they_come(lives):
    """In the order of time, each buffer in the smallest gap that holds it, the lowest of equal ones; gaps that meet are joined."""
    dying = {}
    for k, (_, last, _) in enumerate(lives):
        dying.setdefault(last, []).append(k)
    ends = sorted(dying)
    offsets, gaps, size, done = [0] * len(lives), [], 0, 0          # gaps: sorted [(offset, end)]
    for k in sorted(range(len(lives)), key=lambda k: lives[k][0]):
        first, _, nbytes = lives[k]
        while done < len(ends) and ends[done] < first:
            for dead in dying[ends[done]]:
                _free(gaps, offsets[dead], offsets[dead] + lives[dead][2])
            done += 1
        fitting = [(end - offset, offset, g) for g, (offset, end) in enumerate(gaps) if end - offset >= nbytes]
        if fitting:
            _, offset, g = min(fitting)
            offsets[k] = offset
            if gaps[g][1] - offset == nbytes:
                del gaps[g]
            else:
                gaps[g] = (offset + nbytes, gaps[g][1])
        elif gaps and gaps[-1][1] == size:                          # the gap at the end grows
            offsets[k] = gaps.pop()[0]
            size = offsets[k] + nbytes
        else:
            offsets[k], size = size, size + nbytes
    return offsets, size


def _free(gaps, offset, end):
    g = bisect.bisect_left(gaps, (offset, end))
    if g < len(gaps) and gaps[g][0] == end:
        end = gaps.pop(g)[1]
    if g and gaps[g - 1][1] == offset:
        g -= 1
        offset = gaps.pop(g)[0]
    gaps.insert(g, (offset, end))


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
