"""Shuffles, crops and draws: their distributions, their shapes, and that seeds make them repeat."""
import numpy as np
import pytest

import minitf as tf


def run(fetches, feed=None):
    with tf.Session() as sess:
        return sess.run(fetches, feed)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, np.bool_, object])
@pytest.mark.parametrize("shape", [(20,), (7, 3), (0, 2), (1,), ()], ids=str)
def test_random_shuffle(dtype, shape):
    x = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    x = np.array([b"%d" % v for v in x.ravel()], object).reshape(shape) if dtype is object else x.astype(dtype)
    y = run(tf.random_shuffle(tf.constant(x, tf.string if dtype is object else None), seed=3))
    assert sorted(map(str, y)) == sorted(map(str, x)) if shape else y == x
    assert np.shape(y) == shape
    if dtype is np.float32 and shape == (20,):
        assert (y != x).any()


def test_every_order_is_as_likely():
    op = tf.random_shuffle([0, 1, 2], seed=1)
    with tf.Session() as sess:
        orders = [tuple(sess.run(op)) for _ in range(600)]
    counts = [orders.count(o) for o in set(orders)]
    assert len(counts) == 6 and min(counts) > 60


def test_multinomial():
    p = np.array([[0.1, 0.2, 0.7, 0.0], [0.25, 0.25, 0.25, 0.25]])
    with np.errstate(divide="ignore"):
        logits = np.log(p) + 100
    for dtype in (np.float32, np.float64):
        y = run(tf.multinomial(tf.constant(logits.astype(dtype)), 5000, seed=2))
        assert y.shape == (2, 5000) and y.dtype == np.int64
        for row, expected in zip(y, p):
            assert np.abs(np.bincount(row, minlength=4) / 5000 - expected).max() < 0.03
        assert 3 not in y[0]
    assert run(tf.multinomial([[0.0]], 3, output_dtype=tf.int32)).tolist() == [[0, 0, 0]]
    assert tf.multinomial(tf.placeholder("float32", [None, 4]), 3).get_shape().as_list() == [None, 3]
    assert run(tf.multinomial(tf.zeros([0, 4]), 3)).shape == (0, 3) and run(tf.multinomial(tf.zeros([2, 4]), 0)).shape == (2, 0)
    with pytest.raises(ValueError, match="nonnegative"):
        tf.multinomial([[0.0]], -1)


def test_gamma_and_poisson():
    alpha, beta = np.float32([[0.5], [3.0]]), np.float32([1.0, 2.0])
    x = run(tf.random_gamma([20000], alpha, beta, seed=1))
    assert x.shape == (20000, 2, 2) and x.dtype == np.float32 and (x > 0).all()
    np.testing.assert_allclose(x.mean(0), alpha / beta, rtol=0.05)
    np.testing.assert_allclose(x.var(0), alpha / beta ** 2, rtol=0.1)
    assert run(tf.random_gamma([3], 1.0, dtype=tf.float64)).dtype == np.float64
    n = run(tf.random_poisson([0.0, 1.5, 40.0], [20000], seed=1))
    assert n.shape == (20000, 3) and (n[:, 0] == 0).all() and (n == np.floor(n)).all()
    np.testing.assert_allclose(n.mean(0), [0, 1.5, 40], rtol=0.03)
    np.testing.assert_allclose(n.var(0), [0, 1.5, 40], rtol=0.06)
    assert run(tf.random_poisson(3.0, [2], tf.int32)).dtype == np.int32
    for op in (tf.random_gamma([1], -1.0), tf.random_poisson(-1.0, [1])):
        with pytest.raises(tf.errors.InvalidArgumentError, match="must not be negative"):
            run(op)


def test_random_crop():
    x = np.arange(60).reshape(4, 5, 3)
    seen = set()
    op, fed = tf.random_crop(x, [2, 3, 3], seed=1), tf.placeholder("int64")
    unknown = tf.random_crop(fed, [2, 3, 3], seed=1)
    assert op.get_shape().as_list() == [2, 3, 3] == unknown.get_shape().as_list()
    with tf.Session() as sess:
        for _ in range(100):
            for y in sess.run([op, unknown], {fed: x}):
                i, j = divmod(int(y[0, 0, 0]) // 3, 5)
                np.testing.assert_array_equal(y, x[i:i + 2, j:j + 3])
                seen.add((i, j))
        assert len(seen) == 9
        with pytest.raises(tf.errors.InvalidArgumentError, match="slice of 2 .* does not fit dimension 0"):
            sess.run(unknown, {fed: x[:1]})
    with pytest.raises(ValueError, match="Need value.shape >= size"):
        tf.random_crop(x, [5, 1, 1])


@pytest.mark.parametrize("dtype", [tf.int32, tf.int64])
def test_integers_of_any_range(dtype):
    low, high = dtype.min, dtype.max
    x = run(tf.random_uniform([1000], low, high, dtype, seed=1))
    assert x.dtype == dtype and (x < 0).sum() > 400 and (x > 0).sum() > 400
    assert set(run(tf.random_uniform([100], high - 2, high, dtype, seed=1)).tolist()) == {high - 2, high - 1}


DRAWS = [lambda s: tf.random_uniform([4], seed=s), lambda s: tf.random_normal([4], seed=s), lambda s: tf.truncated_normal([4], seed=s),
         lambda s: tf.random_uniform([4], maxval=1000, dtype=tf.int32, seed=s), lambda s: tf.random_shuffle(np.arange(50), seed=s),
         lambda s: tf.multinomial(np.zeros((1, 1000), np.float32), 4, seed=s), lambda s: tf.random_gamma([4], 2.0, seed=s),
         *[lambda s, f=f, unique=unique: f([[1]], 1, 40, unique, 1000, seed=s)[0] for unique in (True, False)
           for f in (tf.nn.uniform_candidate_sampler, tf.nn.log_uniform_candidate_sampler, tf.nn.learned_unigram_candidate_sampler)],
         lambda s: tf.nn.fixed_unigram_candidate_sampler([[1]], 1, 40, True, 1000, unigrams=range(1000), seed=s)[0],
         lambda s: tf.random_poisson(1000.0, [4], seed=s), lambda s: tf.random_crop(np.arange(1000), [3], seed=s)]


@pytest.mark.parametrize("draw", DRAWS, ids=range(len(DRAWS)))
def test_seeds(draw):
    def values(graph_seed, op_seed, before=0):
        with tf.Graph().as_default():
            tf.set_random_seed(graph_seed) if graph_seed is not None else None
            for _ in range(before):
                tf.constant(1)
            op = draw(op_seed)
            results = []
            for _ in range(2):
                with tf.Session() as sess:
                    results.append([sess.run(op).tolist() for _ in range(3)])
            return results

    for graph_seed, op_seed in ((1, None), (None, 5), (1, 5)):
        first, second = values(graph_seed, op_seed)
        assert first == second and first[0] != first[1]                # sessions begin anew, runs go on
        assert values(graph_seed, op_seed) == [first, second]          # so does another program
    a, b = values(None, None)
    assert a != b
    assert values(1, None)[0] != values(1, None, before=1)[0]          # without a seed of its own, an op's place in the graph counts
    assert values(1, 5)[0] == values(1, 5, before=1)[0] and values(1, 5)[0] != values(2, 5)[0]
