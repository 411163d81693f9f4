"""A text in pieces, and nothing lost (3 points)

Truncated back-propagation through time reads a text as a few streams side by side.  The pieces() of the chapter drops what does not fit:
the characters behind the last full piece, and those behind the last full stream.  For a small text, and for measuring, nothing should be
lost.

Write `pieces`, a generator.

    ids       int array [n], the text; n is at least 2
    batch     the number of streams, 1 or more
    steps     the length of a piece, 1 or more
    yields    (inputs, targets, weights), arrays [batch, steps] each: inputs and targets of the dtype of ids, weights float32

 * There are n - 1 characters to be told (all but the first).  Each is the target of exactly one place with weight 1, and its input is the character
   before it.  All other places have weight 0, with 0 for input and target.
 * The streams lie one after the other in the text, in the order of the rows.  The targets are shared out as evenly as can be: each stream has as many
   as the next or one more.
 * In a row, a piece goes on where the one before it ended, and a row's places of weight 0 are at its end.
 * There are as few pieces as possible.  ids is not changed, and no array is yielded twice: who keeps a piece keeps its numbers.

Example: ids 0 to 7, batch 2, steps 3.  7 targets: 4 for the first stream, 3 for the second.
    inputs  [[0, 1, 2], [4, 5, 6]]   targets [[1, 2, 3], [5, 6, 7]]   weights all 1
    inputs  [[3, 0, 0], [0, 0, 0]]   targets [[4, 0, 0], [0, 0, 0]]   weights [[1, 0, 0], [0, 0, 0]]

make grade CH=06
"""
import numpy as np


def pieces(ids, batch, steps):
    """Yields (inputs, targets, weights), each [batch, steps]."""
    raise NotImplementedError("write this")
