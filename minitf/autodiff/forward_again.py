"""The forward computation of a body once more, inside the body of its gradient; and what the forward op must keep for it.

A control flow op is extended after the fact: outputs are added behind those it has, in both branches or as a history.  Programs that
were prepared before stay valid, since each knows how many outputs it was made for.
"""
from ..core.dtypes import int32, string, variant
from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import FuncGraph, Tensor, get_default_graph
from ..ops import array_ops, logical_ops
from ..ops.apply import apply_op
from ..ops.constant_op import constant
from ..ops.control_flow import IFS, WHILES, common_shape, create_if, create_while
from ..ops.shape_fns import SCALAR

register_op("NoHistory", [], ["history: variant"])(lambda c: [SCALAR])      # where the loop is in the branch that is not taken


def is_repeatable(op):
    """Whether running an op once more gives the same results, whatever has happened since."""
    return not op.op_def.is_stateful and op.type != "Argument" and not (op.type == "Identity" and op.inputs[0].dtype.is_ref_dtype)


class Again:
    """Copies of a body's ops in the default graph.

    known   {tensor of the body: what stands for it}; the body's inputs, to begin with
    keep    function(tensor of the body) -> what stands for it: for values that can not be computed again
    reads   {reference that is an input of the body: [what stands for the values that were read from it]}; filled
    """

    def __init__(self, known, keep):
        self.graph, self.known, self.keep, self.reads = get_default_graph(), dict(known), keep, {}

    def tensor(self, tensor):
        """What stands for a tensor of the body; made, with all that it needs, if it is not there yet.  Iterative: a body may be long."""
        for op in self._needed(tensor):
            self._copy(op)
        return self._value(tensor)

    def _needed(self, tensor):
        """The ops to copy, in order."""
        found, stack = set(), [tensor]
        while stack:
            t = stack.pop()
            if t in self.known or t.dtype.is_ref_dtype or t.op in found:
                continue
            found.add(t.op)
            if is_repeatable(t.op) or t.op.type in IFS + WHILES:
                stack.extend(t.op.inputs)
        return sorted(found, key=lambda op: op._id)

    def _value(self, tensor):
        if tensor not in self.known:
            with self.graph.as_default():               # not the body of a nested op, which asks too
                self.known[tensor] = self.keep(tensor)
            if tensor.dtype.is_ref_dtype:
                self.note_read(tensor, self.known[tensor])
        return self.known[tensor]

    def note_read(self, reference, value):
        if reference.op.type == "RefArgument":
            self.reads.setdefault(reference, []).append(value)

    def _copy(self, op):
        if op.type in IFS + WHILES and op.op_def.is_stateful:
            self.known.update(zip(op.outputs, (_if_again if op.type in IFS else _while_again)(op, self)))
        elif is_repeatable(op):
            graph, attrs = get_default_graph(), op.attrs
            if op.type in WHILES:                       # without a history, unless somebody asks for it
                attrs = {**attrs, "saved": -1, "Tout": attrs["Tout"][:len(attrs["shapes"])]}
            inputs = [self._value(t) for t in op.inputs]
            with graph._original_op(op):
                outputs = graph.create_op(op.type, inputs, attrs, op.name.rpartition("/")[2]).outputs
            for t, copy in zip(op.outputs, outputs):
                copy.set_shape(t.shape)
                self.known[t] = copy
        else:
            for t in op.outputs:
                if not t.dtype.is_ref_dtype:
                    value = self._value(t)
                    if op.type == "Identity":
                        self.note_read(op.inputs[0], value)


def _if_again(op, again):
    """The outputs of an If without state that gives what a stateful one gave: what its ops can not repeat are inputs of it."""
    graph, count, bodies = get_default_graph(), len(op.outputs), []
    pred = again._value(op.inputs[0])
    for branch in (op.attrs["then_branch"], op.attrs["else_branch"]):
        body = FuncGraph(graph, graph._name_stack)
        with body.as_default():
            known = {t: again._value(given) for t, given in zip(branch.inputs, op.inputs[1:]) if not t.dtype.is_ref_dtype}
            inner = Again(known, lambda t, branch=branch: again._value(if_output(op, branch, t)))
            body.outputs = [body.capture(inner.tensor(t)) for t in branch.outputs[:count]]
            for reference, given in zip(branch.inputs, op.inputs[1:]):
                for value in inner.reads.get(reference, ()):
                    again.note_read(given, value)
        bodies.append(body)
    return create_if(graph, pred, *bodies, op.name.rpartition("/")[2]).outputs


