"""Ops and small helpers for the tests of sessions: probes that count, block and fail, and what a session has compiled."""
import itertools
import os
import threading
import time

import numpy as np

import minitf as tf
from minitf.core.registry import register_op
from minitf.kernels.cpu.kernel import register_python_kernel
from minitf.ops.apply import apply_op

LONG = 60                     # seconds that only a test which fails waits

_functions = {}               # number of a probe -> the test's function
_numbers = itertools.count()


@register_op("TestProbe", ["x: T"], ["y: T"], ["T: type", "number: int"], is_stateful=True)
def _probe_shape(c):
    return [c.inputs[0]]


@register_python_kernel("TestProbe")
def _probe(attrs, x):
    result = _functions[attrs["number"]](x)
    return x if result is None else result


@register_op("TestMark", [], [], ["number: int"], is_stateful=True)
def _mark_shape(c):
    return []


@register_python_kernel("TestMark")
def _mark(attrs):
    _functions[attrs["number"]]()


@register_op("TestPure", ["x: T"], ["y: T"], ["T: type", "number: int"])
def _pure_shape(c):
    return [c.inputs[0]]


register_python_kernel("TestPure")(_probe)


def _number(function):
    number = next(_numbers)
    _functions[number] = function
    return number


def probe(x, function, name=None):
    """A tensor equal to x; function(array) is called when it is computed, and what it returns, if anything, is taken instead."""
    return apply_op("TestProbe", x, number=_number(function), name=name)


def pure_probe(x, function, name=None):
    """The same for an op without state: it may be folded or merged with an equal one."""
    return apply_op("TestPure", x, number=_number(function), name=name)


def mark(function, name=None):
    """An Operation without inputs or outputs: function() is called when it runs."""
    return apply_op("TestMark", number=_number(function), name=name)


def devices(n, **fields):
    """A configuration of n CPU devices."""
    return tf.ConfigProto(device_count={"CPU": n}, **fields)


def unoptimised(n=1):
    config = devices(n)
    config.graph_options.optimizer_options.opt_level = tf.OptimizerOptions.L0
    return config


def plans(session, fetches, feed_dict=None):
    """The plans that session.run(fetches, feed_dict) executes, one per device; nothing is run."""
    executable, _, feeds = session._prepare(fetches, feed_dict)
    return executable.variant(feeds).plans


def variants(session):
    """All the specialised programs that a session keeps."""
    return [v for e in set(session._executables.values()) for v in e.variants]


def all_plans(session):
    return [p for v in variants(session) for p in v.plans]


def kinds(plan):
    """The kinds of a plan's instructions, and the op types of those that compute."""
    return [i.node.type if i.kind == "Compute" else i.kind for i in plan.instructions]


def native_threads():
    """The threads of this process as the kernel counts them, where it tells."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return None


def soon(condition, seconds=60):
    """Whether a condition comes true before long: a thread that has been joined is counted a moment longer."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


def resident_bytes():
    """The memory of this process that is in RAM, or None where the system does not tell."""
    try:
        with open("/proc/self/statm") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None


def state_of(session, variable):
    """The VariableState behind a variable."""
    return session._runtime.resources.find("", variable.op.name)


def same_bits(a, b):
    """Whether two arrays have one dtype, one shape and the same bytes; NaNs are equal if their bits are."""
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()


class Gate:
    """A probe's function that tells when it has been entered, and lets through when it is told."""

    def __init__(self):
        self.entered, self.opened = threading.Semaphore(0), threading.Semaphore(0)

    def __call__(self, x):
        self.entered.release()
        assert self.opened.acquire(timeout=LONG), "nobody opened the gate"

    def wait(self):
        assert self.entered.acquire(timeout=LONG), "nobody came to the gate"

    def open(self):
        self.opened.release()


class Background:
    """A call on a thread of its own: result() gives what it returned, or raises what it raised."""

    def __init__(self, function):
        self.outcome = None
        self.thread = threading.Thread(target=self._run, args=(function,), daemon=True)
        self.thread.start()

    def _run(self, function):
        try:
            self.outcome = function(), None
        except BaseException as error:
            self.outcome = None, error

    @property
    def is_running(self):
        return self.thread.is_alive()

    def result(self):
        self.thread.join(LONG)
        assert not self.thread.is_alive(), "the step hangs"
        value, error = self.outcome
        if error is not None:
            raise error
        return value
