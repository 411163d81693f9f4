"""Rules of the ops that cut, turn, scatter and sort: first and second derivatives, with shapes known and unknown."""
import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

import minitf as tf
from minitf.autodiff import check_gradient

CASES = [
    ("steps", lambda x: x[::-2, 1:], (4, 3), True),
    ("steps and new axes", lambda x: x[..., None, ::-1], (4, 3), True),
    ("an index and a step", lambda x: x[1, ::2], (2, 5), True),
    ("nothing", lambda x: x[3:1], (4, 2), True),
    ("strided_slice", lambda x: tf.strided_slice(x, [-1, 0], [0, 2], [-2, 1], end_mask=1), (4, 3), True),
    ("strided_slice with every mask", lambda x: tf.strided_slice(x, [0, 7, 0, 1, 9], [9, 0, 0, 2, 0], [2, 1, 1, 1, -1], begin_mask=17, end_mask=17,
                                                                 ellipsis_mask=2, new_axis_mask=4, shrink_axis_mask=8), (4, 2, 3, 3), True),
    ("split", lambda x: tf.concat([p * p for p in tf.split(x, 3, 1)][::-1], 1), (2, 6), False),
    ("split into one", lambda x: tf.split(x, 1)[0], (2, 3), True),
    ("split, one part used", lambda x: tf.split(x, 2)[1], (4, 1), True),
    ("split by sizes", lambda x: tf.split(x, [1, 0, 3], 1)[2] * tf.split(x, [1, 0, 3], 1)[0], (2, 4), False),
    ("concat of parts of many sizes", lambda x: tf.concat([x[:, :1], x, x[:, 2:], x[:, :0] * 2.0], 1), (2, 3), False),
    ("reverse", lambda x: tf.reverse(x, [0, -1]), (2, 3, 2), True),
    ("reverse_sequence", lambda x: tf.reverse_sequence(x, [2, 0, 3], 1), (3, 3, 2), True),
    ("gather_nd", lambda x: tf.gather_nd(x, [[0, 1], [2, 2], [0, 1]]), (3, 3), True),
    ("gather_nd slices", lambda x: tf.gather_nd(x, [[1], [1], [0]]), (3, 2), True),
    ("scatter_nd", lambda x: tf.scatter_nd([[1], [3], [1]], x, [5, 2]), (3, 2), True),
    ("scatter_nd elements", lambda x: tf.scatter_nd([[1, 0], [0, 1], [1, 0]], x, [2, 2]), (3,), True),
    ("dynamic_partition", lambda x: tf.dynamic_partition(x, [1, 0, 1, 1], 3)[1], (4, 2), True),
    ("dynamic_partition, all parts", lambda x: tf.concat(tf.dynamic_partition(x, [[1, 0], [0, 1]], 2), 0), (2, 2, 3), False),
    ("dynamic_stitch", lambda x: tf.dynamic_stitch([[0, 3], [2]], [x[:2], x[2:] * x[2:]]), (3, 2), True),
    ("reflect", lambda x: tf.pad(x, [[2, 1], [0, 2]], "REFLECT"), (3, 3), True),
    ("symmetric", lambda x: tf.pad(x, [[3, 1], [1, 3]], "SYMMETRIC"), (3, 3), True),
    ("pad with a constant", lambda x: tf.pad(x, [[2, 1], [0, 2]], constant_values=2.0), (3, 2), True),
    ("pad with a tensor", lambda x: tf.pad(x * x, [[0, 1], [1, 2]], constant_values=tf.reduce_sum(x)), (3, 2), True),
    ("space_to_depth", lambda x: tf.space_to_depth(x, 2), (1, 4, 2, 2), False),
    ("depth_to_space", lambda x: tf.depth_to_space(x, 2), (1, 2, 1, 8), False),
    ("space_to_batch", lambda x: tf.space_to_batch(x, [[1, 0], [0, 0]], 2), (1, 3, 2, 1), False),
    ("batch_to_space", lambda x: tf.batch_to_space(x, [[1, 0], [0, 0]], 2), (4, 2, 1, 1), False),
    ("meshgrid", lambda x: tf.meshgrid(x, x * x)[0] * tf.meshgrid(x, x * x)[1], (3,), True),
    ("gather along an axis", lambda x: tf.gather(x, [[0, 2], [2, 2]], axis=1), (2, 3, 2), False),
    ("boolean_mask", lambda x: tf.boolean_mask(x, [[True, False], [True, True]]), (2, 2, 3), True),
]


