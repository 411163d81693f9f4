"""Explanation: what a run will execute, as text and as data.

    >>> print(sess.explain(y, {x: batch}))

prints a table per device: every instruction, the buffers it reads and writes, and where these lie.  In place of `where`:

    arena +n       at byte n of the device's arena, whose bytes later buffers use again
    in %k          over the bytes of buffer k, which nobody needs any more
    view of %k     the bytes of buffer k under another shape: nothing is computed
    own            a storage of its own, which is handed to the caller
    sent           a storage that it takes when it is computed, and that goes to another device
    snapshot       the variable's current storage, shared, not copied
    received       what the sender's device holds, shared, not copied
    when run       allocated by the kernel: only the run tells the size
"""
from ..core.devices import matches
from ..core.shapes import shape_text
from .plan import HOUSEKEEPING

WIDTH = 120
MOST = 200                    # instructions of a plan that str() shows
_SOURCES = {"feed": "the caller's", "const": "constant", "import": "part before", "ref": "variable"}


class Explanation:
    """The plans of one run: one per device, and behind a cut those that are known so far.

    plans     [Plan] (minitf.session.plan), one per device
    keys      names of the transfers between devices
    program   the partitions that the plans were compiled from
    notes     what may be a mistake: writes of one variable in no order
    """

    def __init__(self, variant, notes=()):
        self.notes = list(notes)
        self.plans, self.keys, self.program = list(variant.plans), list(variant.keys), variant.program

    @property
    def devices(self):
        return [plan.device for plan in self.plans]

    def parts(self, device=None):
        """The plans of a device (a full or partial name; None: of all), each followed by those known behind its cut, and of its bodies."""
        found, stack = [], [p for p in reversed(self.plans) if matches(device, p.device)]
        if not stack:
            raise ValueError(f"No plan for device {device!r}; there are {', '.join(self.devices)}")
        while stack:
            plan = stack.pop()
            found.append(plan)
            if plan.rest is not None:
                stack.extend(reversed(list(plan.rest.known().values())))
            stack.extend(body_plan for i in reversed(plan.instructions) for _, body in bodies_of(i) for body_plan in body.known().values())
        return found

    def instructions(self, device=None):
        """[Instruction], in the order of execution within each plan."""
        return [i for plan in self.parts(device) for i in plan.instructions]

    def buffers(self, device=None):
        """[BufferSpec] of the plans."""
        return [b for plan in self.parts(device) for b in plan.buffers]

    @property
    def arena_bytes(self):
        """Bytes of all arenas."""
        return sum(plan.arena_bytes for plan in self.parts())

    @property
    def live_maximum(self):
        """The most bytes of arena buffers that are alive at one instruction, added up over the plans: no arenas can be smaller."""
        return sum(plan.live_maximum for plan in self.parts())

    @property
    def peak_bytes(self):
        """Bytes that a step allocates at most, when it is first made: arenas, storages of their own, and what is sent (plan.peak_bytes tells what of it
        is alive at once).  Feeds, constants and variables are not in it.
        """
        return self.arena_bytes + sum(b.nbytes for b in self.buffers() if b.kind in ("own", "sent"))

    def text(self, most=MOST):
        """The tables; of each plan the first `most` instructions (None: all)."""
        return "\n\n".join([_Table(plan, most).text() for plan in self.plans] + ["Note: " + note for note in self.notes])

    def __str__(self):
        return self.text()

    __repr__ = __str__


