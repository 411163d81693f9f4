"""explain_gradient(): why is this gradient None?"""
from ..core.registry import op_def
from ..graph import Graph, constant_value, convert_to_tensor
from ..core.shapes import shape_text
from ..ops import constant_op
from .gradients import gradient_rule, symbol


def explain_gradient(y, x):
    """In words, what lies between y and x for tf.gradients(y, x): the ops that cut every path, or one path that is open.

    y, x: tensors or variables.  Returns a text; each op is named with the line of the user's program that made it.

    >>> print(explain_gradient(loss, w))
    The gradient of 'loss:0' with respect to 'w:0' is None. Every path is cut:
      'ArgMax' (ArgMax), made at train.py:9: guess = tf.argmax(logits, 1): ArgMax has no derivative
    """
    y, x = convert_to_tensor(y), symbol(x)
    none = f"The gradient of '{y.name}' with respect to '{x.name}' is None"
    for tensor in (x, y):
        if not tensor.dtype.carries_gradient:
            return f"{none}: {_integer(tensor)}"
    connected = _between(y, x)
    if y not in connected:
        return f"{none}: {_unconnected(y, x)}"
    cuts, path = _cuts(y, x, connected)
    if path is None:
        return f"{none}. Every path is cut:\n" + "\n".join("  " + cut for cut in dict.fromkeys(cuts))
    text = f"'{y.name}' depends on '{x.name}' through differentiable ops:\n" + "\n".join(f"  {_describe(op)}" for op in path)
    return text + ("\nOther paths are cut:\n" + "\n".join("  " + cut for cut in dict.fromkeys(cuts)) if cuts else "")


def _between(y, x):
    """The tensors of any dtype that lie between x and y, both included if there is a path."""
    connected = {x}
    for op in sorted(_ancestors(y.op), key=lambda op: op._id):
        if any(t in connected for t in op.inputs):
            connected.update(op.outputs)
    return connected


def _ancestors(op):
    found, stack = set(), [op]
    while stack:
        op = stack.pop()
        if op not in found:
            found.add(op)
            stack.extend(t.op for t in op.inputs)
    return found


def _cuts(y, x, connected):
    """(what cuts, ops of an open path from y to x or None): gradients()'s walk, with a note wherever it does not go on."""
    cuts, reached_from = [], {y: None}
    for op in sorted({t.op for t in connected}, key=lambda op: -op._id):
        start = next((t for t in op.outputs if t in reached_from), None)
        inputs = [i for i, t in enumerate(op.inputs) if t in connected]
        if start is None or not inputs or start is x:
            continue
        try:
            rule = gradient_rule(op)
        except LookupError:
            cuts.append(f"{_describe(op)}: no gradient is registered for {op.type}, so tf.gradients raises LookupError; tf.RegisterGradient(\"{op.type}\") adds one")
            continue
        if rule is None:
            cuts.append(f"{_describe(op)}: " + ("it is there to stop gradients" if op.type == "StopGradient" else f"{op.type} has no derivative"))
            continue
        without = _inputs_without_gradient(op, rule)
        for i in inputs:
            t = op.inputs[i]
            if not t.dtype.carries_gradient:
                cuts.append(f"{_describe(op)} takes '{t.name}': {_integer(t)}")
            elif i in without:
                cuts.append(f"{_describe(op)}: the gradient function of {op.type} gives None for input {i}, '{t.name}'")
            else:
                reached_from.setdefault(t, start)
    if x not in reached_from:
        return cuts, None
    path, t = [], reached_from[x]
    while t is not None:
        path.append(t.op)
        t = reached_from[t]
    return cuts, path[::-1]


def _inputs_without_gradient(op, rule):
    """The inputs for which the rule gives None, found by calling it on a copy of the op in a graph of its own."""
    if op_def(op.type).is_stateful:
        return set()
    try:
        with Graph().as_default() as scratch:
            inputs = []
            for t in op.inputs:
                value = constant_value(t)
                inputs.append(constant_op.placeholder(t.dtype.base_dtype, t.get_shape()) if value is None else constant_op.constant(value))
            copy = scratch.create_op(op.type, inputs, op.attrs, op.name)
            results = rule(copy, *[constant_op.placeholder(t.dtype.base_dtype, t.get_shape()) for t in copy.outputs])
    except Exception:          # a rule that needs its surroundings can still be asked about by gradients() itself
        return set()
    results = results if isinstance(results, (list, tuple)) else [results]
    return {i for i, g in enumerate(results) if g is None}


def _unconnected(y, x):
    """Why there is no path at all."""
    above, below = _ancestors(y.op), _descendants(x)
    for op in below:
        if op_def(op.type).is_stateful and op.inputs and op.inputs[0].dtype.is_ref_dtype and op.inputs[0].op in above:
            return (f"'{x.name}' is written to the variable '{op.inputs[0].op.name}' by {_describe(op)}; gradients pass through ops, "
                    "not through the state of a variable")
    sources = [op.name for op in sorted(above, key=lambda op: op._id) if op.type in ("Placeholder", "PlaceholderWithDefault", "VariableV2")]
    depends = f"It depends on {', '.join(sources[:8])}{' ...' if len(sources) > 8 else ''}. " if sources else ""
    ending = (f"'{x.name}' feeds {', '.join(_describe(op) for op in below[:3])}." if below else f"Nothing uses '{x.name}'"
              + (f", made at {x.op.source}." if str(x.op.source) else "."))
    return f"no ops lead from '{x.name}' to '{y.name}'. {depends}{ending}"


def _descendants(x):
    """The ops that use x, directly or not, in order of creation."""
    found, stack = set(), x.consumers()
    while stack:
        op = stack.pop()
        if op not in found:
            found.add(op)
            for t in op.outputs:
                stack.extend(t.consumers())
    return sorted(found, key=lambda op: op._id)


def _describe(op):
    source = str(op.source)
    return f"'{op.name}' ({op.type})" + (f", made at {source}" if source else "")


def _integer(tensor):
    return (f"'{tensor.name}' is {tensor.dtype.base_dtype.name}{shape_text(tensor.get_shape())}, and only floating-point tensors have gradients; "
            f"it comes from {_describe(tensor.op)}")
