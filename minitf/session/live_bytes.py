"""Live bytes: how much of what a step makes is alive at each instruction of a plan.

Alive are the buffers of the arena from the instruction that makes them to the last that reads them, counted storages until they are
given back, and what is fetched or belongs to a later part until the end.  A snapshot of a variable is the variable's own memory, constants
are the plan's, feeds the caller's: they do not count.
"""
from .memory import aligned


def live_bytes(plan, size_of):
    """([bytes alive while instruction k runs], [bytes alive behind it]).

    size_of(buffer): the bytes of a BufferSpec whose size only the run tells.
    """
    born, dead = [0] * (len(plan.instructions) + 1), [0] * (len(plan.instructions) + 1)
    for b, nbytes in _counted(plan, size_of):
        born[b.first] += nbytes
        dead[b.last] += nbytes
    during, behind, level = [], [], 0
    for k in range(len(plan.instructions)):
        level += born[k]
        during.append(level)
        level -= dead[k]
        behind.append(level)
    return during, behind


def alive_at(plan, k, size_of):
    """[(name, bytes)] of what is alive while instruction k runs, or at the end for the number of instructions."""
    return [(b.name, nbytes) for b, nbytes in _counted(plan, size_of) if b.first <= k <= b.last]


def _counted(plan, size_of):
    snapshots = {b for i in plan.instructions if i.kind == "Read" for b in i.outputs}
    for b in plan.buffers:
        if b.kind in ("arena", "own", "sent", "bound") and b.first is not None and b.number not in snapshots:
            yield b, aligned(b.nbytes) if b.kind == "arena" else size_of(b) if b.nbytes is None else b.nbytes
