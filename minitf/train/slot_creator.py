"""Slots: the variables that an optimizer keeps beside each variable it trains, as Adam does its two moments.

A slot lives where its variable lives, and is named after it: the slot "Adam" of "w" is "w/Adam".
"""
from ..graph import colocate_with, control_dependencies, name_scope
from ..ops import array_ops
from ..ops.variables import Variable


def create_slot(primary, val, name):
    """A variable that starts as the tensor val."""
    with control_dependencies(None), name_scope(None), colocate_with(primary.op):
        return Variable(val, trainable=False, name=f"{primary.op.name}/{name}", validate_shape=val.get_shape().is_fully_defined())


def create_zeros_slot(primary, name, dtype=None):
    """A variable of zeros with the shape of `primary`, and its dtype unless another is given."""
    dtype = primary.dtype.base_dtype if dtype is None else dtype
    with control_dependencies(None), name_scope(f"{primary.op.name}/{name}/Initializer/"), colocate_with(primary.op):
        if primary.get_shape().is_fully_defined():
            zeros = array_ops.zeros(primary.get_shape(), dtype)
        else:
            zeros = array_ops.zeros_like(primary.initialized_value(), dtype)
    return create_slot(primary, zeros, name)
