# %% [markdown]
# # Chapter 08: Placement
#
# Devices with names, a graph that is cut into a program for each of them, and a placer that decides what runs where.
#
# **The question.** A network of four LSTM layers reads a sequence. Layer 2 waits for what layer 1 says, and each layer waits for its own
# state of the step before. Four devices stand ready. Everything waits for something: how can all four ever be busy at once, and who
# decides which of them does what?
#
# | | |
# |---|---|
# | before this | chapters 01 to 04: ops, the graph and its session, gradients, optimizers. Of chapter 06, what an LSTM layer is. Chapter 07 is not needed |
# | time | 80 minutes of reading, 4 hours of exercises |
# | short route | leave out 11, 13 and 15, but run their cells: 55 minutes; exercises `meet`, `learn`, `circle` |
# | stuck | `make hint TASK=08/circle` gives one hint after the other; after a pass, `make diff TASK=08/circle` shows our solution beside yours |

# %% [markdown]
# ## 1. Who can work when?
#
# Each box below is one layer at one step. It needs two things: what the layer below said at this step, and its own state of the step
# before. So an arrow comes from below, and one from the left. The number in a box is the earliest round in which it can be computed.

# %%
import itertools

import matplotlib.pyplot as plt

import minitf as tf
from built.autodiff import gradients
from built.lstm import LSTM, Deep
from minitf.course.pictures import draw, draw_program, lanes, show_source

# %% tags=["nbval-ignore-output"]
LAYERS, STEPS = 4, 8
fig, ax = plt.subplots(figsize=(7.6, 3.1), layout="constrained")
for layer, step in itertools.product(range(LAYERS), range(STEPS)):
    colour = plt.cm.viridis((layer + step) / (LAYERS + STEPS - 1))
    ax.add_patch(plt.Rectangle((step - 0.36, layer - 0.3), 0.72, 0.6, facecolor=colour))
    ax.text(step, layer, layer + step + 1, color="white", ha="center", va="center", fontsize=11, fontweight="bold")
    if step:
        ax.annotate("", (step - 0.36, layer), (step - 0.64, layer), arrowprops={"arrowstyle": "->"})
    if layer:
        ax.annotate("", (step, layer - 0.3), (step, layer - 0.7), arrowprops={"arrowstyle": "->"})
_ = ax.set(xlim=(-0.6, STEPS - 0.4), ylim=(-0.5, LAYERS - 0.5), xlabel="step", ylabel="layer", xticks=range(STEPS), yticks=range(LAYERS))
_ = ax.set_xticklabels(range(1, STEPS + 1)), ax.set_yticklabels(range(1, LAYERS + 1))
plt.show()

# %% [markdown]
# All boxes of one colour lie on a diagonal, and can run at the same time. With a device for each layer the four are busy together once the
# *wavefront* has reached the top. One device needs 4 · 8 = 32 rounds, four devices need 4 + 8 − 1 = 11: they are $32 / 11 = 2.9$ times as
# fast. With 20 steps it would be $80 / 23 = 3.5$ times.
#
# Jeff Dean's tutorial on TensorFlow (NIPS 2015) showed this as an animation. In the program there was one line more than before, around
# each layer: `with tf.device("/gpu:%d" % d):`. This chapter builds what stands behind that line: names for devices, a cutter that makes
# several programs of one graph, an executor that runs them, and then a placer that does without the line. What it says about placement is
# from sections 3.2 and 4.3 of the paper on TensorFlow ("TensorFlow: Large-Scale Machine Learning on Heterogeneous Distributed Systems",
# arXiv 1603.04467, 2015). We call it the white paper.

# %% [markdown]
# ## 2. A name for every device
#
# The talk has this example: `/job:worker/task:17/device:gpu:3`. Of the processes that are called workers it means number 17, and there the
# GPU number 3; `/gpu:3` is short for `/device:gpu:3`. If all workers exist several times over, each copy is a *replica* with a number. A
# name may be *partial*: `/gpu:3` alone means number 3 of whatever process, and `/job:worker` any device of any worker. As data a name is a
# dict with up to five entries. (Here they are names and no more: NumPy computes for all of our devices, in one process.)

# %% tags=["built"]
import heapq
import time
from collections import namedtuple
from contextlib import contextmanager
from copy import copy

import numpy as np

from built.graph import Graph, Session, Tensor, needed
from built.ops import op

# %% tags=["built"]
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


# %%
for name in "/job:worker/task:17/device:gpu:3", "/gpu:3", "/job:worker", "/device:gpu:":
    print(f"{name:34} {parse(name)}")

# %% [markdown]
# A partial name is a wish: any device will do that agrees with it in the fields that it has. And wishes come from scopes, one inside the
# other. The rule is that in each field the innermost that says something wins. For dicts that is one line, `{**outer, **inner}`.

# %% tags=["built"]
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


# %%
graph = Graph()
with graph.device("/job:worker/cpu:1"):
    a = graph.constant(1.0, "a")
    with graph.device("/task:2"):
        b = graph.constant(2.0, "b")
    with graph.device("/device:gpu:"):
        c = graph.constant(3.0, "c")
print(*[f"{t.op.name} {t.op.device}" for t in (a, b, c)], sep="\n")
print(matches("/job:worker", "/job:worker/task:2/cpu:1"), matches("/gpu", "/job:worker/task:2/cpu:1"))

# %% [markdown]
# Look at `c`. Inside CPU 1 any GPU was asked for, and the wish became GPU **1**: type and index are fields of their own, and nobody said
# another index. It is a trap, and TensorFlow has it too. (There the way out is `tf.device(None)`, inside which the scopes around do not count.)

# %% [markdown]
# ## 3. The talk's four pictures
#
# The talk shows the cut in four pictures, on a small graph that begins with biases. Ours is the layer from chapter 02: a product, a sum, a
# relu. First the graph as it is written, when nobody has said anything about devices:

# %%
def layer(first="", second=""):
    """(examples, hidden): the layer, with its product on one device and the rest on another."""
    graph = Graph()
    with graph.device(first):
        examples, weights = graph.placeholder((None, 2), "examples"), graph.variable([[1, -1], [2, 1]], "weights")
        product = examples @ weights
    with graph.device(second):
        biases = graph.variable([0, -2], "biases")
        return examples, graph.create("Relu", product + biases)


draw(layer()[1], direction="right")

# %% [markdown]
# (Yellow is a variable, green what is fed.) In the second picture each operation has a device, and the colours say which.

# %%
examples, hidden = layer("/cpu:0", "/gpu:0")
draw(hidden, direction="right", devices=["/cpu:0", "/gpu:0"])

# %% [markdown]
# One edge leads from one colour to the other. On one device an edge costs nothing: the product lies in memory, and the sum reads it there.
# A GPU can not read the CPU's memory, let alone that of another machine. Somebody must carry the value over. The idea is to make that two
# operations, like any other: **Send** on the side that has the value, and **Recv** (receive) on the side that wants it. Then each device
# has a program of its own. No edge leads out of it, and nothing else in the system needs to know that there are others.
#
# A program is a list of instructions, each of one of three kinds. We write the two for the layer by hand. `examples` needs none: it is fed,
# and what is fed is given to each device.

# %% tags=["built"]
class Instruction(namedtuple("Instruction", "device kind what peer", defaults=[""])):
    """kind: Compute an operation, Send a tensor to a peer, or Recv it from one."""
    __slots__ = ()

    def __str__(self):
        return f"{self.kind:7} {self.what.name} {dict(Send='to', Recv='from').get(self.kind, '')} {self.peer}".rstrip()


def listing(program):
    """The instructions, device by device."""
    return "\n".join(line for device in dict.fromkeys(i.device for i in program)
                     for line in [device, *(f"    {i}" for i in program if i.device == device)])


