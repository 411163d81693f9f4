"""How many windows (2 points)

Write `window_count`: at how many places along one side of an image a window stands.  Every shape function of a convolution or a pooling
asks it, twice.

    c          what a shape function is given; of it you need c.attrs["padding"], "SAME" or "VALID", and argument(c, 0) for the error
    size       pixels of the image along this side, or None if not known
    taps       of the window along this side, at least 1, or None if not known
    stride     from one place to the next, at least 1
    dilation   from one tap to the next, at least 1: with 2, every second pixel is left out between the taps
    returns    the number of places, or None if it can not be told from what is known
    ValueError for VALID, if the window reaches over more pixels than there are:
               "Negative dimension size caused by subtracting {pixels it reaches over} from {size} for {argument(c, 0)}"

SAME has as many places as there are pixels at distances of the stride, from the first one on, whatever the window; zeros around the image
see to it.  VALID has the places where the window lies inside the image with all its taps.

Example: 28 pixels, 3 taps, stride 2, dilation 1: SAME 14, VALID 13.  With dilation 4 the three taps reach over 9 pixels, and VALID has 10.
If size is not known, nothing is; if taps is not known, SAME does not mind.

Replaces minitf.ops.conv_ops.window_count.     make grade CH=05
"""
from minitf.ops.shape_fns import argument


def window_count(c, size, taps, stride, dilation):
    """The number of places along one side, or None."""
    raise NotImplementedError("write this")
