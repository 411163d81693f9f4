"""Stepper: a run, one instruction at a time.

    with sess.stepper(y, {x: batch}) as stepper:
        stepper.step()                     # one instruction on the next device in turn
        stepper.run_until("hidden")        # until that op has run
        print(stepper.where())             # each device's program counter, and what it waits for
        print(stepper.buffers())           # every buffer: its value, where it lies, who holds it
        stepper.value("hidden")
        result = stepper.finish()          # what sess.run would have returned

It runs the very plans that the session runs, with the same kernels and buffers, but all devices on the caller's thread.  Variables
and random generators are the session's: an update made by a step is an update.
"""
from collections import namedtuple

from ..core.devices import matches
from ..core.errors import InternalError
from ..core.shapes import shape_text
from .buffer_view import BufferList, Layout
from .executor import Step
from .explain import WIDTH
from .plan import HOUSEKEEPING
from .report import explain_failure, waits_for


class Stepper:
    """Made by Session.stepper(fetches, feed_dict).  It holds its buffers until close(), or the end of a `with` block."""

    def __init__(self, executable, feeds, rebuild):
        variant = executable.variant(feeds)
        context = executable.context
        self._executable, self._rebuild = executable, rebuild
        self._step = Step(variant.plans, variant.keys, _OnCallersThread(context))
        self._step.begin([context.array_of(t, v) for t, v in zip(executable.feeds, feeds.values())])
        self._devices = [_Device(a) for a in self._step.activations]
        self._turn, self._layouts, self._ran = 0, {}, set()
        self._error = None
        for device in self._devices:
            self._pass_end(device)

    # ---- running ----------------------------------------------------------------------------------------------------------

    def step(self, device=None):
        """Run one instruction, on `device` (a full or partial name) or on the next device in turn that can go on.

        Returns the Event; its status is "ran", or "parked" where the instruction must wait.  None when there is nothing left to run.
        An error in a kernel is raised as Session.run would; then buffers can still be looked at, but no step follows.
        InternalError if no device can go on: it says what each one waits for.  Where that is a queue, another thread may fill it; then call again.
        """
        self._check_open()
        if self._error is not None:
            raise self._error
        self._unpark()
        if device is not None:
            chosen = self._device(device)
            if chosen.at_end:
                return None
        else:
            chosen = self._next_in_turn()
            if chosen is None:
                return None
        activation = chosen.activation
        number = activation.pc
        instruction = activation.plan.instructions[number]
        try:
            more = self._step.advance_by_one(activation)
            if more is not None and not more:
                self._pass_end(chosen)
        except BaseException as error:
            self._error = explain_failure(error, activation)
            raise self._error from self._error.__cause__
        chosen.parked = more is None
        if not chosen.parked:
            self._ran.update(_names(instruction))
        self._unpark()
        return Event(activation.plan.device, number, instruction, "parked" if more is None else "ran")

    def run_until(self, name):
        """Run until the op (or the tensor, "op:0") of that name has been computed, on its own device as far as that can go on.

        Returns the Event of the last instruction that ran, None if nothing had to.  ValueError if no instruction has that name:
        constants are there from the start, and what was not needed, merged with an equal op, or only passes a value on is left out.
        """
        self._check_open()
        name = _op_name(name)
        last = None
        while name not in self._ran:
            holder = next((d for d in self._devices if not d.at_end and name in d.names()), None)
            if holder is None:
                if any(b.name == name and b.kind in ("const", "feed", "ref", "import") for b in self.buffers()):
                    return last
                raise ValueError(f"No instruction computes '{name}'{self._near(name)}")
            self._unpark()
            last = self.step(None if holder.parked else holder.activation.plan.device)
        return last

    def finish(self):
        """Run what is left, and return what Session.run would have returned."""
        while self.step() is not None:
            pass
        tensors = [f for f in self._executable.fetches if hasattr(f, "value_index")]
        values = iter(self._step.results(len(tensors)))
        results = [next(values) if hasattr(f, "value_index") else None for f in self._executable.fetches]
        if self._executable.single:
            return results[0]
        return results if self._rebuild is None else self._rebuild(results)

    def close(self):
        """Give back every buffer.  Closing twice does nothing."""
        if self._step is not None:
            self._step.end()
            self._step, self._devices = None, []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def __del__(self):
        if getattr(self, "_step", None) is not None:       # it may stand in the line of a queue, which outlives it
            self.close()

    # ---- looking ----------------------------------------------------------------------------------------------------------

    @property
    def at_end(self):
        """Whether every device has run all its instructions."""
        return all(d.at_end for d in self._devices)

    @property
    def program_counters(self):
        """{device: the number of its next instruction}."""
        return {d.activation.plan.device: d.activation.pc for d in self._devices}

    @property
    def parked(self):
        """{device: what it waits for}: the key of a transfer, or the name of the op."""
        self._check_open()
        self._unpark()
        return {d.activation.plan.device: d.waits_for() for d in self._devices if d.parked}

    def buffers(self, device=None):
        """A BufferList of all buffers, of one device or of all, parts of a cut plan one behind the other."""
        self._check_open()
        devices = self._devices if device is None else [self._device(device)]
        return BufferList([view for d in devices for activation in d.parts() for view in self._layout(activation.plan).views(activation)])

    def value(self, name):
        """The value of a tensor ("h:0" or "h") or of a variable now: an array, or None while it is not there.  buffers() tells why.

        ValueError if there is no such buffer: a value inside a fused instruction never is in memory.
        """
        name = _op_name(name) if name.endswith(":0") else name
        found = [b for b in self.buffers() if b.name == name]
        if not found:
            for d in self._devices:
                for plan in d.plans():
                    for instruction in plan.instructions:
                        if instruction.node.type == "_Fused" and any(n.name == name for n in instruction.node.attrs["members"]):
                            raise ValueError(f"'{name}' is a step inside the fused instruction '{instruction.node.name}': it is never in memory as a whole")
            raise ValueError(f"No buffer holds '{name}'{self._near(name)}")
        return next((b.value for b in found if b.state == "live"), None)

    def where(self):
        """Per device: its program counter, the instruction that comes next, with its inputs, and what it waits for."""
        self._check_open()
        self._unpark()
        return "\n".join(line for d in self._devices for line in d.lines())

    def __str__(self):
        return "<closed Stepper>" if self._step is None else self.where()

    __repr__ = __str__

    # ---- inside -----------------------------------------------------------------------------------------------------------

    def _layout(self, plan):
        if plan not in self._layouts:
            self._layouts[plan] = Layout(plan)
        return self._layouts[plan]

    def _check_open(self):
        if self._step is None:
            raise RuntimeError("The stepper is closed")

    def _device(self, name):
        found = [d for d in self._devices if matches(name, d.activation.plan.device)]
        if not found:
            raise ValueError(f"No device {name!r} takes part; there are {', '.join(d.activation.plan.device for d in self._devices)}")
        return found[0]

    def _unpark(self):
        for activation in self._step.resumed():
            for d in self._devices:
                if d.activation is activation:
                    d.parked = False

    def _next_in_turn(self):
        """The next device that can go on; None at the end of all."""
        for k in range(len(self._devices)):
            device = self._devices[(self._turn + k) % len(self._devices)]
            if not device.at_end and not device.parked:
                self._turn = (self._turn + k + 1) % len(self._devices)
                return device
        if self.at_end:
            return None
        waits = any(d.waits_outside() for d in self._devices)
        raise InternalError(None, None, f"{'No device can go on now.' if waits else 'Deadlock: no device can go on.'}\n" + self.where())

    def _pass_end(self, device):
        """At the end of a plan: go on with the part behind its cut, if there is one."""
        while device.activation.pc >= len(device.activation.plan.instructions):
            following = self._step.go_behind_cut(device.activation)
            if following is None:
                device.at_end = True
                return
            device.activation = following

    def _near(self, name):
        import difflib
        names = {n for d in self._devices for n in d.names()} | {b.name for b in self.buffers()}
        near = difflib.get_close_matches(name, names, 3)
        return f"; the nearest names are {', '.join(near)}" if near else ""


