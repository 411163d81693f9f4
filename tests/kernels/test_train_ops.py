"""The optimizers' kernels by themselves: shapes and indices that are refused, locks, and the same bits wherever an element stands."""
import threading

import numpy as np
import pytest

from minitf.core.dtypes import float64
from minitf.core.errors import FailedPreconditionError, InvalidArgumentError
from minitf.core.registry import find_kernel
from minitf.core.resources import VariableState
from minitf.kernels.cpu import state
from minitf.kernels.cpu.kernel import run_kernel

# kernel -> (slots, hyper-parameters before the gradient, and behind it)
KERNELS = {
    "ApplyMomentum": (1, [0.1], [0.9]), "ApplyAdagrad": (1, [0.1], []), "ApplyRMSProp": (2, [0.1, 0.9, 0.5, 0.01], []),
    "ApplyCenteredRMSProp": (3, [0.1, 0.9, 0.5, 9.0], []), "ApplyAdadelta": (2, [0.1, 0.9, 0.01], []), "ApplyFtrl": (2, [], [0.1, 0.2, 0.3, -0.5]),
    "ApplyFtrlV2": (2, [], [0.1, 0.2, 0.3, 0.4, -0.5]), "ApplyProximalGradientDescent": (0, [0.1, 0.2, 0.3], []),
    "ApplyProximalAdagrad": (1, [0.1, 0.2, 0.3], []), "ApplyAdagradDA": (2, [], [0.1, 0.2, 0.3, np.int64(2)]),
    "ApplyGradientDescent": (0, [0.1], []), "ApplyAdam": (2, [0.5, 0.5, 0.01, 0.9, 0.999, 1e-8], []),
}
SPARSE = {"Tindices": "int32"}


def variable(value, name="v"):
    v = VariableState(name, value.dtype.name)
    run_kernel(state.Assign, {}, [v, value], [], [])
    return v


def update(op, inputs, attrs={}):
    run_kernel(find_kernel(op, {"T": float64}).kernel, attrs, inputs, [], [])


def arrays(shape, dtype, n, seed=0):
    """A variable's value, and n slots' that may lie under a root."""
    random = np.random.default_rng(seed)
    return [random.standard_normal(shape).astype(dtype)] + [(random.random(shape) + 0.5).astype(dtype) for _ in range(n)]


def apply(name, states, grad, indices=None, attrs=None):
    """One update of VariableStates, or of arrays, of which the new values are returned."""
    _, before, behind = KERNELS[name]
    dtype = np.asarray(grad).dtype.type
    states = [s if isinstance(s, VariableState) else variable(s, f"v{i}") for i, s in enumerate(states)]
    hyper = [[h if isinstance(h, np.int64) else dtype(h) for h in part] for part in (before, behind)]
    inputs = [*states, *hyper[0], grad, *([] if indices is None else [indices]), *hyper[1]]
    update(name, inputs, (attrs or {}) | ({} if indices is None else SPARSE))
    return [s.numpy() for s in states]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", KERNELS)
def test_the_sparse_form_is_the_dense_one_on_some_rows(name, dtype):
    values, grad = arrays((5, 2, 3), dtype, KERNELS[name][0]), arrays((5, 2, 3), dtype, 0, 1)[0]
    for indices in (np.array([3, 0], np.int32), np.array([4], np.int64), np.array([], np.int32)):
        dense, sparse = apply(name, values, grad), apply(name, values, grad[indices], indices)
        for before, all_rows, some_rows in zip(values, dense, sparse):
            expected = before.copy()
            expected[indices] = all_rows[indices]
            np.testing.assert_array_equal(some_rows, expected)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", KERNELS)
def test_gradients_of_a_row_that_is_named_several_times_are_added_up_first(name, dtype):
    values, grad = arrays((40, 2, 3), dtype, KERNELS[name][0]), arrays((70, 2, 3), dtype, 0, 1)[0]
    for indices in (np.array([7, 3, 7, 7, 39], np.int32), np.array([5, 5], np.int64), np.random.default_rng(0).integers(0, 40, 70)):
        rows = grad[:len(indices)].copy()
        once, place = np.unique(indices, return_inverse=True)
        sums = np.zeros((len(once), 2, 3), dtype)
        np.add.at(sums, place, rows)
        for several, single in zip(apply(name, values, rows, indices, {"_adds_up": True}), apply(name, values, sums, once)):
            np.testing.assert_array_equal(several, single)
        np.testing.assert_array_equal(rows, grad[:len(indices)])


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (1,), (67,)])
def test_an_element_has_the_same_bits_wherever_it_stands(name, shape):
    values, grad = arrays(shape, np.float32, KERNELS[name][0]), np.asarray(arrays(shape, np.float32, 0, 1)[0])
    whole = apply(name, values, grad)
    assert all(x.shape == shape and np.isfinite(x).all() for x in whole)
    if shape == (67,):
        for start in (1, 5, 16, 66):
            for part, all_of_it in zip(apply(name, [x[start:] for x in values], grad[start:]), whole):
                np.testing.assert_array_equal(part, all_of_it[start:])