# %%
weights, product, biases, total, _ = [hidden.op.graph.by_name[n].output for n in ("weights", "matmul", "biases", "add", "relu")]
by_hand = [Instruction("/cpu:0", "Compute", weights.op),
           Instruction("/cpu:0", "Compute", product.op),
           Instruction("/cpu:0", "Send", product, "/gpu:0"),
           Instruction("/gpu:0", "Compute", biases.op),
           Instruction("/gpu:0", "Recv", product, "/cpu:0"),
           Instruction("/gpu:0", "Compute", total.op),
           Instruction("/gpu:0", "Compute", hidden.op)]
print(listing(by_hand))

# %% [markdown]
# For the third picture the instructions become nodes again. A dashed line leads from a Send to its Recv: it is not an edge, as nothing in
# the graph leads over it any more.

# %%
draw_program(by_hand)

# %% [markdown]
# And the fourth: the programs apart, as each device sees its own.

# %%
draw_program(by_hand, "what /cpu:0 runs", only="/cpu:0")

# %%
draw_program(by_hand, "what /gpu:0 runs", only="/gpu:0")

# %% [markdown]
# ## 4. The cutter
#
# Now a function for it. It is given a *plan*, the list of operations that `needed` of chapter 02 makes, and `where`, the device of each.
# The first attempt goes through the edges. Where one crosses, it puts in a pair.

# %%
def cut_each_edge(plan, where):
    program = []
    for op in plan:
        for t in op.inputs:
            source, device = where[t.op], where[op]
            if source != device:
                program += [Instruction(source, "Send", t, device), Instruction(device, "Recv", t, source)]
        program.append(Instruction(where[op], "Compute", op))
    return program


graph = Graph()
with graph.device("/cpu:0"):
    x = graph.variable(np.ones((500, 500)), "x")
with graph.device("/gpu:0"):
    uses = [graph.create("Relu", x, name="a"), graph.create("Softmax", x, name="b"), x * x]
plan = needed(uses, {})
written = {op: op.device for op in plan}
program = cut_each_edge(plan, written)
print("Sends:", sum(i.kind == "Send" for i in program), " bytes:", sum(8 * 500 * 500 for i in program if i.kind == "Send"))

# %% [markdown]
# Four edges cross, so four pairs, and the same 2 MB go over four times. That is the layer's weights in any network: the forward pass uses
# them, the gradient uses them, and so does the update. One pair is enough for all consumers on a device. In the white paper's words, all
# users of a tensor on a device are *canonicalized* to a single Receive.
#
# Three more things belong into the real one.
#
# * **Control edges** cross too. They carry no value, so what is sent is the operation itself, that is, the news that it has run.
# * **Constants** are known before the run. A copy on each device that uses one costs nothing. (The first stays, even if nobody uses it.)
# * **When?** A Send comes right behind the operation that makes the value, so that nobody waits longer than need be. A Recv comes right
#   before the first operation that uses it. For this the function goes through the plan twice, and first notes what goes where.

# %% tags=["built"]
def before(op, fed=()):
    """What an operation waits for: tensors, and operations for its control edges."""
    return [t for t in op.inputs if t not in fed] + [c for c in op.controls if c.output not in fed]


def maker(what):
    """The operation that makes a tensor; of an operation, itself."""
    return what.op if isinstance(what, Tensor) else what

# %% tags=["built"]
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


# %%
program = cut(plan, written)
print("Sends:", sum(i.kind == "Send" for i in program))
draw_program(program)

# %% [markdown]
# One pair. And for the layer the function gives the two programs that we wrote:

# %%
plan = needed([hidden], {examples})
written = {op: op.device for op in plan}
assert listing(cut(plan, written, {examples})) == listing(by_hand)
print("the same as by hand")

# %% [markdown]
# ## 5. Running several programs
#
# Who runs them? Each device needs a *program counter*, the number of the instruction that is next, and a place for its values. Between the
# devices there is one thing in common, the place where Sends leave what Recvs find. TensorFlow calls it the *rendezvous*. Its rule is
# short: **a Send never waits**. A Recv may come before or after its Send; if it comes before, it waits.
#
# A `Step` is one run in flight. `advance` goes on with one device until its program ends, or until it stands at a Recv whose value is not
# there. Then the device is *parked*: its counter stays where it is, and somebody calls `advance` again later.

# %% tags=["built"]
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


# %% [markdown]
# Devices are threads or machines of their own. In this notebook they take turns, so that all of it can be watched: `drive` calls `advance`
# for one after the other, as long as any of them moves. If none moves and some are not at their ends, nothing will ever happen again. Then
# it says who waits for what. `queues` has for each device the steps that it should run, in order; so far there is one.

# %% tags=["built"]
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


# %%
session = Session(hidden.op.graph)
session.initialize()
step = Step(by_hand, session.compute, {examples: np.array([[1.0, 2.0]])})
for device in "/gpu:0", "/cpu:0", "/gpu:0":
    step.advance(device)
    print(f"{device} was called, and is at:", step.next(device) or "the end")
print(step.value["/gpu:0"][hidden])

# %% [markdown]
# The GPU was called first. It stands at the Recv, and is parked. Then the CPU runs to its end, and the GPU goes on: the relu of $(5, -1)$,
# as in chapter 02. The order of the calls can not change the result, only when it comes.

# %% [markdown]
# ## 6. Two ways to stand still
#
# **The wrong order.** It is a natural idea to receive first what a program needs, and then to compute. On one device it makes no
# difference. Here is a value that goes to and fro: *x* is computed on the CPU, *y* from it on the GPU, *z* from that on the CPU.

# %%
def to_and_fro():
    graph = Graph()
    with graph.device("/cpu:0"):
        x = graph.variable(3.0, "x")
    with graph.device("/gpu:0"):
        y = graph.create("Mul", x, x, name="y")
    with graph.device("/cpu:0"):
        z = graph.create("Add", y, y, name="z")
    session = Session(graph)
    session.initialize()
    plan = needed([z], {})
    return z, session, cut(plan, {op: op.device for op in plan})

# %%
def failure(kind, f, *args, **options):
    """The first line of the error of that kind that f(*args) raises."""
    try:
        f(*args, **options)
    except kind as error:
        return str(error).splitlines()[0]
    raise AssertionError("nothing failed")


def receives_first(program):
    return sorted(program, key=lambda i: i.kind != "Recv")


z, session, program = to_and_fro()
print(listing(receives_first(program)))
print(failure(RuntimeError, drive, queues_of(Step(receives_first(program), session.compute))))

# %% [markdown]
# A *deadlock*. The CPU waits for *y* before it computes *x*; the GPU waits for *x*, from which *y* is made. Each waits for the other, and
# neither will ever come.
#
# `cut` can not do that. Its programs are pieces of **one** order, in which every Send stands before its Recv. Take the first instruction in
# that order which has not been executed. All before it have been. So if it is a Recv, its Send is done, and the device it belongs to can go
# on. There is always one that can. (Where programs are not made so, one must search for the circle: exercise `circle`. And how late a Recv
# may come, so that its value takes room no longer than need be, is exercise `late`.)

# %%
step = Step(program, session.compute)
drive(queues_of(step))
print("in the order of cut: z is", step.value["/cpu:0"][z])

# %% [markdown]
# **The wrong waiting.** Now two runs at the same time, as when two clients share a server. Each step has the right order. But a device's
# thread that waits *inside* a step, as an ordinary blocking receive does, does nothing else meanwhile. Say the requests arrive in a
# different order at the two devices:

# %%
def two_steps():
    one, two = Step(program, session.compute), Step(program, session.compute)
    return {"/cpu:0": [one, two], "/gpu:0": [two, one]}


print("blocking:", failure(RuntimeError, drive, two_steps(), blocking=True))
drive(two_steps())
print("parking:  both steps have run")

