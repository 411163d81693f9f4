"""Writes of one variable that no edge orders: which of them comes last is decided by the schedule, not by the program.

Reads need no such check: one that is not ordered after a write sees the variable as it was when the step began.
"""
from ..core.swap import swappable
from ..graph.operation import Operation
from .prune import needed

# Of these, either order gives the same, up to rounding.
ADDING = {"AssignAdd", "AssignSub", "ScatterAdd", "ScatterSub", "ScatterNdAdd", "ScatterNdSub"}


@swappable
def unordered_writes(fetches, feeds):
    """[(variable, write, write)]: operations that one run of fetches executes, where the two writes are in no order and do not both add."""
    fed = set(feeds)
    operations = needed([f if isinstance(f, Operation) else f.op for f in fetches if f not in fed], fed)
    operations.sort(key=lambda op: op._id)                 # topological
    writes = {}
    for op in operations:
        for arg, t in zip(op.op_def.inputs, op.inputs):
            if arg.is_ref and op.op_def.outputs and op.type != "IsVariableInitialized":
                variable = _variable(t.op)
                if variable.type == "VariableV2":          # a queue has its order of arrival, whatever it is
                    writes.setdefault(variable, []).append(op)
    several = [(variable, found) for variable, found in writes.items() if len(found) > 1]
    bits = {op: 1 << i for i, op in enumerate(dict.fromkeys(op for _, found in several for op in found))}
    if not bits:
        return []
    before = {}                                            # operation -> the bits of the writes that come before it, and its own
    for op in operations:
        mask = bits.get(op, 0)
        for other in [t.op for t in op.inputs if t not in fed] + op.control_inputs:      # a fed value waits for nobody
            mask |= before.get(other, 0)
        before[op] = mask
    return [(variable, a, b) for variable, found in several for k, b in enumerate(found) for a in found[:k]
            if not before[b] & bits[a] and not (a.type in ADDING and b.type in ADDING)]


def _variable(op):
    """The variable behind a reference that updates have handed on."""
    while op.type != "VariableV2" and op.inputs:
        op = op.inputs[0].op
    return op


def note(variable, first, second):
    """One finding in words, with both lines."""
    made = [f"'{op.name}' ({op.type}" + (f", made at {op.source})" if str(op.source) else ")") for op in (first, second)]
    return f"Variable '{variable.name}' is written by {made[0]} and by {made[1]}, in no order: control_dependencies decides which comes last."
