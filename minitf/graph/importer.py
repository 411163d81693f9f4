"""import_graph_def: the nodes of a GraphDef, TensorFlow's or minitf's own, added to the default graph.

Nothing of a message is trusted: what is wrong is a ValueError that names the node, nothing runs, and memory is taken in proportion to
the message.  Later releases of TensorFlow than 1.0 gave some op types other names and more attributes; those that mean what
minitf's do are accepted.
"""
import numpy as np

from ..core.devices import canonical_name, merge_device
from ..core.dtypes import as_dtype
from ..core.registry import REQUIRED, op_def
from .convert import convert_to_tensor
from .graph import _VALID_OP_NAME
from .graph_def import _CLASS, _SHAPES, FIELDS
from .operation import Operation, Tensor
from .scopes import get_default_graph, name_scope
from .tensor_proto import MOST_REPEATED, array_from_proto, shape_from_proto
from .wire_checks import MOST_OUTPUTS, check_outputs, expected_inputs, in_order
from .wire_values import cut

SAME_OP = {"AddV2": "Add", "BatchMatMulV2": "BatchMatMul", "PlaceholderV2": "Placeholder", "Variable": "VariableV2",
           **{f"{name}V2": name for name in ("FIFOQueue", "PaddingFIFOQueue", "PriorityQueue", "RandomShuffleQueue", "QueueEnqueue", "QueueEnqueueMany",
                                             "QueueDequeue", "QueueDequeueMany", "QueueDequeueUpTo", "QueueSize", "QueueClose", "QueueIsClosed")}}
SCALAR_IS_KNOWN = 22          # before this producer version, a Placeholder's shape [] meant that nothing was known of it

# Attributes that minitf's op types may lack, where any value, or the listed ones, ask for nothing that they do not do.
HARMLESS = {
    "grad_a": None, "grad_b": None, "debug_name": None, "use_cudnn_on_gpu": None, "cudnn_enabled": None, "message": None,
    "data_format": (b"", b"NHWC"), "num": None, "batch_dims": (0,),
}


def import_graph_def(graph_def, input_map=None, return_elements=None, name=None, op_dict=None, producer_op_list=None):
    """Add a GraphDef's nodes to the default graph, inside the name scope `name` ("import" if None; "" for none).

    input_map        {name of a tensor of graph_def, "x:0" or "x": the tensor of this graph to use in its place}; with "^x" as a key,
                     an operation (or "^name") to wait for instead
    return_elements  names of operations ("x") and tensors ("x:0") of graph_def; the result is a list of these elements of this graph
    op_dict          not used
    producer_op_list an OpList: attributes that it gives a default, and minitf's op type does not have, may hold that default
    TypeError for arguments of another type; ValueError for what can not be imported, the node named.

    >>> y, = tf.import_graph_def(graph_def, {"x:0": images}, ["softmax:0"])
    """
    if not hasattr(graph_def, "node") or not hasattr(graph_def, "versions"):
        raise TypeError(f"graph_def must be a GraphDef proto, got {type(graph_def).__name__}")
    if input_map is not None and not isinstance(input_map, dict):
        raise TypeError(f"input_map must be a dictionary mapping strings to Tensor objects, got {type(input_map).__name__}")
    if not all(isinstance(key, str) for key in input_map or ()):
        raise TypeError(f"The keys of input_map must be strings, got {list(input_map)}")
    wanted = [return_elements] if isinstance(return_elements, str) else list(return_elements or ())
    if not all(isinstance(w, str) for w in wanted):
        raise TypeError(f"return_elements must be a list of strings, got {wanted}")
    if name is not None and not isinstance(name, str):
        raise TypeError(f"name must be a string, got {name!r}")
    graph = get_default_graph()
    with graph._lock, name_scope("import" if name is None else name) as scope:
        before = graph.version
        try:
            replaced = _replacements(input_map or {}, graph, scope)
            nodes = _read_nodes(graph_def, producer_op_list, replaced)
            made, budget = {}, [MOST_OUTPUTS]
            for node in in_order(nodes, _checked_names(nodes, replaced, wanted)):
                made[node.name] = node.add_to(graph, scope, made, budget)
            for node in nodes:
                made[node.name].colocation = [made[other].name for other in node.colocation]
            missing = [key for key in replaced if not _is_there(key, made)]
            if missing:
                raise ValueError(f"Attempted to map inputs that were not found in graph_def: [{', '.join(missing)}]")
            elements = [_element(text, made) for text in wanted]
        except BaseException:
            graph._remove_since(before)
            raise
    return None if return_elements is None else elements


