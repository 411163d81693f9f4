"""Devices with names, a graph that is cut into a program for each of them, and a placer that decides what runs
where.

Made from the cells of chapters/08_placement.py that are tagged `built`: change them there, then `make notebooks`.
"""
import heapq
import time
from collections import namedtuple
from contextlib import contextmanager
from copy import copy

import numpy as np

from .graph import Graph, Session, Tensor, needed
from .ops import op


def parse(name):
    """{field: text} of the name of a device; the fields are job, replica, task, type and index; a partial name has some."""
    spec = {}
    for part in filter(None, name.split("/")):
        key, *values = part.split(":")
        if key in ("job", "replica", "task"):
            spec[key] = values[0]
        else:
            kind, *index = values if key == "device" else [key, *values]
            spec.update(type=kind, **{"index": i for i in index if i})
    return spec


def name_of(spec):
    """The name that parse reads as this."""
    where = "".join(f"/{key}:{spec[key]}" for key in ("job", "replica", "task") if key in spec)
    return where + (f"/{spec['type']}" if "type" in spec else "") + (f":{spec['index']}" if "index" in spec else "")


def matches(wish, device):
    """Whether the device with this whole name will do."""
    have = parse(device)
    return all(have.get(field) == value for field, value in parse(wish).items())


class Graph(Graph):
    """The graph as before, whose operations have a device: the wish of the scopes around them, "" if there is none."""
    scope = {}

    @contextmanager
    def device(self, name):
        outer, self.scope = self.scope, {**self.scope, **parse(name)}
        try:
            yield
        finally:
            self.scope = outer

    def create(self, *arguments, **options):
        output = super().create(*arguments, **options)
        output.op.device = name_of(self.scope)
        return output


class Instruction(namedtuple("Instruction", "device kind what peer", defaults=[""])):
    """kind: Compute an operation, Send a tensor to a peer, or Recv it from one."""
    __slots__ = ()

    def __str__(self):
        return f"{self.kind:7} {self.what.name} {dict(Send='to', Recv='from').get(self.kind, '')} {self.peer}".rstrip()


def listing(program):
    """The instructions, device by device."""
    return "\n".join(line for device in dict.fromkeys(i.device for i in program)
                     for line in [device, *(f"    {i}" for i in program if i.device == device)])


def before(op, fed=()):
    """What an operation waits for: tensors, and operations for its control edges."""
    return [t for t in op.inputs if t not in fed] + [c for c in op.controls if c.output not in fed]


def maker(what):
    """The operation that makes a tensor; of an operation, itself."""
    return what.op if isinstance(what, Tensor) else what


def cut(plan, where, fed=()):
    """The instructions for all devices, in one order.  where: {operation: device}; fed: tensors that all devices are given."""
    goes, program, there = {}, [], set()
    for op in plan:
        for what in before(op, fed):
            if where[maker(what)] != where[op]:
                goes.setdefault(what, {})[where[op]] = True         # a dict, for its order
    for op in plan:
        for what in before(op, fed):
            if where[op] in goes.get(what, ()) and (what, where[op]) not in there:
                there.add((what, where[op]))
                copied = maker(what).type == "Const"
                program.append(Instruction(where[op], "Compute", maker(what)) if copied else
                               Instruction(where[op], "Recv", what, where[maker(what)]))
        program.append(Instruction(where[op], "Compute", op))
        if op.type != "Const":
            program += [Instruction(where[op], "Send", what, peer) for what in (op.output, op) for peer in goes.get(what, ())]
    return program


class Step:
    """One run: for each device its program, the number of the next instruction and its values; and what was sent and not received yet."""
    def __init__(self, program, compute, feeds={}):
        self.compute, self.sent, self.programs = compute, {}, {}
        for i in program:
            self.programs.setdefault(i.device, []).append(i)
        self.counter = dict.fromkeys(self.programs, 0)
        self.value = {device: dict(feeds) for device in self.programs}

    def next(self, device):
        """The instruction that the device is at; None behind the last."""
        program, k = self.programs[device], self.counter[device]
        return program[k] if k < len(program) else None

    def advance(self, device):
        """Go on until the end, or a Recv that must wait.  Returns whether anything was done."""
        began, value = self.counter[device], self.value[device]
        while (i := self.next(device)) and (i.kind != "Recv" or (i.what, device) in self.sent):
            if i.kind == "Recv":
                value[i.what] = self.sent.pop((i.what, device))
            elif i.kind == "Send":
                self.sent[i.what, i.peer] = value.get(i.what)       # of an operation only the news that it ran, so None
            else:
                result = self.compute(i.what, [value[t] for t in i.what.inputs])
                value.setdefault(i.what.output, result)             # as in chapter 02: what was fed keeps that value
            self.counter[device] += 1
        return self.counter[device] > began


