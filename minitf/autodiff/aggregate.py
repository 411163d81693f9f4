"""Summing the gradients that reach one tensor along several paths."""
from ..core.swap import swappable
from ..graph import constant_value, convert_to_tensor
from ..ops import math_ops, slice_ops
from ..ops.indexed_slices import IndexedSlices


class AggregationMethod:
    """How gradients() sums several terms for one tensor.

    ADD_N                      one AddN, which waits for all of them
    EXPERIMENTAL_TREE          a tree of Adds, which lets go of a term as soon as it has been added
    EXPERIMENTAL_ACCUMULATE_N  as ADD_N
    """
    ADD_N = 0
    DEFAULT = ADD_N
    EXPERIMENTAL_TREE = 1
    EXPERIMENTAL_ACCUMULATE_N = 2


@swappable
def aggregate(terms, method=None):
    """The sum of two or more gradients of one tensor: dense if any of them is dense, else IndexedSlices.  ValueError for an unknown method."""
    if method not in (None, AggregationMethod.ADD_N, AggregationMethod.EXPERIMENTAL_TREE, AggregationMethod.EXPERIMENTAL_ACCUMULATE_N):
        raise ValueError(f"Invalid aggregation_method specified {method}.")
    if all(isinstance(g, IndexedSlices) for g in terms):
        return _joined_slices(terms)
    terms = [convert_to_tensor(g) for g in terms]
    if method == AggregationMethod.EXPERIMENTAL_TREE:
        return _tree(terms)
    joined = _joined_pads(terms)
    return _add_n_by_device(terms) if joined is None else joined


def _tree(terms):
    while len(terms) > 1:
        pairs = [math_ops.add(a, b) for a, b in zip(terms[::2], terms[1::2])]
        terms = pairs + terms[len(terms) // 2 * 2:]
    return terms[0]


def _add_n_by_device(terms):
    """Terms of one device are summed there, so that each device sends one tensor, not several."""
    by_device = {}
    for g in terms:
        by_device.setdefault(g.device, []).append(g)
    if len(by_device) == 1:
        return math_ops.add_n(terms)
    sums = []
    for group in by_device.values():
        with group[0].graph.colocate_with(group[0].op, ignore_existing=True):
            sums.append(math_ops.add_n(group))
    return math_ops.add_n(sums)


def _joined_slices(terms):
    """IndexedSlices with the rows of all the terms, one after the other; an index may now occur more than once."""
    indices = [g.indices for g in terms]
    if len({i.dtype for i in indices}) > 1:
        indices = [math_ops.cast(i, "int64") for i in indices]
    shape = next((g.dense_shape for g in terms if g.dense_shape is not None), None)
    return IndexedSlices(slice_ops.concat([g.values for g in terms], 0), slice_ops.concat(indices, 0), shape)


def _joined_pads(terms):
    """Pieces that were padded back to full size, and lie side by side along one axis, put together by one ConcatV2; else None.

    This is the gradient of split(), of an LSTM's gates for instance: a copy in place of n paddings and a sum of n full tensors.
    """
    pieces, axis = [], None
    for g in terms:
        paddings = constant_value(g.op.inputs[1]) if g.op.type == "Pad" else None
        if paddings is None:
            return None
        padded = paddings.any(1).nonzero()[0]
        if len(padded) != 1 or axis not in (None, padded[0]):
            return None
        axis = int(padded[0])
        size = g.op.inputs[0].get_shape().tuple
        if size is None or size[axis] is None:
            return None
        before, after = paddings[axis].tolist()
        pieces.append((before, before + size[axis], after, g.op.inputs[0]))
    pieces.sort(key=lambda piece: piece[:3])
    ends = [0] + [end for _, end, _, _ in pieces]
    if any(begin != end for (begin, _, _, _), end in zip(pieces, ends)) or pieces[-1][2] != 0:
        return None
    return slice_ops.concat([piece for _, _, _, piece in pieces], axis)
