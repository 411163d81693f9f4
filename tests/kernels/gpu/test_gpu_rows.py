"""Kernels that see rows, on the emulated GPU, against their CPU twins: softmax and its losses, InTopK, TopKV2."""
import numpy as np
import pytest

from minitf.core.dtypes import as_dtype
from minitf.core.errors import InvalidArgumentError
from minitf.core.registry import find_kernel
from minitf.kernels.cpu.kernel import run_kernel

from harness import run_call

SHAPES = [(1, 1), (3, 2), (5, 10), (130, 10), (7, 31), (9, 32), (5, 33), (4, 100), (3, 1000), (2, 1025), (3, 5000), (1, 20000), (0, 5),
          (3000, 3)]
TOLERANCE = {"float32": {"rtol": 2e-6, "atol": 1e-6}, "float64": {"rtol": 1e-13, "atol": 1e-13}}
FLOATS = list(TOLERANCE)


def twin(op_type, attrs, inputs, shapes, dtypes):
    return run_kernel(find_kernel(op_type, attrs).kernel, attrs, inputs, shapes, dtypes)


def agrees(op_type, inputs, shapes, dtypes, attrs, tolerance=None, **options):
    """Both kernels give the same, up to the tolerance."""
    wanted = twin(op_type, attrs, inputs, shapes, dtypes)
    for actual, expected in zip(run_call(op_type, attrs, inputs, shapes, dtypes, **options), wanted, strict=True):
        assert actual.dtype == expected.dtype
        np.testing.assert_allclose(actual, expected, **(tolerance or {"rtol": 0}), err_msg=f"{op_type} {inputs[0].shape}")


