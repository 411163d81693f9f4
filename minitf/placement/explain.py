"""explain_placement(): why is this op on that device?"""
from ..core.config import ConfigProto
from ..core.devices import canonical_name, full_name
from ..core.errors import OpError
from ..core.hooks import hook
from .constraints import groups_of
from .greedy import best
from .placer import Placement, device_of, is_copied, work_of


class PlacementExplanation:
    """Why an op is where it is.  str() tells it.

    op         the Operation; for one in the body of a cond or a loop, that, since it runs wholly on one device
    requested  what it asks for, canonical; '' is anything
    group      the Group that it shares a device with (minitf.placement.constraints)
    device     where it goes; None if it cannot be placed, or is on every device that uses it
    considered {device: (arrival, start, end)} of the simulated execution, in microseconds, as the greedy placer saw them; empty without a
               cost model
    error      the OpError, if it cannot be placed
    """

    def __init__(self, op, group, placement, node, error, asked=None):
        self._asked = op if asked is None else asked
        self.op, self.requested, self.group, self.error = op, canonical_name(op.device), group, error
        self._node, self._placement = node, placement
        self.is_copied = is_copied(node)
        compared = placement.schedule.compared if placement.schedule is not None else []
        self._greedy = next((s for s in (placement.schedule, *compared) if s is not None and s.how != "single"), placement.schedule)
        self.considered = self._greedy.considered.get(node, {}) if self._greedy is not None else {}
        self.device = None if error is not None or self.is_copied else device_of(group, placement)

    def __str__(self):
        source = str(self.op.source)
        inside = [] if self._asked is self.op else [f"'{self._asked.name}' ({self._asked.type}) is in a body of '{self.op.name}', all of which is on one device:"]
        lines = [*inside, f"'{self.op.name}' ({self.op.type})" + (f", made at {source}" if source else ""),
                 f"  requested device: {self.requested or '(any)'}"]
        lines += self._members()
        lines.append("  devices:")
        for device in self.group.devices:
            words = ["placed there by an earlier run, and what holds state stays" if device == self.group.home else "feasible"]
            if device in self.considered:
                words.append(_cost(*self.considered[device]))
            elif self.considered:
                words.append("but another member of the group was placed first")
            lines.append(f"    {_short(device)}: {'; '.join(words)}")
        lines += [f"    {_short(device)}: not feasible: {why}" for device, why in self.group.rejected.items()]
        return "\n".join([*lines, f"  choice: {self._choice()}"])

    __repr__ = __str__

    def _members(self):
        if len(self.group.members) < 2:
            return ["  it shares its device with no other op"]
        shown = [n for n in self.group.members if n is not self._node][:20]
        lines = [f"  shares its device with {len(self.group.members) - 1} other{'s' * (len(self.group.members) > 2)}:"]
        lines += [f"    {self.group.describe(n)}" for n in (self._node, *shown)]
        return lines + [f"    … {len(self.group.members) - 21} more"] * (len(self.group.members) > 21)

    def _choice(self):
        if self.error is not None:
            return f"none. {self.error.message}"
        if self.is_copied:
            return "its value is known before the step: every device that uses it has a copy"
        where = _short(self.device)
        schedule = self._placement.schedule
        if self.group.home is not None or len(self.group.devices) == 1:
            return f"{where}, the only one"
        if schedule is None:
            return f"{where}, the first that is feasible (no cost model)"
        if schedule.how == "single":
            others = f", and on several devices after {self._greedy.makespan:.1f}" if self._greedy.how != "single" else ""
            return f"{where}, as everything: the simulated step ends after {schedule.makespan:.1f} us there{others}"
        if self._node not in schedule.device:
            return f"{where}, the first that is feasible"
        return f"{where}, where it ends first in the simulated step, which takes {schedule.makespan:.1f} us"


def explain_placement(op, session=None, fetches=None, feed_dict=None):
    """Why an operation runs where it does: a PlacementExplanation, whose str() shows what it asks for, who it must be with, and each device.

    op       an Operation, Tensor or Variable
    session  whose devices, cost model and earlier placements count; by default the default session, or else one CPU device
    fetches, feed_dict   the run that is meant; by default the whole graph, with the shapes that it has without feeds
    It runs nothing, and works for an op that cannot be placed too.  ValueError if the run does not need the op.

    >>> print(tf.placement.explain_placement(add, sess))
    'add' (AssignAdd), made at train.py:7: add = v.assign_add(1.0)
      requested device: (any)
      shares its device with 3 others:
        'add' (AssignAdd) (any), because it takes a reference to 'v'
        'v' (VariableV2) /device:CPU:1
        'v/Assign' (Assign) /device:CPU:1, because it takes a reference to 'v' and of loc:@v
        'v/read' (_ReadVariable) /device:CPU:1, because it takes a reference to 'v' and of loc:@v
      devices:
        CPU:1: feasible
        CPU:0: not feasible: 'v' asks for /device:CPU:1
      choice: CPU:1, the only one
    """
    asked, op = getattr(op, "op", op), _around(getattr(op, "op", op))
    session = session or hook("default_session")()
    if session is None:
        devices, config, fixed = [full_name("CPU", 0)], ConfigProto(), {}
        nodes = hook("program_of")(op.graph, None, None, None)
    else:
        devices, config, fixed = session._runtime.devices, session._config, session._runtime.placed
        nodes = hook("program_of")(op.graph, session, fetches, feed_dict)
    node = next((n for n in nodes if n.op is op and n.type not in ("_Feed", "_ReadVariable")), None) or next((n for n in nodes if n.op is op), None)
    if node is None:
        raise ValueError(f"'{op.name}' ({op.type}) is not needed for {fetches!r}")
    groups = groups_of(nodes, devices, config.allow_soft_placement, fixed)
    group = next(g for g in groups if node in g.members)
    placement, error = Placement(groups), group.error
    if error is None and config.cost_model is not None and len(devices) > 1 and not any(g.error for g in groups):
        placement.work = work_of(groups, nodes, devices, config.cost_model)
        try:
            placement.schedule = best(placement.work)
        except OpError as failure:
            error = failure
    return PlacementExplanation(op, group, placement, node, error, asked)


def _around(op):
    """An op itself; of one in the body of a cond or a loop, the outermost of those."""
    while op.graph.outer is not None:
        body = op.graph
        op = next((o for o in body.outer.get_operations() if any(value is body for value in o.attrs.values())), None)
        if op is None:
            raise ValueError("The body that the op is in is not finished: its cond or loop is not made yet")
    return op


def _cost(arrival, start, end):
    if arrival is None:
        return "no room for its results"
    return f"inputs are there at {arrival:.1f} us, it starts at {start:.1f}, ends at {end:.1f}"


def _short(device):
    """'CPU:1' of the full name of a device in this process."""
    return device.rpartition("/device:")[2] if device.startswith("/job:localhost/") else device
