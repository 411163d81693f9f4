"""Operation, a node of the graph, and Tensor, one of its outputs."""
from traceback import FrameSummary

from ..core.hooks import hook
from ..core.registry import op_def
from ..core.shapes import shape_text


class Tensor:
    """A symbolic handle on output `value_index` of `op`; it has a dtype and a static shape, and no value.

    A tensor is neither a Python bool nor iterable: its value is not known before a session runs it.
    Arithmetic operators are set by minitf.ops.
    """
    __slots__ = ("op", "value_index", "dtype", "_shape", "_consumers", "__weakref__")
    __array_priority__ = 100          # so that ndarray + tensor asks the tensor

    def __init__(self, op, value_index, dtype, shape):
        self.op, self.value_index, self.dtype, self._shape = op, value_index, dtype, shape
        self._consumers = []

    @property
    def name(self):
        return f"{self.op.name}:{self.value_index}"

    @property
    def graph(self):
        return self.op.graph

    @property
    def device(self):
        return self.op.device

    @property
    def shape(self):
        return self._shape

    def get_shape(self):
        """The static TensorShape: what is known before anything runs."""
        return self._shape

    def set_shape(self, shape):
        """Merge what the caller knows into the static shape; ValueError if they contradict."""
        self._shape = self._shape.merge_with(shape)

    def consumers(self):
        """The operations that take this tensor as an input."""
        return list(self._consumers)

    def eval(self, feed_dict=None, session=None):
        """The value, from `session` or the default session."""
        return hook("eval")(self, feed_dict, session)

    def __bool__(self):
        raise TypeError("Using a `tf.Tensor` as a Python `bool` is not allowed. Use `if t is not None:` instead of `if t:` to test "
                        "if a tensor is defined, and use TensorFlow ops such as tf.cond to execute subgraphs conditioned on the value "
                        f"of a tensor. (The tensor is {self.name!r}.)")

    def __iter__(self):
        raise TypeError(f"'Tensor' object is not iterable. (The tensor is {self.name!r}; tf.unstack takes it apart along an axis.)")

    def __len__(self):
        raise TypeError(f"object of type 'Tensor' has no len(). (The tensor is {self.name!r}; its static shape is .shape, tf.shape gives the run-time one.)")

    def __array__(self, dtype=None, copy=None):
        raise TypeError(f"A Tensor has no values before a session runs it, so NumPy can not take it. (The tensor is {self.name!r}; "
                        "sess.run gives its values, and tf has functions of its own for what NumPy's do.)")

    def __repr__(self):
        return f"<tf.Tensor '{self.name}' shape={self._shape} dtype={self.dtype.name}>"

    def __str__(self):
        shape = f", shape={self._shape}" if self._shape.ndims is not None else ""
        device = f", device={self.device}" if self.device else ""
        return f"Tensor(\"{self.name}\"{shape}, dtype={self.dtype.name}{device})"


class Operation:
    """A node: an op type with its attributes, its inputs, and the operations that must have run before it."""
    __slots__ = ("graph", "type", "name", "inputs", "outputs", "control_inputs", "attrs", "device", "source", "original_op",
                 "colocation", "_id", "_control_outputs", "__weakref__")

    @property
    def op_def(self):
        return op_def(self.type)

    @property
    def operands(self):
        """[(operation, output number)] of the inputs."""
        return [(t.op, t.value_index) for t in self.inputs]

    @property
    def node_def(self):
        """This node as a NodeDef of TensorFlow (minitf.graph.graph_def); minitf.graph.wire.node_to_wire(op) is plain JSON."""
        return hook("node_def")(self)

    @property
    def traceback(self):
        """The lines of the user's program that made the op, as traceback.FrameSummary, outermost first: tuples (file, line, function, text).

        The frames of minitf are left out, and of deep stacks only the innermost are kept.
        """
        return [FrameSummary(*frame) for frame in reversed(self.source.frames)]

    def get_attr(self, name):
        """The value of an attribute; ValueError if the op has none of that name."""
        try:
            return self.attrs[name]
        except KeyError:
            raise ValueError(f"Operation '{self.name}' has no attr named '{name}'. ({self.type} has {', '.join(sorted(self.attrs)) or 'none'}.)") from None

    def values(self):
        return tuple(self.outputs)

    def run(self, feed_dict=None, session=None):
        """Run the operation in `session` or the default session."""
        hook("run")(self, feed_dict, session)

    def colocation_groups(self):
        return [f"loc:@{name}" for name in self.colocation] or [f"loc:@{self.name}"]

    def describe(self):
        """One line for error messages: "'h' (MatMul) of float32[2,3], float32[3,4]"."""
        of = ", ".join(f"{t.dtype.base_dtype.name}{shape_text(t.shape)}" for t in self.inputs)
        return f"'{self.name}' ({self.type})" + (f" of {of}" if of else "")

    def __repr__(self):
        return f"<tf.Operation '{self.name}' type={self.type}>"

    __str__ = __repr__
