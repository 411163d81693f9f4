"""Running sums and products along an axis."""
from ..core.registry import register_op
from .apply import apply_op
from .shape_fns import INDEX, REAL, at_least, axis_in, with_rank


def cumulative_shape(c):
    with_rank(c, 1, 0)
    dims, axis = at_least(c, 0, 1), c.constant(1)
    if dims is not None and axis is not None:
        axis_in(int(axis), len(dims), c)
    return [c.inputs[0]]


for _name in ("Cumsum", "Cumprod"):
    register_op(_name, ["x: T", "axis: Tidx"], ["out: T"], ["exclusive: bool = False", "reverse: bool = False", f"T: {REAL}", f"Tidx: {INDEX} = int32"],
                constants=["axis"])(cumulative_shape)


def cumsum(x, axis=0, exclusive=False, reverse=False, name=None):
    """Running sums along `axis`: element k is the sum of the elements up to and with k.

    exclusive  up to but without k, so the first is 0
    reverse    from the other end

    >>> tf.cumsum([1, 2, 3])                                   # [1, 3, 6]
    >>> tf.cumsum([1, 2, 3], exclusive=True, reverse=True)     # [5, 3, 0]
    """
    return apply_op("Cumsum", x, axis, exclusive=exclusive, reverse=reverse, name=name)


def cumprod(x, axis=0, exclusive=False, reverse=False, name=None):
    """Running products along `axis`, as cumsum; exclusive ones begin with 1."""
    return apply_op("Cumprod", x, axis, exclusive=exclusive, reverse=reverse, name=name)
