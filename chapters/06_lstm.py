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
# | short route | leave out 9 and 10, and of 7 all but `minimize_clipped`, which 12 uses: 50 minutes; exercises `bits`, `gru`, `sample` |
# | stuck | `make hint TASK=06/gru` gives one hint after the other; after a pass, `make diff TASK=06/gru` shows our solution beside yours |

# %% [markdown]
# ## 1. How long does it remember?
#
# An experiment. A network reads a hundred random numbers, one at a time, and after each it has a state of twenty numbers. Then it reads the
# same hundred again, but for the first one, which has the opposite sign. As long as the two states differ, the network remembers something
# of the first number. Once they are equal, nothing that comes later can bring it back. We try it with two kinds of cells of minitf, at
# random weights: nothing has been learned yet. What is compared is what the cell puts out; a plain cell's output is its whole state.
# (`tf.nn.static_rnn` is the loop that has a cell read one number after the other; what a `forget_bias` is, section 5 says.)

# %%
import time

import matplotlib.pyplot as plt

import minitf as tf
from built.graph import Graph, Session
from built.training import Adam
from minitf.course.pictures import draw, loss_surface, show_source

# %% tags=["built"]
import numpy as np

from built import training  # noqa: F401 -- registers Div and Sqrt
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
usual, lasting = [differences(tf.nn.rnn_cell.BasicLSTMCell(20, forget_bias=bias)) for bias in (1.0, 5.0)]

# %% tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(7, 3))
ax.semilogy(np.arange(1, 101), np.maximum(forgetful, 1e-17), color="tab:blue", label="a plain recurrent cell")
ax.semilogy(np.arange(1, 101), usual, color="tab:orange", label="an LSTM, forget bias 1")
ax.semilogy(np.arange(1, 101), lasting, color="tab:red", label="an LSTM, forget bias 5")
_ = ax.set(xlabel="numbers read", ylabel="distance of the two outputs", title="What is left of the first number?")
ax.legend()
plt.show()

# %% [markdown]
# The plain cell loses it at a steady rate, a factor at each step. After a hundred numbers the two states are the same to ten digits, and no
# later layer will make anything of the eleventh. The LSTM (*long short-term memory*: Hochreiter and Schmidhuber, 1997) loses it too, though
# more slowly, with the setting that is usual. With another one it keeps it: the distance even grows, tenfold. By the end of section 6 you
# will have built both, and you will know where that factor comes from, which is also why this plain cell does not *learn* to keep anything
# for a hundred steps.

# %% [markdown]
# ## 2. A cell and a loop
#
# The networks so far take all of their input at once, and it has a fixed size. A text has any length. So read it one piece at a time, and
# keep a vector of numbers, the *state* $h$, that says what has been read so far. With each piece $x$ it changes:
#
# $$h_t = \tanh(x_t W + h_{t-1} U + b)$$
#
# $W$, $U$ and $b$ are the same at every step. The hyperbolic tangent squeezes any number into the range from $-1$ to 1. With one unit, $W =
# 0.5$, $U = 0.8$ and $b = 0$, and the numbers 1, 0, 0, 0 to read: $h_1 = \tanh(0.5) = 0.462$, $h_2 = \tanh(0.8 \cdot 0.462) = 0.354$.

# %%
h = 0.0
for x in [1.0, 0.0, 0.0, 0.0]:
    h = np.tanh(0.5 * x + 0.8 * h)
    print(round(float(h), 3), end="  ")

# %% [markdown]
# The 1 was read once, and an echo of it stays for a while.
#
# In the graph this needs `Tanh`, which is new. With it comes `Sigmoid`, $\sigma(z) = 1 / (1 + e^{-z})$, which squeezes into the range from
# 0 to 1 and has its entrance in section 5. Both have a rule made of their own output $y$: the slope of $\tanh$ is $1 - y^2$, that of
# $\sigma$ is $y (1 - y)$. At 0 these are 1 and 0.25, and far from 0 both are close to 0.

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
# next state. For this cell both are $h$, but for the next they will differ; so the state is a tuple of tensors. It begins as a row of
# zeros, which broadcasting repeats for every example of a batch, however many the run has.

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
slopes = Session(graph).run(slopes, feeds)
print("slopes of the last h, for the first h, W, U and b:", np.concatenate([np.ravel(s) for s in slopes]).round(3))

# %% [markdown]
# The slope for the first $h$ is a product of one factor for each step between them: $U (1 - h_t^2)$ with $t = 2, 3, 4$, that is $0.8 \cdot
# 0.875 \cdot 0.8 \cdot 0.924 \cdot 0.8 \cdot 0.953 = 0.394$. Keep that product in mind.

# %% [markdown]
# ## 3. It remembers, a little
#
# Something to learn that can not be done without memory: read random numbers, each 1 or $-1$, and say at every step what was read **two
# steps ago**. The output is $h V$, one number, whose sign is the answer.

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
print(f"two steps ago, without U: {echo_accuracy(2, remembers=False):.1f} of the answers are right")
for delay in 2, 4, 8:
    print(f"{delay} steps ago: {echo_accuracy(delay):.1f}")

# %% [markdown]
# Without $U$ there is no memory, and the answers are a coin's: half of them are right. With it, eight units keep two or four numbers
# without a mistake after 300 steps of training. For eight steps ago, 300 steps of training are not enough. Would more be, and for a hundred
# steps ago? Look at what the training has to go by.

# %% [markdown]
# ## 4. The gradient that vanishes
#
# Section 2 had the slope of $h_4$ for $h_1$: a product of three factors $U (1 - h_t^2)$. For one that lies a hundred steps back there are a
# hundred. If all of them are 0.9, the product is $0.9^{100}$:

# %%
print(f"0.9 ** 100 = {0.9 ** 100:.6f}      1.1 ** 100 = {1.1 ** 100:,.0f}")

# %% [markdown]
# Either there is nearly nothing left, or too much. With many units $U$ is a matrix, and each step multiplies the gradient by $U^\top$ and
# by the slopes of $\tanh$. To see the factor alone, take matrices that change no length, which are called *orthogonal*, and multiply them
# by a number, the *scale*. Then measure, in our graph: how long is $\partial \text{loss} / \partial h_t$, by the distance of $t$ from the
# end? The loss is a random sum of the last $h$.

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

def rnn_curve(scale, size=0.03):
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
print(f"scale 0.9, numbers of size 1: {rnn_curve(0.9, 1.0)[99]:.1e} at distance 99, and 0.9 ** 99 is {0.9 ** 99:.1e}")