# %% [markdown]
# The CPU is in step one, and waits for its *y*; that is the GPU's to compute, which is in step two and waits for *that* step's *x*. Nobody
# did anything wrong, but for waiting with a whole thread. A device that parks a step takes up the next one in its queue, and all is well.
# This is why in minitf, as in TensorFlow, a Recv is not a call that returns late. It is an instruction at which a step is laid aside.

# %% [markdown]
# ## 7. A session over devices
#
# The pieces together: find what is needed, place it, cut it, drive it. `place` is a function that is given the plan. The one below does
# what the scopes say, and puts what has no wish on a device of your choice.

# %% tags=["built"]
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


# %%
session = Session(hidden.op.graph, as_written("/cpu:0"))
session.initialize()
print(session.run(hidden, {examples: [[1, 2], [0, 1]]}))

# %% [markdown]
# Whatever the placement is, the result must be the same. Here even to the last bit, as the same kernels of NumPy run on the same numbers; a
# real GPU adds up in another order than a CPU, and may differ in the last digit. The test is a random graph with constants and control
# edges, and a variable that it changes, on 200 random placements over three devices. We also count. There should be as many Recvs as there
# are pairs of a tensor (or an operation, for control edges) and another device that needs it.

# %%
TYPES = ["Add", "Sub", "Mul", "MatMul"]


def random_graph(random, size=30):
    """[tensors]: three placeholders, and operations on what comes before them, or on a constant."""
    graph = Graph()
    tensors, constant = [graph.placeholder((3, 3), f"p{k}") for k in range(3)], graph.constant(random.normal(size=(3, 3)), "c")
    for k in range(3, size):
        i, j, c = random.integers(max(0, k - 8), k, size=3)
        controls = [tensors[c]] if c > 2 and c not in (i, j) else []
        second = constant if random.random() < 0.2 else tensors[j]
        tensors.append(graph.create(str(random.choice(TYPES)), tensors[i], second, name=f"n{k}", controls=controls))
    return tensors


random = np.random.default_rng(0)
tensors = random_graph(random)
graph, feeds = tensors[0].op.graph, {t: random.normal(size=(3, 3)) * 0.3 for t in tensors[:3]}
total = graph.variable(np.eye(3), "total")
new_total = graph.assign(total, total + tensors[-1])
fetches = [*tensors[-3:], total + 1.0, new_total]

# %%
def anywhere(plan):
    """A random device for each operation, but the variable's for what assigns to it."""
    where = {op: str(random.choice(["/cpu:0", "/gpu:0", "/gpu:1"])) for op in plan}
    return {**where, new_total.op: where[total.op]}


def twice(place):
    """What two runs give, of which the second finds what the first has left; and the session."""
    session = Session(graph, place)
    session.initialize()
    return session.run(fetches, feeds) + session.run(fetches, feeds), session


alone, _ = twice(as_written("/cpu:0"))
crossed = []
for _ in range(200):
    results, session = twice(anywhere)
    assert all(np.array_equal(a, b) for a, b in zip(results, alone))
    where, program = session.plans[tuple(fetches), tuple(feeds)]
    pairs = {(what, where[op]) for op in where for what in before(op, feeds) if where[op] != where[maker(what)]}
    received = [(i.what, i.device) for i in program if i.kind == "Recv"]
    assert set(received) == {p for p in pairs if maker(p[0]).type != "Const"} and len(received) == len(set(received))
    crossed.append(len(received))
print(f"200 placements, from {min(crossed)} to {max(crossed)} transfers: the same bits")

# %% [markdown]
# From here on, placement is only a question of time. Results do not depend on it.

# %% [markdown]
# ## 8. Where may it run?
#
# Before asking where an operation *should* run, ask where it may. Three things restrict it.
#
# **Kernels.** A device must have a kernel for the op. Say that our GPUs know these:

# %% tags=["built"]
KERNELS = {"gpu": {"Const", "Variable", "Assign", "NoOp", "Add", "Sub", "Mul", "Div", "Sqrt", "MatMul", "Relu", "Tanh", "Sigmoid", "Step",
                   "Softmax", "Xent", "Sum", "SumLike", "BroadcastLike", "PerRow", "Columns", "PlaceColumns", "Maximum"}}


def may_run(op, device):
    """Whether the device meets the operation's wish and has a kernel for it.  A type of device that KERNELS does not list has all."""
    kind = parse(device)["type"]
    return matches(op.device, device) and (kind not in KERNELS or op.type in KERNELS[kind])


# %% [markdown]
# **Wishes**, whole or partial: that is `matches`.
#
# **Company.** Some operations must be together. `Assign` writes into its variable, so it has to be where the variable is: elsewhere it
# would change a copy. If the variable is tied to its `Assign`, and to the `Assign` that loads a checkpoint, then these two are tied to each
# other, although no edge joins them. What is tied by a chain of ties is a *group*, and a group goes to one device.
#
# Finding the groups is what *union-find* was made for. Each member points to another member of its group, or to itself if it is the group's
# *root*. `find` follows the pointers to the root. `join` lets one root point to the other. On the way, `find` lets nodes that it passes
# point one further, so that the next search is shorter (*path halving*).

# %% tags=["built"]
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


# %%
graph = Graph()
with graph.device("/gpu:"):
    w = graph.variable(np.zeros((2, 2)), "w")
load, train = graph.assign(w, np.ones((2, 2)), name="load"), graph.assign(w, w - 0.1, name="train")
slot = graph.variable(np.zeros((2, 2)), "slot")
move = graph.assign(slot, slot + w, name="move")


def pointers(groups, name=lambda op: op.name):
    return "  ".join(f"{name(one)} -> {name(other)}" for one, other in groups.parent.items() if one is not other)


groups = Groups([t.op for t in (w, load, train, slot, move)])
print("two groups:      ", pointers(groups))
groups.join(train.op, move.op)
print("joined:          ", pointers(groups))
groups.find(load.op)
print("looked for load: ", pointers(groups))
chain = Groups([])
chain.parent = dict(zip("abcdef", "bcdeff"))
print("a chain of six:  ", pointers(chain, str), f"\nafter find('a'):  {chain.find('a')}:", pointers(chain, str))

# %% [markdown]
# `w` and `slot` are the roots of the first two groups. To join `train` with `move` changes a single pointer, that of the root `w`, and five
# operations are together. (minitf does it when a program says `tf.colocate_with`.) `load` was two steps from its root then, and the search
# has moved it up. In the chain `a`, `c` and `e` have moved: next time `a` needs three steps in the place of five.
#
# A group may go where each member may. We have a list of devices, so we try them one by one, and need no wish of the group as a whole.
# Where there is no such list, wishes are *merged*: `/job:ps` and `/task:1` make `/job:ps/task:1`. Among equals no one is the innermost, so
# if they differ in a field that is an error (exercise `meet`; there some wishes are soft, and are dropped).

# %% tags=["built"]
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


# %%
devices = ["/cpu:0", "/gpu:0", "/gpu:1"]
plan = needed([load, train, graph.create("Exp", w)], {})
groups = Groups(plan)
for op in plan:
    print(f"{op.name:8} {op.type:8} wants {op.device or 'nothing':8} may go to {allowed(groups, devices)[groups.find(op)]}")

# %% [markdown]
# `load` and `train` said nothing, and are bound to a GPU by the company that they keep. `Exp` is not among the kernels of our GPUs. Two
# wishes that exclude each other leave nothing:

# %%
with graph.device("/cpu:0"):
    reset = graph.assign(w, np.zeros((2, 2)), name="reset")
print(failure(ValueError, allowed, Groups(needed([reset], {})), devices))

