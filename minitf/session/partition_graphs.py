"""Partition graphs: what each device was given to run, as text to read and as GraphDefs for other programs."""
from ..core.protos import proto
from ..core.registry import op_def, op_types
from ..core.shapes import as_shape
from ..graph.graph_def import fill_attr, versions


class PartitionGraph:
    """The part of a program that one device runs, with its Sends and Recvs.

    device           its full name
    str()            a line for each node: name = type(inputs), dtypes and shapes, device
    as_graph_def()   a GraphDef, every node with its device and its outputs' shapes
    """

    def __init__(self, part):
        self.device, self._part = part.device, part

    def __str__(self):
        return str(self._part)

    def __repr__(self):
        return f"<PartitionGraph of {self.device}: {len(self._part.nodes)} nodes>"

    def as_graph_def(self):
        """ImportError, saying what to install, without the tensorboard package, which has the messages' classes."""
        message = proto("GraphDef")(versions=versions())
        known = set(op_types())                           # which the nodes that a session makes are not among
        for node in self._part.nodes:
            _fill(message.node.add(), node, op_def(node.type).attrs if node.type in known else {})
        return message


def _fill(message, node, declared):
    """A node as TensorFlow would write it; attributes that are not declared or have no form in protobuf are left out."""
    message.name, message.op, message.device = node.name, "Placeholder" if node.type == "_Feed" else node.type, node.device
    message.input.extend(n.name if i == 0 else f"{n.name}:{i}" for n, i in node.inputs)
    message.input.extend("^" + n.name for n in node.controls)
    if node.type in ("_Send", "_Recv"):
        source, destination, name = node.attrs["key"].split(";", 2)
        for key, text in (("tensor_name", name), ("send_device", source), ("recv_device", destination)):
            message.attr[key].s = text.encode()
    for name, value in node.attrs.items():
        if name in declared:
            fill_attr(message, name, declared[name].type, value)
    if node.type == "_Feed":
        message.attr["dtype"].type = node.dtypes[0].base_dtype.as_datatype_enum
    if node.shapes:
        message.attr["_output_shapes"].list.shape.extend(as_shape(s).as_proto() for s in node.shapes)
