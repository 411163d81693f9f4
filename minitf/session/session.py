"""Session: the front door.  It finds or prepares what a run needs, and keeps it."""
import threading
import weakref

from ..core.config import ConfigProto, RunOptions
from ..core.errors import InvalidArgumentError
from ..core.hooks import register_hook
from ..graph import Graph, get_default_graph
from ..graph.default_graphs import default_graphs
from .executable import Executable
from .fetches import element, flatten
from .pipeline import Context
from .runtime import Runtime


class _DefaultSessions(threading.local):
    def __init__(self):
        self.stack = []


_default_sessions = _DefaultSessions()
_LIST, _ONE, _SIGNATURE = object(), object(), object()      # kinds of keys: no nested fetch can be taken for another


def get_default_session():
    """The innermost session of this thread's `with` blocks, or None."""
    return _default_sessions.stack[-1] if _default_sessions.stack else None


class Session:
    """Runs operations of a graph and evaluates tensors.

    target  '' : in this process
    graph   by default the default graph
    config  a ConfigProto: device_count={'CPU': n} makes n CPU devices, each with a thread of its own

    >>> with tf.Session() as sess:
    ...     print(sess.run(tf.constant(2.) * 3.))
    6.0

    A session may be used by several threads at once; their steps overlap.
    """

    def __init__(self, target="", graph=None, config=None):
        if graph is not None and not isinstance(graph, Graph):
            raise TypeError(f"graph must be a tf.Graph, but got {type(graph)}")
        if config is not None and not isinstance(config, ConfigProto):
            raise TypeError(f"config must be a tf.ConfigProto, but got {type(config)}")
        if target:
            raise InvalidArgumentError(None, None, f"No session target {target!r}: only '' (this process) is there")
        self.graph = get_default_graph() if graph is None else graph
        self._config = config if config is not None else ConfigProto()
        self._runtime = Runtime(self._config)
        self._executables = {}
        self._lock = threading.RLock()
        self._closed = False
        self._context = None
        self._timeout = (self._config.operation_timeout_in_ms or -1000) / 1000
        weakref.finalize(self, self._runtime.stop)

    # ---- running ----------------------------------------------------------------------------------------------------------

    def run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        """Run one step: compute `fetches`, with the tensors in feed_dict replaced by the values given.

        fetches    a Tensor, Operation, Variable or name, or any nesting of lists, tuples, named tuples and dicts of these
        feed_dict  {tensor: value}; any tensor may be fed
        Returns the same nesting with ndarrays (NumPy scalars for rank 0), and None for operations.

        Errors in an op are OpErrors that name it, its inputs, and the line of your program that made it.
        """
        timeout = self._timeout if options is None else (options.timeout_in_ms or self._timeout * 1000) / 1000
        try:
            if type(fetches) is list:
                key = (_LIST, tuple(fetches), *feed_dict) if feed_dict else (_LIST, tuple(fetches))
            else:
                key = (_ONE, fetches, *feed_dict) if feed_dict else fetches
            executable = self._executables.get(key)
        except TypeError:                                 # a nested structure: not hashable, or not a key
            executable = key = None
        if executable is None:
            return self._first_run(key, fetches, feed_dict, timeout, options, run_metadata)
        if run_metadata is not None:
            return self._observed(executable, feed_dict, timeout, options, run_metadata)
        return executable.run(feed_dict, timeout)

    def _first_run(self, key, fetches, feed_dict, timeout, options, run_metadata):
        """The slow way in: find out what is asked for, check it, and keep the answer where the key allows it."""
        executable, rebuild, feed_dict = self._prepare(fetches, feed_dict)
        if rebuild is None and key is not None:
            self._executables[key] = executable
        if run_metadata is not None:
            values = self._observed(executable, feed_dict, timeout, options, run_metadata)
        else:
            values = executable.run(feed_dict, timeout)
        return values if rebuild is None else rebuild(values)

    def _prepare(self, fetches, feed_dict):
        """(executable, rebuild or None, feed_dict with tensors as keys)."""
        if self._closed:
            raise RuntimeError("Attempted to use a closed Session.")
        if self.graph.version == 0:
            raise RuntimeError("The Session graph is empty. Add operations to the graph before calling run().")
        if feed_dict is not None and not isinstance(feed_dict, dict):
            raise TypeError(f"feed_dict must be a dictionary of tensors and values, got {type(feed_dict).__name__}")
        feeds = {}
        for fed, value in (feed_dict or {}).items():
            try:
                tensor = self.graph.as_graph_element(fed, allow_operation=False)
            except (ValueError, KeyError, TypeError) as error:
                raise TypeError(f"Cannot interpret feed_dict key as Tensor: {error.args[0] if error.args else error}") from None
            if tensor in feeds:
                raise ValueError(f"{tensor.name} is fed twice")
            feeds[tensor] = value
        single = not isinstance(fetches, (list, tuple, dict)) and not hasattr(fetches, "_fetch_parts")
        if single:
            flat, rebuild = [element(fetches, self.graph)], None
        elif type(fetches) is list and not any(isinstance(f, (list, tuple, dict)) or hasattr(f, "_fetch_parts") for f in fetches):
            flat, rebuild = [element(f, self.graph) for f in fetches], None
        else:
            flat, rebuild = flatten(fetches, self.graph)
        signature = (_SIGNATURE, tuple(flat), single, tuple(feeds))
        with self._lock:
            executable = self._executables.get(signature)
            if executable is None:
                executable = self._executables[signature] = Executable(flat, list(feeds), single, Context(self._runtime, self._lock))
        return executable, rebuild, feeds

    def _observed(self, executable, feed_dict, timeout, options, run_metadata):
        """A run that fills in what options ask for."""
        if options is not None and options.output_partition_graphs:
            run_metadata.partition_graphs = [str(p) for p in executable.variant(feed_dict or {}).program]
        if options is None or options.trace_level == RunOptions.NO_TRACE:
            return executable.run(feed_dict, timeout)
        from .trace import step_stats

        def tracer(step):
            run_metadata.step_stats = step_stats(step)
        return executable.run(feed_dict, timeout, tracer)

    def explain(self, fetches, feed_dict=None):
        """What run(fetches, feed_dict) will execute: an Explanation, which prints as a table per device (minitf.session.explain)."""
        from .explain import Explanation
        executable, _, feeds = self._prepare(fetches, feed_dict)
        return Explanation(executable.variant(feeds))

    def stepper(self, fetches, feed_dict=None):
        """A Stepper that runs fetches instruction by instruction (minitf.session.stepper)."""
        from .stepper import Stepper
        executable, rebuild, feeds = self._prepare(fetches, feed_dict)
        return Stepper(executable, feeds, rebuild)

    def partial_run_setup(self, fetches, feeds=None):
        """Begin a step that is run in several calls: a handle for partial_run.  Each fetch and each feed may be used once."""
        from .partial_run import PartialRun
        return PartialRun(self, fetches, feeds or [])

    def partial_run(self, handle, fetches, feed_dict=None):
        """Go on with a step: give some of its feeds, get some of its fetches."""
        return handle.run(fetches, feed_dict or {})

    def make_callable(self, fetches, feed_list=None):
        """A function of the values of feed_list that runs fetches: run() without the look-ups."""
        tensors = [self.graph.as_graph_element(t, allow_operation=False) for t in feed_list or []]
        return lambda *values: self.run(fetches, dict(zip(tensors, values)))

    def list_devices(self):
        """The full names of this session's devices."""
        return list(self._runtime.devices)

    # ---- life -------------------------------------------------------------------------------------------------------------

    def close(self):
        """Free what the session holds: variables, plans, threads.  A closed session can not be used."""
        self._closed = True
        self._executables = {}
        self._runtime.resources.clear([c for c, _ in list(self._runtime.resources._resources)])
        self._runtime.stop()

    @staticmethod
    def reset(target, containers=None, config=None):
        """Clear containers of a server.  A session with target '' owns its state alone, so there is nothing to clear."""
        if target:
            raise InvalidArgumentError(None, None, f"No session target {target!r}: only '' (this process) is there")

    def as_default(self):
        """A context manager that makes this the default session of the thread; it does not close it."""
        return _AsDefault(self)

    def __enter__(self):
        if self._context is not None:
            raise RuntimeError("Session context managers are not re-entrant. Use `Session.as_default()` if you want to enter a session multiple times.")
        self._context = _AsDefault(self)
        default_graphs.stack.append(self.graph)
        self._context.__enter__()
        return self

    def __exit__(self, *error):
        self._context.__exit__(*error)
        default_graphs.stack.pop()
        self._context = None
        self.close()


