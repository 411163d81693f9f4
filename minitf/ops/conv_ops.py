"""Convolution of images and its gradients.  Images are [batch, rows, columns, channels] (NHWC), filters [rows, columns, channels in, channels out].

Padding "SAME" puts zeros around the image, so that there are ceil(size / stride) results along each side, the odd zero behind; "VALID" takes
the places where the whole filter lies inside: ceil((size - (taps - 1) * dilation) / stride).
"""
from ..core.errors import UnimplementedError
from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import convert_to_tensor, name_scope
from .apply import apply_op
from .shape_fns import FLOAT, argument, merge_dims, sizes, with_rank

WINDOW = ["strides: list(int)", 'padding: {"SAME", "VALID"}', 'data_format: {"NHWC"} = "NHWC"']
ATTRS = [f"T: {FLOAT}", *WINDOW, "use_cudnn_on_gpu: bool = True", "dilations: list(int) = [1, 1, 1, 1]"]


def spatial(c, attr):
    """The two numbers for rows and columns of the attribute `strides`, `dilations` or `ksize`."""
    values = c.attrs[attr]
    what = {"strides": "stride", "dilations": "dilation"}.get(attr, attr)
    if len(values) != 4:
        raise ValueError(f"{c.op_type} requires the {what} attribute to contain 4 values, but got: {len(values)}")
    for value in values:
        if value <= 0:
            raise ValueError(f"{what.capitalize()} must be > 0, but got {value}")
    return values[1:3]


