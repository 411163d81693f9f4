"""Cross entropies: how far predicted class probabilities, given as logits, are from the labels."""
import math

from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import convert_to_tensor, name_scope
from . import array_ops, gather_ops, sequence_ops, slice_ops
from .apply import apply_op
from .shape_fns import FLOAT, INDEX, merge_dims, merge_shapes, show, with_rank


@register_op("SoftmaxCrossEntropyWithLogits", ["features: T", "labels: T"], ["loss: T", "backprop: T"], [f"T: {FLOAT}"])
def softmax_cross_entropy_shape(c):
    """loss: one number a row; backprop: its gradient, which costs little more where the loss is computed anyway."""
    with_rank(c, 0, 2)
    with_rank(c, 1, 2)
    both = merge_shapes(c, 0, 1)
    both = both.with_rank(2)
    return [both[:1], both]


@register_op("SparseSoftmaxCrossEntropyWithLogits", ["features: T", "labels: Tlabels"], ["loss: T", "backprop: T"],
             [f"T: {FLOAT}", f"Tlabels: {INDEX} = int64"])
def sparse_softmax_cross_entropy_shape(c):
    rows, classes = with_rank(c, 0, 2)
    n, = with_rank(c, 1, 1)
    rows = merge_dims(c, rows, n, 0, 1)
    return [TensorShape((rows,)), TensorShape((rows, classes))]


def _named(function, sentinel, labels, logits):
    if sentinel is not None:
        raise ValueError(f"Only call `{function}` with named arguments (labels=..., logits=..., ...)")
    if labels is None or logits is None:
        raise ValueError("Both labels and logits must be provided.")


def softmax_cross_entropy_with_logits_v2(_sentinel=None, labels=None, logits=None, dim=-1, name=None, axis=None):
    """-sum(labels * log(softmax(logits))) along `dim`; the result has the other dimensions.

    labels: floats of logits' shape and dtype, for each example a probability distribution over the classes.  Gradients reach them too.
    """
    _named("softmax_cross_entropy_with_logits_v2", _sentinel, labels, logits)
    return _softmax_cross_entropy(labels, logits, dim if axis is None else axis, name)


def softmax_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, dim=-1, name=None, axis=None):
    """softmax_cross_entropy_with_logits_v2 with labels that gradients do not pass."""
    _named("softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    return _softmax_cross_entropy(labels, logits, dim if axis is None else axis, name, array_ops.stop_gradient)


def _softmax_cross_entropy(labels, logits, dim, name, wrap=None):
    with name_scope(name, "softmax_cross_entropy_with_logits", [logits, labels]) as name:
        logits = convert_to_tensor(logits, name="logits")
        labels = convert_to_tensor(labels, dtype=logits.dtype.base_dtype, name="labels")
        labels = labels if wrap is None else wrap(labels)
        if not labels.get_shape().is_compatible_with(logits.get_shape()):
            raise ValueError(f"Shapes must be equal, but are labels: {show(labels.get_shape())} and logits: {show(logits.get_shape())}")
        rank = logits.get_shape().ndims
        if rank == 2 and dim in (-1, 1):
            return apply_op("SoftmaxCrossEntropyWithLogits", logits, labels, name=name)[0]
        if rank is not None and not -rank <= dim < rank:
            raise ValueError(f"dim {dim} must be in the range [{-rank}, {rank})")
        if rank is not None and dim % rank != rank - 1:
            perm = [i for i in range(rank) if i != dim % rank] + [dim % rank]
            logits, labels = array_ops.transpose(logits, perm), array_ops.transpose(labels, perm)
        elif rank is None and dim != -1:
            places, at = sequence_ops.range(array_ops.rank(logits)), apply_op("FloorMod", dim, array_ops.rank(logits))
            perm = slice_ops.concat([gather_ops.boolean_mask(places, apply_op("NotEqual", places, at)), array_ops.reshape(at, [1])], 0)
            logits, labels = array_ops.transpose(logits, perm), array_ops.transpose(labels, perm)
        outer_static = logits.get_shape()[:-1]
        outer = outer_static.as_list() if outer_static.is_fully_defined() else array_ops.shape(logits)[:-1]
        classes = array_ops.shape(logits)[-1]
        rows = [apply_op("Reshape", t, apply_op("Pack", [-1, classes])) for t in (logits, labels)]
        loss = apply_op("SoftmaxCrossEntropyWithLogits", *rows)[0]
        loss = array_ops.reshape(loss, outer, name=name)
        loss.set_shape(outer_static)
        return loss


def sparse_softmax_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, name=None):
    """-log(softmax(logits)[label]) for each label.

    labels: int32 or int64, of shape [d0, d1, ...]; logits: floats [d0, d1, ..., classes].  A label outside [0, classes) is an
    InvalidArgumentError at run time.
    """
    _named("sparse_softmax_cross_entropy_with_logits", _sentinel, labels, logits)
    with name_scope(name, "SparseSoftmaxCrossEntropyWithLogits", [labels, logits]) as name:
        labels, logits = convert_to_tensor(labels, name="labels"), convert_to_tensor(logits, name="logits")
        static, label_shape = logits.get_shape(), labels.get_shape()
        if static.ndims == 0:
            raise ValueError(f"Logits cannot be scalars - received shape {static}.")
        if static.ndims is not None and label_shape.ndims is not None and label_shape.ndims != static.ndims - 1:
            raise ValueError(f"Rank mismatch: Rank of labels (received {label_shape.ndims}) should equal rank of logits minus 1 (received {static.ndims}).")
        if static.ndims == 2:
            return apply_op("SparseSoftmaxCrossEntropyWithLogits", logits, labels, name=name)[0]
        classes = array_ops.shape(logits)[-1]
        rows = apply_op("Reshape", logits, apply_op("Pack", [-1, classes]))
        loss = apply_op("SparseSoftmaxCrossEntropyWithLogits", rows, array_ops.reshape(labels, [-1]))[0]
        loss = array_ops.reshape(loss, array_ops.shape(labels), name=name)
        loss.set_shape(label_shape.merge_with(static[:-1]))
        return loss


