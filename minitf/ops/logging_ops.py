"""Print and Assert: ops that speak to the person who runs the graph."""
from ..core.dtypes import bool as bool_type
from ..core.registry import register_op
from ..graph import convert_to_tensor
from .apply import apply_op

register_op("Print", ["input: T", "data: U"], ["output: T"], ["T: type", "U: list(type) >= 0", "message: string = ''", "first_n: int = -1", "summarize: int = 3"],
            is_stateful=True)(lambda c: [c.inputs[0]])
register_op("Assert", ["condition: bool", "data: T"], [], ["T: list(type) >= 0", "summarize: int = 3"], is_stateful=True)(lambda c: [])


def Print(input_, data, message=None, first_n=None, summarize=None, name=None):
    """input_, printing `data` to standard error each time it is computed.

    data       a list of tensors
    first_n    only so many times in a session; summarize: only so many elements of each tensor (3)

    >>> loss = tf.Print(loss, [loss, tf.shape(x)], "loss and shape: ")
    """
    return apply_op("Print", input_, list(data), name=name, message=message or "", first_n=-1 if first_n is None else first_n,
                    summarize=3 if summarize is None else summarize)


def Assert(condition, data, summarize=None, name=None):
    """An operation that fails with InvalidArgumentError, showing `data`, where `condition` (a scalar) is False.

    It checks nothing unless it runs: put what depends on it under tf.control_dependencies([...]).
    """
    condition = convert_to_tensor(condition, bool_type)
    return apply_op("Assert", condition, [convert_to_tensor(d) for d in data], name=name or "Assert", summarize=3 if summarize is None else summarize)
