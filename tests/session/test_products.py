"""Sums of products of an unrolled network become one product; a matrix that many products turn is turned once; nothing else changes."""
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import minitf as tf
from minitf.core.registry import find_kernel
from minitf.kernels.cpu.kernel import run_kernel
from minitf.session.timeline_families import family_of


def session(optimise=True):
    level = tf.OptimizerOptions.L1 if optimise else tf.OptimizerOptions.L0
    return tf.Session(config=tf.ConfigProto(graph_options=tf.GraphOptions(optimizer_options=tf.OptimizerOptions(opt_level=level))))


def types(fetches, feed=None):
    """How often each op type occurs in the plans of a run."""
    with session() as sess:
        sess.run(tf.global_variables_initializer())
        found = {}
        for plan in sess.explain(fetches, feed).plans:
            for instruction in plan.instructions:
                found[instruction.node.type] = found.get(instruction.node.type, 0) + 1
        return found


def agrees(fetches, feed=None, dtype="float64"):
    """The optimised run gives what the plain one gives, but for rounding."""
    results = []
    for optimise in (True, False):
        with session(optimise) as sess:
            sess.run(tf.global_variables_initializer())
            results.append(sess.run(fetches, feed))
    for one, other in zip(*results):
        np.testing.assert_allclose(one, other, rtol={"float64": 1e-12, "float32": 2e-5}[dtype], atol={"float64": 1e-12, "float32": 2e-5}[dtype])


def count_products(fetches, feed=None):
    """How many products a run computes."""
    found = types(fetches, feed)
    return found.get("MatMul", 0) + found.get("_MatMulSum", 0)


def stacked(fetches, feed):
    """(how many products of a run have become part of a sum that is computed where they lie, of one whose sides are stacked)"""
    with session() as sess:
        sess.run(tf.global_variables_initializer())
        instructions = [i for plan in sess.explain(fetches, feed).plans for i in plan.instructions]
    return tuple(sum(i.node.attrs["N"] for i in instructions if i.node.type == type) for type in ("_MatMulSum", "ConcatV2"))


def matrices(n, rows, columns, feed, dtype="float64"):
    """Placeholders, with their values in `feed`: what is made of constants is computed before the run."""
    random = np.random.default_rng(len(feed))
    made = [tf.placeholder(dtype, [rows, columns]) for _ in range(n)]
    feed.update((t, random.standard_normal((rows, columns)).astype(dtype)) for t in made)
    return made


def unrolled(steps=6, batch=3, units=20):
    """(loss, weights) of h := tanh(h w), `steps` times."""
    random = np.random.default_rng(1)
    w = tf.Variable(random.standard_normal((units, units)) / units ** 0.5)
    h = tf.constant(random.standard_normal((batch, units)))
    for _ in range(steps):
        h = tf.tanh(tf.matmul(h, w))
    return tf.reduce_sum(h * h), w


def test_an_unrolled_network():
    """5 steps of forward products, one product of all 6 steps for the slope of w, and its 5 products by w' with w turned once."""
    loss, w = unrolled()
    slope = tf.gradients(loss, w)
    found = types(slope)
    assert found["MatMul"] == 6 + 5 and found["_MatMulSum"] == 1 and found["Transpose"] == 1 and not {"AddN", "ConcatV2"} & set(found)
    agrees(slope)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 6), st.lists(st.integers(1, 4), min_size=2, max_size=5), st.integers(1, 30), st.integers(1, 30), st.booleans(), st.booleans(),
       st.sampled_from(["float32", "float64"]))
def test_sums_of_products(others, depths, m, n, turned_a, turned_b, dtype):
    """Products of any inner sizes, on either side turned or not, among other summands."""
    with tf.Graph().as_default():
        feed = {}
        a = [matrices(1, *((k, m) if turned_a else (m, k)), feed, dtype)[0] for k in depths]
        b = [matrices(1, *((n, k) if turned_b else (k, n)), feed, dtype)[0] for k in depths]
        products = [tf.matmul(x, y, transpose_a=turned_a, transpose_b=turned_b) for x, y in zip(a, b)]
        total = tf.add_n(products + [tf.exp(x) for x in matrices(others, m, n, feed, dtype)])
        agrees([total], feed, dtype)
        thin = sum(k * (m + n) <= m * n for k in depths)
        thin = thin if thin > 1 else 0
        assert stacked(total, feed) == ((thin, 0) if turned_a and not turned_b else (0, 2 * thin))


def fed_pairs(n, rows=2, m=30, k=40):
    a = [tf.placeholder(tf.float64, [rows, m]) for _ in range(n)]
    b = [tf.placeholder(tf.float64, [rows, k]) for _ in range(n)]
    random = np.random.default_rng(2)
    return a, b, {t: random.standard_normal(t.shape.as_list()) for t in a + b}


