"""gradients(): the chain rule as a walk over the graph that adds the adjoint ops.

    order    = the ops between xs and ys, last first
    terms[y] = [grad_y] for the ys
    for op in order:
        grads of op's outputs = sum of terms[output]
        terms[input] += the op's rule(op, grads)
    result   = sum of terms[x] for the xs

Ops are made in a topological order, so their serial numbers give `order`; no recursion, and every op is visited once, however
many paths lead through it.  After Griewank & Walther, Evaluating Derivatives, 3.2; the form is that of TensorFlow's
gradients_impl.py.
"""
import contextlib

from ..core.registry import gradient_of
from ..core.swap import swappable
from ..graph import Tensor, convert_to_tensor, get_default_graph, graph_of
from ..core.shapes import shape_text
from ..ops import array_ops, control_ops, slice_ops
from ..ops.indexed_slices import IndexedSlices
from .aggregate import AggregationMethod, aggregate

# What these ops do to a tensor they do to its rows, so they may be given the gradient as IndexedSlices.
KEEPS_SLICES = {"Identity"}


class UnconnectedGradients:
    """What gradients() gives for an x on which no y depends."""
    NONE = "none"
    ZERO = "zero"


def gradients(ys, xs, grad_ys=None, name="gradients", colocate_gradients_with_ops=False, gate_gradients=False,
              aggregation_method=None, stop_gradients=None, unconnected_gradients=UnconnectedGradients.NONE):
    """The sum over ys of dy/dx, for every x: a list of tensors, made by ops that are added to the graph.

    ys, xs                  a tensor (or variable), or a list of them
    grad_ys                 what to start from, one per y with its shape and dtype; None (also in the list) means ones
    colocate_gradients_with_ops  put each op's gradient on the device of that op
    gate_gradients          use the gradients of an op's inputs only when all of them are there
    aggregation_method      one of AggregationMethod: how several terms for one tensor are summed
    stop_gradients          tensors that count as constants
    unconnected_gradients   None ("none") or zeros ("zero") for an x on which no y depends

    The gradient of a lookup is an IndexedSlices.  None stands for "does not depend on x through differentiable ops";
    explain_gradient(y, x) says why.
    LookupError if an op on the way has no registered gradient; ValueError or TypeError if grad_ys or what a rule gives does not fit, or
    if ys and xs are of several graphs.

    >>> x = tf.constant(3.0)
    >>> tf.gradients(x * x, x)        # [a tensor that is 6.0]
    """
    ys, xs, stops = _several(ys, "ys"), _several(xs, "xs"), _as_list(stop_gradients)
    if unconnected_gradients not in (UnconnectedGradients.NONE, UnconnectedGradients.ZERO):
        raise ValueError(f"Unknown value for unconnected_gradients: {unconnected_gradients!r}")
    grad_ys = [None] * len(ys) if grad_ys is None else _as_list(grad_ys)
    if len(grad_ys) != len(ys):
        raise ValueError(f"Passed {len(grad_ys)} grad_ys for {len(ys)} ys")
    graph = graph_of(ys + xs + stops)
    with graph.as_default(), graph.name_scope(name or "gradients") as scope:
        ys = [convert_to_tensor(y, name="y") for y in ys]
        xs = [symbol(x) for x in xs]
        stands = {x: _stands(graph, x) for x in xs}
        terms = {}
        for i, (y, grad) in enumerate(zip(ys, grad_ys)):
            if y.dtype.carries_gradient:
                terms.setdefault(y, []).append(_initial_gradient(y, grad, i))
        order, wanted = paths(terms, [t for x in xs if x.dtype.carries_gradient for t in stands[x]], {symbol(s).op for s in stops})
        for op in order:
            _visit(op, terms, wanted, scope, colocate_gradients_with_ops, gate_gradients, aggregation_method)
        for x in xs:
            if len(stands[x]) > 1:
                terms[x] = [g for t in stands[x] for g in terms.get(t, ())]
        results = [_total(x, terms, aggregation_method) for x in xs]
        if unconnected_gradients == UnconnectedGradients.ZERO:
            results = [array_ops.zeros_like(x) if g is None else g for x, g in zip(xs, results)]
    return results


def hessians(ys, xs, name="hessians", **options):
    """For every x, the second derivatives of the sum of ys: a tensor of shape x.shape + x.shape.

    The gradient is differentiated once per element of x, so the graph grows with that number; x must have a static shape.
    options: as in gradients().
    """
    xs = _as_list(xs)
    results = []
    with get_default_graph().name_scope(name):
        for x, grad in zip(xs, gradients(ys, xs, **options)):
            dims = x.get_shape().tuple
            if dims is None or None in dims:
                raise ValueError(f"hessians needs a static shape, but {x.name} has shape {shape_text(x.get_shape())}")
            if grad is None:
                results.append(None)
                continue
            elements = slice_ops.unstack(array_ops.reshape(convert_to_tensor(grad), [-1]), x.get_shape().num_elements())
            rows = [gradients(g, x, unconnected_gradients=UnconnectedGradients.ZERO, **options)[0] for g in elements]
            results.append(array_ops.reshape(slice_ops.stack([convert_to_tensor(r) for r in rows]), dims + dims))
    return results


