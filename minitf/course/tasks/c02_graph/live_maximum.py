import numpy as np

from ...task import Task, equal

task = Task(
    "How much must be alive at once", function="live_maximum", replaces="minitf.session.memory.live_maximum",
    hints=["""Between two instructions at which nothing begins or ends, the sum can not change. So it is enough to look where something
              does.""",
           """Make two events of every buffer: its bytes come at `first`, and go when it is dead. Sort all events by instruction, and
              keep a running sum.""",
           """A buffer is still alive at `last`; it is dead at last + 1. Where some end and others begin at one instruction, take off
              what ended before adding what begins, or the sum is too large for a moment."""],
    why="""This bound says how good a memory plan can be. It depends on the order of the instructions: another schedule of the same
           graph may need half as much. In training it explains most of the memory: every value of the forward pass that a gradient will
           use stays alive until the backward pass has come to it, so the peak lies at the turn.""")


def most(mine, lives):
    return mine.live_maximum([tuple(b) for b in lives])


@task.check(1, "buffers that come and go at different instructions",
            hint="""Work out the example of the file by hand, instruction by instruction. Does a buffer's number of bytes leave your sum
                    when it is dead? What is the maximum of nothing?""")
def apart(run, random):
    equal(run(most, []), 0, "the maximum without buffers")
    for count in (1, 2, 5, 12, 12):
        _agree(run, random, 4 * count, count)


@task.check(0.5, "a buffer is alive at its last instruction, together with what is made there",
            hint="""Take (0, 1, 100) and (1, 2, 50), which share instruction 1, and (0, 1, 100) and (2, 3, 50), which share none. What
                    does your function give for each pair?""")
def touching(run, random):
    for _ in range(30):
        count = int(random.integers(1, 12))
        first = random.integers(0, 8, size=count)
        last = first + random.integers(0, 4, size=count)
        lives = [(int(a), int(b), int(n)) for a, b, n in zip(first, last, random.integers(1, 20, size=count))]
        equal(run(most, lives), _looking(lives), f"{count} buffers in a plan of 12 instructions")


@task.check(0.5, "thousands of buffers, and a plan of a thousand million instructions",
            hint="""If it takes too long: is there a loop over all instructions, or over all buffers inside a loop over all buffers?""")
def large(run, random):
    _agree(run, random, 10 ** 9, 5)
    _agree(run, random, 10 ** 9, 20000)


def _agree(run, random, instructions, count):
    """Buffers of which none begins where, or right behind where, another ends."""
    moments = 2 * random.choice(instructions // 2, size=2 * count, replace=False)
    lives = [(int(min(p)), int(max(p)), int(n)) for p, n in zip(moments.reshape(count, 2), random.integers(1, 10 ** 6, size=count))]
    equal(run(most, lives), _looking(lives), f"{count} buffers in a plan of {instructions:,} instructions")


def _looking(lives):
    """Look at every instruction at which a buffer is made, the sum is largest at one of them: what was made by then, less what was dead."""
    first, last, nbytes = np.array(lives).T
    made, dead = (np.concatenate([[0], np.cumsum(nbytes[np.argsort(k)])]) for k in (first, last))
    return int((made[np.searchsorted(np.sort(first), first, "right")] - dead[np.searchsorted(np.sort(last), first, "left")]).max())
