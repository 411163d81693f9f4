"""Prune: from a graph, fetches and feeds to the program of the operations that the fetches need.

Reverse reachability from the fetches, cut at the fed tensors.  A read of a variable becomes an explicit node here, so that
later stages see when a snapshot is taken.
"""
from ..core.errors import InvalidArgumentError
from ..core.registry import op_def
from ..graph.operation import Operation
from ..graph.program import Node, Program, shape_text
from .schedule import variable_of


def prune(fetches, feeds, done=()):
    """The Program that computes `fetches` (Tensors and Operations) from `feeds` (Tensors).

    Operations among the fetches become targets; fetches of the program are the tensors, in order.
    done: operations that have run already (in an earlier part of a partial run).  What is needed of their values is among the
    feeds; who waits for them need not wait, and where one passed a variable on, the variable itself is taken.
    InvalidArgumentError if a placeholder is needed that is not fed.
    """
    nodes = {}                                          # operation -> node
    reads = {}                                          # (tensor of a ref) -> its read node
    fed = {}
    feed_nodes = []
    for t in feeds:
        fed[t] = Node(t.op.name, "_Feed", {}, [], [], t.op.device, t.op, [t.dtype.base_dtype], [t.shape.tuple])
        feed_nodes.append(fed[t])
    roots = [f if isinstance(f, Operation) else undone(f, done).op for f in fetches if isinstance(f, Operation) or f not in fed]
    order = needed(roots, fed, done)
    if len(order) > 1:
        order.sort(key=lambda op: op._id)               # the order of creation is topological, and reads well
    program_nodes = list(feed_nodes)

    def value(t):
        """(node, output number) of a tensor's value; a snapshot if it stands for a variable."""
        if t in fed:
            return fed[t], 0
        t = undone(t, done)
        node = nodes[t.op]
        if not t.dtype.is_ref_dtype:
            return node, t.value_index
        read = reads.get(t)
        if read is None:
            read = reads[t] = _read(node, t, t.op, [])
            program_nodes.append(read)
        return read, 0

    for op in order:
        if op.type == "Placeholder":
            raise unfed(op)
        controls = [nodes[c] if c in nodes else fed[c.outputs[0]] for c in op.control_inputs
                    if c in nodes or c.type == "Placeholder" and c.outputs[0] in fed]
        after = op.attrs.get("_after")                  # an operation to wait for, if it runs in this step at all
        if after is not None:
            controls.extend(nodes[c] for c in (op.graph._by_name.get(after),) if c in nodes and nodes[c] not in controls)
        inputs = op.inputs
        if any(t.dtype.is_ref_dtype for t in inputs):
            if op.type == "Identity" and inputs[0] not in fed:
                variable = undone(inputs[0], done)
                node = _read(nodes[variable.op], variable, op, controls)
                nodes[op] = node
                program_nodes.append(node)
                continue
            takes_ref = [arg.is_ref for arg in op_def(op.type).inputs] if not op_def(op.type).has_bodies else [t.dtype.is_ref_dtype for t in inputs]
            for t, needs_state in zip(inputs, takes_ref):
                if needs_state and t in fed:
                    raise InvalidArgumentError(None, op, f"'{t.name}' is fed, and '{op.name}' ({op.type}) needs the variable itself")
            pairs = [_reference(undone(t, done), nodes) if t.dtype.is_ref_dtype and i < len(takes_ref) and takes_ref[i] else value(t)
                     for i, t in enumerate(inputs)]
        elif fed:
            pairs = [(fed[t], 0) if t in fed else (nodes[t.op], t.value_index) for t in inputs]
        else:
            pairs = [(nodes[t.op], t.value_index) for t in inputs]
        type_, attrs = op.type, op.attrs
        if type_ == "PlaceholderWithDefault":           # not fed: its default, whose shape may be better known
            type_, attrs = "Identity", {"T": attrs["dtype"]}
        node = Node(op.name, type_, attrs, pairs, controls, op.device, op, [t.dtype for t in op.outputs],
                    [t._shape.tuple for t in op.outputs])
        nodes[op] = node
        program_nodes.append(node)
    outputs = [value(f) for f in fetches if not isinstance(f, Operation)]
    changing = _changing(program_nodes)
    for node in program_nodes if changing else ():
        if node.type == "_ReadVariable" and variable_of(node.inputs[0][0]) in changing:
            node.shapes = [None]
    targets = [nodes[f] for f in fetches if isinstance(f, Operation)]
    return Program(program_nodes, feed_nodes, outputs, targets)


def _read(variable, tensor, op, controls):
    """A snapshot of a variable: of its value when the node runs, on the variable's device; what needs it elsewhere receives it."""
    return Node(op.name if op is not tensor.op else f"{op.name}/snapshot", "_ReadVariable", {}, [(variable, tensor.value_index)], controls,
                variable.device, op, [tensor.dtype.base_dtype], [tensor.shape.tuple])


def _changing(nodes):
    """The variables among nodes to which some Assign of the graph gives another shape than their static one."""
    return {n for n in nodes if n.type == "VariableV2" and is_reshaped(n.op.outputs[0])}


def is_reshaped(reference):
    """Whether an op may give the variable behind a reference another shape than its static one; also one in a body."""
    for op in reference.consumers():
        if op.type == "Assign" and not op.attrs["validate_shape"]:
            return True
        for name, attr in op.op_def.attrs.items():
            if attr.type == "graph":
                inputs = op.attrs[name].inputs
                if any(given is reference and is_reshaped(t) for t, given in zip(reversed(inputs), reversed(op.inputs))):
                    return True
    return False


def _reference(tensor, nodes):
    return nodes[tensor.op], tensor.value_index


def unfed(op):
    """The error for a placeholder without a value."""
    return InvalidArgumentError(None, op, f"You must feed a value for placeholder tensor '{op.name}' with dtype "
                                f"{op.attrs['dtype'].name} and shape {shape_text(op.attrs['shape'].tuple)}")


def undone(tensor, done):
    """The reference behind the operations that have run already and handed it on; any other tensor as it is."""
    while done and tensor.op in done and tensor.dtype.is_ref_dtype:
        tensor = next(t for t in tensor.op.inputs if t.dtype.is_ref_dtype)
    return tensor


def needed(roots, fed, done=()):
    """Every operation that the roots need, where a fed tensor needs nothing, and nobody waits for what is done.  Iterative."""
    seen, stack, order = set(roots), list(dict.fromkeys(roots)), []
    while stack:
        op = stack.pop()
        order.append(op)
        for t in op.inputs:
            if t not in fed:
                source = undone(t, done).op if done else t.op
                if source not in seen:
                    seen.add(source)
                    stack.append(source)
        for c in op.control_inputs:
            if c not in seen and c not in done and not (c.type == "Placeholder" and c.outputs[0] in fed):
                seen.add(c)
                stack.append(c)
    return order
