"""The same program by every road: on one device and cut over four, optimised and not, in any valid order, and with NumPy."""
import random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import minitf as tf
from minitf.session import compile as compiling
from minitf.session import pipeline

from .graphs import devices, same_bits, unoptimised
from .random_graphs import Built, evaluate
from .recipes import Recipe

seeds = st.integers(0, 2 ** 32 - 1)
sizes = st.integers(1, 60)
quick = settings(deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)


def assert_same(a, b, recipe, what):
    """Two lists of rounds, bit for bit."""
    for k, (left, right) in enumerate(zip(a, b, strict=True)):
        for n, (x, y) in enumerate(zip(left, right, strict=True)):
            if not same_bits(x, y):
                steps = recipe.fetches if k < len(a) - 1 else [i for i, s in enumerate(recipe.steps) if s[0] == "variable"]
                which = f"step {steps[n]} {recipe.steps[steps[n]][:3]}" if n < len(steps) else f"gradient {n - len(steps)}"
                pytest.fail(f"{what}: round {k}, {which}:\n{x!r}\n{y!r}\n" + listing(recipe))


def assert_near(rounds, recipe):
    """Rounds of results, and what NumPy makes of the recipe, within the error that it promises."""
    for k, (got, wanted) in enumerate(zip(rounds, evaluate(recipe), strict=True)):
        for n, (g, (want, error)) in enumerate(zip(got, wanted, strict=True)):
            assert np.shape(g) == want.shape and np.asarray(g).dtype == want.dtype
            if error is not None:
                worst = np.max(np.abs(np.asarray(g, np.float64) - want), initial=0) if want.dtype.kind == "f" else float(np.any(g != want))
                assert worst <= error, f"round {k}, fetch {n} (step {recipe.fetches[n:n + 1]}):\n{g!r}\n{want!r}\n{listing(recipe)}"


def listing(recipe):
    return "\n".join(f"{n}: {t[0]}{list(t[1])} = {s[0]} {s[1]} {s[2]} on {s[3]}" for n, (s, t) in enumerate(zip(recipe.steps, recipe.types)))


@settings(quick, max_examples=200)
@given(seeds, sizes)
def test_cut_over_four_devices_and_not_optimised_it_is_the_same(seed, n_ops):
    recipe = Recipe(seed, n_ops)
    whole = Built(recipe)
    one = whole.run(devices(1))
    assert_same(one, Built(recipe, cut=True).run(devices(4)), recipe, "on one device and on four")
    assert_same(one, whole.run(unoptimised(1)), recipe, "optimised and not")
    assert_near(one, recipe)


@settings(quick, max_examples=60)
@given(seeds, sizes)
def test_cut_and_not_optimised_at_once(seed, n_ops):
    recipe = Recipe(seed, n_ops)
    assert_same(Built(recipe).run(devices(1)), Built(recipe, cut=True).run(unoptimised(4)), recipe, "not optimised on four devices")


# ---- any valid order --------------------------------------------------------------------------------------------------------


def shuffled(nodes, rng):
    """A random topological order by data and control edges."""
    members = set(nodes)
    waits = {n: {m for m, _ in n.inputs if m in members} | {m for m in n.controls if m in members} for n in nodes}
    users = {n: [] for n in nodes}
    for n, before in waits.items():
        for m in before:
            users[m].append(n)
    ready, order = [n for n in nodes if not waits[n]], []
    while ready:
        n = ready.pop(rng.randrange(len(ready)))
        order.append(n)
        for user in users[n]:
            waits[user].discard(n)
            if not waits[user]:
                ready.append(user)
    assert len(order) == len(nodes)
    return order


@settings(quick, max_examples=60)
@given(seeds, sizes, st.randoms(use_true_random=False))
def test_any_valid_order_gives_the_same(seed, n_ops, rng):
    """Reads and writes of a variable are ordered by control edges here, and by nothing else."""
    recipe = Recipe(seed, n_ops, start_reads=False)
    built = Built(recipe)
    one = built.run(devices(1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiling, "schedule", lambda nodes: sorted(shuffled(nodes, rng), key=lambda n: n.level))
        for config in (devices(1), unoptimised(1)):
            assert_same(one, built.run(config), recipe, "in another order")


@settings(quick, max_examples=40)
@given(seeds, sizes, st.randoms(use_true_random=False))
def test_any_valid_order_of_the_whole_program_on_four_devices(seed, n_ops, rng):
    recipe = Recipe(seed, n_ops, start_reads=False)
    one = Built(recipe).run(devices(1))
    partition = pipeline.partition

    def partition_shuffled(program):
        program.nodes = shuffled(program.nodes, rng)
        return partition(program)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipeline, "partition", partition_shuffled)
        assert_same(one, Built(recipe, cut=True).run(devices(4)), recipe, "in another order on four devices")


# ---- what random values rarely meet -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("build", [tf.maximum, tf.minimum, tf.add, tf.multiply, tf.squared_difference])
def test_merging_equal_ops_keeps_the_bits_of_special_values(build):
    """a op b and b op a are one op to the optimiser: then every bit must agree, for zeros of both signs too."""
    a = np.array([0.0, -0.0, 0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.inf, 1e-45, 3e38], np.float32)
    b = np.array([-0.0, 0.0, 0.0, -0.0, -1.0, 1.0, -np.inf, np.inf, np.inf, -1e-45, 3e38], np.float32)
    x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None])
    _same_merged_or_not([build(x, y), build(y, x), build(x, y) + 0.0, build(y, x) + 0.0], {x: a, y: b})


def test_merging_equal_sums_keeps_the_order_of_their_terms():
    """(1 + 1e8) - 1e8 is not 1 + (1e8 - 1e8)."""
    terms = [tf.placeholder(tf.float32, [None]) for _ in range(3)]
    feeds = dict(zip(terms, np.array([[1.0], [1e8], [-1e8]], np.float32)))
    _same_merged_or_not([tf.add_n([terms[k] for k in order]) for order in ((0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 1, 2))], feeds)


def _same_merged_or_not(fetches, feeds):
    results = []
    for config in (devices(1), unoptimised(1)):
        with tf.Session(config=config) as sess:
            results.append(sess.run(fetches, feeds))
    for left, right in zip(*results):
        assert same_bits(left, right), (left, right)


@pytest.mark.parametrize("n", [1, 7, 8, 9, 31, 64, 1000, 4097])
def test_an_elements_bits_do_not_depend_on_its_place_or_on_fusion(n):
    rng = random.Random(n)
    value = np.array([rng.gauss(0, 3) for _ in range(n)], np.float32)
    x = tf.placeholder(tf.float32, [None])
    parts = [tf.tanh(x), tf.sigmoid(x) * x, tf.exp(-tf.square(x)), tf.log(tf.abs(x) + 1.0), tf.sqrt(tf.abs(x)) / (x * x + 0.5)]
    total = tf.add_n(parts)
    with tf.Session() as sess, tf.Session(config=unoptimised(1)) as plain:
        whole = sess.run([total] + parts, {x: value})
        for got, want in zip(plain.run([total] + parts, {x: value}), whole):
            assert same_bits(got, want)
        for k in rng.sample(range(n), min(n, 12)):
            alone = sess.run([total] + parts, {x: value[k:k + 1]})
            assert all(same_bits(a[0], w[k]) for a, w in zip(alone, whole))
