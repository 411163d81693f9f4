"""Means, variances, and what is normalised by them."""
from ..graph import convert_to_tensor, name_scope
from . import array_ops, math_ops, reduction_ops
from .apply import apply_op
from .array_ops import either


def moments(x, axes, shift=None, name=None, keep_dims=None, keepdims=None):
    """(mean, variance) of x over `axes`.  `shift` is accepted for old programs: the two-pass form needs none."""
    keep_dims = either("keepdims", keepdims, "keep_dims", keep_dims, None)
    with name_scope(name, "moments", [x, axes]):
        x = convert_to_tensor(x, name="x")
        mean = reduction_ops.reduce_mean(x, axes, keep_dims=True, name="mean")
        # Through the mean the first derivative is 0, since deviations from the mean sum to 0; but the second is not, so the mean is not held fixed.
        deviations = apply_op("SquaredDifference", x, mean)
        variance = reduction_ops.reduce_mean(deviations, axes, keep_dims=True, name="variance")
        if keep_dims:
            return mean, variance
        return reduction_ops.drop(mean, axes), reduction_ops.drop(variance, axes)


def sufficient_statistics(x, axes, shift=None, keep_dims=None, name=None, keepdims=None):
    """(count, sum, sum of squares, shift) over `axes`, from which normalize_moments makes mean and variance.

    count is a scalar of x's dtype.  With a shift near the mean, the sums are those of x - shift, and lose less to rounding.
    """
    keep_dims = bool(either("keepdims", keepdims, "keep_dims", keep_dims, None))
    axes = [axes] if isinstance(axes, int) else list(axes)
    with name_scope(name, "sufficient_statistics", [x, shift]):
        x = convert_to_tensor(x, name="x")
        dims, dtype = x.get_shape().tuple, x.dtype.base_dtype
        if dims is not None and all(dims[axis] is not None for axis in axes):
            count = 1
            for axis in axes:
                count *= dims[axis]
            count = convert_to_tensor(dtype.as_numpy_dtype(count), name="count")
        else:
            sizes = apply_op("Gather", array_ops.shape(x), math_ops.floormod(convert_to_tensor(axes), array_ops.rank(x)))
            count = math_ops.cast(reduction_ops.reduce_prod(sizes), dtype, name="count")
        if shift is not None:
            shift = convert_to_tensor(shift, dtype=dtype, name="shift")
            centred, squares = apply_op("Sub", x, shift), apply_op("SquaredDifference", x, shift)
        else:
            centred, squares = x, apply_op("Square", x)
        return (count, reduction_ops.reduce_sum(centred, axes, keep_dims=keep_dims, name="mean_ss"),
                reduction_ops.reduce_sum(squares, axes, keep_dims=keep_dims, name="var_ss"), shift)


def normalize_moments(counts, mean_ss, variance_ss, shift, name=None):
    """(mean, variance) from what sufficient_statistics gives."""
    with name_scope(name, "normalize", [counts, mean_ss, variance_ss, shift]):
        divisor = apply_op("Reciprocal", convert_to_tensor(counts), name="divisor")
        shifted = apply_op("Mul", mean_ss, divisor, name="shifted_mean" if shift is not None else "mean")
        mean = shifted if shift is None else apply_op("Add", shifted, shift, name="mean")
        return mean, apply_op("Sub", apply_op("Mul", variance_ss, divisor), apply_op("Square", shifted), name="variance")


def weighted_moments(x, axes, frequency_weights, name=None, keep_dims=None, keepdims=None):
    """(mean, variance) of x over `axes`, where element i counts frequency_weights[i] times; the weights are broadcast against x."""
    keep_dims = bool(either("keepdims", keepdims, "keep_dims", keep_dims, None))
    with name_scope(name, "weighted_moments", [x, axes, frequency_weights]):
        x = convert_to_tensor(x, name="x")
        weights = math_ops.cast(convert_to_tensor(frequency_weights, name="frequency_weights"), x.dtype.base_dtype)
        weights = apply_op("Mul", weights, apply_op("OnesLike", x))       # each element's own, so that their sum is the count
        total = reduction_ops.reduce_sum(weights, axes, keep_dims=True)
        mean = apply_op("RealDiv", reduction_ops.reduce_sum(apply_op("Mul", weights, x), axes, keep_dims=True), total)
        deviations = apply_op("SquaredDifference", x, mean)
        variance = apply_op("RealDiv", reduction_ops.reduce_sum(apply_op("Mul", weights, deviations), axes, keep_dims=True), total)
        if keep_dims:
            return mean, variance
        return reduction_ops.drop(mean, axes), reduction_ops.drop(variance, axes)


def batch_normalization(x, mean, variance, offset, scale, variance_epsilon, name=None):
    """scale * (x - mean) / sqrt(variance + variance_epsilon) + offset; scale and offset may be None (Ioffe and Szegedy, 2015).

    mean, variance, offset, scale are broadcast against x: vectors for one number a channel, or what moments(keep_dims=True) gives.
    """
    with name_scope(name, "batchnorm", [x, mean, variance, scale, offset]) as name:
        inverse = apply_op("Rsqrt", apply_op("Add", variance, variance_epsilon))
        if scale is not None:
            inverse = apply_op("Mul", inverse, scale)
        shift = apply_op("Mul", mean, inverse)
        shift = apply_op("Neg", shift) if offset is None else apply_op("Sub", offset, shift)
        return apply_op("Add", apply_op("Mul", x, inverse), shift, name=name)


def batch_norm_with_global_normalization(t=None, m=None, v=None, beta=None, gamma=None, variance_epsilon=None, scale_after_normalization=None,
                                         name=None, input=None, mean=None, variance=None):
    """batch_normalization of [batch, height, width, depth] with vectors m (mean), v (variance), beta and gamma; gamma only with
    scale_after_normalization.  The form of 2015."""
    t, m, v = either("input", input, "t", t), either("mean", mean, "m", m), either("variance", variance, "v", v)
    return batch_normalization(t, m, v, beta, gamma if scale_after_normalization else None, variance_epsilon, name)
