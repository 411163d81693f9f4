# %% [markdown]
# # Chapter 03: gradients
#
# A function that adds to a graph the ops which compute its derivatives: one rule for each op, and one walk that joins them.
#
# **The question.** A network has thousands of weights and one number that says how wrong it is, the loss. In which direction should each
# weight move so that the loss falls? Nobody wants to work that out by hand for every new network. So: how can a program differentiate a
# program?
#
# **Before you start.** Chapters 01 and 02: an op is a name, a shape function and a kernel; a graph holds operations and a session runs
# them. From calculus: the derivatives of sums and products, and the chain rule for one variable.
#
# **How long.** About an hour and a quarter to read, some three hours for the exercises.
# **The short route** skips sections 4 (forward or reverse), 10 (sparse gradients) and 11 (derivatives of derivatives). No later
# section needs them; the exercises `gather`, `aggregate` and `standardize` do.
# **When stuck** in an exercise: `make hint TASK=03/name`; once it passes, `make diff TASK=03/name` shows our solution beside yours.

# %%
import time

import matplotlib.pyplot as plt

import minitf as tf
from built.graph import Graph, Session
from minitf.course.pictures import draw, loss_surface, show_source

# %% tags=["built"]
import numpy as np

from built.ops import op

# %% [markdown]
# ## 1. A surface and a path
#
# Take the smallest network that has two layers: one weight in each. It multiplies its input by `w1`, then by `w2`. For the input 1 it
# should answer 2. The loss is the squared error:

# %%
def loss(w1, w2):
    d = w1 * w2 - 2.0
    return d * d

print(loss(0.5, 1.0), loss(1.0, 2.0))

# %% [markdown]
# At the weights (0.5, 1) the answer is 0.5, which is 1.5 too low, so the loss is 2.25. At (1, 2) it is 0.
#
# For every pair of weights there is a loss: a surface over a plane, and training walks downhill on it. To know where downhill is, stand
# at a point, take a tiny step of `h` along `w1`, and look how much the loss changes. Then the same along `w2`:

# %%
def slopes(f, w, h=1e-6):
    """How fast f(*w) grows as each number of w grows, measured by a step to either side."""
    return np.array([(f(*(w + step)) - f(*(w - step))) / (2 * h) for step in h * np.eye(len(w))])

print(slopes(loss, np.array([0.5, 1.0])).round(4))

# %% [markdown]
# If `w1` grows by a little, the loss falls three times as much; if `w2` does, one and a half times as much. This vector is the
# **gradient**. It points uphill, so a step against it goes down. Sixty such steps, each of 0.03 times the gradient, from two starting
# points:

# %%
def descend(w, steps=60, rate=0.03):
    path = [np.array(w)]
    for _ in range(steps):
        path.append(path[-1] - rate * slopes(loss, path[-1]))
    return np.array(path)

paths = [descend([0.5, 1.0]), descend([1.5, -1.2])]
for path in paths:
    print("from", path[0], "to", path[-1].round(2), "where the loss is", round(loss(*path[-1]), 4))

# %% tags=["nbval-ignore-output"]
loss_surface(loss, (0, 2.2), (-1.4, 2.4), names=("w1", "w2"),
             paths={"from (0.5, 1)": paths[0], "from (1.5, -1.2)": paths[1]})

# %% [markdown]
# The surface from above, with lines of equal loss; the darker, the higher. A ring is a start, a disc an end. Both paths end in the valley
# where the product of the weights is 2. The second one walks to the left as long as `w2` is negative, and turns where it crosses $w_2 = 0$:
# from there on, a larger `w1` makes the product larger.
#
# Training is this, with more weights. What the rest of the chapter is about is where the gradient comes from.

# %% [markdown]
# ## 2. What measuring costs
#
# Measuring slopes by small steps is called **finite differences**. It needs nothing but the function, which is why we used it. It has two
# faults. The first is its error.
#
# Take $x^3$ at $x = 1$, where the slope is exactly 3. A step to one side gives $\frac{(1+h)^3 - 1}{h} = 3 + 3h + h^2$, wrong by about
# $3h$. A step to either side gives $\frac{(1+h)^3 - (1-h)^3}{2h} = 3 + h^2$, wrong by $h^2$. So smaller steps are better, it seems:

# %%
def cube(x):
    return x * x * x

def one_sided(h):
    return abs((cube(1.0 + h) - cube(1.0)) / h - 3.0)

def two_sided(h):
    return abs((cube(1.0 + h) - cube(1.0 - h)) / (2 * h) - 3.0)

for h in (1e-1, 1e-3, 1e-5, 1e-9, 1e-12, 1e-16):
    print(f"h = {h:.0e}    error of one side {one_sided(h):.0e}    of both sides {two_sided(h):.0e}")

# %% [markdown]
# The errors shrink as the formulas say, and then they grow again. A float64 carries about 16 digits, so `cube(1 + h)` is off by about
# $10^{-16}$, and dividing by `h` makes that $10^{-16}/h$. At $h = 10^{-16}$ the sum $1 + h$ is 1: one side measures a slope of 0, an
# error of 3.

# %% tags=["nbval-ignore-output"]
steps = 10.0 ** np.arange(-16, 0, 0.25)
fig, ax = plt.subplots(figsize=(6.5, 4))
ax.loglog(steps, [one_sided(h) for h in steps], ".-", label="a step to one side: 3h, then rounding")
ax.loglog(steps, [two_sided(h) for h in steps], ".-", label="a step to either side: h squared, then rounding")
_ = ax.set(xlabel="step h", ylabel="error of the slope", title="Too long a step is wrong, and so is too short a one", ylim=(1e-13, 3e4))
ax.legend(loc="upper center")
plt.show()

# %% [markdown]
# The best that two sides can do is a few times $10^{-11}$, with a step near $5 \cdot 10^{-6}$. In float32, with its 7 digits, it is about
# $10^{-5}$, at $h = 0.003$. That is why section 9, which uses finite differences to *check* gradients, does so in float64.
#
# The second fault is worse: **two runs for every weight**. Here, in your own graph, is a network with a hidden layer of 200 units between
# 784 pixels and 10 digits, and what one gradient by finite differences would take:

# %%
def network(graph, hidden, random):
    """(images, labels, logits, loss, variables) of a network with one hidden layer."""
    images, labels = graph.placeholder((None, 784), "images"), graph.placeholder((None, 10), "labels")
    weights1 = graph.variable(random.normal(0, 784 ** -0.5, (784, hidden)), "weights1")
    biases1 = graph.variable(np.zeros(hidden), "biases1")
    weights2 = graph.variable(random.normal(0, hidden ** -0.5, (hidden, 10)), "weights2")
    biases2 = graph.variable(np.zeros(10), "biases2")
    logits = graph.create("Relu", images @ weights1 + biases1) @ weights2 + biases2
    return images, labels, logits, graph.create("Xent", logits, labels), [weights1, biases1, weights2, biases2]

random = np.random.default_rng(3)
graph = Graph()
images, labels, logits, xent, variables = network(graph, 200, random)
weights = sum(int(np.prod(v.shape)) for v in variables)
print(f"{weights:,} weights, {2 * weights:,} runs for one gradient")

