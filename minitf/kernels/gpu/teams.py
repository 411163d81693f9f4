"""Which threads share a row: team.cuh's teams, chosen by the shape."""
import collections

from .call import MOST_BLOCKS, blocks_for

LONG = 1024                   # elements of a row from which on a block takes it; a lane takes 32 of fewer
Team = collections.namedtuple("Team", ["name", "lanes", "blocks", "threads"])


def power_above(n, most=32):
    """The least power of two that is n or more, but no more than `most`.

    >>> power_above(10)
    16
    """
    power = 1
    while power < min(n, most):
        power *= 2
    return power


def team_for(rows, n):
    """The Team for rows of n elements: the name of the CUDA function's kind, what it is told, and its grid.

    Short rows go to small blocks, so that a hundred rows keep more than a few processors busy.

    >>> team_for(128, 10)
    Team(name='lanes', lanes=16, blocks=16, threads=128)
    """
    if n <= LONG:
        lanes = power_above(n)
        return Team("lanes", lanes, blocks_for(rows, 128 // lanes), 128)
    return Team("block", 0, min(rows, MOST_BLOCKS), 256 if n <= 16 * LONG else 512)
