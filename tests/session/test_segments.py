"""Shapes that depend on values: a plan is cut there, and what follows is compiled once the shape is known, and kept."""
import itertools

import numpy as np
import pytest

import minitf as tf
from minitf.session import compile as compiling

from .graphs import devices, probe, unoptimised

CONFIGS = {"one device": lambda: devices(1), "two devices": lambda: devices(2), "not optimised": lambda: unoptimised(2)}
X = np.array([3, -1, 4, -1, -5, 9, 2, -6, 5, 3], np.float32)


@pytest.fixture(params=CONFIGS)
def sess(request, graph):
    with tf.Session(config=CONFIGS[request.param]()) as sess:
        yield sess


@pytest.fixture
def compiled(monkeypatch):
    """A list that grows with every part that is compiled."""
    made = []
    make_plan = compiling.make_plan
    monkeypatch.setattr(compiling, "make_plan", lambda *args, **kwargs: made.append(args[0]) or make_plan(*args, **kwargs))
    return made


def check(sess, pairs, feeds):
    """Fetch everything at once, in the other order, and one by one."""
    fetches = [f for f, _ in pairs]
    for order in (range(len(pairs)), range(len(pairs) - 1, -1, -1)):
        got = dict(zip(order, sess.run([fetches[k] for k in order], feeds)))
        for k, (_, want) in enumerate(pairs):
            np.testing.assert_array_equal(got[k], want)
    for f, want in pairs:
        got = sess.run(f, feeds)
        np.testing.assert_array_equal(got, want)
        assert np.asarray(got).dtype == np.asarray(want).dtype


def other(sess):
    return tf.device(f"/cpu:{len(sess.list_devices()) - 1}")


DATA = [X, -np.abs(X), np.abs(X), X[:1], X[:0], X[::-1].copy()]


def test_one_cut(sess):
    x = tf.placeholder(tf.float32, [None])
    where = tf.where(x > 0.0)
    kept = tf.boolean_mask(x, x > 0.0)
    with other(sess):
        results = [where, kept, kept * 2.0 + 1.0, tf.reduce_sum(kept), tf.reduce_sum(kept) - tf.reduce_sum(x), tf.shape(kept), tf.size(where),
                   tf.reshape(kept, [-1, 1]), tf.concat([kept, x, kept], 0), tf.matmul(tf.expand_dims(kept, 0), tf.expand_dims(kept, 1))]
    for value in DATA + DATA[::-1]:
        k = value[value > 0]
        want = [np.argwhere(value > 0), k, k * 2 + 1, k.sum(dtype=np.float32), k.sum() - value.sum(), np.array([len(k)], np.int32), np.int32(len(k)),
                k.reshape(-1, 1), np.concatenate([k, value, k]), np.array([[k @ k]], np.float32)]
        check(sess, list(zip(results, want)), {x: value})


def test_cuts_behind_cuts(sess):
    """Four masks in a row, each on the other device, and results from every stage."""
    x = tf.placeholder(tf.float32, [None])
    stages, y = [], x
    for k, limit in enumerate([-4.0, 0.0, 2.5, 4.5]):
        with tf.device("/cpu:0") if k % 2 else other(sess):
            y = tf.boolean_mask(y, y > limit)
            stages.append(y * 1.0)
    total = tf.add_n([tf.reduce_sum(s) for s in stages]) + tf.reduce_sum(x)
    mixed = tf.concat([stages[3], stages[0], stages[1][:1]], 0)
    for value in DATA:
        want, v = [], value
        for limit in [-4.0, 0.0, 2.5, 4.5]:
            v = v[v > limit]
            want.append(v)
        sums = np.float32(sum(float(w.sum()) for w in want) + float(value.sum()))
        check(sess, list(zip(stages, want)) + [(total, sums), (mixed, np.concatenate([want[3], want[0], want[1][:1]]))], {x: value})


def test_unique_and_what_is_done_with_it(sess):
    x = tf.placeholder(tf.int32, [None])
    y, index = tf.unique(x)
    with other(sess):
        back = tf.gather(y, index)
        counts = tf.unsorted_segment_sum(tf.ones_like(x), index, tf.size(y))
        often = tf.boolean_mask(y, counts > 1)
        again, _ = tf.unique(often % 3)
    for value in ([3, 1, 3, 7, 1, 3], [5], [], [2, 2, 2, 2], list(range(20))):
        value = np.array(value, np.int32)
        first = np.array(sorted(set(value.tolist()), key=value.tolist().index), np.int32)
        n = np.array([np.sum(value == f) for f in first], np.int32)
        rest = (first[n > 1] % 3).tolist()
        unique = np.array(sorted(set(rest), key=rest.index), np.int32)
        check(sess, [(y, first), (back, value), (counts, n), (often, first[n > 1]), (again, unique)], {x: value})