def drive(queues, blocking=False):
    """Run steps to their ends.  queues: {device: [Step]}; blocking: a device that waits in a step does nothing for the next in its queue.

    RuntimeError if everybody waits.
    """
    while any(queues.values()):
        moved = False
        for device, queue in queues.items():
            for step in queue[:1] if blocking else list(queue):
                moved = step.advance(device) or moved
                if step.next(device) is None:
                    queue.remove(step)
        if not moved:
            stuck = [(device, step.next(device)) for device, queue in queues.items() for step in queue[:1]]
            raise RuntimeError(", ".join(f"{device} waits for {i.what.name} from {i.peer}" for device, i in stuck))


def queues_of(step):
    return {device: [step] for device in step.programs}


class Session(Session):
    """The session as before, over devices.  place(plan) gives {operation: device}, in the order in which they are to run."""
    def __init__(self, graph, place):
        super().__init__(graph)
        self.place = place

    def run(self, fetches, feeds={}):
        if isinstance(fetches, Tensor):
            return self.run([fetches], feeds)[0]
        feeds, key = {t: np.asarray(v) for t, v in feeds.items()}, (tuple(fetches), tuple(feeds))
        if key not in self.plans:
            where = self.place(needed(fetches, feeds))
            self.plans[key] = where, cut(list(where), where, feeds)
        where, program = self.plans[key]
        step = Step(program, self.compute, feeds)
        drive(queues_of(step))
        return [copy(feeds[t] if t in feeds else step.value[where[t.op]][t]) for t in fetches]


def as_written(default):
    """A placer that does what the scopes say, and knows nothing else."""
    return lambda plan: {op: op.device or default for op in plan}


KERNELS = {"gpu": {"Const", "Variable", "Assign", "NoOp", "Add", "Sub", "Mul", "Div", "Sqrt", "MatMul", "Relu", "Tanh", "Sigmoid", "Step",
                   "Softmax", "Xent", "Sum", "SumLike", "BroadcastLike", "PerRow", "Columns", "PlaceColumns", "Maximum"}}


def may_run(op, device):
    """Whether the device meets the operation's wish and has a kernel for it.  A type of device that KERNELS does not list has all."""
    kind = parse(device)["type"]
    return matches(op.device, device) and (kind not in KERNELS or op.type in KERNELS[kind])


class Groups:
    """Union-find over operations: those that must share a device."""
    def __init__(self, plan):
        self.parent = {op: op for op in plan}
        for op in plan:
            if op.type == "Assign":
                self.join(op, op.inputs[0].op)

    def find(self, op):
        """The root of the operation's group."""
        while self.parent[op] is not op:
            self.parent[op] = self.parent[self.parent[op]]
            op = self.parent[op]
        return op

    def join(self, one, other):
        self.parent[self.find(one)] = self.find(other)


def allowed(groups, devices):
    """{root of a group: the devices on which every member may run}; ValueError for a group that has none."""
    found = {}
    for op in groups.parent:
        root = groups.find(op)
        found[root] = [d for d in found.get(root, devices) if may_run(op, d)]
        if not found[root]:
            members = [f"{other.name} wants '{other.device}'" for other in groups.parent if groups.find(other) is root]
            raise ValueError("no device for all of " + ", ".join(members))
    return found


class Costs:
    """Microseconds that operations and transfers take.

    rate: of a type of device, or of all: multiplications and additions in a microsecond; latency: of any transfer; bandwidth: bytes in a
    microsecond; batch: what stands for a length that is not known; known: {operation: microseconds} for those that need no estimate
    """
    def __init__(self, rate=1000.0, latency=10.0, bandwidth=10_000.0, batch=1, known=None):
        self.rate, self.latency, self.bandwidth, self.batch, self.known = rate, latency, bandwidth, batch, known or {}

    def elements(self, t):
        return int(np.prod([n or self.batch for n in t.shape]))

    def compute(self, op, device):
        if op in self.known or op.type in ("Const", "Variable"):
            return self.known.get(op, 0.0)
        work = max(map(self.elements, [op.output, *op.inputs]))
        if op.type == "MatMul":
            inner = op.inputs[0].shape[0 if op.attrs.get("transpose_a") else 1]
            work = self.elements(op.output) * (inner or self.batch)
        rate = self.rate[parse(device)["type"]] if isinstance(self.rate, dict) else self.rate
        return max(1.0, work / rate)

    def transfer(self, what):
        """Of a tensor; of an operation, whose news has no bytes."""
        return self.latency + (8 * self.elements(what) / self.bandwidth if isinstance(what, Tensor) else 0.0)


