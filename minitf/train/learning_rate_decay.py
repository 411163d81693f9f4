"""Schedules: the learning rate as a tensor that follows the global step.

    step = tf.train.get_or_create_global_step()
    rate = tf.train.exponential_decay(0.1, step, 1000, 0.96, staircase=True)
    train_op = tf.train.GradientDescentOptimizer(rate).minimize(loss, global_step=step)

learning_rate is a number or a scalar tensor, whose dtype the result has; global_step a number or a tensor, usually the variable; the
others numbers or tensors.  ValueError where global_step is None.
"""
import math
import numbers

from ..core.dtypes import float32, float64
from ..core.swap import swappable
from ..graph import convert_to_tensor, name_scope
from ..ops import logical_ops, math_ops, random_ops
from ..ops.apply import apply_op


@swappable
def exponential_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """learning_rate * decay_rate ^ (global_step / decay_steps); staircase: with the quotient rounded down."""
    with name_scope(name, "ExponentialDecay") as scope:
        rate, periods = _rate_and_periods("exponential_decay", learning_rate, global_step, decay_steps, staircase)
        return apply_op("Mul", rate, math_ops.pow(_in(decay_rate, rate.dtype), periods), name=scope)


def natural_exp_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """learning_rate * exp(-decay_rate * global_step / decay_steps); staircase: with the quotient rounded down."""
    with name_scope(name, "ExponentialTimeDecay") as scope:
        rate, periods = _rate_and_periods("natural_exp_decay", learning_rate, global_step, decay_steps, staircase)
        return apply_op("Mul", rate, math_ops.exp(-_in(decay_rate, rate.dtype) * periods), name=scope)


def inverse_time_decay(learning_rate, global_step, decay_steps, decay_rate, staircase=False, name=None):
    """learning_rate / (1 + decay_rate * global_step / decay_steps); staircase: with the quotient rounded down."""
    with name_scope(name, "InverseTimeDecay") as scope:
        rate, periods = _rate_and_periods("inverse_time_decay", learning_rate, global_step, decay_steps, staircase)
        return apply_op("RealDiv", rate, 1.0 + _in(decay_rate, rate.dtype) * periods, name=scope)


def piecewise_constant(x, boundaries, values, name=None):
    """values[0] while x <= boundaries[0], values[1] while x <= boundaries[1], ..., and values[-1] behind the last boundary.

    >>> rate = tf.train.piecewise_constant(step, [100000, 110000], [1.0, 0.5, 0.1])

    ValueError if there is not one more value than boundaries, if x and the boundaries differ in dtype (int32 boundaries go with an
    int64 x), or if the values do.
    """
    if x is None:
        raise ValueError("x is required for piecewise_constant.")
    if len(values) != len(boundaries) + 1 or not boundaries:
        raise ValueError(f"piecewise_constant needs one more value than boundaries, and a boundary, got {len(values)} values and {len(boundaries)} boundaries")
    with name_scope(name, "PiecewiseConstant") as scope:
        x = convert_to_tensor(x)
        dtype = x.dtype.base_dtype
        ends = [convert_to_tensor(b) for b in boundaries]
        for i, end in enumerate(ends):
            if end.dtype.base_dtype is not dtype:
                if (end.dtype.base_dtype.name, dtype.name) != ("int32", "int64"):
                    raise ValueError(f"Boundaries ({end.dtype.base_dtype.name}) must have the same dtype as x ({dtype.name}).")
                ends[i] = math_ops.cast(end, dtype)
        values = [convert_to_tensor(v) for v in values]
        for v in values[1:]:
            if v.dtype.base_dtype is not values[0].dtype.base_dtype:
                raise ValueError("Values must have elements all with the same dtype "
                                 f"({values[0].dtype.base_dtype.name} vs {v.dtype.base_dtype.name}).")
        chosen = values[0]
        for i, (end, value) in enumerate(zip(ends, values[1:])):
            chosen = logical_ops.where(logical_ops.greater(x, end), value, chosen, name=scope if i == len(ends) - 1 else None)
        return chosen


def polynomial_decay(learning_rate, global_step, decay_steps, end_learning_rate=0.0001, power=1.0, cycle=False, name=None):
    """(learning_rate - end_learning_rate) * (1 - t / decay_steps) ^ power + end_learning_rate, with t = min(global_step, decay_steps).

    cycle: t = global_step instead, and decay_steps is taken as often as it needs to reach t: the rate goes up again, to less each time.
    """
    with name_scope(name, "PolynomialDecay") as scope:
        rate, step = _rate_and_step("polynomial_decay", learning_rate, global_step)
        end, steps = _in(end_learning_rate, rate.dtype), _in(decay_steps, rate.dtype)
        if cycle:
            steps = steps * math_ops.maximum(math_ops.ceil(step / steps), 1.0)
        else:
            step = math_ops.minimum(step, steps)
        return apply_op("Add", (rate - end) * math_ops.pow(1.0 - step / steps, _in(power, rate.dtype)), end, name=scope)


def cosine_decay(learning_rate, global_step, decay_steps, alpha=0.0, name=None):
    """Half a cosine wave from learning_rate down to alpha * learning_rate at decay_steps (Loshchilov and Hutter, 2017)."""
    with name_scope(name, "CosineDecay") as scope:
        rate, step = _rate_and_step("cosine_decay", learning_rate, global_step)
        steps, alpha = _in(decay_steps, rate.dtype), _in(alpha, rate.dtype)
        wave = _cosine(math_ops.minimum(step, steps) / steps)
        return apply_op("Mul", rate, (1.0 - alpha) * wave + alpha, name=scope)


