"""Every element-wise op and dtype against NumPy in float64; its bits wherever an element stands; broadcasting; programs."""
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from minitf.core.dtypes import as_dtype
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import find_kernel
from minitf.kernels.cpu.elementwise import Elementwise, program_of, supports
from minitf.kernels.cpu.kernel import run_kernel

REAL = ["float32", "float64"]
NUMBER = REAL + ["int32", "int64"]
ELEMENT = NUMBER + ["bool"]


def sigmoid(x):
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(-x))


# op type: (dtypes, number of arguments, reference)
OPS = {
    "Add": (NUMBER, 2, np.add), "Sub": (NUMBER, 2, np.subtract), "Mul": (NUMBER, 2, np.multiply),
    "Maximum": (NUMBER, 2, np.maximum), "Minimum": (NUMBER, 2, np.minimum), "FloorDiv": (NUMBER, 2, np.floor_divide),
    "FloorMod": (NUMBER, 2, np.mod), "Pow": (NUMBER, 2, np.power), "SquaredDifference": (NUMBER, 2, lambda a, b: (a - b) ** 2),
    "Neg": (NUMBER, 1, np.negative), "Square": (NUMBER, 1, np.square), "Abs": (NUMBER, 1, np.abs), "Sign": (NUMBER, 1, np.sign),
    "Relu": (NUMBER, 1, lambda x: np.maximum(x, 0)), "ReluGrad": (NUMBER, 2, lambda g, x: np.where(x > 0, g, 0)),
    "RealDiv": (REAL, 2, np.divide), "Reciprocal": (REAL, 1, lambda x: 1 / x), "Sqrt": (REAL, 1, np.sqrt),
    "Rsqrt": (REAL, 1, lambda x: 1 / np.sqrt(x)), "Floor": (REAL, 1, np.floor), "Ceil": (REAL, 1, np.ceil),
    "Exp": (REAL, 1, np.exp), "Log": (REAL, 1, np.log), "Log1p": (REAL, 1, np.log1p), "Tanh": (REAL, 1, np.tanh),
    "Sigmoid": (REAL, 1, sigmoid), "Softplus": (REAL, 1, lambda x: np.logaddexp(x, 0)),
    "TanhGrad": (REAL, 2, lambda y, g: g * (1 - y * y)), "SigmoidGrad": (REAL, 2, lambda y, g: g * y * (1 - y)),
    "SqrtGrad": (REAL, 2, lambda y, g: g * .5 / y), "SoftplusGrad": (REAL, 2, lambda g, x: g * sigmoid(x)),
    "Equal": (ELEMENT, 2, np.equal), "NotEqual": (ELEMENT, 2, np.not_equal), "Less": (NUMBER, 2, np.less),
    "LessEqual": (NUMBER, 2, np.less_equal), "Greater": (NUMBER, 2, np.greater), "GreaterEqual": (NUMBER, 2, np.greater_equal),
    "IsNan": (REAL, 1, np.isnan), "IsFinite": (REAL, 1, np.isfinite),
    "LogicalAnd": (["bool"], 2, np.logical_and), "LogicalOr": (["bool"], 2, np.logical_or), "LogicalNot": (["bool"], 1, np.logical_not),
    "ZerosLike": (ELEMENT, 1, np.zeros_like), "OnesLike": (ELEMENT, 1, np.ones_like), "BiasAdd": (NUMBER, 2, np.add),
    "AddN": (NUMBER, 3, lambda a, b, c: a + b + c), "Select": (ELEMENT, 3, np.where),
}
CASES = [(op, dtype) for op, (dtypes, _, _) in OPS.items() for dtype in dtypes]
TRUTH = {"Equal", "NotEqual", "Less", "LessEqual", "Greater", "GreaterEqual", "IsNan", "IsFinite", "LogicalAnd", "LogicalOr", "LogicalNot"}
ULPS = {"Exp": 1.1, "Log": 1.1, "Log1p": 1.6, "Tanh": 3.5, "Sigmoid": 2.6, "Softplus": 2.8, "SoftplusGrad": 4, "Rsqrt": 1.6, "Pow": 1,
        "TanhGrad": None, "SigmoidGrad": None, "SquaredDifference": None, "AddN": None, "SqrtGrad": 1.6}


