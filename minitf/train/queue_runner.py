"""QueueRunner: the threads that fill a queue.

One thread per enqueue op runs it again and again.  A thread that meets a closed queue (by default, OutOfRangeError: the input is at its
end) stops, and the last one to stop closes the queue it fills, so that whoever takes from it gets what is left and then learns of the end.
Any other error goes to the coordinator, which stops everybody; and when the coordinator stops, one more thread cancels what waits.
"""
import threading
import weakref

from ..core.errors import OpError, OutOfRangeError, error_code_from_exception_type, exception_type_from_error_code
from ..core.hooks import register_hook
from ..graph import GraphKeys, add_to_collection
from ..ops.data_flow_ops import QueueBase
from ..platform import tf_logging
from ..session import Session, get_default_session


class QueueRunner:
    """The enqueue ops of a queue, each to be run in a thread of its own.

    queue        a queue
    enqueue_ops  a list of operations; one that is there twice is run by two threads
    close_op     what the last thread runs; by default queue.close()
    cancel_op    what runs when the coordinator stops; by default queue.close(cancel_pending_enqueues=True)
    queue_closed_exception_types
                 a tuple of errors that mean the input is at its end; by default (OutOfRangeError,)
    ValueError without a queue or ops, TypeError if the last is not such a tuple.

    >>> queue = tf.FIFOQueue(32, tf.float32, [])
    >>> runner = tf.train.QueueRunner(queue, [queue.enqueue(x)] * 2)
    >>> tf.train.add_queue_runner(runner)
    """

    def __init__(self, queue=None, enqueue_ops=None, close_op=None, cancel_op=None, queue_closed_exception_types=None,
                 queue_runner_def=None, import_scope=None):
        if queue_runner_def is not None or import_scope is not None:
            raise ValueError("A QueueRunner can not be made of a queue_runner_def here; import_meta_graph brings queue runners back with "
                             "their graph")
        if queue is None or not enqueue_ops:
            raise ValueError("Must provide queue and enqueue_ops.")
        closed = (OutOfRangeError,) if queue_closed_exception_types is None else queue_closed_exception_types
        if not isinstance(closed, tuple) or not closed or not all(isinstance(t, type) and issubclass(t, OpError) for t in closed):
            raise TypeError(f"queue_closed_exception_types, when provided, must be a tuple of tf.error types, but saw: {closed}")
        close_op = queue.close() if close_op is None else close_op
        cancel_op = queue.close(cancel_pending_enqueues=True) if cancel_op is None else cancel_op
        self._set(queue, list(enqueue_ops), close_op, cancel_op, closed)

    def _set(self, queue, enqueue_ops, close_op, cancel_op, closed):
        self._queue, self._enqueue_ops, self._close_op, self._cancel_op, self._closed = queue, enqueue_ops, close_op, cancel_op, closed
        self._lock = threading.Lock()
        self._running = weakref.WeakKeyDictionary()           # session: how many of its threads have not stopped
        self._exceptions_raised = []

    queue = property(lambda self: self._queue)
    enqueue_ops = property(lambda self: self._enqueue_ops)
    close_op = property(lambda self: self._close_op)
    cancel_op = property(lambda self: self._cancel_op)
    queue_closed_exception_types = property(lambda self: self._closed)
    name = property(lambda self: self._queue.name, doc="The queue's name.")

    @property
    def exceptions_raised(self):
        """The errors of threads that have no coordinator to tell them to."""
        return self._exceptions_raised

    def create_threads(self, sess, coord=None, daemon=False, start=False):
        """The threads, one per enqueue op, and with a coordinator one that cancels on stop; [] while those made before for sess still run.

        coord   gets the threads' errors, tells them to stop, and waits for them in join().  Without one, an error ends its thread alone.
        daemon  the program may end while they run
        start   start them; else the caller does
        """
        with self._lock:
            if self._running.get(sess, 0) > 0:
                return []
            self._running[sess] = len(self._enqueue_ops)
            self._exceptions_raised = []
        def thread(function, what, *arguments):
            return threading.Thread(target=function, args=(sess, *arguments), name=f"QueueRunnerThread-{self.name}-{what}", daemon=daemon)

        threads = [thread(self._run, op.name, op, coord) for op in self._enqueue_ops]
        if coord is not None:
            threads.append(thread(self._close_on_stop, "close_on_stop", coord))
            for thread in threads:
                coord.register_thread(thread)
        if start:
            for thread in threads:
                thread.start()
        return threads

    def _run(self, sess, enqueue_op, coord):
        """A thread: enqueue until the input or the queue is at its end, an error comes, or the coordinator stops."""
        at_end = False
        try:
            enqueue = sess.make_callable(enqueue_op)
            while coord is None or not coord.should_stop():
                enqueue()
        except self._closed:
            at_end = True
        except Exception as error:
            if coord is not None:
                coord.request_stop(error)
            else:                                         # a session that was closed ends its threads so: no news
                tf_logging.log(tf_logging.DEBUG if sess._closed else tf_logging.ERROR, "Exception in QueueRunner: %s", error)
                with self._lock:
                    self._exceptions_raised.append(error)
        finally:
            with self._lock:
                self._running[sess] -= 1
                last = self._running[sess] == 0
        if at_end and last:
            self._run_quietly(sess, self._close_op)

    def _close_on_stop(self, sess, coord):
        """A thread: when the coordinator stops, nobody is to wait for room in the queue any longer."""
        coord.wait_for_stop()
        self._run_quietly(sess, self._cancel_op)

    def _run_quietly(self, sess, op):
        """Run an op that closes the queue; it may be closed already, and so may the session."""
        try:
            sess.run(op)
        except Exception as error:
            tf_logging.debug("QueueRunner %s: %s was of no effect: %s", self.name, op.name, error)


