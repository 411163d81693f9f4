"""Buffers as they are at one moment of a step: their values, where they lie, and who holds them.  For the stepper."""
import numpy as np

from ..core.shapes import shape_text
from .explain import WIDTH, makers, where_of

_HOLDERS = {"arena": "arena", "feed": "caller", "const": "plan", "ref": "session", "import": "part before"}


class Layout:
    """What can be said of a plan's buffers once and for all: which instruction gives each its value, and which write to the arena."""

    def __init__(self, plan):
        self.plan, self.makers = plan, makers(plan)
        numbers = {id(instruction): k for k, instruction in enumerate(plan.instructions)}
        self.made_at = {}             # buffer number -> instruction number; None: there from the start
        by_name = {}
        for b in plan.buffers:
            by_name.setdefault((b.node, b.name), b.number)
            maker = self.makers.get(b.number) if b.kind != "ref" else None
            if maker is not None:
                self.made_at[b.number] = numbers[id(maker)]
            elif b.kind == "view" and b.node.inputs:   # a view that costs no instruction has its value when its source has
                source, index = b.node.inputs[0]
                self.made_at[b.number] = self.made_at.get(by_name.get((source, source.name if index == 0 else f"{source.name}:{index}")))
            else:
                self.made_at[b.number] = None
        writes = [(k, root.offset, root.offset + root.nbytes, number) for k, instruction in enumerate(plan.instructions) for number in instruction.outputs
                  for root in [plan.buffers[plan.buffers[number].root]] if root.kind == "arena"]
        self.writes = np.array(writes, np.int64).reshape(-1, 4)

    def views(self, activation):
        """A BufferView of every buffer of an activation of the plan."""
        return [BufferView(self, activation, b) for b in self.plan.buffers]

    def state(self, activation, spec):
        """"live", or why a buffer has no value now."""
        if spec.kind == "ref":
            return "live" if activation.is_set(spec.number) else "not initialized"
        made, root = self.made_at[spec.number], self.plan.buffers[spec.root]
        if made is None:
            return "live"
        if made >= activation.pc:
            return "not made yet"
        if root.kind in ("bound", "sent"):
            return "live" if activation.is_set(root.number) else "given back"
        if root.kind != "arena":
            return "live"
        when, first, end, by = self.writes.T
        later = by[(when > made) & (when < activation.pc) & (first < root.offset + root.nbytes) & (end > root.offset)]
        return f"overwritten by %{later[0]}" if len(later) else "live"


class BufferView:
    """One buffer at one moment.

    device, number, name, dtype, kind   as in its BufferSpec
    where     where it lies (minitf.session.explain)
    state     "live"; or why it has no value: "not made yet", "given back", "overwritten by %7", "not initialized"
    shape     as it is now, if it is live; else as planned, None for a shape that only the run tells
    holders   who holds its memory: "arena", "caller", "plan", "session", "2 references"
    value     a copy of its contents, None if it is not live
    """

    def __init__(self, layout, activation, spec):
        self._activation, self._plan = activation, layout.plan
        self.device, self.number, self.name, self.dtype, self.kind = layout.plan.device, spec.number, spec.name, spec.dtype, spec.kind
        self.where, self.state = where_of(spec, layout.makers.get(spec.number)), layout.state(activation, spec)
        if spec.kind == "ref":
            self.shape = spec.node.shapes[0]
        else:
            self.shape = activation.shape_of(spec.number) if self.state == "live" else spec.shape
        root = layout.plan.buffers[spec.root]
        self.holders = _HOLDERS.get(root.kind, "")
        if self.state == "live" and root.kind in ("own", "bound", "sent"):
            count = activation.references(root.number)
            self.holders = f"{count} reference{'s' * (count != 1)}"

    @property
    def value(self):
        return np.asarray(self._activation.value(self.number)) if self.state == "live" else None

    def __repr__(self):
        return f"<%{self.number} {self.name}: {self.state}>"


class BufferList(list):
    """BufferViews; prints as a table."""

    def __str__(self):
        lines, plan = [], None
        for b in self:
            if b._plan is not plan:
                plan = b._plan
                lines.append(f"{plan.device} ({len(plan.buffers)} buffers, arena {plan.arena_bytes:,} bytes)")
            type_, name = b.dtype.name + shape_text(b.shape), b.name if len(b.name) <= 28 else "…" + b.name[-27:]
            shown = f"({b.state})" if b.state != "live" else " ".join(np.array2string(b.value, threshold=6, edgeitems=2, precision=4).split())
            line = f"{'%' + str(b.number):>5} {name:28} {type_:20} {b.where:14} {b.holders:14} {shown}"
            lines.append(line if len(line) <= WIDTH else line[:WIDTH - 1] + "…")
        return "\n".join(lines)

    __repr__ = __str__
