"""Feeds: any tensor, any array that NumPy can make of the value, and clear errors for the rest."""
import collections

import numpy as np
import pytest

import minitf as tf

from .graphs import probe


@pytest.fixture
def sess(graph):
    with tf.Session() as sess:
        yield sess


def each(sess, tensor, placeholder, values):
    return [sess.run(tensor, {placeholder: v}) for v in values]


# ---- what arrays may look like ----------------------------------------------------------------------------------------------

LAYOUTS = {
    "contiguous": lambda a: a,
    "Fortran order": np.asfortranarray,
    "transposed twice": lambda a: np.ascontiguousarray(a.T).T,
    "every other column": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "backwards": lambda a: np.ascontiguousarray(a[::-1, ::-1])[::-1, ::-1],
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "big-endian, Fortran order": lambda a: np.asfortranarray(a.astype(a.dtype.newbyteorder(">"))),
    "read-only": lambda a: _frozen(a.copy()),
    "misaligned": lambda a: _misaligned(a),
    "not on a cache line": lambda a: _shifted(a),
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
    "a subclass": lambda a: a.view(_Subclass),
    "a list": lambda a: a.tolist(),
    "a list of arrays": list,
    "a tuple of lists": lambda a: tuple(map(list, a.tolist())),
}


class _Subclass(np.ndarray):
    pass


def _frozen(a):
    a.flags.writeable = False
    return a


def _misaligned(a):
    raw = np.zeros(a.nbytes + 1, np.uint8)
    b = raw[1:].view(a.dtype).reshape(a.shape)
    b[...] = a
    return b


def _shifted(a):
    raw = np.zeros(a.size + 3, a.dtype)
    b = raw[3:].reshape(a.shape)
    b[...] = a
    return b


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "bool"])
@pytest.mark.parametrize("optimised", [True, False])
def test_layouts(graph, layout, dtype, optimised):
    config = tf.ConfigProto()
    config.graph_options.optimizer_options.opt_level = tf.OptimizerOptions.L1 if optimised else tf.OptimizerOptions.L0
    x = tf.placeholder(dtype, [None, 5])
    a = (np.arange(35).reshape(7, 5) % (2 if dtype == "bool" else 99)).astype(dtype)
    fed = LAYOUTS[layout](a)
    want = np.array(fed, dtype)
    fetches = [x, tf.transpose(x), tf.identity(x)] + ([tf.logical_not(x)] if dtype == "bool" else [x + x])
    with tf.Session(config=config) as sess:
        for _ in range(2):
            got = sess.run(fetches, {x: fed})
            for g, w in zip(got, (want, want.T, want, ~want if dtype == "bool" else want + want)):
                assert g.dtype == dtype and type(g) is np.ndarray
                np.testing.assert_array_equal(g, w)


def test_other_dtypes_are_cast_where_that_says_what_was_meant(sess):
    f, i, d = tf.placeholder(tf.float32), tf.placeholder(tf.int32), tf.placeholder(tf.float64)
    np.testing.assert_array_equal(sess.run(f * 1.0, {f: np.array([0.1, 2.5])}), np.array([0.1, 2.5], np.float32))     # float64
    assert sess.run(f, {f: 3}) == 3.0 and sess.run(f, {f: np.int64(3)}) == 3.0 and sess.run(f, {f: np.float64(0.1)}) == np.float32(0.1)
    assert sess.run(i, {i: 7}) == 7 and sess.run(i, {i: np.int64(7)}).dtype == np.int32 and sess.run(i, {i: [1, 2]}).dtype == np.int32
    assert sess.run(d, {d: 0.1}) == 0.1 and sess.run(d, {d: np.float32(0.1)}) == np.float64(np.float32(0.1))
    assert sess.run(f, {f: np.float16(0.5)}) == 0.5 and sess.run(i, {i: np.uint8(200)}) == 200


def test_scalars_of_every_kind(sess):
    x = tf.placeholder(tf.float32, [])
    y = x * 2.0
    for value in (3, 3.0, np.float32(3), np.float64(3), np.array(3.0), np.array(3, np.float32), np.array(3, ">f4"), np.int8(3)):
        got = sess.run(y, {x: value})
        assert type(got) is np.float32 and got == 6
        assert sess.run(tf.shape(x), {x: value}).shape == (0,)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0), (2, 0, 3), (0, 0)])