def logits(rows, n, dtype, seed=0):
    """Among them rows with infinities and NaN, where there are rows enough."""
    x = (np.random.default_rng(seed).standard_normal((rows, n)) * 5).astype(dtype)
    if rows > 2 and n > 4:
        x[0, :n // 2 + 1], x[1, 2], x[2, 1] = -np.inf, np.nan, np.inf
    if rows > 3:
        x[3] = -np.inf
    return x


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax"])
def test_softmax(op_type, dtype):
    for shape in [*SHAPES, (5, 0)]:
        x = logits(*shape, dtype)
        agrees(op_type, [x], [shape], [dtype], {"T": as_dtype(dtype)}, TOLERANCE[dtype])
        agrees(op_type, [x], [shape], [dtype], {"T": as_dtype(dtype)}, TOLERANCE[dtype], in_place=0, order=2)
    for shape in ((7,), (2, 3, 5)):
        agrees(op_type, [logits(1, int(np.prod(shape)), dtype).reshape(shape)], [shape], [dtype], {"T": as_dtype(dtype)}, TOLERANCE[dtype])


def test_softmax_of_large_logits_does_not_overflow():
    x = np.array([[1000, 1001, -1e30], [-3e38, 3e38, 0]], "float32")
    y, = run_call("Softmax", {"T": as_dtype("float32")}, [x], [x.shape], ["float32"])
    np.testing.assert_allclose(y, [[.26894142, .73105858, 0], [0, 1, 0]], rtol=1e-6)


def test_softmax_of_a_long_row_is_accurate():
    x = np.random.default_rng(0).standard_normal((1, 300_000)).astype("f4")
    y, = run_call("LogSoftmax", {"T": as_dtype("float32")}, [x], [x.shape], ["float32"])
    exact = x - np.log(np.exp(x.astype("f8")).sum())
    assert np.abs(y - exact).max() < 3e-6


@pytest.mark.parametrize("dtype", FLOATS)
def test_cross_entropy(dtype):
    for rows, n in SHAPES:
        x = logits(rows, n, dtype)
        labels = np.random.default_rng(1).dirichlet(np.ones(n), rows).astype(dtype)
        tolerance = {**TOLERANCE[dtype], "rtol": 1e-5 if dtype == "float32" else 1e-13}
        agrees("SoftmaxCrossEntropyWithLogits", [x, labels], [(rows,), (rows, n)], [dtype] * 2, {"T": as_dtype(dtype)}, tolerance)


def test_cross_entropy_of_no_classes_is_zero():
    nothing = np.zeros((3, 0), "f4")
    loss, grad = run_call("SoftmaxCrossEntropyWithLogits", {"T": as_dtype("float32")}, [nothing, nothing], [(3,), (3, 0)], ["float32"] * 2)
    assert loss.tolist() == [0, 0, 0] and grad.shape == (3, 0)


@pytest.mark.parametrize("label_dtype", ["int32", "int64"])
@pytest.mark.parametrize("dtype", FLOATS)
def test_sparse_cross_entropy(dtype, label_dtype):
    attrs = {"T": as_dtype(dtype), "Tlabels": as_dtype(label_dtype)}
    for rows, n in SHAPES:
        labels = np.random.default_rng(1).integers(0, n, rows).astype(label_dtype)
        agrees("SparseSoftmaxCrossEntropyWithLogits", [logits(rows, n, dtype), labels], [(rows,), (rows, n)], [dtype] * 2, attrs,
               TOLERANCE[dtype])


@pytest.mark.parametrize("n", [10, 2000])
@pytest.mark.parametrize("label", [-1, 0])
def test_a_label_that_is_no_class_is_told(n, label):
    label = label or n
    attrs = {"T": as_dtype("float32"), "Tlabels": as_dtype("int64")}
    with pytest.raises(InvalidArgumentError, match=rf"Received a label value of {label} which is outside the valid range of \[0, {n}\)"):
        run_call("SparseSoftmaxCrossEntropyWithLogits", attrs, [logits(3, n, "float32"), np.array([0, label, 1])], [(3,), (3, n)],
                 ["float32"] * 2)
    with pytest.raises(InvalidArgumentError, match="Must have at least one class"):
        run_call("SparseSoftmaxCrossEntropyWithLogits", attrs, [np.zeros((2, 0), "f4"), np.zeros(2, int)], [(2,), (2, 0)], ["float32"] * 2)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_in_top_k(dtype):
    rng = np.random.default_rng(0)
    for rows, n in SHAPES:
        x = rng.integers(0, 1 + n // 2, (rows, n)).astype("f4")              # ties
        if rows > 3:
            x[1, n // 2], x[2, 0] = np.nan, -np.inf
        targets = rng.integers(-1, n + 1, rows).astype(dtype)
        for k in (0, 1, 3, 1 << 40):
            agrees("InTopK", [x, targets], [(rows,)], ["bool"], {"T": as_dtype(dtype), "k": k})


@pytest.mark.parametrize("dtype", [*FLOATS, "int32", "int64"])
def test_top_k(dtype):
    rng = np.random.default_rng(0)
    for rows, n in [(1, 1), (5, 10), (130, 7), (3, 33), (4, 100), (2, 1500), (0, 4)]:
        x = rng.integers(-5, 6, (rows, n)).astype(dtype) if n % 2 else (rng.standard_normal((rows, n)) * 1000).astype(dtype)
        if dtype in FLOATS and rows > 1:
            x[1, ::3], x[0, 0] = np.nan, -np.inf
        for k in {0, 1, min(n, 5), n if n <= 100 else 2}:
            agrees("TopKV2", [x, np.array(k, "int32")], [(rows, k)] * 2, [dtype, "int32"], {"T": as_dtype(dtype)})
    with pytest.raises(InvalidArgumentError, match="at least k columns: it has 3, and k is 4"):
        run_call("TopKV2", {"T": as_dtype("float32")}, [np.ones((2, 3), "f4"), np.array(4, "int32")], [(2, 4)] * 2, ["float32", "int32"])


def cases(rows, n):
    x, labels, floats = logits(rows, n, "float32"), np.arange(rows), {"T": as_dtype("float32")}
    return [("Softmax", floats, [x], [x.shape], ["float32"]), ("LogSoftmax", floats, [x], [x.shape], ["float32"]),
            ("SoftmaxCrossEntropyWithLogits", floats, [x, np.ones(x.shape, "float32")], [(rows,), x.shape], ["float32"] * 2),
            ("SparseSoftmaxCrossEntropyWithLogits", {**floats, "Tlabels": as_dtype("int64")}, [x, labels], [(rows,), x.shape],
             ["float32"] * 2),
            ("InTopK", {"T": as_dtype("int64"), "k": 2}, [x, labels], [(rows,)], ["bool"]),
            ("TopKV2", floats, [x, np.array(2, "int32")], [(rows, 2)] * 2, ["float32", "int32"])]


CASES = [*cases(5, 10), *cases(2, 100), *cases(2, 1100)]


@pytest.mark.parametrize("k", range(len(CASES)))
def test_the_checker_has_nothing_to_say(k):
    for checked, plain in zip(run_call(*CASES[k], check=True), run_call(*CASES[k]), strict=True):
        np.testing.assert_allclose(checked, plain, rtol=1e-6)
