"""Conditional accumulators of sparse gradients: against a model, and under many threads."""
import random
import threading

import numpy as np
import pytest
from fed_accumulators import Background, Sparse

import minitf as tf


@pytest.fixture(autouse=True)
def session():
    with tf.Graph().as_default(), tf.Session() as sess:
        yield sess


def check(taken, indices, values, shape):
    np.testing.assert_array_equal(taken.indices, indices)
    np.testing.assert_array_equal(taken.values, np.asarray(values, taken.values.dtype))
    np.testing.assert_array_equal(taken.dense_shape, shape)


def test_each_row_is_divided_by_the_gradients_that_had_it():
    a = Sparse([4, 2])
    a.apply([0, 2], [[1, 2], [3, 4]])
    a.apply([1, 2], [[5, 6], [7, 8]])
    a.apply([2], [[11, 12]], [4, 2])
    assert a.count() == 3
    check(a.take(3), [0, 1, 2], [[1, 2], [5, 6], [7, 8]], [4, 2])
    a.apply([3], [[1, 1]], step=1)
    check(a.take(1), [3], [[1, 1]], [4, 2])


def test_rows_in_any_order_and_more_than_once():
    a = Sparse([None, 1])
    a.apply([5, 0, 5], [[1], [2], [3]])
    check(a.take(1), [0, 5], [[2], [4]], [-1, 1])
    a.apply([5, 0, 5], [[1], [2], [3]], step=1)
    a.apply([5], [[6]], step=1)
    check(a.take(2), [0, 5], [[2], [5]], [-1, 1])
    a.apply([], np.zeros([0, 1]), step=2)
    check(a.take(1), [], np.zeros([0, 1]), [-1, 1])


def test_a_sum_of_sparse_gradients_and_rows_that_are_numbers():
    a = Sparse([4], tf.float64, reduction_type="SUM")
    a.apply([1, 3], [1., 2.]), a.apply([3], [5.])
    check(a.take(2), [1, 3], [1, 7], [4])


def test_rows_may_change_their_length_from_sum_to_sum():
    a = Sparse()
    a.apply([1], np.ones([1, 3]))
    check(a.take(1), [1], [[1, 1, 1]], [-1, 3])
    for i in range(100):
        a.apply([i, 1000 - i], np.full([2, 2, 2], i), step=1)
    taken = a.take(100)
    assert taken.values.shape == (200, 2, 2) and taken.dense_shape.tolist() == [-1, 2, 2]
    np.testing.assert_array_equal(taken.values[:, 0, 0], [*range(100), *range(99, -1, -1)])


@pytest.mark.parametrize("seed", range(3))
def test_random_sparse_gradients(seed):
    """Against sums in a dict, over several rounds of rows of different lengths: the same order, so the same bits."""
    rng, a = np.random.default_rng(seed), Sparse(None, tf.float64)
    for round in range(6):
        row, n = int(rng.integers(1, 200)), int(rng.integers(1, 40))
        sums, counts = {}, {}
        for _ in range(n):
            indices = rng.integers(0, 10 ** int(rng.integers(1, 4)), rng.integers(0, 30))
            values = rng.standard_normal([len(indices), row])
            a.apply(indices, values, step=round)
            for i, v in zip(indices.tolist(), values):
                sums[i] = sums[i] + v if i in sums else v
            for i in set(indices.tolist()):
                counts[i] = counts.get(i, 0) + 1
        check(a.take(n), sorted(sums), np.reshape([sums[i] / counts[i] for i in sorted(sums)], [-1, row]), [-1, row])


def test_shapes_of_sparse_gradients():
    a = Sparse([4, 2])
    for arguments, text in ((([[0]], [[1, 2]]), r"Input indices should be vector but received shape: \[1,1\]"),
                            (([0, 1], [[1, 2]]), "Expected 2 non-empty input values, got 1"), (([0], 1.), "Expected 1 non-empty input values, got a scalar"),
                            (([4], [[1, 2]]), "index of slice 0 exceeded limits of shape; index is 4 exceeded 4"), (([-1], [[1, 2]]), r"indices\[0\] = -1"),
                            (([0], [[1, 2, 3]]), "expected values dim 1 to be 2, got 3"), (([0], [1]), "expected values rank at least 2, got 1"),
                            (([0], [[1, 2]], [5, 2]), "expected shape dim 0 to be 4, got 5"), (([0], [[1, 2]], [4]), "expected shape rank at least 2, got 1")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=text):
            a.apply(*arguments)
    a.apply([0], [[1, 2]])
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected values rank 2, got 3"):
        a.apply([0], [[[1, 2]]])
    assert a.count() == 1


@pytest.mark.parametrize("seed", range(3))
def test_synchronous_steps(session, seed):
    """Workers that bring a gradient for each step they see, and one that takes n for each: what a stale worker brings never counts."""
    rng = random.Random(seed)
    workers, n, steps = 4, rng.randrange(1, 5), 30
    a = Sparse([10, 1], tf.float64)
    now = tf.Variable(0, dtype=tf.int64)
    session.run(now.initializer)
    count_on = now.assign_add(1)
    stop = threading.Event()

    def work():
        while not stop.is_set():
            step = session.run(now)
            a.apply([step % 10], [[float(step)]], step=step)
    threads = [Background(work) for _ in range(workers)]
    for step in range(steps):
        check(a.take(n), [step % 10], [[step]], [10, 1])
        session.run(count_on)
    stop.set()
    for thread in threads:
        thread.result()
