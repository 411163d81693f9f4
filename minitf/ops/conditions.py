"""tf.cond and tf.case: only the ops made inside the function that is chosen run."""
import warnings

from ..core.dtypes import bool as bool_dtype
from ..graph import FuncGraph, Operation, Tensor, control_dependencies, convert_to_tensor, here, name_scope
from . import array_ops, logical_ops, math_ops, nest
from .constant_op import constant
from .control_flow import create_if
from .logging_ops import Assert

QUIET = ("VariableV2", "RefArgument", "RandomUniform", "RandomStandardNormal", "TruncatedNormal", "RandomUniformInt", "IsVariableInitialized")


def cond(pred, true_fn=None, false_fn=None, strict=False, name=None, fn1=None, fn2=None):
    """true_fn() if the scalar bool tensor pred is true, else false_fn(): the value of the function that is chosen.

    true_fn, false_fn  functions of no arguments that return tensors, nested alike and of the same dtypes.  Ops that they make run only if
                       their function is chosen; what was made outside them runs in any case.  A function that returns an operation
                       gives a bool once the operation has run.
    strict             keep lists and tuples of one element as they are, rather than give the element itself
    fn1, fn2           old names of true_fn and false_fn

    The result is as the functions', its static shape what both have in common.  Gradients flow through the branch that was taken.
    TypeError if pred is a Python bool, or if the functions' results do not match.

    >>> y = tf.cond(x < 0., lambda: -x, lambda: tf.sqrt(x))
    """
    true_fn = _renamed("true_fn", true_fn, "fn1", fn1)
    false_fn = _renamed("false_fn", false_fn, "fn2", fn2)
    if isinstance(pred, bool):
        raise TypeError("pred must not be a Python bool")
    with name_scope(name, "cond", [pred]) as scope:
        pred = convert_to_tensor(pred, name="pred")
        if pred.dtype.base_dtype is not bool_dtype:
            raise TypeError(f"pred must be a bool tensor, got {pred}")
        if not pred.get_shape().is_compatible_with([]):
            raise ValueError(f"pred must be a scalar, got {pred}; tf.where chooses element by element")
        graph = here(pred.graph)
        then, result = _branch(graph, scope, true_fn, True, strict)
        other, other_result = _branch(graph, scope, false_fn, False, strict)
        if len(nest.flatten(result)) == len(nest.flatten(other_result)) and not nest.same_structure(result, other_result):
            raise TypeError(f"Incompatible return types of true_fn and false_fn: they are nested differently, {result!r} and {other_result!r}")
        op = create_if(graph, pred, then, other, scope)
        return nest.pack(result, op.outputs)


def _renamed(name, value, old_name, old_value):
    if old_value is not None:
        if value is not None:
            raise TypeError(f"cond(): {name} and {old_name} may not be set simultaneously.")
        value = old_value
    if value is None:
        raise TypeError(f"cond(): {name} argument required")
    if not callable(value):
        raise TypeError(f"{name} must be callable.")
    return value


def _branch(graph, scope, function, which, strict):
    """(body, the structure that the function returned)."""
    body = FuncGraph(graph, scope)
    with body.as_default():
        result = function()
        if not strict and isinstance(result, (list, tuple)) and len(result) == 1:
            result = result[0]
        body.outputs = [_output(body, leaf, which) for leaf in nest.flatten(result)]
        if not body.outputs:
            raise ValueError(f"{'true_fn' if which else 'false_fn'} must return at least one tensor, got {result!r}")
    return body, result


def _output(body, value, which):
    """What a branch returned as a tensor of its body; of an operation (or nothing), a bool that is there once it has run."""
    if value is None or isinstance(value, Operation):
        with control_dependencies([] if value is None else [value]):
            return array_ops.identity(constant(which))
    tensor = convert_to_tensor(value)
    if tensor.graph is not body:
        _warn_of_effects(tensor, which)
    if tensor.dtype.is_ref_dtype:
        return array_ops.identity(tensor)
    return body.capture(tensor)


