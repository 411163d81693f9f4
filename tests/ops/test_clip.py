"""Clipping: what is scaled, what is left, and what comes of values that are not finite."""
import numpy as np
import pytest

import minitf as tf

X = np.array([[3.0, -4.0], [0.5, 1.0]])


@pytest.fixture(autouse=True)
def session():
    with tf.Graph().as_default(), tf.Session() as sess:
        yield sess


def slices():
    return tf.IndexedSlices(tf.constant(X), tf.constant([4, 1]), tf.constant([6, 2]))


@pytest.mark.parametrize("bound", [1.0, 100.0])
def test_norms_of_indexed_slices_are_those_of_their_values(session, bound):
    norm = np.sqrt((X ** 2).sum())
    clipped = session.run(tf.clip_by_norm(slices(), bound))
    np.testing.assert_allclose(clipped.values, X * min(1, bound / norm), rtol=1e-14)
    assert clipped.indices.tolist() == [4, 1] and clipped.dense_shape.tolist() == [6, 2]
    assert session.run(tf.clip_by_value(slices(), -1.0, 0.75)).values.tolist() == [[0.75, -1.0], [0.5, 0.75]]
    (clipped,), total = session.run(tf.clip_by_global_norm([slices()], bound))
    np.testing.assert_allclose(clipped.values, X * min(1, bound / norm), rtol=1e-14)
    assert total == pytest.approx(norm)


def test_norm_along_axes():
    norms = np.sqrt((X ** 2).sum(1, keepdims=True))
    np.testing.assert_allclose(tf.clip_by_norm(tf.constant(X), 2.0, axes=[1]).eval(), X * np.minimum(1, 2.0 / norms), rtol=1e-14)


def test_what_is_not_finite():
    for bad in (np.nan, np.inf):
        norm = tf.clip_by_norm(tf.constant([bad, 1.0]), 1.0).eval()
        assert np.isnan(norm[0])
        (a, b), total = tf.clip_by_global_norm([tf.constant([bad, 1.0]), tf.constant([2.0])], 1.0)
        assert np.isnan(a.eval()).all() and np.isnan(b.eval()).all() and not np.isfinite(total.eval())
    assert np.isnan(tf.clip_by_norm(tf.constant([np.nan, 1.0]), 1.0).eval()).all()


def test_gradients_pass_a_zero_norm(session):
    x = tf.placeholder(tf.float64, [2])
    grad = tf.gradients(tf.clip_by_norm(x, 2.0), x)[0]
    assert grad.eval({x: [0.0, 0.0]}).tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_average_norm(dtype):
    average = np.sqrt((X ** 2).sum()) / X.size
    x = tf.constant(X.astype(dtype))
    np.testing.assert_allclose(tf.clip_by_average_norm(x, 0.5).eval(), X * 0.5 / average, rtol=1e-6)
    np.testing.assert_allclose(tf.clip_by_average_norm(x, 5.0).eval(), X, rtol=1e-6)
    assert tf.clip_by_average_norm(tf.zeros([3]), 1.0).eval().tolist() == [0, 0, 0]


def test_global_norm_with_entries_that_are_missing(session):
    given = [tf.constant([3.0]), None, tf.constant([4.0])]
    assert tf.global_norm(given).eval() == 5.0
    clipped, norm = tf.clip_by_global_norm(given, 2.5)
    assert clipped[1] is None and norm.eval() == 5.0
    assert [clipped[0].eval().tolist(), clipped[2].eval().tolist()] == [[1.5], [2.0]]
    clipped, norm = tf.clip_by_global_norm(given, 2.5, use_norm=tf.constant(25.0))
    np.testing.assert_allclose(clipped[2].eval(), [0.4], rtol=1e-6)
    for wrong in (tf.constant([1.0]), "ab"):
        with pytest.raises(TypeError, match="t_list should be a sequence"):
            tf.clip_by_global_norm(wrong, 1.0)
