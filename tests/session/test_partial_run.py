"""partial_run: one step in several calls, each operation at most once."""
import gc
import threading

import numpy as np
import pytest

import minitf as tf
from minitf.core.errors import FailedPreconditionError, InvalidArgumentError


@pytest.fixture
def sess():
    with tf.Graph().as_default(), tf.Session() as sess:
        yield sess


def counter(name="count"):
    return tf.Variable(0, name=name, trainable=False)


def test_the_example_of_tensorflows_documentation(sess):
    a, b, c = (tf.placeholder(tf.float32, [], name=n) for n in "abc")
    r1 = tf.add(a, b)
    r2 = tf.multiply(r1, c)
    h = sess.partial_run_setup([r1, r2], [a, b, c])
    res = sess.partial_run(h, r1, feed_dict={a: 1, b: 2})
    assert res == 3
    assert sess.partial_run(h, r2, feed_dict={c: res}) == 9


def test_names_nesting_and_operations(sess):
    x, y = tf.placeholder(tf.float32, [2], name="x"), tf.placeholder(tf.float32, [2], name="y")
    a, b = tf.negative(x, name="a"), tf.add(x, y, name="b")
    n = tf.no_op(name="n")
    h = sess.partial_run_setup({"p": ["a:0", n], "q": b}, ["x:0", y])
    first = sess.partial_run(h, {"r": (a, "n")}, {"x:0": [1, 2]})
    np.testing.assert_array_equal(first["r"][0], [-1, -2])
    assert first["r"][1] is None
    np.testing.assert_array_equal(sess.partial_run(h, ["b:0"], {y: [1, 1]})[0], [2, 3])


def test_stateful_operations_run_once(sess):
    x = tf.placeholder(tf.int32, [], name="x")
    v = counter()
    one = tf.assign_add(v, 1, name="one")
    with tf.control_dependencies([one]):
        first = tf.identity(tf.constant(5), name="first")
        second = tf.add(x, 1, name="second")
    third = tf.add(one, x, name="third")              # takes the variable through the update
    sess.run(tf.global_variables_initializer())
    h = sess.partial_run_setup([first, second, third, one.op], [x])
    assert sess.partial_run(h, first) == 5
    assert sess.run(v) == 1
    assert sess.partial_run(h, second, {x: 10}) == 11          # a control edge from what ran already
    assert sess.partial_run(h, [third, one.op]) == [11, None]  # the operation ran, the variable is read
    assert sess.run(v) == 1


def test_an_update_through_an_update_of_an_earlier_part(sess):
    x = tf.placeholder(tf.int32, [], name="x")
    v = counter()
    one = tf.assign_add(v, 1)
    two = tf.assign_add(one, x)
    sess.run(tf.global_variables_initializer())
    h = sess.partial_run_setup([one, two], [x])
    assert sess.partial_run(h, one) == 1
    assert sess.partial_run(h, two, {x: 10}) == 11


def test_random_values_and_snapshots_are_those_of_the_first_part(sess):
    x = tf.placeholder(tf.float32, [3], name="x")
    v = tf.Variable([1., 1., 1.], name="v")
    noise = tf.random_uniform([3], name="noise")
    a = tf.add(noise, v.value(), name="a")
    b = tf.add(x, tf.concat([noise, v.value()], 0)[:3], name="b")
    c = tf.add(x, v.value(), name="c")
    sess.run(tf.global_variables_initializer())
    h = sess.partial_run_setup([a, b, c, noise], [x])
    first = sess.partial_run(h, a)
    v.load([7., 7., 7.], sess)
    b_value, c_value = sess.partial_run(h, [b, c], {x: [0, 0, 0]})
    np.testing.assert_array_equal(b_value + 1, first)
    np.testing.assert_array_equal(c_value, [1, 1, 1])
    np.testing.assert_array_equal(sess.partial_run(h, noise), b_value)


def test_values_are_the_callers_own(sess):
    x, y = tf.placeholder(tf.float32, [5000], name="x"), tf.placeholder(tf.float32, [], name="y")
    a = tf.negative(x)
    b = tf.add(a, y)
    h = sess.partial_run_setup([a, b, x], [x, y])
    fed = np.ones(5000, np.float32)
    value = sess.partial_run(h, a, {x: fed})
    value[:] = 100
    fed[:] = 50
    np.testing.assert_array_equal(sess.partial_run(h, b, {y: 0}), -np.ones(5000))
    again = sess.partial_run(h, x)
    np.testing.assert_array_equal(again, np.ones(5000))


def test_feeds_may_come_before_they_are_needed(sess):
    x, y = tf.placeholder(tf.float32, [], name="x"), tf.placeholder(tf.float32, [], name="y")
    a = tf.add(x, y)
    h = sess.partial_run_setup([a, x], [x, y])
    assert sess.partial_run(h, [], {y: 2}) == []
    assert sess.partial_run(h, {}, {x: 1}) == {}
    assert sess.partial_run(h, [a, x]) == [3, 1]


