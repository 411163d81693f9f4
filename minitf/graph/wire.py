"""The wire form of a graph: plain JSON plus arrays.  What is described here is all there is to it.

A graph is an object

    {"format": "minitf-graph", "version": 1, "seed": null, "nodes": [...], "collections": {...}}

with `seed`, the graph-level random seed (an integer or null), and `collections` optional.  A node is an object

    {"name": "layer/h", "op": "MatMul", "inputs": ["x", "layer/w/read", "^init"],
     "attrs": {"T": "float32", "transpose_a": false, "transpose_b": false}}

    name         unique in the graph: [A-Za-z0-9.][A-Za-z0-9_.-/]*, and no '/' at the end
    op           an op type; `python -m minitf.run --ops` lists them with their inputs, outputs and attributes
    inputs       the tensors it takes, in the op type's order, each "node" (its output 0) or "node:k" (its output k); behind them
                 "^node" for every node that must have run before.  "N * T" inputs and lists of types stand one by one.
                 A reference to a variable is an input like another: the output of the VariableV2 node or of an Assign.
    attrs        every attribute of the op type, by name; those with a default may be missing
    device       optional: a (partial) device name, "/job:ps/task:0/device:CPU:0"
    colocation   optional: names of nodes that it must share a device with
    original_op  optional: the node that it was made for; a gradient's op names the op that it differentiates.  For messages.
    shapes       optional: static shapes of the outputs, where more is known of one than its op type's shape function tells
    source       optional: the line of the program that made it, for messages

Nodes may stand in any order; one in which every node follows its inputs is kept.  An attribute's JSON depends on its declared type:

    type         "float32" "float64" "int32" "int64" "int16" "int8" "uint8" "bool" "string" "complex64" "complex128"
    bool, int    true, 3 (ints of 64 bits)          string   "SAME"
    float        0.5, or "nan", "inf", "-inf"       list(x)  [x, x, ...]
    shape        [2, null, 3], null for a dimension that is not known; null for an unknown rank
    tensor       {"dtype": "int32", "shape": [2, 2], "data": "AQAAAAIAAAADAAAABAAAAA=="}: the elements in row-major order,
                 little-endian, a bool as one byte 0 or 1, all in base64.  Where arrays travel beside the JSON (to_wire),
                 "array": k in place of "data", for the k-th of them.  Of strings, "data" is a list, each in base64.
    graph        {"inputs": ["x", ...], "outputs": ["y", "z:1", ...], "nodes": [...]}, the body of a control flow op: its inputs are Argument and
                 RefArgument nodes of it, and its nodes take inputs from one another alone

Attributes whose names begin with '_' are notes that any node may carry: a string, bool, int or float.

A collection is a list of "node" for an operation, "node:k" for a tensor, and for a variable

    {"variable": "w:0", "initializer": "w/Assign", "snapshot": "w/read:0", "initial_value": "zeros:0"}

so that a graph that was built, exported and read again can be initialised, trained further, and built upon.  A queue runner is

    {"queue_runner": "q:0", "enqueue": ["q_enqueue", ...], "close": "q_Close", "cancel": "q_Close_1", "closed_by": [11]}

with the codes of the errors that mean the end of its input.  Members of other kinds (savers) do not travel.

Reading trusts nothing.  Whatever is wrong is a ValueError that says what and at which node; nothing is executed, nothing is imported,
and memory is taken in proportion to the text.
"""
import json
import math

from ..core.devices import canonical_name
from ..core.dtypes import as_dtype
from ..core.hooks import register_hook
from ..core.registry import REQUIRED, op_def
from ..core.shapes import TensorShape
from .func_graph import FuncGraph
from .graph import _VALID_OP_NAME, Graph
from .inference import ShapeContext, infer_shapes
from .operation import Tensor
from .wire_checks import MOST_OUTPUTS, check_outputs, expected_inputs, in_order
from .wire_collections import element, member_to_wire, read_collections
from .wire_values import (SourceLine, attr_to_wire, cut, frozen, integer, keys_of, list_of, no_constant, read_attr, read_shape, shape_to_wire,
                          shown, text_of, unique_keys)

