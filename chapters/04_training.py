# %% [markdown]
# # Chapter 04: Training
#
# Optimizers that are operations of the graph, weights to begin with, and a saver that survives a kill.
#
# **The question.** A gradient says which way is down, at one point. It does not say how far to go, nor what to remember of the steps
# before, nor where to begin. How does a network learn from it in seconds, and how is it kept from losing what it has learned?
#
# | | |
# |---|---|
# | before this | chapters 01 to 03: ops, graph and session, `gradients(loss, variables)`. Mean and standard deviation |
# | time | 90 minutes of reading, 3 to 4 hours of exercises |
# | short route | leave out sections 9, 10 and 11 (nothing else needs them): 60 minutes; exercises `staircase`, `duplicates`, `aside` |
# | stuck | `make hint TASK=04/clip` gives one hint after the other; after a pass, `make diff TASK=04/clip` shows our solution beside yours |
#
# ## 1. Three ways down
#
# A long valley. Its floor falls gently to the right, its walls are 25 times as steep: at the point $(x, y)$ its height is
# $\frac{1}{2}(x^2 + 25 y^2)$. Three optimizers of minitf start on the same slope and take forty steps each.

# %%
import matplotlib.pyplot as plt

import minitf as tf
from built.graph import Graph, Session
from minitf.course.pictures import draw, show_source

# %% tags=["built"]
import os

import numpy as np

from built.autodiff import gradients
from built.ops import broadcast, op

# %%
START = np.array([-4.0, 1.2])

def walk(optimizer, steps=40):
    """Where an optimizer of minitf goes in the valley, step by step."""
    with tf.Graph().as_default(), tf.Session() as sess:
        point = tf.Variable(START)
        train = optimizer.minimize(tf.reduce_sum(np.array([0.5, 12.5]) * point * point))
        sess.run(tf.global_variables_initializer())
        path = [START]
        for _ in range(steps):
            sess.run(train)
            path.append(sess.run(point))
    return np.array(path)

walks = {"gradient descent, rate 0.07": walk(tf.train.GradientDescentOptimizer(0.07)),
         "momentum, rate 0.02": walk(tf.train.MomentumOptimizer(0.02, 0.8)),
         "Adam, rate 0.3": walk(tf.train.AdamOptimizer(0.3))}

# %% tags=["nbval-ignore-output"]
x, y = np.meshgrid(np.linspace(-4.6, 2, 200), np.linspace(-1.4, 1.4, 100))
fig, axes = plt.subplots(1, 3, figsize=(13, 2.6), sharey=True)
for ax, (name, path) in zip(axes, walks.items()):
    ax.contour(x, y, 0.5 * x * x + 12.5 * y * y, levels=[0.1, 0.5, 1, 2, 4, 8, 16], colors="0.75", linewidths=0.8)
    ax.plot(*path.T, "o-", color="tab:red", markersize=2, linewidth=0.8)
    ax.plot(*START, "ks", 0, 0, "k+", markersize=5)
    _ = ax.set(title=name, xlabel="x", aspect="equal")
axes[0].set_ylabel("y")
plt.show()

# %% [markdown]
# From the square to the cross. The first one bounces between the walls and gets along the floor only slowly. The second gathers speed, and
# overshoots a little. The third leaves as if there were no walls, its first steps equally long in both directions, and overshoots most. By
# the end of section 5 you will have written all three, and your paths will be these to the sixth digit.
#
# ## 2. A step is an operation
#
# Chapter 03 trained with one line, `graph.assign(v, v - 0.5 * g)`. Look at it again, with one variable. The loss is $v^2$ and $v$ is 4, so
# the slope is $2v = 8$, and a step with *learning rate* 0.1 goes to $4 - 0.1 \cdot 8 = 3.2$.

# %%
graph = Graph()
v = graph.variable(4.0, "v")
loss = graph.create("Mul", v, v, name="loss")
slope, = gradients(loss, [v])
step = graph.assign(v, v - 0.1 * slope, name="step")
draw(graph, values={slope: "slope"}, direction="right")

# %% [markdown]
# The loss, its slope and the update are nodes of one graph. (`const` is the 1 that the walk of chapter 03 starts with. The amber line,
# with its head at `v`, says who writes it: `step`, the `Assign`.) The loop around it computes nothing; it says "run `step`", and how often:

# %%
session = Session(graph)
session.initialize()
print([round(float(session.run(step)), 3) for _ in range(6)])

# %% [markdown]
# Each number is 0.8 times the one before, since $v - 0.1 \cdot 2v = 0.8\,v$. The same for any number of variables:

# %%
def descent(loss, variables, rate):
    """One operation that moves all the variables against their slopes, by rate times the slope."""
    graph = loss.op.graph
    return graph.group(*[graph.assign(v, v - rate * g) for v, g in zip(variables, gradients(loss, variables))])

def valley():
    """The graph of section 1: (height, [x, y])."""
    graph = Graph()
    x, y = graph.variable(START[0], "x"), graph.variable(START[1], "y")
    return 0.5 * x * x + 12.5 * y * y, [x, y]

def follow(train, variables, steps=40):
    """The values of the variables, at first and after each run of train."""
    session = Session(train.op.graph)
    session.initialize()
    path = [session.run(variables)]
    for _ in range(steps):
        session.run(train)
        path.append(session.run(variables))
    return np.array(path)

height, position = valley()
path = follow(descent(height, position, 0.07), position)
print(path[:4].round(3).tolist())
assert np.allclose(path, walks["gradient descent, rate 0.07"])

# %% [markdown]
# The first of the three paths. The slopes at $(-4, 1.2)$ are $-4$ and $25 \cdot 1.2 = 30$, so the step goes to
# $(-4 + 0.28,\ 1.2 - 2.1) = (-3.72,\ -0.9)$: a little along the valley, and across it to the other wall.
#
# ### Too far
#
# How large may the rate be? With the loss $v^2$, from 4:

# %%
def descend_square(rate, steps=5):
    graph = Graph()
    v = graph.variable(4.0)
    return follow(descent(v * v, [v], rate), [v], steps).ravel()

for rate in 0.1, 0.5, 0.9, 1.0, 1.1:
    print(f"rate {rate}: ", descend_square(rate).round(2).tolist())
assert abs(descend_square(1.1, 200)[-1]) > 1e15

