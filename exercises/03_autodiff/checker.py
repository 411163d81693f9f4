"""A gradient check that can be trusted (3 points)

Someone hands you a function and what they say is its gradient.  Find out which parts of the gradient are wrong.

    f         called f(*points), returns a float
    gradient  called gradient(*points), returns a list: for each point, an array of its shape with the slopes of f
    points    a list of arrays, or of what np.array makes arrays of, with numbers between -3 and 3; f is smooth there
    seed      of the random directions
    returns   a list of the places in `points`, ascending, whose gradient is wrong

Example: for f(x, y) = sum(x * x * y) with the gradient [2 * x * y, x * x] the answer is []; with [2 * x * y, x] it is [1].

* One number for each point: move that point alone along a random direction v, a little ahead and a little back, and compare the measured
  speed of f with the inner product of the gradient and v.  So f may run at most two times for each point, and once more.
* Wrong is what differs by a thousandth of the speed or more, right what differs by less than a ten-thousandth.  The measurement is good
  enough for that if the step is well chosen.  The size of f does not matter: 0.00001 f has a gradient that is just as right or wrong.
  But f is rounded, and that shows in the measured speed as an error of up to 2e-15 |f| over the step: a right gradient is not wrong for
  that.
* A gradient is wrong, too, if its shape is not that of its point, or if it is not finite.
* Compute in float64, whatever you are given, and do not change the arrays that you are given.

     make grade CH=03
"""
import numpy as np


def wrong_gradients(f, gradient, points, seed=0):
    """The places in `points` of those whose gradient is wrong."""
    raise NotImplementedError("write this")
