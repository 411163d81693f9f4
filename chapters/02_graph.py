# %% [markdown]
# # Chapter 02: The graph and the session
#
# A graph of operations, and a session that runs the part of it that is asked for.
#
# **The question.** In chapter 01 our ops computed as soon as they were called. Here `x @ w` computes nothing: it writes down that a
# product is wanted. A session computes it later, perhaps a thousand times, perhaps only a part of it. Why would one want to write a
# program down before running it?
#
# | | |
# |---|---|
# | before this | chapter 01: an op is a name, a rule for shapes and a kernel. Python: classes, dicts, sets |
# | time | 90 minutes of reading, 2 to 4 hours of exercises |
# | short route | sections 1 to 7, then 9 and the exercises `unique_name`, `live_maximum`, `topological` |
# | stuck | `make hint TASK=02/topological`, one hint after the other; after a pass, `make diff TASK=02/topological` shows our solution |
#
# ## 1. A picture
#
# The two talks that introduced TensorFlow in 2015, and that this course follows, begin with this figure: a layer of a network and its
# loss. Below it is drawn from the object that minitf runs. `tf.Graph()` is an empty graph; ops called inside the `with` block are added
# to it.

# %%
import minitf as tf
from minitf.course.pictures import draw, show_source

figure = tf.Graph()
with figure.as_default():
    examples = tf.placeholder(tf.float32, [None, 2], "examples")
    labels = tf.placeholder(tf.float32, [None, 2], "labels")
    weights = tf.placeholder(tf.float32, [2, 2], "weights")
    biases = tf.placeholder(tf.float32, [2], "biases")
    hidden = tf.nn.relu(tf.matmul(examples, weights) + biases)
    loss = tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=hidden, name="Xent")
draw(figure, legend=True)

# %% [markdown]
# A box is an operation, an arrow a tensor: a value that will flow upwards from one operation to the next. A placeholder's value will be
# given from outside. Beside an arrow stands its shape, `?` for a length that is not known yet. The frame is a scope of names, and a short
# line on top of a box is an output that nobody uses. (`StopGradient` only passes the labels on; chapter 03 needs it.)
#
# There is no number in it yet. What can be said about this program before it runs?
#
# * **Shapes.** `examples` is `?×2`, so the product is `?×2`, and so are the sum and the relu. A matrix that does not fit is found now.
# * **What is needed.** Who wants only the relu needs the five boxes below it, and no labels.
# * **What is free.** `labels` has nothing to do with the product: it could wait, or come from another machine.
# * **Memory.** Once the relu has read the sum, nobody reads it again, so its bytes can be used for something else.
#
# A program that runs line by line knows none of this, for it does not know what the next line is. The last point alone is worth a graph;
# section 9 counts the bytes.

# %% [markdown]
# ## 2. Nodes and edges
#
# Now to build it. The ops of chapter 01 stay as they are: `OPS["MatMul"].shape` says which shapes fit, `OPS["MatMul"].kernel` computes.

# %% tags=["built"]
from copy import copy

import numpy as np

from built.ops import OPS, op

# %% [markdown]
# An operation is a node: a type (which op), a name of its own, and its inputs. `attrs` are what is fixed when the node is made, such as
# `transpose_a=True`. `controls` stays empty until section 7. `number` counts the nodes.

# %% tags=["built"]
class Operation:
    """A node: its type says which op, its inputs are tensors; controls are operations that must have run before it."""
    def __init__(self, graph, name, type, inputs, controls, attrs, shape):
        self.graph, self.name, self.type = graph, name, type
        self.inputs, self.controls, self.attrs = inputs, controls, attrs
        self.number = len(graph.operations)
        self.output = Tensor(self, shape)

    def __repr__(self):
        return f"<{self.name}: {self.type}>"


# %% [markdown]
# A tensor is what comes out of an operation. It knows who makes it and how large it will be. The `:0` in its name means output number 0;
# ours have only that one.

# %% tags=["built"]
class Tensor:
    """The output of an operation: an edge.  It has a name and a shape, and no value."""
    __array_ufunc__ = None                      # so that array * tensor asks the tensor

    def __init__(self, op, shape):
        self.op, self.shape, self.name = op, tuple(shape), op.name + ":0"

    def __repr__(self):
        return f"<{self.name} {self.shape}>"


# %% [markdown]
# Numbers have to come from somewhere. Two ops have no inputs: a constant carries its value as an attribute, a placeholder is given one
# when it runs. With `op` from chapter 01, both are ops like any other.

# %% tags=["built"]
@op("Const", lambda value: value.shape)
def const(value):
    return value


@op("Placeholder", lambda shape: shape)
def placeholder(shape):
    raise ValueError("a placeholder must be fed")


# %% [markdown]
# The graph is the list of its operations, in the order in which they were made. Each has a name of its own: the first product is
# `matmul`, the second `matmul_1`.

# %% tags=["built"]
class Graph:
    """Operations in the order of their creation, and the same by name."""
    def __init__(self):
        self.operations, self.by_name, self.counts = [], {}, {}

    def unique(self, name):
        """The name itself, or name_1, name_2, ... if it is taken."""
        free = name
        while free in self.by_name:
            self.counts[name] = self.counts.get(name, 0) + 1
            free = f"{name}_{self.counts[name]}"
        return free


# %% [markdown]
# `create` adds a node. It asks the op's shape rule first, so where shapes do not fit the program stops here, at the line that is wrong, and
# leaves nothing behind in the graph.
#
# (The first line makes a class out of its own namesake: this is the `Graph` from above and three methods more. In a notebook a class can
# grow like that. After a change in such a cell, run the notebook from the top again: made anew alone, the class lacks what comes later.)

