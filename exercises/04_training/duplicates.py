"""Rows that are named twice (3 points)

The gradient of a lookup is IndexedSlices: values[i] belongs to row indices[i] of the variable.  Where a row was looked up twice its index
stands there twice, and its gradient is the sum of both.  An optimizer such as Adagrad squares the gradient, and a*a + b*b is not
(a+b)*(a+b): it must be given each row once.

Write `apply_sparse_duplicate_indices`: add up the values of equal indices, and give the result to optimizer._apply_sparse.

    optimizer   a tf.train.Optimizer
    grad        IndexedSlices: values [n, ...], indices [n] (int32 or int64), in any order, equal ones as often as you like, or none at all
    var         the variable
    returns     what optimizer._apply_sparse(IndexedSlices, var) returns: the op that updates the rows.  There, every index must occur
                once, in the dtype it had, with one row of values for each (the variable may have a million rows: nothing of that height
                may be made), and dense_shape is that of grad

Example: indices [4, 1, 4] and values [[1], [2], [3]] become indices [4, 1] and values [[4], [2]].

tf.unique(x) gives the different elements of x, and for each element of x the number of the different one that it equals.
tf.unsorted_segment_sum(values, segments, count) gives count rows: row k is the sum of those values[i] for which segments[i] is k.

Replaces minitf.train.optimizer.Optimizer._apply_sparse_duplicate_indices.     make grade CH=04
"""
import minitf as tf


def apply_sparse_duplicate_indices(optimizer, grad, var):
    """The op that updates `var` with IndexedSlices in which an index may occur several times."""
    raise NotImplementedError("write this")
