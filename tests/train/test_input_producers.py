"""Producers: what comes out of them, how often, and when it ends."""
import numpy as np
import pytest

import minitf as tf
import minitf.v0 as v0


def run(session, tensor):
    """Everything that `tensor` gives until the end of the input; the runners' threads come and go."""
    session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(session, coord)
    values = []
    try:
        with pytest.raises(tf.errors.OutOfRangeError):
            while True:
                values.append(session.run(tensor))
    finally:
        coord.request_stop()
        coord.join(threads, stop_grace_period_secs=60)
    assert not any(t.is_alive() for t in threads)
    return values


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("epochs", [1, 3])
def test_rows_in_order_or_shuffled(session, shuffle, epochs):
    rows = np.arange(20, dtype=np.float32).reshape(10, 2)
    queue = tf.train.input_producer(tf.constant(rows), num_epochs=epochs, shuffle=shuffle, seed=7, capacity=4)
    got = np.array(run(session, queue.dequeue()))
    assert got.shape == (10 * epochs, 2)
    for epoch in range(epochs):                                        # each row once an epoch
        part = got[10 * epoch:10 * epoch + 10]
        np.testing.assert_array_equal(part[np.argsort(part[:, 0])], rows)
        assert (part == rows).all() != shuffle
    if shuffle and epochs > 1:
        assert not np.array_equal(got[:10], got[10:20]), "every epoch has an order of its own"


def test_the_seed_decides_the_order():
    orders = []
    for seed in (3, 3, 4):
        with tf.Graph().as_default(), tf.Session() as sess:
            orders.append(run(sess, tf.train.range_input_producer(50, 2, seed=seed).dequeue()))
    assert orders[0] == orders[1] != orders[2]


def test_without_a_number_of_epochs_it_goes_on(session):
    number = tf.train.range_input_producer(3, shuffle=False).dequeue()
    assert tf.local_variables() == []
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(coord=coord)
    assert [session.run(number) for _ in range(10)] == [0, 1, 2] * 3 + [0]
    coord.request_stop()
    coord.join(threads)


def test_strings(session):
    names = ["b", "a", "long name"]
    for given in (names, np.array(names), tf.constant(names), tf.Variable(names)):
        with given.graph.as_default() if hasattr(given, "graph") else tf.get_default_graph().as_default():
            tf.get_default_graph().clear_collection(tf.GraphKeys.QUEUE_RUNNERS)
            queue = tf.train.string_input_producer(given, num_epochs=2, shuffle=False)
            assert queue.dtypes == [tf.string]
            assert run(session, queue.dequeue()) == [b"b", b"a", b"long name"] * 2
    for empty in ([], np.array([], object)):
        with pytest.raises(ValueError, match="string_input_producer requires a non-null input tensor"):
            tf.train.string_input_producer(empty)


def test_an_empty_tensor_of_strings_is_an_error_of_the_run(session):
    names = tf.train.string_input_producer(tf.constant([], tf.string, shape=[0]))
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(session, coord)
    with pytest.raises(tf.errors.InvalidArgumentError, match="requires a non-null input tensor"):
        coord.join(threads, stop_grace_period_secs=60)
    assert names.dtypes == [tf.string]


def test_slices(session):
    images, labels = np.arange(24).reshape(6, 2, 2), np.array([f"label {i}" for i in range(6)], object)
    image, label = tf.train.slice_input_producer([images, labels], num_epochs=2, seed=1)
    assert image.shape.as_list() == [2, 2] and label.shape.as_list() == [] and image.dtype == tf.int64
    got = run(session, [image, label])
    assert len(got) == 12
    for a, b in got:
        np.testing.assert_array_equal(a, images[int(b.decode()[-1])])
    assert sorted(b for _, b in got) == sorted(s.encode() for s in [*labels, *labels])


def test_what_slices_can_not_be_made_of(session):
    with pytest.raises(ValueError, match="Expected at least one tensor in slice_input_producer"):
        tf.train.slice_input_producer([])
    with pytest.raises(ValueError, match="must have the same size in the first dimension"):
        tf.train.slice_input_producer([np.zeros([3, 2]), np.zeros([4])])
    with pytest.raises(ValueError, match="Either `input_tensor` must have a fully defined shape or `element_shape` must be specified"):
        tf.train.input_producer(tf.placeholder(tf.float32, [None, None]))
    queue = tf.train.input_producer(tf.placeholder_with_default(np.zeros([2, 3], np.float32), [None, None]), element_shape=[3], num_epochs=1)
    assert np.array(run(session, queue.dequeue())).shape == (2, 3)


