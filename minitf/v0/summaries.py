"""Summaries: the tag was an argument, free of name scopes."""
import minitf as tf

from ..ops.summary_ops import histogram_summary, image_summary, merge_into, scalar_summary

__all__ = ["audio_summary", "histogram_summary", "image_summary", "merge_all_summaries", "merge_summary", "scalar_summary"]


def audio_summary(tag, tensor, sample_rate, max_outputs=3, collections=None, name=None):
    """tf.summary.audio of today."""
    return tf.summary.audio(name or tag, tensor, sample_rate, max_outputs, collections)


def merge_summary(inputs, collections=None, name=None):
    """tf.summary.merge of today."""
    return merge_into(list(inputs), collections or [], name)


def merge_all_summaries(key=tf.GraphKeys.SUMMARIES):
    """tf.summary.merge_all of today."""
    return tf.summary.merge_all(key)
