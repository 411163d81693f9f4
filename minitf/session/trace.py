"""From a traced step to its StepStats."""
import math
import time
from functools import partial

from ..core.step_stats import (AllocatorMemoryUsed, BodyNodeStats, DeviceStepStats, NodeExecStats, NodeOutput, StepStats, TensorDescription,
                               Transfer)
from .explain import bodies_of
from .live_bytes import alive_at, live_bytes, lives
from .plan import HOUSEKEEPING

SILENT = ("View", *HOUSEKEEPING)      # instructions that move a pointer: they are not told


def step_stats(step):
    """The StepStats of a step that ran with its trace on, before the step is used again."""
    to_wall = time.time_ns() - time.monotonic_ns()
    devices = {}
    for thread, activation in enumerate(step.activations):
        stats = devices.setdefault(activation.plan.device, DeviceStepStats(activation.plan.device))
        kept, most = [], 0                               # what the parts before left alive; the most bytes alive so far
        while activation is not None:
            plan = activation.plan
            length, found = len(plan.instructions), lives(plan, partial(_nbytes, activation=activation))
            nodes = _nodes(activation, thread, to_wall, sum(nbytes for _, nbytes in kept), *live_bytes(found, length))
            k, fullest = max(nodes, key=lambda item: item[1].memory[0].peak_bytes, default=(0, None))
            if fullest is not None and fullest.memory[0].peak_bytes > most:
                most, stats.at_peak = fullest.memory[0].peak_bytes, kept + alive_at(found, k)
                in_bodies = most - sum(nbytes for _, nbytes in stats.at_peak)
                stats.at_peak += [(f"inside {fullest.node_name}", in_bodies)] * (in_bodies > 0)
            stats.node_stats += [node for _, node in nodes]
            stats.held.update(_held(activation))
            kept = kept + alive_at(found, length)
            activation = activation.following
        for node in stats.node_stats:
            stats.held.pop(node.node_name, None)
        stats.at_peak.sort(key=lambda item: -item[1])
    return StepStats(list(devices.values()))


def _nodes(activation, thread, to_wall, kept, during, behind):
    """[(number, NodeExecStats)] of the instructions of a plan that are told."""
    code, times, found = activation.plan.instructions, activation.trace_of(), []
    for k, instruction in enumerate(code):
        if instruction.kind not in SILENT:
            last = k
            while last + 1 < len(code) and code[last + 1].kind in ("View", "Release"):         # what is given back behind it
                last += 1
            live = AllocatorMemoryUsed(allocator_name(activation.plan.device), 0, kept + during[k], kept + behind[last])
            found.append((k, _node(instruction, activation, activation.kernels[k], times[k], thread, to_wall, live)))
    return found


def _held(activation):
    """{name: TensorDescription} of the nodes that a plan has on its device, by their first result."""
    found = {}
    for b in activation.plan.buffers:
        found.setdefault(b.node.name, _described(b.number, activation) if b.kind != "ref" else _of_node(b.node))
    for instruction in activation.plan.instructions:
        found.update((n.name, _of_node(n)) for n in _fused(instruction.node))
    return found


