"""A learning rate that falls (2 points)

Write `exponential_decay`: ops that compute the learning rate at each step,

    rate(step) = learning_rate * decay_rate ** (step / decay_steps)

or, as a staircase, with the quotient rounded down, so that the rate stays the same for decay_steps steps and then drops at once.

    learning_rate   a number or a scalar tensor; its dtype is the result's
    global_step     a scalar tensor or variable of any number dtype, read anew in each run
    decay_steps     a number or a scalar tensor
    decay_rate      a number or a scalar tensor
    returns         a scalar tensor
    ValueError if global_step is None

Example: learning_rate 0.5, decay_steps 100, decay_rate 0.9.  At step 250 the quotient is 2.5 and the rate 0.5 * 0.9 ** 2.5 = 0.3842;
as a staircase it is 0.5 * 0.9 ** 2 = 0.405, and it has been that since step 200.

Replaces minitf.train.learning_rate_decay.exponential_decay.     make grade CH=04
"""
import minitf as tf


def exponential_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """The rate as a tensor named `name`."""
    if global_step is None:
        raise ValueError("global_step is required for exponential_decay.")
    with tf.name_scope(name, "ExponentialDecay") as scope:
        learning_rate = _to(tf.float32, learning_rate) if isinstance(learning_rate, (int, float)) else tf.convert_to_tensor(learning_rate)
        dtype = learning_rate.dtype.base_dtype
        step, decay_steps, decay_rate = [_to(dtype, x) for x in (global_step, decay_steps, decay_rate)]
        raise NotImplementedError("write this")


def _to(dtype, value):
    """A tensor of that dtype; of a number, with all the digits that the dtype holds."""
    return tf.constant(value, dtype) if isinstance(value, (int, float)) else tf.cast(value, dtype)
