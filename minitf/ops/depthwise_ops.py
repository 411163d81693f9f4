"""Depthwise convolution: every channel of an image has filters of its own, so channels do not mix; and the separable one, which mixes them later.

A filter [rows, columns, channels, multiplier] makes `multiplier` channels of each: channel c gives c * multiplier to c * multiplier + multiplier - 1.
Separable convolution needs 3 * 3 * 64 + 64 * 128 = 8768 weights where a plain one from 64 to 128 channels has 3 * 3 * 64 * 128 = 73728.
(L. Sifre, Rigid-Motion Scattering for Image Classification, 2014, section 6.2; Howard et al., MobileNets, 2017.)
"""
from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import convert_to_tensor, name_scope
from .apply import apply_op
from .conv_ops import WINDOW, asked_for, check_backprop, check_format, equal_size, four, strides_of, window_count
from .shape_fns import FLOAT, argument, merge_dims, with_rank

ATTRS = [f"T: {FLOAT}", *WINDOW, "dilations: list(int) = [1, 1, 1, 1]"]


def _times(depth, multiplier):
    return None if depth is None or multiplier is None else depth * multiplier


@register_op("DepthwiseConv2dNative", ["input: T", "filter: T"], ["output: T"], ATTRS)
def depthwise_shape(c):
    n, h, w, depth = with_rank(c, 0, 4)
    rows, columns, depth_in, multiplier = with_rank(c, 1, 4)
    depth = merge_dims(c, depth, depth_in, 0, 1)
    strides, dilations = strides_of(c)
    return [TensorShape([n, window_count(c, h, rows, strides[0], dilations[0]), window_count(c, w, columns, strides[1], dilations[1]),
                         _times(depth, multiplier)])]


def _check_depth(c, depth, multiplier, backprop):
    wanted = _times(depth, multiplier)
    if None not in (wanted, backprop) and wanted != backprop:
        raise ValueError(f"{c.op_type}: the depth of out_backprop must be {depth} * {multiplier}, in_depth * depth_multiplier, but is {backprop} "
                         f"for {argument(c, 0)}, {argument(c, 1)}, {argument(c, 2)}")


@register_op("DepthwiseConv2dNativeBackpropInput", ["input_sizes: int32", "filter: T", "out_backprop: T"], ["output: T"], ATTRS)
def depthwise_backprop_input_shape(c):
    n, *image, depth = asked_for(c, 0)
    *taps, depth_in, multiplier = with_rank(c, 1, 4)
    batch, *backprop, depth_back = with_rank(c, 2, 4)
    depth = equal_size(c, "the depths of input_sizes and filter", depth, depth_in)
    _check_depth(c, depth, multiplier, depth_back)
    check_backprop(c, image, taps, backprop)
    return [TensorShape([equal_size(c, "the batch sizes of input_sizes and out_backprop", n, batch), *image, depth])]


@register_op("DepthwiseConv2dNativeBackpropFilter", ["input: T", "filter_sizes: int32", "out_backprop: T"], ["output: T"], ATTRS)
def depthwise_backprop_filter_shape(c):
    n, *image, depth = with_rank(c, 0, 4)
    *taps, depth_in, multiplier = asked_for(c, 1)
    batch, *backprop, depth_back = with_rank(c, 2, 4)
    merge_dims(c, n, batch, 0, 2)
    depth = equal_size(c, "the depths of input and filter_sizes", depth_in, depth)
    _check_depth(c, depth, multiplier, depth_back)
    check_backprop(c, image, taps, backprop)
    return [TensorShape([*taps, depth, multiplier])]


def depthwise_conv2d_native(input, filter, strides, padding, data_format="NHWC", dilations=(1, 1, 1, 1), name=None):
    """The convolution of each channel of images with its own filters.

    input [n, h, w, c], filter [rows, columns, c, m], both float32 or both float64; the result is [n, h', w', c * m]:

        output[n, i, j, k * m + q] =
            sum over y, x of input[n, i * strides[1] + y * dilations[1] - above, j * strides[2] + ..., k] * filter[y, x, k, q]

    strides, dilations: as of conv2d, those of batch and depth 1.  padding: "SAME" or "VALID".

    >>> tf.nn.depthwise_conv2d_native(images, weights, [1, 1, 1, 1], "SAME")
    """
    check_format("DepthwiseConv2dNative", data_format)
    return apply_op("DepthwiseConv2dNative", input, filter, strides=four(strides, "strides"), padding=padding,
                    dilations=four(dilations, "dilations"), name=name)


