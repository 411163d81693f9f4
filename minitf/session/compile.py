"""Compile: from a device's part of a program to plans, one for each part between cuts.

A plan is cut where a shape depends on a value.  The first part is compiled at once; the next when the run has come to the cut and the
shapes (and the values that decide shapes) are known, and it is kept under these.
"""
import threading
from collections import OrderedDict

from ..core.devices import device_type_of
from ..core.registry import is_resource
from ..graph.program import Node
from .fuse import fuse
from .optimise import forward_identities, fuse_updates, live, merge_equal
from .plan import HAND_OVER, make_plan
from .products import stack_products, turn_once
from .schedule import schedule, variable_of
from .specialise import assign_levels, hand_on_controls, specialise

KEEP_PARTS = 64               # variants of a later part kept per plan, the least recently used dropped


class Options:
    """What the session's configuration says about optimisation; and of how many bytes a fetched result has a storage of its own."""

    def __init__(self, fold=True, merge=True, fuse=True, hand_over=HAND_OVER):
        self.fold, self.merge, self.fuse, self.hand_over = fold, merge, fuse, hand_over


def compile_part(device, nodes, fetches, targets, options):
    """The Plan of the nodes before the first cut, with `rest` set to what follows.

    fetches: [(number, (node, output number))]; targets: nodes run for their effect.
    """
    def redirect(pairs_map):
        return [(number, pairs_map.get(pair, pair)) for number, pair in fetches]

    nodes, same = forward_identities(nodes)
    fetches = redirect(same)
    nodes = live(nodes, [pair for _, pair in fetches], targets)
    if options.merge:
        nodes, replaced = merge_equal(nodes)
        if replaced:
            fetches = [(number, (replaced.get(n, n), i)) for number, (n, i) in fetches]
            targets = [replaced.get(n, n) for n in targets]
    if options.fuse:
        nodes = live(turn_once(stack_products(nodes, {pair for _, pair in fetches})), [pair for _, pair in fetches], targets)
    order = schedule(nodes)
    first = order[0].level if order else 1
    head = [n for n in order if n.level == first]
    rest = [n for n in order if n.level != first]
    here, later = set(head), set(rest)
    exports = list(dict.fromkeys(pair for n in rest for pair in n.inputs if pair[0] in here and not pair[0].dtypes[pair[1]].is_ref_dtype
                                 and pair[0].values is None))
    head_fetches = [f for f in fetches if f[1][0] not in later]
    if options.fuse:
        kept = {pair for _, pair in head_fetches} | set(exports)
        head, moved = fuse(head, kept)
        if device_type_of(device) == "CPU":
            head = fuse_updates(head, kept)
    else:
        moved = {}
    plan = make_plan(device, head, [(number, moved.get(pair, pair)) for number, pair in head_fetches], [moved.get(pair, pair) for pair in exports],
                     options.hand_over)
    if rest:
        plan.rest = Rest(device, rest, {pair: moved.get(pair, pair) for pair in exports}, [f for f in fetches if f[1][0] in later],
                         [t for t in targets if t in later], options)
    return plan


class Rest:
    """The nodes behind a cut, waiting for shapes and values.

    exports  {(node, output): (node, output) in the plan before}: what the rest takes from before the cut
    wanted   the exports whose values, not only shapes, decide shapes in the rest
    """

    def __init__(self, device, nodes, exports, fetches, targets, options):
        self.device, self.nodes, self.exports, self.fetches, self.targets, self.options = device, nodes, exports, fetches, targets, options
        self.wanted = [pair for pair in exports if any(n.inputs[i] == pair for n in nodes for i in n.asked)]
        self._plans = OrderedDict()
        self._lock = threading.Lock()

    def known(self):
        """{(shapes, values): Plan}: the parts that were compiled and are still kept."""
        with self._lock:
            return dict(self._plans)

    def plan_for(self, shapes, values):
        """The Plan of the next part, where shapes[k] is that of the k-th export and values[k] that of the k-th wanted one."""
        key = shapes, tuple((v.shape, v.tobytes()) for v in values)
        with self._lock:
            plan = self._plans.get(key)
            if plan is not None:
                self._plans.move_to_end(key)
                return plan
        plan = self._compile(shapes, values)            # two steps may do so at once: either plan will do
        with self._lock:
            plan = self._plans.setdefault(key, plan)
            if len(self._plans) > KEEP_PARTS:
                self._plans.popitem(last=False)
        return plan

    def _compile(self, shapes, values):
        copies, nodes = {}, []
        value_of = dict(zip(self.wanted, values))
        for (pair, source), shape in zip(self.exports.items(), shapes):
            node, index = pair
            copy = Node(node.name, "_Import", {"pair": source}, [], [], self.device, node.op, [node.dtypes[index]], [shape])
            copy.values = [value_of[pair]] if pair in value_of else None
            copy.elements = node.elements
            copies[pair] = copy
            nodes.append(copy)
        for node in self.nodes:
            inputs = [(copies[pair], 0) if pair in copies else (copies[pair[0]], pair[1]) if pair[0] in copies else _outside(pair) for pair in node.inputs]
            controls = [copies[n] for n in node.controls if n in copies]
            copy = Node(node.name, node.type, node.attrs, inputs, controls, node.device, node.op, list(node.dtypes), list(node.shapes))
            copy.elements = node.elements
            copy.values, copy.is_cut = node.values, node.is_cut and node.type in ("_Recv", "_ReadVariable")
            copies[node] = copy
            nodes.append(copy)
        specialise([n for n in nodes if n.type != "_Import"], self.options.fold)
        targets = hand_on_controls(nodes, [copies[n] for _, (n, _) in self.fetches], [copies[t] for t in self.targets])
        outer = {copies[n]: n.level for n in self.nodes}
        assign_levels(nodes)
        for node in nodes:                              # the levels of the whole program first: they agree between devices
            node.level = outer.get(node, 0) * 1000 + node.level
        body = [n for n in nodes if n.type != "_Import"]
        lowest = min((n.level for n in body), default=0)
        for node in nodes:
            if node.type == "_Import" or not node.inputs and (node.type in ("Const", "_Feed") or is_resource(node.type)):
                node.level = lowest
        fetches = [(number, (copies[n], i)) for number, (n, i) in self.fetches]
        return compile_part(self.device, nodes, fetches, targets, self.options)


def _outside(pair):
    """A constant, a feed, or a variable of the plan before; a variable itself, whatever updated it there and handed it on."""
    node, index = pair
    return (variable_of(node), 0) if node.dtypes[index].is_ref_dtype else pair
