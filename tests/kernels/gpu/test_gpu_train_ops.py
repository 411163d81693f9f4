"""The optimizers' GPU kernels, each against its CPU twin: all elements, some rows, rows named several times, hyper-parameters without a meaning."""
import numpy as np
import pytest

from minitf.core.dtypes import as_dtype
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import find_kernel
from minitf.core.resources import VariableState
from minitf.kernels.cpu import state
from minitf.kernels.cpu.kernel import run_kernel

from harness import run_call

# op -> (slots, hyper-parameters before the gradient, and behind it)
OPS = {
    "ApplyGradientDescent": (0, [0.1], []), "ApplyMomentum": (1, [0.1], [0.9]), "ApplyAdagrad": (1, [0.1], []), "ApplyAdadelta": (2, [0.1, 0.9, 0.01], []),
    "ApplyRMSProp": (2, [0.1, 0.9, 0.5, 0.01], []), "ApplyCenteredRMSProp": (3, [0.1, 0.9, 0.5, 9.0], []),
    "ApplyAdam": (2, [0.5, 0.6, 0.01, 0.9, 0.99, 1e-8], []), "ApplyFtrl": (2, [], [0.1, 0.2, 0.3, -0.5]), "ApplyFtrlV2": (2, [], [0.1, 0.2, 0.3, 0.4, -0.7]),
    "ApplyProximalGradientDescent": (0, [0.1, 0.2, 0.3], []), "ApplyProximalAdagrad": (1, [0.1, 0.2, 0.3], []),
    "ApplyAdagradDA": (2, [], [0.1, 0.2, 0.3, np.int64(2)]),
}
SPARSE = [op for op in OPS if op != "ApplyGradientDescent"]
TOLERANCE = {"float32": dict(rtol=2e-5, atol=2e-6), "float64": dict(rtol=1e-12, atol=1e-13)}


def arrays(shape, dtype, n, seed=0):
    """A variable's value, and n slots' that may lie under a root."""
    random = np.random.default_rng(seed)
    return [np.asarray(random.standard_normal(shape), dtype)] + [np.asarray(random.random(shape) + 0.5, dtype) for _ in range(n)]


def inputs_of(op, states, grad, indices=None, hyper=None):
    _, before, behind = OPS[op]
    hyper = [h if isinstance(h, np.int64) else np.asarray(h, grad.dtype) for h in (before + behind if hyper is None else hyper)]
    return [*states, *hyper[:len(before)], grad, *([] if indices is None else [indices]), *hyper[len(before):]]


def case(op, states, grad, indices=None, attrs={}, hyper=None):
    """The arguments of run_call."""
    sparse = {} if indices is None else {"Tindices": as_dtype(indices.dtype)}
    return ("" if indices is None else "Sparse") + op, {"T": as_dtype(grad.dtype), **sparse, **attrs}, inputs_of(op, states, grad, indices, hyper), [], []


def on_cpu(op, attrs, inputs, n):
    variables = []
    for k in range(n):
        variables.append(VariableState(f"v{k}", inputs[k].dtype.name))
        run_kernel(state.Assign, {}, [variables[k], inputs[k]], [], [])
    run_kernel(find_kernel(op, attrs).kernel, attrs, [*variables, *inputs[n:]], [], [])
    return [v.numpy() for v in variables]


