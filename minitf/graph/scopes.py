"""The default graph of each thread, and the functions of tf.* that act on it."""
import contextlib

from .default_graphs import default_graphs
from .graph import Graph


def get_default_graph():
    """The graph that ops are added to in this thread."""
    if default_graphs.stack:
        return default_graphs.stack[-1]
    if default_graphs.bottom is None:
        default_graphs.bottom = Graph()
    return default_graphs.bottom


def reset_default_graph():
    """Start afresh with an empty default graph.  Not inside `with graph.as_default()`."""
    if default_graphs.stack:
        raise AssertionError("Do not use tf.reset_default_graph() to clear nested graphs. If you need a cleared graph, exit the nesting and create a new graph.")
    default_graphs.bottom = Graph()


def device(device_name_or_function):
    """get_default_graph().device(...)"""
    return get_default_graph().device(device_name_or_function)


def control_dependencies(control_inputs):
    """get_default_graph().control_dependencies(...)"""
    return get_default_graph().control_dependencies(control_inputs)


def colocate_with(op):
    """get_default_graph().colocate_with(op)"""
    return get_default_graph().colocate_with(op)


def container(name):
    """get_default_graph().container(name)"""
    return get_default_graph().container(name)


@contextlib.contextmanager
def name_scope(name, default_name=None, values=None):
    """A name scope of the default graph (or of the graph of `values`): `name` if given, else `default_name`."""
    name = default_name if name is None and default_name is not None else name
    graph = get_default_graph()
    for value in values or ():
        owner = getattr(value, "graph", None)
        if isinstance(owner, Graph):
            graph = owner
            break
    with graph.as_default(), graph.name_scope(name) as scope:
        yield scope


def add_to_collection(name, value):
    """get_default_graph().add_to_collection(name, value)"""
    get_default_graph().add_to_collection(name, value)


def get_collection(key, scope=None):
    """get_default_graph().get_collection(key, scope)"""
    return get_default_graph().get_collection(key, scope)


def get_collection_ref(key):
    """get_default_graph().get_collection_ref(key)"""
    return get_default_graph().get_collection_ref(key)