# %% [markdown]
# ## 9. What does it cost?
#
# Now for where it should run. That takes an idea of how long things take, a *cost model*. It answers two questions: how long does this
# operation take on that device, and how long does this tensor take from one device to another? Exact answers are not needed, only good
# enough ones.
#
# For an operation, count its multiplications and additions, and divide by how many the device does in a microsecond. For a product of an
# $m \times k$ and a $k \times n$ matrix that is $m k n$; for most others it is the number of elements. None takes less than a microsecond,
# but for constants and variables, which are there already and take 0. A transfer takes a *latency*, however small it is, and then its bytes divided by the *bandwidth*. With a latency of 10 µs and
# 10,000 bytes/µs (10 GB/s), a matrix of 500 by 500 takes $10 + 2{,}000{,}000 / 10{,}000 = 210$ µs.

# %% tags=["built"]
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


# %%
graph = Graph()
x = graph.variable(np.zeros((500, 500)), "x")
y = graph.create("Tanh", x @ x)
costs = Costs(rate={"cpu": 1000, "gpu": 20_000})
for op in needed([y], {}):
    print(f"{op.name:7} {costs.compute(op, '/cpu:0'):8,.1f} µs on the CPU {costs.compute(op, '/gpu:0'):7,.1f} µs on the GPU, "
          f"{costs.transfer(op.output):.0f} µs to carry over")

# %% [markdown]
# These rates are made up, but the proportions are those of life: a product of large matrices is worth sending them over to the faster
# device, and a tanh of one is not (12.5 µs there and 250 here, but 210 for the way, and as much for the way back).

# %% [markdown]
# ## 10. The greedy placer
#
# The talk calls it "relatively simple", and it is. The white paper's section 3.2.1 says in words: simulate the execution of the graph, from
# its sources on. Whenever an operation is ready, look at each device where it may run, and work out when it would be done there. Put it
# where it is done first.
#
# So the centre is a simulation. It keeps a clock for each device: when that has done what it was given. An operation begins on a device
# when the device is free *and* the last of its inputs has arrived there:
#
# $$\text{start}(o, d) = \max\bigl(\text{free}(d), \max_{i} \text{arrival}(i, d)\bigr) \qquad \text{arrival}(i, d) = \text{end}(i) +
# \begin{cases} 0 & \text{if } i \text{ was made on } d \\ \text{transfer}(i) & \text{else} \end{cases}$$
#
# For example, a sum takes 10 µs. One input was made on CPU 0, which was done with it at 110 and is free since; the other on CPU 1, at 114;
# a transfer takes 4. On CPU 0 the sum would begin at $\max(110, 110, 114 + 4) = 118$ and end at 128. On CPU 1 it would begin at
# $\max(114, 110 + 4, 114) = 114$ and end at 124, so it goes there. (It is the last step of section 11.)
#
# The paper leaves open what a device takes first that has several things to do. For now it is first come, first served: operations come out
# of a heap, the earliest ready first.

# %% tags=["built"]
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


# %% [markdown]
# One thing needs care. A variable is ready at time 0 and takes no time. If it were placed then, it would be done equally soon on every
# device, and so all variables would end up on the first. So a *source* of this kind is not placed until somebody wants it, and then as near
# to him as may be.

# %% tags=["built"]
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

# %% [markdown]
# The loop is the same for any way to choose a device; so the choice is a function, `choose(simulation, op, near)`.

# %% tags=["built"]
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


# %% [markdown]
# Two ways to choose. The greedy one takes the device where the operation ends first, and of equals the first in the list; a group goes
# where its first member went. The other one has been told before: with it, a placement made by hand can be simulated too.

# %% tags=["built"]
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

# %% [markdown]
# ## 11. Two chains
#
# The smallest graph in which there is something to gain: one operation from which two chains of ten start, and a sum at their ends. Each
# operation takes 10 µs, so one device needs 220. Two devices could do it in little more than 120. It depends on what it costs to carry a
# value over.

# %%
def two_chains(length=10):
    graph, ends = Graph(), []
    x = graph.placeholder((100,), "x")
    start = graph.create("Tanh", x, name="start")
    for name in "ab":
        t = start
        for k in range(length):
            t = graph.create("Tanh", t, name=f"{name}{k}")
        ends.append(t)
    total = graph.create("Add", *ends, name="sum")
    return needed([total], {x})


def bars_of(simulation, kind=lambda op: op.name[0], label=lambda op: "", unit=1):
    """For lanes: [(device, start, end, kind, label)], in so many microseconds."""
    spans = simulation.span.items()
    return [(simulation.where[op], start / unit, end / unit, kind(op), label(op)) for op, (start, end) in spans if end > start]


chains = two_chains()
known = {op: 10.0 for op in chains}
cheap, dear = [greedy(chains, ["/cpu:0", "/cpu:1"], Costs(latency=latency, bandwidth=1e9, known=known)) for latency in (4.0, 12.0)]
print(f"a transfer takes  4 µs: {cheap.makespan():.0f} µs on {len(set(cheap.where.values()))} devices")
print(f"a transfer takes 12 µs: {dear.makespan():.0f} µs on {len(set(dear.where.values()))} device")

# %% tags=["nbval-ignore-output"]
names = {"s": "start and sum", "a": "first chain", "b": "second chain"}
lanes(bars_of(cheap), "4 µs to carry a value over: a chain each", names)
lanes(bars_of(dear), "12 µs: all on one device", names, order=["/cpu:0", "/cpu:1"])

# %% [markdown]
# Here the placer finds by itself what one would have written. With a higher price it stays on one device. Where is the border? We let the
# price grow from 0 to 120 µs, and compare with the two placements that one would write by hand.

# %%
prices = np.arange(0.0, 120.1, 1.0)
apart = {op: "/cpu:1" if op.name in ("sum", *[f"b{k}" for k in range(10)]) else "/cpu:0" for op in chains}
curves = {"greedy": [], "a chain each, by hand": [], "one device": []}
for price in prices:
    costs = Costs(latency=price, bandwidth=1e9, known=known)
    curves["greedy"].append(greedy(chains, ["/cpu:0", "/cpu:1"], costs).makespan())
    curves["a chain each, by hand"].append(given(chains, apart, costs).makespan())
    curves["one device"].append(given(chains, dict.fromkeys(chains, "/cpu:0"), costs).makespan())
border = next(price for price, took in zip(prices, curves["greedy"]) if took >= 220)
print(f"greedy uses one device from a price of {border:.0f} µs on")

# %% tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(7, 3.4), layout="constrained")
for (name, curve), style in zip(curves.items(), ("-", "--", ":")):
    ax.plot(prices, curve, style, linewidth=2.2, label=name, drawstyle="steps-post")
ax.axvline(10, color="0.6", linewidth=1)
ax.text(12, 226, "the work of one operation", color="0.35")
_ = ax.set(xlabel="price of a transfer, µs", ylabel="all done after, µs", ylim=(110, 245))
ax.legend(loc="lower right")
plt.show()

# %% [markdown]
# The border lies at 10 µs, the work of **one** operation, however long the chains are. By hand two devices win up to 100 µs:
# $120 + p < 220$. But greedy decides about one operation at a time. The first of the second chain would be done at $10 + p + 10$ on the
# second device, and at 30 on the first, behind its rival. So $p = 10$ decides. That nine more operations would profit from the move greedy
# does not ask. Here that makes it too shy. In section 13 it will be too bold, for the same reason.

# %% [markdown]
# ## 12. Four layers, four devices
#
# Back to the picture at the start. The cells are those of chapter 06; `OnDevice` makes the operations of a cell inside a device scope, as
# the line in the talk's program does. `deep_lstm` also notes to which layer and step each operation belongs.

# %% tags=["built"]
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


