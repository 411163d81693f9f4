"""Collections in the wire form of a graph (minitf.graph.wire describes it): operations, tensors, variables and queue runners."""
from ..core.hooks import hook
from .operation import Operation, Tensor
from .wire_values import cut, integer, keys_of, list_of, shown, text_of

_VARIABLE = ("variable", "initializer", "snapshot", "initial_value")
_RUNNER = ("queue_runner", "enqueue", "close", "cancel", "closed_by")


def member_to_wire(value, here):
    """A collection's member, or None if it has no wire form or needs what is not among the operations `here`."""
    if isinstance(value, (Operation, Tensor)):
        return value.name if _op(value) in here else None
    parts = hook("variable_parts")(value)
    if parts is not None:
        return dict(zip(_VARIABLE, (p.name for p in parts))) if all(_op(p) in here for p in parts) else None
    parts = hook("queue_runner_parts")(value)
    if parts is None:
        return None
    queue, enqueue, close, cancel, codes = parts
    if any(_op(p) not in here for p in (queue, *enqueue, close, cancel)):
        return None
    return dict(zip(_RUNNER, (queue.name, [e.name for e in enqueue], close.name, cancel.name, codes)))


def _op(element):
    return element.op if isinstance(element, Tensor) else element


def read_collections(graph, collections, prefix):
    """Add to the graph's collections what a wire form lists; prefix: put before all names."""
    if not isinstance(collections, dict):
        raise ValueError(f"\"collections\" should be an object, got {shown(collections)}")
    made = {}                                             # a variable that is in several collections is one
    for key, members in collections.items():
        where = f"collection '{cut(key)}'"
        for member in list_of(members, where):
            if isinstance(member, str):
                graph.add_to_collection(key, element(graph, prefix + member, where))
            elif isinstance(member, dict) and "queue_runner" in member:
                graph.add_to_collection(key, _read_queue_runner(graph, member, prefix, f"a queue runner of {where}"))
            else:
                graph.add_to_collection(key, _read_variable(graph, member, prefix, where, made))


def _read_variable(graph, member, prefix, where, made):
    parts = keys_of(member, set(_VARIABLE), _VARIABLE, f"a variable of {where}")
    parts = tuple(element(graph, prefix + text_of(parts[k], f"a variable of {where}"), where) for k in _VARIABLE)
    if [isinstance(p, Tensor) for p in parts] != [True, False, True, True] or not parts[0].dtype.is_ref_dtype:
        raise ValueError(f"{where}: {shown(member)} is not a variable: it has a reference, an operation and two tensors")
    if parts not in made:
        made[parts] = hook("variable_of_parts")(*parts)
    return made[parts]


def _read_queue_runner(graph, member, prefix, where):
    parts = keys_of(member, set(_RUNNER), _RUNNER, where)
    def found(name, key):
        return element(graph, prefix + text_of(name, f"{where}: \"{key}\""), where)

    queue, close, cancel = (found(parts[key], key) for key in ("queue_runner", "close", "cancel"))
    enqueue = [found(name, "enqueue") for name in list_of(parts["enqueue"], f"{where}: \"enqueue\"")]
    codes = [integer(code, f"{where}: \"closed_by\"") for code in list_of(parts["closed_by"], f"{where}: \"closed_by\"")]
    is_queue = isinstance(queue, Tensor) and "component_types" in queue.op.attrs and not queue.op.inputs
    if not is_queue or not enqueue or not all(isinstance(e, Operation) for e in (*enqueue, close, cancel)):
        raise ValueError(f"{where}: {shown(member)} has not a reference to a queue, and operations that enqueue, close and cancel")
    try:
        return hook("queue_runner_of_parts")(queue, enqueue, close, cancel, codes)
    except KeyError as error:
        raise ValueError(f"{where}: {error.args[0]} is not the code of an error") from None


def element(graph, name, where):
    """The operation or tensor of that name."""
    try:
        return graph.as_graph_element(name)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{where}: {cut(str(error.args[0]), 300)}") from None