def test_limit_epochs(session):
    x = tf.constant([1, 2])
    assert tf.train.limit_epochs(x) is x and tf.local_variables() == []
    y = tf.train.limit_epochs(x, 3)
    session.run(tf.local_variables_initializer())
    for _ in range(3):
        np.testing.assert_array_equal(session.run(y), [1, 2])
    with pytest.raises(tf.errors.OutOfRangeError, match="Reached limit of 3"):
        session.run(y)
    for bad in (0, -2):
        with pytest.raises(ValueError, match=f"num_epochs must be > 0 not {bad}."):
            tf.train.limit_epochs(x, bad)


def test_a_counter_that_was_not_initialised(session):
    tf.train.range_input_producer(3, num_epochs=1)
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(session, coord)
    with pytest.raises(tf.errors.FailedPreconditionError, match="uninitialized value input_producer/.*limit_epochs/epochs"):
        coord.join(threads, stop_grace_period_secs=60)


def test_names_of_ops_and_summaries(session):
    tf.train.slice_input_producer([np.zeros([3])], num_epochs=1)
    tf.train.string_input_producer(["a"], name="files", capacity=7)
    tf.train.input_producer(np.zeros([3]), summary_name="full")
    names = {op.name for op in tf.get_default_graph().get_operations()}
    assert {"input_producer/input_producer", "input_producer/input_producer/RandomShuffle", "input_producer/input_producer/limit_epochs/epochs",
            "input_producer/input_producer/limit_epochs", "input_producer/Gather", "files", "files/RandomShuffle"} <= names
    assert [s.op.name for s in tf.get_collection(tf.GraphKeys.SUMMARIES)] == [
        "input_producer/input_producer/fraction_of_32_full", "files/fraction_of_7_full", "input_producer_1/full"]


def test_the_summary_tells_how_full_the_queue_is(session):
    queue = tf.train.range_input_producer(8, num_epochs=1, capacity=16)
    size, summary = queue.size(), tf.summary.merge_all()
    session.run(tf.local_variables_initializer())
    threads = tf.train.start_queue_runners(session)
    for thread in threads:
        thread.join(60)
    from tensorboard.compat.proto.summary_pb2 import Summary
    value, = Summary.FromString(session.run(summary)).value
    assert (session.run(size), value.tag, value.simple_value) == (8, "input_producer/fraction_of_16_full", 0.5)


class TestFiles:
    def test_names_are_looked_up_once(self, session, tmp_path):
        for name in ("b.txt", "a.txt", "c.csv"):
            (tmp_path / name).write_text(name)
        found = tf.train.match_filenames_once(str(tmp_path / "*.txt"))
        both = tf.train.match_filenames_once([str(tmp_path / "*.csv"), str(tmp_path / "a*")])
        now = tf.matching_files(str(tmp_path / "*.txt"))
        assert found in tf.local_variables() and found not in tf.trainable_variables()
        name = tf.train.string_input_producer(found, num_epochs=1, shuffle=False).dequeue()
        assert run(session, name) == [str(tmp_path / n).encode() for n in ("a.txt", "b.txt")]
        (tmp_path / "d.txt").write_text("late")
        assert [len(v) for v in session.run([found, now, both])] == [2, 3, 2]
        session.run(found.initializer)
        assert len(session.run(found)) == 3
        assert session.run(tf.matching_files(str(tmp_path / "nothing*"))).shape == (0,)

    def test_patterns(self, session):
        with pytest.raises(ValueError, match="at most rank 1"):
            tf.matching_files([["*"]])
        pattern = tf.placeholder(tf.string)
        with pytest.raises(tf.errors.InvalidArgumentError, match="at most rank 1"):
            session.run(tf.matching_files(pattern), {pattern: [["*"]]})


def test_in_2015_the_counter_was_a_global_variable():
    with tf.Graph().as_default(), tf.Session() as sess:
        row, = v0.train.slice_input_producer([np.arange(4)], num_epochs=2, shuffle=False)
        two = v0.train.batch(tensor_list=[row], batch_size=2)
        sess.run(v0.initialize_all_variables())
        coord = v0.train.Coordinator()
        threads = v0.train.start_queue_runners(sess=sess, coord=coord)
        assert [sess.run(two).tolist() for _ in range(4)] == [[0, 1], [2, 3]] * 2
        with pytest.raises(tf.errors.OutOfRangeError):
            sess.run(two)
        coord.request_stop()
        coord.join(threads)
        assert len(tf.global_variables()) == len(tf.local_variables()) == 1
