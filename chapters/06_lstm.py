# %% [markdown]
# # Chapter 06: Recurrent networks and the LSTM
#
# Cells that read a sequence step by step and remember, a loop that unrolls them, and clipping by the global norm.
#
# **The question.** "The **keys** to the house by the river, in which my brother has lived for as long as I can remember, **are** lost." Who
# reads the word "are" must still know that there were several keys, a hundred letters back. How does a network remember something for a
# hundred steps?
#
# | | |
# |---|---|
# | before this | chapters 01 to 04: ops, the graph, `gradients`, optimizers. Of chapter 05 nothing is needed |
# | time | 75 minutes of reading, 4 hours of exercises |
# | short route | leave out sections 8, 9 and 10 (nothing else needs them): 50 minutes; exercises `bits`, `sample`, `streams` |
# | stuck | `make hint TASK=06/gru` gives one hint after the other; after a pass, `make diff TASK=06/gru` shows our solution beside yours |
#
# ## 1. How long does it remember?
#
# An experiment. A network reads a hundred random numbers, one at a time, and after each it has a state of twenty numbers. Then it reads the
# same hundred again, but for the first one, which has the opposite sign. As long as the two states differ, the network remembers something
# of the first number. Once they are equal, nothing that comes later can bring it back. We try it with two kinds of cells of minitf, at
# random weights: nothing has been learned yet. (`tf.nn.static_rnn` is the loop that has a cell read one number after the other.)

# %%
import time

import matplotlib.pyplot as plt

import minitf as tf
from built.graph import Graph, Session
from built.training import Adam
from minitf.course.pictures import draw, loss_surface, show_source

# %% tags=["built"]
import numpy as np

from built.autodiff import gradients, rule
from built.ops import broadcast, op

# %%
def differences(cell, steps=100):
    """How far apart the outputs of two runs are after each step, if only the first number differs."""
    numbers = np.random.default_rng(0).normal(size=(steps, 1, 1)).repeat(2, axis=1)
    numbers[0] = [[1.0], [-1.0]]
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(3)
        outputs, _ = tf.nn.static_rnn(cell, [tf.constant(x) for x in numbers], dtype=tf.float64)
        sess.run(tf.global_variables_initializer())
        return np.array([np.linalg.norm(a - b) for a, b in sess.run(outputs)])

forgetful = differences(tf.nn.rnn_cell.BasicRNNCell(20))
lasting = differences(tf.nn.rnn_cell.BasicLSTMCell(20, forget_bias=5.0))

# %% tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(7, 3))
ax.semilogy(np.arange(1, 101), np.maximum(forgetful, 1e-17), color="tab:blue", label="a plain recurrent cell")
ax.semilogy(np.arange(1, 101), lasting, color="tab:red", label="an LSTM")
_ = ax.set(xlabel="numbers read", ylabel="distance of the two states", title="What is left of the first number?")
ax.legend()
plt.show()

# %% [markdown]
# The plain cell loses it at a steady rate, a factor at each step. After some seventy steps the two states agree in all the digits that a
# float64 has, and the first number is gone. The LSTM (*long short-term memory*: Hochreiter and Schmidhuber, 1997) keeps it. By the end of
# section 6 you will have built both, and you will know where that factor comes from, which is also why the plain cell does not *learn* to
# keep anything for a hundred steps.
#
# ## 2. A cell and a loop
#
# The networks so far take all of their input at once, and it has a fixed size. A text has any length. So read it one piece at a time, and
# keep a vector of numbers, the *state* $h$, that says what has been read so far. With each piece $x$ it changes:
#
# $$h_t = \tanh(x_t W + h_{t-1} U + b)$$
#
# $W$, $U$ and $b$ are the same at every step. The hyperbolic tangent squeezes any number into the range from $-1$ to 1. With one unit,
# $W = 0.5$, $U = 0.8$ and $b = 0$, and the numbers 1, 0, 0, 0 to read: $h_1 = \tanh(0.5) = 0.462$, $h_2 = \tanh(0.8 \cdot 0.462) = 0.354$.

# %%
h = 0.0
for x in [1.0, 0.0, 0.0, 0.0]:
    h = np.tanh(0.5 * x + 0.8 * h)
    print(round(float(h), 3), end="  ")