class Event(namedtuple("Event", ["device", "number", "instruction", "status"])):
    """What a call of step() did: instruction `number` of a device's plan ran, or parked."""
    __slots__ = ()

    def __str__(self):
        return f"{_short(self.device)} {self.number:>3} {self.status} {_describe(self.instruction)}"


class _Device:
    """Where one device is: the activation it is in (the last of its parts), and whether it waits."""

    def __init__(self, activation):
        self.first = self.activation = activation
        self.parked = self.at_end = False
        self._names = None            # (activation, names of the ops in it and behind its cut)

    def parts(self):
        part = self.first
        while part is not None:
            yield part
            part = part.following

    def plans(self):
        return [a.plan for a in self.parts()]

    def names(self):
        """Names of the ops in the current part, and of those that may come behind its cut."""
        if self._names is None or self._names[0] is not self.activation:
            plan = self.activation.plan
            names = {name for instruction in plan.instructions for name in _names(instruction)}
            if plan.rest is not None:
                names.update(n.name for n in plan.rest.nodes)
            self._names = self.activation, names
        return self._names[1]

    def waits_for(self):
        instruction = self.activation.plan.instructions[self.activation.pc]
        return self.waits_outside() or (instruction.node.attrs["key"] if instruction.kind == "Recv" else instruction.node.name)

    def waits_outside(self):
        """What it waits for that no device of the step provides: elements of a queue, room in one.  None: nothing."""
        return waits_for(self.activation)

    def lines(self):
        activation, plan = self.activation, self.activation.plan
        head = f"{_short(plan.device)} at {activation.pc} of {len(plan.instructions)}"
        if self.at_end:
            return [f"{head}: at its end"]
        instruction = plan.instructions[activation.pc]
        lines = [f"{head}: {'parked at' if self.parked else 'next is'} {_describe(instruction)}"]
        if self.parked:
            lines.append(f"    waits for {self.waits_for()}")
        if instruction.inputs and instruction.kind not in HOUSEKEEPING:
            inputs = [(b, plan.buffers[b]) for b in instruction.inputs]
            lines.append("    takes " + ", ".join(f"%{b} {spec.name} {_type(activation, spec)}" for b, spec in inputs))
        op = instruction.node.op
        if op is not None and str(op.source):
            lines.append(f"    defined at: {op.source}")
        return [line if len(line) <= WIDTH else line[:WIDTH - 1] + "…" for line in lines]