def test_empty_arrays(sess, shape):
    x = tf.placeholder(tf.float32, [None] * len(shape))
    for value in (np.zeros(shape, np.float32), np.zeros(shape), np.zeros(shape, int), np.zeros(shape[::-1], np.float32).T):
        got = sess.run([x, x + 1.0, tf.transpose(x), tf.reshape(x, [-1, 1]) if shape == (0,) else tf.shape(x)], {x: value})
        assert got[0].shape == got[1].shape == shape and got[2].shape == shape[::-1] and got[0].dtype == np.float32
    if shape == (0,):
        assert sess.run(x, {x: []}).shape == (0,)


def test_shapes_may_change_from_run_to_run(sess):
    x = tf.placeholder(tf.float32)
    y = tf.reshape(x * 2.0, [-1])
    for shape in [(), (3,), (2, 2), (3,), (0, 4), (1, 1, 1, 1, 1, 1, 1, 1), ()]:
        got = sess.run(y, {x: np.ones(shape)})
        assert got.shape == (int(np.prod(shape)),) and np.all(got == 2)


def test_a_dict_of_another_class_and_another_order(sess):
    x, y = tf.placeholder(tf.float32, name="x"), tf.placeholder(tf.float32, name="y")
    z = x - y
    pairs = [(x, 5.0), (y, 3.0)]
    for _ in range(2):
        assert sess.run(z, dict(pairs)) == sess.run(z, dict(pairs[::-1])) == 2
        assert sess.run(z, collections.OrderedDict(pairs)) == 2 and sess.run(z, collections.defaultdict(float, pairs)) == 2
        assert sess.run(z, {"x:0": 5.0, y: 3.0}) == 2 and sess.run(z, {"y:0": 3.0, "x:0": 5.0}) == 2
    with pytest.raises(ValueError, match="fed twice"):
        sess.run(z, {"x:0": 5.0, x: 4.0, y: 3.0})


# ---- which tensors ----------------------------------------------------------------------------------------------------------


def test_any_tensor_may_be_fed_and_what_made_it_does_not_run(sess):
    ran = []
    a = probe(tf.constant([1.0, 2.0]), lambda x: ran.append("a"))
    b = a * 3.0
    c = tf.reshape(b, [2, 1])
    for fed, value, want in ((a, [0, 1], [[0], [3]]), (b, [4, 5], [[4], [5]]), (c, [[7], [8]], [[7], [8]]),
                             (a.op.inputs[0], [1, 1], [[3], [3]])):
        ran.clear()
        np.testing.assert_array_equal(sess.run(c, {fed: value}), want)
        assert ran == (["a"] if fed is a.op.inputs[0] else [])
    np.testing.assert_array_equal(sess.run(c), [[3], [6]])


def test_constants_and_shapes_may_be_fed(sess):
    """What is fed may not be taken for the constant it replaces: not by folding, not by the shape functions."""
    one = tf.constant(1.0)
    assert sess.run((one + 1.0) * 2.0, {one: 5.0}) == 12
    n = tf.constant([2, 3])
    x = tf.placeholder(tf.float32, [None])
    y = tf.reshape(x, n)
    assert sess.run(y, {x: np.ones(6)}).shape == (2, 3)
    np.testing.assert_array_equal(sess.run(tf.fill(n, 7.0) + 0.0, {n: [2, 3]}), np.full((2, 3), 7))


def test_one_output_of_several(sess):
    first, second = tf.unstack(tf.constant([1.0, 2.0]))
    both = first * 10.0 + second
    assert sess.run(both) == 12 and sess.run(both, {first: 5.0}) == 52 and sess.run(both, {second: 5.0}) == 15
    assert sess.run(both, {first: 5.0, second: 6.0}) == 56


@pytest.mark.parametrize("what", ["variable", "read"])
def test_a_variable_may_be_fed(sess, what):
    v = tf.Variable([1.0, 2.0])
    fed = v if what == "variable" else v.value()
    if what == "variable":
        np.testing.assert_array_equal(sess.run(v, {v: [5, 6]}), [5, 6])
    np.testing.assert_array_equal(sess.run(v + 1.0, {fed: [5, 6]}), [6, 7])          # and need not be initialised
    sess.run(v.initializer)
    np.testing.assert_array_equal(sess.run(v + 1.0), [2, 3])
    np.testing.assert_array_equal(sess.run(v + 1.0, {fed: [0, 0]}), [1, 1])
    np.testing.assert_array_equal(sess.run(v), [1, 2])