# %% [markdown]
# The 1 was read once, and an echo of it stays for a while.
#
# In the graph this needs `Tanh`, which is new. With it comes `Sigmoid`, $\sigma(z) = 1 / (1 + e^{-z})$, which squeezes into the range from 0
# to 1 and has its entrance in section 5. Both have a rule made of their own output $y$: the slope of $\tanh$ is $1 - y^2$, that of $\sigma$
# is $y (1 - y)$. At 0 these are 1 and 0.25, and far from 0 both are close to 0.

# %% tags=["built"]
@op("Tanh", lambda x: x)
def tanh_kernel(x):
    return np.tanh(x)


@rule("Tanh")
def tanh_rule(op, g):
    return [g * (1.0 - op.output * op.output)]


@op("Sigmoid", lambda x: x)
def sigmoid_kernel(x):
    return 0.5 + 0.5 * np.tanh(0.5 * x)             # 1 / (1 + exp(-x)), of which exp would overflow for x = -800


@rule("Sigmoid")
def sigmoid_rule(op, g):
    return [g * (op.output * (1.0 - op.output))]

# %% [markdown]
# What holds the weights and makes one step is called a *cell*. `step` takes a piece of input and a state, and returns an output and the
# next state. For this cell both are $h$, but for the next they will differ; so the state is a tuple of tensors. It begins as a row of zeros,
# which broadcasting repeats for every example of a batch, however many the run has.

# %% tags=["built"]
class RNN:
    """h' = tanh(x W + h U + b).  The state is (h,)."""
    def __init__(self, graph, n_in, n, random, name="rnn"):
        self.n = n
        self.w = graph.variable(random.normal(0, n_in ** -0.5, (n_in, n)), f"{name}/W")
        self.u = graph.variable(random.normal(0, n ** -0.5, (n, n)), f"{name}/U")
        self.b = graph.variable(np.zeros(n), f"{name}/b")
        self.variables = [self.w, self.u, self.b]

    def zero_state(self, graph):
        return (graph.constant(np.zeros((1, self.n))),)

    def step(self, x, state):
        """(output, next state) for x [batch, n_in]."""
        h = x.op.graph.create("Tanh", x @ self.w + state[0] @ self.u + self.b)
        return h, (h,)


def unroll(cell, inputs, state=None):
    """(outputs, last state): the cell reads the inputs, a list of tensors [batch, n_in], one after the other."""
    state, outputs = state or cell.zero_state(inputs[0].op.graph), []
    for x in inputs:
        output, state = cell.step(x, state)
        outputs.append(output)
    return outputs, state

# %% [markdown]
# The loop is a loop of Python, and runs while the graph is built. So the graph has no loop: it has as many copies of the step as there are
# inputs. This is called *unrolling*. Three steps:

# %%
graph, random = Graph(), np.random.default_rng(0)
inputs = [graph.placeholder((None, 1), f"x{t}") for t in (1, 2, 3)]
cell = RNN(graph, 1, 4, random)
outputs, _ = unroll(cell, inputs)
draw(outputs, values={h: f"h{t}" for t, h in enumerate(outputs, 1)}, shapes=False, direction="right")

# %% [markdown]
# One chain, from left to right, of three equal pieces. The variables `W`, `U` and `b` stand there once, and each of them has three lines
# that go out. That is all that "the same at every step" means. Chapter 03 said what to do about the gradient of a tensor that is used three
# times: add where edges meet. So `gradients` works as it is, and this is all there is to *back-propagation through time* (Werbos, 1990).
#
# The numbers of the example above, from the graph:

# %%
graph = Graph()
inputs = [graph.constant([[x]]) for x in (1.0, 0.0, 0.0, 0.0)]
cell = RNN(graph, 1, 1, np.random.default_rng(0))
outputs, _ = unroll(cell, inputs)
feeds = {cell.w: [[0.5]], cell.u: [[0.8]], cell.b: [0.0]}
print(np.ravel(Session(graph).run(outputs, feeds)).round(3))
slopes = gradients(outputs[-1], outputs[:1] + cell.variables)
print("slopes of the last h, for the first h, W, U and b:", np.concatenate([np.ravel(s) for s in Session(graph).run(slopes, feeds)]).round(3))

# %% [markdown]
# The slope for the first $h$ is a product of one factor for each step between them: $U (1 - h_t^2)$ with $t = 2, 3, 4$, that is
# $0.8 \cdot 0.875 \cdot 0.8 \cdot 0.924 \cdot 0.8 \cdot 0.952 = 0.394$. Keep that product in mind.
#
# ## 3. It remembers, a little
#
# Something to learn that can not be done without memory: read random numbers, each 1 or $-1$, and say at every step what was read **two steps
# ago**. The output is $h V$, one number, whose sign is the answer.

