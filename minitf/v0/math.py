"""Arithmetic under its old names, and reductions whose axis was called reduction_indices or dimension."""
import minitf as tf

__all__ = ["arg_max", "arg_min", "argmax", "argmin", "batch_cholesky", "batch_matmul", "batch_matrix_band_part", "batch_matrix_determinant",
           "batch_matrix_diag", "batch_matrix_diag_part", "batch_matrix_inverse", "batch_matrix_solve", "batch_matrix_triangular_solve",
           "complex_abs", "floor_div", "inv", "mul", "neg", "reduce_all", "reduce_any", "reduce_max", "reduce_mean", "reduce_min", "reduce_prod",
           "reduce_sum", "sub"]


def mul(x, y, name=None):
    """tf.multiply of today."""
    return tf.multiply(x, y, name=name)


def sub(x, y, name=None):
    """tf.subtract of today."""
    return tf.subtract(x, y, name=name)


def neg(x, name=None):
    """tf.negative of today."""
    return tf.negative(x, name=name)


def inv(x, name=None):
    """tf.reciprocal of today."""
    return tf.reciprocal(x, name=name)


def floor_div(x, y, name=None):
    """tf.floordiv of today."""
    return tf.floordiv(x, y, name=name)


def complex_abs(x, name=None):
    """tf.abs of a complex tensor today."""
    return tf.abs(x, name=name)


def batch_matmul(x, y, adj_x=False, adj_y=False, name=None):
    """tf.matmul of today, for tensors of any rank: the product of each pair of matrices."""
    return tf.matmul(x, y, adjoint_a=adj_x, adjoint_b=adj_y, name=name)


def argmax(input, dimension, name=None):
    """tf.argmax(input, axis) of today."""
    return tf.argmax(input, dimension, name=name)


def argmin(input, dimension, name=None):
    """tf.argmin(input, axis) of today."""
    return tf.argmin(input, dimension, name=name)


arg_max, arg_min = argmax, argmin


def _reduction(name):
    reduce = getattr(tf, name)

    def reduction(input_tensor, reduction_indices=None, keep_dims=False, name=None):
        return reduce(input_tensor, axis=reduction_indices, keepdims=keep_dims, name=name)

    reduction.__name__ = reduction.__qualname__ = name
    reduction.__doc__ = f"tf.{name}(input_tensor, axis, keepdims) of today."
    return reduction


reduce_all, reduce_any, reduce_max, reduce_mean, reduce_min, reduce_prod, reduce_sum = map(_reduction, (
    "reduce_all", "reduce_any", "reduce_max", "reduce_mean", "reduce_min", "reduce_prod", "reduce_sum"))

# Ops on batches of matrices were functions of their own; today the plain ones take any rank.
batch_cholesky = tf.cholesky
batch_matrix_band_part, batch_matrix_determinant = tf.matrix_band_part, tf.matrix_determinant
batch_matrix_diag, batch_matrix_diag_part, batch_matrix_inverse = tf.matrix_diag, tf.matrix_diag_part, tf.matrix_inverse
batch_matrix_solve, batch_matrix_triangular_solve = tf.matrix_solve, tf.matrix_triangular_solve
