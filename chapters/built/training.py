"""Optimizers that are operations of the graph, weights to begin with, and a saver that survives a kill.

Made from the cells of chapters/04_training.py that are tagged `built`: change them there, then `make notebooks`.
"""
import os

import numpy as np

from .autodiff import gradients
from .ops import broadcast, op


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


@op("Div", broadcast)
def div(x, y):
    return x / y


@op("Sqrt", lambda x: x)
def sqrt(x):
    return np.sqrt(x)


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