# %% tags=["built"]
class Graph(Graph):
    """The graph as above, to which operations can be added."""
    def create(self, type, *inputs, name=None, controls=(), **attrs):
        """Add an operation and return its output.  Inputs that are no tensors become constants; controls are operations or outputs."""
        shapes = [x.shape if isinstance(x, Tensor) else np.shape(x) for x in inputs]
        shape = OPS[type].shape(*shapes, **attrs)                       # may fail, so it comes before anything is added
        inputs = [x if isinstance(x, Tensor) else self.constant(x) for x in inputs]
        controls = [c.op if isinstance(c, Tensor) else c for c in controls]
        op = Operation(self, self.unique(name or type.lower()), type, inputs, controls, attrs, shape)
        self.operations.append(op)
        self.by_name[op.name] = op
        return op.output

    def constant(self, value, name=None):
        return self.create("Const", value=np.array(value, np.float64), name=name)

    def placeholder(self, shape, name=None):
        return self.create("Placeholder", shape=tuple(shape), name=name)


# %% [markdown]
# Three nodes:

# %%
g = Graph()
x = g.placeholder((None, 2), "examples")
w = g.constant([[1, -1], [2, 1]], "weights")
product = g.create("MatMul", x, w)
print(product, product.op.inputs)

# %% [markdown]
# A batch of unknown length (`None`) times a 2 by 2 matrix is again a batch of pairs. A matrix with three rows does not fit, and no
# session was needed to find out. (`failure`, as in chapter 01, makes sure that it does fail, and gives the first line of what is said.)

# %%
def failure(kind, f, *args):
    """The first line of the error of that kind that f(*args) raises."""
    try:
        f(*args)
    except kind as error:
        return str(error).splitlines()[0]
    raise AssertionError("nothing failed")


print(failure(ValueError, g.create, "MatMul", x, np.zeros((3, 2))))

# %% [markdown]
# Writing `g.create` everywhere is tedious. Python calls `x.__add__(y)` for `x + y`, so the operators can do it. They do not compute: they
# add a node. The second of each pair is for `2.0 * x`, where the tensor stands on the right.

# %% tags=["built"]
def operator(type, swapped=False):
    """A method of Tensor that adds an operation of this type."""
    def method(self, other):
        return self.op.graph.create(type, *((other, self) if swapped else (self, other)))
    return method


for sign, type_ in ("add", "Add"), ("sub", "Sub"), ("mul", "Mul"), ("matmul", "MatMul"):
    setattr(Tensor, f"__{sign}__", operator(type_))
    setattr(Tensor, f"__r{sign}__", operator(type_, swapped=True))

# %% [markdown]
# The figure of section 1 again, this time in our own graph, with small numbers for the weights. A grey box with corners is a constant. One
# thing is different: `Xent` of chapter 01 takes the scores first, and gives the mean over the batch, one number of shape `()`. The
# package's gives a number for each example, `?`.

# %%
def layer():
    """The talk's figure: (graph, examples, labels, hidden, loss)."""
    g = Graph()
    examples, labels = g.placeholder((None, 2), "examples"), g.placeholder((None, 2), "labels")
    weights, biases = g.constant([[1, -1], [2, 1]], "weights"), g.constant([0, -2], "biases")
    hidden = g.create("Relu", examples @ weights + biases)
    return g, examples, labels, hidden, g.create("Xent", hidden, labels)


g, examples, labels, hidden, loss = layer()
draw(g)

# %% [markdown]
# ## 3. Running it
#
# The value of a tensor: compute the values of the inputs of its operation, then call the kernel. Said like that, it is a recursion of
# four lines. `feeds` gives values from outside, in a dict `{tensor: value}`. A fed tensor needs no computing, so this is asked first.

# %%
def evaluate(tensor, feeds):
    """The value of a tensor, given the values of some others."""
    if tensor in feeds:
        return np.asarray(feeds[tensor])
    op = tensor.op
    return OPS[op.type].kernel(*[evaluate(t, feeds) for t in op.inputs], **op.attrs)


# %% [markdown]
# One example, $(1, 2)$, and the weights above: the product is $(1\cdot 1 + 2\cdot 2,\; 1\cdot(-1) + 2\cdot 1) = (5, 1)$; plus the biases
# $(0, -2)$ it is $(5, -1)$; the relu makes it $(5, 0)$. If the label is class 0, the cross entropy is
# $-\ln\frac{e^5}{e^5 + e^0} = \ln(1 + e^{-5}) \approx 0.0067$.

# %%
print(evaluate(hidden, {examples: [[1, 2]]}))
print(f"{evaluate(loss, {examples: [[1, 2]], labels: [[1, 0]]}):.4f}")

# %% [markdown]
# It does more than it seems to. `hidden` was computed without labels: nobody asked for them, so nobody missed them. And any tensor can be
# fed, not only a placeholder. Feed `hidden` itself, and the examples are no longer needed; the loss of $(0, 0)$ is $\ln 2$:

# %%
print(f"{evaluate(loss, {hidden: [[0, 0]], labels: [[1, 0]]}):.4f}")

# %% [markdown]
# ## 4. Two ways to break it
#
# A network that reads a text letter by letter is a long chain. Here is a chain of 5,000 additions.

# %%
g = Graph()
start = end = g.constant(0.0)
for _ in range(5000):
    end = end + 1.0

_ = failure(RecursionError, evaluate, end, {})
print("RecursionError in a graph of", len(g.operations), "operations")

# %% [markdown]
# Every node on the way back to the start is one more open call, and Python allows about a thousand. The limit can be raised, and then the
# chain of tomorrow is longer.
#
# The second way needs no size at all. In a *diamond* one tensor is used twice: $y = x + x$. Ten of them on top of each other:

# %%
g = Graph()
x = top = g.constant(1.0)
for _ in range(10):
    top = top + top

calls = 0


def evaluate_counting(tensor):
    global calls
    calls += 1
    return OPS[tensor.op.type].kernel(*[evaluate_counting(t) for t in tensor.op.inputs], **tensor.op.attrs)


print(evaluate_counting(top), "from", len(g.operations), "operations, with", calls, "kernel calls")
assert calls == 2 ** 11 - 1

