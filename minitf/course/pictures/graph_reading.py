"""Reading a graph for a picture: which operations it shows, and which of them are folded into others since they would only distract.

Two kinds of graph are read alike: minitf's own, and the small one that the course builds (operations with name, type, inputs, controls, attrs
and one output).
"""
import difflib

from .graph_text import shorten, value_label

_PLACEHOLDERS = {"Placeholder", "PlaceholderWithDefault", "Argument", "RefArgument"}
_AXES = {"reduction_indices", "axis", "dimension", "dim"}
_ARGUMENTS = _AXES | {"shape", "perm", "dims", "multiples", "begin", "end", "strides", "size", "paddings", "k", "depth", "filter_sizes", "input_sizes"}


# ---- the two kinds of graph -------------------------------------------------------------------------------------------------

def operations_of(graph):
    return graph.get_operations() if hasattr(graph, "get_operations") else list(graph.operations)


def outputs_of(op):
    return list(op.outputs) if hasattr(op, "outputs") else [op.output]


def controls_of(op):
    return list(op.control_inputs if hasattr(op, "control_inputs") else op.controls)


def kind_of(op):
    if op.type.startswith("Variable"):
        return "variable"
    return "constant" if op.type == "Const" else "placeholder" if op.type in _PLACEHOLDERS else "op"


def writes(op, index):
    """Whether the operation changes, or may change, the variable behind its input of that number."""
    if not hasattr(op, "op_def"):
        return op.type.startswith("Assign") and index == 0
    if op.type == "IsVariableInitialized" or not op.inputs[index].dtype.is_ref_dtype:
        return False
    declared = op.op_def.inputs
    return op.op_def.has_bodies or index < len(declared) and declared[index].is_ref


def find(thing, operations, purpose):
    """The tensor or operation that is meant by one, by a variable, or by a name.  ValueError for a name that is not there."""
    if not isinstance(thing, str):
        return thing._as_graph_element() if hasattr(thing, "_as_graph_element") else thing
    name, colon, index = thing.partition(":")
    op = next((op for op in operations if op.name == name), None)
    if op is None:
        raise ValueError(f"There is no operation '{name}' {purpose}.{nearest(name, [op.name for op in operations])}")
    if colon and (not index.isdecimal() or int(index) >= len(outputs_of(op))):
        raise ValueError(f"There is no tensor '{thing}' {purpose}: '{name}' has {len(outputs_of(op))} outputs.")
    return outputs_of(op)[int(index)] if colon else op


def op_of(thing):
    """The operation itself, or the one that makes a tensor."""
    return thing.op if hasattr(thing, "op") else thing


def nearest(name, names):
    near = difflib.get_close_matches(name, sorted(names), 3)
    return f" The nearest names are {', '.join(near)}." if near else ""


# ---- what is shown ----------------------------------------------------------------------------------------------------------

def selected(what, feeds=()):
    """(operations in the order of the graph, the fetched ones or None, ids of the fed ones): of a graph, or what tensors and operations need.

    TypeError for what is neither a graph nor made of tensors and operations; ValueError if they are of several graphs.
    """
    if hasattr(what, "get_operations") or hasattr(what, "operations"):
        operations = operations_of(what)
        return operations, None, {id(op_of(find(t, operations, "to feed"))) for t in feeds}
    roots = [op_of(find(t, (), "to draw")) for t in (what if isinstance(what, (list, tuple)) else [what])]
    for op in roots:
        if not hasattr(op, "inputs") or not hasattr(op, "type"):
            raise TypeError(f"draw takes a graph, or a list of its tensors and operations, not {type(op).__name__}")
    if not roots:
        return [], [], set()
    if any(op.graph is not roots[0].graph for op in roots):
        raise ValueError("draw shows one graph at a time, and was given parts of several")
    operations = operations_of(roots[0].graph)
    feeds = [find(t, operations, "to feed") for t in feeds]
    fed = {id(t) for t in feeds}
    given = {id(op_of(t)): op_of(t) for t in feeds}
    shown, needed, stack = set(), set(), [op for op in roots if id(op) not in given]
    shown.update(id(op) for op in roots)
    needed.update(id(op) for op in stack)
    while stack:
        op = stack.pop()
        for tensor in op.inputs:
            shown.add(id(tensor.op))
            if id(tensor) not in fed and id(tensor.op) not in needed:
                needed.add(id(tensor.op))
                stack.append(tensor.op)
        for c in controls_of(op):
            shown.add(id(c))
            if id(c) not in needed and id(c) not in given:
                needed.add(id(c))
                stack.append(c)
    return [op for op in operations if id(op) in shown], roots, set(given) - needed


