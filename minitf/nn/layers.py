"""Layers: functions that make the variables they need, by the names that TensorFlow 1.x gives them.

A layer opens a variable scope: its `name`, or one of its own, "dense", then "dense_1", ...; the variables in it are "kernel" and "bias".  With
reuse=True and a name, or inside a variable scope that reuses, the variables that exist are found again, so two inputs can share a layer.

    hidden = tf.layers.dense(x, 128, activation=tf.nn.relu)          # dense/kernel:0, dense/bias:0
    logits = tf.layers.dense(hidden, 10, name="logits")              # logits/kernel:0, logits/bias:0

Arguments that several layers share:

    activation          a function of the result; None: none
    use_bias            whether a vector is added
    *_initializer       of one variable; None: the scope's, else Glorot uniform for kernels; biases start at 0
    *_regularizer       a function of one variable, whose value is added to collection REGULARIZATION_LOSSES
    activity_regularizer  the same, of the result
    *_constraint        not implemented, as in get_variable
    trainable           whether the variables are
"""
import contextlib

from ..graph import GraphKeys, Tensor, add_to_collection, constant_value, convert_to_tensor
from ..ops import array_ops, contraction_ops, conv_ops, depthwise_ops, matmul_ops, nn_ops, pool_ops, reduction_ops, slice_ops
from ..ops.conditions import cond
from ..ops.init_ops import zeros_initializer
from ..ops.variable_scope import get_variable, variable_scope


@contextlib.contextmanager
def layer_scope(name, default, inputs, reuse=None):
    """The variable scope of a layer; yields its inputs as a tensor."""
    with variable_scope(name, default, [inputs], reuse=reuse):
        yield convert_to_tensor(inputs, name="inputs")


def require_rank(layer, inputs, rank=None, at_least=None):
    """The static dimensions; ValueError unless there are so many."""
    shape = inputs.get_shape()
    if shape.ndims is None:
        raise ValueError(f"Input 0 of layer {layer} is incompatible with the layer: its rank is undefined, but the layer requires a defined rank.")
    if rank is not None and shape.ndims != rank:
        raise ValueError(f"Input 0 of layer {layer} is incompatible with the layer: expected ndim={rank}, found ndim={shape.ndims}. "
                         f"Full shape received: {shape.as_list()}")
    if at_least is not None and shape.ndims < at_least:
        raise ValueError(f"Input 0 of layer {layer} is incompatible with the layer: expected min_ndim={at_least}, found ndim={shape.ndims}. "
                         f"Full shape received: {shape.as_list()}")
    return shape.as_list()


def pair(value, what):
    """Two numbers, from one or from two; ValueError for anything else."""
    values = [value] * 2 if isinstance(value, int) else list(value) if hasattr(value, "__len__") else []
    if len(values) != 2 or not all(isinstance(v, int) and v > 0 for v in values):
        raise ValueError(f"The `{what}` argument must be a positive integer or a tuple of 2 of them. Received: {value!r}")
    return values


def _padding(padding):
    if not isinstance(padding, str) or padding.lower() not in ("valid", "same"):
        raise ValueError(f'The `padding` argument must be one of "valid", "same". Received: {padding!r}')
    return padding.upper()


def check_data_format(layer, data_format):
    """UnimplementedError for channels_first, ValueError for what is no format."""
    formats = {"channels_last": "NHWC", "channels_first": "NCHW"}
    if data_format not in formats:
        raise ValueError(f'The `data_format` argument must be one of "channels_first", "channels_last". Received: {data_format!r}')
    conv_ops.check_format(layer, formats[data_format])


def _channels(inputs_shape):
    if inputs_shape[-1] is None:
        raise ValueError("The channel dimension of the inputs should be defined. Found `None`.")
    return inputs_shape[-1]


def _finish(outputs, units, activation, use_bias, bias_initializer, bias_regularizer, bias_constraint, activity_regularizer, trainable):
    """Bias, activation, and what the activity costs."""
    if use_bias:
        bias = get_variable("bias", [units], outputs.dtype.base_dtype, bias_initializer, bias_regularizer, trainable, constraint=bias_constraint)
        outputs = nn_ops.bias_add(outputs, bias)
    if activation is not None:
        outputs = activation(outputs)
    if activity_regularizer is not None:
        add_to_collection(GraphKeys.REGULARIZATION_LOSSES, activity_regularizer(outputs))
    return outputs


