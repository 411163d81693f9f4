"""A graph as a GraphDef, TensorFlow's protobuf message; importer.py is the way back.

Op types, attributes and dtypes bear TensorFlow's names already, so a node is written as it stands.  What a GraphDef does not hold:
the bodies of control flow ops (a name stands for each), collections (a MetaGraphDef does), lines of the user's program, which op a gradient's op differentiates.
"""
import math

from ..core.errors import UnimplementedError
from ..core.hooks import register_hook
from ..core.protos import proto
from ..core.registry import op_def
from .tensor_proto import array_to_proto

PRODUCER = 24                 # of TensorFlow 1.x: a Placeholder of shape [] takes scalars, as here
MOST_BYTES = 1 << 31
_CLASS, _SHAPES = "_class", "_output_shapes"
FIELDS = {"string": "s", "int": "i", "float": "f", "bool": "b", "type": "type", "shape": "shape", "tensor": "tensor"}    # of AttrValue, by attribute type


@register_hook("as_graph_def")
def as_graph_def(graph, from_version=None, add_shapes=False):
    """The GraphDef of a graph, or of its operations after the first from_version.

    add_shapes: with each node its outputs' static shapes, as attribute _output_shapes.
    ValueError for more than 2 GB, which no protobuf message can hold; UnimplementedError for an op whose attributes have no protobuf form.
    """
    operations = graph.get_operations()[from_version or 0:]
    if sum(getattr(value, "nbytes", 0) for op in operations for value in op.attrs.values()) < MOST_BYTES:
        message = proto("GraphDef")(versions=versions())
        for op in operations:
            fill_node(message.node.add(), op, add_shapes)
        if message.ByteSize() < MOST_BYTES:
            return message
    raise ValueError("GraphDef cannot be larger than 2GB.")


@register_hook("graph_def_versions")
def versions():
    return proto("VersionDef")(producer=PRODUCER)


@register_hook("node_def")
def node_def(op):
    """The NodeDef of one operation."""
    message = proto("NodeDef")()
    fill_node(message, op, False)
    return message


def fill_node(message, op, add_shapes):
    message.name, message.op, message.device = op.name, op.type, op.device
    message.input.extend(t.op.name if t.value_index == 0 else t.name for t in op.inputs)
    message.input.extend("^" + c.name for c in op.control_inputs)
    declared = op_def(op.type).attrs
    for name, value in op.attrs.items():
        kind = declared[name].type if name in declared else _kind_of_note(value)
        if not fill_attr(message, name, kind, value):
            raise UnimplementedError(None, op, f"Attribute '{name}' ({kind or type(value).__name__}) of '{op.name}' ({op.type}) has no protobuf form; Graph.to_json may have one")
    if op.colocation:
        message.attr[_CLASS].list.s.extend(f"loc:@{other}".encode() for other in op.colocation)
    if add_shapes and op.outputs:
        message.attr[_SHAPES].list.shape.extend(t.shape.as_proto() for t in op.outputs)


def fill_attr(message, name, kind, value):
    """Set an attribute of a NodeDef; False if attributes of that type (None: of no known one) have no form in protobuf."""
    if kind == "graph":
        message.attr[name].func.name = f"{message.name}/{name}"
        return True
    return kind is not None and _fill(message.attr[name], kind, value)


def _kind_of_note(value):
    """The attribute type of a note, one whose name begins with '_' and that no op type declares."""
    return {bool: "bool", int: "int", float: "float", str: "string"}.get(type(value))


def _fill(attr, kind, value):
    """Set an AttrValue; False if there is no field for that type of attribute."""
    if kind.startswith("list("):
        kind = kind[5:-1]
        if kind not in FIELDS:
            return False
        attr.list.SetInParent()
        getattr(attr.list, FIELDS[kind]).extend(_to_field(kind, v) for v in value)
        return True
    if kind not in FIELDS:
        return False
    if kind in ("shape", "tensor"):
        getattr(attr, kind).CopyFrom(_to_field(kind, value))
    else:
        setattr(attr, FIELDS[kind], _to_field(kind, value))
    return True


def _to_field(kind, value):
    if kind == "type":
        return value.as_datatype_enum
    if kind == "shape":
        return value.as_proto()
    if kind == "tensor":
        return array_to_proto(value)
    if kind == "string":
        return value if isinstance(value, bytes) else value.encode()
    if kind == "float" and math.isfinite(value):
        return max(-3.4028234663852886e38, min(value, 3.4028234663852886e38))      # AttrValue holds 32 bits
    return value
