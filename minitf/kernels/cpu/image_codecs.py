"""PNG and JPEG, by Pillow."""
import io

import numpy as np

from ...core.errors import InvalidArgumentError, UnimplementedError
from .kernel import register_python_kernel

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def _pillow(what):
    try:
        from PIL import Image
    except ImportError:
        raise UnimplementedError(None, None, f"{what} needs the package Pillow: pip install pillow") from None
    return Image


@register_python_kernel("DecodeImage", strings=True)
def decode_image(attrs, contents):
    """The bytes of an image file as [height, width, channels] of uint8."""
    Image = _pillow("Reading images")
    data, form = contents.item(), attrs["format"]
    try:
        with Image.open(io.BytesIO(data), formats=[form] if form else ["PNG", "JPEG", "GIF", "BMP"]) as image:
            image.load()
            channels = attrs["channels"] or _channels_of(image)
            # A palette's colours, and numbers of more than 8 bits, first become what they stand for.
            image = image.convert("RGBA" if image.mode == "P" and "transparency" in image.info else "RGB") if image.mode in ("P", "CMYK", "YCbCr") else image
            pixels = np.asarray(image if image.mode == _MODES[channels] else _eight_bits(image).convert(_MODES[channels]))
    except UnimplementedError:
        raise
    except Exception as error:            # Pillow raises of many kinds for what is no image, or a broken one
        kind = f"Invalid {form} data" if form else "Unknown image file format"
        raise InvalidArgumentError(None, None, f"{kind}, size {len(data)}: {str(error)[:200]}") from None
    return pixels.reshape(pixels.shape[0], pixels.shape[1], channels)


def _eight_bits(image):
    if image.mode.startswith("I"):
        from PIL import Image
        return Image.fromarray((np.asarray(image).astype(np.int64) >> 8).astype(np.uint8))
    return image


def _channels_of(image):
    if image.mode == "P":
        return 4 if "transparency" in image.info else 3
    return {"L": 1, "1": 1, "LA": 2, "RGBA": 4, "I": 1, "I;16": 1}.get(image.mode, 3)


def _image_of(pixels, allowed):
    Image = _pillow("Writing images")
    channels = pixels.shape[2]
    if channels not in allowed:
        raise InvalidArgumentError(None, None, f"image must have {', '.join(map(str, allowed))} channels, got {channels}")
    if 0 in pixels.shape:
        raise InvalidArgumentError(None, None, f"image must not be empty, got shape {list(pixels.shape)}")
    return Image.fromarray(pixels[:, :, 0] if channels == 1 else pixels, _MODES[channels])


def _saved(image, *args, **options):
    out = io.BytesIO()
    image.save(out, *args, **options)
    return np.array(out.getvalue(), object)


@register_python_kernel("EncodePng", strings=True)
def encode_png(attrs, pixels):
    level = attrs["compression"]
    return _saved(_image_of(pixels, (1, 2, 3, 4)), "PNG", compress_level=6 if level < 0 else level)


@register_python_kernel("EncodeJpeg", strings=True)
def encode_jpeg(attrs, pixels):
    channels = {"": (1, 3), "grayscale": (1,), "rgb": (3,)}[attrs["format"]]
    return _saved(_image_of(pixels, channels), "JPEG", quality=attrs["quality"], progressive=attrs["progressive"], optimize=attrs["optimize_size"],
                  subsampling=2 if attrs["chroma_downsampling"] else 0)
