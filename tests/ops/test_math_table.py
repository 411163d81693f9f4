"""Element-wise functions: every dtype against NumPy and SciPy in float64, broadcasting, size-1 and empty axes; static shape = run-time shape."""
import numpy as np
import pytest
from scipy import special

import minitf as tf
from minitf.core.registry import op_def

REAL = ("float32", "float64")
SMALL = ("int8", "int16", "uint8")
NUMBER = REAL + ("int32", "int64") + SMALL

# name: (function, reference in float64, the interval of each argument, greatest error in units in the last place)
FUNCTIONS = {
    "sin": (tf.sin, np.sin, [(-20, 20)], 2), "cos": (tf.cos, np.cos, [(-20, 20)], 2), "tan": (tf.tan, np.tan, [(-20, 20)], 3),
    "asin": (tf.asin, np.arcsin, [(-1, 1)], 2), "acos": (tf.acos, np.arccos, [(-1, 1)], 2), "atan": (tf.atan, np.arctan, [(-9, 9)], 2),
    "sinh": (tf.sinh, np.sinh, [(-9, 9)], 3), "cosh": (tf.cosh, np.cosh, [(-9, 9)], 3), "asinh": (tf.asinh, np.arcsinh, [(-9, 9)], 3),
    "acosh": (tf.acosh, np.arccosh, [(1, 99)], 3), "atanh": (tf.atanh, np.arctanh, [(-1, 1)], 3), "erf": (tf.erf, special.erf, [(-4, 4)], 3),
    "erfc": (tf.erfc, special.erfc, [(-4, 5)], 60), "expm1": (tf.expm1, np.expm1, [(-9, 9)], 2),
    "lgamma": (tf.lgamma, special.gammaln, [(2.5, 30)], 8), "digamma": (tf.digamma, special.digamma, [(1.6, 30)], 4),
    "rint": (tf.rint, np.rint, [(-9, 9)], 0), "round": (tf.round, np.rint, [(-9, 9)], 0), "atan2": (tf.atan2, np.arctan2, [(-9, 9)] * 2, 2),
    "igamma": (tf.igamma, special.gammainc, [(.1, 9)] * 2, 40), "igammac": (tf.igammac, special.gammaincc, [(.1, 9)] * 2, 40),
    "zeta": (tf.zeta, special.zeta, [(1.1, 9), (.1, 9)], 8), "xlogy": (tf.math.xlogy, special.xlogy, [(-9, 9), (.1, 9)], 2),
    "xdivy": (tf.math.xdivy, np.divide, [(-9, 9), (.1, 9)], 1), "div_no_nan": (tf.div_no_nan, np.divide, [(-9, 9), (.1, 9)], 1),
    "log_sigmoid": (tf.log_sigmoid, lambda x: -np.logaddexp(-x, 0), [(-30, 30)], 4),
    "truncatediv": (tf.truncatediv, lambda x, y: np.trunc(x / y), [(-9, 9), (1, 9)], 0), "truncatemod": (tf.truncatemod, np.fmod, [(-9, 9), (1, 9)], 0),
}
ONE = [name for name, case in FUNCTIONS.items() if len(case[2]) == 1]
TWO = [name for name, case in FUNCTIONS.items() if len(case[2]) == 2]
SHAPES = [(), (1,), (7,), (3, 5), (2, 1, 4), (0,), (3, 0, 2), (1000,)]
BROADCASTS = [((3, 4), (3, 4)), ((3, 4), (4,)), ((3, 4), ()), ((3, 1), (1, 4)), ((2, 1, 3), (5, 1)), ((1,), (0,)), ((0, 3), (1, 1)), ((1, 1), ())]


def draw(name, shapes, dtype, seed=0):
    rng = np.random.default_rng(seed)
    return [np.asarray(rng.uniform(*interval, size=shape)).astype(dtype) for interval, shape in zip(FUNCTIONS[name][2], shapes)]


def run(function, arrays):
    """The value, once fed with all shapes known and once with none; both are asserted to be the same, and of the static shape."""
    with tf.Graph().as_default(), tf.Session() as sess:
        known = [tf.placeholder(a.dtype, a.shape) for a in arrays]
        unknown = [tf.placeholder(a.dtype) for a in arrays]
        y, z = function(*known), function(*unknown)
        value, other = sess.run([y, z], dict(zip(known + unknown, arrays * 2)))
        assert y.get_shape().as_list() == list(np.shape(value)) and z.get_shape().is_compatible_with(np.shape(value))
        assert np.asarray(value).tobytes() == np.asarray(other).tobytes()
        assert np.asarray(value).dtype == y.dtype.as_numpy_dtype
        return np.asarray(value)


