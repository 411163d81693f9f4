"""The sketch of a picture: boxes, the ports that tensors leave them by, edges, and frames around name scopes, without any places yet."""
import re

from . import graph_reading as reading
from .graph_text import shape_label, shorten, value_label


STATES = ("cut", "faint", "plain", "bold")      # where several meet, the last counts; what is drawn later lies above


class Box:
    """One box: an operation, or a collapsed scope.

    name    the full name of the operation or scope             label   what is written in it
    notes   smaller lines under the label                       value   one more line, in the colour of values, or ""
    kind    "op", "variable", "constant", "placeholder" or "scope"
    frame   the index of the innermost frame around it, or None
    device  as given in the graph                               state   "faint", "plain" or "bold"
    tip     what a browser shows while the mouse rests on it
    """
    __slots__ = ("name", "label", "notes", "value", "kind", "frame", "device", "state", "tip")


class Port:
    """Where a tensor leaves its box: all edges of the tensor start here, but for those to operations that write it, which have another port.

    box                  an index
    shape, value, slope  texts to write beside it, or ""
    kind                 "data", "control" (its edges are of order only), or "write" (those that it leads to change the variable)
    """
    __slots__ = ("box", "shape", "value", "slope", "kind")

    def __init__(self, box, kind, shape="", value="", slope=""):
        self.box, self.kind, self.shape, self.value, self.slope = box, kind, shape, value, slope


class Edge:
    """From a port (an index) to a box (an index).  state: as a box's, or "cut" if the box is fed, so that it takes nothing."""
    __slots__ = ("port", "target", "state")

    def __init__(self, port, target, state):
        self.port, self.target, self.state = port, target, state


class Frame:
    """A name scope of at least two boxes.  parent: the index of the frame around it, or None."""
    __slots__ = ("name", "title", "parent")

    def __init__(self, name, title, parent):
        self.name, self.title, self.parent = name, title, parent


