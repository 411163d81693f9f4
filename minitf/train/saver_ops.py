"""The part of a graph that saves and restores: what Saver.save and Saver.restore run.

    <name>/Const               a string that may be fed: the file
    <name>/SaveV2              writes every variable to it
    <name>/control_dependency  the file's name, when it is written
    <name>/RestoreV2...        read the file, one for each process that holds variables: each reads its own
    <name>/Assign...           give the variables what was read
    <name>/restore_all         all of that
"""
import math

from ..core.devices import DeviceSpec
from ..core.errors import InvalidArgumentError, NotFoundError
from ..core.shapes import TensorShape, shape_text
from ..graph import colocate_with, constant_value, control_dependencies, convert_to_tensor, device, name_scope
from ..ops import array_ops, control_ops, io_ops, state_ops
from ..ops.constant_op import placeholder_with_default
from ..ops.partitioned_variables import PartitionedVariable
from ..platform.checkpoint_file import CheckpointFile, near_names, parse_slice

MOST_SHOWN = 20               # names in one list of an error


class SaverDef:
    """What a Saver needs of its graph, by name, and its settings: all that a meta graph keeps of it."""
    FIELDS = {"filename_tensor_name": "", "save_tensor_name": "", "restore_op_name": "", "max_to_keep": 0, "sharded": False,
              "keep_checkpoint_every_n_hours": 0.0}

    def __init__(self, **fields):
        for name, default in self.FIELDS.items():
            setattr(self, name, fields.pop(name, default))
        if fields:
            raise TypeError(f"A SaverDef has no {', '.join(fields)}; it has {', '.join(self.FIELDS)}")

    def as_dict(self):
        return {name: getattr(self, name) for name in self.FIELDS}

    def __repr__(self):
        return f"SaverDef({', '.join(f'{k}={v!r}' for k, v in self.as_dict().items())})"


class _Saveable:
    """A variable under the name and slice that it is saved as."""
    __slots__ = ("name", "slice", "variable")

    def __init__(self, name, slice, variable):
        self.name, self.slice, self.variable = name, slice, variable


def saveables(var_list):
    """The _Saveables of a list of variables or of a dict {name: variable, or the list of its slices}, sorted by name."""
    if isinstance(var_list, dict):
        names = var_list
    elif isinstance(var_list, (list, tuple, set)):
        names = _by_name(var_list)
    else:
        raise TypeError(f"Variables to save should be passed in a dict or a list: {var_list}")
    found, seen = [], set()
    for name, value in sorted(names.items(), key=_key):
        pieces = value if isinstance(value, (list, tuple, PartitionedVariable)) else [value]
        for variable in pieces:
            _check_variable(variable)
            if variable.op in seen:
                raise ValueError(f"The same saveable will be restored with two names: {name}")
            seen.add(variable.op)
            info = getattr(variable, "_save_slice_info", None)
            if info is None and pieces is value and len(pieces) > 1:
                raise ValueError(f"Slices must all be slices: {variable}")
            found.append(_Saveable(name, "" if info is None else info.spec, variable))
    return found


def _by_name(variables):
    names = {}
    for variable in variables:
        if isinstance(variable, PartitionedVariable):
            if variable.name in names:
                raise ValueError(f"At least two variables have the same name: {variable.name}")
            names[variable.name] = variable
            continue
        _check_variable(variable)
        info = getattr(variable, "_save_slice_info", None)
        name = variable.op.name if info is None else info.full_name
        if info is not None and isinstance(names.get(name, []), list):
            names.setdefault(name, []).append(variable)
        elif name in names:
            raise ValueError(f"At least two variables have the same name: {name}")
        else:
            names[name] = variable
    return names


def _key(item):
    if not isinstance(item[0], str):
        raise TypeError(f"names_to_saveables must be a dict mapping string names to checkpointable operations. Name is not a string: {item[0]}")
    return item[0]


def _check_variable(variable):
    if not hasattr(variable, "_ref"):
        raise TypeError(f"Variable to save is not a Variable: {variable}")


def add_saver_ops(items, name, filename, reshape, restore_sequentially):
    """Add the ops that the module describes; returns a SaverDef with their names."""
    with name_scope(name, "save", [item.variable for item in items]):
        path = placeholder_with_default(convert_to_tensor(filename, name="filename"), [], name="Const")
        tasks = {_task(item.variable.device) for item in items}
        with device(tasks.pop() if len(tasks) == 1 else ""):
            save = io_ops.save_v2(path, *_names_and_slices(items), [item.variable._ref() for item in items])
            with control_dependencies([save]):
                saved = array_ops.identity(path, name="control_dependency")
        restore = control_ops.group(*_restore(path, items, reshape, restore_sequentially), name="restore_all")
    return SaverDef(filename_tensor_name=path.name, save_tensor_name=saved.name, restore_op_name=restore.name)


