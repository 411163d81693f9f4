"""Static shapes against NumPy's: fully known shapes give NumPy's result, and partly known ones never contradict it."""
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import minitf as tf

SIZES = st.integers(0, 4)
SHAPES = st.lists(SIZES, max_size=4)
FAST = settings(max_examples=60, deadline=None)


def dims(tensor):
    shape = tensor.get_shape()
    return None if shape.ndims is None else shape.as_list()


def forget(data, shape):
    """The shape with some dimensions, or all that is known of it, hidden."""
    how = data.draw(st.sampled_from(["known", "partial", "unknown"]))
    if how == "unknown":
        return None
    return [d if how == "known" or data.draw(st.booleans()) else None for d in shape]


def check(data, build, compute, *shapes, dtype="float32"):
    """build(placeholders) has the shape of compute(arrays) if all is known, and a compatible one otherwise."""
    expected = compute(*[np.zeros(s, dtype) for s in shapes]).shape
    with tf.Graph().as_default():
        known = build(*[tf.placeholder(dtype, s) for s in shapes])
        assert dims(known) == list(expected)
        partial = build(*[tf.placeholder(dtype, forget(data, s)) for s in shapes])
        assert partial.get_shape().is_compatible_with(expected), (partial.get_shape(), expected)


@FAST
@given(st.data(), SHAPES, SHAPES)
def test_broadcast(data, a, b):
    try:
        np.broadcast_shapes(tuple(a), tuple(b))
    except ValueError:
        with tf.Graph().as_default(), pytest.raises(ValueError, match="Incompatible shapes for broadcasting"):
            tf.placeholder("float32", a) + tf.placeholder("float32", b)
    else:
        for op in (tf.add, tf.maximum, tf.squared_difference, tf.less):
            check(data, op, np.add, a, b)


@FAST
@given(st.data(), SIZES, SIZES, SIZES, st.booleans(), st.booleans())
def test_matmul(data, m, k, n, transpose_a, transpose_b):
    check(data, lambda a, b: tf.matmul(a, b, transpose_a, transpose_b), lambda a, b: (a.T if transpose_a else a) @ (b.T if transpose_b else b),
          (k, m) if transpose_a else (m, k), (n, k) if transpose_b else (k, n))


@FAST
@given(st.data(), SHAPES, st.booleans())
def test_reductions(data, shape, keep):
    axes = data.draw(st.lists(st.integers(-len(shape), len(shape) - 1), unique_by=lambda a: a % len(shape))) if shape else []
    for op in (tf.reduce_sum, tf.reduce_mean, tf.reduce_max, tf.reduce_prod):
        check(data, lambda x: op(x, axes, keepdims=keep), lambda x: np.sum(x, axis=tuple(axes), keepdims=keep), shape)
    check(data, lambda x: tf.reduce_all(x, keepdims=keep), lambda x: np.all(x, keepdims=keep), shape, dtype="bool")


def test_reduction_over_unknown_axes():
    axes = tf.placeholder("int32", [None])
    x = tf.placeholder("float32", [2, 3])
    assert dims(tf.reduce_sum(x, axes)) is None
    assert dims(tf.reduce_sum(x, axes, keepdims=True)) == [None, None]


@FAST
@given(st.data(), SHAPES)
def test_transpose(data, shape):
    perm = data.draw(st.permutations(range(len(shape))))
    check(data, lambda x: tf.transpose(x, list(perm)), lambda x: np.transpose(x, perm), shape)
    check(data, tf.transpose, np.transpose, shape)


@FAST
@given(st.data(), st.lists(st.integers(1, 4), max_size=4))
def test_reshape(data, shape):
    target = data.draw(st.permutations(shape))
    if target and data.draw(st.booleans()):
        target[data.draw(st.integers(0, len(target) - 1))] = -1
    check(data, lambda x: tf.reshape(x, target), lambda x: x.reshape(target), shape)


@FAST
@given(st.data(), SHAPES.filter(bool))
def test_concat_stack_unstack(data, shape):
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    other = list(shape)
    other[axis] = data.draw(SIZES)
    check(data, lambda x, y: tf.concat([x, y], axis), lambda x, y: np.concatenate([x, y], axis), shape, other)
    at = data.draw(st.integers(-len(shape) - 1, len(shape)))
    check(data, lambda x, y: tf.stack([x, y], at), lambda x, y: np.stack([x, y], at), shape, shape)
    assume(shape[axis])
    check(data, lambda x: tf.unstack(x, shape[axis], axis)[0], lambda x: np.take(x, 0, axis), shape)


