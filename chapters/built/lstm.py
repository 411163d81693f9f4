"""Cells that read a sequence step by step and remember, a loop that unrolls them, and clipping by the global
norm.

Made from the cells of chapters/06_lstm.py that are tagged `built`: change them there, then `make notebooks`.
"""
import numpy as np

from . import training  # noqa: F401 -- registers Div and Sqrt
from .autodiff import gradients, rule
from .ops import broadcast, op


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