def _restore(path, items, reshape, sequentially):
    """The Assign ops."""
    by_task, assigns = {}, []
    for item in items:
        by_task.setdefault(item if sequentially else _task(item.variable.device), []).append(item)
    for group in by_task.values():
        with device(_task(group[0].variable.device)), control_dependencies(assigns[-1:] if sequentially else []):
            values = io_ops.restore_v2(path, *_names_and_slices(group), [item.variable.dtype.base_dtype for item in group])
        for item, value in zip(group, values):
            variable = item.variable
            with colocate_with(variable.op):
                if reshape:
                    shape = variable.get_shape()
                    value = array_ops.reshape(value, shape.as_list() if shape.is_fully_defined() else array_ops.shape(variable))
                assigns.append(state_ops.assign(variable._ref(), value, validate_shape=_keeps_shape(variable)).op)
    return assigns


def _keeps_shape(variable):
    """Whether a variable's shape is fixed: one made with validate_shape=False takes what the file has."""
    initializer = getattr(variable, "initializer", None)
    return variable.get_shape().is_fully_defined() and (initializer is None or initializer.attrs.get("validate_shape", True))


def _names_and_slices(items):
    return [item.name for item in items], [item.slice for item in items]


def _task(name):
    """The first CPU of the process that a device belongs to; "" for one of this process."""
    spec = DeviceSpec.from_string(name)
    if spec.job is None and spec.replica is None and spec.task is None:
        return ""
    return DeviceSpec(spec.job, spec.replica, spec.task, "CPU", 0).to_string()


# ---- what a restore asks for, and why it can not have it ----------------------------------------------------------------------

def check_restorable(graph, saver_def, path):
    """See from a file's header that a restore will find what it asks for, before any variable is changed.

    NotFoundError or InvalidArgumentError: its message lists the names that are missing, with the nearest there are; those of another
    dtype or shape; and those in the file that nobody asks for.
    """
    with CheckpointFile(path) as file:
        missing, wrong, used = [], [], set()
        for name, spec, dtype, shape, reshaped in _asked_for(graph, saver_def):
            entry = file.entries.get(name)
            used.add(name)
            if entry is None:
                missing.append((name, dtype, shape))
                continue
            part = parse_slice(spec)
            have = entry.shape if part is None else tuple([length for _, length in part[1]])
            if entry.dtype is not dtype or not (shape.is_compatible_with(have) or reshaped and shape.num_elements() == math.prod(have)) \
                    or part is not None and part[0] != entry.shape:
                wrong.append((name, dtype, shape, entry))
        if not missing and not wrong:
            return
        unused = [name for name in file.entries if name not in used]
        lines = _list("In the graph, not in the checkpoint", missing, lambda m: _described(*m) + _nearest(m[0], unused or file.entries))
        lines += _list("Of another dtype or shape", wrong, lambda w: f"{_described(*w[:3])}; in the checkpoint {_described('', w[3].dtype, w[3].shape)}")
        lines += _list("In the checkpoint, not restored", unused, lambda n: _described(n, file.entries[n].dtype, file.entries[n].shape))
        lines.append("Nothing was restored. The names in the checkpoint are given to Saver as the keys of a dict var_list.")
    if missing:
        raise NotFoundError(None, None, f"Tensor name \"{missing[0][0]}\" not found in checkpoint files {path}").add_context(lines=lines)
    name, dtype, shape, entry = wrong[0]
    if entry.dtype is not dtype:
        what = f"tensor_name = {name}; expected dtype {dtype.name} does not equal original dtype {entry.dtype.name}"
    else:
        what = f"Assign requires shapes of both tensors to match. lhs shape= {shape_text(shape)} rhs shape= {shape_text(entry.shape)} ('{name}' of {path})"
    raise InvalidArgumentError(None, None, what).add_context(lines=lines)


def _asked_for(graph, saver_def):
    """(name, slice, dtype, the shape that is needed, whether any other of as many elements will do) of each tensor that a restore reads."""
    waiting, seen, asked = [graph.get_operation_by_name(saver_def.restore_op_name)], set(), []
    while waiting:
        op = waiting.pop()
        if op in seen:
            continue
        seen.add(op)
        waiting.extend(op.control_inputs)
        if op.type != "Assign":
            continue
        value = op.inputs[1]
        reshaped = value.op.type == "Reshape"
        value = value.op.inputs[0] if reshaped else value
        names, specs = (constant_value(t) for t in value.op.inputs[1:3]) if value.op.type == "RestoreV2" else (None, None)
        if names is not None and specs is not None:
            k = value.value_index
            shape = op.inputs[0].shape
            asked.append((names[k].decode(), specs[k].decode(), value.dtype, shape if op.attrs["validate_shape"] else TensorShape(None), reshaped))
    return sorted(asked, key=lambda a: a[:2])


def _list(title, items, describe):
    shown = [f"  {describe(item)}" for item in items[:MOST_SHOWN]]
    if len(items) > MOST_SHOWN:
        shown.append(f"  and {len(items) - MOST_SHOWN} more")
    return [f"{title} ({len(items)}):"] + shown if items else []


def _described(name, dtype, shape):
    return f"{name} {dtype.name}{shape_text(shape)}".lstrip()


def _nearest(name, names):
    near = near_names(name, names)
    return f"; nearest: {', '.join(near)}" if near else ""
