"""Pooling: the greatest number, or the mean, of each window of an image [batch, rows, columns, channels], channel by channel.

The windows stand where a convolution's would (conv_ops.py); padding counts neither as a number nor in a mean.
"""
from ..core.registry import register_op
from ..core.shapes import TensorShape
from .apply import apply_op
from .conv_ops import WINDOW, check_format, four, spatial, window_count
from .shape_fns import FLOAT, NUMBER, argument, merge_shapes, sizes, with_rank

ATTRS = ["ksize: list(int)", *WINDOW]


def _pooled(c, shape):
    """The shape of the pooled image, from the image's four dimensions."""
    (rows, columns), (down, right) = spatial(c, "ksize"), spatial(c, "strides")
    ksize, strides = c.attrs["ksize"], c.attrs["strides"]
    if ksize[0] != 1 or strides[0] != 1:
        raise ValueError("Pooling is not yet supported on the batch dimension.")
    n, h, w, depth = shape
    if ksize[3] != 1 or strides[3] != 1:
        if not c.op_type.startswith("Max"):
            raise ValueError(f"{c.op_type}: Non-spatial pooling is not yet supported, got ksize {list(ksize)}, strides {list(strides)}")
        if (rows, columns, down, right) != (1, 1, 1, 1):
            raise ValueError("MaxPooling supports exactly one of pooling across depth or pooling across width/height.")
        if ksize[3] != strides[3]:
            raise ValueError(f"Depthwise max pooling requires the depth window to equal the depth stride, got {ksize[3]} and {strides[3]}")
        if depth is not None and depth % ksize[3]:
            raise ValueError(f"Depthwise max pooling requires the depth window to evenly divide the input depth, got {ksize[3]} and {depth}")
        return TensorShape([n, h, w, None if depth is None else depth // ksize[3]])
    return TensorShape([n, window_count(c, h, rows, down, 1), window_count(c, w, columns, right, 1), depth])


def _pool_shape(c):
    return [_pooled(c, with_rank(c, 0, 4))]


register_op("MaxPool", ["input: T"], ["output: T"], [f"T: {NUMBER} = float32", *ATTRS])(_pool_shape)
register_op("AvgPool", ["value: T"], ["output: T"], [f"T: {FLOAT}", *ATTRS])(_pool_shape)


def _check_pooled(c, i, pooled):
    if not pooled.is_compatible_with(c.inputs[i]):
        raise ValueError(f"{c.op_type}: the pooled image has shape {pooled}, which does not fit {argument(c, i)} (ksize {list(c.attrs['ksize'])}, "
                         f"strides {list(c.attrs['strides'])}, padding {c.attrs['padding']})")


@register_op("MaxPoolGrad", ["orig_input: T", "orig_output: T", "grad: T"], ["output: T"], [f"T: {NUMBER} = float32", *ATTRS])
def max_pool_grad_shape(c):
    pooled = _pooled(c, with_rank(c, 0, 4))
    _check_pooled(c, 1, pooled)
    _check_pooled(c, 2, pooled)
    return [TensorShape(with_rank(c, 0, 4))]


@register_op("MaxPoolGradGrad", ["orig_input: T", "orig_output: T", "grad: T"], ["output: T"], [f"T: {NUMBER} = float32", *ATTRS])
def max_pool_grad_grad_shape(c):
    merge_shapes(c, 0, 2)
    pooled = _pooled(c, with_rank(c, 0, 4))
    _check_pooled(c, 1, pooled)
    return [pooled]


@register_op("AvgPoolGrad", ["orig_input_shape: int32", "grad: T"], ["output: T"], [f"T: {FLOAT}", *ATTRS])
def avg_pool_grad_shape(c):
    image = sizes(c, 0)
    if image.ndims not in (None, 4):
        raise ValueError(f"AvgPoolGrad requires orig_input_shape to contain 4 values, but got: {image.ndims}")
    n, _, _, depth = with_rank(c, 1, 4)
    image = [n, None, None, depth] if image.ndims is None else image.as_list()
    _check_pooled(c, 1, _pooled(c, image))
    return [TensorShape(image)]


def max_pool(value=None, ksize=None, strides=None, padding=None, data_format="NHWC", name=None, input=None):
    """The greatest number of each window of ksize, the windows `strides` apart.

    value [n, h, w, c] of float32, float64, int32 or int64.  ksize, strides: four numbers, those of the batch 1 (or one number, or two).
    The windows may reach over the depth instead of rows and columns, side by side.  A window with a NaN gives NaN; its gradient goes to the first
    of equal greatest numbers, row by row.

    >>> tf.nn.max_pool(x, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding="SAME")
    """
    check_format("MaxPool", data_format)
    return apply_op("MaxPool", input if value is None else value, ksize=four(ksize, "ksize"), strides=four(strides, "strides"), padding=padding,
                    name=name)


def avg_pool(value=None, ksize=None, strides=None, padding=None, data_format="NHWC", name=None, input=None):
    """The mean of each window of ksize, the windows `strides` apart; of a window that reaches into the padding, the mean of what is not padding.

    value [n, h, w, c] of float32 or float64.  ksize, strides: four numbers, those of batch and depth 1 (or one number, or two).
    """
    check_format("AvgPool", data_format)
    return apply_op("AvgPool", input if value is None else value, ksize=four(ksize, "ksize"), strides=four(strides, "strides"), padding=padding,
                    name=name)