class _Table:
    def __init__(self, plan, most, indent=""):
        self.plan, self.most, self.indent = plan, most, indent
        self.lines = []
        self.made = makers(plan)

    def text(self):
        plan = self.plan
        count = len(plan.instructions)
        self.lines.append(f"{plan.device}: {count} instruction{'s' * (count != 1)}, {len(plan.buffers)} buffers, arena {plan.arena_bytes:,} bytes "
                          f"(at most {plan.live_maximum:,} alive at once)")
        if any(i.kind in ("Send", "Recv") for i in plan.instructions):
            self.lines.append(f"     with what crosses, at most {plan.peak_bytes:,} bytes are alive at once")
        self._row("", "kind", "op", "inputs", "out", "dtype and shape", "bytes", "where")
        before = [b for b in plan.buffers if b.kind in _SOURCES]
        shown = before if self.most is None else before[:self.most]
        for b in shown:
            self._row("", b.kind if b.kind != "ref" else "variable" if b.node.type == "VariableV2" else "state", b.name, "", *self._buffer(b))
        self._more(before, shown, "buffers that are there before")
        instructions = plan.instructions if self.most is None else plan.instructions[:self.most]
        for number, instruction in enumerate(instructions):
            self._views(instruction.inputs)
            self._instruction(number, instruction)
        self._more(plan.instructions, instructions, "instructions")
        self._views([b for _, b in plan.fetches])
        if plan.fetches:
            self._wrap("fetched: ", [f"%{b} {plan.buffers[b].name}" for _, b in plan.fetches], ", ")
        self._rest()
        return "\n".join(self.lines)

    def _row(self, number, kind, op, inputs, out, type_, nbytes, where):
        op, type_ = op if len(op) <= 30 else "…" + op[-29:], _cut(type_, 22)
        line = f"{number:>4} {kind:8} {op:30} {_cut(inputs, 15):15} {out:>4} {type_:22} {nbytes:>12}  {where}"
        self.lines.append(_cut((self.indent + line).rstrip(), WIDTH))

    def _more(self, everything, shown, what):
        if len(shown) < len(everything):
            self.lines.append(f"{self.indent}     … {len(everything) - len(shown):,} more {what}; text(most=None) shows all")

    def _buffer(self, b):
        if b.kind == "ref":
            return f"%{b.number}", b.dtype.as_ref.name + shape_text(b.node.shapes[0]), "", ""
        return f"%{b.number}", b.dtype.name + shape_text(b.shape), "" if b.nbytes is None else f"{b.nbytes:,}", where_of(b, self.made.get(b.number))

    def _views(self, used):
        """Rows for the views that cost no instruction, where they are first used."""
        for number in used:
            b = self.plan.buffers[number]
            if b.kind == "view" and number not in self.made:
                self.made[number] = None
                self._row("", "", f"{b.name} ({b.node.type})", "", *self._buffer(b))

    def _instruction(self, number, instruction):
        node, plan = instruction.node, self.plan
        if instruction.kind in HOUSEKEEPING:
            self._row(number, instruction.kind, "", _numbers(instruction.inputs), "", "", "", "")
            return
        name, type_ = node.name, node.type.lstrip("_")
        op = name if name == type_ or type_ in ("Send", "Recv", "ReadVariable") else f"{name} ({type_})"
        rows = [self._buffer(plan.buffers[b]) for b in instruction.outputs] or [("", "", "", "")]
        if instruction.kind == "Send":
            rows = [("", "", "", "to " + _device(node.attrs["key"].split(";")[1]))]
        elif instruction.kind == "Recv":
            rows = [(*rows[0][:3], "from " + _device(node.attrs["key"].split(";")[0]))]
        elif any(plan.buffers[b].kind == "ref" for b in instruction.outputs):
            rows = [(f"%{b}", "", "", "the variable") if plan.buffers[b].kind == "ref" else row for b, row in zip(instruction.outputs, rows)]
        inputs = [_numbers(instruction.inputs[k:k + 4]) for k in range(0, len(instruction.inputs), 4)] or [""]
        for k in range(max(len(rows), min(len(inputs), 16))):
            more = " …" if k == 15 and len(inputs) > 16 else ""
            head = (number, instruction.kind, op) if k == 0 else ("", "", "")
            self._row(*head, (inputs[k] if k < len(inputs) else "") + more, *(rows[k] if k < len(rows) else ("", "", "", "")))
        if node.type == "_Fused" and instruction.kind == "Compute":
            self._wrap("", fused_steps(instruction), "; ")
        for name, body in bodies_of(instruction):
            self._body(f"{name} of {node.name}", body)

    def _body(self, title, body):
        """The plans of a body that are known so far, indented."""
        known, inner = body.known(), self.indent + "    "
        if not known:
            count = len(body.graph.get_operations())
            self.lines.append(_cut(f"{inner}{title}: {count} node{'s' * (count != 1)}, compiled when it first runs", WIDTH))
        for shapes, plan in known.items():
            with_shapes = "" if body.is_fixed else " with " + ", ".join(shape_text(s) for s in shapes)
            self.lines.append(_cut(f"{inner}{title}{with_shapes}:", WIDTH))
            self.lines.append(inner + _Table(plan, self.most, inner).text())

    def _wrap(self, head, items, separator):
        """Items in lines of at most WIDTH columns."""
        line = f"{self.indent}     {head}"
        start = len(line)
        for k, item in enumerate(items):
            piece = item + (separator.rstrip() if k + 1 < len(items) else "")
            if len(line) > start and len(line) + 1 + len(piece) > WIDTH:
                self.lines.append(line)
                line = " " * start
            line += (" " if len(line) > start else "") + piece
        self.lines.append(line)

    def _rest(self):
        rest = self.plan.rest
        if rest is None:
            return
        unknown = [_pair(pair) for pair in rest.exports if pair[0].shapes[pair[1]] is None]
        values = [_pair(pair) for pair in rest.wanted]
        reasons = [f"the shape of {', '.join(unknown)}"] * bool(unknown) + [f"the value of {', '.join(values)}"] * bool(values)
        known = rest.known()
        self.lines.append(_cut(f"{self.indent}     {len(rest.nodes)} more nodes, compiled when {' and '.join(reasons) or 'the part above has run'} is known"
                               + ("" if known else "; none has been so far"), WIDTH))
        for key, plan in known.items():
            shapes = [f"{_pair(pair)} {shape_text(shape)}" for pair, shape in zip(rest.exports, key[0]) if pair[0].shapes[pair[1]] is None]
            inner = self.indent + "  "
            self.lines.append(_cut(f"{inner}with {', '.join(shapes) or 'values seen before'}:", WIDTH))
            self.lines.append(inner + _Table(plan, self.most, inner).text())


