"""An average that is not fooled by its zero (4 points)

Write `assign_moving_average`: an op that moves `variable` towards a value, and returns its new value,

    variable = decay * variable + (1 - decay) * value

A variable that starts at 0 is pulled towards 0 for a long while.  With zero_debias that is undone as Adam undoes it: the average above
is kept in a second variable, biased, updates are counted in a third, local_step, and what `variable` becomes is
biased / (1 - decay ** updates).

    variable    of float32 or float64
    value       a tensor of its shape, a number, or a variable
    decay       a number or scalar tensor, between 0 and 1
    returns     the variable's new value: what tf.assign returns
    Variables are read when the op runs, not when the step begins: an op that a control edge puts after another sees what that one has
    assigned.  `now(x)` below does that; a variable used without it is a snapshot, and that may be older.

Example: decay 0.9, the values 10 and then 20.  Without zero_debias: 1, then 0.9 * 1 + 0.1 * 20 = 2.9.  With it: 1 / (1 - 0.9) = 10, then
2.9 / (1 - 0.81) = 15.26.

Replaces minitf.train.moving_averages.assign_moving_average.     make grade CH=04
"""
import minitf as tf
from minitf.train.moving_averages import _debias_variables


def assign_moving_average(variable, value, decay, zero_debias=True, name=None):
    """Moves `variable` to the next average."""
    with tf.name_scope(name, "AssignMovingAvg") as scope, tf.colocate_with(variable.op):
        dtype = variable.dtype.base_dtype
        decay = tf.constant(decay, dtype) if isinstance(decay, float) else tf.cast(decay, dtype)
        value = tf.cast(now(value), dtype)
        if zero_debias:
            biased, local_step = _debias_variables(variable)          # two new variables that start at 0; local_step has the same dtype
        raise NotImplementedError("write this")


def now(x):
    """A variable's value at the moment when the op that uses it may run; of anything else, the tensor."""
    return x.read_value() if isinstance(x, tf.Variable) else tf.convert_to_tensor(x)
