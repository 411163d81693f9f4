"""Conditional accumulators of dense gradients: against NumPy, under many threads, and where a step that waits is ended from outside."""
import gc
import logging
import random

import numpy as np
import pytest
from fed_accumulators import Background, Dense, Sparse, line, waiting

import minitf as tf
from minitf.core.buffers import allocator_stats


@pytest.fixture(autouse=True)
def session():
    with tf.Graph().as_default(), tf.Session() as sess:
        yield sess


@pytest.mark.parametrize("dtype", [tf.float32, tf.float64])
@pytest.mark.parametrize("shape", [[], [3], [2, 40000]])
def test_the_mean_to_the_bit(dtype, shape):
    """The sum in the order of arrival, then a division: what NumPy gives in the same order."""
    a = Dense(shape, dtype)
    gradients = np.random.default_rng(0).standard_normal([5, *shape]).astype(dtype.as_numpy_dtype)
    for g in gradients:
        a.apply(g)
    total = gradients[0].copy()
    for g in gradients[1:]:
        total = total + g
    np.testing.assert_array_equal(a.take(5), total / gradients.dtype.type(5))
    a.apply(gradients[1], 1)
    np.testing.assert_array_equal(a.take(1), gradients[1])
    assert a.count() == 0


def test_more_than_enough_are_all_taken():
    a = Dense([1])
    for x in (1., 2., 6.):
        a.apply([x])
    assert a.count() == 3 and a.take(2) == [3] and a.count() == 0


def test_a_sum():
    a = Dense([1], reduction_type="SUM")
    a.apply([1.5]), a.apply([2.])
    assert a.take(2) == [3.5]
    with pytest.raises(ValueError, match="MEAN"):
        tf.ConditionalAccumulator(tf.float32, reduction_type="MAX")


def test_stale_gradients_are_dropped():
    a = Dense([1])
    a.apply([1.], 0), a.apply([3.], 5)                                 # a step ahead is fine
    assert a.take(2) == [2]
    a.apply([100.], 0)
    assert a.count() == 0
    a.apply([4.], 1)
    a.set(7)
    for step in (2, 6):
        a.apply([100.], step)
    a.apply([6.], 7)
    assert a.count() == 2 and a.take(2) == [5]
    a.apply([100.], 7)
    assert a.count() == 0, "taking has counted the step on"


def test_the_global_step_set_back(caplog):
    a = Dense([1])
    a.set(10)
    with caplog.at_level(logging.WARNING):
        a.set(3)
    assert "from 10 to 3, a smaller value" in caplog.text
    a.apply([1.], 2), a.apply([2.], 3)
    assert a.count() == 1


def test_shapes():
    a = Dense([2, None])
    for bad, text in (([1., 2.], r"expected \[2,\?\], got \[2\]"), ([[1., 2.]], r"expected \[2,\?\], got \[1,2\]")):
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"Shape mismatch: {text}"):
            a.apply(bad)
    a.apply([[1.], [2.]])
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"Shape mismatch: expected \[2,1\], got \[2,2\]"):
        a.apply(np.zeros([2, 2]))
    a.apply(np.zeros([2, 3]), -1)                                      # stale: not looked at
    assert a.count() == 1
    np.testing.assert_array_equal(a.take(1), [[1], [2]])
    a.apply(np.ones([2, 3]), 1)                                        # the next sum may have another
    assert a.take(1).shape == (2, 3)
    with pytest.raises(ValueError, match="not compatible"):
        a.accumulator.apply_grad(np.zeros([3], np.float32))
    assert a.take_op.shape.as_list() == [2, None] and Dense().take_op.shape.ndims is None
    b = Dense()
    b.apply([1.], 0)
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"expected \[1\], got \[\]"):
        b.apply(1.)


def test_arguments(session):
    a = Dense([1])
    for n in (0, -3):
        with pytest.raises(tf.errors.InvalidArgumentError, match=f"Argument num_required must be positive, but was {n}"):
            a.take(n)
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be rank 0 but is rank 1 for num_required"):
        a.take([1])
    with pytest.raises(TypeError, match="int32"):
        tf.ConditionalAccumulator(tf.int32)
    with pytest.raises(ValueError, match="requested dtype float32 for Tensor with dtype float64"):
        a.accumulator.apply_grad(np.zeros([1], np.float64) * tf.constant(1., tf.float64))
    name = tf.ConditionalAccumulator(tf.float32, name="scope/mine")
    assert (name.name, name.dtype, name.accumulator_ref.op.type) == ("mine", tf.float32, "ConditionalAccumulator")
    assert name.num_accumulated().op.name == "mine_NumAccumulated"
    with pytest.raises((ValueError, TypeError), match="ConditionalAccumulator|handle"):
        tf.SparseConditionalAccumulator.take_grad(name, 1)