@pytest.mark.parametrize("function, shape, ranks", [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_array(function, shape, ranks):
    check_gradient(lambda x: function(x) ** 3.0, shape, domain=(0.3, 2.0))
    if ranks:
        check_gradient(lambda x: function(x) ** 3.0, shape, domain=(0.3, 2.0), known_shapes=False)


def test_concat_of_several_inputs():
    for known in (True, False):
        check_gradient(lambda x, y, z: tf.concat([x, y, z], -1) ** 3.0, (2, 1, 3), (2, 1, 0), (2, 1, 2), known_shapes=known)
        check_gradient(lambda x, y: tf.concat([x, y], 0) ** 3.0, (2, 3), (1, 3), known_shapes=known)


KEYS = st.one_of(st.integers(-3, 2), st.just(Ellipsis), st.none(),
                 st.builds(slice, st.none() | st.integers(-4, 4), st.none() | st.integers(-4, 4), st.none() | st.sampled_from([1, 2, 3, -1, -2])))


@settings(max_examples=60, deadline=None)
@given(st.lists(KEYS, max_size=5), st.booleans())
def test_any_slice(key, known):
    """The gradient of x[key] is what NumPy's x[key] += weights makes of zeros."""
    assume(key.count(Ellipsis) <= 1 and sum(k is not None and k is not Ellipsis for k in key) <= 3)
    value = np.random.RandomState(0).rand(3, 4, 3)
    key, wanted = tuple(key), np.zeros_like(value)
    weights = np.asarray(np.random.RandomState(1).rand(*np.shape(value[key])))
    wanted[key] += weights
    with tf.Graph().as_default(), tf.Session() as sess:
        x = tf.placeholder(tf.float64, value.shape if known else [None] * 3)
        grad, = tf.gradients(x[key], x, tf.constant(weights))
        np.testing.assert_array_equal(sess.run(grad, {x: value}), wanted)


def test_arguments_that_are_fed():
    i, axes = tf.placeholder(tf.int32, []), tf.placeholder(tf.int32, [None])
    for known in (True, False):
        check_gradient(lambda x: x[i:] ** 2.0, (4, 3), known_shapes=known, extra_feed_dict={i: -2})
        check_gradient(lambda x: x[:, i] ** 2.0, (4, 3), known_shapes=known, extra_feed_dict={i: 1})
        check_gradient(lambda x: x[::i] ** 2.0, (4, 3), known_shapes=known, extra_feed_dict={i: -3})
        check_gradient(lambda x: tf.reverse(x, axes) ** 2.0 * x, (4, 3), known_shapes=known, extra_feed_dict={axes: [1]})


def test_a_place_of_a_stitch_that_is_filled_twice():
    """As TensorFlow's rule has it: both get the gradient."""
    x, y = tf.constant([1.0]), tf.constant([2.0])
    gx, gy = tf.gradients(tf.dynamic_stitch([[0], [0]], [x, y]), [x, y])
    assert gx.eval().tolist() == gy.eval().tolist() == [1.0]


def test_padding_adds_up_where_it_is_mirrored():
    x = tf.constant([1.0, 2.0, 3.0])
    for mode, padding, expected in (("REFLECT", [2, 1], [1, 3, 2]), ("SYMMETRIC", [2, 1], [2, 2, 2]), ("SYMMETRIC", [2, 0], [2, 2, 1])):
        np.testing.assert_array_equal(tf.gradients(tf.pad(x, [padding], mode), x)[0].eval(), expected)