FORMAT, VERSION = "minitf-graph", 1
MOST_NESTED = 32              # bodies in one another
_BODY_KEYS = ("inputs", "outputs", "nodes")
_GRAPH_KEYS = {"format", "version", "seed", "nodes", "collections"}
_NODE_KEYS = {"name", "op", "inputs", "attrs", "device", "colocation", "original_op", "shapes", "source"}


# ---- writing ----------------------------------------------------------------------------------------------------------------

def to_wire(graph, sources=False):
    """(dict, arrays): a Graph, or a list of its operations together with all that they need, with tensors beside the dict.

    sources: with each node the line of the program that made it.
    ValueError if a listed operation needs one that is not listed; TypeError for an attribute that has no wire form.
    """
    arrays = []
    return graph_to_wire(graph, arrays, sources), arrays


@register_hook("to_json")
def to_json(graph, indent=None, sources=False):
    """The graph as one JSON text, tensors inside it.  Everything as for to_wire."""
    return json.dumps(graph_to_wire(graph, None, sources), indent=indent, allow_nan=False)


def node_to_wire(op):
    """One node, tensors inside it."""
    return _node_to_wire(op, None, False)


def graph_to_wire(graph, arrays=None, sources=False):
    """The dict alone; arrays: a list that tensors are added to, or None to have them inside it."""
    if isinstance(graph, Graph):
        operations = graph.get_operations()
    else:
        operations = sorted(dict.fromkeys(graph), key=lambda op: op._id)
        graph = operations[0].graph if operations else Graph()
    here = set(operations)
    for op in operations:
        for needed in [t.op for t in op.inputs] + op.control_inputs:
            if needed not in here:
                raise ValueError(f"'{op.name}' ({op.type}) needs '{needed.name}' ({needed.type}), which is not among the operations to write")
    nodes = [_node_to_wire(op, arrays, sources, here) for op in operations]
    wire = {"format": FORMAT, "version": VERSION, "seed": graph.seed, "nodes": nodes}
    collections = {}
    for name in graph.get_all_collection_keys():
        members = [m for m in (member_to_wire(value, here) for value in graph.get_collection(name)) if m is not None]
        if members and isinstance(name, str):
            collections[name] = members
    if collections:
        wire["collections"] = collections
    return wire


def _node_to_wire(op, arrays, sources, here=None):
    inputs = [t.op.name if t.value_index == 0 else t.name for t in op.inputs] + ["^" + c.name for c in op.control_inputs]
    node = {"name": op.name, "op": op.type, "inputs": inputs, "attrs": _attrs_to_wire(op, arrays, sources)}
    if op.device:
        node["device"] = op.device
    colocation = [name for name in op.colocation if here is None or op.graph._by_name.get(name) in here]
    if colocation:
        node["colocation"] = colocation
    if op.original_op is not None and (here is None or op.original_op in here):
        node["original_op"] = op.original_op.name
    shapes = _refined_shapes(op)
    if shapes is not None:
        node["shapes"] = [shape_to_wire(s) for s in shapes]
    if sources and str(op.source):
        node["source"] = str(op.source)
    return node


def _refined_shapes(op):
    """The outputs' static shapes where set_shape() has told more than the shape function does now; None where it has not."""
    try:
        inferred = infer_shapes(ShapeContext(op.type, op.name, op.attrs, op.inputs), len(op.outputs))
        merged = [s.merge_with(t.shape) for s, t in zip(inferred, op.outputs)]
    except ValueError:
        return [t.shape for t in op.outputs]
    return None if [s.tuple for s in merged] == [s.tuple for s in inferred[:len(merged)]] else merged


