"""Graph: operations, and the scopes they are made in."""
import contextlib
import re
import threading
import warnings

from ..core.devices import canonical_name, common_device, merge_device
from ..core.hooks import hook
from ..core.registry import op_def
from ..core.shapes import shape_text
from ..core.source import capture, user_level
from .collections import Collections
from .default_graphs import default_graphs
from .elements import Elements
from .inference import ShapeContext, infer_shapes, output_dtypes
from .operation import Operation, Tensor

_VALID_OP_NAME = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\-/]*\Z")
_VALID_SCOPE_NAME = re.compile(r"[A-Za-z0-9_.\-/]*\Z")


class Graph(Elements, Collections):
    """A set of operations with the tensors that flow between them.

    Operations are only ever added, so a run that was prepared once stays valid.  Adding is thread-safe; scopes belong to the graph,
    so one thread builds at a time.
    """

    outer = None                              # of a body (FuncGraph): the graph around it
    depth = 0                                 # of a body: how many it is nested in, itself included

    def __init__(self):
        self._lock = threading.RLock()
        self._bodies = []                     # of the control flow ops in it, and in their bodies
        self._operations = []                 # in order of creation, which is a topological order
        self._by_name = {}
        self._names_in_use = {}
        self._name_stack = ""
        self._device_stack = [""]             # a merged device name, or a list of functions and names, innermost last
        self._control_stack = []
        self._colocation_stack = []
        self._original = None
        self._container = ""
        self._collections = {}
        self._gradient_overrides = {}
        self._finalized = False
        self._kept = []
        self._unfeedable, self._unfetchable = set(), set()      # tensors; operations
        self.seed = None

    # ---- looking up -------------------------------------------------------------------------------------------------------

    @property
    def version(self):
        """The number of operations so far: it grows with every op."""
        return len(self._operations)

    building_function = False         # there are no graphs of functions

    @property
    def finalized(self):
        return self._finalized

    def finalize(self):
        """Make the graph read-only: any later op raises RuntimeError."""
        self._finalized = True

    def get_operations(self):
        """All operations, in order of creation."""
        return list(self._operations)

    # ---- adding -----------------------------------------------------------------------------------------------------------

    def create_op(self, op_type, inputs, attrs, name=None, control_inputs=()):
        """Add an operation.  inputs: Tensors of this graph; attrs: complete and checked.  ValueError if shapes do not fit."""
        definition = op_def(op_type)
        if self._finalized:
            raise RuntimeError("Graph is finalized and cannot be modified.")
        for t in inputs:
            if t.op.graph is not self:
                inputs = [self._own(t, inputs) for t in inputs]
                break
        if self._container and attrs.get("container") == "":
            attrs = {**attrs, "container": self._container}
        if op_type in self._gradient_overrides:
            attrs = {**attrs, "_gradient_op_type": self._gradient_overrides[op_type]}
        with self._lock:
            op = Operation()
            op.graph, op.type, op.attrs, op.inputs = self, op_type, attrs, list(inputs)
            if name and name[-1] == "/":          # a scope's own name, given as name=scope: taken as it is
                op.name = self._claim(name[:-1])
            else:
                op.name = self.unique_name(name or op_type)
            dtypes = output_dtypes(definition, attrs)
            try:
                shapes = infer_shapes(ShapeContext(op_type, op.name, attrs, op.inputs), len(dtypes))
            except ValueError as error:
                of = ", ".join(f"{t.dtype.base_dtype.name}{shape_text(t.shape)}" for t in inputs)
                raise ValueError(f"{error} for '{op.name}' (op: '{op_type}')" + (f" with inputs {of}." if of else ".")) from None
            op.outputs = [Tensor(op, i, dtype, shapes[i]) for i, dtype in enumerate(dtypes)]
            op.source, op.original_op = capture(), self._original
            op.colocation = []
            op.control_inputs = self._controls_of(op, control_inputs)
            op._control_outputs = []
            op.device = self._device_of(op)
            if self._colocation_stack:
                self._colocate(op)
            op._id = len(self._operations)
            for t in op.inputs:
                t._consumers.append(op)
            for c in op.control_inputs:
                c._control_outputs.append(op)
            for block in self._control_stack:
                block.created.add(op)
            self._operations.append(op)
            self._by_name[op.name] = op
        return op

    def _keep_alive(self, value):
        """Hold what an operation needs and can not carry among its attributes: the function of a py_func."""
        self._kept.append(value)

    def _own(self, tensor, inputs):
        """One of the inputs of a new op as a tensor of this graph."""
        if tensor.op.graph is not self:
            raise ValueError(f"{tensor} must be from the same graph as {inputs[0] if inputs[0].op.graph is self else 'the default graph'}.")
        return tensor

    @property
    def outermost(self):
        """The graph that a body is in, however deep; any other graph itself."""
        graph = self
        while graph.outer is not None:
            graph = graph.outer
        return graph

    def source_of(self, tensor):
        """Of an input of a body: the outer tensor that it stands for."""

    def encloses(self, other):
        """Whether `other` is this graph, or one around it: then its tensors can be used here."""
        graph = self
        while graph is not other and graph is not None:
            graph = graph.outer
        return graph is not None

    def _remove_since(self, version):
        """Take back the operations after the first `version`: what began to add them failed, and nobody else has seen them."""
        for op in reversed(self._operations[version:]):
            for t in op.inputs:
                t._consumers.remove(op)
            for c in op.control_inputs:
                c._control_outputs.remove(op)
            for block in self._control_stack:
                block.created.discard(op)
            del self._by_name[op.name]
            self._names_in_use.pop(op.name, None)
        del self._operations[version:]

    def _claim(self, name):
        """An absolute name, or the next free one after it."""
        count, free = 0, name
        while free in self._by_name:
            count += 1
            free = f"{name}_{count}"
        self._names_in_use.setdefault(free, 1)
        return free

    def unique_name(self, name, mark_as_used=True):
        """name inside the current name scope, with _1, _2 ... behind it if it is taken."""
        if not _VALID_OP_NAME.match(name) and not (self._name_stack and _VALID_SCOPE_NAME.match(name)):
            raise ValueError(f"'{name}' is not a valid node name")
        full = self._name_stack + name
        used = self._names_in_use
        count = used.get(full, 0)
        if mark_as_used:
            used[full] = count + 1
        if count == 0:
            return full
        unique = f"{full}_{count}"
        while unique in used:
            count += 1
            unique = f"{full}_{count}"
        if mark_as_used:
            used[full], used[unique] = count + 1, 1
        return unique

    def _device_of(self, op):
        entry = self._device_stack[-1]
        if type(entry) is str:
            return entry
        device = ""
        for outer_to_inner in reversed(entry):            # innermost first; what an outer one says fills the gaps
            if callable(outer_to_inner):
                op.device = device
                device = merge_device(outer_to_inner(op) or "", device)
            else:
                device = merge_device(outer_to_inner, device)
        return canonical_name(device)

    def _colocate(self, op):
        """Join the groups of the open colocate_with blocks, unless a device was asked for inside them that contradicts."""
        names, device = self._colocation_stack[-1]
        try:
            op.device = common_device(device, op.device) if device else op.device
        except ValueError:
            warnings.warn(f"Tried to colocate {op.name} with an op {names[-1]} that had a different device: {op.device} vs {device}. "
                          "Ignoring colocation property.", stacklevel=user_level())
            return
        op.colocation = list(names)

    def _controls_of(self, op, extra):
        """Control inputs: those given, and those of every open block, unless an input was made in that block and waits already."""
        controls = list(extra)
        if self._control_stack:
            makers = {t.op for t in op.inputs}
            for block in self._control_stack:
                if makers.isdisjoint(block.created):
                    controls.extend(c for c in block.operations if c not in controls and c not in makers)
        return controls

    # ---- scopes -----------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def as_default(self):
        """Make this the graph that ops are added to, in this thread, inside the block."""
        default_graphs.stack.append(self)
        try:
            yield self
        finally:
            default_graphs.stack.remove(self) if default_graphs.stack[-1] is not self else default_graphs.stack.pop()

    @contextlib.contextmanager
    def name_scope(self, name):
        """Put names made inside under `name/`.  A name ending in '/' is taken as it is; None or '' goes back to the root."""
        old = self._name_stack
        if name and not _VALID_SCOPE_NAME.match(name) or name and not old and not _VALID_OP_NAME.match(name):
            raise ValueError(f"'{name}' is not a valid scope name")
        if not name:
            new = ""
        elif name[-1] == "/":
            new = name
        else:
            new = self.unique_name(name) + "/"
        self._name_stack = new
        try:
            yield new
        finally:
            self._name_stack = old

    def get_name_scope(self):
        return self._name_stack.rstrip("/")

    @contextlib.contextmanager
    def device(self, device_name_or_function):
        """Ask for a device for the ops made inside: a (partial) name, a DeviceSpec, a function of the op, or None (forget all outer ones)."""
        outer = self._device_stack[-1]
        if device_name_or_function is None:
            entry = ""
        elif callable(device_name_or_function) and not hasattr(device_name_or_function, "to_string"):
            entry = (outer if isinstance(outer, list) else [outer] if outer else []) + [device_name_or_function]
        else:
            wanted = canonical_name(device_name_or_function)
            entry = outer + [wanted] if isinstance(outer, list) else canonical_name(merge_device(outer, wanted))
        self._device_stack.append(entry)
        try:
            yield
        finally:
            self._device_stack.pop()

    @contextlib.contextmanager
    def colocate_with(self, op, ignore_existing=False):
        """Put the ops made inside on the device of `op` (an Operation, Tensor or Variable); outer device requests are ignored.

        Nested blocks add up: an op inside is with all of theirs; with ignore_existing the outer blocks do not count, and op may be None.
        A device that is asked for inside the block, and contradicts the one that `op` asks for, wins, with a warning.
        ValueError if op is None and ignore_existing is not set.
        """
        names, device = self._colocation_stack[-1] if self._colocation_stack and not ignore_existing else ([], "")
        if op is not None:
            op = getattr(op, "op", op)
            if not isinstance(op, Operation):
                op = self.as_graph_element(op)
                op = getattr(op, "op", op)
            while op.type == "Identity" and not op.colocation and op.inputs[0].dtype.is_ref_dtype:
                op = op.inputs[0].op                    # a variable is read where it is, whatever device was asked for
            try:
                device = common_device(device, op.device)
            except ValueError:                            # between the two blocks: the placer will say so
                device = op.device
            names = list(dict.fromkeys([*names, *(op.colocation or [op.name])]))
        elif not ignore_existing:
            raise ValueError("Trying to reset colocation (op is None) but ignore_existing is not True")
        self._colocation_stack.append((names, device))
        self._device_stack.append("")
        try:
            yield
        finally:
            self._device_stack.pop()
            self._colocation_stack.pop()

    @contextlib.contextmanager
    def control_dependencies(self, control_inputs):
        """Ops made inside run after all of control_inputs (operations, tensors, variables).  None clears the outer blocks."""
        if control_inputs is None:
            old, self._control_stack = self._control_stack, []
            try:
                yield
            finally:
                self._control_stack = old
            return
        if not isinstance(control_inputs, (list, tuple)):
            raise TypeError(f"control_dependencies takes a list of operations or tensors, got {control_inputs!r}")
        operations = []
        for c in control_inputs:
            c = self.as_graph_element(getattr(c, "op", c) if not isinstance(c, str) else c)
            c = c.op if isinstance(c, Tensor) else c
            if c not in operations:
                operations.append(c)
        block = _ControlBlock(operations)
        self._control_stack.append(block)
        try:
            yield
        finally:
            self._control_stack.remove(block)

    @contextlib.contextmanager
    def container(self, name):
        """Stateful ops made inside keep their state in this container (Session.reset clears one)."""
        old, self._container = self._container, name
        try:
            yield name
        finally:
            self._container = old

    @contextlib.contextmanager
    def _original_op(self, op):
        """Ops made inside were made because of `op`: an error in them names it (gradients do this)."""
        old, self._original = self._original, op
        try:
            yield
        finally:
            self._original = old

    @contextlib.contextmanager
    def gradient_override_map(self, types):
        """Inside, the gradient of op type k is the one registered under types[k].  TypeError unless both are strings."""
        if not isinstance(types, dict) or not all(isinstance(name, str) for pair in types.items() for name in pair):
            raise TypeError(f"op_type_map must be a dictionary mapping strings to strings, got {types!r}")
        old = self._gradient_overrides
        self._gradient_overrides = {**old, **types}
        try:
            yield
        finally:
            self._gradient_overrides = old

    # ---- feeding and fetching ---------------------------------------------------------------------------------------------

    def prevent_feeding(self, tensor):
        """Sessions refuse to feed this tensor from now on."""
        self._unfeedable.add(tensor)

    def is_feedable(self, tensor):
        return tensor not in self._unfeedable

    def prevent_fetching(self, op):
        """Sessions refuse to fetch this operation and its outputs from now on."""
        self._unfetchable.add(op)

    def is_fetchable(self, tensor_or_op):
        return (tensor_or_op.op if isinstance(tensor_or_op, Tensor) else tensor_or_op) not in self._unfetchable

    # ---- wire form --------------------------------------------------------------------------------------------------------

    def as_graph_def(self, from_version=None, add_shapes=False):
        """The graph, or its operations after the first from_version, as a GraphDef of TensorFlow (minitf.graph.graph_def)."""
        return hook("as_graph_def")(self, from_version, add_shapes)

    @property
    def graph_def_versions(self):
        """The VersionDef of as_graph_def()."""
        return hook("graph_def_versions")()

    def to_json(self, indent=None):
        """The graph as a JSON text (minitf.graph.wire): every node, with its attributes, constants included."""
        return hook("to_json")(self, indent)

    @staticmethod
    def from_json(text):
        """The graph that a JSON text describes; ValueError names what is wrong with it."""
        return hook("from_json")(text)


class _ControlBlock:
    """An open control_dependencies block: what to wait for, and the ops made inside so far."""
    __slots__ = ("operations", "created")

    def __init__(self, operations):
        self.operations, self.created = operations, set()