def depthwise_conv2d_native_backprop_input(input_sizes, filter, out_backprop, strides, padding, data_format="NHWC", dilations=(1, 1, 1, 1),
                                           name=None):
    """The gradient of depthwise_conv2d_native to its input, of shape input_sizes (an int32 vector of four), from that to its output."""
    check_format("DepthwiseConv2dNativeBackpropInput", data_format)
    return apply_op("DepthwiseConv2dNativeBackpropInput", input_sizes, filter, out_backprop, strides=four(strides, "strides"), padding=padding,
                    dilations=four(dilations, "dilations"), name=name)


def depthwise_conv2d_native_backprop_filter(input, filter_sizes, out_backprop, strides, padding, data_format="NHWC", dilations=(1, 1, 1, 1),
                                            name=None):
    """The gradient of depthwise_conv2d_native to its filter, of shape filter_sizes (an int32 vector of four), from that to its output."""
    check_format("DepthwiseConv2dNativeBackpropFilter", data_format)
    return apply_op("DepthwiseConv2dNativeBackpropFilter", input, filter_sizes, out_backprop, strides=four(strides, "strides"), padding=padding,
                    dilations=four(dilations, "dilations"), name=name)


def _spread(strides, rate):
    """The dilations that a rate means; ValueError where it comes with strides."""
    rate = [1, 1] if rate is None else [rate] * 2 if isinstance(rate, int) else list(rate)
    if len(rate) != 2 or min(rate) < 1:
        raise ValueError(f"rate must be two numbers of at least 1, got {rate}")
    if max(rate) > 1 and max(strides) > 1:
        raise ValueError(f"strides > 1 not supported in conjunction with dilation_rate > 1, got strides {list(strides)} and rate {rate}")
    return [1, *rate, 1]


def _rate_of(rate, dilations):
    if dilations is None:
        return rate
    if rate is not None:
        raise ValueError("Only one of 'rate' and 'dilations' may be given: the second is another name of the first")
    return dilations if not hasattr(dilations, "__len__") or len(dilations) == 2 else list(dilations)[1:3]


def depthwise_conv2d(input, filter, strides, padding, rate=None, name=None, data_format=None, dilations=None):
    """depthwise_conv2d_native with a rate: the filter's taps lie rate[0] rows and rate[1] columns apart.  A rate above 1 needs strides of 1.

    input [n, h, w, c], filter [rows, columns, c, m]; the result is [n, h', w', c * m].  `dilations` is another name of `rate`.

    >>> tf.nn.depthwise_conv2d(images, weights, [1, 1, 1, 1], "SAME", rate=[2, 2])
    """
    check_format("DepthwiseConv2dNative", data_format)
    strides = four(strides, "strides")
    rate = _spread(strides, _rate_of(rate, dilations))
    with name_scope(name, "depthwise", [input, filter]) as name:
        input = convert_to_tensor(input, name="tensor_in")
        filter = convert_to_tensor(filter, dtype=input.dtype.base_dtype, name="filter_in")
        return apply_op("DepthwiseConv2dNative", input, filter, strides=strides, padding=padding, dilations=rate, name=name)


def separable_conv2d(input, depthwise_filter, pointwise_filter, strides, padding, rate=None, name=None, data_format=None, dilations=None):
    """A depthwise convolution, then a plain one of 1 x 1, which mixes the channels.

    input [n, h, w, c], depthwise_filter [rows, columns, c, m], pointwise_filter [1, 1, c * m, f]; the result is [n, h', w', f].
    strides, padding and rate are those of the depthwise part.

    >>> tf.nn.separable_conv2d(images, tf.ones([3, 3, 64, 1]), tf.ones([1, 1, 64, 128]), [1, 1, 1, 1], "SAME")
    """
    check_format("DepthwiseConv2dNative", data_format)
    with name_scope(name, "separable_conv2d", [input, depthwise_filter, pointwise_filter]) as name:
        input = convert_to_tensor(input, name="tensor_in")
        depthwise_filter = convert_to_tensor(depthwise_filter, dtype=input.dtype.base_dtype, name="depthwise_filter")
        pointwise_filter = convert_to_tensor(pointwise_filter, dtype=input.dtype.base_dtype, name="pointwise_filter")
        shape = pointwise_filter.get_shape().with_rank(4)
        for size in shape.as_list()[:2]:
            if size not in (None, 1):
                raise ValueError(f"pointwise_filter must be [1, 1, depth in, depth out], got shape {shape}")
        depthwise = depthwise_conv2d(input, depthwise_filter, strides, padding, rate, "depthwise", dilations=dilations)
        return apply_op("Conv2D", depthwise, pointwise_filter, strides=[1, 1, 1, 1], padding="VALID", name=name)
