"""The shape that a reduction leaves (3 points)

tf.reduce_sum(x, axis=1) adds up along an axis, which is gone afterwards; with keep_dims it stays, with size 1.  Sum, Mean, Max, Min,
Prod, All and Any share one shape function.  Write it.  It gets a context c:

    c.inputs[0]             the TensorShape of the tensor; .ndims is its rank, or None; .as_list() its sizes, None where one is not known
    c.inputs[1]             the TensorShape of the axes: those of a scalar or of a vector
    c.constant(1)           the axes, an array of rank 0 or 1; or None, where only the run knows them
    c.attrs["keep_dims"]    True or False

It returns a list with one TensorShape, which says all that is known:

    tensor (2, None, 5), axes [1]                      [(2, 5)]
    tensor (2, None, 5), axes [-1, 0, 2], keep_dims    [(1, None, 1)]     -1 counts from the end; twice the same axis is no mistake
    tensor (2, None, 5), axes []                       [(2, None, 5)]
    tensor (2, None, 5), axes unknown                  [unknown]          TensorShape(None)
    tensor (2, None, 5), axes unknown, keep_dims       [(None, None, None)]
    tensor of unknown rank                             [unknown]

ValueError "Invalid reduction dimension 3 for input with 3 dimensions", with these numbers, for an axis that is not in [-rank, rank); and
a ValueError if the axes are a matrix or more, even where their values are not known.

Replaces minitf.ops.reduction_ops.reduction_shape.     make grade CH=01
"""
import numpy as np

from minitf.core.shapes import TensorShape


def reduction_shape(c):
    """[the TensorShape of the reduced tensor]"""
    raise NotImplementedError("write this")
