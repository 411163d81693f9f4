"""Meta graphs: a graph with its collections and its Saver in a file, so that a process without the program can go on with the model.

The file is JSON:

    {"format": "minitf-meta-graph", "version": 1, "graph": {...}, "saver": {...} or null}

with the graph in its wire form (minitf.graph.wire), collections included, and the fields of a SaverDef.
"""
import json
import os

from ..core.errors import DataLossError, InvalidArgumentError
from ..graph import get_default_graph
from ..graph.wire import from_wire, graph_to_wire, text_to_wire
from ..graph.wire_values import cut, shown
from ..platform.aside import written_aside
from ..platform.os_errors import os_errors
from .saver_ops import SaverDef

FORMAT, VERSION = "minitf-meta-graph", 1


class MetaGraphDef:
    """graph_def: a graph's wire form, a dict; saver_def: the SaverDef, or None."""

    def __init__(self, graph_def, saver_def):
        self.graph_def, self.saver_def = graph_def, saver_def

    def to_json(self, indent=None):
        """The text of the file."""
        saver = None if self.saver_def is None else {name: getattr(self.saver_def, name) for name in SaverDef.FIELDS}
        return json.dumps({"format": FORMAT, "version": VERSION, "graph": self.graph_def, "saver": saver}, indent=indent, allow_nan=False)

    @classmethod
    def from_json(cls, text):
        """ValueError for what is not such a text; the graph itself is not looked into yet."""
        wire = text_to_wire(text)
        if not isinstance(wire, dict) or wire.get("format") != FORMAT or wire.keys() != {"format", "version", "graph", "saver"}:
            raise ValueError(f"Not a meta graph: it should be an object with \"format\" \"{FORMAT}\", \"version\", \"graph\" and \"saver\"")
        if wire["version"] != VERSION or type(wire["version"]) is not int:
            raise ValueError(f"The meta graph has version {shown(wire['version'])} of the format; this program reads version {VERSION}")
        return cls(wire["graph"], None if wire["saver"] is None else _read_saver_def(wire["saver"]))


def _read_saver_def(wire):
    if not isinstance(wire, dict) or wire.keys() != SaverDef.FIELDS.keys():
        raise ValueError(f"\"saver\" should have {', '.join(SaverDef.FIELDS)}, got {shown(wire)}")
    for name, default in SaverDef.FIELDS.items():
        value, kind = wire[name], type(default)
        number = kind is float and type(value) in (int, float) and 0 <= value < 1e12
        if not number and (type(value) is not kind or kind is int and not 0 <= value < 1 << 31):
            raise ValueError(f"\"saver\": {name} can not be {shown(value)}")
    return SaverDef(**wire)


def export_meta_graph(filename=None, meta_info_def=None, graph_def=None, saver_def=None, collection_list=None, as_text=False, graph=None,
                      export_scope=None, clear_devices=False):
    """The MetaGraphDef of a graph, by default the default graph; written to a file too if one is named.

    saver_def        of the Saver that import_meta_graph will return
    collection_list  names of the collections to keep; None: all
    as_text          with line breaks, to be read
    clear_devices    leave out what the ops say of devices
    TypeError if an op has an attribute without a wire form, such as a Python function.
    """
    for name, value in (("meta_info_def", meta_info_def), ("graph_def", graph_def), ("export_scope", export_scope)):
        if value is not None:
            raise ValueError(f"export_meta_graph: {name} is not supported; a whole graph is exported")
    wire = graph_to_wire(graph or get_default_graph())
    if clear_devices:
        _clear_devices(wire)
    if collection_list is not None:
        kept = {name: members for name, members in wire.get("collections", {}).items() if name in collection_list}
        wire["collections"] = kept
    meta_graph = MetaGraphDef(wire, saver_def)
    if filename:
        with written_aside(filename) as file:
            file.write(meta_graph.to_json(2 if as_text else None).encode())
    return meta_graph


def read_meta_graph_file(filename):
    """The MetaGraphDef in a file.  DataLossError if it is not JSON, such as one that was cut short; InvalidArgumentError if it is no meta graph."""
    with os_errors(filename), open(filename, "rb") as file:
        text = file.read()
    try:
        return MetaGraphDef.from_json(text)
    except ValueError as error:
        kind = DataLossError if str(error).startswith("Not a graph") else InvalidArgumentError
        raise kind(None, None, f"{os.fspath(filename)}: {error}") from None


def add_meta_graph(meta_graph_or_file, clear_devices, import_scope):
    """What import_meta_graph does but for the Saver: returns (SaverDef or None, the scope that was put before all names or None)."""
    if isinstance(meta_graph_or_file, MetaGraphDef):
        meta_graph, where = meta_graph_or_file, "The meta graph"
    else:
        meta_graph, where = read_meta_graph_file(meta_graph_or_file), os.fspath(meta_graph_or_file)
    wire = meta_graph.graph_def
    try:
        there = from_wire(wire)               # by itself first: what is wrong with it is found before the default graph changes
    except ValueError as error:
        raise InvalidArgumentError(None, None, f"{where}: {error}") from None
    if meta_graph.saver_def is not None:
        _check_saver(meta_graph.saver_def, there, where)
    if clear_devices:
        wire = {**wire, "nodes": [dict(node) for node in wire["nodes"]]}
        _clear_devices(wire)
    graph = get_default_graph()
    scope = graph.unique_name(import_scope, mark_as_used=False) if import_scope else None
    from_wire(wire, graph=graph, scope=scope)
    return meta_graph.saver_def, scope


def _clear_devices(wire):
    for node in wire["nodes"]:
        node.pop("device", None)


def _check_saver(saver_def, graph, where):
    """Whether the Saver's ops are there: a file that was changed may name others."""
    try:
        for name in (saver_def.filename_tensor_name, saver_def.save_tensor_name):
            graph.get_tensor_by_name(name)
        graph.get_operation_by_name(saver_def.restore_op_name)
    except (KeyError, ValueError) as error:
        raise InvalidArgumentError(None, None, f"{where}: its saver does not fit its graph: {cut(str(error.args[0]), 300)}") from None
