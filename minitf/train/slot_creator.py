"""Slots: the variables that an optimizer keeps beside each variable it trains, as Adam does its two moments.

A slot lives where its variable lives, and is named after it: the slot "Adam" of "w" is "w/Adam".
"""
import contextlib

from ..graph import colocate_with, control_dependencies, name_scope
from ..ops import array_ops
from ..ops.constant_op import constant
from ..ops.variables import Variable


def create_slot(primary, val, name, colocate_with_primary=True):
    """A variable that starts as the tensor val.  primary: a variable, or a tensor."""
    with control_dependencies(None), name_scope(None), _beside(primary, colocate_with_primary):
        return Variable(val, trainable=False, name=f"{primary.op.name}/{name}", validate_shape=val.get_shape().is_fully_defined())


def create_slot_with_initializer(primary, initializer, shape, dtype, name, colocate_with_primary=True):
    """A variable that starts as initializer(shape, dtype)."""
    with control_dependencies(None), name_scope(f"{primary.op.name}/{name}/Initializer/"), _beside(primary, colocate_with_primary):
        val = initializer(shape.as_list(), dtype=dtype)
    return create_slot(primary, val, name, colocate_with_primary)


def create_filled_slot(primary, value, name, dtype=None, colocate_with_primary=True):
    """A variable that starts with `value` in every element, with the shape of `primary`, and its dtype unless another is given."""
    dtype = primary.dtype.base_dtype if dtype is None else dtype
    with control_dependencies(None), name_scope(f"{primary.op.name}/{name}/Initializer/"), _beside(primary, colocate_with_primary):
        shape = primary.get_shape()
        if not shape.is_fully_defined():
            shape = array_ops.shape(primary.initialized_value() if isinstance(primary, Variable) else primary)
        val = array_ops.fill(shape, constant(value, dtype))
    return create_slot(primary, val, name, colocate_with_primary)


def create_zeros_slot(primary, name, dtype=None, colocate_with_primary=True):
    """A variable that starts as zeros."""
    return create_filled_slot(primary, 0, name, dtype, colocate_with_primary)


def _beside(primary, colocate):
    return colocate_with(primary.op) if colocate else contextlib.nullcontext()
