"""Loops on several threads: which ranges run where, and that no kernel's bits depend on how many threads compute them."""
import os
import subprocess
import sys
import time
import threading

import numpy as np
import pytest

import minitf as tf
from minitf.core.dtypes import as_dtype
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import find_kernel
from minitf.core.resources import RandomState, VariableState
from minitf.kernels.cpu import parallel, state
from minitf.kernels.cpu.kernel import run_kernel

COUNTS = 1, 2, 3, 7


@pytest.fixture(autouse=True)
def restored_threads():
    before = parallel.set_threads(0)
    yield
    parallel.set_threads(before)


# The loop

@pytest.mark.parametrize("threads", COUNTS)
@pytest.mark.parametrize("n, grain", [(0, 4), (1, 4), (4, 4), (5, 4), (1000, 7), (1000, 1), (64, 64), (65, 64)])
def test_ranges_cover_everything_once(n, grain, threads):
    parallel.set_threads(threads)
    for _ in range(20):
        found = sorted(parallel.ranges(n, grain))
        assert [begin for begin, *_ in found] == [0, *(end for _, end, *_ in found[:-1])][:len(found)]
        assert (found[-1][1] if found else 0) == n and all(begin % grain == 0 for begin, *_ in found)
        assert len({thread for _, _, thread, _ in found}) <= threads


def test_small_work_is_one_range_here_and_starts_no_thread():
    code = "from minitf.kernels.cpu import parallel as p; assert len(p.ranges(8, 8)) == 1; assert p.threads_started() == 0; " \
           "p.ranges(9, 8); assert p.threads_started() == 1"
    subprocess.run([sys.executable, "-c", code], env=dict(os.environ, OMP_NUM_THREADS="2"), check=True)


@pytest.mark.parametrize("value, expected", [("3", 3), ("5,2", 5), ("0", None), ("", None), ("many", None)])
def test_default_number_of_threads(value, expected, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert parallel.threads_by_default() == (expected or len(os.sched_getaffinity(0)))


def helped(n=64):
    """The ranges of a loop that a second thread took part in."""
    parallel.set_threads(2)
    deadline = time.monotonic() + 60                     # other tests may keep the second processor busy for a while
    while time.monotonic() < deadline:
        found = parallel.ranges(n, 1)
        if len({thread for _, _, thread, _ in found}) == 2:
            return found
    pytest.fail("no second thread took part")


def test_all_threads_have_the_callers_floating_point_mode():
    assert len({mode for *_, mode in helped()}) == 1
    tiny = np.full(1 << 18, 1e-40, np.float32)
    parallel.set_threads(2)
    assert not run("Mul", [tiny, np.float32(1)], tiny.shape)[0].any()             # kernels flush denormals, here and there
    assert (tiny * np.float32(0.5) != 0).all()                                     # and leave the caller's mode as it was


def test_loops_of_several_threads_at_once():
    """One has the helpers, the others run alone; each gets its own ranges."""
    x, failures = np.arange(1 << 18, dtype=np.float32), []

    def work(k):
        parallel.set_threads(3)
        for _ in range(30):
            if not np.array_equal(run("Add", [x, np.float32(k)], x.shape)[0], x + np.float32(k)):
                failures.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def test_a_forked_child_has_threads_of_its_own():
    code = """
import os
from minitf.kernels.cpu import parallel as p
p.ranges(100, 1)
assert p.threads_started() == 1
child = os.fork()
if not child:
    assert p.threads_started() == 0 and sum(end - begin for begin, end, *_ in p.ranges(100, 1)) == 100 and p.threads_started() == 1
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert sum(end - begin for begin, end, *_ in p.ranges(100, 1)) == 100
"""
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], env=dict(os.environ, OMP_NUM_THREADS="2"), check=True, timeout=60)


@pytest.mark.parametrize("place", [0, 70_000, 199_999])
def test_an_error_inside_a_loop_is_raised_by_the_caller(place):
    parallel.set_threads(3)
    a, b = np.arange(200_000, dtype=np.int32), np.ones(200_000, np.int32)
    b[place] = 0
    for _ in range(5):
        with pytest.raises(InvalidArgumentError, match="Integer division by zero"):
            run("FloorDiv", [a, b], a.shape, "int32")
    b[place] = 1
    assert np.array_equal(run("FloorDiv", [a, b], a.shape, "int32")[0], a)


# Kernels

def kernel_of(op, dtype):
    dtype = as_dtype(dtype)
    return find_kernel(op, {"T": dtype, "dtype": dtype, "SrcT": dtype, "DstT": as_dtype("int32")}).kernel


def run(op, inputs, shape, dtype="float32", attrs={}, out=None):
    shapes = shape if isinstance(shape, list) else [shape]
    return run_kernel(kernel_of(op, dtype), attrs, inputs, shapes, [out or dtype] * len(shapes))


def numbers(*shape, dtype=np.float32):
    return (np.random.default_rng(len(shape)).standard_normal(shape) * 3).astype(dtype)


