"""The layer of batch normalisation: by the batch's mean and variance in training, by moving averages of them afterwards."""
from ..core.errors import UnimplementedError
from ..graph import GraphKeys, Tensor, add_to_collection, colocate_with
from ..ops import array_ops, batch_norm_ops, logical_ops, moments_ops, state_ops
from ..ops.init_ops import ones_initializer, zeros_initializer
from ..ops.variable_scope import get_variable
from .layers import chosen, known, layer_scope, require_rank


def batch_normalization(inputs, axis=-1, momentum=0.99, epsilon=1e-3, center=True, scale=True, beta_initializer=zeros_initializer(),
                        gamma_initializer=ones_initializer(), moving_mean_initializer=zeros_initializer(),
                        moving_variance_initializer=ones_initializer(), beta_regularizer=None, gamma_regularizer=None, beta_constraint=None,
                        gamma_constraint=None, training=False, trainable=True, name=None, reuse=None, renorm=False, fused=None):
    """gamma * (inputs - mean) / sqrt(variance + epsilon) + beta, for each place along one axis.

    inputs of two dimensions or more; the size along `axis`, c, must be known.  training: a bool, or a scalar bool tensor.  If it is true, mean and
    variance are the batch's over all other axes, and ops in collection UPDATE_OPS let the moving averages follow:

        moving -= (1 - momentum) * (moving - batch's)          # from 0 to 1 with momentum 0.99: 0.01, then 0.0199

    They run only if the training step asks for them:

        with tf.control_dependencies(tf.get_collection(tf.GraphKeys.UPDATE_OPS)):
            train_op = optimizer.minimize(loss)

    If it is false, mean and variance are the moving averages.  Variables, all [c]: gamma (with `scale`), beta (with `center`), moving_mean and
    moving_variance, which are not trainable.  fused: whether to use the one op for images [n, h, w, c], None: where it can be; its moving variance
    is that of the unbiased estimate, as in TensorFlow.  renorm: UnimplementedError.  (Ioffe and Szegedy, Batch Normalization, 2015.)

    >>> y = tf.layers.batch_normalization(x, training=is_training)
    """
    if renorm:
        raise UnimplementedError(None, None, "batch_normalization: renorm is not implemented")
    with layer_scope(name, "batch_normalization", inputs, reuse) as inputs:
        dims, dtype = require_rank("batch_normalization", inputs, at_least=2), inputs.dtype.base_dtype
        axis = _axis_in(axis, len(dims))
        n = dims[axis]
        if n is None:
            raise ValueError(f"There are axes with undefined dimensions: axis {axis} of the inputs, of shape {inputs.get_shape()}, must be known")
        can_fuse = len(dims) == 4 and axis == 3
        if fused and not can_fuse:
            raise ValueError(f"fused=True is for inputs of 4 dimensions and axis 3, got shape {inputs.get_shape()} and axis {axis}")
        gamma = get_variable("gamma", [n], dtype, gamma_initializer, gamma_regularizer, trainable, constraint=gamma_constraint) if scale else None
        beta = get_variable("beta", [n], dtype, beta_initializer, beta_regularizer, trainable, constraint=beta_constraint) if center else None
        moving_mean = get_variable("moving_mean", [n], dtype, moving_mean_initializer, trainable=False)
        moving_variance = get_variable("moving_variance", [n], dtype, moving_variance_initializer, trainable=False)
        normalise = _fused if can_fuse and fused is not False else _plain
        outputs, mean, variance = normalise(inputs, axis, gamma, beta, moving_mean, moving_variance, epsilon, training)
        outputs.set_shape(inputs.get_shape())
        training = known(training)
        if training is not False:
            rate = 1.0 - momentum
            if training is not True:
                rate = logical_ops.where(training, *(array_ops.ones([], dtype) * r for r in (rate, 0.0)))
            for moving, value in ((moving_mean, mean), (moving_variance, variance)):
                add_to_collection(GraphKeys.UPDATE_OPS, _follow(moving, value, rate))
        return outputs


def _axis_in(axis, rank):
    axis = axis[0] if isinstance(axis, (list, tuple)) and len(axis) == 1 else axis
    if not isinstance(axis, int):
        raise TypeError(f"axis must be an int, got {axis!r}")
    if not -rank <= axis < rank:
        raise ValueError(f"Invalid axis: {axis} for inputs of {rank} dimensions")
    return axis % rank


def _fused(inputs, axis, gamma, beta, moving_mean, moving_variance, epsilon, training):
    """(outputs, mean, variance) of images."""
    n, dtype = [moving_mean.get_shape().as_list()[0]], inputs.dtype.base_dtype
    gamma, beta = array_ops.ones(n, dtype) if gamma is None else gamma, array_ops.zeros(n, dtype) if beta is None else beta
    return chosen(training, lambda: batch_norm_ops.fused_batch_norm(inputs, gamma, beta, epsilon=epsilon),
                  lambda: batch_norm_ops.fused_batch_norm(inputs, gamma, beta, moving_mean, moving_variance, epsilon, is_training=False))


def _plain(inputs, axis, gamma, beta, moving_mean, moving_variance, epsilon, training):
    """(outputs, mean, variance) along any axis, made of plain ops."""
    rank = inputs.get_shape().ndims
    mean, variance = chosen(training, lambda: moments_ops.moments(inputs, [a for a in range(rank) if a != axis]),
                            lambda: (array_ops.identity(moving_mean), array_ops.identity(moving_variance)))

    def along(vector):
        return vector if vector is None or axis == rank - 1 else array_ops.reshape(vector, [-1] + [1] * (rank - 1 - axis))
    return moments_ops.batch_normalization(inputs, along(mean), along(variance), along(beta), along(gamma), epsilon), mean, variance


def _follow(moving, value, rate):
    """The op that lets a moving average follow a value; it is read where the update stands, behind what the step did before."""
    with colocate_with(moving.op):
        if not isinstance(rate, Tensor):
            rate = moving.dtype.base_dtype.as_numpy_dtype(rate)
        return state_ops.assign_sub(moving, (moving.read_value() - value) * rate, name="AssignMovingAvg")