def sigmoid_cross_entropy_with_logits(_sentinel=None, labels=None, logits=None, name=None):
    """-labels * log(sigmoid(logits)) - (1 - labels) * log(1 - sigmoid(logits)), element-wise and without overflow.

    Computed as max(x, 0) - x * z + log(1 + exp(-|x|)) for logits x and labels z.
    """
    _named("sigmoid_cross_entropy_with_logits", _sentinel, labels, logits)
    with name_scope(name, "logistic_loss", [logits, labels]) as name:
        logits = convert_to_tensor(logits, name="logits")
        labels = convert_to_tensor(labels, dtype=logits.dtype.base_dtype, name="labels")
        if not labels.get_shape().is_compatible_with(logits.get_shape()):
            raise ValueError(f"logits and labels must have the same shape ({logits.get_shape()} vs {labels.get_shape()})")
        # relu(x) and |x| would give wrong gradients at 0 for their two halves; choosing by x >= 0 keeps them consistent there.
        zeros = array_ops.zeros_like(logits)
        positive = apply_op("GreaterEqual", logits, zeros)
        top = apply_op("Select", positive, logits, zeros)
        minus_abs = apply_op("Select", positive, apply_op("Neg", logits), logits)
        linear = apply_op("Sub", top, apply_op("Mul", logits, labels))
        return apply_op("Add", linear, apply_op("Log1p", apply_op("Exp", minus_abs)), name=name)


def weighted_cross_entropy_with_logits(labels=None, logits=None, pos_weight=None, name=None, targets=None):
    """sigmoid_cross_entropy_with_logits with the positive labels' term multiplied by pos_weight.  `targets`: old name of `labels`."""
    labels = array_ops.either("labels", labels, "targets", targets)
    with name_scope(name, "logistic_loss", [logits, labels]) as name:
        logits = convert_to_tensor(logits, name="logits")
        labels = convert_to_tensor(labels, dtype=logits.dtype.base_dtype, name="targets")
        if not labels.get_shape().is_compatible_with(logits.get_shape()):
            raise ValueError(f"logits and targets must have the same shape ({logits.get_shape()} vs {labels.get_shape()})")
        weight = 1 + (pos_weight - 1) * labels
        tail = apply_op("Log1p", apply_op("Exp", apply_op("Neg", apply_op("Abs", logits)))) + apply_op("Relu", apply_op("Neg", logits))
        return apply_op("Add", (1 - labels) * logits, weight * tail, name=name)


def log_poisson_loss(targets, log_input, compute_full_loss=False, name=None):
    """exp(log_input) - log_input * targets: minus the log of the probability of `targets` under a Poisson distribution, but for a constant.

    compute_full_loss adds that constant in Stirling's approximation, targets * log(targets) - targets + 0.5 * log(2 * pi * targets)
    for targets above 1, and 0 for others.
    """
    with name_scope(name, "log_poisson_loss", [log_input, targets]) as name:
        log_input = convert_to_tensor(log_input, name="log_input")
        targets = convert_to_tensor(targets, dtype=log_input.dtype.base_dtype, name="targets")
        if not targets.get_shape().is_compatible_with(log_input.get_shape()):
            raise ValueError(f"log_input and targets must have the same shape ({log_input.get_shape()} vs {targets.get_shape()})")
        result = apply_op("Sub", apply_op("Exp", log_input), apply_op("Mul", log_input, targets), name=None if compute_full_loss else name)
        if not compute_full_loss:
            return result
        small = apply_op("LessEqual", targets, targets.dtype.as_numpy_dtype(1))
        safe = apply_op("Select", small, apply_op("OnesLike", targets), targets)
        stirling = safe * apply_op("Log", safe) - safe + 0.5 * apply_op("Log", 2 * math.pi * safe)
        return apply_op("Add", result, apply_op("Select", small, apply_op("ZerosLike", targets), stirling), name=name)