def consumers_of(operations):
    """{id of an operation: [those which take a tensor of it, or wait for it]}."""
    result = {id(op): [] for op in operations}
    for op in operations:
        for source in [t.op for t in op.inputs] + controls_of(op):
            if id(source) in result:
                result[id(source)].append(op)
    return result


def reads_of(operations):
    """{id of the operation that reads a variable for all others: the variable}."""
    result = {}
    for op in operations:
        if op.type == "Identity" and kind_of(op.inputs[0].op) == "variable" and op.name == f"{op.inputs[0].op.name}/read":
            result[id(op)] = op.inputs[0].op
    return result


def initialisers_of(operations):
    """The ids of what only gives variables their first values: they begin somehow."""
    consumers, found = consumers_of(operations), set()
    for op in operations:
        if op.type == "Assign" and op.name == f"{op.inputs[0].op.name}/Assign" and not op.inputs[0].op.inputs:
            found.add(id(op))
        elif op.type == "NoOp" and not op.inputs and controls_of(op) and all(id(c) in found for c in controls_of(op)):
            found.add(id(op))
    for op in reversed(operations):
        if kind_of(op) in ("op", "constant") and consumers[id(op)] and all(id(c) in found for c in consumers[id(op)]):
            found.add(id(op))
    return found


def arguments_of(operations):
    """{id of a constant: (the only operation that takes it, what to write there)}: an axis, a shape and the like."""
    consumers, result = consumers_of(operations), {}
    for op in operations:
        for tensor, declared in zip(op.inputs, op.op_def.inputs if hasattr(op, "op_def") else ()):
            if declared.name in _ARGUMENTS and tensor.op.type == "Const" and len(consumers.get(id(tensor.op), ())) == 1:
                value = tensor.op.attrs["value"]
                name = ("axes" if getattr(value, "ndim", 0) else "axis") if declared.name in _AXES else declared.name
                result[id(tensor.op)] = op, f"{name} {shorten(value_label(value), 18)}"
    return result


def states_of(operations, scope_of, reads):
    """{id of a variable: scope}: variables that are not trained and that one collapsed scope alone uses; scope_of: {id of an operation: scope}."""
    if not operations or not hasattr(operations[0].graph, "get_collection"):
        return {}
    trained = {id(v.op) for v in operations[0].graph.get_collection("trainable_variables") if hasattr(v, "op")}
    consumers, result = consumers_of(operations), {}
    for op in operations:
        if kind_of(op) == "variable" and id(op) not in trained and id(op) not in scope_of:
            users = [u for c in consumers[id(op)] for u in (consumers[id(c)] if id(c) in reads else [c])]
            scopes = {scope_of.get(id(u)) for u in users}
            if len(scopes) == 1 and None not in scopes:
                result[id(op)] = scopes.pop()
    return result


# ---- name scopes ------------------------------------------------------------------------------------------------------------

def scopes_around(name, scopes):
    """Those of the scopes that an operation or scope of that name is in, outermost first; one of the very name of a scope is in it."""
    parts = name.split("/")
    paths = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
    return [p for p in paths if p in scopes]


def scopes_of(names):
    """{scope: number of the names in it}."""
    scopes = {}
    for name in names:
        parts = name.split("/")
        for n in range(1, len(parts)):
            scopes["/".join(parts[:n])] = 0
    for name in names:
        for scope in scopes_around(name, scopes):
            scopes[scope] += 1
    return scopes
