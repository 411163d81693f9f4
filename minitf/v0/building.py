"""Variables, their scopes and initializers, and shape functions, as they were spelled in 2015."""
import minitf as tf

from ..core.registry import op_def

__all__ = ["RegisterShape", "Variable", "get_variable", "ones_initializer", "variable_scope", "zeros_initializer"]


def zeros_initializer(shape, dtype=tf.float32, partition_info=None):
    """An initializer itself; today tf.zeros_initializer() makes one."""
    return tf.zeros(shape, dtype)


def ones_initializer(shape, dtype=tf.float32, partition_info=None):
    """An initializer itself; today tf.ones_initializer() makes one."""
    return tf.ones(shape, dtype)


class Variable(tf.Variable):
    """tf.Variable with the argument order of 2015: the name comes fifth."""

    def __init__(self, initial_value, trainable=True, collections=None, validate_shape=True, name=None, **more):
        super().__init__(initial_value, trainable=trainable, collections=collections, validate_shape=validate_shape, name=name, **more)


def get_variable(name, shape=None, dtype=tf.float32, initializer=None, trainable=True, collections=None, **more):
    """tf.get_variable with the argument order of 2015: no regularizer between."""
    return tf.get_variable(name, shape, dtype, initializer, trainable=trainable, collections=collections, **more)


def variable_scope(name_or_scope, reuse=None, initializer=None, **more):
    """tf.variable_scope with the argument order of 2015: reuse comes second."""
    return tf.variable_scope(name_or_scope, reuse=reuse, initializer=initializer, **more)


def RegisterShape(op_type):
    """Decorate fn(op) -> [TensorShape]: the shape function of an op type that is registered already, in place of its own.

    op has inputs (with get_shape()), get_attr() and name, as an Operation has.
    """
    def decorate(shape_fn):
        op_def(op_type).shape_fn = lambda c: shape_fn(_Op(c))
        return shape_fn
    return decorate


class _Op:
    """What such a function may ask of its op, from a ShapeContext."""

    def __init__(self, context):
        self.type, self.name = context.op_type, context.name
        self.inputs = [_Input(shape, dtype) for shape, dtype in zip(context.inputs, context.dtypes)]
        self._attrs = context.attrs

    def get_attr(self, name):
        return self._attrs[name]


class _Input:
    def __init__(self, shape, dtype):
        self.shape, self.dtype = shape, dtype

    def get_shape(self):
        return self.shape
