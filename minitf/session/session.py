"""Session: the front door.  It finds or prepares what a run needs, and keeps it."""
import copy
import os
import threading
import weakref

from ..core.config import ConfigProto, RunMetadata, RunOptions
from ..core.devices import parse_device
from ..core.errors import InvalidArgumentError
from ..core.hooks import register_hook
from ..graph import Graph, get_default_graph
from ..graph.default_graphs import default_graphs
from ..placement.cost_model import CostModel
from .executable import Executable
from .feeds import fed_tensors
from .fetches import element, flatten, is_nested
from .growth import Growth
from .pipeline import Context, random_state, whole_program
from .relearn import Relearning
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

    target  '' or 'local': in this process
    graph   by default the default graph
    config  a ConfigProto: device_count={'CPU': n} makes n CPU devices, each with a thread of its own

    >>> with tf.Session() as sess:
    ...     print(sess.run(tf.constant(2.) * 3.))
    6.0

    A session may be used by several threads at once; their steps overlap.
    """

    def __init__(self, target="", graph=None, config=None):
        if not isinstance(target, (str, bytes)):
            raise TypeError(f"target must be a string, but got {type(target)}")
        if graph is not None and not isinstance(graph, Graph):
            raise TypeError(f"graph must be a tf.Graph, but got {type(graph)}")
        if config is not None and not isinstance(config, ConfigProto):
            raise TypeError(f"config must be a tf.ConfigProto, but got {type(config)}")
        if config is not None and not isinstance(config.cost_model, (CostModel, type(None))):
            raise TypeError(f"cost_model must be a tf.placement.CostModel, got {config.cost_model!r}")
        _check_target(target)
        self.sess_str = target if isinstance(target, bytes) else target.encode()
        self.graph = get_default_graph() if graph is None else graph
        self._config = config if config is not None else ConfigProto()
        self._runtime = Runtime(self._config)
        if self._config.placement_period and len(self._runtime.devices) > 1 and self._config.cost_model is None:
            self._config = self._runtime.config = copy.copy(self._config)
            self._config.cost_model = CostModel()
        self._executables = {}
        self._lock = threading.RLock()
        self._closed = False
        self._context = None
        self._growth = Growth(self.graph)
        self._timeout = (self._config.operation_timeout_in_ms or -1000) / 1000
        weakref.finalize(self, self._runtime.stop)

    def _random_state(self, op):
        """The stream of a random op in this session: for tf.train.RandomStreams."""
        return random_state(self._runtime.resources, op)

    # ---- running ----------------------------------------------------------------------------------------------------------

    def run(self, fetches, feed_dict=None, options=None, run_metadata=None):
        """Run one step: compute `fetches`, with the tensors in feed_dict replaced by the values given.

        fetches    a Tensor, Operation, Variable or name, or any nesting of lists, tuples, named tuples and dicts of these
        feed_dict  {tensor: value}; any tensor may be fed, and a tuple for an IndexedSlices
        Returns the same nesting with ndarrays (NumPy scalars for rank 0), and None for operations.

        Errors in an op are OpErrors that name it, its inputs, and the line of your program that made it.
        """
        timeout = self._timeout if options is None else _timeout(options, self._timeout)
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
        given = feed_dict
        executable, rebuild, feed_dict = self._prepare(fetches, feed_dict)
        if rebuild is None and key is not None and len(executable.feeds) == len(given or ()):
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
        feeds = fed_tensors(feed_dict, self.graph)
        single = not is_nested(fetches)
        if single:
            flat, rebuild = [element(fetches, self.graph)], None
        elif type(fetches) is list and not any(map(is_nested, fetches)):
            flat, rebuild = [element(f, self.graph) for f in fetches], None
        else:
            flat, rebuild = flatten(fetches, self.graph)
        signature = (_SIGNATURE, tuple(flat), single, tuple(feeds))
        with self._lock:
            executable = self._executables.get(signature)
            if executable is None:
                executable = Executable(flat, list(feeds), single, Context(self._runtime, self._lock, self._growth))
                if self._config.placement_period and len(self._runtime.devices) > 1:
                    executable = Relearning(executable, self._config.placement_period, self._config.cost_model, self._config.log_device_placement)
                self._executables[signature] = executable
        return executable, rebuild, feeds

    def _observed(self, executable, feed_dict, timeout, options, run_metadata):
        """A run that fills in what options ask for."""
        if not isinstance(run_metadata, RunMetadata):
            raise TypeError(f"run_metadata must be a tf.RunMetadata, but got {type(run_metadata)}")
        if options is not None and options.output_partition_graphs:
            from .partition_graphs import PartitionGraph
            run_metadata.partition_graphs = [PartitionGraph(part) for part in executable.variant(feed_dict or {}).program]
        if options is None or options.trace_level == RunOptions.NO_TRACE:
            return executable.run(feed_dict, timeout)
        from .cost_graph import cost_graph
        from .trace import step_stats

        def tracer(step):
            run_metadata.step_stats = step_stats(step)
            run_metadata.cost_graph = cost_graph(step, run_metadata.step_stats)
        return executable.run(feed_dict, timeout, tracer)

    def explain(self, fetches, feed_dict=None):
        """What run(fetches, feed_dict) will execute: an Explanation, which prints as a table per device (minitf.session.explain)."""
        from .explain import Explanation
        from .unordered import note, unordered_writes
        executable, _, feeds = self._prepare(fetches, feed_dict)
        return Explanation(executable.variant(feeds), [note(*found) for found in unordered_writes(executable.fetches, feeds)])

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
        from .partial_run import PartialRun
        if not isinstance(handle, PartialRun):
            raise InvalidArgumentError(None, None, f"Must run 'setup' before performing partial runs! {handle!r} is no handle of partial_run_setup.")
        return handle.run(fetches, feed_dict or {})

    def make_callable(self, fetches, feed_list=None, accept_options=False):
        """A function of the values of feed_list, in their order, that runs fetches.

        accept_options: it takes options= and run_metadata= as run() does.  The function raises TypeError for another number of values.
        """
        if feed_list is not None and not isinstance(feed_list, (list, tuple)):
            raise TypeError(f"feed_list must be a list or tuple, got {feed_list!r}")
        tensors = list(fed_tensors({t: None for t in feed_list or ()}, self.graph))
        flatten(fetches, self.graph)                      # what can not be fetched is found now

        def call(*values, **options):
            if len(values) != len(tensors):
                raise TypeError(f"This callable takes {len(tensors)} values ({', '.join(t.name for t in tensors) or 'no feeds'}), got {len(values)}")
            if options and not (accept_options and options.keys() <= {"options", "run_metadata"}):
                raise TypeError(f"This callable takes no {', '.join(options)}" + ("" if accept_options else "; make_callable(..., accept_options=True) makes one that takes options and run_metadata"))
            return self.run(fetches, dict(zip(tensors, values)), **options)
        return call

    def list_devices(self):
        """This session's devices: objects with name, device_type and memory_limit_bytes."""
        return [DeviceAttributes(name) for name in self._runtime.devices]

    @property
    def graph_def(self):
        """The graph as a GraphDef."""
        return self.graph.as_graph_def()

    # ---- life -------------------------------------------------------------------------------------------------------------

    def close(self):
        """Free what the session holds: variables, plans, threads.  A closed session can not be used; a step that runs ends with a CancelledError."""
        self._closed = True
        executables, self._executables = set(self._executables.values()), {}
        for executable in executables:
            executable.cancel()
        self._runtime.resources.clear([c for c, _ in list(self._runtime.resources._resources)])
        self._runtime.stop()

    @staticmethod
    def reset(target, containers=None, config=None):
        """Clear containers of a server.  A session with target '' owns its state alone, so there is nothing to clear."""
        _check_target(target)

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


