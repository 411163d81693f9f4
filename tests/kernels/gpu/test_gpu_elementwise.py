"""Element-wise ops on the GPU: every op against its CPU twin, broadcasting, and fused programs against their steps, bit by bit."""
import os
import re
import subprocess

import numpy as np
import pytest

from minitf.core.dtypes import as_dtype
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import find_kernel
from minitf.kernels.cpu.elementwise import PLAIN
from minitf.kernels.cpu.kernel import run_kernel
from minitf.kernels.cpu.vector_ops import signatures
from minitf.kernels.gpu import generated, nvcc
from minitf.kernels.gpu.element_functions import EXPRESSIONS
from minitf.kernels.gpu.elementwise import merged
from minitf.kernels.gpu.emulator.compiler import flags
from minitf.kernels.gpu.generated import Generated

from harness import describe_call, run_call

F32 = {"T": as_dtype("float32")}
SPECIAL = [0.0, -0.0, 1.0, -1.0, 0.5, 2.0, -2.5, 3.5, 6.0, 7.25, -1e-3, 1e-6, 20.0, -90.0, 89.5, -1e15, 1e20, 720.0,
           np.inf, -np.inf, np.nan]
WHOLE = [0, 1, -1, 2, -2, 3, 5, 6, 7, -7, 100, -128, 127]
# Where the C library's function and the CPU kernels' polynomial differ, in units in the last place of the larger
ULPS = {"Tanh": 4, "Sigmoid": 4, "Softplus": 4, "SoftplusGrad": 6, "Exp": 2, "Log": 2, "Log1p": 3, "Elu": 3, "Selu": 4, "Xlogy": 2,
        "SoftsignGrad": 2}


def arity(op_type):
    return 3 if op_type == "AddN" else len(set(re.findall(r"\b[abc]\b", EXPRESSIONS[op_type])) or "a")


def attrs_of(op_type, source, target):
    if op_type == "Cast":
        return {"SrcT": as_dtype(source), "DstT": as_dtype(target)}
    return {"T": as_dtype(source)}


def arguments(op_type, dtype, length=None):
    """Every pair of special values and some others: vectors of one length."""
    rng = np.random.default_rng(len(op_type))
    if dtype == "bool":
        a, b, c = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)] * 20, bool).T
    else:
        values = np.array(SPECIAL if dtype.startswith("float") else WHOLE)
        if op_type == "Cast" and dtype.startswith("float"):      # what an integer can hold; beyond that, C defines nothing
            values = values[np.abs(values) < 100]
        a, b = [x.ravel() for x in np.meshgrid(values, values)]
        more = rng.standard_normal((2, 300)) * 4
        a, b = np.append(a, more[0]), np.append(b, more[1])
        if not dtype.startswith("float"):
            limits = np.iinfo(dtype)
            a, b = np.trunc(a).astype("int64"), np.trunc(b).astype("int64")
            if op_type in ("FloorDiv", "FloorMod", "TruncateDiv", "TruncateMod", "Pow"):
                b = np.where(b == 0, 3, b) if op_type != "Pow" else np.abs(b) % 20
            a[:4] = limits.min, limits.max, limits.min, limits.max
            if limits.min and op_type != "Pow":
                b[:4] = -1, -1, 1, 2                             # the smallest / -1 does not exist
        a, b = a.astype(dtype), b.astype(dtype)
        c = (a[::-1]).copy()
    arrays = [a, b, c][:arity(op_type)]
    if op_type == "Select":
        arrays[0] = np.arange(len(a)) % 3 == 0
    return [np.ascontiguousarray(x[:length]) for x in arrays]


def twin(op_type, attrs, inputs, shapes, dtypes):
    return run_kernel(find_kernel(op_type, attrs).kernel, attrs, inputs, shapes, dtypes)


def pairs(source):
    """(op type, dtype of the result) of every op that takes elements of this type; a cast for each type of result."""
    return [(op, as_dtype(t).name) for op in [*EXPRESSIONS, "AddN"] for s, t in signatures("Add" if op == "AddN" else op)
            if as_dtype(s).name == source]


