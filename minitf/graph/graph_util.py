"""Changing GraphDefs: cutting out what some nodes need, freezing variables into constants, dropping what only training uses.

Each function takes a GraphDef and returns a new one.  (tf.graph_util)
"""
import numpy as np

from ..core.dtypes import as_dtype, int32, string
from ..core.protos import proto
from .graph_def import _CLASS
from .operation import Operation
from .tensor_proto import array_to_proto

VARIABLES = ("VariableV2", "Variable")


def _name(text):
    """The node of an input 'node', 'node:k' or '^node'."""
    return text.lstrip("^").partition(":")[0]


def _checked(graph_def, names, what):
    if not hasattr(graph_def, "node"):
        raise TypeError(f"graph_def must be a GraphDef proto, got {type(graph_def).__name__}")
    if isinstance(names, str):
        raise TypeError(f"{what} must be a list of names, got the string {names!r}")
    return {node.name: node for node in graph_def.node}, list(names)


def _copy(graph_def, nodes=()):
    """A GraphDef of the same versions and functions with these nodes."""
    result = proto("GraphDef")()
    result.versions.CopyFrom(graph_def.versions)
    result.library.CopyFrom(graph_def.library)
    result.node.extend(nodes)
    return result


def extract_sub_graph(graph_def, dest_nodes):
    """The nodes that dest_nodes (names) need, in the order in which they stand.

    TypeError for a string in place of a list; AssertionError if a node is not in the graph, as in TensorFlow.
    """
    by_name, stack = _checked(graph_def, dest_nodes, "dest_nodes")
    wanted = set()
    while stack:
        name = stack.pop()
        if name not in by_name:
            raise AssertionError(f"{name} is not in graph")
        if name not in wanted:
            wanted.add(name)
            stack.extend(map(_name, by_name[name].input))
    return _copy(graph_def, [node for node in graph_def.node if node.name in wanted])


def convert_variables_to_constants(sess, input_graph_def, output_node_names, variable_names_whitelist=None, variable_names_blacklist=None):
    """What output_node_names need, with every variable replaced by a constant of the value that it has in sess now.

    variable_names_whitelist, variable_names_blacklist: names of the only variables to convert, and of those not to convert.
    A Const bears the name of its variable, so that what reads it needs no change.
    """
    result = extract_sub_graph(input_graph_def, output_node_names)
    names = [node.name for node in result.node if node.op in VARIABLES
             and (variable_names_whitelist is None or node.name in variable_names_whitelist)
             and (variable_names_blacklist is None or node.name not in variable_names_blacklist)]
    values = dict(zip(names, sess.run([name + ":0" for name in names]))) if names else {}
    for node in result.node:
        if node.name in values:
            dtype, name, device = node.attr["dtype"].type, node.name, node.device
            node.Clear()
            node.name, node.op, node.device = name, "Const", device
            node.attr["dtype"].type = dtype
            node.attr["value"].tensor.CopyFrom(array_to_proto(np.asarray(values[name], as_dtype(int(dtype)).numpy_dtype)))
    return result


def remove_training_nodes(input_graph, protected_nodes=None):
    """The graph without what inference does not need: CheckNumerics, and Identity and StopGradient nodes that order nothing.

    A removed node's users take its input.  Nodes with control edges, nodes that others are colocated with, and protected_nodes stay.
    """
    protected = set(protected_nodes or ())
    ordering = {_name(text) for node in input_graph.node for text in node.input if text[:1] == "^"}
    ordering.update(node.name for node in input_graph.node if any(text[:1] == "^" for text in node.input))
    ordering.update(s.decode()[5:] for node in input_graph.node if _CLASS in node.attr for s in node.attr[_CLASS].list.s)
    passed = {node.name: node.input[0] for node in input_graph.node if node.name not in protected and node.input
              and (node.op == "CheckNumerics" or node.op in ("Identity", "StopGradient")) and node.name not in ordering}
    result = _copy(input_graph, [node for node in input_graph.node if node.name not in passed])
    for node in result.node:
        for i, text in enumerate(node.input):
            seen = set()
            while text[:1] != "^" and _name(text) in passed and text not in seen:
                seen.add(text)
                text = passed[_name(text)]
            node.input[i] = text
    return result


def must_run_on_cpu(node, pin_variables_on_cpu=False):
    """Whether an Operation or NodeDef needs a CPU: strings and int32 constants, casts from int32; variables, if they are to be pinned."""
    node = node.node_def if isinstance(node, Operation) else node
    if pin_variables_on_cpu and (node.op in VARIABLES or node.op in ("Assign", "AssignAdd", "AssignSub", "ScatterUpdate", "ScatterAdd", "ScatterSub")):
        return True
    attr = {"Const": "dtype", "DynamicStitch": "T", "Cast": "SrcT"}.get(node.op)
    if attr is None:
        return False
    dtype = int(node.attr[attr].type)
    return dtype == int32.as_datatype_enum or node.op == "Const" and dtype == string.as_datatype_enum


def tensor_shape_from_node_def_name(graph, input_name):
    """The static shape of an input as a NodeDef names it, "node" or "node:k"."""
    return graph.get_tensor_by_name(input_name if ":" in input_name else input_name + ":0").get_shape()