@pytest.mark.parametrize("name", KERNELS)
def test_nan_stays_nan_and_zeros_stay_finite(name):
    values, grad = arrays((3,), np.float32, KERNELS[name][0]), np.float32([np.nan, 0, 1])
    got = apply(name, values, grad)[0]
    assert np.isnan(got).tolist() == [True, False, False]


@pytest.mark.parametrize("name", KERNELS)
def test_wrong_shapes_and_indices_name_what_is_wrong_and_change_nothing(name):
    slots = KERNELS[name][0]
    values = arrays((4, 2), np.float64, slots)
    states = [variable(v) for v in values]
    cases = [
        (np.ones((2, 4)), None, r"var and (grad|delta) do not have the same shape\[4,2\] \[2,4\]"),
        (np.ones((2, 2)), [0, 4], r"Index 4 at offset 1 in indices is out of range"),
        (np.ones((2, 2)), [-1, 0], r"Index -1 at offset 0 in indices is out of range"),
        (np.ones((3, 2)), [0, 1], r"grad must be the same size as indices in the first dimension, got shapes \[3,2\] and \[2\]"),
        (np.ones((2, 3)), [0, 1], r"var and grad must match in dimension 1, got shapes \[4,2\] and \[2,3\]"),
        (np.ones((2,)), [0, 1], r"var and grad must have the same rank, got shapes \[4,2\] and \[2\]"),
        (np.ones((1, 2)), [[0]], r"indices must be one-dimensional, got shape \[1,1\]"),
    ]
    for grad, indices, message in cases:
        for _ in range(2):                # the second would hang if the first had kept a lock
            with pytest.raises(InvalidArgumentError, match=message):
                apply(name, states, grad, None if indices is None else np.array(indices))
    with pytest.raises(InvalidArgumentError, match="var must be at least 1 dimensional"):
        apply(name, [np.ones(()) for _ in range(slots + 1)], np.ones((0,)), np.array([], np.int32))
    for s, v in zip(states, values):
        np.testing.assert_array_equal(s.numpy(), v)
    if slots:
        with pytest.raises(InvalidArgumentError, match=r"var and \w+ do not have the same shape\[4,2\] \[3\]"):
            apply(name, [*states[:-1], np.ones(3)], np.ones((4, 2)))


@pytest.mark.parametrize("name, position, value, message", [
    ("ApplyFtrl", 0, 0.0, "lr is not a positive scalar: 0.0"), ("ApplyFtrl", 1, -1.0, "l1 regularization strength is not a non-negative scalar: -1.0"),
    ("ApplyFtrl", 2, -1.0, "l2 regularization strength is not a non-negative"), ("ApplyFtrl", 3, 0.5, "lr_power is not a non-positive scalar: 0.5"),
    ("ApplyFtrlV2", 3, -1.0, "l2 shrinkage regularization strength is not a non-negative"), ("ApplyFtrlV2", 4, 0.5, "lr_power is not a non-positive"),
    ("ApplyProximalAdagrad", 0, 0.0, "lr is not a positive scalar"), ("ApplyProximalAdagrad", 1, -1.0, "l1 regularization strength is not"),
    ("ApplyProximalGradientDescent", 2, -1.0, "l2 regularization strength is not"), ("ApplyMomentum", 0, np.ones(2), r"lr is not a scalar: \[2\]"),
    ("ApplyGradientDescent", 0, np.ones((1, 2)), r"alpha is not a scalar: \[1,2\]"), ("ApplyAdam", 4, np.ones(1), r"beta2 is not a scalar: \[1\]"),
])
def test_hyper_parameters_without_a_meaning(name, position, value, message):
    slots, before, behind = KERNELS[name]
    hyper = before + behind
    hyper[position] = value
    states = [variable(x) for x in arrays((3,), np.float64, slots)]
    inputs = [*states, *map(np.float64, hyper[:len(before)]), np.ones(3), *map(np.float64, hyper[len(before):])]
    with pytest.raises(InvalidArgumentError, match=message):
        update(name, inputs)


