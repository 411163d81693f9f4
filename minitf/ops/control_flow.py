"""Conditions and loops: If and While are ops whose bodies are graphs (graph/func_graph.py).

    If     (cond, inputs)  -> outputs of then_branch(inputs) or of else_branch(inputs); the other branch does not run
    While  (loop variables, captures) -> loop variables, after `body` has run as long as `cond` says

Every body takes the same inputs as its op: first the loop variables, then what the bodies capture from around them.  A While may give a
further output, its history: what the last outputs of its body were in each iteration.  The gradient asks for it (autodiff/control_flow_grad.py).
"""
import warnings

from ..core.dtypes import bool as bool_dtype
from ..core.dtypes import variant
from ..core.registry import register_op
from ..core.shapes import TensorShape
from ..graph import FuncGraph
from .shape_fns import SCALAR, UNKNOWN, with_rank

register_op("Argument", [], ["value: dtype"], ["dtype: type", "shape: shape = None"])(lambda c: [c.attrs["shape"]])
register_op("RefArgument", [], ["ref: Ref(dtype)"], ["dtype: type", "shape: shape = None"], is_stateful=True)(lambda c: [c.attrs["shape"]])

IFS, WHILES = ("If", "StatelessIf"), ("While", "StatelessWhile")
IF_ATTRS = ["Tin: list(type)", "Tout: list(type)", "then_branch: graph", "else_branch: graph"]
WHILE_ATTRS = ["T: list(type)", "Tout: list(type)", "cond: graph", "body: graph", "shapes: list(shape)", "saved: int = -1", "back_prop: bool = True"]


def if_shape(c):
    with_rank(c, 0, 0)
    then, other, count = c.attrs["then_branch"], c.attrs["else_branch"], len(c.attrs["Tout"])
    for body in (then, other):
        check_body(c, body, c.tensors[1:], c.attrs["Tout"])
    return [common_shape(a.shape, b.shape) for a, b in zip(then.outputs[:count], other.outputs[:count])]


def while_shape(c):
    """Of the loop variables, their invariants; a scalar for the history."""
    shapes, saved = c.attrs["shapes"], c.attrs["saved"]
    types = c.attrs["T"][:len(shapes)]
    check_body(c, c.attrs["cond"], c.tensors, (bool_dtype,))
    if not c.attrs["cond"].outputs[0].shape.is_compatible_with(SCALAR):
        raise ValueError(f"the condition of a loop must be a scalar, got {c.attrs['cond'].outputs[0]}")
    check_body(c, c.attrs["body"], c.tensors, types)
    if not -1 <= saved <= len(c.attrs["body"].outputs) - len(types):
        raise ValueError(f"the body has {len(c.attrs['body'].outputs)} outputs, too few for {len(types)} loop variables and {saved} saved values")
    if c.attrs["Tout"] != types + ((variant,) if saved >= 0 else ()):
        raise ValueError("Tout must be the dtypes of the loop variables, and variant for a history")
    if any(t.dtype.is_ref_dtype for t in c.tensors[:len(shapes)]):
        raise ValueError("a loop variable can not be a reference")
    return [*shapes, *([SCALAR] if saved >= 0 else [])]


def check_body(c, body, inputs, types):
    """ValueError unless the body takes these inputs and gives outputs of these types, and perhaps more."""
    if [t.dtype for t in body.inputs] != [t.dtype for t in inputs]:
        raise ValueError(f"a body that takes {[t.dtype.name for t in body.inputs]} can not be given {[t.dtype.name for t in inputs]}")
    have = tuple(t.dtype.base_dtype for t in body.outputs[:len(types)])
    if have != tuple(types):
        raise ValueError(f"a body must give {[d.name for d in types]}, it gives {[d.name for d in have]}")


def common_shape(a, b):
    """What is true of both shapes."""
    if a.ndims is None or b.ndims is None or a.ndims != b.ndims:
        return UNKNOWN
    return TensorShape([m if m == n else None for m, n in zip(a.tuple, b.tuple)])


