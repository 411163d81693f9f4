"""Batches from queues: which examples are in them, in which order, and what happens at the end."""
import numpy as np
import pytest

import minitf as tf

from .test_input_producers import run


def numbers(count, epochs=1, shuffle=False):
    """0, 1, ... count - 1 as an int32 scalar, `epochs` times."""
    return tf.train.range_input_producer(count, epochs, shuffle).dequeue()


class TestBatch:
    def test_in_order_and_the_rest_is_dropped(self, session):
        n = numbers(10)
        batch = tf.train.batch([n, tf.cast(n, tf.float32) * [1., 2.]], 3)
        assert [t.shape.as_list() for t in batch] == [[3], [3, 2]]
        got = run(session, batch)
        np.testing.assert_array_equal([a for a, _ in got], np.arange(9).reshape(3, 3))
        np.testing.assert_array_equal(np.concatenate([b for _, b in got]), np.arange(9)[:, None] * [1, 2])

    def test_a_smaller_batch_at_the_end(self, session):
        batch = tf.train.batch([numbers(10)], 4, allow_smaller_final_batch=True)
        assert batch.shape.as_list() == [None]
        assert [b.tolist() for b in run(session, batch)] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]

    def test_dicts_and_lists(self, session):
        n = numbers(6)
        several, single = tf.train.batch({"n": n, 3: tf.as_string(n)}, 2), tf.train.batch({"n": numbers(6)}, 2)
        assert list(several) == [3, "n"] and list(single) == ["n"] and isinstance(tf.train.batch([numbers(2)], 2), tf.Tensor)
        got = run(session, [several["n"], several[3], single["n"]])
        assert [[a.tolist(), b.tolist(), c.tolist()] for a, b, c in got] == [[[i, i + 1], [b"%d" % i, b"%d" % (i + 1)], [i, i + 1]] for i in (0, 2, 4)]

    def test_many_at_a_time(self, session):
        rows = tf.train.range_input_producer(12, 1, shuffle=False).dequeue_many(4)
        batch = tf.train.batch([rows, tf.reshape(rows, [4, 1])], 3, enqueue_many=True)
        assert [t.shape.as_list() for t in batch] == [[3], [3, 1]]
        assert [a.tolist() for a, _ in run(session, batch)] == np.arange(12).reshape(4, 3).tolist()

    @pytest.mark.parametrize("threads", [2, 4])
    def test_several_threads_lose_nothing(self, session, threads):
        batch = tf.train.batch([numbers(60, 2)], 8, num_threads=threads, capacity=16, allow_smaller_final_batch=True)
        assert len(tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS)[1].enqueue_ops) == threads
        assert sorted(np.concatenate(run(session, batch)).tolist()) == sorted([*range(60)] * 2)

    def test_padding(self, session):
        n = numbers(5)
        word = tf.fill([n, 2], n)
        word.set_shape([None, 2])
        batch = tf.train.batch([word, n], 2, dynamic_pad=True, allow_smaller_final_batch=True)
        got = run(session, batch)
        assert [a.shape for a, _ in got] == [(2, 1, 2), (2, 3, 2), (1, 4, 2)]
        np.testing.assert_array_equal(got[1][0], [[[2, 2], [2, 2], [0, 0]], [[3, 3], [3, 3], [3, 3]]])
        with pytest.raises(ValueError):
            tf.train.batch([word], 2)

    def test_shapes_that_are_told(self, session):
        x = tf.placeholder_with_default(np.float32([1, 2]), None)
        with pytest.raises(ValueError, match="Cannot infer Tensor's rank"):
            tf.train.batch([x], 2)
        batch = tf.train.batch([x + tf.cast(numbers(4), tf.float32)], 2, shapes=[[2]])
        assert batch.shape.as_list() == [2, 2]
        assert [b.tolist() for b in run(session, batch)] == [[[1, 2], [2, 3]], [[3, 4], [4, 5]]]

    def test_arguments(self, session):
        n = tf.constant(1)
        for call, kind, text in ((lambda: tf.train.batch([], 2), ValueError, "Expected at least one tensor in batch"),
                                 (lambda: tf.train.batch_join([], 2), ValueError, "Expected at least one set of tensors"),
                                 (lambda: tf.train.batch(n, 2), TypeError, "takes a list or dict of tensors"),
                                 (lambda: tf.train.batch_join([[n], [n, n]], 2), ValueError, "as many tensors as the first"),
                                 (lambda: tf.train.batch_join([[n], [1.5]], 2), TypeError, "Expected types to be consistent: int32 vs. float32"),
                                 (lambda: tf.train.batch_join([{"a": n}, {"b": n}], 2), ValueError, "must have the same keys"),
                                 (lambda: tf.train.batch_join([[[1, 2]], [[1, 2, 3]]], 2), ValueError, "2.*3"),
                                 (lambda: tf.train.batch([tf.SparseTensor([[0]], [1.], [2])], 2), TypeError, "takes dense tensors"),
                                 (lambda: tf.train.shuffle_batch([n], 2, 10, 10), ValueError, "capacity 10 must be bigger than min_after_dequeue 10"),
                                 (lambda: tf.train.maybe_batch([n], [True], 2), ValueError, "cannot be a vector when `enqueue_many=False`"),
                                 (lambda: tf.train.maybe_batch([[n]], [[True]], 2, enqueue_many=True), ValueError, "must be 0 or 1 dimensions"),
                                 (lambda: tf.train.maybe_batch([n], tf.placeholder(tf.bool), 2), ValueError, "must be known at graph construction")):
            with pytest.raises(kind, match=text):
                call()


