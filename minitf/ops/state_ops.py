"""Variables' ops: the node that holds one, and those that change it in place.

An op that changes a variable returns the reference again, so that what is computed from its result sees the new value.
"""
from ..core.registry import register_op
from ..core.shapes import as_shape, shape_text
from .apply import apply_op
from .nd_ops import nd_slices
from .shape_fns import FLOAT, INDEX, NUMBER, SCALAR, argument, merge_shapes, with_rank


@register_op("VariableV2", [], ["ref: Ref(dtype)"], ["shape: shape", "dtype: type", "container: string = ''", "shared_name: string = ''"],
             is_stateful=True)
def variable_shape(c):
    return [as_shape(c.attrs["shape"])]


@register_op("Assign", ["ref: Ref(T)", "value: T"], ["output_ref: Ref(T)"], ["T: type", "validate_shape: bool = True", "use_locking: bool = True"],
             is_stateful=True)
def assign_shape(c):
    if not c.attrs["validate_shape"]:
        return [c.inputs[1]]
    try:
        return [merge_shapes(c, 0, 1)]
    except ValueError as error:
        raise ValueError(f"Assign requires shapes of both tensors to match. lhs shape= {shape_text(c.inputs[0])} rhs shape= {shape_text(c.inputs[1])}. {error}") from None


@register_op("IsVariableInitialized", ["ref: Ref(dtype)"], ["is_initialized: bool"], ["dtype: type"], is_stateful=True)
def is_variable_initialized_shape(c):
    return [SCALAR]


def _both(c):
    return [merge_shapes(c, 0, 1)]


for _name in ("AssignAdd", "AssignSub"):
    register_op(_name, ["ref: Ref(T)", "value: T"], ["output_ref: Ref(T)"], [f"T: {NUMBER}", "use_locking: bool = False"], is_stateful=True)(_both)


def scatter_shape(c):
    """updates: indices.shape + ref.shape[1:]."""
    ref, indices, updates = c.inputs
    if ref.ndims == 0:
        raise ValueError(f"Shape must be at least rank 1 but is rank 0 for {argument(c, 0)}")
    expected = indices.concatenate(ref[1:])
    if not expected.is_compatible_with(updates):
        raise ValueError(f"Shapes must be equal, but are {updates} and indices.shape + ref.shape[1:] = {expected} for {argument(c, 2)}")
    return [ref]


for _name, _allowed in [("ScatterUpdate", None)] + [(f"Scatter{how}", NUMBER) for how in ("Add", "Sub", "Mul", "Div", "Min", "Max")]:
    register_op(_name, ["ref: Ref(T)", "indices: Tindices", "updates: T"], ["output_ref: Ref(T)"],
                [f"T: {_allowed or 'type'}", f"Tindices: {INDEX}", "use_locking: bool = False"], is_stateful=True)(scatter_shape)


def scatter_nd_shape(c):
    """updates: indices.shape[:-1] + ref.shape[indices.shape[-1]:]."""
    expected = nd_slices(c, 0, 1)
    if not expected.is_compatible_with(c.inputs[2]):
        raise ValueError(f"Must have updates.shape = indices.shape[:-1] + ref.shape[indices.shape[-1]:] = {expected}, got {argument(c, 2)}")
    return [c.inputs[0]]


for _name, _allowed in (("ScatterNdUpdate", None), ("ScatterNdAdd", NUMBER), ("ScatterNdSub", NUMBER)):
    register_op(_name, ["ref: Ref(T)", "indices: Tindices", "updates: T"], ["output_ref: Ref(T)"],
                [f"T: {_allowed or 'type'}", f"Tindices: {INDEX}", "use_locking: bool = True"], is_stateful=True)(scatter_nd_shape)


@register_op("CountUpTo", ["ref: Ref(T)"], ["output: T"], ["limit: int", f"T: {INDEX}"], is_stateful=True)
def count_up_to_shape(c):
    with_rank(c, 0, 0)
    return [SCALAR]


def _optimizer_shape(states, scalars, grad):
    """The variable, its slots and its gradient have one shape; the hyper-parameters are scalars."""
    def shape(c):
        for i in scalars:
            with_rank(c, i, 0)
        result = c.inputs[0]
        for i in (*states, grad):
            result = result.merge_with(merge_shapes(c, 0, i))
        return [result]
    return shape