def test_intermediate_tensors_may_be_fed(sess):
    x = tf.placeholder(tf.float32, [], name="x")
    a = tf.negative(x, name="a")
    b = tf.add(a, x, name="b")
    h = sess.partial_run_setup([b], [x, a])
    with pytest.raises(InvalidArgumentError, match="b:0 can not be computed yet: a:0 must be fed first"):
        sess.partial_run(h, b, {x: 1})
    assert sess.partial_run(h, b, {x: 1, a: 10}) == 11


def test_misuse_is_refused_and_changes_nothing(sess):
    x, y = tf.placeholder(tf.float32, [2], name="x"), tf.placeholder(tf.float32, [2], name="y")
    a, b, other = tf.negative(x, name="a"), tf.add(x, y, name="b"), tf.exp(x, name="other")
    v = counter()
    with tf.control_dependencies([y.op]):
        waits = tf.assign_add(v, 1, name="waits")
    sess.run(tf.global_variables_initializer())
    h = sess.partial_run_setup([a, b, waits], [x, y])
    with pytest.raises(InvalidArgumentError, match="a:0 can not be computed yet: x:0 must be fed first"):
        sess.partial_run(h, a)
    with pytest.raises(InvalidArgumentError, match="x:0, y:0 must be fed first"):
        sess.partial_run(h, b)
    with pytest.raises(InvalidArgumentError, match="y:0 must be fed first"):
        sess.partial_run(h, waits)
    with pytest.raises(InvalidArgumentError, match="other:0 was not named in partial_run_setup; it has a:0, b:0"):
        sess.partial_run(h, other, {x: [1, 2]})
    with pytest.raises(InvalidArgumentError, match="The feed a:0 was not named"):
        sess.partial_run(h, b, {a: [1, 2]})
    with pytest.raises(ValueError, match="Cannot feed value of shape"):
        sess.partial_run(h, a, {x: [1, 2, 3]})
    np.testing.assert_array_equal(sess.partial_run(h, a, {x: [1, 2]}), [-1, -2])
    with pytest.raises(InvalidArgumentError, match="x:0 has been fed already"):
        sess.partial_run(h, b, {x: [1, 2], y: [1, 2]})
    with pytest.raises(InvalidArgumentError, match="a:0 has been fetched already"):
        sess.partial_run(h, [a, b], {y: [1, 2]})
    np.testing.assert_array_equal(sess.partial_run(h, b, {y: [1, 2]}), [2, 4])
    assert sess.partial_run(h, waits) == 1


def test_setup_refuses_what_can_never_run(sess):
    x, y = tf.placeholder(tf.float32, [], name="x"), tf.placeholder(tf.float32, [], name="y")
    with pytest.raises(InvalidArgumentError, match="You must feed a value for placeholder tensor 'y'"):
        sess.partial_run_setup([tf.add(x, y)], [x])
    with pytest.raises(InvalidArgumentError, match="at least one fetch"):
        sess.partial_run_setup([], [x])
    with pytest.raises(ValueError, match="x:0 is listed twice"):
        sess.partial_run_setup([x], [x, "x:0"])
    with pytest.raises(KeyError, match="nowhere"):
        sess.partial_run_setup([x], ["nowhere:0"])


def test_a_failed_step_ends_the_handle_and_not_the_session(sess):
    x, y = tf.placeholder(tf.int32, [2], name="x"), tf.placeholder(tf.int32, [], name="y")
    a = tf.gather(x, y, name="a")
    b = tf.negative(x, name="b")
    h = sess.partial_run_setup([a, b], [x, y])
    with pytest.raises(InvalidArgumentError, match="'a' .Gather"):
        sess.partial_run(h, a, {x: [1, 2], y: 7})
    with pytest.raises(FailedPreconditionError, match="failed in an earlier part"):
        sess.partial_run(h, b)
    h = sess.partial_run_setup([a, b], [x, y])
    assert sess.partial_run(h, a, {x: [1, 2], y: 1}) == 2
    sess.close()
    with pytest.raises(RuntimeError, match="closed"):
        sess.partial_run(h, b)


def test_a_loop_prepares_nothing_after_its_first_round(sess):
    x, y = tf.placeholder(tf.float32, [4], name="x"), tf.placeholder(tf.float32, [4], name="y")
    v = tf.Variable([0.] * 4, name="v")
    hidden = tf.tanh(x + v, name="hidden")
    update = tf.assign_add(v, hidden * y, name="update")
    sess.run(tf.global_variables_initializer())
    expected = np.zeros(4, np.float32)
    prepared = []
    from minitf.session import pipeline as module
    original = module.prune
    module.prune = lambda *args: prepared.append(1) or original(*args)
    try:
        for i in range(20):
            h = sess.partial_run_setup([hidden, update], [x, y])
            value = sess.partial_run(h, hidden, {x: np.full(4, i / 10, np.float32)})
            np.testing.assert_allclose(value, np.tanh(i / 10 + expected), rtol=1e-6)
            after = sess.partial_run(h, update, {y: value})
            expected = expected + value * value
            np.testing.assert_allclose(after, expected, rtol=1e-6)
            if i == 0:
                keys, operations = len(sess._executables), sess.graph.version
                assert len(prepared) == 2
    finally:
        module.prune = original
    assert len(prepared) == 2 and len(sess._executables) == keys and sess.graph.version == operations


