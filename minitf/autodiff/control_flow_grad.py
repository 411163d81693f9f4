"""Gradients of If and While: again an If and a While, whose bodies compute the forward body once more and differentiate it.

What can not be computed again, since it might come out differently (random numbers, reads of variables, results of Python functions),
becomes a further output of the forward op (forward_again.py).  A loop's further output is its history: per iteration the loop variables that
the gradient needs, and the values that can not be computed again; the loop of the gradient goes through it backwards.
"""
from ..core.dtypes import int32
from ..core.registry import not_differentiable, register_gradient
from ..core.shapes import TensorShape
from ..graph import FuncGraph, convert_to_tensor
from ..ops import array_ops, logical_ops, math_ops
from ..ops.apply import apply_op
from ..ops.control_flow import IFS, WHILES, create_if, create_while
from .forward_again import Again, HistoryFields, if_output
from .gradients import gradients

for _op_type in ("Argument", "RefArgument", "HistoryLength", "HistoryRead", "NoHistory"):
    not_differentiable(_op_type)


def _if_grad(op, *grads):
    """An If whose branches give the gradients of the inputs; zeros where only the other branch uses an input."""
    graph, count = op.graph, len(grads)
    wanted = [k for k in range(count) if grads[k] is not None and op.outputs[k].dtype.carries_gradient]
    bodies, found = [], []
    for branch in (op.attrs["then_branch"], op.attrs["else_branch"]):
        body = FuncGraph(graph, graph._name_stack)
        with body.as_default():
            known = {t: array_ops.identity(given) for t, given in zip(branch.inputs, op.inputs[1:]) if not t.dtype.is_ref_dtype}
            again = Again(known, lambda t, branch=branch: if_output(op, branch, t))
            ys = [body.capture(again.tensor(branch.outputs[k])) for k in wanted]
            found.append(_input_gradients(body, branch.inputs, again, ys, [body.capture(grads[k]) for k in wanted]))
        bodies.append(body)
    active = [j for j, t in enumerate(op.inputs[1:]) if any(gs[j] is not None for gs in found)]
    if not active:
        return [None] * len(op.inputs)
    for body, gs in zip(bodies, found):
        with body.as_default():
            body.outputs = [gs[j] if gs[j] is not None else _zeros(op.inputs[1 + j]) for j in active]
    results = dict(zip(active, create_if(graph, op.inputs[0], *bodies, op.name.rpartition("/")[2]).outputs))
    return [None] + [results.get(j) for j in range(len(op.inputs) - 1)]


def _input_gradients(body, inputs, again, ys, grad_ys):
    """Per input of a forward body its gradient, a tensor of `body`, or None; of a reference, that of the values read from it."""
    stands = []                               # per input: the tensors of `body` that stand for it
    for t in inputs:
        if not t.dtype.carries_gradient:
            stands.append([])
        elif t.dtype.is_ref_dtype:
            stands.append([body.capture(read) for read in dict.fromkeys(again.reads.get(t, ()))])
        else:
            stands.append([again.known[t]] if t in again.known else [])
    xs = list(dict.fromkeys(x for group in stands for x in group))
    grads = dict(zip(xs, gradients(ys, xs, grad_ys))) if ys and xs else {}
    totals = []
    for group in stands:
        terms = [convert_to_tensor(grads[x]) for x in group if grads[x] is not None]
        totals.append(None if not terms else body.capture(terms[0] if len(terms) == 1 else math_ops.add_n(terms)))
    return totals


def _zeros(tensor):
    """Zeros of the shape of a tensor or of a variable's value."""
    if tensor.shape.is_fully_defined():
        return array_ops.zeros(tensor.shape, tensor.dtype.base_dtype)
    return array_ops.zeros_like(array_ops.identity(tensor) if tensor.dtype.is_ref_dtype else tensor)


def _while_grad(op, *grads):
    """A While over the history, backwards: per iteration the gradients of the loop variables before it, and the captures' gradients so far.

        variables: i = n - 1, d = the gradients of the results, sums = 0
        while i >= 0:
            d, more = the gradients of the body's inputs in iteration i, given those of its outputs, d
            i, sums = i - 1, sums + more
    """
    if op.attrs.get("_gradient_loop"):
        raise TypeError("Second-order gradient for while loops not supported.")
    if not op.attrs["back_prop"]:
        return [None] * len(op.inputs)
    graph, forward, count = op.graph, op.attrs["body"], len(op.attrs["shapes"])
    floats = [k for k in range(count) if op.outputs[k].dtype.carries_gradient]
    fields = HistoryFields(op)
    body = FuncGraph(graph, graph._name_stack)
    index = body.add_input(int32, TensorShape([]), "i")
    d = {k: body.add_input(op.outputs[k].dtype, op.attrs["shapes"][k], f"d{k}") for k in floats}
    body.inputs = [index, *d.values()]
    with body.as_default():
        known = {}
        for k, (t, given) in enumerate(zip(forward.inputs, op.inputs)):
            if not t.dtype.is_ref_dtype and (k >= count or forward.outputs[k] is t):
                known[t] = array_ops.identity(given)
        again = Again(known, lambda t: fields.read(t, index))
        ys = [body.capture(again.tensor(forward.outputs[k])) for k in floats]
        found = _input_gradients(body, forward.inputs, again, ys, list(d.values()))
        outputs = [index - 1] + [found[k] if found[k] is not None else array_ops.zeros_like(d[k]) for k in floats]
        summed = [j for j in range(count, len(op.inputs)) if found[j] is not None]
        for j in summed:
            total = body.add_input(op.inputs[j].dtype.base_dtype, op.inputs[j].shape, f"sum{j}")
            body.inputs.append(total)
            outputs.append(math_ops.add(total, found[j]))
        body.outputs = [body.capture(t) for t in outputs]
    fields.settle(body)
    test = FuncGraph(graph, graph._name_stack)
    test.inputs = [test.add_input(t.dtype, t.shape, t.op.name.rpartition("/")[2]) for t in body.inputs]
    with test.as_default():
        test.outputs = [logical_ops.greater_equal(test.inputs[0], 0)]
    initial = [apply_op("HistoryLength", fields.history) - 1, *[grads[k] for k in floats], *[_zeros(op.inputs[j]) for j in summed]]
    loop = create_while(graph, test, body, initial, [t.shape for t in body.inputs], op.name.rpartition("/")[2], _gradient_loop=True)
    results = dict(zip([*floats, *summed], loop.outputs[1:]))
    return [results.get(j) for j in range(len(op.inputs))]


def _where_the_loop_is(op, *grads):
    """What the iterations have kept is there, whatever device is asked for around gradients()."""
    with op.graph.colocate_with(op, ignore_existing=True):
        return _while_grad(op, *grads)


for _op_type in IFS:
    register_gradient(_op_type)(_if_grad)
for _op_type in WHILES:
    register_gradient(_op_type)(_where_the_loop_is)
