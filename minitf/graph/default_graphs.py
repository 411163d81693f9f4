"""Which graph ops are added to, in each thread."""
import threading


class _DefaultGraphs(threading.local):
    """Per thread: the stack of `with graph.as_default()`, and the graph below it, which get_default_graph() makes when it is needed."""

    def __init__(self):
        self.stack = []
        self.bottom = None


default_graphs = _DefaultGraphs()
