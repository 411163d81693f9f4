"""Reading axes backwards: reverse, and reverse_sequence for batches of sequences of different lengths."""
from ..core.registry import register_op
from .apply import apply_op
from .array_ops import either, int_vector
from .shape_fns import INDEX, at_least, axis_in, merge_dims, value_from_constants, with_rank


@register_op("ReverseV2", ["tensor: T", "axis: Tidx"], ["output: T"], ["T: type", f"Tidx: {INDEX} = int32"], constants=["axis"])
def reverse_shape(c):
    with_rank(c, 1, 1)
    axes, rank = c.constant(1), c.inputs[0].ndims
    if axes is not None and rank is not None:
        known = [axis_in(int(axis), rank, c) for axis in axes]
        if len(set(known)) < len(known):
            raise ValueError(f"axis {next(a for a in known if known.count(a) > 1)} specified more than once.")
    return [c.inputs[0]]


def _reversed(c, x, axes):
    return x[tuple(slice(None, None, -1 if axis in {int(a) % x.ndim for a in axes} else 1) for axis in range(x.ndim))]


value_from_constants("ReverseV2", _reversed)


@register_op("ReverseSequence", ["input: T", "seq_lengths: Tlen"], ["output: T"],
             ["T: type", "seq_dim: int", "batch_dim: int = 0", f"Tlen: {INDEX} = int64"])
def reverse_sequence_shape(c):
    n, = with_rank(c, 1, 1)
    dims = at_least(c, 0, 1)
    if dims is not None:
        axis_in(c.attrs["seq_dim"], len(dims), c, "seq_dim")
        batch = axis_in(c.attrs["batch_dim"], len(dims), c, "batch_dim")
        merge_dims(c, dims[batch], n, 0, 1)
    if c.attrs["seq_dim"] == c.attrs["batch_dim"]:
        raise ValueError(f"batch_dim == seq_dim == {c.attrs['seq_dim']}")
    return [c.inputs[0]]


def reverse(tensor, axis, name=None):
    """The elements in reverse order along each axis in the list `axis` (negative ones count from behind).

    >>> tf.reverse([[1, 2], [3, 4]], [1])           # [[2, 1], [4, 3]]
    """
    return apply_op("ReverseV2", tensor, int_vector(axis), name=name)


reverse_v2 = reverse


def reverse_sequence(input, seq_lengths, seq_axis=None, batch_axis=None, name=None, seq_dim=None, batch_dim=None):
    """For each i along batch_axis (0), the first seq_lengths[i] elements along seq_axis in reverse order, the others where they are.

    seq_lengths: int32 or int64 [batch], at most the size of seq_axis (InvalidArgumentError in the run).  seq_dim, batch_dim: old names.

    >>> tf.reverse_sequence([[1, 2, 3], [4, 5, 6]], [3, 2], seq_axis=1)     # [[3, 2, 1], [5, 4, 6]]
    """
    seq_axis = either("seq_axis", seq_axis, "seq_dim", seq_dim)
    batch_axis = either("batch_axis", batch_axis, "batch_dim", batch_dim, None)
    return apply_op("ReverseSequence", input, seq_lengths, seq_dim=seq_axis, batch_dim=batch_axis or 0, name=name)