# %%
def deep_lstm(devices, steps=8, batch=32, units=128):
    """(inputs, outputs, {operation: (layer, step)}): a layer of LSTM for each of the devices."""
    graph, random, cells, cell_of = Graph(), np.random.default_rng(0), [], {}
    for device in devices:
        with graph.device(device):
            cells.append(OnDevice(LSTM(graph, units, units, random), device))
    inputs, outputs = [graph.placeholder((batch, units)) for _ in range(steps)], []
    states = Deep(cells).zero_state(graph)
    for step, x in enumerate(inputs):
        new = []
        for layer, (cell, state) in enumerate(zip(cells, states)):
            first = len(graph.operations)           # Deep.step would make all layers at once: here each cell's operations are noted
            x, state = cell.step(x, state)
            new.append(state)
            cell_of.update({op: (layer, step) for op in graph.operations[first:]})
        outputs.append(x)
        states = new
    return inputs, outputs, cell_of


def lstm_lanes(simulation, cell_of, title):
    label = lambda op: cell_of[op][1] + 1 if op.type == "MatMul" else ""
    lanes(bars_of(simulation, lambda op: cell_of[op][0], label, 1000), title, {k: f"layer {k + 1}" for k in range(4)}, unit="ms")


# %%
four = [f"/gpu:{k}" for k in range(4)]
inputs, outputs, cell_of = deep_lstm(four)
plan, costs = needed(outputs, inputs), Costs()
by_layer = given(plan, {op: op.device or four[0] for op in plan}, costs)
alone = given(plan, dict.fromkeys(plan, four[0]), costs)
print(f"{len(plan)} operations; one device {alone.makespan() / 1000:.1f} ms, a layer on each {by_layer.makespan() / 1000:.1f} ms: "
      f"{alone.makespan() / by_layer.makespan():.2f} times as fast")

# %% tags=["nbval-ignore-output"]
lstm_lanes(by_layer, cell_of, "a layer on each device, first come, first served (the numbers are steps)")

# %% [markdown]
# That is not 2.9, and no wavefront. Look at the first lane: each cell has two large products, $x W$ and $h U$. (In step 1 there is one
# bar, as $h$ is a single row of zeros, and its product takes 66 µs in the place of 2097.) The $x W$ of layer 1 need nothing but inputs, so
# all eight are ready at time 0, and are served first. Only then come the small operations with which step 1 ends, and for which layer 2 has
# been waiting all the time. *Where* an operation runs is half of the question; the other half is *when*. The plan knows better: it goes
# step by step, as the loop that made it. If each device takes first what is first in the plan:

# %% tags=["built"]
def in_order(operations):
    """An order for simulate: of what is ready, what comes first in these operations."""
    rank = {op: k for k, op in enumerate(operations)}
    return lambda op, came: rank[op]


# %%
waves = given(plan, by_layer.where, costs, in_order(plan))
print(f"a layer on each, in the plan's order: {waves.makespan() / 1000:.1f} ms, {alone.makespan() / waves.makespan():.2f} times as fast; "
      f"32 / 11 is {32 / 11:.2f}")

# %% tags=["nbval-ignore-output"]
lstm_lanes(waves, cell_of, "a layer on each device, in the order of the plan")

# %% [markdown]
# There it is, and near to what the picture at the start promised. That devices run their parts in the order of the plan is what `cut` does.
#
# Now without the scopes. Nobody says anything, and the greedy placer has four devices to itself.

# %%
free_inputs, outputs, free_cell_of = deep_lstm([""] * 4)
free_plan = needed(outputs, free_inputs)
placed = greedy(free_plan, four, costs)


def crossings(simulation, fed):
    """(transfers, bytes, bytes of variables) of a placement."""
    there = [i.what for i in cut(list(simulation.where), simulation.where, fed) if i.kind == "Recv"]
    nbytes = {t: 8 * costs.elements(t) for t in there}
    return len(there), sum(nbytes[t] for t in there), sum(nbytes[t] for t in there if t.op.type == "Variable")


print(f"greedy: {placed.makespan() / 1000:.1f} ms, {alone.makespan() / placed.makespan():.2f} times as fast as one device")
for name, simulation, fed in ("the waves", waves, inputs), ("greedy", placed, free_inputs):
    print("{:10} {:4} transfers, {:10,} bytes, {:10,} of them weights".format(name, *crossings(simulation, fed)))

# %% tags=["nbval-ignore-output"]
lstm_lanes(placed, free_cell_of, "placed by the greedy placer")

# %% [markdown]
# It beats the waves that were made by hand, and comes near to 4, the most that four devices can give. It knows nothing of layers, and so it
# does what nobody would write: the two products of one cell run on two devices at the same time, and the products with inputs fill the gap
# at the start. All devices are busy nearly all the time.
#
# The price is in the last two lines: twelve times as many transfers, and 36 times as many bytes. Nearly half of these are weights, which
# would go from one device to another in every step. Our cost model takes it that any number of transfers go on side by side and disturb
# nobody. No link is like that. Then there is the order. The same placement, run in the order of the plan:

# %%
reordered = given(free_plan, placed.where, costs, in_order(free_plan))
print(f"in the order in which it was placed {placed.makespan() / 1000:.1f} ms, in the plan's order {reordered.makespan() / 1000:.1f} ms")

# %% [markdown]
# More than twice as long, and two thirds of what one device alone takes. A placement is only as good as the order that it is run in. That
# is why `where` of a simulation is a dict in the order of placing, and why `Session` cuts it in that order. (Each operation is placed
# behind all that it needs, so it is one of the orders in which everything could run. Section 6 needs no more.) Give it to a session, and
# our framework places by itself:

# %%
values = {x: np.random.default_rng(1).normal(size=x.shape) for x in free_inputs}


def all_outputs(place):
    session = Session(free_inputs[0].op.graph, place)
    session.initialize()
    return session.run(outputs, values)


by_itself = all_outputs(lambda plan: greedy(plan, four, costs).where)
assert all(np.array_equal(a, b) for a, b in zip(by_itself, all_outputs(as_written(four[0]))))
print("624 operations, placed greedily on four devices and run: the same bits as on one")

# %% [markdown]
# ## 13. Where greedy loses
#
# Section 11 had a placer that was too shy. It can be too bold as well. In a *fork–join* one value is made, two things are done with it, and
# the results come together again. Here the value is two thin vectors, 8 kB each. Two large matrices are made of them, 8 MB each, and
# multiplied element by element. (They are the same product; they stand for two that differ.) To send the vectors to a second device costs next to nothing. To fetch a matrix back costs 1600 µs at 5,000
# bytes/µs.

# %%
def fork_join(n=1000):
    graph = Graph()
    u, v = graph.placeholder((n, 1), "u"), graph.placeholder((1, n), "v")
    tall, wide = graph.create("Tanh", u, name="tall"), graph.create("Tanh", v, name="wide")
    left, right = graph.create("MatMul", tall, wide, name="left"), graph.create("MatMul", tall, wide, name="right")
    total = graph.create("Sum", graph.create("Mul", left, right, name="join"), name="total")
    return needed([total], {u, v})


def every_placement(plan, devices, costs):
    """The Simulation of each placement there is: as many as the number of devices to the power of the number of operations."""
    for choice in itertools.product(devices, repeat=len(plan)):
        yield given(plan, dict(zip(plan, choice)), costs)


fork, two, slow = fork_join(), ["/cpu:0", "/cpu:1"], Costs(bandwidth=5000.0)
found = greedy(fork, two, slow)
best = min(every_placement(fork, two, slow), key=lambda simulation: simulation.makespan())
used = set(best.where.values())
print(f"greedy {found.makespan():,.0f} µs; the best of {2 ** len(fork)} placements {best.makespan():,.0f} µs, on {len(used)} device")
assert found.makespan() > best.makespan()

