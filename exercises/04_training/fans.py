"""How many inputs, how many outputs (2 points)

Write `fans`: how many numbers come into one unit of a layer, and how many units one number goes out to.  All initializers that scale with
the size of a layer ask it.

    shape       the shape of the layer's weights: ints, or Dimensions (int() of them gives the number)
    returns     (fan_in, fan_out), two floats

    [inputs, outputs]               a matrix: those two
    [height, width, ..., inputs, outputs]
                                    filters of a convolution: each output is a sum over all places of the filter and all inputs, and
                                    each input goes to all outputs by way of all places
    [n], []                         no matrix: fan_in and fan_out both are the number of weights

Example: fans([784, 200]) is (784.0, 200.0).  fans([5, 5, 3, 64]) is (75.0, 1600.0): 25 places times 3 inputs, 25 places times 64 outputs.
fans([7]) is (7.0, 7.0), and fans([]) is (1.0, 1.0).

Replaces minitf.ops.init_ops.fans.     make grade CH=04
"""


def fans(shape):
    """(fan_in, fan_out) of weights of this shape."""
    raise NotImplementedError("write this")
