"""Each sequence turned round within its own length (3 points)

A bidirectional network has a second cell that reads the sequences from their ends.  In a batch the ends differ.  Whoever turns the whole
array round has this cell begin with the padding; so each sequence is turned round within its own length, and what is behind its end stays
where it is.

Write the kernel of ReverseSequence.

    attrs      "seq_dim" and "batch_dim": the axis of time and that of the examples.  Two different axes, in any order; negative ones
               count from the last
    x          float64 array of rank 2 or more; not to be written to
    lengths    int32 or int64, one for each index along batch_dim
    returns    a new array of the shape of x: for each b along batch_dim, the first lengths[b] elements along seq_dim in reverse order
    tf.errors.InvalidArgumentError(None, None, text) for a length that is negative or larger than x is along seq_dim, with a text that begins
               "seq_lens(1) must be between 0 and input.dims(0) = 5, got 7": which length, which axis (counted from 0), its size, the length

Example: seq_dim 1, batch_dim 0, lengths [3, 2]:  [[1, 2, 3], [4, 5, 6]]  ->  [[3, 2, 1], [5, 4, 6]]

Replaces the kernel of ReverseSequence for float64.     make grade CH=06
"""
import numpy as np

import minitf as tf


def reverse_sequence(attrs, x, lengths):
    """x with the beginnings of its sequences turned round."""
    ### BEGIN SOLUTION
    time, batch = attrs["seq_dim"] % x.ndim, attrs["batch_dim"] % x.ndim
    size = x.shape[time]
    result = x.copy()
    rows = np.moveaxis(result, (batch, time), (0, 1))           # a view: what is written there is in result
    for b, length in enumerate(lengths.tolist()):
        if not 0 <= length <= size:
            raise tf.errors.InvalidArgumentError(
                None, None, f"seq_lens({b}) must be between 0 and input.dims({time}) = {size}, got {length}")
        rows[b, :length] = rows[b, :length][::-1].copy()
    return result
    ### END SOLUTION
