"""What x[begin:end:step, ..., newaxis, k] means: TensorFlow's specification of a strided slice, read axis by axis.

A specification has n places with a begin, an end and a step each, and five numbers whose bits, one a place, say what is special there:

    begin_mask, end_mask   the place has no begin (no end): the slice starts (stops) where the axis does
    ellipsis_mask          the place stands for as many whole axes as are left over
    new_axis_mask          the place makes an axis of size 1
    shrink_axis_mask       the place is an index: its axis is dropped
"""
NEW, SHRINK, RANGE = range(3)


def layout(rank, places, ellipsis_mask, new_axis_mask, shrink_axis_mask):
    """[(kind, place)] in the order of the axes, for an input of this rank; place is None for an axis that is taken whole.

    NEW is an axis of the output only, SHRINK one of the input only, RANGE one of both.  ValueError if the places do not fit the rank.

    >>> layout(3, 3, 0b010, 0b001, 0b100)            # x[newaxis, ..., k]
    [(0, 0), (2, None), (2, None), (1, 2)]
    """
    if ellipsis_mask & (ellipsis_mask - 1):
        raise ValueError("Multiple ellipses in slice spec not allowed")
    if not ellipsis_mask:
        ellipsis_mask, last = 1 << places, places + 1
    else:
        last = places
    new = [not ellipsis_mask >> i & 1 and new_axis_mask >> i & 1 for i in range(last)]
    taken = last - 1 - sum(new)
    if taken > rank:
        raise ValueError(f"Index out of range using input dim {rank}; input has only {rank} dims")
    kinds = []
    for i in range(last):
        if ellipsis_mask >> i & 1:
            kinds += [(RANGE, None)] * (rank - taken)
        elif new[i]:
            kinds.append((NEW, i))
        else:
            kinds.append((SHRINK if shrink_axis_mask >> i & 1 else RANGE, i))
    return kinds


def bounds(begin, end, step, dim):
    """(first, count) of the elements that begin:end:step takes of an axis of size dim; begin and end may be None.  As Python's slices."""
    taken = range(*slice(begin, end, step).indices(dim))
    return taken.start, len(taken)