def test_a_product_that_is_wanted_for_itself_stays():
    a, b, feed = fed_pairs(4)
    products = [tf.matmul(x, y, transpose_a=True) for x, y in zip(a, b)]
    total = tf.add_n(products)
    assert count_products(total, feed) == 1 and stacked(total, feed) == (4, 0)
    for fetches in ([total, products[0]], [total, tf.exp(products[1])]):               # fetched, used elsewhere
        assert count_products(fetches, feed) == 2 and stacked(fetches, feed) == (3, 0)       # and not computed twice
    with tf.control_dependencies([products[2]]):
        after = tf.constant(1.0) + tf.placeholder_with_default(1.0, [])
    assert count_products([total, after], feed) == 2                                  # waited for
    agrees([total, products[0], tf.exp(products[1]), after], feed)


def test_a_product_that_waits_stays_where_it_is():
    a, b, feed = fed_pairs(3)
    v = tf.Variable(0.0)
    with tf.control_dependencies([tf.assign(v, 1.0)]):
        late = tf.matmul(a[0], b[0], transpose_a=True)
    total = tf.add_n([late] + [tf.matmul(x, y, transpose_a=True) for x, y in zip(a[1:], b[1:])])
    assert count_products(total, feed) == 2
    agrees([total], feed)


def test_products_that_are_smaller_than_their_sides_stay():
    a, b, feed = fed_pairs(4, rows=50)
    assert types(tf.add_n([tf.matmul(x, y, transpose_a=True) for x, y in zip(a, b)]), feed)["MatMul"] == 4


def test_the_same_product_twice():
    """Merged as equal ones first: an AddN of one product with itself is no sum of different products."""
    a, b, feed = fed_pairs(1)
    product = tf.matmul(a[0], b[0], transpose_a=True)
    agrees([tf.add_n([product, product, tf.matmul(a[0], b[0], transpose_a=True)])], feed)


def test_two_sums_share_their_stacks():
    """Two sums of products with the same left sides stack these once."""
    a, b, feed = fed_pairs(4)
    sums = [tf.add_n([tf.matmul(tf.transpose(x), f(y)) for x, y in zip(a, b)]) for f in (tf.exp, tf.sin)]
    assert types(sums, feed)["ConcatV2"] == 3
    agrees(sums, feed)


def test_integers_and_empty_sides():
    with tf.Graph().as_default():
        x = [tf.placeholder(tf.int64, [1, 6]) for k in range(3)]
        feed = {t: np.arange(6).reshape(1, 6) + k for k, t in enumerate(x)}
        total = tf.add_n([tf.matmul(t, t, transpose_a=True) for t in x])
        agrees([total], feed)
        assert types(total, feed)["MatMul"] == 1
    for m, k, n in ((0, 2, 3), (3, 0, 2), (2, 2, 0)):
        with tf.Graph().as_default():
            feed = {}
            agrees([tf.add_n([tf.matmul(a, b, transpose_a=True) for a, b in zip(matrices(3, k, m, feed), matrices(3, k, n, feed))])], feed)


def test_on_several_devices():
    a, b, feed = fed_pairs(6)
    products = []
    for k, (x, y) in enumerate(zip(a, b)):
        with tf.device(f"/cpu:{k % 2}"):
            products.append(tf.matmul(x, y, transpose_a=True))
    with tf.device("/cpu:0"):
        total = tf.add_n(products)
    for optimise in (True, False):
        options = tf.GraphOptions(optimizer_options=tf.OptimizerOptions(opt_level=tf.OptimizerOptions.L1 if optimise else tf.OptimizerOptions.L0))
        with tf.Session(config=tf.ConfigProto(device_count={"CPU": 2}, graph_options=options)) as sess:
            np.testing.assert_allclose(sess.run(total, feed), sum(feed[x].T @ feed[y] for x, y in zip(a, b)), rtol=1e-12)


def test_behind_a_cut():
    """Sides whose number of rows only the run tells."""
    a, b, feed = fed_pairs(3, rows=5)
    keep = tf.placeholder(tf.bool, [5])
    total = tf.add_n([tf.matmul(tf.boolean_mask(x, keep), tf.boolean_mask(y, keep), transpose_a=True) for x, y in zip(a, b)])
    for mask in ([True, False, True, False, False], [False] * 5, [True] * 5):
        with session() as sess:
            expected = sum(feed[x][mask].T @ feed[y][mask] for x, y in zip(a, b))
            np.testing.assert_allclose(sess.run(total, {**feed, keep: mask}), expected, rtol=1e-12, atol=1e-12)