def kernel_of(op, dtype="float32"):
    return find_kernel(op, {"T": as_dtype(dtype)}).kernel


def arguments(op, dtype, shape, seed=0):
    """Values for which the op is defined, with some repetitions."""
    rng = np.random.default_rng(seed)
    n = OPS[op][1]
    arrays = [np.asarray(rng.standard_normal(shape) * 3) for _ in range(n)]
    if dtype == "bool":
        return [np.asarray(a > 0) for a in arrays]
    if dtype.startswith("int"):
        arrays = [np.asarray(np.trunc(a * 3)) for a in arrays]
    if op in ("Log", "Sqrt", "Rsqrt", "Log1p", "SqrtGrad"):
        arrays[0] = np.abs(arrays[0]) + .01
    if op in ("FloorDiv", "FloorMod"):
        arrays[1] = np.where(arrays[1] == 0, 2, arrays[1])
    if op == "Pow":
        arrays = [np.abs(arrays[0]) + 1, np.abs(arrays[1])] if dtype.startswith("float") else [arrays[0], np.abs(arrays[1]) % 5]
    if op == "Select":
        return [arrays[0] > 0] + [a.astype(dtype) for a in arrays[1:]]
    return [a.astype(dtype) for a in arrays]


def run(op, arrays, dtype, in_place=None):
    shape = np.broadcast_shapes(*(np.shape(a) for a in arrays))
    return run_kernel(kernel_of(op, dtype), {}, arrays, [shape], ["bool" if op in TRUTH else dtype], in_place=in_place)[0]


def same_bits(a, b):
    a, b = np.atleast_1d(a), np.atleast_1d(b)
    return a.shape == b.shape and a.tobytes() == b.tobytes()


def assert_close(actual, expected, op, dtype):
    """expected was computed in float64 (integers: in int64)."""
    assert actual.dtype == ("bool" if op in TRUTH else dtype)
    ulps = ULPS.get(op, .5)
    if dtype in REAL and op not in TRUTH and ulps != .5:
        unit = np.spacing(np.abs(expected.astype(dtype))).astype("float64")
        if ulps is None:                                           # some cancellation: relative to the terms, which are near 1 to 100
            unit, ulps = np.finfo(dtype).eps * np.maximum(1, np.abs(expected)), 40
        if dtype == "float64":                                     # the reference is as inexact
            ulps += 3
        error = np.abs(actual.astype("float64") - expected) / unit
        assert error.max(initial=0) <= ulps
    else:
        np.testing.assert_array_equal(actual, expected.astype(actual.dtype))


@pytest.mark.parametrize("op, dtype", CASES)
def test_against_numpy(op, dtype):
    for seed, shape in enumerate([(), (1,), (7,), (3, 5), (2, 3, 4, 5), (0,), (3, 0, 2), (10000,), (37, 113)]):
        arrays = arguments(op, dtype, shape, seed)
        if op in ("FloorDiv", "FloorMod") and dtype in REAL:
            expected = OPS[op][2](*arrays)
        else:
            wide = [a.astype("float64") if a.dtype.kind == "f" else a.astype("int64") if a.dtype.kind == "i" else a for a in arrays]
            expected = np.asarray(OPS[op][2](*wide))
        assert_close(run(op, arrays, dtype), expected, op, dtype)


@pytest.mark.parametrize("op, dtype", CASES)
def test_bits_do_not_depend_on_position(op, dtype):
    arrays = arguments(op, dtype, (150,))
    whole = run(op, arrays, dtype)
    for i in range(71):
        for j in (i + 1, i + 17, 150):
            assert same_bits(run(op, [a[i:j] for a in arrays], dtype), whole[i:j]), (i, j)


