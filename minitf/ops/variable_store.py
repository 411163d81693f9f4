"""The variables of a graph that get_variable has made, by name, and the rules by which one is found, made or refused."""
import difflib
import inspect

import numpy as np

from ..core.dtypes import float32, string
from ..core.shapes import as_shape
from ..graph import GraphKeys, add_to_collection, colocate_with, name_scope, outermost
from . import constant_op, init_ops
from .partitioned_variables import PartitionedVariable, PartitionInfo, pieces_of
from .variables import Variable


class VariableStore:
    """The variables of one graph that get_variable made, by name."""

    def __init__(self):
        self.variables = {}
        self.partitioned = {}
        self.scopes_opened = {}           # how often a scope name was opened, for default_name

    def get(self, name, shape=None, dtype=float32, initializer=None, regularizer=None, reuse=None, trainable=True, collections=None,
            caching_device=None, validate_shape=True, partitioner=None, use_resource=None):
        """The variable, by the rules of `reuse`; custom getters are given this function."""
        shape = as_shape(shape)
        if (partitioner is not None or reuse and name in self.partitioned) and shape.ndims != 0:
            return self._get_partitioned(name, shape, dtype, initializer, regularizer, reuse, trainable, collections, caching_device, validate_shape,
                                         partitioner)
        if f"{name}/part_0" in self.variables:
            raise ValueError(f"No partitioner was provided, but a partitioned version of the variable was found: {name}/part_0. Perhaps a variable of "
                             "the same name was already created with partitioning?")
        found = self.variables.get(name)
        if found is None:
            if reuse is True:
                raise ValueError(f"Variable {name} does not exist, or was not created with tf.get_variable(). "
                                 f"Did you mean to set reuse=None in VarScope?{self._near(name)}")
            return self._create(name, shape, dtype, initializer, regularizer, trainable, collections, caching_device, validate_shape)
        if not reuse:
            raise _exists(name, found)
        if not shape.is_compatible_with(found.get_shape()):
            raise ValueError(f"Trying to share variable {name}, but specified shape {shape} and found shape {found.get_shape()}. "
                             f"Originally defined at:\n\n{_origin(found)}")
        if dtype.base_dtype is not found.dtype.base_dtype:
            raise ValueError(f"Trying to share variable {name}, but specified dtype {dtype.base_dtype.name} and found dtype {found.dtype.base_dtype.name}. "
                             f"Originally defined at:\n\n{_origin(found)}")
        return found

    def _get_partitioned(self, name, shape, dtype, initializer, regularizer, reuse, trainable, collections, caching_device, validate_shape, partitioner):
        """A PartitionedVariable whose pieces are variables of the store; the one that exists, where it is to be reused."""
        if partitioner is not None and not callable(partitioner):
            raise ValueError(f"Partitioner must be callable, but received: {partitioner}")
        if name in self.variables:
            raise ValueError(f"A partitioner was provided, but an unpartitioned version of the variable was found: {name}. Perhaps a variable of "
                             "the same name was already created without partitioning?")
        found = self.partitioned.get(name)
        if found is not None:
            if not reuse:
                raise _exists(name, next(iter(found)))
            if not shape.is_compatible_with(found.get_shape()):
                raise ValueError(f"Trying to reuse partitioned variable {name}, but specified shape {shape} and found shape {found.get_shape()}.")
            if not dtype.is_compatible_with(found.dtype):
                raise ValueError(f"Trying to reuse partitioned variable {name}, but specified dtype {dtype.name} and found dtype {found.dtype.name}.")
            return found
        if not shape.is_fully_defined():
            raise ValueError(f"Shape of a new partitioned variable ({name}) must be fully defined, but instead was {shape}.")
        if initializer is not None and not callable(initializer):
            raise ValueError(f"Partitioned variable {name} needs an initializer that can be called with the shape of a piece, got {initializer!r}")
        whole = shape.as_list()
        partitions = [int(n) for n in partitioner(shape=shape, dtype=dtype)]
        pieces = []
        for i, (offset, size) in enumerate(pieces_of(whole, partitions)):
            pieces.append(self.get(f"{name}/part_{i}", size, dtype, _for_piece(initializer or _default_initializer(name, dtype), dtype, PartitionInfo(whole, offset)),
                                   regularizer, reuse, trainable, collections, caching_device, validate_shape))
        self.partitioned[name] = PartitionedVariable(name, shape, dtype, pieces, partitions)
        return self.partitioned[name]

    def _create(self, name, shape, dtype, initializer, regularizer, trainable, collections, caching_device, validate_shape):
        if initializer is None:
            initializer = _default_initializer(name, dtype)
        if not callable(initializer):
            if shape.is_fully_defined():
                raise ValueError("If initializer is a constant, do not specify shape.")
            initial_value = initializer
        elif not shape.is_fully_defined() and _takes_nothing(initializer):
            initial_value = initializer
        elif not shape.is_fully_defined():
            raise ValueError(f"Shape of a new variable ({name}) must be fully defined, but instead was {shape}.")
        else:
            if inspect.isclass(initializer):
                initializer = initializer(dtype=dtype)

            def initial_value():
                return initializer(shape.as_list(), dtype=dtype)
        variable = Variable(initial_value, trainable, collections, validate_shape, caching_device, name, dtype=dtype)
        self.variables[name] = variable
        if regularizer is not None:
            with outermost(), colocate_with(variable.op), name_scope(name + "/Regularizer/"):
                loss = regularizer(variable)
            if loss is not None:
                add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)
        return variable

    def _near(self, name):
        near = difflib.get_close_matches(name, self.variables, 3, cutoff=0.5)
        near = near or [n for n in self.variables if n.rpartition("/")[2] == name.rpartition("/")[2]][:3]
        return f" The nearest names are {', '.join(near)}." if near else ""


def _exists(name, found):
    return ValueError(f"Variable {name} already exists, disallowed. Did you mean to set reuse=True in VarScope? Originally defined at:\n\n{_origin(found)}")


def _takes_nothing(function):
    """Whether it can be called without arguments, and is not one of the classes of initializers."""
    try:
        inspect.signature(function).bind()
    except (TypeError, ValueError):
        return False
    return not inspect.isclass(function)


def _for_piece(initializer, dtype, info):
    """An initializer for one piece, which tells the given one what it is a piece of, if that wants to know."""
    if inspect.isclass(initializer):
        initializer = initializer(dtype=dtype)
    try:
        parameters = inspect.signature(initializer).parameters.values()
    except (TypeError, ValueError):
        return initializer
    if any(p.name == "partition_info" or p.kind is p.VAR_KEYWORD for p in parameters):
        return lambda shape, dtype=None: initializer(shape, dtype=dtype, partition_info=info)
    return initializer


def _origin(variable):
    frames = variable.op.source.frames[:3]
    return "\n".join(f'  File "{file}", line {line}, in {function}' for file, line, function in frames)


def _default_initializer(name, dtype):
    if dtype.is_floating:
        return init_ops.glorot_uniform_initializer()
    if dtype.is_integer or dtype.is_bool:
        return init_ops.zeros_initializer()
    if dtype.base_dtype is string:
        return lambda shape, dtype=None: constant_op.constant(np.full(shape, b"", object), string)
    raise ValueError(f"An initializer for variable {name} of {dtype.base_dtype.name} is required")