# %% tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(7, 3.4))
for scale, curve in curves.items():
    ax.semilogy(curve, label=f"scale {scale}")
_ = ax.set(xlabel="steps back from the loss", ylabel="length of the gradient", ylim=(1e-20, 1e4), title="One factor a step")
ax.legend()
plt.show()

# %% [markdown]
# Straight lines on a logarithmic axis: one factor for each step. With scale 0.5 the gradient falls by $2^{-99} = 1.6 \cdot 10^{-30}$.
# With 0.9 it falls nearly as $0.9^{99} = 3 \cdot 10^{-5}$; a little faster, for the slope of $\tanh$ is below 1, and much faster when
# larger numbers come in and push the states to where $\tanh$ is flat: to $10^{-19}$. Above 1 it grows in the end, though by less than the
# powers of the scale would say, as $\tanh$ works against it: with 1.5 to 4000 times. With 1.1 it falls at first, and then grows to 6.5
# times: the states begin at 0, where $\tanh$ is steepest, and the far steps are those near the beginning.

# %% [markdown]
# A gradient of $10^{-5}$ is not the trouble by itself; Adam would scale it up. The trouble is that the gradient of $U$ is a *sum* over
# all distances. What happened a hundred steps ago has a part of $10^{-5}$ in it, and what happened just now a part of 1. The near drowns
# the far, so a network learns what is near, and the error that only the distant past could explain looks like noise. Hochreiter found
# this in 1991, and Bengio, Simard and Frasconi showed in 1994 for cells such as this, with $\tanh$: to keep something safe from small
# disturbances its factor must be below 1, and then its gradient vanishes. ("Learning long-term dependencies with gradient descent is
# difficult", IEEE Transactions on Neural Networks.) One way out is another function: $\max(0, z)$ has the slope 1 for every positive $z$,
# and with a $U$ that begins as the identity the factor begins as 1 (Le, Jaitly and Hinton, 2015). Section 8 tries it. The LSTM's way
# leaves $\tanh$ in its place.
#
# A gradient that grows is easier to deal with: section 7 cuts it. First, the one that vanishes.

# %% [markdown]
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
# **The input gate.** So give it a door: a number $i$ between 0 (shut) and 1 (open) that multiplies what comes in. Who opens it? The
# network, by what it reads: $i = \sigma(x W_i + h U_i + b_i)$, with weights of its own that are trained as all the others. A sigmoid never
# quite shuts; at $-7$ it lets through a thousandth.

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
# later came the **forget gate** (Gers, Schmidhuber and Cummins, 2000): $f$ multiplies the old $c$. With $f = 1$ it keeps, and with 0 it
# begins anew, as at the end of a sentence.

# %% [markdown]
# That is the LSTM as Jeff Dean and Oriol Vinyals showed it in their tutorial on TensorFlow at NIPS 2015:
#
# $$i = \sigma(x W_i + h U_i + b_i) \qquad f = \sigma(x W_f + h U_f + b_f) \qquad o = \sigma(x W_o + h U_o + b_o)$$
# $$j = \tanh(x W_j + h U_j + b_j) \qquad c' = f \cdot c + i \cdot j \qquad h' = o \cdot \tanh(c')$$
#
# The state is now two vectors, $c$ and $h$. One step by hand, with one unit, all $W$ and $U$ equal to 1, all $b$ equal to 0, $x = 1$, $h =
# 0.5$ and $c = 2$. Every gate has $x + h = 1.5$ in it:

# %%
z, c = 1.0 + 0.5, 2.0
gate, j = sigmoid(z), np.tanh(z)
new_c = gate * c + gate * j
new_h = gate * np.tanh(new_c)
print(f"i = f = o = {gate:.4f}   j = {j:.4f}   c' = {new_c:.4f}   h' = {new_h:.4f}")

# %% [markdown]
# $c' = 0.8176 \cdot 2 + 0.8176 \cdot 0.9051 = 2.3752$ and $h' = 0.8176 \cdot \tanh(2.3752) = 0.8036$.

# %% [markdown]
# ### A gate that begins half shut
#
# The factor of $c$, from step to step, is $f$. What is it before anything is learned? Weights are small and biases 0, so $z$ is near 0, and
# $\sigma(0) = 0.5$:

# %%
for bias in 0, 1, 3, 5:
    print(f"forget bias {bias}: f = {sigmoid(bias):.3f}, and after a hundred steps {sigmoid(bias) ** 100:9.1e}")

# %% [markdown]
# $0.5^{100} = 8 \cdot 10^{-31}$: an LSTM just as the slide has it forgets at the start as fast as the worst of the cells in section 4,
# and the gradient by which it would learn not to forget begins as small. (Section 8 shows that it may learn it all the same.) The *code*
# of the same tutorial has a `forget_bias`, a number added to $z$ before the sigmoid; the equations leave it out. Gers and his colleagues
# had begun with a positive bias, it was forgotten, and Jozefowicz, Zaremba and Sutskever ("An empirical exploration of recurrent network
# architectures", 2015) found that a bias of 1 is worth more than most changes of the cell. With 1 the gate is 0.731 open: enough for some
# ten steps, and not for a hundred. So is a bias of 5 better? Section 6 measures its gradient, and section 8 whether it learns.

# %% [markdown]
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
doors = [t for t in tensors if t.op.type in ("Sigmoid", "Tanh")]
shown.update({t: f"{name} = {shown[t]}" for name, t in zip(("f", "i", "j", "tanh c'", "o"), doors)})
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
plain = {f"plain cell, scale {scale}": rnn_curve(scale, 1.0) for scale in (0.9, 1.5)}
print("distance                    " + "".join(f"{d:>11}" for d in (1, 10, 50, 99)))
for name, curve in {**plain, **{f"LSTM, forget bias {b:.0f}": c for b, c in lstm_curves.items()}}.items():
    print(f"{name:28}" + "".join(f"{curve[d]:11.1e}" for d in (1, 10, 50, 99)))
assert lstm_curves[0.0][99] < 1e-15 and lstm_curves[5.0][99] > 0.1

# %% tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(7, 3.4))
for (name, curve), color in zip(plain.items(), ("0.7", "0.4")):
    ax.semilogy(curve, color=color, label=name)
for bias, curve in lstm_curves.items():
    ax.semilogy(curve, label=f"LSTM, forget bias {bias:.0f}")
_ = ax.set(xlabel="steps back from the loss", ylabel="length of the gradient", ylim=(1e-20, 1e3), title="What a gate at the start is worth")
ax.legend(loc="lower left")
plt.show()

