"""Shape functions that many ops share, and the checks they are made of.

A shape function gets a ShapeContext `c` and returns one TensorShape (or list, or None for "unknown") per output.  Unknown
ranks and dimensions are compatible with everything: a check fails only where two known facts contradict each other.
"""
import threading

import numpy as np

from ..core.registry import op_def, register_value
from ..core.shapes import TensorShape, broadcast_shapes

REAL = "{float32, float64, int32, int64, int8, int16, uint8}"
ANY_NUMBER = "{float32, float64, int32, int64, int8, int16, uint8, complex64, complex128}"
FIELD = "{float32, float64, complex64, complex128}"
NUMBER_OR_COMPLEX = "{float32, float64, int32, int64, complex64, complex128}"
COMPLEX = "{complex64, complex128}"
NUMBER = "{float32, float64, int32, int64}"
FLOAT = "{float32, float64}"
INDEX = "{int32, int64}"

SCALAR = TensorShape([])
UNKNOWN = TensorShape(None)

SMALL = 64        # values of more elements than this are not computed while a graph is built
DEEPEST = 10      # nor values at the end of longer chains: each step back may ask twice, so the work could double with each


def show(shape):
    """A shape in the form of TensorFlow's messages: [2,?] or <unknown>."""
    if shape.ndims is None:
        return "<unknown>"
    return "[" + ",".join("?" if d is None else str(d) for d in shape.tuple) + "]"


def argument(c, i):
    """Input i with its shape, for a message: `a: [2,3]`."""
    args = op_def(c.op_type).inputs
    name = args[i].name if i < len(args) and args[0].number_attr is None else f"input {i}"
    return f"{name}: {show(c.inputs[i])}"


def with_rank(c, i, rank):
    """Input i's dimensions as a list of int or None, once it is known to have (or may have) this rank."""
    shape = c.inputs[i]
    if shape.ndims is None:
        return [None] * rank
    if shape.ndims != rank:
        raise ValueError(f"Shape must be rank {rank} but is rank {shape.ndims} for {argument(c, i)}")
    return shape.as_list()


def at_least(c, i, rank):
    """Input i's dimensions, or None if its rank is unknown; ValueError if its rank is below `rank`."""
    shape = c.inputs[i]
    if shape.ndims is None:
        return None
    if shape.ndims < rank:
        raise ValueError(f"Shape must be at least rank {rank} but is rank {shape.ndims} for {argument(c, i)}")
    return shape.as_list()


def merge_dims(c, m, n, i, j):
    """What is known of a dimension that inputs i and j share, m according to one and n according to the other."""
    if m is None or n is None or m == n:
        return n if m is None else m
    raise ValueError(f"Dimensions must be equal, but are {m} and {n} for {argument(c, i)}, {argument(c, j)}")


def merge_shapes(c, i, j):
    """What is known of the one shape that inputs i and j both must have."""
    a, b = c.inputs[i], c.inputs[j]
    if a.ndims is None or b.ndims is None or a is b:
        return b if a.ndims is None else a
    if a.ndims != b.ndims:
        raise ValueError(f"Shapes must be equal rank, but are {a.ndims} and {b.ndims} for {argument(c, i)}, {argument(c, j)}")
    return TensorShape([merge_dims(c, m, n, i, j) for m, n in zip(a.as_list(), b.as_list())])


def axis_in(axis, rank, c, what="axis"):
    """The axis counted from the front; ValueError unless -rank <= axis < rank."""
    if not -rank <= axis < rank:
        raise ValueError(f"{what} {axis} must be in the range [{-rank}, {rank}) for {argument(c, 0)}")
    return axis + rank if axis < 0 else axis


def sizes(c, i, inferred=False):
    """The TensorShape that the integer vector input i asks for; ValueError for sizes that none can have.

    inferred: one size may be -1, to be worked out; it is not known here.
    """
    shape = c.constant_as_shape(i)
    if not shape.is_fully_defined():
        value = c.constant(i)
        if value is not None and (value.min() < -inferred or (value == -1).sum() > 1):
            wanted = "at least 0" + (", or one of them -1" if inferred else "")
            raise ValueError(f"The sizes of a shape must be {wanted}, got {value.tolist()}")
    return shape


def unchanged(c):
    """The output has the shape of the first input."""
    return [c.inputs[0]]


def scalar(c):
    return [SCALAR]


def broadcast(c):
    """The output has the shape to which the two inputs broadcast, aligned at the last dimension."""
    a, b = c.inputs
    return [a if a is b else broadcast_shapes(a, b)]


def same_shape(c):
    """The two inputs, and the output, have one shape."""
    return [merge_shapes(c, 0, 1)]


def value_from_constants(op_type, compute):
    """Let op_type's value be computed while a graph is built, if its inputs are small known integers.

    Arithmetic on shapes (`tf.shape(x)[0] * 2`) then counts as known wherever the shapes are.
    compute(c, *arrays) -> array, by NumPy, or None.
    """
    @register_value(op_type)
    def value(c):
        for shape, dtype in zip(c.inputs, c.dtypes):
            count = shape.num_elements()
            if count is None or count > SMALL or not dtype.is_integer:
                return None
        if _nesting.depth >= DEEPEST:
            return None
        _nesting.depth += 1
        try:
            arrays = [c.constant(i) for i in range(len(c.inputs))]
        finally:
            _nesting.depth -= 1
        if any(array is None for array in arrays):
            return None
        try:
            with np.errstate(all="ignore"):
                result = compute(c, *arrays)
        except ValueError:                              # it fails in the run as well, with the op's own line
            return None
        return None if result is None else [np.asarray(result, arrays[0].dtype)]
    return value


class _Nesting(threading.local):
    depth = 0


_nesting = _Nesting()
