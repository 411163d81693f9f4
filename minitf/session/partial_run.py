"""partial_run: one step in several calls.

    handle = sess.partial_run_setup([a, b], [x, y])
    a_value = sess.partial_run(handle, a, {x: 1.})
    b_value = sess.partial_run(handle, b, {y: 2. * a_value})       # goes on; nothing that ran for `a` runs again

Each call runs what its fetches need and has not run yet, as an ordinary run of the session: what later parts of the step will need of
its results is fetched with it and kept, and fed to them.  So a handle holds values, but no thread and no lock on the session, and may
be dropped at any time.  An operation runs at most once per handle: a random value, a snapshot of a variable taken by `name/read` and
the effect of an assignment are those of the part that came first.  Constants, and what follows from constants alone, belong to every part.

The plans of the parts are kept by the session, under what has been fed and fetched so far: a loop of partial runs prepares nothing
after its first round.
"""
import threading

import numpy as np

from ..core.errors import FailedPreconditionError, InvalidArgumentError
from ..core.registry import is_resource
from ..graph.operation import Operation, Tensor
from .executable import Executable
from .fetches import flatten
from .prune import needed, undone, unfed
from .pipeline import Context


class PartialRun:
    """A step in progress, made by Session.partial_run_setup(fetches, feeds).

    fetches  what may be asked for, each once: tensors, operations, names, nested as in Session.run
    feeds    the tensors that may be fed, each once; they stay without a value until they are
    ValueError or TypeError for what is not in the graph, InvalidArgumentError if a fetch needs a placeholder that is not among the feeds.
    """

    def __init__(self, session, fetches, feeds):
        if session._closed:
            raise RuntimeError("Attempted to use a closed Session.")
        flat, _ = flatten(fetches, session.graph)
        tensors = [session.graph.as_graph_element(t, allow_operation=False) for t in feeds]
        if not flat:
            raise InvalidArgumentError(None, None, "partial_run_setup needs at least one fetch")
        if len(set(tensors)) < len(tensors):
            raise ValueError(f"{next(t for t in tensors if tensors.count(t) > 1).name} is listed twice among the feeds of partial_run_setup")
        key = PartialRun, tuple(flat), tuple(tensors)
        with session._lock:
            setup = session._executables.get(key)
            if setup is None:
                setup = session._executables[key] = _Setup(flat, tensors, Context(session._runtime, session._lock))
        self._session, self._setup = session, setup
        self._part = setup.first
        self._values = {}             # tensor -> its value, for what later parts need
        self._error = None
        self._lock = threading.Lock()

    def run(self, fetches, feed_dict):
        """Go on: the values of `fetches`, in their form.  feed_dict: feeds that were named in the setup and not given yet.

        InvalidArgumentError if something is fed or fetched twice or was not named in the setup, or if a fetch needs a feed that was
        not given yet; the handle may still be used then.  After an error in the step itself it may not: FailedPreconditionError.
        """
        session, setup = self._session, self._setup
        with self._lock:
            if session._closed:
                raise RuntimeError("Attempted to use a closed Session.")
            if self._error is not None:
                raise FailedPreconditionError(None, None, "This partial run failed in an earlier part; begin a new one with partial_run_setup. "
                                              f"It was: {self._error}")
            flat, rebuild = flatten(fetches, session.graph)
            feeds = setup.check_feeds(feed_dict, self._part, session.graph)
            setup.check_fetches(flat, self._part)
            move = self._part.moves.get((tuple(flat), tuple(feeds)))
            if move is None:
                with session._lock:
                    move = self._part.moves[tuple(flat), tuple(feeds)] = setup.plan_move(self._part, flat, feeds)
            values = {**self._values, **feeds}
            if move.executable is not None:
                try:
                    results = move.executable.run({t: values[t] for t in move.executable.feeds}, session._timeout)
                except BaseException as error:
                    self._error = error
                    self._values = {}
                    raise
                values.update((t, r) for t, r in zip(move.executable.fetches, results) if isinstance(t, Tensor))
            self._part = move.part
            self._values = {t: _own(values[t]) if t in feeds else values[t] for t in move.part.kept}
            return rebuild([None if isinstance(f, Operation) else _own(values[f]) if f in move.shared else values[f] for f in flat])

    def __repr__(self):
        part = self._part
        left = [f.name for f in self._setup.fetches if f not in part.fetched]
        if self._error is not None:
            return "<PartialRun: failed>"
        return f"<PartialRun: fed {sorted(t.name for t in part.given)}, still to fetch {left}, keeps {sorted(t.name for t in part.kept)}>"


def _own(value):
    """A copy that the caller may change; a NumPy scalar for rank 0."""
    return np.array(value, object if isinstance(value, bytes) else None)[()]


class _Part:
    """How far a step has come: which feeds are given, what has been fetched, which operations have run, which values are kept."""

    def __init__(self, given, fetched, done, kept):
        self.given, self.fetched, self.done, self.kept = given, fetched, done, kept
        self.moves = {}               # (fetches, feeds of a call) -> _Move


