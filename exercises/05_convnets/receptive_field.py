"""What a number has seen (3 points)

A number deep in a convolutional network depends on a part of the image only, its receptive field.  Write `receptive_field`: which rows and
which columns of the image that is, found by walking the graph backwards.  Nothing is run.

    output       a tensor of shape [n, rows, columns, channels], computed from image
    image        a tensor of such a shape, a placeholder for instance
    row, column  a place of output
    returns      (rows, columns): two sorted lists, the rows and the columns of image on which the numbers of output at that place can
                 depend; two empty lists if there is no such pixel, be it for want of rows only

Ops of type Conv2D, MaxPool and AvgPool look at windows: op.inputs[0] is the image they look at, op.get_attr("strides") has four numbers
(those of rows and columns in the middle), op.get_attr("padding") is "SAME" or "VALID" (or the same as bytes: `in ("SAME", b"SAME")`).  The
taps of a pooling are the two numbers in the middle of op.get_attr("ksize"), those of Conv2D the first two sizes of its filter,
op.inputs[1]; Conv2D also has "dilations", the distances of its taps.  Every other op (BiasAdd, Relu, Add, ConcatV2, Identity, ...) looks
at the same place in all of its inputs. All rows and columns are known: tensor.shape[1].value.

SAME puts (places - 1) * stride + reach - size zeros around the image, if that is positive, where reach = (taps - 1) * dilation + 1: half
of them, rounded down, before it.

Example: a convolution of 3 by 3, SAME, stride 1, then a max pooling of 2 by 2, stride 2, on 8 by 8 pixels.  Row 1 of the result looks at
the rows 2 and 3 of the maps, these at 1, 2, 3 and 2, 3, 4 of the image, so the rows are [1, 2, 3, 4].  Row 0 looks at 0 and 1, these at 0,
1 (there is no row -1) and 0, 1, 2: the rows are [0, 1, 2].

An op may be reached by several ways, as in an Inception module; a stack of twenty of them has more ways than you have time for.  Visit
each op once.     make grade CH=05
"""
import minitf as tf


def receptive_field(output, image, row, column):
    """(rows, columns) of the image, two sorted lists."""
    raise NotImplementedError("write this")
