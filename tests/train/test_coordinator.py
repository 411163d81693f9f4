"""Coordinator and LooperThread: who stops whom, and which error reaches the one that waits."""
import random
import signal
import threading
import traceback

import pytest

import minitf as tf

LONG = 60                     # seconds that only a test which fails waits


def started(*functions):
    threads = [threading.Thread(target=f, name=f.__name__, daemon=True) for f in functions]
    for thread in threads:
        thread.start()
    return threads


def test_a_request_reaches_all_threads():
    coord, rounds = tf.train.Coordinator(), [0] * 4

    def work(k):
        while not coord.should_stop():
            rounds[k] += 1
            if k == 2 and rounds[k] == 100:
                coord.request_stop()
    threads = started(*(lambda k=k: work(k) for k in range(4)))
    coord.join(threads, stop_grace_period_secs=LONG)
    assert coord.joined and coord.should_stop() and rounds[2] == 100 and not any(t.is_alive() for t in threads)
    assert coord.wait_for_stop(0) and tf.train.Coordinator().wait_for_stop(0) is False


def test_join_without_a_request_waits_for_the_end():
    coord, go, done = tf.train.Coordinator(), threading.Event(), []

    def work():
        go.wait(LONG)
        done.append(1)
    threads = started(work, work)
    coord.register_thread(started(work)[0])
    threading.Timer(0.2, go.set).start()
    coord.join(threads)
    assert done == [1, 1, 1] and not coord.should_stop() and coord.joined


@pytest.mark.parametrize("as_tuple", [False, True])
def test_the_first_error_is_raised_with_its_traceback(as_tuple):
    import sys
    coord, first_is_told = tf.train.Coordinator(), threading.Event()

    def where_it_went_wrong():
        raise KeyError("first")

    def first():
        try:
            where_it_went_wrong()
        except KeyError as error:
            coord.request_stop(sys.exc_info() if as_tuple else error)
        first_is_told.set()

    def second():
        first_is_told.wait(LONG)
        with coord.stop_on_exception():
            raise ValueError("second")
    threads = started(first, second)
    for attempt in (lambda: coord.join(threads), coord.raise_requested_exception):
        with pytest.raises(KeyError, match="first") as e:
            attempt()
        assert "where_it_went_wrong" in "".join(traceback.format_tb(e.value.__traceback__))


def test_some_errors_are_a_regular_end():
    for coord, error in ((tf.train.Coordinator(), tf.errors.OutOfRangeError(None, None, "end")),
                         (tf.train.Coordinator([StopIteration]), StopIteration()), (tf.train.Coordinator((KeyError, ValueError)), KeyError())):
        with coord.stop_on_exception():
            raise error
        assert coord.should_stop()
        coord.raise_requested_exception()
        coord.join()
    coord = tf.train.Coordinator([StopIteration])                      # in place of OutOfRangeError
    coord.request_stop(tf.errors.OutOfRangeError(None, None, "end"))
    with pytest.raises(tf.errors.OutOfRangeError, match="end"):
        coord.join()


def test_whatever_ends_a_thread_is_told():
    coord = tf.train.Coordinator()
    with coord.stop_on_exception():
        raise SystemExit(3)
    with pytest.raises(SystemExit):
        coord.join()


@pytest.mark.parametrize("ex", ["text", (None, None, None), (1, 2)])
def test_what_is_no_error(ex):
    coord = tf.train.Coordinator()
    coord.request_stop(ex)
    with pytest.raises(ValueError, match="ex must be an exception or what sys.exc_info"):
        coord.join()


def test_stragglers_are_named():
    coord, go = tf.train.Coordinator(), threading.Event()

    def ignores_it():
        go.wait(LONG)

    def stops():
        coord.wait_for_stop(LONG)
    threads = started(stops, ignores_it)
    coord.request_stop()
    threads[0].join(LONG)
    with pytest.raises(RuntimeError, match="^Coordinator stopped with threads still running: ignores_it$"):
        coord.join(threads, stop_grace_period_secs=0.05)
    coord.join(threads, stop_grace_period_secs=0, ignore_live_threads=True)
    coord.clear_stop()
    coord.request_stop(KeyError("matters more"))
    with pytest.raises(KeyError):
        coord.join(threads, stop_grace_period_secs=0)
    go.set()
    threads[1].join(LONG)