# %% [markdown]
# The answer is right, and the work is 2,047 kernel calls for 11 operations: each diamond asks for the one below twice, so the calls
# double at every level, $1 + 2 + 4 + \dots + 2^{10} = 2047$. Forty diamonds, $2^{41}$ calls of a microsecond each, would take 25 days.
# Real graphs are full of them: a layer's output goes to the next layer and, in training, to the gradient as well.
#
# Remembering values in a dict cures the diamond, but not the chain. What cures both is to think first and compute afterwards.

# %% [markdown]
# ## 5. A plan
#
# Take the two halves of the recursion apart. One half finds out *which* operations are needed; the other *runs* them. Neither has to
# recurse.
#
# **Which.** Keep a list of operations that are still to be looked at. Take one off; if it is new, note it, and put those that make its
# inputs on the list. A fed tensor is not followed: the graph is cut there. For the relu, given the examples, the list is `relu`; then
# `add`; then `matmul` and `biases`; then `matmul` alone; then `weights`; then nothing. Five have been noted, the relu itself and the four
# below it that are not fed.
#
# **In which order.** Each operation must come after those that make its inputs. This costs nothing: an operation can only be made from
# tensors that exist, so its inputs are always older. The order of creation is right, and `number` remembers it. (Where it is lost, the
# exercise `topological` finds another.)
#
# `op.controls`, empty so far, are operations that must run before as well.

# %% tags=["built"]
def needed(fetches, fed):
    """The operations that the fetches need, in the order of creation; a fed tensor needs nothing."""
    seen, waiting = set(), [t.op for t in fetches if t not in fed]
    while waiting:
        op = waiting.pop()
        if op not in seen:
            seen.add(op)
            waiting += [t.op for t in op.inputs if t not in fed] + op.controls
    return sorted(seen, key=lambda op: op.number)


# %%
g, examples, labels, hidden, loss = layer()
for fetch, feeds in (loss, {examples, labels}), (hidden, {examples}), (loss, {hidden, labels}):
    names = [op.name for op in needed([fetch], feeds)]
    print(f"{fetch.name:8} from {' '.join(sorted(t.name for t in feeds)):22} needs {len(names)}: {' '.join(names)}")

# %% [markdown]
# Read the three lines against the picture. The loss needs all six operations that are not fed. The hidden layer does not need `xent`.
# With `relu:0` fed, one operation is left of eight. This is *pruning*, and the list is the *plan*.
#
# **Running** a plan is a loop. The values go into a dict, and every operation finds its inputs there, because they came earlier.
#
# The plan depends on what is fetched and on what is fed, and not on the values. A training loop asks the same question ten thousand
# times, so the session keeps the answer. (Fed in another order, the same tensors make a second plan, which does no harm.)

# %% tags=["built"]
class Session:
    """Runs parts of a graph, and keeps the plans that it has made."""
    def __init__(self, graph):
        self.graph, self.plans = graph, {}

    def run(self, fetches, feeds={}):
        """The values of the fetches (a list of tensors, or one tensor), given those of the fed tensors."""
        if isinstance(fetches, Tensor):
            return self.run([fetches], feeds)[0]
        key = tuple(fetches), tuple(feeds)
        if key not in self.plans:
            self.plans[key] = needed(fetches, feeds)
        value = {t: np.asarray(v) for t, v in feeds.items()}
        for op in self.plans[key]:
            result = self.compute(op, [value[t] for t in op.inputs])
            value.setdefault(op.output, result)             # if it was fed (a control edge led here), it keeps that value
        return [copy(value[t]) for t in fetches]            # the caller may write into what he gets

    def compute(self, op, inputs):
        if op.type == "Placeholder":
            raise ValueError(f"{op.name} is needed, and was not fed")
        return OPS[op.type].kernel(*inputs, **op.attrs)


# %%
session = Session(g)
batch = {examples: [[1, 2], [0, 1]], labels: [[1, 0], [0, 1]]}
rows, mean_loss = session.run([hidden, loss], batch)
print(rows, f"{mean_loss:.4f}")

# %% [markdown]
# The first row is the example from above. The second is $(2, 1)$ plus $(0, -2)$, so $(2, -1)$ and after the relu $(2, 0)$, with a label
# that says class 1: a loss of $\ln(1 + e^2) \approx 2.127$. The mean of both is 1.0668.
#
# Now the two graphs that broke the recursion:

# %%
g = Graph()
end = g.constant(0.0)
for _ in range(5000):
    end = end + 1.0
print("a chain of 5,000:", Session(g).run(end))

g = Graph()
top = g.constant(1.0)
for _ in range(40):
    top = top + top
session = Session(g)
print("forty diamonds:  ", session.run(top), "from", len(session.plans[(top,), ()]), "kernel calls")

# %% [markdown]
# $2^{40} = 1{,}099{,}511{,}627{,}776$ from 41 calls.
#
# ## 6. Fetches choose, feeds cut
#
# The talk shows a small graph of six nodes, *a* to *f*, and runs it with one line:
#
#     Run(input={"b": ...}, outputs={"f:0"})
#
# The names are names of tensors; `b` is short for `b:0`. Here is such a graph.

# %%
g = Graph()
a = g.constant(2.0, "a")
b = g.create("Mul", 3.0, 1.0, name="b")
c = g.create("Add", a, b, name="c")
d = g.create("Mul", b, b, name="d")
e = g.create("Sub", d, c, name="e")
f = g.create("Mul", a, c, name="f")
draw(g)

# %% [markdown]
# The call itself is two look-ups by name around `run`:

# %%
def Run(session, input, outputs):
    """The talk's call: {name: value} in, {name: value} out."""
    def tensor(name):
        return session.graph.by_name[name.partition(":")[0]].output
    names = sorted(outputs)
    return dict(zip(names, session.run([tensor(n) for n in names], {tensor(n): v for n, v in input.items()})))


