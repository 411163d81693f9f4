"""An optimizer's update of a variable and its slots: checks, and the launches for all elements or for the rows that indices name.

The formulas stand in the .cu files of the families; slot_update.cuh has the loops.
"""
from ...core.errors import InvalidArgumentError
from ...core.shapes import shape_text
from .call import FLOATS, THREADS, blocks_for, register_gpu_kernel, typed
from .rows import sorted_rows


def out_of_range(var):
    """What the flag says of an index without a row."""
    return lambda value, place: f"Index {value} at offset {place} in indices is out of range: var has {var.shape[0]} rows"


def refuse(message):
    raise InvalidArgumentError(None, None, message)


def register_update(op_type, source, function, n_states, names, more=None, prefixes=("", "Sparse")):
    """Register an optimizer's op and its sparse form.

    function   the CUDA function's name, without the suffix of the type: function(states..., hyper-parameters..., more..., grad, n)
    names      of the dense op's inputs, the variable and its slots (n_states of them) first, then hyper-parameters and the gradient
    more       more(call): further arguments
    """
    def describe(call):
        update(call, function, n_states, names.split(), more(call) if more else [])
    for prefix in prefixes:
        register_gpu_kernel(prefix + op_type, source=source, T=FLOATS)(describe)


class Inputs:
    """The inputs of an optimizer's op by their roles, checked: InvalidArgumentError if they do not fit together.

    states   the variable and its slots;   hyper   scalars, in their order;   grad;   indices   None if the op is dense
    """

    def __init__(self, call, n_states, names):
        inputs, at = list(call.inputs), names.index("delta" if "delta" in names else "grad")
        self.indices = inputs.pop(at + 1) if "Tindices" in call.attrs else None
        self.states, self.grad, self.hyper = inputs[:n_states], inputs[at], inputs[n_states:at] + inputs[at + 1:]
        var = self.states[0]
        for slot, name in zip(self.states, names):
            if slot.shape != var.shape:
                refuse(f"var and {name} do not have the same shape{shape_text(var.shape)} {shape_text(slot.shape)}")
        if self.indices is not None:
            check_rows(var, self.grad, self.indices)
        elif self.grad.shape != var.shape:
            refuse(f"var and {names[at]} do not have the same shape{shape_text(var.shape)} {shape_text(self.grad.shape)}")
        for value, name in zip(self.hyper, names[n_states:at] + names[at + 1:]):
            if value.shape:
                refuse(f"{name} is not a scalar: {shape_text(value.shape)}")


def update(call, function, n_states, names, more):
    """The launches of register_update's op."""
    given = Inputs(call, n_states, names)
    var, grad, indices, arguments = given.states[0], given.grad, given.indices, [*given.states, *given.hyper, *more, given.grad]
    if indices is None:
        call.launch(typed(function, var.dtype), blocks_for(-(-var.size * var.dtype.size // 16)), THREADS, *arguments, var.size)
        return
    keys, outside = sorted_rows(call, indices, indices.size, var.shape[:1], out_of_range(var))
    if grad.size:
        call.launch(typed("sparse_" + function, var.dtype), blocks_for(grad.size), THREADS, *arguments, keys, outside, indices.size,
                    grad.size // indices.size, call.attrs.get("_adds_up", False))


def check_rows(var, grad, indices):
    """InvalidArgumentError unless grad has a row of the variable's for each index."""
    shapes = f"got shapes {shape_text(var.shape)} and {shape_text(grad.shape)}"
    if not var.shape:
        refuse("var must be at least 1 dimensional")
    if len(indices.shape) != 1:
        refuse(f"indices must be one-dimensional, got shape {shape_text(indices.shape)}")
    if not grad.shape or grad.shape[0] != indices.shape[0]:
        refuse("grad must be the same size as indices in the first dimension, "
               f"got shapes {shape_text(grad.shape)} and {shape_text(indices.shape)}")
    if len(grad.shape) != len(var.shape):
        refuse(f"var and grad must have the same rank, {shapes}")
    for k in range(1, len(var.shape)):
        if var.shape[k] != grad.shape[k]:
            refuse(f"var and grad must match in dimension {k}, {shapes}")
