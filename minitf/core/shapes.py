"""Static shapes: tuples of sizes of which some, or their number, may be unknown until the step runs.

Compatibility of shapes is not transitive: (2, ?) and (?, 3) and (4, ?) show it.
"""
import math
import operator

from .dtypes import DType
from .protos import proto


class Dimension:
    """One size of a shape: a number, or None where it is unknown.

    Arithmetic and comparisons with an unknown size give an unknown Dimension and None.
    """
    __slots__ = ("value",)

    def __init__(self, value):
        """value: None, a Dimension, or what is equal to an int >= 0; ValueError or TypeError otherwise."""
        self.value = _size(value)

    def __repr__(self):
        return f"Dimension({self.value})"

    def __str__(self):
        return "?" if self.value is None else str(self.value)

    def __int__(self):
        return self.value

    __index__ = __int__

    def __hash__(self):
        return hash(self.value)

    def __reduce__(self):
        return Dimension, (self.value,)

    def is_compatible_with(self, other):
        other = _size(other)
        return self.value is None or other is None or self.value == other

    def assert_is_compatible_with(self, other):
        if not self.is_compatible_with(other):
            raise ValueError(f"Dimensions {self} and {as_dimension(other)} are not compatible")

    def merge_with(self, other):
        """The Dimension that says what both say; ValueError if they contradict each other."""
        self.assert_is_compatible_with(other)
        return as_dimension(other) if self.value is None else self

    def __truediv__(self, other):
        raise TypeError(f"unsupported operand type(s) for /: 'Dimension' and '{type(other).__name__}', please use // instead")

    def __rtruediv__(self, other):
        raise TypeError(f"unsupported operand type(s) for /: '{type(other).__name__}' and 'Dimension', please use // instead")


def _install_operators():
    def arithmetic(op, reflected):
        def method(self, other):
            try:
                other = _size(other)
            except (TypeError, ValueError):
                return NotImplemented
            if self.value is None or other is None:
                return Dimension(None)
            return Dimension(op(other, self.value) if reflected else op(self.value, other))
        return method

    def comparison(op):
        def method(self, other):
            try:
                other = _size(other)
            except (TypeError, ValueError):
                return NotImplemented
            return None if self.value is None or other is None else op(self.value, other)
        return method

    for name in ("add", "sub", "mul", "floordiv", "mod"):
        op = getattr(operator, name)
        setattr(Dimension, f"__{name}__", arithmetic(op, False))
        setattr(Dimension, f"__r{name}__", arithmetic(op, True))
    for name in ("eq", "ne", "lt", "le", "gt", "ge"):
        setattr(Dimension, f"__{name}__", comparison(getattr(operator, name)))


_install_operators()


def _size(value):
    """The int >= 0 that `value` stands for, or None."""
    if value.__class__ is int:
        size = value
    elif value is None:
        return None
    elif isinstance(value, Dimension):
        return value.value
    elif isinstance(value, DType):
        raise TypeError(f"Cannot convert {value} to Dimension")
    else:
        try:
            size = int(value)
        except TypeError:
            raise TypeError(f"Dimension value must be integer or None, got {value!r} with type {type(value).__name__!r}") from None
        if size != value and not isinstance(value, (str, bytes)):
            raise ValueError(f"Ambiguous dimension: {value}")
    if size < 0:
        raise ValueError(f"Dimension {size} must be >= 0")
    return size