# %% tags=["nbval-ignore-output"]
kind = lambda op: "t" if op.name in ("tall", "wide", "total") else op.name[0]
right, join = (next(op for op in fork if op.name == name) for name in ("right", "join"))
back = (found.where[right], found.span[right][1], found.where[join], found.span[join][0])
names = {"t": "tall, wide, total", "l": "left", "r": "right", "j": "join"}
lanes(bars_of(found, kind), "greedy: the second matrix is soon ready, and long on its way", names, arrows=[back])
lanes(bars_of(best, kind), "the best placement", names, order=two)

# %% [markdown]
# `right` is done 1000 µs sooner on the second device, so greedy puts it there. That its result will have to come back is not asked. So two
# devices take 16 % longer than one. (`tall` and `wide`, too short to be seen, were put on two devices as well: so `left` begins at 13.)
#
# The best was found by trying all $2^6 = 64$ placements. With the 624 operations of the LSTM on four devices there are $4^{624}$, and
# nobody tries these: to find the best placement is NP-hard even for much simpler graphs (Ullman, 1975). So a placer is a heuristic, and
# one must know its weakness. A crude remedy: simulate one device alone too, and take what is better. minitf does that.

# %% [markdown]
# ## 14. Costs that were measured
#
# The white paper has two sources for its cost model: estimates from the kind of op, as ours are, and *measurements* of earlier runs. The
# second is not hard: the session notes how long each operation took. We run the deep LSTM a few times on one device.

# %% tags=["built"]
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


# %% tags=["nbval-ignore-output"]
timed = Timed(free_inputs[0].op.graph, as_written(four[0]))
timed.initialize()
for _ in range(7):
    timed.run(outputs, values)
measured = timed.costs()
print("type        estimated   measured, µs")
for type in "MatMul", "Columns", "Sigmoid", "Tanh", "Mul", "Add":
    ops = [op for op in free_plan if op.type == type]
    print(f"{type:10}", *[f"{np.median([model.compute(op, four[0]) for op in ops]):10.1f}" for model in (costs, measured)])
now = given(free_plan, dict.fromkeys(free_plan, four[0]), measured)
print(f"the whole step {alone.makespan() / 1000:9.1f} {now.makespan() / 1000:10.1f} ms")

# %% [markdown]
# (`thread_time` is the processor time of this thread: what other programs take does not count.) The estimate said that everything makes
# 1000 multiplications and additions in a microsecond. BLAS makes more than ten times as many, and a `Sigmoid`, which needs a hyperbolic
# tangent for each element, makes several times fewer. So by measurement the step is another program, in which the products are only half of
# the work.
#
# Feed it back: place again with the measured costs. And see what the old placement is worth, now that the truth is known.

# %% tags=["nbval-ignore-output"]
again = greedy(free_plan, four, measured)
for name, where in ("one device", dict.fromkeys(free_plan, four[0])), ("placed by estimates", placed.where), ("placed again", again.where):
    print(f"{name:20} {given(list(where), where, measured, in_order(where)).makespan() / 1000:5.1f} ms")
lstm_lanes(again, free_cell_of, "placed by measured costs")

# %% [markdown]
# Now that a product takes no longer than a few of the small operations, other placements are good, and a transfer, 13 to 62 µs here, is no
# longer next to nothing. Section 13's mistake is one of looking ahead; a wrong estimate is another, and this one can be cured. A run that is
# measured, placed again and measured again is the loop of the white paper. In TensorFlow's configuration of 2015 there is a number for it,
# which minitf has too: `placement_period`, the steps from one placement to the next. (The placer that
# was released looked at no costs, so there it changed nothing.)

# %% [markdown]
# ## 15. Inside the package
#
# This is the cutter of minitf, as it runs:

# %%
import minitf.placement.partition

show_source(minitf.placement.partition.partition)

# %% [markdown]
# The shape is that of `cut`: one pass over the program, one `_Recv` for each tensor (or control edge) and device, kept in a dict. What is
# different:
#
# * It rewrites nodes, where we write instructions: `_Send` and `_Recv` are ops with kernels of their own. The order of instructions is made
#   later, by `minitf/session/schedule.py`, device by device.
# * An operation may have several outputs, so a tensor is a pair of a node and a number.
# * Feeds are copied as constants are: each device is given what it uses, where ours are given all.
# * A variable itself never crosses, only a snapshot of its value. What wants to *change* one on another device is refused.
# * A key has both devices and the edge in it, as TensorFlow's has. At run time only its number is left, the `slot`.
#
# ### Do they agree?
#
# Fifty random graphs, each built twice, with each operation on a random one of three devices.

# %%
TYPES_OF = {"Add": tf.add, "Sub": tf.subtract, "Mul": tf.multiply, "MatMul": tf.matmul}


def in_minitf(placeholders, plan, where):
    """{our tensor: minitf's}: the same graph once more, with the same names, each operation on its device."""
    made = {t: tf.placeholder(tf.float64, t.shape, t.op.name) for t in placeholders}
    for op in plan:
        with tf.device(where[op]), tf.control_dependencies([made[c.output] for c in op.controls]):
            made[op.output] = (tf.constant(op.attrs["value"], name=op.name) if op.type == "Const" else
                               TYPES_OF[op.type](*[made[x] for x in op.inputs], name=op.name))
    return made


# %%
cpus, crossed = [f"/cpu:{k}" for k in range(3)], 0
config = tf.ConfigProto(device_count={"CPU": 3})
for seed in range(50):
    random = np.random.default_rng(seed)
    ours = random_graph(random)
    plan = needed(ours[-3:], ours[:3])
    where = {op: str(random.choice(cpus)) for op in plan}
    program = cut(plan, where, ours[:3])
    mine = {(i.device, i.peer, f"edge_{maker(i.what).name}_{'0' if isinstance(i.what, Tensor) else 'control'}")
            for i in program if i.kind == "Send"}
    with tf.Graph().as_default(), tf.Session(config=config) as sess:
        theirs = in_minitf(ours[:3], plan, where)
        keys = sess.explain([theirs[t] for t in ours[-3:]], {theirs[t]: np.ones((3, 3)) for t in ours[:3]}).keys
    keys = {tuple(part.replace("/job:localhost/replica:0/task:0/device:CPU", "/cpu") for part in key.split(";")) for key in keys}
    assert keys == mine, keys ^ mine
    crossed += len(keys)
print(f"50 graphs, {crossed} transfers: the same")

# %% [markdown]
# And the placer. This is the centre of the package's: where does a node end first?

# %%
import minitf.placement.greedy

show_source(minitf.placement.greedy._Simulation._place, minitf.placement.greedy.best)

# %% [markdown]
# The formula is that of section 10. What takes no time *floats* until somebody wants it, and a group is settled by its first member. There
# is memory in it, which ours does not know (an exercise). `best` is the crude remedy of section 13. It also tries another order than first
# come, first served: most urgent first (an exercise too).
#
# It takes plain data, so it can be asked about our plans. On fifty random graphs with random times, and on the deep LSTM:

# %%
def work_of(plan, devices, costs, where={}):
    """What minitf's placer is given; where: {operation: the device that it must go to}."""
    times = {op: {d: costs.compute(op, d) for d in devices if where.get(op, d) == d} for op in plan if op.type != "Const"}
    edges = [(maker(what), op, 8 * costs.elements(what), 0) if isinstance(what, Tensor) else (what, op, 0, None)
             for op in times for what in before(op) if maker(what) in times]
    return tf.placement.Work(times, edges, lambda nbytes, source, destination: costs.latency + nbytes / costs.bandwidth, devices=devices)


def agree(plan, devices, costs):
    ours, theirs = greedy(plan, devices, costs), tf.placement.place(work_of(plan, devices, costs))
    assert all(ours.where[op] == device for op, device in theirs.device.items())
    assert all(np.allclose(ours.span[op], (theirs.start[op], theirs.end[op])) for op in theirs.device)
    return ours.makespan()