session = Session(g)
print("f:0 is", Run(session, input={"b": 10.0}, outputs={"f:0"})["f:0"])

# %% [markdown]
# $f = a \cdot c = a\,(a + b) = 2 \cdot (2 + 10) = 24$. `b` is not a placeholder; it is a product of two constants, and feeding it cut
# them off. Which nodes ran?

# %%
plan, = session.plans.values()
print("ran:", *[node.name for node in plan])
print("not:", *[node.name for node in g.operations if node not in plan])
draw(g, highlight=[*plan, b], values={"b": "fed 10", "f": "24"})

# %% [markdown]
# Three of eight. `d` and `e` contribute nothing to `f`, as the white paper says of its own figure ("TensorFlow: Large-Scale Machine
# Learning on Heterogeneous Distributed Systems", arXiv 1603.04467, section 4.2). `b` did not run either, for its value was there. At the
# crosses the graph is cut; the two constants lie beyond.
#
# A placeholder that is not fed is an error only if the plan reaches it:

# %%
g, examples, labels, hidden, loss = layer()
session = Session(g)
print(session.run(hidden, {examples: [[1, 2]]}), "without labels")
print(failure(ValueError, session.run, loss, {examples: [[1, 2]]}))

# %% [markdown]
# And a tensor that is both fed and fetched comes back as it was fed; nothing runs at all.

# %%
print(session.run(hidden, {hidden: [[7, 7]]}), "from", len(session.plans[(hidden,), (hidden,)]), "operations")

# %% [markdown]
# ## 7. State
#
# So far a run leaves nothing behind. Training needs something that survives: the weights. A *variable* is an operation without inputs
# whose value is not in the graph but in the session. *Assign* changes it.
#
# As ops they only pass on what they are given; to keep a value will be the session's business. `NoOp` does nothing at all. (This `Assign`
# takes a value of any shape, and the variable then has that shape. `tf.assign` refuses; chapter 03 shows why.)

# %% tags=["built"]
@op("Variable", lambda initial: initial.shape)
def variable(initial):
    return initial


@op("Assign", lambda variable, value: value)
def assign(variable, value):
    return value


@op("NoOp", lambda: ())
def no_op():
    return None


# %% [markdown]
# The graph gets a method for each. `group` says "do all of these": a `NoOp` with *control edges*, which carry no value and only say
# "after".

# %% tags=["built"]
class Graph(Graph):
    """The graph as above, with state."""
    def variable(self, initial, name=None):
        return self.create("Variable", initial=np.array(initial, np.float64), name=name)

    def assign(self, variable, value, **options):
        """Give the variable a value in the run; the output is that value."""
        return self.create("Assign", variable, value, **options)

    def group(self, *tensors, name=None):
        """An operation that does nothing itself, after all of these."""
        return self.create("NoOp", controls=tensors, name=name)


# %% [markdown]
# The session holds the values, by operation. Only two types of operation touch them. They are copies, so nobody who changes an array that
# he fed or fetched changes a variable.

# %% tags=["built"]
class Session(Session):
    """The session as above, with the values of the variables."""
    def __init__(self, graph):
        super().__init__(graph)
        self.values = {}

    def initialize(self):
        """Give every variable of the graph its initial value."""
        self.values.update((op, op.attrs["initial"].copy()) for op in self.graph.operations if op.type == "Variable")

    def compute(self, op, inputs):
        if op.type == "Variable":
            if op not in self.values:
                raise ValueError(f"{op.name} has no value yet: initialize() gives it one")
            return self.values[op]
        if op.type == "Assign":
            self.values[op.inputs[0].op] = copy(inputs[1])
        return super().compute(op, inputs)


# %% [markdown]
# A counter. The graph is built once; each run of `step` reads the variable, adds one and writes it back.

# %%
g = Graph()
count = g.variable(0.0, "count")
step = g.assign(count, count + 1.0, name="step")

one, other = Session(g), Session(g)
one.initialize(), other.initialize()
for _ in range(3):
    one.run(step)
print("count:", one.run(count), "in one session,", other.run(count), "in the other")

# %% [markdown]
# The state belongs to the session: two sessions on one graph do not see each other. The graph is the program, the session is the process.
#
# What does a run see that reads and writes the same variable?

# %%
print(*one.run([count, step]))

# %% [markdown]
# The fetched `count` is the old value. The variable is an operation like any other and runs once per run, before the things that depend
# on it; what it gave them stays. That only works because `Assign` puts a *new* array in the dict. Suppose it wrote into the old one
# instead, to save memory:

# %%
class InPlace(Session):
    def compute(self, op, inputs):
        if op.type == "Assign":
            inputs[0][...] = inputs[1]
            return inputs[0]
        return super().compute(op, inputs)


broken = InPlace(g)
broken.initialize()
before, after = broken.run([count, step])
print(before, after)
assert before == after == 1

# %% [markdown]
# The value that had been read changed afterwards, behind the reader's back: "before" should be 0. TensorFlow 1.x could do this, since a
# read might share the memory of the variable, and it was a lasting source of puzzled questions. minitf takes our side: a read is a
# snapshot. It writes in place only where nobody holds the old value any more.
#
# ## 8. Order
#
# In which order do the operations of one run execute? We have used the order of creation. Nothing promises it: a session with two
# processors, or two machines, will run what is ready. Only edges promise something. Take any order that the edges allow, at random, and put
# it where `run` looks for its plan:

# %%
def any_order(operations, random):
    """The operations in an order, drawn at random, in which each comes after those it depends on."""
    waiting, order = list(operations), []
    while waiting:
        ready = [op for op in waiting if not any(x in waiting for x in [t.op for t in op.inputs] + op.controls)]
        order.append(ready[random.integers(len(ready))])
        waiting.remove(order[-1])
    return order


