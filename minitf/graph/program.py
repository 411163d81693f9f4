"""Program: the part of a graph that one run executes, copied so that the stages of a session may rewrite it.

A stage is a function from programs to programs (prune, place, partition, optimise, schedule); the graph itself is never changed.
"""
import itertools

from ..core.shapes import shape_text
from ..core.swap import swappable

_serial = itertools.count()


class Node:
    """One operation of a program.

    inputs    [(node, output number)]
    controls  [node]: must have run before
    dtypes    of the outputs (ref dtypes where an output stands for a variable)
    shapes    of the outputs: a tuple of ints, or None where only the run will tell
    values    of the outputs, where they are known before the run: a list of arrays, or None
    op        the graph's operation, for messages; None for nodes that a stage made
    asked     numbers of the inputs whose values decide a shape and are not known before the run
    is_cut    whether only running the node tells the shape of a result
    elements  the shapes of the tensors in each entry of a history (the loop's last output, or what stands for it); None elsewhere
    level     1, or 1 + the number of times the program must be cut before this node's shapes can be known
    """
    __slots__ = ("name", "type", "attrs", "inputs", "controls", "device", "op", "dtypes", "shapes", "values", "elements", "asked", "is_cut", "level", "serial")

    def __init__(self, name, type, attrs, inputs, controls, device, op, dtypes, shapes):
        self.name, self.type, self.attrs, self.inputs, self.controls = name, type, attrs, inputs, controls
        self.device, self.op, self.dtypes, self.shapes = device, op, dtypes, shapes
        self.values, self.elements, self.asked, self.is_cut, self.level, self.serial = None, None, (), False, 1, next(_serial)

    def describe(self):
        """"'h' (MatMul) of float32[2,3], float32[3,4]", as in error messages."""
        of = ", ".join(f"{n.dtypes[i].base_dtype.name}{shape_text(n.shapes[i])}" for n, i in self.inputs)
        return f"'{self.name}' ({self.type})" + (f" of {of}" if of else "")

    def __repr__(self):
        return f"<Node {self.name} ({self.type})>"


def listing(nodes):
    """A line per node: name = type(inputs), dtypes and shapes of the outputs, device."""
    lines = []
    for node in nodes:
        inputs = [n.name if i == 0 else f"{n.name}:{i}" for n, i in node.inputs] + [f"^{n.name}" for n in node.controls]
        shapes = " ".join(f"{d.name}{shape_text(s)}" for d, s in zip(node.dtypes, node.shapes))
        lines.append(f"{node.name} = {node.type}({', '.join(inputs)})  {shapes}  {node.device}".rstrip())
    return "\n".join(lines)


class Program:
    """Nodes in a topological order, with the feeds they start from and the fetches they are run for.

    feeds    [node] of type _Feed, in the order of the caller's feeds
    fetches  [(node, output number)], in the order of the caller's fetches
    targets  [node] run for their effect
    """

    def __init__(self, nodes, feeds, fetches, targets):
        self.nodes, self.feeds, self.fetches, self.targets = nodes, feeds, fetches, targets

    def __str__(self):
        return listing(self.nodes)


@swappable
def topological(nodes, before):
    """The nodes in an order in which each comes after all of before(node).  Iterative: a chain may be long."""
    order, done = [], {}
    for root in nodes:
        stack = [root]
        while stack:
            node = stack[-1]
            if node not in done:
                done[node] = False
                stack.extend(n for n in before(node) if n not in done)
                continue
            stack.pop()
            if not done[node]:
                done[node] = True
                order.append(node)
    return order