def test_shapes_that_are_fed(sess):
    shape, n = tf.placeholder(tf.int32, [None]), tf.placeholder(tf.int32, [])
    x = tf.placeholder(tf.float32, [None])
    with other(sess):
        y = tf.reshape(x * 2.0, shape)
        z = tf.reduce_sum(y, axis=0) + 1.0
        filled, ramp = tf.fill(shape, 3.0) + tf.fill(shape, 1.0), tf.range(n) * 2
        zeros = tf.zeros(tf.concat([shape, [n]], 0))
    for dims, k in (([6], 3), ([2, 3], 1), ([3, 2], 0), ([1, 6, 1], 2), ([2, 3], 1)):
        value = np.arange(6, dtype=np.float32)
        check(sess, [(y, (value * 2).reshape(dims)), (z, (value * 2).reshape(dims).sum(0) + 1), (filled, np.full(dims, 4, np.float32)),
                     (ramp, np.arange(k, dtype=np.int32) * 2), (zeros, np.zeros([*dims, k], np.float32))], {x: value, shape: dims, n: k})


def test_slices_axes_and_permutations_that_are_fed(sess):
    x = tf.placeholder(tf.float32, [4, 5])
    begin, size, axis, perm = (tf.placeholder(tf.int32, s) for s in ([2], [2], [], [2]))
    value = np.arange(20, dtype=np.float32).reshape(4, 5)
    with other(sess):
        fixed = tf.slice(x, begin, [2, 2])                      # the shape is known, the place is not
        free = tf.slice(x, begin, size) * 1.0
        total, most, turned = tf.reduce_sum(x, axis), tf.argmax(x, axis), tf.transpose(x, perm)
        repeated, padded = tf.tile(x, size), tf.pad(x, tf.stack([size, begin]))
    for b, s, a, p in itertools.product(([0, 0], [1, 3], [2, 2]), ([1, 2], [2, 0], [-1, -1]), (0, 1), ([0, 1], [1, 0])):
        end = [None if s[k] < 0 else b[k] + s[k] for k in range(2)]
        feeds = {x: value, begin: b, size: s, axis: a, perm: p}
        pairs = [(fixed, value[b[0]:b[0] + 2, b[1]:b[1] + 2]), (free, value[b[0]:end[0], b[1]:end[1]]), (total, value.sum(a)),
                 (most, value.argmax(a)), (turned, value.transpose(p))]
        if min(s) >= 0:
            pairs += [(repeated, np.tile(value, s)), (padded, np.pad(value, [s, b]))]
        fetched = sess.run([f for f, _ in pairs], feeds)
        for got, (_, want) in zip(fetched, pairs):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("build", [
    lambda x, fed: (tf.transpose(x, fed[:2]), [3, 3], lambda v, f: v.transpose(f[:2])),
    lambda x, fed: (tf.reduce_sum(x, fed[:1]), [3], lambda v, f: v.sum(f[0])),
    lambda x, fed: (tf.reduce_max(x, fed[0]), [3], lambda v, f: v.max(f[0])),
    lambda x, fed: (tf.argmin(x, fed[0]), [3], lambda v, f: v.argmin(f[0])),
    lambda x, fed: (tf.reshape(x, fed[2:]), [9, 1], lambda v, f: v.reshape(f[2:])),
    lambda x, fed: (tf.fill(fed[2:], 1.0), [9, 1], lambda v, f: np.ones(f[2:])),
    lambda x, fed: (tf.tile(x, [1, 1] + fed[:2]), [6, 3], lambda v, f: np.tile(v, 1 + f[:2])),
    lambda x, fed: (tf.concat([x, x], 1, name="c") if fed is None else tf.slice(x, fed[:2], [2, 2]), [2, 2], lambda v, f: v[f[0]:f[0] + 2, f[1]:f[1] + 2]),
])
def test_what_set_shape_promises_does_not_replace_the_value(sess, build):
    """The user knows the result's shape; the axes, the dimensions, the place still come from a feed, and may change."""
    x, fed = tf.placeholder(tf.float32, [3, 3]), tf.placeholder(tf.int32, [4])
    y, shape, numpy = build(x, fed)
    y.set_shape(shape)
    value = np.array([[3, 1, 2], [9, 7, 8], [4, 6, 5]], np.float32)
    with other(sess):
        z = y + tf.ones([], y.dtype)
    for f in ([1, 0, 9, 1], [0, 1, 9, 1] if y.op.type != "Tile" else [1, 0, 9, 1]):
        np.testing.assert_array_equal(sess.run(y, {x: value, fed: f}), numpy(value, np.array(f)))
        np.testing.assert_array_equal(sess.run(z, {x: value, fed: f}), numpy(value, np.array(f)) + 1)