# %% [markdown]
# A step multiplies $v$ by $1 - 2 \cdot \text{rate}$. With 0.5 that is 0, and one step is enough. With 0.9 it is $-0.8$: each step jumps
# over the minimum and lands a little closer. With 1.0 it jumps to and fro for ever, and with 1.1 each jump is longer than the one before:
# after 200 steps the number has seventeen digits. That is what a *diverging* loss is, and a rate of 0.99 would cure it.
#
# In general, where the loss is $\frac{a}{2} v^2$ the slope is $a v$, and a step multiplies by $1 - \text{rate} \cdot a$. It converges if
# the rate is below $2/a$. Across the valley $a = 25$, so the rate must be below 0.08. Along the valley $a = 1$, and a rate of 0.08
# multiplies by 0.92: the walls dictate how slowly the floor is walked.
#
# The best single rate makes both factors equal in size: $1 - \text{rate} = 25 \cdot \text{rate} - 1$, so the rate is $2/26 = 0.077$ and the
# factor 0.923. For walls $k$ times as steep the factor is $\frac{k-1}{k+1}$. How many steps until a hundredth of the distance is left?

# %%
for k in 2, 25, 1000, 100000:
    print(f"walls {k:>6} times as steep: rate {2 / (k + 1):.6f}, {int(np.ceil(np.log(100) / np.log((k + 1) / (k - 1)))):>6} steps")

# %% [markdown]
# The number of steps grows with $k$, the *condition number*. In a network, ratios of thousands are nothing unusual. So there are two ways
# to go faster: remember the steps before, so that what cancels cancels and what adds up adds up (momentum); or give each variable a rate of
# its own (Adam). Both need a memory, and that memory has to be somewhere. But first, a trap.
#
# ## 3. Read everything, then write
#
# Take the loss $a \cdot b$ with $a = 2$ and $b = 3$. The slope for $a$ is $b = 3$, the one for $b$ is $a = 2$. With rate 0.1 the step goes
# to $a = 1.7$ and $b = 2.8$.
#
# Chapter 02 ran operations in any order that the edges allow, and wrote variables *in place*, under the eyes of whoever had read them. Here
# both pieces of its code meet, as they would in a fast session:

# %%
from built.graph import needed

class InPlace(Session):
    def compute(self, op, inputs):
        if op.type == "Assign":
            inputs[0][...] = inputs[1]
            return inputs[0]
        return super().compute(op, inputs)

def any_order(operations, random):
    """The operations in an order, drawn at random, in which each comes after those it depends on."""
    waiting, order = list(operations), []
    while waiting:
        ready = [op for op in waiting if not any(x in waiting for x in [t.op for t in op.inputs] + op.controls)]
        order.append(ready[random.integers(len(ready))])
        waiting.remove(order[-1])
    return order

# %%
def outcomes(kind, train, variables):
    """What the variables may be after one step in such a session, over sixty orders."""
    found = set()
    for seed in range(60):
        session = kind(train.op.graph)
        session.values = {v.op: v.op.attrs["initial"].copy() for v in variables}
        session.plans[(train,), ()] = any_order(needed([train], {}), np.random.default_rng(seed))
        session.run(train)
        found.add(tuple(round(float(session.values[v.op]), 2) for v in variables))
    return sorted(found)

graph = Graph()
a, b = graph.variable(2.0, "a"), graph.variable(3.0, "b")
found = outcomes(InPlace, descent(a * b, [a, b], 0.1), [a, b])
print(found)
assert found == [(1.7, 2.8), (1.7, 2.83), (1.72, 2.8)]

# %% [markdown]
# Three results for one step. In the second, $a$ was written before the slope for $b$ was computed, and that slope is $a$:
# $3 - 0.1 \cdot 1.7 = 2.83$. A slope measured at a place where the network never was. No error, no warning, and a little different each
# time.
#
# The repair is a gate: an operation that does nothing, after all slopes and before every write. Its edges are control edges, which carry no
# value; they only say "not before".

# %%
def descent(loss, variables, rate):
    """As before; and no variable is written before all slopes are there."""
    graph = loss.op.graph
    slopes = gradients(loss, variables)
    gate = graph.group(*slopes, name="gate")
    writes = [graph.assign(v, v - rate * g, name=f"write_{v.op.name}", controls=[gate]) for v, g in zip(variables, slopes)]
    return graph.group(*writes, name="step")

graph = Graph()
a, b = graph.variable(2.0, "a"), graph.variable(3.0, "b")
train = descent(a * b, [a, b], 0.1)
print(outcomes(InPlace, train, [a, b]))
draw(train, values={"mul_1": "slope of a", "mul_2": "slope of b"}, direction="right")

# %% [markdown]
# One result. In TensorFlow, `minimize(loss, gate_gradients=Optimizer.GATE_GRAPH)` builds such a gate.
#
# The other repair is in the variable: a read is a *snapshot*. Our plain session's `Assign` makes a new array, so whoever has read the old
# one keeps it, and the order does not matter even without the gate:

# %%
plain = graph.group(*[graph.assign(v, v - 0.1 * g) for v, g in zip([a, b], gradients(a * b, [a, b]))])
print(outcomes(Session, plain, [a, b]))

# %% [markdown]
# minitf reads snapshots too. A snapshot shares the memory of the variable and costs nothing; only a write that comes while somebody still
# needs it goes into fresh memory. So even an update that is built *before* the other slope exists can do no harm. (`tf.assign_sub`
# subtracts from a variable.)

# %%
with tf.Graph().as_default(), tf.Session() as sess:
    a, b = tf.Variable(2.0), tf.Variable(3.0)
    product = a * b
    moves = []
    for v in a, b:
        slope, = tf.gradients(product, v)
        moves.append(tf.assign_sub(v, 0.1 * slope))
    sess.run(tf.global_variables_initializer())
    _, seen = sess.run([moves, product])
    print(np.round(sess.run([a, b]), 2), "product:", seen, "then", round(float(sess.run(product)), 2))
assert seen == 6.0

# %% [markdown]
# Note the product that was fetched *together with* the step: 6, the one before the step. A training loop that prints
# `sess.run([train_op, loss])` prints the loss that the step started from.
#
# ## 4. Slots: momentum
#
# A ball that rolls down the valley does not start anew at every point. *Momentum* keeps a running sum of the slopes, in which old ones
# fade, and steps along the sum:
#
# $$\text{speed} \leftarrow 0.9 \cdot \text{speed} + g \qquad v \leftarrow v - \text{rate} \cdot \text{speed}$$
#
# On a steady slope of 1 the speed is 1, then $0.9 + 1 = 1.9$, then $0.9 \cdot 1.9 + 1 = 2.71$, and it approaches $1 / (1 - 0.9) = 10$: ten
# times the rate, for free. Between the walls, where the slope changes its sign at every step, it does not add up:

# %%
for slopes in [1] * 50, [1, -1] * 25:
    speed, speeds = 0.0, []
    for g in slopes:
        speed = 0.9 * speed + g
        speeds.append(round(speed, 2))
    print(speeds[:5], "after 50 steps:", speeds[-1])

# %% [markdown]
# The alternating slope ends at about half of itself, the steady one near ten times itself. That is what the second path of section 1 shows.
#
# Where is the speed kept? In a variable beside the variable, called a *slot*. A Python number in the loop would do for one machine and one
# run; a variable is updated in the same run, is saved with the weights, and can live on another machine together with them. In ops, a first
# attempt:

# %%
def attempt(how):
    """Momentum on v * v from 4, rate 0.1, for four steps."""
    graph = Graph()
    v = graph.variable(4.0, "v")
    g, = gradients(v * v, [v])
    speed = graph.variable(0.0, "v/momentum")
    faster = graph.assign(speed, 0.9 * speed + g)
    train = how(graph, v, speed, faster)
    return follow(train, [v], 4).ravel().round(3).tolist()

print(attempt(lambda graph, v, speed, faster: graph.assign(v, v - 0.1 * speed)))

# %% [markdown]
# Nothing moves. `speed` is read and is 0; the assign that would change it is needed by nobody, so the session prunes it, for ever. Whoever
# trained with TensorFlow has met this bug: an update that is in the graph and in no `run`. Add it to the group, then:

# %%
late = attempt(lambda graph, v, speed, faster: graph.group(faster, graph.assign(v, v - 0.1 * speed)))
print(late)
assert late[1] == 4.0

# %% [markdown]
# It moves, one step late. The first step used the speed 0, because the read is a snapshot from before the assign. What an assign returns is
# the value *after* it, so that is what to take:

# %%
right = attempt(lambda graph, v, speed, faster: graph.assign(v, v - 0.1 * faster))
print(right)
assert np.allclose(right, [4.0, 3.2, 1.84, 0.248, -1.234], atol=1e-3)

# %% [markdown]
# Slope 8, speed 8, $4 - 0.8 = 3.2$. Then slope 6.4, speed $7.2 + 6.4 = 13.6$, and $3.2 - 1.36 = 1.84$. No group is needed: the write of `v`
# needs `faster` by a data edge.
#
# What all optimizers share goes into a class. A subclass says what becomes of one variable; what it needs once for all variables it makes
# in `begin` (only Adam will). `None` among the slopes stands for a variable on which the loss does not depend.

# %% tags=["built"]
class Optimizer:
    """From a loss to one operation that moves the variables once.  A subclass says in new_value(v, g) what v becomes."""
    def minimize(self, loss, variables):
        """The operation; variables on which the loss does not depend are left alone.  ValueError if that is all of them."""
        graph = loss.op.graph
        pairs = [(v, g) for v, g in zip(variables, gradients(loss, variables)) if g is not None]
        if not pairs:
            raise ValueError(f"{loss.name} depends on none of these variables")
        self.begin(graph)
        gate = graph.group(*[g for _, g in pairs])
        return graph.group(*[graph.assign(v, self.new_value(v, g), controls=[gate]) for v, g in pairs])

    def begin(self, graph):
        """Make what is needed once, for all variables."""

    def slot(self, v, name):
        """A new variable of zeros beside v."""
        return v.op.graph.variable(np.zeros(v.shape), name=f"{v.op.name}/{name}")

# %% tags=["built"]
class SGD(Optimizer):
    def __init__(self, rate):
        self.rate = rate

    def new_value(self, v, g):
        return v - self.rate * g


class Momentum(Optimizer):
    def __init__(self, rate, momentum=0.9):
        self.rate, self.momentum = rate, momentum

    def new_value(self, v, g):
        speed = self.slot(v, "momentum")
        return v - self.rate * v.op.graph.assign(speed, self.momentum * speed + g)

# %% [markdown]
# The name SGD is the field's: *stochastic* gradient descent, since the slope is that of a random batch and not that of all examples.
#
# `rate` may be a number, or a tensor of the graph: then it is a placeholder that is fed in each step, or is computed from a counter
# (exercise `staircase`).
#
# ## 5. Adam
#
# Adam (Kingma and Ba, 2015, arXiv 1412.6980) keeps two averages for each weight: $m$ of the slope, and $v$ of its square. (So the weight
# itself is called $w$ from here on.)
#
# $$m \leftarrow 0.9\, m + 0.1\, g \qquad v \leftarrow 0.999\, v + 0.001\, g^2 \qquad w \leftarrow w - \text{rate} \cdot \frac{m}{\sqrt{v}}$$
#
# The quotient has no unit: multiply the loss by 1000, and $m$ and $\sqrt v$ both grow by 1000. A weight with steep slopes and one with
# gentle slopes take steps of the same size, about the rate. That is the rate of its own that section 2 asked for.
#
# One thing is missing. Both averages start at 0, and a first slope of 0.5 moves them only a little:

# %%
m, v = 0.9 * 0 + 0.1 * 0.5, 0.999 * 0 + 0.001 * 0.5 ** 2
print(f"m = {m:.2f}, v = {v:.5f}, m / sqrt(v) = {m / np.sqrt(v):.2f}")

# %% [markdown]
# The average of what was seen is 0.5, and that of its square 0.25. $m$ and $v$ are too small, and not by the same factor: the quotient is
# 3.16 and should be 1. After $t$ steps the weights of the slopes in $m$ add up to $1 - 0.9^t$, and those in $v$ to $1 - 0.999^t$; the rest
# of the weight lies on the zero. So divide by that sum: $\hat m = 0.05 / 0.1 = 0.5$, $\hat v = 0.00025 / 0.001 = 0.25$, and
# $\hat m / \sqrt{\hat v} = 1$. This is Adam's *bias correction*. How much it matters, on a steady slope of 0.5:

# %%
def lengths(slopes, corrected):
    """The step of each slope, in multiples of the rate."""
    m = v = 0.0
    found = []
    for t, g in enumerate(slopes, 1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        m_hat, v_hat = (m / (1 - 0.9 ** t), v / (1 - 0.999 ** t)) if corrected else (m, v)
        found.append(m_hat / np.sqrt(v_hat))
    return np.array(found)

for corrected in False, True:
    print(f"corrected: {corrected!s:5} ", lengths([0.5] * 1000, corrected)[[0, 1, 9, 99, 999]].round(2).tolist())

# %% tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(6.5, 2.8))
for corrected, colour in (False, "0.6"), (True, "tab:red"):
    ax.plot(np.arange(1, 1001), lengths([0.5] * 1000, corrected), color=colour, label="corrected" if corrected else "as the averages stand")
_ = ax.set(xlabel="step, on a steady slope", ylabel="step / rate", xscale="log")
ax.legend()
plt.show()

# %% [markdown]
# Steps 1, 2, 10, 100 and 1000. Uncorrected, the early steps are more than six times too long, just when the weights know least, and it takes
# more than a thousand steps until that has worn off. Corrected, a steady slope gives steps of the rate from the first one on.
#
# Both corrections are the same for all weights, so they need not be done weight by weight:
# $\frac{\hat m}{\sqrt{\hat v}} = \frac{m}{\sqrt v} \cdot \frac{\sqrt{1 - 0.999^t}}{1 - 0.9^t}$, and the second factor is one number. In the
# first step it is $\sqrt{0.001} / 0.1 = 0.316$, and $3.16 \cdot 0.316 = 1$. As ops: two new ones, and then the formula, line for line. The
# powers $0.9^t$ and $0.999^t$ are variables too, multiplied once a step.

# %% tags=["built"]
@op("Div", broadcast)
def div(x, y):
    return x / y


@op("Sqrt", lambda x: x)
def sqrt(x):
    return np.sqrt(x)

# %% tags=["built"]
class Adam(Optimizer):
    def __init__(self, rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
        self.rate, self.beta1, self.beta2, self.epsilon = rate, beta1, beta2, epsilon

    def begin(self, graph):
        power1, power2 = graph.variable(1.0, "beta1_power"), graph.variable(1.0, "beta2_power")
        power1, power2 = graph.assign(power1, self.beta1 * power1), graph.assign(power2, self.beta2 * power2)
        self.factor = self.rate * graph.create("Div", graph.create("Sqrt", 1.0 - power2), 1.0 - power1)

    def new_value(self, w, g):
        graph = w.op.graph
        m, v = self.slot(w, "m"), self.slot(w, "v")
        m = graph.assign(m, self.beta1 * m + (1 - self.beta1) * g)
        v = graph.assign(v, self.beta2 * v + (1 - self.beta2) * (g * g))
        return w - self.factor * graph.create("Div", m, graph.create("Sqrt", v) + self.epsilon)

# %% [markdown]
# `epsilon` is there for a weight whose slope was always 0: $0 / (0 + 10^{-8})$ is 0, and $0/0$ would be NaN.
#
# All three in the valley, and beside the paths of section 1:

# %%
for (name, walked), optimizer in zip(walks.items(), [SGD(0.07), Momentum(0.02, 0.8), Adam(0.3)]):
    height, position = valley()
    path = follow(optimizer.minimize(height, position), position)
    first, last, height = path[1].round(2), path[-1].round(2), (path[-1] ** 2) @ [0.5, 12.5]
    print(f"{name:27}  first {first}, last {last}, height {height:.3f}, largest x {path[:, 0].max():5.2f}")
    assert np.allclose(path, walked, rtol=0, atol=1e-6)
print("to 1e-6, all of it as in section 1")

# %% [markdown]
# Adam's first step goes 0.3 in $x$ and 0.3 in $y$, though one slope is 7.5 times the other: the rate, twice. It overshoots by 0.85 and ends
# highest of the three: each method was given a rate that suits this valley, and no method is the best in every valley. What speaks for Adam
# is that a rate about 0.001 does well on most networks. (Short trainings like those below can do with a few times as much.)
#
# And the price: for each weight it keeps two more numbers.

# %%
height, position = valley()
Adam(0.3).minimize(height, position)
print([op.name for op in height.op.graph.operations if op.type == "Variable"])

# %% [markdown]
# ## 6. Where to begin
#
# ### All the same
#
# Zero is a fine first value for a slot. Is it one for weights? A hidden layer of four units, all weights 0.5, learns something at random:

# %%
def small_network(initial, hidden=4, seed=0):
    """Three inputs, hidden units, two classes, on twenty random examples: (loss, [weights 1, weights 2])."""
    random, graph = np.random.default_rng(seed), Graph()
    inputs, labels = graph.constant(random.normal(size=(20, 3))), graph.constant(np.eye(2)[random.integers(2, size=20)])
    w1, w2 = graph.variable(initial(random, (3, hidden)), "w1"), graph.variable(initial(random, (hidden, 2)), "w2")
    return graph.create("Xent", graph.create("Relu", inputs @ w1) @ w2, labels), [w1, w2]

loss, weights = small_network(lambda random, shape: np.full(shape, 0.5))
train = Adam(0.05).minimize(loss, weights)
session = Session(loss.op.graph)
session.initialize()
for _ in range(200):
    session.run(train)
w1 = session.run(weights[0])
print(w1.round(3))
assert (w1 == w1[:, :1]).all()

# %% [markdown]
# Each column has the weights of one unit, and after 200 steps all four are equal, to the last bit. They were equal, so they computed the
# same, so they had the same slopes, so they stayed equal. The layer has one unit, four times. With zeros it is worse. The slopes of the
# second matrix are products with the hidden numbers, which are all 0; those of the first come through the second matrix, which is 0:

# %%
loss, weights = small_network(lambda random, shape: np.zeros(shape))
session = Session(loss.op.graph)
session.initialize()
print([float(abs(g).max()) for g in session.run(gradients(loss, weights))])

# %% [markdown]
# No weight will ever move. So the first weights must differ, and the usual way is to draw them at random. That breaks the *symmetry* of the
# units.
#
# ### Too small, too large
#
# How large should they be? Send 500 random inputs of 100 numbers, with standard deviation 1, through ten layers of 100 relu units, and
# measure the spread of what comes out of each:

# %%
def spreads(deviation, layers=10, width=100):
    """The root mean square of the numbers after each layer, for weights of that standard deviation."""
    random = np.random.default_rng(0)
    x = random.normal(size=(500, width))
    found = []
    for _ in range(layers):
        x = np.maximum(x @ random.normal(0, deviation, (width, width)), 0)
        found.append(np.sqrt((x * x).mean()))
    return found

for deviation in 0.01, 0.1, 1.0, np.sqrt(2 / 100):
    print(f"weights of {deviation:.3f}: ", "  ".join(f"{s:.1e}" for s in spreads(deviation)[::3]))

# %% [markdown]
# Layers 1, 4, 7 and 10. With 0.01 hardly anything is left after ten layers, and where nothing comes forward no slope comes back. With 1.0
# the numbers have nine digits before the point. With 0.141 they stay what they were.
#
# Why 0.141? One unit sums $n = 100$ products of a weight and an input. Independent terms add up their variances, so the mean square grows
# by $n \cdot \text{deviation}^2$. The relu then sets half of the numbers to 0, which halves it. To keep it,
# $n \cdot \text{deviation}^2 / 2$ must be 1, so the deviation is $\sqrt{2/n} = \sqrt{0.02} = 0.141$ (He, Zhang, Ren and Sun, 2015, arXiv
# 1502.01852). So one layer multiplies the spread by $\sqrt{n \cdot \text{deviation}^2 / 2}$. Does that explain the four rows?

# %%
for deviation in 0.01, 0.1, 1.0, np.sqrt(2 / 100):
    factor = np.sqrt(100 * deviation ** 2 / 2)
    print(f"weights of {deviation:.3f}: ", "  ".join(f"{factor ** layer:.1e}" for layer in (1, 4, 7, 10)))

# %% [markdown]
# It does, up to about an eighth, which is chance.
#
# $n$ is the *fan-in* of a layer, how many numbers come into a unit. Slopes go the other way, and are summed over the units that a number
# goes *out* to, so for them the fan-out counts. Glorot and Bengio (AISTATS 2010) have no relu, so nothing is halved, and the variance
# should be 1/in and also 1/out; they take $2 / (\text{in} + \text{out})$. Numbers spread evenly between $-a$ and $a$ have variance
# $a^2 / 3$, so $a = \sqrt{6 / (\text{in} + \text{out})}$. That is the default of `tf.get_variable`, which makes a variable of a given name
# and shape. (`tf.set_random_seed` makes the draws the same in every run.)

# %%
with tf.Graph().as_default(), tf.Session() as sess:
    tf.set_random_seed(1)
    glorot = tf.get_variable("glorot", [784, 200])
    he = tf.get_variable("he", [784, 200], initializer=tf.variance_scaling_initializer(scale=2.0, distribution="uniform"))
    zero = tf.get_variable("zero", [200], initializer=tf.zeros_initializer())
    sess.run(tf.global_variables_initializer())
    for v in glorot, he, zero:
        value = sess.run(v)
        print(f"{v.name:9} within {abs(value).max():.3f}, deviation {value.std():.3f}")
for name, variance in ("glorot", 2 / 984), ("he", 2 / 784):
    print(f"{name:9} within {np.sqrt(3 * variance):.3f}, deviation {np.sqrt(variance):.3f}, as computed")

# %% [markdown]
# Biases may begin at 0: the weights have broken the symmetry already.
#
# ## 7. The digits, in minitf
#
# Everything together on 55,000 handwritten digits of 28 by 28 pixels. First the smallest model: no hidden layer, one matrix, a softmax.
# `tf.reduce_mean` is the mean of all elements, `tf.equal` compares element by element, and `tf.argmax` gives the place of the largest of
# ten numbers, which is the digit that the model reads.

# %%
from minitf.datasets import mnist

digits = mnist(one_hot=True)
print(digits.train.images.shape, digits.train.labels.shape, digits.test.images.shape)

class SoftmaxModel:
    def __init__(self):
        self.images = tf.placeholder(tf.float32, [None, 784], name="images")
        self.labels = tf.placeholder(tf.float32, [None, 10], name="labels")
        self.weights = tf.Variable(tf.zeros([784, 10]), name="weights")
        logits = tf.matmul(self.images, self.weights) + tf.Variable(tf.zeros([10]), name="biases")
        self.loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=self.labels, logits=logits))
        self.train = tf.train.GradientDescentOptimizer(0.5).minimize(self.loss)
        self.correct = tf.equal(tf.argmax(logits, 1), tf.argmax(self.labels, 1))