def agrees(op, shape, dtype, indices=None, check=False, **attrs):
    """Both kernels leave the same in a variable and its slots."""
    n = 1 + OPS[op][0]
    grad = arrays(shape if indices is None else (*indices.shape, *shape[1:]), dtype, 0, 1)[0]
    name, attrs, inputs, *none = case(op, arrays(shape, dtype, n - 1), grad, indices, attrs)
    expected = on_cpu(name, attrs, inputs, n)
    run_call(name, attrs, inputs, *none, check=check)
    for got, wanted in zip(inputs, expected):
        np.testing.assert_allclose(got, wanted, **TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("op", OPS)
def test_all_elements(op, dtype):
    for shape in (), (0,), (3,), (40, 3), (257, 5):
        agrees(op, shape, dtype)


@pytest.mark.parametrize("attrs", [{"use_nesterov": True}, {"update_slots": False}])
def test_attributes(attrs):
    op = "ApplyMomentum" if "use_nesterov" in attrs else "ApplyAdagrad"
    agrees(op, (100,), "float32", **attrs)
    agrees(op, (10, 3), "float64", np.int32([7, 2, 7]), **attrs)


@pytest.mark.parametrize("dtype, index", [("float32", np.int32), ("float64", np.int64)])
@pytest.mark.parametrize("op", SPARSE)
def test_some_rows(op, dtype, index):
    for shape in (9,), (9, 5), (9, 2, 3), (9, 0):
        for indices in [], [4], [8, 0, 3]:
            agrees(op, shape, dtype, np.array(indices, index))


@pytest.mark.parametrize("op", SPARSE)
def test_rows_that_are_named_several_times(op):
    random = np.random.default_rng(3)
    for indices in np.array([7, 3, 7, 7, 39]), random.integers(0, 40, 700).astype(np.int32), random.integers(0, 40, 1600):
        agrees(op, (40, 3), "float64", indices, _adds_up=True)
    agrees(op, (40, 3), "float64", np.array([7, 3, 7, 7, 39]), _adds_up=False)         # one after the other; Adam: the last one


def test_gradients_of_a_row_are_added_up_in_the_order_of_the_indices():
    """1e8 swallows a 1 that is added to it, but not one that follows -1e8."""
    var, grad = np.zeros(3, np.float32), np.float32([1e8, 5, 1, -1e8, 1])
    run_call(*case("ApplyProximalGradientDescent", [var], grad, np.int32([1, 0, 1, 1, 1]), {"_adds_up": True}, [1.0, 0.0, 0.0]))
    assert var.tolist() == [-5, -1, 0]


def test_unaligned_arrays_are_updated_element_by_element():
    whole = np.zeros(101, np.float32)
    run_call(*case("ApplyGradientDescent", [whole[1:]], np.ones(100, np.float32), hyper=[1.0]))
    assert whole[0] == 0 and (whole[1:] == -1).all()


@pytest.mark.parametrize("op", SPARSE)
@pytest.mark.parametrize("bad", [5, -1, 2**40])
def test_an_index_outside_changes_nothing(op, bad):
    states = arrays((5, 2), "float32", OPS[op][0])
    before = [s.copy() for s in states]
    with pytest.raises(InvalidArgumentError, match=f"Index {bad} at offset 1 in indices is out of range: var has 5 rows"):
        run_call(*case(op, states, np.ones((3, 2), np.float32), np.array([0, bad, 2])))
    for s, b in zip(states, before):
        np.testing.assert_array_equal(s, b)


@pytest.mark.parametrize("op, position, value, message", [
    ("ApplyFtrl", 0, 0.0, "lr is not a positive scalar: 0.0"), ("ApplyFtrl", 1, -1.5, "l1 regularization strength is not a non-negative scalar: -1.5"),
    ("ApplyFtrl", 2, -1.0, "l2 regularization strength is not a non-negative"), ("ApplyFtrl", 3, 0.5, "lr_power is not a non-positive scalar: 0.5"),
    ("ApplyFtrlV2", 3, -1.0, "l2 shrinkage regularization strength is not a non-negative"), ("ApplyFtrlV2", 4, 0.5, "lr_power is not a non-positive"),
    ("ApplyProximalAdagrad", 0, 0.0, "lr is not a positive scalar"), ("ApplyProximalAdagrad", 1, -1.0, "l1 regularization strength is not"),
    ("ApplyProximalGradientDescent", 2, -1.0, "l2 regularization strength is not"), ("ApplyMomentum", 0, np.ones(2), r"lr is not a scalar: \[2\]"),
    ("ApplyAdam", 4, np.ones(1), r"beta2 is not a scalar: \[1\]")])
def test_hyper_parameters_without_a_meaning(op, position, value, message):
    hyper = OPS[op][1] + OPS[op][2]
    hyper[position] = value
    for indices in None, np.int32([2, 1, 0]):
        states = arrays((3,), "float64", OPS[op][0])
        before = [s.copy() for s in states]
        with pytest.raises(InvalidArgumentError, match=message):
            run_call(*case(op, states, np.ones(3), indices, hyper=hyper))
        for s, b in zip(states, before):
            np.testing.assert_array_equal(s, b)


@pytest.mark.parametrize("shapes, message", [
    ([(3,), (4,), (3,)], r"var and accum do not have the same shape\[3\] \[4\]"), ([(3,), (3,), (4,)], r"var and grad do not have the same shape\[3\] \[4\]"),
    ([(3, 2), (3, 2), (2, 2), (3,)], r"grad must be the same size as indices in the first dimension, got shapes \[2,2\] and \[3\]"),
    ([(3, 2), (3, 2), (3, 4), (3,)], r"var and grad must match in dimension 1, got shapes \[3,2\] and \[3,4\]"),
    ([(3, 2), (3, 2), (3,), (3,)], r"var and grad must have the same rank"), ([(3, 2), (3, 2), (3, 2), (3, 1)], "indices must be one-dimensional")])
def test_shapes_that_do_not_fit(shapes, message):
    var, accum, grad = [np.ones(s, np.float32) for s in shapes[:3]]
    with pytest.raises(InvalidArgumentError, match=message):
        run_call(*case("ApplyMomentum", [var, accum], grad, np.zeros(shapes[3], np.int32) if len(shapes) > 3 else None))


@pytest.mark.parametrize("op", ["ApplyMomentum", "ApplyAdam"])                # the others have the loops of the first
def test_under_the_checker(op):
    agrees(op, (37, 3), "float32", check=True)
    agrees(op, (37, 3), "float32", np.random.default_rng(0).integers(0, 37, 600), check=True, _adds_up=True)