def close(actual, expected, ulps):
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(expected))
    with np.errstate(all="ignore"):
        # what is less than the smallest normal number is 0 in a CPU kernel
        tiny = np.finfo(actual.dtype).tiny
        error = np.abs(actual - expected) / np.maximum(np.spacing(np.maximum(np.abs(actual), np.abs(expected))), 2 * tiny)
    same = (actual == expected) | np.isnan(actual) | (error <= ulps)
    assert same.all(), (actual[~same][:5], expected[~same][:5], error[~same][:5])


def run_together(cases):
    """The first output of each case (arguments of run_call), after all are described: their functions are then compiled as one file."""
    for op_type, attrs, inputs, shapes, dtypes in cases:
        describe_call(op_type, attrs, inputs, shapes, dtypes)
    return [run_call(*case)[0] for case in cases]


def test_the_table_has_every_element_wise_op():
    assert set(EXPRESSIONS) | {"AddN"} == set(PLAIN) | {"LogicalAnd", "LogicalOr", "LogicalNot", "Cast"}


# What the compiler takes most of the time of: of a type beside float32 and int32, the ops that call a function that is written for it
WITHIN = {"float64": {op for op, text in EXPRESSIONS.items() if "(" in text}, "bool": None, "float32": None, "int32": None,
          "int64": {"Mul", "Neg", "Abs", "FloorDiv", "FloorMod", "TruncateDiv", "TruncateMod", "Pow", "Cast"},
          "uint8": {"Add", "Sub", "Neg", "FloorDiv", "FloorMod", "TruncateDiv", "Pow", "Cast"}}


@pytest.mark.parametrize("source", list(WITHIN))
def test_against_the_cpu_kernels(source):
    """Lengths that are a whole number of packs, and not: every op is made in one of the two ways."""
    cases = []
    for k, (op, target) in enumerate(p for p in pairs(source) if WITHIN[source] is None or p[0] in WITHIN[source]):
        inputs = arguments(op, source, -1 if k % 2 else None)
        cases.append((op, attrs_of(op, source, target), inputs, [inputs[0].shape], [target]))
    for (op, attrs, inputs, shapes, dtypes), actual in zip(cases, run_together(cases)):
        expected = twin(op, attrs, inputs, shapes, dtypes)[0]
        try:
            if dtypes[0].startswith("float") and op != "Cast":
                close(actual, expected, ULPS.get(op, 1))
            else:
                np.testing.assert_array_equal(actual, expected)
        except AssertionError as error:
            raise AssertionError(f"{op} of {source} to {dtypes[0]}: {error}") from None


SHAPES = [((), ()), ((1,), ()), ((7,), (1,)), ((8,), ()), ((5, 8), (8,)), ((5, 7), (7,)), ((5, 8), (5, 1)), ((5, 7), (5, 1)),
          ((5, 1), (1, 8)), ((2, 3, 4, 5), (3, 1, 5)), ((2, 3, 4, 8), (2, 1, 4, 1)), ((2, 1, 3, 1, 4), (5, 3, 2, 1)), ((3, 4), (2, 3, 4)),
          ((1, 1, 3), (4, 1)),
          ((0,), (1,)), ((3, 0, 2), (2,)), ((40, 101), (101,)), ((300, 64), (300, 1)), ((2, 2, 2, 2, 2, 2, 2, 4), (2, 1, 2, 1, 2, 1, 2, 1))]


def test_broadcasting():
    cases = []
    for k, (a, b) in enumerate(SHAPES):
        inputs = [np.random.default_rng(k).standard_normal(shape).astype("float32") for shape in (a, b)]
        op, target = (("Sub", "float32"), ("Less", "bool"))[k % 2]
        cases.append((op, F32, inputs if k % 3 else inputs[::-1], [np.broadcast_shapes(a, b)], [target]))
    for (op, _, (a, b), _, _), result in zip(cases, run_together(cases)):
        np.testing.assert_array_equal(result, a - b if op == "Sub" else a < b, err_msg=f"{a.shape} and {b.shape}")


def test_select():
    """A vector chooses along the first dimension."""
    rng, cases, wanted = np.random.default_rng(0), [], []
    for shape, condition in [((6, 8), (6,)), ((6, 7), (6,)), ((6, 3, 4), (6,)), ((6, 8), ()), ((6, 8), (6, 8)), ((6,), (6,)),
                             ((1, 8), (1,))]:
        x, y, chooses = rng.standard_normal(shape), rng.standard_normal(shape), rng.standard_normal(condition) > 0
        rows = chooses.reshape(condition + (1,) * (len(shape) - 1)) if len(condition) == 1 else chooses
        cases.append(("Select", {"T": as_dtype("float64")}, [chooses, x, y], [shape], ["float64"]))
        wanted.append(np.where(rows, x, y))
    for result, expected in zip(run_together(cases), wanted):
        np.testing.assert_array_equal(result, expected)


