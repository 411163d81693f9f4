"""A graph of operations, and a session that runs the part of it that is asked for.

Made from the cells of chapters/02_graph.py that are tagged `built`: change them there, then `make notebooks`.
"""
from copy import copy

import numpy as np

from .ops import OPS, op


class Operation:
    """A node: its type says which op, its inputs are tensors; controls are operations that must have run before it."""
    def __init__(self, graph, name, type, inputs, controls, attrs, shape):
        self.graph, self.name, self.type = graph, name, type
        self.inputs, self.controls, self.attrs = inputs, controls, attrs
        self.number = len(graph.operations)
        self.output = Tensor(self, shape)

    def __repr__(self):
        return f"<{self.name}: {self.type}>"


class Tensor:
    """The output of an operation: an edge.  It has a name and a shape, and no value."""
    __array_ufunc__ = None                      # so that array * tensor asks the tensor

    def __init__(self, op, shape):
        self.op, self.shape, self.name = op, tuple(shape), op.name + ":0"

    def __repr__(self):
        return f"<{self.name} {self.shape}>"


@op("Const", lambda value: value.shape)
def const(value):
    return value


@op("Placeholder", lambda shape: shape)
def placeholder(shape):
    raise ValueError("a placeholder must be fed")


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


def operator(type, swapped=False):
    """A method of Tensor that adds an operation of this type."""
    def method(self, other):
        return self.op.graph.create(type, *((other, self) if swapped else (self, other)))
    return method


for sign, type_ in ("add", "Add"), ("sub", "Sub"), ("mul", "Mul"), ("matmul", "MatMul"):
    setattr(Tensor, f"__{sign}__", operator(type_))
    setattr(Tensor, f"__r{sign}__", operator(type_, swapped=True))


def needed(fetches, fed):
    """The operations that the fetches need, in the order of creation; a fed tensor needs nothing."""
    seen, waiting = set(), [t.op for t in fetches if t not in fed]
    while waiting:
        op = waiting.pop()
        if op not in seen:
            seen.add(op)
            waiting += [t.op for t in op.inputs if t not in fed] + op.controls
    return sorted(seen, key=lambda op: op.number)


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


@op("Variable", lambda initial: initial.shape)
def variable(initial):
    return initial


@op("Assign", lambda variable, value: value)
def assign(variable, value):
    return value


@op("NoOp", lambda: ())
def no_op():
    return None


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