@pytest.mark.parametrize("op, dtype", CASES)
def test_in_place(op, dtype):
    arrays = arguments(op, dtype, (3, 1000))
    expected = run(op, arrays, dtype)
    for k, a in enumerate(arrays):
        if a.dtype == expected.dtype:
            assert same_bits(run(op, arrays, dtype, in_place=k), expected)


@pytest.mark.parametrize("source", ELEMENT)
@pytest.mark.parametrize("target", ELEMENT)
def test_cast(source, target):
    x = np.array([0, 1, 2, 3, 100, 0, 7] * 9) if source == "bool" else np.linspace(-1000.7, 1000.9, 150)
    x = x.astype(source)
    kernel = find_kernel("Cast", {"SrcT": as_dtype(source), "DstT": as_dtype(target)}).kernel
    whole = run_kernel(kernel, {}, [x], [x.shape], [target])[0]
    assert same_bits(whole, x.astype(target))
    for i in range(40):
        assert same_bits(run_kernel(kernel, {}, [x[i:]], [x[i:].shape], [target])[0], whole[i:])


SPECIAL = np.array([np.nan, np.inf, -np.inf, 0., -0., 1., -1., 88.8, -87.5, 1e30, -1e30, 104, -104, 2.**-126, 9.1, -9.1, 20, -20] * 3)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("op", [op for op, (dtypes, n, _) in OPS.items() if n == 1 and "float32" in dtypes])
def test_nan_and_infinity(op, dtype):
    x = SPECIAL.astype(dtype)
    with np.errstate(all="ignore"):
        expected = np.asarray(OPS[op][2](x.astype("float64"))).astype("bool" if op in TRUTH else dtype)
    if dtype == "float32" and expected.dtype == "float32":
        expected[np.abs(expected) < 2.**-126] = 0                  # flushed
    np.testing.assert_allclose(run(op, [x], dtype), expected, rtol=5e-7 if dtype == "float32" else 1e-14)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("op", ["Add", "Sub", "Mul", "RealDiv", "Maximum", "Minimum", "Equal", "NotEqual", "Less", "LessEqual", "Greater",
                                "GreaterEqual", "ReluGrad", "Pow"])
def test_nan_and_infinity_of_two(op, dtype):
    a, b = (m.ravel().astype(dtype) for m in np.meshgrid(SPECIAL[:8], SPECIAL[:8]))
    with np.errstate(all="ignore"):
        expected = OPS[op][2](a, b)
    np.testing.assert_allclose(run(op, [a, b], dtype), expected, rtol=1e-15 if op == "Pow" and dtype == "float64" else 0)


@pytest.mark.parametrize("dtype", REAL)
def test_exact_limits(dtype):
    limit = lambda op, x: run(op, [np.array([x], dtype)], dtype)[0]
    assert limit("Tanh", np.inf) == 1 and limit("Tanh", -np.inf) == -1 and limit("Tanh", 30) == 1
    assert limit("Exp", -np.inf) == 0 and limit("Exp", np.inf) == np.inf and limit("Exp", 0) == 1
    assert limit("Sigmoid", np.inf) == 1 and limit("Sigmoid", -np.inf) == 0
    assert limit("Log", 0) == -np.inf and np.isnan(limit("Log", -1)) and limit("Log", 1) == 0 and limit("Log", np.inf) == np.inf
    assert np.isnan(limit("Relu", np.nan))


def bits_apart(first, last, step):
    return np.arange(np.float32(first).view("u4"), np.float32(last).view("u4"), step, "u4").view("f4")


