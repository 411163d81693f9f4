"""What the user reads when a step fails: the op, its inputs, its device, and the line of the program that made it."""
from ..core.errors import DeadlineExceededError, InvalidArgumentError, OpError, UnknownError
from ..core.shapes import shape_text


def explain_failure(error, activation):
    """The exception to raise for an error in a step; what happened outside any op (Ctrl-C, a time-out) is left as it is."""
    if activation is None or not isinstance(error, Exception) or isinstance(error, DeadlineExceededError):
        return error
    inner, place = inside(activation)
    if inner is not None:
        error = explain_failure(error, inner)
        node = activation.plan.instructions[activation.pc].node
        if isinstance(error, OpError) and error.context:
            error.add_context(lines=[f"in {place} '{node.name}' ({node.type})" + (f", defined at: {node.op.source}" if node.op is not None and str(node.op.source) else "")])
            return error
    if activation.pc >= len(activation.plan.instructions) or isinstance(error, OpError) and error.op is not None:
        return error
    instruction = activation.plan.instructions[activation.pc]
    if not isinstance(error, OpError):                   # from Python code inside an op
        kind = InvalidArgumentError if isinstance(error, (ValueError, TypeError)) else UnknownError
        wrapped = kind(None, None, f"{type(error).__name__}: {error}")
        wrapped.__cause__ = error
        error = wrapped
    op = instruction.node.op
    error.add_context(op=op, lines=_lines(instruction, activation))
    return error


def inside(activation):
    """(the activation of the body that an instruction is in, which body that is); (None, "") where the instruction runs none."""
    if activation.pc >= len(activation.kernels):
        return None, ""
    kernel = activation.kernels[activation.pc]
    inner = kernel.running() if hasattr(kernel, "running") else None
    return inner, kernel.place() if inner is not None else ""


def located(error, op=None):
    """An OpError from before the run, with its op and the line of the user's program that made it."""
    op = op or error.op
    if op is not None and not error.context:
        error.add_context(op, lines=place_lines(op))
    return error


def _lines(instruction, activation):
    node = instruction.node
    lines = [f"op: '{node.name}' ({node.type}) on {activation.plan.device}"]
    if instruction.inputs:
        specs = [activation.plan.buffers[b] for b in instruction.inputs]
        lines.append("inputs: " + ", ".join(_input(s, activation) for s in specs))
    if node.type == "_Fused":
        lines.append("fused from: " + ", ".join(f"'{n.name}' ({n.type})" for n in node.attrs["members"]))
    return lines + origin_lines(node.op)


def _input(spec, activation):
    if spec.kind == "ref":                               # a variable has no shape of its own before it has a value
        return f"{spec.name} {spec.dtype.as_ref.name}{shape_text(spec.node.shapes[0])}"
    return f"{spec.name} {spec.dtype.name}{shape_text(activation.shape_of(spec.number))}"


def place_lines(op):
    """The line of the user's program that made an operation, and those that called it."""
    return [f"defined at: {op.source}"] + [f"    called at: {line}" for line in op.source.callers()] if str(op.source) else []


def origin_lines(op):
    """Where an operation, and for a gradient the operation it is the gradient of, were made."""
    if op is None:
        return []
    lines = place_lines(op)
    original = op.original_op
    while original is not None:
        lines.append(f"a gradient of: '{original.name}' ({original.type})" + (f", defined at: {original.source}" if str(original.source) else ""))
        original = original.original_op
    return lines


def explain_shortage(error, plan):
    """No memory for a plan's buffers: the exception to raise, with the results that need most of it."""
    results = sorted((b for b in plan.buffers if b.kind in ("arena", "own", "sent")), key=lambda b: -b.nbytes)
    for b in results[:3]:
        where = f", defined at: {b.node.op.source}" if b.node.op is not None and str(b.node.op.source) else ""
        error.add_context(op=b.node.op, lines=[f"for op: '{b.node.name}' ({b.node.type}), {b.dtype.name}{shape_text(b.shape)}, {b.nbytes:,} bytes{where}"])
    return error


def out_of_time(step, timeout):
    """The error of a step whose time is over: it says what each device does or waits for."""
    return DeadlineExceededError(None, None, f"The step did not end within {timeout:g} s.\n" + explain_wait(step))


def explain_wait(step):
    """A line per device: which instruction it is at, and which transfer it waits for."""
    lines = []
    waiting = set(step.rendezvous.waiting())
    for activation in step.activations:
        places, inner = "", activation
        while inner is not None:
            activation = inner
            while activation.following is not None:
                activation = activation.following
            inner, place = inside(activation)
            if inner is not None:
                places = f", in {place} '{activation.plan.instructions[activation.pc].node.name}'" + places
        instructions = activation.plan.instructions
        if activation.pc >= len(instructions):
            lines.append(f"{activation.plan.device}: at its end")
            continue
        instruction = instructions[activation.pc]
        node = instruction.node
        key = node.attrs.get("key") if instruction.kind == "Recv" else None
        doing = f"waits to receive {key}" if key in waiting else "is in"
        where = f", defined at {node.op.source}" if node.op is not None and str(node.op.source) else ""
        lines.append(f"{activation.plan.device}: {doing} '{node.name}' ({node.type}){places}{where}")
    return "\n".join(lines)
