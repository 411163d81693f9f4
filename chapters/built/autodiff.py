"""A function that adds to a graph the ops which compute its derivatives: one rule for each op, and one walk that
joins them.

Made from the cells of chapters/03_autodiff.py that are tagged `built`: change them there, then `make notebooks`.
"""
import numpy as np

from .ops import op


RULES = {}


def rule(type):
    """Decorate f(op, g): it adds ops to the graph and returns, for each input of op, a tensor (or None), given the tensor g."""
    def register(function):
        RULES[type] = function
        return function
    return register


def total(terms, t):
    """The sum of the terms that have arrived for t, which takes their place; None if there are none."""
    found = terms.get(t)
    if not found:
        return None
    for extra in found[1:]:
        found[0] = found[0] + extra
    del found[1:]
    return found[0]


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


@rule("SumLike")
def sum_like_rule(op, g):
    return [op.graph.create("BroadcastLike", g, op.inputs[0]), None]


@rule("BroadcastLike")
def broadcast_like_rule(op, g):
    return [sum_like(g, op.inputs[0]), None]


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


@rule("MatMul")
def matmul_rule(op, g):
    a, b = op.inputs
    ta, tb = op.attrs.get("transpose_a", False), op.attrs.get("transpose_b", False)

    def product(x, y, transpose_x, transpose_y):
        return op.graph.create("MatMul", x, y, transpose_a=transpose_x, transpose_b=transpose_y)
    return [product(b, g, tb, True) if ta else product(g, b, False, not tb),
            product(g, a, True, ta) if tb else product(a, g, not ta, False)]


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


@op("Sum", lambda x, axis=None: () if axis is None else tuple(1 if i == axis else n for i, n in enumerate(x)))
def sum_kernel(x, axis=None):
    """The sum of all elements; or along one axis, which stays with size 1."""
    return x.sum() if axis is None else x.sum(axis=axis, keepdims=True)


@rule("Sum")
def sum_rule(op, g):
    return [op.graph.create("BroadcastLike", g, op.inputs[0])]


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
