"""Specialise: with the shapes of the feeds known, infer nearly every other shape, and evaluate what no longer depends on data.

The shape functions of the ops are run again, this time with the feeds' real shapes and with the values of the integer tensors that
decide shapes (`tf.shape(x)` has a value once x has a shape).  A node whose shape still depends on a value is where the plan is cut:
what follows is specialised when the run has got there (Node.level counts the cuts before a node).
"""
import math

import numpy as np

from ..core.errors import InvalidArgumentError, ResourceExhaustedError
from ..core.registry import find_kernel, op_def
from ..core.shapes import TensorShape, shape_text
from ..graph.inference import infer_shapes
from ..kernels.cpu.kernel import run_kernel
from .report import located, origin_lines
from .schedule import variable_of

FOLD_LIMIT = 10 << 20          # bytes of a program's folded values: more cost more memory, and work under the session's lock, than they save
MAX_RANK = 8                   # as in core/buffers.pxd
ADDRESSABLE = 1 << 47          # bytes: no processor of today reaches more, and sums of sizes below it fit 64 bits
SMALL = 64                     # elements: at optimisation level L0 only values of this size are evaluated, since they decide shapes


by_type = {}                   # op type -> function(node, fold) that infers its outputs' shapes: of ops whose bodies are graphs (bodies.py)


class NodeContext:
    """What a shape function sees of a node of a program; it notes which values were asked for and are not known."""
    __slots__ = ("op_type", "name", "attrs", "node", "asked")

    def __init__(self, node):
        self.op_type, self.name, self.attrs, self.node, self.asked = node.type, node.name, node.attrs, node, []

    @property
    def inputs(self):
        return [TensorShape(n.shapes[i]) for n, i in self.node.inputs]

    @property
    def dtypes(self):
        return [n.dtypes[i].base_dtype for n, i in self.node.inputs]

    def constant(self, i):
        node, index = self.node.inputs[i]
        if node.values is not None:
            return node.values[index]
        self.asked.append(i)
        return None

    def resource(self, i):
        node = variable_of(self.node.inputs[i][0])
        return node.type, node.attrs

    def constant_as_shape(self, i):
        value = self.constant(i)
        if value is not None:
            return TensorShape([None if d < 0 else int(d) for d in np.ravel(value)])
        node, index = self.node.inputs[i]
        length = node.shapes[index]
        return TensorShape(None) if not length or length[0] is None else TensorShape([None] * length[0])


def is_known(shape):
    return shape is not None and None not in shape


def specialise(nodes, fold=True):
    """Fill in the shapes and values of the nodes (in topological order); feeds have their shapes already.

    InvalidArgumentError if shapes turn out not to fit, naming the op.
    """
    budget = _Budget(FOLD_LIMIT if fold else 0)
    for node in nodes:
        if node.type == "Const":
            node.values = [node.attrs["value"]]
        elif node.type == "_ReadVariable" or node.type == "_Feed":
            if not is_known(node.shapes[0]):            # a variable without a static shape: known when it is read
                node.shapes, node.is_cut = [None], True
        elif node.type in by_type:
            by_type[node.type](node, fold)
        elif node.type[0] != "_":
            _infer(node, op_def(node.type), budget)
            continue
        _check_sizes(node)


class _Budget:
    """Bytes that folding may still spend on one program."""

    def __init__(self, nbytes):
        self.nbytes = nbytes

    def take(self, nbytes):
        if nbytes > self.nbytes:
            return False
        self.nbytes -= nbytes
        return True


def hand_on_controls(nodes, fetched, targets):
    """A node whose value is known does not run: what had to run before it must run before those that use it.

    nodes: in topological order.  fetched: the nodes whose results are wanted.  Returns the nodes that must run for these and the targets.
    """
    waits = {}                                          # known node -> what its users wait for
    for node in nodes:
        if node.values is None and not waits:
            continue
        controls = list(node.controls)
        for n, _ in node.inputs:
            controls.extend(waits.get(n, ()))
        for n in node.controls:
            controls.extend(waits.get(n, ()))
        if node.values is None:
            if len(controls) != len(node.controls):
                node.controls = list(dict.fromkeys(controls))
        elif controls:
            waits[node] = list(dict.fromkeys(n for n in controls if n not in waits))
            node.controls = []
    extra = [n for known in (*fetched, *targets) for n in waits.get(known, ())]
    return list(dict.fromkeys([*targets, *extra])) if extra else targets


