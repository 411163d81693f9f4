"""tf.while_loop: a body that runs as long as a condition holds, in one step and without Python between the iterations."""
from ..core.dtypes import bool as bool_dtype
from ..core.shapes import TensorShape, as_shape
from ..graph import FuncGraph, convert_to_tensor, here, name_scope
from . import array_ops, logical_ops, nest
from .constant_op import constant
from .control_flow import create_while


def while_loop(cond, body, loop_vars, shape_invariants=None, parallel_iterations=10, back_prop=True, swap_memory=False, name=None,
               maximum_iterations=None, return_same_structure=False):
    """Repeat loop_vars = body(*loop_vars) while cond(*loop_vars) is true; the loop variables' last values.

    cond               a function of the loop variables that returns a bool scalar
    body               a function of the loop variables that returns as many values, of the same dtypes and shapes
    loop_vars          a list, tuple or dict of tensors, possibly nested: the initial values
    shape_invariants   a nesting of TensorShapes like loop_vars': what stays true of each shape; by default the initial values' static shapes
    maximum_iterations stop after so many, whatever cond says
    back_prop          False: gradients do not flow through the loop, and nothing is kept for them
    parallel_iterations, swap_memory   without effect here: iterations run one after the other, in memory
    return_same_structure  with one loop variable, give a list as loop_vars is, rather than the tensor itself

    Ops made in cond and body run once an iteration.  The gradient keeps, per iteration, the loop variables that it needs, and computes the body again.
    ValueError if a shape is not an invariant; TypeError if body returns another dtype.

    >>> i, total = tf.while_loop(lambda i, s: i < 10, lambda i, s: (i + 1, s + i), [0, 0])       # 10, 45
    """
    if not callable(cond):
        raise TypeError("cond must be callable.")
    if not callable(body):
        raise TypeError("body must be callable.")
    if not isinstance(parallel_iterations, int) or parallel_iterations < 1:
        raise TypeError("parallel_iterations must be a positive integer.")
    flat = nest.flatten(loop_vars)
    if not flat:
        raise ValueError("No loop variables provided")
    with name_scope(name, "while", flat) as scope:
        initial = [array_ops.identity(t) if t.dtype.is_ref_dtype else t for t in map(convert_to_tensor, flat)]
        graph = here(initial[0].graph)
        shapes = _invariants(initial, loop_vars, shape_invariants)
        structure, limit = loop_vars, None
        if maximum_iterations is not None:
            limit = convert_to_tensor(maximum_iterations, name="maximum_iterations")
            if limit.get_shape().ndims != 0:
                raise ValueError(f"maximum_iterations must be a scalar, saw shape: {limit.get_shape()}")
            initial, shapes = [constant(0, limit.dtype.base_dtype, name="counter"), *initial], [TensorShape([]), *shapes]
        test, test_inputs = _body(graph, scope, initial, shapes)
        with test.as_default():
            go_on = convert_to_tensor(_call(cond, structure, test_inputs, limit), name="condition")
            if go_on.dtype.base_dtype is not bool_dtype or not go_on.get_shape().is_compatible_with([]):
                raise TypeError(f"cond must return a bool scalar, got {go_on}")
            if limit is not None:
                go_on = logical_ops.logical_and(logical_ops.less(test_inputs[0], limit), go_on)
            test.outputs = [test.capture(go_on)]
        again, inputs = _body(graph, scope, initial, shapes)
        with again.as_default():
            results = _results(_call(body, structure, inputs, limit), structure, len(flat))
            if limit is not None:
                results = [inputs[0] + 1, *results]
            again.outputs = [_next_value(again, value, start, shape) for value, start, shape in zip(results, initial, shapes)]
        op = create_while(graph, test, again, initial, shapes, scope, back_prop=bool(back_prop))
        outputs = op.outputs[limit is not None:]
        if len(outputs) == 1 and isinstance(loop_vars, (list, tuple)) and not return_same_structure:
            return outputs[0]
        return nest.pack(structure, outputs)