class TensorShape:
    """A static shape: known, partly known, or of unknown rank.  Immutable.

    The attribute `tuple` is a tuple of ints and Nones, or None where the rank is unknown; `dims` is TensorFlow's view of
    it, a list of Dimension.  Two shapes are equal if these are: (?, 3) equals (?, 3), though their values may differ.

    >>> TensorShape([None, 3]).merge_with([2, None])
    TensorShape([Dimension(2), Dimension(3)])
    """
    __slots__ = ("tuple",)

    def __init__(self, dims):
        """dims: None (unknown rank), a TensorShape or TensorShapeProto, an iterable of sizes, or one size (a vector's)."""
        if dims is None:
            self.tuple = None
        elif dims.__class__ is TensorShape:
            self.tuple = dims.tuple
        else:
            self.tuple = _sizes(dims)

    @classmethod
    def from_tuple(cls, sizes):
        """The shape of a tuple that is known to hold only None and ints >= 0; nothing is checked."""
        shape = cls.__new__(cls)
        shape.tuple = sizes
        return shape

    @property
    def ndims(self):
        """The number of dimensions, or None."""
        return None if self.tuple is None else len(self.tuple)

    rank = ndims

    @property
    def dims(self):
        """A new list of Dimension, or None."""
        return None if self.tuple is None else [Dimension(d) for d in self.tuple]

    def as_list(self):
        """A new list of ints and Nones.  ValueError for an unknown rank."""
        if self.tuple is None:
            raise ValueError("as_list() is not defined on an unknown TensorShape.")
        return list(self.tuple)

    def is_fully_defined(self):
        return self.tuple is not None and None not in self.tuple

    def num_elements(self):
        """The number of elements, or None if any size is unknown."""
        return math.prod(self.tuple) if self.is_fully_defined() else None

    def is_compatible_with(self, other):
        """Whether one value could have both shapes."""
        a, b = self.tuple, as_shape(other).tuple
        if a is None or b is None or a == b:
            return True
        return len(a) == len(b) and all(x is None or y is None or x == y for x, y in zip(a, b))

    def assert_is_compatible_with(self, other):
        other = as_shape(other)
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {self} and {other} are not compatible")

    def merge_with(self, other):
        """The shape that says what both say; ValueError if they contradict each other."""
        other = as_shape(other)
        a, b = self.tuple, other.tuple
        if b is None or a == b:
            return self
        if a is None:
            return other
        self.assert_is_compatible_with(other)
        return TensorShape.from_tuple(tuple([y if x is None else x for x, y in zip(a, b)]))

    def most_specific_compatible_shape(self, other):
        """The most specific shape that values of both shapes have: a size stays where both agree on it."""
        other = as_shape(other)
        a, b = self.tuple, other.tuple
        if a is None or b is None or len(a) != len(b):
            return unknown_shape()
        return TensorShape.from_tuple(tuple([x if x == y else None for x, y in zip(a, b)]))

    def concatenate(self, other):
        """The dimensions of this shape followed by those of `other`."""
        other = as_shape(other)
        if self.tuple is None or other.tuple is None:
            return unknown_shape()
        return TensorShape.from_tuple(self.tuple + other.tuple)

    def __add__(self, other):
        return self.concatenate(other)

    def __radd__(self, other):
        return as_shape(other).concatenate(self)

    def as_proto(self):
        """A TensorShapeProto, with -1 for a size that is not known."""
        message = proto("TensorShapeProto")(unknown_rank=self.tuple is None)
        for d in self.tuple or ():
            message.dim.add(size=-1 if d is None else d)
        return message

    def assert_same_rank(self, other):
        other = as_shape(other)
        if self.tuple is not None and other.tuple is not None and len(self.tuple) != len(other.tuple):
            raise ValueError(f"Shapes {self} and {other} must have the same rank")

    def assert_has_rank(self, rank):
        if self.ndims not in (None, rank):
            raise ValueError(f"Shape {self} must have rank {rank}")

    def assert_is_fully_defined(self):
        if not self.is_fully_defined():
            raise ValueError(f"Shape {self} is not fully defined")

    def with_rank(self, rank):
        """This shape, known to have that rank; ValueError if it has another."""
        self.assert_has_rank(rank)
        return unknown_shape(rank) if self.tuple is None else self

    def with_rank_at_least(self, rank):
        if self.tuple is not None and len(self.tuple) < rank:
            raise ValueError(f"Shape {self} must have rank at least {rank}")
        return self

    def with_rank_at_most(self, rank):
        if self.tuple is not None and len(self.tuple) > rank:
            raise ValueError(f"Shape {self} must have rank at most {rank}")
        return self

    def __getitem__(self, key):
        """A Dimension for an int, a TensorShape for a slice; unknown where the rank is."""
        if self.tuple is not None:
            if isinstance(key, slice):
                return TensorShape.from_tuple(self.tuple[key])
            return Dimension(self.tuple[key])
        if not isinstance(key, slice):
            return Dimension(None)
        start, stop = key.start or 0, key.stop
        if key.step is not None:
            raise ValueError("Steps are not yet handled")
        # The shape may have fewer dimensions than the slice asks for, but TensorFlow takes the slice at its word.
        if stop is None or start < 0 or stop < 0:
            return unknown_shape()
        return unknown_shape(max(0, stop - start))

    def __iter__(self):
        if self.tuple is None:
            raise ValueError("Cannot iterate over a shape with unknown rank.")
        return iter([Dimension(d) for d in self.tuple])

    def __len__(self):
        if self.tuple is None:
            raise ValueError("Cannot take the length of shape with unknown rank.")
        return len(self.tuple)

    def __bool__(self):
        """Whether the rank is known."""
        return self.tuple is not None

    def __eq__(self, other):
        if other.__class__ is not TensorShape:
            try:
                other = as_shape(other)
            except (TypeError, ValueError):
                return NotImplemented
        return self.tuple == other.tuple

    def __hash__(self):
        return hash(self.tuple)

    def __str__(self):
        if self.tuple is None:
            return "<unknown>"
        sizes = ["?" if d is None else str(d) for d in self.tuple]
        return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"

    def __repr__(self):
        return f"TensorShape({self.dims})"

    def __reduce__(self):
        return TensorShape, (self.tuple,)