@swappable
def paths(ys, xs, stops=()):
    """(order, wanted): the ops to visit, last first, and the tensors on which some x acts through differentiable ops.

    ys, xs: tensors; the walk passes tensors of floating-point and complex numbers only, no op whose type is declared not differentiable, and
    no op of `stops`.
    """
    ancestors, stack = set(), [y.op for y in ys]
    while stack:
        op = stack.pop()
        if op not in ancestors:
            ancestors.add(op)
            stack.extend(t.op for t in op.inputs if t.dtype.carries_gradient)
    wanted, order = set(xs), []
    for op in sorted(ancestors, key=lambda op: op._id):
        if any(t in wanted for t in op.inputs) and op not in stops and is_differentiable(op):
            order.append(op)
            wanted.update(t for t in op.outputs if t.dtype.carries_gradient)
    order.reverse()
    return order, wanted


def is_differentiable(op):
    """False where the op's type is declared as one that gradients do not pass; unknown types count as differentiable."""
    try:
        return gradient_rule(op) is not None
    except LookupError:
        return True


def gradient_rule(op):
    """The function registered for the op, by the name that gradient_override_map gave or by its type; LookupError if none."""
    try:
        return gradient_of(op.attrs.get("_gradient_op_type", op.type))
    except LookupError:
        raise LookupError(f"No gradient defined for operation '{op.name}' (op type: {op.type})"
                          + (f", made at {op.source}" if str(op.source) else "")) from None


def _visit(op, terms, wanted, scope, colocate, gate, method):
    """Sum what arrived for op's outputs, call its rule, and hand the results on to its inputs."""
    graph = op.graph
    with graph._original_op(op), (graph.colocate_with(op) if colocate else _nothing):
        grads = [_total(t, terms, method) for t in op.outputs]
        if all(g is None for g in grads):
            return
        rule = gradient_rule(op)
        with graph.name_scope(f"{scope}{op.name}_grad/"):
            if op.type not in KEEPS_SLICES:
                grads = [convert_to_tensor(g) if type(g) is IndexedSlices else g for g in grads]
            grads = [array_ops.zeros_like(t) if g is None and t.dtype.carries_gradient else g for t, g in zip(op.outputs, grads)]
            results = rule(op, *grads)
            results = list(results) if isinstance(results, (list, tuple)) else [results]
            if len(results) != len(op.inputs):
                raise ValueError(f"Num gradients {len(results)} generated for op {op.describe()} do not match num inputs {len(op.inputs)}")
            if gate and sum(g is not None for g in results) > 1:
                results = control_ops.tuple(results)
    for i, (t, g) in enumerate(zip(op.inputs, results)):
        if g is not None:
            g = _checked(op, i, t, g)
            if t in wanted:
                terms.setdefault(t, []).append(g)


_nothing = contextlib.nullcontext()


def _total(tensor, terms, method):
    """The gradient of a tensor from its terms; it takes their place.  None if there are none."""
    found = terms.get(tensor)
    if not found:
        return None
    if len(found) > 1:
        found[:] = [aggregate(found, method)]
    return found[0]


def _checked(op, i, tensor, grad):
    """A rule's result for input i, with the dtype and shape of that input."""
    if not isinstance(grad, (Tensor, IndexedSlices)):
        grad = convert_to_tensor(grad, tensor.dtype.base_dtype)
    if grad.dtype.base_dtype is not tensor.dtype.base_dtype:
        raise ValueError(f"Gradient type {grad.dtype.base_dtype.name} generated for op {op.describe()} does not match input type "
                         f"{tensor.dtype.base_dtype.name} of input {i}")
    if type(grad) is Tensor and grad._shape.tuple != tensor._shape.tuple:
        try:
            grad.set_shape(tensor._shape)
        except ValueError:
            raise ValueError(f"Incompatible shapes between op input and calculated input gradient. Forward operation: {op.name}. "
                             f"Input index: {i}. Original input shape: {shape_text(tensor._shape)}. "
                             f"Calculated input gradient shape: {shape_text(grad._shape)}") from None
    return grad


def _initial_gradient(y, grad, i):
    """grad_ys[i] as a tensor that fits y, or ones."""
    if grad is None:
        if y.dtype.is_complex:
            raise TypeError(f"Gradients of complex tensors must set grad_ys (y.dtype = {y.dtype!r}), {y.name}")
        return array_ops.ones_like(y, name=f"grad_ys_{i}")
    if isinstance(grad, IndexedSlices):
        return grad
    grad = convert_to_tensor(grad, dtype=None if isinstance(grad, Tensor) else y.dtype, name=f"grad_ys_{i}")
    if grad.dtype.base_dtype is not y.dtype:
        raise TypeError(f"Gradient type {grad.dtype.base_dtype.name} generated for real tensor {y} with type {y.dtype.name} must be the same")
    if not grad.get_shape().is_compatible_with(y.get_shape()):
        raise ValueError(f"grad_ys[{i}] has shape {shape_text(grad.get_shape())}, but ys[{i}] ({y.name}) has shape {shape_text(y.get_shape())}")
    return grad


def _stands(graph, x):
    """[x]; in a body, for a tensor or variable from around it, also the inputs of the body that stand for it, or for a read of it."""
    found = [x]
    if x.op.graph is graph or graph.outer is None:
        return found
    for source, inner in graph.captures.items():
        while source.op.graph.source_of(source) is not None:
            source = source.op.graph.source_of(source)
        if source is x or source.op.type == "Identity" and x.dtype.is_ref_dtype and source.op.inputs[0] is x:
            found.append(inner)
    return found


def symbol(x):
    """The tensor that gradients flow to: of a variable, the variable itself rather than one read of it."""
    if hasattr(x, "_ref"):
        return x._ref()
    return convert_to_tensor(x, name="x")


def _several(value, name):
    if value is None:
        raise TypeError(f"{name} must be a tensor or a list of tensors, got None")
    return _as_list(value)


def _as_list(value):
    if value is None:
        return []
    return list(value) if isinstance(value, (list, tuple)) else [value]
