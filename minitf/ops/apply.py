"""apply_op: from a Python call to a node.

The one place where arguments become tensors, type attributes are found, attributes are checked, and defaults are filled in.
"""
from ..core.dtypes import DType, as_dtype
from ..core.registry import REQUIRED, op_def
from ..graph.convert import convert_to_tensor
from ..graph.operation import Tensor
from ..graph.default_graphs import default_graphs, here
from ..graph.scopes import get_default_graph


def apply_op(op_type, *values, name=None, **attrs):
    """Add an op to the graph of its inputs (else the default graph).

    values: one per declared input, in order; a list for an input "N * T" or a list of types.
    attrs:  attributes by name; those not given are inferred from the inputs or take their defaults.
    Returns a Tensor for one output, a list for several, the Operation for none.
    TypeError if dtypes do not match (nothing is promoted silently), ValueError if shapes do not.
    """
    definition = op_def(op_type)
    if len(values) != len(definition.inputs):
        raise TypeError(f"{op_type} takes {len(definition.inputs)} inputs ({', '.join(a.name for a in definition.inputs)}), got {len(values)}")
    graph = _graph_of(values)
    if not name or name[-1] != "/":
        for value in values:
            if type(value) is not Tensor and not hasattr(value, "graph"):      # a constant will be made: it is named after its op
                name = graph.unique_name(name or op_type) + "/"
                break
    if not default_graphs.stack or default_graphs.stack[-1] is not graph:
        with graph.as_default():                      # constants made from arguments belong to the same graph
            inputs, given = _convert(definition, values, attrs, name)
    else:
        inputs, given = _convert(definition, values, attrs, name)
    complete = {}
    for attr in definition.attrs.values():
        value = given.get(attr.name, attr.default)
        if value is REQUIRED:
            raise TypeError(f"{op_type} needs the attribute '{attr.name}' ({attr.type})")
        complete[attr.name] = attr.check(value, op_type)
    if not given.keys() <= complete.keys():
        private = {k: v for k, v in given.items() if k not in complete}
        unknown = [k for k in private if not k.startswith("_")]
        if unknown:
            raise TypeError(f"{op_type} has no attribute {unknown[0]!r}; it has {sorted(definition.attrs)}")
        complete.update(private)
    outputs = graph.create_op(op_type, inputs, complete, name).outputs
    if len(outputs) == 1 and not definition.outputs[0].number_attr and not definition.outputs[0].is_type_list:
        return outputs[0]
    return outputs if definition.outputs else graph._operations[-1]


def _graph_of(values):
    """The graph of the first symbolic value, else the default graph."""
    for value in values:
        if type(value) is Tensor:
            return here(value.op.graph)
        if isinstance(value, (list, tuple)):
            for v in value:
                if type(v) is Tensor:
                    return here(v.op.graph)
        else:
            found = getattr(value, "graph", None)
            if found is not None:
                return here(found)
    return get_default_graph()


def _convert(definition, values, attrs, scope):
    """The flat list of input tensors, and the attributes with those that the inputs decide."""
    given = dict(attrs)
    inputs = []
    source = {}                                       # type attribute -> the argument that decided it
    for arg, value in zip(definition.inputs, values):   # a tensor decides a type before a Python number does, wherever it stands
        attr = arg.type_attr
        if attr and attr not in given and not arg.is_type_list:
            for v in value if arg.number_attr and isinstance(value, (list, tuple)) else (value,):
                dtype = getattr(v, "dtype", None)
                if isinstance(dtype, DType):
                    given[attr], source[attr] = dtype.base_dtype, arg.name
                    break
    for arg, value in zip(definition.inputs, values):
        if arg.is_ref:
            tensor = _reference(definition, arg, value)
            if arg.type_attr:
                given.setdefault(arg.type_attr, tensor.dtype.base_dtype)
            elif tensor.dtype.base_dtype is not arg.dtype:
                raise TypeError(f"Input '{arg.name}' of '{definition.name}' Op requires a reference of dtype {arg.dtype.name}, got {value!r}")
            inputs.append(tensor)
        elif arg.number_attr or arg.is_type_list:
            if not isinstance(value, (list, tuple)):
                raise TypeError(f"Input '{arg.name}' of '{definition.name}' Op takes a list of tensors, got {value!r}")
            types = given.get(arg.type_attr) if arg.is_type_list else None
            tensors = [_tensor(definition, arg, v, given, source, types[i] if types else None, scope) for i, v in enumerate(value)]
            if arg.number_attr:
                given[arg.number_attr] = len(tensors)
            elif types is None:
                given[arg.type_attr] = tuple(t.dtype.base_dtype for t in tensors)
            inputs.extend(tensors)
        else:
            inputs.append(_tensor(definition, arg, value, given, source, None, scope))
    return inputs, given


def _tensor(definition, arg, value, given, source, wanted, scope):
    """One input as a tensor of the dtype its argument asks for."""
    attr = arg.type_attr
    if wanted is None:
        wanted = arg.dtype if arg.dtype is not None else None if arg.is_type_list else given.get(attr)
    if wanted is not None and type(wanted) is not DType:
        wanted = as_dtype(wanted)
    have, preferred = getattr(value, "dtype", None), None
    if wanted is None and have is None and attr and not arg.is_type_list and type(definition.attrs[attr].default) is DType:
        preferred = definition.attrs[attr].default        # of a list that has none of its own: an empty one tells nothing
    if wanted is not None and isinstance(have, DType) and have.base_dtype is not wanted:
        raise TypeError(f"Input '{arg.name}' of '{definition.name}' Op has type {have.base_dtype.name} that does not match "
                        + (f"type {wanted.name} of argument '{source[attr]}'." if attr in source else f"expected type of {wanted.name}.")
                        + f" Nothing is cast silently; tf.cast(x, tf.{wanted.name}) does it.")
    try:
        tensor = convert_to_tensor(value, wanted, f"{scope}{arg.name}/" if scope and scope[-1] == "/" else arg.name, preferred)
    except (TypeError, ValueError) as error:
        raise type(error)(f"Input '{arg.name}' of '{definition.name}' Op: {error}") from None
    if attr and wanted is None and not arg.is_type_list:
        given[attr], source[attr] = tensor.dtype.base_dtype, arg.name
    return tensor


def _reference(definition, arg, value):
    """The ref tensor of a variable, or a ref tensor as it is."""
    tensor = value._ref() if hasattr(value, "_ref") else value
    if not isinstance(tensor, Tensor) or not tensor.dtype.is_ref_dtype:
        raise TypeError(f"Input '{arg.name}' of '{definition.name}' Op requires a variable (a mutable tensor), got {value!r}")
    return tensor
