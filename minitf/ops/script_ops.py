"""py_func: a Python function as an op."""
import itertools
import weakref

from ..core.dtypes import as_dtype
from ..core.hooks import register_hook
from ..core.registry import register_op
from ..graph import convert_to_tensor, get_default_graph
from .apply import apply_op

for _name, _stateful in (("PyFunc", True), ("PyFuncStateless", False)):
    register_op(_name, ["input: Tin"], ["output: Tout"], ["token: string", "Tin: list(type) >= 0", "Tout: list(type) >= 0"],
                is_stateful=_stateful, is_dynamic=True)(lambda c: [None] * len(c.attrs["Tout"]))

_functions = weakref.WeakValueDictionary()         # token -> _Function; the graph that uses it keeps it alive
_serial = itertools.count()


class _Function:
    __slots__ = ("call", "__weakref__")

    def __init__(self, call):
        self.call = call


def py_func(func, inp, Tout, stateful=True, name=None):
    """func(*arrays) as an op: it gets the values of `inp` as ndarrays of its own and returns values of the dtypes `Tout`.

    func      called in this process and under the GIL, once a step; strings come and go as bytes
    Tout      a dtype for one result, a list of dtypes for a list of results
    stateful  False promises that equal inputs give equal results: calls may then be merged or computed beforehand

    The function is no part of the graph's wire form, and gradients stop here.  Shapes of the results are not known before the
    run; set_shape() tells them.  What the function raises is an OpError of the run, which names the op and its line.

    >>> tf.py_func(lambda x: np.cumsum(x)[::-1].copy(), [tf.constant([1., 2.])], tf.float32)     # [3., 1.]
    """
    if not callable(func):
        raise ValueError(f"Expected func to be callable, got func of type {type(func)}")
    graph, function = get_default_graph(), _Function(func)
    token = f"pyfunc_{next(_serial)}"
    _functions[token] = function
    graph._keep_alive(function)
    single = not isinstance(Tout, (list, tuple))
    types = [as_dtype(t).base_dtype for t in ([Tout] if single else Tout)]
    inputs = [convert_to_tensor(v) for v in inp]
    results = apply_op("PyFunc" if stateful else "PyFuncStateless", inputs, name=name, token=token, Tin=[t.dtype.base_dtype for t in inputs], Tout=types)
    return results[0] if single else results if types else graph.get_operations()[-1]


@register_hook("py_func")
def function_of(token):
    """The Python function behind a token, or None where it is gone: another process, or a graph that is no more."""
    function = _functions.get(token)
    return None if function is None else function.call