def _attrs_to_wire(op, arrays, sources):
    declared, attrs = op_def(op.type).attrs, {}
    for name, value in op.attrs.items():
        if name in declared and declared[name].type == "graph":
            operations = value.get_operations()
            attrs[name] = {"inputs": [t.op.name for t in value.inputs], "outputs": [t.op.name if t.value_index == 0 else t.name for t in value.outputs],
                           "nodes": [_node_to_wire(o, arrays, sources, set(operations)) for o in operations]}
        elif name in declared:
            attrs[name] = attr_to_wire(declared[name].type, value, arrays)
        elif name[0] == "_" and (isinstance(value, (str, bool, int)) or isinstance(value, float) and math.isfinite(value)):
            attrs[name] = value
        else:
            raise TypeError(f"Attribute '{name}' of '{op.name}' ({op.type}) has no wire form: {value!r}")
    return attrs


# ---- reading ----------------------------------------------------------------------------------------------------------------

@register_hook("from_json")
def from_json(text):
    """The Graph that a JSON text (str or UTF-8 bytes) describes.  ValueError says what is wrong with it, and where."""
    return from_wire(text_to_wire(text))


def text_to_wire(text):
    """The object of a JSON text (str or UTF-8 bytes); ValueError beginning with "Not a graph" if it is none."""
    try:
        return json.loads(text, parse_constant=no_constant, object_pairs_hook=unique_keys)
    except RecursionError:
        raise ValueError("Not a graph: it is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"Not a graph: the text is not UTF-8 ({error})") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"Not a graph: the text is not JSON: {error}") from None


def from_wire(wire, arrays=(), graph=None, scope=None):
    """The Graph that a dict and its arrays describe.  ValueError says what is wrong with it, and where.

    graph  add the nodes to this one instead of making one: ValueError if it has one of the names
    scope  put before all names
    """
    wire = keys_of(wire, _GRAPH_KEYS, ("format", "version", "nodes"), "the graph")
    if wire["format"] != FORMAT:
        raise ValueError(f"Not a graph: \"format\" is {shown(wire['format'])}, it should be \"{FORMAT}\"")
    if wire["version"] != VERSION or type(wire["version"]) is not int:
        raise ValueError(f"The graph has version {shown(wire['version'])} of the format; this program reads version {VERSION}")
    seed = None if wire.get("seed") is None else integer(wire["seed"], "the graph's \"seed\"")
    prefix = f"{scope}/" if scope else ""
    if graph is None:
        graph = Graph()
        graph.seed = seed
    elif graph.finalized:
        raise RuntimeError("Graph is finalized and cannot be modified.")
    with graph.name_scope(None), graph.device(None), graph.control_dependencies(None):
        nodes = _read_nodes(wire["nodes"], graph, [frozen(a) for a in arrays], [MOST_OUTPUTS], "", prefix)
    names = {node.name for node in nodes}
    for node in nodes:
        for name in node.colocation:
            if name not in names:
                raise ValueError(f"{node.where}: it is colocated with '{name}', which is not in the graph")
        parts = node.name.split("/")
        for depth in range(1, min(len(parts), 16)):    # a scope of that name opened later gets a name of its own
            graph._names_in_use.setdefault("/".join(parts[:depth]), 1)
    read_collections(graph, wire.get("collections", {}), prefix)
    return graph


def _read_nodes(wire, graph, arrays, budget, where, prefix):
    """The _Nodes of a graph or body, which they have been added to."""
    nodes = [_Node(where, number, node, prefix) for number, node in enumerate(list_of(wire, f"{where}\"nodes\""))]
    by_name = {}
    for node in nodes:
        if node.name in by_name:
            raise ValueError(f"{node.where}: {by_name[node.name].where} has the same name")
        if node.name in graph._by_name:
            raise ValueError(f"{node.where}: a node of that name already exists in the graph")
        by_name[node.name] = node
    for node in in_order(nodes, by_name):
        node.add_to(graph, arrays, budget)
    return nodes


def _read_body(wire, graph, sources, arrays, budget, where, prefix):
    """A FuncGraph inside `graph`.  sources: what its last inputs stand for."""
    wire = keys_of(wire, set(_BODY_KEYS), _BODY_KEYS, where)
    if graph.depth >= MOST_NESTED:
        raise ValueError(f"{where}: more than {MOST_NESTED} bodies are nested in one another")
    body = FuncGraph(graph)
    body._names_in_use = {}                           # it may use names of the outer graph
    _read_nodes(wire["nodes"], body, arrays, budget, f"{where}, ", prefix)
    for key in ("inputs", "outputs"):
        for text in list_of(wire[key], f"{where}: \"{key}\""):
            tensor = element(body, prefix + text_of(text, f"{where}: \"{key}\""), where)
            getattr(body, key).append(tensor if isinstance(tensor, Tensor) else tensor.outputs[0] if tensor.outputs else None)
    if None in body.outputs or len(set(body.inputs)) < len(body.inputs) or not all(t is not None and t.op.type in ("Argument", "RefArgument") for t in body.inputs):
        raise ValueError(f"{where}: inputs should be different Argument and RefArgument nodes, outputs tensors")
    body._sources = dict(zip(reversed(body.inputs), reversed(sources)))
    graph.outermost._names_in_use.update(dict.fromkeys(body._names_in_use, 1))
    return body


class _Node:
    """A node as it was read: checked by itself, but not yet against the others."""

    def __init__(self, graph, number, wire, prefix):
        self.where = f"{graph}nodes[{number}]"
        wire = keys_of(wire, _NODE_KEYS, ("name", "op"), self.where)
        self.name, self.op_type = text_of(wire["name"], f"{self.where}: \"name\""), text_of(wire["op"], f"{self.where}: \"op\"")
        self.prefix, self.name = prefix, prefix + self.name
        self.where = f"{graph}nodes[{number}], '{cut(self.name)}' ({cut(self.op_type)})"
        if not _VALID_OP_NAME.match(self.name) or self.name[-1] == "/":
            raise ValueError(f"{self.where}: that is not a valid node name")
        self.inputs, self.controls = [], {}            # [(name, output number)], {name: None} in order
        for text in list_of(wire.get("inputs", []), f"{self.where}: \"inputs\""):
            self._add_input(text_of(text, f"{self.where}: an input"), prefix)
        self.attrs = wire.get("attrs", {})
        if not isinstance(self.attrs, dict):
            raise ValueError(f"{self.where}: \"attrs\" should be an object, got {shown(self.attrs)}")
        self.device = text_of(wire.get("device", ""), f"{self.where}: \"device\"")
        self.colocation = [prefix + text_of(c, f"{self.where}: \"colocation\"") for c in list_of(wire.get("colocation", []), f"{self.where}: \"colocation\"")]
        self.original = None if wire.get("original_op") is None else prefix + text_of(wire["original_op"], f"{self.where}: \"original_op\"")
        self.shapes = wire.get("shapes")
        self.source = text_of(wire.get("source", ""), f"{self.where}: \"source\"")

    def _add_input(self, text, prefix):
        if text[:1] == "^":
            self.controls[prefix + text[1:]] = None
            return
        if self.controls:
            raise ValueError(f"{self.where}: input '{cut(text)}' stands behind '^{cut(list(self.controls)[-1])}'; control inputs come last")
        name, colon, number = text.partition(":")
        if colon and not (number.isascii() and number.isdigit() and len(number) < 10):
            raise ValueError(f"{self.where}: input '{cut(text)}' should be 'node', 'node:k' or '^node'")
        self.inputs.append((prefix + name, int(number or 0)))

    def needs(self):
        """Names of the nodes that must be there before it, each once."""
        names = dict.fromkeys([name for name, _ in self.inputs] + list(self.controls))
        if self.original is not None:
            names[self.original] = None
        return names

    def add_to(self, graph, arrays, budget):
        """Add the operation to the graph.  budget: [how many more listed outputs there may be]."""
        try:
            definition = op_def(self.op_type)
        except ValueError as error:
            raise ValueError(f"{self.where}: {error}") from None
        inputs = []
        for name, number in self.inputs:
            outputs = graph._by_name[name].outputs
            if number >= len(outputs):
                raise ValueError(f"{self.where}: there is no input '{name}:{number}': '{name}' has {len(outputs)} outputs")
            inputs.append(outputs[number])
        attrs = self._read_attrs(definition, graph, inputs, arrays, budget)
        self._check_inputs(definition, attrs, inputs)
        check_outputs(self.where, definition, attrs, budget)
        try:
            op = graph.create_op(self.op_type, inputs, attrs, self.name + "/", [graph._by_name[c] for c in self.controls])
            op.device = canonical_name(self.device)
            for tensor, shape in zip(op.outputs, self._read_shapes(len(op.outputs))):
                tensor.set_shape(shape)
        except Exception as error:                     # a shape function met what no Python caller could have given it
            what = str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
            raise ValueError(f"{self.where}: {what}") from None
        op.colocation, op.source = self.colocation, SourceLine(self.source)
        op.original_op = None if self.original is None else graph._by_name[self.original]

    def _read_attrs(self, definition, graph, inputs, arrays, budget):
        attrs = {}
        for name, declared in definition.attrs.items():
            where = f"{self.where}: attribute '{name}' ({declared.type})"
            if name in self.attrs and declared.type == "graph":
                varying = self.attrs.get("shapes", ()) if "shapes" in definition.attrs else ()      # loop variables stand for no one tensor
                value = _read_body(self.attrs[name], graph, inputs[len(varying) if isinstance(varying, list) else 0:], arrays, budget, where, self.prefix)
            elif name in self.attrs:
                value = read_attr(declared.type, self.attrs[name], arrays, where)
            elif declared.default is not REQUIRED:
                value = declared.default
            else:
                raise ValueError(f"{where} is missing")
            try:
                attrs[name] = declared.check(value, self.op_type)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{self.where}: {error}") from None
        for name, value in self.attrs.items():
            if name not in attrs:
                if name[:1] != "_" or not isinstance(value, (str, bool, int, float)):
                    raise ValueError(f"{self.where}: {self.op_type} has no attribute '{cut(name)}'; it has {sorted(definition.attrs)}")
                attrs[name] = value
        if self.op_type == "Const" and as_dtype(attrs["value"].dtype) is not attrs["dtype"]:
            raise ValueError(f"{self.where}: its dtype is {attrs['dtype'].name}, that of its value {attrs['value'].dtype}")
        return attrs

    def _check_inputs(self, definition, attrs, inputs):
        """Numbers and dtypes of the inputs, against the op type's declaration."""
        expected = expected_inputs(self.where, definition, attrs, len(inputs))
        for (arg, dtype), tensor in zip(expected, inputs):
            if tensor.dtype.base_dtype is not dtype:
                raise ValueError(f"{self.where}: input '{arg.name}' should be {dtype.name}, but '{tensor.name}' is {tensor.dtype.base_dtype.name}")
            if arg.is_ref and not tensor.dtype.is_ref_dtype:
                raise ValueError(f"{self.where}: input '{arg.name}' should refer to a variable, but '{tensor.name}' is a value")

    def _read_shapes(self, count):
        if self.shapes is None:
            return [TensorShape(None)] * count
        if not isinstance(self.shapes, list) or len(self.shapes) != count:
            raise ValueError(f"\"shapes\" should be a list with one shape for each of the {count} outputs")
        return [read_shape(s, "\"shapes\"") for s in self.shapes]