# %% tags=["nbval-ignore-output"]
session = Session(graph)
session.initialize()
feeds = {images: random.random((100, 784)), labels: np.eye(10)[random.integers(10, size=100)]}
start = time.perf_counter()
for _ in range(20):
    _ = session.run(xent, feeds)
seconds = (time.perf_counter() - start) / 20
print(f"one run of 100 images: {1000 * seconds:.1f} ms; one gradient: {2 * weights * seconds / 60:.0f} minutes")

# %% [markdown]
# Minutes for one step, where training takes thousands. The method of this chapter finds all 159,010 slopes, exactly but for rounding, in
# about the time of three runs. Section 15 measures it, on this network.

# %% [markdown]
# ## 3. The chain rule, by hand
#
# The way out is that the loss is a graph of small ops, each of which we can differentiate. Here is the loss of section 1 as a graph.
# (`m = w1 * w2` would do; with `create` the ops get names that we can speak of.)

# %%
graph = Graph()
w1, w2 = graph.placeholder((), "w1"), graph.placeholder((), "w2")
m = graph.create("Mul", w1, w2, name="m")
d = graph.create("Sub", m, 2.0, name="d")
L = graph.create("Mul", d, d, name="L")
draw(graph, direction="right")

# %% [markdown]
# Walk from the loss back to the weights, and at every tensor ask one thing: *if this tensor grew by a little, how many times as much
# would the loss grow?* Call the answer the tensor's gradient. At $w_1 = 0.5$, $w_2 = 1$ the tensors are $m = 0.5$, $d = -1.5$,
# $L = 2.25$.
#
# * The loss itself: 1.
# * $d$: it enters $L = d \cdot d$ twice. By the product rule each place contributes the other factor, $-1.5$. The two **add up**: $-3$.
# * $m$: as $d = m - 2$, $d$ grows exactly as $m$ does: $-3 \cdot 1 = -3$.
# * $w_1$: as $m = w_1 w_2$, $m$ grows $w_2 = 1$ times as fast: $-3 \cdot 1 = -3$.
# * $w_2$: the same, times $w_1 = 0.5$: $-3 \cdot 0.5 = -1.5$.
#
# This is the chain rule on a graph: **multiply along an edge, add where edges meet**.

# %%
w1_value, w2_value = 0.5, 1.0
m_value = w1_value * w2_value
d_value = m_value - 2.0
to_d = 1.0 * d_value + 1.0 * d_value
to_m = to_d * 1.0
by_hand = np.array([to_m * w2_value, to_m * w1_value])
print(by_hand, slopes(loss, np.array([0.5, 1.0])).round(4))

# %% [markdown]
# By hand and by measurement the slopes are the same, $-3$ and $-1.5$. In the picture, each tensor has its value in blue, found from left to
# right, and its gradient in red, found from right to left:

# %%
draw(graph, direction="right", values={w1: 0.5, w2: 1, m: 0.5, d: -1.5, L: 2.25}, slopes={w1: -3, w2: -1.5, m: -3, d: -3, L: 1})

# %% [markdown]
# ## 4. Forward or reverse
#
# The slopes could have been multiplied in the other direction, along with the values: start with "w1 grows at speed 1", and carry a speed
# beside every number. Python does that for us if a number brings its speed with it:

# %%
class Dual:
    """A number, and how fast it changes while the chosen input changes at speed 1."""
    def __init__(self, value, speed=0.0):
        self.value, self.speed = value, speed

    def __sub__(self, number):
        return Dual(self.value - number, self.speed)

    def __mul__(self, other):
        return Dual(self.value * other.value, self.speed * other.value + self.value * other.speed)

# %% [markdown]
# Each method has the op and, beside it, the rule for speeds: a constant does not change a speed, and a product follows the product rule.
# Now the function `loss` of section 1 runs as it stands, once for each weight:

# %%
along_w1 = loss(Dual(0.5, 1.0), Dual(1.0))
along_w2 = loss(Dual(0.5), Dual(1.0, 1.0))
print(along_w1.value, along_w1.speed, along_w2.speed)

# %% [markdown]
# The same $-3$ and $-1.5$, and exact. This is **forward mode**. A run gives the slopes of *everything* with respect to *one* input. Going
# back as in section 3 is **reverse mode**: a run gives the slopes of *one* result with respect to *everything*. So it depends on which of
# the two are many:
#
# | function | inputs | results | forward runs | reverse runs |
# |---|---|---|---|---|
# | the loss of the network of section 2 | 159,010 | 1 | 159,010 | **1** |
# | the path of a ball, 1,000 points of it, from its angle | 1 | 1,000 | **1** | 1,000 |
# | a change of coordinates | 3 | 3 | 3 | 3 |
#
# A loss is one number, which is why learning goes in reverse. A reverse run costs no more than a few forward runs, whatever the function;
# Griewank and Walther show it in *Evaluating Derivatives* (2nd edition, 2008).

# %% [markdown]
# ## 5. A rule for each op
#
# Reverse mode wants one thing of each op: given the gradient `g` of its output, the gradient of each of its inputs. That is the op's
# **rule**. We keep the rules in a table, by the type of the op:

# %% tags=["built"]
RULES = {}


def rule(type):
    """Decorate f(op, g): it adds ops to the graph and returns, for each input of op, a tensor (or None), given the tensor g."""
    def register(function):
        RULES[type] = function
        return function
    return register

# %% [markdown]
# A rule does not compute. It **adds ops to the graph** that will compute, as `w1 * w2` does. For scalars the first three are the lines of
# any table of derivatives:

# %%
@rule("Add")
def add_rule(op, g):
    return [g, g]

@rule("Sub")
def sub_rule(op, g):
    return [g, -1.0 * g]

@rule("Mul")
def mul_rule(op, g):
    x, y = op.inputs
    return [g * y, g * x]

# %% [markdown]
# Ask the rule of `m = w1 * w2` alone, with 1 as the gradient of its output. It should give $w_2$ and $w_1$:

# %%
before = len(graph.operations)
terms = RULES["Mul"](m.op, graph.constant(1.0))
print(terms, len(graph.operations) - before, "ops more")
print(np.array(Session(graph).run(terms, {w1: 0.5, w2: 1.0})))

# %% [markdown]
# Two tensors with a name and a shape and, before the session ran, no value: three ops more in the graph, the constant and two products.
#
# The rule of a product asks for its inputs. So the values of the run forward must be kept until the way back has used them. That is the
# price of reverse mode: memory.

# %% [markdown]
# ## 6. Three walks that look right
#
# What is left is to walk from the loss to the weights and call the rules. It looks easy: visit an op, ask its rule, store each term, visit
# the op that made the input. Where there are no inputs the walk ends.

# %%
def terms_of(op, g):
    """(input, the term that op's rule gives for it), for each input."""
    return zip(op.inputs, RULES[op.type](op, g)) if op.inputs else ()

def overwriting(y, xs):
    grads = {y: y.op.graph.constant(1.0)}
    def visit(op):
        for t, term in terms_of(op, grads[op.output]):
            grads[t] = term
            visit(t.op)
    visit(y.op)
    return [grads.get(x) for x in xs]

got = np.array(Session(graph).run(overwriting(L, [w1, w2]), {w1: 0.5, w2: 1.0}))
print(got, "but by hand", by_hand)
assert not np.allclose(got, by_hand)

# %% [markdown]
# Half of what it should be. `d` stands twice in `d * d`, and the second term was stored over the first. Where edges meet, terms must be
# added. So add them:

# %%
def handing_on(y, xs):
    grads = {y: y.op.graph.constant(1.0)}
    def visit(op):
        for t, term in terms_of(op, grads[op.output]):
            grads[t] = grads[t] + term if t in grads else term
        for t in op.inputs:
            visit(t.op)
    visit(y.op)
    return [grads.get(x) for x in xs]

got = np.array(Session(graph).run(handing_on(L, [w1, w2]), {w1: 0.5, w2: 1.0}))
print(got, "but by hand", by_hand)
assert not np.allclose(got, by_hand)

# %% [markdown]
# Now it is three times as much. `d` has its two terms, and their sum is right, $-3$. But the op that made `d` is visited twice, once for
# each edge, and each time hands the whole sum on. So `m` has $-3$ after the first visit and $-6$ after the second, and as its op hands on
# both, $-9$ arrives at `w1`. Mark what was visited, then, and visit it once:

# %%
def once(y, xs):
    grads, seen = {y: y.op.graph.constant(1.0)}, set()
    def visit(op):
        for t, term in terms_of(op, grads[op.output]):
            grads[t] = grads[t] + term if t in grads else term
        for t in op.inputs:
            if t.op not in seen:
                seen.add(t.op)
                visit(t.op)
    visit(y.op)
    return [grads.get(x) for x in xs]

print(np.array(Session(graph).run(once(L, [w1, w2]), {w1: 0.5, w2: 1.0})))

# %% [markdown]
# Right, for this graph. For the next it is not: $y = 3x$ is used twice, by two sides that meet again. Such a graph is a **diamond**.

# %%
diamond = Graph()
x = diamond.placeholder((), "x")
y = diamond.create("Mul", 3.0, x, name="y")
left, right = diamond.create("Mul", 2.0, y, name="left"), diamond.create("Mul", 5.0, y, name="right")
c = diamond.create("Add", left, right, name="c")
draw(diamond)

# %%
print(float(Session(diamond).run(once(c, [x]), {x: 2.0})[0]))

# %% [markdown]
# $c = 2 \cdot 3x + 5 \cdot 3x = 21x$, so the gradient is 21, and `once` says 6. It went by `left` first: `y` had the term 2, and
# $2 \cdot 3 = 6$ was handed to `x` at once. The 5 from `right` came when `y` had been visited already, and went no further. To visit once
# is right; this was **too early**.

# %% [markdown]
# ### Five bug reports
#
# These are not mistakes of beginners. That very diamond, with 6 for 21, is from a bug report. Gradients that came out wrong because a
# tensor is used twice:
#
# | framework | told in | reported |
# |---|---|---|
# | neon (Nervana), 2015 | [issue 169](https://github.com/NervanaSystems/neon/issues/169) | `dot(x, x.T)`: 1 for 2 |
# | micrograd, 2020 | [issue 2](https://github.com/karpathy/micrograd/issues/2), example in [pull request 64](https://github.com/karpathy/micrograd/pull/64) | every path sends the whole sum again |
# | cTensor, 2021 | [issue 5](https://github.com/sebgao/cTensor/issues/5) | three products of `x`: 7 for 6 |
# | the code of a book, DLFS, 2023 | [pull request 13](https://github.com/SethHWeidman/DLFS_code/pull/13) | `24 a + 3`: 28 for 24 |
# | TrenTorch, 2026 | [pull request 182](https://github.com/TrenTorch/TrenTorch/pull/182) | `21 x`: 6 for 21 |
#
# Here are the expressions of those reports (a matrix of one element for neon, so that transposing does nothing):

# %%
def neon(x):
    return x * (x * 1.0)

def micrograd(a):
    b = a + a
    return b + b

def ctensor(x):
    xa, x2 = x * 1.0, x * x
    return (x * xa + x2 * 1.0) + x * xa

def dlfs(a):
    b = 4.0 * a
    return (b + 3.0) + 5.0 * b

def trentorch(x):
    y = 3.0 * x
    return 2.0 * y + 5.0 * y

CASES = [(neon, 1.0, 2.0), (micrograd, 1.0, 4.0), (ctensor, 1.0, 6.0), (dlfs, 3.0, 24.0), (trentorch, 2.0, 21.0)]

# %%
def gradient_at(walk, expression, value):
    graph = Graph()
    x = graph.placeholder((), "x")
    return float(Session(graph).run(walk(expression(x), [x]), {x: value})[0])

print("            right   overwriting  handing_on  once")
for expression, value, right in CASES:
    got = [gradient_at(walk, expression, value) for walk in (overwriting, handing_on, once)]
    print(f"{expression.__name__:10} {right:6g} {got[0]:12g} {got[1]:11g} {got[2]:6g}")

# %% [markdown]
# cTensor's 7 and the book's 28 are in the second column, TrenTorch's 6 in the third: the reported numbers, from three short functions.
# Neon's 1 is in the first. (It lost less than `overwriting` does: `dot(x, x)` was right, and only what came by way of a transpose was not
# added.) The other two walks are right in some rows, and so they may pass for right: micrograd's first toy problem converged, writes its author.
#
# The small TensorFlow called TensorSlow goes breadth first, and asks each consumer of a tensor for its gradient
# ([`train.py`](https://github.com/danielsabinasz/TensorSlow/blob/master/tensorslow/train.py)). Where one side of a diamond is longer than
# the other, a consumer has none yet, and the walk ends in a KeyError. That is better than a wrong number.

# %% [markdown]
# ### Right, and useless
#
# One more idea: let every visit hand on its own term only, not the sum. Each *path* from the loss to a weight then contributes once,
# which is what the chain rule says. We count the visits, on diamonds stacked one on the other:

# %%
visits = []

def along_paths(y, xs):
    sums = {}
    def visit(t, g):
        visits.append(t)
        sums[t] = sums[t] + g if t in sums else g
        for source, term in terms_of(t.op, g):
            visit(source, term)
    visit(y, y.op.graph.constant(1.0))
    return [sums.get(x) for x in xs]

assert all(gradient_at(along_paths, expression, value) == right for expression, value, right in CASES)

# %%
def stacked(n):
    def tower(x):
        for _ in range(n):
            x = x + x
        return x
    return tower

for n in (1, 2, 4, 8, 12):
    visits.clear()
    assert gradient_at(along_paths, stacked(n), 1.0) == 2 ** n
    print(f"{n:2} diamonds: {len(visits):5} visits")

# %% [markdown]
# All five expressions are right, and $n$ diamonds take $2^{n+1} - 1$ visits: each one doubles the number of paths. A network of 200
# layers with a shortcut around each, which is a common design, has $2^{200} \approx 10^{60}$ paths.

# %% [markdown]
# ## 7. The walk that is right
#
# What is wanted: visit every op **once**, and only when **all** terms of its output have arrived. They come from the ops that use the
# output. So those must be visited before it.
#
# The graph gives us that order for nothing. An op is created after its inputs exist, so whoever uses a tensor stands later in
# `graph.operations` than whoever made it. Read the list from its end.
#
# Until its op's turn comes, the terms of a tensor wait in a list. `total` adds them up:

# %% tags=["built"]
def total(terms, t):
    """The sum of the terms that have arrived for t, which takes their place; None if there are none."""
    found = terms.get(t)
    if not found:
        return None
    for extra in found[1:]:
        found[0] = found[0] + extra
    del found[1:]
    return found[0]