# %%
def echo_network(delay, steps=12, batch=32, hidden=8, seed=0):
    """(inputs, targets, answers, loss, the cell, all variables): at step t the answer should be input t - delay."""
    random, graph = np.random.default_rng(seed), Graph()
    inputs = [graph.placeholder((batch, 1)) for _ in range(steps)]
    cell = RNN(graph, 1, hidden, random)
    v = graph.variable(random.normal(0, hidden ** -0.5, (hidden, 1)), "V")
    answers = [h @ v for h in unroll(cell, inputs)[0]]
    loss = graph.constant(0.0)
    for answer, wanted in zip(answers[delay:], inputs):
        d = answer - wanted
        loss = loss + (1 / batch / (steps - delay)) * graph.create("Sum", d * d)
    return inputs, answers, loss, cell, cell.variables + [v]

def echo_accuracy(delay, remembers=True, steps=300):
    """Train, and give the share of right answers on new numbers.  One that does not remember has zeros for U, for ever."""
    inputs, answers, loss, cell, variables = echo_network(delay)
    fed = {} if remembers else {cell.u: np.zeros((8, 8))}
    train = Adam(0.02).minimize(loss, [v for v in variables if v not in fed])
    session, random = Session(loss.op.graph), np.random.default_rng(1)
    session.initialize()
    for _ in range(steps):
        numbers = random.choice([-1.0, 1.0], (12, 32, 1))
        told = session.run(answers + [train], {**dict(zip(inputs, numbers)), **fed})[:-1]
    return np.mean(np.sign(told[delay:]) == numbers[:12 - delay])

# %%
print(f"two steps ago, without U: {echo_accuracy(2, remembers=False):.2f} of the answers are right")
for delay in 2, 4, 8:
    print(f"{delay} steps ago: {echo_accuracy(delay):.2f}")

# %% [markdown]
# Without $U$ there is no memory, and the answers are a coin's: half of them are right. With it, eight units keep two or four numbers without
# a mistake after 300 steps of training. For eight steps ago, 300 steps of training are not enough. Would more be, and for a hundred steps
# ago? Look at what the training has to go by.
#
# ## 4. The gradient that vanishes
#
# Section 2 had the slope of $h_4$ for $h_1$: a product of three factors $U (1 - h_t^2)$. For one that lies a hundred steps back there are a
# hundred. If all of them are 0.9, the product is $0.9^{100}$:

# %%
print(f"0.9 ** 100 = {0.9 ** 100:.6f}      1.1 ** 100 = {1.1 ** 100:,.0f}")

# %% [markdown]
# Either there is nearly nothing left, or too much. With many units $U$ is a matrix, and each step multiplies the gradient by $U'$ and by the
# slopes of $\tanh$. To see the factor alone, take matrices that change no length, which are called *orthogonal*, and multiply them by a
# number, the *scale*. Then measure, in our graph: how long is $\partial \text{loss} / \partial h_t$, by the distance of $t$ from the end?
# The loss is a random sum of the last $h$.

# %%
def gradient_curve(cell, size, steps=100):
    """The length of the gradient of the state's first tensor, from the last step (distance 0) back to the first; that of the last is 1."""
    graph, random, state, states = cell.w.op.graph, np.random.default_rng(5), None, []
    for _ in range(steps):
        (output,), state = unroll(cell, [graph.constant(size * random.normal(size=(20, 1)))], state)
        states.append(state[0])
    loss = graph.create("Sum", output @ random.normal(size=(cell.n, 1)))
    session = Session(graph)
    session.initialize()
    lengths = np.array([np.linalg.norm(g, axis=1).mean() for g in session.run(gradients(loss, states))])[::-1]
    return lengths / lengths[0]

def rnn_curve(scale, size=0.1):
    """For a plain cell whose U keeps all lengths but for the scale; size is that of the numbers it reads."""
    graph, random = Graph(), np.random.default_rng(0)
    cell = RNN(graph, 1, 20, random)
    cell.u.op.attrs["initial"][...] = scale * np.linalg.qr(random.normal(size=(20, 20)))[0]
    return gradient_curve(cell, size)