class DeviceAttributes:
    """A device as Session.list_devices() tells of it."""

    def __init__(self, name):
        self.name, self.device_type = name, parse_device(name).device_type
        self.memory_limit_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")

    def __repr__(self):
        return f"DeviceAttributes({self.name}, {self.device_type}, {self.memory_limit_bytes})"


def _check_target(target):
    if target not in ("", b"", "local", b"local"):
        raise InvalidArgumentError(None, None, f"No session target {target!r}: only '' (this process) is there")


def _timeout(options, otherwise):
    if not isinstance(options, RunOptions):
        raise TypeError(f"options must be a tf.RunOptions, but got {type(options)}")
    return options.timeout_in_ms / 1000 if options.timeout_in_ms else otherwise


def _session_for(graph, session, does, what, call):
    explicit = f"an explicit session to `{call}(session=sess)`"
    given, session = session is not None, session or get_default_session()
    if session is None:
        raise ValueError(f"Cannot {does} {what} using `{call}()`: No default session is registered. Use `with sess.as_default()` or pass {explicit}")
    if session.graph is not graph:
        raise ValueError(f"Cannot use the {'given' if given else 'default'} session to {does} {what}: the {what}'s graph is different from the "
                         f"session's graph." + ("" if given else f" Pass {explicit}."))
    return session


@register_hook("eval")
def _eval(tensor, feed_dict, session):
    return _session_for(tensor.graph, session, "evaluate", "tensor", "eval").run(tensor, feed_dict)


register_hook("default_session")(get_default_session)


@register_hook("program_of")
def _program_of(graph, session, fetches, feed_dict):
    """The nodes of a run as they are before anything is placed; of the whole graph where fetches is None."""
    if fetches is None:
        return whole_program(graph).nodes
    executable, _, feeds = session._prepare(fetches, feed_dict)
    context = executable.context
    return context.program(executable, tuple([context.array_of(t, v).shape for t, v in feeds.items()])).nodes


@register_hook("run")
def _run(operation, feed_dict, session):
    return _session_for(operation.graph, session, "execute", "operation", "run").run(operation, feed_dict)