# %% [markdown]
# `tf.zeros` does no harm here, for there are no hidden units that could be equal.

# %%
with tf.Graph().as_default(), tf.Session() as sess:
    flat = SoftmaxModel()
    sess.run(tf.global_variables_initializer())
    for _ in range(550):
        images, labels = digits.train.next_batch(100)
        sess.run(flat.train, {flat.images: images, flat.labels: labels})
    correct = sess.run(flat.correct, {flat.images: digits.test.images, flat.labels: digits.test.labels})
    weights = sess.run(flat.weights)
print(f"more than {int(100 * correct.mean())} of 100 digits are right")

# %% [markdown]
# One pass over the digits, in about half a second. What has it learned? Each of the ten columns has a weight for each pixel, so it is an
# image itself. Blue pixels speak for the digit, red ones against it:

# %% tags=["nbval-ignore-output"]
fig, axes = plt.subplots(1, 10, figsize=(12, 1.5))
for digit, ax in enumerate(axes):
    ax.imshow(weights[:, digit].reshape(28, 28), cmap="RdBu", vmin=-0.4, vmax=0.4)
    ax.set_title(digit)
    ax.axis("off")
plt.show()

# %% [markdown]
# A zero is a ring with nothing in the middle: ink there is the strongest word against it. The one is a stroke, with red on both sides of
# it.
#
# Now the model of the talks, with a hidden layer of 200 relu units. `tf.variable_scope` puts `hidden/` before the names of what is made in
# it. The *global step* is a variable that counts the updates: `minimize` adds 1 to it, after the weights have moved.

# %%
class MnistModel:
    def __init__(self, hidden_units=200):
        self.images = tf.placeholder(tf.float32, [None, 784], name="images")
        self.labels = tf.placeholder(tf.float32, [None, 10], name="labels")
        with tf.variable_scope("hidden"):
            hidden = tf.nn.relu(self.layer(self.images, 784, hidden_units))
        with tf.variable_scope("softmax"):
            logits = self.layer(hidden, hidden_units, 10)
        self.loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=self.labels, logits=logits), name="loss")
        self.predictions = tf.argmax(logits, 1, name="predictions")
        self.accuracy = tf.reduce_mean(tf.cast(tf.equal(self.predictions, tf.argmax(self.labels, 1)), tf.float32), name="accuracy")
        self.step = tf.train.get_or_create_global_step()
        self.train = tf.train.AdamOptimizer(0.002).minimize(self.loss, global_step=self.step)

    def layer(self, inputs, n_in, n_out):
        weights = tf.get_variable("weights", [n_in, n_out])
        return tf.matmul(inputs, weights) + tf.get_variable("biases", [n_out], initializer=tf.zeros_initializer())

# %%
talk = tf.Graph()
with talk.as_default():
    tf.set_random_seed(0)
    model = MnistModel()
    start = tf.global_variables_initializer()
draw([model.loss, model.train], collapse=("gradients", "Adam", "hidden", "softmax", "softmax_cross_entropy_with_logits"), direction="right")

# %% [markdown]
# A box with a number of operations in it is a collapsed scope. About half of the operations were added by `minimize`: `gradients` and
# `Adam`. An amber line, as from `Adam` to `hidden`, means that variables in that box are written.

# %%
sess = tf.Session(graph=talk)
sess.run(start)
test_digits = {model.images: digits.test.images, model.labels: digits.test.labels}

def batches(count):
    for _ in range(count):
        yield digits.train.next_batch(100)

def train_on(batches, model, sess):
    """The loss before each step."""
    return [sess.run([model.loss, model.train], {model.images: images, model.labels: labels})[0] for images, labels in batches]

losses = train_on(batches(2200), model, sess)
reached = sess.run(model.accuracy, test_digits)
print(f"step {sess.run(model.step)}: more than {int(100 * reached)} of 100 test digits are right")
assert reached > 0.97

# %% tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(6.5, 3))
ax.plot(losses, color="0.85", label="of each batch")
ax.plot(np.arange(49, len(losses)), np.convolve(losses, np.ones(50) / 50, "valid"), color="tab:red", label="mean of 50")
_ = ax.set(xlabel="step", ylabel="loss", yscale="log", title=f"Four passes over the digits; test accuracy {reached:.2%}")
ax.legend()
plt.show()

