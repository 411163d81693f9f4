"""Array ops whose arguments stood in another order, or that had another name."""
import minitf as tf

from ..graph import Tensor, constant_value

__all__ = ["concat", "expand_dims", "listdiff", "pack", "reverse", "select", "shape", "split", "squeeze", "unpack"]


def concat(concat_dim, values, name="concat"):
    """tf.concat(values, axis) of today."""
    return tf.concat(values, axis=concat_dim, name=name)


def split(split_dim, num_split, value, name="split"):
    """tf.split(value, num_or_size_splits, axis) of today: into num_split equal parts."""
    if isinstance(split_dim, Tensor):
        raise TypeError(f"In 2015 the dimension came first: tf.split(split_dim, num_split, value); got split_dim = {split_dim}")
    return tf.split(value, num_split, axis=split_dim, name=name)


def pack(values, name="pack"):
    """tf.stack of today."""
    return tf.stack(values, name=name)


def unpack(value, num=None, name="unpack"):
    """tf.unstack of today."""
    return tf.unstack(value, num=num, name=name)


def select(condition, t, e, name=None):
    """tf.where(condition, x, y) of today."""
    return tf.where(condition, t, e, name=name)


def expand_dims(input, dim, name=None):
    """tf.expand_dims(input, axis) of today."""
    return tf.expand_dims(input, dim, name=name)


def squeeze(input, squeeze_dims=None, name=None):
    """tf.squeeze(input, axis) of today."""
    return tf.squeeze(input, squeeze_dims or None, name=name)


def shape(input, name=None):
    """tf.shape: int32."""
    return tf.shape(input, name=name)


def reverse(tensor, dims, name=None):
    """tensor turned round along each dimension k where dims[k], a bool, is True; today tf.reverse takes the numbers of the axes."""
    if isinstance(dims, Tensor):
        dims = constant_value(dims)
        if dims is None:
            raise ValueError("tf.reverse: which dimensions to reverse must be known while the graph is built")
    return tf.reverse(tensor, [axis for axis, turn in enumerate(dims) if turn], name=name)


def listdiff(x, y, name=None):
    """tf.setdiff1d of today: (what is in x and not in y, its places in x)."""
    return tf.setdiff1d(x, y, name=name)