def indices(*values):
    return np.array(values, np.int32)


def floats(*values):
    return list(np.float32(values))


ADAM = floats(0.5, 0.5, 0.01, 0.9, 0.999, 1e-8)
BIG, ROWS, TALL = numbers(300_001), numbers(700, 401), numbers(60_000, 5)
CASES = {
    "tanh": lambda: run("Tanh", [BIG], BIG.shape),
    "exp64": lambda: run("Exp", [BIG.astype("f8")], BIG.shape, "float64"),
    "broadcast": lambda: run("Add", [ROWS[:, None, :], numbers(9, 1)], (700, 9, 401)),
    "bias": lambda: run("BiasAdd", [ROWS, ROWS[0]], ROWS.shape),
    "select": lambda: run("Select", [ROWS[:, 0] > 0, ROWS, -ROWS], ROWS.shape),
    "cast": lambda: run("Cast", [BIG], BIG.shape, out="int32"),
    "add_n": lambda: run("AddN", [BIG] * 3, BIG.shape),
    "fused": lambda: run_kernel(find_kernel("_Fused", {}).kernel, FUSED, [ROWS, ROWS[0]], [ROWS.shape], ["float32"]),
    **{f"{op}_{name}": lambda op=op, x=x, axes=axes: run(op, [x, indices(*axes)], np.sum(x, axes).shape)
       for op in ("Sum", "Mean", "Max", "Min", "Prod")
       for name, x, axes in (("all", BIG, (0,)), ("rows", ROWS, (1,)), ("columns", ROWS, (0,)), ("short_rows", TALL, (0,)),
                             ("short_lines", TALL, (1,)), ("middle", ROWS.reshape(7, 100, 401), (0, 2)))},
    "sum64": lambda: run("Sum", [BIG.astype("f8"), indices(0)], (), "float64"),
    "bias_grad": lambda: run("BiasAddGrad", [TALL], (5,)),
    "l2_loss": lambda: run("L2Loss", [BIG], ()),
    "arg_max": lambda: run("ArgMax", [ROWS, indices(1)], (700,), out="int64"),
    "softmax": lambda: run("Softmax", [ROWS], ROWS.shape),
    "log_softmax": lambda: run("LogSoftmax", [TALL], TALL.shape),
    "cross_entropy": lambda: run("SoftmaxCrossEntropyWithLogits", [ROWS, ROWS], [(700,), ROWS.shape]),
    "sparse_cross_entropy": lambda: run("SparseSoftmaxCrossEntropyWithLogits", [ROWS, np.arange(700) % 401], [(700,), ROWS.shape]),
    "transpose": lambda: run("Transpose", [ROWS, indices(1, 0)], (401, 700)),
    "nchw": lambda: run("Transpose", [numbers(6, 40, 41, 33), indices(0, 3, 1, 2)], (6, 33, 40, 41)),
    "swap_rows": lambda: run("Transpose", [numbers(60, 70, 80), indices(1, 0, 2)], (70, 60, 80)),
    "tile": lambda: run("Tile", [ROWS, indices(2, 3)], (1400, 1203)),
    "concat": lambda: run("ConcatV2", [ROWS, ROWS, indices(1)], (700, 802)),
    "concat, many small ones": lambda: run("ConcatV2", [*[ROWS[i:i + 9 + i % 5] for i in range(80)], indices(0)], (880, 401)),
    "concat, many small columns": lambda: run("ConcatV2", [*[ROWS[:500, i:i + 1 + i % 3] for i in range(90)], indices(1)], (500, 180)),
    "pack, many small ones": lambda: run("Pack", [ROWS[i:i + 10] for i in range(60)], (10, 60, 401), attrs={"axis": 1}),
    "pad": lambda: run("Pad", [ROWS, indices(1, 2, 3, 4).reshape(2, 2)], (703, 408)),
    "fill": lambda: run("Fill", [indices(700, 401), np.float32(7)], (700, 401)),
    "gather": lambda: run("Gather", [ROWS, (np.arange(2000) * 37 % 700).astype(np.int32)], (2000, 401)),
    "gather_scalars": lambda: run("Gather", [BIG, np.arange(200_000, dtype=np.int32)[::-1].copy()], (200_000,)),
    **{op: lambda op=op: run(op, [indices(100_003)], (100_003,), attrs={"_state": RandomState("r", 5)})
       for op in ("RandomUniform", "RandomStandardNormal", "TruncatedNormal")},
    "random_int": lambda: run("RandomUniformInt", [indices(100_003), indices(-5)[0], indices(77)[0]], (100_003,), "int32",
                              {"_state": RandomState("r", 5)}),
    "descent": lambda: updated("ApplyGradientDescent", 1, [*floats(0.1), BIG]),
    "momentum": lambda: updated("ApplyMomentum", 2, [*floats(0.1), BIG, *floats(0.9)]),
    "adagrad": lambda: updated("ApplyAdagrad", 2, [*floats(0.1), BIG]),
    "rmsprop": lambda: updated("ApplyRMSProp", 3, [*floats(0.1, 0.9, 0.5, 0.01), BIG]),
    "centered_rmsprop": lambda: updated("ApplyCenteredRMSProp", 4, [*floats(0.1, 0.9, 0.5, 9), BIG]),
    "adadelta": lambda: updated("ApplyAdadelta", 3, [*floats(0.1, 0.9, 0.01), BIG]),
    "ftrl": lambda: updated("ApplyFtrl", 3, [BIG, *floats(0.1, 0.2, 0.3, -0.5)]),
    "ftrl_shrinkage": lambda: updated("ApplyFtrlV2", 3, [BIG, *floats(0.1, 0.2, 0.3, 0.4, -0.5)]),
    "proximal_descent": lambda: updated("ApplyProximalGradientDescent", 1, [*floats(0.1, 0.2, 0.3), BIG]),
    "proximal_adagrad": lambda: updated("ApplyProximalAdagrad", 2, [*floats(0.1, 0.2, 0.3), BIG]),
    "adagrad_da": lambda: updated("ApplyAdagradDA", 3, [BIG, *floats(0.1, 0.2, 0.3), np.int64(2)]),
    "adam": lambda: updated("ApplyAdam", 3, [*ADAM, BIG]),
    "sparse_adam": lambda: updated("SparseApplyAdam", 3, [*ADAM, TALL[:40_000:2], np.arange(60_000, dtype=np.int32)[::3]], np.abs(TALL)),
    "assign_add": lambda: updated("AssignAdd", 1, [BIG]),
    **{f"product_{m}x{k}x{n}{'t' * t}": lambda m=m, k=k, n=n, t=t: run(
        "MatMul", [numbers(m, k), numbers(n, k) if t else numbers(k, n)], (m, n), attrs={"transpose_b": bool(t)})
       for m, k, n, t in ((20, 300, 500, 0), (50, 200, 500, 0), (200, 700, 810, 0), (2000, 60, 50, 0), (20, 900, 500, 1), (100, 500, 300, 1))},
    "product_of_integers": lambda: run("MatMul", [np.arange(40_000, dtype=np.int32).reshape(200, 200)] * 2, (200, 200), "int32"),
}
FUSED = {"program": [("Add", 2, 0, 1, None), ("Tanh", 3, 2, None, None), ("Mul", 4, 3, 0, None)],
         "operands": [("in", 0), ("in", 1), ("temp", tf.float32), ("temp", tf.float32), ("out", 0)]}