def _while_again(op, again):
    """The outputs of a While without state that repeats a stateful one, as often as that ran; what its ops can not repeat is in the history."""
    graph, forward, count = get_default_graph(), op.attrs["body"], len(op.attrs["shapes"])
    fields = HistoryFields(op)
    history = again._value(fields.history)
    initial = [again._value(t) for t in op.inputs[:count]]
    body = FuncGraph(graph, graph._name_stack)
    index = body.add_input(int32, SCALAR, "i")
    variables = [body.add_input(t.dtype, shape, f"v{k}") for k, (t, shape) in enumerate(zip(initial, op.attrs["shapes"]))]
    body.inputs = [index, *variables]
    with body.as_default():
        known = dict(zip(forward.inputs, variables))
        known.update((t, again._value(given)) for t, given in zip(forward.inputs[count:], op.inputs[count:]) if not t.dtype.is_ref_dtype)
        inner = Again(known, lambda t: fields.read(t, index, history))
        body.outputs = [body.capture(t) for t in [index + 1, *[inner.tensor(t) for t in forward.outputs[:count]]]]
    if inner.reads:
        raise NotImplementedError(f"There is no gradient through the read of a variable inside the loop '{op.name}', which is in the body of another "
                                  "control flow op. Read it outside: variable.value() is captured.")
    fields.settle(body)
    test = FuncGraph(graph, graph._name_stack)
    test.inputs = [test.add_input(t.dtype, t.shape, t.op.name.rpartition("/")[2]) for t in body.inputs]
    with test.as_default():
        test.outputs = [logical_ops.less(test.inputs[0], apply_op("HistoryLength", history))]
    loop = create_while(graph, test, body, [constant(0), *initial], [SCALAR, *op.attrs["shapes"]], op.name.rpartition("/")[2], back_prop=op.attrs["back_prop"])
    return loop.outputs[1:]


def if_output(op, branch, tensor):
    """The output of an If that is `tensor`, of one of its branches, if that branch is taken; the op gets it if it has none yet."""
    then, other = op.attrs["then_branch"], op.attrs["else_branch"]
    if not any(t is tensor for t in branch.outputs):
        with (other if branch is then else then).as_default() as untaken:
            untaken.outputs.append(_filler(tensor))
        branch.outputs.append(tensor)
    number = next(k for k, t in enumerate(branch.outputs) if t is tensor)
    for k in range(len(op.outputs), number + 1):
        _add_output(op, then.outputs[k].dtype.base_dtype, common_shape(then.outputs[k].shape, other.outputs[k].shape))
    return op.outputs[number]


def _filler(tensor):
    """A value for the branch that does not make `tensor`: of its shape where that is known, else empty."""
    dtype, shape = tensor.dtype.base_dtype, tensor.shape
    with get_default_graph().control_dependencies(None):
        if dtype is variant:
            return apply_op("NoHistory")
        dims = shape.as_list() if shape.is_fully_defined() else [0] * (shape.ndims or 1)
        return constant(b"", shape=dims) if dtype is string else array_ops.zeros(dims, dtype)


def _add_output(op, dtype, shape):
    op.attrs = {**op.attrs, "Tout": (*op.attrs["Tout"], dtype)}
    op.outputs.append(Tensor(op, len(op.outputs), dtype, shape))


class HistoryFields:
    """What the gradient of a loop reads of its history: a place for each tensor of the loop's body that is asked for.

    Reads are made while the gradient's body is built; those that turn out to be needed are kept by the forward loop, once settle() is called.
    """
    def __init__(self, op):
        self.op, self.count, self.pending = op, len(op.attrs["shapes"]), []
        if op.attrs["saved"] < 0:
            op.attrs = {**op.attrs, "saved": 0}
            _add_output(op, variant, TensorShape([]))
        self.history = op.outputs[self.count]

    def read(self, tensor, index, history=None):
        """`tensor` as it was in iteration `index`."""
        value = apply_op("HistoryRead", self.history if history is None else history, index,
                         Tout=[tensor.dtype.base_dtype], shapes=[tensor.shape], fields=[0])[0]
        self.pending.append((value.op, tensor))
        return value

    def settle(self, body):
        """Have the loop keep what the outputs of `body` need."""
        needed, stack = set(), [t.op for t in body.outputs]
        while stack:
            op = stack.pop()
            if op not in needed:
                needed.add(op)
                stack.extend(t.op for t in op.inputs)
        kept = self.op.attrs["body"].outputs
        for read, tensor in self.pending:
            if read in needed:
                field = next((k for k, t in enumerate(kept[self.count:]) if t is tensor), None)
                if field is None:
                    field = len(kept) - self.count
                    kept.append(tensor)
                read.attrs = {**read.attrs, "fields": (field,)}
                self.op.attrs = {**self.op.attrs, "saved": max(self.op.attrs["saved"], field + 1)}
