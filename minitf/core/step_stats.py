"""What a traced step tells: which op ran where, when, what it made, and what it waited for.

The names are those of TensorFlow's step_stats.proto; what it has no field for (transfers, members, bodies) has one here.
"""
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
class AllocatorMemoryUsed:
    """The memory of a device at one instruction.

    allocator_name  the device's, "cpu:0"
    total_bytes     of what the instruction made
    peak_bytes      alive on the device while it ran: what it read and made, and what others before and behind it need
    live_bytes      alive when it had ended and what nobody needs any more was given back
    Alive is what the step itself made or received; variables, constants and feeds were there before it.
    """
    allocator_name: str
    total_bytes: int
    peak_bytes: int
    live_bytes: int


@dataclass
class Transfer:
    """What a Send or a Recv moves.  key: of the rendezvous, the same at both ends; source, destination: devices; bytes: of the tensor."""
    key: str
    source: str
    destination: str
    bytes: int


@dataclass
class BodyNodeStats:
    """An instruction inside a branch of a cond, or inside a loop: all its runs in the step together.

    body          "then_branch", "else_branch", "cond" or "body"
    count         how often it ran
    work_nanos, waited_nanos    of all runs
    inner         [BodyNodeStats], if it runs bodies itself; their time is part of its own
    """
    body: str
    node_name: str
    op: str
    count: int
    work_nanos: int
    waited_nanos: int
    inner: list = field(default_factory=list)


@dataclass
class NodeExecStats:
    """One instruction of a step.

    all_start_micros      when it began, in microseconds since 1970; the times called "rel" are relative to it
    op_start_rel_micros   when its kernel could go to work: what lies before is waiting, for a value that is received or for a queue
    op_end_rel_micros     when its kernel ended
    all_end_rel_micros    when the instruction ended
    all_start_nanos, op_start_rel_nanos, op_end_rel_nanos, all_end_rel_nanos, scheduled_nanos
                          the same to the nanosecond: most ops of a small model take less than a microsecond
    timeline_label        "y = MatMul(x, w)"; for a fused instruction, with the ops it is made of
    scheduled_micros      when it was ready to run, in microseconds since 1970
    thread_id             the number of the device's thread in this step
    output                [NodeOutput]
    memory                [AllocatorMemoryUsed], one
    kind                  Compute, Send, Recv, or Read: a snapshot of a variable
    op                    the op's type
    inputs                names of the tensors it reads
    waited_nanos          how long it waited, in the bodies that it runs too; work_nanos is the rest
    transfer              the Transfer of a Send or a Recv, else None
    members               names of the ops whose work it does: several for a fused instruction, none for a transfer
    fused                 types of the ops that a fused instruction is made of, else []
    inner                 [BodyNodeStats] of an instruction that runs bodies
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
    memory: list = field(default_factory=list)
    op_start_rel_nanos: int = 0
    all_end_rel_nanos: int = 0
    scheduled_nanos: int = 0
    kind: str = "Compute"
    op: str = ""
    inputs: list = field(default_factory=list)
    waited_nanos: int = 0
    transfer: object = None
    members: list = field(default_factory=list)
    fused: list = field(default_factory=list)
    inner: list = field(default_factory=list)

    @property
    def work_nanos(self):
        """How long it ran, waiting not counted."""
        return self.op_end_rel_nanos - self.waited_nanos


@dataclass
class DeviceStepStats:
    """One device in a step.

    device      its full name
    node_stats  [NodeExecStats] in the order of execution
    at_peak     [(name, bytes)] of what was alive when most was, the largest first
    held        {name: TensorDescription} of the nodes that were on the device and took no instruction of their own: constants, feeds,
                variables, views, members of fused instructions
    """
    device: str
    node_stats: list = field(default_factory=list)
    at_peak: list = field(default_factory=list)
    held: dict = field(default_factory=dict)

    @property
    def peak_bytes(self):
        """The most bytes that were alive on the device at once."""
        return max((m.peak_bytes for n in self.node_stats for m in n.memory), default=0)


@dataclass
class StepStats:
    """dev_stats: [DeviceStepStats].  str() is a table of the step, longest ops first."""
    dev_stats: list = field(default_factory=list)

    def __str__(self):
        lines = []
        for device in self.dev_stats:
            total, waited = sum(n.work_nanos for n in device.node_stats), sum(n.waited_nanos for n in device.node_stats)
            lines.append(f"{device.device}: {len(device.node_stats)} instructions, {total / 1e3:,.1f} us of work"
                         + (f", {waited / 1e3:,.1f} us of waiting" if waited else ""))
            for n in sorted(device.node_stats, key=lambda n: -n.work_nanos):
                waited = f"  (after {n.waited_nanos / 1e3:,.2f} us of waiting)" if n.waited_nanos else ""
                lines.append(f"{n.work_nanos / 1e3:>12,.2f} us  {n.timeline_label}{waited}")
        return "\n".join(lines)
