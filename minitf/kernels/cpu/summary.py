"""Kernels of the summaries: from arrays to serialised Summary messages."""
import io
import wave

import numpy as np

from ...core.errors import InvalidArgumentError
from ...core.protos import parse_proto, proto
from .kernel import register_python_kernel

_RED = (255, 0, 0, 255)


@register_python_kernel("ScalarSummary")
def scalar(attrs, tags, values):
    summary = proto("Summary")()
    for tag, value in zip(tags.flat, values.flat):
        summary.value.add(tag=_text(tag), simple_value=float(value))
    return summary.SerializeToString()


@register_python_kernel("HistogramSummary")
def histogram(attrs, tag, values):
    tag, values = _text(tag.item()), values.astype(np.float64).ravel()
    if not np.isfinite(values).all():
        what = "Nan" if np.isnan(values).any() else "Infinity"
        raise InvalidArgumentError(None, None, f"{what} in summary histogram for: {tag}")
    summary = proto("Summary")()
    summary.value.add(tag=tag, histo=histogram_proto(values))
    return summary.SerializeToString()


def bucket_limits():
    """The upper ends of TensorFlow's buckets: powers of 1.1 from 1e-12 to 1e20, their negatives, 0, and the ends of the doubles."""
    limits, v = [], 1e-12
    while v < 1e20:
        limits.append(v)
        v *= 1.1
    limits.append(np.finfo(np.float64).max)
    return np.array([-v for v in reversed(limits)] + [0.0] + limits)


_LIMITS = bucket_limits()


def histogram_proto(values):
    """The HistogramProto of finite float64 values: a run of empty buckets is told as one."""
    counts = np.bincount(np.searchsorted(_LIMITS, values, side="right"), minlength=len(_LIMITS))[:len(_LIMITS)]
    counts[-1] += values.size - counts.sum()               # the largest double itself
    with np.errstate(over="ignore"):
        found = proto("HistogramProto")(num=values.size, sum=values.sum(), sum_squares=np.square(values).sum())
    if values.size:
        found.min, found.max = values.min(), values.max()
    else:
        found.min, found.max = np.finfo(np.float64).max, np.finfo(np.float64).min
    ends = np.nonzero((counts > 0) | (np.append(counts[1:], 1) > 0))[0]         # a bucket, or the last of an empty run
    found.bucket_limit.extend(_LIMITS[ends])
    found.bucket.extend(counts[ends].astype(np.float64))
    return found


@register_python_kernel("ImageSummary")
def image(attrs, tag, tensor):
    from PIL import Image
    tag, summary = _text(tag.item()), proto("Summary")()
    count = min(attrs["max_images"], len(tensor))
    for k in range(count):
        pixels = tensor[k] if tensor.dtype == np.uint8 else to_bytes(tensor[k])
        height, width, channels = pixels.shape
        file = io.BytesIO()
        Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels).save(file, "PNG")
        value = summary.value.add(tag=f"{tag}/image" if attrs["max_images"] == 1 else f"{tag}/image/{k}")
        value.image.height, value.image.width, value.image.colorspace = height, width, channels
        value.image.encoded_image_string = file.getvalue()
    return summary.SerializeToString()


def to_bytes(image):
    """A float image [height, width, channels] as uint8, scaled as tf.summary.image says; pixels that are not finite become red."""
    image = image.astype(np.float64)
    finite = np.isfinite(image).all(-1)
    values = image[finite]
    low, high = (values.min(), values.max()) if values.size else (0.0, 0.0)
    if low < 0:
        scale, offset = 127 / max(-low, high), 128
    else:
        scale, offset = 255 / high if high > 0 else 0.0, 0
    out = np.empty(image.shape, np.uint8)
    out[finite] = np.clip(values * scale + offset, 0, 255).astype(np.uint8)
    out[~finite] = _RED[:image.shape[2]]
    return out


@register_python_kernel("AudioSummary")
def audio(attrs, tag, tensor):
    tag, summary = _text(tag.item()), proto("Summary")()
    clips = tensor[..., None] if tensor.ndim == 2 else tensor
    for k, clip in enumerate(clips[:attrs["max_outputs"]]):
        file = io.BytesIO()
        with wave.open(file, "wb") as sound:
            sound.setnchannels(clip.shape[1])
            sound.setsampwidth(2)
            sound.setframerate(round(attrs["sample_rate"]))
            sound.writeframes((np.clip(np.nan_to_num(clip), -1, 1) * 32767).round().astype("<i2").tobytes())
        value = summary.value.add(tag=f"{tag}/audio" if attrs["max_outputs"] == 1 else f"{tag}/audio/{k}")
        value.audio.sample_rate, value.audio.num_channels = attrs["sample_rate"], clip.shape[1]
        value.audio.length_frames, value.audio.content_type = clip.shape[0], "audio/wav"
        value.audio.encoded_audio_string = file.getvalue()
    return summary.SerializeToString()


@register_python_kernel("TextSummary", strings=True)
def text(attrs, tag, tensor):
    summary = proto("Summary")()
    value = summary.value.add(tag=_text(tag.item()))
    value.metadata.plugin_data.plugin_name = "text"
    value.tensor.dtype = 7
    for n in tensor.shape:
        value.tensor.tensor_shape.dim.add(size=n)
    value.tensor.string_val.extend(tensor.flat)
    return summary.SerializeToString()


@register_python_kernel("MergeSummary")
def merge(attrs, *inputs):
    merged, tags = proto("Summary")(), set()
    for data in inputs:
        for value in parse_proto("Summary", data.item()).value:
            if value.tag in tags:
                raise InvalidArgumentError(None, None, f"Duplicate tag {value.tag} found in summary inputs")
            tags.add(value.tag)
            merged.value.append(value)
    return merged.SerializeToString()


def _text(tag):
    return tag.decode(errors="replace")
