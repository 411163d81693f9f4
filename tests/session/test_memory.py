"""Memory of steps: a specialised step allocates nothing, plans are compact and correct, and nothing grows."""
import gc

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import minitf as tf
from minitf.core.buffers import allocator_stats

from . import plan_oracle
from .graphs import all_plans, devices, plans, probe, resident_bytes, state_of, unoptimised, variants
from .random_graphs import Built
from .recipes import Recipe, data

MEGABYTE = 1 << 20


def mlp(optimizer, batch=16, sizes=(64, 32, 10), dtype="float32"):
    """(train_op, loss, feeds) of a classifier with a hidden layer."""
    rng = np.random.default_rng(0)
    x, labels = tf.placeholder(dtype, [None, sizes[0]]), tf.placeholder(tf.int32, [None])
    h = x
    for k, (n, m) in enumerate(zip(sizes, sizes[1:])):
        w = tf.Variable(rng.standard_normal((n, m)).astype(dtype) * 0.1)
        h = tf.nn.bias_add(tf.matmul(h, w), tf.Variable(np.zeros(m, dtype)))
        h = tf.nn.relu(h) if k < len(sizes) - 2 else h
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(logits=h, labels=labels))
    feeds = {x: rng.standard_normal((batch, sizes[0])).astype(dtype), labels: rng.integers(0, sizes[-1], batch).astype(np.int32)}
    return optimizer.minimize(loss), loss, feeds


OPTIMIZERS = {"SGD": lambda: tf.train.GradientDescentOptimizer(0.1), "Adam": lambda: tf.train.AdamOptimizer(0.01)}


# ---- nothing is allocated ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("config", ["optimised", "not optimised"])
def test_a_training_step_allocates_nothing(graph, optimizer, config):
    train, loss, feeds = mlp(OPTIMIZERS[optimizer]())
    with tf.Session(config=devices(1) if config == "optimised" else unoptimised(1)) as sess:
        sess.run(tf.global_variables_initializer())
        first = sess.run([train, loss], feeds)[1]
        addresses = [state_of(sess, v).address for v in tf.global_variables()]
        before = allocator_stats()
        for _ in range(1000):
            last = sess.run([train, loss], feeds)[1]
        assert allocator_stats() == before                      # not one call, neither for memory nor to give some back
        assert last < 0.5 * first and [state_of(sess, v).address for v in tf.global_variables()] == addresses


@pytest.mark.parametrize("config", [devices(1), devices(2)])
def test_a_large_step_keeps_its_memory_only_when_it_comes_again(graph, config):
    """What an initializer needed is free when it has run; a step that runs again keeps what it has."""
    variables = [tf.Variable(tf.random_normal([4 << 20]) * 2.0) for _ in range(2)]        # 16 MB each
    with tf.device("/cpu:0"):
        loss = tf.reduce_sum(tf.stack([tf.reduce_sum(tf.exp(tf.sin(v))) for v in variables]))
    init = tf.global_variables_initializer()
    held = lambda: allocator_stats()[2]
    before = held()
    with tf.Session(config=config) as sess:
        gc.disable()                                                                      # nobody has to look for circles
        try:
            sess.run(init)
            assert held() - before < 33 << 20
            values = [sess.run(loss) for _ in range(2)]
            after = held()
            assert after - before > 48 << 20
            values += [sess.run(loss) for _ in range(5)]
            assert held() == after and set(values) == {values[0]}
            sess.run(init)
            assert sess.run(loss) != values[0]                                            # it does run again
        finally:
            gc.enable()


def test_a_training_step_beside_an_evaluation_allocates_nothing(graph):
    """`sess.run([train_op, accuracy])`, where accuracy was built last: what it reads is of before the update, and still no copy is made."""
    train, loss, feeds = mlp(OPTIMIZERS["SGD"]())
    total = tf.reduce_sum(tf.stack([tf.reduce_sum(tf.reshape(v, [-1]) * 2.0) for v in tf.trainable_variables()]))
    norms = [tf.reduce_sum(tf.square(v)) for v in tf.trainable_variables()]
    with tf.Session() as sess:
        sess.run(tf.global_variables_initializer())
        before = sess.run([total, *norms])
        first = sess.run([train, total, *norms], feeds)
        assert first[1:] == before
        stats = allocator_stats()
        for _ in range(100):
            sess.run([train, total, *norms], feeds)
        assert allocator_stats() == stats


