"""Boxes of words: how an op that only moves data steps through two arrays, told to kernels that do not care for its type.

A box is a list of axes (size, to, from), the outermost first: so many elements along it, `to` apart where they are written and `from` apart
where they are read.  It is made as simple as it can be: a slice of whole rows of a [4, 5, 6] float32 array has three axes that follow
evenly on both sides, and they become one; where that one is long enough, it is moved in words of 16 bytes.
"""
import ctypes

from ...core.dtypes import bool as bool_, complex64, float32, float64, int32, int64, uint8

MOVED = [float32, float64, int32, int64, bool_, uint8, complex64]        # elements of 1, 4 and 8 bytes
MOST_AXES = 16                        # of a box: Tile makes two of each of a tensor's eight
WIDE = (16, 8, 4)                     # bytes of the words that elements may be moved together in; memory begins at a multiple of 16


class Divisor(ctypes.Structure):
    """n // divisor for 0 <= n < 2**31, as n * multiplier >> shift.

    Source: Granlund and Montgomery, Division by Invariant Integers using Multiplication (PLDI 1994), theorem 4.2 with N = 31.

    >>> d = Divisor(7)
    >>> (10**9 * d.multiplier >> d.shift) == 10**9 // 7
    True
    """
    _fields_ = [("divisor", ctypes.c_uint), ("multiplier", ctypes.c_uint), ("shift", ctypes.c_uint)]

    def __init__(self, n):
        n = max(1, int(n))
        shift = 31 + (n - 1).bit_length()
        super().__init__(n, -(-(1 << shift) // n), shift)


class BoxAxis(ctypes.Structure):
    _fields_ = [("size", Divisor), ("to", ctypes.c_int), ("from", ctypes.c_int)]


class Box(ctypes.Structure):
    _fields_ = [("rank", ctypes.c_int), ("axes", BoxAxis * MOST_AXES)]

    def __init__(self, axes):
        super().__init__(len(axes), (BoxAxis * MOST_AXES)(*[BoxAxis(Divisor(size), *steps) for size, *steps in axes]))


def strides_of(shape):
    """Elements from one index to the next along each axis.

    >>> strides_of((4, 5, 6))
    [30, 6, 1]
    """
    strides, step = [], 1
    for n in reversed(shape):
        strides.insert(0, step)
        step *= n
    return strides


def product(sizes):
    n = 1
    for size in sizes:
        n *= size
    return n


def merged(axes):
    """The same box with as few axes as can be: without those of size 1, and two as one where both sides step through them as through one.

    >>> merged([(4, 30, 60), (5, 6, 6), (6, 1, 1)])
    [(4, 30, 60), (30, 1, 1)]
    """
    kept = []
    for size, *steps in axes:
        if size == 1:
            continue
        if kept and all(outer == step * size for outer, step in zip(kept[-1][1:], steps)):
            size *= kept.pop()[0]
        kept.append((size, *steps))
    return kept


def words_for(itemsize, *counts):
    """How many elements may be moved as one word: all the counts (lengths, distances, beginnings) are multiples of it.

    >>> words_for(4, 12, 20), words_for(4, 12, 18), words_for(4, 12, 19)
    (4, 2, 1)
    """
    for nbytes in WIDE:
        together = nbytes // itemsize
        if together > 1 and not any(n % together for n in counts):
            return together
    return 1


def widened(axes, itemsize, *begins):
    """(elements of a word, the box in words) for a merged box whose first elements lie at `begins`.

    >>> widened([(4, 32, 64), (24, 1, 1)], 4, 8)
    (4, [(4, 8, 16), (6, 1, 1)])
    """
    if not axes or tuple(axes[-1][1:]) != (1, 1):
        return 1, axes
    *outer, (size, _, _) = axes
    together = words_for(itemsize, size, *begins, *(step for _, *steps in outer for step in steps))
    return together, merged([(n, to // together, source // together) for n, to, source in outer] + [(size // together, 1, 1)])