def test_dimensions_are_merged():
    assert merged((4, 5), [(4, 5), (4, 5)]) == ((20,), [(True,), (True,)])
    assert merged((4, 1, 5), [(4, 1, 5), (5,)]) == ((4, 5), [(True, True), (False, True)])
    assert merged((2, 3, 4), [(2, 3, 4), (2, 1, 1)]) == ((2, 12), [(True, True), (True, False)])
    assert merged((), [(), ()]) == ((1,), [(True,), (True,)])
    assert merged((3, 4), [(3,), (3, 4)], leading=(0,)) == ((3, 4), [(True, False), (True, True)])


def test_in_place():
    cases = []
    for shapes in ([(37, 113)] * 2, [(64, 64), (64,)], [(64, 63), (64, 1)]):
        a, b = [np.random.default_rng(1).standard_normal(s).astype("float32") for s in shapes]
        cases += [("Sub", F32, [a, b], [a.shape], ["float32"], 0), ("Sub", F32, [b, a], [a.shape], ["float32"], 1)]
    for *case, _ in cases:
        describe_call(*case)
    for op, attrs, (a, b), shapes, dtypes, place in cases:
        np.testing.assert_array_equal(run_call(op, attrs, [a, b], shapes, dtypes, in_place=place)[0], a - b)


def test_a_grid_smaller_than_the_work(monkeypatch):
    monkeypatch.setattr("minitf.kernels.gpu.elementwise.blocks_for", lambda n: 2)
    x = np.arange(9001, dtype="float32")
    np.testing.assert_array_equal(run_call("Neg", F32, [x], [x.shape], ["float32"])[0], -x)


def test_refused_integers():
    a, b, attrs = np.arange(1, 10, dtype="int32"), np.full(9, 3, "int32"), {"T": as_dtype("int32")}
    by_zero, negative = "Integer division by zero", "Integers to negative integer powers are not allowed"
    refused = {"Pow": (-2, negative), **{op: (0, by_zero) for op in ("FloorDiv", "FloorMod", "TruncateDiv", "TruncateMod")}}
    run_together([(op, attrs, [a, b], [a.shape], ["int32"]) for op in refused])
    for op, (bad, text) in refused.items():
        b[7] = bad
        with pytest.raises(InvalidArgumentError) as expected:
            twin(op, attrs, [a, b], [a.shape], ["int32"])
        with pytest.raises(InvalidArgumentError) as told:
            run_call(op, attrs, [a, b], [a.shape], ["int32"])
        assert told.value.message == expected.value.message == text


def test_fill():
    f32, i64 = {"T": as_dtype("float32"), "index_type": as_dtype("int32")}, {"T": as_dtype("int64")}
    shapes = [(), (3,), (4, 8), (0, 2)]
    fills = [("Fill", f32, [np.array(s, "int32"), np.float32(2.5)], [s], ["float32"]) for s in shapes]
    for shape, result in zip(shapes, run_together(fills)):
        np.testing.assert_array_equal(result, np.full(shape, 2.5, "f"))
    zeros, ones = run_together([(op, i64, [np.full((3, 5), 7, "int64")], [(3, 5)], ["int64"]) for op in ("ZerosLike", "OnesLike")])
    assert (zeros == 0).all() and (ones == 1).all()


# ---- fused programs --------------------------------------------------------------------------------------------------------

STEPS = [(op, n) for op, n in (("Add", 2), ("Sub", 2), ("Mul", 2), ("RealDiv", 2), ("Square", 1), ("SquaredDifference", 2), ("Tanh", 1),
                               ("Sigmoid", 1), ("TanhGrad", 2), ("SigmoidGrad", 2), ("Exp", 1), ("Relu", 1), ("Elu", 1), ("SqrtGrad", 2),
                               ("Softplus", 1), ("Xlogy", 2))]