def assert_close(actual, expected, ulps, dtype):
    unit = np.spacing(np.abs(np.asarray(expected).astype(dtype))).astype("f8")
    error = np.abs(actual.astype("f8") - expected) / unit
    assert np.max(error, initial=0) <= ulps + (dtype == "float64") * 2             # the reference is as inexact there


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("name", ONE)
def test_functions_of_one_argument(name, dtype):
    function, reference, _, ulps = FUNCTIONS[name]
    for seed, shape in enumerate(SHAPES):
        arrays = draw(name, [shape], dtype, seed)
        assert_close(run(function, arrays), reference(arrays[0].astype("f8")), ulps, dtype)


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("name", TWO)
def test_functions_of_two_arguments(name, dtype):
    function, reference, _, ulps = FUNCTIONS[name]
    for seed, shapes in enumerate(BROADCASTS):
        for order in (shapes, shapes[::-1]):
            arrays = draw(name, order, dtype, seed)
            assert_close(run(function, arrays), reference(*[a.astype("f8") for a in arrays]), ulps, dtype)


SPECIAL = np.array([np.nan, np.inf, -np.inf, 0., -0., 1., -1., 2., -2.5])


@pytest.mark.parametrize("dtype", REAL)
@pytest.mark.parametrize("name", [n for n in ONE if n not in ("log_sigmoid", "digamma", "lgamma")])
def test_nan_and_infinity(name, dtype):
    with np.errstate(all="ignore"):
        expected = FUNCTIONS[name][1](SPECIAL)
    np.testing.assert_allclose(run(FUNCTIONS[name][0], [SPECIAL.astype(dtype)]), expected, rtol=3e-6 if dtype == "float32" else 1e-13)


def test_limits():
    x, zero = np.array([np.inf, -np.inf, np.nan, 0.0, 3.0]), np.zeros(5)
    np.testing.assert_array_equal(run(tf.is_inf, [x]), np.isinf(x))
    np.testing.assert_array_equal(run(tf.is_inf, [x.astype("f4")]), np.isinf(x))
    np.testing.assert_array_equal(run(tf.math.xlogy, [zero, x]), zero)
    np.testing.assert_array_equal(run(tf.math.xdivy, [zero, zero]), zero)
    np.testing.assert_array_equal(run(tf.div_no_nan, [x, zero]), zero)
    assert np.isnan(run(tf.math.xlogy, [x[2:3], np.ones(1)]))
    np.testing.assert_array_equal(run(tf.lgamma, [np.array([0.0, -1.0, np.inf, 1.0])]), [np.inf, np.inf, np.inf, 0])
    assert run(tf.log_sigmoid, [np.array([-1000.0])]) == -1000
    np.testing.assert_array_equal(run(tf.rint, [np.array([0.5, 1.5, 2.5, -0.5, -1.5])]), [0, 2, 2, -0.0, -2])


def test_polygamma_and_betainc():
    n, x = np.arange(4.0)[:, None], np.linspace(.3, 9, 7)
    np.testing.assert_allclose(run(tf.polygamma, [n, x]), special.polygamma(n.astype(int), x), rtol=1e-12)
    assert np.isnan(run(tf.polygamma, [np.array([.5, -1.0]), np.ones(2)])).all()
    a, b, x = np.random.default_rng(0).uniform(.1, 1, (3, 4, 2))
    np.testing.assert_allclose(run(tf.betainc, [a, b, x]), special.betainc(a, b, x))
    np.testing.assert_allclose(run(tf.betainc, [np.array(2.0), b, x]), special.betainc(2.0, b, x))
    np.testing.assert_allclose(run(tf.betainc, [a, b, np.array(.5)]), special.betainc(a, b, .5))
    with pytest.raises(ValueError, match="one shape, or be scalars"):
        tf.betainc(np.ones(2), np.ones(3), np.ones(2))
    p, q = tf.placeholder("float64"), tf.placeholder("float64")
    with pytest.raises(tf.errors.InvalidArgumentError, match="one shape"), tf.Session() as sess:
        sess.run(tf.betainc(p, q, 0.5), {p: np.ones(2), q: np.ones(3)})


def test_lbeta():
    x = np.random.default_rng(0).uniform(.1, 3, (2, 3, 4))
    np.testing.assert_allclose(run(tf.lbeta, [x]), special.gammaln(x).sum(-1) - special.gammaln(x.sum(-1)))
    np.testing.assert_allclose(run(tf.lbeta, [np.array([1.0, 1.0])]), 0, atol=1e-15)


