"""The smooth relu (2 points)

softplus(x) = log(1 + exp(x)) is a relu with a round corner: close to x where x is large, close to 0 where x is very negative.  Written as
it stands, the formula fails at both ends.

Write the kernel.

    x         float32 or float64, of any shape; not to be written to
    returns   log(1 + exp(x)), element by element, of the same shape and dtype

    softplus(np.array([0.0, 800.0, -40.0]))        [0.6931, 800.0, 4.248e-18]

Every element is right to its last digits, also where the result is large or tiny.  NaN stays NaN, infinity stays infinity, minus
infinity gives 0, and nothing warns.

exp(800) is too large for a float64.  1 + exp(-40) is 1, and log 1 is 0; but the answer is exp(-40), or 4.248e-18.

make grade CH=01
"""
import numpy as np


def softplus(x):
    """log(1 + exp(x)), element by element."""
    raise NotImplementedError("write this")
