"""Checks: what a tensor must be, tested while the graph is built where that is possible, and else in the run.

Each gives an operation (or a tensor) that must be made to run: use it under tf.control_dependencies([...]).
"""
import numpy as np

from ..core.dtypes import as_dtype
from ..core.registry import register_op
from ..graph import Tensor, constant_value, control_dependencies, convert_to_tensor, get_default_graph, name_scope
from . import array_ops, control_ops, logical_ops, math_ops, reduction_ops
from .apply import apply_op
from .logging_ops import Assert
from .shape_fns import FLOAT, unchanged

register_op("CheckNumerics", ["tensor: T"], ["output: T"], [f"T: {FLOAT}", "message: string"])(unchanged)


def check_numerics(tensor, message, name=None):
    """tensor, or InvalidArgumentError "<message> : Tensor had NaN values" (Inf values, Inf and NaN values) when it is computed."""
    return apply_op("CheckNumerics", tensor, name=name, message=message)


def verify_tensor_all_finite(t, msg, name=None):
    """As check_numerics(t, msg)."""
    return check_numerics(t, msg, name=name)


def add_check_numerics_ops():
    """One operation that checks every float tensor the default graph has so far; the message names the tensor."""
    checks = []
    for op in get_default_graph().get_operations():
        if op.type in ("CheckNumerics", "Placeholder", "VariableV2"):
            continue
        for output in op.outputs:
            if output.dtype.is_floating and not output.dtype.is_ref_dtype:
                with control_dependencies(checks[-1:]):
                    checks.append(check_numerics(output, message=output.name).op)
    return control_ops.group(*checks)


def _compared(op_name, x, y, data, summarize, message, name, relation, scope_name):
    with name_scope(name, scope_name, [x, y, data]) as name:
        x, y = convert_to_tensor(x, name="x"), convert_to_tensor(y, name="y")
        a, b = constant_value(x), constant_value(y)
        if a is not None and b is not None and not relation(a, b).all():
            raise ValueError(f"{message or ''} Condition x {op_name} y did not hold: {x.name} is {np.array2string(a, threshold=10)}, "
                             f"{y.name} is {np.array2string(b, threshold=10)}".strip())
        if data is None:
            data = [message or "", f"Condition x {op_name} y did not hold element-wise:", f"x ({x.name}) = ", x, f"y ({y.name}) = ", y]
        return Assert(reduction_ops.reduce_all(_RELATIONS[op_name](x, y)), data, summarize=summarize, name=name)


_RELATIONS = {"==": logical_ops.equal, "!=": logical_ops.not_equal, "<": logical_ops.less, "<=": logical_ops.less_equal,
              ">": logical_ops.greater, ">=": logical_ops.greater_equal}


def assert_equal(x, y, data=None, summarize=None, message=None, name=None):
    """An operation that fails with InvalidArgumentError unless x == y everywhere (broadcasting); ValueError where that is known already."""
    return _compared("==", x, y, data, summarize, message, name, np.equal, "assert_equal")


def assert_none_equal(x, y, data=None, summarize=None, message=None, name=None):
    """As assert_equal, for x != y."""
    return _compared("!=", x, y, data, summarize, message, name, np.not_equal, "assert_none_equal")


def assert_less(x, y, data=None, summarize=None, message=None, name=None):
    """As assert_equal, for x < y."""
    return _compared("<", x, y, data, summarize, message, name, np.less, "assert_less")


def assert_less_equal(x, y, data=None, summarize=None, message=None, name=None):
    """As assert_equal, for x <= y."""
    return _compared("<=", x, y, data, summarize, message, name, np.less_equal, "assert_less_equal")


def assert_greater(x, y, data=None, summarize=None, message=None, name=None):
    """As assert_equal, for x > y."""
    return _compared(">", x, y, data, summarize, message, name, np.greater, "assert_greater")


def assert_greater_equal(x, y, data=None, summarize=None, message=None, name=None):
    """As assert_equal, for x >= y."""
    return _compared(">=", x, y, data, summarize, message, name, np.greater_equal, "assert_greater_equal")


def _against_zero(relation, op_name, x, data, summarize, message, name, scope_name):
    with name_scope(name, scope_name, [x, data]) as name:
        x = convert_to_tensor(x, name="x")
        return _compared(op_name, x, x.dtype.as_numpy_dtype(0), data, summarize, message, name, relation, scope_name)