def outcomes(fetches, variable):
    """The values that the variable may have after one run, over forty orders."""
    found = set()
    for seed in range(40):
        session = Session(variable.op.graph)
        session.initialize()
        session.plans[tuple(fetches), ()] = any_order(needed(fetches, {}), np.random.default_rng(seed))
        session.run(fetches)
        found.add(float(session.values[variable.op]))
    return sorted(found)


# %% [markdown]
# Two updates of one variable that starts at 1. One doubles it, the other adds ten.

# %%
g = Graph()
v = g.variable(1.0)
double, add_ten = g.assign(v, v * 2.0), g.assign(v, v + 10.0)
print(outcomes([double, add_ten], v))

# %% [markdown]
# Both read 1, so one writes 2 and the other 11, and who writes last decides. In code this would be two lines, one below the other, with
# one meaning. In a graph they are two nodes with no edge between them.
#
# A control edge, as in `group`, orders them without passing a value: `controls=[double]` says "after `double`".

# %%
after = g.assign(v, v + 10.0, controls=[double])
print(outcomes([double, after], v))

# %% [markdown]
# One outcome, 11. It is not 12: the control edge delays the write, but `v + 10` was computed from the value that `v` had when it was
# read. To add ten to the doubled value, take the doubled value. A data edge orders *and* carries.

# %%
chained = g.assign(v, double + 10.0)
print(outcomes([double, chained], v))

# %% [markdown]
# A test that happens to run in the right order does not find a missing edge. minitf looks for it in the graph, and the exercise
# `unordered_writes` is to write that search.
#
# A `group` of two assigns is nothing but control edges: running it runs both.

# %%
g = Graph()
v, w = g.variable(1.0, "v"), g.variable(2.0, "w")
both = g.group(g.assign(v, v + w), g.assign(w, v * w), name="both")
session = Session(g)
session.initialize()
session.run(both)
print(session.values[v.op], session.values[w.op])
draw(g, legend=True)

# %% [markdown]
# 3 and 2: `v * w` used the `v` of before. Chapter 04 makes a training step in this way, one assign per weight, all computed from the same
# old weights.
#
# That is the whole machine: nodes, edges, feeds, fetches, pruning, plans, state and order, in about 120 lines.
#
# ## 9. The real thing
#
# `tf.Session` does the same, and then looks at the plan once more before it runs it. Here is the layer again. Weights and biases are now
# variables, and a second product with the weights stands in the place of the loss. `tf.global_variables_initializer()` is an op that runs
# all initial assigns.

# %%
real = tf.Graph()
with real.as_default():
    examples = tf.placeholder(tf.float32, [None, 2], "examples")
    weights = tf.Variable([[1.0, -1.0], [2.0, 1.0]], name="weights")
    biases = tf.Variable([0.0, -2.0], name="biases")
    hidden = tf.nn.relu(tf.matmul(examples, weights) + biases, name="hidden")
    output = tf.matmul(hidden, weights, name="output")
    start = tf.global_variables_initializer()

sess = tf.Session(graph=real)
sess.run(start)
batch = {examples: [[1.0, 2.0], [0.0, 1.0]]}
print(sess.run(output, batch))

# %% [markdown]
# $(5, 0)$ times the weights is $(5, -5)$; $(2, 0)$ gives $(2, -2)$. `sess.explain` takes what `sess.run` takes, and shows the plan
# instead of running it.

# %%
print(sess.explain(output, batch))

# %% [markdown]
# Each value has a numbered *buffer*, written `%5`. Above the line of instruction 0 are the buffers that exist before the run: the
# variables and the batch; `float32_ref` is a variable itself, `float32` a value. Then the instructions, in order:
#
# * `Read` takes a snapshot of a variable; it copies nothing. `Release` gives it back as soon as the last reader is done, so that a later
#   write may happen in place.
# * `hidden (Fused)`: the addition and the relu have become one instruction, which goes through memory once instead of twice.
# * `in %5`: the result of `hidden` is written over the product, which nobody reads any more.
# * `arena +0`, `arena +64`: the plan has one block of memory, the *arena*, for everything that lives only inside the run. The offsets are
#   fixed before it starts. Each buffer takes whole cache lines of 64 bytes, so 16 bytes here take 64. The fetched output lies there too,
#   and is copied out at the end. A fetched result of more than 4,096 bytes gets memory of its own, `own`, and goes out without a copy.

# %% [markdown]
# Not to be seen here: operations that compute the same are merged into one (the exercise `merge_equal`), and what depends on constants
# alone is computed while planning.
#
# `sess.stepper` is a debugger for such plans: it runs one instruction at a time.

# %%
stepper = sess.stepper(output, batch)
print(stepper.step())
print(stepper.step())
print(stepper.run_until("hidden"))
print(stepper.buffers())
stepper.close()

# %% [markdown]
# We stopped just after the fused instruction. In the last column is what each buffer holds *now*: the product is gone, `overwritten by` the
# hidden layer, whose numbers are those from section 5. The output is not made yet. The column before tells who holds the memory: the
# session (variables), the caller (the batch), the arena; a snapshot has two holders, the session and this run.
#
# ### How much the arena saves
#
# Six products in a row, each of 64 by 64 numbers of 4 bytes: $64 \cdot 64 \cdot 4 = 16{,}384$ bytes apiece. The last one is fetched
# and large, so it gets memory of its own; five are left to the arena: 81,920 bytes if each had a place to itself.

# %%
chain = tf.Graph()
with chain.as_default():
    x = power = tf.placeholder(tf.float32, [64, 64], "x")
    for k in range(2, 8):
        power = tf.matmul(power, x, name=f"x{k}")

plan = tf.Session(graph=chain).explain(power, {x: np.eye(64)})
print(plan)

# %% [markdown]
# The arena has 32,768 bytes, two places: `x3` is computed from `x2`, so both must exist; when `x4` is computed, `x2` is dead and its
# place is free. The products alternate between +0 and +16,384. A chain of a thousand would need the same two places.
#
# "At most 32,768 alive at once" is a bound: at no instruction are more bytes needed, and no arena can be smaller than that. The plan
# reached it. It is not always possible, and finding the smallest arena is NP-hard; two exercises are about it.
#
# What did all this cost? Planning happens once per combination of fetches, feeds and their shapes. After that a run follows the plan.