def dense(inputs, units, activation=None, use_bias=True, kernel_initializer=None, bias_initializer=zeros_initializer(), kernel_regularizer=None,
          bias_regularizer=None, activity_regularizer=None, kernel_constraint=None, bias_constraint=None, trainable=True, name=None, reuse=None):
    """activation(inputs kernel + bias): every output depends on every input of the last dimension.

    inputs [..., n] of float32 or float64, of at least two dimensions, n known; the result is [..., units].  Variables kernel [n, units] and
    bias [units]: from 784 to 10, 7850 numbers.  The other arguments: see the head of this file.

    >>> tf.layers.dense(images, 10)
    """
    with layer_scope(name, "dense", inputs, reuse) as inputs:
        dims = require_rank("dense", inputs, at_least=2)
        if dims[-1] is None:
            raise ValueError("The last dimension of the inputs to `Dense` should be defined. Found `None`.")
        kernel = get_variable("kernel", [dims[-1], units], inputs.dtype.base_dtype, kernel_initializer, kernel_regularizer, trainable,
                              constraint=kernel_constraint)
        if len(dims) == 2:
            outputs = matmul_ops.matmul(inputs, kernel)
        else:
            outputs = contraction_ops.tensordot(inputs, kernel, [[len(dims) - 1], [0]])
            outputs.set_shape([*dims[:-1], units])
        return _finish(outputs, units, activation, use_bias, bias_initializer, bias_regularizer, bias_constraint, activity_regularizer, trainable)


def conv2d(inputs, filters, kernel_size, strides=(1, 1), padding="valid", data_format="channels_last", dilation_rate=(1, 1), activation=None,
           use_bias=True, kernel_initializer=None, bias_initializer=zeros_initializer(), kernel_regularizer=None, bias_regularizer=None,
           activity_regularizer=None, kernel_constraint=None, bias_constraint=None, trainable=True, name=None, reuse=None):
    """activation(tf.nn.conv2d(inputs, kernel) + bias).

    inputs [n, h, w, c], c known; the result is [n, h', w', filters].  kernel_size, strides, dilation_rate: one number, or two; padding: "valid"
    or "same".  Variables kernel [rows, columns, c, filters] and bias [filters].

    >>> tf.layers.conv2d(images, 32, 5, padding="same", activation=tf.nn.relu)
    """
    check_data_format("Conv2D", data_format)
    size, strides, rate = pair(kernel_size, "kernel_size"), pair(strides, "strides"), pair(dilation_rate, "dilation_rate")
    padding = _padding(padding)
    with layer_scope(name, "conv2d", inputs, reuse) as inputs:
        channels = _channels(require_rank("conv2d", inputs, 4))
        kernel = get_variable("kernel", [*size, channels, filters], inputs.dtype.base_dtype, kernel_initializer, kernel_regularizer, trainable,
                              constraint=kernel_constraint)
        outputs = conv_ops.conv2d(inputs, kernel, [1, *strides, 1], padding, dilations=[1, *rate, 1])
        return _finish(outputs, filters, activation, use_bias, bias_initializer, bias_regularizer, bias_constraint, activity_regularizer, trainable)


