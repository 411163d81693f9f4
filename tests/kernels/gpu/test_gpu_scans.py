"""Running sums and products, sums by segment and CheckNumerics, on the emulated GPU against their CPU twins."""
import itertools

import numpy as np
import pytest

from minitf.core.dtypes import as_dtype
from minitf.core.errors import InvalidArgumentError

from harness import run_call
from test_gpu_rows import agrees

NUMBER = ["float32", "float64", "int32", "int64"]


def check_scan(op_type, shape, axis, dtype, exclusive, reverse):
    x = np.random.default_rng(0).integers(-3, 4, shape)
    x = np.where(x > 0, 1, -1) if op_type == "Cumprod" else x
    attrs = {"T": as_dtype(dtype), "Tidx": as_dtype("int32"), "exclusive": exclusive, "reverse": reverse}
    agrees(op_type, [x.astype(dtype), np.array(axis, "int32")], [shape], [dtype], attrs)          # integers: no rounding


@pytest.mark.parametrize("dtype", NUMBER)
@pytest.mark.parametrize("op_type", ["Cumsum", "Cumprod"])
def test_scans(op_type, dtype):
    for shape in [(1,), (31,), (33,), (1000,), (1025,), (9000,), (3, 4), (70, 3), (2, 5000), (5000, 2), (2, 40, 600), (0, 3),
                  (3, 0), (2, 3000, 3)]:
        for axis in range(-1, len(shape)):
            for exclusive, reverse in itertools.product([False, True], repeat=2):
                check_scan(op_type, shape, axis, dtype, exclusive, reverse)


def test_many_columns():
    check_scan("Cumsum", (50, 17000), 0, "float32", True, True)


def test_scans_of_floats():
    x = np.random.default_rng(0).standard_normal(300_000).astype("f4")
    attrs = {"T": as_dtype("float32"), "Tidx": as_dtype("int32"), "exclusive": False, "reverse": False}
    y, = run_call("Cumsum", attrs, [x, np.array(0, "int32")], [x.shape], ["float32"])
    exact = x.astype("f8").cumsum()
    assert np.abs(y - exact).max() < 1e-7 * np.abs(exact).max()
    x[5], x[9] = np.inf, np.nan
    y, = run_call("Cumsum", {**attrs, "exclusive": True}, [x, np.array(0, "int32")], [x.shape], ["float32"])
    assert np.isfinite(y[:6]).all() and np.isinf(y[6:10]).all() and np.isnan(y[10:]).all()


def case(shape, axis):
    attrs = {"T": as_dtype("float32"), "Tidx": as_dtype("int32"), "exclusive": False, "reverse": False}
    return "Cumsum", attrs, [np.arange(np.prod(shape), dtype="float32").reshape(shape) % 7, np.array(axis, "int32")], [shape], ["float32"]


CASES = [case((40, 3), 0), case((9000,), 0), case((2, 3000), 1)]


@pytest.mark.parametrize("k", range(len(CASES)))
def test_the_checker_has_nothing_to_say(k):
    np.testing.assert_array_equal(run_call(*CASES[k], check=True)[0], run_call(*CASES[k])[0])


@pytest.mark.parametrize("dtype", NUMBER)
@pytest.mark.parametrize("ids_dtype", ["int32", "int64"])
def test_sums_by_segment(dtype, ids_dtype):
    rng = np.random.default_rng(0)
    attrs = {"T": as_dtype(dtype), "Tindices": as_dtype(ids_dtype)}
    for data, ids, segments in [((5,), (5,), 3), ((300, 7), (300,), 10), ((4, 6, 3), (4, 6), 5), ((0, 3), (0,), 2),
                                ((3, 0), (3,), 2), ((3, 5), (), 3)]:
        x = rng.integers(-9, 9, data).astype(dtype)
        which = rng.integers(-1, segments, ids).astype(ids_dtype)
        agrees("UnsortedSegmentSum", [x, which, np.array(segments, "int32")], [(segments, *data[len(ids):])], [dtype], attrs,
               check=x.size < 300)


def test_a_segment_that_there_is_not():
    attrs = {"T": as_dtype("float32"), "Tindices": as_dtype("int32")}
    with pytest.raises(InvalidArgumentError, match=r"segment_ids = 3 is out of range \[0, 3\)"):
        run_call("UnsortedSegmentSum", attrs, [np.ones((2, 4), "f4"), np.array([0, 3], "i4"), np.array(3, "i4")], [(3, 4)], ["float32"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_check_numerics(dtype):
    attrs = {"T": as_dtype(dtype), "message": "the loss"}
    x = np.random.default_rng(0).standard_normal(1000).astype(dtype)
    agrees("CheckNumerics", [x], [x.shape], [dtype], attrs)
    agrees("CheckNumerics", [x], [x.shape], [dtype], attrs, in_place=0)
    for value, named in ((np.nan, "NaN"), (np.inf, "Inf"), (-np.inf, "Inf")):
        x[700] = value
        with pytest.raises(InvalidArgumentError, match=f"the loss : Tensor had {named} values"):
            run_call("CheckNumerics", attrs, [x], [x.shape], [dtype])