def makers(plan):
    """{buffer number: the Instruction that makes it}; buffers that are there before the plan runs, and views made by nobody, are not in it."""
    made = {}
    for instruction in plan.instructions:
        for b in instruction.outputs:
            made.setdefault(b, instruction)
    return made


def bodies_of(instruction):
    """[(name of the attribute, Body)] of an instruction that runs bodies."""
    bodies = instruction.node.attrs.get("_bodies", ()) if instruction.kind == "Compute" else ()
    return list(zip(("then_branch", "else_branch") if "then_branch" in instruction.node.attrs else ("cond", "body"), bodies))


def where_of(b, maker):
    """Where a buffer lies, in a few words.  maker: the Instruction that makes it, or None."""
    if b.kind == "arena":
        return f"arena +{b.offset:,}"
    if b.kind == "view":
        return f"in %{b.root}" if maker is not None and maker.kind == "Compute" else f"view of %{b.root}"
    if b.kind == "bound":
        return {"Read": "snapshot", "Recv": "received"}.get(maker.kind if maker else "", "when run")
    if b.kind == "import" and isinstance(b.value, int):
        return "argument"
    return _SOURCES.get(b.kind, b.kind)


def fused_steps(instruction):
    """The steps of a fused instruction: ['t0 = Mul(%1, %2)', '%3 = Add(t0, %4)'], where t0, t1 ... are blocks that stay in the cache."""
    names = []
    for number, (kind, argument) in enumerate(instruction.node.attrs["operands"]):
        names.append(f"%{instruction.inputs[argument]}" if kind == "in" else f"%{instruction.outputs[argument]}" if kind == "out" else
                     f"%{instruction.inputs[argument[0]]}{_box(argument[1], instruction.node.shapes[0])}" if kind == "part" else f"t{number}")
    temporaries = {n: f"t{k}" for k, n in enumerate(n for n in names if n[0] == "t")}
    names = [temporaries.get(n, n) for n in names]
    return [f"{names[out]} = {op}({', '.join(names[x] for x in read if x is not None)})" for op, out, *read in instruction.node.attrs["program"]]


def _box(begin, shape):
    """'[0:50, 128:256]'"""
    return "[" + ", ".join(f"{first}:{first + n}" for first, n in zip(begin, shape)) + "]"


def _numbers(buffers):
    return " ".join(f"%{b}" for b in buffers)


def _pair(pair):
    return pair[0].name if pair[1] == 0 else f"{pair[0].name}:{pair[1]}"


def _device(name):
    """'CPU:1' of a full name in this process; the full name of another's."""
    return name.rpartition("/device:")[2] if name.startswith("/job:localhost/") else name


def _cut(text, most):
    return text if len(text) <= most else text[:most - 1] + "…"