def separable_conv2d(inputs, filters, kernel_size, strides=(1, 1), padding="valid", data_format="channels_last", dilation_rate=(1, 1),
                     depth_multiplier=1, activation=None, use_bias=True, depthwise_initializer=None, pointwise_initializer=None,
                     bias_initializer=zeros_initializer(), depthwise_regularizer=None, pointwise_regularizer=None, bias_regularizer=None,
                     activity_regularizer=None, depthwise_constraint=None, pointwise_constraint=None, bias_constraint=None, trainable=True,
                     name=None, reuse=None):
    """activation(tf.nn.separable_conv2d(inputs, depthwise_kernel, pointwise_kernel) + bias).

    inputs [n, h, w, c], c known; the result is [n, h', w', filters].  Variables depthwise_kernel [rows, columns, c, depth_multiplier],
    pointwise_kernel [1, 1, c * depth_multiplier, filters] and bias [filters].

    >>> tf.layers.separable_conv2d(images, 128, 3, padding="same")
    """
    check_data_format("SeparableConv2D", data_format)
    size, strides, rate = pair(kernel_size, "kernel_size"), pair(strides, "strides"), pair(dilation_rate, "dilation_rate")
    padding = _padding(padding)
    with layer_scope(name, "separable_conv2d", inputs, reuse) as inputs:
        channels, dtype = _channels(require_rank("separable_conv2d", inputs, 4)), inputs.dtype.base_dtype
        depthwise = get_variable("depthwise_kernel", [*size, channels, depth_multiplier], dtype, depthwise_initializer, depthwise_regularizer,
                                 trainable, constraint=depthwise_constraint)
        pointwise = get_variable("pointwise_kernel", [1, 1, channels * depth_multiplier, filters], dtype, pointwise_initializer,
                                 pointwise_regularizer, trainable, constraint=pointwise_constraint)
        outputs = depthwise_ops.separable_conv2d(inputs, depthwise, pointwise, [1, *strides, 1], padding, rate)
        return _finish(outputs, filters, activation, use_bias, bias_initializer, bias_regularizer, bias_constraint, activity_regularizer, trainable)


def _pooling(function, layer, inputs, pool_size, strides, padding, data_format, name):
    check_data_format(layer, data_format)
    size, strides, padding = pair(pool_size, "pool_size"), pair(strides, "strides"), _padding(padding)
    with layer_scope(name, layer, inputs) as inputs:
        require_rank(layer, inputs, 4)
        return function(inputs, [1, *size, 1], [1, *strides, 1], padding)


def max_pooling2d(inputs, pool_size, strides, padding="valid", data_format="channels_last", name=None):
    """tf.nn.max_pool of inputs [n, h, w, c]; pool_size and strides: one number, or two.

    >>> tf.layers.max_pooling2d(images, 2, 2)
    """
    return _pooling(pool_ops.max_pool, "max_pooling2d", inputs, pool_size, strides, padding, data_format, name)


def average_pooling2d(inputs, pool_size, strides, padding="valid", data_format="channels_last", name=None):
    """tf.nn.avg_pool of inputs [n, h, w, c]; pool_size and strides: one number, or two.

    >>> tf.layers.average_pooling2d(images, [7, 7], 1)
    """
    return _pooling(pool_ops.avg_pool, "average_pooling2d", inputs, pool_size, strides, padding, data_format, name)


def flatten(inputs, name=None, data_format="channels_last"):
    """inputs [n, ...] as [n, the product of the other sizes].

    >>> tf.layers.flatten(tf.zeros([8, 7, 7, 64])).shape             # (8, 3136)
    """
    check_data_format("flatten", data_format)
    with layer_scope(name, "flatten", inputs) as inputs:
        batch, *others = require_rank("flatten", inputs, at_least=1)
        count = None
        if None not in others:
            count = 1
            for d in others:
                count *= d
        sizes = array_ops.shape(inputs)
        outputs = array_ops.reshape(inputs, slice_ops.stack([sizes[0] if batch is None else batch,
                                                             reduction_ops.reduce_prod(sizes[1:]) if count is None else count]))
        outputs.set_shape([batch, count])
        return outputs


def dropout(inputs, rate=0.5, noise_shape=None, seed=None, training=False, name=None):
    """In training, each element is 0 with probability `rate`, else divided by 1 - rate; otherwise inputs as they are.

    training: a bool, or a scalar bool tensor.  noise_shape: as of tf.nn.dropout.  (Srivastava et al., JMLR 2014.)

    >>> tf.layers.dropout(hidden, 0.4, training=is_training)
    """
    with layer_scope(name, "dropout", inputs) as inputs:
        return chosen(training, lambda: nn_ops.dropout(inputs, noise_shape=noise_shape, seed=seed, rate=rate), lambda: array_ops.identity(inputs))


def known(training):
    """A bool where `training` is one, or a tensor that is known to be; else the tensor."""
    if not isinstance(training, Tensor):
        return bool(training)
    value = constant_value(training)
    return training if value is None else bool(value)


def chosen(training, then, otherwise):
    """then() or otherwise(), as `training` says; by tf.cond if only the run will know."""
    training = known(training)
    if isinstance(training, Tensor):
        return cond(training, then, otherwise)
    return then() if training else otherwise()