def assert_positive(x, data=None, summarize=None, message=None, name=None):
    """As assert_equal, for x > 0."""
    return _against_zero(np.greater, ">", x, data, summarize, message, name, "assert_positive")


def assert_negative(x, data=None, summarize=None, message=None, name=None):
    """As assert_equal, for x < 0."""
    return _against_zero(np.less, "<", x, data, summarize, message, name, "assert_negative")


def assert_non_negative(x, data=None, summarize=None, message=None, name=None):
    """As assert_equal, for x >= 0."""
    return _against_zero(np.greater_equal, ">=", x, data, summarize, message, name, "assert_non_negative")


def assert_non_positive(x, data=None, summarize=None, message=None, name=None):
    """As assert_equal, for x <= 0."""
    return _against_zero(np.less_equal, "<=", x, data, summarize, message, name, "assert_non_positive")


def _ranked(x, holds, wanted, data, summarize, message, name):
    x = convert_to_tensor(x, name="x")
    if x.shape.ndims is not None:
        if not holds(x.shape.ndims):
            raise ValueError(f"{message or ''} Tensor {x.name} must have rank {wanted}. Received rank {x.shape.ndims}, shape {x.shape}".strip())
        return control_ops.no_op(name=name)
    rank = array_ops.rank(x)
    return Assert(holds(rank), data or [message or "", f"Tensor {x.name} must have rank {wanted}. Received shape: ", array_ops.shape(x)], summarize, name)


def assert_rank(x, rank, data=None, summarize=None, message=None, name=None):
    """An operation that fails unless x has this rank (an int); ValueError where it is known that it has not."""
    return _ranked(x, lambda r: logical_ops.equal(r, rank) if isinstance(r, Tensor) else r == rank, rank, data, summarize, message, name or "assert_rank")


def assert_rank_at_least(x, rank, data=None, summarize=None, message=None, name=None):
    """As assert_rank, for a rank of `rank` or more."""
    holds = lambda r: logical_ops.greater_equal(r, rank) if isinstance(r, Tensor) else r >= rank
    return _ranked(x, holds, f"at least {rank}", data, summarize, message, name or "assert_rank_at_least")


def assert_rank_in(x, ranks, data=None, summarize=None, message=None, name=None):
    """As assert_rank, for one of several ranks."""
    holds = lambda r: reduction_ops.reduce_any(logical_ops.equal(r, list(ranks))) if isinstance(r, Tensor) else r in ranks
    return _ranked(x, holds, f"in {tuple(ranks)}", data, summarize, message, name or "assert_rank_in")


def assert_type(tensor, tf_type, message=None, name=None):
    """TypeError unless tensor has this dtype; a no_op otherwise."""
    tensor = convert_to_tensor(tensor)
    if tensor.dtype.base_dtype is not as_dtype(tf_type).base_dtype:
        raise TypeError(f"{message or ''} {tensor.name} must be of type {as_dtype(tf_type)}; got {tensor.dtype.base_dtype}".strip())
    return control_ops.no_op(name=name or "assert_type")


def assert_integer(x, message=None, name=None):
    """TypeError unless x has an integer dtype; a no_op otherwise."""
    x = convert_to_tensor(x)
    if not x.dtype.is_integer:
        raise TypeError(f"{message or ''} Expected 'x' to be integer type. Found: {x.dtype.base_dtype}".strip())
    return control_ops.no_op(name=name or "assert_integer")


def is_numeric_tensor(tensor):
    """Whether `tensor` is a Tensor of numbers."""
    return isinstance(tensor, Tensor) and (tensor.dtype.is_floating or tensor.dtype.is_integer)


def _steps(x, name, scope_name, holds):
    with name_scope(name, scope_name, [x]):
        flat = array_ops.reshape(convert_to_tensor(x), [-1])
        return reduction_ops.reduce_all(holds(flat[:-1], flat[1:]))


def is_non_decreasing(x, name=None):
    """Whether each element of x, row by row, is at least the one before: a bool scalar."""
    return _steps(x, name, "is_non_decreasing", logical_ops.less_equal)


def is_strictly_increasing(x, name=None):
    """Whether each element of x, row by row, is greater than the one before: a bool scalar."""
    return _steps(x, name, "is_strictly_increasing", logical_ops.less)
