"""QueueRunner: threads that fill queues, close them at the end, and tell of errors."""
import signal
import threading

import numpy as np
import pytest

import minitf as tf

LONG = 60                     # seconds that only a test which fails waits


def counter(limit, name="counter"):
    """0, 1, ... limit - 1, one each time it is computed; then OutOfRangeError."""
    return tf.Variable(0, name=name, trainable=False, collections=[tf.GraphKeys.LOCAL_VARIABLES]).count_up_to(limit)


def everything(session, tensor):
    """What a tensor gives until OutOfRangeError."""
    values = []
    with pytest.raises(tf.errors.OutOfRangeError):
        while True:
            values.append(session.run(tensor))
    return values


def ended(threads):
    for thread in threads:
        thread.join(LONG)
    return not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_each_number_comes_once_and_then_the_end(session, n):
    queue = tf.FIFOQueue(3, tf.int32, [])
    runner = tf.train.QueueRunner(queue, [queue.enqueue(counter(50))] * n)
    taken = queue.dequeue()
    session.run(tf.local_variables_initializer())
    coord = tf.train.Coordinator()
    threads = runner.create_threads(session, coord, start=True)
    assert len(threads) == n + 1
    values = everything(session, taken)
    assert sorted(values) == list(range(50)) and (n > 1 or values == list(range(50)))
    assert not coord.should_stop(), "the end of the input is no request to stop"
    coord.request_stop()
    coord.join(threads)
    assert ended(threads)


def test_only_the_last_thread_closes(session):
    queue = tf.FIFOQueue(100, tf.int32, [])
    go = threading.Event()

    def wait(i):
        go.wait(LONG)
        return i
    slow = tf.py_func(wait, [counter(3, "slow")], tf.int32)
    slow.set_shape([])
    runner = tf.train.QueueRunner(queue, [queue.enqueue(counter(4, "quick")), queue.enqueue(slow)])
    taken, size = queue.dequeue(), queue.size()
    session.run(tf.local_variables_initializer())
    quick, _ = threads = runner.create_threads(session, start=True)
    assert ended([quick]) and session.run(size) == 4
    assert [session.run(taken) for _ in range(4)] == [0, 1, 2, 3]
    go.set()
    assert everything(session, taken) == [0, 1, 2] and ended(threads) and runner.exceptions_raised == []


def test_an_error_reaches_join_and_stops_the_rest(session):
    full, other = tf.FIFOQueue(1, tf.int32, []), tf.FIFOQueue(1, tf.float32, [])

    def fails(x):
        raise ValueError("no such file")
    bad = tf.py_func(fails, [1.0], tf.float32, name="bad")
    bad.set_shape([])
    for runner in (tf.train.QueueRunner(full, [full.enqueue(counter(10 ** 6))] * 2), tf.train.QueueRunner(other, [other.enqueue(bad)])):
        tf.train.add_queue_runner(runner)
    taken = full.dequeue()
    session.run(tf.local_variables_initializer())
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(coord=coord)
    with pytest.raises(tf.errors.InvalidArgumentError, match="no such file") as e:
        coord.join(threads, stop_grace_period_secs=LONG)
    assert e.value.op.name == "bad" and "test_queue_runner.py" in str(e.value) and ended(threads)
    with pytest.raises(tf.errors.OutOfRangeError):                     # closed; what is in it can be taken
        for _ in range(5):
            session.run(taken)


def test_without_a_coordinator_the_runner_keeps_its_errors(session, caplog):
    queue = tf.FIFOQueue(10, tf.int32, [])
    bad = tf.py_func(lambda: 1 / 0, [], tf.int32)
    bad.set_shape([])
    runner = tf.train.QueueRunner(queue, [queue.enqueue(bad), queue.enqueue(counter(3))])
    session.run(tf.local_variables_initializer())
    threads = runner.create_threads(session, start=True)
    assert ended(threads)
    error, = runner.exceptions_raised
    assert isinstance(error, tf.OpError) and "ZeroDivisionError" in str(error) and "Exception in QueueRunner: " in caplog.text


def test_a_stop_frees_who_waits_for_room(session):
    queue = tf.FIFOQueue(1, tf.int32, [])
    runner = tf.train.QueueRunner(queue, [queue.enqueue(7)] * 3)
    size = queue.size()
    coord = tf.train.Coordinator()
    threads = runner.create_threads(session, coord, start=True)
    while session.run(size) == 0:
        pass
    coord.request_stop()
    coord.join(threads, stop_grace_period_secs=LONG)
    assert ended(threads) and session.run(size) == 1


def test_a_stop_ends_ops_that_never_wait(session):
    """Nothing is put in, as of maybe_batch() of examples that are not kept: there is no error to end the thread."""
    coord = tf.train.Coordinator()
    threads = tf.train.QueueRunner(tf.FIFOQueue(1, tf.int32, []), [tf.no_op()]).create_threads(session, coord, daemon=True, start=True)
    coord.request_stop()
    coord.join(threads, stop_grace_period_secs=10)
    assert ended(threads)