# %% [markdown]
# The grey line is what single batches say: within a hundred steps they differ by a factor of ten, though the model has hardly changed.
# Average it before you believe in it. Which digits does it read wrongly?

# %% tags=["nbval-ignore-output"]
read = sess.run(model.predictions, test_digits)
truth = digits.test.labels.argmax(1)
wrong = np.flatnonzero(read != truth)
fig, axes = plt.subplots(2, 12, figsize=(12, 2.6))
for ax, k in zip(axes.flat, wrong):
    ax.imshow(digits.test.images[k].reshape(28, 28), cmap="gray_r")
    ax.set_title(f"{truth[k]} as {read[k]}", fontsize=9)
    ax.axis("off")
plt.show()

# %% [markdown]
# Some of them you would not read either. Others are plain, and show what a layer that sees pixels and no shapes can not do; convolutions
# come in chapter 05.
#
# ## 8. What is lost
#
# All that was learned is in the memory of this process. A second session on the same graph knows nothing of it:

# %%
try:
    tf.Session(graph=talk).run(model.accuracy, test_digits)
except tf.errors.FailedPreconditionError as error:
    print(type(error).__name__, "-", error.message.splitlines()[0])
else:
    raise AssertionError("a fresh session has weights")

# %% [markdown]
# If the machine stops, we are in the same position. So write the weights to a file now and then: a *checkpoint*. A naive saver opens the
# file and writes one array after the other. Here it is as a program of its own, so that it can be killed. It writes its version number into
# four arrays, and kills itself before array `killed_at`; with 4 it survives.

# %%
import subprocess
import sys
import tempfile

folder = tempfile.mkdtemp()
path = os.path.join(folder, "model")

NAIVE = """
import os, signal, sys, numpy as np
path, version, killed_at = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
file = open(path, "wb")
for k in range(4):
    if k == killed_at:
        os.kill(os.getpid(), signal.SIGKILL)
    np.save(file, np.full(1000, version))
"""

# %%
def save_in_a_process(program, version, killed_at):
    done = subprocess.run([sys.executable, "-c", program, path, str(version), str(killed_at)], capture_output=True, text=True)
    return "killed" if done.returncode == -9 else done.stderr or "done"

def load():
    """The version of each of the four arrays."""
    with open(path, "rb") as file:
        return [float(np.load(file)[0]) for _ in range(4)]

print("version 1:", save_in_a_process(NAIVE, 1, 4), load())

# %%
print("version 2:", save_in_a_process(NAIVE, 2, 2))
try:
    load()
except (EOFError, ValueError) as error:
    print("reading it:", type(error).__name__)
else:
    raise AssertionError("half a file could be read")

# %% [markdown]
# Version 2 is half there, and version 1 is gone: the moment at which the file was opened for writing emptied it.
#
# The repair: write to another name in the same folder, and when all is there, rename. `os.replace` gives a file a new name, in the place of
# one that may have had it, and the file system does that whole or not at all: whoever opens `path` finds the old file or the new one.

# %%
CAREFUL = NAIVE.replace('open(path, "wb")', 'open(path + ".part", "wb")') + """
file.flush()
os.fsync(file.fileno())
os.replace(path + ".part", path)
"""
print("version 1:", save_in_a_process(CAREFUL, 1, 4), load())
print("version 2:", save_in_a_process(CAREFUL, 2, 2), load())
print("version 3:", save_in_a_process(CAREFUL, 3, 4), load())

# %% [markdown]
# Killed in the middle of version 2, version 1 is still there. What are the two lines before the rename for? `flush` empties Python's buffer
# into the operating system, which keeps the bytes in memory too, for up to half a minute; `fsync` waits until they are on the disk. Without it,
# a machine that loses power may have written the new *name* and not yet the bytes, and what is left is an empty file of the right name.
# This happened to many when the file system ext4 came (LWN, "ext4 and data loss", 2009, lwn.net/Articles/322823).
#
# Our framework's saver, then, and its counterpart: the names of all variables, and so of the slots too, and then their values. (Until the
# folder is on the disk as well, a power cut may still bring back the old file, whole: the exercise `aside` sees to that.)

# %% tags=["built"]
def save(session, path):
    """Write all variables of a session to one file; whenever the process or the machine stops, path is the old file or the new one."""
    with open(path + ".part", "wb") as file:
        np.save(file, [op.name for op in session.values])
        for value in session.values.values():
            np.save(file, value)
        file.flush()
        os.fsync(file.fileno())
    os.replace(path + ".part", path)


def restore(session, path):
    """Give the variables of a session the values in a file."""
    with open(path, "rb") as file:
        for name in np.load(file):
            session.values[session.graph.by_name[name]] = np.load(file)

# %% [markdown]
# ## 9. `tf.train.Saver`
#
# The package's saver does this with ops in the graph, and counts the files.

# %%
with talk.as_default():
    saver = tf.train.Saver(max_to_keep=2)
model_path = os.path.join(folder, "mnist")
for _ in range(3):
    _ = train_on(batches(20), model, sess)
    saved = saver.save(sess, model_path, global_step=model.step)
print(sorted(name for name in os.listdir(folder) if name != "model"))
print("the latest is", os.path.basename(tf.train.latest_checkpoint(folder)))

# %% [markdown]
# The file of step 2220 is gone, for two are kept. `checkpoint` is a text that says which is the latest; the `.meta` files hold the graph.
# What is in a checkpoint?

# %%
for name, shape in tf.train.list_variables(saved):
    print(f"{name:22} {shape}")

# %% [markdown]
# The weights, Adam's $m$ and $v$ beside each of them, the powers of its betas, and the step. With all of that a fresh session goes on as if
# nothing had happened. Here the old session trains for twenty more steps; then a fresh one is restored, and trains on the same batches. (21
# of them, because `train_on` gives the loss before each step.)

# %%
same_batches = list(batches(21))
before = sess.run(model.accuracy, test_digits)
went_on = train_on(same_batches, model, sess)[-1]

fresh = tf.Session(graph=talk)
saver.restore(fresh, tf.train.latest_checkpoint(folder))
print("step", fresh.run(model.step), " same accuracy:", fresh.run(model.accuracy, test_digits) == before)
print("same loss after twenty more steps:", train_on(same_batches, model, fresh)[-1] == went_on)

# %% [markdown]
# The same to the last bit. No initializer ran in the fresh session: restoring is initializing. Whoever restores only the weights,
# `tf.trainable_variables()`, has the same accuracy, but not the same training:

# %%
with talk.as_default():
    weights_only = tf.train.Saver(tf.trainable_variables())
other = tf.Session(graph=talk)
other.run(start)
weights_only.restore(other, saved)
print("same accuracy:", other.run(model.accuracy, test_digits) == before)
print("same loss after twenty more steps:", train_on(same_batches, model, other)[-1] == went_on)