class _Move:
    """A call from one part to the next: what it runs (None: nothing is left to run), and which results the caller must not share."""

    def __init__(self, executable, part, shared):
        self.executable, self.part, self.shared = executable, part, shared


class _Setup:
    """What the handles of one setup have in common: the operations of the whole step, and the parts it has been cut into so far."""

    def __init__(self, fetches, feeds, context):
        self.fetches, self.feeds, self.context = dict.fromkeys(fetches), dict.fromkeys(feeds), context
        self.placeholders = {t.op for t in feeds if t.op.type == "Placeholder"}
        roots = [f if isinstance(f, Operation) else f.op for f in fetches if f not in self.feeds]
        self.operations = sorted(needed(roots, self.feeds), key=lambda op: op._id)
        for op in self.operations:
            if op.type == "Placeholder" and op not in self.placeholders:
                raise unfed(op)
        self.constant = set()         # operations that every part may have for itself
        for op in self.operations:
            if op.type == "Const" or op.inputs and not op.op_def.is_stateful and not op.control_inputs and \
                    all(t.op in self.constant and t not in self.feeds for t in op.inputs):
                self.constant.add(op)
        self.first = _Part(frozenset(), frozenset(), frozenset(), frozenset())
        self.parts, self.executables = {}, []

    def cancel(self):
        """End what runs now of any of the handles' steps."""
        for executable in self.executables:
            executable.cancel()

    def check_feeds(self, feed_dict, part, graph):
        """{tensor: array} of a call's feeds."""
        feeds = {}
        for fed, value in feed_dict.items():
            tensor = graph.as_graph_element(fed, allow_operation=False)
            if tensor not in self.feeds:
                raise InvalidArgumentError(None, None, f"The feed {tensor.name} was not named in partial_run_setup; "
                                           f"it has {', '.join(t.name for t in self.feeds) or 'none'}")
            if tensor in part.given or tensor in feeds:
                raise InvalidArgumentError(None, None, f"{tensor.name} has been fed already in this partial run")
            feeds[tensor] = self.context.array_of(tensor, value)
        return feeds

    def check_fetches(self, fetches, part):
        for f in fetches:
            if f not in self.fetches:
                raise InvalidArgumentError(None, None, f"The fetch {f.name} was not named in partial_run_setup; "
                                           f"it has {', '.join(f.name for f in self.fetches)}")
            if f in part.fetched:
                raise InvalidArgumentError(None, None, f"{f.name} has been fetched already in this partial run")

    def plan_move(self, part, fetches, feeds):
        """The _Move for a call: find what is to run, and what of its results the rest of the step needs."""
        given = part.given.union(feeds)
        have = part.kept | given
        to_run = [f for f in fetches if f not in part.done and f not in have]
        roots = [f if isinstance(f, Operation) else undone(f, part.done).op for f in to_run if f not in self.feeds]
        operations = needed(roots, have.union(self.feeds), part.done)
        self._check_given(fetches, operations, given, part)
        ran = {op for op in operations if op not in self.constant and op.type != "Placeholder" and not is_resource(op.type)}
        done = part.done | ran
        fetched = part.fetched.union(fetches)
        uses = {t for op in self.operations if op not in done and op not in self.constant for t in op.inputs}
        uses.update(f for f in self.fetches if f not in fetched and isinstance(f, Tensor))
        made = [t for op in operations if op in ran for t in op.outputs if t in uses and t not in self.feeds and not t.dtype.is_ref_dtype]
        kept = frozenset(t for t in uses if t in have).union(made)
        executable = None
        if to_run:
            inputs = dict.fromkeys(t for op in operations for t in op.inputs if t in have)
            run_feeds = sorted(inputs, key=lambda t: (t.op._id, t.value_index))
            before = part.done.union(op for op in self.placeholders if op.outputs[0] in given)
            executable = Executable(list(dict.fromkeys(to_run + made)), run_feeds, False, self.context, before)
            self.executables.append(executable)
        key = given, fetched, done, kept
        following = self.parts.get(key)
        if following is None:
            following = self.parts[key] = _Part(*key)
        return _Move(executable, following, {f for f in fetches if f in kept or f in self.feeds})

    def _check_given(self, fetches, operations, given, part):
        """InvalidArgumentError if something must be fed before these fetches can be had."""
        wanted = {t for op in operations for t in op.inputs}.union(f for f in fetches if isinstance(f, Tensor))
        waits = {c for op in operations for c in op.control_inputs} - part.done
        missing = [t for t in self.feeds if t not in given and (t in wanted or t.op in waits and t.op in self.placeholders)]
        if missing:
            raise InvalidArgumentError(None, missing[0].op, f"{', '.join(f.name for f in fetches)} can not be computed yet: "
                                       f"{', '.join(t.name for t in missing)} must be fed first")
