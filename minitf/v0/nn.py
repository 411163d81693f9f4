"""tf.nn of 2015: cross entropies took the logits first, sampled losses the inputs, and recurrent networks were in tf.nn.rnn."""
import minitf.nn as _nn

from ..core.nearest import no_attribute as _no_attribute
from .models.rnn import rnn_cell
from .models.rnn.rnn import bidirectional_rnn, rnn_with_final_state as rnn


def softmax_cross_entropy_with_logits(logits, labels, name=None):
    """tf.nn.softmax_cross_entropy_with_logits(labels=, logits=) of today."""
    return _nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits, name=name)


def sparse_softmax_cross_entropy_with_logits(logits, labels, name=None):
    """tf.nn.sparse_softmax_cross_entropy_with_logits(labels=, logits=) of today."""
    return _nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, name=name)


def sigmoid_cross_entropy_with_logits(logits, targets, name=None):
    """tf.nn.sigmoid_cross_entropy_with_logits(labels=, logits=) of today."""
    return _nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits, name=name)


def nce_loss(weights, biases, inputs, labels, num_sampled, num_classes, num_true=1, sampled_values=None, remove_accidental_hits=False,
             partition_strategy="mod", name="nce_loss"):
    """tf.nn.nce_loss of today, with inputs before labels."""
    return _nn.nce_loss(weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values, remove_accidental_hits,
                        partition_strategy, name)


def sampled_softmax_loss(weights, biases, inputs, labels, num_sampled, num_classes, num_true=1, sampled_values=None, remove_accidental_hits=True,
                         partition_strategy="mod", name="sampled_softmax_loss"):
    """tf.nn.sampled_softmax_loss of today, with inputs before labels."""
    return _nn.sampled_softmax_loss(weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values, remove_accidental_hits,
                                    partition_strategy, name)


def softmax(logits, name=None):
    """Over the last dimension."""
    return _nn.softmax(logits, name=name)


def log_softmax(logits, name=None):
    """Over the last dimension."""
    return _nn.log_softmax(logits, name=name)


def bias_add(value, bias, name=None):
    """tf.nn.bias_add: bias along the last dimension."""
    return _nn.bias_add(value, bias, name=name)


def moments(x, axes, name=None, keep_dims=False):
    """tf.nn.moments(x, axes, keep_dims=) of today: (mean, variance)."""
    return _nn.moments(x, axes, name=name, keep_dims=keep_dims)


def batch_norm_with_global_normalization(t, m, v, beta, gamma, variance_epsilon, scale_after_normalization, name=None):
    """tf.nn.batch_normalization of today; gamma counts only with scale_after_normalization."""
    return _nn.batch_normalization(t, m, v, beta, gamma if scale_after_normalization else None, variance_epsilon, name=name)


def max_pool(value, ksize, strides, padding, name=None):
    """tf.nn.max_pool of NHWC images."""
    return _nn.max_pool(value, ksize, strides, padding, name=name)


def avg_pool(value, ksize, strides, padding, name=None):
    """tf.nn.avg_pool of NHWC images."""
    return _nn.avg_pool(value, ksize, strides, padding, name=name)


def depthwise_conv2d(input, filter, strides, padding, name=None):
    """tf.nn.depthwise_conv2d without a rate."""
    return _nn.depthwise_conv2d(input, filter, strides, padding, name=name)


def separable_conv2d(input, depthwise_filter, pointwise_filter, strides, padding, name=None):
    """tf.nn.separable_conv2d without a rate."""
    return _nn.separable_conv2d(input, depthwise_filter, pointwise_filter, strides, padding, name=name)


def __getattr__(name):
    try:
        return getattr(_nn, name)
    except AttributeError:
        raise _no_attribute(__name__, name, {**vars(_nn), **globals()}) from None