# %%
SCALES = [0.5, 0.9, 1.0, 1.1, 1.5]
curves = {scale: rnn_curve(scale) for scale in SCALES}
print("distance      " + "".join(f"{d:>11}" for d in (1, 10, 50, 99)))
for scale, curve in curves.items():
    print(f"scale {scale:3}     " + "".join(f"{curve[d]:11.1e}" for d in (1, 10, 50, 99)))
print(f"scale 0.9, numbers ten times as large: {rnn_curve(0.9, 1.0)[99]:.1e} at distance 99, and 0.9 ** 99 is {0.9 ** 99:.1e}")

# %% tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(7, 3.4))
for scale, curve in curves.items():
    ax.semilogy(curve, label=f"scale {scale}")
_ = ax.set(xlabel="steps back from the loss", ylabel="length of the gradient", ylim=(1e-20, 1e4), title="One factor a step")
ax.legend()
plt.show()

# %% [markdown]
# Straight lines on a logarithmic axis: one factor for each step. With scale 0.5 the gradient falls by $2^{-99} = 1.6 \cdot 10^{-30}$. With
# 0.9 it falls nearly as $0.9^{99} = 3 \cdot 10^{-5}$; a little faster, for the slope of $\tanh$ is below 1, and much faster when larger
# numbers come in and push the states to where $\tanh$ is flat. It does not fall with 1.1, as the two effects happen to balance, and with
# 1.5 it grows a thousandfold.
#
# A gradient of $10^{-11}$ is not the trouble by itself; Adam would scale it up. The trouble is that the gradient of $U$ is a *sum* over all
# distances. What happened a hundred steps ago has a part of $10^{-11}$ in it, and what happened just now a part of 1. The near drowns the
# far, so a network learns what is near, and the error that only the distant past could explain looks like noise. Hochreiter found this in
# 1991, and Bengio, Simard and Frasconi showed in 1994 that there is no escape for a cell of this kind: to keep something safe from small
# disturbances its factor must be below 1, and then its gradient vanishes. ("Learning long-term dependencies with gradient descent is
# difficult", IEEE Transactions on Neural Networks.)
#
# A gradient that grows is easier to deal with. Section 8 cuts it. First, the one that vanishes.
#
# ## 5. A cell that keeps, one gate at a time
#
# **Keep.** If the factor is the trouble, let there be none. A state $c$ to which things are only *added* has the factor 1:
#
# $$c_t = c_{t-1} + j_t \qquad j_t = \tanh(x_t W_j + h_{t-1} U_j + b_j)$$
#
# However many steps, the slope of $c_{100}$ for $c_0$ is 1. But such a cell can not help adding. Let it store 0.7, and then read 99 random
# numbers that should not matter:

# %%
noise = np.tanh(np.random.default_rng(0).normal(0, 0.3, 99))
c = 0.7
for j in noise:
    c = c + j
print(f"stored 0.7, found {c:.2f}")

# %% [markdown]
# **The input gate.** So give it a door: a number $i$ between 0 (shut) and 1 (open) that multiplies what comes in. Who opens it? The network,
# by what it reads: $i = \sigma(x W_i + h U_i + b_i)$, with weights of its own that are trained as all the others. A sigmoid never quite
# shuts; at $-7$ it lets through a thousandth.

# %%
def sigmoid(z):
    return 1 / (1 + np.exp(-z))

c = sigmoid(7.0) * 0.7
for j in noise:
    c = c + sigmoid(-7.0) * j
print(f"a door at 7 is {sigmoid(7.0):.4f} open, at -7 {sigmoid(-7.0):.4f}; stored 0.7, found {c:.3f}")

# %% [markdown]
# **The output gate.** What is stored and not wanted yet should not disturb the other units. So a second door, $o$, stands before the exit:
# the output is $h = o \cdot \tanh(c)$, and $\tanh$ brings it between $-1$ and 1 again.
#
# These two are the cell of 1997. In a stream without an end, such as a text, sums that are never cleared grow without bound. So three years
# later came the **forget gate** (Gers, Schmidhuber and Cummins, 2000): $f$ multiplies the old $c$. With $f = 1$ it keeps, and with 0 it begins
# anew, as at the end of a sentence.
#
# That is the LSTM as Jeff Dean and Oriol Vinyals showed it in their tutorial on TensorFlow at NIPS 2015:
#
# $$i = \sigma(x W_i + h U_i + b_i) \qquad f = \sigma(x W_f + h U_f + b_f) \qquad o = \sigma(x W_o + h U_o + b_o)$$
# $$j = \tanh(x W_j + h U_j + b_j) \qquad c' = f \cdot c + i \cdot j \qquad h' = o \cdot \tanh(c')$$
#
# The state is now two vectors, $c$ and $h$. One step by hand, with one unit, all $W$ and $U$ equal to 1, all $b$ equal to 0, $x = 1$, $h = 0.5$ and
# $c = 2$. Every gate has $x + h = 1.5$ in it:

