"""Optimise one device's program: drop what nobody needs, and compute equal things once.

Common subexpressions, as in TensorFlow's optimizer_cse.cc (after Click, "Global code motion, global value numbering", PLDI 1995): go through
the nodes in topological order; two nodes are the same if they have the same type, attributes, inputs (sorted, where the op is
commutative) and control inputs, and neither has state.
"""
import numpy as np

from ..core.dtypes import DType
from ..core.registry import op_def
from ..core.swap import swappable


def live(nodes, fetches, targets=()):
    """The nodes that the fetches and targets still need.  Nothing is needed for a value that is known already."""
    needed, stack = set(), [n for n, _ in fetches] + list(targets)
    stack.extend(n for n in nodes if n.type == "_Send")
    while stack:
        node = stack.pop()
        if node in needed:
            continue
        needed.add(node)
        if node.values is None:
            stack.extend(n for n, _ in node.inputs)
            stack.extend(node.controls)
    return [n for n in nodes if n in needed]


def is_view(node):
    """Whether the output is the first input's bytes, under another shape or the same: then there is nothing to compute."""
    if not node.inputs or not node.shapes or node.type[0] == "_":
        return False
    source, index = node.inputs[0]
    have, shape = source.shapes[index], node.shapes[0]
    if have is None or shape is None or source.dtypes[index].is_ref_dtype:
        return False
    if op_def(node.type).is_alias:
        return True
    if node.type in ("Sum", "Mean", "Max", "Min", "Prod"):
        axes = node.inputs[1][0].values
        return axes is not None and all(have[a] == 1 for a in np.ravel(axes[node.inputs[1][1]]))
    if node.type == "Cast":
        return node.dtypes[0] is source.dtypes[index]
    if node.type in ("Tile", "BroadcastTo", "Pad"):
        return have == shape
    if node.type == "Transpose":
        perm = node.inputs[1][0].values
        if perm is None:
            return False
        moved = [int(p) for p in perm[node.inputs[1][1]] if have[int(p)] != 1]
        return moved == sorted(moved)
    return False


def forward_identities(nodes):
    """Skip the nodes whose output is their first input, shape and all.  Returns (nodes, {(node, 0): what stands for it})."""
    same, kept = {}, []
    for node in nodes:
        if same:
            node.inputs = [same.get(pair, pair) for pair in node.inputs]
        if is_view(node) and not node.controls and node.values is None and node.inputs[0][0].shapes[node.inputs[0][1]] == node.shapes[0]:
            same[node, 0] = node.inputs[0]
        kept.append(node)               # another node may have a control edge from it: what nobody needs is dropped by live()
    return kept, same


def uses_of(nodes):
    """{(node, output number): how many of the nodes read it, or wait for it}"""
    uses = {}
    for node in nodes:
        for pair in node.inputs:
            uses[pair] = uses.get(pair, 0) + 1
        for n in node.controls:
            uses[n, 0] = uses.get((n, 0), 0) + 1
    return uses


def fuse_updates(order, kept):
    """`var -= alpha * (a' b)`: a gradient step whose gradient is a product that nobody else needs becomes one instruction.

    The product is then never stored: it is subtracted from the variable as it comes out of the registers.
    """
    uses = uses_of(order)
    fused, here = {}, set(order)
    for node in order:
        if node.type == "ApplyGradientDescent":
            product, index = node.inputs[2]
            if product in here and product.type == "MatMul" and uses[product, 0] == 1 and (product, 0) not in kept and not product.controls:
                fused[node] = product
    if not fused:
        return order
    dropped = set(fused.values())
    for node, product in fused.items():
        node.type, node.attrs = "_MatMulUpdate", {**product.attrs, "_fused": product}
        node.inputs = node.inputs[:2] + product.inputs
    return [n for n in order if n not in dropped]


@swappable
def merge_equal(nodes):
    """CSE.  Returns (nodes, replaced), where replaced maps a dropped node to the equal one that stays."""
    seen, replaced, kept = {}, {}, []
    for node in nodes:
        if replaced:
            node.inputs = [(replaced.get(n, n), i) for n, i in node.inputs]
            node.controls = [replaced.get(n, n) for n in node.controls]
        key = _value_number(node)
        same = seen.get(key) if key is not None else None
        if same is not None:
            replaced[node] = same
            continue
        if key is not None:
            seen[key] = node
        kept.append(node)
    return kept, replaced


def _value_number(node):
    """A key that equal nodes share; None for a node that may not be merged."""
    if node.type == "Const":
        return _constant_key(node.attrs["value"])
    if node.type[0] == "_":
        return None
    if node.values is not None and len(node.values) == 1:       # folded: its inputs may be gone, so its value is compared
        key = _constant_key(node.values[0])
        if key is not None:
            return key
    definition = op_def(node.type)
    if definition.is_stateful or not node.dtypes or any(n.dtypes[i].is_ref_dtype for n, i in node.inputs):
        return None
    inputs = [(n.serial, i) for n, i in node.inputs]
    if definition.is_commutative:
        inputs.sort()
    attrs = tuple([v if type(v) is DType else _hashable(v) for v in node.attrs.values()])      # in the order of the op's declaration
    return node.type, tuple(inputs), frozenset([n.serial for n in node.controls]) if node.controls else None, attrs


def _constant_key(value):
    if value.nbytes > 1024:
        return None
    return "Const", value.dtype.str, value.shape, tuple(value.flat) if value.dtype.hasobject else value.tobytes()


def _hashable(value):
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    try:
        hash(value)
    except TypeError:
        return repr(value)
    return value