def test_steps_of_other_kinds_allocate_nothing(graph):
    x = tf.placeholder(tf.float32, [None, 8])
    v = tf.Variable(np.zeros(8, np.float32))
    y = tf.tanh(tf.matmul(x, tf.transpose(x))) * 2.0
    fetches = [tf.reduce_sum(y, 1), tf.reshape(y, [-1])[:5], tf.concat([x, x], 1)[0], v.assign_add(tf.reduce_mean(x, 0)), tf.argmax(x, 1),
               tf.gather(x, [0, 1, 0]), tf.cast(y > 0.5, tf.int32), tf.stack([x, x])[0, 0], tf.unstack(x, 3)[1], probe(y, lambda a: None)]
    fed = np.ones((3, 8), np.float32)
    with tf.Session() as sess:
        sess.run(v.initializer)
        for fetch in [*fetches, fetches]:
            sess.run(fetch, {x: fed})
            before = allocator_stats()[0]
            for _ in range(20):
                sess.run(fetch, {x: fed})
            assert allocator_stats()[0] == before, fetch


def test_a_step_on_two_devices_allocates_nothing(graph):
    """What crosses lies in a counted buffer, which comes back when the step ends."""
    x = tf.placeholder(tf.float32, [64])
    y = x
    for k in range(10):
        with tf.device(f"/cpu:{k % 2}"):
            y = tf.tanh(y) * 2.0
    total = tf.reduce_sum(y)
    fed = np.ones(64, np.float32)
    with tf.Session(config=devices(2)) as sess:
        sess.run(total, {x: fed})
        before = allocator_stats()
        for _ in range(200):
            sess.run(total, {x: fed})
        assert allocator_stats() == before


# ---- plans are compact and correct ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("batch, sizes", [(16, (64, 32, 10)), (128, (784, 200, 10)), (32, (50, 60, 70, 80, 10)), (1, (3, 2))])
@pytest.mark.parametrize("config", ["optimised", "not optimised"])
def test_the_arena_of_a_training_step(graph, optimizer, batch, sizes, config):
    train, loss, feeds = mlp(OPTIMIZERS[optimizer](), batch, sizes)
    with tf.Session(config=devices(1) if config == "optimised" else unoptimised(1)) as sess:
        plan, = plans(sess, [train, loss], feeds)
        plan_oracle.check(plan)


def chain(n):
    """Alternating shapes, so that nothing is done in place."""
    y = tf.placeholder(tf.float32, [None, 10])
    feeds = {y: np.ones((20, 10), np.float32)}
    for k in range(n):
        y = tf.concat([y, y[:1]], 0) if k % 3 else tf.matmul(y, tf.ones([10, 10])) * 0.1
    return y, feeds


def diamonds(n):
    x = y = tf.placeholder(tf.float32, [30, 30])
    for _ in range(n):
        y = tf.matmul(y, y) * 0.01 + tf.tanh(tf.transpose(y))
    return y, {x: np.ones((30, 30), np.float32) * 0.1}


def fan(n):
    """Many results made early and used late, of many sizes."""
    x = tf.placeholder(tf.float32, [None])
    parts = [tf.tile(x, [k % 7 + 1]) for k in range(n)]
    return tf.reduce_sum(tf.concat([p * 2.0 for p in parts], 0)), {x: np.ones(100, np.float32)}


@pytest.mark.parametrize("build, n", [(chain, 1), (chain, 60), (diamonds, 1), (diamonds, 40), (fan, 30)])
@pytest.mark.parametrize("config", ["optimised", "not optimised"])
def test_the_arena_of_other_shapes_of_graph(graph, build, n, config):
    y, feeds = build(n)
    with tf.Session(config=devices(1) if config == "optimised" else unoptimised(1)) as sess:
        for plan in plans(sess, y, feeds):
            plan_oracle.check(plan)
        gradient = tf.gradients(y, list(feeds))[0]
        for plan in plans(sess, [gradient, y], feeds):
            plan_oracle.check(plan)


def test_a_chain_needs_two_buffers(graph):
    """A long chain of products: the arena is as large as two of its links, whatever its length."""
    x = y = tf.placeholder(tf.float32, [100, 100])
    for _ in range(50):
        y = tf.matmul(y, x)
    with tf.Session() as sess:
        plan, = plans(sess, tf.reduce_sum(y), {x: np.zeros((100, 100))})
        assert plan_oracle.check(plan) <= 2 * 40000 + 64 * 4


@settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, max_examples=100)
@given(st.integers(0, 2 ** 32 - 1), st.integers(1, 60), st.booleans())
def test_the_arena_of_random_graphs(seed, n_ops, cut):
    recipe = Recipe(seed, n_ops)
    built = Built(recipe, cut)
    feeds = {t: data(recipe.steps[n][2], *recipe.types[n]) for t, n in built.feeds.items()}
    for config in (devices(4), unoptimised(4)):
        with tf.Session(graph=built.graph, config=config) as sess:
            for v in built.variables.values():
                sess.run(v.initializer)
            sess.run(built.fetches + [op.op if hasattr(op, "op") else op for op in built.ends], feeds)
            for plan in all_plans(sess):
                while plan is not None:                         # and the parts behind its cuts
                    plan_oracle.check(plan)
                    plan = next(iter(plan.rest._plans.values())) if plan.rest is not None else None


# ---- nothing grows ----------------------------------------------------------------------------------------------------------


def test_a_hundred_thousand_steps(graph):
    x = tf.placeholder(tf.float32, [4])
    v = tf.Variable(0.0)
    step = v.assign_add(1.0)
    y = x * 2.0 + v
    fed = {x: np.ones(4, np.float32)}
    with tf.Session() as sess:
        sess.run(v.initializer)
        for _ in range(1000):
            sess.run([y, step.op], fed)
        gc.collect()
        before = allocator_stats(), resident_bytes()
        for _ in range(99000):
            sess.run([y, step.op], fed)
        gc.collect()
        assert allocator_stats() == before[0] and sess.run(v) == 100000
        assert before[1] is None or resident_bytes() - before[1] < 2 * MEGABYTE


@pytest.mark.parametrize("kind", ["two devices", "large fetch", "cut", "error"])
def test_thousands_of_steps_of_other_kinds(graph, kind):
    x = tf.placeholder(tf.float32, [None])
    with tf.device("/cpu:0"):
        y = x * 2.0
    with tf.device("/cpu:1" if kind == "two devices" else "/cpu:0"):
        z = {"two devices": lambda: y + 1.0, "large fetch": lambda: y + 1.0, "cut": lambda: tf.boolean_mask(y, y > 0.0) + 1.0,
             "error": lambda: tf.gather(y, [10 ** 6])}[kind]()
    fed = {x: np.ones(20000 if kind == "large fetch" else 10, np.float32)}
    with tf.Session(config=devices(2)) as sess:
        def run(times):
            for _ in range(times):
                try:
                    result = sess.run(z, fed)
                    result[:] = 0
                except tf.errors.InvalidArgumentError:
                    assert kind == "error"
        run(300)
        gc.collect()
        before = allocator_stats()[2], resident_bytes()
        run(2000)
        gc.collect()
        assert allocator_stats()[2] <= before[0]               # less, where an earlier test's garbage went meanwhile
        assert before[1] is None or resident_bytes() - before[1] < 4 * MEGABYTE


def test_many_feed_shapes(graph):
    """Plans are kept per shapes of the feeds, but not without limit: after a while memory stays where it is."""
    x = tf.placeholder(tf.float32, [None, None])
    y = tf.reduce_sum(tf.matmul(x, x, transpose_b=True) * 2.0)
    keep = tf.constant(1.0)
    with tf.Session() as sess:
        assert sess.run(keep) == 1
        held = []
        for n in range(300):
            fed = np.ones((n % 150 + 1, 2 + n // 150), np.float32)
            assert sess.run(y, {x: fed}) == 2 * fed.shape[0] ** 2 * fed.shape[1]
            held.append(len(variants(sess)))
        gc.collect()
        assert max(held) <= 100 and len(set(held[150:])) == 1
        before = allocator_stats()[2]
        for n in range(150):                                    # the same shapes again, in the same order
            fed = np.ones((n + 1, 3), np.float32)
            assert sess.run(y, {x: fed}) == 2 * fed.shape[0] ** 2 * fed.shape[1]
        gc.collect()
        assert allocator_stats()[2] <= before                  # less, where an earlier test's garbage went meanwhile


def test_a_closed_session_gives_everything_back(graph):
    gc.collect()
    before = allocator_stats()
    train, loss, feeds = mlp(OPTIMIZERS["Adam"]())
    x = tf.placeholder(tf.float32, [None])
    with tf.device("/cpu:1"):
        cut = tf.boolean_mask(x, x > 0.0) * 2.0
    sess = tf.Session(config=devices(2))
    sess.run(tf.global_variables_initializer())
    sess.run([train, loss], feeds)
    sess.run([cut, tf.tanh(cut)], {x: np.arange(5000)})
    sess.close()
    del sess
    gc.collect()
    after = allocator_stats()
    assert after[2] <= before[2] and after[0] - after[1] <= before[0] - before[1]