# %% tags=["built"]
def gradients(y, xs):
    """The derivatives of y (summed, if it has several elements) with respect to each of xs: tensors that are added to the graph.

    None stands for the gradient of an x to which no rule hands one.  LookupError if an op between y and an x has no rule.
    """
    graph, moving, between = y.op.graph, set(xs), []
    for op in graph.operations:                     # what moves if some x does, and the ops that pass it on
        if not moving.isdisjoint(op.inputs):
            moving.add(op.output)
            between.append(op)
    unknown = None in y.shape                       # then only the run knows how many ones (BroadcastLike: section 8)
    terms = {y: [graph.create("BroadcastLike", 1.0, y) if unknown else graph.constant(np.ones(y.shape))]}
    for op in reversed(between):                    # those who use op's output have been visited: the sum is complete
        g = total(terms, op.output)
        if g is not None:
            if op.type not in RULES:
                raise LookupError(f"there is no rule for {op.type}, the op {op.name}")
            for t, term in zip(op.inputs, RULES[op.type](op, g)):
                if term is not None and t in moving:
                    terms.setdefault(t, []).append(term)
    return [total(terms, x) for x in xs]

# %% [markdown]
# **Order, sum, visit once.** `moving` holds what changes when some `x` changes, so the walk does not go where no answer lies. Now the
# five expressions, and both weights:

# %%
for expression, value, right in CASES:
    print(f"{expression.__name__:10} {gradient_at(gradients, expression, value):g}")
    assert gradient_at(gradients, expression, value) == right

graph = Graph()
w1, w2 = graph.placeholder((), "w1"), graph.placeholder((), "w2")
m = graph.create("Mul", w1, w2, name="m")
d = graph.create("Sub", m, 2.0, name="d")
L = graph.create("Mul", d, d, name="L")
forward = len(graph.operations)
both = gradients(L, [w1, w2])
print(np.array(Session(graph).run(both, {w1: 0.5, w2: 1.0})))

# %% [markdown]
# All right. And what came out is a graph: that of section 3 and, drawn bold, what `gradients` added. The numbers are those of a run:

# %%
tensors = [op.output for op in graph.operations]
numbers = Session(graph).run(tensors, {w1: 0.5, w2: 1.0})
draw(graph, direction="right", highlight=graph.operations[forward:], values={t: f"{n:g}" for t, n in zip(tensors, numbers)})

# %% [markdown]
# Read it from `const_1`, the 1 that section 3 began with. It is multiplied by `d` twice, and `add` joins the products, $-3$; then come the
# products with `w2` and with `w1`. Nobody needs `mul_2`: the rule of `Sub` also gave a gradient of the constant 2. The session of chapter
# 02 prunes it away. A gradient is fetched, fed, placed and saved like any other tensor, and it can be differentiated again.
#
# Two hundred stacked diamonds, and a chain of 5,000 ops:

# %% tags=["nbval-ignore-output"]
for name, build in (("200 diamonds", stacked(200)), ("a chain of 5,000", lambda x: sum([1.0] * 5000, x))):
    start = time.perf_counter()
    slope = gradient_at(gradients, build, 1.0)
    print(f"{name}: {slope:.4g}, in {time.perf_counter() - start:.2f} s with building and running")

# %% [markdown]
# $2^{200} = 1.607 \cdot 10^{60}$ and 1, in a fraction of a second. The walks of section 6 do not get through the chain at all, since they
# call themselves once for each op:

# %%
try:
    gradient_at(once, lambda x: sum([1.0] * 5000, x), 1.0)
except RecursionError as error:
    print(type(error).__name__)

# %% [markdown]
# ### Down the surface again
#
# With gradients in the graph, an update is too: `assign` from chapter 02 gives a variable a new value. One run makes one step, and the
# path should be the measured one of section 1:

# %%
graph = Graph()
w = [graph.variable(0.5, "w1"), graph.variable(1.0, "w2")]
d = w[0] * w[1] - 2.0
step = graph.group(*[graph.assign(v, v - 0.03 * g) for v, g in zip(w, gradients(d * d, w))])
session = Session(graph)
session.initialize()
path = [session.run(w)]
for _ in range(60):
    session.run(step)
    path.append(session.run(w))
print("largest distance from the measured path:", f"{np.abs(np.array(path) - paths[0]).max():.4f}")

# %% [markdown]
# ## 8. Broadcasting must be undone
#
# So far every tensor was a scalar. Take a layer of 4 units, a batch of 3 examples, and one bias for each unit. Addition broadcasts: the
# bias, of shape (4,), is repeated for each row of the (3, 4) matrix. Differentiate the sum of the result, and make a step:

# %%
graph = Graph()
x, bias = graph.constant(np.ones((3, 4)), "x"), graph.variable(np.zeros(4), "bias")
to_bias, = gradients(x + bias, [bias])
update = graph.assign(bias, bias - 0.1 * to_bias)
session = Session(graph)
session.initialize()
print("before the step, the bias has shape", session.run(bias).shape)
_ = session.run(update)
print("after the step", session.run(bias).shape)
assert session.run(bias).shape != bias.shape

# %% [markdown]
# The rule of `Add` gave its gradient, of shape (3, 4), to both inputs. The update broadcast once more, and the bias became a matrix.
# Nothing complained, the loss would even fall, and each example would have a bias of its own.
#
# What is right follows from "add where edges meet". One bias is used in 3 places, one in each row, and its gradient is the sum over them:
# **what broadcasting repeats, the gradient sums**. Worked with numbers, for a product of a column and a row:
#
# | | shape | value |
# |---|---|---|
# | $x$ | (3, 1) | 1, 2, 3 as a column |
# | $y$ | (1, 4) | 10, 20, 30, 40 as a row |
# | $x y$ | (3, 4) | the products; $x$ was repeated along axis 1, $y$ along axis 0 |
# | $g$ | (3, 4) | ones, if the products are summed |
# | gradient of $x$ | (3, 1) | $g y$ summed over axis 1: 100, 100, 100 |
# | gradient of $y$ | (1, 4) | $g x$ summed over axis 0: 6, 6, 6, 6 |
#
# It takes an op that sums a gradient to the shape of another tensor. Its gradient is the opposite op, one that repeats; so we make the two
# together. Their second argument is used only for its shape:

# %% tags=["built"]
@op("SumLike", lambda x, like: like)
def sum_like_kernel(x, like):
    """x summed over the axes along which `like` would have been repeated to give the shape of x."""
    added = x.ndim - like.ndim
    axes = tuple(range(added)) + tuple(added + i for i, n in enumerate(like.shape) if n == 1)
    return x.sum(axis=axes).reshape(like.shape)


@op("BroadcastLike", lambda x, like: like)
def broadcast_like_kernel(x, like):
    return np.broadcast_to(x, like.shape)


def sum_like(g, x):
    """g in the shape of x; no op is needed where both shapes are known and the same."""
    return g if g.shape == x.shape and None not in x.shape else g.op.graph.create("SumLike", g, x)

# %% tags=["built"]
@rule("SumLike")
def sum_like_rule(op, g):
    return [op.graph.create("BroadcastLike", g, op.inputs[0]), None]


@rule("BroadcastLike")
def broadcast_like_rule(op, g):
    return [sum_like(g, op.inputs[0]), None]