# %%
z, c = 1.0 + 0.5, 2.0
gate, j = sigmoid(z), np.tanh(z)
new_c = gate * c + gate * j
new_h = gate * np.tanh(new_c)
print(f"i = f = o = {gate:.4f}   j = {j:.4f}   c' = {new_c:.4f}   h' = {new_h:.4f}")

# %% [markdown]
# $c' = 0.8176 \cdot 2 + 0.8176 \cdot 0.9051 = 2.3752$ and $h' = 0.8176 \cdot \tanh(2.3752) = 0.8036$.
#
# ### A gate that begins half shut
#
# The factor of $c$, from step to step, is $f$. What is it before anything is learned? Weights are small and biases 0, so $z$ is near 0, and
# $\sigma(0) = 0.5$:

# %%
for bias in 0, 1, 3, 5:
    print(f"forget bias {bias}: f = {sigmoid(bias):.3f}, and after a hundred steps {sigmoid(bias) ** 100:9.1e}")

# %% [markdown]
# $0.5^{100} = 8 \cdot 10^{-31}$: an LSTM just as the slide has it forgets at the start as fast as the worst of the cells in section 4, and
# the gradient by which it would learn not to forget vanishes with it. The *code* of the same tutorial has a `forget_bias`, a number added to
# $z$ before the sigmoid; the equations leave it out. Gers and his colleagues had begun with a positive bias, it was forgotten, and
# Jozefowicz, Zaremba and Sutskever ("An empirical exploration of recurrent network architectures", 2015) found that a bias of 1 is worth more
# than most changes of the cell. With 1 the gate is 0.731 open. That is enough for some ten steps, and not for a hundred. If you know that
# your problem is long, begin with more.
#
# ## 6. The LSTM as ops
#
# Four products with $x$, four with $h$. It is faster to make one of the four: put the matrices side by side, $W = (W_i, W_j, W_f, W_o)$ of
# shape [inputs, 4 units], multiply once, and cut the result into four pieces. The order i, j, f, o is TensorFlow's. The op that cuts is
# `Columns`; its gradient puts a piece back into its place among zeros.

# %% tags=["built"]
@op("Columns", lambda x, first, count: (x[0], count))
def columns_kernel(x, first, count):
    return x[:, first:first + count]


@op("PlaceColumns", lambda piece, like, first: like)
def place_columns_kernel(piece, like, first):
    """Zeros in the shape of `like`, but for the piece, from column `first` on."""
    result = np.zeros(like.shape)
    result[:, first:first + piece.shape[1]] = piece
    return result


@rule("Columns")
def columns_rule(op, g):
    return [op.graph.create("PlaceColumns", g, op.inputs[0], first=op.attrs["first"])]


@rule("PlaceColumns")
def place_columns_rule(op, g):
    return [op.graph.create("Columns", g, first=op.attrs["first"], count=op.inputs[0].shape[1]), None]

# %% tags=["built"]
class LSTM:
    """Gates i, j, f, o; c' = c sigmoid(f + forget_bias) + sigmoid(i) tanh(j); h' = tanh(c') sigmoid(o).  The state is (c, h)."""
    def __init__(self, graph, n_in, n, random, forget_bias=1.0, name="lstm"):
        self.n, self.forget_bias = n, forget_bias
        far = np.sqrt(6 / (n_in + n + 4 * n))               # Glorot and Bengio's, for W and U as one matrix
        self.w = graph.variable(random.uniform(-far, far, (n_in, 4 * n)), f"{name}/W")
        self.u = graph.variable(random.uniform(-far, far, (n, 4 * n)), f"{name}/U")
        self.b = graph.variable(np.zeros(4 * n), f"{name}/b")
        self.variables = [self.w, self.u, self.b]

    def zero_state(self, graph):
        return (graph.constant(np.zeros((1, self.n))),) * 2

    def step(self, x, state):
        """(output, next state) for x [batch, n_in]."""
        create, (c, h) = x.op.graph.create, state
        z = x @ self.w + h @ self.u + self.b
        i, j, f, o = [create("Columns", z, first=k * self.n, count=self.n) for k in range(4)]
        c = c * create("Sigmoid", f + self.forget_bias) + create("Sigmoid", i) * create("Tanh", j)
        h = create("Tanh", c) * create("Sigmoid", o)
        return h, (c, h)

