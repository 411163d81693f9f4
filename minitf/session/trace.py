"""From a traced step to its StepStats."""
import time

from ..core.step_stats import DeviceStepStats, NodeExecStats, NodeOutput, StepStats, TensorDescription
from .plan import HOUSEKEEPING


def step_stats(step):
    """The StepStats of a step that ran with its trace on, before the step is used again."""
    to_wall = time.time_ns() - time.monotonic_ns()
    devices = {}
    for thread, activation in enumerate(step.activations):
        stats = devices.setdefault(activation.plan.device, DeviceStepStats(activation.plan.device))
        while activation is not None:
            instructions = zip(activation.plan.instructions, activation.trace_of())
            stats.node_stats.extend(_node(i, start + to_wall, end - start, thread, activation) for i, (start, end) in instructions
                                    if end and i.kind not in ("View", *HOUSEKEEPING))
            activation = activation.following
    return StepStats(list(devices.values()))


def _node(instruction, start, nanos, thread, activation):
    micros = -(-nanos // 1000)                           # rounded up: no op takes no time
    outputs = [NodeOutput(slot, _described(b, activation)) for slot, b in enumerate(instruction.outputs)]
    return NodeExecStats(instruction.node.name, start // 1000, 0, micros, micros, start, nanos, _label(instruction.node), start // 1000, thread, outputs,
                         _members(instruction.node))


def _members(node):
    """The names of the program's nodes whose work an instruction does."""
    if node.type == "_Fused":
        return [n.name for n in node.attrs["members"]]
    if node.type == "_MatMulUpdate":
        return [node.attrs["_fused"].name, node.name]
    if node.type in ("_Send", "_Recv"):
        return []
    return [node.op.name if node.op is not None and node.type[0] != "_" else node.name]


def _described(number, activation):
    spec = activation.plan.buffers[number]
    shape = spec.shape if spec.shape is not None else activation.shape_of(number)
    count = 1
    for d in shape:
        count *= d
    return TensorDescription(spec.dtype, tuple(shape), count * spec.dtype.size)


def _label(node):
    inputs = [n.name if i == 0 else f"{n.name}:{i}" for n, i in node.inputs]
    fused = f" = {' + '.join(f'{n.name} ({n.type})' for n in node.attrs['members'])}" if node.type == "_Fused" else ""
    return f"{node.name} = {node.type.lstrip('_')}({', '.join(inputs)}){fused}"
