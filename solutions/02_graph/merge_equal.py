"""Compute equal things once (4 points)

In (a + b) * (a + b) the sum stands twice in the graph and needs computing once.  This stage of the session finds such nodes in a program:
common subexpression elimination.

    a = _Feed()   b = _Feed()               merge_equal([a, b, x, y, z])
    x = Add(a, b)                           kept:      [a, b, x, z]
    y = Add(b, a)                           replaced:  {y: x}
    z = Mul(x, y)                           and z is now Mul(x, x)

Go through the nodes (minitf.graph.program.Node) in their order, which is topological.  Two nodes are the same if all of these are equal:

    type, attrs        an attribute may be an array or a list, which can not be keys of a dict as they are; arrays are equal if their
                       dtypes, shapes and elements are
    inputs             [(node, output number)], after the nodes in them that were dropped have been replaced;
                       of a commutative op (op_def(type).is_commutative) in either order
    controls           [node], after replacing, in any order

of a constant (type "Const") the dtype, shape and elements of attrs["value"].  0.0 and -0.0 are not the same constant.

These are never the same as another node: ops with state, such as random ones (op_def(type).is_stateful); nodes without an output
(dtypes is empty); nodes with an input that stands for a variable (the dtype of that output has is_ref_dtype); nodes of the session's own,
whose type begins with "_".

A node whose value is known before the run has it in node.values, a list of one array for each output, else None.  Then its inputs may be
gone: if it has one output, it is the same as a constant of that value.  Constants of more than 1024 bytes may be left alone.

Replaces minitf.session.optimise.merge_equal.  Grade it with:  make grade CH=02
"""
import numpy as np

from minitf.core.registry import op_def


def merge_equal(nodes):
    """(kept, replaced): the nodes that stay, in their order, and a dict from each dropped node to the one that stands for it, which is
    kept.

    The inputs and controls of the nodes that stay are changed so that they name only nodes that stay.
    """
    ### BEGIN SOLUTION
    kept, replaced, first = [], {}, {}
    for node in nodes:
        node.inputs = [(replaced.get(source, source), i) for source, i in node.inputs]
        node.controls = [replaced.get(source, source) for source in node.controls]
        key = _key(node)
        if key is not None and first.setdefault(key, node) is not node:
            replaced[node] = first[key]
        else:
            kept.append(node)
    return kept, replaced


def _key(node):
    """What equal nodes have in common; None for a node that equals no other."""
    if node.type.startswith("_"):
        return None
    value = node.attrs["value"] if node.type == "Const" else node.values[0] if node.values and len(node.values) == 1 else None
    if value is not None and value.nbytes <= 1024:
        return "Const", _frozen(value)
    if node.type == "Const" or not node.dtypes or op_def(node.type).is_stateful:
        return None
    if any(source.dtypes[i].is_ref_dtype for source, i in node.inputs):
        return None
    inputs = [(id(source), i) for source, i in node.inputs]
    if op_def(node.type).is_commutative:
        inputs.sort()
    attrs = tuple((name, _frozen(node.attrs[name])) for name in sorted(node.attrs))
    return node.type, tuple(inputs), frozenset(map(id, node.controls)), attrs


def _frozen(attr):
    """Something that can be part of a key, and is equal for equal attributes only."""
    if isinstance(attr, (np.ndarray, np.generic)):
        elements = tuple(attr.ravel().tolist()) if attr.dtype.hasobject else attr.tobytes()
        return attr.dtype.str, attr.shape, elements
    if isinstance(attr, (list, tuple)):
        return type(attr).__name__, tuple(map(_frozen, attr))
    try:
        hash(attr)
    except TypeError:
        return repr(attr)
    return type(attr).__name__, attr
    ### END SOLUTION
