"""Live bytes: how much of what a step makes is alive at each instruction of a plan.

Alive are the buffers of the arena from the instruction that makes them to the last that reads them, counted storages until they are
given back, storages that the step owns all the time, and what is fetched or belongs to a later part until the end.  A snapshot of a
variable is the variable's own memory, constants are the plan's, feeds the caller's: they do not count.  (Plan.peak_bytes is the largest.)
"""
from .memory import aligned


def lives(plan, size_of):
    """[(name, number of the first instruction, of the last, bytes)] of a plan's buffers.

    size_of(buffer): the bytes of a BufferSpec whose size only the run tells.
    """
    snapshots = {b for i in plan.instructions if i.kind == "Read" for b in i.outputs}
    found = []
    for b in plan.buffers:
        if b.kind in ("arena", "own", "sent", "bound") and b.first is not None and b.number not in snapshots:
            first, last = (0, len(plan.instructions)) if b.kind == "own" else (b.first, b.last)
            found.append((b.name, first, last, aligned(size_of(b) if b.shape is None else b.nbytes)))
    return found


def live_bytes(found, length):
    """([bytes alive while instruction k runs], [bytes alive behind it]) for lives of a plan of so many instructions."""
    born, dead = [0] * (length + 1), [0] * (length + 1)
    for _, first, last, nbytes in found:
        born[first] += nbytes
        dead[last] += nbytes
    during, behind, level = [], [], 0
    for k in range(length):
        level += born[k]
        during.append(level)
        level -= dead[k]
        behind.append(level)
    return during, behind


def alive_at(found, k):
    """[(name, bytes)] of what is alive while instruction k runs, or at the end for the number of instructions."""
    return [(name, nbytes) for name, first, last, nbytes in found if first <= k <= last]