@FAST
@given(st.data(), SHAPES)
def test_slice(data, shape):
    begin = [data.draw(st.integers(0, d)) for d in shape]
    size = [data.draw(st.integers(-1, d - b)) for b, d in zip(begin, shape)]
    cut = tuple(slice(b, None if s == -1 else b + s) for b, s in zip(begin, size))
    check(data, lambda x: tf.slice(x, np.array(begin, np.int32), np.array(size, np.int32)), lambda x: x[cut], shape)


@FAST
@given(st.data(), SHAPES)
def test_tile_pad_expand_squeeze(data, shape):
    times = [data.draw(SIZES) for _ in shape]
    check(data, lambda x: tf.tile(x, np.array(times, np.int32)), lambda x: np.tile(x, times), shape)
    paddings = [(data.draw(SIZES), data.draw(SIZES)) for _ in shape]
    check(data, lambda x: tf.pad(x, np.array(paddings, np.int32).reshape(-1, 2)), lambda x: np.pad(x, paddings) if shape else x, shape)
    at = data.draw(st.integers(-len(shape) - 1, len(shape)))
    check(data, lambda x: tf.expand_dims(x, at), lambda x: np.expand_dims(x, at), shape)
    ones = [i for i, d in enumerate(shape) if d == 1]
    check(data, tf.squeeze, np.squeeze, shape)
    check(data, lambda x: tf.squeeze(x, ones), lambda x: np.squeeze(x, tuple(ones)) if ones else np.squeeze(x), shape)


@FAST
@given(st.data(), SHAPES, st.lists(st.integers(1, 3), min_size=1, max_size=3))
def test_gather_one_hot_segment_sum(data, ids, rows):
    with tf.Graph().as_default():
        indices, params = tf.placeholder("int32", ids), tf.placeholder("float32", rows)
        assert dims(tf.gather(params, indices)) == ids + rows[1:]
        assert dims(tf.one_hot(indices, 5, axis=0)) == [5] + ids
        assert dims(tf.unsorted_segment_sum(tf.placeholder("float32", ids + rows), indices, 7)) == [7] + rows
        axis = data.draw(st.integers(-len(rows), len(rows) - 1))
        expected = np.take(np.zeros(rows), np.zeros(ids, int), axis).shape
        assert dims(tf.gather(params, indices, axis=axis)) == list(expected)


KEYS = [0, -1, slice(None), slice(1, None), slice(None, -1), slice(-2, 5), slice(3, 1), Ellipsis, None]


@settings(max_examples=200, deadline=None)
@given(st.data(), st.lists(st.integers(1, 4), min_size=1, max_size=3), st.lists(st.sampled_from(KEYS), min_size=1, max_size=5))
def test_getitem(data, shape, key):
    assume(key.count(Ellipsis) <= 1 and sum(k is not None and k is not Ellipsis for k in key) <= len(shape))
    key = tuple(key)
    expected = np.zeros(shape)[key].shape
    with tf.Graph().as_default():
        assert dims(tf.placeholder("float32", shape)[key]) == list(expected)
        partial = tf.placeholder("float32", [d if data.draw(st.booleans()) else None for d in shape])[key]
        assert partial.get_shape().is_compatible_with(expected)


@pytest.mark.parametrize("start, limit, delta", [(0, 5, 1), (3, 18, 3), (3, 1, -1), (0, 0, 1), (0, 7, 3), (3, -8, -3), (0.0, 1.0, 0.3), (5.0, 1.0, -1.5)])
def test_range(start, limit, delta):
    assert dims(tf.range(start, limit, delta)) == [len(np.arange(start, limit, delta))]


def test_range_of_unknown_limit():
    assert dims(tf.range(tf.placeholder("int32", []))) == [None]
    with pytest.raises(ValueError, match="delta != 0"):
        tf.range(0, 3, 0)
    with pytest.raises(ValueError, match="start <= limit"):
        tf.range(3, 0)


def test_where_unique_select():
    condition = tf.placeholder("bool", [2, None])
    assert dims(tf.where(condition)) == [None, 2]
    assert dims(tf.where(tf.placeholder("bool"))) == [None, None]
    x, y = tf.placeholder("float32", [2, None]), tf.placeholder("float32", [None, 3])
    assert dims(tf.where(condition, x, y)) == [2, 3]
    assert dims(tf.where(tf.placeholder("bool", [5]), y, y)) == [5, 3]
    values, index = tf.unique(tf.placeholder("int32", [7]))
    assert dims(values) == [None] and dims(index) == [7]


