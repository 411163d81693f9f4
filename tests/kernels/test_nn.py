"""Softmax and its losses against NumPy in float64."""
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from minitf.core.errors import InvalidArgumentError
from minitf.kernels.cpu import nn
from minitf.kernels.cpu.kernel import run_kernel

ROWS = st.sampled_from([0, 1, 2, 5])
CLASSES = st.sampled_from([1, 2, 3, 8, 10, 15, 16, 17, 31, 63, 64, 65, 100, 127, 128, 1000])
FLOATS = st.sampled_from([np.float32, np.float64])
SCALES = st.sampled_from([1e-3, 1, 30, 1000])


def logits(rows, classes, dtype, scale=1.0, seed=0):
    return (np.random.default_rng(seed).standard_normal((rows, classes)) * scale).astype(dtype)


def reference(x):
    """softmax and log softmax in float64."""
    x = x.astype(np.float64)
    shifted = x - x.max(-1, keepdims=True, initial=-np.inf)
    log = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    return np.exp(log), log


def close(actual, expected, scale=1.0):
    eps = np.finfo(actual.dtype).eps
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=8 * eps, atol=8 * eps * scale)


@given(ROWS, CLASSES, FLOATS, SCALES, st.booleans())
@settings(max_examples=150, deadline=None)
def test_softmax_and_log_softmax(rows, classes, dtype, scale, in_place):
    x = logits(rows, classes, dtype, scale)
    soft, log = reference(x)
    place = 0 if in_place else None
    close(run_kernel(nn.Softmax, {}, [x], [x.shape], [dtype], in_place=place)[0], soft)
    close(run_kernel(nn.LogSoftmax, {}, [x], [x.shape], [dtype], in_place=place)[0], log, scale * 10)


def test_softmax_over_the_last_of_three_axes():
    x = logits(6, 5, np.float32).reshape(2, 3, 5)
    close(run_kernel(nn.Softmax, {}, [x], [x.shape], [np.float32])[0], reference(x)[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("classes", [3, 40, 200])
def test_not_finite(dtype, classes):
    x = logits(6, classes, dtype)
    x[0, 1] = np.nan
    x[1, 0] = np.nan
    x[2, 2] = np.inf
    x[3] = -np.inf
    x[4, :-1] = -np.inf
    for kernel in (nn.Softmax, nn.LogSoftmax):
        y = run_kernel(kernel, {}, [x], [x.shape], [dtype])[0]
        assert np.isnan(y[:2]).all() and np.isnan(y[2, 2]) and np.isnan(y[3]).all()
        assert np.isfinite(y[5]).all()
    y = run_kernel(nn.Softmax, {}, [x], [x.shape], [dtype])[0]
    assert y[4, -1] == 1 and (y[4, :-1] == 0).all()


@given(ROWS, CLASSES, FLOATS, SCALES)
@settings(max_examples=150, deadline=None)
def test_cross_entropy(rows, classes, dtype, scale):
    x = logits(rows, classes, dtype, scale)
    labels = np.random.default_rng(1).random((rows, classes)).astype(dtype)
    labels /= labels.sum(-1, keepdims=True)
    loss, grad = run_kernel(nn.SoftmaxCrossEntropyWithLogits, {}, [x, labels], [(rows,), x.shape], [dtype, dtype])
    soft, log = reference(x)
    close(loss, -(labels.astype(np.float64) * log).sum(-1), scale * 10)
    close(grad, soft - labels)


@given(ROWS, CLASSES, FLOATS, SCALES, st.sampled_from([np.int32, np.int64]))
@settings(max_examples=150, deadline=None)
def test_sparse_cross_entropy(rows, classes, dtype, scale, label_dtype):
    x = logits(rows, classes, dtype, scale)
    labels = np.random.default_rng(1).integers(0, classes, rows).astype(label_dtype)
    loss, grad = run_kernel(nn.SparseSoftmaxCrossEntropyWithLogits, {}, [x, labels], [(rows,), x.shape], [dtype, dtype])
    soft, log = reference(x)
    close(loss, -log[np.arange(rows), labels], scale * 10)
    close(grad, soft - np.eye(classes)[labels])


def test_sparse_and_dense_agree():
    x = logits(20, 30, np.float32, 3)
    labels = np.arange(20)
    sparse = run_kernel(nn.SparseSoftmaxCrossEntropyWithLogits, {}, [x, labels], [(20,), x.shape], [np.float32] * 2)
    dense = run_kernel(nn.SoftmaxCrossEntropyWithLogits, {}, [x, np.eye(30, dtype=np.float32)[labels]], [(20,), x.shape], [np.float32] * 2)
    np.testing.assert_array_equal(sparse[1], dense[1])
    np.testing.assert_allclose(sparse[0], dense[0], rtol=1e-6)


@pytest.mark.parametrize("bad", [-1, 3])
def test_label_out_of_range(bad):
    with pytest.raises(InvalidArgumentError) as error:
        run_kernel(nn.SparseSoftmaxCrossEntropyWithLogits, {}, [np.ones((2, 3)), np.array([2, bad])], [(2,), (2, 3)], [np.float64] * 2)
    assert str(error.value).startswith(f"Received a label value of {bad} which is outside the valid range of [0, 3).  Label values: 2 {bad}")


def test_no_classes():
    with pytest.raises(InvalidArgumentError, match=r"Must have at least one class, but got logits shape \[2,0\]"):
        run_kernel(nn.SparseSoftmaxCrossEntropyWithLogits, {}, [np.ones((2, 0)), np.array([0, 0])], [(2,), (2, 0)], [np.float64] * 2)


@given(ROWS, CLASSES, st.integers(1, 6), st.sampled_from([np.int32, np.int64]))
@settings(max_examples=100, deadline=None)
def test_in_top_k(rows, classes, k, target_dtype):
    x = np.random.default_rng(0).integers(0, 8, (rows, classes)).astype(np.float32)
    targets = np.random.default_rng(1).integers(0, classes, rows).astype(target_dtype)
    expected = (x > x[np.arange(rows), targets][:, None]).sum(-1) < k
    np.testing.assert_array_equal(run_kernel(nn.InTopK, {"k": k}, [x, targets], [(rows,)], [np.bool_])[0], expected)


def test_in_top_k_ties_are_in_and_what_is_not_finite_is_out():
    x = np.array([[1, 1, 1], [1, np.nan, 0], [np.inf, 0, 0], [1, 2, 3], [1, 2, 3]], np.float32)
    (y,) = run_kernel(nn.InTopK, {"k": 1}, [x, np.array([2, 0, 0, 3, -1])], [(5,)], [np.bool_])
    assert y.tolist() == [True, False, False, False, False]


def test_a_row_has_the_same_bits_wherever_it_stands():
    for classes in (10, 37, 130):
        x = logits(9, classes, np.float32, 4)
        (whole,) = run_kernel(nn.Softmax, {}, [x], [x.shape], [np.float32])
        for r in range(9):
            np.testing.assert_array_equal(run_kernel(nn.Softmax, {}, [x[r:r + 1]], [(1, classes)], [np.float32])[0][0], whole[r])