def a_program(seed, shape, length):
    """(program, operands, inputs): steps over float32, with comparisons, choices and casts among them; two outputs."""
    rng = np.random.default_rng(seed)
    f32, truth = as_dtype("float32"), as_dtype("bool")
    shapes = [shape, shape, shape[-1:], (shape[0],) + (1,) * (len(shape) - 1), ()]
    inputs = [rng.standard_normal(s).astype("float32") for s in shapes]
    operands = [("in", k) for k in range(5)] + [("out", 0), ("out", 1)] + [("temp", f32)] * 4 + [("temp", truth)]
    program, ready = [], list(range(5))
    for k in range(length):
        op, n = STEPS[rng.integers(len(STEPS))]
        out = [5, 6][k - length] if k >= length - 2 else 7 + int(rng.integers(4))
        read = [int(rng.choice(ready)) for _ in range(2)]
        if k % 5 == 4:                                           # and where(a > b, a, b), and the truth value as a number
            program += [("Greater", 11, *read, None), ("Select", out, 11, *read) if k % 2 else ("Cast", out, 11, None, None)]
        else:
            program.append((op, out, read[0], read[1] if n == 2 else None, None))
        if out not in ready:
            ready.append(out)
    return program, operands, inputs


def dtype_of(operands, k):
    return operands[k][1].name if operands[k][0] == "temp" else "float32"


def step_by_step(program, operands, inputs, shape):
    """The outputs, every step a kernel of its own; a generator of the cases first, so that they are compiled together."""
    values = {k: inputs[k] for k in range(len(inputs))}
    for op, out, *read in program:
        source = dtype_of(operands, read[1] if op == "Select" else read[0])
        given = [values[k] for k in read if k is not None]
        spread = [np.broadcast_to(x, shape) for x in given]
        values[out] = run_call(op, attrs_of(op, source, dtype_of(operands, out)), spread, [shape], [dtype_of(operands, out)])[0]
    return [values[5], values[6]]


def test_fused_programs_give_the_bits_of_their_steps():
    cases = [(*a_program(seed, shape, length), shape) for seed, (shape, length) in
             enumerate([((6, 8), 10), ((6, 7), 10), ((3, 5, 4), 20), ((16,), 15), ((40, 64), 30), ((9, 33), 30)])]
    for program, operands, inputs, shape in cases:
        describe_call("_Fused", {"program": program, "operands": operands}, inputs, [shape] * 2, ["float32"] * 2)
        for op, out, *read in program:
            source = dtype_of(operands, read[1] if op == "Select" else read[0])
            spread = [np.zeros(shape, dtype_of(operands, k)) for k in read if k is not None]
            describe_call(op, attrs_of(op, source, dtype_of(operands, out)), spread, [shape], [dtype_of(operands, out)])
    for program, operands, inputs, shape in cases:
        fused = run_call("_Fused", {"program": program, "operands": operands}, inputs, [shape] * 2, ["float32"] * 2)
        for actual, expected in zip(fused, step_by_step(program, operands, inputs, shape)):
            assert actual.tobytes() == expected.tobytes(), program
        in_place = run_call("_Fused", {"program": program, "operands": operands}, inputs, [shape] * 2, ["float32"] * 2, in_place=0)
        assert in_place[0].tobytes() == fused[0].tobytes() and in_place[1].tobytes() == fused[1].tobytes()


def test_a_product_and_a_sum_are_two_roundings():
    """Found by their difference: in one rounding, a b - fl(a b) is the product's error and seldom 0."""
    a, b = np.random.default_rng(0).standard_normal((2, 1000)).astype("float32")
    operands = [("in", 0), ("in", 1), ("out", 0), ("temp", as_dtype("float32")), ("temp", as_dtype("float32"))]
    program = [("Mul", 3, 0, 1, None), ("Neg", 4, 3, None, None), ("Add", 2, 4, 3, None)]
    attrs = {"program": program, "operands": operands}
    assert not run_call("_Fused", attrs, [a, b], [(1000,)], ["float32"])[0].any()
    program = [("Mul", 3, 0, 1, None), ("Sub", 2, 3, 0, None)]
    attrs = {"program": program, "operands": operands}
    np.testing.assert_array_equal(run_call("_Fused", attrs, [a, b], [(1000,)], ["float32"])[0], a * b - a)