# %% [markdown]
# Adam begins anew with empty slots, and its first steps are of full length in all directions.
#
# Files go bad, too. Each array in the file has a checksum (CRC-32C), so one wrong bit is found, and not trained on:

# %%
with open(saved, "r+b") as file:
    file.seek(-100, os.SEEK_END)
    byte = file.read(1)
    file.seek(-100, os.SEEK_END)
    file.write(bytes([byte[0] ^ 1]))
try:
    saver.restore(fresh, saved)
except tf.errors.DataLossError as error:
    print(type(error).__name__, "-", error.message.splitlines()[0].rpartition("corrupted: ")[2])
else:
    raise AssertionError("a damaged file was restored")

# %% [markdown]
# ## 10. Looking at it
#
# A loss that is printed is gone with the next line. A *summary* is an op that turns a tensor into a record for TensorBoard, TensorFlow's
# viewer: `scalar` for one number, `histogram` for the distribution of many. `merge_all` makes one op of all of them, and a `FileWriter`
# puts their results into an *event file*.

# %%
watched = tf.Graph()
with watched.as_default():
    tf.set_random_seed(0)
    viewed = MnistModel()
    tf.summary.scalar("validation/loss", viewed.loss)
    tf.summary.scalar("validation/accuracy", viewed.accuracy)
    for v in tf.trainable_variables():
        tf.summary.histogram(v.op.name, v)
    summaries = tf.summary.merge_all()
    start_watched = tf.global_variables_initializer()

# %% [markdown]
# Accuracy and loss of the 5,000 digits kept for validation, every 25 steps. `FileWriter` needs the package tensorboard, which has the form
# of the records; `make test` has installed it, or `make extra-board`.

# %%
logs = os.path.join(folder, "logs")
validation = {viewed.images: digits.validation.images, viewed.labels: digits.validation.labels}
with tf.Session(graph=watched) as watching, tf.summary.FileWriter(logs, watched) as writer:
    watching.run(start_watched)
    for _ in range(20):
        writer.add_summary(watching.run(summaries, validation), watching.run(viewed.step))
        _ = train_on(batches(25), viewed, watching)
file, = os.listdir(logs)
print(file.split(".")[:3])

# %% [markdown]
# What is in the file? Records, one behind the other: a length, a checksum of the length, the data, a checksum of the data.
# `tf.train.summary_iterator` reads them back. A first one tells the version, a second one has the graph, and then there are the summaries:

# %%
events = list(tf.train.summary_iterator(os.path.join(logs, file)))
print([event.WhichOneof("what") for event in events[:4]], "...", len(events), "records")
for value in events[2].summary.value:
    shown = f"{value.simple_value:.2f}" if value.HasField("simple_value") else f"{value.histo.num:.0f} numbers in buckets"
    print(f"step {events[2].step}: {value.tag:19}", shown)

# %% [markdown]
# (Some tags end in `_1`: a summary is an op with a name of its own, and `hidden/weights` was taken by the variable.) The loss before
# training is about 2.3, that is $\ln 10$: ten classes, all equally likely. A loss that starts elsewhere is a sign of a wrong loss or of
# weights that are too large.
#
# A curve from the file, with nothing but its records:

# %% tags=["nbval-ignore-output"]
curve = {e.step: v.simple_value for e in events if e.HasField("summary") for v in e.summary.value if v.tag == "validation/accuracy"}
fig, ax = plt.subplots(figsize=(6.5, 2.5))
ax.plot(curve.keys(), curve.values(), "o-", color="tab:blue", markersize=3)
_ = ax.set(xlabel="step", ylabel="validation accuracy", ylim=(0.8, 1))
plt.show()

# %% [markdown]
# TensorBoard is a small web server that reads such a folder. This cell starts it on a port of its own of this machine only, asks it what it
# has found, and stops it:

# %%
from minitf.course.tensorboard import TensorBoard

with TensorBoard(logs) as board:
    print(board.tags("scalars"), board.tags("histograms"))
    loss = board.points("validation/loss")
print(f"{len(loss)} points of the loss, from {loss[0][1]:.1f} at step {loss[0][0]} on")

# %% [markdown]
# To look at your own, in a terminal: `.venv/bin/tensorboard --logdir logs`, and open the address that it prints. This is from its page of
# graphs, with the model of this section. A box is a name scope, and a double click opens it; a thick arrow carries a large tensor. What is
# connected with nearly everything, as Adam is, stands aside on that page.

# %%
from IPython.display import Image

Image("pictures/tensorboard_graph.png", width=600)

# %% [markdown]
# ## 11. The package's own
#
# In `minitf/train`, most optimizers are an op with a kernel of its own, since one pass over memory is faster than the dozen of ours.
# `SingleOpOptimizer` makes that op; a subclass says what goes into it:

# %%
from minitf.train.single_op import SingleOpOptimizer

show_source(SingleOpOptimizer._apply, SingleOpOptimizer._apply_dense, SingleOpOptimizer._apply_sparse)

# %%
show_source(tf.train.AdamOptimizer._inputs, tf.train.AdamOptimizer._finish)

# %% [markdown]
# Slots, powers, settings, gradient. (`_in` gives the settings, rate and betas, as tensors of a dtype; `use_locking` is accepted, as in
# TensorFlow, and changes nothing.) The gradient of a lookup is `IndexedSlices` (chapter 03), and goes to the sparse form of the op, after
# rows that it names twice have been added up: two exercises are about that. `_finish` is where the powers advance: *after* all updates, by
# control edges, since each update has read them. They start at $\beta$, as the first step needs them; ours start at 1, and advance first.
# Both are right. What the kernel computes stands in the docstring:

# %%
import inspect

print(inspect.getdoc(tf.train.AdamOptimizer).partition("This is")[0].rstrip())

# %% [markdown]
# Our formula, with the correction taken into the rate as we do. It does all of that in one pass over the memory of the four arrays.
#
# And a checkpoint? Its file begins with 24 bytes: a word, the version of the format, a checksum and the length of the header. The header is
# JSON and says of each array where it lies. Then come the arrays, one behind the other, each at a multiple of 64 bytes. By hand:

# %%
import json
import struct

with open(saved, "rb") as file:
    word, version, _, length = struct.unpack("<8sIIQ", file.read(24))
    header = json.loads(file.read(length))
print(word, version, {key: value for key, value in header["tensors"][3].items() if key != "crc32c"})

# %% [markdown]
# What writes it is the last exercise, `aside`.
#
# Do yours and the package's agree? Fifty random networks, random data, random optimizer with random settings, five steps each.

# %%
def in_ours(values, inputs, labels, optimizer, steps):
    graph = Graph()
    variables, x = [graph.variable(v) for v in values], graph.constant(inputs)
    for k in range(0, len(variables), 2):
        x = (graph.create("Relu", x) if k else x) @ variables[k] + variables[k + 1]
    train = optimizer.minimize(graph.create("Xent", x, graph.constant(labels)), variables)
    session = Session(graph)
    session.initialize()
    for _ in range(steps):
        session.run(train)
    return session.run(variables)