class Sketch:
    """boxes, ports, edges, frames: lists whose elements refer to each other by index.  operations: those that the picture stands for."""

    def __init__(self, what, feeds=(), highlight=(), collapse=(), values=None, details=False, shapes=True, frames=True, slopes=None):
        """The parameters are those of pictures.draw."""
        self.operations, fetched, self._fed = reading.selected(what, feeds)
        self._shapes = shapes
        self._fold(fetched, details)
        collapsed = self._collapsed(collapse)
        self._mark(highlight, values or {}, slopes or {})
        self.boxes, self.ports, self.edges, self.frames = [], [], [], []
        self._make_boxes(collapsed, details)
        self._make_frames(frames, collapsed)
        for box, ops in zip(self.boxes, self._members):
            self._write(box, ops)
        self._connect()

    # ---- what has a box -----------------------------------------------------------------------------------------------------

    def _fold(self, fetched, details):
        """Sets _hidden {id of an operation without a box}, _reads {id: the variable that it reads}, _notes {id: [texts of folded arguments]}."""
        self._hidden, self._reads, self._notes = set(), {}, {}
        if details:
            return
        kept = {id(op) for op in fetched or ()}
        if fetched is None:
            self._hidden |= reading.initialisers_of(self.operations)
        here = {id(op) for op in self.operations}
        self._reads = {read: v for read, v in reading.reads_of(self.operations).items() if id(v) in here}
        for constant, (op, text) in reading.arguments_of(self.operations).items():
            if constant not in kept:
                self._hidden.add(constant)
                self._notes.setdefault(id(op), []).append(text)
        self._hidden |= set(self._reads)

    def _collapsed(self, collapse):
        """{scope: number of operations} of those to draw as one box; ValueError for one that is not there."""
        self._scopes = reading.scopes_of([op.name for op in self.operations])
        if collapse is True:
            seen = reading.scopes_of([op.name for op in self.operations if id(op) not in self._hidden])
            return {s: n for s, n in self._scopes.items() if "/" not in s and seen.get(s, 0) > 1}
        wanted = [c.rstrip("/") for c in ([collapse] if isinstance(collapse, str) else collapse or ())]
        for name in wanted:
            if name not in self._scopes:
                raise ValueError(f"There is no scope '{name}' to collapse.{reading.nearest(name, self._scopes)}")
        return {s: self._scopes[s] for s in wanted}

    def _mark(self, highlight, values, slopes):
        """Sets _bold {id of an operation}, and _texts, _slopes {id of a tensor or operation: text}; a text may say that the operation is fed."""
        if isinstance(highlight, str) or hasattr(highlight, "name"):
            highlight = [highlight]
        self._bold = {id(reading.op_of(reading.find(t, self.operations, "to highlight"))) for t in highlight}
        self._bold |= {id(self._reads[op]) for op in self._bold if op in self._reads}
        self._texts, self._slopes = {}, {}
        for thing, value in values.items():
            thing = self._behind_read(reading.find(thing, self.operations, "to give a value to"))
            self._texts[id(thing)] = value_label(value)
            if re.match(r"fed\b", self._texts[id(thing)]):
                self._fed.add(id(reading.op_of(thing)))
        for thing, slope in slopes.items():
            thing = self._behind_read(reading.find(thing, self.operations, "to give a slope to"))
            self._slopes[id(thing if hasattr(thing, "op") else reading.outputs_of(thing)[0])] = value_label(slope)

    def _behind_read(self, thing):
        """The variable, or its tensor, for the operation that reads it or its tensor."""
        if id(reading.op_of(thing)) not in self._reads:
            return thing
        variable = self._reads[id(reading.op_of(thing))]
        return reading.outputs_of(variable)[0] if hasattr(thing, "op") else variable

    def _make_boxes(self, collapsed, details):
        """Sets boxes (their names and kinds), _members [operations] of each, and _box {id of an operation: index}."""
        scope_of = {}
        for op in self.operations:
            around = reading.scopes_around(op.name, collapsed)
            if around:
                scope_of[id(op)] = around[0]
        states = {} if details else reading.states_of([op for op in self.operations if id(op) not in self._hidden or id(op) in self._reads],
                                                      scope_of, self._reads)
        self._box, self._members, of_scope = {}, [], {}
        for op in self.operations:
            scope = scope_of.get(id(op), states.get(id(op)))
            if id(op) in self._hidden:
                continue
            index = of_scope.get(scope) if scope is not None else None
            if index is None:
                index = len(self.boxes)
                box = Box()
                box.name, box.kind = (scope, "scope") if scope is not None else (op.name, reading.kind_of(op))
                self.boxes.append(box)
                self._members.append([])
                if scope is not None:
                    of_scope[scope] = index
                    box.notes = [_count(collapsed[scope], "op")]
            self._members[index].append(op)
            self._box[id(op)] = index
        for scope, index in of_scope.items():
            number = sum(s == scope for s in states.values())
            if number:
                self.boxes[index].notes[0] += ", " + _count(number, "variable")
        for read, variable in self._reads.items():
            if id(variable) in self._box:
                self._box[read] = self._box[id(variable)]

    def _make_frames(self, wanted, collapsed):
        """Sets frames, and the frame of each box: a frame wherever a scope has two boxes or more.

        A scope with nothing but one inner scope in it is drawn as one frame with that, under both names.
        """
        names = [box.name for box in self.boxes]
        inside = {}
        for index, box in enumerate(self.boxes):
            around = reading.scopes_around(box.name, self._scopes) if wanted else []
            for scope in around[:-1] if box.kind == "scope" else around:
                inside.setdefault(scope, []).append(index)
        longest = {}
        for scope, boxes in inside.items():
            if len(boxes) > 1:
                longest[tuple(boxes)] = max(scope, longest.get(tuple(boxes), ""), key=len)
        index = {}
        for scope in sorted(longest.values(), key=lambda s: (inside[s][0], len(s))):
            around = [s for s in reading.scopes_around(scope, index) if s != scope]
            index[scope] = len(self.frames)
            self.frames.append(Frame(scope, scope[len(around[-1]) + 1:] if around else scope, index[around[-1]] if around else None))
        for box in self.boxes:
            around = [s for s in reading.scopes_around(box.name, index) if box.kind != "scope" or s != box.name]
            box.frame = index[around[-1]] if around else None
            box.label = box.name
            if around:
                box.label = box.name[len(around[-1]) + 1:] if box.name != around[-1] else box.name.rpartition("/")[2]

    # ---- what is written ----------------------------------------------------------------------------------------------------

    def _write(self, box, ops):
        """Sets what a box says and how it looks."""
        op = ops[0]
        devices = sorted({getattr(o, "device", "") or "" for o in ops})
        box.device = devices[0] if len(devices) == 1 else "several devices"
        bold = any(id(o) in self._bold for o in ops)
        fed = box.kind != "scope" and id(op) in self._fed
        box.state = "bold" if bold else "faint" if self._bold and not fed else "plain"
        box.value = ""
        if box.kind == "scope":
            box.tip = f"{box.name}/: {box.notes[0]}"
        else:
            box.value = self._texts.get(id(op), "")
            box.notes = [] if box.kind != "op" or _implied(box.label, op.type) else [op.type]
            if fed and box.kind != "placeholder":
                box.kind = "placeholder"
                if not any(re.match(r"fed\b", self._texts.get(id(t), "")) for t in [op, *reading.outputs_of(op)]):
                    box.value = f"fed {box.value}".rstrip()
            if box.kind == "constant" and not box.value and getattr(op.attrs.get("value"), "size", 0) in (1, 2, 3):
                box.notes = [shorten(value_label(op.attrs["value"]), 20)]
            arguments = self._notes.get(id(op), [])
            if len(arguments) == 1 and len(box.notes) == 1:
                box.notes = [f"{box.notes[0]}, {arguments[0]}"]
            else:
                box.notes = box.notes + arguments
            box.tip = f"{op.name} = {op.type}({', '.join(_name(t) for t in op.inputs)})"
            box.tip += "".join(f", {text}" for text in [shape_label(t.shape) for t in reading.outputs_of(op)[:1]] if text)
        box.tip += f", on {box.device}" if box.device else ""
        box.label = shorten(box.label, 40)

    def _links(self):
        """[(operation, place among its inputs and then controls, the operation that makes it, its tensor or None, whether it is changed)]."""
        result = []
        for op in self.operations:
            if id(op) in self._box and id(op) not in self._reads:
                links = [(t.op, self._behind_read(t), reading.writes(op, i)) for i, t in enumerate(op.inputs)]
                links += [(c, None, False) for c in reading.controls_of(op)]
                result += [(op, place, *link) for place, link in enumerate(links) if self._box.get(id(link[0]), self._box[id(op)]) != self._box[id(op)]]
        return result

    def _connect(self):
        """Sets ports and edges.

        All edges between a scope and another box, or from one tensor into a scope, are one; those that write are another.
        """
        links, carried = self._links(), {}
        for op, _, source, tensor, writes in links:
            if tensor is not None:
                carried.setdefault((self._box[id(source)], self._box[id(op)], writes), {})[id(tensor)] = tensor
        tensors, edges = {}, {}                         # port key (box, what, kind) -> [tensor]; (port key, box, place) -> state
        for op, place, source_op, tensor, writes in links:
            source, target = self._box[id(source_op)], self._box[id(op)]
            key, of_port = (source, "", "control"), []
            if tensor is not None:
                kind, together = "write" if writes else "data", list(carried[source, target, writes].values())
                if self.boxes[source].kind == "scope" and len(together) > 1:
                    key, of_port = (source, target, kind), together
                else:
                    key, of_port = (source, _name(tensor), kind), [tensor]
            tensors.setdefault(key, of_port)
            scope = "scope" in (self.boxes[source].kind, self.boxes[target].kind)
            edge = key, target, -1 if scope else place
            edges[edge] = max(edges.get(edge, "cut"), self._state(op, source_op), key=STATES.index)
        taken = {id(source) for _, _, source, _, _ in links}
        ordered = {(key[0], target) for key, target, place in edges if place < 0 and key[2] != "control"}
        edges = {e: state for e, state in edges.items() if e[2] >= 0 or e[0][2] != "control" or (e[0][0], e[1]) not in ordered}
        used = {key for key, _, _ in edges}
        for index, (box, ops) in enumerate(zip(self.boxes, self._members)):
            for number, tensor in enumerate(reading.outputs_of(ops[0]) if box.kind != "scope" else ()):
                result = number == 0 and reading.kind_of(ops[0]) == "op" and ops[0].type != "NoOp" and id(ops[0]) not in taken
                keys = [(index, _name(tensor), kind) for kind in ("data", "write")]
                if not used.intersection(keys) and (result or id(tensor) in self._texts or id(tensor) in self._slopes):
                    tensors[keys[0]] = [tensor]
                    used.add(keys[0])
        number = {}
        for key, found in tensors.items():
            if key in used:
                number[key] = len(self.ports)
                self.ports.append(self._port(key, found, key[2] == "write" and (*key[:2], "data") in used and len(found) == 1))
        self.edges = [Edge(number[key], target, state) for (key, target, _), state in edges.items()]

    def _state(self, op, source):
        """The state of an edge to one operation from another."""
        if id(op) in self._fed:
            return "cut"
        if not self._bold:
            return "plain"
        given = {id(source), id(self._reads.get(id(source)))} & (self._bold | self._fed)
        return "bold" if id(op) in self._bold and given else "faint"

    def _port(self, key, tensors, told):
        """told: whether another port of the tensor has its labels."""
        box, _, kind = key
        if len(tensors) > 1:
            return Port(box, kind, f"{len(tensors)} tensors")
        if told or not tensors:
            return Port(box, kind)
        tensor = tensors[0]
        return Port(box, kind, shape_label(tensor.shape) if self._shapes else "", self._texts.get(id(tensor), ""), self._slopes.get(id(tensor), ""))


def _name(tensor):
    return getattr(tensor, "name", None) or f"{tensor.op.name}:0"


def _count(number, what):
    return f"{number} {what}{'s' * (number != 1)}"


def _implied(label, type):
    """Whether the label already says the type: "MatMul_1" of a MatMul, but not "loss" of a Mean."""
    last = re.sub(r"_\d+$", "", label.rpartition("/")[2])
    return last.replace("_", "").lower() == re.sub(r"V\d$", "", type).lower()