def test_after_join_an_error_is_raised_where_it_is_told():
    coord = tf.train.Coordinator()
    coord.request_stop()
    coord.join()
    coord.request_stop()
    with pytest.raises(KeyError):
        coord.request_stop(KeyError())
    coord.request_stop(tf.errors.OutOfRangeError(None, None, ""))
    coord.clear_stop()
    assert not coord.joined and not coord.should_stop()
    coord.request_stop(ValueError("of the second round"))
    with pytest.raises(ValueError, match="second round"):
        coord.join()


def test_ctrl_c_ends_the_wait():
    coord = tf.train.Coordinator()
    waiting = started(lambda: coord.wait_for_stop(LONG))
    threading.Timer(0.2, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)).start()
    with pytest.raises(KeyboardInterrupt):
        coord.join(waiting)
    assert waiting[0].is_alive()
    coord.request_stop()
    coord.join(waiting)
    assert not waiting[0].is_alive()


@pytest.mark.parametrize("seed", range(5))
def test_random_schedules(seed):
    """Threads that work, fail or finish at random: join raises an error if one was told before the stop, and leaves nobody behind."""
    rng = random.Random(seed)
    coord, told = tf.train.Coordinator(), []
    start = threading.Barrier(6)

    def work(rounds, end):
        start.wait(LONG)
        with coord.stop_on_exception():
            for _ in range(rounds):
                if coord.should_stop():
                    return
            if end == "fail":
                told.append(KeyError(rounds))
                raise told[-1]
            if end == "clean":
                raise tf.errors.OutOfRangeError(None, None, "")
            if end == "stop":
                coord.request_stop()
    plans = [(rng.randrange(2000), rng.choice(["fail", "finish", "clean", "stop"])) for _ in range(6)]
    threads = started(*(lambda p=p: work(*p) for p in plans))
    try:
        coord.join(threads, stop_grace_period_secs=LONG)
        assert not told or any(end in ("clean", "stop") for _, end in plans)
    except KeyError as error:
        assert error in told
    assert not any(t.is_alive() for t in threads)


class TestLooperThread:
    def test_round_after_round_until_the_stop(self):
        coord, calls = tf.train.Coordinator(), []

        def target(a, b):
            calls.append((a, b))
            if len(calls) == 5:
                coord.request_stop()
        for interval in (None, 0.001):
            calls.clear()
            coord.clear_stop()
            looper = tf.train.LooperThread.loop(coord, interval, target, args=(1,), kwargs={"b": 2})
            coord.join([looper])
            assert calls == [(1, 2)] * 5 and looper.daemon and not looper.is_alive()

    def test_a_long_interval_does_not_hold_up_the_stop(self):
        coord, called = tf.train.Coordinator(), threading.Event()
        looper = tf.train.LooperThread.loop(coord, 1000, called.set)
        assert called.wait(LONG)
        coord.request_stop()
        coord.join()                                                   # it is registered
        assert not looper.is_alive()

    def test_its_error_stops_the_others(self):
        coord = tf.train.Coordinator()
        waiting = started(lambda: coord.wait_for_stop(LONG))
        tf.train.LooperThread.loop(coord, None, lambda: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            coord.join(waiting)

    def test_a_subclass(self):
        events = []

        class Mine(tf.train.LooperThread):
            def start_loop(self):
                events.append("start")

            def run_loop(self):
                events.append("round")
                self._coord.request_stop()

            def stop_loop(self):
                events.append("stop")
        coord = tf.train.Coordinator()
        Mine(coord, None).start()
        coord.join()
        assert events == ["start", "round", "stop"]

    def test_arguments(self):
        with pytest.raises(ValueError, match="'coord' argument must be a Coordinator: 3"):
            tf.train.LooperThread(3, None)
        with pytest.raises(ValueError, match="'args' and 'kwargs' argument require that you also pass 'target'"):
            tf.train.LooperThread(tf.train.Coordinator(), None, args=(1,))
