"""Losses: weighted, reduced to one number, and kept in a collection from which a program adds them up.

weights  a number, or a tensor of the losses' rank whose dimensions are 1 or those of the losses
scope    a name scope for the loss
loss_collection  where the loss is put; None: nowhere
reduction        see Reduction
"""
from ..core.dtypes import float32
from ..graph import GraphKeys, add_to_collection, convert_to_tensor, get_collection, name_scope
from . import array_ops, cross_entropy_ops, math_ops, reduction_ops
from .apply import apply_op


class Reduction:
    """How the weighted losses become one number.

    NONE                     they do not
    SUM                      their sum
    MEAN                     their sum over the sum of the weights
    SUM_OVER_BATCH_SIZE      their sum over their number
    SUM_BY_NONZERO_WEIGHTS   their sum over the number of those whose weight is not 0; 0 where there is none
    """
    NONE = "none"
    SUM = "weighted_sum"
    MEAN = "weighted_mean"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    SUM_OVER_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"
    SUM_BY_NONZERO_WEIGHTS = SUM_OVER_NONZERO_WEIGHTS

    @classmethod
    def all(cls):
        return (cls.NONE, cls.SUM, cls.MEAN, cls.SUM_OVER_BATCH_SIZE, cls.SUM_OVER_NONZERO_WEIGHTS)

    @classmethod
    def validate(cls, key):
        if key not in cls.all():
            raise ValueError(f"Invalid Reduction Key {key}.")


