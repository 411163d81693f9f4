"""Which graph ops are added to, in each thread."""
import threading


class _DefaultGraphs(threading.local):
    """Per thread: the stack of `with graph.as_default()`, and the graph below it, which get_default_graph() makes when it is needed."""

    def __init__(self):
        self.stack = []
        self.bottom = None


default_graphs = _DefaultGraphs()


def here(graph):
    """Where an op goes that takes a tensor of `graph`: into the default graph where that is a body inside `graph`, else into `graph`.

    ValueError if `graph` is a body that the default graph is not in.
    """
    current = default_graphs.stack[-1] if default_graphs.stack else default_graphs.bottom
    if current is graph:
        return graph
    if current is not None and current.outer is not None and current.encloses(graph):
        return current
    if graph.outer is not None:
        raise ValueError(f"A tensor made inside a branch or loop body ({graph._scope.rstrip('/')!r}) must be from the same graph as what takes it: "
                         "only what the body returns can be used outside it.")
    return graph
