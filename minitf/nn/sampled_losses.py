"""Losses over very many classes that look at a few of them: noise-contrastive estimation and the sampled softmax.

With 50,000 classes and vectors of 128 numbers a full softmax multiplies 50,000 * 128 = 6.4 million numbers for each example, and again
twice for its gradient.  Here an example meets its true classes and num_sampled others, drawn once for the whole batch: with 64, 8,320
numbers.  Gradients for the table are IndexedSlices of the rows that were met, so a step costs the same whatever the number of classes.

A class that is drawn often must not be punished for it: the logarithm of how often it was to be expected is taken off its logit.
"""
import numpy as np

from ..graph import convert_to_tensor, name_scope
from ..ops import array_ops, logical_ops, math_ops, matmul_ops, reduction_ops, slice_ops
from ..ops.candidate_sampling_ops import log_uniform_candidate_sampler
from ..ops.cross_entropy_ops import sigmoid_cross_entropy_with_logits, softmax_cross_entropy_with_logits
from ..ops.embedding_ops import embedding_lookup
from ..ops.partitioned_variables import PartitionedVariable


def nce_loss(weights, biases, labels, inputs, num_sampled, num_classes, num_true=1, sampled_values=None, remove_accidental_hits=False,
             partition_strategy="mod", name="nce_loss"):
    """Noise-contrastive estimation (Gutmann and Hyvärinen, 2010; for language models Mnih and Teh, 2012): float [batch], a loss per example.

    Each class that is met becomes a question of its own: did it come from the data or from the sampler?  The loss is the sum of the answers'
    sigmoid cross entropies, over the true classes and the num_sampled others.

    weights         [num_classes, dim], or a list of shards or a PartitionedVariable that together hold these rows
    biases          [num_classes], sharded in the same way if at all
    labels          int [batch, num_true]: the true classes
    inputs          [batch, dim]
    num_sampled     classes drawn for the batch
    num_true        true classes of an example; each counts 1 / num_true
    sampled_values  what a candidate sampler gave; None: log_uniform_candidate_sampler with unique classes, for classes in order of falling frequency
    remove_accidental_hits  leave out, for each example, sampled classes that are its true ones
    partition_strategy      of the shards, "mod" or "div", as in tf.nn.embedding_lookup
    InvalidArgumentError in the run for a label outside [0, num_classes).

    >>> loss = tf.reduce_mean(tf.nn.nce_loss(weights, biases, tf.expand_dims(targets, 1), embedded, 64, 50000))
    """
    with name_scope(name, "nce_loss", [inputs, labels]) as name:
        logits, truth = _sampled_logits(weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values, remove_accidental_hits,
                                        partition_strategy, None)
        return reduction_ops.reduce_sum(sigmoid_cross_entropy_with_logits(labels=truth, logits=logits), 1, name=name)


def sampled_softmax_loss(weights, biases, labels, inputs, num_sampled, num_classes, num_true=1, sampled_values=None, remove_accidental_hits=True,
                         partition_strategy="mod", name="sampled_softmax_loss", seed=None):
    """The softmax cross entropy over the true classes and num_sampled others (Jean, Cho, Memisevic and Bengio, 2015): float [batch].

    It is meant for training, and is mostly below the full softmax loss, which judges.  Arguments as of nce_loss; seed is the sampler's.

    >>> loss = tf.nn.sampled_softmax_loss(weights, biases, labels, inputs, num_sampled=64, num_classes=50000)
    >>> judged = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels[:, 0], logits=tf.matmul(inputs, weights, transpose_b=True) + biases)
    """
    with name_scope(name, "sampled_softmax_loss", [inputs, labels]) as name:
        logits, truth = _sampled_logits(weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values, remove_accidental_hits,
                                        partition_strategy, seed)
        return softmax_cross_entropy_with_logits(labels=truth, logits=logits, name=name)


def _sampled_logits(weights, biases, labels, inputs, num_sampled, num_classes, num_true, sampled_values, remove_accidental_hits, partition_strategy,
                    seed):
    """(logits, labels), both [batch, num_true + n]: first the true classes, of label 1 / num_true, then the n sampled ones, of label 0."""
    inputs, labels = convert_to_tensor(inputs, name="inputs"), math_ops.cast(convert_to_tensor(labels, name="labels"), "int64")
    if sampled_values is None:
        sampled_values = log_uniform_candidate_sampler(labels, num_true, num_sampled, True, num_classes, seed)
    sampled, true_count, sampled_count = [array_ops.stop_gradient(convert_to_tensor(v)) for v in sampled_values]
    sampled = math_ops.cast(sampled, "int64")
    flat = array_ops.reshape(labels, [-1])

    def rows(table, classes):
        return embedding_lookup(table, classes, partition_strategy)

    true_rows, true_biases = rows(weights, flat), array_ops.reshape(rows(biases, flat), [-1, num_true])
    if num_true == 1:
        products = reduction_ops.reduce_sum(inputs * true_rows, 1, keep_dims=True)
    else:
        width = _width(weights, inputs)
        products = reduction_ops.reduce_sum(array_ops.expand_dims(inputs, 1) * array_ops.reshape(true_rows, [-1, num_true, width]), 2)
    true_logits = products + true_biases - _log(true_count, inputs)
    sampled_logits = matmul_ops.matmul(inputs, rows(weights, sampled), transpose_b=True) + (rows(biases, sampled) - _log(sampled_count, inputs))
    if remove_accidental_hits:
        # All pairs are compared: that is little beside the product, and unlike a list of hits it has a shape that is known before the run.
        hits = reduction_ops.reduce_any(logical_ops.equal(array_ops.expand_dims(labels, 2), sampled), 1)
        sampled_logits = sampled_logits + math_ops.cast(hits, inputs.dtype.base_dtype) * float(-np.finfo(np.float32).max)
    logits = slice_ops.concat([true_logits, sampled_logits], 1)
    truth = slice_ops.concat([array_ops.ones_like(true_logits) / num_true, array_ops.zeros_like(sampled_logits)], 1)
    return logits, array_ops.stop_gradient(truth)


def _log(count, like):
    return math_ops.log(math_ops.cast(count, like.dtype.base_dtype))


def _width(weights, inputs):
    """The length of a row, from what is known before the run; a tensor where nothing is."""
    tables = list(weights) if isinstance(weights, (list, tuple, PartitionedVariable)) else [weights]
    for t in [inputs, *map(convert_to_tensor, tables)]:
        if t.get_shape().ndims == 2 and t.get_shape()[1].value is not None:
            return t.get_shape()[1].value
    return array_ops.shape(inputs)[1]
