"""Tensors of strings as NumPy holds them: arrays of bytes objects.

Text becomes UTF-8 where it enters a graph, so what a run returns is bytes.
"""
import numpy as np


def is_text(value):
    """Whether a value is text or bytes, or an array or nested list whose first element is."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "SU" or value.dtype.kind == "O" and value.size > 0 and is_text(value.flat[0])
    return isinstance(value, (str, bytes))


def as_strings(value):
    """value (text, bytes, nested lists or an array of them) as an array of bytes objects of its own.  TypeError for anything else.

    >>> as_strings(["a", b"bc"])
    array([b'a', b'bc'], dtype=object)
    """
    array = np.array(value, object, order="C")
    out = np.empty(array.shape, object)
    for index, v in np.ndenumerate(array):
        if isinstance(v, str):
            v = v.encode()
        elif isinstance(v, np.bytes_):
            v = bytes(v)
        if type(v) is not bytes:
            raise TypeError(f"An element of a tensor of strings must be bytes or text, got {str(v)[:60]!r} of type {type(v).__name__}")
        out[index] = v
    return out