class _OnCallersThread:
    """A context under which a step of several devices runs on the thread of its caller."""

    def __init__(self, context):
        self._context = context

    def threads(self, devices):
        return None

    def __getattr__(self, name):
        return getattr(self._context, name)


def _names(instruction):
    """Names of the ops that an instruction computes."""
    node = instruction.node
    if instruction.kind in HOUSEKEEPING:
        return []
    if node.type == "_Fused":
        return [n.name for n in node.attrs["members"]]
    if node.type == "_MatMulSum":
        return [node.name, *node.attrs["products"]]
    fused = node.attrs.get("_fused") if node.attrs else None
    return [node.name] if fused is None else [node.name, fused.name]


def _op_name(name):
    op, colon, index = name.rpartition(":")
    return op if colon and index.isdigit() else name


def _describe(instruction):
    node = instruction.node
    if instruction.kind in HOUSEKEEPING:
        return f"{instruction.kind} %{instruction.inputs[0]}"
    type_ = node.type.lstrip("_")
    of = "" if node.name == type_ or instruction.kind != "Compute" else f" ({type_})"
    to = " ".join(f"%{b}" for b in instruction.outputs)
    return f"{instruction.kind} {node.name}{of}" + (f" -> {to}" if to else "")


def _type(activation, spec):
    return spec.dtype.as_ref.name if spec.kind == "ref" else spec.dtype.name + shape_text(activation.shape_of(spec.number))


def _short(device):
    return device.rpartition("/device:")[2] if device.startswith("/job:localhost/") else device