def window_count(c, size, taps, stride, dilation):
    """At how many places along one side a window of so many taps stands; None if that is not known."""
    if size is None:
        return None
    if c.attrs["padding"] == "SAME":
        return -(-size // stride)
    if taps is None:
        return None
    reach = (taps - 1) * dilation + 1
    if reach > size:
        raise ValueError(f"Negative dimension size caused by subtracting {reach} from {size} for {argument(c, 0)}")
    return (size - reach) // stride + 1


def strides_of(c):
    strides, dilations = spatial(c, "strides"), spatial(c, "dilations")
    for attr in ("strides", "dilations"):
        if c.attrs[attr][0] != 1 or c.attrs[attr][3] != 1:
            raise ValueError(f"Current implementation does not yet support {attr} in the batch and depth dimensions, got {list(c.attrs[attr])}")
    return strides, dilations


@register_op("Conv2D", ["input: T", "filter: T"], ["output: T"], ATTRS)
def conv2d_shape(c):
    n, h, w, depth = with_rank(c, 0, 4)
    rows, columns, depth_in, depth_out = with_rank(c, 1, 4)
    merge_dims(c, depth, depth_in, 0, 1)
    strides, dilations = strides_of(c)
    return [TensorShape([n, window_count(c, h, rows, strides[0], dilations[0]), window_count(c, w, columns, strides[1], dilations[1]), depth_out])]


def check_backprop(c, image, taps, backprop):
    """Whether a convolution of an image of this size has an output of the size of out_backprop, as far as all are known."""
    strides, dilations = strides_of(c)
    for k in (0, 1):
        computed = window_count(c, image[k], taps[k], strides[k], dilations[k])
        if None not in (computed, backprop[k]) and computed != backprop[k]:
            raise ValueError(f"{c.op_type}: Size of out_backprop doesn't match computed: actual = {backprop[k]}, computed = {computed} "
                             f"(spatial_dim: {k + 1}, input: {image[k]}, filter: {taps[k]}, stride: {strides[k]}, dilation: {dilations[k]}, "
                             f"padding: {c.attrs['padding']}) for {argument(c, 0)}, {argument(c, 1)}, {argument(c, 2)}")


def equal_size(c, what, m, n):
    if m is None or n is None or m == n:
        return n if m is None else m
    raise ValueError(f"{c.op_type}: {what} must be equal, but are {m} and {n} for {argument(c, 0)}, {argument(c, 1)}, {argument(c, 2)}")


def asked_for(c, i):
    """The four sizes that the vector input i asks for."""
    shape = sizes(c, i)
    if shape.ndims not in (None, 4):
        raise ValueError(f"{c.op_type} requires {('input_sizes', 'filter_sizes')[i]} to contain 4 values, but got: {shape.ndims}")
    return [None] * 4 if shape.ndims is None else shape.as_list()


@register_op("Conv2DBackpropInput", ["input_sizes: int32", "filter: T", "out_backprop: T"], ["output: T"], ATTRS)
def conv2d_backprop_input_shape(c):
    n, *image, depth = asked_for(c, 0)
    *taps, depth_in, depth_out = with_rank(c, 1, 4)
    batch, *backprop, depth_back = with_rank(c, 2, 4)
    merge_dims(c, depth_out, depth_back, 1, 2)
    check_backprop(c, image, taps, backprop)
    return [TensorShape([equal_size(c, "the batch sizes of input_sizes and out_backprop", n, batch), *image,
                         equal_size(c, "the depths of input_sizes and filter", depth, depth_in)])]


@register_op("Conv2DBackpropFilter", ["input: T", "filter_sizes: int32", "out_backprop: T"], ["output: T"], ATTRS)
def conv2d_backprop_filter_shape(c):
    n, *image, depth = with_rank(c, 0, 4)
    *taps, depth_in, depth_out = asked_for(c, 1)
    batch, *backprop, depth_back = with_rank(c, 2, 4)
    merge_dims(c, n, batch, 0, 2)
    check_backprop(c, image, taps, backprop)
    return [TensorShape([*taps, equal_size(c, "the depths of input and filter_sizes", depth_in, depth),
                         equal_size(c, "the depths of filter_sizes and out_backprop", depth_out, depth_back)])]


def check_format(op_type, data_format):
    """UnimplementedError for NCHW, ValueError for what is no format."""
    if data_format == "NCHW":
        raise UnimplementedError(None, None, f"The {op_type} op currently only supports the NHWC tensor format on the CPU. The op was given "
                                 "the format: NCHW. tf.transpose(x, [0, 2, 3, 1]) gives the one from the other.")
    if data_format not in (None, "NHWC"):
        raise ValueError(f"data_format must be 'NHWC' or 'NCHW', got {data_format!r}")


def four(values, what):
    """The sizes of a window, or its strides, for all four dimensions: from one number, [rows, columns], or all four."""
    values = [values] if not hasattr(values, "__len__") else list(values)
    if len(values) not in (1, 2, 4):
        raise ValueError(f"{what} should be of length 1, 2 or 4 but was {len(values)}: {values}")
    return values if len(values) == 4 else [1, values[0], values[-1], 1]


def conv2d(input, filter=None, strides=None, padding=None, use_cudnn_on_gpu=True, data_format="NHWC", dilations=(1, 1, 1, 1), name=None, filters=None):
    """The convolution (cross-correlation) of images with a bank of filters.

    input [n, h, w, c], filter [rows, columns, c, f], both float32 or both float64; the result [n, h', w', f] is

        output[n, i, j, f] = sum over y, x, c of input[n, i * strides[1] + y * dilations[1] - above, j * strides[2] + ..., c] * filter[y, x, c, f]

    with zeros where that is outside of the image.  strides, dilations: four numbers, those of batch and depth 1 (or one number, or two).
    padding: "SAME" or "VALID" (above).  `filters` is another name of `filter`; use_cudnn_on_gpu is accepted for old programs.

    >>> tf.nn.conv2d(images, weights, strides=[1, 1, 1, 1], padding="SAME")
    """
    check_format("Conv2D", data_format)
    filter = filters if filter is None else filter
    if strides is None or padding is None or filter is None:
        raise TypeError("conv2d needs a filter, strides and padding, as in conv2d(input, filter, [1, 1, 1, 1], \"SAME\")")
    return apply_op("Conv2D", input, filter, strides=four(strides, "strides"), padding=padding, use_cudnn_on_gpu=use_cudnn_on_gpu,
                    dilations=four(dilations, "dilations"), name=name)


def conv2d_backprop_input(input_sizes, filter=None, out_backprop=None, strides=None, padding=None, use_cudnn_on_gpu=True, data_format="NHWC",
                          dilations=(1, 1, 1, 1), name=None, filters=None):
    """The gradient of conv2d to its input, of shape input_sizes (an int32 vector of four), from that to its output."""
    check_format("Conv2DBackpropInput", data_format)
    return apply_op("Conv2DBackpropInput", input_sizes, filters if filter is None else filter, out_backprop, strides=four(strides, "strides"),
                    padding=padding, use_cudnn_on_gpu=use_cudnn_on_gpu, dilations=four(dilations, "dilations"), name=name)


def conv2d_backprop_filter(input, filter_sizes, out_backprop, strides, padding, use_cudnn_on_gpu=True, data_format="NHWC", dilations=(1, 1, 1, 1),
                           name=None):
    """The gradient of conv2d to its filter, of shape filter_sizes (an int32 vector of four), from that to its output."""
    check_format("Conv2DBackpropFilter", data_format)
    return apply_op("Conv2DBackpropFilter", input, filter_sizes, out_backprop, strides=four(strides, "strides"), padding=padding,
                    use_cudnn_on_gpu=use_cudnn_on_gpu, dilations=four(dilations, "dilations"), name=name)


def conv2d_transpose(value=None, filter=None, output_shape=None, strides=None, padding="SAME", data_format="NHWC", name=None, input=None, filters=None):
    """The transpose of conv2d, sometimes called deconvolution: what its gradient to the input computes.

    value [n, h, w, c], filter [rows, columns, f, c] (f and c change places); the result has output_shape [n, h', w', f], of which conv2d with
    these strides and this padding would make [n, h, w, c].  (Zeiler et al., Deconvolutional Networks, CVPR 2010.)
    """
    check_format("conv2d_transpose", data_format)
    value, filter = input if value is None else value, filters if filter is None else filter
    with name_scope(name, "conv2d_transpose", [value, filter, output_shape]) as name:
        output_shape = convert_to_tensor(output_shape, dtype="int32", name="output_shape")
        return apply_op("Conv2DBackpropInput", output_shape, filter, value, strides=four(strides, "strides"), padding=padding, name=name)


def atrous_conv2d(value, filters, rate, padding, name=None):
    """conv2d with stride 1 whose filter has rate - 1 zeros between its taps (a dilated convolution).  rate: an int of at least 1."""
    if rate < 1:
        raise ValueError(f"rate must be >= 1, got {rate}")
    return apply_op("Conv2D", value, filters, strides=[1, 1, 1, 1], padding=padding, dilations=[1, rate, rate, 1], name=name)
