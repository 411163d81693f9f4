"""Ops of neural networks: activations, biases, softmax, and small helpers built from them."""
import numbers

from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import constant_value, convert_to_tensor, name_scope
from . import array_ops, math_ops, random_ops, reduction_ops, sequence_ops
from .apply import apply_op
from .shape_fns import FLOAT, INDEX, NUMBER, SCALAR, UNKNOWN, at_least, merge_dims, same_shape, unchanged, with_rank

register_op("Relu", ["features: T"], ["activations: T"], [f"T: {NUMBER}"])(unchanged)
register_op("ReluGrad", ["gradients: T", "features: T"], ["backprops: T"], [f"T: {NUMBER}"])(same_shape)
register_op("Softplus", ["features: T"], ["activations: T"], [f"T: {FLOAT}"])(unchanged)
register_op("SoftplusGrad", ["gradients: T", "features: T"], ["backprops: T"], [f"T: {FLOAT}"])(same_shape)
register_op("L2Loss", ["t: T"], ["output: T"], [f"T: {FLOAT}"])(lambda c: [SCALAR])


def _of_vectors(c):
    at_least(c, 0, 1)
    return [c.inputs[0]]


register_op("Softmax", ["logits: T"], ["softmax: T"], [f"T: {FLOAT}"])(_of_vectors)
register_op("LogSoftmax", ["logits: T"], ["logsoftmax: T"], [f"T: {FLOAT}"])(_of_vectors)


@register_op("BiasAdd", ["value: T", "bias: T"], ["output: T"], [f"T: {NUMBER}"])
def bias_add_shape(c):
    n, = with_rank(c, 1, 1)
    dims = at_least(c, 0, 2)
    if dims is None:
        return [UNKNOWN]
    dims[-1] = merge_dims(c, dims[-1], n, 0, 1)
    return [TensorShape(dims)]


@register_op("BiasAddGrad", ["out_backprop: T"], ["output: T"], [f"T: {NUMBER}"])
def bias_add_grad_shape(c):
    dims = at_least(c, 0, 2)
    return [TensorShape([None if dims is None else dims[-1]])]


@register_op("InTopK", ["predictions: float32", "targets: T"], ["precision: bool"], ["k: int", f"T: {INDEX} = int32"])
def in_top_k_shape(c):
    rows, _ = with_rank(c, 0, 2)
    n, = with_rank(c, 1, 1)
    return [TensorShape([merge_dims(c, rows, n, 0, 1)])]


def relu(features, name=None):
    """max(features, 0)"""
    return apply_op("Relu", features, name=name)


def softplus(features, name=None):
    """log(1 + exp(features))"""
    return apply_op("Softplus", features, name=name)


def softmax(logits, dim=-1, name=None, axis=None):
    """exp(logits) / sum(exp(logits)) along one dimension, by default the last."""
    return _along_last("Softmax", logits, dim if axis is None else axis, name)


def log_softmax(logits, dim=-1, name=None, axis=None):
    """logits - log(sum(exp(logits))) along one dimension, by default the last."""
    return _along_last("LogSoftmax", logits, dim if axis is None else axis, name)


def _along_last(op_type, logits, dim, name):
    if dim is None or dim == -1:
        return apply_op(op_type, logits, name=name)
    with name_scope(name, op_type, [logits]) as name:
        logits = convert_to_tensor(logits)
        perm = swap_with_last(logits, dim)
        if perm is None:
            return apply_op(op_type, logits, name=name)
        return array_ops.transpose(apply_op(op_type, array_ops.transpose(logits, perm)), perm, name=name)


def swap_with_last(x, dim):
    """The permutation that exchanges axis `dim` of x with the last; None if it is the last.  A tensor where the rank is not known."""
    rank = x.get_shape().ndims
    if rank is None:
        n = array_ops.rank(x)
        place = sequence_ops.range(n)
        at = apply_op("Gather", place, dim if dim >= 0 else n + dim)      # which refuses what is out of range
        swapped = apply_op("Select", apply_op("Equal", place, n - 1), apply_op("Add", apply_op("ZerosLike", place), at), place)
        return apply_op("Select", apply_op("Equal", place, at), apply_op("Add", apply_op("ZerosLike", place), n - 1), swapped)
    if not -rank <= dim < rank:
        raise ValueError(f"dim {dim} must be in the range [{-rank}, {rank})")
    dim %= rank
    if dim == rank - 1:
        return None
    perm = list(range(rank))
    perm[dim], perm[-1] = perm[-1], perm[dim]
    return perm