def _node(instruction, activation, kernel, times, thread, to_wall, live):
    begin, ready, end, *_ = times
    node = instruction.node
    inner, body_peak = _inside(instruction, kernel)
    waited = sum(i.waited_nanos for i in inner)
    if inner:                                            # parked in a body, it goes on from there: it did not wait from its begin on
        ready = begin
    wait, nanos, start = ready - begin, end - begin, begin + to_wall
    micros = -(-nanos // 1000)                           # rounded up: no op takes no time
    outputs = [NodeOutput(slot, _described(b, activation)) for slot, b in enumerate(instruction.outputs)]
    live.total_bytes = sum(o.tensor_description.requested_bytes for o in outputs) if instruction.kind != "Read" else 0
    live.peak_bytes += body_peak
    return NodeExecStats(
        node.name, all_start_micros=start // 1000, op_start_rel_micros=wait // 1000, op_end_rel_micros=micros, all_end_rel_micros=micros,
        all_start_nanos=start, op_start_rel_nanos=wait, op_end_rel_nanos=nanos, all_end_rel_nanos=nanos, scheduled_nanos=start + wait,
        scheduled_micros=(start + wait) // 1000, timeline_label=_label(instruction), thread_id=thread, output=outputs, memory=[live],
        kind=instruction.kind, op=node.type.lstrip("_"), inputs=_inputs(node), waited_nanos=wait + waited,
        transfer=_transfer(instruction, activation), members=_members(node), fused=[n.type for n in _fused(node)], inner=inner)


def allocator_name(device):
    """The short name of a device's memory: 'cpu:1' of '/job:localhost/replica:0/task:0/device:CPU:1'."""
    return device.rpartition("/device:")[2].lower() or "cpu:0"


# ---- the bodies of cond and while_loop --------------------------------------------------------------------------------------

def _inside(instruction, kernel):
    """([BodyNodeStats], the most bytes alive in a body at once) of an instruction that runs bodies."""
    rows, peak = {}, 0
    for (body, _), activations in zip(bodies_of(instruction), kernel.activations() if hasattr(kernel, "activations") else ()):
        for activation in _with_parts(activations):
            found = lives(activation.plan, partial(_nbytes, activation=activation))
            during, _ = live_bytes(found, len(activation.plan.instructions))
            for k, (inner, (_, _, _, work, waited, count)) in enumerate(zip(activation.plan.instructions, activation.trace_of())):
                if not count or inner.kind in SILENT:
                    continue
                below, inner_peak = _inside(inner, activation.kernels[k])
                peak = max(peak, during[k] + inner_peak)
                if below:
                    waits = sum(i.waited_nanos for i in below)
                    work, waited = work + waited - waits, waits
                node = inner.node
                row = rows.setdefault((body, node.name, inner.kind), BodyNodeStats(body, node.name, node.type.lstrip("_"), 0, 0, 0, below))
                row.count, row.work_nanos, row.waited_nanos = row.count + count, row.work_nanos + work, row.waited_nanos + waited
    return list(rows.values()), peak


def _with_parts(activations):
    """Activations with those of the parts behind their cuts."""
    found, stack = [], list(reversed(activations))
    while stack:
        found.append(stack.pop())
        stack.extend(reversed(list(found[-1].parts.values())))
    return found


# ---- one instruction --------------------------------------------------------------------------------------------------------

def _nbytes(spec, activation):
    return math.prod(spec.shape if spec.shape is not None else activation.shape_of(spec.number)) * spec.dtype.size


def _described(number, activation):
    spec = activation.plan.buffers[number]
    shape = spec.shape if spec.shape is not None else activation.shape_of(number)
    return TensorDescription(spec.dtype, tuple(shape), _nbytes(spec, activation))


def _of_node(node):
    """Of the first result of a node that has no buffer, or one that tells nothing of its shape."""
    shape = node.shapes[0] or ()
    return TensorDescription(node.dtypes[0].base_dtype, tuple(shape), math.prod(shape) * node.dtypes[0].size)


def _transfer(instruction, activation):
    if instruction.kind not in ("Send", "Recv"):
        return None
    key = instruction.node.attrs["key"]
    source, destination = key.split(";")[:2]
    moved = instruction.inputs or instruction.outputs    # a control edge sends nothing
    nbytes = _nbytes(activation.plan.buffers[moved[0]], activation) if moved else 0
    return Transfer(key, source, destination, nbytes)


def _fused(node):
    """The nodes that a fused instruction is made of."""
    return node.attrs["members"] if node.type == "_Fused" else ()


def _members(node):
    """The names of the program's nodes whose work an instruction does."""
    if node.type == "_Fused":
        return [n.name for n in _fused(node)]
    if node.type == "_MatMulUpdate":
        return [node.attrs["_fused"].name, node.name]
    if node.type == "_MatMulSum":
        return list(dict.fromkeys([*node.attrs["products"], node.op.name]))
    if node.type in ("_Send", "_Recv"):
        return []
    return [node.op.name if node.op is not None and node.type[0] != "_" else node.name]


def _inputs(node):
    return [n.name if i == 0 else f"{n.name}:{i}" for n, i in node.inputs]


def _label(instruction):
    node = instruction.node
    if instruction.kind in ("Send", "Recv"):             # as TensorFlow writes it: what crosses, and the other end
        source, destination, name = node.attrs["key"].split(";", 2)
        return f"{node.name} = {instruction.kind}({name} @{destination if instruction.kind == 'Send' else source})"
    fused = " = " + " + ".join(f"{n.name} ({n.type})" for n in _fused(node)) if _fused(node) else ""
    return f"{node.name} = {node.type.lstrip('_')}({', '.join(_inputs(node))}){fused}"
