"""Fetches may be nested: lists, tuples, named tuples, dicts, classes made by attr.s.  They are run flat, and the results put back into the same form."""
from collections import defaultdict
from collections.abc import Mapping

from ..core.swap import swappable
from ..graph.operation import Operation, Tensor


@swappable
def flatten(fetches, graph):
    """(flat, rebuild): the Tensors and Operations of a structure, each once, and rebuild(values) -> the structure with their values.

    TypeError for what can not be fetched, ValueError for what is not in the graph.
    """
    flat, number = [], {}
    form = _form(fetches, graph, flat, number)
    return flat, lambda values: _rebuild(form, values)


def element(fetch, graph):
    """The Tensor or Operation that a single fetch stands for."""
    try:
        found = graph.as_graph_element(fetch)
    except TypeError:
        raise TypeError(f"Fetch argument {fetch!r} has invalid type {type(fetch)!r}, must be a string or Tensor. "
                        f"(Can not convert a {type(fetch).__name__} into a Tensor or Operation.)") from None
    except (ValueError, KeyError) as error:
        raise ValueError(f"Fetch argument {fetch!r} cannot be interpreted as a Tensor. ({_text(error)})") from None
    if not graph.is_fetchable(found):
        raise ValueError(f"Operation {(found.op if isinstance(found, Tensor) else found).name!r} has been marked as not fetchable.")
    return found


def is_nested(fetches):
    """Whether the fetches are a structure whose form the results have to be given."""
    return isinstance(fetches, (list, tuple, Mapping)) or hasattr(fetches, "_fetch_parts") or hasattr(type(fetches), "__attrs_attrs__")


def _text(error):
    return error.args[0] if error.args else str(error)


def _form(fetches, graph, flat, number):
    """The structure with numbers into `flat` at its leaves; (kind, type, parts) elsewhere."""
    if isinstance(fetches, Mapping):
        return "dict", fetches, {k: _form(v, graph, flat, number) for k, v in fetches.items()}
    if isinstance(fetches, tuple) and hasattr(fetches, "_fields"):
        return "namedtuple", type(fetches), [_form(f, graph, flat, number) for f in fetches]
    if isinstance(fetches, (list, tuple)):
        return "sequence", type(fetches), [_form(f, graph, flat, number) for f in fetches]
    if hasattr(type(fetches), "__attrs_attrs__"):
        names = [a.name for a in type(fetches).__attrs_attrs__]
        return "attrs", type(fetches), [_form(getattr(fetches, name), graph, flat, number) for name in names]
    parts = getattr(fetches, "_fetch_parts", None)        # IndexedSlices: (tensors, values -> result)
    if parts is not None:
        tensors, build = parts()
        return "parts", build, [None if t is None else _form(t, graph, flat, number) for t in tensors]
    found = element(fetches, graph)
    if found not in number:
        number[found] = len(flat)
        flat.append(found)
    return number[found]


def _rebuild(form, values):
    if isinstance(form, int):
        return values[form]
    kind, make, parts = form
    if kind == "dict":
        items = {k: _rebuild(p, values) for k, p in parts.items()}
        if isinstance(make, defaultdict):
            return type(make)(make.default_factory, items)
        return items if type(make) is dict else type(make)(items)
    results = [None if p is None else _rebuild(p, values) for p in parts]
    if kind == "sequence":
        return make(results)
    return make(*results)