@pytest.mark.parametrize("build, message", [
    (lambda: tf.matmul(tf.zeros([2, 3]), tf.zeros([4, 5])), r"Dimensions must be equal, but are 3 and 4 for a: \[2,3\], b: \[4,5\]"),
    (lambda: tf.matmul(tf.zeros([2]), tf.zeros([2, 5])), r"Shape must be rank 2 but is rank 1 for a: \[2\]"),
    (lambda: tf.reduce_sum(tf.zeros([2, 3]), 2), "Invalid reduction dimension 2 for input with 2 dimensions"),
    (lambda: tf.reshape(tf.zeros([2, 3]), [4]), r"Cannot reshape a tensor with 6 elements to shape \[4\] \(4 elements\)"),
    (lambda: tf.reshape(tf.zeros([2, 3]), [-1, 4]), r"Cannot reshape a tensor with 6 elements to shape \[\?,4\]"),
    (lambda: tf.concat([tf.zeros([2, 3]), tf.zeros([2, 4])], 0), "Dimensions must be equal, but are 3 and 4"),
    (lambda: tf.concat([tf.zeros([2, 3]), tf.zeros([2])], 0), "Shapes must be equal rank, but are"),
    (lambda: tf.concat([tf.zeros([2, 3])] * 2, 2), r"axis 2 must be in the range \[-2, 2\)"),
    (lambda: tf.stack([tf.zeros([2]), tf.zeros([3])]), "Dimensions must be equal, but are 2 and 3"),
    (lambda: tf.transpose(tf.zeros([2, 3]), [0, 0]), "permutation"),
    (lambda: tf.squeeze(tf.zeros([2, 3]), [1]), r"Can not squeeze dim\[1\], expected a dimension of 1, got 3"),
    (lambda: tf.expand_dims(tf.zeros([2]), 3), "dim 3 must be in the range"),
    (lambda: tf.slice(tf.zeros([2, 3]), [0, 1], [2, 3]), "does not fit dimension 1"),
    (lambda: tf.zeros([2, 3])[2], "slice index 2 of dimension 0 out of bounds"),
    (lambda: tf.zeros([2, 3])[0, 0, 0], "Too many indices"),
    (lambda: tf.split(tf.zeros([2, 3]), 2, 1), "evenly divisible by 2 but is 3"),
    (lambda: tf.unstack(tf.placeholder("float32")), "Cannot infer num"),
    (lambda: tf.add_n([tf.zeros([2]), tf.zeros([3])]), "Dimensions must be equal, but are 2 and 3"),
    (lambda: tf.nn.bias_add(tf.zeros([2, 3]), tf.zeros([2])), "Dimensions must be equal, but are 3 and 2"),
    (lambda: tf.nn.in_top_k(tf.zeros([2, 3]), tf.zeros([3], tf.int32), 1), "Dimensions must be equal, but are 2 and 3"),
    (lambda: tf.broadcast_to(tf.zeros([2, 3]), [2, 4]), "must be equal or 1, but are 3 and 4"),
    (lambda: tf.boolean_mask(tf.zeros([2, 3]), [True, False, True]), "not compatible"),
])
def test_errors(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_error_names_the_op_and_leaves_no_node(names):
    a, b = tf.placeholder("float32", [2, 3]), tf.placeholder("float32", [4, 5])
    with pytest.raises(ValueError, match=r"for 'product' \(op: 'MatMul'\)"):
        tf.matmul(a, b, name="product")
    assert names() == ["Placeholder", "Placeholder_1"]


def test_partial_values_reach_reshape_and_fill():
    x = tf.placeholder("float32", [None, 784])
    n = tf.shape(x)[0]
    assert dims(tf.reshape(x, tf.stack([n, 28, 28]))) == [None, 28, 28]
    assert dims(tf.reshape(x, [n, 28, -1])) == [None, 28, None]
    assert dims(tf.zeros([n, 10])) == [None, 10]
    assert dims(tf.fill(tf.shape(x), 1.0)) == [None, 784]
    assert dims(tf.random_uniform(tf.shape(x))) == [None, 784]
    assert dims(tf.zeros_like(x)) == [None, 784]


def test_known_shape_arithmetic_counts_as_known():
    x = tf.placeholder("float32", [4, 6])
    rows, columns = tf.unstack(tf.shape(x))
    run_time = tf.placeholder("float32", [4, 6])
    size = tf.reduce_prod(tf.shape(run_time))
    assert dims(tf.reshape(x, [size // 3, 3])) == [8, 3]
    assert dims(tf.range(tf.shape(run_time)[1] * 2 + 1)) == [13]


def test_long_chains_of_shape_arithmetic_are_cheap():
    n = tf.constant(1)
    for _ in range(200):
        n = n + n                          # doubling questions at every step back would never end
    assert dims(tf.range(n)) in ([None], [1])
    m = tf.constant(0)
    for _ in range(3000):
        m = m + 1
    assert tf.range(m).get_shape().ndims == 1


@pytest.mark.parametrize("s0, s1", [([2, 3], [3]), ([2, 1], [1, 3]), ([], [2]), ([1], [1]), ([1, 1], [1]), ([5, 1, 2], [1, 2])])
def test_broadcast_gradient_args(s0, s1):
    from minitf.graph import constant_value
    from minitf.ops.apply import apply_op
    r0, r1 = apply_op("BroadcastGradientArgs", np.array(s0, np.int32), np.array(s1, np.int32))
    out = np.broadcast_shapes(tuple(s0), tuple(s1))
    for r, s in ((r0, s0), (r1, s1)):
        axes = constant_value(r)
        assert dims(r) == [len(axes)]
        reduced = np.ones(out).sum(tuple(axes), keepdims=False)
        assert reduced.size == np.prod(s, dtype=int) and reduced.reshape(s).shape == tuple(s)


def test_losses():
    logits, labels = tf.placeholder("float32", [None, 10]), tf.placeholder("float32", [32, None])
    assert dims(tf.nn.softmax_cross_entropy_with_logits(labels=labels, logits=logits)) == [32]
    sparse = tf.nn.sparse_softmax_cross_entropy_with_logits
    assert dims(sparse(labels=tf.placeholder("int64", [7]), logits=logits)) == [7]
    assert dims(sparse(labels=tf.placeholder("int32", [None, 5]), logits=tf.placeholder("float32", [3, None, 10]))) == [3, 5]
    assert dims(tf.nn.sigmoid_cross_entropy_with_logits(labels=logits, logits=logits)) == [None, 10]
    with pytest.raises(ValueError, match="Rank mismatch"):
        sparse(labels=tf.placeholder("int64", [7, 1]), logits=logits)
    with pytest.raises(ValueError, match="named arguments"):
        tf.nn.softmax_cross_entropy_with_logits(labels, logits)


def test_nn_helpers():
    x = tf.placeholder("float32", [None, 8, 3])
    mean, variance = tf.nn.moments(x, [0, 1])
    assert dims(mean) == dims(variance) == [3]
    assert dims(tf.nn.moments(x, [0], keep_dims=True)[0]) == [1, 8, 3]
    assert dims(tf.nn.dropout(x, 0.5)) == [None, 8, 3]
    assert tf.nn.dropout(x, 1.0) is x
    assert dims(tf.nn.softmax(x, 1)) == [None, 8, 3]
    assert dims(tf.nn.l2_normalize(x, 2)) == [None, 8, 3]
    assert dims(tf.nn.zero_fraction(x)) == [] and dims(tf.nn.l2_loss(x)) == []
    assert dims(tf.nn.relu_layer(tf.zeros([2, 3]), tf.zeros([3, 4]), tf.zeros([4]))) == [2, 4]
    assert dims(tf.argmax(x, 1)) == [None, 3] and tf.argmax(x, 1).dtype is tf.int64 and tf.argmin(x, 1, output_type=tf.int32).dtype is tf.int32
    with pytest.raises(ValueError, match="keep_prob"):
        tf.nn.dropout(x, 0.0)


def test_slice_that_begins_at_a_tensor_keeps_the_known_sizes():
    x, i = tf.placeholder("float32", [5, 7]), tf.placeholder("int32", [])
    assert dims(x[i]) == [7] and dims(x[:, i]) == [5] and dims(x[i:, 2]) == [None]
    assert dims(tf.placeholder("float32", [None, 7])[:, i]) == [None]
    assert dims(tf.placeholder("float32")[0, 1:3]) is None
