"""Bodies: the graphs inside If and While, from their operations to plans.

A body is compiled as a program is, by the same stages, for the shapes of its inputs.  Values that are known outside (sizes, mostly) are
known inside; so in most programs a body has one plan, whose shapes are all static.  Where shapes differ from run to run, or from iteration to
iteration, there is a plan for each set of them.
"""
import threading
from collections import OrderedDict

from ..core.errors import OpError
from ..graph.program import Node
from ..ops.control_flow import IFS, WHILES
from .compile import KEEP_PARTS, Options, compile_part
from .prune import is_reshaped, prune
from .report import located
from .schedule import variable_of
from .specialise import assign_levels, by_type, hand_on_controls, is_known, specialise


class Argument:
    """What is known of one input of a body: its dtype, its shape (None: it varies), its value, the variable behind a reference."""
    __slots__ = ("dtype", "shape", "values", "elements", "variable")

    def __init__(self, pair, shape=None, varies=False):
        node, index = pair
        self.dtype, self.variable = node.dtypes[index], None
        self.shape = shape if varies else node.shapes[index]
        self.values = None if varies or node.values is None else [node.values[index]]
        self.elements = node.elements
        if self.dtype.is_ref_dtype:
            self.variable = variable_of(node)


class Body:
    """A body graph with what is known of its inputs.

    arguments  [Argument]
    count      how many of the graph's outputs are wanted
    is_fixed   whether the shapes of all inputs are known: then there is one plan
    """

    def __init__(self, graph, arguments, count):
        self.graph, self.arguments, self.count = graph, arguments, count
        self.is_fixed = all(a.variable is not None or is_known(a.shape) for a in arguments)
        self._plans = OrderedDict()
        self._lock = threading.Lock()

    def nodes(self, shapes, fold):
        """(nodes, outputs): the specialised program of the body for inputs of these shapes.  None in place of a shape: it is not known."""
        program = prune(self.graph.outputs[:self.count], [t for t in self.graph.inputs if not t.dtype.is_ref_dtype])
        number = {t.op: k for k, t in enumerate(self.graph.inputs)}
        variables, nodes = {}, []
        for node in program.nodes:
            k = number.get(node.op) if node.type in ("_Feed", "RefArgument") else None
            if k is None:
                nodes.append(node)
            elif node.type == "_Feed":
                node.type, node.attrs, node.device = "_Import", {"pair": k}, ""
                node.shapes, node.values, node.elements = [shapes[k]], self.arguments[k].values, self.arguments[k].elements
                node.is_cut = not is_known(shapes[k])
                nodes.append(node)
            else:                                       # the variable itself; two references to one are the same node
                outer = self.arguments[k].variable
                if outer not in variables:
                    variables[outer] = Node(outer.name, outer.type, outer.attrs, [], [], "", outer.op, list(outer.dtypes), list(outer.shapes))
                    nodes.append(variables[outer])
                variables[node] = variables[outer]
        if variables:
            for node in nodes:
                node.inputs = [(variables.get(n, n), i) for n, i in node.inputs]
                node.controls = [variables.get(n, n) for n in node.controls]
                if node.type == "_ReadVariable" and is_reshaped(variable_of(node.inputs[0][0]).op.outputs[0]):
                    node.shapes = [None]
        specialise([n for n in nodes if n.type != "_Import"], fold)
        return nodes, [(variables.get(n, n), i) for n, i in program.fetches]

    def infer(self, shapes, fold):
        """[(shape or None)] of the outputs, and their elements, for inputs of these shapes."""
        _, outputs = self.nodes(shapes, fold)
        return [n.shapes[i] for n, i in outputs], [n.elements for n, i in outputs]

    def known(self):
        """{shapes: Plan}: those that were compiled and are still kept."""
        with self._lock:
            return dict(self._plans)

    def plan_for(self, shapes, device, options):
        """The Plan of the body for inputs of these shapes."""
        with self._lock:
            plan = self._plans.get(shapes)
            if plan is not None:
                self._plans.move_to_end(shapes)
                return plan
        try:
            plan = self._compile(shapes, device, options)        # two steps may do so at once: either plan will do
        except OpError as error:
            raise located(error)
        with self._lock:
            plan = self._plans.setdefault(shapes, plan)
            if len(self._plans) > KEEP_PARTS:
                self._plans.popitem(last=False)
        return plan

    def _compile(self, shapes, device, options):
        nodes, outputs = self.nodes(shapes, options.fold)
        for node in nodes:
            node.device = device
        targets = hand_on_controls(nodes, [n for n, _ in outputs], [])
        if any(n.is_cut or n.asked for n in nodes):
            assign_levels(nodes)
        options = Options(options.fold, options.merge, options.fuse, hand_over=-1)      # a result is handed on, not copied
        return compile_part(device, nodes, list(enumerate(outputs)), targets, options)