def _replacements(input_map, graph, scope):
    """{"x:0": tensor} and {"^x": operation}."""
    found = {}
    for key, value in input_map.items():
        if key[:1] == "^":
            value = graph.as_graph_element(value[1:] if isinstance(value, str) and value[:1] == "^" else value)
            found[key] = value if isinstance(value, Operation) else value.op
        elif isinstance(value, Tensor):
            found[key if ":" in key else key + ":0"] = value
        elif not scope:
            raise ValueError("tf.import_graph_def() requires a non-empty `name` if `input_map` contains non-Tensor values. "
                             "Try calling tf.convert_to_tensor() on `input_map` values before calling tf.import_graph_def().")
        else:
            with name_scope("_inputs"):
                found[key if ":" in key else key + ":0"] = convert_to_tensor(value)
    return found


def _is_there(key, made):
    name, _, number = key.lstrip("^").partition(":")
    return name in made and (not number or number.isdecimal() and int(number) < max(1, len(made[name].outputs)))


def _read_nodes(graph_def, producer_op_list, replaced):
    budget, nodes, names = [MOST_REPEATED], [], set()
    defaults = {(op.name, attr.name): attr.default_value for op in (producer_op_list.op if producer_op_list is not None else ())
                for attr in op.attr if attr.HasField("default_value")}
    for number, message in enumerate(graph_def.node):
        node = _Node(number, message, graph_def.versions.producer, defaults, budget, replaced)
        if node.name in names:
            raise ValueError(f"{node.where}: Node '{cut(node.name)}' is not unique")
        names.add(node.name)
        nodes.append(node)
    return nodes


def _checked_names(nodes, replaced, wanted):
    """{name: node}; ValueError for an input, a colocation or a wanted element that is not there."""
    by_name = {node.name: node for node in nodes}
    for node in nodes:
        for name in node.needs():
            if name not in by_name:
                raise ValueError(f"{node.where}: Unknown input node '{'^' if name in node.controls else ''}{cut(name)}'")
        for name in node.colocation:
            if name not in by_name:
                raise ValueError(f"{node.where}: it expects to be colocated with unknown node '{cut(name)}'")
    for text in wanted:
        if text.partition(":")[0] not in by_name:
            raise ValueError(f"Requested return {'tensor' if ':' in text else 'node'} '{text}' not found in graph def")
    return by_name


def _element(text, made):
    name, colon, number = text.partition(":")
    if not colon:
        return made[name]
    if not number.isdecimal() or int(number) >= len(made[name].outputs):
        raise ValueError(f"Invalid return output {number} of node '{name}', which has {len(made[name].outputs)} output(s)")
    return made[name].outputs[int(number)]