class InteractiveSession(Session):
    """A session that is the default one from its construction on, for use in a shell."""

    def __init__(self, target="", graph=None, config=None):
        super().__init__(target, graph, config)
        _default_sessions.stack.append(self)
        if graph is not None:
            default_graphs.stack.append(graph)
        self._explicit_graph = graph

    def close(self):
        super().close()
        if self in _default_sessions.stack:
            _default_sessions.stack.remove(self)
        if self._explicit_graph is not None and self._explicit_graph in default_graphs.stack:
            default_graphs.stack.remove(self._explicit_graph)
            self._explicit_graph = None


class _AsDefault:
    def __init__(self, session):
        self.session = session

    def __enter__(self):
        _default_sessions.stack.append(self.session)
        return self.session

    def __exit__(self, *error):
        _default_sessions.stack.pop()


def _session_for(graph, session, what):
    session = session or get_default_session()
    if session is None:
        raise ValueError(f"Cannot {what}: No default session is registered. Use `with sess.as_default()` or pass an explicit session.")
    if session.graph is not graph:
        raise ValueError(f"Cannot {what}: The default session's graph is different from the tensor's graph. Pass an explicit session.")
    return session


@register_hook("eval")
def _eval(tensor, feed_dict, session):
    return _session_for(tensor.graph, session, "evaluate tensor using `eval()`").run(tensor, feed_dict)


@register_hook("run")
def _run(operation, feed_dict, session):
    return _session_for(operation.graph, session, "execute operation using `run()`").run(operation, feed_dict)