# %% [markdown]
# The kernels look at the shapes in the run, so a batch whose size is unknown in the graph is no trouble. The three rules of section 5
# become:

# %% tags=["built"]
@rule("Add")
def add_rule(op, g):
    return [sum_like(g, t) for t in op.inputs]


@rule("Sub")
def sub_rule(op, g):
    x, y = op.inputs
    return [sum_like(g, x), sum_like(-1.0 * g, y)]


@rule("Mul")
def mul_rule(op, g):
    x, y = op.inputs
    return [sum_like(g * y, x), sum_like(g * x, y)]

# %%
graph = Graph()
x, y = graph.constant([[1.0], [2.0], [3.0]]), graph.constant([[10.0, 20.0, 30.0, 40.0]])
to_x, to_y = Session(graph).run(gradients(x * y, [x, y]))
print(to_x.tolist(), to_y.tolist())
bias = graph.variable(np.zeros(4))
print("gradient of a bias:", Session(graph).run(gradients(graph.constant(np.ones((3, 4))) + bias, [bias]), {bias: np.zeros(4)})[0])

# %% [markdown]
# As in the table; and each bias, used in three rows, has the gradient 3.

# %% [markdown]
# ## 9. The other rules, and how to check them
#
# A matrix product $C = AB$ has the elements $C_{ij} = \sum_l A_{il} B_{lj}$. So $A_{il}$ enters $C_{ij}$ with the slope $B_{lj}$, for every
# $j$. Its gradient is the sum $\sum_j G_{ij} B_{lj}$, a row of $G$ times a row of $B$: for all of $A$, $G B'$. In the same way $B$ gets
# $A' G$. For $A = (1, 2)$, $B = (3, 4)'$ and $G = 5$ these are $(15, 20)$ and $(5, 10)'$.
#
# The op can also take its inputs transposed. Whatever stands transposed in the product gets a transposed gradient, $(GB')' = BG'$:

# %% tags=["built"]
@rule("MatMul")
def matmul_rule(op, g):
    a, b = op.inputs
    ta, tb = op.attrs.get("transpose_a", False), op.attrs.get("transpose_b", False)

    def product(x, y, transpose_x, transpose_y):
        return op.graph.create("MatMul", x, y, transpose_a=transpose_x, transpose_b=transpose_y)
    return [product(b, g, tb, True) if ta else product(g, b, False, not tb),
            product(g, a, True, ta) if tb else product(a, g, not ta, False)]

# %% [markdown]
# Two element-wise ops. The slope of $e^x$ is $e^x$, the op's own **output**, which is there already and need not be computed again. The
# slope of the rectifier $\max(x, 0)$ is 1 above 0 and 0 below; exactly at 0 it has none, and by custom the rule says 0.

# %% tags=["built"]
@op("Exp", lambda x: x)
def exp_kernel(x):
    return np.exp(x)


@op("Step", lambda x: x)
def step_kernel(x):
    """1 where x is positive, else 0."""
    return (x > 0).astype(np.float64)


@rule("Exp")
def exp_rule(op, g):
    return [g * op.output]


@rule("Relu")
def relu_rule(op, g):
    return [g * op.graph.create("Step", op.inputs[0])]


@rule("Step")
def step_rule(op, g):
    return [None]                                   # flat, but for the jump

# %% [markdown]
# In a sum each element counts once, so each gets the gradient of the total: repeating is the gradient of summing, as summing is that of
# repeating.

# %% tags=["built"]
@op("Sum", lambda x, axis=None: () if axis is None else tuple(1 if i == axis else n for i, n in enumerate(x)))
def sum_kernel(x, axis=None):
    """The sum of all elements; or along one axis, which stays with size 1."""
    return x.sum() if axis is None else x.sum(axis=axis, keepdims=True)


@rule("Sum")
def sum_rule(op, g):
    return [op.graph.create("BroadcastLike", g, op.inputs[0])]

# %% [markdown]
# Softmax is not element-wise: every output of a row depends on every input of the row. With $y_i = e^{x_i} / \sum_k e^{x_k}$ the slope of
# $y_i$ in $x_j$ is $y_i (1 - y_i)$ if $i = j$, and $-y_i y_j$ otherwise. Times $g_i$, summed over $i$: $g_j y_j - y_j \sum_i g_i y_i$.
# For two classes with $y = (0.8, 0.2)$ and $g = (1, 0)$ that is $(0.8 - 0.64, -0.16) = (0.16, -0.16)$: what one class gains the other
# loses.
#
# The slope of the mean cross entropy you found in chapter 01: softmax minus labels, over the number of rows, if the labels of each row sum
# to 1. `PerRow` divides by the number of rows, which the run knows:

# %% tags=["built"]
@op("PerRow", lambda x: x)
def per_row_kernel(x):
    return x / len(x)


@rule("PerRow")
def per_row_rule(op, g):
    return [op.graph.create("PerRow", g)]


@rule("Softmax")
def softmax_rule(op, g):
    y = op.output
    return [(g - op.graph.create("Sum", g * y, axis=1)) * y]


@rule("Xent")
def xent_rule(op, g):
    logits, labels = op.inputs
    return [g * op.graph.create("PerRow", op.graph.create("Softmax", logits) - labels), None]

# %% [markdown]
# The labels get `None`: a rule may say that an input counts as a constant. (The package says so with an op, the `StopGradient` before the
# labels in the picture of chapter 02.)

# %% [markdown]
# ### Are they right?
#
# A rule that is wrong by a sign still trains something. So check them against finite differences. Element by element that took two runs a
# weight; but one number is enough. Pick a random direction $v$ for all inputs together. Moving along $v$, the function must change at the
# speed $\sum_i g_i v_i$, the inner product of gradient and direction. If any $g_i$ is wrong, the sum is wrong, unless $v$ happens to be
# perpendicular to the mistake, and a random one is not. The check `check_grads` of HIPS autograd works so.

# %%
def check(y, xs, feeds, random, h=1e-6):
    """The relative difference between gradients() and finite differences of the scalar y along one random direction."""
    v = {x: random.normal(size=np.shape(feeds[x])) for x in xs}
    run = Session(y.op.graph).run
    speed = sum(np.sum(g * v[x]) for x, g in zip(xs, run(gradients(y, xs), feeds)))
    ahead, behind = [run(y, {**feeds, **{x: feeds[x] + s * v[x] for x in xs}}) for s in (h, -h)]
    measured = (ahead - behind) / (2 * h)
    return abs(speed - measured) / max(1.0, abs(measured))

def check_op(make, *shapes, seed=0):
    """check() on a weighted sum of what make(graph, *tensors) gives, for inputs of these shapes."""
    random, graph = np.random.default_rng(seed), Graph()
    xs = [graph.placeholder(shape) for shape in shapes]
    y = make(graph, *xs)
    y = graph.create("Sum", y * graph.constant(random.normal(size=y.shape)))
    return check(y, xs, {x: random.normal(size=x.shape) for x in xs}, random)

# %%
def product(a, b):
    return lambda g, x, y: g.create("MatMul", x, y, transpose_a=a, transpose_b=b)