def _warn_of_effects(tensor, which):
    """Warn if a tensor that a branch only passes on has side effects behind it: they happen whichever branch is chosen."""
    seen, stack = {tensor.op}, [tensor.op]
    while stack:
        op = stack.pop()
        if op.op_def.is_stateful and op.type not in QUIET:
            warnings.warn(f"tf.cond: {'true_fn' if which else 'false_fn'} returns {tensor.name!r}, which was made outside it: {op.name!r} ({op.type}) "
                          f"runs whichever branch is taken. Make it inside the function. (It was made at {op.source})", stacklevel=6)
            return
        for needed in [t.op for t in op.inputs] + op.control_inputs:
            if needed not in seen:
                seen.add(needed)
                stack.append(needed)


def case(pred_fn_pairs, default=None, exclusive=False, strict=False, name="case"):
    """The value of the first function whose predicate is true, else of default().

    pred_fn_pairs  [(bool scalar, function)], or a dict; the functions as for tf.cond
    default        a function; without one, it is an InvalidArgumentError if no predicate is true
    exclusive      it is an InvalidArgumentError if more than one predicate is true

    >>> tf.case([(x < y, lambda: x), (y < z, lambda: y)], default=lambda: z)
    """
    if isinstance(pred_fn_pairs, dict):
        pairs = list(pred_fn_pairs.items())
        if not all(isinstance(pred, Tensor) for pred, _ in pairs):
            raise TypeError(f"the keys of pred_fn_pairs must be tensors, got {[pred for pred, _ in pairs]}")
        if not exclusive:
            pairs.sort(key=lambda pair: pair[0].name)
    elif isinstance(pred_fn_pairs, (list, tuple)):
        pairs = list(pred_fn_pairs)
    else:
        raise TypeError("pred_fn_pairs must be a list, tuple, or dict.")
    if not pairs:
        raise ValueError("pred_fn_pairs must have at least one pair")
    for pair in pairs:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError("Each entry in pred_fn_pairs must be a 2-tuple.")
        pred, function = pair
        if isinstance(pred, bool) or getattr(pred, "dtype", None) != bool_dtype:
            raise TypeError(f"pred must be Tensor of type bool: {pred!r}")
        if not callable(function):
            raise TypeError(f"fn for pred {pred.name} must be callable.")
    if default is not None and not callable(default):
        raise TypeError("default must be callable.")
    with name_scope(name, "case", [pred for pred, _ in pairs]):
        preds = [convert_to_tensor(pred) for pred, _ in pairs]
        names = ", ".join(p.name for p in preds)
        checks = []
        if exclusive and len(preds) > 1:
            count = math_ops.add_n([math_ops.cast(p, "int32") for p in preds])
            checks.append(Assert(logical_ops.less_equal(count, 1), [
                f"More than one condition evaluated as True but exclusive=True.  Conditions: ({names}), Values:", *preds]))
        if default is None:
            default = pairs.pop()[1]
            true = preds[0]
            for p in preds[1:]:
                true = logical_ops.logical_or(true, p)
            checks.append(Assert(true, [f"None of the conditions evaluated as True.  Conditions: ({names}), Values:", *preds]))
        with control_dependencies(checks):
            if not pairs:
                return _checked(default(), checks, strict)
            return _first(list(zip(preds, [function for _, function in pairs])), default, strict)


def _first(pairs, default, strict):
    (pred, function), rest = pairs[0], pairs[1:]
    return cond(pred, function, (lambda: _first(rest, default, strict)) if rest else default, strict=strict)


def _checked(result, checks, strict):
    """A function's result when there is nothing to choose, once the checks have run."""
    if not strict and isinstance(result, (list, tuple)) and len(result) == 1:
        result = result[0]
    with control_dependencies(checks):
        return nest.pack(result, [array_ops.identity(leaf) for leaf in nest.flatten(result)])