# %% [markdown]
# With bias 0 the LSTM is no better than the first plain cell: a factor of 0.65 for each step, of which the half-shut gate is 0.5 and the
# rest comes by the other gates. With 1, two millionths are left at distance 99. With 3 or more the gradient arrives. (It even grows, to 63
# times: $c$ also goes out by the gates and comes back by $U$, and these contributions add up along the many ways.)
#
# A number can help the plain cell as well: with scale 1.5 more arrives than with a forget bias of 1. But there the factor is a matrix times
# a slope, and which it is depends on every number that comes in; nothing in it says "keep". A forget gate says it, for each unit and each
# step, and its bias is trained like any other number. How much of this counts when something is *learned* is another question, which
# section 8 asks; the answer is not this table.

# %% [markdown]
# ## 7. A cliff, and a shorter step
#
# What of the gradient that grows? Take the smallest recurrent network: one unit, $h' = \sigma(w h + b)$, no input at all. It begins at 0.5,
# makes fifty steps, and should end at 0.7. Two parameters, so the loss is a surface (Pascanu, Mikolov and Bengio, 2013, have one like it):

# %%
def fifty_steps(w, b):
    """(h after fifty steps - 0.7) squared, for numbers."""
    h = 0.5
    for _ in range(50):
        h = sigmoid(w * h + b)
    return (h - 0.7) ** 2

graph = Graph()
w, b = graph.placeholder((), "w"), graph.placeholder((), "b")
h = graph.constant(0.5)
for _ in range(50):
    h = graph.create("Sigmoid", w * h + b)
d = h - 0.7
cliff_slopes, session = gradients(d * d, [w, b]), Session(graph)

def descend(change=lambda g: g, start=(5.0, -2.8), rate=0.5, steps=100):
    """The path of a descent; `change` may change the gradient."""
    path = [np.array(start)]
    for _ in range(steps):
        g = np.array(session.run(cliff_slopes, {w: path[-1][0], b: path[-1][1]}))
        path.append(path[-1] - rate * change(g))
    return np.array(path)

# %%
thrown = descend()
lengths = np.linalg.norm(np.diff(thrown, axis=0), axis=1) / 0.5
worst = int(lengths.argmax())
print(f"gradients of a length up to {lengths[:worst].max():.2f}, and in step {worst + 1} one of {lengths[worst]:.1f}")
print("before it", thrown[worst].round(2), "after it", thrown[worst + 1].round(2), "at the end", thrown[-1].round(2),
      "with loss", round(float(fifty_steps(*thrown[-1])), 4))

# %% [markdown]
# For 44 steps no gradient is longer than 0.8. Then one step meets one more than twenty times as long as any before, and the descent is
# thrown to a far plateau where $h$ is 1 and all slopes are nearly 0. It never comes back. The loss of 0.09 is $(1 - 0.7)^2$. The same
# descent, but no gradient counts as longer than 0.5:

# %%
def clipped(g, most=0.5):
    """g, no longer than `most`."""
    return g * min(1.0, most / np.linalg.norm(g))

held = descend(clipped)
print("clipped: at the end", held[-1].round(1), "with a loss below 0.01:", fifty_steps(*held[-1]) < 0.01)
assert fifty_steps(*held[-1]) < 0.01 < 0.05 < fifty_steps(*thrown[-1])

# %% tags=["nbval-ignore-output"]
loss_surface(fifty_steps, (3.8, 5.2), (-3, -1.7), names=("w", "b"), paths={"as the gradient says": thrown, "no longer than 0.5": held})

# %% [markdown]
# (The first descent leaves the picture at the top, in one step that ends at (8.1, 5.9).) Below the jagged edge $h$ ends low, which costs
# up to 0.49; just above it lies the valley where $h$ ends at 0.7, and further up $h$ ends near 1, which costs 0.09. The edge between the
# low side and the valley is a wall: there the unit falls to one side or the other, and fifty steps make a tiny difference at the start
# into all the difference at the end. Half-way up the wall the slope is steep, so the step is long, in the right direction and far too
# far.
#
# The cure is as simple as the trouble. Keep the direction, and cut the length: if the gradient is longer than some number, scale it down to
# that number. With a gradient of 17.8 and a limit of 0.5 the factor is 0.028. In a network there are many variables. The length is that of
# all their gradients as one long vector (the *global norm*), and the factor is the same for all, or else the direction would change.

# %% tags=["built"]
@op("Maximum", broadcast)
def maximum_kernel(x, y):
    return np.maximum(x, y)


def clip(grads, most):
    """(the gradients, scaled by one factor so that together they are no longer than `most`; their length before)."""
    graph, squares = grads[0].op.graph, 0.0
    for g in grads:
        squares = squares + graph.create("Sum", g * g)
    length = graph.create("Sqrt", squares)
    factor = graph.create("Div", most, graph.create("Maximum", length, most))
    return [g * factor for g in grads], length


def minimize_clipped(optimizer, loss, variables, most):
    """optimizer.minimize, with clipped gradients; every variable must have one."""
    graph = loss.op.graph
    grads, _ = clip(gradients(loss, variables), most)
    optimizer.begin(graph)
    gate = graph.group(*grads)
    return graph.group(*[graph.assign(v, optimizer.new_value(v, g), controls=[gate]) for v, g in zip(variables, grads)])

# %%
graph = Graph()
grads = [graph.constant([3.0, 0.0]), graph.constant([[4.0]])]
for most in 2.5, 10.0:
    shorter, length = clip(grads, most)
    print(most, "->", [g.tolist() for g in Session(graph).run(shorter)], "the length was", float(Session(graph).run(length)))

# %% [markdown]
# $\sqrt{3^2 + 4^2} = 5$, so with a limit of 2.5 everything is halved, and with 10 nothing is done. In the package this is
# `tf.clip_by_global_norm` (an exercise of chapter 04).

# %% [markdown]
# ## 8. The adding problem
#
# Now to learning. This problem is a form of one in the paper of 1997. The network reads pairs of numbers. The first of a pair is random,
# between 0 and 1; the second is a mark, 1 for two of the pairs and 0 for all others. At the end it must say the sum of the two marked
# numbers. One mark lies in the first half of the sequence and one in the second. With a hundred steps, the first number has to be kept
# for fifty steps at least.

