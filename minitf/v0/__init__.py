"""The spelling of 2015: the names and argument orders of TensorFlow 0.6 to 0.8 over the public API.

    import minitf.v0 as tf

A program of that time needs only its import line changed.  What is spelled as in 1.x today is taken from there; this package holds what
is not, one file per family.  What a later version renamed keeps both names, so that a program may be brought up to date line by line.
"""
import minitf as _public

from ..core.nearest import no_attribute as _no_attribute
from ..image import decode_jpeg, decode_png
from . import image, models, nn, train
from .array import *
from .building import *
from .math import *
from .summaries import *


def __getattr__(name):
    try:
        return getattr(_public, name)
    except AttributeError:
        raise _no_attribute(__name__, name, {**vars(_public), **globals()}) from None