class TestShuffleBatch:
    def test_every_example_once_an_epoch_mixed(self, session):
        batch = tf.train.shuffle_batch([numbers(40, 3)], 8, capacity=24, min_after_dequeue=12, seed=3)
        got = np.concatenate(run(session, batch))
        assert sorted(got) == sorted([*range(40)] * 3) and got[:40].tolist() != list(range(40))
        assert np.abs(np.argsort(got[:40])).max() < 40

    def test_the_seed_decides_where_one_thread_fills(self):
        """The examples that it may draw from are those in the queue: with the queue full before each batch, all of the order follows from the seed."""
        orders = []
        for seed in (1, 1, 2):
            with tf.Graph().as_default(), tf.Session() as sess:
                n = tf.train.range_input_producer(30, 1, shuffle=False).dequeue_many(30)
                batch = tf.train.shuffle_batch([n], 30, capacity=60, min_after_dequeue=0, enqueue_many=True, seed=seed)
                orders.append(run(sess, batch)[0].tolist())
        assert orders[0] == orders[1] != orders[2] and sorted(orders[2]) == list(range(30))

    def test_from_several_sources(self, session):
        sources = [[numbers(20), tf.constant(k)] for k in range(3)]
        values, source = tf.train.shuffle_batch_join(sources, 6, capacity=30, min_after_dequeue=10, allow_smaller_final_batch=True)
        assert len(tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS)[-1].enqueue_ops) == 3
        got = run(session, [values, source])
        pairs = sorted(zip(np.concatenate([v for v, _ in got]), np.concatenate([s for _, s in got])))
        assert pairs == sorted((n, k) for n in range(20) for k in range(3))


def test_join(session):
    dicts = tf.train.batch_join([{"n": numbers(9), "k": tf.constant(k)} for k in range(2)], 4, allow_smaller_final_batch=True)
    got = run(session, [dicts["n"], dicts["k"]])
    pairs = list(zip(np.concatenate([n for n, _ in got]), np.concatenate([k for _, k in got])))
    assert sorted(pairs) == sorted((n, k) for n in range(9) for k in range(2))
    for k in range(2):                                                 # each source's examples are in order
        assert [n for n, source in pairs if source == k] == list(range(9))