def bias_add(value, bias, data_format=None, name=None):
    """value plus the vector `bias`, one number per channel: the last dimension, or for 'NCHW' the third from the end."""
    if data_format not in (None, "NHWC", "NCHW"):
        raise ValueError(f"data_format must be 'NHWC' or 'NCHW', got {data_format!r}")
    value = convert_to_tensor(value, name="value")
    bias = convert_to_tensor(bias, value.dtype.base_dtype, name="bias")
    if data_format == "NCHW":
        return apply_op("Add", value, array_ops.reshape(bias, [-1, 1, 1]), name=name or "BiasAdd")
    return apply_op("BiasAdd", value, bias, name=name or "BiasAdd")


def l2_loss(t, name=None):
    """sum(t ** 2) / 2"""
    return apply_op("L2Loss", t, name=name)


def in_top_k(predictions, targets, k, name=None):
    """For each row of predictions: whether the class targets[i] is among the k greatest, ties at the border included."""
    return apply_op("InTopK", predictions, targets, k=k, name=name)


def dropout(x, keep_prob=None, noise_shape=None, seed=None, name=None, rate=None):
    """Each element is kept with probability keep_prob and then divided by it, and set to 0 otherwise.

    keep_prob: a number or scalar tensor; `rate`, which is 1 - keep_prob, may be given instead.
    noise_shape: broadcast to x's, so that what shares an element of it is kept or dropped together; None in it is x's own size.
    x itself if keep_prob is known to be 1.  (Srivastava et al., JMLR 2014.)
    """
    if (rate is None) == (keep_prob is None):
        raise ValueError("Exactly one of `keep_prob` and `rate` must be given")
    if rate is not None:
        if isinstance(rate, numbers.Real) and not 0 <= rate < 1:
            raise ValueError(f"rate must be a scalar tensor or a float in the range [0, 1), got {rate}")
        keep_prob = 1 - rate
    with name_scope(name, "dropout", [x]) as name:
        x = convert_to_tensor(x, name="x")
        if not x.dtype.is_floating:
            raise ValueError(f"x has to be a floating point tensor since it's going to be scaled. Got a {x.dtype.base_dtype.name} tensor instead.")
        if isinstance(keep_prob, numbers.Real) and not 0 < keep_prob <= 1:
            raise ValueError(f"keep_prob must be a scalar tensor or a float in the range (0, 1], got {keep_prob}")
        keep_prob = convert_to_tensor(keep_prob, dtype=x.dtype.base_dtype, name="keep_prob")
        keep_prob.get_shape().assert_is_compatible_with([])
        known = constant_value(keep_prob)
        if known is not None and known == 1:
            return x
        noise = random_ops.random_uniform(_noise_shape(x, noise_shape), seed=seed, dtype=x.dtype.base_dtype)
        kept = apply_op("Floor", apply_op("Add", keep_prob, noise))        # 1 with probability keep_prob, else 0
        result = apply_op("Mul", math_ops.realdiv(x, keep_prob), kept, name=name)
        result.set_shape(x.get_shape())
        return result


def _noise_shape(x, noise_shape):
    if noise_shape is None:
        return array_ops.shape(x)
    if isinstance(noise_shape, (list, tuple)) and any(d is None for d in noise_shape):
        run_time = array_ops.shape(x)
        return [run_time[i] if d is None else d for i, d in enumerate(noise_shape)]
    return noise_shape


def xw_plus_b(x, weights, biases, name=None):
    """matmul(x, weights) + biases, for x [batch, in], weights [in, out], biases [out]."""
    with name_scope(name, "xw_plus_b", [x, weights, biases]) as name:
        return apply_op("BiasAdd", apply_op("MatMul", x, weights), biases, name=name)


def relu_layer(x, weights, biases, name=None):
    """relu(matmul(x, weights) + biases)"""
    with name_scope(name, "relu_layer", [x, weights, biases]) as name:
        return apply_op("Relu", apply_op("BiasAdd", apply_op("MatMul", x, weights), biases), name=name)


def zero_fraction(value, name=None):
    """The fraction of the elements that are 0, a float32 scalar."""
    with name_scope(name, "zero_fraction", [value]) as name:
        value = convert_to_tensor(value, name="value")
        is_zero = apply_op("Equal", value, value.dtype.as_numpy_dtype(0))
        return reduction_ops.reduce_mean(math_ops.cast(is_zero, "float32"), name=name)


def l2_normalize(x, dim=None, epsilon=1e-12, name=None, axis=None):
    """x / sqrt(max(sum(x ** 2), epsilon)), the sum taken along `dim` (an int or a list; None: all).  `axis`: newer name of `dim`."""
    dim = array_ops.either("axis", axis, "dim", dim, None)
    with name_scope(name, "l2_normalize", [x]) as name:
        x = convert_to_tensor(x, name="x")
        square_sum = reduction_ops.reduce_sum(apply_op("Square", x), dim, keep_dims=True)
        return apply_op("Mul", x, apply_op("Rsqrt", apply_op("Maximum", square_sum, epsilon)), name=name)