def compute_weighted_loss(losses, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES, reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    """losses times weights, reduced; in the losses' dtype.  ValueError where the weights' shape does not fit."""
    Reduction.validate(reduction)
    with name_scope(scope, "weighted_loss", [losses, weights]):
        losses = convert_to_tensor(losses)
        dtype = losses.dtype.base_dtype
        exact = losses if dtype.is_floating else math_ops.cast(losses, float32)
        weights = math_ops.cast(convert_to_tensor(weights), exact.dtype.base_dtype)
        _check_weights(weights, exact)
        weighted = apply_op("Mul", exact, weights)
        if reduction == Reduction.NONE:
            loss = weighted
        else:
            loss = reduction_ops.reduce_sum(weighted)
            if reduction == Reduction.MEAN:
                loss = _safe_mean(loss, reduction_ops.reduce_sum(apply_op("Mul", apply_op("OnesLike", exact), weights)))
            elif reduction == Reduction.SUM_OVER_BATCH_SIZE:
                loss = _safe_mean(loss, math_ops.cast(array_ops.size(exact), exact.dtype.base_dtype))
            elif reduction == Reduction.SUM_BY_NONZERO_WEIGHTS:
                loss = _safe_mean(loss, _number_present(exact, weights))
        loss = loss if loss.dtype.base_dtype is dtype else math_ops.cast(loss, dtype)
        add_loss(loss, loss_collection)
        return loss


def _check_weights(weights, losses):
    a, b = weights.get_shape(), losses.get_shape()
    if a.ndims in (None, 0) or b.ndims is None:
        return
    if a.ndims != b.ndims:
        raise ValueError(f"weights can not be broadcast to values. values.rank={b.ndims}. weights.rank={a.ndims}. values.shape={b}. weights.shape={a}.")
    for m, n in zip(a.as_list(), b.as_list()):
        if None not in (m, n) and m not in (1, n):
            raise ValueError(f"weights can not be broadcast to values. values.shape={b}. weights.shape={a}.")


def _safe_mean(total, count):
    """total / count, and 0 where count is 0."""
    zero = apply_op("Equal", count, count.dtype.as_numpy_dtype(0))
    return apply_op("Select", zero, apply_op("ZerosLike", total), apply_op("RealDiv", total, apply_op("Select", zero, apply_op("OnesLike", count), count)))


def _number_present(losses, weights):
    """How many of the losses have a weight other than 0."""
    present = math_ops.cast(apply_op("NotEqual", weights, weights.dtype.as_numpy_dtype(0)), weights.dtype)
    return reduction_ops.reduce_sum(apply_op("Mul", apply_op("OnesLike", losses), present))


def add_loss(loss, loss_collection=GraphKeys.LOSSES):
    """Put a loss made otherwise into the collection."""
    if loss_collection:
        add_to_collection(loss_collection, loss)


def get_losses(scope=None, loss_collection=GraphKeys.LOSSES):
    """The losses of a collection, those of a name scope only if `scope` is given."""
    return get_collection(loss_collection, scope)


def get_regularization_losses(scope=None):
    """What regularizers have added (collection REGULARIZATION_LOSSES)."""
    return get_collection(GraphKeys.REGULARIZATION_LOSSES, scope)


def get_regularization_loss(scope=None, name="total_regularization_loss"):
    """The sum of the regularization losses; 0 if there are none."""
    losses = get_regularization_losses(scope)
    return math_ops.add_n(losses, name=name) if losses else convert_to_tensor(0.0, name=name)


def get_total_loss(add_regularization_losses=True, name="total_loss", scope=None):
    """The sum of all losses in the collections.  ValueError if there are none."""
    losses = get_losses(scope)
    if add_regularization_losses:
        losses = losses + get_regularization_losses(scope)
    if not losses:
        raise ValueError("get_total_loss: no losses have been added to the graph")
    return math_ops.add_n(losses, name=name)


def _pair(labels, predictions, of="predictions"):
    if labels is None:
        raise ValueError("labels must not be None.")
    if predictions is None:
        raise ValueError(f"{of} must not be None.")
    predictions = math_ops.cast(convert_to_tensor(predictions), float32) if not _floats(predictions) else convert_to_tensor(predictions)
    labels = math_ops.cast(convert_to_tensor(labels), predictions.dtype.base_dtype)
    if not predictions.get_shape().is_compatible_with(labels.get_shape()):
        raise ValueError(f"Shapes {predictions.get_shape()} and {labels.get_shape()} are incompatible: {of} and labels must have one shape")
    return labels, predictions


def _floats(value):
    return convert_to_tensor(value).dtype.is_floating


def absolute_difference(labels, predictions, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES, reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    """|predictions - labels|"""
    with name_scope(scope, "absolute_difference", (predictions, labels, weights)) as scope:
        labels, predictions = _pair(labels, predictions)
        return compute_weighted_loss(apply_op("Abs", apply_op("Sub", predictions, labels)), weights, scope, loss_collection, reduction)


def mean_squared_error(labels, predictions, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES, reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    """(predictions - labels) ** 2"""
    with name_scope(scope, "mean_squared_error", (predictions, labels, weights)) as scope:
        labels, predictions = _pair(labels, predictions)
        return compute_weighted_loss(apply_op("SquaredDifference", predictions, labels), weights, scope, loss_collection, reduction)


def cosine_distance(labels, predictions, axis=None, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES,
                    reduction=Reduction.SUM_BY_NONZERO_WEIGHTS, dim=None):
    """1 - sum(labels * predictions) along `axis`, for vectors that are unit-normalised already.  `dim`: old name of `axis`."""
    axis = array_ops.either("axis", axis, "dim", dim)
    with name_scope(scope, "cosine_distance_loss", (predictions, labels, weights)) as scope:
        labels, predictions = _pair(labels, predictions)
        losses = 1 - reduction_ops.reduce_sum(apply_op("Mul", predictions, labels), axis, keep_dims=True)
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


def hinge_loss(labels, logits, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES, reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    """max(0, 1 - s * logits), where s is 1 for a label 1 and -1 for a label 0."""
    with name_scope(scope, "hinge_loss", (logits, labels, weights)) as scope:
        labels, logits = _pair(labels, logits, "logits")
        losses = apply_op("Relu", 1 - (2 * labels - 1) * logits)
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


def huber_loss(labels, predictions, weights=1.0, delta=1.0, scope=None, loss_collection=GraphKeys.LOSSES, reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    """0.5 * e ** 2 for an error |e| up to delta, and 0.5 * delta ** 2 + delta * (|e| - delta) beyond (Huber, 1964)."""
    with name_scope(scope, "huber_loss", (predictions, labels, weights)) as scope:
        labels, predictions = _pair(labels, predictions)
        error = apply_op("Abs", apply_op("Sub", predictions, labels))
        quadratic = apply_op("Minimum", error, delta)
        losses = 0.5 * quadratic * quadratic + delta * (error - quadratic)
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


def log_loss(labels, predictions, weights=1.0, epsilon=1e-7, scope=None, loss_collection=GraphKeys.LOSSES, reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    """-labels * log(predictions + epsilon) - (1 - labels) * log(1 - predictions + epsilon)"""
    with name_scope(scope, "log_loss", (predictions, labels, weights)) as scope:
        labels, predictions = _pair(labels, predictions)
        losses = -labels * apply_op("Log", predictions + epsilon) - (1 - labels) * apply_op("Log", 1 - predictions + epsilon)
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


def mean_pairwise_squared_error(labels, predictions, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES):
    """For each example the mean, over the pairs of its elements, of the squared difference between the pair's differences in
    predictions and in labels.

    weights: a number, or one for each example.
    """
    with name_scope(scope, "mean_pairwise_squared_error", (predictions, labels, weights)):
        labels, predictions = _pair(labels, predictions)
        weights = math_ops.cast(convert_to_tensor(weights), predictions.dtype.base_dtype)
        rank = predictions.get_shape().ndims
        if rank is None or rank < 1:
            raise ValueError("mean_pairwise_squared_error needs predictions of known rank, at least 1")
        axes = list(range(1, rank))
        difference = apply_op("Sub", predictions, labels)
        square = reduction_ops.reduce_sum(apply_op("Square", difference), axes, keep_dims=True)
        total = reduction_ops.reduce_sum(difference, axes, keep_dims=True)
        shape = (-1,) + (1,) * (rank - 1)
        spread = weights if weights.get_shape().ndims in (0, rank) else array_ops.reshape(weights, shape)
        count = reduction_ops.reduce_sum(apply_op("Mul", apply_op("OnesLike", difference),
                                                  math_ops.cast(apply_op("NotEqual", spread, spread.dtype.as_numpy_dtype(0)), difference.dtype)),
                                         axes, keep_dims=True)
        pairs = _ratio(2 * square, count - 1) - _ratio(2 * apply_op("Square", total), count * (count - 1))
        loss = reduction_ops.reduce_sum(apply_op("Mul", pairs, spread))
        present = reduction_ops.reduce_sum(math_ops.cast(apply_op("Greater", count, count.dtype.as_numpy_dtype(0)), loss.dtype))
        loss = apply_op("Select", apply_op("Greater", present, present.dtype.as_numpy_dtype(0)), loss, apply_op("ZerosLike", loss))
        add_loss(loss, loss_collection)
        return loss


def _ratio(x, y):
    """x / y element-wise, and 0 where y is not positive."""
    positive = apply_op("Greater", y, apply_op("ZerosLike", y))
    return apply_op("Select", positive, apply_op("RealDiv", x, apply_op("Select", positive, y, apply_op("OnesLike", y))), apply_op("ZerosLike", x))


def _smooth(labels, smoothing, classes):
    return labels * (1 - smoothing) + smoothing / classes


def sigmoid_cross_entropy(multi_class_labels, logits, weights=1.0, label_smoothing=0, scope=None, loss_collection=GraphKeys.LOSSES,
                          reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    """nn.sigmoid_cross_entropy_with_logits; label_smoothing draws the labels towards 1/2."""
    with name_scope(scope, "sigmoid_cross_entropy_loss", (logits, multi_class_labels, weights)) as scope:
        labels, logits = _pair(multi_class_labels, logits, "logits")
        if label_smoothing > 0:
            labels = _smooth(labels, label_smoothing, 2)
        losses = cross_entropy_ops.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits, name="xentropy")
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


def softmax_cross_entropy(onehot_labels, logits, weights=1.0, label_smoothing=0, scope=None, loss_collection=GraphKeys.LOSSES,
                          reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    """nn.softmax_cross_entropy_with_logits, one loss per row; label_smoothing draws the labels towards 1 / classes."""
    with name_scope(scope, "softmax_cross_entropy_loss", (logits, onehot_labels, weights)) as scope:
        labels, logits = _pair(onehot_labels, logits, "logits")
        if label_smoothing > 0:
            labels = _smooth(labels, label_smoothing, math_ops.cast(array_ops.shape(labels)[-1], labels.dtype.base_dtype))
        losses = cross_entropy_ops.softmax_cross_entropy_with_logits_v2(labels=array_ops.stop_gradient(labels), logits=logits, name="xentropy")
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)


def sparse_softmax_cross_entropy(labels, logits, weights=1.0, scope=None, loss_collection=GraphKeys.LOSSES,
                                 reduction=Reduction.SUM_BY_NONZERO_WEIGHTS):
    """nn.sparse_softmax_cross_entropy_with_logits; labels and weights may have a last dimension of 1 too many."""
    if labels is None or logits is None:
        raise ValueError("labels and logits must not be None.")
    with name_scope(scope, "sparse_softmax_cross_entropy_loss", (logits, labels, weights)) as scope:
        labels, logits, weights = convert_to_tensor(labels), convert_to_tensor(logits), convert_to_tensor(weights)
        rank = logits.get_shape().ndims
        if rank is not None and labels.get_shape().ndims == rank:
            labels = array_ops.squeeze(labels, [-1])
        if rank is not None and weights.get_shape().ndims == rank:
            weights = array_ops.squeeze(weights, [-1])
        losses = cross_entropy_ops.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits, name="xentropy")
        return compute_weighted_loss(losses, weights, scope, loss_collection, reduction)