# Integers: (function, reference)
INTEGERS = {
    "add": (tf.add, np.add), "subtract": (tf.subtract, np.subtract), "multiply": (tf.multiply, np.multiply), "maximum": (tf.maximum, np.maximum),
    "minimum": (tf.minimum, np.minimum), "floordiv": (tf.floordiv, np.floor_divide), "floormod": (tf.floormod, np.mod), "div": (tf.div, np.floor_divide),
    "truncatediv": (tf.truncatediv, lambda x, y: np.trunc(x / y)), "truncatemod": (tf.truncatemod, np.fmod),
    "squared_difference": (tf.squared_difference, lambda x, y: (x - y) ** 2), "less": (tf.less, np.less), "less_equal": (tf.less_equal, np.less_equal),
    "greater": (tf.greater, np.greater), "greater_equal": (tf.greater_equal, np.greater_equal), "equal": (tf.equal, np.equal),
    "not_equal": (tf.not_equal, np.not_equal), "add_n": (lambda x, y: tf.add_n([x, y, x]), lambda x, y: x + y + x), "where": (lambda x, y: tf.where(tf.less(x, y), x, y), np.minimum),
}
INTEGERS_OF_ONE = {"negative": (tf.negative, np.negative), "abs": (tf.abs, np.abs), "sign": (tf.sign, np.sign), "square": (tf.square, np.square),
                   "zeros_like": (tf.zeros_like, np.zeros_like), "ones_like": (tf.ones_like, np.ones_like), "round": (tf.round, np.rint)}


@pytest.mark.parametrize("dtype", SMALL + ("int32", "int64"))
@pytest.mark.parametrize("name", list(INTEGERS) + list(INTEGERS_OF_ONE))
def test_integers(name, dtype):
    """The whole range: results wrap."""
    info, rng = np.iinfo(dtype), np.random.default_rng(0)
    low, high = max(info.min, -2**31), min(info.max, 2**31 - 1)
    function, reference = {**INTEGERS, **INTEGERS_OF_ONE}[name]
    for shapes in BROADCASTS:
        x, y = (rng.integers(low, high, size=shape, endpoint=True).astype(dtype) for shape in shapes)
        if name in INTEGERS_OF_ONE:
            expected, arrays = reference(x.astype("i8")), [x]
        else:
            y = np.where(y == 0, 3, y).astype(dtype)
            expected, arrays = reference(x.astype("i8"), y.astype("i8")), [x, y]
        if name not in ("add_n", "where") or shapes[0] == shapes[1]:
            actual = run(function, arrays)
            np.testing.assert_array_equal(actual, np.asarray(expected).astype("i8").astype(actual.dtype))


def test_division_of_negative_integers():
    """div and floordiv round down, truncatediv towards zero; the remainders follow."""
    x, y = np.array([7, -7, 7, -7], "i4"), np.array([2, 2, -2, -2], "i4")
    assert run(tf.div, [x, y]).tolist() == run(tf.floordiv, [x, y]).tolist() == run(tf.floor_div, [x, y]).tolist() == [3, -4, -4, 3]
    assert run(tf.mod, [x, y]).tolist() == run(tf.floormod, [x, y]).tolist() == [1, 1, -1, -1]
    assert run(tf.truncatediv, [x, y]).tolist() == [3, -3, -3, 3] and run(tf.truncatemod, [x, y]).tolist() == [1, -1, 1, -1]
    assert run(tf.truediv, [x, y]).tolist() == [3.5, -3.5, -3.5, 3.5] and run(tf.truediv, [x, y]).dtype == np.float64
    assert run(tf.truediv, [x.astype("i1"), y.astype("i1")]).dtype == np.float32
    assert run(tf.div, [x.astype("f4"), y.astype("f4")]).tolist() == [3.5, -3.5, -3.5, 3.5]
    for dtype in ("i1", "i2", "i4", "i8"):
        low = np.array([np.iinfo(dtype).min], dtype)
        for function in (tf.floordiv, tf.truncatediv):
            assert run(function, [low, np.array([-1], dtype)]) == low                                      # wraps
        for function in (tf.floormod, tf.truncatemod):
            assert run(function, [low, np.array([-1], dtype)]) == 0


@pytest.mark.parametrize("function", [tf.floordiv, tf.floormod, tf.truncatediv, tf.truncatemod])
@pytest.mark.parametrize("dtype", SMALL + ("int32", "int64"))
def test_division_by_zero(function, dtype):
    with pytest.raises(tf.errors.InvalidArgumentError, match="Integer division by zero"), tf.Session() as sess:
        sess.run(function(tf.constant([1, 2], dtype), tf.placeholder_with_default(np.array([1, 0], dtype), [2])))