def _sizes(dims):
    if isinstance(dims, (str, bytes)):
        raise TypeError(f"Cannot convert {dims!r} to a TensorShape")
    try:
        sizes = tuple(dims)
    except TypeError:
        if hasattr(dims, "unknown_rank"):              # a TensorShapeProto
            return None if dims.unknown_rank else tuple([None if d.size == -1 else _size(d.size) for d in dims.dim])
        return (_size(dims),)
    for d in sizes:
        if d is not None and (d.__class__ is not int or d < 0):
            return tuple([_size(d) for d in sizes])
    return sizes


_UNKNOWN = TensorShape(None)
_UNKNOWN_OF_RANK = [TensorShape.from_tuple((None,) * rank) for rank in range(9)]
_SCALAR = _UNKNOWN_OF_RANK[0]


def as_dimension(value):
    return value if isinstance(value, Dimension) else Dimension(value)


def dimension_value(dimension):
    """The int or None that a Dimension holds; anything else as it is."""
    return dimension.value if isinstance(dimension, Dimension) else dimension


def as_shape(shape):
    """`shape` as a TensorShape; see its constructor for what is accepted."""
    return shape if shape.__class__ is TensorShape else TensorShape(shape)


def unknown_shape(ndims=None):
    """The shape of which nothing but, perhaps, the rank is known."""
    if ndims is None:
        return _UNKNOWN
    return _UNKNOWN_OF_RANK[ndims] if 0 <= ndims < 9 else TensorShape([None] * ndims)


def scalar():
    return _SCALAR


def vector(length):
    return TensorShape((length,))


def matrix(rows, columns):
    return TensorShape((rows, columns))


def broadcast_shapes(a, b):
    """The shape of an element-wise result of values of shapes a and b, as NumPy broadcasts.

    An unknown size beside a known one other than 1 must be that size, or 1, for the program to be right, so the result
    is known; beside 1 it stays unknown.  ValueError if no values of these shapes broadcast.

    >>> broadcast_shapes([None, 3], [5, 1, 1])
    TensorShape([Dimension(5), Dimension(None), Dimension(3)])
    """
    a, b = as_shape(a), as_shape(b)
    x, y = a.tuple, b.tuple
    if x == y or y == ():
        return a
    if x == ():
        return b
    if x is None or y is None:
        return _UNKNOWN
    if len(x) < len(y):
        x = (1,) * (len(y) - len(x)) + x
    else:
        y = (1,) * (len(x) - len(y)) + y
    sizes = []
    for m, n in zip(x, y):
        if m == n or n == 1:
            sizes.append(m)
        elif m == 1 or m is None:
            sizes.append(n)
        elif n is None:
            sizes.append(m)
        else:
            raise ValueError(f"Incompatible shapes for broadcasting: {a} and {b}")
    return TensorShape.from_tuple(tuple(sizes))


def shape_text(shape):
    """'[2,?]', or '[...]' for an unknown rank."""
    if isinstance(shape, TensorShape):
        shape = shape.tuple
    if shape is None:
        return "[...]"
    return "[" + ",".join("?" if d is None else str(d) for d in shape) + "]"
