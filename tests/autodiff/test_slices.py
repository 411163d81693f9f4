"""Sparse gradients: IndexedSlices from lookups."""
import numpy as np
import pytest

import minitf as tf
from minitf.autodiff import check_gradient


def dense(grad):
    return tf.convert_to_tensor(grad).eval()


def expected(shape, rows):
    result = np.zeros(shape)
    for index, row in rows:
        result[index] += row
    return result


def test_gather_gives_slices():
    table = tf.constant(np.arange(12.0).reshape(4, 3))
    grad, = tf.gradients(tf.gather(table, [2, 0, 2]) * 3.0, table)
    assert isinstance(grad, tf.IndexedSlices)
    assert grad.indices.eval().tolist() == [2, 0, 2] and grad.values.get_shape().as_list() == [3, 3]
    np.testing.assert_array_equal(dense(grad), expected((4, 3), [(2, 3), (0, 3), (2, 3)]))
    assert grad.get_shape().as_list() == [4, 3] and grad.dtype == tf.float64


@pytest.mark.parametrize("known", [True, False])
def test_indices_of_any_shape(known):
    table = tf.placeholder(tf.float64, [5, 2] if known else None)
    ids = tf.placeholder(tf.int64, [2, 2] if known else None)
    grad, = tf.gradients(tf.square(tf.gather(table, ids)), table)
    values, wanted = np.random.RandomState(0).randn(5, 2), np.array([[0, 4], [4, 1]])
    np.testing.assert_allclose(tf.convert_to_tensor(grad).eval({table: values, ids: wanted}),
                               expected((5, 2), [(i, 2 * values[i]) for i in wanted.ravel()]))


def test_scalar_index_and_vector_table():
    table = tf.constant([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(dense(tf.gradients(tf.gather(table, 1) * 5.0, table)[0]), [0, 5, 0])
    np.testing.assert_array_equal(dense(tf.gradients(tf.gather(table, [[0, 0], [2, 0]]), table)[0]), [3, 0, 1])


def test_two_lookups_stay_sparse():
    table = tf.constant(np.ones((6, 2)))
    y = tf.reduce_sum(tf.gather(table, [1, 2])) + 10.0 * tf.reduce_sum(tf.gather(table, np.array([2, 5], np.int64)))
    grad, = tf.gradients(y, table)
    assert isinstance(grad, tf.IndexedSlices) and sorted(grad.indices.eval().tolist()) == [1, 2, 2, 5]
    np.testing.assert_array_equal(dense(grad), expected((6, 2), [(1, 1), (2, 11), (5, 10)]))


def test_lookup_and_dense_use_give_a_dense_sum():
    """A table that is also a softmax's weights: the dense term has every row already."""
    table = tf.constant(np.ones((4, 2)))
    y = tf.reduce_sum(tf.gather(table, [1, 1])) + tf.reduce_sum(table * 3.0)
    grad, = tf.gradients(y, table)
    assert isinstance(grad, tf.Tensor)
    np.testing.assert_array_equal(grad.eval(), expected((4, 2), [(slice(None), 3), (1, 2)]))


def test_slices_pass_a_variables_read_and_become_dense_elsewhere(session):
    v = tf.Variable(np.ones((4, 2)), name="table")
    session.run(v.initializer)
    assert isinstance(tf.gradients(tf.gather(v, [1]), v)[0], tf.IndexedSlices)
    grad, = tf.gradients(tf.gather(tf.tanh(v), [1, 1]), v)
    assert isinstance(grad, tf.Tensor)
    np.testing.assert_allclose(grad.eval(), expected((4, 2), [(1, 2 * (1 - np.tanh(1) ** 2))]))


def test_slices_as_grad_ys():
    x = tf.constant(np.ones((3, 2)))
    start = tf.IndexedSlices(tf.constant(np.full((1, 2), 7.0)), tf.constant([2]), tf.constant([3, 2]))
    np.testing.assert_array_equal(dense(tf.gradients(x * 2.0, x, grad_ys=start)[0]), expected((3, 2), [(2, 14)]))


def test_second_derivative_through_a_lookup():
    table = tf.constant(np.arange(1.0, 9.0).reshape(4, 2))
    first, = tf.gradients(tf.reduce_sum(tf.gather(table, [3, 1, 3]) ** 3.0), table)
    second, = tf.gradients(tf.reduce_sum(first.values), table)
    np.testing.assert_allclose(dense(second), expected((4, 2), [(i, 6 * np.arange(1.0, 9.0).reshape(4, 2)[i]) for i in (3, 1, 3)]))
    whole, = tf.gradients(tf.reduce_sum(tf.convert_to_tensor(first)), table)
    np.testing.assert_allclose(dense(whole), dense(second))


def test_embedding_lookup_from_shards(session):
    shards = [tf.Variable(np.ones((2, 3)), name=f"shard{i}") for i in range(2)]
    session.run(tf.global_variables_initializer())
    grads = tf.gradients(tf.nn.embedding_lookup(shards, [0, 3, 3]), shards)
    np.testing.assert_array_equal(dense(grads[0]), expected((2, 3), [(0, 1)]))
    np.testing.assert_array_equal(dense(grads[1]), expected((2, 3), [(1, 2)]))


@pytest.mark.parametrize("strategy, rows", [("mod", [[0, 3, 6], [1, 4], [2, 5]]), ("div", [[0, 1, 2], [3, 4], [5, 6]])])
@pytest.mark.parametrize("max_norm", [None, 1.0])
def test_embedding_lookup_from_shards_of_unequal_sizes(strategy, rows, max_norm):
    """Against one table that is not sharded: values, gradients of each shard's rows, and second derivatives."""
    table, ids = np.random.RandomState(0).uniform(-1, 1, (7, 3)), [[6, 0], [3, 3], [5, 6]]

    def lookup(*shards):
        return tf.nn.embedding_lookup(list(shards), ids, strategy, max_norm=max_norm) ** 3.0

    check_gradient(lookup, points=[table[r] for r in rows])
    with tf.Session() as sess:
        shards, whole = [tf.constant(table[r]) for r in rows], tf.constant(table)
        grads = tf.gradients(lookup(*shards), shards)
        assert max_norm is not None or all(isinstance(g, tf.IndexedSlices) for g in grads)
        wanted, = tf.gradients(tf.nn.embedding_lookup(whole, ids, max_norm=max_norm) ** 3.0, whole)
        wanted = sess.run(tf.convert_to_tensor(wanted))
        for r, g in zip(rows, sess.run([tf.convert_to_tensor(g) for g in grads])):
            np.testing.assert_allclose(g, wanted[r], rtol=1e-12)


def test_colocated_with_the_table():
    with tf.device("/device:CPU:1"):
        table = tf.constant(np.ones((4, 2)), name="table")
    grad, = tf.gradients(tf.gather(table, [[1]]), table, colocate_gradients_with_ops=True)
    assert grad.get_shape().as_list() == [4, 2]


def test_slices_can_be_fetched():
    table = tf.constant(np.arange(12.0).reshape(4, 3))
    grad, = tf.gradients(tf.gather(table, [2, 0, 2]) * 3.0, table)
    with tf.Session() as sess:
        value = sess.run(grad)
        assert isinstance(value, tf.IndexedSlicesValue)
        assert value.indices.tolist() == [2, 0, 2] and value.values.shape == (3, 3) and value.dense_shape.tolist() == [4, 3]
        nested = sess.run([{"grad": grad}, tf.IndexedSlices(grad.values, grad.indices)])
        assert nested[0]["grad"].indices.tolist() == [2, 0, 2] and nested[1].dense_shape is None
