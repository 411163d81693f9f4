"""What the user reads when a step fails: the op, its inputs, its device, and the line of the program that made it."""
from ..core.errors import DeadlineExceededError, InvalidArgumentError, OpError, UnknownError
from ..core.shapes import shape_text
from ..graph import GraphKeys
from ..platform import tf_logging

PATIENCE = 10.0               # seconds that a step waits for a queue before it is looked at whether anybody fills that


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
    lines = [f"The step did not end within {timeout:g} s.", explain_wait(step)]
    return DeadlineExceededError(None, None, "\n".join(lines + [line for _, line in _unfed(step)]))


def warn_of_wait(step):
    """Say, once a queue, that a step has waited for PATIENCE seconds for what nobody brings.  Somebody still may: the step goes on waiting."""
    for queue, line in _unfed(step):
        if not queue.was_reported:
            queue.was_reported = True
            tf_logging.warning("A step has waited for %g s. %s", PATIENCE, line)


def explain_wait(step):
    """A line per device: which instruction it is at, and what it waits for."""
    lines = []
    waiting = set(step.rendezvous.waiting())
    for activation in step.activations:
        activation, places = innermost(activation)
        instructions = activation.plan.instructions
        if activation.pc >= len(instructions):
            lines.append(f"{activation.plan.device}: at its end")
            continue
        instruction = instructions[activation.pc]
        node = instruction.node
        key = node.attrs.get("key") if instruction.kind == "Recv" else None
        outside = waits_for(activation)
        doing = f"waits to receive {key}" if key in waiting else f"waits for {outside}" if outside else "is in"
        lines.append(f"{activation.plan.device}: {doing}{', in' if outside else ''} '{node.name}' ({node.type}){places}{_made(', defined at', node.op)}")
    return "\n".join(lines)


def innermost(activation):
    """(the activation that runs of a device's, in the last of its parts and in the bodies that it is in; these in words)."""
    places, inner = "", activation
    while inner is not None:
        activation = inner
        while activation.following is not None:
            activation = activation.following
        inner, place = inside(activation)
        if inner is not None:
            places = f", in {place} '{activation.plan.instructions[activation.pc].node.name}'" + places
    return activation, places


def waits_for(activation):
    """What the instruction that an activation is at waits for outside its step, in words; None where it does not wait."""
    activation, _ = innermost(activation)
    if activation.pc >= len(activation.kernels):
        return None
    tell = getattr(activation.kernels[activation.pc], "waits_for", None)
    return tell() if tell is not None else None


def _unfed(step):
    """[(queue, line)]: the queues that a step waits for, and into which nothing has ever been put; which they are, and who should have filled them."""
    found = {}
    for activation in step.activations:
        activation, _ = innermost(activation)
        kernel = activation.kernels[activation.pc] if activation.pc < len(activation.kernels) else None
        if getattr(kernel, "is_unfed", False):
            node = activation.plan.instructions[activation.pc].node
            handle = node.inputs[0][0].op
            found[kernel.queue] = (f"It waits for {waits_for(activation)}, and nothing has ever been enqueued there{_missing(node.op, handle)}"
                                   + _made(" The queue was made at", handle))
    return list(found.items())


def _missing(op, handle):
    """Who should have filled a queue, as far as the graph knows."""
    runners = [r for r in (op.graph.outermost.get_collection(GraphKeys.QUEUE_RUNNERS) if op is not None else ()) if hasattr(r, "queue")]
    own = [r for r in runners if handle is not None and r.queue.queue_ref.op.name == handle.name]
    if any(getattr(r, "_running", None) for r in own):
        return ": its queue runner was started, and has not brought anything yet."
    if own:
        return ": its queue runner was never started. tf.train.start_queue_runners(sess) starts those of the graph."
    if runners:
        return f": no queue runner is for this queue (the graph has {len(runners)}, the first for '{runners[0].queue.name}')."
    return ": the graph has no queue runner, and no other step has filled it."


def _made(word, op):
    return f"{word} {op.source}" if op is not None and str(op.source) else ""