CHECKS = {
    "Add": (lambda g, x, y: x + y, (3, 4), (4,)),
    "Sub": (lambda g, x, y: x - y, (3, 1), (1, 4)),
    "Mul": (lambda g, x, y: x * y, (3, 4), (1, 4)),
    "MatMul": (product(False, False), (3, 4), (4, 2)),
    "MatMul, a transposed": (product(True, False), (4, 3), (4, 2)),
    "MatMul, b transposed": (product(False, True), (3, 4), (2, 4)),
    "MatMul, both": (product(True, True), (4, 3), (2, 4)),
    **{type: (lambda g, x, type=type: g.create(type, x), (3, 4)) for type in ("Exp", "Relu", "Sum", "Softmax", "PerRow")},
    "Sum, axis 1": (lambda g, x: g.create("Sum", x, axis=1), (3, 4)),
    "SumLike": (lambda g, x: g.create("SumLike", x, np.ones((3, 1))), (3, 4)),
    "BroadcastLike": (lambda g, x: g.create("BroadcastLike", x, np.ones((3, 4))), (3, 1)),
    "Xent": (lambda g, x: g.create("Xent", x, np.eye(4)[[1, 0, 3]]), (3, 4)),
}
for name, (make, *shapes) in CHECKS.items():
    error = check_op(make, *shapes)
    assert error < 1e-8, (name, error)
print(len(CHECKS), "cases agree with finite differences to 1e-8")

# %% [markdown]
# A check that never fails is worth nothing, so plant a mistake: a rule of softmax that forgets that the outputs of a row depend on each
# other.

# %%
right = RULES["Softmax"]
RULES["Softmax"] = lambda op, g: [g * op.output]
print(f"relative error {check_op(*CHECKS['Softmax']):.1f}")
assert check_op(*CHECKS["Softmax"]) > 0.01
RULES["Softmax"] = right

# %% [markdown]
# Caught, with three runs. (Every rule had its case but that of `Step`, which gives nothing that could be measured.) At a kink, such as the
# one of the rectifier at 0, the two sides have different slopes and the check may fail for a right rule; random inputs do not hit it. The
# `max(1.0, ...)` is good enough for numbers of size 1; an exercise asks for a check that is not fooled by small ones.

# %% [markdown]
# ## 10. Gradients that are mostly zero
#
# Words, users, products: what is not a number gets a row of numbers in a table, and a network looks rows up. The op is `Gather`: rows of
# a table by their indices. Its gradient is a table of zeros in which the rows that were looked up get theirs. A row looked up twice gets
# the sum, once more.

# %% tags=["built"]
@op("Gather", lambda table, ids: ids + table[1:])
def gather_kernel(table, ids):
    return table[ids.astype(int)]                   # this graph's numbers are all float64


@op("Scatter", lambda rows, ids, table: table)
def scatter_kernel(rows, ids, table):
    """Zeros in the shape of table, to which each row is added at its index."""
    result = np.zeros(table.shape)
    np.add.at(result, ids.astype(int), rows)
    return result


@rule("Gather")
def gather_rule(op, g):
    table, ids = op.inputs
    return [op.graph.create("Scatter", g, ids, table), None]


@rule("Scatter")
def scatter_rule(op, g):
    return [op.graph.create("Gather", g, op.inputs[1]), None, None]

# %%
graph = Graph()
table = graph.placeholder((10000, 64), "table")
rows = graph.create("Gather", table, [7.0, 4211.0, 7.0])
to_table, = gradients(rows * rows, [table])
dense = Session(graph).run(to_table, {table: np.ones((10000, 64))})
print(f"{dense.nbytes:,} bytes, of which {np.count_nonzero(dense) * 8:,} are not zero; rows {np.flatnonzero(dense.any(1))}")
print("row 7:", dense[7, :3], " row 4211:", dense[4211, :3])
for name, others, shape in ("Gather", ([2, 0, 2],), (5, 4)), ("Scatter", ([2, 0, 2], np.ones((5, 4))), (3, 4)):
    assert check_op(lambda g, x: g.create(name, x, *others), shape) < 1e-8

# %% [markdown]
# The square of a 1 has the slope 2. Row 7 was looked up twice and has 4. All that is two rows, and the gradient has 5,120,000 bytes,
# which the optimizer will then read and add to the table: work on 10,000 rows for a lookup of 3.
#
# So TensorFlow, and minitf with it, does not make that table. The gradient of a lookup is a **`tf.IndexedSlices`**: the values of the
# rows that were looked up, and their indices.

# %%
tf_table = tf.constant(np.ones((10000, 64)))
tf_rows = tf.gather(tf_table, [7, 4211, 7])
sparse, = tf.gradients(tf_rows * tf_rows, tf_table)
with tf.Session() as sess:
    value = sess.run(sparse)
print(type(sparse).__name__, "with indices", value.indices, "and values of shape", value.values.shape)
size = value.values.nbytes + value.indices.nbytes
print(f"{size:,} bytes in place of {dense.nbytes:,}: {dense.nbytes / size:,.0f} times fewer")

# %% [markdown]
# 1,548 bytes: three rows of 64 float64 and three indices of 4 bytes. `tf.gradients` is the package's `gradients`, with a list of results
# as ours. Note that row 7 is listed **twice**: nothing has been summed yet. Whoever uses the pair must do it, and here is how that goes
# wrong:

# %%
update = np.zeros((10000, 64))
update[value.indices] += value.values
print("row 7 by +=:       ", update[7, :3])
update = np.zeros((10000, 64))
np.add.at(update, value.indices, value.values)
print("row 7 by np.add.at:", update[7, :3])
assert (update == dense).all()

# %% [markdown]
# NumPy's `+=` with equal indices reads, adds and writes each once, and the last one wins: 2 in place of 4, one of the two lookups lost.
# It is the bug of section 6 again, `overwriting`, in other clothes. A dense tensor is made of the slices only where an op needs one
# (`tf.convert_to_tensor` does it, with the sums right).

# %% [markdown]
# ## 11. Derivatives of derivatives
#
# A gradient is a tensor of the graph, so it has a gradient. For $x^3$ the derivatives are $3x^2$, $6x$ and 6. At $x = 2$:

# %%
graph = Graph()
x = graph.placeholder((), "x")
y = x * x * x
derivatives, sizes = [y], [len(graph.operations)]
while len(derivatives) < 4:
    derivatives += gradients(derivatives[-1], [x])
    sizes.append(len(graph.operations))
print("value, then derivatives:", [float(v) for v in Session(graph).run(derivatives, {x: 2.0})])
print("ops in the graph:", sizes, " the fourth derivative:", gradients(derivatives[-1], [x]))

# %% [markdown]
# 8, then $3 \cdot 4 = 12$, $6 \cdot 2 = 12$, and 6. The graph grows with each order, since the rule of a product makes two products of
# each. The fourth derivative is 0, and `gradients` says None: the 6 is made of constants, and no op leads from `x` to it.
#
# For two weights the second derivatives are a matrix, the Hessian: row $i$ has the slopes of the $i$th slope. For 159,010 weights it
# would have 25 billion elements. What it does *to a vector* costs no more than a few runs, though: the product $Hv$ is the gradient of
# the number $g \cdot v$, where $g$ is the gradient and $v$ stays fixed (Pearlmutter, *Fast exact multiplication by the Hessian*, 1994).
# For the loss of section 1, $H = \begin{pmatrix} 2 w_2^2 & 4 w_1 w_2 - 4 \\ 4 w_1 w_2 - 4 & 2 w_1^2 \end{pmatrix}$, at (0.5, 1):

