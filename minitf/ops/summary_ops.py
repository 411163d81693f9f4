"""Summaries: ops that turn tensors into what TensorBoard shows, serialised as Summary messages (summary.proto).

The public functions are those of tf.summary.  Each adds its op to the collection GraphKeys.SUMMARIES, from which merge_all() takes them.
"""
import logging
import re

from ..core.registry import register_op
from ..graph import GraphKeys, add_to_collection, convert_to_tensor, get_collection, name_scope
from .apply import apply_op
from .shape_fns import SCALAR, merge_shapes, with_rank

_SUMMARY = ["summary: string"]
_REAL = "{float32, float64, int32, int64, uint8, int16, int8}"


@register_op("ScalarSummary", ["tags: string", "values: T"], _SUMMARY, [f"T: {_REAL}"])
def _scalar_shape(c):
    merge_shapes(c, 0, 1)
    return [SCALAR]


@register_op("HistogramSummary", ["tag: string", "values: T"], _SUMMARY, [f"T: {_REAL} = float32"])
def _one_tag(c):
    with_rank(c, 0, 0)
    return [SCALAR]


@register_op("ImageSummary", ["tag: string", "tensor: T"], _SUMMARY, ["max_images: int >= 1 = 3", "T: {uint8, float32, float64} = float32"])
def _image_shape(c):
    with_rank(c, 1, 4)
    channels = with_rank(c, 1, 4)[3]
    if channels not in (None, 1, 3, 4):
        raise ValueError(f"Tensor must have 1, 3 or 4 channels in its last dimension, got {channels}")
    return _one_tag(c)


@register_op("AudioSummary", ["tag: string", "tensor: float32"], _SUMMARY, ["sample_rate: float", "max_outputs: int >= 1 = 3"])
def _audio_shape(c):
    if c.inputs[1].ndims not in (None, 2, 3):
        raise ValueError(f"Tensor must have shape [batch, frames] or [batch, frames, channels], got rank {c.inputs[1].ndims}")
    return _one_tag(c)


register_op("TextSummary", ["tag: string", "tensor: string"], _SUMMARY)(_one_tag)
register_op("MergeSummary", ["inputs: N * string"], _SUMMARY, ["N: int >= 1"])(lambda c: [SCALAR])


def clean_tag(name):
    """name as a tag: what is not a letter, digit or one of -_./ becomes _, and no / begins it."""
    if name is None:
        return None
    clean = re.sub(r"[^-/\w.]", "_", name).lstrip("/")
    if clean != name:
        logging.getLogger("tensorflow").info("Summary name %s is illegal; using %s instead.", name, clean)
    return clean


def _add(summary, collections):
    for key in [GraphKeys.SUMMARIES] if collections is None else collections:
        add_to_collection(key, summary)
    return summary


def _in_scope(op_type, name, family, values, collections, convert, **attrs):
    """The op, named after its tag: the name with the scopes around it; family comes before both and groups tags in TensorBoard."""
    name, family = clean_tag(name), clean_tag(family)
    with name_scope(f"{family}/{name}" if family else name, values=[values]) as scope:
        tag = f"{family}/{scope.rstrip('/')}" if family else scope.rstrip("/")
        return _add(apply_op(op_type, convert_to_tensor(tag, name="tag"), convert(values), name=scope, **attrs), collections)


def scalar(name, tensor, collections=None, family=None):
    """The value of a scalar tensor over the steps, as a curve.  The tag is `name` with the name scopes around it.

    >>> tf.summary.scalar("loss", loss)
    """
    return _in_scope("ScalarSummary", name, family, tensor, collections, convert_to_tensor)


def histogram(name, values, collections=None, family=None):
    """How the elements of a tensor of any shape are distributed.  NaN and infinities are an InvalidArgumentError of the run."""
    return _in_scope("HistogramSummary", name, family, values, collections, convert_to_tensor)


def image(name, tensor, max_outputs=3, collections=None, family=None):
    """The first max_outputs images of tensor [batch, height, width, channels], as PNG files.

    channels: 1 (grey), 3 (RGB) or 4 (RGBA).  uint8 is shown as it is.  Floats are scaled image by image: without negative values the largest
    becomes 255; with them 0 becomes 127 and the value farthest from 0 the end of the range.  What is not finite is shown in red.
    """
    return _in_scope("ImageSummary", name, family, tensor, collections, convert_to_tensor, max_images=max_outputs)


def audio(name, tensor, sample_rate, max_outputs=3, collections=None, family=None):
    """The first max_outputs clips of tensor [batch, frames] or [batch, frames, channels], floats from -1 to 1, as WAV files of 16 bits."""
    return _in_scope("AudioSummary", name, family, tensor, collections, convert_to_tensor, sample_rate=float(sample_rate), max_outputs=max_outputs)


def text(name, tensor, collections=None):
    """A tensor of strings, of any shape; TensorBoard reads them as Markdown."""
    return _in_scope("TextSummary", name, None, tensor, collections, convert_to_tensor)


def merge(inputs, collections=None, name=None):
    """One summary that holds the values of all `inputs`.  InvalidArgumentError of the run if two of them have one tag."""
    return merge_into(list(inputs), [] if collections is None else collections, name)


def merge_into(inputs, collections, name):
    """merge(), adding to exactly these collections."""
    with name_scope(name, "Merge", inputs):
        return _add(apply_op("MergeSummary", inputs, name=name or "MergeSummary"), collections)


def merge_all(key=GraphKeys.SUMMARIES, scope=None, name=None):
    """merge() of every summary in a collection of the default graph; None if there is none."""
    found = get_collection(key, scope)
    return merge(found, name=name) if found else None


def scalar_summary(tags, values, collections=None, name=None):
    """As scalar() in 2015: tags and values of one shape, and the tags taken as they are."""
    with name_scope(name, "ScalarSummary", [tags, values]) as scope:
        return _add(apply_op("ScalarSummary", tags, values, name=scope), collections)


def histogram_summary(tag, values, collections=None, name=None):
    """As histogram() in 2015: the tag taken as it is."""
    with name_scope(name, "HistogramSummary", [tag, values]) as scope:
        return _add(apply_op("HistogramSummary", tag, values, name=scope), collections)


def image_summary(tag, tensor, max_images=3, collections=None, name=None):
    """As image() in 2015: the tag taken as it is."""
    with name_scope(name, "ImageSummary", [tag, tensor]) as scope:
        return _add(apply_op("ImageSummary", tag, tensor, name=scope, max_images=max_images), collections)
