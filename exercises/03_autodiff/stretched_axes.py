"""Where broadcasting repeats (4 points)

When two tensors are added or multiplied, shapes are lined up at their right ends, and where one has size 1, or no axis at all, it is
repeated.  Its gradient must be summed over these axes.  The chapter's sum_like looks at the shapes in the run; the package would rather
know before.

Say along which axes of the result the first of two tensors is repeated, as far as static shapes tell.

    own, other  static shapes: tuples of int, or None for a size that only the run knows; or None for the whole, if not even the rank
                is known
    returns     a list of axes of the result, ascending; or None if the answer depends on what the run brings

    stretched_axes((3, 1), (3, 4))           [1]         every row is repeated four times
    stretched_axes((4,), (2, 3, 4))          [0, 1]      axes that it does not have are repeated
    stretched_axes((2, 3, 4), (4,))          []
    stretched_axes((1,), (None,))            [0]         if the run brings a 1, summing over one element does no harm
    stretched_axes((None, 5), (5,))          []          whatever the size is, there is nothing to repeat it for
    stretched_axes((None,), (7,))            None        repeated if the run brings a 1, but not if it brings a 7
    stretched_axes(None, (4,))               None        the run may bring the shape (), (1,) or (4,)

An axis is listed if that is right for everything that the run may bring.  Summing over an axis where both have size 1 is right, too (you
may list it or not).  A missing axis must be listed even if the other has size 1 there.  Sizes may be 0.

Replaces minitf.autodiff.broadcasting.stretched_axes.     make grade CH=03
"""


def stretched_axes(own, other):
    """The axes of the result along which a tensor of shape `own` is repeated beside one of shape `other`; None if only the run can tell."""
    raise NotImplementedError("write this")