# %%
graph = Graph()
w1, w2 = graph.placeholder((), "w1"), graph.placeholder((), "w2")
d = w1 * w2 - 2.0
g1, g2 = gradients(d * d, [w1, w2])
product = gradients(g1 * 1.0 + g2 * 1.0, [w1, w2])             # v = (1, 1)
print([float(h) for h in Session(graph).run(product, {w1: 0.5, w2: 1.0})])
print(np.array([[2.0, -2.0], [-2.0, 0.5]]) @ [1.0, 1.0])

# %% [markdown]
# $(2 - 2, -2 + 0.5) = (0, -1.5)$, both ways.

# %% [markdown]
# ## 12. $x'Wx$
#
# The NIPS 2015 tutorial in which Jeff Dean and Oriol Vinyals showed TensorFlow has this example: the gradient of $x'Wx$ is $2Wx$, made by
# the graph. What does our graph say? Take $W = \begin{pmatrix} 1 & 2 \\ 0 & 3 \end{pmatrix}$ and $x = (1, 1)$. Written out,
# $x'Wx = x_1^2 + 2 x_1 x_2 + 3 x_2^2$, with the slopes $2 x_1 + 2 x_2 = 4$ and $2 x_1 + 6 x_2 = 8$.

# %%
graph = Graph()
W, x = graph.placeholder((2, 2), "W"), graph.placeholder((2, 1), "x")
y = graph.create("MatMul", x, W @ x, transpose_a=True)
to_x, = gradients(y, [x])

def compare(matrix):
    matrix, point = np.array(matrix), np.ones((2, 1))
    got = Session(graph).run(to_x, {W: matrix, x: point})
    print("the graph:", got.ravel(), "  (W + W')x:", ((matrix + matrix.T) @ point).ravel(), "  2Wx:", (2 * matrix @ point).ravel())

compare([[1.0, 2.0], [0.0, 3.0]])
compare([[1.0, 1.0], [1.0, 3.0]])

# %% [markdown]
# The graph says (4, 8), which is $(W + W')x$. The formula $2Wx$ gives (6, 6) and is wrong. The second matrix is symmetric, so $W' = W$,
# and both formulas are the same: **$2Wx$ holds for symmetric $W$ only**. (The two matrices have the same gradient because $x'Wx$ is the
# same function for both: the 2 of $2 x_1 x_2$ may stand in one place or be shared between two.)
#
# Where do the two terms come from? `x` is used twice, so it is section 6 a last time:

# %%
draw(graph)

# %% [markdown]
# `matmul` is $Wx$ and `matmul_1` is $y$. One term of the gradient comes through the outer product: `matmul_2`, which is $Wx$ times 1. The
# other comes through the inner one: `matmul_3` is the gradient of $Wx$, which is $x$ times 1, and `matmul_5` makes $W'x$ of it. `add` joins
# the terms, and a walk that overwrites loses one. (`matmul_4` is the gradient of $W$, which no one fetches.)
#
# The package, where `tf.matmul` takes the same flags, makes the same ops, but for one: `AddN` sums any number of terms at once.

# %%
with tf.Graph().as_default() as tf_graph, tf.Session() as sess:
    tf_W, tf_x = tf.placeholder(tf.float64, [2, 2]), tf.placeholder(tf.float64, [2, 1])
    tf_y = tf.matmul(tf_x, tf.matmul(tf_W, tf_x), transpose_a=True)
    tf_to_x, = tf.gradients(tf_y, tf_x)
    print(sess.run(tf_to_x, {tf_W: [[1, 2], [0, 3]], tf_x: np.ones((2, 1))}).ravel())
print([op.type for op in tf_graph.get_operations()])

# %% [markdown]
# ## 13. What has no gradient
#
# The index of the largest number does not change when the numbers change a little: its slope is 0, except where it jumps. Such an op is
# declared to have no gradient, and `tf.gradients` gives `None`. So it does for whole numbers, and where nothing leads from `x` to `y`:

# %%
x, other = tf.constant([1.0, 5.0, 2.0], name="x"), tf.constant(3.0, name="other")
place = tf.argmax(x, 0, name="place")
largest = tf.cast(place, tf.float32, name="largest")
twice = tf.multiply(other, 2.0, name="twice")
count = tf.constant([1, 2, 3], name="count")
scaled = tf.multiply(tf.cast(count, tf.float32), other, name="scaled")
print(tf.gradients(largest, x), tf.gradients(twice, x), tf.gradients(scaled, count))

# %% [markdown]
# None is not a zero. An optimizer that is given None leaves the variable alone, and one that trained on a silent zero would hide a
# mistake in the model. When a None surprises you, ask why:

# %%
import textwrap

def why(y, x):
    """What tf.explain_gradient tells, in lines that fit here."""
    print("\n".join(textwrap.fill(line, 110, subsequent_indent="    ") for line in tf.explain_gradient(y, x).splitlines()))

why(largest, x)
print()
why(twice, x)

# %% [markdown]
# The text names the op that cuts the path and the line that made it (here, of the cell before). `tf.stop_gradient(x)` cuts on purpose:
# its value is `x`, and nothing goes back. In $x \cdot \mathrm{stop}(x)$ the second factor counts as a constant, so the slope is $x$ and
# not $2x$.
#
# `tf.gradients` takes several `ys` at once, whose gradients are summed: for $y_1 = 2x$ and $y_2 = x \cdot \mathrm{stop}(x)$ that is
# $2 + x$. It also takes tensors to stop at, as an argument:

# %%
x = tf.constant(3.0)
ys = [2.0 * x, x * tf.stop_gradient(x)]
square = x * x
with tf.Session() as sess:
    print(np.array(sess.run(tf.gradients(ys[1], x) + tf.gradients(ys, x))))
    print(np.array(sess.run(tf.gradients(square * x, x) + tf.gradients(square * x, x, stop_gradients=[square]))))

# %% [markdown]
# 3 and $2 + 3 = 5$. Then $x^3$: its slope is $3x^2 = 27$, but with `square` held fixed at 9 it is 9.
#
# One case is left: an op whose rule nobody has written. Nobody has declared either that there is none, so both frameworks refuse. Here is
# ours:

# %%
@op("Sin", lambda x: x)
def sin_kernel(x):
    return np.sin(x)

graph = Graph()
x = graph.placeholder((), "x")
try:
    gradients(graph.create("Sin", x), [x])
except LookupError as error:
    print("LookupError:", error)

# %% [markdown]
# In the package `tf.RegisterGradient("Sin")` decorates a rule, as our `rule("Sin")` does, and `tf.NotDifferentiable("Sin")` declares that
# there is none.

# %% [markdown]
# ## 14. The package's own
#
# You have built the heart of `minitf/autodiff/gradients.py`. The file begins with it, in words. (Gradients of tensors are also called
# adjoints.)

# %%
import sys

print(sys.modules["minitf.autodiff.gradients"].__doc__)

# %% [markdown]
# Order, sum, visit once. The order is found by `paths`, which takes several `ys`, goes only where floating-point numbers go, and respects
# the stops; you will write it in an exercise. Each visit is this:

# %%
from minitf.autodiff.gradients import _visit

show_source(_visit)

