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
FLOATS = [np.float32, np.float64]


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
    (state.ApplyGradientDescent, [np.float64(1), np.ones(3)]), (state.ReadVariable, [])])
def test_not_initialized(kernel, inputs):
    v = variable(dtype=np.float64, name="weights")
    for _ in range(2):                # the second would hang if the first had kept the lock
        with pytest.raises(FailedPreconditionError, match="Attempting to use uninitialized value weights"):
            run_kernel(kernel, {}, [v, *inputs], [(3,)] if kernel is state.ReadVariable else [], [np.float64] * (kernel is state.ReadVariable))


def test_wrong_shapes():
    v = variable(np.ones(3))
    for kernel, inputs, message in [
            (state.AssignAdd, [np.ones(2)], r"must be the same size: \[3\] vs. \[2\]"),
            (state.ApplyGradientDescent, [np.float64(1), np.ones((1, 3))], r"var and delta do not have the same shape\[3\] \[1,3\]"),
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


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 1000])
def test_gradient_descent_is_one_fused_multiply_add(n):
    var, delta, alpha = random((n,), np.float32), random((n,), np.float32, 1), np.float32(0.3)
    exact = var.astype(np.float64) - np.float64(alpha) * delta.astype(np.float64)       # exact in 64 bits but for the last sum
    expected = np.array([np.float32(np.longdouble(p) - np.longdouble(alpha) * np.longdouble(g)) for p, g in zip(var, delta)], np.float32)
    got = apply(state.ApplyGradientDescent, variable(var), alpha, delta).numpy()
    np.testing.assert_array_equal(got, expected)
    np.testing.assert_allclose(got, exact, rtol=1e-6, atol=1e-6)


def test_gradient_descent_in_float64():
    var, delta = random((33,), np.float64), random((33,), np.float64, 1)
    np.testing.assert_allclose(apply(state.ApplyGradientDescent, variable(var), np.float64(0.1), delta).numpy(), var - 0.1 * delta, rtol=1e-14)


def adam_reference(var, m, v, power1, power2, lr, beta1, beta2, epsilon, grad):
    rate = lr * np.sqrt(1 - power2) / (1 - power1)
    m = m + (grad - m) * (1 - beta1)
    v = v + (grad * grad - v) * (1 - beta2)
    return var - rate * m / (np.sqrt(v) + epsilon), m, v


@pytest.mark.parametrize("dtype, rtol", [(np.float32, 2e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (37,), (40, 50)])
def test_adam(dtype, rtol, shape):
    var, m, grad = random(shape, dtype), random(shape, dtype, 1), random(shape, dtype, 2)
    v = abs(random(shape, dtype, 3))
    scalars = [dtype(x) for x in (0.9 ** 3, 0.999 ** 3, 0.01, 0.9, 0.999, 1e-8)]
    states = [variable(x) for x in (var, m, v)]
    run_kernel(state.ApplyAdam, {}, [*states, *scalars, grad], [], [])
    expected = adam_reference(*[np.float64(x) for x in (var, m, v, *scalars, grad)])
    for s, e in zip(states, expected):
        np.testing.assert_allclose(s.numpy(), e, rtol=rtol, atol=rtol)


def test_an_element_has_the_same_bits_wherever_it_stands():
    n = 67
    arrays = [random((n,), np.float32, i) for i in range(3)] + [abs(random((n,), np.float32, 3))]
    scalars = [np.float32(x) for x in (0.9, 0.999, 0.01, 0.9, 0.999, 1e-8)]

    def adam(var, m, grad, v):
        states = [variable(x) for x in (var, m, v)]
        run_kernel(state.ApplyAdam, {}, [*states, *scalars, grad], [], [])
        return states[0].numpy()

    whole = adam(*arrays)
    for start in (1, 5, 16, 66):
        np.testing.assert_array_equal(adam(*[a[start:] for a in arrays]), whole[start:])


def test_adam_names_what_is_not_initialized_and_gives_back_every_lock():
    ready, other, missing = variable(np.ones(2)), variable(np.ones(2)), variable(dtype=np.float64, name="slot")
    scalars = [np.float64(0.5)] * 6
    for order in ([ready, other, missing], [missing, ready, other], [ready, missing, other], [missing, missing, missing]):
        with pytest.raises(FailedPreconditionError, match="uninitialized value slot"):
            run_kernel(state.ApplyAdam, {}, [*order, *scalars, np.ones(2)], [], [])
    apply(state.AssignAdd, ready, np.ones(2))
    apply(state.AssignAdd, other, np.ones(2))
    with pytest.raises(InvalidArgumentError, match=r"var and grad do not have the same shape\[2\] \[3\]"):
        run_kernel(state.ApplyAdam, {}, [ready, other, ready, *scalars, np.ones(3)], [], [])
    apply(state.AssignAdd, ready, np.ones(2))


def test_a_variable_given_twice_does_not_wait_for_itself():
    v = variable(np.ones(2))
    run_kernel(state.ApplyAdam, {}, [v, v, v, *[np.float64(0.5)] * 6, np.ones(2)], [], [])
    assert np.isfinite(v.numpy()).all()


@pytest.mark.timeout(60)
def test_steps_that_name_the_same_variables_in_another_order():
    a, b, c = (variable(np.ones(1000), name=n) for n in "abc")
    scalars = [np.float64(0.5)] * 6

    def work(order):
        run_kernel(state.ApplyAdam, {}, [*order, *scalars, np.ones(1000)], [], [], repeat=2000)

    threads = [threading.Thread(target=work, args=(order,)) for order in ((a, b, c), (c, b, a), (b, a, c))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


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
