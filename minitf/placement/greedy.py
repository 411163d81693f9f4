"""The greedy placer of the white paper (section 3.2.1), as a function of plain data: no graph, no session.

    work = Work(times={"a": {"CPU:0": 4, "CPU:1": 4}, "b": {"CPU:0": 4, "CPU:1": 4}, "c": {"CPU:0": 1, "CPU:1": 1}},
                edges=[("a", "c", 1000), ("b", "c", 1000)],
                transfer=lambda nbytes, source, destination: 1 + nbytes / 1000)
    print(place(work))

The placer simulates the execution from the sources on.  When a node is ready, every device that may run it is looked at:

    arrival(d) = the latest of its inputs on d: the end of the node that makes it, and the transfer, if that is elsewhere
    start(d)   = max(arrival(d), when d has done what it was given before); what takes no time does not wait for d
    end(d)     = start(d) + time of the node on d

and the node goes where it ends first.  The paper leaves open what is decided so here:

* A device does one thing at a time, in the order in which it was given its work.  Transfers take no device's time, and do not
  disturb one another.
* A tensor goes to a device once, however many nodes there use it: the first that does pays.
* Ready nodes are taken as they become ready; of those that become ready together, the first in `times`.  (order="path": among all that
  are ready, the one first from which the longest way leads to the end of the graph.)
* Of devices where a node would end at the same time, the first in `devices` is taken.
* The first member of a group that is placed fixes the device of all.
* A source that takes no time (a variable) would go to the first device, wherever it is used.  It waits, and goes where the first node
  that uses it goes.
* A device where a node's results would not find room is not looked at (limits).

Greedy looks one node ahead: it may move work to a device from which the results take longer to return than the work took.  best() therefore
compares what place() finds with each single device, and takes the better.
"""
import heapq
from dataclasses import dataclass, field

from ..core.errors import ResourceExhaustedError
from ..core.swap import swappable


def free(nbytes, source, destination):
    """The transfer that takes no time."""
    return 0.0


@dataclass
class Work:
    """What is to be placed.

    times     {node: {device: time}}: the devices that may run a node are the keys.  Nodes are any hashable values
    edges     [(source, target, bytes)] or [(source, target, bytes, output)]: edges with the same source and output (0 if not given) are one
              tensor.  Output None is a control edge: nothing but the order crosses, and that takes transfer(0, ...)
    transfer  function(bytes, source device, destination device) -> time; not called within a device
    groups    [[node, ...]]: the nodes of each must be on one device
    fixed     {node: device}: placed already
    limits    {device: bytes} that may be alive there at a time: the results that nodes there made or received, from when they are placed
              until their last user is, and `state` for ever.  What a device is not given a limit for is not counted
    state     {node: bytes} that stay on the node's device: the value of a variable
    views     nodes whose results take no memory of their own where they are made: a variable's snapshot
    devices   the order in which ties are broken; if not given, as the devices come in `times`
    """
    times: dict
    edges: list = ()
    transfer: object = free
    groups: list = ()
    fixed: dict = field(default_factory=dict)
    limits: dict = field(default_factory=dict)
    state: dict = field(default_factory=dict)
    views: set = field(default_factory=set)
    devices: list = None


@dataclass
class Transfer:
    """A tensor's way from one device to another: output `output` of `node`."""
    node: object
    output: object
    source: str
    destination: str
    nbytes: int
    start: float
    end: float


class Schedule:
    """A placement with the execution that was simulated.

    device      {node: device}, in the order in which the nodes were placed
    start, end  {node: time}
    transfers   [Transfer]
    makespan    when the last node ends
    considered  {node: {device: (arrival, start, end)}}: what each device that was looked at would have meant; arrival, start and end are
                None where there was no room
    how         "ready" or "path", the order in which nodes were placed; of best(), "single" where everything is on one device
    compared    of best(): [Schedule] of what was tried, itself among them
    """

    def __init__(self, how):
        self.how, self.compared = how, []
        self.device, self.start, self.end, self.transfers, self.considered = {}, {}, {}, [], {}

    @property
    def makespan(self):
        return max(self.end.values(), default=0.0)

    def on(self, device):
        """[(start, end, node)] of a device, in order of execution."""
        return [(self.start[n], self.end[n], n) for n, d in self.device.items() if d == device]

    def __str__(self):
        """A line per device: what it does, and when."""
        lines = []
        for device in sorted(set(self.device.values()), key=str):
            lines.append(f"{device}: " + ", ".join(f"{node} {start:g}-{end:g}" for start, end, node in self.on(device)))
        for t in self.transfers:
            what = t.node if t.output in (0, None) else f"{t.node}:{t.output}"
            lines.append(f"{what} from {t.source} to {t.destination} {t.start:g}-{t.end:g}")
        return "\n".join([*lines, f"all done at {self.makespan:g}"])