# %% tags=["nbval-ignore-output"]
import time

small, fed = Session(Graph()), np.ones((2, 2))
g = small.graph
p = g.placeholder((2, 2))
q = g.create("Relu", p @ p + p)


def microseconds(function, times=2000):
    function()
    began = time.perf_counter()
    for _ in range(times):
        function()
    return (time.perf_counter() - began) / times * 1e6


with tf.Graph().as_default():
    tp = tf.placeholder(tf.float64, [2, 2])
    tq = tf.nn.relu(tf.matmul(tp, tp) + tp)
    tsess = tf.Session()
print(f"a run of three small operations: ours {microseconds(lambda: small.run(q, {p: fed})):.1f} us, "
      f"minitf {microseconds(lambda: tsess.run(tq, {tp: fed})):.1f} us, "
      f"planning in minitf {microseconds(lambda: tf.Session(graph=tsess.graph).run(tq, {tp: fed}), 20):.0f} us")

# %% [markdown]
# The plan of minitf is run by compiled code that looks nothing up, so a run of tiny operations costs it a microsecond or so, and ours
# several times that. Planning costs as much as a few hundred such runs, which is why it must happen once and not in every step; section 11
# shows what happens otherwise.
#
# ## 10. The power method
#
# The second of the talks, a tutorial at NIPS 2015, shows a first whole program: the *power method* on a 5 by 5 matrix. It finds the
# eigenvalue of $A$ that is largest in absolute value, by multiplying again and again:
#
# $$x \leftarrow \frac{A x}{\lVert A x\rVert}, \qquad \lambda \approx \frac{x^T A x}{x^T x}.$$
#
# Why it works: write $x$ in eigenvectors, $x = c_1 v_1 + c_2 v_2 + \dots$. Multiplying by $A$ multiplies each part by its eigenvalue, so
# the part of the largest one outgrows the rest, if it is there at all ($c_1 \ne 0$). With $\lambda_1 = 2$ and $\lambda_2 = 1$, ten steps
# make the ratio of the two parts 1,024 times larger. Here is a symmetric matrix, and what `numpy.linalg.eigh` says of it.

# %%
A = np.array([[4.0, 1.0, 0.5, 0.0, 1.0],
              [1.0, 3.0, 1.0, 0.5, 0.0],
              [0.5, 1.0, 5.0, 1.0, 0.5],
              [0.0, 0.5, 1.0, 2.0, 1.0],
              [1.0, 0.0, 0.5, 1.0, 3.0]])
eigenvalues, vectors = np.linalg.eigh(A)
print(eigenvalues.round(4))

# %% [markdown]
# For our framework one op is missing: dividing a vector by its length. With `op` that is three lines.

# %%
@op("Normalize", lambda x: x)
def normalize(x):
    return x / np.sqrt((x * x).sum())


g = Graph()
matrix = g.constant(A, "A")
x = g.variable(normalize(np.ones((5, 1))), "x")
product = matrix @ x
eigenvalue = g.create("MatMul", x, product, transpose_a=True)
iterate = g.assign(x, g.create("Normalize", product))
draw(g)

# %% [markdown]
# The two results hang on the same product, and neither needs the other: one can be fetched without the other, or both at once, as here.
# $x$ has length 1 from the start, so $x^T x$ need not be divided by.

# %%
session = Session(g)
session.initialize()
print("step  eigenvalue   its error  shrunk by")
error = None
for step in range(21):
    estimate, _ = session.run([eigenvalue, iterate])
    before, error = error, eigenvalues[-1] - estimate.item()
    if step <= 8 or step == 20:
        print(f"{step:4}  {estimate.item():.8f}   {error:.1e}" + (f"    {error / before:.4f}" if before else ""))
assert error < 1e-8

# %% [markdown]
# The first vector of ones gives exactly 6, the mean of all row sums. After twenty steps eight decimals agree with `numpy.linalg.eigh`.
#
# Each step makes the error smaller, in the end by the factor 0.4146. The part of the second eigenvector, relative to the first, shrinks by
# $\lambda_2 / \lambda_1 = 4.1362 / 6.4240 = 0.6439$ a step. Near the top $x^T A x$ is flat, so an error of $\varepsilon$ in the direction
# costs only $\varepsilon^2$ in the value, and $0.6439^2 = 0.4146$. Without symmetry the error shrinks only by $\lambda_2 / \lambda_1$.
#
# The same in minitf. `tf.assign(x, ...)` is our `g.assign`:

# %%
with tf.Graph().as_default(), tf.Session() as sess:
    tx = tf.Variable(normalize(np.ones((5, 1))), name="x")
    ty = tf.matmul(tf.constant(A), tx)
    tvalue = tf.matmul(tx, ty, transpose_a=True)
    titerate = tf.assign(tx, ty / tf.sqrt(tf.reduce_sum(tf.square(ty))))
    sess.run(tf.global_variables_initializer())
    for step in range(20):
        sess.run(titerate.op)
    print(f"{sess.run(tvalue).item():.10f}, and ours {estimate.item():.10f}")

# %% [markdown]
# The loop runs `titerate.op`, the operation, and not `titerate`, the tensor: nothing is handed back to Python, and the vector stays in
# the session.
#
# ## 11. The graph grows
#
# In TensorFlow the program that builds the graph and the one that runs it may be on different machines. The talk's interface between them
# has two calls: `Extend` sends the nodes that were added since the last time, `Run` runs. In one process there is nothing to send, but a
# graph may grow while a session lives. `g.version` counts its operations:

# %%
with tf.Graph().as_default() as g:
    x = tf.constant(3.0)
    sess = tf.Session()
    print(sess.run(x), "with", g.version, "operation")
    y = x * x + 1.0
    print(sess.run(y), "with", g.version, "operations, the session is the same")

