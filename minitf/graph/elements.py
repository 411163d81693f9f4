"""Finding the operations and tensors of a graph by name, and saying what is wrong with a name that finds none."""
import difflib

from .operation import Operation, Tensor


class Elements:
    """The part of Graph that looks its elements up; _by_name is {name: Operation}, and _bodies has the bodies of its control flow ops."""

    def get_operation_by_name(self, name):
        """The operation of that name; KeyError with the nearest names if there is none, ValueError for a tensor's name."""
        if not isinstance(name, str):
            raise TypeError(f"Operation names are strings (or similar), not {type(name).__name__}.")
        if ":" in name:
            raise ValueError(f"Name '{name}' appears to refer to a Tensor, not a Operation.")
        try:
            return self._by_name[name]
        except KeyError:
            raise KeyError(f"The name '{name}' refers to an Operation not in the graph.{self._near(name)}") from None

    def get_tensor_by_name(self, name):
        """The tensor 'op:0'; ValueError for a name without an output number, KeyError if it is not there."""
        if not isinstance(name, str):
            raise TypeError(f"Tensor names are strings (or similar), not {type(name).__name__}.")
        op_name, colon, index = name.partition(":")
        if not colon or not index.isdecimal():
            what = ("looks a like a Tensor name, but is not a valid one" if colon else
                    "refers to an Operation, not a Tensor" if name in self._by_name else "looks like an (invalid) Operation name, not a Tensor")
            raise ValueError(f"The name '{name}' {what}. Tensor names must be of the form \"<op_name>:<output_index>\".")
        op = self._by_name.get(op_name)
        if op is None:
            raise KeyError(f"The name '{name}' refers to a Tensor which does not exist. The operation, '{op_name}', does not exist in the graph.{self._near(op_name)}")
        if int(index) >= len(op.outputs):
            raise KeyError(f"The name '{name}' refers to a Tensor which does not exist. The operation, '{op_name}', exists but only has {len(op.outputs)} outputs.")
        return op.outputs[int(index)]

    def as_graph_element(self, obj, allow_tensor=True, allow_operation=True):
        """The Tensor or Operation that obj (one of these, a variable, or a name) stands for in this graph.

        TypeError for objects of other kinds, KeyError for names that are not there, ValueError for malformed ones and for elements of
        another graph.
        """
        if not allow_tensor and not allow_operation:
            raise ValueError("allow_tensor and allow_operation can't both be False.")
        convert = getattr(obj, "_as_graph_element", None)
        if convert is not None:
            obj = convert()
        if isinstance(obj, str):
            if ":" in obj and allow_tensor:
                return self.get_tensor_by_name(obj)
            if allow_operation:
                return self.get_operation_by_name(obj)
            return self.get_tensor_by_name(obj)
        allowed = (Tensor,) * allow_tensor + (Operation,) * allow_operation
        if not isinstance(obj, allowed):
            names = " or ".join(kind.__name__ for kind in allowed)
            raise TypeError(f"Can not convert a {type(obj).__name__} into a {names}.")
        if obj.graph is not self and obj.graph.outermost is self:
            op = obj.op if isinstance(obj, Tensor) else obj
            raise ValueError(f"Operation {op.name!r} has been marked as not fetchable. It is inside a branch of tf.cond or a tf.while_loop, "
                             "which may run never or many times; only what the branch or loop returns can be fetched or fed.")
        if obj.graph is not self:
            raise ValueError(f"{'Tensor' if isinstance(obj, Tensor) else 'Operation'} {obj} is not an element of this graph.")
        return obj

    def _near(self, name):
        if any(name in body._by_name for body in self._bodies):
            return f" Operation '{name}' has been marked as not fetchable: it is inside a branch of tf.cond or a tf.while_loop."
        near = difflib.get_close_matches(name, self._by_name, 3)
        return f" The nearest names are {', '.join(near)}." if near else ""
