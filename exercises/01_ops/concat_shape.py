"""The shape of joined tensors (5 points)

tf.concat([a, b], 0) puts b under a; the other sizes must agree.  While a model is written, little may be known of them: a size, all but
the rank, or not even that.  But what is missing in one may be said by another.  Write the shape function.  It gets a context c:

    c.inputs         TensorShapes: first those of the values, at least one; the last is that of the axis
    c.constant(k)    the value of input k, here of the last one: a read-only array of rank 0, int() makes a number of it; or None, if only
                     the run knows it
    shape.ndims      the rank of a TensorShape, or None;  shape.as_list() its sizes, None where one is not known

It returns a list with one TensorShape, which says all that is known:

    (2, 3) and (4, 3), axis 0                           [(6, 3)]
    (2, None) and (None, 3), axis 0                     [(None, 3)]          3 is known from the second
    (2, None), unknown rank, (4, 5), axis -1            ValueError           2 and 4 contradict each other, whatever the second is
    (2, 3), unknown rank, axis 1                        [(2, None)]          the second is a (2, something)
    (2, 3) and (4, None), axis unknown                  [(None, None)]       only the rank is sure (even if no axis fits)
    unknown rank, twice                                 [unknown]            TensorShape(None)

ValueError
 * "Shapes must be equal rank, but are 2 and 3" for different ranks;
 * "Dimensions must be equal, but are 3 and 4" for sizes that contradict each other;
 * "axis 2 must be in the range [-2, 2)" for an axis that there is not, once the rank is known;
 * for scalars, which have no axis, once the axis is known;
 * if the axis itself is no scalar, known or not: c.inputs[-1].ndims is neither 0 nor None.

Replaces minitf.ops.slice_ops.concat_shape.     make grade CH=01
"""
from minitf.core.shapes import TensorShape


def concat_shape(c):
    """[the TensorShape of the joined tensor]"""
    raise NotImplementedError("write this")