def cosine_decay_restarts(learning_rate, global_step, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0, name=None):
    """cosine_decay that begins anew: after first_decay_steps steps, then after t_mul times as many, and so on, from m_mul times the rate before."""
    with name_scope(name, "SGDRDecay") as scope:
        rate, _ = _rate_and_step("cosine_decay_restarts", learning_rate, global_step)
        # In float64: whether a restart has come is decided by rounding a quotient of logarithms down.
        done = _in(global_step, float64) / _in(first_decay_steps, float64)
        restarts, fraction = _plain_restarts(done)
        if t_mul != 1.0:
            t_mul = _in(t_mul, float64)
            plain, t = logical_ops.equal(t_mul, 1.0), logical_ops.where(logical_ops.equal(t_mul, 1.0), t_mul * 2.0, t_mul)
            geometric, geometric_fraction = _geometric_restarts(done, t)
            restarts, fraction = logical_ops.where(plain, restarts, geometric), logical_ops.where(plain, fraction, geometric_fraction)
        wave = math_ops.pow(_in(m_mul, float64), restarts) * _cosine(fraction)
        alpha = _in(alpha, rate.dtype)
        return apply_op("Mul", rate, (1.0 - alpha) * math_ops.cast(wave, rate.dtype.base_dtype) + alpha, name=scope)


def linear_cosine_decay(learning_rate, global_step, decay_steps, num_periods=0.5, alpha=0.0, beta=0.001, name=None):
    """learning_rate * ((alpha + linear) * cosine + beta), where linear falls from 1 to 0 at decay_steps and cosine swings num_periods times between
    1 and 0 (Bello et al., 2017)."""
    with name_scope(name, "LinearCosineDecay") as scope:
        rate, fraction = _rate_and_fraction("linear_cosine_decay", learning_rate, global_step, decay_steps)
        return _linear_cosine(rate, 1.0 - fraction, fraction, num_periods, alpha, beta, scope)


def noisy_linear_cosine_decay(learning_rate, global_step, decay_steps, initial_variance=1.0, variance_decay=0.55, num_periods=0.5, alpha=0.0, beta=0.001,
                              name=None):
    """linear_cosine_decay with normal noise of variance initial_variance / (1 + global_step) ^ variance_decay added to `linear`."""
    with name_scope(name, "NoisyLinearCosineDecay") as scope:
        rate, fraction = _rate_and_fraction("noisy_linear_cosine_decay", learning_rate, global_step, decay_steps)
        dtype = rate.dtype.base_dtype
        step = math_ops.minimum(_in(global_step, dtype), _in(decay_steps, dtype))
        deviation = math_ops.sqrt(_in(initial_variance, dtype) / math_ops.pow(1.0 + step, _in(variance_decay, dtype)))
        noise = random_ops.random_normal([], dtype=dtype) * deviation
        return _linear_cosine(rate, 1.0 - fraction + noise, fraction, num_periods, alpha, beta, scope)


def _in(value, dtype):
    """A number or tensor in a dtype.  A number is converted at once: by way of float32 it would lose digits."""
    dtype = dtype.base_dtype
    return convert_to_tensor(value, dtype=dtype) if isinstance(value, numbers.Real) else math_ops.cast(value, dtype)


def _rate_and_step(function, learning_rate, global_step):
    if global_step is None:
        raise ValueError(f"global_step is required for {function}.")
    rate = convert_to_tensor(learning_rate, dtype=float32 if isinstance(learning_rate, numbers.Real) else None, name="learning_rate")
    return rate, _in(global_step, rate.dtype)


def _rate_and_periods(function, learning_rate, global_step, decay_steps, staircase):
    rate, step = _rate_and_step(function, learning_rate, global_step)
    periods = step / _in(decay_steps, rate.dtype)
    return rate, math_ops.floor(periods) if staircase else periods


def _rate_and_fraction(function, learning_rate, global_step, decay_steps):
    rate, step = _rate_and_step(function, learning_rate, global_step)
    steps = _in(decay_steps, rate.dtype)
    return rate, math_ops.minimum(step, steps) / steps


def _cosine(fraction):
    """1 at fraction 0, 0 at 1."""
    return 0.5 * (1.0 + apply_op("Cos", math.pi * fraction))


def _linear_cosine(rate, linear, fraction, num_periods, alpha, beta, name):
    dtype = rate.dtype
    wave = _cosine(2.0 * _in(num_periods, dtype) * fraction)
    return apply_op("Mul", rate, (_in(alpha, dtype) + linear) * wave + _in(beta, dtype), name=name)


def _plain_restarts(done):
    """(how many restarts, how far into the period), both in periods, when all periods are equally long."""
    restarts = math_ops.floor(done)
    return restarts, done - restarts


def _geometric_restarts(done, t):
    """The same, when each period is t times as long as the one before; the first has length 1."""
    restarts = math_ops.floor(math_ops.log(1.0 - done * (1.0 - t)) / math_ops.log(t) + 1e-9)      # or a restart would come a step late
    length = math_ops.pow(t, restarts)
    return restarts, (done - (1.0 - length) / (1.0 - t)) / length
