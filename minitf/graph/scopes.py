"""The default graph of each thread, and the functions of tf.* that act on it."""
import contextlib

from .default_graphs import default_graphs, here
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


@contextlib.contextmanager
def outermost():
    """Inside the body of a control flow op: add ops to the graph around it, under the same name scope.  Variables are made so."""
    graph = get_default_graph()
    if graph.outer is None:
        yield
        return
    scope = graph._name_stack
    with graph.outermost.as_default(), graph.outermost.name_scope(scope or None):
        yield


def device(device_name_or_function):
    """get_default_graph().device(...)"""
    return get_default_graph().device(device_name_or_function)


def control_dependencies(control_inputs):
    """get_default_graph().control_dependencies(...)"""
    return get_default_graph().control_dependencies(control_inputs)


def colocate_with(op, ignore_existing=False):
    """get_default_graph().colocate_with(op, ignore_existing)"""
    return get_default_graph().colocate_with(op, ignore_existing)


def container(name):
    """get_default_graph().container(name)"""
    return get_default_graph().container(name)


class name_scope:
    """A name scope of the default graph (or of the graph of `values`): `name` if given, else `default_name`.

    `with tf.name_scope("h") as scope` gives "h/", or "h_1/" where "h/" was opened before.  A name that ends in '/' is taken as it is,
    so name_scope(scope) goes back into one; None and '' go to the root.  An op made with name=scope is named "h".
    ValueError if values are of several graphs, or if they are given without any name.
    """
    __slots__ = ("name", "_values", "_open")

    def __init__(self, name, default_name=None, values=None):
        self.name, self._values, self._open = default_name if name is None else name, values, []

    def __enter__(self):
        if self.name is None and self._values is not None:
            raise ValueError("At least one of name (None) and default_name (None) must be provided.")
        graph = graph_of(self._values) if self._values else get_default_graph()
        default, scope = graph.as_default(), graph.name_scope(self.name)
        default.__enter__()
        try:
            opened = scope.__enter__()
        except BaseException:
            default.__exit__(None, None, None)
            raise
        self._open.append((default, scope))
        return opened

    def __exit__(self, *error):
        default, scope = self._open.pop()
        scope.__exit__(None, None, None)
        default.__exit__(None, None, None)


def graph_of(values):
    """The graph of the tensors, operations and variables among values, else the default graph.  ValueError if they are of several."""
    found = first = None
    for value in values:
        graph = getattr(value, "graph", None)
        if isinstance(graph, Graph):
            if found is None or graph.encloses(found):        # the innermost, of a body and the graphs around it
                found, first = graph, value
            elif not found.encloses(graph):
                raise ValueError(f"{value} must be from the same graph as {first}.")
    return get_default_graph() if found is None else here(found)


def add_to_collection(name, value):
    """get_default_graph().add_to_collection(name, value)"""
    get_default_graph().add_to_collection(name, value)


def add_to_collections(names, value):
    """get_default_graph().add_to_collections(names, value)"""
    get_default_graph().add_to_collections(names, value)


def get_collection(key, scope=None):
    """get_default_graph().get_collection(key, scope)"""
    return get_default_graph().get_collection(key, scope)


def get_collection_ref(key):
    """get_default_graph().get_collection_ref(key)"""
    return get_default_graph().get_collection_ref(key)
