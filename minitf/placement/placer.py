"""The placer: which device each node of a program runs on.

Constraints come first (constraints.py).  Among the devices that they leave, the first is taken; with a cost model, the execution is
simulated, and each node goes where it would end first (greedy.py).  What holds state is placed once, for good: by the whole graph,
since the program that runs first is mostly the one that initializes, and that does not tell where a variable will be used.
"""
from ..core.devices import parse_device
from ..core.errors import ResourceExhaustedError
from ..core.registry import is_resource
from .constraints import groups_of
from .greedy import Work, best
from .static_costs import is_free

INITIALIZES = ("Assign",)


class Placement:
    """How a program was placed.

    groups    [Group] (constraints.py)
    work      the plain data that the placer was given, with nodes as nodes; None where there was no choice to make
    schedule  the Schedule that it found, or None
    """

    def __init__(self, groups, work=None, schedule=None):
        self.groups, self.work, self.schedule = groups, work, schedule


def place(nodes, devices, allow_soft_placement=False, fixed=None, model=None):
    """Set node.device to a full device name for every node.  Returns the Placement, or None where there is but one device and no request.

    devices  full names, the preferred first
    fixed    {node name: device} of stateful nodes that an earlier run placed: they stay
    model    a CostModel; None: the first device that is feasible
    InvalidArgumentError if a group has no feasible device: it names the members, what they ask for, and the kernels there are.
    ResourceExhaustedError if the model limits devices' memory, and a node finds no room.
    """
    if len(devices) == 1 and not any(n.device for n in nodes):
        for node in nodes:
            node.device = devices[0]
        return None
    placement = plan_placement(nodes, devices, allow_soft_placement, fixed, model)
    for group in placement.groups:
        device = device_of(group, placement)
        for node in group.members:
            node.device = device
    return placement


def plan_placement(nodes, devices, soft, fixed, model):
    """The Placement of the nodes, which are left as they are."""
    groups = groups_of(nodes, devices, soft, fixed)
    for group in groups:
        if group.error is not None:
            raise group.error
    if model is None or len(devices) == 1:
        return Placement(groups)
    work = work_of(groups, nodes, devices, model)
    return Placement(groups, work, best(work))


def device_of(group, placement):
    """Where a placement puts a group."""
    if placement.schedule is not None:
        for node in group.members:
            if node in placement.schedule.device:
                return placement.schedule.device[node]
    return group.devices[0]


def work_of(groups, nodes, devices, model):
    """The plain data that the greedy placer takes.  What is known before the run is copied to where it is used, and is not in it."""
    moving = {n for n in nodes if not is_copied(n)}
    work = Work({}, [], model.transfer_time, [], limits=model.memory_limits, devices=devices)
    allowed = {}
    for group in groups:
        members = [n for n in group.members if n in moving]
        if len(members) > 1:
            work.groups.append(members)
        allowed.update(dict.fromkeys(members, group.devices or devices))
    for node in nodes:
        if node not in moving:
            continue
        work.times[node] = _times(node, allowed[node], model)
        for n, i in node.inputs:
            if n in moving:
                work.edges.append((n, node, 0 if n.dtypes[i].is_ref_dtype else model.nbytes(n, i), i))
        work.edges += [(n, node, 0, None) for n in node.controls if n in moving]
        if holds_state(node):
            work.state[node] = model.nbytes(node, 0)
        elif is_free(node):
            work.views.add(node)
    return work


def _times(node, devices, model):
    if model.is_measured(node.name):
        return {d: model.time(node, d) for d in devices}
    of_type = {}
    for d in devices:
        kind = parse_device(d).device_type
        if kind not in of_type:
            of_type[kind] = model.time(node, d)
    return {d: of_type[parse_device(d).device_type] for d in devices}


def is_copied(node):
    """Whether every device that uses it has it before the run."""
    return node.type in ("_Feed", "Const") or node.values is not None


def holds_state(node):
    """Whether the node stands for what outlives a step: a variable, a queue."""
    return is_resource(node.type)


def homes(nodes, devices, allow_soft_placement=False, fixed=None, model=None):
    """{name: device} for everything among the nodes that holds state and is not in `fixed`.  nodes: of a whole graph.

    A group that cannot be placed is left out; whoever runs it will be told.
    """
    groups = groups_of(nodes, devices, allow_soft_placement, fixed)
    placement = Placement(groups)
    if model is not None:
        at_work = _at_work(nodes, model)
        placement.work = work_of(groups, [n for n in nodes if n in at_work], devices, model)
        try:
            placement.schedule = best(placement.work)
        except ResourceExhaustedError:                  # no step runs all of the graph at once: only what stays must find room
            placement.work.edges = [(n, user, 0, i) for n, user, _, i in placement.work.edges]
            placement.schedule = best(placement.work)
    return {n.name: device_of(g, placement) for g in groups if g.error is None for n in g.members if holds_state(n) and n.name not in (fixed or {})}


def _at_work(nodes, model):
    """The nodes that tell where a variable will be used: those that steps have shown, or else all that do not give it its first value."""
    roots = [n for n in nodes if model.is_measured(n.name) and n.type not in INITIALIZES]
    if not roots:
        used = {m for n in nodes for m in (*(source for source, _ in n.inputs), *n.controls)}
        roots = [n for n in nodes if n not in used and n.type not in INITIALIZES]
    found, stack = set(roots), roots
    while stack:
        node = stack.pop()
        for n in (*(source for source, _ in node.inputs), *node.controls):
            if n not in found and n.type not in INITIALIZES:
                found.add(n)
                stack.append(n)
    return found