def updated(op, variables, inputs, start=np.abs(BIG)):
    refs = [VariableState(f"v{k}", "float32") for k in range(variables)]
    for ref in refs:
        run_kernel(state.Assign, {}, [ref, start], [], [])
    run(op, refs + inputs, [], attrs={"Tindices": "int32"} if op.startswith("Sparse") else {})
    return [ref.numpy() for ref in refs]


@pytest.mark.parametrize("name", CASES)
def test_bits_do_not_depend_on_the_number_of_threads(name):
    results = []
    for threads in COUNTS:
        parallel.set_threads(threads)
        results.append([array.tobytes() for array in CASES[name]()])
    assert results == results[:1] * len(COUNTS)


# Sessions

def test_a_session_uses_as_many_threads_as_it_is_told():
    """The helpers of a process are counted: a loop of n threads has n - 1."""
    code = """
import numpy as np, minitf as tf
from minitf.kernels.cpu.parallel import threads_started
x = tf.placeholder(tf.float32, [None])
for intra, devices, expected in ((1, 1, 0), (4, 4, 0), (2, 1, 1), (8, 2, 3), (0, 1, 4)):
    config = tf.ConfigProto(intra_op_parallelism_threads=intra, device_count={"CPU": devices})
    with tf.Session(config=config) as sess:
        parts = []
        for d in range(devices):
            with tf.device(f"/cpu:{d}"):
                parts.append(tf.tanh(x))
        sess.run(parts, {x: np.ones(500_000)})
    assert threads_started() == expected, (intra, devices, threads_started())
"""
    subprocess.run([sys.executable, "-c", code], env=dict(os.environ, OMP_NUM_THREADS="5"), check=True, timeout=60)


@pytest.mark.parametrize("given, expected", [(None, "4"), ("12", "12")])
def test_the_threads_of_scipys_blas_sleep_behind_a_product(given, expected):
    """They would keep ours from their cores; unless the user has asked for it."""
    env = {key: value for key, value in os.environ.items() if key != "OPENBLAS_THREAD_TIMEOUT"}
    code = "import os, minitf; print(os.environ['OPENBLAS_THREAD_TIMEOUT'])"
    done = subprocess.run([sys.executable, "-c", code], env=env | ({"OPENBLAS_THREAD_TIMEOUT": given} if given else {}), capture_output=True, text=True)
    assert done.stdout.strip() == expected, done.stderr