def test_a_session_that_is_closed_under_its_runners():
    with tf.Graph().as_default():
        queue = tf.FIFOQueue(1, tf.int32, [])
        tf.train.add_queue_runner(tf.train.QueueRunner(queue, [queue.enqueue(7)] * 2))
        coord, size = tf.train.Coordinator(), queue.size()
        with tf.Session() as sess:
            threads = tf.train.start_queue_runners(sess, coord)
            while sess.run(size) == 0:
                pass
        with pytest.raises((tf.errors.CancelledError, RuntimeError)):
            coord.join(threads, stop_grace_period_secs=LONG)
        assert ended(threads)


def test_without_a_coordinator_the_end_of_the_session_is_no_news(caplog):
    """As in the shortest listings: the runners are started, some batches taken, and the session is left."""
    with tf.Graph().as_default():
        queue = tf.FIFOQueue(1, tf.int32, [])
        tf.train.add_queue_runner(tf.train.QueueRunner(queue, [queue.enqueue(7)] * 2))
        taken = queue.dequeue()
        with tf.Session() as sess:
            threads = tf.train.start_queue_runners()
            assert [sess.run(taken) for _ in range(3)] == [7] * 3
        assert ended(threads) and caplog.text == ""


def test_ctrl_c_while_the_main_thread_waits_for_what_nobody_puts_in(session):
    empty, full = tf.FIFOQueue(1, tf.int32, []), tf.FIFOQueue(1, tf.int32, [])
    tf.train.add_queue_runner(tf.train.QueueRunner(full, [full.enqueue(7)]))
    taken = empty.dequeue()
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(session, coord)
    threading.Timer(0.3, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        session.run(taken)
    coord.request_stop()
    coord.join(threads, stop_grace_period_secs=LONG)
    assert ended(threads)


def test_threads_are_made_once_per_session(session):
    queue = tf.FIFOQueue(1, tf.int32, [], name="q")
    enqueue = queue.enqueue(7, name="put")
    runner = tf.train.QueueRunner(queue, [enqueue] * 2)
    coord = tf.train.Coordinator()
    threads = runner.create_threads(session, coord)
    assert [t.name for t in threads] == ["QueueRunnerThread-q-put"] * 2 + ["QueueRunnerThread-q-close_on_stop"]
    assert not any(t.is_alive() or t.daemon for t in threads)
    assert runner.create_threads(session, coord) == [] and runner.name == "q"
    with tf.Session() as other:
        elsewhere = runner.create_threads(other, coord, daemon=True)
        assert len(elsewhere) == 3 and all(t.daemon for t in elsewhere)
        coord.request_stop()
        for thread in threads + elsewhere:
            thread.start()
        coord.join()
        assert ended(threads + elsewhere)
    assert len(runner.create_threads(session)) == 2, "those of before have ended"


def test_errors_that_mean_the_end(session):
    queue = tf.FIFOQueue(10, tf.int32, [])
    closed, _ = tf.FIFOQueue(10, tf.int32, []), None
    runner = tf.train.QueueRunner(queue, [queue.enqueue(tf.gather([1], [5])[0])], queue_closed_exception_types=(tf.errors.InvalidArgumentError,))
    assert runner.queue_closed_exception_types == (tf.errors.InvalidArgumentError,)
    threads = runner.create_threads(session, start=True)
    assert ended(threads) and everything(session, queue.dequeue()) == []
    for kinds in ([tf.errors.OutOfRangeError], (), (ValueError,), (3,)):
        with pytest.raises(TypeError, match="must be a tuple of tf.error types, but saw"):
            tf.train.QueueRunner(closed, [closed.enqueue(1)], queue_closed_exception_types=kinds)


def test_arguments(session):
    queue = tf.FIFOQueue(10, tf.int32, [])
    for arguments in ((), (queue,), (queue, [])):
        with pytest.raises(ValueError, match="Must provide queue and enqueue_ops"):
            tf.train.QueueRunner(*arguments)
    with pytest.raises(ValueError, match="import_meta_graph"):
        tf.train.QueueRunner(queue_runner_def=object())
    close, cancel = queue.close(), queue.close(cancel_pending_enqueues=True)
    runner = tf.train.QueueRunner(queue, [queue.enqueue(1)], close, cancel)
    assert (runner.queue, runner.close_op, runner.cancel_op, len(runner.enqueue_ops)) == (queue, close, cancel, 1)


def test_start_queue_runners(session, caplog):
    assert tf.train.start_queue_runners() == [] and "no queue runners were defined" in caplog.text
    queue = tf.FIFOQueue(10, tf.int32, [])
    tf.train.add_queue_runner(tf.train.QueueRunner(queue, [queue.enqueue(counter(3))]), "mine")
    session.run(tf.local_variables_initializer())
    threads = tf.train.start_queue_runners(collection="mine", start=False, daemon=False)
    assert len(threads) == 1 and not threads[0].is_alive() and not threads[0].daemon
    threads[0].start()
    assert everything(session, queue.dequeue()) == [0, 1, 2]
    with pytest.raises(TypeError, match="sess must be a `tf.Session` object"):
        tf.train.start_queue_runners(3)


def test_no_session():
    with pytest.raises(ValueError, match="Cannot start queue runners: No default session is registered"):
        _without_default_session(tf.train.start_queue_runners)


def _without_default_session(function):
    """Default sessions belong to a thread: a new one has none."""
    caught = []

    def run():
        try:
            function()
        except Exception as error:
            caught.append(error)
    thread = threading.Thread(target=run)
    thread.start()
    thread.join(LONG)
    raise caught[0]


class TestMetaGraph:
    def export(self):
        with tf.Graph().as_default():
            queue = tf.FIFOQueue(10, tf.int32, [], name="q")
            runner = tf.train.QueueRunner(queue, [queue.enqueue(counter(4), name="put")] * 2,
                                          queue_closed_exception_types=(tf.errors.OutOfRangeError, tf.errors.CancelledError))
            tf.train.add_queue_runner(runner)
            queue.dequeue(name="take")
            tf.train.add_queue_runner(object())                        # what has no form is left out
            return tf.train.export_meta_graph()

    @pytest.mark.parametrize("scope", [None, "a/b"])
    def test_queue_runners_come_back(self, session, scope):
        exported = self.export()
        member, = exported.graph_def["collections"]["queue_runners"]
        assert member["queue_runner"] == "q:0" and member["enqueue"] == ["put", "put"] and member["closed_by"] == [11, 1]
        tf.train.import_meta_graph(exported, import_scope=scope)
        runner, = tf.get_collection(tf.GraphKeys.QUEUE_RUNNERS)
        assert runner.queue_closed_exception_types == (tf.errors.OutOfRangeError, tf.errors.CancelledError)
        session.run(tf.local_variables_initializer())
        coord = tf.train.Coordinator()
        threads = tf.train.start_queue_runners(session, coord)
        assert sorted(everything(session, (scope + "/" if scope else "") + "take:0")) == [0, 1, 2, 3]
        coord.request_stop()
        coord.join(threads)
        again = tf.train.export_meta_graph().graph_def["collections"]["queue_runners"]
        assert scope is not None or again == [member]

    @pytest.mark.parametrize("change, text", [
        ({"queue_runner": "nowhere:0"}, "nowhere"), ({"queue_runner": "put"}, "has not a reference to a queue"), ({"queue_runner": "take:0"}, "has not a reference"),
        ({"enqueue": []}, "has not a reference"), ({"enqueue": ["take:0"]}, "operations that enqueue"), ({"enqueue": "put"}, "list"), ({"close": 3}, "close"),
        ({"closed_by": [99]}, "99 is not the code of an error"), ({"closed_by": [0]}, "0 is not the code"), ({"closed_by": ["x"]}, "closed_by"), ({"more": 1}, "more"),
        ({"cancel": None}, "cancel")])
    def test_what_is_wrong_with_one_is_said(self, session, change, text):
        exported = self.export()
        member, = exported.graph_def["collections"]["queue_runners"]
        exported.graph_def["collections"]["queue_runners"] = [{**member, **change}]
        with pytest.raises(tf.errors.InvalidArgumentError, match=text):
            tf.train.import_meta_graph(exported)


def test_arrays_pass_through_two_queues(session):
    """A runner whose op takes from one queue and puts into the next: the end passes through both."""
    rows = tf.constant(np.arange(24, dtype=np.float32).reshape(8, 3))
    first, second = tf.FIFOQueue(3, tf.float32, [3]), tf.FIFOQueue(2, [tf.float32, tf.float32], [[3], []])
    row = first.dequeue()
    with tf.control_dependencies([tf.cast(counter(1), tf.float32)]):
        whole = tf.identity(rows)
    for runner in (tf.train.QueueRunner(first, [first.enqueue_many([whole])]), tf.train.QueueRunner(second, [second.enqueue([row, tf.reduce_sum(row)])] * 3)):
        tf.train.add_queue_runner(runner)
    taken = second.dequeue()
    session.run(tf.local_variables_initializer())
    coord = tf.train.Coordinator()
    threads = tf.train.start_queue_runners(session, coord)
    got = sorted(everything(session, taken), key=lambda pair: pair[1])
    np.testing.assert_array_equal([pair[0] for pair in got], np.arange(24).reshape(8, 3))
    np.testing.assert_array_equal([pair[1] for pair in got], np.arange(24).reshape(8, 3).sum(1))
    coord.request_stop()
    coord.join(threads)
    assert ended(threads)