def test_shapes_that_depend_on_values_and_several_devices():
    with tf.Graph().as_default():
        x, y = tf.placeholder(tf.float32, [None], name="x"), tf.placeholder(tf.float32, [], name="y")
        with tf.device("/cpu:0"):
            positive = tf.boolean_mask(x, x > 0., name="positive")
        with tf.device("/cpu:1"):
            scaled = tf.multiply(positive, y, name="scaled")
            shaped = tf.reshape(scaled, tf.shape(positive), name="shaped")
        with tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as sess:
            for values in ([1, -2, 3], [-1.], [4, 5, 6, -7]):
                h = sess.partial_run_setup([positive, scaled, shaped], [x, y])
                kept = sess.partial_run(h, positive, {x: values})
                np.testing.assert_array_equal(kept, [v for v in values if v > 0])
                np.testing.assert_array_equal(sess.partial_run(h, shaped, {y: 2}), 2 * kept)
                np.testing.assert_array_equal(sess.partial_run(h, scaled), 2 * kept)


def test_random_graphs_in_random_parts_equal_one_run():
    chance = np.random.default_rng(5)
    for _ in range(25):
        with tf.Graph().as_default():
            feeds = [tf.placeholder(tf.float32, [3]) for _ in range(4)]
            tensors, log = list(feeds), []
            for i in range(25):
                a, b = (tensors[k] for k in chance.integers(len(tensors), size=2))
                with tf.control_dependencies([tensors[k].op for k in chance.integers(len(tensors), size=chance.integers(3))]):
                    if i % 6 == 5:
                        v = counter(f"v{i}")
                        log.append(v)
                        with tf.control_dependencies([tf.assign_add(v, 1)]):
                            tensors.append(tf.identity(a))
                    else:
                        tensors.append([tf.add, tf.subtract, tf.maximum][chance.integers(3)](a, b))
            fetches = [tensors[k] for k in sorted(set(chance.integers(len(tensors), size=8)))]
            values = [chance.standard_normal(3).astype(np.float32) for _ in feeds]
            with tf.Session() as sess:
                sess.run(tf.global_variables_initializer())
                expected = dict(zip(fetches, sess.run(fetches, dict(zip(feeds, values)))))
                counts = sess.run([v.value() for v in log])
                h = sess.partial_run_setup(fetches, feeds)
                left, to_feed = list(fetches), list(range(4))
                chance.shuffle(left)
                chance.shuffle(to_feed)
                while left:
                    now, left = left[:2], left[2:]
                    while True:
                        try:
                            got = sess.partial_run(h, now)
                            break
                        except InvalidArgumentError:
                            k = to_feed.pop()
                            sess.partial_run(h, [], {feeds[k]: values[k]})
                    for tensor, value in zip(now, got):
                        np.testing.assert_array_equal(value, expected[tensor])
                assert sess.run([v.value() for v in log]) == [2 * c for c in counts]


def test_other_steps_go_on_beside_a_handle(sess):
    x, y = tf.placeholder(tf.float32, [3], name="x"), tf.placeholder(tf.float32, [3], name="y")
    v = tf.Variable([1., 1., 1.], name="v")
    a = tf.multiply(x, v.value(), name="a")
    b = tf.add(a, y, name="b")
    bump = tf.assign_add(v, [1., 1., 1.])
    sess.run(tf.global_variables_initializer())
    threads_before, errors = threading.active_count(), []
    handles = [sess.partial_run_setup([a, b], [x, y]) for _ in range(4)]
    for k, h in enumerate(handles):
        sess.partial_run(h, a, {x: [k] * 3})
    assert threading.active_count() == threads_before          # a waiting handle holds none

    def work(k):
        try:
            for i in range(50):
                sess.run(bump)
                assert np.array_equal(sess.run(b, {a: [i] * 3, y: [k] * 3}), [i + k] * 3)
                h = sess.partial_run_setup([a, b], [x, y])
                value = sess.partial_run(h, a, {x: [1, 2, 3]})
                assert np.array_equal(sess.partial_run(h, b, {y: [1, 1, 1]}), value + 1)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not errors
    for k, h in enumerate(handles):
        np.testing.assert_array_equal(sess.partial_run(h, b, {y: [10] * 3}), [k + 10] * 3)
    np.testing.assert_array_equal(sess.run(v), [201] * 3)


def test_a_dropped_handle_leaves_nothing(sess):
    from minitf.core.buffers import allocator_stats
    x = tf.placeholder(tf.float32, [100_000], name="x")
    a = tf.negative(x)
    b = tf.exp(a)
    value = np.zeros(100_000, np.float32)

    def once():
        h = sess.partial_run_setup([a, b], [x])
        sess.partial_run(h, a, {x: value})
        assert "keeps ['Neg" in repr(h)

    for _ in range(3):
        once()
    gc.collect()
    before = allocator_stats()[2]
    for _ in range(20):
        once()
    gc.collect()
    assert allocator_stats()[2] == before
