"""A Variable is four elements of its graph; the wire form of a graph (minitf.graph.wire) takes it apart and puts it together."""
from ..core.hooks import register_hook
from .variables import Variable


@register_hook("variable_parts")
def variable_parts(value):
    """(reference tensor, initializer operation, snapshot tensor, initial value tensor) of a Variable; None for anything else."""
    return (value._variable, value._initializer_op, value._snapshot, value._initial_value) if isinstance(value, Variable) else None


@register_hook("variable_of_parts")
def variable_of_parts(reference, initializer, snapshot, initial_value):
    """The Variable made of these, without adding anything to the graph."""
    variable = Variable.__new__(Variable)
    variable._variable, variable._initializer_op, variable._snapshot, variable._initial_value = reference, initializer, snapshot, initial_value
    return variable