# %% [markdown]
# The step by hand again, in the graph, and drawn with its numbers:

# %%
graph = Graph()
cell = LSTM(graph, 1, 1, np.random.default_rng(0), forget_bias=0.0)
x, c, h = graph.constant([[1.0]], "x"), graph.constant([[2.0]], "c"), graph.constant([[0.5]], "h")
_, (new_c, new_h) = cell.step(x, (c, h))
tensors = [op.output for op in graph.operations]
feeds = {cell.w: np.ones((1, 4)), cell.u: np.ones((1, 4)), cell.b: np.zeros(4)}
numbers = dict(zip(tensors, Session(graph).run(tensors, feeds)))
print(f"c' = {numbers[new_c].item():.4f}   h' = {numbers[new_h].item():.4f}")
shown = {t: f"{v.item():.3g}" for t, v in numbers.items() if v.size == 1 and t not in (x, c, h)}
draw([new_c, new_h], values={**shown, new_c: f"c' = {numbers[new_c].item():.3f}", new_h: f"h' = {numbers[new_h].item():.3f}"}, shapes=False)

# %% [markdown]
# Find the way from `c` to `c'`: a product with the gate and a sum, and nothing else. That is the road along which a gradient comes back.
#
# Is `gradients` right through all this? Section 9 of chapter 03 measured along one random direction, and so do we, through ten steps:

# %%
def gradient_error(cell, inputs, h=1e-6):
    """The relative difference between gradients() and finite differences for the variables of a cell that reads the inputs."""
    graph, random = cell.w.op.graph, np.random.default_rng(0)
    output = unroll(cell, [graph.constant(x) for x in inputs])[0][-1]
    loss = graph.create("Sum", output * graph.constant(random.normal(size=output.shape)))
    run, at = Session(graph).run, {v: random.normal(size=v.shape) for v in cell.variables}
    way = {v: random.normal(size=v.shape) for v in cell.variables}
    speed = sum((g * way[v]).sum() for v, g in zip(cell.variables, run(gradients(loss, cell.variables), at)))
    ahead, behind = [run(loss, {v: at[v] + s * way[v] for v in at}) for s in (h, -h)]
    return abs(speed - (ahead - behind) / (2 * h)) / abs(speed)

for kind in RNN, LSTM:
    cell = kind(Graph(), 2, 3, np.random.default_rng(0))
    error = gradient_error(cell, np.random.default_rng(1).normal(size=(10, 4, 2)))
    print(f"{kind.__name__}: {'they agree to 1e-6' if error < 1e-6 else error}")
    assert error < 1e-6

# %% [markdown]
# Now the curve of section 4, for $c$, and with numbers of size 1 to read:

# %%
def lstm_curve(forget_bias):
    return gradient_curve(LSTM(Graph(), 1, 20, np.random.default_rng(0), forget_bias), 1.0)

lstm_curves = {bias: lstm_curve(bias) for bias in (0.0, 1.0, 3.0, 5.0)}
plain = rnn_curve(0.9, 1.0)
print("distance                    " + "".join(f"{d:>11}" for d in (1, 10, 50, 99)))
for name, curve in [("plain cell, scale 0.9", plain)] + [(f"LSTM, forget bias {b:.0f}", c) for b, c in lstm_curves.items()]:
    print(f"{name:28}" + "".join(f"{curve[d]:11.1e}" for d in (1, 10, 50, 99)))
assert lstm_curves[0.0][99] < 1e-15 and lstm_curves[5.0][99] > 0.1

# %% tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(7, 3.4))
ax.semilogy(plain, color="0.6", label="plain cell, scale 0.9")
for bias, curve in lstm_curves.items():
    ax.semilogy(curve, label=f"LSTM, forget bias {bias:.0f}")
_ = ax.set(xlabel="steps back from the loss", ylabel="length of the gradient", ylim=(1e-20, 1e3), title="What a gate at the start is worth")
ax.legend(loc="lower left")
plt.show()