@pytest.mark.parametrize("op", ["Exp", "Log", "Log1p", "Tanh", "Sigmoid", "Softplus"])
def test_units_in_the_last_place(op):
    """Over all magnitudes, both signs where they are allowed."""
    x = bits_apart(1e-37, 3e38, 1999)
    if op == "Log1p":
        x = np.concatenate([x, -x[x < 1]])
    elif op != "Log":
        x = np.concatenate([x, -x])
    with np.errstate(over="ignore"):
        expected = OPS[op][2](x.astype("float64"))
    normal = (np.abs(expected) >= 2.**-126) & (np.abs(expected) < 3.4028e38)
    y = run(op, [x], "float32")
    error = np.abs(y[normal] - expected[normal]) / np.spacing(np.abs(expected[normal]).astype("f4"))
    assert error.max() <= ULPS[op]
    assert np.all((y[~normal] == 0) | np.isinf(y[~normal]))


LONG_MANTISSA = np.finfo(np.longdouble).nmant > 52               # else the reference is as inexact


@pytest.mark.parametrize("op", ["Exp", "Log", "Log1p", "Tanh", "Sigmoid", "Softplus"])
def test_units_in_the_last_place_of_doubles(op):
    """The same against extended precision."""
    first, last = np.array([1e-290, 1.7e308]).view("u8")
    spread = np.linspace(float(first), float(last), 40_000).astype("u8").view("f8")          # all magnitudes alike,
    x = np.concatenate([spread, np.geomspace(1e-4, 700, 40_000)])                            # and where the functions bend
    if op == "Log1p":
        x = np.concatenate([x, -x[x < 1]])
    elif op != "Log":
        x = np.concatenate([x, -x])
    with np.errstate(over="ignore"):
        expected = OPS[op][2](x.astype(np.longdouble))
    normal = (np.abs(expected) >= 2.**-1022) & (np.abs(expected) < 1.797e308)
    y = run(op, [x], "float64")
    error = np.abs(y[normal] - expected[normal]) / np.spacing(np.abs(expected[normal]).astype("f8"))
    assert error.max() <= ULPS[op] + 0.2 + (0 if LONG_MANTISSA else 3)
    assert np.all((y[~normal] == 0) | np.isinf(y[~normal]))


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("exponent", [2, 0.5])
def test_common_powers_have_the_bits_that_they_have_among_others(exponent, dtype):
    x = np.concatenate([np.abs(arguments("Exp", dtype, (200,))[0]), SPECIAL.astype(dtype)])
    alone, mixed = np.full(x.shape, exponent, dtype), np.where(np.arange(x.size) % 2, exponent, 3).astype(dtype)
    y = run("Pow", [x, alone], dtype)
    assert same_bits(y[1::2], run("Pow", [x, mixed], dtype)[1::2])
    with np.errstate(all="ignore"):
        expected = np.where(x == -np.inf, np.inf, np.power(x, alone))                # IEEE's; NumPy's root of -inf is NaN
    np.testing.assert_allclose(y, expected, rtol=np.finfo(dtype).eps)
    assert not np.signbit(run("Pow", [np.array([-0.], dtype), np.array([exponent], dtype)], dtype)).any()