def _invariants(initial, loop_vars, shape_invariants):
    """A TensorShape per loop variable."""
    if shape_invariants is None:
        return [t.get_shape() for t in initial]
    shapes = _shapes_like(loop_vars, shape_invariants)
    for t, shape in zip(initial, shapes):
        if not _includes(shape, t.get_shape()):
            raise ValueError(f"The shape invariant specified for {t.name} is not compatible with the initial shape of the loop variable. "
                             f"It enters the loop with shape {t.get_shape()}, but the specified shape invariant is {shape}.")
    return shapes


def _shapes_like(structure, shapes):
    """The shapes of a nesting, flat; a list of numbers in the place of a tensor is a shape."""
    if isinstance(structure, dict):
        if not isinstance(shapes, dict) or sorted(shapes) != sorted(structure):
            raise ValueError(f"shape_invariants must be nested as loop_vars are, got {shapes!r} for {structure!r}")
        return [s for key in sorted(structure) for s in _shapes_like(structure[key], shapes[key])]
    if isinstance(structure, (list, tuple)):
        if not isinstance(shapes, (list, tuple)) or len(shapes) != len(structure):
            raise ValueError(f"shape_invariants must be nested as loop_vars are, got {shapes!r} for {structure!r}")
        return [s for child, shape in zip(structure, shapes) for s in _shapes_like(child, shape)]
    return [as_shape(shapes)]


def _includes(general, special):
    """Whether every shape that `special` allows is allowed by `general` too."""
    if general.ndims is None:
        return True
    return special.ndims == general.ndims and all(g is None or g == s for g, s in zip(general.tuple, special.tuple))


def _body(graph, scope, initial, shapes):
    """(an empty body, its inputs for the loop variables)."""
    body = FuncGraph(graph, scope)
    body.inputs = [body.add_input(t.dtype, shape, t.op.name.rpartition("/")[2]) for t, shape in zip(initial, shapes)]
    return body, list(body.inputs)


def _call(function, structure, inputs, limit):
    packed = nest.pack(structure, inputs[limit is not None:])
    return function(*packed) if isinstance(structure, (list, tuple)) else function(packed)


def _results(result, structure, count):
    """What the body returned, flat."""
    if isinstance(structure, (list, tuple)) and len(structure) == 1 and not (isinstance(result, (list, tuple)) and nest.same_structure(list(structure), list(result))):
        result = [result]
    flat = nest.flatten(result)
    if len(flat) != count:
        raise ValueError(f"Number of inputs and outputs of body must match loop_vars: {count}, {len(flat)}")
    nested = list(result) if isinstance(result, (list, tuple)) and isinstance(structure, (list, tuple)) else result
    if not nest.same_structure(list(structure) if isinstance(structure, (list, tuple)) else structure, nested):
        raise ValueError(f"The two structures don't have the same nested structure: loop_vars are {structure!r}, and body returned {result!r}")
    return flat


def _next_value(body, value, start, shape):
    """What the body returned for a loop variable, checked against its initial value's dtype and its shape invariant."""
    if value is None:
        raise ValueError(f"body returned None for the loop variable that starts as {start.name}")
    tensor = convert_to_tensor(value, start.dtype.base_dtype) if isinstance(value, (int, float, bool)) else convert_to_tensor(value)
    if tensor.dtype.base_dtype is not start.dtype.base_dtype:
        raise TypeError(f"The loop variable {start.name} enters the loop with dtype {start.dtype.base_dtype.name}, but has dtype "
                        f"{tensor.dtype.base_dtype.name} after one iteration. Nothing is cast silently; tf.cast(x, tf.{start.dtype.base_dtype.name}) does it.")
    if not _includes(shape, tensor.get_shape()):
        raise ValueError(f"Input tensor '{start.name}' enters the loop with shape {start.get_shape()}, but has shape {tensor.get_shape()} after one iteration. "
                         "To allow the shape to vary across iterations, use the `shape_invariants` argument of tf.while_loop to specify a less-specific shape.")
    return array_ops.identity(tensor) if tensor.dtype.is_ref_dtype else body.capture(tensor)