def place(work, order="ready"):
    """The Schedule that the greedy placer finds.  order: "ready" or "path" (see above).

    ValueError if the edges form a circle, or a group has no device that may run all of it; ResourceExhaustedError if a node finds no room.
    """
    return _Simulation(work).run(order)


def simulate(work, placement):
    """The Schedule of a given placement {node: device}, under the same rules.  Memory limits and groups are not looked at."""
    only = {node: {placement[node]: times[placement[node]]} for node, times in work.times.items()}
    return _Simulation(Work(only, work.edges, work.transfer, devices=work.devices)).run("ready")


def single_device(work):
    """[Schedule] of all nodes on one device, for each device that may run them all and has room."""
    found = []
    for device in devices_of(work):
        if all(device in times for times in work.times.values()) and all(d == device for d in work.fixed.values()):
            only = {node: {device: times[device]} for node, times in work.times.items()}
            try:
                found.append(_Simulation(Work(only, work.edges, work.transfer, (), {}, work.limits, work.state, work.views, work.devices)).run("ready", "single"))
            except ResourceExhaustedError:
                pass
    return found


def best(work):
    """The Schedule with the least makespan among those of place(), in both orders, and of each single device; the first of equal ones.

    A single device is preferred: work is only divided where that ends sooner.
    """
    candidates, failure = single_device(work), None
    for order in ("ready", "path"):
        try:
            candidates.append(place(work, order))
        except ResourceExhaustedError as error:         # in the other order it may fit
            failure = failure or error
    if not candidates:
        raise failure
    found = min(candidates, key=lambda schedule: schedule.makespan)
    found.compared = candidates
    return found


def devices_of(work):
    """The devices in the order in which ties are broken."""
    return list(dict.fromkeys(d for times in work.times.values() for d in times)) if work.devices is None else list(work.devices)


@swappable
def ways_to_the_end(work):
    """{node: the longest way from its start to the end of the graph}: its time and those behind it, with the transfers between them.

    A time is the mean over the devices that may run the node; a transfer the mean over all pairs of devices, of which those within a device
    take 0.
    ValueError if the edges form a circle.
    """
    inputs = {node: {} for node in work.times}                    # node -> {source: the most bytes that it takes from there}
    users = dict.fromkeys(work.times, 0)
    for source, target, nbytes, *output in work.edges:
        if source not in inputs[target]:
            users[source] += 1
        inputs[target][source] = max(inputs[target].get(source, 0), 0 if output == [None] else nbytes)
    devices, mean = devices_of(work), {}
    way, ready = dict.fromkeys(work.times, 0.0), [node for node, count in users.items() if not count]
    for node in ready:                                            # it grows: from the end on, each behind all that use it
        times = work.times[node].values()
        way[node] += sum(times) / len(times)
        for source, nbytes in inputs[node].items():
            if nbytes not in mean:
                mean[nbytes] = sum(work.transfer(nbytes, a, b) for a in devices for b in devices if a != b) / len(devices) ** 2
            way[source] = max(way[source], mean[nbytes] + way[node])
            users[source] -= 1
            if not users[source]:
                ready.append(source)
    if len(ready) < len(way):
        raise ValueError(f"The edges form a circle through {next(n for n in way if users[n])}")
    return way