# %%
def additions(random, steps, batch=50):
    """(pairs [steps, batch, 2], sums [batch, 1])"""
    pairs, each = np.zeros((steps, batch, 2), np.float32), np.arange(batch)
    pairs[..., 0] = random.random((steps, batch))
    pairs[random.integers(0, steps // 2, batch), each, 1] = 1
    pairs[random.integers(steps // 2, steps, batch), each, 1] = 1
    return pairs, (pairs[..., 0] * pairs[..., 1]).sum(0)[:, np.newaxis]

pairs, sums = additions(np.random.default_rng(0), 10, batch=1)
print(pairs[:, 0].T.round(2))
print("sum:", sums[0, 0].round(2), "  variance of many sums:", additions(np.random.default_rng(0), 10, 100_000)[1].var().round(3))

# %% [markdown]
# Who has understood nothing says 1, the average of all sums, and has a mean squared error of $2 \cdot \frac{1}{12} = 0.167$, their
# variance. So 0.167 is the line to watch: an error that stays there means that nothing was kept.
#
# This is work for the package. Its `BasicRNNCell` and `BasicLSTMCell` are our two cells; `tf.nn.static_rnn` is our `unroll`. It wants a
# list of tensors, one for each step, which `tf.unstack` makes of one tensor along its first axis. Gradients are clipped at 1.

# %%
class Adder:
    def __init__(self, cell, steps, rate, batch=50):
        self.pairs, self.sums = tf.placeholder(tf.float32, [steps, batch, 2]), tf.placeholder(tf.float32, [batch, 1])
        outputs, _ = tf.nn.static_rnn(cell, tf.unstack(self.pairs), dtype=tf.float32)
        answers = tf.matmul(outputs[-1], tf.get_variable("V", [cell.output_size, 1])) + tf.get_variable("bias", [1])
        self.error = tf.reduce_mean(tf.square(answers - self.sums))
        variables = tf.trainable_variables()
        grads, _ = tf.clip_by_global_norm(tf.gradients(self.error, variables), 1.0)
        self.train = tf.train.AdamOptimizer(rate).apply_gradients(zip(grads, variables))

def learn_to_add(make_cell, steps, rate, updates=2500, seed=0):
    """The mean squared error of each batch, until that of a hundred batches is below 0.01."""
    random, errors = np.random.default_rng(seed), []
    with tf.Graph().as_default(), tf.Session() as sess:
        tf.set_random_seed(seed)
        adder = Adder(make_cell(), steps, rate)
        sess.run(tf.global_variables_initializer())
        while len(errors) < updates and (len(errors) < 100 or np.mean(errors[-100:]) > 0.01):
            pairs, sums = additions(random, steps)
            errors.append(sess.run([adder.error, adder.train], {adder.pairs: pairs, adder.sums: sums})[0])
    return np.array(errors)

# %% [markdown]
# First ten steps, for the plain cell, to see that it is not helpless. Then a hundred, and both. Each has the rate that suits it: 0.003 for
# the plain cell, 0.02 for the LSTM. At 0.02 the plain cell ends worse than where it began (0.179 after 2000 updates), and at 0.003 the LSTM
# gets there too, but only after 2232. (These by the program below, with `--rate`.)

# %%
def plain_cell():
    return tf.nn.rnn_cell.BasicRNNCell(32)

def lstm_cell():
    return tf.nn.rnn_cell.BasicLSTMCell(32)

added = {("plain cell", 10): learn_to_add(plain_cell, 10, 0.003), ("plain cell", 100): learn_to_add(plain_cell, 100, 0.003)}
for (name, steps), errors in added.items():
    print(f"{name}, {steps} steps: {'solved' if errors[-100:].mean() < 0.01 else f'the error is still {errors[-100:].mean():.2f}'}")

# %%
added["LSTM", 100] = learn_to_add(lstm_cell, 100, 0.02)
print("LSTM, 100 steps: solved" if added["LSTM", 100][-100:].mean() < 0.01 else added["LSTM", 100][-100:].mean())

# %% tags=["nbval-ignore-output"]
fig, ax = plt.subplots(figsize=(7, 3))
for (name, steps), errors in added.items():
    ax.plot(np.arange(50, len(errors) - 49), np.convolve(errors, np.ones(100) / 100, "valid"), label=f"{name}, {steps} steps")
ax.axhline(1 / 6, color="0.7", linewidth=0.8, label="who says 1 every time")
_ = ax.set(xlabel="updates", ylabel="mean squared error", yscale="log", title="The adding problem")
ax.legend()
plt.show()

# %% [markdown]
# The plain cell learns to add over ten steps. Over a hundred it stays on the line of who knows nothing. The LSTM stays there too, for
# hundreds of updates, and then falls off it: once a little of the first number arrives at the end, there is a gradient for more of it.

# %% [markdown]
# Is that luck of the draw? `python examples/adding_problem.py --seeds 5` trains every cell from five seeds, for up to 2000 updates. Over a
# hundred steps it found:
#
# | cell | solved after |
# |---|---|
# | plain cell | not in any of five trainings; error 0.165 to 0.167 |
# | $\max(0, z)$ for $\tanh$, $U$ begins as the identity | 720, 844, 1035, 1057, 1154 |
# | LSTM, forget bias 0 | 619, 751, 1095, 1127, 1301 |
# | LSTM, forget bias 1 | 587, 612, 705, 1914, 1930 |
# | LSTM, forget bias 3 | 508, 686, 783, 1216, and one not |
# | LSTM, forget bias 5 | 1106, and four not |
# | GRU (an exercise) | 235, 241, 252, 259, 353 |
#
# The first row is what this chapter promised. The second is the way out of section 4, and it works here, at the rate of the plain cell;
# at 0.02 two of three trainings stay on the line. The others are a warning against reading too much out of a curve such as that of
# section 6. Bias 0 is no handicap here. A likely reason: the marks of the second half are often near enough to teach the gates to open,
# and with each bit that they open, more distant ones come into reach. And bias 5, whose gradient arrived undiminished, learns worst: at
# the start it keeps *everything*, the 98 numbers that should not count included. The gradient at the start tells little: bias 0 began
# with $10^{-19}$ and learned, bias 5 with 63 and, but for once, did not.

# %% [markdown]
# ## 9. Deep
#
# The output of a cell, step by step, is a sequence again. So another cell can read it, and a third one the output of that. This makes a
# network deep in two directions: over time and over layers. In our terms it is just another cell, whose state is the tuple of the layers'
# states:

# %% tags=["built"]
class Deep:
    """Cells in layers: each reads the output of the one before.  The state is the tuple of their states."""
    def __init__(self, cells):
        self.cells, self.variables = cells, [v for cell in cells for v in cell.variables]

    def zero_state(self, graph):
        return tuple(cell.zero_state(graph) for cell in self.cells)

    def step(self, x, states):
        """(output of the last layer, next states)"""
        new = []
        for cell, state in zip(self.cells, states):
            x, state = cell.step(x, state)
            new.append(state)
        return x, tuple(new)

# %% [markdown]
# `unroll` goes over time, and in each step `Deep` goes over depth. These are the two loops of the tutorial of 2015, `i` over time and `d`
# over depth. To see what they make, draw one box for each step of each cell:

# %%
@op("Cell", lambda x, *state: x)
def cell_kernel(x, *state):
    return x

class Box:
    """Stands for a cell in a picture."""
    variables = []

    def zero_state(self, graph):
        return ()

    def step(self, x, state):
        output = x.op.graph.create("Cell", x, *state)
        return output, (output,)

graph = Graph()
inputs = [graph.placeholder((1,), f"x{t}") for t in range(1, 6)]
outputs, _ = unroll(Deep([Box() for _ in range(3)]), inputs)
places = {op: f"layer {k % 3 + 1}, step {k // 3 + 1}" for k, op in enumerate(o for o in graph.operations if o.type == "Cell")}
draw(outputs, values=places, shapes=False)

# %% [markdown]
# Three layers and five steps, in the order of what can run when. Fifteen boxes, and not a chain of fifteen: once layer 1 has done step 1,
# it can do step 2 while layer 2 does step 1. On one level of the picture there are up to three boxes that need nothing of each other. With
# each layer on a device of its own, up to three devices work at once, and a *wavefront* runs through the graph. The tutorial puts each
# layer on a GPU, by one line in the inner loop, `with tf.device("/gpu:%d" % d)`. Chapter 08 does that, and measures the wavefront; here
# everything stays on one device.
#
# In the package such a cell is `MultiRNNCell`. Four layers of 200 units, twenty steps, as for the model of Zaremba, Sutskever and Vinyals
# (2014), which had two and which `python examples/ptb_word_lm.py` trains:

# %%
deep = tf.Graph()
with deep.as_default():
    cell = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.BasicLSTMCell(200) for _ in range(4)])
    words = [tf.placeholder(tf.float32, [20, 200], name=f"x{t}") for t in range(1, 21)]
    outputs, state = tf.nn.static_rnn(cell, words, dtype=tf.float32)
    forward = len(deep.get_operations())
    grads = tf.gradients(tf.reduce_sum(outputs[-1]), cell.variables)
print(f"{forward} operations, {len(deep.get_operations())} with the gradients")
for v in cell.variables[:2]:
    print(v.op.name, v.shape)
print(f"{sum(int(np.prod(v.shape)) for v in cell.variables):,} parameters; 4 * 4 * 200 * (200 + 200 + 1) = {4 * 4 * 200 * 401:,}")

# %% [markdown]
# The number of operations grows with layers times steps. The number of parameters does not know how many steps there are. Each layer has
# one matrix of $(200 + 200) \cdot 4 \cdot 200$ and $4 \cdot 200$ biases, and uses them twenty times. Collapsed to a box for each layer, all
# steps of it are in one box:

# %%
small = tf.Graph()
with small.as_default():
    cell = tf.nn.rnn_cell.MultiRNNCell([tf.nn.rnn_cell.BasicLSTMCell(8) for _ in range(4)])
    outputs, _ = tf.nn.static_rnn(cell, [tf.placeholder(tf.float32, [2, 8], name=f"x{t}") for t in (1, 2, 3)], dtype=tf.float32)
layers = tuple(f"rnn/multi_rnn_cell/cell_{d}" for d in range(4))
draw(outputs[-1], collapse=layers, direction="right", shapes=False)

# %% [markdown]
# ## 10. The package's own
#
# The cell of the package, and the loop around it:

# %%
import minitf.nn.lstm_cells
import minitf.nn.rnn

show_source(tf.nn.rnn_cell.BasicLSTMCell.call, minitf.nn.lstm_cells.lstm_step)

# %% [markdown]
# Our equations. `linear` lays $x$ and $h$ side by side and multiplies once by one matrix, `kernel`: our $W$ above our $U$. `LSTMStateTuple`
# is the pair of $c$ and $h$, with these names.

# %%
show_source(minitf.nn.rnn.unroll)

# %% [markdown]
# `static_rnn` calls this, and in it is our loop over the inputs. What else is in it concerns scopes, so that the variables of the first
# step are found again in the second, and sequences of different lengths in one batch, which are an exercise.
#
# Do ours and the package's agree? Fifty random sizes, lengths and inputs; the outputs, and the gradients for all variables and inputs.

# %%
def ours(kind, kernel, bias, inputs, weights):
    graph, n_in = Graph(), inputs.shape[2]
    cell = kind(graph, n_in, weights.shape[1], np.random.default_rng(0))
    xs = [graph.constant(x) for x in inputs]
    outputs, _ = unroll(cell, xs)
    grads = gradients(graph.create("Sum", outputs[-1] * weights), cell.variables + xs)
    values = {cell.w: kernel[:n_in], cell.u: kernel[n_in:], cell.b: bias}
    got = Session(graph).run(outputs + grads, values)
    outputs, (w, u, b), xs = got[:len(xs)], got[len(xs):len(xs) + 3], got[len(xs) + 3:]
    return [*outputs, np.concatenate([w, u]), b, *xs]

def the_packages(kind, kernel, bias, inputs, weights):
    with tf.Graph().as_default(), tf.Session() as sess:
        cell = kind(weights.shape[1])
        xs = [tf.constant(x) for x in inputs]
        outputs, _ = tf.nn.static_rnn(cell, xs, dtype=tf.float64)
        grads = tf.gradients(tf.reduce_sum(outputs[-1] * weights), cell.variables + xs)
        return sess.run(outputs + grads, dict(zip(cell.variables, (kernel, bias))))

# %%
worst, compared = 0.0, 0
for seed in range(50):
    random = np.random.default_rng(seed)
    steps, batch, n_in, n = random.integers(1, 7, 4)
    for mine, theirs, gates in (RNN, tf.nn.rnn_cell.BasicRNNCell, 1), (LSTM, tf.nn.rnn_cell.BasicLSTMCell, 4):
        case = (random.normal(size=(n_in + n, gates * n)), random.normal(size=gates * n),
                random.normal(size=(steps, batch, n_in)), random.normal(size=(batch, n)))
        for a, b in zip(ours(mine, *case), the_packages(theirs, *case), strict=True):
            worst, compared = max(worst, abs(a - b).max()), compared + 1
assert worst < 1e-10
print(f"{compared} values and gradients agree to 1e-10")

# %% [markdown]
# ### What the session makes of a cell
#
# A step of this cell has ten element-wise operations behind the product: three sigmoids, two hyperbolic tangents, three products, two sums.
# Each of our kernels reads its inputs from memory and writes its result there, for the next one to read. The package's session joins such
# chains before it runs them. What `sess.explain` says of one step with 128 units (chapter 02 reads such a table line by line):

# %%
one_step = tf.Graph()
with one_step.as_default():
    x, c, h = [tf.placeholder(tf.float32, [50, size], name=name) for size, name in ((65, "x"), (128, "c"), (128, "h"))]
    cell = tf.nn.rnn_cell.BasicLSTMCell(128)
    _, (new_c, new_h) = cell(x, (c, h))
    start = tf.global_variables_initializer()
step_feeds = {x: np.zeros((50, 65)), c: np.zeros((50, 128)), h: np.zeros((50, 128))}
sess = tf.Session(graph=one_step)
sess.run(start)
plan = str(sess.explain([new_c, new_h], step_feeds)).splitlines()
fused = next(k for k, line in enumerate(plan) if "Fused" in line)
print("\n".join(line.strip() for line in plan[fused:-1]))

# %% [markdown]
# One instruction, `Fused`, for everything behind the product, the cut into four gates included. It reads each gate where it lies in the
# product (`%9[0:50, 0:128]` is the first), and $c$ (`%11`), once, keeps what is between (`t0` to `t2`) in pieces so short that they stay in
# the nearest cache, and writes $c'$ and $h'$. The third line has the 1 of the forget bias (`%10`) at its beginning. Nobody has taught the
# session what an LSTM is; it fuses whatever is element-wise, and cuts of it, and needs no one else's result in between.
#
# One can go further by hand. `LSTMBlockCell` is a whole step as a single op, product included, with a kernel and a gradient that somebody
# wrote for this cell alone. (That gradient is the last exercise.) It has the same weights in the same order, so the two must agree. We
# train on nothing, to see the time: 25 steps of 128 units for a batch of 50, forwards and all gradients.

# %%
def package_step(kind):
    """(function that computes the loss and its gradients, their values) for a cell of the package."""
    random = np.random.default_rng(0)
    with tf.Graph().as_default():
        cell = kind(128)
        outputs, _ = tf.nn.static_rnn(cell, [tf.constant(x) for x in random.normal(size=(25, 50, 65)).astype(np.float32)], dtype=tf.float32)
        loss = tf.reduce_sum(outputs[-1])
        fetches = [loss] + tf.gradients(loss, cell.variables)
        sess = tf.Session()
        feeds = dict(zip(cell.variables, (random.normal(0, 0.1, (193, 512)), np.zeros(512))))
    return lambda: sess.run(fetches, feeds)

def our_step():
    random, graph = np.random.default_rng(0), Graph()
    cell = LSTM(graph, 65, 128, random)
    loss = graph.create("Sum", unroll(cell, [graph.constant(x) for x in random.normal(size=(25, 50, 65))])[0][-1])
    session, fetches = Session(graph), [loss] + gradients(loss, cell.variables)
    session.initialize()
    return lambda: session.run(fetches)

# %%
steps = {"ours": our_step(), "BasicLSTMCell": package_step(tf.nn.rnn_cell.BasicLSTMCell), "LSTMBlockCell": package_step(tf.nn.rnn_cell.LSTMBlockCell)}
for a, b in zip(steps["BasicLSTMCell"](), steps["LSTMBlockCell"]()):
    assert np.allclose(a, b, rtol=1e-4, atol=1e-3 * abs(a).max())
print("BasicLSTMCell and LSTMBlockCell: the same values and gradients")

# %% tags=["nbval-ignore-output"]
def seconds(step, times=9):
    """The median time of a call."""
    step()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        step()
        taken.append(time.perf_counter() - began)
    return np.median(taken)

fig, ax = plt.subplots(figsize=(7, 1.8), layout="constrained")
bars = ax.barh(list(steps), [1000 * seconds(step) for step in steps.values()], color="tab:blue")
ax.bar_label(bars, fmt="%.0f", padding=3)
ax.invert_yaxis()
ax.margins(x=0.1)
_ = ax.set(xlabel="milliseconds", title="25 steps of an LSTM of 128 units, forwards and back")
plt.show()

# %% [markdown]
# Ours computes in float64 and has a kernel call in Python for every op. What separates the other two is not much any more: fusion has made
# most of the hand-written kernel unnecessary, and what remains is the product, which is the same in both.

# %% [markdown]
# ## 11. A model of Shakespeare's letters
#
# A text is a sequence of characters, and whoever can say which one comes next has learned something of it. We take Shakespeare's plays:
# four for testing, two of them to choose by and two for the very end, and 34 to learn from.

# %%
from minitf.datasets import shakespeare

plays = shakespeare.characters()
print(len(plays.vocabulary), "characters;", f"{len(plays.train):,} to learn from, {len(plays.valid):,} to measure with")
print(plays.decode(plays.valid[:110]))

# %% [markdown]
# How good is a model? It gives each character that might come next a probability. If it gave the one that did come $p$, it has spent
# $-\log_2 p$ *bits*: 1 bit for $p = 0.5$, 3 bits for 0.125. The average over a text is the **bits per character**. Who knows nothing of the
# 75 characters spends $\log_2 75 = 6.23$. Who knows how often each of them occurs:

# %%
counts = np.bincount(plays.train, minlength=len(plays.vocabulary)) + 1
frequency = counts / counts.sum()
print(f"all alike {np.log2(len(counts)):.2f}, by frequency {-np.log2(frequency[plays.valid]).mean():.2f} bits per character")

# %% [markdown]
# The model: each character as a vector of 75 numbers, of which one is 1 (`tf.one_hot`), an LSTM of 128 units, and a softmax over the 75
# that may follow. (`sparse_softmax_cross_entropy_with_logits` takes the numbers of the right classes as labels; that with one-hot rows is
# in chapter 02.) The loss is the average of the cross entropies of all steps, in bits after a division by $\ln 2$. It is made for any
# number of steps; the variable scope lets a second one with another number of steps share the variables of the first (`AUTO_REUSE`).

# %%
class CharModel:
    def __init__(self, steps, units=128, characters=75):
        self.ids, self.next = tf.placeholder(tf.int32, [None, steps]), tf.placeholder(tf.int32, [None, steps])
        self.state = tuple(tf.placeholder(tf.float32, [None, units]) for _ in "ch")
        with tf.variable_scope("model", reuse=tf.AUTO_REUSE):
            inputs = tf.unstack(tf.one_hot(self.ids, characters), axis=1)
            outputs, self.last = tf.nn.static_rnn(tf.nn.rnn_cell.BasicLSTMCell(units), inputs, initial_state=self.state)
            v = tf.get_variable("V", [units, characters])
            bias = tf.get_variable("bias", [characters], initializer=tf.zeros_initializer())
        self.logits = [tf.matmul(h, v) + bias for h in outputs]
        losses = [tf.nn.sparse_softmax_cross_entropy_with_logits(labels=self.next[:, t], logits=logits)
                  for t, logits in enumerate(self.logits)]
        self.by_place = tf.stack([tf.reduce_mean(loss) for loss in losses]) / np.log(2)        # bits of the first to the last character
        self.bits = tf.reduce_mean(self.by_place)

    def nothing_read(self, batch):
        return (np.zeros((batch, 128), np.float32),) * 2

# %% [markdown]
# A text of four million characters can not be unrolled: four million copies of the cell. So it is unrolled for 25 steps, and the text is
# read in pieces of 25. The trick is in what happens between two pieces. The *state* that the cell ended with is fed as the state that it
# begins the next piece with, so it may know what was said a thousand characters ago. The *gradient* does not cross: a fed tensor is a
# number, and nothing goes back through it. This is **truncated back-propagation through time**. It learns what pays within 25 steps, and
# what it has learned to keep may last longer.
#
# For that the pieces must follow one another. Cut the text into 32 streams, one under the other; a batch is the next 25 columns:

# %%
def streams(text, batch=32):
    length = len(text) // batch
    return text[:batch * length].reshape(batch, length)

def pieces(text, count, steps=25):
    """(characters, those that follow them), `count` times."""
    for first in range(0, count * steps, steps):
        yield text[:, first:first + steps], text[:, first + 1:first + steps + 1]

for ids, following in pieces(streams(plays.train), 2):
    print([plays.decode(row) for row in ids[:2]], "then", repr(plays.decode(following[0])[-1]))

# %%
letters = tf.Graph()
with letters.as_default():
    tf.set_random_seed(0)
    model, one = CharModel(25), CharModel(1)
    variables = tf.trainable_variables()
    grads, norm = tf.clip_by_global_norm(tf.gradients(model.bits, variables), 1.0)
    train = tf.train.AdamOptimizer(0.01).apply_gradients(zip(grads, variables))
    start = tf.global_variables_initializer()
print([v.op.name for v in variables])
letter_sess = tf.Session(graph=letters)
letter_sess.run(start)

def feeds_of(state, ids, following):
    return {**dict(zip(model.state, state)), model.ids: ids, model.next: following}

# %% [markdown]
# And the way back, from a model to a text: give it a character, draw the next one by its probabilities, give it that one. The *temperature*
# divides the logits before the softmax. With 1 these are the model's own probabilities; below 1 the likely becomes likelier, and above 1
# all becomes more alike. For two characters with logits 2 and 0, the first has the probability 0.88. At temperature 0.5 the logits are 4
# and 0, and it has 0.98. At 2 they are 1 and 0, and it has 0.73.
#
# To *prime* a model is to have it read something first, so that its state is that of one who has read it.

# %%
def write(prime, count, temperature=1.0, seed=0):
    """`prime`, and what the model goes on with."""
    random, state, text = np.random.default_rng(seed), one.nothing_read(1), list(plays.encode(prime))
    for k in range(len(prime) - 1 + count):
        logits, state = letter_sess.run([one.logits[0], one.last], {one.ids: [text[k:k + 1]], **dict(zip(one.state, state))})
        if k == len(text) - 1:
            p = np.exp((logits[0] - logits[0].max()) / temperature)
            text.append(random.choice(len(p), p=p / p.sum()))
    return plays.decode(text)

# %% tags=["nbval-ignore-output"]
state, bits, norms, began = model.nothing_read(32), [], [], time.process_time()
print("before:", repr(write("Second Witch:\n", 60)))
for k, (ids, following) in enumerate(pieces(streams(plays.train), 1200), 1):
    told, length, state, _ = letter_sess.run([model.bits, norm, model.last, train], feeds_of(state, ids, following))
    bits.append(told)
    norms.append(length)
    if k in (100, 400):
        print(f"after {k} updates:", repr(write("Second Witch:\n", 60)))
print(f"{len(bits)} updates in {time.process_time() - began:.0f} s; the last 100 batches: {np.mean(bits[-100:]):.2f} bits per character")
print(f"longer than 1: {sum(n > 1 for n in norms)} of {len(norms)} gradients; the longest is {max(norms):.1f}")

# %% [markdown]
# At first any character. After 100 updates lines, names with a colon, and words of a likely length, most of them made up. The clip is a
# guard that seldom has to act here: a handful of the 1200 gradients were cut. How good is the model on plays that it has never seen?
# We measure twice: with the state carried from piece to piece, and with a state of zeros at the beginning of each.

# %%
def measured(carried, count=150):
    state, told = model.nothing_read(32), []
    for ids, following in pieces(streams(plays.valid), count):
        bits, last = letter_sess.run([model.by_place, model.last], feeds_of(state, ids, following))
        state = last if carried else state
        told.append(bits)
    return np.mean(told, axis=0)

kept, forgotten = measured(True), measured(False)
lost = forgotten - kept
print("below 2.9 bits per character, and better with the state carried over:", bool(kept.mean() < 2.9), bool(lost.mean() > 0.05))

# %% tags=["nbval-ignore-output"]
print(f"held-out plays: {kept.mean():.2f} bits per character; with a fresh state every 25 characters {forgotten.mean():.2f}")
print("the difference, by the place in the piece:", {k: round(float(lost[k - 1]), 2) + 0.0 for k in (1, 2, 3, 4, 6, 9, 12, 25)})
for temperature in 0.3, 0.8, 1.5:
    print(f"\n---- temperature {temperature}\n" + write("Second Witch:\nWhen ", 220, temperature))

# %% [markdown]
# At 0.3 it says the most likely words, over and over; at 1.5 it invents words that are none, with capitals and colons anywhere. In between
# most words are real or nearly so, and none of them follows from the one before. It was trained for some seconds.
#
# Carrying the state is worth about 0.2 bits a character, but look where: nearly two bits at the first character of a piece, a tenth at the
# sixth, and behind the twelfth nothing. A fresh state has to read some ten characters until it is as good as one that has read all. So
# what this model uses lies ten characters back and not a hundred: it has not learned to keep anything longer.
#
# `python examples/char_rnn.py` trains a larger network of this kind for about a quarter of an hour. It prints and plots its bits per
# character on held-out plays, beside those of the best models that only count what followed which characters. Called with a number of
# characters, as in `python examples/char_rnn.py --sample 500`, it writes.

# %% [markdown]
# ## 12. The digits once more
#
# A picture of 28 by 28 pixels can be read as a text of 28 lines: the cell reads one row of pixels at a step, and after the last one says
# which digit it was. Nothing in it knows that the pixels of a column belong together, but for what it remembers. All of it is ours: ops,
# graph, gradients, Adam, clipping, and the cell, with 50 units.

# %%
from minitf.datasets import mnist

digits = mnist(one_hot=True)
random, graph = np.random.default_rng(0), Graph()
rows = [graph.placeholder((None, 28)) for _ in range(28)]
labels, rate = graph.placeholder((None, 10)), graph.placeholder(())
cell = LSTM(graph, 28, 50, random)
outputs, _ = unroll(cell, rows)
v, bias = graph.variable(random.normal(0, 50 ** -0.5, (50, 10))), graph.variable(np.zeros(10))
logits = outputs[-1] @ v + bias
loss = graph.create("Xent", logits, labels)
forward = len(graph.operations)
train = minimize_clipped(Adam(rate), loss, cell.variables + [v, bias], 1.0)
weights = 4 * 50 * (28 + 50 + 1) + 50 * 10 + 10
print(f"{forward} operations forward, {len(graph.operations)} with gradients and updates; {weights:,} parameters")

# %% tags=["nbval-ignore-output"]
def in_rows(images):
    return {row: images[:, 28 * k:28 * k + 28] for k, row in enumerate(rows)}

session = Session(graph)
session.initialize()
began, updates = time.process_time(), 200
for k in range(updates):
    images, answers = digits.train.next_batch(100)
    session.run(train, {**in_rows(images), labels: answers, rate: 0.02 * (1 - k / updates)})
told = session.run(logits, in_rows(digits.test.images)).argmax(1)
share = (told == digits.test.labels.argmax(1)).mean()
print(f"{share:.1%} of the test digits are right, after {time.process_time() - began:.0f} s")

# %%
assert share > 0.85
print("more than 85 % of the test digits are right")

# %% [markdown]
# The network of chapter 04, which sees all pixels at once, is better at it. But look at what this one does. After every row there is a
# state, and the same `V` and `bias` could be asked what digit it is so far, though it was only trained to answer after the last:

# %% tags=["nbval-ignore-output"]
looked_at = digits.test.images[:1]
each = np.array([session.run(h @ v + bias, in_rows(looked_at)) for h in outputs])[:, 0]
odds = np.exp(each - each.max(1, keepdims=True))
odds /= odds.sum(1, keepdims=True)
print("row, and the digit that would be said after it:", {row: int(odds[row].argmax()) for row in (4, 8, 12, 16, 20, 24, 27)})

# %% tags=["nbval-ignore-output"]
fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
axes[0].imshow(looked_at[0].reshape(28, 28), cmap="gray_r", aspect="auto")
axes[1].imshow(odds, cmap="Blues", aspect="auto", vmin=0, vmax=1)
_ = axes[0].set(title="what is read", ylabel="row"), axes[1].set(title="what would be said", xlabel="digit", xticks=range(10))
plt.show()

# %% [markdown]
# A seven, from its bar to the foot of its stem. While little has been read, the answers are all over the place: most of the way down it
# is taken for other digits, and only in the last rows does the seven win. It was never asked there, and a stem that has not ended yet may
# become several figures. The answer that counts rests on rows that were read ten and twenty steps before, which is what the cell is for.

# %% [markdown]
# ## Where this lives today
#
# **PyTorch** has `nn.LSTM(input_size, hidden_size, num_layers)`, which reads a whole sequence at one call, with a fused kernel behind it,
# and `nn.LSTMCell` for one step. Its gates lie in the order i, f, g, o, it has two biases that are added, and no forget bias: who wants
# one writes it into a quarter of one of the biases. `torch.nn.utils.clip_grad_norm_` clips as section 7 does, and `state.detach()`
# between two pieces is what feeding a number was in section 11. In **JAX** a loop of Python under `jit` is unrolled as ours is;
# `jax.lax.scan(step, state, inputs)` is a loop *inside* the graph, with a gradient, so that a thousand steps take no more ops than one;
# Flax has `nn.OptimizedLSTMCell`. minitf's `tf.while_loop` is of that kind. In **TensorFlow 2**, `tf.keras.layers.LSTM` has
# `unit_forget_bias=True` by default: the 1 is where the trained bias begins.

# %% [markdown]
# What became of it: until 2017 this was how machines translated, recognised speech and described pictures. The state, one vector for
# everything read so far, was the bottleneck. *Attention* (Bahdanau, Cho and Bengio, 2015) let a network look back at all earlier outputs
# instead, first beside units with gates (a GRU) and soon without it ("Attention is all you need", Vaswani and others, 2017). There every
# step is one step away from every other. So no product of a hundred factors stands between them, and all steps can be trained at the same
# time; the price is that the work grows with the square of the length. Cells with gates came back later for very long sequences. The sum
# that keeps, $c' = c + \ldots$, is in every network of today, between the layers: the *residual* connection.

# %% [markdown]
# ## Exercises
#
# The files are in `exercises/06_lstm/`. Each says in its docstring what to write, with an example. "Replaces" names the function of the
# package that yours stands in for: with `MINITF_SWAP=exercises/06_lstm` in the environment, minitf's cells run on your code.
#
# | file | what to write | points | replaces |
# |---|---|---|---|
# | `bits.py` | bits per character and perplexity, with padding | 2 | |
# | `lengths.py` | a sequence that has ended keeps its state | 2 | `minitf.nn.rnn.copy_through` |
# | `gru.py` | the step of the gated recurrent unit | 3 | `minitf.nn.cells.gru_step` |
# | `peepholes.py` | gates that see the memory | 3 | `minitf.nn.lstm_cells.peephole_step` |
# | `backwards.py` | each sequence of a batch turned round within its own length | 3 | the kernel of `ReverseSequence` for float64 |
# | `sample.py` | drawing by temperature, from the best k | 3 | |
# | `streams.py` | batches for truncated back-propagation in which nothing is lost | 3 | |
# | `cell_gradient.py` | the backward pass of a whole LSTM step, by hand | 6 | the kernel of `LSTMBlockCellGrad` for float64 |
#
#     make grade CH=06
#     make hint TASK=06/gru