def test_one_that_is_shared(session):
    first = tf.ConditionalAccumulator(tf.float32, [1], shared_name="s")
    second = tf.ConditionalAccumulator(tf.float32, [1], shared_name="s")
    session.run(first.apply_grad([3.]))
    assert session.run(second.take_grad(1)) == [3]
    for other in (tf.ConditionalAccumulator(tf.float32, [2], shared_name="s"), tf.ConditionalAccumulator(tf.float64, [1], shared_name="s"),
                  tf.SparseConditionalAccumulator(tf.float32, [1], shared_name="s"), tf.FIFOQueue(3, tf.float32, shared_name="s")):
        with pytest.raises(tf.errors.InvalidArgumentError, match="'?s'?"):
            session.run(other.num_accumulated() if hasattr(other, "num_accumulated") else other.size())


def test_what_is_taken_is_used_in_the_same_step(session):
    """The taken mean goes into an update: as synchronous replicas do it."""
    a = Dense([2])
    v = tf.Variable([1., 1.])
    update = v.assign_sub(a.accumulator.take_grad(2))
    session.run(v.initializer)
    a.apply([1., 2.]), a.apply([3., 4.])
    np.testing.assert_array_equal(session.run(update), [-1, -2])
    both = tf.group(a.accumulator.apply_grad([5., 5.], 1), a.accumulator.apply_grad([7., 7.], 1))
    with tf.control_dependencies([both]):
        taken = a.accumulator.take_grad(2)
    np.testing.assert_array_equal(session.run(taken * 2.), [12, 12])


def test_what_a_step_adds_it_adds_before_it_takes(session):
    """They are not ordered, and a device runs one instruction at a time: taken first, the gradient would never come."""
    dense, sparse = tf.ConditionalAccumulator(tf.float32, [1]), tf.SparseConditionalAccumulator(tf.float32, [3])
    for taken, add in ((dense.take_grad(1), dense.apply_grad([4.])), (sparse.take_grad(1)[1], sparse.apply_grad([2], [4.]))):
        value, _ = session.run([taken, add], options=tf.RunOptions(timeout_in_ms=10_000))
        assert value == [4]


# ---- waiting ----------------------------------------------------------------------------------------------------------------


def test_a_taker_waits_for_the_last_gradient():
    a = Dense([1])
    taker = waiting(a, 3)
    a.apply([1.]), a.apply([2.])
    assert a.count() == 2 and taker.thread.is_alive()
    a.apply([6.])
    assert taker.result() == [3] and a.count() == 0


def test_a_parked_taker_gets_exactly_as_many_as_it_asked_for():
    """The gradient that completes the sum takes it: those behind it, from the step before, are stale already."""
    a = Dense([1])
    for k in range(50):
        taker = waiting(a, 2)
        a.apply([1.], k), a.apply([3.], k)
        a.apply([100.], k)
        result = taker.result()
        if result == [2]:                                              # it was there before the last came
            assert a.count() == 0
        else:                                                          # it came when all three were there
            assert result == [np.float32(104 / 3)]


@pytest.mark.parametrize("seed", range(4))
def test_takers_are_served_in_order(session, seed):
    """A greater request in front is not passed by smaller ones behind it."""
    rng = random.Random(seed)
    a, order = Dense([]), []
    wanted = [rng.randrange(1, 5) for _ in range(6)]
    takers = []
    for k, n in enumerate(wanted):
        asked = len(order)

        def take(k=k, n=n):
            value = a.take(n)
            order.append((k, float(value)))
            return value
        takers.append(Background(take))
        while line(session, a) < k + 1:                                # one after the other into the line
            pass
        assert asked == 0
    step = 0
    for k, n in enumerate(wanted):
        for _ in range(n):
            a.apply(float(k), step)
        step += 1
        assert takers[k].result() == k and all(t.thread.is_alive() or t in takers[:k + 1] for t in takers)
    assert order == [(k, float(k)) for k in range(6)] or sorted(order) == [(k, float(k)) for k in range(6)]