def test_a_slot_that_is_not_initialized_is_named_and_every_lock_is_given_back():
    ready, other, missing = variable(np.ones(2)), variable(np.ones(2)), VariableState("w/slot", "float64")
    for states in ([ready, missing], [missing, ready], [ready, other, missing], [missing, ready, other], [ready, missing, other], [missing] * 3):
        for _ in range(2):
            with pytest.raises(FailedPreconditionError, match="Attempting to use uninitialized value w/slot"):
                apply("ApplyMomentum" if len(states) == 2 else "ApplyAdam", states, np.ones(2))
    for v in ready, other:
        run_kernel(state.AssignAdd, {}, [v, np.ones(2)], [], [])


def test_a_variable_given_twice_does_not_wait_for_itself():
    v = variable(np.ones(2))
    assert np.isfinite(apply("ApplyAdam", [v, v, v], np.ones(2))).all()


@pytest.mark.parametrize("n", [0, 1, 15, 16, 17, 1000])
def test_gradient_descent_is_one_fused_multiply_add(n):
    alpha, (var,), (delta,) = np.float32(0.3), arrays((n,), np.float32, 0), arrays((n,), np.float32, 0, 1)
    expected = np.array([np.float32(np.longdouble(p) - np.longdouble(alpha) * np.longdouble(g)) for p, g in zip(var, delta)], np.float32)
    v = variable(var)
    update("ApplyGradientDescent", [v, alpha, delta])
    np.testing.assert_array_equal(v.numpy(), expected)


def test_gradient_descent_in_float64():
    (var,), (delta,) = arrays((33,), np.float64, 0), arrays((33,), np.float64, 0, 1)
    np.testing.assert_allclose(apply("ApplyGradientDescent", [var], delta)[0], var - 0.1 * delta, rtol=1e-14)


def adam_reference(var, m, v, power1, power2, lr, beta1, beta2, epsilon, grad):
    rate = lr * np.sqrt(1 - power2) / (1 - power1)
    m = m + (grad - m) * (1 - beta1)
    v = v + (grad * grad - v) * (1 - beta2)
    return var - rate * m / (np.sqrt(v) + epsilon), m, v


@pytest.mark.parametrize("dtype, rtol", [(np.float32, 2e-5), (np.float64, 1e-12)])
@pytest.mark.parametrize("shape", [(), (0,), (1,), (37,), (40, 50)])
def test_adam(dtype, rtol, shape):
    values, grad = arrays(shape, dtype, 2), np.asarray(arrays(shape, dtype, 0, 1)[0] * 10)
    hyper = [dtype(x) for x in (0.9 ** 3, 0.999 ** 3, 0.01, 0.9, 0.999, 1e-8)]
    states = [variable(np.asarray(x)) for x in values]
    update("ApplyAdam", [*states, *hyper, grad])
    for s, e in zip(states, adam_reference(*[np.float64(x) for x in (*values, *hyper, grad)])):
        np.testing.assert_allclose(s.numpy(), e, rtol=rtol, atol=rtol)


def test_adagrad_without_updating_its_slots():
    var, accum = apply("ApplyAdagrad", [np.float32([1.0]), np.float32([4.0])], np.float32([2.0]), attrs={"update_slots": False})
    assert accum == 4.0 and var == np.float32(1.0) - np.float32(0.1) * np.float32(2) / np.float32(2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("ids", [[], [0], [5], [3, 1], [0, 1, 2, 3, 4, 5], [5, 0, 2]])
def test_sparse_adam_is_adam_with_zeros_in_the_other_rows(dtype, ids):
    values = arrays((6, 4), dtype, 2)
    rows = arrays((len(ids), 4), dtype, 0, 1)[0]
    grad = np.zeros((6, 4), dtype)
    grad[ids] = rows
    hyper = [dtype(x) for x in (0.9 ** 3, 0.999 ** 3, 0.01, 0.9, 0.999, 1e-8)]
    dense, sparse = [variable(v) for v in values], [variable(v) for v in values]
    update("ApplyAdam", [*dense, *hyper, grad])
    update("SparseApplyAdam", [*sparse, *hyper, rows, np.array(ids, np.int32)], SPARSE)
    for a, b in zip(dense, sparse):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


@pytest.mark.timeout(60)
def test_updates_of_the_same_variables_from_several_threads_wait_for_one_another():
    a, b = variable(np.zeros(1000)), variable(np.zeros(1000))

    def work(order):
        run_kernel(find_kernel("ApplyMomentum", {"T": float64}).kernel, {}, [*order, np.float64(0.0), np.ones(1000), np.float64(1.0)], [], [],
                   repeat=1000)

    threads = [threading.Thread(target=work, args=(order,)) for order in ((a, b), (b, a), (a, b))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    np.testing.assert_array_equal(b.numpy(), np.full(1000, 2000.0))
    np.testing.assert_array_equal(a.numpy(), np.full(1000, 1000.0))
