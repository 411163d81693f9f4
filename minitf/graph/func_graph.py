"""FuncGraph: the body of a control flow op (a branch of an If, the condition or the body of a While), as a graph of its own.

While it is the default graph, ops are added to it.  An outer tensor that one of them takes is captured: it becomes an Argument of the body,
and an input of the control flow op.  A reference to a variable is captured as a reference, so that a body can update the variable.
"""
import contextlib

from .graph import Graph
from .operation import Operation, Tensor


class FuncGraph(Graph):
    """A body: `outputs` computed from `inputs`.

    inputs    [tensor]: outputs of Argument and RefArgument ops, in the order of the control flow op's inputs
    outputs   [tensor]: of the body, values and references; only ever appended to, so that a program that was prepared stays valid
    captures  {outer tensor: the input that stands for it}
    controls  outer operations that must run before the control flow op, since a control_dependencies block of the body named them
    outer     the graph that the control flow op is in; None for a body that was read from its wire form
    """

    def __init__(self, outer=None, scope=""):
        super().__init__()
        self.inputs, self.outputs, self.captures, self.controls = [], [], {}, {}
        self._sources = {}                    # input -> the outer tensor that it stands for in every step
        self._constants = {}                  # outer constant -> its copy
        self.outer, self._scope, self._name_stack = outer, scope, scope
        self.depth = 1 if outer is None else outer.depth + 1
        if outer is not None:                 # what a user says of names, collections and devices holds for the bodies too
            self._names_in_use, self._collections = outer._names_in_use, outer._collections
            self._device_stack = [outer._device_stack[-1]]
            self._container, self._gradient_overrides, self._original = outer._container, outer._gradient_overrides, outer._original
            self.outermost._bodies.append(self)

    @property
    def seed(self):
        return self._seed if self.outer is None else self.outer.seed

    @seed.setter
    def seed(self, value):
        if self.__dict__.get("outer") is not None:
            self.outer.seed = value
        else:
            self._seed = value

    @property
    def is_stateful(self):
        """Whether an op of it has state, and so may not be merged with another, nor run again to find its results once more."""
        return any(op.op_def.is_stateful and op.type != "RefArgument" for op in self._operations) or any(t.dtype.is_ref_dtype for t in self.inputs)

    def add_input(self, dtype, shape, name, source=None):
        """A new input, without a place among `inputs` yet.  source: the outer tensor that it stands for in every step."""
        op_type = "RefArgument" if dtype.is_ref_dtype else "Argument"
        scope, self._name_stack = self._name_stack, self._scope
        try:
            with self.control_dependencies(None), self.device(None), self._original_op(None):
                tensor = self.create_op(op_type, (), {"dtype": dtype.base_dtype, "shape": shape}, name).outputs[0]
        finally:
            self._name_stack = scope
        if source is not None:
            self._sources[tensor] = source
        return tensor

    def capture(self, tensor):
        """The tensor of this body that stands for an outer one; ValueError if it is from nowhere around the body."""
        if tensor.op.graph is self:
            return tensor
        if self.outer is None or not self.outer.encloses(tensor.op.graph):
            raise ValueError(_foreign(tensor, self))
        if tensor.op.graph is not self.outer:
            tensor = self.outer.capture(tensor)
        inner = self.captures.get(tensor)
        if inner is None:
            if tensor.op.type == "Const" and not tensor.dtype.is_floating:       # known here too: it may decide a shape
                inner = self._copy_of_constant(tensor)
            else:
                inner = self.captures[tensor] = self.add_input(tensor.dtype, tensor.shape, tensor.op.name.rpartition("/")[2], tensor)
        return inner

    def _copy_of_constant(self, tensor):
        known = self._constants.get(tensor)
        if known is None:
            with self.control_dependencies(None), self.device(None):
                known = self._constants[tensor] = self.create_op("Const", (), tensor.op.attrs, tensor.op.name.rpartition("/")[2]).outputs[0]
        return known

    def source_of(self, tensor):
        """The outer tensor that an input stands for in every step; None for a loop variable."""
        return self._sources.get(tensor)

    def _own(self, tensor, inputs):
        return self.capture(tensor)

    @contextlib.contextmanager
    def control_dependencies(self, control_inputs):
        """As Graph's; operations from outside the body become control inputs of the control flow op."""
        own = control_inputs
        if isinstance(control_inputs, (list, tuple)):
            own = []
            for c in control_inputs:
                found = self._by_name.get(c.partition(":")[0]) if isinstance(c, str) else getattr(c, "op", c)
                if isinstance(c, str) and found is None:
                    found = self.outermost.as_graph_element(c)
                    found = found.op if isinstance(found, Tensor) else found
                if isinstance(found, Operation) and found.graph is not self:
                    if self.outer is None or not self.outer.encloses(found.graph):
                        raise ValueError(_foreign(found.outputs[0] if found.outputs else found, self))
                    self.controls[found] = None
                else:
                    own.append(c)
        with super().control_dependencies(own):
            yield


def _foreign(element, graph):
    home = element.graph
    what = f"it is made inside a branch or loop body ({home._scope.rstrip('/')!r})" if isinstance(home, FuncGraph) else "it is of another graph"
    return (f"{element} must be from the same graph as what takes it, in {graph._scope.rstrip('/')!r}, but {what}. "
            "Only what a body returns can be used outside it.")