class TestKeepInput:
    @pytest.mark.parametrize("make", [lambda n, keep: tf.train.maybe_batch([n], keep, 5, allow_smaller_final_batch=True),
                                      lambda n, keep: tf.train.maybe_batch_join([[n]], keep, 5, allow_smaller_final_batch=True),
                                      lambda n, keep: tf.train.maybe_shuffle_batch([n], 5, 20, 10, keep, allow_smaller_final_batch=True),
                                      lambda n, keep: tf.train.maybe_shuffle_batch_join([[n]], 5, 20, 10, keep, allow_smaller_final_batch=True)])
    def test_a_scalar(self, session, make):
        n = numbers(40)
        assert sorted(np.concatenate(run(session, make(n, tf.equal(n % 3, 0)))).tolist()) == list(range(0, 40, 3))

    def test_what_is_known(self, session):
        n = numbers(6)
        kept = tf.train.maybe_batch([n], True, 2)
        assert [b.tolist() for b in run(session, kept)] == [[0, 1], [2, 3], [4, 5]]
        tf.train.maybe_batch([n], False, 2)
        assert tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS)[-1].enqueue_ops[0].type == "NoOp"

    def test_a_vector(self, session):
        rows = tf.train.range_input_producer(20, 1, shuffle=False).dequeue_many(5)
        batch = tf.train.maybe_batch([rows, rows * 2], tf.equal(rows % 2, 0), 2, enqueue_many=True)
        assert [a.tolist() for a, _ in run(session, batch)] == np.arange(0, 20, 2).reshape(5, 2).tolist()


def test_names_of_ops_and_summaries(session):
    n = tf.constant(1)
    tf.train.batch([n], 2)
    tf.train.shuffle_batch([n], 2, 30, 10)
    tf.train.batch_join([[n]], 2, name="mine", capacity=5, dynamic_pad=True)
    names = {op.name: op.type for op in tf.get_default_graph().get_operations()}
    assert names["batch"] == "QueueDequeueMany" and names["batch/fifo_queue"] == "FIFOQueue" and names["batch/fifo_queue_enqueue"] == "QueueEnqueue"
    assert names["shuffle_batch/random_shuffle_queue"] == "RandomShuffleQueue" and names["mine/padding_fifo_queue"] == "PaddingFIFOQueue"
    assert [s.op.name for s in tf.get_collection(tf.GraphKeys.SUMMARIES)] == [
        "batch/fraction_of_32_full", "shuffle_batch/fraction_over_10_of_20_full", "mine/fraction_of_5_full"]


@pytest.mark.parametrize("threads", [1, 3])
def test_digits_without_a_feed(session, threads):
    """Softmax regression on the digits: each example is learned from as often as there are epochs, no more and no less, and the model learns."""
    from minitf.datasets import mnist
    data = mnist().train
    images, labels = data.images[:600], data.labels[:600]
    tf.set_random_seed(5)
    image, label, number = tf.train.slice_input_producer([images, labels, np.arange(600)], num_epochs=6)
    x, y, which = tf.train.shuffle_batch([image, label, number], 32, capacity=200, min_after_dequeue=100, num_threads=threads, allow_smaller_final_batch=True)
    w, b = tf.Variable(tf.zeros([784, 10])), tf.Variable(tf.zeros([10]))
    seen = tf.Variable(np.zeros(600, np.int32), trainable=False)
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=tf.matmul(x, w) + b))
    learn = tf.group(tf.train.GradientDescentOptimizer(0.3).minimize(loss), tf.scatter_add(seen, which, tf.ones_like(which, tf.int32)))
    losses = run(session, [loss, learn])
    assert len(losses) == -(-600 * 6 // 32)
    np.testing.assert_array_equal(session.run(seen), 6)
    right = session.run(tf.argmax(tf.matmul(images, w) + b, 1)) == labels
    assert losses[0][0] == pytest.approx(np.log(10)) and right.mean() > 0.9