def test_a_matrix_is_turned_once_where_it_pays():
    w = tf.Variable(np.random.default_rng(3).standard_normal((30, 40)))
    for count, turned in ((2, 0), (3, 1), (5, 1)):
        feed = {}
        products = [tf.matmul(t, w, transpose_b=True) for t in matrices(count, 4, 40, feed)]
        assert types(products, feed).get("Transpose", 0) == turned
        agrees(products, feed)
    feed = {}
    many = [tf.matmul(t, w, transpose_b=True) for t in matrices(3, 300, 40, feed)]
    assert "Transpose" not in types(many, feed)


def test_a_snapshot_is_turned_not_the_variable():
    """The products are of the value that the step began with, though the step changes the variable."""
    w = tf.Variable(np.eye(3))
    x = [tf.placeholder(tf.float64, [1, 3]) for _ in range(4)]
    products = [tf.matmul(t, w, transpose_b=True) for t in x]
    with tf.control_dependencies(products):
        change = tf.assign(w, np.zeros((3, 3)))
    with session() as sess:
        sess.run(tf.global_variables_initializer())
        feed = {t: np.full((1, 3), k) for k, t in enumerate(x)}
        first, _ = sess.run([products, change], feed)
        assert [p[0, 0] for p in first] == [0, 1, 2, 3] and not np.any(sess.run(products, feed))


@pytest.mark.parametrize("trainer", [tf.train.GradientDescentOptimizer(0.1), tf.train.AdamOptimizer(0.01)])
def test_training_goes_the_same_way(trainer):
    with tf.Graph().as_default():
        loss, w = unrolled()
        train = trainer.minimize(loss)
        paths = []
        for optimise in (True, False):
            with session(optimise) as sess:
                sess.run(tf.global_variables_initializer())
                for _ in range(10):
                    sess.run(train)
                paths.append(sess.run(w))
    np.testing.assert_allclose(*paths, atol=1e-8)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=6), st.integers(1, 60), st.integers(1, 200), st.sampled_from(["float32", "float64"]))
def test_the_kernel_of_sums(depths, m, n, dtype):
    """Of pieces that end before, in or behind a block of terms, and panels of columns of any width."""
    random = np.random.default_rng(len(depths) + m + n)
    a, b = ([random.standard_normal((k, columns)).astype(dtype) for k in depths] for columns in (m, n))
    kernel = find_kernel("_MatMulSum", {"T": tf.as_dtype(dtype)}).kernel
    result, = run_kernel(kernel, {}, a + b, [(m, n)], [tf.as_dtype(dtype)])
    exact = sum(x.astype("float64").T @ y.astype("float64") for x, y in zip(a, b))
    np.testing.assert_allclose(result, exact, rtol=0, atol={"float32": 1e-4, "float64": 1e-11}[dtype])


def test_a_sum_has_the_same_bits_on_any_number_of_threads():
    feed = {}
    a, b = matrices(4, 60, 200, feed, "float32"), matrices(4, 60, 300, feed, "float32")
    total = tf.add_n([tf.matmul(x, y, transpose_a=True) for x, y in zip(a, b)])
    assert stacked(total, feed) == (4, 0)
    results = []
    for threads in (1, 2, 3):
        with tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=threads)) as sess:
            results.append(sess.run(total, feed))
    assert all(np.array_equal(results[0], other) for other in results[1:])


def test_a_sum_that_is_too_large_for_a_cache_is_stacked():
    feed = {}
    a, b = matrices(2, 3, 800, feed, "float32"), matrices(2, 3, 700, feed, "float32")
    total = tf.add_n([tf.matmul(x, y, transpose_a=True) for x, y in zip(a, b)])
    assert stacked(total, feed) == (0, 4)
    agrees([total], feed, "float32")


def test_what_a_traced_sum_stands_for():
    a, b, feed = fed_pairs(3)
    terms = [tf.matmul(x, y, transpose_a=True, name=f"term_{k}") for k, (x, y) in enumerate(zip(a, b))]
    totals = [tf.add_n(terms, name="total"), tf.add_n([tf.exp(a[0][0]), tf.exp(a[0][1])])]
    metadata = tf.RunMetadata()
    with session() as sess:
        sess.run(totals, feed, options=tf.RunOptions(trace_level=tf.RunOptions.FULL_TRACE), run_metadata=metadata)
    traced, = [n for n in metadata.step_stats.dev_stats[0].node_stats if n.op == "MatMulSum"]
    assert traced.members == ["term_0", "term_1", "term_2", "total"] and family_of(traced) == "products"
