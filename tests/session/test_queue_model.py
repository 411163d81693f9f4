"""Queues against a model of their specification.

A stepper runs a step on its caller's thread and gives up where it would wait, so one thread can interleave any number of steps, and each
schedule can be had again from its seed.
"""
import random

import numpy as np
import pytest

import minitf as tf

from .queue_model import Model
from .test_queue_threads import queue_state

KINDS = ("FIFO", "PADDING", "RANDOM", "PRIORITY")
OUTCOMES = {"closed": (tf.errors.CancelledError, "closed"), "too few": (tf.errors.OutOfRangeError, "is closed and has insufficient elements"),
            "cancelled": (tf.errors.CancelledError, "operation was cancelled")}


class Played:
    """A queue of a session and its model, to which the same things are done."""

    def __init__(self, kind, rng):
        self.rng, self.kind = rng, kind
        capacity = rng.choice([1, 2, 3, 5])
        least = rng.randrange(capacity) if kind == "RANDOM" else 0
        seed = rng.randrange(1, 1000)
        self.model = Model("FIFO" if kind == "PADDING" else kind, capacity, least, (87654321 & 0xFFFFFFFF) | seed << 32)
        if kind == "FIFO":
            self.queue = tf.FIFOQueue(capacity, tf.int64, [[]])
        elif kind == "PADDING":
            self.queue = tf.PaddingFIFOQueue(capacity, tf.int64, [[None]])
        elif kind == "RANDOM":
            self.queue = tf.RandomShuffleQueue(capacity, least, tf.int64, [[]], seed=seed)
        else:
            self.queue = tf.PriorityQueue(capacity, tf.int64, [[]])
        self.value = tf.placeholder(tf.int64, [None])
        self.priority = tf.placeholder(tf.int64, [None])
        n = tf.placeholder(tf.int32, [])
        self.n = n
        scalars = [self.value[0]] if kind != "PADDING" else [self.value[:1]]
        rows = [self.value] if kind != "PADDING" else [tf.expand_dims(self.value, 1)]
        if kind == "PRIORITY":
            scalars, rows = [self.priority[0], *scalars], [self.priority, *rows]
        self.one, self.many = self.queue.enqueue(scalars), self.queue.enqueue_many(rows)
        self.get, self.batch, self.rest = self.queue.dequeue(), self.queue.dequeue_many(n), self.queue.dequeue_up_to(n)
        self.close, self.cancel = self.queue.close(), self.queue.close(cancel_pending_enqueues=True)
        self.size, self.is_closed = self.queue.size(), self.queue.is_closed()
        self.sess = tf.Session()
        self.steps, self.serial, self.counter = {}, 0, 0

    def elements(self, count):
        values = list(range(self.counter, self.counter + count))
        self.counter += count
        return [(self.rng.randrange(3), v) for v in values] if self.kind == "PRIORITY" else values

    def feeds(self, elements):
        if self.kind == "PRIORITY":
            return {self.priority: [p for p, _ in elements], self.value: [v for _, v in elements]}
        return {self.value: elements}

    def start(self, fetches, feeds=None):
        """A step, as far as it goes: its attempt has been made."""
        self.serial += 1
        self.steps[self.serial] = [self.sess.stepper(fetches, feeds), None]
        self.advance(self.serial)
        return self.serial

    def advance(self, name):
        stepper, outcome = self.steps[name]
        try:
            while outcome is None and stepper.step() is not None:
                pass
            self.steps[name][1] = outcome or "ended"
        except tf.errors.InternalError as error:
            assert "No device can go on now" in str(error)
        except tf.OpError as error:
            self.steps[name][1] = error

    def act(self):
        rng, model = self.rng, self.model
        what = rng.choices(["enqueue", "many", "dequeue", "batch", "rest", "close", "close and cancel", "cancel"], [5, 4, 4, 3, 2, .3, .2, 1.5])[0]
        if what == "enqueue":
            elements = self.elements(1)
            model.enqueue(self.start(self.one, self.feeds(elements)), elements)
        elif what == "many":
            elements = self.elements(rng.randrange(1, 5))
            model.enqueue(self.start(self.many, self.feeds(elements)), elements)
        elif what == "dequeue":
            model.dequeue(self.start(self.get), 1)
        elif what in ("batch", "rest"):
            count = rng.randrange(1, 5)
            model.dequeue(self.start(self.batch if what == "batch" else self.rest, {self.n: count}), count, what == "rest")
        elif what == "close":
            model.close(self.start(self.close))
        elif what == "close and cancel":
            self.sess.run(self.cancel)
            model.close_and_cancel()
        elif self.steps:
            name = rng.choice(sorted(self.steps))
            self.steps.pop(name)[0].close()
            model.cancel(name)
            assert model.ended.pop(name) == "cancelled"
        return what

    def check(self):
        """What waits and what has ended, and how, is what the model says."""
        for name in sorted(self.steps):
            self.advance(name)
            stepper, outcome = self.steps[name]
            assert (outcome is not None) == (name in self.model.ended), (name, outcome, self.model.ended)
            if outcome is None:
                continue
            expected = self.model.ended.pop(name)
            if isinstance(outcome, tf.OpError):
                kind, text = OUTCOMES[expected]
                assert type(outcome) is kind and text in outcome.message
            elif isinstance(expected, list):
                assert self.got(stepper.finish()) == expected
            else:
                assert expected == "done" and stepper.finish() is None
            stepper.close()
            del self.steps[name]
        assert not self.model.ended
        assert self.sess.run([self.size, self.is_closed]) == [len(self.model.items), self.model.closed]
        assert queue_state(self.sess, self.queue).waiting == (len(self.model.bring), len(self.model.fetch))

    def got(self, result):
        if self.kind == "PRIORITY":
            return list(zip(*[np.ravel(part).tolist() for part in result]))
        return np.ravel(result).tolist()

    def end(self):
        for stepper, _ in self.steps.values():
            stepper.close()
        assert queue_state(self.sess, self.queue).waiting == (0, 0)
        self.sess.close()


@pytest.mark.parametrize("kind", KINDS)
def test_any_schedule_goes_as_the_specification_says(kind):
    """Producers, consumers, closing and cancelling, in any order, also while others wait."""
    for seed in range(25):
        with tf.Graph().as_default():
            played = Played(kind, random.Random(seed))
            done = []
            try:
                for _ in range(30):
                    done.append(played.act())
                    played.check()
            except Exception as error:
                raise AssertionError(f"seed {seed}, after {done}") from error
            played.end()
