"""Fetches may be nested: lists, tuples, named tuples, dicts.  They are run flat, and the results put back into the same form."""
from ..graph.operation import Operation, Tensor


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
        return graph.as_graph_element(fetch)
    except TypeError:
        raise TypeError(f"Fetch argument {fetch!r} has invalid type {type(fetch)!r}, must be a string or Tensor. "
                        f"(Can not convert a {type(fetch).__name__} into a Tensor or Operation.)") from None
    except (ValueError, KeyError) as error:
        raise ValueError(f"Fetch argument {fetch!r} cannot be interpreted as a Tensor. ({_text(error)})") from None


def _text(error):
    return error.args[0] if error.args else str(error)


def _form(fetches, graph, flat, number):
    """The structure with numbers into `flat` at its leaves; (kind, type, parts) elsewhere."""
    if isinstance(fetches, dict):
        return "dict", type(fetches), {k: _form(v, graph, flat, number) for k, v in fetches.items()}
    if isinstance(fetches, tuple) and hasattr(fetches, "_fields"):
        return "namedtuple", type(fetches), [_form(f, graph, flat, number) for f in fetches]
    if isinstance(fetches, (list, tuple)):
        return "sequence", type(fetches), [_form(f, graph, flat, number) for f in fetches]
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
        return items if make is dict else make(items)
    results = [None if p is None else _rebuild(p, values) for p in parts]
    if kind == "sequence":
        return make(results)
    return make(*results)


def is_simple(fetches):
    """Whether it is one graph element, or a list of them: then nothing has to be rebuilt."""
    single = (Tensor, Operation)
    return isinstance(fetches, single) or type(fetches) is list and all(isinstance(f, single) for f in fetches)