for seed in range(50):
    random = np.random.default_rng(seed)
    ours = random_graph(random)
    plan = needed(ours[-3:], ours[:3])
    agree(plan, four, Costs(latency=random.uniform(0, 20), known={op: random.uniform(1, 30) for op in plan if op.type != "Const"}))
print(f"50 random graphs, and the deep LSTM in {agree(free_plan, four, Costs()) / 1000:.1f} ms: the same places and times")

# %% [markdown]
# What is the order most urgent first worth? We ask twice: for a layer on each device, where only the order is left to choose, and for the
# placement that the placer chooses itself.

# %%
costs = Costs()
for name, work in ("a layer on each", work_of(list(by_layer.where), four, costs, by_layer.where)), ("placed freely", work_of(free_plan, four, costs)):
    spans = {order: tf.placement.place(work, order=order).makespan / 1000 for order in ("ready", "path")}
    print(f"{name:16} first come {spans['ready']:.1f} ms, most urgent first {spans['path']:.1f} ms")

# %% [markdown]
# With a layer on each device the urgent order finds the waves, as good as the plan's order in section 12, and nobody has told it how the
# loops went. Where it chooses the places too, first come is a little better on this graph. No rule is always right, and simulating is cheap,
# so `best` tries both.
#
# ## 16. The real thing
#
# A session of minitf has as many CPU devices as one asks for: each has a thread and a plan of its own. `tf.device` is our `graph.device`,
# with names that are folded to one spelling. With `log_device_placement` the session tells where each operation goes. (The job of a session
# that is not part of a cluster is called `localhost`, and has one replica and one task. The weights are a constant here, to make it short.)

# %%
with tf.Graph().as_default() as small:
    with tf.device("/cpu:0"):
        tf_examples, tf_weights = tf.placeholder(tf.float32, [None, 2], "examples"), tf.constant([[1.0, -1.0], [2.0, 1.0]], name="weights")
        tf_product = tf.matmul(tf_examples, tf_weights)
    with tf.device("/cpu:1"):
        tf_hidden = tf.nn.relu(tf_product + [0.0, -2.0])
with tf.Session(graph=small, config=tf.ConfigProto(device_count={"CPU": 4}, log_device_placement=True)) as sess:
    print(sess.run(tf_hidden, {tf_examples: [[1, 2]]}))
    explanation = sess.explain(tf_hidden, {tf_examples: [[1, 2]]})

# %% [markdown]
# What crosses? `explain` shows the two programs, with a `Send` in one and a `Recv` in the other. (`Relu` and the sum have become one
# instruction, which is another story.)

# %%
print(explanation)

# %% [markdown]
# Now the deep LSTM, with the line of the talk: a layer for each device. Each cell is one instruction here (`LSTMBlockCell`, chapter 06). It
# is larger than in section 12, so that a cell takes long enough to be seen.

# %%
def layers_of_minitf(devices, steps=12, batch=32, units=192):
    """(x [steps, batch, units], outputs of the last layer)"""
    x = tf.placeholder(tf.float32, [steps, batch, units], "x")
    h = tf.unstack(x)
    for k, device in enumerate(devices):
        with tf.device(device):
            h, _ = tf.nn.static_rnn(tf.nn.rnn_cell.LSTMBlockCell(units), h, dtype=tf.float32, scope=f"layer{k + 1}")
    return x, h


def session_for(devices, **options):
    """(session, outputs, feeds), with variables initialized."""
    with tf.Graph().as_default() as graph:
        tf.set_random_seed(0)
        x, h = layers_of_minitf(devices)
        sess = tf.Session(graph=graph, config=tf.ConfigProto(device_count={"CPU": 4}, **options))
        sess.run(tf.global_variables_initializer())
    return sess, h, {x: np.random.default_rng(0).normal(size=x.shape).astype(np.float32)}


sess, h, fed = session_for(["/cpu:%d" % d for d in range(4)])
keys = sess.explain(h, fed).keys
print(len(keys), "transfers, the first of them:")
print(keys[0].replace(";", "\n"))

# %% [markdown]
# Three borders between layers, twelve steps: 36 transfers. Now run it with a trace, and draw what came back: when each cell ran, by the
# clock, on the device that it ran on. A single run is a matter of luck, as other programs want the cores too. So run it 300 times, and take
# the trace that is nearest to a wave: the one in which the outputs of cells lay there least, on average, before the layer above took them.

# %%
def cells_of(step_stats):
    """For lanes: the cells of a traced step, in milliseconds from its begin; the kind is the layer, the label the step."""
    begin = min(n.all_start_nanos for d in step_stats.dev_stats for n in d.node_stats)
    for d in step_stats.dev_stats:
        for n in d.node_stats:
            layer, cell, step = n.node_name.partition("/lstm_cell/LSTMBlockCell")
            if cell and "/" not in step:
                start = (n.all_start_nanos - begin) / 1e6
                yield d.device[-5:], start, start + n.op_end_rel_nanos / 1e6, layer, int(step[1:] or 0) + 1


def times_of(step_stats):
    """{(layer, step): (start, end)}"""
    return {(int(layer[5:]), step): (start, end) for _, start, end, layer, step in cells_of(step_stats)}


def lying(step_stats):
    """The mean time from a cell's end to the begin of the cell above it."""
    ran = times_of(step_stats)
    return float(np.mean([ran[k + 1, t][0] - end for (k, t), (_, end) in ran.items() if k < 4]))

# %%
def best_trace(sess, fetches, fed, badness, runs):
    """The trace of the run that is least bad."""
    best = None
    for _ in range(runs):
        metadata = tf.RunMetadata()
        sess.run(fetches, fed, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=metadata)
        this = badness(metadata.step_stats), metadata.step_stats
        best = this if best is None or this[0] < best[0] else best
    return best[1]


trace = best_trace(sess, h, fed, lying, runs=300)
ran = times_of(trace)
for k, t in itertools.product((1, 2, 3), range(1, 12)):
    assert ran[k, t][1] <= min(ran[k + 1, t][0], ran[k, t + 1][0])
print(f"{len(ran)} cells, none before what it needs")

# %% tags=["nbval-ignore-output"]
LAYER_NAMES = {f"layer{k}": f"layer {k}" for k in (1, 2, 3, 4)}
lanes(cells_of(trace), "a layer on each device, by the clock", LAYER_NAMES, unit="ms")
cell = float(np.median([end - start for start, end in ran.values()]))
print(f"a cell takes {cell:.2f} ms; layer 4 begins at {ran[4, 1][0] / cell:.1f} cells; an output lies there for {lying(trace) / cell:.2f} cells")

# %% [markdown]
# WAVETEXT
# `examples/deep_lstm.py` draws such a picture of the talk's whole network, with its gradients. `tf.timeline.Timeline` draws everything that
# the trace knows: transfers as arrows, waiting, memory, and in red the chain of instructions that determined when the step ended.

# %% tags=["nbval-ignore-output"]
tf.timeline.Timeline(trace)

# %% [markdown]
# ### Measured, and placed again
#
# `tf.placement.measure` does in the package what `Timed` did in section 14: it runs some traced steps, and sends tensors between all pairs
# of devices to see what that takes. (Within a process a tensor is handed over and not copied, so its size hardly shows.) What it returns
# goes into the configuration of the next session, by an option of minitf's own, `cost_model`. There no device is written, and the greedy
# placer decides.

# %% tags=["nbval-ignore-output"]
free_sess, free_h, free_fed = session_for([None] * 4)
model = tf.placement.measure(free_sess, free_h, free_fed, steps=10)
print("\n".join(str(model).splitlines()[:4]), "\n...\n" + "\n".join(str(model).splitlines()[-3:]))

# %%
placed_sess, placed_h, placed_fed = session_for([None] * 4, cost_model=model)
same = all(np.array_equal(a, b) for a, b in zip(placed_sess.run(placed_h, placed_fed), free_sess.run(free_h, free_fed)))
print("the same bits as on one device:", same)