# %% [markdown]
# The body of our loop, with what a library needs besides: ops with several outputs, the scope that gives the new ops their names,
# devices, gradients that wait for each other (`gate`), a complaint when a rule gives the wrong number of results. And the rule of a
# product:

# %%
from minitf.autodiff.math_grad import _mul

show_source(_mul)

# %% [markdown]
# `unbroadcast` is our `sum_like`, for both inputs. It works the axes out before the run where it can (an exercise). `conj` does nothing
# to real numbers.
#
# Now both must agree. Each random function is built twice, op by op: in your graph and in the package's. Its inputs have three shapes, so
# that broadcasting happens often; the loss is the sum of the last four tensors.

# %%
OPS_TF = {"Add": tf.add, "Sub": tf.subtract, "Mul": tf.multiply, "MatMul": tf.matmul, "Relu": tf.nn.relu, "Softmax": tf.nn.softmax}

def random_function(random, values):
    """(tensors in our graph, tensors in the package's): the values, and twelve ops on them."""
    graph = Graph()
    ours, theirs = [graph.placeholder(v.shape) for v in values], [tf.constant(v) for v in values]
    while len(ours) < len(values) + 12:
        type = str(random.choice(list(OPS_TF)))
        places = random.integers(len(ours), size=1 if type in ("Relu", "Softmax") else 2)
        if type == "MatMul" and ours[places[0]].shape[1] != ours[places[1]].shape[0]:
            continue
        ours.append(graph.create(type, *[ours[i] for i in places]))
        theirs.append(OPS_TF[type](*[theirs[i] for i in places]))
    return ours, theirs

# %%
compared = unconnected = 0
for seed in range(50):
    random = np.random.default_rng(seed)
    values = [random.normal(size=shape) for shape in ((3, 3), (3, 1), (1, 3), (3, 3))]
    with tf.Graph().as_default(), tf.Session() as sess:
        ours, theirs = random_function(random, values)
        y, tf_y = sum(y.op.graph.create("Sum", y) for y in ours[-4:]), sum(tf.reduce_sum(y) for y in theirs[-4:])
        grads, tf_grads = gradients(y, ours[:4]), tf.gradients(tf_y, theirs[:4])
        assert [g is None for g in grads] == [g is None for g in tf_grads]
        expected = sess.run([g for g in tf_grads if g is not None])
    feeds = dict(zip(ours, values))
    for got, wanted in zip(Session(y.op.graph).run([g for g in grads if g is not None], feeds), expected):
        assert np.allclose(got, wanted, rtol=1e-9, atol=1e-9)
        compared += 1
    assert check(y, [x for x, g in zip(ours, grads) if g is not None], feeds, random) < 1e-8
    unconnected += grads.count(None)
print(f"50 functions: {compared} gradients equal the package's to 1e-9 and finite differences to 1e-8; {unconnected} are None in both")

# %% [markdown]
# ## 15. The digits once more
#
# All of it together, and none of it from the package but the data: the ops of chapter 01, the graph and session of chapter 02, the
# gradients of this one. The network is that of section 2, with 200 hidden units, and the update is plain gradient descent, as on the
# surface of section 1:

# %%
from minitf.datasets import mnist

digits = mnist(one_hot=True)
random = np.random.default_rng(0)
graph = Graph()
images, labels, logits, xent, variables = network(graph, 200, random)
forward = len(graph.operations)
train = graph.group(*[graph.assign(v, v - 0.5 * g) for v, g in zip(variables, gradients(xent, variables))])
print(f"{forward} ops forward, {len(graph.operations)} with gradients and updates")

# %% tags=["nbval-ignore-output"]
session = Session(graph)
session.initialize()
losses = []
start = time.perf_counter()
for _ in range(1100):
    batch = dict(zip((images, labels), digits.train.next_batch(100)))
    losses.append(session.run([xent, train], batch)[0])
right = session.run(logits, {images: digits.test.images}).argmax(1) == digits.test.labels.argmax(1)
print(f"two passes over 55,000 digits in {time.perf_counter() - start:.1f} s; {100 * right.mean():.1f} % of 10,000 test digits are right")

# %%
assert right.mean() > 0.95
print("more than 95 % of the test digits are right")

# %% tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(6.5, 3.5))
ax.plot(losses, color="lightgray", label="of each batch")
ax.plot(np.arange(25, 1076), np.convolve(losses, np.ones(50) / 50, "valid"), color="tab:red", label="mean of 50")
_ = ax.set(xlabel="step", ylabel="loss", yscale="log", title="Gradient descent on digits, in your own framework")
ax.legend()
plt.show()

# %% [markdown]
# Close to 97 % in a few seconds. And what does the gradient cost, beside the run forward?

# %% tags=["nbval-ignore-output"]
def milliseconds(fetch, times=100):
    start = time.perf_counter()
    for _ in range(times):
        _ = session.run(fetch, batch)
    return 1000 * (time.perf_counter() - start) / times

weights = sum(int(np.prod(v.shape)) for v in variables)
print(f"forward {milliseconds(xent):.2f} ms; with all {weights:,} slopes and the update {milliseconds(train):.2f} ms")

# %% [markdown]
# Two to three times as long as the run forward, for 159,010 slopes. Finite differences would take 318,020 runs.

# %% [markdown]
# ## Where this lives today
#
# **PyTorch** has the walk, and no graph before the run: while your program runs, it records each op on the way, and `loss.backward()`
# visits the records in reverse, counting for each how many terms are still to come before its turn (our lists of terms, with a counter).
# Results are added to `.grad` of each weight, and a derivative of a derivative needs `create_graph=True`, which records the way back too.
# **JAX** works as this chapter does: `jax.grad(f)` takes a program and gives a program. It traces `f` into a list of ops, has a forward
# rule for each op (the speeds of section 4), and gets the reverse rules by transposing those. `jax.jvp` is forward mode, `jax.vjp`
# reverse; combined they give the Hessian product of section 11. Both sum over what broadcasting repeated, and both have a gradient check
# of their own: `torch.autograd.gradcheck`, `jax.test_util.check_grads`.

# %% [markdown]
# ## Exercises
#
# The files are in `exercises/03_autodiff/`. Each says in its docstring what to write, with an example. "Replaces" names the function of
# the package that yours stands in for: with `MINITF_SWAP=exercises/03_autodiff` in the environment, minitf differentiates with your code.
#
# | file | what to write | points | replaces |
# |---|---|---|---|
# | `rsqrt.py` | the rule of an element-wise op, from its output | 2 | `minitf.autodiff.math_grad._rsqrt` |
# | `gather.py` | the gradient of a lookup with indices of any rank, as `IndexedSlices` | 3 | `minitf.autodiff.array_grad._gather` |
# | `checker.py` | a gradient check that finds planted mistakes and passes what is right | 3 | |
# | `stretched_axes.py` | along which axes broadcasting repeated a tensor, when some sizes are unknown | 4 | `minitf.autodiff.broadcasting.stretched_axes` |
# | `standardize.py` | an op of your own, and its gradient to second order | 4 | |
# | `aggregate.py` | the sum of several gradients, dense, sparse and both | 4 | `minitf.autodiff.aggregate.aggregate` |
# | `paths.py` | which ops to visit: several `ys`, unconnected `xs`, stops | 5 | `minitf.autodiff.gradients.paths` |
#
#     make grade CH=03
#     make hint TASK=03/rsqrt
