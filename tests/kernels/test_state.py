"""Kernels that change variables: values, errors, snapshots, locks."""
import threading

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from minitf.core.errors import FailedPreconditionError, InvalidArgumentError
from minitf.core.resources import VariableState
from minitf.kernels.cpu import state
from minitf.kernels.cpu.kernel import run_kernel

NUMBERS = [np.float32, np.float64, np.int32, np.int64]


def variable(value=None, dtype=None, name="v"):
    v = VariableState(name, np.dtype(dtype or np.asarray(value).dtype).name)
    if value is not None:
        apply(state.Assign, v, np.asarray(value))
    return v


def apply(kernel, v, *inputs, repeat=1, **attrs):
    run_kernel(kernel, attrs, [v, *inputs], [], [], repeat=repeat)
    return v


def random(shape, dtype, seed=0):
    return (np.random.default_rng(seed).standard_normal(shape) * 10).astype(dtype)


@pytest.mark.parametrize("dtype", NUMBERS + [np.bool_])
@pytest.mark.parametrize("shape", [(), (0,), (7,), (3, 4, 5)])
def test_assign_and_read(dtype, shape):
    value = random(shape, dtype)
    v = variable(value)
    got = v.numpy()
    np.testing.assert_array_equal(got, value)
    assert got.dtype == dtype and got.shape == shape
    np.testing.assert_array_equal(run_kernel(state.ReadVariable, {}, [v], [shape], [dtype])[0], value)


def test_is_variable_initialized():
    v = variable(dtype=np.float32)
    assert run_kernel(state.IsVariableInitialized, {}, [v], [()], [np.bool_])[0] == False  # noqa: E712
    apply(state.Assign, v, np.float32(1))
    assert run_kernel(state.IsVariableInitialized, {}, [v], [()], [np.bool_])[0] == True  # noqa: E712


def test_assign_of_another_shape():
    v = variable(np.ones((2, 3)))
    with pytest.raises(InvalidArgumentError, match=r"Assign requires shapes of both tensors to match. lhs shape= \[2,3\] rhs shape= \[3,2\]"):
        apply(state.Assign, v, np.ones((3, 2)))
    np.testing.assert_array_equal(apply(state.Assign, v, np.arange(4.0), validate_shape=False).numpy(), np.arange(4.0))


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("shape", [(), (0,), (65,), (3, 50)])
def test_assign_add_and_sub(dtype, shape):
    a, b = random(shape, dtype), random(shape, dtype, 1)
    np.testing.assert_array_equal(apply(state.AssignAdd, variable(a), b).numpy(), a + b)
    np.testing.assert_array_equal(apply(state.AssignSub, variable(a), b).numpy(), a - b)


@pytest.mark.parametrize("kernel, inputs", [
    (state.AssignAdd, [np.ones(3)]), (state.ScatterAdd, [np.array([0]), np.ones(1)]),
    (state.ReadVariable, [])])
def test_not_initialized(kernel, inputs):
    v = variable(dtype=np.float64, name="weights")
    for _ in range(2):                # the second would hang if the first had kept the lock
        with pytest.raises(FailedPreconditionError, match="Attempting to use uninitialized value weights"):
            run_kernel(kernel, {}, [v, *inputs], [(3,)] if kernel is state.ReadVariable else [], [np.float64] * (kernel is state.ReadVariable))


def test_wrong_shapes():
    v = variable(np.ones(3))
    for kernel, inputs, message in [
            (state.AssignAdd, [np.ones(2)], r"must be the same size: \[3\] vs. \[2\]"),
            (state.ScatterAdd, [np.array([0, 1]), np.ones(3)], r"got updates.shape \[3\], indices.shape \[2\], params.shape \[3\]")]:
        for _ in range(2):
            with pytest.raises(InvalidArgumentError, match=message):
                apply(kernel, v, *inputs)
    np.testing.assert_array_equal(v.numpy(), np.ones(3))


@given(st.integers(1, 5), st.lists(st.integers(0, 4), max_size=2).map(tuple), st.lists(st.integers(0, 4), max_size=2).map(tuple),
       st.sampled_from(NUMBERS), st.sampled_from([np.int32, np.int64]))
@settings(max_examples=150, deadline=None)
def test_scatter(rows, row, places, dtype, index_dtype):
    value, updates = random((rows, *row), dtype), random(places + row, dtype, 1)
    indices = np.random.default_rng(2).integers(0, rows, places).astype(index_dtype)
    for kernel, ufunc in [(state.ScatterAdd, np.add), (state.ScatterSub, np.subtract)]:
        expected = value.copy()
        ufunc.at(expected, indices, updates)
        np.testing.assert_array_equal(apply(kernel, variable(value), indices, updates).numpy(), expected)
    expected = value.copy()
    for place in np.ndindex(*places):
        expected[indices[place]] = updates[place]
    np.testing.assert_array_equal(apply(state.ScatterUpdate, variable(value), indices, updates).numpy(), expected)


def test_scatter_names_the_index_and_changes_nothing():
    v = variable(np.zeros(3))
    with pytest.raises(InvalidArgumentError, match=r"indices\[1\] = 3 is not in \[0, 3\)"):
        apply(state.ScatterAdd, v, np.array([0, 3]), np.ones(2))
    np.testing.assert_array_equal(v.numpy(), np.zeros(3))


def test_scatter_update_of_bools():
    v = variable(np.array([False, False, True]))
    apply(state.ScatterUpdate, v, np.array([1, 2]), np.array([True, False]))
    assert v.numpy().tolist() == [False, True, False]


@pytest.mark.timeout(60)
def test_additions_from_several_threads_are_all_counted():
    v = variable(np.zeros(64, np.int64))
    threads = [threading.Thread(target=apply, args=(state.AssignAdd, v, np.ones(64, np.int64)), kwargs={"repeat": 5000}) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    np.testing.assert_array_equal(v.numpy(), np.full(64, 20000))


def test_updates_are_in_place():
    v = variable(np.zeros(10))
    before = v.address
    apply(state.AssignAdd, v, np.ones(10))
    apply(state.Assign, v, np.ones(10))
    apply(state.ScatterSub, v, np.array([1]), np.ones(1))
    assert v.address == before