def test_nothing_is_compiled_twice(sess, compiled):
    x = tf.placeholder(tf.float32, [None])
    y = tf.boolean_mask(x, x > 0.0)
    with other(sess):
        z = tf.boolean_mask(y * 2.0, y > 3.5) + 1.0
    total = tf.reduce_sum(z)
    run = lambda v: sess.run([z, total], {x: v})
    run(X)
    first = len(compiled)
    assert first >= 3
    run(X)
    run(X[::-1].copy())                                         # as many positive ones, as many large ones
    assert len(compiled) == first
    run(np.abs(X))
    second = len(compiled)
    assert second > first
    for value in (X, np.abs(X)):
        run(value)
    assert len(compiled) == second


def test_variables_on_both_sides_of_a_cut(sess):
    """Reads before and behind a cut, and updates that wait for a result of unknown size; the order is that of the control edges."""
    x = tf.placeholder(tf.float32, [None])
    v, count = tf.Variable(np.zeros(3, np.float32)), tf.Variable(0)
    before = v * 1.0
    kept = tf.boolean_mask(x, x > 0.0)
    update = v.assign_add(tf.fill([3], tf.reduce_sum(kept)))
    with tf.control_dependencies([update]):
        after = v.read_value()
        counted = count.assign_add(tf.size(kept))
    with other(sess):
        late = after[:2] * tf.reduce_sum(tf.ones_like(kept))
    sess.run([v.initializer, count.initializer])
    total, n = 0.0, 0
    for value in DATA:
        k = value[value > 0]
        got = sess.run([before, after, late, counted, update], {x: value})
        np.testing.assert_array_equal(got[0], np.full(3, total))
        total, n = total + k.sum(), n + len(k)
        for g, want in zip(got[1:], (np.full(3, total), np.full(2, total) * len(k), n, np.full(3, total))):
            np.testing.assert_array_equal(g, want)


def test_a_reference_that_crosses_a_cut(sess):
    """What an update returns is the variable after it, on both sides of a cut; and the update happens once."""
    x = tf.placeholder(tf.float32, [None])
    v = tf.Variable(np.zeros(4, np.float32))
    sess.run(v.initializer)
    first = v.assign_add(np.ones(4, np.float32))
    rows = tf.reshape(tf.where(x > 0.0), [-1])
    second = tf.scatter_add(first, rows, tf.gather(x, rows))
    third = tf.assign_add(second, np.full(4, 0.5, np.float32))
    with tf.control_dependencies([rows]):
        again = tf.identity(first)
    value = np.array([-1, 2, 0, 3], np.float32)
    np.testing.assert_array_equal(sess.run(third, {x: value}), [1.5, 3.5, 1.5, 4.5])
    np.testing.assert_array_equal(sess.run([third, again], {x: value})[0], [3, 7, 3, 9])
    np.testing.assert_array_equal(sess.run(v), [3, 7, 3, 9])


def test_side_effects_behind_a_cut_happen_once(sess):
    ran = []
    x = tf.placeholder(tf.float32, [None])
    kept = tf.boolean_mask(probe(x, lambda a: ran.append("before")), x > 0.0)
    with other(sess):
        behind = probe(kept + 1.0, lambda a: ran.append("behind"))
    with tf.control_dependencies([behind]):
        last = probe(tf.constant(1.0), lambda a: ran.append("last"))
    for value in (X, X, X[:0]):
        ran.clear()
        sess.run([last, behind], {x: value})
        assert ran == ["before", "behind", "last"]


def test_errors_behind_a_cut_name_the_op(sess):
    x, y = tf.placeholder(tf.float32, [None]), tf.placeholder(tf.float32, [None, 2])
    kept = tf.boolean_mask(x, x > 0.0)
    with other(sess):
        bad = tf.matmul(tf.reshape(kept, [1, -1]), y, name="bad_product")
    ok = np.ones((3, 2), np.float32)
    for _ in range(2):
        np.testing.assert_array_equal(sess.run(bad, {x: [1, 2, 3], y: ok}), [[6, 6]])
        with pytest.raises(tf.errors.InvalidArgumentError) as e:
            sess.run(bad, {x: [1, 2, -3], y: ok})
        assert e.value.op is bad.op and "'bad_product' (MatMul) of float32[1,2], float32[3,2]" in str(e.value) and "test_segments.py" in str(e.value)
    with pytest.raises(tf.errors.InvalidArgumentError) as e:
        sess.run(tf.reshape(kept, [2, -1], name="bad_shape"), {x: [1, 2, 3]})
    assert "bad_shape" in str(e.value)
