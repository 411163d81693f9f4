"""Nested fetches (4 points)

A session runs a flat list of tensors and operations.  A user may ask for

    sess.run({"loss": loss, "layers": [(w, b), (v, c)], "again": loss})

and gets the values back in the same form.  Write what stands between: flatten(fetches, graph) returns

* flat: the tensors and operations in it, each once, in the order in which they are met first (a dict in the order of its keys);
  here [loss, w, b, v, c]
* rebuild: a function.  rebuild(values), where values[k] is the value of flat[k], returns the structure with values in the place of fetches;
  here {"loss": 0.5, "layers": [(..., ...), (..., ...)], "again": 0.5}

What is a structure, and how it comes back:

    a dict, or another Mapping         the same type, made from a dict of the results, with the same keys in the same order; a defaultdict,
                                       or a class derived from it, keeps its default_factory, which is the first argument of its class
    a named tuple (it has _fields)     the same named tuple
    another list or tuple              the same type
    an object of parts                 see parts_of, which is given

Everything else is a single fetch: a tensor, an operation, a name.  element(fetch, graph), which is given, returns the tensor or the
operation that it stands for, or raises the right error.  None is an error too, except as a part of an object of parts, which then has no
such part.

Two fetches are the same if element gives the same for them: the tensor x and the name "x:0" are one; the name "x" is another, for it
means the operation.

A session may keep rebuild and call it a thousand times, while the user changes the lists and dicts that he asked with.  The results have
the form that the fetches had when flatten was called.

Replaces minitf.session.fetches.flatten.  Grade it with:  make grade CH=02
"""
from collections import defaultdict
from collections.abc import Mapping

from minitf.session.fetches import element


def parts_of(fetches):
    """(parts, build) of an object that is made of several fetches, such as a sparse gradient (chapter 03); None for anything else.

    A part may be None: it is not fetched, and None is its value.  build(*values of the parts) makes the result.
    """
    if hasattr(type(fetches), "__attrs_attrs__"):
        return [getattr(fetches, a.name) for a in type(fetches).__attrs_attrs__], type(fetches)
    return fetches._fetch_parts() if hasattr(fetches, "_fetch_parts") else None


def flatten(fetches, graph):
    """(flat, rebuild) of a structure of fetches.  The errors are those of element."""
    raise NotImplementedError("write this")
