"""Ops that only order other ops: no_op, group, tuple, with_dependencies."""
from builtins import tuple as tuple_type

from ..core.registry import register_op
from ..graph import Operation, here, colocate_with, control_dependencies, convert_to_tensor, get_default_graph, name_scope
from .apply import apply_op
from .indexed_slices import IndexedSlices

register_op("NoOp")(lambda c: [])


def no_op(name=None):
    """An op that does nothing; it is there to have control inputs."""
    return apply_op("NoOp", name=name)


def group(*inputs, name=None):
    """An op that has run when all of `inputs` (operations, tensors, variables, or lists of them) have.  It has no output."""
    operations = [_operation(item) for item in _flat(inputs)]
    if not operations:
        return no_op(name=name or "group_deps")
    graph = here(operations[0].graph)
    by_device = {}
    for op in operations:
        by_device.setdefault(op.device, []).append(op)
    with graph.as_default():
        if len(by_device) == 1:
            return _group_on(next(iter(by_device)), operations, name or "group_deps")
        # One message per device instead of one per op: the ops of a device are gathered there first.
        with name_scope(name, "group_deps") as scope:
            parts = [_group_on(device, ops, None) for device, ops in sorted(by_device.items())]
            with control_dependencies(parts):
                return no_op(name=scope)


def _group_on(device, operations, name):
    with get_default_graph().device(device or None), control_dependencies(operations):
        return no_op(name=name)


def _flat(items):
    for item in items:
        if isinstance(item, (list, tuple_type)):
            yield from _flat(item)
        else:
            yield item


def _operation(item):
    op = item if isinstance(item, Operation) else getattr(item, "op", None)
    if not isinstance(op, Operation):
        raise TypeError(f"Expected operation, tensor or variable, got {item!r} of type {type(item).__name__}")
    return op


def tuple(tensors, name=None, control_inputs=None):
    """The same tensors, none of which is available before all of them (and control_inputs) are.  None entries stay None."""
    with name_scope(name, "tuple", [t for t in tensors if t is not None]) as name:
        gating = [_operation(t) for t in tensors if t is not None] + [_operation(c) for c in control_inputs or ()]
        if not gating:
            raise ValueError("Must have at least one Tensor")
        gate = group(*gating)
        return [None if t is None else with_dependencies([gate], t) for t in tensors]


def with_dependencies(dependencies, output_tensor, name=None):
    """`output_tensor`, available only after `dependencies` have run."""
    with name_scope(name, "control_dependency", [*dependencies, output_tensor]) as name:
        with control_dependencies([_operation(d) for d in dependencies]):
            if isinstance(output_tensor, IndexedSlices):
                with colocate_with(output_tensor.values):
                    return IndexedSlices(apply_op("Identity", output_tensor.values, name=name), output_tensor.indices, output_tensor.dense_shape)
            output_tensor = convert_to_tensor(output_tensor)
            with colocate_with(output_tensor):
                return apply_op("Identity", output_tensor, name=name)