def add_queue_runner(qr, collection=GraphKeys.QUEUE_RUNNERS):
    """Add a QueueRunner to a collection of the default graph, from which start_queue_runners() takes it."""
    add_to_collection(collection, qr)


def start_queue_runners(sess=None, coord=None, daemon=True, start=True, collection=GraphKeys.QUEUE_RUNNERS):
    """Start the threads of every QueueRunner in a collection of the session's graph; returns a list of them all.

    sess   by default the default session; ValueError if there is none, TypeError if it is no Session
    coord, daemon, start   as for QueueRunner.create_threads

    Local variables must have been initialised before: num_epochs of the input producers counts in one.

    >>> coord = tf.train.Coordinator()
    >>> threads = tf.train.start_queue_runners(sess, coord)
    """
    if sess is None:
        sess = get_default_session()
        if sess is None:
            raise ValueError("Cannot start queue runners: No default session is registered. Use `with sess.as_default()` or pass an "
                             "explicit session to tf.start_queue_runners(sess=sess)")
    if not isinstance(sess, Session):
        raise TypeError(f"sess must be a `tf.Session` object. Given class: {type(sess)}")
    runners = sess.graph.get_collection(collection)
    if not runners:
        tf_logging.warning("`tf.train.start_queue_runners()` was called when no queue runners were defined in the session's graph.")
    with sess.graph.as_default():
        return [thread for runner in runners for thread in runner.create_threads(sess, coord, daemon, start)]


# ---- in the wire form of a graph (minitf.graph.wire) ------------------------------------------------------------------------


@register_hook("queue_runner_parts")
def queue_runner_parts(value):
    """(the queue's reference, enqueue ops, close op, cancel op, error codes that mean the end) of a QueueRunner; None for anything else."""
    if not isinstance(value, QueueRunner):
        return None
    codes = [error_code_from_exception_type(t) for t in value.queue_closed_exception_types]
    return value.queue.queue_ref, value.enqueue_ops, value.close_op, value.cancel_op, codes


@register_hook("queue_runner_of_parts")
def queue_runner_of_parts(reference, enqueue_ops, close_op, cancel_op, codes):
    """The QueueRunner made of these, without adding anything to the graph.  KeyError for a code that is none."""
    types, shapes = reference.op.attrs["component_types"], reference.op.attrs["shapes"]
    queue = QueueBase(list(types), shapes if len(shapes) == len(types) else None, None, reference)
    runner = QueueRunner.__new__(QueueRunner)
    runner._set(queue, enqueue_ops, close_op, cancel_op, tuple(exception_type_from_error_code(code) for code in codes))
    return runner
