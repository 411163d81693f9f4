"""Accumulators with their ops, fed, for the tests of dense and of sparse ones."""
import threading

import minitf as tf

LONG = 60                     # seconds that only a test which fails waits


class Background:
    """function() in a thread; result() is what it returned or raised."""

    def __init__(self, function):
        self.function, self.value, self.error = function, None, None
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        try:
            self.value = self.function()
        except BaseException as error:
            self.error = error

    def result(self):
        self.thread.join(LONG)
        assert not self.thread.is_alive()
        if self.error is not None:
            raise self.error
        return self.value


class Dense:
    """An accumulator with its ops, fed."""

    def __init__(self, shape=None, dtype=tf.float32, **options):
        self.accumulator = tf.ConditionalAccumulator(dtype, shape, **options)
        self.gradient, self.step, self.n = tf.placeholder(dtype), tf.placeholder(tf.int64), tf.placeholder(tf.int32)
        self.apply_op, self.take_op = self.accumulator.apply_grad(self.gradient, self.step), self.accumulator.take_grad(self.n)
        self.count_op, self.set_op = self.accumulator.num_accumulated(), self.accumulator.set_global_step(self.step)
        self.session = tf.get_default_session()

    def apply(self, gradient, step=0):
        self.session.run(self.apply_op, {self.gradient: gradient, self.step: step})

    def take(self, n):
        return self.session.run(self.take_op, {self.n: n})

    def count(self):
        return self.session.run(self.count_op)

    def set(self, step):
        self.session.run(self.set_op, {self.step: step})


class Sparse(Dense):
    def __init__(self, shape=None, dtype=tf.float32, **options):
        self.accumulator = tf.SparseConditionalAccumulator(dtype, shape, **options)
        self.indices, self.values, self.shape = tf.placeholder(tf.int64), tf.placeholder(dtype), tf.placeholder(tf.int64)
        self.step, self.n = tf.placeholder(tf.int64), tf.placeholder(tf.int32)
        self.apply_op = self.accumulator.apply_grad(self.indices, self.values, None, self.step)
        self.apply_with_shape = self.accumulator.apply_grad(self.indices, self.values, self.shape, self.step)
        self.take_op = self.accumulator.take_indexed_slices_grad(self.n)
        self.count_op, self.set_op = self.accumulator.num_accumulated(), self.accumulator.set_global_step(self.step)
        self.session = tf.get_default_session()

    def apply(self, indices, values, shape=None, step=0):
        feed = {self.indices: indices, self.values: values, self.step: step}
        if shape is None:
            self.session.run(self.apply_op, feed)
        else:
            self.session.run(self.apply_with_shape, {**feed, self.shape: shape})


def line(session, a):
    """How many takers stand in an accumulator's line."""
    return session._runtime.resources.find("", a.accumulator.accumulator_ref.op.name).waiting[0]


def waiting(a, n):
    """A taker that has been seen to wait: the accumulator's line is what tells, so look until it has joined it."""
    return Background(lambda: a.take(n))
