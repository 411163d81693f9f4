"""Random streams go on after a restore as if nothing had happened."""
import numpy as np
import pytest

import minitf as tf


def draws():
    return [tf.random_uniform([5], seed=1), tf.random_normal([3]), tf.random_shuffle(tf.range(20), seed=2),
            tf.nn.log_uniform_candidate_sampler([[1]], 1, 20, True, 100)[0], tf.multinomial(tf.zeros([1, 50]), 7)]


@pytest.mark.parametrize("graph_seed", [None, 5])
def test_a_restored_run_draws_what_the_first_would_have(session, tmp_path, graph_seed):
    tf.set_random_seed(graph_seed)
    ops, streams = draws(), tf.train.RandomStreams()
    assert streams.variable.get_shape().as_list() == [5, 2] and streams.variable not in tf.trainable_variables()
    saver = tf.train.Saver()
    session.run(tf.global_variables_initializer())
    for _ in range(3):
        session.run(ops)
    streams.remember(session)
    path = saver.save(session, str(tmp_path / "model"))
    wanted = [session.run(ops) for _ in range(3)]
    with tf.Session() as other:
        other.run(ops[0])                                        # this one has been used before, those not yet
        saver.restore(other, path)
        streams.recall(other)
        for want in wanted:
            for value, w in zip(other.run(ops), want):
                np.testing.assert_array_equal(value, w)
    session.run(ops)
    streams.recall(session)                                      # it may go back too
    np.testing.assert_array_equal(session.run(ops)[1], wanted[0][1])


def test_a_graph_without_random_ops():
    tf.nn.compute_accidental_hits([[1]], [1], 1)
    with pytest.raises(ValueError, match="no random ops"):
        tf.train.RandomStreams()


def test_random_ops_in_bodies_are_refused():
    """At any depth: a restored run would draw other numbers in them without a word."""
    with tf.Graph().as_default():
        tf.random_uniform([2])
        yes = tf.placeholder_with_default(True, [])
        tf.cond(yes, lambda: tf.while_loop(lambda i: i < 3.0, lambda i: i + tf.random_uniform([]), [0.0]), lambda: tf.zeros([]))
        with pytest.raises(ValueError, match="in the body of .*: draw its numbers outside"):
            tf.train.RandomStreams()