# %% tags=["nbval-ignore-output"]
quickest = best_trace(placed_sess, placed_h, placed_fed, lambda stats: max(end for _, end in times_of(stats).values()), runs=80)
lanes(cells_of(quickest), "placed by measured costs, by the clock", LAYER_NAMES, unit="ms")

# %% [markdown]
# A cell is one instruction here, so there are no halves of cells to share out as in section 12. After some to and fro at the start the
# placer comes near to a layer for each device, which nobody has told it. (It goes by what was measured, so no two runs of this cell are
# alike.) Why is an operation where it is? That question is asked often, so there is a function for it:

# %% tags=["nbval-ignore-output"]
print(tf.placement.explain_placement(placed_h[-1].op, placed_sess, placed_h, placed_fed))

# %% [markdown]
# The lines are the formula of section 10, worked out for each device.
#
# Is it faster, then? The clock decides. (The notebook was made on two cores, with one thread for each device. So two devices can compute at
# a time, and twice as fast is the most that is to be had, whatever the simulation of four devices says.)

# %% tags=["nbval-ignore-output"]
for name, (one_sess, fetches, feeds) in {"one device": (free_sess, free_h, free_fed), "a layer on each": (sess, h, fed),
                                         "by measured costs": (placed_sess, placed_h, placed_fed)}.items():
    took = []
    for _ in range(30):
        began = time.perf_counter()
        one_sess.run(fetches, feeds)
        took.append(time.perf_counter() - began)
    print(f"{name:18} {1000 * min(took):6.1f} ms")
for each in free_sess, sess, placed_sess:
    each.close()

# %% [markdown]
# ## 17. The digits once more
#
# Our own framework trains the digits of chapter 04 on three devices. Two of them are *towers*: each has a copy of the network, and takes
# one half of each batch. The third keeps the variables, takes the mean of the towers' gradients, and moves them. The talk calls this data
# parallelism. Everything that is sent follows from three device scopes.

# %%
from built.training import SGD
from minitf.datasets import mnist

digits, random, graph = mnist(one_hot=True), np.random.default_rng(0), Graph()
with graph.device("/cpu:0"):
    sizes = [(784, 100), (100,), (100, 10), (10,)]
    variables = [graph.variable(random.normal(size=s) * (len(s) == 2) * np.sqrt(2 / s[0])) for s in sizes]
    rate = SGD(0.5)

# %%
def tower(device, w1, b1, w2, b2):
    """(images, labels, logits, [gradient for each variable]) of one half."""
    with graph.device(device):
        images, labels = graph.placeholder((None, 784)), graph.placeholder((None, 10))
        logits = graph.create("Relu", images @ w1 + b1) @ w2 + b2
        return images, labels, logits, gradients(graph.create("Xent", logits, labels), [w1, b1, w2, b2])


towers = [tower(d, *variables) for d in ("/gpu:0", "/gpu:1")]
with graph.device("/cpu:0"):
    means = [0.5 * (a + b) for a, b in zip(towers[0][3], towers[1][3])]
    gate = graph.group(*means)
    train = graph.group(*[graph.assign(v, rate.new_value(v, g), controls=[gate]) for v, g in zip(variables, means)], name="train")
halves = [t for images, labels, _, _ in towers for t in (images, labels)]
print(f"{len(graph.operations)} operations")

# %%
session = Session(graph, as_written("/cpu:0"))
session.initialize()
for _ in range(600):
    images, labels = digits.train.next_batch(100)
    session.run(train, dict(zip(halves, (images[:50], labels[:50], images[50:], labels[50:]))))
guesses = session.run(towers[0][2], {towers[0][0]: digits.test.images}).argmax(axis=1)
share = (guesses == digits.test.labels.argmax(axis=1)).mean()
assert share > 0.94
print("more than 94 % of the test digits are right")

# %%
_, program = session.plans[(train,), tuple(halves)]
sends = [i for i in program if i.kind == "Send"]
for device, peer in dict.fromkeys((i.device, i.peer) for i in sends):
    there = [i.what for i in sends if (i.device, i.peer) == (device, peer)]
    print(f"{device} to {peer}: {len(there)} tensors, {sum(8 * np.prod(t.shape, dtype=int) for t in there):,} bytes")

# %% [markdown]
# Every step the weights go out to each tower, and a gradient of the same size comes back: 636,080 bytes each way, which is
# $8 \cdot (784 \cdot 100 + 100 + 100 \cdot 10 + 10)$. The images do not cross, for they are fed to the towers; nor do the hidden layers.
# However large the batch is, the bytes are the same. So a larger batch is a better use of the link: more is computed for each byte that is
# moved. (No tensor that is sent has a length that is not known: `np.prod` would have failed.)
#
# And the placement changed no bit:

# %%
def one_step(place):
    """w1 after a step that begins with the first weights."""
    once = Session(graph, place)
    once.initialize()
    images, labels = digits.train.images, digits.train.labels
    once.run(train, dict(zip(halves, (images[:50], labels[:50], images[50:100], labels[50:100]))))
    return once.values[variables[0].op]


everywhere = one_step(as_written("/cpu:0"))
assert np.array_equal(everywhere, one_step(lambda plan: dict.fromkeys(plan, "/cpu:0")))
print("three devices and one: the same bits")

# %% [markdown]
# ## Where this lives today
#
# * **TensorFlow 2** still has all of it: `tf.device`, `_Send` and `_Recv` in the partitioned graph, one Recv for each tensor and
#   destination. Its placer follows wishes and kernels, as in section 8. The greedy placer with a cost model was in the white paper and not
#   in the release.
# * **PyTorch** has no placer. `x.to("cuda:1")` is a transfer that the programmer writes, and mixing devices in one operation is an error.
#   For layers on several devices there is `torch.distributed.pipelining`: it cuts the model at places that are named, and a schedule says
#   who runs what when.
# * **JAX** asks how each array is to be split over a mesh of devices (`jax.sharding.NamedSharding`). The compiler works out the rest, and
#   puts in the transfers, most of them collective ones (all-reduce, all-gather) in the place of pairs.

# %% [markdown]
# * **GPipe** (Huang and others, 2018) is the wavefront of section 1 for any network: the batch is cut into small ones that follow each
#   other through the layers, and $L + T - 1$ is its formula for the time, with $T$ small batches. What is lost at both ends is called the
#   bubble.
# * **List scheduling** is the general name of what section 10 does. HEFT (Topcuoglu, Hariri and Wu, 2002) takes first what has the longest
#   way to the end (an exercise). A network that learns where to place operations was tried in 2017 (Mirhoseini and others).

# %% [markdown]
# ## Exercises
#
# The files are in `exercises/08_placement/`. Each says in its docstring what to write, with an example. "Replaces" names the function of
# the package that yours stands in for: with `MINITF_SWAP=exercises/08_placement` in the environment, minitf places and cuts with your code.
#
# | file | what to write | points | replaces |
# |---|---|---|---|
# | `meet.py` | the wish that two operations of a group have together | 2 | `minitf.core.devices.common_device` |
# | `learn.py` | a cost model that learns from the trace of a step | 3 | `minitf.placement.cost_model.CostModel.update` |
# | `urgent.py` | how long the way to the end is, from each operation | 3 | `minitf.placement.greedy.ways_to_the_end` |
# | `late.py` | each Recv as late as its first user allows | 4 | `minitf.session.schedule._transfers` |
# | `circle.py` | who waits for whom, when all stand still | 4 | |
# | `rendezvous.py` | a rendezvous that calls back, and what happens when a device fails | 4 | |
# | `room.py` | the greedy placer on devices with little memory | 5 | |
#
#     make grade CH=08
#     make hint TASK=08/circle