register_op("ApplyGradientDescent", ["var: Ref(T)", "alpha: T", "delta: T"], ["out: Ref(T)"], [f"T: {FLOAT}", "use_locking: bool = False"],
            is_stateful=True)(_optimizer_shape((), (1,), 2))
register_op("ApplyAdam", ["var: Ref(T)", "m: Ref(T)", "v: Ref(T)", "beta1_power: T", "beta2_power: T", "lr: T", "beta1: T", "beta2: T", "epsilon: T",
                          "grad: T"],
            ["out: Ref(T)"], [f"T: {FLOAT}", "use_locking: bool = False"], is_stateful=True)(_optimizer_shape((1, 2), range(3, 9), 9))


def assign(ref, value, validate_shape=None, use_locking=None, name=None):
    """Store value in a variable; validate_shape=False allows another shape than its static one."""
    return apply_op("Assign", ref, value, name=name, validate_shape=validate_shape is not False, use_locking=use_locking is not False)


def assign_add(ref, value, use_locking=None, name=None):
    """Add value to a variable."""
    return apply_op("AssignAdd", ref, value, name=name, use_locking=bool(use_locking))


def assign_sub(ref, value, use_locking=None, name=None):
    """Subtract value from a variable."""
    return apply_op("AssignSub", ref, value, name=name, use_locking=bool(use_locking))


def scatter_update(ref, indices, updates, use_locking=True, name=None):
    """ref[indices] = updates, row by row; of rows that are given twice, one is kept."""
    return apply_op("ScatterUpdate", ref, indices, updates, name=name, use_locking=use_locking)


def scatter_add(ref, indices, updates, use_locking=False, name=None):
    """ref[indices] += updates; rows that are given twice are both added."""
    return apply_op("ScatterAdd", ref, indices, updates, name=name, use_locking=use_locking)


def scatter_sub(ref, indices, updates, use_locking=False, name=None):
    """ref[indices] -= updates; rows that are given twice are both subtracted."""
    return apply_op("ScatterSub", ref, indices, updates, name=name, use_locking=use_locking)


def scatter_mul(ref, indices, updates, use_locking=False, name=None):
    """ref[indices] *= updates; rows that are given twice both count."""
    return apply_op("ScatterMul", ref, indices, updates, name=name, use_locking=use_locking)


def scatter_div(ref, indices, updates, use_locking=False, name=None):
    """ref[indices] /= updates; integers are divided towards zero, and by 0 is an InvalidArgumentError."""
    return apply_op("ScatterDiv", ref, indices, updates, name=name, use_locking=use_locking)


def scatter_min(ref, indices, updates, use_locking=False, name=None):
    """ref[indices] = min(ref[indices], updates)"""
    return apply_op("ScatterMin", ref, indices, updates, name=name, use_locking=use_locking)


def scatter_max(ref, indices, updates, use_locking=False, name=None):
    """ref[indices] = max(ref[indices], updates)"""
    return apply_op("ScatterMax", ref, indices, updates, name=name, use_locking=use_locking)


def scatter_nd_update(ref, indices, updates, use_locking=True, name=None):
    """ref[indices[i..., 0], indices[i..., 1], ...] = updates[i...]; of what is given for one place twice, one is kept."""
    return apply_op("ScatterNdUpdate", ref, indices, updates, name=name, use_locking=use_locking)


def scatter_nd_add(ref, indices, updates, use_locking=False, name=None):
    """As scatter_nd_update, adding; what is given for one place twice is added twice."""
    return apply_op("ScatterNdAdd", ref, indices, updates, name=name, use_locking=use_locking)


def scatter_nd_sub(ref, indices, updates, use_locking=False, name=None):
    """As scatter_nd_update, subtracting; what is given for one place twice is subtracted twice."""
    return apply_op("ScatterNdSub", ref, indices, updates, name=name, use_locking=use_locking)


def count_up_to(ref, limit, name=None):
    """The value of an integer scalar variable, which is increased by 1 after; OutOfRangeError ("Reached limit of ...") once it is `limit`."""
    return apply_op("CountUpTo", ref, limit=limit, name=name)


def is_variable_initialized(ref, name=None):
    """Whether a variable has a value yet."""
    return apply_op("IsVariableInitialized", ref, name=name)
