"""Adam for rows (5 points)

A variable of 100,000 rows, of which a step looks up fifty: dense Adam moves all 100,000, those with gradient 0 too, because their m is
not 0 yet.  Lazy Adam leaves a row alone, in the variable and in both slots, until a gradient names it.

Write `lazy_adam`: an op that does, for each row r that grad.indices names, with g the SUM of all its values and t = step,

    m[r]    = beta1 * m[r] + (1 - beta1) * g
    v[r]    = beta2 * v[r] + (1 - beta2) * g * g
    var[r] -= rate * sqrt(1 - beta2 ** t) / (1 - beta1 ** t) * m[r] / (sqrt(v[r]) + epsilon)

with the NEW m[r] and v[r] in the last line.

    var, m, v   variables of one shape [rows, ...], float32 or float64
    grad        IndexedSlices: values [n, ...], indices [n]; an index may occur several times
    step        a scalar tensor of the variables' dtype: 1 in the first step, then 2, ...
    rate, beta1, beta2, epsilon     Python numbers
    returns     one op (or tensor); when it has run all three are changed, and no other row

Example: rows of one number, var = [5, 5], m = v = [0, 0], indices [1, 1] and values [[1], [2]], step 1, rate 0.1.  Then g = 3, m[1] = 0.3,
v[1] = 0.009; sqrt(0.001) / 0.1 * 0.3 / sqrt(0.009) = 1, so var = [5, 4.9] (less by epsilon's share).

Useful: tf.unique, tf.unsorted_segment_sum, tf.gather, tf.scatter_update, tf.scatter_sub, tf.group.     make grade CH=04
"""
import minitf as tf


def lazy_adam(var, m, v, grad, step, rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    """The op that updates the rows that grad names."""
    raise NotImplementedError("write this")
