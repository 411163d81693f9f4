"""What a traced step tells: which op ran where, when, and what it made.  The fields are those of TensorFlow's step_stats.proto."""
from dataclasses import dataclass, field


@dataclass
class TensorDescription:
    """dtype, shape (a tuple) and bytes of one result."""
    dtype: object
    shape: tuple
    requested_bytes: int


@dataclass
class NodeOutput:
    """slot: the output's number."""
    slot: int
    tensor_description: TensorDescription


@dataclass
class NodeExecStats:
    """One instruction of a step.

    all_start_micros      when it began, in microseconds since 1970; the other times are relative to it
    op_start_rel_micros   when its kernel began
    op_end_rel_micros     when its kernel ended
    all_end_rel_micros    when the instruction ended
    all_start_nanos, op_end_rel_nanos    the same to the nanosecond: most ops of a small model take less than a microsecond
    timeline_label        "y = MatMul(x, w)"; for a fused instruction, with the ops it is made of
    scheduled_micros      when it was ready to run
    thread_id             the number of the device's thread in this step
    output                [NodeOutput]
    members               names of the ops whose work it does: several for a fused instruction, none for a transfer
    """
    node_name: str
    all_start_micros: int
    op_start_rel_micros: int
    op_end_rel_micros: int
    all_end_rel_micros: int
    all_start_nanos: int
    op_end_rel_nanos: int
    timeline_label: str
    scheduled_micros: int
    thread_id: int
    output: list = field(default_factory=list)
    members: list = field(default_factory=list)


@dataclass
class DeviceStepStats:
    """device: its full name; node_stats: [NodeExecStats] in the order of execution."""
    device: str
    node_stats: list = field(default_factory=list)


@dataclass
class StepStats:
    """dev_stats: [DeviceStepStats].  str() is a table of the step, longest ops first."""
    dev_stats: list = field(default_factory=list)

    def __str__(self):
        lines = []
        for device in self.dev_stats:
            total = sum(n.op_end_rel_nanos for n in device.node_stats)
            lines.append(f"{device.device}: {len(device.node_stats)} instructions, {total / 1e3:,.1f} us")
            for n in sorted(device.node_stats, key=lambda n: -n.op_end_rel_nanos):
                lines.append(f"{n.op_end_rel_nanos / 1e3:>12,.2f} us  {n.timeline_label}")
        return "\n".join(lines)