@pytest.mark.parametrize("kind", [Dense, Sparse])
def test_a_session_that_is_closed_ends_who_waits(kind):
    with tf.Graph().as_default():
        with tf.Session() as sess:
            a = kind([1])
            takers = [waiting(a, n) for n in (1, 2)]
            while line(sess, a) < 2:
                pass
        for taker in takers:
            with pytest.raises((tf.errors.CancelledError, RuntimeError)):
                taker.result()


def test_a_time_out_leaves_the_line(session):
    a = Dense([1])
    a.apply([1.], -1), a.apply([3.])
    with pytest.raises(tf.errors.DeadlineExceededError, match="waits for gradients in ConditionalAccumulator 'conditional_accumulator' .has 1 of 2 asked for., in "):
        session.run(a.take_op, {a.n: 2}, options=tf.RunOptions(timeout_in_ms=50))
    assert line(session, a) == 0
    a.apply([5.])
    assert a.count() == 2 and a.take(1) == [4], "the taker that gave up has taken nothing"


def test_a_failure_elsewhere_in_the_step_ends_the_wait():
    with tf.Graph().as_default(), tf.Session(config=tf.ConfigProto(device_count={"CPU": 2})) as sess:
        with tf.device("/cpu:0"):
            accumulator = tf.ConditionalAccumulator(tf.float32, [1])
            taken = accumulator.take_grad(1)
        with tf.device("/cpu:1"):
            index = tf.placeholder(tf.int32, [1])
            bad = tf.gather([1.], index)
        with pytest.raises(tf.errors.InvalidArgumentError, match="is not in"):
            sess.run([taken, bad], {index: [7]})
        sess.run(accumulator.apply_grad([2.]))
        assert sess.run(taken) == [2]


@pytest.mark.parametrize("kind", [Dense, Sparse])
def test_nothing_is_left_behind(kind):
    """Every storage is given back once: of what was taken, what was left, and what a taker was waiting for."""
    def use():
        with tf.Graph().as_default(), tf.Session():
            a = kind([5000])
            for k in range(4):
                a.apply(*([np.ones(5000)] if kind is Dense else [np.arange(5000), np.ones(5000)]), step=k)
                if k < 3:
                    a.take(1)
            with pytest.raises(tf.errors.DeadlineExceededError):
                a.session.run(a.take_op, {a.n: 3}, options=tf.RunOptions(timeout_in_ms=20))
            b = kind([5000])
            b.apply(*([np.ones(5000)] if kind is Dense else [np.arange(5000), np.ones(5000)]))
            b.take(1)
    use()
    gc.collect()
    before = allocator_stats()
    use()
    gc.collect()
    after = allocator_stats()
    assert after[0] - after[1] == before[0] - before[1] and after[2] == before[2]


# ---- many threads -----------------------------------------------------------------------------------------------------------


def settled(session, a, takers):
    """How many takers wait, once each of the others has ended."""
    while True:
        waiting = line(session, a)
        if waiting == sum(t.thread.is_alive() for t in takers):
            return waiting


@pytest.mark.parametrize("seed", range(4))
def test_random_schedules_dense(session, seed):
    """Appliers and takers at random.  Powers of two tell which gradients a sum had, whatever their order: each is taken once, or left at the end."""
    rng = random.Random(seed)
    a = Dense([], tf.float64, reduction_type="SUM")
    a_step = 10 ** 9                                                   # none is stale
    counts = [rng.randrange(1, 12) for _ in range(4)]
    numbers = list(range(sum(counts)))
    rng.shuffle(numbers)
    wanted = []
    while sum(wanted) + 3 <= len(numbers):
        wanted.append(rng.randrange(1, 4))
    takers = [Background(lambda n=n: a.take(n)) for n in wanted]
    appliers = []
    for c in counts:
        mine, numbers = numbers[:c], numbers[c:]
        appliers.append(Background(lambda mine=mine: [a.apply(2. ** i, a_step) for i in mine]))
    for applier in appliers:
        applier.result()
    total = sum(counts)
    while settled(session, a, takers):                                 # some had more than they asked for, so there may be too few for the last
        a.apply(2. ** total, a_step)
        total += 1
    seen = 0
    for taker, n in zip(takers, wanted):
        bits = int(taker.result())
        assert bits & seen == 0 and bin(bits).count("1") >= n
        seen |= bits
    if a.count():
        bits = int(a.take(1))
        assert bits & seen == 0
        seen |= bits
    assert seen == (1 << total) - 1