class _Node:
    """A NodeDef as it was read: checked by itself, but not yet against the others."""

    def __init__(self, number, message, producer, defaults, budget, replaced):
        self.name = message.name
        self.where = f"node[{number}], '{cut(message.name)}' ({cut(message.op)})"
        if not _VALID_OP_NAME.match(self.name) or self.name[-1] == "/":
            raise ValueError(f"{self.where}: Node name contains invalid characters")
        try:
            self.definition = op_def(SAME_OP.get(message.op, message.op))
        except ValueError as error:
            raise ValueError(f"{self.where}: Op type not registered '{cut(message.op)}'{str(error).partition(' registered')[2]}") from None
        self.device = message.device
        self.inputs, self.controls = [], {}            # [(name, output number)], {name: None} in order
        for text in message.input:
            self._add_input(text)
        self.colocation = []
        self.replaced = replaced
        self.notes, self.shapes = {}, []
        self.attrs = self._read_attrs(message, producer, defaults, budget)

    def _add_input(self, text):
        if text[:1] == "^":
            self.controls[text[1:]] = None
            return
        if self.controls:
            raise ValueError(f"{self.where}: Control dependencies must come after regular dependencies")
        name, colon, number = text.partition(":")
        if colon and not (number.isascii() and number.isdigit() and len(number) < 10):
            raise ValueError(f"{self.where}: input '{cut(text)}' should be 'node', 'node:k' or '^node'")
        self.inputs.append((name, int(number or 0)))

    def needs(self):
        """Names of the nodes of the message that must be there before it, each once."""
        names = dict.fromkeys(name for name, number in self.inputs if f"{name}:{number}" not in self.replaced)
        names.update(dict.fromkeys(name for name in self.controls if "^" + name not in self.replaced))
        return names

    # ---- attributes -------------------------------------------------------------------------------------------------------

    def _read_attrs(self, message, producer, defaults, budget):
        attrs, declared = {}, self.definition.attrs
        for name, value in message.attr.items():
            where = f"{self.where}: attribute '{cut(name)}'"
            if name in declared and declared[name].type == "graph":
                raise ValueError(f"{where}: a GraphDef does not hold the bodies of control flow ops; the wire form of a graph does (Graph.to_json)")
            if name in declared:
                attrs[name] = _read(declared[name].type, value, where, budget)
            elif name == _CLASS:
                self.colocation = [self._colocated(s, where) for s in value.list.s]
            elif name == _SHAPES:
                self.shapes = [shape_from_proto(s, where) for s in value.list.shape]
            elif name[:1] == "_":
                note = _note(value, where)
                if note is not None:
                    self.notes[name] = note
            elif not _is_harmless(name, value, defaults.get((message.op, name))):
                raise ValueError(f"{where} is {cut(' '.join(str(value).split()))}, which asks for something that minitf's {self.definition.name} does not do; "
                                 f"it has {', '.join(declared) or 'no attributes'}")
        for name, attr in declared.items():
            if name not in attrs:
                if attr.default is REQUIRED:
                    raise ValueError(f"{self.where}: NodeDef missing attr '{name}' from Op {self.definition.name}")
                attrs[name] = attr.default
            try:
                attrs[name] = attr.check(attrs[name], self.definition.name)
            except (TypeError, ValueError) as error:
                raise ValueError(f"{self.where}: {error}") from None
        if self.definition.name == "Const" and as_dtype(attrs["value"].dtype) is not attrs["dtype"]:
            raise ValueError(f"{self.where}: its dtype is {attrs['dtype'].name}, that of its value {attrs['value'].dtype}")
        if self.definition.name == "Placeholder" and producer < SCALAR_IS_KNOWN and attrs["shape"].tuple == ():
            attrs["shape"] = declared["shape"].default
        return {name: attrs[name] for name in declared}

    def _colocated(self, text, where):
        if text[:5] != b"loc:@":
            raise ValueError(f"{where} should name nodes as 'loc:@node', got {cut(repr(text))}")
        return _text(text[5:], where)

    # ---- adding -----------------------------------------------------------------------------------------------------------

    def add_to(self, graph, scope, made, budget):
        """Add the operation to the graph, and return it."""
        inputs = [self._input(name, number, made) for name, number in self.inputs]
        for i, ((arg, dtype), tensor) in enumerate(zip(expected_inputs(self.where, self.definition, self.attrs, len(inputs)), inputs)):
            if tensor.dtype.base_dtype is not dtype or arg.is_ref and not tensor.dtype.is_ref_dtype:
                raise ValueError(f"{self.where}: Input {i} of node {scope}{self.name} was passed {tensor.dtype.name} from {tensor.name} "
                                 f"incompatible with expected {dtype.as_ref.name if arg.is_ref else dtype.name}.")
        check_outputs(self.where, self.definition, self.attrs, budget)
        controls = [self.replaced.get("^" + name) or made[name] for name in self.controls]
        if scope and scope + self.name in graph._by_name:
            raise ValueError(f"{self.where}: Node name '{scope}{self.name}' already exists in the Graph")
        try:
            op = graph.create_op(self.definition.name, inputs, {**self.attrs, **self.notes}, self.name, controls)
            op.device = canonical_name(merge_device(op.device, self.device)) if self.device else op.device
            for tensor, shape in zip(op.outputs, self.shapes):
                tensor.set_shape(shape)
        except Exception as error:                     # a shape function met what no Python caller could have given it
            what = str(error) if isinstance(error, (ValueError, RuntimeError)) else f"{type(error).__name__}: {error}"
            raise (RuntimeError if graph.finalized else ValueError)(f"{self.where}: {what}") from None
        return op

    def _input(self, name, number, made):
        if f"{name}:{number}" in self.replaced:
            return self.replaced[f"{name}:{number}"]
        outputs = made[name].outputs
        if number >= len(outputs):
            raise ValueError(f"{self.where}: Connecting to invalid output {number} of source node {name} which has {len(outputs)} outputs.")
        return outputs[number]


