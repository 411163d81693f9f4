import copy
import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minitf.core import dtypes
from minitf.core.shapes import (Dimension, TensorShape, as_dimension, as_shape, broadcast_shapes, matrix, scalar, unknown_shape,
                                vector)

small = st.integers(0, 3)
full_tuples = st.lists(small, max_size=4).map(tuple)
tuples = st.none() | st.lists(st.none() | small, max_size=4).map(tuple)


def error_of(function, *args):
    with pytest.raises(ValueError) as e:
        function(*args)
    return str(e.value)


class TestDimension:
    def test_accepts_sizes(self):
        assert Dimension(3).value == Dimension("3").value == Dimension(3.0).value == Dimension(np.int64(3)).value == 3
        assert Dimension(None).value is None and Dimension(Dimension(4)).value == 4
        assert type(Dimension(np.int64(3)).value) is int

    def test_refuses_the_rest(self):
        assert error_of(Dimension, -1) == "Dimension -1 must be >= 0"
        assert error_of(Dimension, 1.5) == "Ambiguous dimension: 1.5"
        with pytest.raises(TypeError, match="Cannot convert <dtype: 'int32'> to Dimension"):
            Dimension(dtypes.int32)
        with pytest.raises(TypeError, match="got <object"):
            Dimension(object())

    def test_arithmetic(self):
        d = Dimension(7)
        assert [(d + 2).value, (2 + d).value, (d - 2).value, (9 - d).value, (d * 2).value, (d // 2).value, (15 // d).value,
                (d % 4).value, (9 % d).value] == [9, 9, 5, 2, 14, 3, 2, 3, 2]
        unknown = Dimension(None)
        assert (d + unknown).value is (unknown * 2).value is (d - None).value is None
        assert error_of(lambda: Dimension(2) - 3) == "Dimension -1 must be >= 0"
        with pytest.raises(TypeError, match="please use // instead"):
            d / 2
        with pytest.raises(TypeError, match="please use // instead"):
            2 / d

    def test_comparison(self):
        assert Dimension(3) == 3 and Dimension(3) != Dimension(4) and Dimension(3) < 4 <= Dimension(4)
        assert (Dimension(None) == 3) is (Dimension(3) != None) is (Dimension(None) < 1) is None      # noqa: E711
        assert Dimension(3) != "three"
        with pytest.raises(TypeError):
            Dimension(3) < "three"

    def test_merge(self):
        assert Dimension(None).merge_with(3).value == Dimension(3).merge_with(None).value == 3
        assert error_of(Dimension(3).merge_with, 4) == "Dimensions 3 and 4 are not compatible"

    def test_conversion_to_int(self):
        assert int(Dimension(2)) == 2 and [10, 11, 12][Dimension(2)] == 12 and np.zeros(Dimension(2)).shape == (2,)
        assert str(Dimension(2)) == "2" and str(Dimension(None)) == "?" and repr(Dimension(None)) == "Dimension(None)"
        d = Dimension(2)
        assert as_dimension(d) is d and pickle.loads(pickle.dumps(d)).value == 2


class TestTensorShape:
    def test_accepts(self):
        for dims in ([2, None], (2, None), [Dimension(2), None], np.array([2, None]), iter([np.int32(2), Dimension(None)]),
                     TensorShape([2, None])):
            assert TensorShape(dims).tuple == (2, None)
        assert TensorShape(5).tuple == TensorShape(Dimension(5)).tuple == (5,)
        assert TensorShape(None).tuple is None and TensorShape([]).tuple == ()
        assert all(type(d) is int for d in TensorShape(np.array([2, 3])).tuple)

    def test_refuses(self):
        assert error_of(TensorShape, [2, -1]) == "Dimension -1 must be >= 0"
        assert error_of(TensorShape, np.array([2, -1])) == "Dimension -1 must be >= 0"
        for wrong in ("347", [dtypes.int32], object(), [[2]]):
            with pytest.raises(TypeError):
                TensorShape(wrong)

    def test_views(self):
        shape = TensorShape([2, None, 4])
        assert shape.ndims == shape.rank == len(shape) == 3
        assert shape.as_list() == [d.value for d in shape.dims] == [d.value for d in shape] == [2, None, 4]
        assert not shape.is_fully_defined() and shape.num_elements() is None
        assert TensorShape([2, 3]).num_elements() == 6 and scalar().num_elements() == 1
        assert TensorShape([0, None]).num_elements() is None

    def test_unknown_rank(self):
        shape = unknown_shape()
        assert shape.dims is shape.ndims is shape.num_elements() is None
        assert not shape and scalar() and not shape.is_fully_defined()
        assert error_of(shape.as_list) == "as_list() is not defined on an unknown TensorShape."
        assert error_of(len, shape) == "Cannot take the length of shape with unknown rank."
        assert error_of(list, shape) == "Cannot iterate over a shape with unknown rank."

    def test_indexing(self):
        shape = TensorShape([2, None, 4])
        assert isinstance(shape[0], Dimension) and shape[0].value == 2 and shape[-1].value == 4
        assert shape[1:].tuple == (None, 4) and shape[::-1].tuple == (4, None, 2)
        with pytest.raises(IndexError):
            shape[3]
        unknown = unknown_shape()
        assert unknown[7].value is None and unknown[1:].tuple is None and unknown[:-1].tuple is None
        assert unknown[1:3].tuple == (None, None) and unknown[3:1].tuple == ()
        assert error_of(lambda: unknown[::2]) == "Steps are not yet handled"

    def test_merge_and_compatibility(self):
        a, b, c = TensorShape([2, None]), TensorShape([None, 3]), TensorShape([4, None])
        assert a.merge_with(b).tuple == (2, 3)
        assert a.merge_with(None) is a and unknown_shape().merge_with(a) is a
        # Not transitive: b agrees with both, a and c contradict each other.
        assert a.is_compatible_with(b) and b.is_compatible_with(c) and not a.is_compatible_with(c)
        assert error_of(a.merge_with, c) == "Shapes (2, ?) and (4, ?) are not compatible"
        assert error_of(a.assert_is_compatible_with, [2]) == "Shapes (2, ?) and (2,) are not compatible"
        assert a.most_specific_compatible_shape([2, 5]).tuple == (2, None)
        assert a.most_specific_compatible_shape([2]).tuple is None

    def test_concatenate(self):
        assert TensorShape([2, None]).concatenate([3]).tuple == (2, None, 3)
        assert TensorShape([2]).concatenate(5).tuple == (2, 5)
        assert TensorShape([2]).concatenate(None).tuple is unknown_shape().concatenate([2]).tuple is None

    def test_ranks(self):
        shape = TensorShape([2, None])
        assert shape.with_rank(2) is shape and unknown_shape().with_rank(2).tuple == (None, None)
        assert shape.with_rank_at_least(1) is shape.with_rank_at_most(3) is shape
        assert unknown_shape().with_rank_at_least(1).tuple is None
        assert error_of(shape.with_rank, 3) == "Shape (2, ?) must have rank 3"
        assert error_of(shape.with_rank_at_least, 3) == "Shape (2, ?) must have rank at least 3"
        assert error_of(shape.with_rank_at_most, 1) == "Shape (2, ?) must have rank at most 1"
        assert error_of(shape.assert_same_rank, [2]) == "Shapes (2, ?) and (2,) must have the same rank"
        assert error_of(shape.assert_is_fully_defined) == "Shape (2, ?) is not fully defined"
        shape.assert_same_rank(None)
        shape.assert_has_rank(2)

    def test_equality(self):
        assert TensorShape([2, 3]) == TensorShape([2, 3]) == [2, 3] == TensorShape((2, 3))
        assert TensorShape([2, 3]) != [2, 4] and TensorShape([2, None]) != [2, 3]
        assert TensorShape([2, None]) == [2, None] and not TensorShape([2, None]) != [2, None]
        assert unknown_shape() == TensorShape(None) and unknown_shape() != scalar()
        assert TensorShape([2]) != "a shape" and TensorShape([2]) != [-2] and TensorShape([2]) != object()
        assert len({TensorShape([2, None]), TensorShape((2, None)), unknown_shape(), unknown_shape()}) == 2

    def test_makers(self):
        assert [s.tuple for s in (scalar(), vector(3), vector(None), matrix(2, None), unknown_shape(2), unknown_shape(20))] == [
            (), (3,), (None,), (2, None), (None, None), (None,) * 20]
        shape = TensorShape([1])
        assert as_shape(shape) is shape and as_shape([1]) == shape

    def test_printing(self):
        assert [str(TensorShape(d)) for d in (None, [], [2], [2, None])] == ["<unknown>", "()", "(2,)", "(2, ?)"]
        assert repr(TensorShape([2, None])) == "TensorShape([Dimension(2), Dimension(None)])"
        assert repr(unknown_shape()) == "TensorShape(None)"

    @given(tuples)
    def test_copies(self, dims):
        shape = TensorShape(dims)
        for other in (copy.copy(shape), copy.deepcopy(shape), pickle.loads(pickle.dumps(shape))):
            assert other.tuple == dims


def merged(a, b):
    try:
        return TensorShape(a).merge_with(b).tuple
    except ValueError:
        return "conflict"


@given(tuples, tuples)
def test_merge_is_commutative_and_says_what_both_say(a, b):
    both = merged(a, b)
    assert both == merged(b, a)
    assert TensorShape(a).is_compatible_with(b) == TensorShape(b).is_compatible_with(a) == (both != "conflict")
    if both != "conflict":
        assert merged(both, a) == merged(both, b) == both


@given(tuples, tuples)
def test_most_specific_compatible_shape_is_compatible_with_both(a, b):
    common = TensorShape(a).most_specific_compatible_shape(b)
    assert common == TensorShape(b).most_specific_compatible_shape(a)
    assert common.is_compatible_with(a) and common.is_compatible_with(b)


def numpy_broadcast(a, b):
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        return "conflict"


def broadcast(a, b):
    try:
        return broadcast_shapes(a, b).tuple
    except ValueError as e:
        assert str(e) == f"Incompatible shapes for broadcasting: {TensorShape(a)} and {TensorShape(b)}"
        return "conflict"


@given(full_tuples, full_tuples)
def test_broadcast_of_known_shapes_is_numpys(a, b):
    assert broadcast(a, b) == numpy_broadcast(a, b)


def values_of(partial):
    return itertools.product(*[range(4) if d is None else [d] for d in partial])


@given(*[st.lists(st.none() | small, max_size=3).map(tuple)] * 2)
def test_broadcast_of_partial_shapes_is_what_all_completions_agree_on(a, b):
    results = {numpy_broadcast(x, y) for x in values_of(a) for y in values_of(b)} - {"conflict"}
    if not results:
        assert broadcast(a, b) == "conflict"
    else:
        assert broadcast(a, b) == tuple(sizes.pop() if len(sizes) == 1 else None for sizes in map(set, zip(*results)))


def test_broadcast_examples():
    assert broadcast([None, 3], [5, 1, 1]) == (5, None, 3)
    assert broadcast([None], [4]) == (4,) and broadcast([None], [1]) == (None,) and broadcast([None], [None]) == (None,)
    assert broadcast(None, [3]) is broadcast([3], None) is None
    assert broadcast(None, []) is None and broadcast([], [None, 2]) == (None, 2)
    assert error_of(broadcast_shapes, [2, None], [3, 1]) == "Incompatible shapes for broadcasting: (2, ?) and (3, 1)"