# %% [markdown]
# That is a convenience and a trap. The line `sess.run(y + k)` looks harmless. In a loop it adds nodes in every round, and since `y + k`
# is a new tensor each time, no old plan fits: the run is pruned, optimised and planned afresh. After more than ten such runs minitf speaks
# up, once:

# %%
import textwrap
import warnings

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for k in range(12):
        sess.run(y + float(k))
print(g.version, "operations after 12 rounds")
print(textwrap.fill(str(caught[0].message), 110))

# %% [markdown]
# Two new operations a round, a constant and an addition, and none is ever freed. So build before the loop, with a placeholder for what
# changes:

# %%
with g.as_default():
    k_fed = tf.placeholder(tf.float32, [])
    y_plus_k = y + k_fed
g.finalize()
print(*[sess.run(y_plus_k, {k_fed: float(k)}) for k in range(3)])
print(failure(RuntimeError, lambda: y + 2.0))

# %% [markdown]
# ## 12. Inside the package
#
# Pruning in minitf is this function, as it runs:

# %%
import minitf.session.prune

show_source(minitf.session.prune.needed)

# %% [markdown]
# You know this loop. What is different:
#
# * Its roots are operations: in minitf one may fetch an operation as well as a tensor.
# * An operation is noted when it goes on the stack, so none is on it twice. The caller sorts `order` by number of creation, as we do.
# * `done` is for a step that is run in several parts: what an earlier part did need not be done again. (Where that part passed a variable
#   on, `undone` finds the variable.)
# * The last condition: who waits by a control edge for a *fed placeholder* waits for nothing. Ours does not know that:

# %%
g = Graph()
p = g.placeholder((), "p")
after_p = g.create("Add", 1.0, 2.0, controls=[p])
print("ours:  ", failure(ValueError, Session(g).run, after_p, {p: 5.0}))

with tf.Graph().as_default(), tf.Session() as sess:
    tp = tf.placeholder(tf.float32, [], "p")
    with tf.control_dependencies([tp]):
        print("minitf:", sess.run(tf.constant(1.0) + 2.0, {tp: 5.0}))

# %% [markdown]
# It was fed, and still its node was on the plan, by way of the control edge. One condition more in `needed` would repair it; a real runtime
# is full of such details.
#
# `tf.control_dependencies` is how minitf is told of control edges: all that is made inside the block waits for what is in the list.
#
# The order is where minitf goes beyond us (`minitf/session/schedule.py`). It begins with the order of creation. Then it moves reads to the
# front, so that a run sees each variable as it was at the start, and writes forward too, so that a gradient is used while it is still in
# the cache, but behind the last use of the old value, so that it may be overwritten in place.
#
# ### Do they agree?
#
# Fifty random graphs of 25 operations, each built twice under the same names. There are control edges in them, but none from a placeholder:
# there the two differ, as we have just seen.

# %%
TYPES = {"Add": tf.add, "Sub": tf.subtract, "Mul": tf.multiply, "MatMul": tf.matmul}


def twins(random):
    """The same random graph twice: ([our tensor], [tensor of minitf])."""
    g = Graph()
    ours = [g.placeholder((3, 3), f"p{k}") for k in range(3)]
    theirs = [tf.placeholder(tf.float64, [3, 3], f"p{k}") for k in range(3)]
    for k in range(3, 25):
        type, (i, j, c) = random.choice(list(TYPES)), random.integers(max(0, k - 8), k, size=3)
        after = [c] if c > 2 and c not in (i, j) else []
        ours.append(g.create(type, ours[i], ours[j], name=f"n{k}", controls=[ours[n] for n in after]))
        with tf.control_dependencies([theirs[n] for n in after]):
            theirs.append(TYPES[type](theirs[i], theirs[j], name=f"n{k}"))
    return ours, theirs


# %% [markdown]
# The three placeholders are fed, and two other tensors as well, which cut the graph somewhere. Two of the last five are fetched. What must
# agree: the values, and which operations the program consists of, before minitf merges and fuses them (`explain(...).program`).

# %%
ran = 0
for seed in range(50):
    random = np.random.default_rng(seed)
    with tf.Graph().as_default(), tf.Session() as sess:
        ours, theirs = twins(random)
        fed = {k: random.normal(size=(3, 3)) for k in [0, 1, 2, *random.choice(range(3, 20), size=2, replace=False)]}
        fetches = random.choice(range(20, 25), size=2, replace=False)
        session = Session(ours[0].op.graph)
        values = session.run([ours[k] for k in fetches], {ours[k]: v for k, v in fed.items()})
        query = [theirs[k] for k in fetches], {theirs[k]: v for k, v in fed.items()}
        np.testing.assert_allclose(values, sess.run(*query), rtol=1e-9, atol=1e-9)

        plan, = session.plans.values()
        nodes = [node for part in sess.explain(*query).program for node in part.nodes if node.type != "_Feed"]
        assert {op.name for op in plan} == {node.op.name for node in nodes}
        ran += len(plan)
print(f"50 graphs agree; {ran} of {50 * 25} operations were needed")

# %% [markdown]
# ## 13. The digits once more
#
# The digits of chapter 01, this time through our own graph and session. There a single product reached 92 %. Now there is a hidden layer
# of 100 units between the 784 pixels and the 10 classes:
#
# $$z = x W_1 + b_1, \quad h = \mathrm{relu}(z), \quad y = h W_2 + b_2, \quad \text{loss} = \text{mean cross entropy of } y.$$

# %%
from minitf.datasets import mnist

digits = mnist(one_hot=True)
random = np.random.default_rng(0)
g = Graph()
images, labels = g.placeholder((None, 784), "images"), g.placeholder((None, 10), "labels")
w1 = g.variable(random.normal(size=(784, 100)) * np.sqrt(2 / 784), "w1")
w2 = g.variable(random.normal(size=(100, 10)) * np.sqrt(2 / 100), "w2")
b1, b2 = g.variable(np.zeros(100), "b1"), g.variable(np.zeros(10), "b2")