def test_refused_integers_in_a_fused_program():
    operands = [("in", 0), ("in", 1), ("out", 0), ("temp", as_dtype("int32"))]
    attrs = {"program": [("FloorDiv", 3, 0, 1, None), ("Pow", 2, 0, 3, None)], "operands": operands}
    a, b = np.array([7, 8, 9], "int32"), np.array([3, 2, 9], "int32")
    np.testing.assert_array_equal(run_call("_Fused", attrs, [a, b], [(3,)], ["int32"])[0], a ** (a // b))
    with pytest.raises(InvalidArgumentError, match="division by zero"):
        run_call("_Fused", attrs, [a, b * np.array([1, 0, 1], "int32")], [(3,)], ["int32"])
    with pytest.raises(InvalidArgumentError, match="negative integer powers"):
        run_call("_Fused", attrs, [a, -b], [(3,)], ["int32"])


def test_under_the_checker():
    """No element out of bounds, none written by two threads, for whole packs and for single elements."""
    cases = [(*a_program(seed, shape, 6), shape) for seed, shape in enumerate([(6, 8), (6, 7)])]
    for program, operands, inputs, shape in cases:
        describe_call("_Fused", {"program": program, "operands": operands}, inputs, [shape] * 2, ["float32"] * 2)
    for program, operands, inputs, shape in cases:
        run_call("_Fused", {"program": program, "operands": operands}, inputs, [shape] * 2, ["float32"] * 2, check=True)


# ---- collecting ------------------------------------------------------------------------------------------------------------

@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MINITF_CACHE", str(tmp_path))
    monkeypatch.setattr(generated, "_pending", {})
    monkeypatch.setattr(generated, "_files", {})
    return tmp_path / "generated"


def function(number):
    return Generated("common.cuh", "put", f'extern "C" __global__ void NAME(int *x) {{ x[0] = {number}; }}')


def test_what_is_pending_goes_into_one_file(folder):
    first, second = function(1), function(2)
    assert not folder.exists()                                   # nothing is written before it is wanted
    path = os.fspath(second)
    assert os.fspath(first) == path and len(list(folder.glob("*.cu"))) == 1
    text = open(path).read()
    assert first.name in text and second.name in text and first.name != second.name
    assert not generated._pending
    assert "-ffp-contract=off" in flags(False, (), text)         # which lets the emulator vectorise products
    assert os.fspath(function(3)) != path and first.name not in open(function(3)).read()


def test_a_function_is_put_in_a_file_once(folder):
    path = os.fspath(function(1))
    generated._files.clear()                                     # as another process would find it
    again, new = function(1), function(2)
    assert os.fspath(again) == path
    assert os.fspath(new) != path and again.name not in open(new).read()


def test_functions_are_collected_anew_when_a_header_changes(folder, monkeypatch):
    path = os.fspath(function(1))
    generated._files.clear()
    monkeypatch.setattr(generated, "_stamps", {"common.cuh": "other"})
    assert os.fspath(function(1)) != path


def test_a_file_that_was_removed_is_written_again(folder):
    path = os.fspath(function(1))
    os.unlink(path)
    assert os.fspath(function(1)) == path and os.path.exists(path)


def compile_by_nvcc(path, *flags):
    done = subprocess.run([nvcc.find(), "-std=c++17", "-arch=sm_75", *flags, path], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_nvcc_takes_every_op(folder):
    if nvcc.find() is None:
        pytest.skip(nvcc.missing())
    for source in ["float32", "float64", "int32", "int64", "int16", "int8", "uint8", "bool"]:
        for op, target in pairs(source):
            inputs = arguments(op, source, 8)
            call = describe_call(op, attrs_of(op, source, target), inputs, [inputs[0].shape], [target])
    path = os.fspath(call.launches[0].source)
    compile_by_nvcc(path, "--cubin", "-o", str(folder / "all.cubin"))


def test_nvcc_leaves_a_product_and_a_sum_apart(folder):
    if nvcc.find() is None:
        pytest.skip(nvcc.missing())
    operands = [("in", 0), ("in", 1), ("out", 0), ("temp", as_dtype("float32"))]
    attrs = {"program": [("Mul", 3, 0, 1, None), ("Add", 2, 3, 0, None)], "operands": operands}
    call = describe_call("_Fused", attrs, [np.zeros(3, "f")] * 2, [(3,)], ["float32"])
    text = compile_by_nvcc(os.fspath(call.launches[0].source), "--ptx", "-o", "-")
    assert "mul.rn.f32" in text and "fma." not in text