class _Simulation:
    def __init__(self, work):
        self.work, self.schedule = work, None
        self.inputs = {node: [] for node in work.times}           # node -> [(source, output)], each tensor once
        self.users = {node: [] for node in work.times}            # node -> [node], one entry per tensor that it gives
        self.nbytes, self.remaining = {}, {}                      # of a tensor; how many of its users are not placed yet
        for source, target, nbytes, *output in work.edges:
            tensor = source, output[0] if output else 0
            if tensor not in self.inputs[target]:
                self.inputs[target].append(tensor)
                self.users[source].append(target)
                self.nbytes[tensor] = 0 if tensor[1] is None else nbytes
                self.remaining[tensor] = self.remaining.get(tensor, 0) + 1
        self.outputs = {node: [] for node in work.times}
        for tensor in self.nbytes:
            self.outputs[tensor[0]].append(tensor)
        self.rank = {d: k for k, d in enumerate(devices_of(work))}
        self.free = dict.fromkeys(self.rank, 0.0)
        self.arrived = {}                                         # (tensor, device) -> when it is there
        self.used = dict.fromkeys(work.limits, 0)
        self.holds = {}                                           # tensor -> {device: bytes} where its memory is counted
        self._make_groups()

    def _make_groups(self):
        """group_of[node]; of a group: members, the devices that may run all of them, and the one that it is fixed to."""
        self.group_of, self.groups = {}, []
        for members in [*self.work.groups, *([n] for n in self.work.times)]:
            members = [n for n in dict.fromkeys(members) if n in self.work.times]
            if not members or len(members) == 1 and members[0] in self.group_of:
                continue
            devices = [d for d in self.rank if all(d in self.work.times[n] for n in members)]
            fixed = {self.work.fixed[n] for n in members if n in self.work.fixed}
            if len(fixed) > 1 or not devices or fixed and not fixed <= set(devices):
                raise ValueError(f"No device may run all of {members}" + (f", which are placed on {sorted(fixed)}" if fixed else ""))
            group = _Group(devices, sum(self.work.state.get(n, 0) for n in members))
            for n in members:
                if self.group_of.setdefault(n, group) is not group:
                    raise ValueError(f"{n} is in two groups: join them")
            if fixed:
                self._fix(group, fixed.pop())
            self.groups.append(group)

    def _fix(self, group, device):
        group.device = device
        if device in self.used:
            self.used[device] += group.state

    def run(self, order, how=None):
        if order not in ("ready", "path"):
            raise ValueError(f"order must be 'ready' or 'path', got {order!r}")
        self.schedule = Schedule(how or order)
        missing = {node: len(inputs) for node, inputs in self.inputs.items()}
        position = {node: k for k, node in enumerate(missing)}
        urgency = ways_to_the_end(self.work) if order == "path" else None
        ready_at = dict.fromkeys(missing, 0.0)
        nodes = list(missing)
        heap = [(0.0 if urgency is None else -urgency[n], position[n]) for n in nodes if not missing[n]]
        heapq.heapify(heap)
        floating = {}                                             # node -> None: sources that wait for their first user
        while heap:
            node = nodes[heapq.heappop(heap)[1]]
            if self._floats(node, floating):
                floating[node] = None
                end = 0.0
            else:
                end = self._place(node, floating)
            for user in self.users[node]:
                missing[user] -= 1
                ready_at[user] = max(ready_at[user], end)
                if not missing[user]:
                    heapq.heappush(heap, (ready_at[user] if urgency is None else -urgency[user], position[user]))
        for node in list(floating):                               # nobody uses these
            if node in floating:
                self._settle(self.group_of[node], self._home(self.group_of[node]), node, floating)
        if len(self.schedule.device) < len(nodes):
            raise ValueError(f"The edges form a circle through {next(n for n in nodes if missing[n])}")
        return self.schedule

    def _floats(self, node, floating):
        """Whether a node waits for its first user: no work, and no inputs but others of its group that wait."""
        group = self.group_of[node]
        return group.device is None and all(source in floating and self.group_of[source] is group for source, _ in self.inputs[node]) \
            and not any(self.work.times[node].values())

    def _settle(self, group, device, because, floating):
        """Fix a group, and place those of its members that waited for that."""
        if device is None:
            raise self._no_room(because, group.devices)
        self._fix(group, device)
        for node in [n for n in floating if self.group_of[n] is group]:
            del floating[node]
            self.schedule.device[node], self.schedule.start[node], self.schedule.end[node] = device, 0.0, 0.0
            self.schedule.considered[node] = {d: (0.0, 0.0, 0.0) for d in group.devices}
            self._count(node, device)

    def _place(self, node, floating):
        """Put a node where it ends first.  Returns when that is."""
        group = self.group_of[node]
        chosen, looked_at = None, {}
        for device in group.devices if group.device is None else (group.device,):
            if not self._has_room(self._needs(node, device) + (group.state if group.device is None else 0), device):
                looked_at[device] = None, None, None
                continue
            arrival = max((self._arrival(tensor, device, floating) for tensor in self.inputs[node]), default=0.0)
            time = self.work.times[node][device]
            start = max(arrival, self.free[device]) if time else arrival
            end = start + time
            looked_at[device] = arrival, start, end
            if chosen is None or end < looked_at[chosen][2]:
                chosen = device
        if chosen is None:
            raise self._no_room(node, looked_at)
        for source, _ in self.inputs[node]:
            if source in floating:
                self._settle(self.group_of[source], self._home(self.group_of[source], chosen), source, floating)
        if group.device is None:
            self._settle(group, chosen, node, floating)
        for tensor in self.inputs[node]:
            self._receive(tensor, chosen)
        self._count(node, chosen)
        schedule = self.schedule
        schedule.considered[node], schedule.device[node] = looked_at, chosen
        _, schedule.start[node], schedule.end[node] = looked_at[chosen]
        self.free[chosen] = max(self.free[chosen], schedule.end[node])
        return schedule.end[node]

    def _home(self, group, device=None):
        """Where a group that waits would go if its user went to `device`; None if it finds no room."""
        if device in group.devices and self._has_room(group.state, device):
            return device
        return next((d for d in group.devices if self._has_room(group.state, d)), None)

    def _arrival(self, tensor, device, floating):
        """When a tensor would be on a device."""
        source = tensor[0]
        there = self.arrived.get((tensor, device))
        if there is not None:
            return there
        home, end = self.schedule.device.get(source), self.schedule.end.get(source, 0.0)
        if source in floating:
            home = self._home(self.group_of[source], device)
        return end if home == device or home is None else end + self.work.transfer(self.nbytes[tensor], home, device)

    def _receive(self, tensor, device):
        source, output = tensor
        home, end = self.schedule.device[source], self.schedule.end[source]
        if home != device and (tensor, device) not in self.arrived:
            there = self.arrived[tensor, device] = end + self.work.transfer(self.nbytes[tensor], home, device)
            self.schedule.transfers.append(Transfer(source, output, home, device, self.nbytes[tensor], end, there))

    # ---- memory -----------------------------------------------------------------------------------------------------------

    def _needs(self, node, device):
        """Bytes that a node takes on a device: for its results, and for what it must receive."""
        if device not in self.used:
            return 0
        received = [t for t in self.inputs[node] if device not in self.holds.get(t, (device,))]
        return sum(self.nbytes[t] for t in (*received, *(() if node in self.work.views else self.outputs[node])))

    def _has_room(self, nbytes, device):
        return device not in self.used or self.used[device] + nbytes <= self.work.limits[device]

    def _count(self, node, device):
        """The node is placed: its results are alive, and its inputs where it was their last user are no more."""
        if not self.used:
            return
        for tensor in self.outputs[node]:
            self._hold(tensor, device, 0 if node in self.work.views else self.nbytes[tensor])
        for tensor in self.inputs[node]:
            self._hold(tensor, device, self.nbytes[tensor])
            self.remaining[tensor] -= 1
            if not self.remaining[tensor]:
                for d, nbytes in self.holds.pop(tensor).items():
                    if d in self.used:
                        self.used[d] -= nbytes

    def _hold(self, tensor, device, nbytes):
        holds = self.holds.setdefault(tensor, {})
        if device not in holds:
            holds[device] = nbytes
            if device in self.used:
                self.used[device] += nbytes

    def _no_room(self, node, devices):
        have = ", ".join(f"{d}: {self.used[d]:,} of {self.work.limits[d]:,} bytes in use" for d in devices if d in self.used)
        return ResourceExhaustedError(None, getattr(node, "op", None), f"No device has room for '{getattr(node, 'name', node)}' ({have})")


class _Group:
    __slots__ = ("devices", "state", "device")

    def __init__(self, devices, state):
        self.devices, self.state, self.device = devices, state, None
