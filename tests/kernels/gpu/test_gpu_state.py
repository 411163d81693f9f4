"""GPU kernels that change a variable's elements or rows, each against its CPU twin: the same bits, also where places are named several times."""
import numpy as np
import pytest

from minitf.core.dtypes import as_dtype
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import find_kernel
from minitf.core.resources import VariableState
from minitf.kernels.cpu import state
from minitf.kernels.cpu.kernel import run_kernel

from harness import run_call

NUMBERS = ["float32", "float64", "int32", "int64"]
SCATTERS = ["ScatterUpdate", "ScatterAdd", "ScatterSub", "ScatterMul", "ScatterDiv", "ScatterMin", "ScatterMax"]
SCATTERS_ND = ["ScatterNdUpdate", "ScatterNdAdd", "ScatterNdSub"]
random = np.random.default_rng(7)


def numbers(shape, dtype):
    return np.asarray(random.integers(-9, 9, shape) + 0.5).astype(dtype)


def factors(shape, dtype):
    """Without 0, and such that products of many stay in range."""
    return np.asarray(random.choice([-1, 1, 1, -1, 2], shape)).astype(dtype)


def agrees(op, var, *inputs, check=False):
    attrs = {"T": as_dtype(var.dtype), **({"Tindices": as_dtype(inputs[0].dtype)} if len(inputs) > 1 else {})}
    v = VariableState("v", var.dtype.name)
    run_kernel(state.Assign, {}, [v, var], [], [])
    run_kernel(find_kernel(op, attrs).kernel, {}, [v, *inputs], [], [])
    given = [var.copy(), *inputs]
    run_call(op, attrs, given, [], [], check=check)
    np.testing.assert_array_equal(given[0], v.numpy())


@pytest.mark.parametrize("op", ["AssignAdd", "AssignSub"])
@pytest.mark.parametrize("dtype", NUMBERS)
def test_assign(op, dtype):
    for shape in (), (0,), (5,), (33, 7):
        agrees(op, numbers(shape, dtype), numbers(shape, dtype))


def test_assign_of_another_shape():
    with pytest.raises(InvalidArgumentError, match=r"Parameters and update must be the same size: \[2\] vs. \[3\]"):
        run_call("AssignAdd", {"T": as_dtype("int32")}, [np.zeros(2, np.int32), np.zeros(3, np.int32)], [], [])


@pytest.mark.parametrize("op", SCATTERS)
@pytest.mark.parametrize("dtype", [*NUMBERS, "bool"])
def test_scatter(op, dtype):
    if dtype == "bool" and op != "ScatterUpdate":
        return
    updates = factors if op in ("ScatterMul", "ScatterDiv") else numbers
    for shape in (1,), (6, 3), (5, 4, 2), (300,), (4, 0):
        for outer in (), (0,), (5,), (2, 3), (1100,):
            indices = np.asarray(random.integers(0, shape[0], outer)).astype(random.choice(["int32", "int64"]))
            agrees(op, numbers(shape, dtype), indices, updates(outer + shape[1:], dtype))


@pytest.mark.parametrize("op", SCATTERS_ND)
@pytest.mark.parametrize("dtype", [*NUMBERS, "bool"])
def test_scatter_nd(op, dtype):
    if dtype == "bool" and op != "ScatterNdUpdate":
        return
    for shape in (6, 3), (5, 4, 2):
        for depth in range(len(shape) + 1):
            for outer in (0,), (5,), (2, 3), (700,):
                indices = [random.integers(0, d, outer) for d in shape[:depth]]
                indices = np.stack(indices, -1) if depth else np.zeros((*outer, 0))
                agrees(op, numbers(shape, dtype), indices.astype(random.choice(["int32", "int64"])), numbers(outer + shape[depth:], dtype))


def test_nan_is_the_least_and_the_greatest():
    for op in "ScatterMin", "ScatterMax":
        agrees(op, np.float32([np.nan, 1, 2, -0.0]), np.int32([0, 1, 2, 2, 3]), np.float32([5, np.nan, 7, -7, 0.0]))


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_the_least_integer_divided_by_minus_one(dtype):
    agrees("ScatterDiv", np.array([np.iinfo(dtype).min, 7, -7]).astype(dtype), np.int32([0, 1, 2]), np.array([-1, 2, 2]).astype(dtype))


@pytest.mark.parametrize("op, var, indices, updates, message", [
    ("ScatterAdd", (5, 2), [[1, 2], [3, 7]], (2, 2, 2), r"indices\[1,1\] = 7 is not in \[0, 5\)"),
    ("ScatterUpdate", (5,), [-1], (1,), r"indices\[0\] = -1 is not in \[0, 5\)"),
    ("ScatterMul", (5,), 2**40, (), rf"indices = {2**40} is not in \[0, 5\)"),
    ("ScatterNdAdd", (5, 2), [[1, 0], [4, 2]], (2,), r"indices\[1,1\] = 2 does not index into shape \[5,2\]"),
    ("ScatterNdUpdate", (5, 2), [[5]], (1, 2), r"indices\[0,0\] = 5 does not index into shape \[5,2\]"),
    ("ScatterDiv", (5,), [1, 2], (2,), "Integer division by zero"),
    ("ScatterAdd", (5, 2), [1], (1, 3), r"Must have updates.shape = indices.shape \+ params.shape\[1:\], got updates.shape \[1,3\], indices.shape \[1\]"),
    ("ScatterNdAdd", (5, 2), [[1]], (1, 3), r"Must have updates.shape = indices.shape\[:-1\] \+ ref.shape\[indices.shape\[-1\]:\]")])
def test_what_is_refused_changes_nothing(op, var, indices, updates, message):
    given = [np.ones(var, np.int32), np.asarray(indices), np.zeros(updates, np.int32)]
    with pytest.raises(InvalidArgumentError, match=message):
        run_call(op, {"T": as_dtype("int32")}, given, [], [])
    assert (given[0] == 1).all()


def case(op, shape, indices, updates):
    """The arguments of run_call."""
    return (op, {"T": as_dtype("int32"), "Tindices": as_dtype(indices.dtype)},
            [numbers(shape, "int32"), indices, factors(updates, "int32")], [], [])


CASES = [case("ScatterAdd", (37, 3), random.integers(0, 37, 1100), (1100, 3)), case("ScatterNdSub", (37, 3), random.integers(0, 3, (600, 2)), (600,)),
         case("ScatterDiv", (300,), random.integers(0, 300, 20), (20,))]


@pytest.mark.parametrize("k", range(len(CASES)))
def test_under_the_checker(k):
    op, attrs, (var, *inputs), *_ = CASES[k]
    agrees(op, var, *inputs, check=True)


@pytest.mark.parametrize("k", range(len(CASES)))
def test_the_order_of_threads_does_not_matter(k):
    op, attrs, (var, *inputs), *none = CASES[k]
    results = []
    for order, threads in (0, 1), (1, 1), (2, 2):
        given = [var.astype(np.float32) + 1e-3, inputs[0], inputs[1].astype(np.float32) / 3]
        run_call(op, {**attrs, "T": as_dtype("float32")}, given, *none, order=order, threads=threads)
        results.append(given[0])
    np.testing.assert_array_equal(results[0], results[1])
    np.testing.assert_array_equal(results[0], results[2])