class Simulation:
    """An execution on paper.  where: {operation: device}; span: {operation: (start, end)}, in microseconds."""
    def __init__(self, devices, costs):
        self.costs, self.free, self.where, self.span = costs, dict.fromkeys(devices, 0.0), {}, {}

    def arrival(self, what, device):
        """When a tensor is there.  What is fed or constant, or waits for its first user, is there at once."""
        source = maker(what)
        if source not in self.where or source.type == "Const":
            return 0.0
        return self.span[source][1] + (self.costs.transfer(what) if self.where[source] != device else 0.0)

    def when(self, op, device):
        """(start, end) of an operation, if it went there next."""
        start = max([self.free[device], *(self.arrival(what, device) for what in before(op))])
        return start, start + self.costs.compute(op, device)

    def put(self, op, device):
        self.where[op], self.span[op] = device, self.when(op, device)
        self.free[device] = self.span[op][1]

    def makespan(self):
        """When all is done."""
        return max(end for _, end in self.span.values())


def waiting(plan):
    """(what takes no time and needs nothing, {operation: those that it waits for}, {operation: those that wait for it})"""
    inside, sources = set(plan), {op for op in plan if op.type in ("Const", "Variable") and not op.controls}
    waits = {op: {maker(what) for what in before(op)} & inside - sources for op in plan if op not in sources}
    users = {op: [] for op in waits}
    for op in waits:
        for source in waits[op]:
            users[source].append(op)
    return sources, waits, users


def first_come(op, came):
    return came


def simulate(plan, devices, costs, choose, order=first_come):
    """The Simulation of a plan: each operation, when it is ready, goes to choose(simulation, op, near); near: of a source, its first user's device.

    Of several that are ready, the one with the least order(op, when it became ready) comes first.
    """
    simulation, (sources, waits, users) = Simulation(devices, costs), waiting(plan)
    def settle(source, near):
        simulation.where[source], simulation.span[source] = choose(simulation, source, near), (0.0, 0.0)
    ready = [(order(op, 0.0), op.number, op) for op in waits if not waits[op]]
    heapq.heapify(ready)
    while ready:
        op = heapq.heappop(ready)[2]
        device = choose(simulation, op, None)
        for source in [maker(what) for what in before(op)]:
            if source in sources and source not in simulation.where:
                settle(source, device)
        simulation.put(op, device)
        for user in users[op]:
            waits[user].discard(op)
            if not waits[user]:
                came = max(simulation.span[maker(what)][1] for what in before(user) if maker(what) in simulation.span)
                heapq.heappush(ready, (order(user, came), user.number, user))
    for source in [op for op in plan if op in sources and op not in simulation.where]:
        settle(source, None)                                        # nobody wants it: it is only fetched
    return simulation


def greedy(plan, devices, costs, order=first_come):
    """The Simulation that puts each operation where it ends first."""
    groups, home = Groups(plan), {}
    may = allowed(groups, devices)

    def choose(simulation, op, near):
        root = groups.find(op)
        choices = [home[root]] if root in home else may[root]
        home[root] = near if near in choices else min(choices, key=lambda d: simulation.when(op, d)[1])
        return home[root]
    return simulate(plan, devices, costs, choose, order)


def given(plan, where, costs, order=first_come):
    """The Simulation of a placement that is there already."""
    return simulate(plan, list(dict.fromkeys(where.values())), costs, lambda simulation, op, near: where[op], order)


class OnDevice:
    """A cell whose operations are made in a device scope."""
    def __init__(self, cell, device):
        self.cell, self.device, self.variables = cell, device, cell.variables

    def zero_state(self, graph):
        with graph.device(self.device):
            return self.cell.zero_state(graph)

    def step(self, x, state):
        with x.op.graph.device(self.device):
            return self.cell.step(x, state)


def in_order(operations):
    """An order for simulate: of what is ready, what comes first in these operations."""
    rank = {op: k for k, op in enumerate(operations)}
    return lambda op, came: rank[op]


class Timed(Session):
    """A session that notes how long each operation took: spent is {operation: [seconds]}."""
    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.spent = {}

    def compute(self, op, inputs):
        began = time.thread_time()
        result = super().compute(op, inputs)
        self.spent.setdefault(op, []).append(time.thread_time() - began)
        return result

    def costs(self, **options):
        """A cost model that knows the median of each."""
        return Costs(known={op: 1e6 * float(np.median(seconds)) for op, seconds in self.spent.items()}, **options)