z = images @ w1 + b1
h = g.create("Relu", z)
y = h @ w2 + b2
loss = g.create("Xent", y, labels)

# %% [markdown]
# The gradients by hand, from the loss backwards; each is a node in the graph like the others. `dy`, the slope for the scores, is
# probabilities minus labels, as chapter 01 found, and the slope for a matrix is a product with the first side transposed. Two ops are
# missing: the sum over the rows of a batch (a bias is added to every row, so its slope is the sum), and the slope of the relu, which lets
# a number through where $z > 0$. The loss is a mean over 100 examples, so each counts a hundredth. That number stands in the graph: a
# training batch of another size would get slopes that are wrong by a factor, and no error.

# %%
@op("SumRows", lambda x: x[1:])
def sum_rows(x):
    return x.sum(axis=0)


@op("ReluGrad", lambda gradient, z: z)
def relu_grad(gradient, z):
    return gradient * (z > 0)


BATCH = 100
dy = (g.create("Softmax", y) - labels) * (1 / BATCH)
dw2, db2 = g.create("MatMul", h, dy, transpose_a=True), g.create("SumRows", dy)
dz = g.create("ReluGrad", g.create("MatMul", dy, w2, transpose_b=True), z)
dw1, db1 = g.create("MatMul", images, dz, transpose_a=True), g.create("SumRows", dz)

# %% [markdown]
# By hand means with mistakes, so check one number. Feeding `w1` cuts the variable out of a run, and so we can ask for the loss at a
# slightly different weight without changing anything:

# %%
session = Session(g)
session.initialize()
fed = {images: digits.train.images[:BATCH], labels: digits.train.labels[:BATCH]}
slope = session.run(dw1, fed)
row, column = np.unravel_index(abs(slope).argmax(), slope.shape)
nudge = np.zeros(w1.shape)
nudge[row, column] = 1e-5
up, down = [session.run(loss, {**fed, w1: session.values[w1.op] + sign * nudge}) for sign in (1, -1)]
print(f"by hand {slope[row, column]:.5f}, by nudging {(up - down) / 2e-5:.5f}")
assert abs(slope[row, column] - (up - down) / 2e-5) < 1e-6

# %% [markdown]
# Each weight moves against its gradient, by half of it, and a `group` makes that one operation. A thousand batches:

# %%
train = g.group(*[g.assign(v, v - dv * 0.5) for v, dv in ((w1, dw1), (b1, db1), (w2, dw2), (b2, db2))], name="train")
for step in range(1000):
    batch = digits.train.next_batch(BATCH)
    session.run(train, {images: batch[0], labels: batch[1]})
guesses = session.run(y, {images: digits.test.images}).argmax(axis=1)
accuracy = (guesses == digits.test.labels.argmax(axis=1)).mean()
training = session.plans[(train,), (images, labels)]
print(f"{accuracy:.0%} of the test digits; {len(training)} of {len(g.operations)} operations in a training step")
assert accuracy > 0.95

# %% [markdown]
# Over 95 %, in a second or two. Two plans did the work: the training step, and the guesses, which need neither labels nor gradients.
# Three operations are not in the training step: the two that are fed, and the loss itself. Nobody fetched the loss, and its gradient does
# not need it.
#
# The nuisance is plain: six derivatives for two layers, each of which ought to be checked. They follow from the forward nodes by rules, one
# rule for each type of op. Chapter 03 writes those nodes for you.

# %% [markdown]
# ## 14. Where this lives today
#
# * **PyTorch** runs line by line, which is easier to debug, and gets its graph back with `torch.compile` and `torch.export`: they record
#   the Python function as a graph of nodes (`torch.fx`), each with a name, a target and arguments. The compiler behind `torch.compile`
#   then prunes what no output needs and fuses the rest.
# * **JAX** traces a function once per combination of shapes, as a session plans once per combination of fetches and shapes;
#   `jax.make_jaxpr(f)(x)` prints the graph. It has no variables: state goes in as an argument and comes out as a result, so there is no
#   order to get wrong. XLA then gives every buffer its place in memory before the run, as the arena does; donating an argument allows it
#   to be overwritten.
# * **TensorFlow 2** still has this graph, under `tf.function`, and adds control edges between stateful operations by itself, in the order
#   of the Python lines.
# * **ONNX** is a file format for such graphs, and its runtime prunes, folds, fuses and plans much as section 9 did.

# %% [markdown]
# ## 15. Exercises
#
# The files to edit are in `exercises/02_graph/`. The chapter built the plain cases; these are the ones it left out.
#
# | file | what to write | points | in the package it stands for |
# |---|---|---|---|
# | `unique_name.py` | names in scopes, and the ten-thousandth `add` as fast as the first | 2 | |
# | `live_maximum.py` | the most bytes alive at one instruction | 2 | `minitf.session.memory.live_maximum` |
# | `topological.py` | an order for nodes in no order, and the circle if there is none | 3 | `minitf.graph.program.topological` |
# | `flatten.py` | fetches nested in lists, tuples and dicts, and the results in the same form | 4 | `minitf.session.fetches.flatten` |
# | `unordered_writes.py` | two writes of one variable that no edge orders (section 8) | 5 | `minitf.session.unordered.unordered_writes` |
# | `merge_equal.py` | compute equal things once | 4 | `minitf.session.optimise.merge_equal` |
# | `assign_offsets.py` | the arena: a place for every buffer | 5 | `minitf.session.memory.assign_offsets` |
#
#     make grade CH=02                     the points so far
#     make watch CH=02                     the same, on every save
#     make hint TASK=02/topological        a hint
#     make reset TASK=02/topological       begin again; a copy of yours is kept
#     make diff TASK=02/topological        our solution beside yours, after a pass
