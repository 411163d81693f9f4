"""write_graph: a graph as a file that TensorFlow's tools, and TensorBoard, can read."""
import os

from ..core.protos import proto


def write_graph(graph_or_graph_def, logdir, name, as_text=True):
    """Write a Graph or GraphDef to logdir/name, as text (.pbtxt) or binary (.pb); returns the path.  The folder is made.

    The file is written aside and renamed, so that nobody reads half of it.

    >>> tf.train.write_graph(sess.graph, "/tmp/model", "train.pbtxt")
    """
    message = graph_or_graph_def if isinstance(graph_or_graph_def, proto("GraphDef")) else graph_or_graph_def.as_graph_def()
    if as_text:
        from google.protobuf import text_format
        data = text_format.MessageToString(message).encode()
    else:
        data = message.SerializeToString()
    os.makedirs(logdir, exist_ok=True)
    path = os.path.join(logdir, name)
    aside = f"{path}.tmp{os.getpid()}"
    with open(aside, "wb") as file:
        file.write(data)
    os.replace(aside, path)
    return path
