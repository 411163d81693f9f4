"""Batch normalisation as one op: means and variances of an image's channels, and what is normalised by them."""
import numbers

import numpy as np

from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import convert_to_tensor, name_scope
from .apply import apply_op
from .conv_ops import check_format
from .shape_fns import FLOAT, argument, merge_dims, with_rank

ATTRS = [f"T: {FLOAT}", "epsilon: float = 0.0001", 'data_format: {"NHWC"} = "NHWC"', "is_training: bool = True"]


@register_op("FusedBatchNorm", ["x: T", "scale: T", "offset: T", "mean: T", "variance: T"],
             ["y: T", "batch_mean: T", "batch_variance: T", "reserve_space_1: T", "reserve_space_2: T"], ATTRS)
def fused_batch_norm_shape(c):
    """The reserve spaces are the mean and the variance by which y was made: what the gradient needs."""
    *image, depth = with_rank(c, 0, 4)
    for i in (1, 2) if c.attrs["is_training"] else (1, 2, 3, 4):
        n, = with_rank(c, i, 1)
        depth = merge_dims(c, depth, n, 0, i)
    if c.attrs["is_training"]:
        for i in (3, 4):
            n, = with_rank(c, i, 1)
            if n not in (None, 0):
                raise ValueError(f"{c.op_type}: in training mean and variance are those of the batch, so {argument(c, i)} must be empty")
    vector = TensorShape([depth])
    return [TensorShape([*image, depth]), vector, vector, vector, vector]


@register_op("FusedBatchNormGrad", ["y_backprop: T", "x: T", "scale: T", "reserve_space_1: T", "reserve_space_2: T"],
             ["x_backprop: T", "scale_backprop: T", "offset_backprop: T"], ATTRS)
def fused_batch_norm_grad_shape(c):
    image = [merge_dims(c, m, n, 0, 1) for m, n in zip(with_rank(c, 0, 4), with_rank(c, 1, 4))]
    for i in (2, 3, 4):
        n, = with_rank(c, i, 1)
        image[3] = merge_dims(c, image[3], n, 1, i)
    return [TensorShape(image), TensorShape(image[3:]), TensorShape(image[3:])]


def fused_batch_norm(x, scale, offset, mean=None, variance=None, epsilon=0.001, data_format="NHWC", is_training=True, name=None):
    """(y, batch_mean, batch_variance), where y = scale * (x - mean) / sqrt(variance + epsilon) + offset, channel by channel.

    x [n, h, w, c] of float32 or float64; scale, offset, mean, variance [c].
    In training, mean and variance are those of the batch and must not be given.  y is made with the mean of the squared deviations; batch_variance
    is their sum over n h w - 1, the unbiased estimate that a moving average wants: of 1 and 3 in a channel, y has variance 1, batch_variance is 2.
    In inference, mean and variance are given, and returned as they are.
    ValueError where they are missing or too many, UnimplementedError for NCHW.  (Ioffe and Szegedy, Batch Normalization, 2015.)

    >>> y, mean, variance = tf.nn.fused_batch_norm(x, tf.ones([64]), tf.zeros([64]))
    """
    check_format("FusedBatchNorm", data_format)
    if is_training and not (mean is None and variance is None):
        raise ValueError("Both 'mean' and 'variance' must be None if is_training is True.")
    if not is_training and (mean is None or variance is None):
        raise ValueError("Both 'mean' and 'variance' must be given if is_training is False.")
    if not isinstance(epsilon, numbers.Real):
        raise TypeError(f"epsilon must be a number, got {epsilon!r}")
    with name_scope(name, "FusedBatchNorm", [x, scale, offset]) as name:
        x = convert_to_tensor(x, name="input")
        dtype = x.dtype.base_dtype
        scale, offset = convert_to_tensor(scale, dtype, name="scale"), convert_to_tensor(offset, dtype, name="offset")
        nothing = np.zeros(0, dtype.as_numpy_dtype)
        mean, variance = (convert_to_tensor(nothing if t is None else t, dtype) for t in (mean, variance))
        return tuple(apply_op("FusedBatchNorm", x, scale, offset, mean, variance, epsilon=epsilon, is_training=bool(is_training),
                              name=name)[:3])
