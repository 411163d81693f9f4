"""Closing a session ends the steps that run in it."""
import threading

import pytest

import minitf as tf


@pytest.mark.parametrize("device", ["", "/cpu:1"])
def test_a_running_step_is_cancelled(device):
    with tf.Graph().as_default():
        begun = threading.Event()

        def tell(i):
            begun.set()
            return i
        with tf.device(device):
            first = tf.py_func(tell, [0], tf.int32)
            first.set_shape([])
            endless = tf.while_loop(lambda i: i < 2, lambda i: tf.minimum(i + 1, 1), [first])
        sess = tf.Session(config=tf.ConfigProto(device_count={"CPU": 2}))
        caught = []

        def run():
            try:
                sess.run(endless)
            except tf.OpError as error:
                caught.append(error)
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        assert begun.wait(30)
        sess.close()
        thread.join(30)
        assert not thread.is_alive()
        assert type(caught[0]) is tf.errors.CancelledError and "closed while the step ran" in caught[0].message
        with pytest.raises(RuntimeError, match="closed Session"):
            sess.run(endless)


def test_steps_that_have_ended_are_left_alone():
    with tf.Graph().as_default():
        x = tf.placeholder(tf.float32, [None])
        y = tf.reduce_sum(x)
        sess = tf.Session()
        values = [sess.run(y, {x: [1.] * n}) for n in (1, 2, 3)]
        sess.close()
        assert values == [1, 2, 3]