def test_placeholder_with_default(sess):
    x = tf.placeholder_with_default([1.0, 2.0], [None])
    y = x * 2.0
    np.testing.assert_array_equal(sess.run(y), [2, 4])
    np.testing.assert_array_equal(sess.run(y, {x: [1, 2, 3]}), [2, 4, 6])


def test_a_feed_that_nobody_needs(sess):
    x, y = tf.placeholder(tf.float32), tf.constant(1.0)
    assert sess.run(y, {x: [1, 2]}) == 1 and sess.run(y + 1.0, {x: np.zeros((3, 3))}) == 2


# ---- errors -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype, shape, value, kind, text", [
    ("float32", [2], np.ones(3, np.float32), ValueError, "Cannot feed value of shape (3,) for Tensor 'x:0', which has shape '(2,)'"),
    ("float32", [None, 2], np.ones(2, np.float32), ValueError, "Cannot feed value of shape (2,) for Tensor 'x:0', which has shape '(?, 2)'"),
    ("float32", [], [1.0], ValueError, "Cannot feed value of shape (1,) for Tensor 'x:0', which has shape '()'"),
    ("float32", None, [[1, 2], [3]], ValueError, "rows have different lengths"),
    ("float32", None, "text", TypeError, "not compatible with Tensor type float32 of 'x:0'"),
    ("float32", None, None, TypeError, "not compatible with Tensor type float32"),
    ("float32", None, 1j, TypeError, "not compatible with Tensor type float32"),
    ("float32", None, object(), TypeError, "not compatible with Tensor type float32"),
    ("int32", None, 1.5, TypeError, "not compatible with Tensor type int32"),
    ("int32", None, [1, 2 ** 40], TypeError, "not compatible with Tensor type int32 of 'x:0': it does not fit"),
    ("int64", None, 2 ** 70, TypeError, "not compatible with Tensor type int64"),
    ("bool", None, [0, 1], TypeError, "not compatible with Tensor type bool"),
    ("float32", None, np.ones([1] * 9), tf.errors.InvalidArgumentError, "a tensor has at most 8 dimensions"),
])
def test_values_that_can_not_be_fed(sess, dtype, shape, value, kind, text):
    x = tf.placeholder(dtype, shape, name="x")
    y = tf.identity(x)
    good = np.zeros([d or 1 for d in shape or []], dtype)
    for _ in range(2):                                          # also once there is a plan
        with pytest.raises(kind) as e:
            sess.run(y, {x: value})
        assert text in str(e.value)
        assert sess.run(y, {x: good}).shape == good.shape


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_truth_values_are_numbers(sess, dtype):
    x = tf.placeholder(dtype, [None])
    for value in ([True, False], np.array([True, False])):
        assert sess.run(x + x, {x: value}).tolist() == [2, 0]


def test_a_tensor_is_no_value(sess):
    x = tf.placeholder(tf.float32)
    with pytest.raises(TypeError, match="The value of a feed cannot be a tf.Tensor object"):
        sess.run(x, {x: tf.constant(1.0)})


def test_keys_that_are_no_tensors(sess):
    x = tf.placeholder(tf.float32, name="x")
    for key in (3, "y:0", "x", x.op, None):
        with pytest.raises(TypeError, match="Cannot interpret feed_dict key as Tensor"):
            sess.run(x, {key: 1.0})


def test_an_unfed_placeholder_matters_only_where_it_is_reached(sess):
    x, y = tf.placeholder(tf.float32, [None, 2], name="x"), tf.placeholder(tf.float32, name="y")
    z = y * 2.0
    assert sess.run(z, {y: 1.0}) == 2 and sess.run(x * z, {x: [[1, 2]], z: 5.0}).tolist() == [[5, 10]]
    for fetch in (x, x + z, (x * 2.0).op):
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"You must feed a value for placeholder tensor 'x' with dtype float32 and shape \[\?,2\]") as e:
            sess.run(fetch, {y: 1.0})
        assert e.value.op is x.op
