"""Bits per character (2 points)

A batch of texts of different lengths is padded: behind the end of each stands something that is no text.  What the model says there does
not count, however sure it was.

Write `bits_and_perplexity`.

    log_p      natural logarithms of the probabilities that the model gave to the characters that came, float [batch, steps]
    lengths    int [batch], how many steps of each row are text: 0 to steps
    returns    (bits, perplexity), two floats:
               bits        the average of -log2 of the probabilities, over all characters of all texts
               perplexity  2 ** bits: among how many equally likely characters the model seems to choose

Every character counts the same: a long text counts more than a short one.  The padding may be anything, NaN and infinity included.
If there is no character at all, bits is 0.0 and perplexity 1.0.  Add up in float64, whatever log_p is: thousands of float32 numbers are not
summed exactly enough.  A log_p may be -800, whose probability is 0 in float64.

Example: two texts, of 2 characters with probabilities 1/2 and 1/8, and of 1 character with 1/4, which 0.9 pads:
bits_and_perplexity(np.log([[0.5, 0.125], [0.25, 0.9]]), [2, 1]) is (2.0, 4.0): (1 + 3 + 2) / 3 bits.

make grade CH=06
"""
import numpy as np


def bits_and_perplexity(log_p, lengths):
    """(bits per character, perplexity)"""
    raise NotImplementedError("write this")
