import copy
import pickle

import numpy as np
import pytest

from minitf.core import dtypes
from minitf.core.dtypes import ALL_DTYPES, as_dtype

ENUMS = dict(float32=1, float64=2, int32=3, uint8=4, int16=5, int8=6, string=7, int64=9, bool=10, complex64=8, complex128=18)


@pytest.mark.parametrize("dtype", ALL_DTYPES, ids=lambda d: d.name)
def test_every_name_of_a_dtype_leads_to_it(dtype):
    assert dtype.as_datatype_enum == ENUMS[dtype.name]
    assert getattr(dtypes, dtype.name) is dtype
    for value in (dtype, dtype.name, dtype.as_numpy_dtype, dtype.numpy_dtype, dtype.as_datatype_enum):
        assert as_dtype(value) is dtype
        assert dtype == value and not dtype != value
    for value in (dtype.as_ref, dtype.name + "_ref", dtype.as_datatype_enum + 100):
        assert as_dtype(value) is dtype.as_ref


def test_aliases_and_python_types():
    assert as_dtype("float") is dtypes.float32
    assert as_dtype("double") is dtypes.double is dtypes.float64
    assert as_dtype("float32_ref") is dtypes.float32.as_ref is dtypes.float32._ref
    assert as_dtype(float) is dtypes.float32
    assert as_dtype(int) is dtypes.int32 and as_dtype(complex) is dtypes.complex128
    assert as_dtype(bool) is dtypes.bool
    assert as_dtype(str) is as_dtype(np.dtype("U5")) is as_dtype(np.bytes_) is dtypes.string


def test_byte_order_and_platform_names_do_not_matter():
    assert as_dtype(np.dtype(">f4")) is dtypes.float32
    assert as_dtype(np.dtype(">i8")) is dtypes.int64
    assert as_dtype(np.longlong) is as_dtype(np.intp) is dtypes.int64


@pytest.mark.parametrize("value", [None, True, 1.0, 11, 0, "", "float31", [1], (1, 2), {}, np.float16, np.dtype("i4,i4"), np.float32(1)], ids=repr)
def test_anything_else_is_an_error(value):
    with pytest.raises(TypeError) as e:
        as_dtype(value)
    assert str(e.value) == f"Cannot convert value {value!r} to a TensorFlow DType."
    assert dtypes.float32 != value and not dtypes.float32 == value


def test_references():
    ref = dtypes.int32.as_ref
    assert ref.is_ref_dtype and not dtypes.int32.is_ref_dtype
    assert ref.base_dtype is dtypes.int32 and dtypes.int32.base_dtype is dtypes.int32
    assert ref.as_ref is ref and ref != dtypes.int32
    assert ref.name == "int32_ref" and ref.is_integer and ref.size == 4
    assert dtypes.int32.is_compatible_with(ref) and dtypes.int32.is_compatible_with(np.int32)
    assert not ref.is_compatible_with(dtypes.int32) and not dtypes.int32.is_compatible_with("int64")


def test_classification():
    assert [d.name for d in ALL_DTYPES if d.is_floating] == ["float32", "float64"]
    assert [d.name for d in ALL_DTYPES if d.is_integer] == ["int32", "uint8", "int16", "int8", "int64"]
    assert [d.name for d in ALL_DTYPES if d.is_unsigned] == ["uint8"]
    assert [d.name for d in ALL_DTYPES if d.is_bool] == ["bool"]
    assert [d.size for d in ALL_DTYPES] == [4, 8, 4, 1, 2, 1, 8, 8, 1, 8, 16]
    assert [d.name for d in ALL_DTYPES if d.is_complex] == ["complex64", "complex128"]
    assert [d.name for d in ALL_DTYPES if d.carries_gradient] == ["float32", "float64", "complex64", "complex128"]


def test_ranges():
    assert (dtypes.uint8.min, dtypes.uint8.max, dtypes.uint8.limits) == (0, 255, (0, 255))
    assert dtypes.float32.max == np.finfo(np.float32).max and dtypes.float64.limits == (0, 1)
    assert dtypes.int64.min == -2 ** 63 and dtypes.bool.limits == (False, True)
    with pytest.raises(TypeError, match="Cannot find minimum value of <dtype: 'string'>."):
        dtypes.string.min
    with pytest.raises(TypeError, match="Cannot find maximum value of <dtype: 'bool'>."):
        dtypes.bool.max


def test_printing():
    assert repr(dtypes.float32) == "tf.float32" and repr(dtypes.bool_ref) == "tf.bool_ref"
    assert str(dtypes.float32) == "<dtype: 'float32'>"


def test_copies_are_the_same_object():
    for dtype in (dtypes.float32, dtypes.string.as_ref):
        assert copy.deepcopy(dtype) is copy.copy(dtype) is pickle.loads(pickle.dumps(dtype)) is dtype
    assert len({d for d in ALL_DTYPES} | {as_dtype(d.name) for d in ALL_DTYPES}) == len(ALL_DTYPES)