def _specialise_if(node, fold):
    """The shapes that both branches give; of the one that will run, if that is known."""
    arguments = [Argument(pair) for pair in node.inputs[1:]]
    bodies = [Body(node.attrs[name], arguments, len(node.dtypes)) for name in ("then_branch", "else_branch")]
    node.attrs = {**node.attrs, "_bodies": bodies}
    node.is_cut, node.shapes = False, [s if is_known(s) else None for s in node.shapes]
    if not _inputs_known(node):
        return
    pred = node.inputs[0][0].values
    chosen = bodies if pred is None else [bodies[0 if pred[node.inputs[0][1]] else 1]]
    shapes = tuple([a.shape for a in arguments])
    found, failure = [], None
    for body in chosen:
        try:
            found.append(body.infer(shapes, fold)[0])
        except OpError as error:                        # it fails in the run as well, if that branch is taken at all
            failure = error
    if not found:
        raise failure
    node.shapes = [s[0] if is_known(s[0]) and all(t == s[0] for t in s) else None for s in zip(*found)]
    node.is_cut = any(s is None for s in node.shapes)


def _specialise_while(node, fold):
    """The shapes that no iteration changes.  What an iteration does change is looked at again as unknown, until nothing more changes."""
    graph, count = node.attrs["body"], len(node.attrs["shapes"])
    saved = max(node.attrs["saved"], 0)
    kept = [t is graph.inputs[k] for k, t in enumerate(graph.outputs[:count])]          # loop variables that are constant
    arguments = [Argument(pair) if k >= count or kept[k] else Argument(pair, pair[0].shapes[pair[1]], varies=True) for k, pair in enumerate(node.inputs)]
    node.is_cut, node.shapes = False, [s if is_known(s) else None for s in node.shapes]
    if _inputs_known(node):
        while True:
            shapes = tuple([a.shape for a in arguments])
            try:
                after, _ = Body(graph, arguments, count + saved).infer(shapes, fold)
            except OpError:                             # it fails in the run as well, if there is an iteration at all
                after = [None] * (count + saved)
            changed = [k for k in range(count) if shapes[k] is not None and after[k] != shapes[k]]
            if not changed:
                break
            for k in changed:
                arguments[k].shape = None
        history = len(node.dtypes) - count
        node.shapes = [*shapes[:count], *[()] * history]
        node.elements = after[count:] if history else None
        node.is_cut = any(s is None for s in node.shapes)
    bodies = [Body(node.attrs["cond"], arguments, 1), Body(graph, arguments, count + saved)]
    node.attrs = {**node.attrs, "_bodies": bodies}


def _specialise_history_read(node, fold):
    elements = node.inputs[0][0].elements
    if elements is not None:
        node.shapes = [elements[field] for field in node.attrs["fields"]]
    else:
        node.shapes = [s if is_known(s) else None for s in node.shapes]
    node.is_cut = any(s is None for s in node.shapes) and _inputs_known(node)


def _inputs_known(node):
    return all(n.dtypes[i].is_ref_dtype or is_known(n.shapes[i]) for n, i in node.inputs)


for _op_type in IFS:
    by_type[_op_type] = _specialise_if
for _op_type in WHILES:
    by_type[_op_type] = _specialise_while
by_type["HistoryRead"] = _specialise_history_read
