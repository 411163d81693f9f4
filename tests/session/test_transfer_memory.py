"""When a device asks for what others send it, and what that costs in memory: as late as it can (as it does), against all at its start."""
import gc
import math
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minitf as tf
from minitf.core.buffers import allocator_stats, peak_bytes
from minitf.session import schedule

from .graphs import LONG, devices, plans, probe, unoptimised
from .plan_oracle import makespan
from .random_graphs import Built
from .recipes import Recipe, data
from .test_random_graphs import quick, seeds

TRANSFERS = schedule._transfers
MEGABYTE = 1 << 20
COUNT = 17                    # tensors of a megabyte that the example sends


def on(i):
    return tf.device(f"/cpu:{i}")


def all_first(order):
    """As soon as possible: every Recv at the head of its device's program."""
    return sorted(TRANSFERS(order), key=lambda n: n.type != "_Recv")


@pytest.fixture
def early():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schedule, "_transfers", all_first)
        yield


def one_by_one(made=None, used=None):
    """cpu:0 makes large tensors, cpu:1 adds up the sums of each."""
    x = tf.placeholder(tf.float32, [MEGABYTE // 4])
    total = tf.zeros([])
    for i in range(COUNT):
        with on(0):
            t = probe(x, lambda v, i=i: made(i) if made else None)
        with on(1):
            total = probe(total + tf.reduce_sum(t), lambda v, i=i: used(i) if used else None)
    return total, {x: np.ones(MEGABYTE // 4, np.float32)}


# ---- on paper ---------------------------------------------------------------------------------------------------------------


def peaks(session, fetches, feeds):
    return {plan.device: plan.peak_bytes for plan in plans(session, fetches, feeds)}


def test_a_device_that_reduces_one_by_one_holds_one_at_a_time():
    total, feeds = one_by_one()
    with tf.Session(config=devices(2)) as sess:
        late, late_plans = peaks(sess, total, feeds), plans(sess, total, feeds)
    with pytest.MonkeyPatch.context() as patch, tf.Session(config=devices(2)) as sess:
        patch.setattr(schedule, "_transfers", all_first)
        first, first_plans = peaks(sess, total, feeds), plans(sess, total, feeds)
    zero, one = late
    assert MEGABYTE <= late[one] < 1.01 * MEGABYTE and COUNT * MEGABYTE <= first[one] < (COUNT + 0.01) * MEGABYTE
    assert late[zero] == first[zero] == MEGABYTE                # one at a time; what is under way counts for the receiver
    for transfer in (0, 1, 10):
        assert makespan(late_plans, transfer) < makespan(first_plans, transfer)


@pytest.mark.parametrize("n_devices", [2, 4])
@quick
@given(seeds, st.integers(5, 60))
def test_late_receives_never_cost_memory_or_time(n_devices, seed, n_ops):
    """Without fusion, which may find longer runs where everything has been received before."""
    recipe = Recipe(seed, n_ops, masks=False)
    recipe.steps = [(*step[:3], step[3] % n_devices) for step in recipe.steps]
    built = Built(recipe, cut=True, gradients="colocated")
    feeds = {t: data(recipe.steps[n][2], *recipe.types[n]) for t, n in built.feeds.items()}
    found = []
    for transfers in (TRANSFERS, all_first):
        with pytest.MonkeyPatch.context() as patch, tf.Session(graph=built.graph, config=unoptimised(n_devices)) as sess:
            patch.setattr(schedule, "_transfers", transfers)
            made = plans(sess, built.fetches, feeds)
            found.append(([plan.peak_bytes for plan in made], [makespan(made, c) for c in (0, 1, 5)]))
    (late, when), (first, when_first) = found
    assert all(a <= b for a, b in zip(late, first, strict=True)) and all(a <= b for a, b in zip(when, when_first))
    assert all(map(math.isfinite, when))


# ---- in the run -------------------------------------------------------------------------------------------------------------


def peak_of(run):
    """The most bytes live during run() beyond those before."""
    gc.collect()                                                # of sessions before
    before = allocator_stats()[2]
    peak_bytes(forget=True)
    run()
    return peak_bytes() - before


def test_memory_of_what_is_sent_is_used_again_as_soon_as_it_has_been_received():
    """The sender begins a tensor only when the last but one has been used: three storages do for all of them."""
    used = [threading.Event() for _ in range(COUNT)]

    def made(i):
        assert i < 2 or used[i - 2].wait(LONG)
    total, feeds = one_by_one(made, lambda i: used[i].set())
    with tf.Session(config=devices(2)) as sess:
        def run():
            [event.clear() for event in used]
            assert sess.run(total, feeds) == COUNT * (MEGABYTE // 4)
        assert MEGABYTE <= peak_of(run) < 3.1 * MEGABYTE
        run()                                                   # now it keeps what it has
        allocations = allocator_stats()[0]
        for _ in range(5):
            run()
        assert allocator_stats()[0] <= allocations + 2          # if the first step did with one


def test_all_is_in_memory_where_all_is_received_first(early):
    total, feeds = one_by_one()
    with tf.Session(config=devices(2)) as sess:
        assert COUNT * MEGABYTE <= peak_of(lambda: sess.run(total, feeds)) < (COUNT + 0.1) * MEGABYTE


def test_a_sender_far_ahead_of_its_receiver_holds_what_it_sends_in_one_step_and_no_more():
    """Send never waits, so all tensors of a step may be under way; those of the next step use their memory."""
    last = threading.Event()
    total, feeds = one_by_one(lambda i: last.set() if i == COUNT - 1 else None, lambda i: i or last.wait(LONG))
    with tf.Session(config=devices(2)) as sess:
        def run():
            last.clear()
            sess.run(total, feeds)
        assert (COUNT - 1) * MEGABYTE <= peak_of(run) < (COUNT + 0.1) * MEGABYTE          # the first has been used when the last is made
        run()                                                   # now it keeps what it has
        allocations = allocator_stats()[0]
        for _ in range(5):
            run()
        assert allocator_stats()[0] <= allocations + 1


def test_one_storage_serves_all_destinations():
    x = tf.placeholder(tf.float32, [MEGABYTE // 4])
    with on(0):
        t = probe(x, lambda v: None)
    sums = []
    for i in (1, 2, 3):
        with on(i):
            sums.append(tf.reduce_sum(t) * float(i))
    fed = np.ones(MEGABYTE // 4, np.float32)
    with tf.Session(config=devices(4)) as sess:
        assert MEGABYTE <= peak_of(lambda: sess.run(sums, {x: fed})) < 1.1 * MEGABYTE
        assert sess.run(sums, {x: fed}) == [(MEGABYTE // 4) * i for i in (1, 2, 3)]


def test_what_is_sent_in_a_large_step_is_kept_only_when_it_comes_again():
    total, feeds = one_by_one(lambda i: None)
    gc.collect()
    before = allocator_stats()[2]
    with tf.Session(config=devices(2)) as sess:
        gc.disable()                                            # nobody has to look for circles
        try:
            sess.run(total, feeds)
            assert allocator_stats()[2] < before + MEGABYTE
            for _ in range(2):
                sess.run(total, feeds)
            assert allocator_stats()[2] >= before + MEGABYTE
        finally:
            gc.enable()


def test_what_a_failed_step_had_sent_is_given_back():
    fail = [True]

    def used(i):
        if fail[0] and i == 3:
            raise ValueError("no")
    total, feeds = one_by_one(used=used)
    gc.collect()
    before = allocator_stats()[2]
    with tf.Session(config=devices(2)) as sess:
        for fail[0] in (True, False) * 5:
            if fail[0]:
                with pytest.raises(tf.errors.InvalidArgumentError, match="no"):
                    sess.run(total, feeds)
            else:
                assert sess.run(total, feeds) == COUNT * (MEGABYTE // 4)
        assert allocator_stats()[2] <= before + (COUNT + 0.1) * MEGABYTE
    gc.collect()
    assert allocator_stats()[2] == before
