"""Batch normalisation backwards, by hand (4 points)

Batch normalisation (Ioffe and Szegedy, 2015) gives each channel mean 0 and variance 1 over the batch, then a scale and an offset of its
own:

    y = scale * (x - mean) / sqrt(variance + epsilon) + offset

mean and variance are those of x, over all axes but the last, and variance is the mean of (x - mean) ** 2.  So every x moves the mean and
the variance, and by them every y of its channel.  `gradients` gets that right by walking through eight ops; write the answer itself, as a
kernel would, in NumPy: ops of minitf are refused here.

Write `batch_norm_gradient`.

    x         float64 [..., channels], at least two axes, at least one number for each channel; not to be written to
    scale     float64 [channels]
    epsilon   a number above 0
    g         float64 of x's shape: the slope of the loss by each y
    returns   (dx, dscale, doffset): the slopes of the loss by x, scale and offset, of their shapes

Example: one channel, x = [[1], [3]], scale [2], epsilon 0.21, g = [[1], [0]].  The mean is 2, the variance 1, and z = (x - mean) /
sqrt(1.21) is [-0.909, 0.909].  The slope of the offset is the sum of g, 1, and that of the scale the sum of g * z, -0.909.  Those of x are
[0.158, -0.158]: their sum is 0, for if all x grow alike, no y changes.

 * The derivative by x is 0 in every channel that has one number only.
 * A large mean must not cost digits: with x around a million, and deviations around 1, eight digits are expected.  The mean of x ** 2
   minus the square of the mean has four.

                                                                 make grade CH=05
"""
import numpy as np


def batch_norm_gradient(x, scale, epsilon, g):
    """(dx, dscale, doffset)"""
    ### BEGIN SOLUTION
    axes = tuple(range(x.ndim - 1))
    centred = x - x.mean(axis=axes)
    factor = 1 / np.sqrt((centred ** 2).mean(axis=axes) + epsilon)
    z = centred * factor
    doffset = g.sum(axis=axes)
    dscale = (g * z).sum(axis=axes)
    dx = scale * factor * (g - g.mean(axis=axes) - z * (g * z).mean(axis=axes))
    return dx, dscale, doffset
    ### END SOLUTION