@pytest.mark.parametrize("target", NUMBER + ("bool",))
@pytest.mark.parametrize("source", NUMBER + ("bool",))
def test_cast(source, target):
    x = np.array([0, 1, 2, 3, 100, 0, 7, 127] * 9).astype(source)
    np.testing.assert_array_equal(run(lambda x: tf.cast(x, target), [x]), x.astype(target))
    if source in ("int32", "int64", "int16") and target in SMALL:
        x = np.arange(-1000, 1000).astype(source)
        np.testing.assert_array_equal(run(lambda x: tf.cast(x, target), [x]), x.astype(target))


REDUCTIONS = {"sum": np.sum, "prod": np.prod, "max": np.max, "min": np.min}
AXES = [((3, 4), None), ((3, 4), [0]), ((3, 4), [-1]), ((2, 3, 4), [0, 2]), ((3, 1), [1]), ((), None), ((3, 4), []), ((3, 0), [0])]


@pytest.mark.parametrize("dtype", NUMBER)
@pytest.mark.parametrize("name", REDUCTIONS)
def test_reductions(name, dtype):
    rng = np.random.default_rng(0)
    for shape, axis in AXES:
        x = np.asarray(rng.integers(0 if dtype == "uint8" else -9, 9, size=shape)).astype(dtype)
        for keep in (False, True):
            expected = REDUCTIONS[name](x, axis=None if axis is None else tuple(axis), keepdims=keep)
            np.testing.assert_array_equal(run(lambda t: getattr(tf, f"reduce_{name}")(t, axis, keepdims=keep), [x]), np.asarray(expected).astype(dtype))


@pytest.mark.parametrize("dtype", NUMBER)
def test_mean_and_places(dtype):
    x = np.random.default_rng(0).integers(0, 120, (3, 50)).astype(dtype)
    for axis in (0, 1):
        mean = x.astype("f8").mean(axis)
        np.testing.assert_allclose(run(lambda t: tf.reduce_mean(t, axis), [x]), mean if dtype in REAL else np.trunc(mean), rtol=1e-6)
        for y in (x, -x) if dtype != "uint8" else (x,):
            np.testing.assert_array_equal(run(lambda t: tf.argmax(t, axis), [y]), y.argmax(axis))
            np.testing.assert_array_equal(run(lambda t: tf.argmin(t, axis), [y]), y.argmin(axis))
        assert run(lambda t: tf.argmin(t, axis, output_type=tf.int32), [x]).dtype == np.int32
    if dtype not in REAL:
        info = np.iinfo(dtype)
        ends = np.array([info.min, 5, info.max], dtype)
        assert run(tf.argmin, [ends]) == 0 and run(tf.argmax, [ends]) == 2
    assert run(lambda t: tf.argmin(t, 0), [np.zeros((3, 0), dtype)]).shape == (0,)
    with pytest.raises(tf.errors.InvalidArgumentError, match="is empty"):
        run(lambda t: tf.argmin(t, 0), [np.zeros((0, 3), dtype)])


def test_sums_of_lists_and_scalar_products():
    x, y = np.ones((2, 3)), np.full((2, 3), 2.0)
    np.testing.assert_array_equal(run(lambda *v: tf.accumulate_n(v), [x, y, y]), x * 5)
    a, b = tf.placeholder("float32"), tf.placeholder("float32")
    assert tf.accumulate_n([a, b], shape=[2, 3]).get_shape() == [2, 3]
    with pytest.raises(ValueError, match="same dtype"):
        tf.accumulate_n([tf.constant(1.0), tf.constant(1)])
    with pytest.raises(TypeError, match="tensor_dtype"):
        tf.accumulate_n([tf.constant(1.0)], tensor_dtype=tf.int32)
    with pytest.raises(ValueError, match="not compatible"):
        tf.accumulate_n([tf.zeros([2]), tf.zeros([2])], shape=[3])
    np.testing.assert_array_equal(run(lambda v: tf.scalar_mul(3, v), [x]), x * 3)
    slices = tf.scalar_mul(2.0, tf.IndexedSlices(tf.ones([2, 3]), tf.constant([0, 1])))
    assert isinstance(slices, tf.IndexedSlices)
    with pytest.raises(ValueError, match="Only scalar"):
        tf.scalar_mul([1.0, 2.0], tf.ones([2]))


def test_dtypes_that_are_refused():
    for function in (tf.sin, tf.erf, tf.rint, tf.is_inf):
        with pytest.raises(TypeError, match="not in the list of allowed values"):
            function(tf.constant([1, 2]))
    i = tf.constant([1, 2])
    assert tf.round(i) is i
    assert op_def("Atan2").inputs[0].name == "y"
