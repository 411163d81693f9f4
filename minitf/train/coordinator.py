"""Coordinator: several threads that stop together.

Any thread may ask all to stop, with or without an error; each looks at should_stop() between two pieces of work.  The first error is
kept, and join(), in the thread that waits for the others, raises it with the traceback that it had.  Nothing is killed: a thread that
does not look is named by join() when its time is over.
"""
import contextlib
import sys
import threading
import time

from ..core.errors import OutOfRangeError
from ..platform import tf_logging

# How often join() looks whether threads live, in seconds.  It does not join them: a Ctrl-C within Thread.join() makes Python 3.11 (seen
# with 3.11.7) take the thread for one that has ended, so that a second join() would leave it behind.
LOOK, LOOK_AFTER_STOP = 0.1, 0.01


class Coordinator:
    """Stops a set of threads together, and brings the first error among them to the one that waits.

    clean_stop_exception_types  errors that mean a regular end, and are not raised: by default that an input queue is at its end

    >>> coord = tf.train.Coordinator()
    >>> threads = tf.train.start_queue_runners(sess, coord)
    >>> try:
    ...     while not coord.should_stop():
    ...         sess.run(train_op)
    ... except tf.errors.OutOfRangeError:
    ...     print("all epochs are done")
    ... finally:
    ...     coord.request_stop()
    >>> coord.join(threads)
    """

    def __init__(self, clean_stop_exception_types=None):
        self._clean = (OutOfRangeError,) if clean_stop_exception_types is None else tuple(clean_stop_exception_types)
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._error = None
        self._joined = False
        self._registered = {}                 # thread: None; a set that keeps the order, so that messages name threads as they came

    def request_stop(self, ex=None):
        """Ask all threads to stop.

        ex  an exception, or what sys.exc_info() gives in a handler.  The first one asked for is raised by join(); one of the clean
            types counts as none.  After join() there is nobody left to raise it, so it is raised here.
        """
        error = self._error_of(ex)
        with self._lock:
            if self._joined:
                if error is not None:
                    raise error
                return
            if self._stop.is_set():
                return
            if error is not None:
                tf_logging.info("Error reported to Coordinator: %s, %s", type(error), error)
                self._error = error
            self._stop.set()

    def _error_of(self, ex):
        """The exception in what request_stop() was given; None if there is none, or if it is a clean one."""
        error = ex[1] if isinstance(ex, tuple) and len(ex) == 3 else ex
        if error is not None and not isinstance(error, BaseException):
            error = ValueError(f"ex must be an exception or what sys.exc_info() gives, got {ex!r}")
        elif error is None and ex is not None:
            error = ValueError(f"ex must be an exception or what sys.exc_info() gives in a handler, got {ex!r}")
        return None if isinstance(error, self._clean) else error

    def clear_stop(self):
        """Forget the request and its error, for another round."""
        with self._lock:
            self._joined, self._error = False, None
            self._stop.clear()

    def should_stop(self):
        """Whether somebody has asked to stop."""
        return self._stop.is_set()

    def wait_for_stop(self, timeout=None):
        """Wait until somebody asks to stop: True; False if `timeout` seconds have passed before."""
        return self._stop.wait(timeout)

    @contextlib.contextmanager
    def stop_on_exception(self):
        """An error in the block (Ctrl-C too) is handed to request_stop() and ends the block, not the thread.

        >>> with coord.stop_on_exception():
        ...     while not coord.should_stop():
        ...         work()
        """
        try:
            yield
        except:                               # noqa: E722: what ends one thread has to reach the one that waits, whatever it is
            self.request_stop(sys.exc_info())

    def register_thread(self, thread):
        """Let the next join() wait for this thread too."""
        with self._lock:
            self._registered[thread] = None

    def join(self, threads=None, stop_grace_period_secs=120, ignore_live_threads=False):
        """Wait for `threads` and those that are registered; then raise the error that request_stop() was given, if any.

        Without a request to stop it waits for as long as a thread lives.  After one, the threads have stop_grace_period_secs seconds: then
        it is a RuntimeError that names those which still run, or with ignore_live_threads a line in the log.
        """
        with self._lock:
            waited = list({**self._registered, **dict.fromkeys(threads or ())})
        while any(t.is_alive() for t in waited) and not self._stop.wait(LOOK):
            pass
        end = time.monotonic() + stop_grace_period_secs
        pause = 0.0001
        while any(t.is_alive() for t in waited) and time.monotonic() < end:
            time.sleep(pause)
            pause = min(2 * pause, LOOK_AFTER_STOP)
        stragglers = " ".join(t.name for t in waited if t.is_alive())
        with self._lock:
            self._joined, self._registered = True, {}
            if self._error is not None:
                raise self._error
        if stragglers:
            message = f"Coordinator stopped with threads still running: {stragglers}"
            if not ignore_live_threads:
                raise RuntimeError(message)
            tf_logging.info(message)

    @property
    def joined(self):
        """Whether join() has been called, and clear_stop() not since."""
        return self._joined

    def raise_requested_exception(self):
        """Raise the error that request_stop() was given, if any, without waiting for the threads."""
        with self._lock:
            if self._error is not None:
                raise self._error


class LooperThread(threading.Thread):
    """A thread that calls a function again and again until its coordinator is told to stop; its error stops the others.

    timer_interval_secs  how long from one beginning to the next; None: without a pause
    target               the function, with its `args` and `kwargs`; or a subclass defines run_loop()
    ValueError if coord is no Coordinator, and for arguments without a target.

    >>> looper = tf.train.LooperThread.loop(coord, 60, saver.save, (sess, "model"))
    """

    def __init__(self, coord, timer_interval_secs, target=None, args=None, kwargs=None):
        if not isinstance(coord, Coordinator):
            raise ValueError(f"'coord' argument must be a Coordinator: {coord}")
        if target is None and (args or kwargs):
            raise ValueError("'args' and 'kwargs' argument require that you also pass 'target'")
        super().__init__(daemon=True)
        self._coord, self._interval = coord, timer_interval_secs
        self._call = None if target is None else (target, args or (), kwargs or {})
        coord.register_thread(self)

    @staticmethod
    def loop(coord, timer_interval_secs, target, args=None, kwargs=None):
        """A LooperThread that has been started."""
        looper = LooperThread(coord, timer_interval_secs, target, args, kwargs)
        looper.start()
        return looper

    def run(self):
        with self._coord.stop_on_exception():
            self.start_loop()
            begin = time.monotonic()
            while not self._coord.wait_for_stop(0 if self._interval is None else max(0.0, begin - time.monotonic())):
                begin += self._interval or 0
                self.run_loop()
            self.stop_loop()

    def start_loop(self):
        """Called once, before the first run_loop(); for subclasses."""

    def stop_loop(self):
        """Called once, when the thread stops without an error; for subclasses."""

    def run_loop(self):
        """One round: here the call of target; for subclasses."""
        if self._call is not None:
            target, args, kwargs = self._call
            target(*args, **kwargs)