def in_tf(values, inputs, labels, optimizer, steps):
    with tf.Graph().as_default(), tf.Session() as sess:
        variables, x = [tf.Variable(v) for v in values], tf.constant(inputs)
        for k in range(0, len(variables), 2):
            x = tf.matmul(tf.nn.relu(x) if k else x, variables[k]) + variables[k + 1]
        train = optimizer.minimize(tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(labels=tf.constant(labels), logits=x)))
        sess.run(tf.global_variables_initializer())
        for _ in range(steps):
            sess.run(train)
        return sess.run(variables)

# %%
KINDS = [(SGD, tf.train.GradientDescentOptimizer), (Momentum, tf.train.MomentumOptimizer), (Adam, tf.train.AdamOptimizer)]
counts, worst = {}, 0.0
for seed in range(50):
    random = np.random.default_rng(seed)
    sizes = random.integers(2, 9, random.integers(2, 5))
    values = [w for n, m in zip(sizes, sizes[1:]) for w in (random.normal(size=(n, m)), random.normal(size=m))]
    inputs, labels = random.normal(size=(7, sizes[0])), np.eye(sizes[-1])[random.integers(sizes[-1], size=7)]
    mine, theirs = KINDS[random.integers(3)]
    settings = [random.uniform(0.01, 0.3)] + {SGD: [], Momentum: [random.uniform(0.5, 0.9)], Adam: [random.uniform(0.5, 0.9), 0.99]}[mine]
    case = values, inputs, labels
    for a, b in zip(in_ours(*case, mine(*settings), 5), in_tf(*case, theirs(*settings), 5)):
        worst = max(worst, abs(a - b).max())
    counts[mine.__name__] = counts.get(mine.__name__, 0) + 1
print(dict(sorted(counts.items())))
assert worst < 1e-6
print("after five steps, all variables agree to 1e-6")

# %% [markdown]
# ## 12. The digits once more
#
# The ops of chapter 01, the graph of 02, the gradients of 03, the optimizer and the saver of this one. The rate is a placeholder, and falls
# evenly to 0: small steps at the end, when the noise of the batches would keep the weights moving about the minimum.

# %%
random, graph = np.random.default_rng(0), Graph()
images, labels, rate = graph.placeholder((None, 784), "images"), graph.placeholder((None, 10), "labels"), graph.placeholder((), "rate")

def layer(x, n_in, n_out, name):
    weights = graph.variable(random.normal(0, np.sqrt(2 / n_in), (n_in, n_out)), f"{name}/weights")
    return x @ weights + graph.variable(np.zeros(n_out), f"{name}/biases")

logits = layer(graph.create("Relu", layer(images, 784, 100, "hidden")), 100, 10, "softmax")
loss = graph.create("Xent", logits, labels)
variables = [op.output for op in graph.operations if op.type == "Variable"]
train = Adam(rate).minimize(loss, variables)
print([v.op.name for v in variables], "and", sum(op.type == "Variable" for op in graph.operations) - 4, "variables of Adam")

# %% tags=["nbval-ignore-output"]
session = Session(graph)
session.initialize()

def answers(session):
    """The digit that the network reads in each test image."""
    return session.run(logits, {images: digits.test.images}).argmax(1)

for k in range(1650):
    batch_images, batch_labels = digits.train.next_batch(100)
    session.run(train, {images: batch_images, labels: batch_labels, rate: 0.005 * (1 - k / 1650)})
told = answers(session)
share = (told == digits.test.labels.argmax(1)).mean()
print(f"{share:.1%} of the test digits are right")
assert share > 0.97

# %% [markdown]
# Three passes in some seconds. Plain gradient descent had about 96.8 % after two in chapter 03; with one pass more, about a fifth of its
# mistakes are gone. Saved, lost, and restored:

# %%
save(session, os.path.join(folder, "own"))
again = Session(graph)
restore(again, os.path.join(folder, "own"))
assert (answers(again) == told).all()
print("a fresh session from", round(os.path.getsize(os.path.join(folder, "own")) / 1e6, 1), "MB gives the same answer to all test images")

# %% [markdown]
# Three numbers a weight, of 8 bytes each, for 79,510 weights.

# %%
import shutil

shutil.rmtree(folder)

# %% [markdown]
# ## Where this lives today
#
# **PyTorch**: `torch.optim.SGD` and `torch.optim.Adam` update the weights in place, under `torch.no_grad()`, after `loss.backward()` has
# finished: without a graph, the order of the lines is the order of things. Slots are in `optimizer.state`, so a checkpoint needs the
# `state_dict()` of the model *and* of the optimizer. `torch.save` writes in place; writing aside is left to you. Its Adam adds $\epsilon$
# to the root of the corrected $v$, TensorFlow's and ours to that of $v$ itself, so the same $\epsilon$ does not mean the same.
# `torch.nn.init.kaiming_normal_` is the $\sqrt{2/n}$ of section 6. `torch.utils.tensorboard.SummaryWriter` writes the same event files.
#
# **JAX** has no variables. In Optax an optimizer is a pair of functions: `init(params)` makes the slots, `update(grads, state, params)`
# returns the steps and the new slots. Nothing is ever overwritten, which settles section 3 for good. `jax.nn.initializers.variance_scaling`
# is the package's `variance_scaling_initializer`. Orbax writes a checkpoint into a temporary folder and renames it when it is complete.

# %% [markdown]
# ## Exercises
#
# The files are in `exercises/04_training/`. Each says in its docstring what to write, with an example. "Replaces" names the function of the
# package that yours stands in for: with `MINITF_SWAP=exercises/04_training` in the environment, minitf trains, and saves, with your code.
#
# | file | what to write | points | replaces |
# |---|---|---|---|
# | `staircase.py` | a learning rate that falls with the step, smoothly or in stairs | 2 | `minitf.train.learning_rate_decay.exponential_decay` |
# | `fans.py` | how many inputs and outputs a layer's weights have, filters included | 2 | `minitf.ops.init_ops.fans` |
# | `clip.py` | all gradients scaled together, with `None`, `IndexedSlices` and infinity among them | 3 | `minitf.ops.clip_ops.clip_by_global_norm` |
# | `duplicates.py` | rows that a sparse gradient names twice, summed | 3 | `minitf.train.optimizer.Optimizer._apply_sparse_duplicate_indices` |
# | `moving_average.py` | an average of the weights, with Adam's correction | 4 | `minitf.train.moving_averages.assign_moving_average` |
# | `lazy_adam.py` | Adam for a table of which a step sees a few rows | 5 | |
# | `aside.py` | a file that is whole, wherever the writer is killed | 6 | `minitf.platform.aside.written_aside` |
#
#     make grade CH=04
#     make hint TASK=04/duplicates
