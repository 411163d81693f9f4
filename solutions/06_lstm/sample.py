"""Drawing the next character (3 points)

Write `sample`: it draws one of the characters, for each row of logits, by their probabilities at a temperature, and only from the k best.

    logits        float array [batch, characters]; minus infinity for a character that is ruled out; at least one of each row is finite
    temperature   0 or more.  The probabilities are softmax(logits / temperature).  At 0 it is the best one, always
    top_k         None, or 1 or more: only the k characters of the largest logits can be drawn.  Among equal logits at the border, the ones that
                  come first are taken.  More than there are means all
    uniform       float array [batch], numbers in [0, 1), one for each row: the randomness.  With p the probabilities (0 for what can not be
                  drawn), the answer is the first character at which the sum of p up to and including it exceeds the number of the row
    returns       int64 array [batch]

Logits may be as large as 1e300 and temperatures as small as 1e-300, and nothing warns, overflows or becomes NaN.  What has the probability
0 is never drawn, whatever rounding does to the last sum.  Among several best ones, temperature 0 takes the first.

Example: logits [[2, 0, 1]], temperature 1: the probabilities are 0.665, 0.090, 0.245, and the sums 0.665, 0.755, 1.  For uniform [0.7] the
answer is [1].  With top_k = 2 the second is out, p is 0.731, 0, 0.269, and the answer for 0.7 is [0], for 0.74 [2].

make grade CH=06
"""
import numpy as np


def sample(logits, temperature, top_k, uniform):
    """A drawn character for each row."""
    ### BEGIN SOLUTION
    logits = np.asarray(logits, np.float64)
    if temperature == 0:
        return logits.argmax(axis=1)
    k = logits.shape[1] if top_k is None else min(top_k, logits.shape[1])
    ranks = np.argsort(np.argsort(-logits, axis=1, kind="stable"), axis=1)
    with np.errstate(over="ignore"):
        below = (logits - logits.max(axis=1, keepdims=True)) / temperature
    p = np.where(ranks < k, np.exp(below), 0)
    sums = np.cumsum(p, axis=1)
    return (sums <= np.asarray(uniform)[:, np.newaxis] * sums[:, -1:]).sum(axis=1)
    ### END SOLUTION
