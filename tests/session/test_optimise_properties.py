"""Properties of what a session does to a graph before it runs: folding and merging keep every result and never add work; pruning runs
exactly what is needed."""
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import minitf as tf

from .graphs import probe, pure_probe, unoptimised

UNARY = [tf.negative, tf.abs, tf.square, tf.tanh, tf.identity, tf.nn.relu, lambda t: tf.reshape(t, [6]), lambda t: tf.transpose(tf.reshape(t, [2, 3]))[0:1, 0:2] + t[0]]
BINARY = [tf.add, tf.multiply, tf.subtract, tf.maximum]
LEAVES = 3                    # a placeholder, a variable and a constant

# A program: per op a choice of function and of what it takes, by number among what there is.
programs = st.lists(st.tuples(st.booleans(), st.integers(0, 99), st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=12)
few = settings(max_examples=40, deadline=None)


def build(program, repeats=1):
    """(placeholder, initializer, values): the values of the program, built `repeats` times over the same leaves."""
    x = tf.placeholder(tf.float32, [6])
    v = tf.Variable(np.linspace(-1, 1, 6, dtype=np.float32))
    leaves = [x, v.value(), tf.constant([1.0, -2.0, 3.0, 0.5, -0.0, 2.0])]
    results = []
    for _ in range(repeats):
        values = list(leaves)
        for unary, f, i, j in program:
            a, b = values[i % len(values)], values[j % len(values)]
            values.append(tf.reshape(UNARY[f % (len(UNARY) - 1)](a), [6]) if unary else BINARY[f % len(BINARY)](a, b))
        results.append(values[LEAVES:])
    return x, v.initializer, results


def run(fetches, x, initializer, config):
    with tf.Session(config=config) as sess:
        sess.run(initializer)
        feeds = {x: np.arange(6, dtype=np.float32) - 2.5}
        return sess.run(fetches, feeds), len(sess.explain(fetches, feeds).instructions())


@few
@given(programs)
def test_optimised_or_not_the_results_have_the_same_bits_and_the_work_is_not_more(program):
    with tf.Graph().as_default():
        x, initializer, (values,) = build(program)
        plain, most = run(values, x, initializer, unoptimised())
        optimised, count = run(values, x, initializer, None)
    assert [a.tobytes() for a in plain] == [a.tobytes() for a in optimised]
    assert count <= most


@few
@given(programs)
def test_what_is_built_twice_is_computed_once(program):
    """The last value of two copies: one copy's instructions, and at most the sum on top."""
    def work(repeats):
        with tf.Graph().as_default():
            x, initializer, results = build(program, repeats)
            total = results[0][-1] + results[-1][-1]
            return run(total, x, initializer, None)
    (once, count), (twice, same) = work(1), work(2)
    assert once.tobytes() == twice.tobytes() and same == count


@few
@given(programs, st.data())
def test_what_follows_from_constants_alone_is_not_computed_in_the_step(program, data):
    ran = []
    with tf.Graph().as_default(), tf.Session() as sess:
        values = [tf.constant([1.0, 2.0]), tf.constant([3.0, -1.0])]
        for unary, f, i, j in program:
            a, b = values[i % len(values)], values[j % len(values)]
            values.append(pure_probe(a, lambda _: ran.append(1)) if unary else BINARY[f % len(BINARY)](a, b))
        fetch = values[data.draw(st.integers(0, len(values) - 1))]
        sess.run(fetch)
        ran.clear()
        for _ in range(3):
            sess.run(fetch)
        assert not ran and sess.explain(fetch).instructions() == []


@few
@given(programs, st.data())
def test_exactly_what_the_fetches_need_runs(program, data):
    ran = []
    with tf.Graph().as_default(), tf.Session() as sess:
        values, waits = [tf.constant(float(k)) for k in range(2)], {}
        for n, (wait, f, i, j) in enumerate(program):
            a, b = values[i % len(values)], values[j % len(values)]
            with tf.control_dependencies([values[f % len(values)]] if wait else []):
                value = probe(a + b, lambda _, n=n: ran.append(n))
            waits[value] = {a, b} | ({values[f % len(values)]} if wait else set())
            values.append(value)
        numbers = {value: n for n, value in enumerate(values[2:])}
        chosen = st.lists(st.sampled_from(values), max_size=4, unique_by=id)
        fetches, fed = data.draw(chosen), {t: 1.0 for t in data.draw(chosen)}
        as_operations = data.draw(st.booleans())
        # The oracle: back from the fetches; a fed tensor cuts data edges, not control edges, and a fetched operation runs all the same.
        needed, stack = set(), [t for t in fetches if as_operations or t not in fed]
        while stack:
            t = stack.pop()
            if t not in needed:
                needed.add(t)
                data_inputs = [u for add in t.op.inputs if t in numbers for u in add.op.inputs if u not in fed]
                control = [c.outputs[0] for op in [t.op, *(add.op for add in t.op.inputs)] for c in op.control_inputs] if t in numbers else []
                stack += data_inputs + control
        sess.run([t.op if as_operations else t for t in fetches], fed)
        assert sorted(ran) == sorted(numbers[t] for t in needed if t in numbers)
