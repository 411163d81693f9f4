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
    ### BEGIN SOLUTION
    seen = {output: ({row}, {column})}
    order, waiting, marked = [], [(output, False)], set()
    while waiting:
        t, done = waiting.pop()
        if done:
            order.append(t)
        elif t not in marked:
            marked.add(t)
            waiting.append((t, True))
            if t is not image:
                waiting += [(before, False) for before in t.op.inputs]
    for t in reversed(order):                               # all who look at t have been visited
        op = t.op
        if t is image or t not in seen:
            continue
        if op.type in ("Conv2D", "MaxPool", "AvgPool"):
            taps = op.inputs[1].shape.as_list()[:2] if op.type == "Conv2D" else op.get_attr("ksize")[1:3]
            dilations = op.get_attr("dilations")[1:3] if op.type == "Conv2D" else (1, 1)
            below = [_looked_at(seen[t][k], op.inputs[0].shape[k + 1].value, t.shape[k + 1].value, taps[k], op.get_attr("strides")[k + 1],
                                dilations[k], op.get_attr("padding")) for k in (0, 1)]
            inputs = op.inputs[:1]
        else:
            below, inputs = seen[t], op.inputs
        if not all(below):                                  # rows without columns, or columns without rows: no pixel
            continue
        for before in inputs:
            rows, columns = seen.setdefault(before, (set(), set()))
            rows |= below[0]
            columns |= below[1]
    return tuple(sorted(s) for s in seen.get(image, ((), ())))


def _looked_at(places, size, count, taps, stride, dilation, padding):
    """What windows at these places look at, along one side."""
    zeros = max(0, (count - 1) * stride + (taps - 1) * dilation + 1 - size) if padding in ("SAME", b"SAME") else 0
    found = {p * stride - zeros // 2 + k * dilation for p in places for k in range(taps)}
    return found & set(range(size))
    ### END SOLUTION