def _read(kind, value, where, budget):
    """What an AttrValue holds, for an attribute of that declared type."""
    is_list = kind.startswith("list(")
    kind = kind[5:-1] if is_list else kind
    have = value.WhichOneof("value")
    wanted = "list" if is_list else FIELDS.get(kind)
    if kind not in FIELDS:
        raise ValueError(f"{where}: attributes of type '{kind}' are not read from a GraphDef")
    if have != wanted:
        shown = "nothing" if have is None else f"value with type '{next((k for k, f in FIELDS.items() if f == have), have)}'"
        raise ValueError(f"{where}: AttrValue had {shown} when '{f'list({kind})' if is_list else kind}' expected")
    if not is_list:
        return _from_field(kind, getattr(value, wanted), where, budget)
    others = [f.name for f, _ in value.list.ListFields() if f.name != FIELDS[kind]]
    if others:
        raise ValueError(f"{where}: AttrValue had a list of {others[0]} when 'list({kind})' expected")
    return tuple([_from_field(kind, v, where, budget) for v in getattr(value.list, FIELDS[kind])])


def _from_field(kind, value, where, budget):
    if kind == "type":
        try:
            dtype = as_dtype(int(value))
        except TypeError:
            raise ValueError(f"{where}: minitf has no dtype number {value} of types.proto") from None
        if dtype.is_ref_dtype:
            raise ValueError(f"{where}: {dtype.name} is not the type of an attribute")
        return dtype
    if kind == "shape":
        return shape_from_proto(value, where)
    if kind == "tensor":
        return array_from_proto(value, budget, where)
    if kind == "string":
        return _text(value, where)
    return _shortest(value) if kind == "float" else value


def _shortest(value):
    """The double that a 32-bit float was probably written from: 0.1 rather than 0.10000000149."""
    return float(str(np.float32(value)))


def _text(value, where):
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{where}: {cut(repr(value))} is not UTF-8") from None


def _note(value, where):
    """A note as Graph keeps it, or None for one of a kind that only TensorFlow reads."""
    have = value.WhichOneof("value")
    if have == "s":
        return _text(value.s, where)
    return getattr(value, have) if have in ("i", "f", "b") else None


def _is_harmless(name, value, default):
    """Whether an attribute that the op type does not have may be left out: it asks for nothing, or for what is done anyway."""
    have = value.WhichOneof("value")
    if default is not None and value == default or have in (None, "type", "shape"):
        return True                                    # a type or shape repeats what the inputs tell
    if name in HARMLESS:
        return HARMLESS[name] is None or getattr(value, have) in HARMLESS[name]
    if have == "list":
        return all(v == 1 for v in value.list.i) and not [f for f, _ in value.list.ListFields() if f.name not in ("i", "type", "shape")]
    return have in ("i", "f", "b", "s") and not getattr(value, have)
