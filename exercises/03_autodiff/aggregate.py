"""Sums of gradients, dense and sparse (4 points)

Where a tensor is used in several places, several terms of its gradient arrive, and minitf sums them by this function.  A term is a
tensor, or an IndexedSlices if the use was a lookup.

    terms    a list of two or more: tensors, tf.IndexedSlices, or both, all gradients of one tensor
    method   one of tf.AggregationMethod, or None, which means ADD_N
    returns  their sum

* All are IndexedSlices: the sum is an IndexedSlices with the rows of all of them, one after the other, in the order of the terms.  Nothing
  is added up: an index may then occur several times.  If the indices are of different dtypes, all become int64.  dense_shape is that of
  the first term that has one; None if none has.
* Otherwise the sum is a tensor.  tf.convert_to_tensor makes one of an IndexedSlices.
* ADD_N and EXPERIMENTAL_ACCUMULATE_N sum dense terms by one op.  Two helpers of the package make it: joined_pads(tensors) gives the sum if
  all of them are pieces with zeros around them that fit side by side, else None; if it is None, add_n_by_device(tensors) gives it.
* EXPERIMENTAL_TREE sums them by adding two at a time, n - 1 additions for n terms, so that a term can be freed as soon as it has been
  added.  And as a tree: 8 terms are added in 3 levels, not in 7; in general in no more than the logarithm of n to base 2, rounded up.
* Any other method is a ValueError that names it, "Invalid aggregation_method specified 7.", whatever the terms are.

Example: terms with indices [7, 2] and [2] and values [[1], [2]] and [[5]] become indices [7, 2, 2] and values [[1], [2], [5]]; with a
dense third term, a dense sum.

Replaces minitf.autodiff.aggregate.aggregate.     make grade CH=03
"""
import minitf as tf
from minitf.autodiff.aggregate import _add_n_by_device as add_n_by_device
from minitf.autodiff.aggregate import _joined_pads as joined_pads


def aggregate(terms, method=None):
    """The sum of two or more gradients of one tensor."""
    raise NotImplementedError("write this")