for _name in IFS:
    register_op(_name, ["cond: bool", "input: Tin"], ["output: Tout"], IF_ATTRS, is_stateful=_name == "If")(if_shape)
for _name in WHILES:
    register_op(_name, ["input: T"], ["output: Tout"], WHILE_ATTRS, is_stateful=_name == "While")(while_shape)

register_op("HistoryLength", ["history: variant"], ["length: int32"])(lambda c: [SCALAR])


@register_op("HistoryRead", ["history: variant", "index: int32"], ["values: Tout"], ["Tout: list(type)", "shapes: list(shape)", "fields: list(int)"])
def history_read_shape(c):
    """What a loop saved in iteration `index`: those of its saved values that `fields` lists."""
    with_rank(c, 0, 0)
    with_rank(c, 1, 0)
    if not len(c.attrs["Tout"]) == len(c.attrs["shapes"]) == len(c.attrs["fields"]):
        raise ValueError("Tout, shapes and fields must have one element per value")
    return list(c.attrs["shapes"])


def create_if(graph, cond, then, other, name):
    """An If over two finished bodies, whose captures become its inputs: the operation."""
    inputs = share_captures([then, other])
    _check_outputs(then, other)
    attrs = {"Tin": tuple(t.dtype.base_dtype for t in inputs), "Tout": tuple(t.dtype.base_dtype for t in then.outputs),
             "then_branch": then, "else_branch": other}
    return _create(graph, "If", [then, other], [cond, *inputs], attrs, name)


def create_while(graph, cond, body, initial, shapes, name, **attrs):
    """A While over two finished bodies, whose captures become its last inputs: the operation.  Both have inputs for the loop variables already."""
    inputs = [*initial, *share_captures([cond, body])]
    types = tuple(t.dtype.base_dtype for t in inputs)
    attrs = {"T": types, "Tout": types[:len(initial)], "cond": cond, "body": body, "shapes": tuple(shapes), "saved": -1, "back_prop": True, **attrs}
    return _create(graph, "While", [cond, body], inputs, attrs, name)


def _create(graph, op_type, bodies, inputs, attrs, name):
    is_stateful = any(body.is_stateful for body in bodies)
    with graph.control_dependencies(list(dict.fromkeys(c for body in bodies for c in body.controls))):
        op = graph.create_op(op_type if is_stateful else "Stateless" + op_type, inputs, attrs, name)
    asked = {o.device: o for body in bodies for o in body.get_operations() if o.device and not o.colocation}
    if not op.device and len(asked) == 1:
        op.device = next(iter(asked))
    for device, inner in asked.items():
        if device != op.device:
            warnings.warn(f"'{inner.name}' ({inner.type}) asks for device {device}, but '{op.name}' ({op.type}) runs wholly on one device"
                          + (f", {op.device}" if op.device else "") + f". (It was made at {inner.source})", stacklevel=4)
    return op


def share_captures(bodies):
    """The outer tensors that the bodies capture, each once; every body gets an input for each of them, in this order."""
    captured = list(dict.fromkeys(t for body in bodies for t in body.captures))
    for body in bodies:
        body.inputs.extend(body.captures[t] if t in body.captures else body.add_input(t.dtype, t.shape, t.op.name.rpartition("/")[2], t) for t in captured)
    return captured


def _check_outputs(then, other):
    if len(then.outputs) != len(other.outputs):
        raise ValueError(f"fn1 and fn2 must return the same number of results. They return {len(then.outputs)} and {len(other.outputs)}.")
    for a, b in zip(then.outputs, other.outputs):
        if a.dtype.base_dtype is not b.dtype.base_dtype:
            raise ValueError(f"Outputs of fn1 and fn2 must have the same type: {a.dtype.base_dtype.name}, {b.dtype.base_dtype.name}")


def body_graph(outer, scope=None):
    """An empty body for an op in `outer`."""
    return FuncGraph(outer, outer._name_stack if scope is None else scope)
