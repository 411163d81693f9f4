"""TensorFlow's protobuf classes, which come with the tensorboard package and are loaded when one is first asked for."""
import importlib

from .errors import DataLossError

# class -> the module of tensorboard.compat.proto that holds it
CLASSES = {
    "AttrValue": "attr_value_pb2", "GraphDef": "graph_pb2", "MetaGraphDef": "meta_graph_pb2", "NameAttrList": "attr_value_pb2",
    "NodeDef": "node_def_pb2", "OpDef": "op_def_pb2", "OpList": "op_def_pb2", "SaverDef": "saver_pb2", "TensorProto": "tensor_pb2",
    "TensorShapeProto": "tensor_shape_pb2", "VariableDef": "variable_pb2", "VersionDef": "versions_pb2",
    "Event": "event_pb2", "HistogramProto": "histogram_pb2", "RunMetadata": "config_pb2", "LogMessage": "event_pb2", "SessionLog": "event_pb2", "Summary": "summary_pb2",
    "SummaryMetadata": "summary_pb2", "TaggedRunMetadata": "event_pb2",
}


def proto(name):
    """A class by its name, 'GraphDef'.  ImportError says what to install where tensorboard is missing."""
    try:
        module = importlib.import_module(f"tensorboard.compat.proto.{CLASSES[name]}")
    except ImportError as error:
        raise ImportError(f"{name} is one of TensorFlow's protobuf messages, whose classes come with the tensorboard package, which is not "
                          f"installed: make extra-board, or pip install tensorboard. ({error})") from None
    return getattr(module, name)


def parse_proto(name, data, as_text=False):
    """A message from its bytes, or from its text form (str or UTF-8 bytes).  DataLossError if it can not be read."""
    from google.protobuf import message, text_format
    parsed = proto(name)()
    try:
        if as_text:
            text_format.Parse(data, parsed)
        else:
            parsed.ParseFromString(data)
    except (message.DecodeError, text_format.ParseError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise DataLossError(None, None, f"That is not a {name} in {'text' if as_text else 'binary'} form: {str(error) or type(error).__name__}") from None
    return parsed