def assign_levels(nodes):
    """Node.level: in which part of a cut plan a node runs.  nodes: of all devices, in topological order, a _Send before its _Recv.

    A node that needs the shape of a result of unknown size, or a value that decides a shape, is in a later part than the
    node that makes it.  Levels grow along every edge, so that the devices' orders agree and none waits for another in a circle.
    """
    for node in nodes:
        level = 1
        for n, i in node.inputs:
            level = max(level, n.level + (n.is_cut and n.shapes[i] is None))
        for n in node.controls:
            level = max(level, n.level)
        for i in node.asked:
            level = max(level, node.inputs[i][0].level + 1)
        if node.type == "_Recv":
            level = max(level, node.attrs["send"].level)
        node.level = level


def _check_sizes(node):
    """Raise an OpError that names the op for a shape that no buffer can have."""
    for shape, dtype in zip(node.shapes, node.dtypes):
        if not shape or not is_known(shape):
            continue
        if len(shape) > MAX_RANK:
            raise located(InvalidArgumentError(None, node.op, f"'{node.name}' ({node.type}) would have the shape {shape_text(shape)}, but a tensor has at most {MAX_RANK} dimensions"))
        if math.prod(shape) * dtype.size > ADDRESSABLE:
            raise located(ResourceExhaustedError(None, node.op, f"OOM: '{node.name}' ({node.type}) would have the shape {shape_text(shape)}, "
                                                                f"{math.prod(shape) * dtype.size:,} bytes"))


def _infer(node, definition, budget):
    asked = ()
    checked, kept = _static_inputs(node)
    if not all(is_known(s) for s in node.shapes) or not checked or not kept:
        asked = _infer_shapes(node, definition, kept)
    for i in definition.constants:                      # counted from the end, for lists of inputs come before
        i %= len(node.inputs)
        if node.inputs[i][0].values is None and i not in asked:
            asked = (*asked, i)
    node.asked = asked
    node.is_cut = definition.is_dynamic or not asked and any(s is None for s in node.shapes) and all(is_known(n.shapes[i]) for n, i in node.inputs)
    _check_sizes(node)
    if node.values is None and not definition.is_stateful and node.dtypes:
        _infer_values(node, definition, budget)


def _static_inputs(node):
    """Whether the inputs' shapes were all known when the op was made, so that its shape function has seen that they fit; and
    whether those that were known are so still: a variable may have got a value of another shape than its static one.
    """
    checked = kept = True
    if node.op is not None:
        for t, (n, i) in zip(node.op.inputs, node.inputs):
            static = t._shape.tuple
            if not is_known(static):
                checked = False
            elif n.shapes[i] != static:
                kept = False
    return checked, kept


def _infer_shapes(node, definition, kept):
    context = NodeContext(node)
    try:
        shapes = infer_shapes(context, len(node.dtypes))
    except ValueError as error:
        failure = InvalidArgumentError(None, None, str(error))
        failure.add_context(op=node.op, lines=[f"op: {node.describe()}"] + origin_lines(node.op))
        raise failure from None
    shapes = [s.tuple if is_known(s.tuple) else known if kept and is_known(known) else None for s, known in zip(shapes, node.shapes)]
    node.shapes = shapes
    return context.asked if not all(is_known(s) for s in shapes) else ()


def _infer_values(node, definition, budget):
    """The outputs' values, where they follow from shapes (value_fn) or where every input's value is known (folding)."""
    if definition.value_fn is not None:
        values = definition.value_fn(NodeContext(node))
        if values is not None:
            node.values = [np.asarray(v, d.as_numpy_dtype) for v, d in zip(values, node.dtypes)]
            node.shapes = [v.shape for v in node.values]
            return
    for n, _ in node.inputs:
        if n.values is None:
            return
    if node.controls or not all(is_known(s) for s in node.shapes):
        return
    sizes = [int(np.prod(s, dtype=np.int64)) for s in node.shapes]
    if max(sizes, default=0) > SMALL and not budget.take(sum(size * d.size for size, d in zip(sizes, node.dtypes))):
        return
    kernel = find_kernel(node.type, node.attrs, "CPU")
    if kernel is None:
        return
    try:
        results = run_kernel(kernel.kernel, node.attrs, [n.values[i] for n, i in node.inputs], node.shapes, node.dtypes)
    except Exception:                                   # it fails in the run as well, with the op's own line
        return
    node.values = [np.asarray(r, d.as_numpy_dtype) for r, d in zip(results, node.dtypes)]