def test_integers_wrap_and_divide_as_in_python():
    low = np.iinfo("int32").min
    a = np.array([7, -7, 7, -7, low, low, low, 0], "int32")
    b = np.array([2, 2, -2, -2, -1, 1, 3, -5], "int32")
    for dtype in ("int32", "int64"):
        quotient = run("FloorDiv", [a.astype(dtype), b.astype(dtype)], dtype)
        expected = np.array([3, -4, -4, 3, -low, low, low // 3, 0], "int64").astype(dtype)         # int32: 2^31 wraps
        assert same_bits(quotient, expected)
        assert same_bits(run("FloorMod", [a.astype(dtype), b.astype(dtype)], dtype), np.array([1, 1, -1, -1, 0, 0, low % 3, 0], dtype))
    rng = np.random.default_rng(0)
    a, b = rng.integers(low, -low, (2, 10000)).astype("int32")
    b[b == 0] = 1
    assert same_bits(run("FloorDiv", [a, b], "int32"), a // b)
    assert same_bits(run("FloorMod", [a, b], "int32"), a % b)


def test_floats_divide_as_in_python():
    a, b = np.array([1., 7.5, -7.5, 7.5, 1.]), np.array([.1, 2, 2, -2, np.inf])
    assert list(run("FloorDiv", [a, b], "float64")) == [x // y for x, y in zip(a, b)]
    assert list(run("FloorMod", [a, b], "float64")) == [x % y for x, y in zip(a, b)]


@pytest.mark.parametrize("op", ["FloorDiv", "FloorMod"])
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integer_division_by_zero(op, dtype):
    for n, k in ((1, 0), (5000, 4999), (100, 0)):
        b = np.ones(n, dtype)
        b[k] = 0
        with pytest.raises(InvalidArgumentError, match="Integer division by zero"):
            run(op, [np.ones(n, dtype), b], dtype)
    with pytest.raises(InvalidArgumentError, match="Integer division by zero"):
        run(op, [np.ones((3, 4), dtype), np.zeros((), dtype)], dtype)
    assert run(op, [np.ones((0,), dtype), np.zeros((), dtype)], dtype).shape == (0,)


def test_integer_to_a_negative_power():
    with pytest.raises(InvalidArgumentError, match="negative integer powers"):
        run("Pow", [np.array([2, 3], "int32"), np.array([1, -1], "int32")], "int32")


@settings(max_examples=150, deadline=None)
@given(mutually_broadcastable_shapes(num_shapes=3, max_dims=6, max_side=4, min_side=0), st.sampled_from(["float32", "float64", "int32"]))
def test_broadcasting(shapes, dtype):
    rng = np.random.default_rng(0)
    a, b, c = (np.asarray(rng.integers(-9, 9, shape).astype(dtype)) for shape in shapes.input_shapes)
    assert same_bits(run("Sub", [a, b], dtype), np.asarray(a - b))
    operands = [("in", 0), ("in", 1), ("in", 2), ("temp", dtype), ("out", 0)]
    program = [("Sub", 3, 0, 1, None), ("Mul", 4, 3, 2, None)]
    fused = run_kernel(Elementwise, {"program": program, "operands": operands}, [a, b, c], [shapes.result_shape], [dtype])[0]
    assert same_bits(fused, np.asarray((a - b) * c))


@pytest.mark.parametrize("left, right", [
    ((2000, 3), (3,)), ((3, 2000), (2000,)), ((3, 2000), (3, 1)), ((2000, 3), (2000, 1)), ((5000,), ()), ((1, 5000), (7, 1)), ((1500, 1), (1, 3)),
    ((40, 50, 60), (50, 1)), ((40, 50, 60), (40, 1, 60)), ((40, 1, 60), (1, 50, 1)), ((4, 1, 6, 1, 50), (1, 30, 1, 5, 50)), ((1030, 1030), (1030,)),
    ((3, 1024), (1024,)), ((64, 16, 1), (16, 1))])
def test_broadcasting_over_several_blocks(left, right):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal(left).astype("f4"), rng.standard_normal(right).astype("f4")
    assert same_bits(run("Sub", [a, b], "float32"), a - b)
    assert same_bits(run("Less", [b, a], "float32"), b < a)
    if np.broadcast_shapes(left, right) == left:
        assert same_bits(run("Sub", [a, b], "float32", in_place=0), a - b)


def test_repeated_runs_see_new_values():
    """What is spread over a block is spread anew in each run."""
    x, one = np.zeros((4, 300), "f4"), np.ones((), "f4")
    assert run_kernel(kernel_of("Add"), {}, [x, one], [x.shape], ["float32"], repeat=3, in_place=0)[0].tolist() == np.full_like(x, 3).tolist()


def test_select_by_a_vector_of_rows():
    t, e = np.ones((3, 4), "f4"), np.zeros((3, 4), "f4")
    picked = run_kernel(kernel_of("Select"), {}, [np.array([True, False, True]), t, e], [(3, 4)], ["float32"])[0]
    assert picked.tolist() == [[1] * 4, [0] * 4, [1] * 4]


@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_add_n(n):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(5000).astype("f4") for _ in range(n)]
    expected = arrays[0].copy()
    for a in arrays[1:]:
        expected = expected + a
    for k in [None, *range(n)]:
        assert same_bits(run("AddN", arrays, "float32", in_place=k), expected)


def test_a_program_of_mixed_dtypes():
    rng = np.random.default_rng(0)
    for shape in ((50, 70), (3, 4000), (5,), ()):
        x, y = rng.standard_normal((2, *shape)).astype("f4")
        n = np.asarray(rng.integers(0, 5, shape))
        operands = [("in", 0), ("in", 1), ("in", 2), ("temp", "bool"), ("temp", "float32"), ("out", 0), ("out", 1)]
        program = [("Greater", 3, 0, 1, None), ("Cast", 4, 2, None, None), ("Select", 5, 3, 0, 4), ("Cast", 6, 3, None, None)]
        z, g = run_kernel(Elementwise, {"program": program, "operands": operands}, [x, y, n], [shape, shape], ["float32", "int64"])
        assert same_bits(z, np.where(x > y, x, n.astype("f4"))) and same_bits(g, (x > y).astype("int64"))


def test_fused_bits_are_those_of_single_ops():
    rng = np.random.default_rng(0)
    x, bias = rng.standard_normal((33, 129)).astype("f4"), rng.standard_normal(129).astype("f4")
    steps = ["Tanh", "Exp", "Sigmoid", "Softplus", "Log1p", "Sqrt", "Rsqrt", "Square", "Neg"]
    operands = [("in", 0), ("in", 1), ("temp", "float32"), ("out", 0)]
    program = [("Add", 2, 0, 1, None)] + [(op, 3 if op == "Neg" else 2, 2, None, None) for op in steps]
    fused = run_kernel(Elementwise, {"program": program, "operands": operands}, [x, bias], [x.shape], ["float32"])[0]
    plain = run("Add", [x, bias], "float32")
    for op in steps:
        plain = run(op, [plain], "float32")
    assert same_bits(fused, plain)


def test_a_program_may_write_its_output_before_it_reads_an_input():
    """Output 0 lies in the memory of an input that a later step reads."""
    x, y = np.arange(3000, dtype="f4"), np.ones(3000, "f4")
    operands = [("in", 0), ("in", 1), ("out", 0)]
    program = [("Mul", 2, 0, 0, None), ("Add", 2, 2, 1, None), ("Sub", 2, 2, 0, None)]
    for k in (None, 0, 1):
        z = run_kernel(Elementwise, {"program": program, "operands": operands}, [x, y], [x.shape], ["float32"], in_place=k)[0]
        assert same_bits(z, x * x + y - x)


def test_a_long_program():
    operands = [("in", 0), ("in", 1), ("out", 0), ("temp", "float32")]
    program = [("Add", 2 if i == 999 else 3, 3 if i else 0, 1, None) for i in range(1000)]
    for shape in ((), (2, 3), (5000,)):
        x = np.full(shape, 2, "f4")
        y = run_kernel(Elementwise, {"program": program, "operands": operands}, [x, np.float32(.5)], [shape], ["float32"])[0]
        assert np.all(y == 502)


def test_program_of_and_supports():
    assert program_of("Add", 2) == [("Add", 2, 0, 1, None)]
    assert program_of("Tanh", 1) == [("Tanh", 1, 0, None, None)]
    assert program_of("AddN", 3) == [("Add", 4, 0, 1, None), ("Add", 3, 4, 2, None)]
    assert program_of("MatMul", 2) is None and program_of("_Fused", 2) is None
    assert supports("Add", ["float32", "float32"], "float32") and supports("AddN", ["int32"] * 4, "int32")
    assert supports("Select", ["bool", "int64", "int64"], "int64") and supports("Cast", ["bool"], "float64")
    assert not supports("Add", ["bool", "bool"], "bool") and not supports("Add", ["float32", "float64"], "float32")
    assert not supports("Exp", ["int32"], "int32") and not supports("Less", ["float32", "float32"], "float32")
